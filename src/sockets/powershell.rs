//! PowerShell `Get-NetTCPConnection`: as a table, as a list (`Format-List`) or as CSV (`Export-Csv`), columns in any order.
//!
//! The property names head all three forms, so one list of them serves; the values are the same everywhere.

use super::end::{End, Host, Port};
use super::socket::{Process, Socket, SocketState};
use super::{Format, Reading, Rows};

pub(super) const FORMAT: Format = Format {
    name: "powershell",
    about: "PowerShell Get-NetTCPConnection as table, list or CSV, with or without Select-Object",
    rows: || Box::new(PowerShell::default()),
};

#[derive(Default)]
struct PowerShell {
    shape: Shape,
    /// Properties of the list's block so far.
    seen: Vec<Property>,
}

#[derive(Default)]
enum Shape {
    #[default]
    Unknown,
    /// Columns with the characters that their headings span.
    Table(Vec<(Property, usize, usize)>),
    /// Columns and the sign between them.
    Csv(Vec<Property>, char),
    List,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Property {
    LocalAddress,
    LocalPort,
    RemoteAddress,
    RemotePort,
    State,
    OwningProcess,
    /// A calculated column with the program's name.
    ProcessName,
    Other,
}

impl Property {
    fn read(name: &str) -> Property {
        match name.trim().to_ascii_lowercase().as_str() {
            "localaddress" => Property::LocalAddress,
            "localport" => Property::LocalPort,
            "remoteaddress" => Property::RemoteAddress,
            "remoteport" => Property::RemotePort,
            "state" => Property::State,
            "owningprocess" | "pid" => Property::OwningProcess,
            "processname" | "process" | "name" => Property::ProcessName,
            _ => Property::Other,
        }
    }
}

impl Rows for PowerShell {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        if let Some(shape) = heading(line) {
            self.shape = shape;
            return Reading::Title;
        }
        if line.starts_with("#TYPE ") {
            return Reading::Heading;
        }
        let mut socket = Socket::default();
        let read = match &self.shape {
            Shape::Table(columns) => {
                if line.contains("---") && line.bytes().all(|b| matches!(b, b'-' | b' ')) {
                    return Reading::Heading;
                }
                table_row(line, columns, &mut socket)
            }
            Shape::Csv(columns, sign) => csv_row(line, columns, *sign, &mut socket),
            Shape::Unknown | Shape::List => return self.list_line(line, sockets),
        };
        match read {
            Some(()) if socket.local.is_some() || socket.state != SocketState::Unknown => {
                sockets.push(finished(socket));
                Reading::Row
            }
            _ => self.list_line(line, sockets),
        }
    }

    fn detail(&mut self, line: &str, sockets: &mut Vec<Socket>) -> bool {
        let (Shape::List, Some((property, value)), Some(socket)) =
            (&self.shape, pair(line), sockets.last_mut())
        else {
            return false;
        };
        if property != Property::Other {
            self.seen.push(property);
        }
        let read = set(socket, property, value).is_some();
        if let Some(peer) = &socket.peer
            && peer.is_any()
            && self.seen.contains(&Property::RemotePort)
            && self.seen.contains(&Property::RemoteAddress)
        {
            socket.peer = None;
        }
        read
    }
}

impl PowerShell {
    /// A line `Name : value` that begins a block: the first one, or one whose name the block already has.
    fn list_line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        let Some((property, value)) = pair(line) else { return Reading::Unread };
        let inside = matches!(self.shape, Shape::List) && !self.seen.contains(&property);
        if property == Property::Other || inside {
            return Reading::Unread;
        }
        // Only an address begins the first block: other words with a colon are too common.
        if !matches!(self.shape, Shape::List) && property != Property::LocalAddress {
            return Reading::Unread;
        }
        let mut socket = Socket::default();
        if set(&mut socket, property, value).is_none() {
            return Reading::Unread;
        }
        self.shape = Shape::List;
        self.seen = vec![property];
        sockets.push(socket);
        Reading::Row
    }
}

/// `LocalAddress  : 192.0.2.1`.
fn pair(line: &str) -> Option<(Property, &str)> {
    let (name, value) = line.split_once(" :").or_else(|| line.split_once(':'))?;
    name.trim().bytes().all(|b| b.is_ascii_alphanumeric()).then(|| (Property::read(name), value.trim()))
}

/// A line of property names, one of them a port; a command line that mentions them is none.
fn heading(line: &str) -> Option<Shape> {
    let has = |name: &str| {
        line.as_bytes().windows(name.len()).any(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    if !has("localport") && !has("remoteport") {
        return None;
    }
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let sign = [',', ';', '\t'].into_iter().find(|&sign| line.split(sign).count() >= 3);
    if let Some(sign) = sign {
        let names = cells(line, sign);
        let all = names.iter().all(|name| is_name(name.trim()));
        return all.then(|| Shape::Csv(names.iter().map(|name| Property::read(name)).collect(), sign));
    }
    let names: Vec<_> = spans(line).collect();
    let all = names.len() >= 3 && names.iter().all(|(name, _, _)| is_name(name));
    all.then(|| {
        Shape::Table(names.into_iter().map(|(name, from, upto)| (Property::read(name), from, upto)).collect())
    })
}

/// Words with the characters that they span.
fn spans(line: &str) -> impl Iterator<Item = (&str, usize, usize)> {
    let mut at = 0;
    line.split(' ').filter_map(move |word| {
        let from = at;
        let upto = from + word.chars().count();
        at = upto + 1;
        (!word.trim().is_empty()).then_some((word.trim(), from, upto))
    })
}

/// A cell stands below the heading that it overlaps most; where counts agree, order decides.
fn table_row(line: &str, columns: &[(Property, usize, usize)], socket: &mut Socket) -> Option<()> {
    let cells: Vec<_> = spans(line).take(columns.len() + 1).collect();
    if cells.len() > columns.len() || cells.len() < 3 {
        return None;
    }
    let in_order = cells.len() == columns.len();
    let mut next = 0;
    for (at, (word, from, upto)) in cells.iter().enumerate() {
        let overlap =
            |&(_, start, end): &(Property, usize, usize)| (*upto.min(&end)).saturating_sub(*from.max(&start));
        let column = if in_order {
            at
        } else {
            let (column, most) = columns
                .iter()
                .map(overlap)
                .enumerate()
                .skip(next)
                .max_by_key(|&(at, most)| (most, usize::MAX - at))?;
            if most == 0 { next.min(columns.len() - 1) } else { column }
        };
        next = column + 1;
        set(socket, columns.get(column)?.0, word)?;
    }
    Some(())
}

fn csv_row(line: &str, columns: &[Property], sign: char, socket: &mut Socket) -> Option<()> {
    let cells = cells(line, sign);
    if cells.len() != columns.len() {
        return None;
    }
    cells.iter().zip(columns).try_for_each(|(cell, column)| set(socket, *column, cell))
}

/// The cells of a CSV line, quoted or not.
fn cells(line: &str, sign: char) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.trim_end().chars().peekable();
    while let Some(c) = chars.next() {
        match (c, cells.last_mut()) {
            ('"', Some(cell)) if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            ('"', _) => quoted = !quoted,
            (c, _) if c == sign && !quoted => cells.push(String::new()),
            (c, Some(cell)) => cell.push(c),
            (_, None) => {}
        }
    }
    cells
}

/// Sets one property; `None` if the value cannot be read. An empty one is none.
fn set(socket: &mut Socket, property: Property, value: &str) -> Option<()> {
    let value = value.trim();
    if value.is_empty() {
        return Some(());
    }
    let nowhere = End { host: Host::Any, port: Port::Any };
    match property {
        Property::LocalAddress => socket.local.get_or_insert(nowhere).host = Host::read(value, false)?,
        Property::LocalPort => socket.local.get_or_insert(nowhere).port = Port::read(value)?,
        Property::RemoteAddress => socket.peer.get_or_insert(nowhere).host = Host::read(value, false)?,
        Property::RemotePort => socket.peer.get_or_insert(nowhere).port = Port::read(value)?,
        Property::State => socket.state = state(value)?,
        Property::OwningProcess => {
            let pid: u32 = value.parse().ok()?;
            let owners = socket.owners.get_or_insert_default();
            if let Some(owner) = owners.first_mut() {
                owner.pid = Some(pid);
            } else if pid != 0 {
                owners.push(Process { pid: Some(pid), ..Process::default() });
            }
        }
        Property::ProcessName => {
            let owners = socket.owners.get_or_insert_default();
            match owners.first_mut() {
                Some(owner) => owner.name = Some(value.into()),
                None => owners.push(Process { name: Some(value.into()), ..Process::default() }),
            }
        }
        Property::Other => {}
    }
    Some(())
}

/// A name, or the number behind it (MSFT_NetTCPConnection).
fn state(value: &str) -> Option<SocketState> {
    Some(match value {
        "1" => SocketState::Closed,
        "2" => SocketState::Listen,
        "3" => SocketState::SynSent,
        "4" => SocketState::SynReceived,
        "5" => SocketState::Established,
        "6" => SocketState::FinWait1,
        "7" => SocketState::FinWait2,
        "8" => SocketState::CloseWait,
        "9" => SocketState::Closing,
        "10" => SocketState::LastAck,
        "11" => SocketState::TimeWait,
        "12" => SocketState::Closed,
        "100" => SocketState::Bound,
        name => SocketState::read(name)?,
    })
}

/// `0.0.0.0` and port 0 stand for no peer.
fn finished(mut socket: Socket) -> Socket {
    socket.peer = socket.peer.filter(|peer| !peer.is_any());
    socket
}
