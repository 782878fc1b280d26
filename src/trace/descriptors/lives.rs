//! Sockets from the first descriptor to the last: met, opened, placed in a table, told of, released, filed.

use super::super::call_kind::{CallKind, asks_for_data, is_socket_call};
use super::super::facts::Failure;
use super::super::life::{AddressSource, Ended, Life, Opened, Quote, SocketKind};
use super::super::tables::{Entry, Held, LifeId, TableId};
use super::super::{Outcome, Syscall, sockaddr};
use super::{Descriptors, FAILURES_EACH, Holding, MOST_FAILURES, MOST_KEPT, MOST_LIVES};

impl Descriptors {
    /// The socket a call is about, by its first argument. One that was open before the log is met here.
    pub(super) fn socket(&mut self, call: &Syscall<'_>, kind: CallKind, table: TableId) -> Option<LifeId> {
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
    pub(super) fn noted(&mut self, id: LifeId, note: Option<&[u8]>, kind: CallKind) -> bool {
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
    pub(super) fn open(
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
    pub(super) fn place(
        &mut self,
        call: &Syscall<'_>,
        table: TableId,
        fd: i32,
        held: Option<Held>,
        on_exec: bool,
    ) {
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
    pub(super) fn release(&mut self, entry: Entry, holder: (Option<u32>, i32), how: impl FnOnce() -> Ended) {
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
    pub(super) fn conclude(&mut self, life: Life) {
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
    pub(super) fn transfer(&mut self, call: &Syscall<'_>, kind: CallKind, id: LifeId) {
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
}
