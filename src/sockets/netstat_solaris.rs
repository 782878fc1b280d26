//! Solaris and illumos `netstat`: `local.port remote.port Swind Send-Q Rwind Recv-Q State`, in blocks per protocol and family.
//!
//! The columns behind the addresses follow the heading, where there is one: `-u` adds user, pid and command, and prints a row
//! per process that holds the socket.

use super::end::{End, Width};
use super::owners::merge;
use super::socket::{Process, Socket, SocketState};
use super::{Format, Reading, Rows};

pub(super) const FORMAT: Format = Format {
    name: "netstat-solaris",
    about: "Solaris and illumos netstat, with any of -a -n -u -f inet -f inet6 -P tcp",
    rows: || Box::new(Solaris::default()),
};

#[derive(Default)]
struct Solaris {
    /// Titles of TCP blocks since the listing began: IPv4, IPv6.
    families: [bool; 2],
    /// What follows is no TCP.
    other: bool,
    /// Columns behind the two addresses.
    columns: Vec<Column>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    User,
    Pid,
    Command,
    SendQ,
    RecvQ,
    State,
    /// A number that is not kept.
    Window,
    /// The interface of IPv6 sockets, often empty.
    Interface,
}

const DEFAULT: &[Column] = &[Column::Window, Column::SendQ, Column::Window, Column::RecvQ, Column::State];

impl Rows for Solaris {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        let text = line.trim();
        if let Some(reading) = self.title(text) {
            return reading;
        }
        if text.starts_with("Local Address") && text.contains("Remote Address") {
            self.columns = columns(text);
            self.other |= !self.columns.contains(&Column::SendQ);
            return Reading::Heading;
        }
        if text.len() > 8 && text.bytes().all(|b| matches!(b, b'-' | b' ')) && !self.columns.is_empty() {
            return Reading::Heading;
        }
        if self.other {
            return if self.other_row(text) { Reading::Other } else { Reading::Unread };
        }
        let columns = if self.columns.is_empty() { DEFAULT } else { &self.columns };
        match row(text, columns) {
            Some(socket) => {
                sockets.push(socket);
                Reading::Row
            }
            None => Reading::Unread,
        }
    }

    fn finish(&mut self, sockets: &mut Vec<Socket>) {
        merge(sockets);
    }
}

impl Solaris {
    fn title(&mut self, text: &str) -> Option<Reading> {
        let family = match text {
            "TCP: IPv4" | "TCP" => 0,
            "TCP: IPv6" => 1,
            "UDP: IPv4" | "UDP: IPv6" | "UDP" | "SCTP:" | "SCTP" | "Active UNIX domain sockets" => {
                (self.other, self.columns) = (true, Vec::new());
                return Some(Reading::Heading);
            }
            _ if self.other && text.starts_with("Address ") && text.contains("Vnode") => {
                return Some(Reading::Heading);
            }
            _ => return None,
        };
        let again = self.families[family];
        if again {
            self.families = [false; 2];
        }
        self.families[family] = true;
        (self.other, self.columns) = (false, Vec::new());
        Some(if again { Reading::Title } else { Reading::Heading })
    }

    /// A UDP socket begins with an address, a UNIX one with a kernel address.
    fn other_row(&self, text: &str) -> bool {
        let first = text.split_whitespace().next().unwrap_or("");
        let kernel_address = first.len() >= 8 && first.bytes().all(|b| b.is_ascii_hexdigit());
        kernel_address || End::dot(first, Width::Free).is_some() && !text.contains(" tcp")
    }
}

fn columns(heading: &str) -> Vec<Column> {
    let behind = heading.split_once("Remote Address").map_or("", |(_, behind)| behind);
    behind
        .split_whitespace()
        .map(|name| match name {
            "User" => Column::User,
            "Pid" => Column::Pid,
            "Command" => Column::Command,
            "Send-Q" => Column::SendQ,
            "Recv-Q" => Column::RecvQ,
            "State" => Column::State,
            "If" => Column::Interface,
            _ => Column::Window,
        })
        .collect()
}

/// Columns before a command (which may hold spaces) are counted from the left, those behind it from the right.
fn row(text: &str, columns: &[Column]) -> Option<Socket> {
    let mut words = text.split_whitespace();
    let local = Some(End::dot(words.next()?, Width::Free)?);
    let peer = Some(End::dot(words.next()?, Width::Free)?).filter(|end| !end.is_any());
    let mut socket = Socket { local, peer, ..Socket::default() };
    let words: Vec<&str> = words.take(64).collect();
    let mut words = words.as_slice();
    let mut columns = columns;
    if columns.last() == Some(&Column::Interface) {
        columns = &columns[..columns.len() - 1];
        let state_is_last = words.last().is_some_and(|word| SocketState::read(word).is_some());
        if !state_is_last && words.len() > columns.len() {
            words = &words[..words.len() - 1];
        }
    }
    let command = columns.iter().position(|column| *column == Column::Command);
    let spread = words.len().checked_sub(columns.len()).filter(|&more| more == 0 || command.is_some())?;
    let mut process = Process::default();
    for (at, column) in columns.iter().enumerate() {
        let shift = if command.is_some_and(|command| at > command) { spread } else { 0 };
        let word = *words.get(at + shift)?;
        match column {
            Column::User => socket.user = Some(word.into()),
            Column::Pid => process.pid = word.parse().ok().filter(|&pid| pid != 0),
            Column::Command => process.name = Some(words.get(at..=at + spread)?.join(" ").into()),
            Column::SendQ => socket.send_q = Some(word.parse().ok()?),
            Column::RecvQ => socket.recv_q = Some(word.parse().ok()?),
            Column::State => socket.state = SocketState::read(word)?,
            Column::Window => {
                word.parse::<u64>().ok()?;
            }
            Column::Interface => {}
        }
    }
    if columns.contains(&Column::Pid) {
        socket.owners = process.pid.map(|_| vec![process]);
    }
    socket.forget_queues_of_listener();
    Some(socket)
}
