//! Follows every socket of a log through the calls on its descriptors and gathers the facts.
//!
//! What cannot be known is not claimed. A number given out anew without a close in between shows that the log lacks the
//! close: the old socket is then lost, not leaked. strace names threads, not processes; threads whose birth the log does
//! not show are taken to share one table.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::call_kind::{CallKind, shares_table, socket_kind, stops_sending};
use super::facts::TraceFacts;
use super::life::{Ended, Life, Opened, Quote};
use super::tables::{Held, LifeId, TableId, Tables};
use super::tasks::Tasks;
use super::{Event, Outcome, Syscall, Task, TraceLog};

mod effects;
mod lives;
mod waiting;

/// Sockets followed at once.
const MOST_LIVES: usize = 65_536;
/// Closed sockets kept, and open ones without an end of file.
const MOST_KEPT: usize = 16_384;
/// Failures kept, and per socket.
const MOST_FAILURES: usize = 1_024;
const FAILURES_EACH: usize = 4;
/// Descriptors named by one waiting thread.
const MOST_ARMED: usize = 1_024;
/// Holders named for one socket.
const MOST_HOLDERS: usize = 16;
/// Forks whose children may be seen before they return.
const MOST_FORKING: usize = 64;

/// A socket and how many descriptors hold it.
struct Holding {
    life: Life,
    holders: u32,
}

/// A fork that has begun and not returned.
struct Forking {
    task: Task,
    table: TableId,
    shares: bool,
}

/// Follows descriptors through the events of one log.
#[derive(Default)]
pub struct Descriptors {
    tables: Tables,
    tasks: Tasks,
    processes: HashMap<u32, TableId, RandomState>,
    /// The table of threads of which nothing is known.
    default_table: Option<TableId>,
    forking: Vec<Forking>,
    lives: HashMap<LifeId, Holding, RandomState>,
    latest: LifeId,
    closed: VecDeque<Life>,
    facts: TraceFacts,
}

impl Descriptors {
    /// Takes the next event of the log.
    pub fn follow(&mut self, event: &Event<'_>) {
        self.tables.earn();
        match event {
            Event::Call(call) => {
                let Some(table) = self.table_of(call.task) else {
                    self.facts.not_followed += 1;
                    return;
                };
                let kind = CallKind::of(call);
                match call.outcome {
                    Outcome::Sleeping | Outcome::Unfinished => self.begin(call, kind, table),
                    _ => self.end(call, kind, table),
                }
            }
            Event::Exit { task, line, at, killed, .. } => {
                let ended = Ended::Exit { line: *line, at: *at, killed: *killed };
                self.exit(*task, *killed, &ended);
            }
        }
    }

    /// The facts, once the log is over.
    pub fn finish(mut self, log: TraceLog) -> TraceFacts {
        self.facts.threads = self.tasks.finish();
        for (process, fd, id) in self.tables.sockets() {
            if let Some(holding) = self.lives.get_mut(&id)
                && holding.life.held_by.len() < MOST_HOLDERS
            {
                holding.life.held_by.push((process, fd));
            }
        }
        self.facts.armed = self.armed();
        let mut open: Vec<_> = std::mem::take(&mut self.lives).into_iter().collect();
        open.sort_unstable_by_key(|(id, _)| *id);
        for (_, holding) in open {
            self.conclude(holding.life);
        }
        let mut facts = self.facts;
        for list in [&mut facts.eof_not_closed, &mut facts.eof_unknown_kind] {
            list.sort_by_key(|life| life.eof.as_ref().map(|quote| quote.upto));
        }
        facts.failures.sort_by_key(|failure| failure.call.upto);
        facts.closed = self.closed.into();
        facts.not_followed += self.tables.refused;
        facts.log = log;
        facts
    }

    /// The table of a thread; a new thread gets one.
    fn table_of(&mut self, task: Task) -> Option<TableId> {
        if let Some(table) = self.tasks.table(task) {
            return Some(table);
        }
        let table = match (task.process, self.forking.as_slice()) {
            (Some(process), _) => match self.processes.get(&process) {
                Some(table) => *table,
                None => {
                    let table = self.tables.create(Some(process));
                    self.processes.insert(process, table);
                    table
                }
            },
            // strace often shows the child's first call before the parent's fork returns.
            (None, [Forking { table, shares, .. }]) if task.thread.is_some() => {
                let (table, shares) = (*table, *shares);
                if shares { table } else { self.copy(table, None) }
            }
            _ => *self.default_table.get_or_insert_with(|| self.tables.create(None)),
        };
        if !self.tasks.add(task, table) {
            return None;
        }
        self.tables.join(table);
        Some(table)
    }

    fn copy(&mut self, from: TableId, process: Option<u32>) -> TableId {
        let (to, sockets) = self.tables.copy(from, process);
        for id in sockets {
            if let Some(holding) = self.lives.get_mut(&id) {
                holding.holders += 1;
            }
        }
        to
    }

    /// A call has begun, and other lines follow before its result.
    fn begin(&mut self, call: &Syscall<'_>, kind: CallKind, table: TableId) {
        let life = match kind {
            CallKind::Read | CallKind::Write => self.socket(call, kind, table),
            // The number is free from now on, though the call has not returned.
            CallKind::Close => {
                self.close(call, table);
                None
            }
            CallKind::Fork if self.forking.len() < MOST_FORKING => {
                self.forking.push(Forking { task: call.task, table, shares: shares_table(call.args) });
                None
            }
            _ => None,
        };
        self.tasks.begin(call, kind, life);
    }

    /// A call has its result.
    fn end(&mut self, call: &Syscall<'_>, kind: CallKind, table: TableId) {
        let begun = self.tasks.end(call);
        let life = |this: &mut Self| begun.flatten().or_else(|| this.socket(call, kind, table));
        let value = match call.outcome {
            Outcome::Value(value) => Some(value),
            _ => None,
        };
        let new_fd = value.and_then(|fd| i32::try_from(fd).ok()).filter(|fd| *fd >= 0);
        match kind {
            CallKind::Read | CallKind::Write => {
                if let Some(id) = life(self) {
                    self.transfer(call, kind, id);
                }
            }
            CallKind::Accept => {
                if let Some(fd) = new_fd {
                    self.accepted(call, table, fd);
                }
            }
            CallKind::Socket => {
                if let Some(fd) = new_fd {
                    let held = match socket_kind(call.args) {
                        Some(kind) => self.open(call, table, fd, Opened::Socket, kind),
                        None => Some(Held::Other),
                    };
                    self.place(call, table, fd, held, call.args.has("CLOEXEC"));
                }
            }
            CallKind::Connect => self.connect(call, table),
            CallKind::PeerName | CallKind::OwnName | CallKind::Listen | CallKind::SocketOption => {
                if value == Some(0)
                    && let Some(id) = self.socket(call, kind, table)
                {
                    self.named(call, kind, id);
                }
            }
            CallKind::Open => {
                if let Some(fd) = new_fd {
                    self.place(call, table, fd, Some(Held::Other), call.args.has("CLOEXEC"));
                }
            }
            CallKind::OpenPair => self.open_pair(call, table, value),
            CallKind::Dup | CallKind::DupOnto | CallKind::Fcntl => self.duplicate(call, kind, table, new_fd),
            CallKind::Close => {
                // One that began earlier has been done then.
                if begun.is_none() && call.outcome != Outcome::Error("EBADF") {
                    self.close(call, table);
                }
            }
            CallKind::CloseMany => self.close_many(call, table, value),
            CallKind::Shutdown => {
                if value == Some(0)
                    && stops_sending(call.args)
                    && let Some(id) = self.socket(call, kind, table)
                    && let Some(holding) = self.lives.get_mut(&id)
                {
                    holding.life.shutdown.get_or_insert_with(|| Quote::of(call));
                }
            }
            CallKind::EpollCtl => self.epoll_ctl(call, table, value),
            CallKind::Fork => self.forked(call, table, value),
            CallKind::Exec => {
                if value == Some(0) {
                    for (fd, entry) in self.tables.take_all(table, |_, entry| entry.on_exec) {
                        self.release(entry, (self.tables.process(table), fd), || {
                            Ended::Exec(Quote::of(call))
                        });
                    }
                }
            }
            CallKind::Poll | CallKind::Lock | CallKind::Service | CallKind::Other => {}
        }
    }
}
