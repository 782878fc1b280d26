//! Threads that wait for descriptors when the log ends.

use super::super::args::Args;
use super::super::call_kind::{CallKind, polled};
use super::super::facts::Armed;
use super::super::life::Life;
use super::super::tables::{Held, LifeId, TableId};
use super::super::tasks::Wait;
use super::{Descriptors, MOST_ARMED};

impl Descriptors {
    /// The threads that wait for descriptors, and which.
    pub(super) fn armed(&self) -> Vec<Armed> {
        let mut armed: Vec<_> = self
            .tasks
            .asleep()
            .filter(|(_, wait)| wait.kind.sees_eof())
            .filter_map(|(table, wait)| {
                let on = self.waited_for(table.or(self.default_table), wait);
                (!on.is_empty()).then(|| Armed { call: wait.quote(), on })
            })
            .collect();
        armed.sort_by_key(|armed| (armed.call.line, armed.call.task));
        armed
    }

    fn waited_for(&self, table: Option<TableId>, wait: &Wait) -> Vec<(i32, Life)> {
        let Some(table) = table else { return Vec::new() };
        let socket = |fd: i32| match self.tables.get(table, fd) {
            Some(Held::Socket(id)) => Some((fd, id)),
            _ => None,
        };
        let args = Args(&wait.args);
        let found: Vec<(i32, LifeId)> = match wait.kind {
            CallKind::Poll if wait.name.starts_with("epoll") => {
                let epoll = args.first_number().and_then(|fd| i32::try_from(fd).ok()).unwrap_or(-1);
                let watched = self.tables.watched(table, epoll).into_iter();
                watched.filter(|(fd, id)| self.tables.get(table, *fd) == Some(Held::Socket(*id))).collect()
            }
            CallKind::Poll => polled(args).into_iter().filter_map(socket).collect(),
            CallKind::Read => wait
                .life
                .and_then(|id| self.lives.get(&id).map(|holding| (holding.life.fd, id)))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        };
        let lives = found.into_iter().filter_map(|(fd, id)| Some((fd, self.lives.get(&id)?.life.clone())));
        lives.filter(|(_, life)| !life.listening).take(MOST_ARMED).collect()
    }
}
