//! /proc/net/tcp and tcp6 of Linux: numbers in hexadecimal, addresses in the byte order of the host.
//!
//! Little-endian hosts are assumed, as nothing in the text tells; a big-endian host's addresses come out reversed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::end::End;
use super::socket::{Socket, SocketState, Timer, TimerKind};
use super::{Format, Reading, Rows};
use crate::wire::Span;

pub(super) const FORMAT: Format = Format {
    name: "proc-net-tcp",
    about: "/proc/net/tcp and /proc/net/tcp6 of Linux (little-endian)",
    rows: || Box::new(ProcNet),
};

struct ProcNet;

impl Rows for ProcNet {
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading {
        let text = line.trim_start();
        if text.starts_with("sl ") && text.contains("local_address") {
            // The IPv6 table, whose heading differs, is read after the IPv4 one as a rule and belongs to it.
            return if text.contains("remote_address") { Reading::Heading } else { Reading::Title };
        }
        match row(text) {
            Some(socket) => {
                sockets.push(socket);
                Reading::Row
            }
            None => Reading::Unread,
        }
    }
}

fn row(text: &str) -> Option<Socket> {
    let mut words = text.split_whitespace();
    words.next()?.strip_suffix(':')?.parse::<u64>().ok()?;
    let local = end(words.next()?)?;
    let peer = end(words.next()?)?;
    let state = state(words.next()?)?;
    let (send_q, recv_q) = pair(words.next()?)?;
    let (timer, left) = pair(words.next()?)?;
    let retries = u32::from_str_radix(words.next()?, 16).ok()?;
    let mut socket = Socket {
        state,
        local: Some(local),
        peer: Some(peer).filter(|end| !end.is_any()),
        recv_q: Some(recv_q),
        send_q: Some(send_q),
        timer: Some(Timer { kind: timer_kind(timer), left: None, retries: Some(retries) }),
        ..Socket::default()
    };
    if let Some(timer) = socket.timer.as_mut().filter(|timer| timer.kind != TimerKind::Off) {
        // Hundredths of a second (USER_HZ).
        timer.left = i64::try_from(left).ok().map(|ticks| Span::millis(ticks.saturating_mul(10)));
    }
    let uid = words.next().and_then(|uid| uid.parse().ok());
    socket.inode = words.nth(1).and_then(|inode| inode.parse().ok()).filter(|&inode| inode != 0);
    // A socket of which no process has a descriptor prints user and inode 0.
    socket.uid = uid.filter(|_| socket.inode.is_some());
    socket.owners = socket.inode.is_none().then(Vec::new);
    Some(socket)
}

/// Two hexadecimal numbers around a colon.
fn pair(text: &str) -> Option<(u64, u64)> {
    let (first, second) = text.split_once(':')?;
    Some((u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(second, 16).ok()?))
}

/// `0100007F:1F90`, or 32 digits: words of four bytes, each in host order.
fn end(text: &str) -> Option<End> {
    let (addr, port) = text.split_once(':')?;
    if !addr.is_ascii() || port.len() != 4 {
        return None;
    }
    let word = |at: usize| u32::from_str_radix(addr.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_le_bytes);
    let addr = match addr.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (at, four) in octets.chunks_exact_mut(4).enumerate() {
                four.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(End::numeric(addr, u16::from_str_radix(port, 16).ok()?))
}

/// The kernel's numbers (include/net/tcp_states.h).
fn state(text: &str) -> Option<SocketState> {
    Some(match u8::from_str_radix(text, 16).ok()? {
        1 => SocketState::Established,
        2 => SocketState::SynSent,
        3 | 12 => SocketState::SynReceived,
        4 => SocketState::FinWait1,
        5 => SocketState::FinWait2,
        6 => SocketState::TimeWait,
        7 => SocketState::Closed,
        8 => SocketState::CloseWait,
        9 => SocketState::LastAck,
        10 => SocketState::Listen,
        11 => SocketState::Closing,
        13 => SocketState::Bound,
        _ => return None,
    })
}

fn timer_kind(number: u64) -> TimerKind {
    match number {
        0 => TimerKind::Off,
        1 => TimerKind::Retransmit,
        2 => TimerKind::KeepAlive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::Persist,
        _ => TimerKind::Other,
    }
}
