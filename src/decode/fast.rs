//! The shapes that nearly every frame has, in one look: Ethernet with no tag or one, IPv4 without options or IPv6
//! without extension headers, whole, TCP. It accepts or declines, it never judges; a property test keeps it equal to
//! the walk.
//!
//! What it finds is written where the caller wants it, field by field as it is read. Handing a key and a segment back
//! took a quarter of the instructions, since they do not fit the registers.

use super::tcp::{self, SHORTEST};
use crate::capture::Record;
use crate::wire::{FlowKey, Segment, Stamp};

/// Where the EtherType of an untagged frame is.
const ETHER_TYPE: usize = 12;
const TAG: usize = 4;

/// Writes the segment of an Ethernet record, or declines: if its shape is any other, and what is written means nothing.
#[inline(always)]
pub fn segment(
    record: &Record<'_>,
    zone: u32,
    tags_matter: bool,
    (key, segment): &mut (FlowKey, Segment),
) -> Option<()> {
    let frame = record.data;
    let ether: &[u8; ETHER_TYPE + TAG + 2] = frame.first_chunk()?;
    let version_at = |at: usize| u16::from_be_bytes([ether[at], ether[at + 1]]);
    let (version, packet) = match version_at(ETHER_TYPE) {
        0x8100 if !tags_matter => (version_at(ETHER_TYPE + TAG), frame.get(ETHER_TYPE + TAG + 2..)?),
        version => (version, frame.get(ETHER_TYPE + 2..)?),
    };
    segment.seen = Stamp { at: record.at, frame: record.frame };
    segment.interface = record.interface.min(255) as u8;
    let (packet, len) = match version {
        0x0800 => ipv4(packet, zone, key, segment)?,
        0x86dd => ipv6(packet, zone, key, segment)?,
        _ => return None,
    };
    let header: &[u8; SHORTEST] = packet.first_chunk()?;
    let header_len = usize::from(header[12] >> 4) * 4;
    if header_len < SHORTEST || len < header_len {
        return None;
    }
    let options = packet.get(SHORTEST..header_len).or_else(|| packet.get(SHORTEST..)).unwrap_or_default();
    segment.len = (len - header_len) as u32;
    tcp::fill(segment, header.first_chunk()?, options);
    Some(())
}

/// Source and destination port, if the record can be nothing but a TCP segment of these ports, or damaged: enough to tell
/// a few flows from all others for a fraction of what decoding costs.
#[inline(always)]
pub fn ports(record: &Record<'_>) -> Option<[u16; 2]> {
    let ether: &[u8; ETHER_TYPE + TAG + 2] = record.data.first_chunk()?;
    let version_at = |at: usize| u16::from_be_bytes([ether[at], ether[at + 1]]);
    let (version, at) = match version_at(ETHER_TYPE) {
        0x8100 => (version_at(ETHER_TYPE + TAG), ETHER_TYPE + TAG + 2),
        version => (version, ETHER_TYPE + 2),
    };
    let packet = record.data.get(at..)?;
    let &[s0, s1, d0, d1] = match version {
        0x0800 => {
            let (head, inside) = packet.split_first_chunk::<20>()?;
            let is_fragment = (head[6] & 0x3f) | head[7] != 0;
            (head[0] == 0x45 && !is_fragment && head[9] == 6).then_some(inside)?.first_chunk()?
        }
        0x86dd => {
            let (head, inside) = packet.split_first_chunk::<40>()?;
            (head[0] >> 4 == 6 && head[6] == 6).then_some(inside)?.first_chunk()?
        }
        _ => return None,
    };
    Some([u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])])
}

/// Returns what is behind the header, and how much the header leaves for it; 0 is a case for the walk.
#[inline(always)]
fn ipv4<'a>(
    packet: &'a [u8],
    zone: u32,
    key: &mut FlowKey,
    segment: &mut Segment,
) -> Option<(&'a [u8], usize)> {
    let (head, inside) = packet.split_first_chunk::<20>()?;
    let &[s0, s1, d0, d1] = inside.first_chunk()?;
    let is_fragment = (head[6] & 0x3f) | head[7] != 0;
    if head[0] != 0x45 || is_fragment || head[9] != 6 {
        return None;
    }
    let source = (u32::from_be_bytes(*head[12..].first_chunk()?), u16::from_be_bytes([s0, s1]));
    let destination = (u32::from_be_bytes(*head[16..].first_chunk()?), u16::from_be_bytes([d0, d1]));
    (*key, segment.side) = FlowKey::of_v4(source, destination, zone);
    segment.hop_limit = head[8];
    segment.ip_id = u16::from_be_bytes([head[4], head[5]]);
    let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((inside, total.checked_sub(20)?))
}

#[inline(always)]
fn ipv6<'a>(
    packet: &'a [u8],
    zone: u32,
    key: &mut FlowKey,
    segment: &mut Segment,
) -> Option<(&'a [u8], usize)> {
    let (head, inside) = packet.split_first_chunk::<40>()?;
    let &[s0, s1, d0, d1] = inside.first_chunk()?;
    if head[0] >> 4 != 6 || head[6] != 6 {
        return None;
    }
    let source = (head[8..].first_chunk()?, u16::from_be_bytes([s0, s1]));
    let destination = (head[24..].first_chunk()?, u16::from_be_bytes([d0, d1]));
    (*key, segment.side) = FlowKey::of_v6(source, destination, zone);
    segment.hop_limit = head[7];
    segment.ip_id = 0;
    Some((inside, usize::from(u16::from_be_bytes([head[4], head[5]]))))
}
