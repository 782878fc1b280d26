//! Linux `netstat` (net-tools, BusyBox): `tcp 0 0 local:port peer:port STATE [user inode] [pid/program] [timer]`.
//!
//! The columns behind the state depend on -e, -p and -o; they are told apart by their form, so a heading is not needed.

use super::end::{End, Width};
use super::owners::settle_owners;
use super::socket::{Process, Socket, SocketState, Timer, TimerKind};
use super::{Format, Reading, Rows};
use crate::wire::Span;

pub(super) const FORMAT: Format = Format {
    name: "netstat-linux",
    about: "Linux netstat (net-tools, BusyBox), with any of -t -a -n -e -p -o -W",
    rows: || Box::new(Linux::default()),
};

/// net-tools cuts what does not fit into 23 characters, in the address, not in the port, unless `-W` is given.
const COLUMN: usize = 23;

#[derive(Default)]
struct Linux {
    /// The line before was the title, so the column names belong to it.
    named: bool,
    /// An end longer than the column was seen: the listing is not cut.
    wide: bool,
    /// The tool says that it may not see the processes of others.
    blind: bool,
    /// The line before began to say so.
    in_note: bool,
}

/// Titles in the languages of net-tools, beside English.
const TITLES: &[&str] = &["Aktive Internetverbindungen", "Connexions Internet actives"];

/// How the tool says that it does not see every process; one line or two.
const NOTES: &[&str] = &[
    "(Not all processes could be identified",
    "will not be shown, you would have to be root",
    "(No info could be read for \"-p\"",
    "(Es konnten nicht alle Prozesse identifiziert werden",
    "(Tous les processus ne peuvent",
];

impl Rows for Linux {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        let named = std::mem::take(&mut self.named);
        let text = line.trim();
        if text.starts_with("Active Internet connections (w/o")
            || text.starts_with("Active Internet connections (servers and")
            || text.starts_with("Active Internet connections (only")
            || TITLES.iter().any(|title| text.starts_with(title))
        {
            self.named = true;
            return Reading::Title;
        }
        if text.starts_with("Proto Recv-Q Send-Q")
            && !text.ends_with("(state)")
            && !text.contains("Local Address:Port")
        {
            return if named { Reading::Heading } else { Reading::Title };
        }
        if text.starts_with("Active UNIX domain sockets (") || text.starts_with("Proto RefCnt Flags") {
            return Reading::Heading;
        }
        let note_begins = NOTES.iter().any(|note| text.starts_with(note));
        if note_begins || std::mem::take(&mut self.in_note) {
            (self.blind, self.in_note) = (true, note_begins && !text.ends_with(')'));
            return Reading::Heading;
        }
        match row(text) {
            Some(Some((socket, longest))) => {
                self.wide |= longest > COLUMN;
                sockets.push(socket);
                Reading::Row
            }
            Some(None) => Reading::Other,
            None => Reading::Unread,
        }
    }

    fn finish(&mut self, sockets: &mut Vec<Socket>) {
        if self.wide {
            let ends = sockets.iter_mut().flat_map(|socket| [&mut socket.local, &mut socket.peer]);
            ends.flatten().for_each(|end| end.host.complete());
        }
        if !self.blind {
            settle_owners(sockets);
        }
        self.wide = false;
    }
}

/// A row and the length of its longer end; `Some(None)` for another protocol.
fn row(text: &str) -> Option<Option<(Socket, usize)>> {
    let (protocol, rest) = word(text);
    match protocol {
        "tcp" | "tcp4" | "tcp6" => {}
        "udp" | "udp4" | "udp6" | "udplite" | "raw" | "raw6" | "sctp" | "sctp6" => {
            let (queue, rest) = word(rest);
            let (other, rest) = word(rest);
            let colon = End::colon(word(rest).0, Width::Free).is_some();
            return (colon && queue.parse::<u64>().is_ok() && other.parse::<u64>().is_ok()).then_some(None);
        }
        "unix" => return rest.contains('[').then_some(None),
        _ => return None,
    }
    let (recv_q, rest) = word(rest);
    let (send_q, rest) = word(rest);
    let (local, rest) = word(rest);
    let (peer, rest) = word(rest);
    let longest = local.len().max(peer.len());
    let mut socket = Socket {
        recv_q: Some(recv_q.parse().ok()?),
        send_q: Some(send_q.parse().ok()?),
        local: Some(End::colon(local, Width::Whole(COLUMN))?),
        peer: Some(End::colon(peer, Width::Whole(COLUMN))?).filter(|end| !end.is_any()),
        ..Socket::default()
    };
    let (state, behind) = word(rest);
    let rest = match SocketState::read(state) {
        Some(state) => {
            socket.state = state;
            behind
        }
        None => rest,
    };
    let rest = rest.trim();
    let (rest, timer) = split_timer(rest);
    socket.timer = timer;
    let rest = user_and_inode(&mut socket, rest);
    socket.owners = owner(rest).or(socket.owners);
    Some(Some((socket, longest)))
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// Takes `off (0.00/0/0)` from the end: seconds left, retransmissions or probes sent. The decimal sign may be a comma.
fn split_timer(text: &str) -> (&str, Option<Timer>) {
    let split = || {
        let (before, numbers) = text.strip_suffix(')')?.rsplit_once(" (")?;
        let at = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let kind = TimerKind::read(&before[at..])?;
        let mut parts = numbers.split('/');
        let seconds: f64 = parts.next()?.replace(',', ".").parse().ok().filter(|s| (0.0..1e9).contains(s))?;
        let left = (kind != TimerKind::Off).then_some(Span::millis((seconds * 1_000.0).round() as i64));
        let mut count = || parts.next().and_then(|n| n.parse::<u32>().ok());
        let (retransmits, probes) = (count(), count());
        let retries = if kind == TimerKind::KeepAlive { probes } else { retransmits };
        Some((before[..at].trim_end(), Timer { kind, left, retries }))
    };
    split().map_or((text, None), |(rest, timer)| (rest, Some(timer)))
}

/// Takes the two columns of `-e`: a user name or id, and an inode.
fn user_and_inode<'a>(socket: &mut Socket, text: &'a str) -> &'a str {
    let (user, behind) = word(text);
    let (inode, rest) = word(behind);
    let Ok(number) = inode.parse::<u64>() else { return text };
    if user == "-" || user.contains('/') {
        return text;
    }
    match user.parse() {
        Ok(uid) => socket.uid = Some(uid),
        Err(_) => socket.user = Some(user.into()),
    }
    socket.inode = Some(number).filter(|&inode| inode != 0);
    if number == 0 {
        socket.owners = Some(Vec::new());
    }
    rest
}

/// `812/nginx: worker`. `None` where the column is missing or holds `-`, which means nobody, or nobody who may be seen.
fn owner(text: &str) -> Option<Vec<Process>> {
    let text = text.trim();
    let (pid, name) = text.split_once('/')?;
    let name = Some(name.trim()).filter(|name| !name.is_empty());
    Some(vec![Process { name: name.map(Into::into), pid: Some(pid.parse().ok()?), fd: None }])
}
