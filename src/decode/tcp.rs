//! The TCP header becomes a [`Segment`]. Options that were cut off cost nothing but themselves.

use super::ip::Ip;
use super::{Frame, Payload, Skip};
use crate::wire::{Endpoint, FlowKey, Multipath, Segment, SeqNum, TcpFlags, TcpTimestamps};

/// Everything that is kept of a header without options lies in these octets; only the urgent pointer follows.
pub const KEPT: usize = 18;
/// A header without options (RFC 9293 §3.1).
pub const SHORTEST: usize = 20;

/// The segment in a packet. Its length is what the IP header leaves for it, not what was captured.
pub fn decode(frame: &Frame, ip: &Ip, packet: Payload<'_>) -> Result<(FlowKey, Segment), Skip> {
    if packet.len < SHORTEST {
        return Err(Skip::BadTcp);
    }
    let header: &[u8; KEPT] = packet.data.first_chunk().ok_or(Skip::CutShort)?;
    let header_len = usize::from(header[12] >> 4) * 4;
    if header_len < SHORTEST || header_len > packet.len {
        return Err(Skip::BadTcp);
    }
    let options = packet.data.get(SHORTEST..header_len.min(packet.data.len())).unwrap_or(&[]);
    let len = u32::try_from(packet.len - header_len).unwrap_or(u32::MAX);
    let [s0, s1, d0, d1, ..] = *header;
    let source = Endpoint::v6(ip.source, u16::from_be_bytes([s0, s1]));
    let destination = Endpoint::v6(ip.destination, u16::from_be_bytes([d0, d1]));
    let (key, side) = FlowKey::of(source, destination, frame.zone);
    let mut segment = Segment {
        seen: frame.seen,
        len,
        ip_id: ip.id,
        hop_limit: ip.hop_limit,
        interface: frame.interface.min(255) as u8,
        side,
        ..Segment::BLANK
    };
    fill(&mut segment, header, options);
    Ok((key, segment))
}

/// Fills in what the TCP header itself says; the lengths have been checked.
#[inline(always)]
pub fn fill(segment: &mut Segment, header: &[u8; KEPT], options: &[u8]) {
    let [_, _, _, _, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, c0, c1] = *header;
    segment.seq = SeqNum(u32::from_be_bytes([q0, q1, q2, q3]));
    segment.ack = SeqNum(u32::from_be_bytes([a0, a1, a2, a3]));
    segment.flags = TcpFlags(flags);
    segment.window = u16::from_be_bytes([w0, w1]);
    segment.checksum = u16::from_be_bytes([c0, c1]);
    segment.has_options = usize::from(offset >> 4) * 4 > SHORTEST;
    (segment.has_timestamps, segment.window_scale) = (false, Segment::NO_SCALE);
    segment.timestamps = TcpTimestamps::default();
    (segment.multipath, segment.data_number) = (Multipath::Nothing, SeqNum(0));
    // What nearly every segment carries, and nothing else (RFC 7323 appendix A).
    const PLAIN: [u8; 4] = [NO_OPERATION, NO_OPERATION, TIMESTAMPS, 10];
    match <&[u8; 12]>::try_from(options) {
        Ok(&[n0, n1, kind, len, v0, v1, v2, v3, e0, e1, e2, e3]) if [n0, n1, kind, len] == PLAIN => {
            let (val, ecr) = (u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3]));
            segment.timestamps = TcpTimestamps { val, ecr };
            segment.has_timestamps = true;
        }
        _ if options.is_empty() => {}
        _ => fill_options(segment, options),
    }
}

#[inline(never)]
fn fill_options(segment: &mut Segment, options: &[u8]) {
    let known = Options::read(options);
    segment.has_timestamps = known.timestamps.is_some();
    segment.timestamps = known.timestamps.unwrap_or_default();
    (segment.multipath, segment.data_number) = known.multipath;
    if segment.flags.any(TcpFlags::SYN) {
        segment.window_scale = known.window_scale;
    }
}

const NO_OPERATION: u8 = 1;
const TIMESTAMPS: u8 = 8;

/// The options that are kept.
struct Options {
    timestamps: Option<TcpTimestamps>,
    window_scale: u8,
    multipath: (Multipath, SeqNum),
}

impl Options {
    const NONE: Options = Options {
        timestamps: None,
        window_scale: Segment::NO_SCALE,
        multipath: (Multipath::Nothing, SeqNum(0)),
    };

    /// Reads options up to the first that is malformed or cut off. (etherparse's iterator stops at kinds it
    /// does not know, such as MPTCP's, and would lose what follows them.)
    fn read(mut rest: &[u8]) -> Options {
        const END: u8 = 0;
        const WINDOW_SCALE: u8 = 3;
        // A larger shift counts as this one (RFC 7323 §2.3).
        const LARGEST_SHIFT: u8 = 14;
        let mut known = Options::NONE;
        loop {
            match rest {
                [NO_OPERATION, tail @ ..] => {
                    rest = tail;
                    continue;
                }
                [TIMESTAMPS, 10, v0, v1, v2, v3, e0, e1, e2, e3, ..] => {
                    let val = u32::from_be_bytes([*v0, *v1, *v2, *v3]);
                    let ecr = u32::from_be_bytes([*e0, *e1, *e2, *e3]);
                    known.timestamps = Some(TcpTimestamps { val, ecr });
                }
                [WINDOW_SCALE, 3, shift, ..] => known.window_scale = (*shift).min(LARGEST_SHIFT),
                [Multipath::KIND, len, ..] => {
                    let read = Multipath::read(rest.get(..usize::from(*len)).unwrap_or(rest));
                    // A segment may carry several, of which at most one tells any of this.
                    if read.0 != Multipath::Nothing {
                        known.multipath = read;
                    }
                }
                [END, ..] => return known,
                _ => {}
            }
            // At least two octets, or this would not end.
            let len = rest.get(1).map_or(0, |&len| usize::from(len)).max(2);
            match rest.get(len..) {
                Some(tail) => rest = tail,
                None => return known,
            }
        }
    }
}
