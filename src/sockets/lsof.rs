//! `lsof -i` and `lsof -p`: a table of descriptors, of which the TCP ones are kept.
//!
//! Two rows of one socket (a descriptor inherited by a child) become one socket with two owners. A descriptor whose
//! connection is gone shows as `protocol: TCP`: a leak that no other listing shows.

use super::end::{End, Width};
use super::owners::merge;
use super::socket::{Process, Socket, SocketState};
use super::{Format, Reading, Rows};

pub(super) const FORMAT: Format = Format {
    name: "lsof",
    about: "lsof -i, lsof -p (table), with any of -n -P -R -K -T",
    rows: || Box::new(Lsof::default()),
};

#[derive(Default)]
struct Lsof {
    /// A heading was seen, so rows of files are known as such.
    headed: bool,
}

impl Rows for Lsof {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        let mut words = line.split_whitespace();
        if words.next() == Some("COMMAND") && words.next() == Some("PID") {
            self.headed = true;
            return Reading::Title;
        }
        match row(line) {
            Some(Some(socket)) => {
                sockets.push(socket);
                Reading::Row
            }
            Some(None) => Reading::Other,
            None if is_file_row(line) && (self.headed || names_a_file(line)) => Reading::Other,
            None => Reading::Unread,
        }
    }

    fn finish(&mut self, sockets: &mut Vec<Socket>) {
        merge(sockets);
    }
}

/// A row of a socket; `Some(None)` for one that is not TCP.
fn row(line: &str) -> Option<Option<Socket>> {
    // COMMAND PID [TID TASKCMD] [PGID PPID] USER FD TYPE DEVICE SIZE/OFF NODE NAME: the type is the fixed point.
    if !["IP", "inet", "sock"].iter().any(|kind| line.contains(kind)) {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().take(16).collect();
    let kind = words
        .iter()
        .position(|word| matches!(*word, "IPv4" | "IPv6" | "inet" | "inet6" | "sock"))
        .filter(|&at| at >= 4)?;
    let pid = words[1..kind].iter().find_map(|word| word.parse().ok())?;
    let fd = words[kind - 1];
    let digits = fd.len() - fd.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let owner =
        Process { name: Some(unescaped(words[0]).into()), pid: Some(pid), fd: fd[..digits].parse().ok() };
    let mut socket = Socket { owners: Some(vec![owner]), ..Socket::default() };
    let user = words[kind - 2];
    match user.parse() {
        Ok(uid) => socket.uid = Some(uid),
        Err(_) => socket.user = Some(user.into()),
    }
    if words[kind] == "sock" {
        let name = line.find("protocol").map(|at| &line[at..])?;
        let before =
            line[..line.len() - name.len()].trim_end_matches("can't identify ").split_whitespace().last();
        socket.inode = before.and_then(number);
        return Some(gone(name, socket));
    }
    socket.inode = words.get(kind + 1).and_then(|device| number(device));
    let node = words[kind..]
        .iter()
        .position(|word| matches!(*word, "TCP" | "UDP" | "ICMP" | "ICMPV6" | "RAW" | "SCTP" | "UDPLITE"))?;
    if words[kind + node] != "TCP" {
        return Some(None);
    }
    let name = line.split_once(" TCP ")?.1;
    named(&mut socket, name)?;
    Some(Some(socket))
}

/// `protocol: TCP` and `can't identify protocol`: a descriptor without a connection; `None` if it is known to be no TCP.
pub(super) fn gone(name: &str, mut socket: Socket) -> Option<Socket> {
    socket.state = match name.trim() {
        "protocol: TCP" | "protocol: TCPv6" => SocketState::Closed,
        name if name.starts_with("protocol:") => return None,
        _ => SocketState::Unknown,
    };
    Some(socket)
}

/// `local[->peer] [(STATE QR=0 QS=0)]`.
pub(super) fn named(socket: &mut Socket, name: &str) -> Option<()> {
    let (ends, notes) = name.trim().split_once(" (").unwrap_or((name.trim(), ""));
    let (local, peer) = match ends.split_once("->") {
        Some((local, peer)) => (local, Some(peer)),
        None => (ends, None),
    };
    let local = End::colon(local.trim(), Width::Free)?;
    let peer = peer.map(|peer| End::colon(peer.trim(), Width::Free));
    if peer == Some(None) {
        return None;
    }
    socket.local = Some(local);
    socket.peer = peer.flatten().filter(|end| !end.is_any());
    for word in notes.trim_end_matches(')').split_whitespace() {
        note(socket, word);
    }
    Some(())
}

/// A state, `ST=...`, `QR=...` or `QS=...`.
pub(super) fn note(socket: &mut Socket, word: &str) {
    match word.split_once('=') {
        Some(("QR", n)) => socket.recv_q = n.parse().ok(),
        Some(("QS", n)) => socket.send_q = n.parse().ok(),
        Some(("ST", state)) => socket.state = SocketState::read(state).unwrap_or(socket.state),
        Some(_) => {}
        None => socket.state = SocketState::read(word).unwrap_or(socket.state),
    }
}

/// An inode, or a kernel address.
pub(super) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Undoes `\x20`, by which lsof prints what is not printable or a space.
fn unescaped(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if byte.is_ascii() => {
                plain.push(char::from(byte));
                plain.push_str(&part[2..]);
            }
            _ => {
                plain.push_str("\\x");
                plain.push_str(part);
            }
        }
    }
    plain
}

/// A word that only lsof prints for a descriptor (`cwd`, `txt`, `12u`) stands before the type, so no heading is needed.
fn names_a_file(line: &str) -> bool {
    line.split_whitespace().skip(2).take(6).any(|word| {
        matches!(word, "cwd" | "rtd" | "txt" | "mem")
            || word
                .trim_end_matches(['r', 'w', 'u', 'W', 'R'])
                .parse::<u32>()
                .is_ok_and(|_| !word.ends_with(|c: char| c.is_ascii_digit()))
    })
}

/// A row of a file, a pipe, a library: command, pid, user, descriptor, type and more.
fn is_file_row(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let pid = words.nth(1).is_some_and(|word| word.parse::<u32>().is_ok());
    let known = |word: &str| {
        matches!(
            word,
            "REG"
                | "DIR"
                | "CHR"
                | "FIFO"
                | "unix"
                | "a_inode"
                | "PIPE"
                | "KQUEUE"
                | "unknown"
                | "BLK"
                | "LINK"
                | "VREG"
                | "VDIR"
                | "VCHR"
                | "netlink"
                | "pack"
                | "DEL"
                | "systm"
                | "NPOLICY"
                | "CHAN"
                | "DOOR"
        )
    };
    pid && words.take(8).any(known) && !line.contains(" TCP ")
}
