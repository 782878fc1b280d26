//! What a log proves, as plain data for the findings. No judgement, no text for people but the quoted lines.

use std::collections::BTreeMap;

use super::{Life, Quote, Task, TraceLog};

/// What became of the descriptors and threads of one log.
#[derive(Clone, Debug, Default)]
pub struct TraceFacts {
    /// What was read.
    pub log: TraceLog,
    /// Sockets whose end of file was read (0 octets) and that were neither closed nor shut down before the log or the
    /// process ended. Sorted by the line of that read.
    pub eof_not_closed: Vec<Life>,
    /// The same of descriptors that may be no sockets: opened before the log, and only read and written.
    pub eof_unknown_kind: Vec<Life>,
    /// Sockets that the program did close, the latest 16,384 that were accepted or whose peer is known: if the wire shows
    /// no FIN of one of these, the path is to be looked at.
    pub closed: Vec<Life>,
    /// Sockets still open at the end, no end of file read (also those shut down), at most 16,384.
    pub open: Vec<Life>,
    /// Reads and writes that failed because the connection was gone, at most 1,024.
    pub failures: Vec<Failure>,
    /// Threads that wait for descriptors at the end of the log; none if the log ends with their death.
    pub armed: Vec<Armed>,
    /// What the threads do at the end of the log.
    pub threads: Threads,
    /// Sockets followed.
    pub lives: u64,
    /// Sockets that the program closed.
    pub closed_count: u64,
    /// Calls of close and its kin in the log. If there are none, the trace may have left them out, and a missing close
    /// proves nothing.
    pub close_calls: u64,
    /// Sockets whose number came again without a close being seen. Many of them say that the log lacks calls or mixes
    /// processes.
    pub lost: u64,
    /// Facts left out because a list was full.
    pub dropped: u64,
    /// Calls not followed because the log names too many threads or descriptors at once.
    pub not_followed: u64,
}

/// A read or write that failed because the connection was gone.
#[derive(Clone, Debug)]
pub struct Failure {
    /// EPIPE, ECONNRESET, ECONNABORTED or ETIMEDOUT.
    pub error: String,
    /// The line.
    pub call: Quote,
    /// The socket.
    pub life: Life,
}

/// A thread that waits for descriptors when the log ends. If the wire shows a FIN for one of them that the host has
/// acknowledged, the wake-up did not happen.
#[derive(Clone, Debug)]
pub struct Armed {
    /// The call it sleeps in: read, poll, select, epoll_wait, …
    pub call: Quote,
    /// The sockets it waits for, with their descriptors, at most 1,024.
    pub on: Vec<(i32, Life)>,
}

/// A thread asleep at the end of the log.
#[derive(Clone, Debug)]
pub struct Sleeper {
    /// The call it sleeps in.
    pub call: Quote,
    /// That call's name.
    pub name: String,
    /// What it waits for, as the first argument names it: the address of a lock, the number of a semaphore.
    pub object: String,
}

/// What the threads of a log do at its end.
#[derive(Clone, Debug, Default)]
pub struct Threads {
    /// Waiting for another thread or process: semaphores, mutexes, condition variables, futexes.
    pub in_locks: Vec<Sleeper>,
    /// Waiting in a call that would tell of a peer's close: read, accept, connect, poll and their kin.
    pub watching: Vec<Sleeper>,
    /// Threads of the system's libraries that sleep like this all their life; evidence of nothing.
    pub service: Vec<Sleeper>,
    /// Asleep in anything else: timers, children, writes.
    pub otherwise: Vec<Sleeper>,
    /// Not seen asleep: running, or asleep in a call that the trace leaves out.
    pub running: usize,
    /// Ended by themselves, or killed while others lived on.
    pub ended: usize,
}

impl Threads {
    /// Threads of the program itself that had not ended.
    pub fn of_the_program(&self) -> usize {
        self.in_locks.len() + self.watching.len() + self.otherwise.len() + self.running
    }

    /// Every thread of the program waits for a lock: none of them can see that a peer has closed.
    pub fn nobody_can_see_eof(&self) -> bool {
        !self.in_locks.is_empty() && self.in_locks.len() == self.of_the_program()
    }

    /// Locks that more than one thread waits for, and how many do: `semop 5`, `futex 0x7f92c294e6f8`.
    pub fn shared_locks(&self) -> Vec<(String, usize)> {
        let mut count = BTreeMap::new();
        for sleeper in self.in_locks.iter().filter(|sleeper| !sleeper.object.is_empty()) {
            *count.entry(format!("{} {}", sleeper.name, sleeper.object)).or_insert(0) += 1;
        }
        count.into_iter().filter(|(_, threads)| *threads > 1).collect()
    }
}

impl Sleeper {
    /// Who sleeps.
    pub fn task(&self) -> Task {
        self.call.task
    }
}
