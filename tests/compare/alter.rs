//! Captures taken apart and altered as boxes and network cards alter traffic: translated addresses, rewritten sequence
//! numbers, merged segments, clocks that are wrong, frames that are missing.

use std::path::Path;

use cwait_pcap::capture::{Limits, Reader};

use crate::write::{self, Kind, Order, Packet};

/// Ethernet frames with IPv4 or IPv6 and TCP, as the bundled pairs have them.
pub struct Capture(pub Vec<Packet>);

/// Where the parts of a frame are.
struct Parts {
    v6: bool,
    tcp: usize,
    payload: usize,
    /// Octets of the frame, padding aside.
    end: usize,
}

fn parts(data: &[u8]) -> Option<Parts> {
    let v6 = match data.get(12..14)? {
        [0x08, 0x00] => false,
        [0x86, 0xdd] => true,
        _ => return None,
    };
    let (tcp, protocol) = if v6 { (54, data[20]) } else { (14 + usize::from(data[14] & 15) * 4, data[23]) };
    let number = |at: usize| usize::from(u16::from_be_bytes([data[at], data[at + 1]]));
    let end = if v6 { 54 + number(18) } else { 14 + number(16) };
    let payload = tcp + usize::from(*data.get(tcp + 12)? >> 4) * 4;
    (protocol == 6 && end <= data.len()).then_some(Parts { v6, tcp, payload, end })
}

pub fn number(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(data[at..at + 4].try_into().unwrap())
}

impl Capture {
    pub fn read(path: &Path) -> Capture {
        let mut packets = Vec::new();
        let mut reader = Reader::open(path, &Limits::default()).unwrap();
        let mut take = |record: &cwait_pcap::capture::Record<'_>| {
            packets.push(Packet { at: record.at.0, wire_len: record.wire_len, data: record.data.to_vec() });
        };
        while reader.next_batch(&mut take).unwrap() {}
        Capture(packets)
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, write::pcap(Kind::Nanos, Order::Little, 1, &self.0)).unwrap();
    }

    /// Every TCP frame through `change`, which is given the frame and where its TCP header begins; checksums are made
    /// right again.
    fn changed(mut self, mut change: impl FnMut(&mut Vec<u8>, usize)) -> Capture {
        for packet in &mut self.0 {
            if let Some(found) = parts(&packet.data) {
                change(&mut packet.data, found.tcp);
                checksums(&mut packet.data);
            }
        }
        self
    }

    /// The clock runs that much ahead.
    pub fn later(mut self, by: i64) -> Capture {
        self.0.iter_mut().for_each(|packet| packet.at += by);
        self
    }

    /// As a place nearer to the clients would show it: what clients send that much earlier, what the service sends that
    /// much later, one hop off.
    pub fn nearer_to_clients(self, service: u16, delay: i64) -> Capture {
        let mut capture = self;
        for packet in &mut capture.0 {
            let Some(found) = parts(&packet.data) else { continue };
            let from_service = packet.data[found.tcp..found.tcp + 2] == service.to_be_bytes();
            packet.at += if from_service { delay } else { -delay };
            let hop_limit = if found.v6 { 21 } else { 22 };
            packet.data[hop_limit] =
                if from_service { packet.data[hop_limit] - 1 } else { packet.data[hop_limit] + 1 };
            checksums(&mut packet.data);
        }
        capture.0.sort_by_key(|packet| packet.at);
        capture
    }

    /// Clients' addresses and ports are translated: whoever speaks to or from a port that is no service's.
    pub fn translated(self, service: u16) -> Capture {
        self.changed(|data, tcp| {
            let v6 = data[12] == 0x86;
            let from_service = u16::from_be_bytes([data[tcp], data[tcp + 1]]) == service;
            let port = if from_service { tcp + 2 } else { tcp };
            let was = u16::from_be_bytes([data[port], data[port + 1]]);
            data[port..port + 2].copy_from_slice(&(10_000 + was % 7_919).to_be_bytes());
            let address = match (v6, from_service) {
                (false, false) => 26,
                (false, true) => 30,
                (true, false) => 22,
                (true, true) => 38,
            };
            let last = address + if v6 { 16 } else { 4 };
            data[address] ^= 0x40;
            data[last - 1] = 99;
        })
    }

    /// The clients' sequence numbers are moved, as firewalls do that choose better ones.
    pub fn renumbered(self, service: u16) -> Capture {
        self.moved(service, true)
    }

    /// The servers' are.
    pub fn renumbered_at_servers(self, service: u16) -> Capture {
        self.moved(service, false)
    }

    fn moved(self, service: u16, clients: bool) -> Capture {
        self.changed(|data, tcp| {
            let from_service = u16::from_be_bytes([data[tcp], data[tcp + 1]]) == service;
            let at = if from_service { tcp + 2 } else { tcp };
            let port = u32::from(u16::from_be_bytes([data[at], data[at + 1]]));
            let moved = 0x3141_5926_u32.wrapping_mul(port * 2 + u32::from(clients) + 7);
            let own = from_service != clients;
            let at = if own { tcp + 4 } else { tcp + 8 };
            if own || data[tcp + 13] & 0x10 != 0 {
                let new = number(data, at).wrapping_add(moved);
                data[at..at + 4].copy_from_slice(&new.to_be_bytes());
            }
        })
    }

    /// As a box leaves it that clamps segment sizes and windows and takes timestamps out.
    pub fn meddled_with(self) -> Capture {
        self.changed(|data, tcp| {
            let syn = data[tcp + 13] & 2 != 0;
            let window = u16::from_be_bytes([data[tcp + 14], data[tcp + 15]]).min(500);
            data[tcp + 14..tcp + 16].copy_from_slice(&window.to_be_bytes());
            let end = tcp + usize::from(data[tcp + 12] >> 4) * 4;
            let mut at = tcp + 20;
            while at < end {
                match data[at] {
                    1 => at += 1,
                    2 if syn => {
                        data[at + 2..at + 4].copy_from_slice(&1_200_u16.to_be_bytes());
                        at += 4;
                    }
                    8 => {
                        data[at..at + 10].fill(1);
                        at += 10;
                    }
                    _ => at += usize::from(data[at + 1]).max(2),
                }
            }
        })
    }

    /// Neighbouring segments of one direction are one, as a card merges them on receipt.
    pub fn merged(mut self) -> Capture {
        let mut out: Vec<Packet> = Vec::new();
        for packet in self.0.drain(..) {
            let joined = out.last_mut().is_some_and(|last| join(last, &packet));
            if !joined {
                out.push(packet);
            }
        }
        Capture(out)
    }

    /// Only the frames that `keep` accepts, by frame and where its TCP header begins.
    pub fn only(mut self, mut keep: impl FnMut(&Packet, Option<usize>) -> bool) -> Capture {
        self.0.retain(|packet| keep(packet, parts(&packet.data).map(|found| found.tcp)));
        self
    }

    /// Frames are cut after so many octets.
    pub fn cut(mut self, snaplen: usize) -> Capture {
        self.0.iter_mut().for_each(|packet| packet.data.truncate(snaplen));
        self
    }
}

/// Appends `next` to `last` if it goes on where that ends.
fn join(last: &mut Packet, next: &Packet) -> bool {
    let (Some(a), Some(b)) = (parts(&last.data), parts(&next.data)) else { return false };
    let addresses = if a.v6 { 22..54 } else { 26..34 };
    let (x, y) = (&last.data, &next.data);
    let goes_on = number(x, a.tcp + 4).wrapping_add((a.end - a.payload) as u32) == number(y, b.tcp + 4);
    let alike = x[addresses.clone()] == y[addresses]
        && x[a.tcp..a.tcp + 4] == y[b.tcp..b.tcp + 4]
        && x[a.tcp + 8..a.tcp + 12] == y[b.tcp + 8..b.tcp + 12]
        && x[a.tcp + 20..a.payload] == y[b.tcp + 20..b.payload];
    let plain = |flags: u8| flags & 0x07 == 0;
    let data = a.end > a.payload && b.end > b.payload && a.end + b.end < 30_000;
    if !(goes_on && alike && data && plain(x[a.tcp + 13]) && plain(y[b.tcp + 13])) {
        return false;
    }
    last.data.truncate(a.end);
    last.data.extend_from_slice(&next.data[b.payload..b.end]);
    let total = last.data.len() - if a.v6 { 54 } else { 14 };
    let field = if a.v6 { 18 } else { 16 };
    last.data[field..field + 2].copy_from_slice(&(total as u16).to_be_bytes());
    last.wire_len = last.data.len() as u32;
    last.at = next.at;
    checksums(&mut last.data);
    true
}

fn checksums(data: &mut [u8]) {
    let Some(found) = parts(data) else { return };
    let (tcp, end) = (found.tcp, found.end);
    if !found.v6 {
        data[24..26].fill(0);
        let sum = fold(words(&data[14..tcp]));
        data[24..26].copy_from_slice(&(!sum).to_be_bytes());
    }
    data[tcp + 16..tcp + 18].fill(0);
    let addresses = if found.v6 { 22..54 } else { 26..34 };
    let sum = words(&data[addresses]) + words(&data[tcp..end]) + 6 + (end - tcp) as u64;
    data[tcp + 16..tcp + 18].copy_from_slice(&(!fold(sum)).to_be_bytes());
}

fn words(data: &[u8]) -> u64 {
    data.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
