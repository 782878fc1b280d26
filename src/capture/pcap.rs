//! pcap: libpcap's own format, in microseconds, nanoseconds and Kuznetzov's modified form, in both byte orders.
//! Source: draft-ietf-opsawg-pcap, and libpcap's `sf-pcap.c` for what old versions did.

use pcap_parser::parse_pcap_header;

use super::recover::follows;
use super::{
    ByteOrder, CaptureError, DamageKind, Format, Found, Frame, Interface, Limits, LinkType, Opened, Probe,
    Recognised, Source, Stop, Summary, Walk, Walked,
};
use crate::wire::Timestamp;

pub(super) const FORMAT: Format = Format { name: "pcap", recognise, open };

/// Octets of the file header.
const HEADER: usize = 24;

/// A magic number as it stands in the file, and what it says.
struct Magic {
    bytes: [u8; 4],
    name: &'static str,
    order: ByteOrder,
    nanos_per_unit: u32,
    record_header: usize,
}

/// A record header is time (8), captured length (4), original length (4); the modified one goes on with interface
/// index (4), protocol (2), packet type (1) and a pad.
const MAGICS: &[Magic] = &[
    magic(0xa1b2_c3d4, "pcap", ByteOrder::Little, 1_000, 16),
    magic(0xa1b2_c3d4, "pcap", ByteOrder::Big, 1_000, 16),
    magic(0xa1b2_3c4d, "nanosecond pcap", ByteOrder::Little, 1, 16),
    magic(0xa1b2_3c4d, "nanosecond pcap", ByteOrder::Big, 1, 16),
    magic(0xa1b2_cd34, "modified pcap", ByteOrder::Little, 1_000, 24),
    magic(0xa1b2_cd34, "modified pcap", ByteOrder::Big, 1_000, 24),
];

const fn magic(
    number: u32,
    name: &'static str,
    order: ByteOrder,
    nanos_per_unit: u32,
    record_header: usize,
) -> Magic {
    let bytes = match order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    };
    Magic { bytes, name, order, nanos_per_unit, record_header }
}

fn find_magic(bytes: &[u8]) -> Option<&'static Magic> {
    MAGICS.iter().find(|magic| bytes.starts_with(&magic.bytes))
}

fn recognise(bytes: &[u8], _at_end: bool) -> Recognised {
    if find_magic(bytes).is_some() {
        Recognised::Yes
    } else if bytes.len() < 4 && MAGICS.iter().any(|magic| magic.bytes.starts_with(bytes)) {
        Recognised::Needs(4)
    } else {
        Recognised::No
    }
}

/// Which of the two lengths of a record comes first.
#[derive(Clone, Copy, PartialEq)]
enum Lengths {
    /// Captured, original: since version 2.4.
    CapturedFirst,
    /// Original, captured: before version 2.3.
    OriginalFirst,
    /// Version 2.3 has both. The captured length cannot be the greater one.
    CapturedIsLess,
}

fn open(source: &mut Source, limits: &Limits, summary: &mut Summary) -> Opened {
    if !source.want(HEADER)? {
        return Err(CaptureError::HeaderCut {
            format: FORMAT.name,
            have: source.bytes().len(),
            needed: HEADER,
        });
    }
    let damaged = CaptureError::Header { format: FORMAT.name };
    let (Some(magic), Some(&header)) = (find_magic(source.bytes()), source.bytes().first_chunk::<HEADER>())
    else {
        return Err(damaged);
    };
    // The modified format has the same file header, but pcap-parser knows its magic number in one order only.
    let mut plain = header;
    let number = 0xa1b2_c3d4_u32;
    plain[..4].copy_from_slice(&match magic.order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    });
    let Ok((_, parsed)) = parse_pcap_header(&plain) else { return Err(damaged) };
    if parsed.version_major != 2 {
        let version = format!("{}.{}", parsed.version_major, parsed.version_minor);
        return Err(CaptureError::Version { format: FORMAT.name, version });
    }
    source.consume(HEADER);

    // Bits 28-31 of the link type are the FCS length, bit 26 says whether they count.
    let link = LinkType(parsed.network.0 as u16);
    summary.format = magic.name;
    summary.byte_order = Some(magic.order);
    summary.snaplen = (parsed.snaplen > 0).then_some(parsed.snaplen);
    summary.interfaces.push(Interface { snaplen: summary.snaplen, ..Interface::new(link) });
    let pcap = Pcap {
        lengths: match parsed.version_minor {
            ..=2 => Lengths::OriginalFirst,
            3 => Lengths::CapturedIsLess,
            _ => Lengths::CapturedFirst,
        },
        nanos_per_unit: magic.nanos_per_unit,
        units_per_second: 1_000_000_000 / magic.nanos_per_unit,
        record_header: magic.record_header,
        max_record: limits.max_record,
        snaplen: parsed.snaplen,
    };
    Ok(match magic.order {
        ByteOrder::Little => Box::new(In::<false>(pcap)),
        ByteOrder::Big => Box::new(In::<true>(pcap)),
    })
}

struct Pcap {
    lengths: Lengths,
    nanos_per_unit: u32,
    units_per_second: u32,
    record_header: usize,
    max_record: u32,
    snaplen: u32,
}

/// In one byte order, known at compile time since the loop runs once per record.
struct In<const BIG: bool>(Pcap);

/// The fields of a record header.
struct Header {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl<const BIG: bool> In<BIG> {
    #[inline(always)]
    fn header(&self, bytes: &[u8; 16]) -> Header {
        let &[a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] = bytes;
        // Two fields at once: four octets by themselves are put together from halves.
        let pair = |octets: [u8; 8]| match BIG {
            true => ((u64::from_be_bytes(octets) >> 32) as u32, u64::from_be_bytes(octets) as u32),
            false => (u64::from_le_bytes(octets) as u32, (u64::from_le_bytes(octets) >> 32) as u32),
        };
        let (seconds, fraction) = pair([a0, a1, a2, a3, a4, a5, a6, a7]);
        let (c, d) = pair([b0, b1, b2, b3, b4, b5, b6, b7]);
        let swapped = match self.0.lengths {
            Lengths::CapturedFirst => false,
            Lengths::OriginalFirst => true,
            Lengths::CapturedIsLess => c > d,
        };
        let (captured, original) = if swapped { (d, c) } else { (c, d) };
        Header { seconds, fraction, captured, original }
    }

    #[inline(always)]
    fn at(&self, header: &Header) -> Timestamp {
        // Neither product nor sum can overflow: 2^32 seconds are a quarter of the range.
        let nanos = i64::from(header.fraction) * i64::from(self.0.nanos_per_unit);
        Timestamp(i64::from(header.seconds) * 1_000_000_000 + nanos)
    }

    fn fraction_is_whole_second(&self, header: &Header) -> bool {
        header.fraction >= self.0.units_per_second
    }

    /// What is wrong with a header whose captured length may be right, but which nothing else speaks for.
    #[cold]
    fn suspect(&self, header: &Header) -> Option<DamageKind> {
        let &Header { seconds, fraction, captured, original } = header;
        if captured > self.0.max_record {
            Some(DamageKind::RecordTooLong { claimed: captured, limit: self.0.max_record })
        } else if (seconds, fraction, captured, original) == (0, 0, 0, 0) {
            Some(DamageKind::Zeros)
        } else if self.fraction_is_whole_second(header) && (original < captured || original > MAX_WIRE) {
            Some(DamageKind::NoHeader)
        } else {
            None
        }
    }
}

/// Octets on the wire that no packet has.
const MAX_WIRE: u32 = 16 << 20;

impl<const BIG: bool> Walk for In<BIG> {
    fn walk(&mut self, bytes: &[u8], _: &mut Summary, found: &mut Found) -> Walked {
        let mut rest = bytes;
        let (mut stop, mut taken) = (Stop::Full, 0);
        for place in found.room() {
            let Some(head) = rest.first_chunk::<16>() else {
                stop = Stop::Needs(self.0.record_header);
                break;
            };
            let header = self.header(head);
            let doubtful = header.captured > self.0.max_record
                || header.original < header.captured
                || header.seconds == 0
                || self.fraction_is_whole_second(&header);
            if doubtful && let Some(what) = self.suspect(&header) {
                stop = Stop::Damaged(what);
                break;
            }
            let needs = self.0.record_header + header.captured as usize;
            let Some(next) = rest.get(needs..) else {
                stop = Stop::Needs(needs);
                break;
            };
            *place = Frame {
                at: self.at(&header),
                start: (bytes.len() - rest.len() + self.0.record_header) as u32,
                captured: header.captured,
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
        let Some(head) = bytes.first_chunk::<16>() else { return Probe::No };
        let header = self.header(head);
        let at = self.at(&header);
        // A file may hold more than its own snap length says, but then not much more.
        let longest = if self.0.snaplen == 0 { u32::MAX } else { self.0.snaplen.saturating_add(64) };
        let plausible = header.captured > 0
            && header.captured <= self.0.max_record.min(longest)
            && header.original >= header.captured
            && header.original <= MAX_WIRE
            && !self.fraction_is_whole_second(&header)
            && follows(at, near);
        if plausible {
            Probe::Yes { len: self.0.record_header + header.captured as usize, at: Some(at) }
        } else {
            Probe::No
        }
    }
}
