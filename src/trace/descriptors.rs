//! Follows every socket of a log through the calls on its descriptors and gathers the facts.
//!
//! What cannot be known is not claimed. A number given out anew without a close in between shows that the log lacks the
//! close: the old socket is then lost, not leaked. strace names threads, not processes; threads whose birth the log does
//! not show are taken to share one table.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::args::Args;
use super::call_kind::{
    CallKind, asks_for_data, is_socket_call, polled, shares_table, socket_kind, stops_sending,
};
use super::facts::{Armed, Failure, TraceFacts};
use super::life::{AddressSource, Ended, Life, Opened, Quote, SocketKind};
use super::sockaddr;
use super::tables::{Entry, Held, LifeId, TableId, Tables};
use super::tasks::{Tasks, Wait};
use super::{Event, Outcome, Syscall, Task, TraceLog};

mod effects;

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

    /// The socket a call is about, by its first argument. One that was open before the log is met here.
    fn socket(&mut self, call: &Syscall<'_>, kind: CallKind, table: TableId) -> Option<LifeId> {
        let fd = call.fd().filter(|fd| *fd >= 0)?;
        let note = call.note();
        let tcp = note.is_some_and(|note| note.starts_with(b"TCP"));
        let foreign = note.is_some_and(|note| !tcp && !note.starts_with(b"socket:["));
        match self.tables.get(table, fd) {
            Some(Held::Other) if !tcp => return None,
            Some(Held::Socket(id)) if !foreign && self.noted(id, note, kind) => return Some(id),
            None if foreign => return None,
            _ => {}
        }
        // First met here; or the note says that the number stands for something else than was thought.
        let known = match kind {
            _ if tcp => SocketKind::Tcp,
            CallKind::Read | CallKind::Write if note.is_none() && !is_socket_call(call.name) => {
                SocketKind::Unknown
            }
            _ => SocketKind::Socket,
        };
        let held =
            if foreign { Some(Held::Other) } else { self.open(call, table, fd, Opened::Before, known) };
        self.place(call, table, fd, held, false);
        match held {
            Some(Held::Socket(id)) => self.noted(id, note, kind).then_some(id),
            _ => None,
        }
    }

    /// Takes in what strace says beside a descriptor. False if that is another socket.
    fn noted(&mut self, id: LifeId, note: Option<&[u8]>, kind: CallKind) -> bool {
        let Some(Holding { life, .. }) = self.lives.get_mut(&id) else { return false };
        if life.kind == SocketKind::Unknown && kind != CallKind::Read && kind != CallKind::Write {
            life.kind = SocketKind::Socket;
        }
        let Some(note) = note.filter(|note| *note != life.note) else { return true };
        let (local, peer) = sockaddr::of_note(note);
        if let (Some(peer), Some((known, AddressSource::Note))) = (peer, life.peer)
            && peer != known
        {
            return false;
        }
        life.note.clear();
        life.note.extend_from_slice(note);
        if note.starts_with(b"TCP") {
            life.kind = SocketKind::Tcp;
        }
        life.local = local.map(|local| (local, AddressSource::Note)).or(life.local);
        life.peer = peer.map(|peer| (peer, AddressSource::Note)).or(life.peer);
        true
    }

    /// A new life. None if there are too many.
    fn open(
        &mut self,
        call: &Syscall<'_>,
        table: TableId,
        fd: i32,
        how: Opened,
        kind: SocketKind,
    ) -> Option<Held> {
        if self.lives.len() >= MOST_LIVES {
            self.facts.not_followed += 1;
            return None;
        }
        self.latest += 1;
        self.facts.lives += 1;
        let process = call.task.process.or_else(|| self.tables.process(table));
        let mut life = Life::new(process, fd, how, kind);
        if how != Opened::Before {
            life.opened = Some(Quote::of(call));
        }
        self.lives.insert(self.latest, Holding { life, holders: 0 });
        Some(Held::Socket(self.latest))
    }

    /// Lets a number stand for something. Whatever it stood for before has been closed unseen.
    fn place(&mut self, call: &Syscall<'_>, table: TableId, fd: i32, held: Option<Held>, on_exec: bool) {
        let lost = || Ended::Lost { line: call.line };
        let process = self.tables.process(table);
        let Some(held) = held else {
            if let Some(before) = self.tables.take(table, fd) {
                self.release(before, (process, fd), lost);
            }
            return;
        };
        let (before, done) = self.tables.put(table, fd, Entry { held, on_exec });
        match held {
            Held::Socket(id) if done => {
                if let Some(holding) = self.lives.get_mut(&id) {
                    holding.holders += 1;
                }
            }
            Held::Socket(id) if self.lives.get(&id).is_some_and(|holding| holding.holders == 0) => {
                self.lives.remove(&id);
            }
            _ => {}
        }
        if let Some(before) = before {
            self.release(before, (process, fd), lost);
        }
    }

    /// One descriptor less. The life ends with its last one.
    fn release(&mut self, entry: Entry, holder: (Option<u32>, i32), how: impl FnOnce() -> Ended) {
        let Held::Socket(id) = entry.held else { return };
        let Some(holding) = self.lives.get_mut(&id) else { return };
        holding.holders = holding.holders.saturating_sub(1);
        if holding.holders == 0
            && let Some(Holding { mut life, .. }) = self.lives.remove(&id)
        {
            life.ended = how();
            life.held_by.push(holder);
            self.conclude(life);
        }
    }

    /// Files a life under what it proves.
    fn conclude(&mut self, life: Life) {
        for (error, call) in &life.failures {
            if self.facts.failures.len() < MOST_FAILURES {
                let failure = Failure { error: error.clone(), call: call.clone(), life: life.clone() };
                self.facts.failures.push(failure);
            } else {
                self.facts.dropped += 1;
            }
        }
        match life.ended {
            Ended::Lost { .. } => self.facts.lost += 1,
            Ended::Closed(_) | Ended::Exec(_) => {
                self.facts.closed_count += 1;
                if life.peer.is_some() || life.how == Opened::Accept {
                    if self.closed.len() >= MOST_KEPT {
                        self.closed.pop_front();
                        self.facts.dropped += 1;
                    }
                    self.closed.push_back(life);
                }
            }
            Ended::Open | Ended::Exit { .. } => {
                let list = match life.kind {
                    _ if !life.eof_not_closed() => &mut self.facts.open,
                    // Standard input of a program is seldom a socket.
                    SocketKind::Unknown if life.fd <= 2 => return,
                    SocketKind::Unknown => &mut self.facts.eof_unknown_kind,
                    _ => &mut self.facts.eof_not_closed,
                };
                let most = if life.eof_not_closed() { MOST_LIVES } else { MOST_KEPT };
                if list.len() < most {
                    list.push(life);
                } else {
                    self.facts.dropped += 1;
                }
            }
        }
    }

    /// A read or write has returned.
    fn transfer(&mut self, call: &Syscall<'_>, kind: CallKind, id: LifeId) {
        let Some(Holding { life, .. }) = self.lives.get_mut(&id) else { return };
        if is_socket_call(call.name) {
            life.kind = life.kind.max(SocketKind::Socket);
        }
        match (kind, call.outcome) {
            (CallKind::Read, Outcome::Value(0)) if asks_for_data(call) => match life.eof {
                None => life.eof = Some(Quote::of(call)),
                Some(_) => life.zero_reads_after += 1,
            },
            (CallKind::Read, Outcome::Value(octets)) if !call.args.has("PEEK") => {
                life.read += u64::try_from(octets).unwrap_or_default();
            }
            (CallKind::Write, Outcome::Value(_)) if life.eof.is_some() => {
                life.writes_after_eof += 1;
                life.write_after_eof.get_or_insert_with(|| Quote::of(call));
            }
            (_, Outcome::Error(error @ ("EPIPE" | "ECONNRESET" | "ECONNABORTED" | "ETIMEDOUT")))
                if life.failures.len() < FAILURES_EACH =>
            {
                life.failures.push((error.to_owned(), Quote::of(call)));
            }
            _ => {}
        }
    }

    /// The threads that wait for descriptors, and which.
    fn armed(&self) -> Vec<Armed> {
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
