//! `lsof -F`: one field per line, named by its first letter; `p` begins a process, `f` a descriptor. With `-F0`, NUL ends a field.
//!
//! A field makes no sense alone, so nothing is read here before a line `p` and a number.

use super::lsof::{gone, named, note, number};
use super::owners::merge;
use super::socket::{Process, Socket};
use super::{Format, Reading, Rows};

pub(super) const FORMAT: Format = Format {
    name: "lsof-fields",
    about: "lsof -F (with any field list that has p, f, P and n), -F0",
    rows: || Box::new(Fields::default()),
};

#[derive(Default)]
struct Fields {
    process: Process,
    /// What the descriptor's fields say so far.
    socket: Socket,
    /// The protocol, if it was asked for, and the name, while it is not known whether it belongs to a TCP socket.
    protocol: Option<Box<str>>,
    name: Box<str>,
    /// A process has begun.
    begun: bool,
    /// The descriptor is a TCP socket and has been handed out: further fields complete it.
    pushed: bool,
}

impl Rows for Fields {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        if line.contains('\0') {
            let known = line.split('\0').filter(|field| !field.is_empty()).fold(true, |known, field| {
                let read = self.field(field, sockets)
                    || (self.pushed && sockets.last_mut().is_some_and(|socket| complete(socket, field)));
                known && read
            });
            return if known { Reading::Row } else { Reading::Unread };
        }
        // Fields behind the one that hands the socket out are left to `detail`, which sees the socket.
        if self.field(line, sockets) { Reading::Row } else { Reading::Unread }
    }

    fn detail(&mut self, line: &str, sockets: &mut Vec<Socket>) -> bool {
        match sockets.last_mut().filter(|_| self.pushed) {
            Some(socket) => complete(socket, line),
            None => self.begun && is_field(line),
        }
    }

    fn finish(&mut self, sockets: &mut Vec<Socket>) {
        merge(sockets);
        *self = Fields::default();
    }
}

impl Fields {
    /// Takes a field that belongs to the process or begins a socket.
    fn field(&mut self, field: &str, sockets: &mut Vec<Socket>) -> bool {
        if !is_field(field) {
            return false;
        }
        let (letter, value) = field.split_at(1);
        match letter {
            "p" => {
                let Ok(pid) = value.parse() else { return false };
                *self = Fields {
                    process: Process { pid: Some(pid), ..Process::default() },
                    begun: true,
                    ..Fields::default()
                };
                return true;
            }
            _ if !self.begun => return false,
            "c" => self.process.name = Some(value.into()),
            "u" => self.socket.uid = value.parse().ok(),
            "L" => self.socket.user = Some(value.into()),
            "f" => {
                let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
                self.process.fd = value[..digits].parse().ok();
                let Socket { uid, user, .. } = std::mem::take(&mut self.socket);
                self.socket = Socket { uid, user, ..Socket::default() };
                (self.protocol, self.name, self.pushed) = (None, Box::default(), false);
            }
            _ if self.pushed => return false,
            "d" | "i" => self.socket.inode = number(value).or(self.socket.inode),
            "P" => {
                self.protocol = Some(value.into());
                if value.eq_ignore_ascii_case("TCP") {
                    self.push(sockets);
                }
            }
            "n" if value.starts_with("protocol: ") || value.starts_with("can't identify protocol") => {
                if let Some(socket) = gone(value, self.socket.clone()) {
                    self.socket = socket;
                    self.push(sockets);
                }
            }
            // Without the field P, a peer or a state shows that it is TCP.
            "n" if self.protocol.is_none() => {
                self.name = value.into();
                if value.contains("->") && named(&mut self.socket, value).is_some() {
                    self.push(sockets);
                }
            }
            "T" if self.protocol.is_none()
                && value.starts_with("ST=")
                && named(&mut self.socket, &self.name).is_some() =>
            {
                note(&mut self.socket, value);
                self.push(sockets);
            }
            _ => {}
        }
        true
    }

    fn push(&mut self, sockets: &mut Vec<Socket>) {
        sockets.push(Socket { owners: Some(vec![self.process.clone()]), ..self.socket.clone() });
        self.pushed = true;
    }
}

/// Takes a field behind the one that made the socket known.
fn complete(socket: &mut Socket, field: &str) -> bool {
    if !is_field(field) {
        return false;
    }
    match field.split_at(1) {
        ("n", name) => named(socket, name).is_some(),
        ("T", info) => {
            note(socket, info);
            true
        }
        ("d" | "i", id) => {
            socket.inode = socket.inode.or_else(|| number(id));
            true
        }
        _ => true,
    }
}

/// One letter and a value; only commands and names hold spaces.
fn is_field(line: &str) -> bool {
    let Some(letter) = line.bytes().next() else { return false };
    match letter {
        b'c' | b'n' | b'M' => true,
        b'p' | b'g' | b'R' | b'u' | b'L' | b'f' | b'a' | b'l' | b't' | b'G' | b'd' | b'D' | b's' | b'o'
        | b'i' | b'P' | b'T' | b'k' | b'r' | b'F' | b'N' | b'C' | b'K' | b'S' | b'x' => {
            !line.contains(char::is_whitespace) || line.trim_end().len() == 1
        }
        _ => false,
    }
}
