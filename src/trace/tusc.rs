//! HP-UX `tusc`: `1388730764.600953 [2766]{5012} recv(5, 0x7f7f0c30, 4096, 0) .... = 0`, `ERR#32 EPIPE`, `[sleeping]`.

use super::args::Call;
use super::clock::{self, Clock, Reading, Shown, Ticker};
use super::lines::Line;
use super::{Event, Outcome, Parser, Syscall, Task, TraceFormat, Understood, has_sockaddr, sockaddr};

pub(super) const FORMAT: TraceFormat = TraceFormat {
    name: "tusc",
    about: "tusc -f -l -T \"\" PID (HP-UX), and with fewer options",
    score,
    open: || Box::<Tusc>::default(),
};

fn score(line: &[u8]) -> u32 {
    if line.starts_with(b"( Attached to process") || line.starts_with(b"( Detaching from process") {
        return 8;
    }
    let prefix = Prefix::read(line);
    let Some(call) = Call::split(prefix.rest) else { return 0 };
    let dotted = memchr::memmem::find(line, b") ..").is_some();
    match () {
        () if call.tail.starts_with(b"[sleeping]") => 8,
        () if call.tail.starts_with(b"ERR#") && !call.tail.contains(&b'\'') => 8,
        () if dotted && call.tail.starts_with(b"= ") => 8,
        () if prefix.marked && call.tail.starts_with(b"= ") => 4,
        () => 0,
    }
}

#[derive(Default)]
struct Prefix<'a> {
    task: Task,
    marked: bool,
    shown: Option<Shown>,
    rest: &'a [u8],
}

impl<'a> Prefix<'a> {
    /// Time, `[process]`, `{thread}` in any order, each of them optional.
    fn read(line: &'a [u8]) -> Prefix<'a> {
        let mut prefix = Prefix { rest: line, ..Prefix::default() };
        loop {
            let text = prefix.rest.trim_ascii_start();
            prefix.rest = text;
            prefix.rest = match text.first() {
                Some(b'0'..=b'9') => {
                    let Some((shown, rest)) = clock::column(text) else { return prefix };
                    prefix.shown = prefix.shown.or(Some(shown));
                    rest
                }
                Some(open @ (b'[' | b'{')) => {
                    let Some((number, digits)) = clock::number(&text[1..]) else { return prefix };
                    let (place, close) = match open {
                        b'[' => (&mut prefix.task.process, b']'),
                        _ => (&mut prefix.task.thread, b'}'),
                    };
                    if text.get(1 + digits) != Some(&close) {
                        return prefix;
                    }
                    *place = u32::try_from(number).ok();
                    prefix.marked = true;
                    &text[2 + digits..]
                }
                _ => return prefix,
            };
        }
    }
}

#[derive(Default)]
struct Tusc {
    ticker: Ticker,
}

impl Parser for Tusc {
    fn line(&mut self, line: &Line<'_>, sink: &mut dyn FnMut(Event<'_>)) -> Understood {
        let prefix = Prefix::read(line.text);
        let at: Option<Reading> = prefix.shown.and_then(|shown| self.ticker.read(shown));
        let rest = prefix.rest.trim_ascii_end();
        // Headings, signals and the indented fields of -v.
        if rest.is_empty()
            || rest.starts_with(b"(")
            || line.text.starts_with(b"  ")
            || rest.starts_with(b"Received signal")
        {
            return Understood::Aside;
        }
        let Some(call) = Call::split(rest).filter(|_| line.whole) else { return Understood::No };
        if matches!(call.name, "_exit" | "exit" | "lwp_exit") {
            let task =
                if call.name == "lwp_exit" { prefix.task } else { Task { thread: None, ..prefix.task } };
            sink(Event::Exit { task, line: line.number, at, killed: false, text: line.text });
            return Understood::Call;
        }
        if call.tail.is_empty() {
            return Understood::No;
        }
        let outcome: Outcome<'_> = call.outcome();
        sink(Event::Call(Syscall {
            began: line.number,
            line: line.number,
            at,
            returned: at,
            task: prefix.task,
            name: call.name,
            args: call.args,
            detail: b"",
            sockaddr: if has_sockaddr(call.name) { sockaddr::find(call.args.0) } else { None },
            outcome,
            text: line.text,
            tail: call.tail,
        }));
        Understood::Call
    }

    fn finish(&mut self, _sink: &mut dyn FnMut(Event<'_>)) {}

    fn clock(&self) -> Clock {
        self.ticker.clock
    }
}
