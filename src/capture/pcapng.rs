//! pcapng: sections of either byte order, each with its interfaces. Packet blocks are walked by hand; the other
//! blocks are parsed in `describe`. Source: draft-ietf-opsawg-pcapng.

mod clock;
mod describe;

use super::recover::follows;
use super::{
    ByteOrder, CaptureError, DamageKind, Drop, Format, Found, Frame, Interface, Limits, LinkType, Opened,
    Probe, Recognised, Source, Stop, Summary, Walk, Walked,
};
use crate::wire::Timestamp;
use clock::Clock;

pub(super) const FORMAT: Format = Format { name: "pcapng", recognise, open };

/// Block types; the section header reads the same in both byte orders.
mod block {
    pub const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub const INTERFACE: u32 = 1;
    /// Obsolete; written by early tools.
    pub const PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const NAMES: u32 = 4;
    pub const STATISTICS: u32 = 5;
    pub const ENHANCED_PACKET: u32 = 6;
    /// Further ones in use (journal, secrets, custom, …), of no interest but a sign that a block begins.
    pub const OTHERS: &[u32] = &[9, 10, 0x0bad, 0x4000_0bad, 0x8000_0001];
}

/// Says the byte order, at offset 8 of a section header.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Octets in front of a block's body: type and length; the length stands behind the body again.
const BLOCK_HEADER: usize = 8;
const BLOCK_TRAILER: usize = 4;
/// Shortest possible block.
const MIN_BLOCK: u32 = 12;
/// Octets in front of an enhanced or obsolete packet's data, and around it.
const PACKET_DATA: usize = 28;
const PACKET_FRAME: usize = PACKET_DATA + BLOCK_TRAILER;
/// The same for a simple packet.
const SIMPLE_DATA: usize = 12;
const SIMPLE_FRAME: usize = SIMPLE_DATA + BLOCK_TRAILER;
/// Octets that a packet block may have besides its packet: frame, pad and options. Options are 64 KiB at most each.
const MAX_AROUND_PACKET: u32 = 128 << 10;

fn recognise(bytes: &[u8], _at_end: bool) -> Recognised {
    const MAGIC: [u8; 4] = block::SECTION_HEADER.to_be_bytes();
    if bytes.len() < 12 && (MAGIC.starts_with(bytes) || bytes.starts_with(&MAGIC)) {
        // A text file may begin with these line ends, so the byte order must be there too.
        Recognised::Needs(12)
    } else if bytes.starts_with(&MAGIC) && section_order(bytes).is_some() {
        Recognised::Yes
    } else {
        Recognised::No
    }
}

/// Byte order of the section that begins here.
fn section_order(bytes: &[u8]) -> Option<ByteOrder> {
    let magic = u32::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    if magic == BYTE_ORDER_MAGIC {
        Some(ByteOrder::Little)
    } else if magic == BYTE_ORDER_MAGIC.swap_bytes() {
        Some(ByteOrder::Big)
    } else {
        None
    }
}

fn open(source: &mut Source, limits: &Limits, summary: &mut Summary) -> Opened {
    // The whole header is judged here, once; all later sections are part of the walk.
    source.want(BLOCK_HEADER + 20)?;
    let cut = |source: &Source, needed| CaptureError::HeaderCut {
        format: FORMAT.name,
        have: source.bytes().len(),
        needed,
    };
    let Some(order) = section_order(source.bytes()) else {
        return Err(CaptureError::Header { format: FORMAT.name });
    };
    let (Some(length), Some(version)) = (read_u32(order, source.bytes(), 4), source.bytes().get(12..16))
    else {
        return Err(cut(source, 28));
    };
    let (major, minor) = match (order, version) {
        (ByteOrder::Little, &[a, b, c, d]) => (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])),
        (ByteOrder::Big, &[a, b, c, d]) => (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
        _ => return Err(cut(source, 28)),
    };
    if major != 1 {
        return Err(CaptureError::Version { format: FORMAT.name, version: format!("{major}.{minor}") });
    }
    if length < 28 || !length.is_multiple_of(4) || length > limits.max_block {
        return Err(CaptureError::Header { format: FORMAT.name });
    }
    if !source.want(length as usize)? {
        return Err(cut(source, length as usize));
    }
    summary.byte_order = Some(order);
    let walk = PcapNg {
        order,
        interfaces: Vec::new(),
        last_at: None,
        holed: false,
        ambiguous: false,
        begun: false,
        limits: *limits,
    };
    // Who reads on wants to know first what the capture says of itself.
    walk.comments(source.bytes().get(24..length as usize).unwrap_or_default(), summary);
    Ok(Box::new(walk))
}

#[inline(always)]
fn read_u32(order: ByteOrder, bytes: &[u8], at: usize) -> Option<u32> {
    let field = *bytes.get(at..)?.first_chunk::<4>()?;
    Some(match order {
        ByteOrder::Little => u32::from_le_bytes(field),
        ByteOrder::Big => u32::from_be_bytes(field),
    })
}

struct PcapNg {
    /// Byte order of the current section.
    order: ByteOrder,
    /// Interfaces of the current section, by the number that packets use.
    interfaces: Vec<Known>,
    /// Time of the last packet, for those that have none.
    last_at: Option<Timestamp>,
    /// Whether there was a hole in this section that may have hidden a description of an interface.
    holed: bool,
    /// Whether the first section, whose header was read beforehand, has begun.
    begun: bool,
    /// Whether it is therefore unknown which number means which interface. Until the next section.
    ambiguous: bool,
    limits: Limits,
}

/// An interface as the walk needs it.
struct Known {
    /// Index into [`Summary::interfaces`].
    index: u32,
    link: LinkType,
    clock: Clock,
    /// 0: without limit.
    snaplen: u32,
    /// Drops that packets and statistics told so far.
    drops: u64,
    /// Last frame of which its statistics knew.
    statistics_upto: u64,
}

/// A packet block's fields, in whatever block it came.
struct Packet {
    interface: u32,
    ticks: Option<u64>,
    captured: u32,
    original: u32,
    data: usize,
    /// Packets lost right before this one.
    drops: u64,
}

impl PcapNg {
    #[inline(always)]
    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        read_u32(self.order, bytes, at)
    }

    /// The common packet block, and nothing else: what the loop is about. `None` sends it to [`Self::block`]. The byte order
    /// is known when this is compiled; asked for every field, the walk took 140 instructions a block, not 114.
    #[inline(always)]
    fn enhanced<'a, const BIG: bool>(&self, rest: &'a [u8], base: usize) -> Option<(Frame, &'a [u8])> {
        let head = rest.first_chunk::<PACKET_DATA>()?;
        let field = |at: usize| {
            let field = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            if BIG { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) }
        };
        let (kind, length, interface, high, low) = (field(0), field(4), field(8), field(12), field(16));
        let (captured, original) = (field(20), field(24));
        let known = self.interfaces.get(interface as usize)?;
        let padded = captured.checked_next_multiple_of(4)?;
        // Exactly the packet and its pad: no options, so no drops told.
        let exact = captured <= self.limits.max_record
            && length == PACKET_FRAME as u32 + padded
            && kind == block::ENHANCED_PACKET
            && !self.ambiguous;
        if !exact {
            return None;
        }
        let (this, next) = rest.split_at_checked(length as usize)?;
        let trailer = *this.last_chunk::<BLOCK_TRAILER>()?;
        if trailer != [head[4], head[5], head[6], head[7]] {
            return None;
        }
        let ticks = u64::from(high) << 32 | u64::from(low);
        let frame = Frame {
            at: known.clock.at(ticks),
            start: (base + PACKET_DATA) as u32,
            captured,
            wire_len: original,
            interface: known.index,
        };
        Some((frame, next))
    }

    /// Any block, complete or not, at the start of `rest`. Returns its length, or why it cannot be taken.
    fn block(
        &mut self,
        rest: &[u8],
        base: usize,
        summary: &mut Summary,
        found: &mut Found,
    ) -> Result<usize, Stop> {
        let Some(kind) = self.u32(rest, 0) else { return Err(Stop::Needs(BLOCK_HEADER)) };
        if kind == block::SECTION_HEADER {
            return self.section(rest, summary);
        }
        let Some(length) = self.u32(rest, 4) else { return Err(Stop::Needs(BLOCK_HEADER)) };
        let is_packet = matches!(kind, block::PACKET | block::SIMPLE_PACKET | block::ENHANCED_PACKET);
        let longest = if is_packet {
            self.limits.max_record.saturating_add(MAX_AROUND_PACKET)
        } else {
            self.limits.max_block
        };
        if length < MIN_BLOCK || !length.is_multiple_of(4) || length > longest {
            return Err(Stop::Damaged(DamageKind::BlockLength(length)));
        }
        let parsed = is_packet || matches!(kind, block::INTERFACE | block::NAMES | block::STATISTICS);
        let Some(this) = rest.get(..length as usize) else {
            let buffered = parsed || length <= MAX_AROUND_PACKET;
            return Err(if buffered { Stop::Needs(length as usize) } else { Stop::Skip(u64::from(length)) });
        };
        self.check_trailer(this, length)?;
        match kind {
            block::INTERFACE => self.interface(this, summary),
            block::NAMES => self.names(this, summary),
            block::STATISTICS => self.statistics(this, summary, found),
            _ if is_packet => self.packet(kind, this, base, summary, found)?,
            _ => {}
        }
        Ok(this.len())
    }

    /// Time of the packet before what comes next.
    fn time_before(&self, found: &[Frame]) -> Option<Timestamp> {
        found.last().map(|frame| frame.at).or(self.last_at)
    }

    fn check_trailer(&self, block: &[u8], leading: u32) -> Result<(), Stop> {
        match self.u32(block, block.len() - BLOCK_TRAILER) {
            Some(trailing) if trailing != leading => {
                Err(Stop::Damaged(DamageKind::TrailingLength { leading, trailing }))
            }
            _ => Ok(()),
        }
    }

    /// A new section: another byte order, perhaps, and no interfaces yet.
    fn section(&mut self, rest: &[u8], summary: &mut Summary) -> Result<usize, Stop> {
        if rest.len() < 28 {
            return Err(Stop::Needs(28));
        }
        // Whatever follows, the interfaces known until here are not those of this section.
        self.interfaces.clear();
        let Some(order) = section_order(rest) else { return Err(Stop::Damaged(DamageKind::Section)) };
        self.order = order;
        (self.holed, self.ambiguous) = (false, false);
        let length = self.u32(rest, 4).unwrap_or(0);
        if length < 28 || !length.is_multiple_of(4) || length > self.limits.max_block {
            return Err(Stop::Damaged(DamageKind::BlockLength(length)));
        }
        let Some(this) = rest.get(..length as usize) else { return Err(Stop::Needs(length as usize)) };
        self.check_trailer(this, length)?;
        // Only the major version changes what blocks mean.
        let major = match order {
            ByteOrder::Little => 1u16.to_le_bytes(),
            ByteOrder::Big => 1u16.to_be_bytes(),
        };
        if this.get(12..14) != Some(&major) {
            return Err(Stop::Damaged(DamageKind::Section));
        }
        if std::mem::replace(&mut self.begun, true) {
            self.comments(this.get(24..).unwrap_or_default(), summary);
        }
        Ok(this.len())
    }

    fn packet(
        &mut self,
        kind: u32,
        this: &[u8],
        base: usize,
        summary: &mut Summary,
        found: &mut Found,
    ) -> Result<(), Stop> {
        let frame = summary.frames + found.len() as u64 + 1;
        let Some(packet) = self.packet_fields(kind, this) else {
            return Err(Stop::Damaged(DamageKind::BlockLength(this.len() as u32)));
        };
        let last_at = self.time_before(found);
        let room = (this.len() - packet.data - BLOCK_TRAILER) as u32;
        if packet.captured > room {
            let (record, captured) = (this.len() as u32, packet.captured);
            return Err(Stop::Damaged(DamageKind::RecordTooShort { record, captured }));
        }
        if packet.captured > self.limits.max_record {
            let limit = self.limits.max_record;
            return Err(Stop::Damaged(DamageKind::RecordTooLong { claimed: packet.captured, limit }));
        }
        let known = match self.interfaces.get_mut(packet.interface as usize) {
            Some(known) if !self.ambiguous => known,
            _ => return Err(Stop::Damaged(DamageKind::UnknownInterface(packet.interface))),
        };
        let at = packet.ticks.map_or(last_at.unwrap_or_default(), |ticks| known.clock.at(ticks));
        if packet.drops > 0 {
            known.drops += packet.drops;
            summary.add_drop(Drop {
                after_frame: frame - 1,
                before_frame: frame,
                at: Some(at),
                count: packet.drops,
                interface: known.index,
            });
        }
        found.push(Frame {
            at,
            start: (base + packet.data) as u32,
            captured: packet.captured,
            wire_len: packet.original,
            interface: known.index,
        });
        Ok(())
    }

    /// `None` if the block is too short for its kind.
    fn packet_fields(&self, kind: u32, this: &[u8]) -> Option<Packet> {
        let u32 = |at| self.u32(this, at);
        if kind == block::SIMPLE_PACKET {
            // It has no time and no captured length: interface 0, cut by its snap length, at the time of the
            // packet before it.
            let original = u32(8)?;
            this.len().checked_sub(SIMPLE_FRAME)?;
            let snaplen = self.interfaces.first().map_or(0, |known| known.snaplen);
            let captured = if snaplen == 0 { original } else { original.min(snaplen) };
            return Some(Packet {
                interface: 0,
                ticks: None,
                captured,
                original,
                data: SIMPLE_DATA,
                drops: 0,
            });
        }
        this.len().checked_sub(PACKET_FRAME)?;
        let ticks = Some(u64::from(u32(12)?) << 32 | u64::from(u32(16)?));
        let (captured, original) = (u32(20)?, u32(24)?);
        let (interface, drops) = if kind == block::PACKET {
            // Interface and drops are two octets each; all ones: unknown.
            let [interface, drops] = self.u16_pair(this, 8)?;
            (u32::from(interface), if drops == u16::MAX { 0 } else { u64::from(drops) })
        } else {
            let padded = captured.checked_next_multiple_of(4);
            let options = padded.and_then(|padded| this.get(PACKET_DATA + padded as usize..));
            (u32(8)?, options.map_or(0, |options| self.packet_drops(options)))
        };
        Some(Packet { interface, ticks, captured, original, data: PACKET_DATA, drops })
    }

    fn u16_pair(&self, bytes: &[u8], at: usize) -> Option<[u16; 2]> {
        let &[a, b, c, d] = bytes.get(at..)?.first_chunk::<4>()?;
        Some(match self.order {
            ByteOrder::Little => [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])],
            ByteOrder::Big => [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])],
        })
    }
}

impl Walk for PcapNg {
    fn walk(&mut self, bytes: &[u8], summary: &mut Summary, found: &mut Found) -> Walked {
        let mut rest = bytes;
        let stop = loop {
            if found.is_full() {
                break Stop::Full;
            }
            let base = bytes.len() - rest.len();
            let enhanced = match self.order {
                ByteOrder::Little => self.enhanced::<false>(rest, base),
                ByteOrder::Big => self.enhanced::<true>(rest, base),
            };
            if let Some((frame, next)) = enhanced {
                found.push(frame);
                rest = next;
                continue;
            }
            match self.block(rest, base, summary, found) {
                Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                Err(stop) => break stop,
            }
        };
        if let Some(frame) = found.last() {
            self.last_at = Some(frame.at);
        }
        Walked { used: bytes.len() - rest.len(), stop }
    }

    fn probe(&self, bytes: &[u8], near: Option<Timestamp>) -> Probe {
        let Some(kind) = self.u32(bytes, 0) else { return Probe::No };
        let order = if kind == block::SECTION_HEADER { section_order(bytes) } else { Some(self.order) };
        let (Some(order), true) = (order, known_block(kind)) else { return Probe::No };
        let length = read_u32(order, bytes, 4).unwrap_or(0);
        let longest = self.limits.max_record;
        if length < MIN_BLOCK || !length.is_multiple_of(4) || length > longest {
            return Probe::No;
        }
        let len = length as usize;
        // A block that the end of the capture cuts off cannot show its trailing length; it ends the chain anyway.
        if read_u32(order, bytes, len - BLOCK_TRAILER).is_some_and(|trailing| trailing != length) {
            return Probe::No;
        }
        if kind != block::ENHANCED_PACKET {
            return Probe::Yes { len, at: None };
        }
        match self.packet_fields(kind, bytes.get(..len).unwrap_or(bytes)) {
            Some(Packet { interface, ticks: Some(ticks), captured, original, .. })
                if captured <= length - PACKET_FRAME as u32 && captured <= original =>
            {
                // Behind a lost section header the interfaces are unknown, and so is the time.
                let at = self.interfaces.get(interface as usize).map(|known| known.clock.at(ticks));
                match at {
                    Some(at) if !follows(at, near) => Probe::No,
                    _ => Probe::Yes { len, at },
                }
            }
            _ => Probe::No,
        }
    }

    fn resumed(&mut self, skipped: u64) {
        self.holed |= skipped >= describe::SHORTEST_INTERFACE;
    }
}

fn known_block(kind: u32) -> bool {
    kind == block::SECTION_HEADER
        || (block::INTERFACE..=block::ENHANCED_PACKET).contains(&kind)
        || block::OTHERS.contains(&kind)
}
