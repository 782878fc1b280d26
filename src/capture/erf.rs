//! ERF, Endace's record format: no file header and no magic number, so that only a chain of plausible records tells
//! it. Types that carry Ethernet, HDLC or bare IP are read; of others, the record is counted with an unknown link.

use super::recover::follows;
use super::{
    ByteOrder, DamageKind, Drop, Format, Found, Frame, Interface, Limits, LinkType, Opened, Probe,
    Recognised, Source, Stop, Summary, Walk, Walked,
};
use crate::wire::Timestamp;

pub(super) const FORMAT: Format = Format { name: "ERF", recognise, open };

/// Octets of a record header: time (8, little-endian, 32.32 fixed point), type, flags, record length (2), losses (2),
/// length on the wire (2).
const HEADER: usize = 16;
/// Octets of an extension header, and how many are believed.
const EXTENSION: usize = 8;
const MAX_EXTENSIONS: usize = 16;
/// Bit of the type, and of an extension's first octet: another extension header follows.
const MORE: u8 = 0x80;
/// Records that have to be plausible in a row.
const CHAIN: usize = 3;
/// Octets that are looked at for it.
const SNIFFED: usize = 64 << 10;
const TYPE_PAD: u8 = 48;

/// Link of the types that are read, and the octets between header and packet.
fn link_of(kind: u8, first: Option<u8>) -> (LinkType, usize) {
    match kind {
        // Packet over SONET: Cisco HDLC says so in its first octet, the rest is PPP.
        1 | 10 | 15 if matches!(first, Some(0x0f | 0x8f)) => (LinkType::C_HDLC, 0),
        1 | 10 | 15 => (LinkType::PPP_HDLC, 0),
        // Ethernet: an offset and a pad octet in front.
        2 | 11 | 16 | 20 => (LinkType::ETHERNET, 2),
        22 => (LinkType::IPV4, 0),
        23 => (LinkType::IPV6, 0),
        _ => (LinkType::UNKNOWN, 0),
    }
}

/// A record header with its extensions.
struct Header {
    at: Timestamp,
    kind: u8,
    flags: u8,
    record: u16,
    losses: u16,
    wire: u16,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Header> {
        let &[f0, f1, f2, f3, s0, s1, s2, s3, kind, flags, r0, r1, l0, l1, w0, w1] =
            bytes.first_chunk::<HEADER>()?;
        let seconds = u32::from_le_bytes([s0, s1, s2, s3]);
        let fraction = u64::from(u32::from_le_bytes([f0, f1, f2, f3]));
        Some(Header {
            at: Timestamp::new(i64::from(seconds), ((fraction * 1_000_000_000) >> 32) as i64),
            kind,
            flags,
            record: u16::from_be_bytes([r0, r1]),
            losses: u16::from_be_bytes([l0, l1]),
            wire: u16::from_be_bytes([w0, w1]),
        })
    }

    fn plausible(&self, near: Option<Timestamp>) -> bool {
        (1..=TYPE_PAD).contains(&(self.kind & !MORE))
            && usize::from(self.record) >= HEADER
            && self.wire > 0
            && self.at.0 > 0
            && follows(self.at, near)
    }
}

fn recognise(bytes: &[u8], at_end: bool) -> Recognised {
    let (mut rest, mut near) = (bytes, None);
    for seen in 0..CHAIN {
        if rest.is_empty() && at_end && seen > 0 {
            return Recognised::Yes;
        }
        let Some(header) = Header::of(rest) else {
            return if at_end {
                Recognised::No
            } else {
                Recognised::Needs(bytes.len() - rest.len() + HEADER)
            };
        };
        // Plain IP packets in TSH or other formats without magic number would pass with a loose look at the type.
        if !header.plausible(near) || link_of(header.kind & !MORE, None).0 == LinkType::UNKNOWN {
            return Recognised::No;
        }
        near = Some(header.at);
        let length = usize::from(header.record);
        match rest.get(length..) {
            Some(next) => rest = next,
            None if at_end || bytes.len() >= SNIFFED => return Recognised::No,
            None => return Recognised::Needs(bytes.len() - rest.len() + length),
        }
    }
    Recognised::Yes
}

fn open(_: &mut Source, limits: &Limits, summary: &mut Summary) -> Opened {
    summary.byte_order = Some(ByteOrder::Big);
    summary.dropped = Some(0);
    Ok(Box::new(Erf { limits: *limits, ports: Vec::new() }))
}

struct Erf {
    limits: Limits,
    /// Port and link type of each interface; a port that carries several kinds is several interfaces.
    ports: Vec<(u8, LinkType)>,
}

impl Erf {
    /// Index of the interface; none if there are as many as are allowed.
    fn interface(&mut self, port: u8, link: LinkType, summary: &mut Summary) -> Option<u32> {
        // Four ports and a handful of link types: never many.
        if let Some(index) = self.ports.iter().position(|known| *known == (port, link)) {
            return Some(index as u32);
        }
        if self.ports.len() == self.limits.max_interfaces {
            return None;
        }
        self.ports.push((port, link));
        summary.interfaces.push(Interface { name: Some(format!("port {port}")), ..Interface::new(link) });
        Some(self.ports.len() as u32 - 1)
    }
}

impl Walk for Erf {
    fn walk(&mut self, bytes: &[u8], summary: &mut Summary, found: &mut Found) -> Walked {
        let mut rest = bytes;
        let stop = loop {
            if found.is_full() {
                break Stop::Full;
            }
            let Some(header) = Header::of(rest) else { break Stop::Needs(HEADER) };
            let record = usize::from(header.record);
            if !header.plausible(None) {
                break Stop::Damaged(DamageKind::NoHeader);
            }
            let Some((this, next)) = rest.split_at_checked(record) else { break Stop::Needs(record) };
            let mut data = HEADER;
            let mut more = header.kind & MORE != 0;
            for _ in 0..MAX_EXTENSIONS {
                if !more {
                    break;
                }
                more = this.get(data).is_some_and(|octet| octet & MORE != 0);
                data += EXTENSION;
            }
            let (link, front) = link_of(header.kind & !MORE, this.get(data).copied());
            data = (data + front).min(record);
            // Records are padded to eight octets.
            let captured = (record - data).min(usize::from(header.wire)) as u32;
            if captured > self.limits.max_record {
                let limit = self.limits.max_record;
                break Stop::Damaged(DamageKind::RecordTooLong { claimed: captured, limit });
            }
            let port = header.flags & 3;
            let Some(interface) = self.interface(port, link, summary) else {
                break Stop::Damaged(DamageKind::UnknownInterface(u32::from(port)));
            };
            let frame = summary.frames + found.len() as u64 + 1;
            if header.losses > 0 {
                summary.add_drop(Drop {
                    after_frame: frame - 1,
                    before_frame: frame,
                    at: Some(header.at),
                    count: u64::from(header.losses),
                    interface,
                });
            }
            found.push(Frame {
                at: header.at,
                start: (bytes.len() - rest.len() + data) as u32,
                captured,
                wire_len: u32::from(header.wire),
                interface,
            });
            rest = next;
        };
        Walked { used: bytes.len() - rest.len(), stop }
    }

    fn probe(&self, bytes: &[u8], near: Option<Timestamp>) -> Probe {
        match Header::of(bytes) {
            Some(header) if header.plausible(near) => {
                Probe::Yes { len: usize::from(header.record), at: Some(header.at) }
            }
            _ => Probe::No,
        }
    }
}
