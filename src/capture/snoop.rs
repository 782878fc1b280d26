//! snoop: what Solaris `snoop -o` writes (RFC 1761), and the variant of Shomiti's Surveyor, which gave the link
//! numbers other meanings.

use super::recover::follows;
use super::{
    ByteOrder, CaptureError, DamageKind, Drop, Format, Found, Frame, Interface, Limits, LinkType, Opened,
    Probe, Recognised, Source, Stop, Summary, Walk, Walked,
};
use crate::wire::Timestamp;

pub(super) const FORMAT: Format = Format { name: "snoop", recognise, open };

const MAGIC: &[u8; 8] = b"snoop\0\0\0";
/// Octets of the file header: magic, version (4), datalink type (4).
const HEADER: usize = 16;
/// Octets of a record header: original length, included length, record length, cumulative drops, seconds,
/// microseconds; four each.
const RECORD_HEADER: usize = 24;
/// Pad octets allowed behind a packet. RFC 1761 needs up to 3, Shomiti keeps 16 of its own.
const MAX_PAD: u32 = 256;
/// A pad of this many octets in the first record says that Shomiti wrote the file; nothing else tells.
const SHOMITI_TRAILER: u32 = 16;

/// Datalink codes: RFC 1761, and those that Solaris' `sys/dlpi.h` added. Tunnel links carry bare IP packets.
const DATALINKS: &[(u32, LinkType)] = &[
    (0, LinkType::ETHERNET), // IEEE 802.3
    (2, LinkType::TOKEN_RING),
    (4, LinkType::ETHERNET),
    (8, LinkType::FDDI),
    (9, LinkType::NULL),  // "other": UNICOS/mp's loopback
    (14, LinkType::NULL), // DL_LOOP
    (16, LinkType::IP_OVER_FC),
    (18, LinkType::SUN_ATM),
    (24, LinkType::ETHERNET),     // DL_ETH_CSMA
    (25, LinkType::ETHERNET),     // DL_100BT
    (0x8000_0001, LinkType::RAW), // DL_IPV4, an IPv4 tunnel
    (0x8000_0002, LinkType::RAW), // DL_IPV6, an IPv6 tunnel
    (0x8000_0005, LinkType::IPNET),
    (0x8000_0007, LinkType::RAW), // DL_6TO4
];

/// The same codes as Shomiti used them.
const SHOMITI_DATALINKS: &[(u32, LinkType)] = &[
    (0, LinkType::ETHERNET),
    (2, LinkType::TOKEN_RING),
    (4, LinkType::ETHERNET),
    (8, LinkType::FDDI),
    (10, LinkType::ETHERNET),   // Fast Ethernet
    (11, LinkType::TOKEN_RING), // 4 Mbit/s
    (12, LinkType::ETHERNET),   // Gigabit Ethernet
    (13, LinkType::TOKEN_RING),
    (14, LinkType::TOKEN_RING),
    (19, LinkType::ETHERNET), // 10 Gigabit Ethernet
];

fn link_type(datalinks: &[(u32, LinkType)], code: u32) -> LinkType {
    datalinks.iter().find(|(known, _)| *known == code).map_or(LinkType::UNKNOWN, |(_, link)| *link)
}

fn recognise(bytes: &[u8], _at_end: bool) -> Recognised {
    if bytes.starts_with(MAGIC) {
        Recognised::Yes
    } else if MAGIC.starts_with(bytes) {
        Recognised::Needs(MAGIC.len())
    } else {
        Recognised::No
    }
}

fn open(source: &mut Source, limits: &Limits, summary: &mut Summary) -> Opened {
    source.want(HEADER)?;
    let Some(&[_, _, _, _, _, _, _, _, v0, v1, v2, v3, d0, d1, d2, d3]) =
        source.bytes().first_chunk::<HEADER>()
    else {
        return Err(CaptureError::HeaderCut {
            format: FORMAT.name,
            have: source.bytes().len(),
            needed: HEADER,
        });
    };
    // Version 2 is RFC 1761; Surveyor counts its hardware up to 5.
    let version = u32::from_be_bytes([v0, v1, v2, v3]);
    if !(2..=5).contains(&version) {
        return Err(CaptureError::Version { format: FORMAT.name, version: version.to_string() });
    }
    source.consume(HEADER);
    let datalink = u32::from_be_bytes([d0, d1, d2, d3]);
    summary.byte_order = Some(ByteOrder::Big);
    summary.dropped = Some(0);
    summary.interfaces.push(Interface::new(link_type(DATALINKS, datalink)));
    Ok(Box::new(Snoop { datalink, max_record: limits.max_record, drops: 0, first: true }))
}

struct Snoop {
    datalink: u32,
    max_record: u32,
    /// Cumulative drops of the record before.
    drops: u32,
    first: bool,
}

/// The fields of a record header.
struct Header {
    original: u32,
    included: u32,
    record: u32,
    drops: u32,
    at: Timestamp,
    micros: u32,
}

impl Header {
    #[inline(always)]
    fn of(bytes: &[u8; RECORD_HEADER]) -> Header {
        // By places known when this is compiled. Mapped over an array of them, the walk took 210 instructions a record, not 87.
        let field = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (original, included, record) = (field(0), field(4), field(8));
        let (drops, seconds, micros) = (field(12), field(16), field(20));
        let at = Timestamp::new(i64::from(seconds), i64::from(micros) * 1_000);
        Header { original, included, record, drops, at, micros }
    }

    /// Octets behind the packet; `None` if the record does not even hold the packet.
    #[inline(always)]
    fn pad(&self) -> Option<u32> {
        self.record.checked_sub(RECORD_HEADER as u32)?.checked_sub(self.included)
    }
}

impl Snoop {
    #[cold]
    fn damage(&self, header: &Header) -> DamageKind {
        let &Header { record, included: captured, .. } = header;
        if record == 0 && captured == 0 {
            DamageKind::Zeros
        } else if captured > self.max_record || header.pad().is_some() {
            DamageKind::RecordTooLong { claimed: captured.max(record), limit: self.max_record }
        } else {
            DamageKind::RecordTooShort { record, captured }
        }
    }

    /// Cumulative drops that went down are those of another file put behind the first: they count from 0 again.
    #[cold]
    fn count_drops(&mut self, header: &Header, frame: u64, summary: &mut Summary) {
        let before = if header.drops < self.drops { 0 } else { self.drops };
        self.drops = header.drops;
        summary.add_drop(Drop {
            after_frame: frame - 1,
            before_frame: frame,
            at: Some(header.at),
            count: u64::from(header.drops - before),
            interface: 0,
        });
    }

    #[cold]
    fn tell_shomiti(&mut self, pad: u32, summary: &mut Summary) {
        self.first = false;
        if pad >= SHOMITI_TRAILER
            && let Some(interface) = summary.interfaces.first_mut()
        {
            interface.link = link_type(SHOMITI_DATALINKS, self.datalink);
            summary.format = "Shomiti snoop";
        }
    }
}

impl Walk for Snoop {
    fn walk(&mut self, bytes: &[u8], summary: &mut Summary, found: &mut Found) -> Walked {
        let mut rest = bytes;
        let before = summary.frames + found.len() as u64;
        let (mut stop, mut taken) = (Stop::Full, 0);
        for place in found.room() {
            let Some(head) = rest.first_chunk::<RECORD_HEADER>() else {
                stop = Stop::Needs(RECORD_HEADER);
                break;
            };
            let header = Header::of(head);
            let pad = match header.pad() {
                Some(pad) if pad <= MAX_PAD && header.included <= self.max_record => pad,
                _ => {
                    stop = Stop::Damaged(self.damage(&header));
                    break;
                }
            };
            let needs = header.record as usize;
            let Some(next) = rest.get(needs..) else {
                stop = Stop::Needs(needs);
                break;
            };
            if self.first {
                self.tell_shomiti(pad, summary);
            }
            if header.drops != self.drops {
                self.count_drops(&header, before + taken as u64 + 1, summary);
            }
            *place = Frame {
                at: header.at,
                start: (bytes.len() - rest.len() + RECORD_HEADER) as u32,
                captured: header.included,
                wire_len: header.original,
                interface: 0,
            };
            taken += 1;
            rest = next;
        }
        found.took(taken);
        Walked { used: bytes.len() - rest.len(), stop }
    }

    fn probe(&self, bytes: &[u8], near: Option<Timestamp>) -> Probe {
        let Some(head) = bytes.first_chunk::<RECORD_HEADER>() else { return Probe::No };
        let header = Header::of(head);
        let plausible = header.pad().is_some_and(|pad| pad <= MAX_PAD)
            && header.included > 0
            && header.included <= self.max_record
            && header.included <= header.original
            && header.micros < 1_000_000
            && follows(header.at, near);
        if plausible { Probe::Yes { len: header.record as usize, at: Some(header.at) } } else { Probe::No }
    }
}
