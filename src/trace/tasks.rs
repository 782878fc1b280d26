//! The threads of a log: which descriptor table each one uses, and the call it is in. Bounded; what the descriptors do is
//! not known here.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::call_kind::CallKind;
use super::facts::{Sleeper, Threads};
use super::life::{Quote, shorten};
use super::tables::{LifeId, TableId};
use super::{Args, Outcome, Reading, Syscall, Task};

/// Threads followed at once.
const MOST: usize = 65_536;

/// Sleeping threads that the log does not number (truss without -l), followed at once.
const MOST_NAMELESS: usize = 1_024;

/// Octets kept of a call a thread is in.
const TEXT: usize = 1_024;

/// The call a thread is in, or was in last.
#[derive(Default, Debug)]
pub(super) struct Wait {
    pub(super) task: Task,
    pub(super) waiting: bool,
    pub(super) kind: CallKind,
    /// The socket it was about, for reads and writes: the number may be given to another one meanwhile.
    pub(super) life: Option<LifeId>,
    pub(super) name: String,
    pub(super) args: Vec<u8>,
    line: u64,
    at: Option<Reading>,
    text: Vec<u8>,
}

impl Wait {
    fn begin(&mut self, call: &Syscall<'_>, kind: CallKind, life: Option<LifeId>) {
        (self.task, self.waiting, self.kind, self.life) = (call.task, true, kind, life);
        (self.line, self.at) = (call.began, call.at);
        self.name.clear();
        self.name.push_str(call.name);
        self.args.clear();
        self.args.extend(call.args.0.iter().take(TEXT));
        // truss -v lists the polled descriptors below the call.
        self.args.extend(call.detail.iter().take(4 * TEXT));
        self.text.clear();
        self.text.extend(call.text.iter().take(TEXT));
    }

    pub(super) fn quote(&self) -> Quote {
        let text = shorten(&self.text);
        Quote { line: self.line, upto: self.line, at: self.at, task: self.task, text }
    }

    fn sleeper(&self) -> Sleeper {
        let first = Args(&self.args).iter().next().unwrap_or_default();
        Sleeper { call: self.quote(), name: self.name.clone(), object: shorten(first) }
    }
}

struct Known {
    table: TableId,
    wait: Wait,
}

/// The threads of a log.
#[derive(Default)]
pub(super) struct Tasks {
    known: HashMap<Task, Known, RandomState>,
    nameless: Vec<Wait>,
    /// The waits of threads that a signal ended in them.
    killed: Vec<Wait>,
    ended: usize,
}

impl Tasks {
    pub(super) fn table(&self, task: Task) -> Option<TableId> {
        self.known.get(&task).map(|known| known.table)
    }

    /// Adds a thread unless there are too many.
    pub(super) fn add(&mut self, task: Task, table: TableId) -> bool {
        if self.known.len() >= MOST {
            return false;
        }
        self.known.insert(task, Known { table, wait: Wait::default() });
        true
    }

    /// Notes that a call has begun and has no result yet.
    pub(super) fn begin(&mut self, call: &Syscall<'_>, kind: CallKind, life: Option<LifeId>) {
        if call.task == Task::default() && call.outcome == Outcome::Sleeping {
            // Each of these lines is a thread of its own.
            if self.nameless.len() < MOST_NAMELESS {
                self.nameless.push(Wait::default());
                if let Some(wait) = self.nameless.last_mut() {
                    wait.begin(call, kind, life);
                }
            }
        } else if let Some(known) = self.known.get_mut(&call.task) {
            known.wait.begin(call, kind, life);
        }
    }

    /// Notes that a call has ended. If its beginning was seen: the socket it was about then.
    pub(super) fn end(&mut self, call: &Syscall<'_>) -> Option<Option<LifeId>> {
        if call.task == Task::default() && !self.nameless.is_empty() {
            let same = |wait: &Wait| wait.name == call.name && wait.args.starts_with(call.args.0);
            if let Some(at) = self.nameless.iter().position(same) {
                return Some(self.nameless.swap_remove(at).life);
            }
        }
        let wait = &mut self.known.get_mut(&call.task)?.wait;
        let seen = wait.waiting && wait.name == call.name;
        // A thread that died in a call, or was stopped with its tracer, still counts as being in it.
        wait.waiting = seen && call.outcome == Outcome::NotSaid;
        seen.then_some(wait.life)
    }

    /// Forgets a thread; gives its table.
    pub(super) fn exit(&mut self, task: Task, killed: bool) -> Option<TableId> {
        let known = self.known.remove(&task)?;
        if !killed {
            self.ended += 1;
        } else if self.killed.len() < MOST {
            self.killed.push(known.wait);
        }
        Some(known.table)
    }

    /// Forgets all threads of a process.
    pub(super) fn exit_process(&mut self, process: u32) {
        let before = self.known.len();
        self.known.retain(|task, _| task.process != Some(process));
        self.ended += before - self.known.len();
    }

    /// Everything asleep at the end of the log, and the table it uses.
    pub(super) fn asleep(&self) -> impl Iterator<Item = (Option<TableId>, &Wait)> {
        let known = self.known.values().map(|known| (Some(known.table), &known.wait));
        known.chain(self.nameless.iter().map(|wait| (None, wait))).filter(|(_, wait)| wait.waiting)
    }

    /// What the threads do at the end of the log, in the order of its lines.
    pub(super) fn finish(&self) -> Threads {
        let mut threads = Threads { ended: self.ended, ..Threads::default() };
        // Lines without a number come from a thread that has one on other lines, or from one of the nameless sleepers.
        let others = self.known.len() > 1 || !self.nameless.is_empty() || !self.killed.is_empty();
        let told =
            |(task, known): &(&Task, &Known)| !(others && **task == Task::default() && !known.wait.waiting);
        let known: Vec<_> = self.known.iter().filter(told).map(|(_, known)| &known.wait).collect();
        // A log that ends with the program being killed shows in what; one killed earlier has merely ended.
        let killed = if known.is_empty() { self.killed.as_slice() } else { &[] };
        threads.ended += self.killed.len() - killed.len();
        for wait in known.into_iter().chain(&self.nameless).chain(killed) {
            if !wait.waiting {
                threads.running += 1;
                continue;
            }
            let list = match wait.kind {
                CallKind::Lock => &mut threads.in_locks,
                CallKind::Service => &mut threads.service,
                kind if kind.sees_eof() => &mut threads.watching,
                _ => &mut threads.otherwise,
            };
            list.push(wait.sleeper());
        }
        for list in
            [&mut threads.in_locks, &mut threads.service, &mut threads.watching, &mut threads.otherwise]
        {
            list.sort_by_key(|sleeper| (sleeper.call.line, sleeper.call.task));
        }
        threads
    }
}
