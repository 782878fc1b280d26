//! The shape that nearly every frame has, in one look: untagged Ethernet, IPv4 without options, whole, TCP.
//! It accepts or declines, it never judges; a property test keeps it equal to the walk.

use super::ip::{Ip, mapped};
use super::{Frame, tcp};
use crate::capture::Record;
use crate::wire::{FlowKey, Segment};

/// Where IPv4 begins, and where TCP does.
const IP: usize = 14;
const TCP: usize = IP + 20;

/// The segment of an Ethernet record, or `None` if its shape is any other.
#[inline(always)]
pub fn segment(record: &Record<'_>, zone: u32) -> Option<(FlowKey, Segment)> {
    let head: &[u8; TCP + tcp::SHORTEST] = record.data.first_chunk()?;
    let is_ipv4_without_options = head[12..15] == [0x08, 0x00, 0x45];
    let is_fragment = (head[IP + 6] & 0x3f) | head[IP + 7] != 0;
    let is_tcp = head[IP + 9] == 6;
    if !is_ipv4_without_options || is_fragment || !is_tcp {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([head[IP + 2], head[IP + 3]]));
    let header = usize::from(head[TCP + 12] >> 4) * 4;
    if header < tcp::SHORTEST || total < 20 + header {
        return None;
    }
    let options = record.data.get(head.len()..(TCP + header).min(record.data.len())).unwrap_or(&[]);
    let ip = Ip {
        source: mapped(*head[IP + 12..].first_chunk()?),
        destination: mapped(*head[IP + 16..].first_chunk()?),
        hop_limit: head[IP + 8],
        id: u16::from_be_bytes([head[IP + 4], head[IP + 5]]),
    };
    let kept = head[TCP..].first_chunk()?;
    Some(tcp::segment(&Frame::of(record, zone), &ip, kept, options, (total - 20 - header) as u32))
}
