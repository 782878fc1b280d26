//! Linux `ss`: one row per socket, with or without Netid, State, heading, and the lines that `-i` and `-m` put below it.
//!
//! Everything behind the two addresses is `word:value` in any order, so one reader serves the row and the lines below it.

use super::end::{End, Width};
use super::owners::settle_owners;
use super::socket::{Process, Socket, SocketState, TcpInfo, Timer, TimerKind};
use super::{Format, Reading, Rows};
use crate::wire::Span;

pub(super) const FORMAT: Format = Format {
    name: "ss",
    about: "Linux ss, with any of -t -a -n -o -e -i -p -m -H -O",
    rows: || Box::new(Ss::default()),
};

#[derive(Default)]
struct Ss {
    /// The heading has no State column: `ss state close-wait` leaves it out.
    stateless: bool,
    /// The state that such a command asked for, if its line stands above.
    asked: SocketState,
    /// The last row was a TCP socket, so lines below belong to it.
    in_tcp: bool,
}

impl Rows for Ss {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        let mut words = Words { rest: line };
        let first = words.next();
        if first.is_some_and(|word| matches!(word, "State" | "Netid" | "Recv-Q"))
            && line.contains("Send-Q")
            && line.contains("Address:Port")
        {
            self.stateless = !line.split_whitespace().any(|word| word == "State");
            if !self.stateless {
                self.asked = SocketState::Unknown;
            }
            self.in_tcp = false;
            return Reading::Title;
        }
        match self.row(first, words) {
            Some(Some(socket)) => {
                sockets.push(socket);
                self.in_tcp = true;
                Reading::Row
            }
            Some(None) => {
                self.in_tcp = false;
                Reading::Other
            }
            None => {
                if let Some(state) = asked_state(line) {
                    self.asked = state;
                }
                Reading::Unread
            }
        }
    }

    fn detail(&mut self, line: &str, sockets: &mut Vec<Socket>) -> bool {
        let indented = line.starts_with('\t');
        let mut scratch = Socket::default();
        let socket = if self.in_tcp { sockets.last_mut().unwrap_or(&mut scratch) } else { &mut scratch };
        extras(socket, line) || indented
    }

    fn finish(&mut self, sockets: &mut Vec<Socket>) {
        settle_owners(sockets);
        self.in_tcp = false;
    }
}

impl Ss {
    /// A row: `Some(None)` if it is a socket of another protocol.
    fn row(&self, first: Option<&str>, mut words: Words<'_>) -> Option<Option<Socket>> {
        let mut word = first?;
        match word {
            "tcp" | "mptcp" => word = words.next()?,
            "udp" | "raw" | "icmp6" | "u_str" | "u_dgr" | "u_seq" | "nl" | "p_raw" | "p_dgr" | "v_str"
            | "v_dgr" | "sctp" | "dccp" | "tipc" | "xdp" | "???" => {
                // UNIX, netlink and packet sockets: state and two numbers are all that they have in common with TCP.
                let mut next = words.next()?;
                if SocketState::read(next).is_some() {
                    next = words.next()?;
                }
                return (number(next).is_some() && number(words.next()?).is_some()).then_some(None);
            }
            _ => {}
        }
        let mut state = self.asked;
        if self.stateless {
            number(word)?;
        } else {
            state = SocketState::read(word)?;
            word = words.next()?;
        }
        let mut socket = Socket {
            state,
            recv_q: Some(number(word)?),
            send_q: Some(number(words.next()?)?),
            ..Socket::default()
        };
        let local = End::colon(words.next()?, Width::Free)?;
        // Where a column overflows, some versions print the owners without a space before them.
        let tail = words.rest.trim_start();
        let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
        let end = tail.find("users:(").unwrap_or(end).min(end);
        let (peer, rest) = tail.split_at(end);
        let peer = End::colon(peer, Width::Free)?;
        socket.local = Some(local);
        socket.peer = (!peer.is_any()).then_some(peer);
        extras(&mut socket, rest);
        Some(Some(socket))
    }
}

/// Words with access to what follows them.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let start = self.rest.trim_start();
        let end = start.find(char::is_whitespace).unwrap_or(start.len());
        let word;
        (word, self.rest) = start.split_at(end);
        (!word.is_empty()).then_some(word)
    }
}

fn number(word: &str) -> Option<u64> {
    word.parse().ok().filter(|_| word.as_bytes()[0].is_ascii_digit())
}

/// The state in a command line such as `ss -tan state close-wait`.
fn asked_state(line: &str) -> Option<SocketState> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "ss" || word.ends_with("/ss"))?;
    words.find(|word| *word == "state")?;
    SocketState::read(words.next()?)
}

/// Reads `word:value` pairs into the socket; says whether any was known.
fn extras(socket: &mut Socket, text: &str) -> bool {
    let mut known = false;
    let (before, behind) = match text.split_once("users:(") {
        Some((before, users)) => {
            let (owners, behind) = owners(users);
            known = !owners.is_empty();
            socket.owners = Some(owners);
            (before, behind)
        }
        None => (text, ""),
    };
    for word in before.split_whitespace().chain(behind.split_whitespace()) {
        known |= extra(socket, word);
    }
    known
}

fn extra(socket: &mut Socket, word: &str) -> bool {
    let Some((key, value)) = word.split_once(':') else { return false };
    let n = || value.parse::<u64>().ok();
    let milliseconds = || decimal(value, 1_000_000);
    match key {
        "timer" => socket.timer = timer(value),
        "uid" => socket.uid = value.parse().ok(),
        // Inode 0: no process has a descriptor of it.
        "ino" if value == "0" => socket.owners = Some(socket.owners.take().unwrap_or_default()),
        "ino" => socket.inode = n(),
        "sk" | "cgroup" | "v6only" | "fwmark" | "cwnd" | "mss" | "pmtu" | "wscale" => {}
        "skmem" => memory(socket.info_mut(), value),
        "bytes_sent" => socket.info_mut().bytes_sent = n(),
        "bytes_acked" => socket.info_mut().bytes_acked = n(),
        "bytes_received" => socket.info_mut().bytes_received = n(),
        "segs_out" => socket.info_mut().segs_out = n(),
        "segs_in" => socket.info_mut().segs_in = n(),
        "unacked" => socket.info_mut().unacked = n(),
        "notsent" => socket.info_mut().not_sent = n(),
        "snd_wnd" => socket.info_mut().peer_window = n(),
        "rto" => socket.info_mut().rto = milliseconds(),
        "rtt" => socket.info_mut().rtt = value.split('/').next().and_then(|rtt| decimal(rtt, 1_000_000)),
        "lastsnd" => socket.info_mut().last_sent = milliseconds(),
        "lastrcv" => socket.info_mut().last_received = milliseconds(),
        "lastack" => socket.info_mut().last_ack = milliseconds(),
        "retrans" => {
            let (now, total) = value.split_once('/').unzip();
            let info = socket.info_mut();
            info.retrans_now = now.and_then(|now| now.parse().ok());
            info.retrans_total = total.and_then(|total| total.parse().ok());
        }
        _ => return false,
    }
    true
}

/// `(r0,rb131072,t0,tb87040,f0,w0,o0,bl0,d0)`.
fn memory(info: &mut TcpInfo, value: &str) {
    for part in value.trim_matches(['(', ')']).split(',') {
        let at = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
        let n = part[at..].parse().ok();
        match &part[..at] {
            "rb" => info.recv_buffer = n,
            "tb" => info.send_buffer = n,
            "d" => info.drops = n,
            _ => {}
        }
    }
}

/// `(keepalive,119min,0)`, `(on,1.396ms,3)`, `(timewait,55sec,0)`.
fn timer(value: &str) -> Option<Timer> {
    let mut parts = value.trim_matches(['(', ')']).split(',');
    let kind = TimerKind::read(parts.next()?)?;
    let left = parts.next().and_then(time_left);
    Some(Timer { kind, left, retries: parts.next().and_then(|retries| retries.parse().ok()) })
}

/// `1min50sec`, `55sec`, `200ms`; `8.964ms` means 8 s and 964 ms (iproute2 prints seconds, point, milliseconds).
fn time_left(text: &str) -> Option<Span> {
    let mut left = Span::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|&at| at > 0)?;
        let n: i64 = rest[..digits].parse().ok()?;
        let (unit, behind) = ["min", "sec", "ms", "."]
            .iter()
            .find_map(|unit| Some((*unit, rest[digits..].strip_prefix(unit)?)))?;
        left = left
            + match unit {
                "min" => Span::secs(n.checked_mul(60)?),
                "ms" => Span::millis(n),
                _ => Span::secs(n),
            };
        rest = behind;
    }
    (!text.is_empty()).then_some(left)
}

/// A decimal number in a unit of so many nanoseconds; point or comma.
fn decimal(text: &str, unit: i64) -> Option<Span> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut nanos = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        if !digit.is_ascii_digit() {
            return None;
        }
        place /= 10;
        nanos = nanos.checked_add(i64::from(digit - b'0') * place)?;
    }
    Some(Span::nanos(nanos))
}

/// Reads `("nginx",pid=812,fd=9),("nginx",813,9))` and hands back what follows. Names may hold anything but `",`.
fn owners(mut text: &str) -> (Vec<Process>, &str) {
    let mut owners = Vec::new();
    while let Some(open) = text.trim_start_matches(',').strip_prefix("(\"") {
        let Some((name, behind)) = open.split_once("\",") else { return (owners, "") };
        let (numbers, behind) = behind.split_once(')').unwrap_or((behind, ""));
        let mut process = Process { name: Some(name.into()), ..Process::default() };
        for part in numbers.split(',') {
            if let Some(pid) = part.strip_prefix("pid=") {
                process.pid = pid.parse().ok();
            } else if let Some(fd) = part.strip_prefix("fd=") {
                process.fd = fd.parse().ok();
            } else if process.pid.is_none() {
                process.pid = part.parse().ok();
            } else if process.fd.is_none() {
                process.fd = part.parse().ok();
            }
        }
        owners.push(process);
        text = behind;
    }
    (owners, text.strip_prefix(')').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_left() {
        for (text, left) in [
            ("119min", Some(Span::secs(7_140))),
            ("1min50sec", Some(Span::secs(110))),
            ("55sec", Some(Span::secs(55))),
            ("200ms", Some(Span::millis(200))),
            ("8.964ms", Some(Span::millis(8_964))),
            ("", None),
            ("ms", None),
            ("9999999999999999999min", None),
        ] {
            assert_eq!(time_left(text), left, "{text}");
        }
    }

    #[test]
    fn owners_of_old_and_new_versions() {
        let names = |text: &str| -> Vec<String> {
            let (owners, rest) = owners(text);
            owners
                .iter()
                .map(|p| {
                    format!(
                        "{} {} {}",
                        p.name.as_deref().unwrap_or("-"),
                        p.pid.unwrap_or(0),
                        p.fd.unwrap_or(0)
                    )
                })
                .chain([rest.to_owned()])
                .collect()
        };
        assert_eq!(
            names(r#"("nginx",pid=812,fd=9),("nginx",pid=813,fd=9)) ino:5"#),
            ["nginx 812 9", "nginx 813 9", " ino:5"]
        );
        assert_eq!(names(r#"("sshd",1234,3))"#), ["sshd 1234 3", ""]);
        assert_eq!(names(r#"("a (b), c",pid=1,fd=2))"#), ["a (b), c 1 2", ""]);
        assert_eq!(names(r#"("cut"#), [""]);
        assert_eq!(names(r#"("cut",pid=7"#), ["cut 7 0", ""]);
    }
}
