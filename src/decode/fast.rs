//! The shapes that nearly every frame has, in one look: Ethernet with no tag or one, IPv4 without options or IPv6
//! without extension headers, whole, TCP. It accepts or declines, it never judges; a property test keeps it equal to
//! the walk.

use super::tcp::{self, Around};
use super::Frame;
use crate::capture::Record;
use crate::wire::{FlowKey, Segment};

/// Where the EtherType of an untagged frame is.
const ETHER_TYPE: usize = 12;
const TAG: usize = 4;

/// The segment of an Ethernet record, or `None` if its shape is any other.
#[inline(always)]
pub fn segment(record: &Record<'_>, zone: u32, tags_matter: bool) -> Option<(FlowKey, Segment)> {
    let frame = record.data;
    let ether: &[u8; ETHER_TYPE + TAG + 2] = frame.first_chunk()?;
    let (version, packet) = match [ether[ETHER_TYPE], ether[ETHER_TYPE + 1]] {
        [0x81, 0x00] if !tags_matter => {
            ([ether[ETHER_TYPE + TAG], ether[ETHER_TYPE + TAG + 1]], frame.get(ETHER_TYPE + TAG + 2..)?)
        }
        version => (version, frame.get(ETHER_TYPE + 2..)?),
    };
    let (around, packet, len) = match version {
        [0x08, 0x00] => ipv4(packet, zone)?,
        [0x86, 0xdd] => ipv6(packet, zone)?,
        _ => return None,
    };
    rest(record, zone, &around, packet, len)
}

/// Returns what is behind the header, and how much the header leaves for it; 0 is a case for the walk.
#[inline(always)]
fn ipv4(packet: &[u8], zone: u32) -> Option<(Around, &[u8], usize)> {
    let (head, inside) = packet.split_first_chunk::<20>()?;
    let &[s0, s1, d0, d1] = inside.first_chunk()?;
    let is_fragment = (head[6] & 0x3f) | head[7] != 0;
    if head[0] != 0x45 || is_fragment || head[9] != 6 {
        return None;
    }
    let source = (u32::from_be_bytes(*head[12..].first_chunk()?), u16::from_be_bytes([s0, s1]));
    let destination = (u32::from_be_bytes(*head[16..].first_chunk()?), u16::from_be_bytes([d0, d1]));
    let (key, side) = FlowKey::of_v4(source, destination, zone);
    let id = u16::from_be_bytes([head[4], head[5]]);
    let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((Around { key, side, hop_limit: head[8], id }, inside, total.checked_sub(20)?))
}

#[inline(always)]
fn ipv6(packet: &[u8], zone: u32) -> Option<(Around, &[u8], usize)> {
    let (head, inside) = packet.split_first_chunk::<40>()?;
    let &[s0, s1, d0, d1] = inside.first_chunk()?;
    if head[0] >> 4 != 6 || head[6] != 6 {
        return None;
    }
    let source = (head[8..].first_chunk()?, u16::from_be_bytes([s0, s1]));
    let destination = (head[24..].first_chunk()?, u16::from_be_bytes([d0, d1]));
    let (key, side) = FlowKey::of_v6(source, destination, zone);
    let payload = usize::from(u16::from_be_bytes([head[4], head[5]]));
    Some((Around { key, side, hop_limit: head[7], id: 0 }, inside, payload))
}

#[inline(always)]
fn rest(
    record: &Record<'_>,
    zone: u32,
    around: &Around,
    packet: &[u8],
    len: usize,
) -> Option<(FlowKey, Segment)> {
    // As much as was always captured: a header that is cut is for the walk.
    let kept: &[u8; tcp::SHORTEST] = packet.first_chunk()?;
    let header = usize::from(kept[12] >> 4) * 4;
    if header < tcp::SHORTEST || len < header {
        return None;
    }
    let options = match packet.get(tcp::SHORTEST..header) {
        Some(options) => options,
        None => packet.get(tcp::SHORTEST..).unwrap_or_default(),
    };
    let segment = tcp::segment(&Frame::of(record, zone), around, kept.first_chunk()?, options, (len - header) as u32);
    Some((around.key, segment))
}
