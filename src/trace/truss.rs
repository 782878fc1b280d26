//! `truss` of Solaris, illumos, AIX and FreeBSD: `1581/12:  read(7, 0xFE90FCC8, 4096) = 0`, `Err#32 EPIPE`,
//! `(sleeping...)`. Lines that explain a call (`-v`, `-r`, `-w`) follow it, so a call is held back until the next one.

use super::args::{Call, named};
use super::clock::{self, Clock, Reading, Shown, Ticker};
use super::lines::Line;
use super::{
    Event, Outcome, PENDING_TEXT, Parser, Syscall, Task, TraceFormat, Understood, has_sockaddr, sockaddr,
};

pub(super) const FORMAT: TraceFormat = TraceFormat {
    name: "truss",
    about: "truss -d -D -o FILE -laef -vall -p PID (Solaris, illumos), and with fewer options; AIX and FreeBSD truss",
    score,
    open: || Box::<Truss>::default(),
};

fn score(line: &[u8]) -> u32 {
    if line.starts_with(b"Base time stamp:") {
        return 8;
    }
    let prefix = Prefix::read(line);
    let Some(call) = Call::split(prefix.rest.trim_ascii_start()) else { return 0 };
    let only_truss = call.tail.starts_with(b"Err#")
        || call.tail.starts_with(b"ERR#") && !line.starts_with(b"[") && call.tail.contains(&b'\'')
        || call.tail.starts_with(b"(sleeping...)")
        || call.tail.starts_with(b"(returning as");
    match () {
        () if only_truss => 8,
        () if call.tail.is_empty() => 0,
        () if prefix.marked && call.tail.starts_with(b"= ") => 6,
        () => 1,
    }
}

/// What stands before a call.
#[derive(Default)]
struct Prefix<'a> {
    task: Task,
    /// Whether `pid/lwp:` was there.
    marked: bool,
    /// The first of the time columns.
    seconds: Option<i64>,
    rest: &'a [u8],
}

impl<'a> Prefix<'a> {
    /// `1581/12:`, `1581:`, `/12:`, AIX's `1581: 4711:`, FreeBSD's `1581 100123:`; then up to three time columns.
    fn read(line: &'a [u8]) -> Prefix<'a> {
        let mut prefix = Prefix { rest: line, ..Prefix::default() };
        while let Some((task, rest)) = mark(prefix.rest.trim_ascii_start()) {
            match prefix.task {
                // AIX prints process and thread as two marks.
                Task { process: Some(_), thread: None } => prefix.task.thread = task.process,
                _ if prefix.marked => break,
                _ => prefix.task = task,
            }
            (prefix.marked, prefix.rest) = (true, rest);
        }
        for _ in 0..3 {
            let text = prefix.rest.trim_ascii_start();
            let Some((Shown::Delta(seconds), rest)) = clock::column(text) else { break };
            prefix.seconds = prefix.seconds.or(Some(seconds));
            prefix.rest = rest;
        }
        prefix
    }
}

/// One mark of who is speaking, up to its colon.
fn mark(text: &[u8]) -> Option<(Task, &[u8])> {
    let id = |text: &[u8]| clock::number(text).and_then(|(n, digits)| Some((u32::try_from(n).ok()?, digits)));
    let (process, mut rest) = match id(text) {
        Some((process, digits)) => (Some(process), &text[digits..]),
        None => (None, text),
    };
    let mut thread = None;
    // `/lwp`, then `@thread` with -u; FreeBSD -H parts process and thread by a space.
    for part in [b'/', b'@', b' '] {
        if rest.first() == Some(&part)
            && let Some((number, digits)) = id(&rest[1..])
        {
            thread = thread.or(Some(number));
            rest = &rest[1 + digits..];
        }
    }
    // `12:00:01` is a time of day.
    let rest = rest.strip_prefix(b":").filter(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))?;
    (process.is_some() || thread.is_some()).then_some((Task { process, thread }, rest))
}

/// The call that is held back for its explanations.
#[derive(Default)]
struct Held {
    full: bool,
    line: u64,
    at: Option<Reading>,
    task: Task,
    name_at: usize,
    text: Vec<u8>,
    detail: Vec<u8>,
}

#[derive(Default)]
struct Truss {
    ticker: Ticker,
    /// The instant `truss -d` counts from; without it the columns may be anything.
    base: Option<i64>,
    held: Held,
    /// A call whose result may stand on the next line, as mail programs break it: number and text, bounded.
    broken: Option<(u64, Vec<u8>)>,
}

/// Octets of explanation kept for one call.
const DETAIL: usize = 4 * PENDING_TEXT;

impl Parser for Truss {
    fn line(&mut self, line: &Line<'_>, sink: &mut dyn FnMut(Event<'_>)) -> Understood {
        if let Some(base) = line.text.strip_prefix(b"Base time stamp:") {
            if let Some((Shown::Unix(base), _)) = clock::column(base.trim_ascii_start()) {
                self.base = Some(base);
            }
            return Understood::Aside;
        }
        let prefix = Prefix::read(line.text);
        let rest = prefix.rest.trim_ascii();
        if rest.is_empty() {
            return Understood::Aside;
        }
        let broken = self.broken.take();
        if named(rest).is_none() || !line.whole {
            return match broken.and_then(|broken| joined(broken, rest)) {
                Some((number, text)) => self.hold(number, &text, sink),
                None => self.explained(&prefix, rest),
            };
        }
        let call = Call::split(rest);
        if call.is_none_or(|call| call.tail.is_empty()) && !begins_only(rest) && line.ended {
            self.broken =
                (line.text.len() < PENDING_TEXT).then(|| (line.number, line.text.trim_ascii_end().to_vec()));
            return self.explained(&prefix, rest);
        }
        self.hold(line.number, line.text, sink)
    }

    fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        self.hand_out(sink);
    }

    fn clock(&self) -> Clock {
        self.ticker.clock
    }
}

/// The call that a broken line and the next one are together, if they are one.
fn joined((number, mut text): (u64, Vec<u8>), rest: &[u8]) -> Option<(u64, Vec<u8>)> {
    if text.len() + rest.len() > PENDING_TEXT {
        return None;
    }
    text.push(b' ');
    text.extend_from_slice(rest);
    let whole = Call::split(Prefix::read(&text).rest.trim_ascii()).is_some_and(|call| !call.tail.is_empty());
    whole.then_some((number, text))
}

impl Truss {
    /// Holds a call back until its explanations have been read; the one before is handed out.
    fn hold(&mut self, number: u64, text: &[u8], sink: &mut dyn FnMut(Event<'_>)) -> Understood {
        self.hand_out(sink);
        let prefix = Prefix::read(text);
        let base = self.base;
        let at = prefix
            .seconds
            .zip(base)
            .and_then(|(seconds, base)| self.ticker.read(Shown::Unix(base.saturating_add(seconds))));
        let held = &mut self.held;
        held.text.clear();
        held.detail.clear();
        held.text.extend_from_slice(text);
        held.name_at = text.len() - prefix.rest.trim_ascii_start().len();
        (held.full, held.line, held.at, held.task) = (true, number, at, prefix.task);
        Understood::Call
    }
}

/// `_exit(0)` and `lwp_exit()` have no result; neither has an exec, whose line ends in `argc = 3`.
fn begins_only(text: &[u8]) -> bool {
    named(text).is_some_and(|(name, _)| exits(name).is_some() || name.starts_with("exec"))
}

/// Whether the call ends a process (true) or one thread of it (false).
fn exits(name: &str) -> Option<bool> {
    match name {
        "_exit" | "exit" | "exit_group" => Some(true),
        "lwp_exit" | "thr_exit" | "thread_terminate" => Some(false),
        _ => None,
    }
}

impl Truss {
    /// A line that is no call: it explains the one before, or it is one of truss's own words.
    fn explained(&mut self, prefix: &Prefix<'_>, rest: &[u8]) -> Understood {
        const OWN: [&[u8]; 7] = [
            b"psargs:",
            b"Received signal",
            b"Incurred fault",
            b"Stopped by",
            b"Continued with",
            b"siginfo:",
            b"***",
        ];
        if OWN.iter().any(|word| rest.starts_with(word)) {
            return Understood::Aside;
        }
        let indented = prefix.rest.first().is_some_and(u8::is_ascii_whitespace);
        if !self.held.full || !indented || prefix.marked && prefix.task != self.held.task {
            return Understood::No;
        }
        if self.held.detail.len() + rest.len() < DETAIL {
            self.held.detail.extend_from_slice(rest);
            self.held.detail.push(b'\n');
        }
        Understood::Aside
    }

    fn hand_out(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        if !std::mem::take(&mut self.held.full) {
            return;
        }
        let Held { line, at, task, name_at, text, detail, .. } = &self.held;
        let (line, at, task) = (*line, *at, *task);
        let Some(call) = Call::split(text[*name_at..].trim_ascii_end()) else { return };
        if let Some(process) = exits(call.name) {
            let task = if process { Task { thread: None, ..task } } else { task };
            return sink(Event::Exit { task, line, at, killed: false, text });
        }
        let address = || sockaddr::find(detail).or_else(|| sockaddr::find(call.args.0));
        sink(Event::Call(Syscall {
            began: line,
            line,
            at,
            // truss stamps a call when it prints it, and it prints it when it ends.
            returned: at,
            task,
            name: call.name,
            args: call.args,
            detail,
            sockaddr: if has_sockaddr(call.name) { address() } else { None },
            // An exec that prints no result has succeeded.
            outcome: match call.outcome() {
                Outcome::NotSaid if call.name.starts_with("exec") => Outcome::Value(0),
                outcome => outcome,
            },
            text,
            tail: call.tail,
        }));
    }
}
