//! Windows `netstat`: `TCP local:port peer:port STATE [pid] [offload]`, with the program of `-b` on lines below.
//!
//! Headings come in many languages and are recognised by their shape; the rows are the same everywhere but for the states.

use super::end::{End, Width};
use super::socket::{Process, Socket, SocketState};
use super::{Format, Reading, Rows};

pub(super) const FORMAT: Format = Format {
    name: "netstat-windows",
    about: "Windows netstat, with any of -a -n -o -b -q -t",
    rows: || Box::new(Windows::default()),
};

#[derive(Default)]
struct Windows {
    /// The last row was a TCP socket, so a program named below is its owner.
    in_tcp: bool,
}

impl Rows for Windows {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { return Reading::Unread };
        if TITLES.iter().any(|title| line.trim() == *title) {
            self.in_tcp = false;
            return Reading::Title;
        }
        if PROTOCOL.contains(&first)
            && !line.contains("Recv-Q")
            && !line.contains("RefCnt")
            && words.clone().count() >= 3
        {
            self.in_tcp = false;
            return Reading::Heading;
        }
        match first {
            "TCP" | "TCPv6" => match row(words) {
                Some(socket) => {
                    sockets.push(socket);
                    self.in_tcp = true;
                    Reading::Row
                }
                None => Reading::Unread,
            },
            "UDP" | "UDPv6" => {
                self.in_tcp = false;
                let end = words.next().and_then(|end| End::colon(end, Width::Free));
                if end.is_some() { Reading::Other } else { Reading::Unread }
            }
            _ => Reading::Unread,
        }
    }

    /// `[svchost.exe]`, or the component of a service above it (`RpcSs`), or the admission that nobody knows.
    fn detail(&mut self, line: &str, sockets: &mut Vec<Socket>) -> bool {
        let text = line.trim();
        if let Some(name) =
            text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).filter(|name| *name != "...")
        {
            if self.in_tcp
                && let Some(socket) = sockets.last_mut()
            {
                let owners = socket.owners.get_or_insert_default();
                match owners.first_mut() {
                    Some(owner) => owner.name = Some(name.into()),
                    None => owners.push(Process { name: Some(name.into()), ..Process::default() }),
                }
            }
            return !name.contains('[');
        }
        if !line.starts_with([' ', '\t']) {
            return false;
        }
        let component = text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        component || text.to_ascii_lowercase().contains("ownership information")
    }

    fn finish(&mut self, _sockets: &mut Vec<Socket>) {
        self.in_tcp = false;
    }
}

const TITLES: &[&str] = &[
    "Active Connections",
    "Aktive Verbindungen",
    "Connexions actives",
    "Conexiones activas",
    "Connessioni attive",
    "Conexões ativas",
    "Actieve verbindingen",
    "Aktiva anslutningar",
    "Aktywne połączenia",
    "Активные подключения",
    "アクティブな接続",
    "活动连接",
    "使用中連線",
    "활성 연결",
];

/// The name of the first column in these languages.
const PROTOCOL: &[&str] =
    &["Proto", "Proto.", "Protocole", "Protokół", "Имя", "プロトコル", "协议", "協定", "프로토콜"];

fn row<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Socket> {
    let local = End::colon(words.next()?, Width::Free)?;
    let peer = End::colon(words.next()?, Width::Free)?;
    let state = SocketState::read(words.next()?)?;
    let mut socket = Socket {
        state,
        local: Some(local),
        peer: Some(peer).filter(|end| !end.is_any()),
        ..Socket::default()
    };
    if let Some(Ok(pid)) = words.next().map(str::parse) {
        // Process 0 is the idle process, to which TIME_WAIT sockets are booked: nobody.
        socket.owners =
            Some(if pid == 0 { Vec::new() } else { vec![Process { pid: Some(pid), ..Process::default() }] });
    }
    Some(socket)
}
