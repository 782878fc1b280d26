//! `kdump` of the BSDs' `ktrace`: a CALL record, records that explain it, a RET record. Dumped data lines (GIO) are
//! passed over.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::args::{Args, named, number};
use super::clock::{self, Clock, Reading, Shown, Ticker};
use super::lines::Line;
use super::{
    Event, MOST_PENDING, Outcome, PENDING_TEXT, Parser, Syscall, Task, TraceFormat, Understood, errno,
    has_sockaddr, sockaddr,
};

pub(super) const FORMAT: TraceFormat = TraceFormat {
    name: "kdump",
    about: "kdump -H -T (FreeBSD, OpenBSD, NetBSD ktrace), and with fewer options",
    score: |line| if Record::read(line).is_some() { 8 } else { 0 },
    open: || Box::<Kdump>::default(),
};

/// The record types; every one is four columns wide or padded to it.
const TYPES: [&[u8]; 17] = [
    b" CALL ", b" RET  ", b" STRU ", b" GIO  ", b" NAMI ", b" PSIG ", b" CSW  ", b" USER ", b" SYSC ",
    b" CAP  ", b" PFLT ", b" PRET ", b" EMUL ", b" ARGS ", b" MISC ", b" PLDG ", b" SCTL ",
];

/// One line of kdump.
struct Record<'a> {
    task: Task,
    shown: Option<Shown>,
    kind: &'static [u8],
    text: &'a [u8],
}

impl<'a> Record<'a> {
    /// `  6180 100671 ping     0.000673 CALL  L64  poll(…)`; thread, time and ABI may be missing, the command may hold
    /// spaces.
    fn read(line: &'a [u8]) -> Option<Record<'a>> {
        let (process, digits) = clock::number(line.trim_ascii_start())?;
        let front = &line[..line.len().min(160)];
        let (at, kind) =
            TYPES.iter().filter_map(|kind| memchr::memmem::find(front, kind).map(|at| (at, *kind))).min()?;
        let words = line.get(..at)?.trim_ascii_start().get(digits..)?.trim_ascii();
        if !line.trim_ascii_start()[digits..].starts_with(b" ") {
            return None;
        }
        // A second number is a thread only if the command still follows.
        let thread = clock::number(words).filter(|(_, digits)| words.get(*digits) == Some(&b' '));
        let last = words.rsplit(|b| *b == b' ').next().unwrap_or_default();
        let mut column = last.to_vec();
        column.push(b' ');
        let text = line[at + kind.len()..].trim_ascii();
        Some(Record {
            task: Task {
                process: u32::try_from(process).ok(),
                thread: thread.and_then(|(thread, _)| u32::try_from(thread).ok()),
            },
            shown: clock::column(&column).map(|(shown, _)| shown),
            kind,
            text: without_abi(text),
        })
    }
}

/// Skips `L64`, `F32`, … of `kdump -A`.
fn without_abi(text: &[u8]) -> &[u8] {
    match text.iter().position(|b| *b == b' ') {
        Some(3) if text[0].is_ascii_uppercase() && text[1..3].iter().all(u8::is_ascii_digit) => {
            text[3..].trim_ascii_start()
        }
        _ => text,
    }
}

/// Name and arguments of a call; FreeBSD prints no parentheses where there are none.
fn called(text: &[u8]) -> Option<(&str, &[u8])> {
    let bare = text.first().is_some_and(u8::is_ascii_lowercase)
        && text.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    named(text).or_else(|| Some((std::str::from_utf8(text).ok().filter(|_| bare)?, &b""[..])))
}

#[derive(Default)]
struct Pending {
    waiting: bool,
    began: u64,
    at: Option<Reading>,
    text: Vec<u8>,
    detail: Vec<u8>,
}

#[derive(Default)]
struct Kdump {
    ticker: Ticker,
    pending: HashMap<Task, Pending, RandomState>,
    /// Whether the lines that follow may be dumped data.
    dumping: bool,
    joined: Vec<u8>,
}

impl Parser for Kdump {
    fn line(&mut self, line: &Line<'_>, sink: &mut dyn FnMut(Event<'_>)) -> Understood {
        let Some(record) = Record::read(line.text) else {
            let data = self.dumping || line.text.first().is_none_or(u8::is_ascii_whitespace);
            return if data { Understood::Aside } else { Understood::No };
        };
        self.dumping = record.kind == b" GIO  " || record.kind == b" USER ";
        // Small numbers are -R or -E, which look alike: only absolute times are read.
        let at = match record.shown {
            Some(shown @ (Shown::Unix(_) | Shown::TimeOfDay(_))) => self.ticker.read(shown),
            _ => None,
        };
        match record.kind {
            b" CALL " => self.call(line, &record, at, sink),
            b" RET  " => self.ret(line, &record, at, sink),
            b" STRU " => {
                if let Some(kept) = self.pending.get_mut(&record.task)
                    && kept.detail.len() + record.text.len() < PENDING_TEXT
                {
                    kept.detail.extend_from_slice(record.text);
                    kept.detail.push(b'\n');
                }
                Understood::Aside
            }
            _ => Understood::Aside,
        }
    }

    fn finish(&mut self, _sink: &mut dyn FnMut(Event<'_>)) {}

    fn clock(&self) -> Clock {
        self.ticker.clock
    }
}

impl Kdump {
    fn call(
        &mut self,
        line: &Line<'_>,
        record: &Record<'_>,
        at: Option<Reading>,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Understood {
        let Some((name, args)) = called(record.text) else { return Understood::No };
        let name = name.strip_prefix("linux_").unwrap_or(name);
        if name == "exit" || name == "exit_group" || name == "sys_exit" {
            let task = Task { thread: None, ..record.task };
            self.pending.retain(|known, _| known.process != task.process);
            sink(Event::Exit { task, line: line.number, at, killed: false, text: line.text });
            return Understood::Call;
        }
        let args = args.strip_suffix(b")").unwrap_or(args);
        if self.pending.len() < MOST_PENDING || self.pending.contains_key(&record.task) {
            let kept = self.pending.entry(record.task).or_default();
            kept.text.clear();
            kept.detail.clear();
            kept.text.extend_from_slice(&record.text[..record.text.len().min(PENDING_TEXT)]);
            (kept.waiting, kept.began, kept.at) = (true, line.number, at);
        }
        sink(Event::Call(Syscall {
            began: line.number,
            line: line.number,
            at,
            returned: None,
            task: record.task,
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

    /// `RET   read 10/0xa`, `RET   write -1 errno 32 Broken pipe`.
    fn ret(
        &mut self,
        line: &Line<'_>,
        record: &Record<'_>,
        at: Option<Reading>,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Understood {
        let end = record.text.iter().position(|b| *b == b' ').unwrap_or(record.text.len());
        let Ok(name) = std::str::from_utf8(&record.text[..end]) else { return Understood::No };
        let name = name.strip_prefix("linux_").unwrap_or(name);
        let said = record.text[end..].trim_ascii_start();
        let outcome = match said.strip_prefix(b"-1 errno ") {
            Some(code) => {
                // Linux programs' numbers come negative and are translated by nobody.
                Outcome::Error(number(code).filter(|code| *code > 0).map_or("", errno::bsd))
            }
            None => number(said).map_or(Outcome::NotSaid, Outcome::Value),
        };
        let Some(kept) = self.pending.get_mut(&record.task).filter(|kept| kept.waiting) else {
            // The log begins inside this call: without its arguments only an accept says something, and not enough.
            return Understood::Aside;
        };
        kept.waiting = false;
        let Some((begun, args)) = called(&kept.text) else { return Understood::No };
        if begun.strip_prefix("linux_").unwrap_or(begun) != name {
            return Understood::No;
        }
        let args = Args(args.strip_suffix(b")").unwrap_or(args));
        self.joined.clear();
        self.joined.extend_from_slice(&kept.text);
        self.joined.extend_from_slice(b" RET ");
        self.joined.extend_from_slice(said);
        sink(Event::Call(Syscall {
            began: kept.began,
            line: line.number,
            at: kept.at,
            returned: at,
            task: record.task,
            name,
            args,
            detail: &kept.detail,
            sockaddr: if has_sockaddr(name) { sockaddr::find(&kept.detail) } else { None },
            outcome,
            text: &self.joined,
            tail: b"",
        }));
        Understood::Call
    }
}
