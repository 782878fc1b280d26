//! The descriptor tables of the traced processes: which number stands for which open socket. Bounded in size and in work;
//! what the sockets have gone through is not known here.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// One descriptor table. Threads share it, a fork copies it.
pub(super) type TableId = u64;

/// One open socket.
pub(super) type LifeId = u64;

/// Descriptors in all tables together.
const MOST_HELD: usize = 1 << 20;

/// Descriptors that epoll instances of one table are told to watch.
const MOST_WATCHED: usize = 65_536;

/// What a number stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// A file, a pipe, a socket of another family: not followed.
    Other,
    Socket(LifeId),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) held: Held,
    /// Closed by an exec.
    pub(super) on_exec: bool,
}

#[derive(Default)]
struct Table {
    process: Option<u32>,
    threads: usize,
    fds: HashMap<i32, Entry, RandomState>,
    /// epoll instance, then descriptor.
    interest: HashMap<i32, HashMap<i32, LifeId, RandomState>, RandomState>,
    watched: usize,
}

/// All tables of a log.
#[derive(Default)]
pub(super) struct Tables {
    tables: HashMap<TableId, Table, RandomState>,
    latest: TableId,
    held: usize,
    /// Entries that may still be walked through, earned line by line: forks and execs of huge tables, repeated without
    /// end, would otherwise cost the square of the log.
    allowance: usize,
    /// What was not followed for want of room.
    pub(super) refused: u64,
}

/// Entries a line of the log earns.
const EARNED: usize = 64;

impl Tables {
    pub(super) fn earn(&mut self) {
        self.allowance = self.allowance.saturating_add(EARNED);
    }

    fn spend(&mut self, entries: usize) -> bool {
        let may = entries <= self.allowance;
        if may {
            self.allowance -= entries;
        } else {
            self.refused += 1;
        }
        may
    }

    /// An empty table.
    pub(super) fn create(&mut self, process: Option<u32>) -> TableId {
        self.latest += 1;
        self.tables.insert(self.latest, Table { process, ..Table::default() });
        self.latest
    }

    pub(super) fn process(&self, table: TableId) -> Option<u32> {
        self.tables.get(&table)?.process
    }

    pub(super) fn join(&mut self, table: TableId) {
        if let Some(table) = self.tables.get_mut(&table) {
            table.threads += 1;
        }
    }

    /// One thread less; whether it was the last.
    pub(super) fn leave(&mut self, table: TableId) -> bool {
        self.tables.get_mut(&table).is_some_and(|table| {
            table.threads = table.threads.saturating_sub(1);
            table.threads == 0
        })
    }

    pub(super) fn get(&self, table: TableId, fd: i32) -> Option<Held> {
        self.tables.get(&table)?.fds.get(&fd).map(|entry| entry.held)
    }

    /// Puts an entry in its place; gives the one that was there. False if there is no room.
    pub(super) fn put(&mut self, table: TableId, fd: i32, entry: Entry) -> (Option<Entry>, bool) {
        let full = self.held >= MOST_HELD;
        let Some(fds) = self.tables.get_mut(&table).map(|table| &mut table.fds) else { return (None, false) };
        if full && !fds.contains_key(&fd) {
            self.refused += 1;
            return (None, false);
        }
        let before = fds.insert(fd, entry);
        self.held += usize::from(before.is_none());
        (before, true)
    }

    pub(super) fn take(&mut self, table: TableId, fd: i32) -> Option<Entry> {
        let entry = self.tables.get_mut(&table)?.fds.remove(&fd)?;
        self.held -= 1;
        Some(entry)
    }

    /// Takes every entry that `which` names, in the order of the numbers.
    pub(super) fn take_all(
        &mut self,
        table: TableId,
        which: impl Fn(i32, Entry) -> bool,
    ) -> Vec<(i32, Entry)> {
        let size = self.tables.get(&table).map_or(0, |table| table.fds.len());
        if !self.spend(size) {
            return Vec::new();
        }
        let Some(table) = self.tables.get_mut(&table) else { return Vec::new() };
        let mut taken: Vec<_> = table
            .fds
            .iter()
            .filter(|(fd, entry)| which(**fd, **entry))
            .map(|(fd, entry)| (*fd, *entry))
            .collect();
        for (fd, _) in &taken {
            table.fds.remove(fd);
        }
        self.held -= taken.len();
        taken.sort_unstable_by_key(|(fd, _)| *fd);
        taken
    }

    /// Removes a table; gives its entries in the order of the numbers.
    pub(super) fn remove(&mut self, table: TableId) -> Vec<(i32, Entry)> {
        let Some(table) = self.tables.remove(&table) else { return Vec::new() };
        self.held -= table.fds.len();
        let mut entries: Vec<_> = table.fds.into_iter().collect();
        entries.sort_unstable_by_key(|(fd, _)| *fd);
        entries
    }

    pub(super) fn set_on_exec(&mut self, table: TableId, fd: i32, on_exec: bool) {
        if let Some(entry) = self.tables.get_mut(&table).and_then(|table| table.fds.get_mut(&fd)) {
            entry.on_exec = on_exec;
        }
    }

    /// A copy of a table, as fork makes it, and the sockets it holds. Empty if that is too much work or room.
    pub(super) fn copy(&mut self, from: TableId, process: Option<u32>) -> (TableId, Vec<LifeId>) {
        let size = self.tables.get(&from).map_or(0, |table| table.fds.len());
        let to = self.create(process);
        let room = self.held + size <= MOST_HELD;
        if !room {
            self.refused += 1;
        }
        if !room || !self.spend(size) {
            return (to, Vec::new());
        }
        let fds = self.tables.get(&from).map(|table| table.fds.clone()).unwrap_or_default();
        let sockets = fds.values().filter_map(|entry| match entry.held {
            Held::Socket(life) => Some(life),
            Held::Other => None,
        });
        let sockets = sockets.collect();
        self.held += size;
        if let Some(table) = self.tables.get_mut(&to) {
            table.fds = fds;
        }
        (to, sockets)
    }

    pub(super) fn is_empty(&self, table: TableId) -> bool {
        self.tables.get(&table).is_none_or(|table| table.fds.is_empty())
    }

    /// An epoll instance is told to watch a socket for input, or no longer.
    pub(super) fn watch(&mut self, table: TableId, epoll: i32, fd: i32, life: Option<LifeId>) {
        let Some(table) = self.tables.get_mut(&table) else { return };
        match life {
            Some(life) if table.watched < MOST_WATCHED => {
                if table.interest.entry(epoll).or_default().insert(fd, life).is_none() {
                    table.watched += 1;
                }
            }
            Some(_) => self.refused += 1,
            None => {
                if table.interest.get_mut(&epoll).is_some_and(|fds| fds.remove(&fd).is_some()) {
                    table.watched -= 1;
                }
            }
        }
    }

    /// The sockets an epoll instance watches; closed ones may still be among them.
    pub(super) fn watched(&self, table: TableId, epoll: i32) -> Vec<(i32, LifeId)> {
        let interest = self.tables.get(&table).and_then(|table| table.interest.get(&epoll));
        let mut fds: Vec<_> = interest.into_iter().flatten().map(|(fd, life)| (*fd, *life)).collect();
        fds.sort_unstable();
        fds
    }

    /// Every socket entry of every table: process, number, socket; in order.
    pub(super) fn sockets(&self) -> Vec<(Option<u32>, i32, LifeId)> {
        let mut all: Vec<_> = self
            .tables
            .values()
            .flat_map(|table| table.fds.iter().map(|(fd, entry)| (table.process, *fd, entry.held)))
            .filter_map(|(process, fd, held)| match held {
                Held::Socket(life) => Some((process, fd, life)),
                Held::Other => None,
            })
            .collect();
        all.sort_unstable();
        all
    }
}
