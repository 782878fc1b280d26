//! One TCP segment, reduced to what is followed.

use super::{Multipath, SeqNum, Side, Stamp, TcpFlags, Timestamp};

/// The timestamps option (RFC 7323 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpTimestamps {
    /// TSval: the sender's clock.
    pub val: u32,
    /// TSecr: the peer's clock, echoed.
    pub ecr: u32,
}

/// One TCP segment as it passed the capture point: `Copy`, 56 bytes, borrows nothing, no payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// When and as which frame it was captured.
    pub seen: Stamp,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgment number; meaningful only with [`TcpFlags::ACK`].
    pub ack: SeqNum,
    /// Payload octets by the IP header (not by what was captured).
    pub len: u32,
    /// The timestamps option, if it was captured; see [`Segment::has_timestamps`].
    pub timestamps: TcpTimestamps,
    /// The window field as sent, not scaled.
    pub window: u16,
    /// The TCP checksum as sent; tells a frame captured twice from a repetition.
    pub checksum: u16,
    /// The IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// Capture interface, saturated at 255.
    pub interface: u8,
    /// Control bits.
    pub flags: TcpFlags,
    /// IPv4 time to live or IPv6 hop limit.
    pub hop_limit: u8,
    /// Which end of the flow sent it.
    pub side: Side,
    /// Whether [`Segment::timestamps`] was present.
    pub has_timestamps: bool,
    /// Whether the header carried any option at all.
    pub has_options: bool,
    /// What it says of Multipath TCP.
    pub multipath: Multipath,
    /// The number that belongs to [`Segment::multipath`]; 0 without.
    pub data_number: SeqNum,
    /// Window scale option of a SYN (RFC 7323 §2), 0 to 14; [`Segment::NO_SCALE`] if absent.
    pub window_scale: u8,
}

impl Segment {
    /// No window scale option was seen.
    pub const NO_SCALE: u8 = 255;

    /// One of which nothing is known, to be filled in.
    pub const BLANK: Segment = Segment {
        seen: Stamp { at: Timestamp(0), frame: 0 },
        seq: SeqNum(0),
        ack: SeqNum(0),
        len: 0,
        timestamps: TcpTimestamps { val: 0, ecr: 0 },
        window: 0,
        checksum: 0,
        ip_id: 0,
        interface: 0,
        flags: TcpFlags(0),
        hop_limit: 0,
        side: Side::Lo,
        has_timestamps: false,
        has_options: false,
        multipath: Multipath::Nothing,
        data_number: SeqNum(0),
        window_scale: Segment::NO_SCALE,
    };

    /// Length in sequence space: payload, and one each for SYN and FIN (RFC 9293 §3.4).
    #[inline]
    pub fn span(&self) -> u32 {
        self.len
            .wrapping_add(u32::from(self.flags.any(TcpFlags::SYN)))
            .wrapping_add(u32::from(self.flags.any(TcpFlags::FIN)))
    }

    /// The sequence number that follows this segment: SEG.SEQ + SEG.LEN.
    #[inline]
    pub fn end(&self) -> SeqNum {
        self.seq + self.span()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size() {
        assert!(size_of::<Segment>() <= 56);
    }
}
