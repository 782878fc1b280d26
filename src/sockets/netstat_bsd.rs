//! `netstat` of BSD, macOS, AIX and HP-UX: `tcp4 0 0 addr.port addr.port (state)`, after `-A` with a kernel address before it.
//!
//! The four print one shape, so one reader serves them. `netstat -L` (listen queues) is read as listening sockets.

use super::end::{End, Port, Width};
use super::socket::{Process, Socket, SocketState};
use super::{Format, Reading, Rows};

pub(super) const FORMAT: Format = Format {
    name: "netstat-bsd",
    about: "netstat of FreeBSD, NetBSD, OpenBSD, macOS, AIX and HP-UX, with any of -a -n -A -L -T -W -b -f -v",
    rows: || Box::new(Bsd::default()),
};

/// Without `-W`, addresses are cut to 16 characters.
const COLUMN: Width = Width::Address(16);

#[derive(Default)]
struct Bsd {
    /// The line before was the title, so the column names belong to it.
    named: bool,
    /// The columns are those of `-L`.
    queues: bool,
    /// Behind the state: the column of the process id, counted from the state (macOS `-v`).
    pid_column: Option<PidColumn>,
    /// UNIX domain sockets follow.
    unix: bool,
    /// The column of the ends is the narrow one.
    narrow: bool,
    /// An end longer than that was seen: nothing is cut.
    wide: bool,
    /// Behind the kernel address stands a hash of the flow (macOS).
    hashed: bool,
    /// Three counters of losses stand in place of the queues, and no state (FreeBSD `-T`).
    losses: bool,
}

#[derive(Clone, Copy)]
struct PidColumn {
    at: usize,
    /// `process:pid` instead of `pid`.
    named: bool,
}

impl Rows for Bsd {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        let named = std::mem::take(&mut self.named);
        let text = line.trim();
        if let Some(rest) = text.strip_prefix("Active Internet") {
            if !(rest.starts_with(" connections") || rest.starts_with("6 connections"))
                || rest.contains("(w/o")
                || rest.contains("(servers and")
                || rest.contains("(only")
            {
                return Reading::Unread;
            }
            *self = Bsd { named: true, ..Bsd::default() };
            return if rest.starts_with('6') { Reading::Heading } else { Reading::Title };
        }
        if text.starts_with("Current listen queue sizes") {
            *self = Bsd { named: true, queues: true, ..Bsd::default() };
            return Reading::Title;
        }
        if (text.starts_with("Listen ") || text.starts_with("Proto Listen "))
            && text.ends_with("Local Address")
        {
            *self = Bsd { queues: true, ..Bsd::default() };
            return if named { Reading::Heading } else { Reading::Title };
        }
        if text.contains("Recv-Q Send-Q") && text.contains("(state)") {
            *self = Bsd { pid_column: pid_column(text), ..Bsd::columns(text) };
            return if named { Reading::Heading } else { Reading::Title };
        }
        if text.contains("Rexmit OOORcv") {
            *self = Bsd { losses: true, ..Bsd::columns(text) };
            return if named { Reading::Heading } else { Reading::Title };
        }
        if text.starts_with("Active LOCAL (UNIX)")
            || text.starts_with("Active UNIX domain") && !text.contains('(')
            || text.starts_with("SADR/PCB")
        {
            self.unix = true;
            return Reading::Heading;
        }
        if self.unix && ["Address ", "SADR/PCB ", "PCB/ADDR "].iter().any(|start| text.starts_with(start)) {
            return Reading::Heading;
        }
        if self.queues
            && let Some(reading) = queue_row(text, sockets)
        {
            return reading;
        }
        match self.row(text) {
            Some(Some(socket)) => {
                sockets.push(socket);
                Reading::Row
            }
            Some(None) => Reading::Other,
            None if self.unix && is_kernel_address(text.split_whitespace().next().unwrap_or("")) => {
                Reading::Other
            }
            None => Reading::Unread,
        }
    }

    fn finish(&mut self, sockets: &mut Vec<Socket>) {
        if self.wide {
            let ends = sockets.iter_mut().flat_map(|socket| [&mut socket.local, &mut socket.peer]);
            ends.flatten().for_each(|end| end.host.complete());
        }
        self.wide = false;
    }
}

impl Bsd {
    /// What a heading says of the columns in front.
    fn columns(heading: &str) -> Bsd {
        let first = heading.split_whitespace().next().unwrap_or_default();
        Bsd {
            narrow: matches!(first, "Tcpcb" | "Socket"),
            hashed: heading.contains(" Flowhash "),
            ..Bsd::default()
        }
    }

    fn row(&mut self, text: &str) -> Option<Option<Socket>> {
        let mut words = text.split_whitespace();
        let mut protocol = words.next()?;
        let mut socket = Socket::default();
        if is_kernel_address(protocol) {
            socket.inode = u64::from_str_radix(protocol.trim_start_matches("0x"), 16).ok();
            protocol = words.next()?;
            if self.hashed && protocol.bytes().all(|b| b.is_ascii_hexdigit()) {
                protocol = words.next()?;
            }
        }
        let tcp = protocol.strip_prefix("tcp").is_some_and(|family| matches!(family, "" | "4" | "6" | "46"));
        if !tcp
            && !["udp", "icm", "ip", "raw", "div", "sctp", "ipv6"]
                .iter()
                .any(|other| protocol.starts_with(other))
        {
            return None;
        }
        if self.losses {
            let counters = if tcp { 3 } else { 0 };
            words.by_ref().take(counters).try_for_each(|n| n.parse::<u64>().ok().map(drop))?;
        } else {
            socket.recv_q = Some(words.next()?.parse().ok()?);
            socket.send_q = Some(words.next()?.parse().ok()?);
        }
        let (local, peer) = (words.next()?, words.next()?);
        let width = if self.narrow { Width::Narrow } else { COLUMN };
        socket.local = Some(End::dot(local, width)?);
        socket.peer = Some(End::dot(peer, width)?).filter(|end| !end.is_any());
        self.wide |= self.narrow && local.len().max(peer.len()) > Width::NARROW;
        if !tcp {
            return Some(None);
        }
        let rest: Vec<&str> = words.take(32).collect();
        socket.state = rest.first().and_then(|word| SocketState::read(word)).unwrap_or_default();
        socket.forget_queues_of_listener();
        if let Some(column) = self.pid_column {
            socket.owners = owner(rest.get(column.at..).unwrap_or_default(), column.named);
        }
        Some(Some(socket))
    }
}

/// Eight hexadecimal digits or more, as `-A` prints them.
fn is_kernel_address(word: &str) -> bool {
    let digits = word.trim_start_matches("0x");
    (8..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Which column behind `(state)` holds the process.
fn pid_column(heading: &str) -> Option<PidColumn> {
    let behind = heading.split_whitespace().skip_while(|word| *word != "(state)");
    behind.enumerate().find_map(|(at, word)| match word {
        "pid" => Some(PidColumn { at, named: false }),
        "process:pid" => Some(PidColumn { at, named: true }),
        _ => None,
    })
}

/// `9811`, or with the name `Web Content:9811`, which may take several words. Process 0 stands for one that is not known.
fn owner(words: &[&str], named: bool) -> Option<Vec<Process>> {
    let read = |word: &str| word.parse::<u32>().ok().filter(|&pid| pid != 0);
    let (name, pid) = if named {
        let ends = |word: &&str| word.rsplit_once(':').is_some_and(|(_, pid)| pid.parse::<u32>().is_ok());
        let end = words.iter().take(8).position(ends)?;
        let joined = words.get(..=end)?.join(" ");
        let (name, pid) = joined.rsplit_once(':')?;
        (Some(name.into()), read(pid)?)
    } else {
        (None, read(words.first()?)?)
    };
    Some(vec![Process { name, pid: Some(pid), fd: None }])
}

/// `0/0/128 *.22`, with or without a protocol before it: waiting, not yet complete, limit.
fn queue_row(text: &str, sockets: &mut Vec<Socket>) -> Option<Reading> {
    let mut words = text.split_whitespace().peekable();
    if words.peek().is_some_and(|word| !word.contains('/')) {
        let protocol = words.next()?;
        if !protocol.starts_with("tcp") {
            return words.next()?.split('/').all(|n| n.parse::<u64>().is_ok()).then_some(Reading::Other);
        }
    }
    let mut numbers = words.next()?.split('/').map(|n| n.parse::<u64>().ok());
    let (waiting, _, limit) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let local = End::dot(words.next()?, COLUMN)?;
    if local.port == Port::Any {
        return None;
    }
    let state = SocketState::Listen;
    sockets.push(Socket {
        state,
        recv_q: Some(waiting),
        send_q: Some(limit),
        local: Some(local),
        ..Socket::default()
    });
    Some(Reading::Row)
}
