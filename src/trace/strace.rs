//! Linux `strace`, with any of -f, -t, -tt, -ttt, -r, -T, -y, -yy, -i, -n. Calls that another thread's line cut in two are
//! put together again. What the calls mean is not known here.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::args::{Args, Call, named, outcome};
use super::clock::{self, Clock, Reading, Shown, Ticker};
use super::lines::Line;
use super::{
    Event, MOST_PENDING, Outcome, PENDING_TEXT, Parser, Syscall, Task, TraceFormat, Understood, has_sockaddr,
    sockaddr,
};

pub(super) const FORMAT: TraceFormat = TraceFormat {
    name: "strace",
    about: "strace -f -ttt -T -yy (Linux), and with fewer options",
    score,
    open: || Box::<Strace>::default(),
};

fn score(line: &[u8]) -> u32 {
    let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    let prefix = Prefix::read(line);
    let rest = prefix.rest;
    if rest.starts_with(b"<... ") && has(b" resumed>") || ended_badly(rest).is_some() {
        return 8;
    }
    if rest.starts_with(b"+++ ") || rest.starts_with(b"--- SIG") {
        return 8;
    }
    let Some(call) = Call::split(rest) else { return 0 };
    match call.outcome() {
        Outcome::Error(_) if call.tail.starts_with(b"= -1 E") => 8,
        Outcome::Value(_) | Outcome::NotSaid if call.tail.starts_with(b"= ") => {
            if has(b"AT_FDCWD")
                || has(b"sa_family=")
                || has(b"<TCP:[")
                || has(b"<socket:[")
                || line.starts_with(b"[pid ")
            {
                8
            } else {
                2
            }
        }
        _ => 0,
    }
}

/// What stands before the call.
#[derive(Default)]
struct Prefix<'a> {
    thread: Option<u32>,
    shown: Option<Shown>,
    rest: &'a [u8],
}

impl<'a> Prefix<'a> {
    /// Thread and time, in whatever combination. `[pid 123] 07:12:57.1 read(…`, `123  1795408543.2 read(…`, `0.1 read(…`.
    fn read(line: &'a [u8]) -> Prefix<'a> {
        let mut prefix = Prefix { rest: line, ..Prefix::default() };
        loop {
            let text = prefix.rest.trim_ascii_start();
            prefix.rest = match text.first() {
                Some(b'0'..=b'9') => {
                    if let Some((shown, rest)) = clock::column(text) {
                        prefix.shown = prefix.shown.or(Some(shown));
                        rest
                    } else if let (Some((number, digits)), None) = (clock::number(text), prefix.thread) {
                        let rest = skip_note(&text[digits..]);
                        if !rest.first().is_none_or(u8::is_ascii_whitespace) {
                            return Prefix { rest: text, ..prefix };
                        }
                        prefix.thread = u32::try_from(number).ok();
                        rest
                    } else {
                        return Prefix { rest: text, ..prefix };
                    }
                }
                Some(b'[') => {
                    let Some(end) = memchr::memchr(b']', &text[..text.len().min(64)]) else {
                        return Prefix { rest: text, ..prefix };
                    };
                    if let Some(inside) = text[1..end].strip_prefix(b"pid") {
                        prefix.thread = clock::number(inside.trim_ascii_start())
                            .and_then(|(number, _)| u32::try_from(number).ok());
                    }
                    // Otherwise an instruction pointer (-i) or a call number (-n).
                    &text[end + 1..]
                }
                // The pause since the line before, beside a time of day: `12:00:00.1 (+     0.000000) read(…`.
                Some(b'(') if text.starts_with(b"(+") => match memchr::memchr(b')', text) {
                    Some(end) => &text[end + 1..],
                    None => return Prefix { rest: text, ..prefix },
                },
                _ => return Prefix { rest: text, ..prefix },
            };
        }
    }
}

/// Skips the command name in `<>` that -Y puts behind a thread's number.
fn skip_note(text: &[u8]) -> &[u8] {
    match text.strip_prefix(b"<").and_then(|inside| memchr::memchr(b'>', inside).map(|at| &inside[at + 1..]))
    {
        Some(rest) => rest,
        None => text,
    }
}

/// The call without its mark, if its end is missing on this line.
fn ended_badly(text: &[u8]) -> Option<&[u8]> {
    [&b"<unfinished ...>"[..], b"<detached ...>"]
        .iter()
        .find_map(|mark| text.strip_suffix(*mark))
        .map(<[u8]>::trim_ascii_end)
}

/// The first half of a call.
#[derive(Default)]
struct Pending {
    waiting: bool,
    began: u64,
    at: Option<Reading>,
    /// Where the call's name begins in the text.
    name_at: usize,
    text: Vec<u8>,
}

#[derive(Default)]
struct Strace {
    ticker: Ticker,
    pending: HashMap<Option<u32>, Pending, RandomState>,
    /// The thread whose call was cut by strace's own message on the same line; the next line goes on with it.
    cut_by_message: Option<Option<u32>>,
    joined: Vec<u8>,
}

impl Parser for Strace {
    fn line(&mut self, line: &Line<'_>, sink: &mut dyn FnMut(Event<'_>)) -> Understood {
        let prefix = Prefix::read(line.text);
        let at = prefix.shown.and_then(|shown| self.ticker.read(shown));
        let task = Task { process: None, thread: prefix.thread };
        let rest = prefix.rest.trim_ascii_end();
        if let Some(thread) = self.cut_by_message.take()
            && prefix.thread.is_none()
            && named(rest).is_none()
        {
            if rest == b"<unfinished ...>" {
                return Understood::Aside;
            }
            let task = Task { process: None, thread };
            return self.rejoin(line, task, at, None, line.text, sink);
        }
        match rest.first() {
            None => return Understood::Aside,
            Some(b'<') => return self.resumed(line, task, at, rest, sink),
            Some(b'+') if rest.starts_with(b"+++ ") => {
                let killed = rest.starts_with(b"+++ killed");
                sink(Event::Exit { task, line: line.number, at, killed, text: line.text });
                return Understood::Aside;
            }
            Some(b'-') if rest.starts_with(b"--- ") => return Understood::Aside,
            Some(b's') if rest.starts_with(b"strace: ") => return Understood::Aside,
            _ => {}
        }
        if !line.whole {
            return Understood::No;
        }
        let name_at = line.text.len() - prefix.rest.len();
        if let Some(begun) = ended_badly(rest) {
            return self.unfinished(line, task, at, name_at, begun, sink);
        }
        if rest.ends_with(b" attached")
            && let Some(cut) = memchr::memmem::rfind(rest, b"strace: Process ")
        {
            // On a terminal a message may stand in the middle of a call.
            self.cut_by_message = Some(task.thread);
            return self.unfinished(line, task, at, name_at, rest[..cut].trim_ascii_end(), sink);
        }
        let Some(call) = Call::split(rest) else { return Understood::No };
        if call.tail.is_empty() {
            // A tracer that was stopped leaves the call it waited in without an end.
            if line.ended {
                return Understood::No;
            }
            return self.unfinished(line, task, at, name_at, rest, sink);
        }
        let returned = at.zip(elapsed(call.tail)).map(|(at, took)| Reading(at.0.saturating_add(took)));
        sink(Event::Call(complete(call, task, (line.number, line.number), (at, returned), line.text)));
        Understood::Call
    }

    fn finish(&mut self, _sink: &mut dyn FnMut(Event<'_>)) {}

    fn clock(&self) -> Clock {
        self.ticker.clock
    }
}

impl Strace {
    fn unfinished(
        &mut self,
        line: &Line<'_>,
        task: Task,
        at: Option<Reading>,
        name_at: usize,
        begun: &[u8],
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Understood {
        let Some((name, args)) = named(begun) else { return Understood::No };
        if self.pending.len() < MOST_PENDING || self.pending.contains_key(&task.thread) {
            let kept = self.pending.entry(task.thread).or_default();
            kept.text.clear();
            let upto = (name_at + begun.len()).min(name_at + PENDING_TEXT).min(line.text.len());
            kept.text.extend_from_slice(&line.text[..upto]);
            (kept.waiting, kept.began, kept.at, kept.name_at) = (true, line.number, at, name_at);
        }
        sink(Event::Call(Syscall {
            began: line.number,
            line: line.number,
            at,
            returned: None,
            task,
            name,
            args: Args(args),
            detail: b"",
            sockaddr: None,
            outcome: Outcome::Unfinished,
            text: line.text,
            tail: b"",
        }));
        Understood::Call
    }

    /// `<... read resumed>"", 4096) = 0`.
    fn resumed(
        &mut self,
        line: &Line<'_>,
        task: Task,
        at: Option<Reading>,
        rest: &[u8],
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Understood {
        let Some(rest) = rest.strip_prefix(b"<... ") else { return Understood::No };
        let Some(mark) = memchr::memmem::find(&rest[..rest.len().min(80)], b" resumed>") else {
            return Understood::No;
        };
        let (name, second) = (&rest[..mark], &rest[mark + b" resumed>".len()..]);
        self.rejoin(line, task, at, Some(name), second, sink)
    }

    /// Puts the second half of a call behind the first one.
    fn rejoin(
        &mut self,
        line: &Line<'_>,
        task: Task,
        at: Option<Reading>,
        name: Option<&[u8]>,
        second: &[u8],
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Understood {
        self.joined.clear();
        let begun = |kept: &Pending| {
            kept.waiting && name.is_none_or(|name| kept.text[kept.name_at..].starts_with(name))
        };
        let (began, started, name_at) = match (self.pending.get_mut(&task.thread), name) {
            (Some(kept), _) if begun(kept) => {
                kept.waiting = false;
                self.joined.extend_from_slice(&kept.text);
                (kept.began, kept.at, kept.name_at)
            }
            (_, None) => return Understood::No,
            (_, Some(name)) => {
                // The log begins inside this call, or too many calls were open: its end still says what it returned.
                self.joined.extend_from_slice(name);
                self.joined.push(b'(');
                (line.number, None, 0)
            }
        };
        if self.joined.last() == Some(&b',') {
            self.joined.push(b' ');
        }
        self.joined.extend_from_slice(second);
        let Some(mut call) = Call::split(&self.joined[name_at..]) else { return Understood::No };
        if call.tail.is_empty() {
            // `<... read resumed> <unfinished ...>) = ?` when the thread died in it.
            return if ended_badly(second).is_some() { Understood::Call } else { Understood::No };
        }
        if began == line.number {
            let address = has_sockaddr(call.name).then(|| sockaddr::find(call.args.0)).flatten();
            call.args = Args(b"");
            let mut alone = complete(call, task, (began, line.number), (at, at), line.text);
            alone.sockaddr = address;
            sink(Event::Call(alone));
        } else {
            sink(Event::Call(complete(call, task, (began, line.number), (started, at), &self.joined)));
        }
        Understood::Call
    }
}

fn complete<'a>(
    call: Call<'a>,
    task: Task,
    (began, line): (u64, u64),
    (at, returned): (Option<Reading>, Option<Reading>),
    text: &'a [u8],
) -> Syscall<'a> {
    Syscall {
        began,
        line,
        at,
        returned,
        task,
        name: call.name,
        args: call.args,
        detail: b"",
        sockaddr: if has_sockaddr(call.name) { sockaddr::find(call.args.0) } else { None },
        outcome: outcome(call.tail),
        text,
        tail: call.tail,
    }
}

/// The time spent in the call that -T prints at the end, in nanoseconds.
fn elapsed(tail: &[u8]) -> Option<i64> {
    let inside = tail.strip_suffix(b">")?;
    let start = memchr::memrchr(b'<', inside)?;
    match clock::column(&inside[start + 1..])? {
        (Shown::Delta(nanos), []) => Some(nanos),
        _ => None,
    }
}
