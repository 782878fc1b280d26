//! The life of one open socket, from the call that opened it to the one that let the kernel close it.
//!
//! A life belongs to what POSIX names the open file description, not to a number: after dup or fork several descriptors
//! hold it, and the FIN goes out when the last of them is closed, or at shutdown.

use crate::wire::Endpoint;

use super::{Reading, Syscall, Task};

/// Characters of a quoted line.
const QUOTED: usize = 160;

/// A line of the log as evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quote {
    /// The line on which the call began.
    pub line: u64,
    /// The line with its result, mostly the same.
    pub upto: u64,
    /// When it returned, or else when it began.
    pub at: Option<Reading>,
    /// Who made the call.
    pub task: Task,
    /// The text, at most 160 characters; of a longer one the middle is left out, since the result stands at the end.
    pub text: String,
}

impl Quote {
    pub(super) fn of(call: &Syscall<'_>) -> Quote {
        Quote {
            line: call.began,
            upto: call.line,
            at: call.returned.or(call.at),
            task: call.task,
            text: shorten(call.text),
        }
    }
}

/// At most [`QUOTED`] characters of a line, without anything a terminal would obey.
pub(super) fn shorten(text: &[u8]) -> String {
    let text = text.trim_ascii();
    if text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        // Nearly every line: one octet is one character, and nothing is to be replaced.
        return match text.len().checked_sub(BACK) {
            Some(back) if text.len() > QUOTED => [&text[..FRONT], "…".as_bytes(), &text[back..]].concat(),
            _ => text.to_vec(),
        }
        .try_into()
        .unwrap_or_default();
    }
    // Four octets a character at most: more of a long line need not be decoded.
    let ends = 4 * QUOTED;
    if text.len() > 2 * ends {
        return elide(&clean(&text[..ends]), &clean(&text[text.len() - ends..]));
    }
    let all = clean(text);
    if all.len() > QUOTED { elide(&all, &all) } else { all.into_iter().collect() }
}

/// Characters kept before and behind the gap in a long line.
const FRONT: usize = QUOTED - 1 - BACK;
const BACK: usize = 59;

fn clean(part: &[u8]) -> Vec<char> {
    let plain = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '?',
        c => c,
    };
    String::from_utf8_lossy(part).chars().map(plain).collect()
}

fn elide(front: &[char], back: &[char]) -> String {
    front.iter().take(FRONT).chain(&['…']).chain(back.iter().skip(back.len().saturating_sub(BACK))).collect()
}

/// What opened a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opened {
    /// It was open before the log begins.
    Before,
    /// accept(2) and its kin.
    Accept,
    /// socket(2), and connect(2) if a peer is known.
    Socket,
}

/// How surely this is a TCP socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SocketKind {
    /// A descriptor from before the log that is only read and written: it may be a file or a pipe.
    Unknown,
    /// A socket of unsaid family or type.
    Socket,
    /// TCP, by the arguments of socket(2), an Internet address given by accept(2), or strace -yy.
    Tcp,
}

/// Where an address was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressSource {
    /// strace -yy beside the descriptor.
    Note,
    /// accept's argument.
    Accept,
    /// connect's argument.
    Connect,
    /// getpeername's or getsockname's argument.
    GetName,
    /// bind's argument; may be a wildcard.
    Bind,
    /// The listening socket that accepted it; may be a wildcard.
    Listener,
}

/// How a life came to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It did not: it was open when the log ended.
    Open,
    /// The last descriptor was closed (close, close_range, dup2 onto it).
    Closed(Quote),
    /// The last descriptor was close-on-exec, and the program executed another.
    Exec(Quote),
    /// The last process that held it ended without closing it; the kernel did it then.
    Exit {
        /// The line of the exit.
        line: u64,
        /// When.
        at: Option<Reading>,
        /// Whether a signal ended the process.
        killed: bool,
    },
    /// Its number was given out anew though no close was seen: the log lacks it, so nothing is known of its end.
    Lost {
        /// The line on which the number came again.
        line: u64,
    },
}

/// The life of one socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life {
    /// The process that opened it, if the log says so.
    pub process: Option<u32>,
    /// The descriptor by which it was first known.
    pub fd: i32,
    /// What opened it.
    pub how: Opened,
    /// The line of that; none if it was open before.
    pub opened: Option<Quote>,
    /// How surely it is TCP.
    pub kind: SocketKind,
    /// Whether it listens; such a socket has no peer and no end of file.
    pub listening: bool,
    /// Which socket accepted it, as a number that means nothing but in this log.
    pub listener: Option<u64>,
    /// Its own address.
    pub local: Option<(Endpoint, AddressSource)>,
    /// The peer's address.
    pub peer: Option<(Endpoint, AddressSource)>,
    /// Octets read, peeks aside.
    pub read: u64,
    /// The first read that returned 0.
    pub eof: Option<Quote>,
    /// Reads that returned 0 after that one.
    pub zero_reads_after: u64,
    /// The first write that succeeded after the end of file (allowed: TCP is half-closed then).
    pub write_after_eof: Option<Quote>,
    /// How many there were.
    pub writes_after_eof: u64,
    /// The first reads or writes that failed with EPIPE, ECONNRESET, ECONNABORTED or ETIMEDOUT, at most four.
    pub failures: Vec<(String, Quote)>,
    /// The first shutdown of the sending side, which sends the FIN as close does.
    pub shutdown: Option<Quote>,
    /// Process and descriptor of those that held it at its end or at the end of the log, at most 16.
    pub held_by: Vec<(Option<u32>, i32)>,
    /// Its end.
    pub ended: Ended,
    /// strace's last note about it, to see at a glance that nothing has changed.
    pub(super) note: Vec<u8>,
}

impl Life {
    pub(super) fn new(process: Option<u32>, fd: i32, how: Opened, kind: SocketKind) -> Life {
        Life {
            process,
            fd,
            how,
            opened: None,
            kind,
            listening: false,
            listener: None,
            local: None,
            peer: None,
            read: 0,
            eof: None,
            zero_reads_after: 0,
            write_after_eof: None,
            writes_after_eof: 0,
            failures: Vec::new(),
            shutdown: None,
            held_by: Vec::new(),
            ended: Ended::Open,
            note: Vec::new(),
        }
    }

    /// Whether the program was told of the peer's FIN and never had its own one sent while it ran.
    pub fn eof_not_closed(&self) -> bool {
        self.eof.is_some()
            && self.shutdown.is_none()
            && !self.listening
            && matches!(self.ended, Ended::Open | Ended::Exit { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_the_result() {
        assert_eq!(shorten(b"  close(3)\t\t= 0\r"), "close(3)  = 0");
        assert_eq!(shorten(b"a\x1b[31mb\xff"), "a?[31mb\u{fffd}");
        for (length, byte) in [161, 641, 5_000].into_iter().flat_map(|n| [(n, b'x'), (n, 0xff)]) {
            let long = [&b"recvfrom("[..], &vec![byte; length], b") = 0"].concat();
            let short = shorten(&long);
            assert_eq!(short.chars().count(), QUOTED);
            assert!(short.starts_with("recvfrom(") && short.ends_with(") = 0"), "{short}");
        }
        assert_eq!(shorten(&[b'x'; QUOTED]).len(), QUOTED);
    }
}
