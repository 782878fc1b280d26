//! What single calls do to the sockets: opening, naming, duplicating, closing, forking, exiting.

use super::super::args::{Args, note, number};
use super::super::call_kind::{CallKind, shares_table};
use super::super::life::{AddressSource, Ended, Opened, Quote, SocketKind};
use super::super::tables::{Entry, Held, LifeId, TableId};
use super::super::{Outcome, Syscall, Task};
use super::{Descriptors, Holding};

impl Descriptors {
    /// A listening socket has given out a connection.
    pub(super) fn accepted(&mut self, call: &Syscall<'_>, table: TableId, fd: i32) {
        let listener = self.socket(call, CallKind::Accept, table);
        let note = call.result_note();
        let foreign = note.is_some_and(|n| !n.starts_with(b"TCP") && !n.starts_with(b"socket:["));
        let known_foreign =
            listener.is_none() && call.fd().is_some_and(|fd| self.tables.get(table, fd) == Some(Held::Other));
        if foreign || known_foreign && note.is_none() {
            return self.place(call, table, fd, Some(Held::Other), false);
        }
        let local = listener.and_then(|id| self.lives.get_mut(&id)).and_then(|holding| {
            holding.life.listening = true;
            holding.life.local
        });
        // Only TCP sockets both accept and have Internet addresses (SCTP aside).
        let kind = if call.sockaddr.is_some() { SocketKind::Tcp } else { SocketKind::Socket };
        let held = self.open(call, table, fd, Opened::Accept, kind);
        self.place(call, table, fd, held, call.args.has("CLOEXEC"));
        if let Some(Held::Socket(id)) = held {
            if let Some(Holding { life, .. }) = self.lives.get_mut(&id) {
                life.listener = listener;
                life.peer = call.sockaddr.map(|peer| (peer, AddressSource::Accept));
                life.local = local.map(|(local, _)| (local, AddressSource::Listener));
            }
            self.noted(id, note, CallKind::Accept);
        }
    }

    pub(super) fn connect(&mut self, call: &Syscall<'_>, table: TableId) {
        let under_way = match call.outcome {
            Outcome::Value(value) => value == 0,
            Outcome::Error(error) => matches!(error, "EINPROGRESS" | "EINTR" | "EALREADY" | "EISCONN"),
            _ => false,
        };
        if call.args.has("sun_path") || call.args.has("AF_UNIX") {
            if let Some(fd) = call.fd() {
                self.place(call, table, fd, Some(Held::Other), false);
            }
            return;
        }
        if let Some(id) = self.socket(call, CallKind::Connect, table)
            && let Some(Holding { life, .. }) = self.lives.get_mut(&id)
            && let (Some(peer), None, true) = (call.sockaddr, life.peer, under_way)
        {
            life.peer = Some((peer, AddressSource::Connect));
        }
    }

    /// getpeername, getsockname, bind, listen and socket options: each says something of the socket.
    pub(super) fn named(&mut self, call: &Syscall<'_>, kind: CallKind, id: LifeId) {
        let Some(Holding { life, .. }) = self.lives.get_mut(&id) else { return };
        match kind {
            CallKind::Listen => life.listening = true,
            CallKind::PeerName if life.peer.is_none() => {
                life.peer = call.sockaddr.map(|peer| (peer, AddressSource::GetName));
            }
            CallKind::OwnName => {
                let bind = call.name == "bind";
                let better = match life.local {
                    None => true,
                    Some((_, known)) => !bind && known != AddressSource::Note,
                };
                if let (Some(local), true) = (call.sockaddr, better) {
                    let source = if bind { AddressSource::Bind } else { AddressSource::GetName };
                    life.local = Some((local, source));
                }
            }
            _ => {}
        }
    }

    pub(super) fn open_pair(&mut self, call: &Syscall<'_>, table: TableId, value: Option<i64>) {
        if value.is_none() {
            return;
        }
        // `pipe([3, 4])`, `pipe2([3<pipe:[1]>, 4<…>], 0)`, `pipe() = 3 [4]` of truss.
        let list = call.args.iter().find_map(|arg| arg.strip_prefix(b"[")).unwrap_or_default();
        let first = call.tail.strip_prefix(b"= ").filter(|_| list.is_empty()).unwrap_or_default();
        let second = memchr::memchr(b'[', first).map(|at| &first[at + 1..]).unwrap_or_default();
        let ends = Args(list.strip_suffix(b"]").unwrap_or(list)).iter().take(2).chain([first, second]);
        for fd in ends.filter_map(number).filter_map(|fd| i32::try_from(fd).ok()) {
            self.place(call, table, fd, Some(Held::Other), call.args.has("CLOEXEC"));
        }
    }

    pub(super) fn duplicate(
        &mut self,
        call: &Syscall<'_>,
        kind: CallKind,
        table: TableId,
        new_fd: Option<i32>,
    ) {
        let (Some(old), Some(new)) = (call.fd(), new_fd) else { return };
        let on_exec = call.args.has("CLOEXEC");
        match kind {
            CallKind::Fcntl if call.args.has("F_DUP") => {}
            CallKind::Fcntl => {
                if call.args.has("F_SETFD") {
                    let flag = call.args.iter().nth(2).and_then(number) == Some(1);
                    self.tables.set_on_exec(table, old, on_exec || flag);
                }
                return;
            }
            CallKind::DupOnto if old == new => return,
            _ => {}
        }
        let held = self.tables.get(table, old);
        if kind == CallKind::DupOnto
            && let Some(entry) = self.tables.take(table, new)
        {
            // dup2 closes what the number stood for.
            self.release(entry, (self.tables.process(table), new), || Ended::Closed(Quote::of(call)));
        }
        let note = call.note().or_else(|| note(call.tail.strip_prefix(b"= ")?));
        let unknown = note.map(|note| if note.starts_with(b"TCP") { None } else { Some(Held::Other) });
        self.place(call, table, new, held.or(unknown.flatten()), on_exec);
    }

    pub(super) fn close(&mut self, call: &Syscall<'_>, table: TableId) {
        self.facts.close_calls += 1;
        if let Some(fd) = call.fd()
            && let Some(entry) = self.tables.take(table, fd)
        {
            self.release(entry, (self.tables.process(table), fd), || Ended::Closed(Quote::of(call)));
        }
    }

    /// close_range(first, last, flags) and closefrom(first).
    pub(super) fn close_many(&mut self, call: &Syscall<'_>, table: TableId, value: Option<i64>) {
        if value.is_none() {
            return;
        }
        let mut numbers = call.args.iter().map(number);
        let first = numbers.next().flatten().unwrap_or(i64::MAX);
        let last = numbers.next().flatten().filter(|_| call.name == "close_range").unwrap_or(i64::MAX);
        let within = |fd: i32| (first..=last).contains(&i64::from(fd));
        self.facts.close_calls += 1;
        if call.args.has("CLOEXEC") {
            for (fd, entry) in self.tables.take_all(table, |fd, _| within(fd)) {
                self.tables.put(table, fd, Entry { on_exec: true, ..entry });
            }
            return;
        }
        for (fd, entry) in self.tables.take_all(table, |fd, _| within(fd)) {
            self.release(entry, (self.tables.process(table), fd), || Ended::Closed(Quote::of(call)));
        }
    }

    /// `epoll_ctl(7, EPOLL_CTL_ADD, 4, {events=EPOLLIN, …}) = 0`.
    pub(super) fn epoll_ctl(&mut self, call: &Syscall<'_>, table: TableId, value: Option<i64>) {
        let mut args = call.args.iter();
        let (Some(epoll), operation, Some(text)) = (call.fd(), args.nth(1), args.next()) else { return };
        let Some(fd) = number(text).and_then(|fd| i32::try_from(fd).ok()).filter(|_| value == Some(0)) else {
            return;
        };
        let events = args.next().map(Args);
        let for_input = events.is_none_or(|e| e.has("EPOLLIN") || e.has("EPOLLRDHUP") || !e.has("EPOLL"));
        let adds = operation.is_some_and(|operation| operation != b"EPOLL_CTL_DEL" && operation != b"2");
        let life = match self.tables.get(table, fd) {
            Some(Held::Socket(id)) if adds && for_input => Some(id),
            _ => None,
        };
        self.tables.watch(table, epoll, fd, life);
    }

    pub(super) fn forked(&mut self, call: &Syscall<'_>, table: TableId, value: Option<i64>) {
        self.forking.retain(|forking| forking.task != call.task);
        let Some(other) = value.and_then(|id| u32::try_from(id).ok()).filter(|id| *id > 0) else { return };
        let Some(process) = call.task.process else {
            let child = Task { process: None, thread: Some(other) };
            if self.tasks.table(child).is_none() {
                let table = if shares_table(call.args) { table } else { self.copy(table, None) };
                if self.tasks.add(child, table) {
                    self.tables.join(table);
                }
            }
            return;
        };
        if memchr::memmem::find(call.text, b"(returning as child").is_some() {
            // The child's own line: the number is its parent's.
            if self.tables.is_empty(table)
                && let Some(parent) = self.processes.get(&other).copied()
            {
                self.adopt(parent, process);
            }
        } else if !self.processes.contains_key(&other) {
            self.adopt(table, other);
        }
    }

    /// Gives a process a copy of a table. Its threads seen so far had none worth keeping.
    pub(super) fn adopt(&mut self, from: TableId, process: u32) {
        if let Some(old) = self.processes.remove(&process) {
            self.tables.remove(old);
            self.tasks.exit_process(process);
        }
        let table = self.copy(from, Some(process));
        self.processes.insert(process, table);
    }

    pub(super) fn exit(&mut self, task: Task, killed: bool, ended: &Ended) {
        let gone = match task {
            // The whole process.
            Task { process: Some(process), thread: None } => {
                self.tasks.exit_process(process);
                self.processes.remove(&process)
            }
            // A thread of a known process leaves its descriptors to the others.
            Task { process: Some(_), thread: Some(_) } => {
                self.tasks.exit(task, killed);
                None
            }
            _ => self.tasks.exit(task, killed).filter(|table| self.tables.leave(*table)),
        };
        let Some(table) = gone else { return };
        if self.default_table == Some(table) {
            self.default_table = None;
        }
        self.forking.retain(|forking| forking.table != table);
        let process = self.tables.process(table);
        for (fd, entry) in self.tables.remove(table) {
            self.release(entry, (process, fd), || ended.clone());
        }
    }
}
