//! Logs of system calls: what a traced program asked of its kernel, and the story of its descriptors.
//!
//! The wire shows that a host never sent its FIN; such a log shows why. [`read`] lends the calls of a log one at a time,
//! [`examine`] follows the descriptors through them and gives the facts ([`TraceFacts`]). No judgement here: what the
//! facts mean for a connection is said by the findings. A new tracer is one file and one line in [`FORMATS`].

use std::io::{self, BufRead};

mod args;
mod call_kind;
mod clock;
mod descriptors;
mod errno;
mod facts;
mod kdump;
mod life;
mod lines;
mod sockaddr;
mod strace;
mod tables;
mod tasks;
mod truss;
mod tusc;

#[cfg(test)]
mod tests;

pub use args::Args;
pub use clock::{Clock, Reading, first_midnight};
pub use descriptors::Descriptors;
pub use facts::{Armed, Failure, Sleeper, Threads, TraceFacts};
pub use life::{AddressSource, Ended, Life, Opened, Quote, SocketKind};

use crate::wire::Endpoint;
use lines::{Line, Lines};

/// A way of writing down system calls.
#[derive(Clone, Copy, Debug)]
pub struct TraceFormat {
    /// The tracer's name.
    pub name: &'static str,
    /// The commands that write it, in one line.
    pub about: &'static str,
    /// How surely one line is of this format: 0 no, 1 possible, more when only this tracer writes so.
    score: fn(&[u8]) -> u32,
    open: fn() -> Box<dyn Parser>,
}

/// Every format, in the order in which equal scores are decided.
pub const FORMATS: &[TraceFormat] = &[strace::FORMAT, truss::FORMAT, kdump::FORMAT, tusc::FORMAT];

/// Who made a call, as far as the log says it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Task {
    /// The process. strace never says it: its `-f` prefix is a thread.
    pub process: Option<u32>,
    /// The thread: strace's pid column, the lwp of truss and tusc, kdump's tid.
    pub thread: Option<u32>,
}

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome<'a> {
    /// It returned this number.
    Value(i64),
    /// It failed with this error; empty if the log has only a number without a part here.
    Error(&'a str),
    /// It is asleep in the kernel (truss, tusc); the whole call is printed again if it ever returns.
    Sleeping,
    /// It has begun; another thread's line, or the end of the log, comes before its end (strace, kdump).
    Unfinished,
    /// It ended without a number that can be read: `= ?` when the thread died in it, or an address.
    NotSaid,
}

/// One system call, lent for the length of one call of the sink.
#[derive(Clone, Copy, Debug)]
pub struct Syscall<'a> {
    /// The line on which it began, from 1.
    pub began: u64,
    /// The line with its result; the same unless other threads' lines came between.
    pub line: u64,
    /// The clock's reading on its first line.
    pub at: Option<Reading>,
    /// When it returned, if the log says so.
    pub returned: Option<Reading>,
    /// Who made it.
    pub task: Task,
    /// Its name, `recvfrom`.
    pub name: &'a str,
    /// Its arguments.
    pub args: Args<'a>,
    /// Lines of explanation that belong to it (`truss -v`, kdump's records), joined by newlines and bounded.
    pub detail: &'a [u8],
    /// The Internet address among its arguments, for calls that take or give one.
    pub sockaddr: Option<Endpoint>,
    /// Its result.
    pub outcome: Outcome<'a>,
    /// Its text; of a call in two halves, both of them joined.
    pub text: &'a [u8],
    tail: &'a [u8],
}

/// What a log says, in its order.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A call, or the beginning of one ([`Outcome::Sleeping`], [`Outcome::Unfinished`]), which comes again when it ends.
    Call(Syscall<'a>),
    /// A thread or process came to its end.
    Exit {
        /// Whose end.
        task: Task,
        /// On which line.
        line: u64,
        /// When.
        at: Option<Reading>,
        /// Whether a signal killed it; its last call then never returned.
        killed: bool,
        /// The line.
        text: &'a [u8],
    },
}

/// What was read of a log, in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TraceLog {
    /// Its name, as given.
    pub name: String,
    /// Its format's name.
    pub format: &'static str,
    /// What its times mean.
    pub clock: Clock,
    /// The first and the last reading.
    pub span: Option<(Reading, Reading)>,
    /// Lines in the file.
    pub lines: u64,
    /// Calls read to their end.
    pub calls: u64,
    /// Lines that are no calls but understood: signals, exits, dumps, headings.
    pub asides: u64,
    /// Lines that could not be read.
    pub unread: u64,
    /// The first few of them: line number and text, shortened.
    pub unread_examples: Vec<(u64, String)>,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Reading failed.
    #[error("{name}: cannot read")]
    Io {
        /// The log.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing in its beginning looks like a system call log.
    #[error("{name}: not a log of strace, truss, kdump or tusc")]
    NotATrace {
        /// The log.
        name: String,
    },
}

/// How many unread lines are kept as examples.
const EXAMPLES: usize = 5;

/// Lends every event of a log to `sink`, in bounded memory. The format is recognised from the first 256 KiB.
pub fn read(
    name: &str,
    input: &mut dyn BufRead,
    sink: &mut dyn FnMut(Event<'_>),
) -> Result<TraceLog, TraceError> {
    let io = |source| TraceError::Io { name: name.to_owned(), source };
    let mut lines = Lines::new(input);
    let format =
        sniff(lines.head().map_err(io)?).ok_or_else(|| TraceError::NotATrace { name: name.to_owned() })?;
    let mut log = TraceLog { name: name.to_owned(), format: format.name, ..TraceLog::default() };
    let mut parser = (format.open)();
    let (mut calls, mut span) = (0, None);
    let mut counting = |event: Event<'_>| {
        let at = match &event {
            Event::Call(call) => {
                if !matches!(call.outcome, Outcome::Sleeping | Outcome::Unfinished) {
                    calls += 1;
                }
                call.returned.or(call.at)
            }
            Event::Exit { at, .. } => *at,
        };
        if let Some(at) = at {
            let (first, last) = span.unwrap_or((at, at));
            span = Some((first.min(at), last.max(at)));
        }
        sink(event);
    };
    while let Some(line) = lines.next().map_err(io)? {
        log.lines += 1;
        match parser.line(&line, &mut counting) {
            Understood::Call => {}
            Understood::Aside => log.asides += 1,
            Understood::No => {
                log.unread += 1;
                if log.unread_examples.len() < EXAMPLES {
                    log.unread_examples.push((line.number, life::shorten(line.text)));
                }
            }
        }
    }
    parser.finish(&mut counting);
    log.clock = parser.clock();
    (log.calls, log.span) = (calls, span);
    Ok(log)
}

/// Reads a whole log and tells what became of its descriptors.
pub fn examine(name: &str, input: &mut dyn BufRead) -> Result<TraceFacts, TraceError> {
    let mut descriptors = Descriptors::default();
    let log = read(name, input, &mut |event| descriptors.follow(&event))?;
    Ok(descriptors.finish(log))
}

/// The format whose lines these are, if any.
pub fn sniff(head: &[u8]) -> Option<&'static TraceFormat> {
    const LINES: usize = 400;
    let mut scores = vec![0; FORMATS.len()];
    for line in head.split(|b| *b == b'\n').take(LINES) {
        // One endless line must not cost one search per format over all of it.
        let line = line.trim_ascii_end();
        let line = &line[..line.len().min(8192)];
        for (format, score) in FORMATS.iter().zip(&mut scores) {
            *score += (format.score)(line);
        }
    }
    let best = *scores.iter().max()?;
    let at = scores.iter().position(|score| *score == best)?;
    (best > 0).then(|| FORMATS.get(at)).flatten()
}

/// What a parser made of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Understood {
    /// A call, or part of one.
    Call,
    /// Not a call, and rightly so.
    Aside,
    /// Cannot be read.
    No,
}

/// Reads the lines of one format; keeps what must wait for a later line.
trait Parser {
    fn line(&mut self, line: &Line<'_>, sink: &mut dyn FnMut(Event<'_>)) -> Understood;
    /// Hands out what still waits when the log is over.
    fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>));
    fn clock(&self) -> Clock;
}

/// Calls that were begun and wait for their end are kept for this many threads; of more, the ends are read alone.
const MOST_PENDING: usize = 16_384;

/// Octets kept of a call that waits for its end.
const PENDING_TEXT: usize = 1_024;

/// Whether a call takes or gives a socket address worth looking for.
fn has_sockaddr(name: &str) -> bool {
    matches!(
        name,
        "accept" | "accept4" | "connect" | "getpeername" | "getsockname" | "bind" | "paccept" | "naccept"
    )
}
