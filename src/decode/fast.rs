//! The shapes that nearly every frame has, in one look: Ethernet with no tag or one, IPv4 without options or IPv6
//! without extension headers, whole, TCP. It accepts or declines, it never judges; a property test keeps it equal to
//! the walk.

use super::ip::{Ip, mapped};
use super::{Frame, tcp};
use crate::capture::Record;
use crate::wire::{FlowKey, Segment};

/// Where the EtherType of an untagged frame is.
const ETHER_TYPE: usize = 12;
const TAG: usize = 4;

/// The segment of an Ethernet record, or `None` if its shape is any other.
#[inline(always)]
pub fn segment(record: &Record<'_>, zone: u32, tags_matter: bool) -> Option<(FlowKey, Segment)> {
    match record.data.get(ETHER_TYPE..ETHER_TYPE + 2)? {
        [0x08, 0x00] => ipv4::<{ ETHER_TYPE + 2 }>(record, zone),
        [0x86, 0xdd] => ipv6::<{ ETHER_TYPE + 2 }>(record, zone),
        [0x81, 0x00] if !tags_matter => match record.data.get(ETHER_TYPE + TAG..ETHER_TYPE + TAG + 2)? {
            [0x08, 0x00] => ipv4::<{ ETHER_TYPE + 2 + TAG }>(record, zone),
            [0x86, 0xdd] => ipv6::<{ ETHER_TYPE + 2 + TAG }>(record, zone),
            _ => None,
        },
        _ => None,
    }
}

#[inline(always)]
fn ipv4<const AT: usize>(record: &Record<'_>, zone: u32) -> Option<(FlowKey, Segment)> {
    let packet = record.data.get(AT..)?;
    let head: &[u8; 20 + tcp::SHORTEST] = packet.first_chunk()?;
    let is_fragment = (head[6] & 0x3f) | head[7] != 0;
    if head[0] != 0x45 || is_fragment || head[9] != 6 {
        return None;
    }
    let ip = Ip {
        source: mapped(*head[12..].first_chunk()?),
        destination: mapped(*head[16..].first_chunk()?),
        hop_limit: head[8],
        id: u16::from_be_bytes([head[4], head[5]]),
    };
    let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
    rest(record, zone, &ip, &packet[20..], total.checked_sub(20)?)
}

#[inline(always)]
fn ipv6<const AT: usize>(record: &Record<'_>, zone: u32) -> Option<(FlowKey, Segment)> {
    let packet = record.data.get(AT..)?;
    let head: &[u8; 40 + tcp::SHORTEST] = packet.first_chunk()?;
    if head[0] >> 4 != 6 || head[6] != 6 {
        return None;
    }
    let ip = Ip {
        source: *head[8..].first_chunk()?,
        destination: *head[24..].first_chunk()?,
        hop_limit: head[7],
        id: 0,
    };
    let payload = usize::from(u16::from_be_bytes([head[4], head[5]]));
    rest(record, zone, &ip, &packet[40..], payload)
}

/// `len` is what the IP header leaves for TCP; 0 is a case for the walk.
#[inline(always)]
fn rest(record: &Record<'_>, zone: u32, ip: &Ip, packet: &[u8], len: usize) -> Option<(FlowKey, Segment)> {
    let kept = packet.first_chunk()?;
    let header = usize::from(kept[12] >> 4) * 4;
    if header < tcp::SHORTEST || len < header {
        return None;
    }
    let options = packet.get(tcp::SHORTEST..header.min(packet.len())).unwrap_or(&[]);
    Some(tcp::segment(&Frame::of(record, zone), ip, kept, options, (len - header) as u32))
}
