//! Everything seen from one endpoint: the line that every segment touches, and the counters that few do.

use crate::wire::{Segment, SeqNum, Stamp, TcpFlags, Timestamp};

/// The running line of one endpoint: one cache line, touched by every segment it sends.
///
/// Fields marked *running* hold the present; all others are sums and sets over everything seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C, align(32))]
pub struct Half {
    /// Running: its last segment (one that was not captured twice).
    pub last: Stamp,
    /// Running: when it last sent payload; meaningless unless [`Half::has_payload`].
    pub last_payload_at: Timestamp,
    /// Payload octets sent, repetitions included.
    pub payload: u64,
    /// Running: SND.NXT as far as seen, the highest SEG.SEQ + SEG.LEN, empty segments included.
    pub nxt: SeqNum,
    /// Running: the same without empty segments and without the FIN: where its data end.
    pub data_end: SeqNum,
    /// Running: the highest SEG.ACK it sent.
    pub ack: SeqNum,
    /// Segments sent, repetitions included.
    pub segments: u32,
    /// Running: fingerprint of its last segment, to tell a frame captured twice.
    pub(super) signature: u32,
    /// Running: the last TSval it sent.
    pub(super) ts_val: u32,
    /// Running: the window of its last segment, unscaled.
    pub window: u16,
    /// Every control bit it ever set.
    pub flags: TcpFlags,
    /// The most of its octets that one acknowledgment of its peer covered at once, in [`Half::STEP`]s, rounded up.
    pub(super) largest_step: u8,
    /// Running: which of the running values are set; see the constants.
    pub(super) has: u8,
    /// Running: interface of its last segment.
    pub(super) interface: u8,
    /// Running: hop limit of its last segment.
    pub(super) hop_limit: u8,
    /// Running: repetitions in a row, without the peer acknowledging anything new.
    pub repeats: u8,
}

impl Half {
    /// `nxt` is set.
    pub(super) const SEQ: u8 = 1;
    /// `ack` is set.
    pub(super) const ACK: u8 = 2;
    /// `ts_val` is set.
    pub(super) const TS: u8 = 4;
    /// `data_end` is known exactly: its SYN or some of its payload was seen.
    pub(super) const ANCHORED: u8 = 8;

    /// It sent payload.
    pub(super) const PAYLOAD: u8 = 16;
    /// Its last segment carried IP identification 0.
    pub(super) const ID_ZERO: u8 = 32;

    /// Octets that one unit of the largest step stands for.
    const STEP: u32 = 32;

    /// No segment of it longer than this was delivered as far as was seen: no acknowledgment covered more at once.
    /// None where steps are too large to be told apart.
    pub fn delivered_at_most(&self) -> Option<u32> {
        (self.largest_step < u8::MAX).then(|| u32::from(self.largest_step) * Half::STEP)
    }

    /// The running values that every segment moves, whatever else it does.
    #[inline(always)]
    pub(super) fn passes(&mut self, s: &Segment, signature: u32) {
        self.last = s.seen;
        self.signature = signature;
        self.interface = s.interface;
        self.segments = self.segments.saturating_add(1);
        self.flags |= s.flags;
        self.window = s.window;
        self.has = self.has & !Half::ID_ZERO | if s.ip_id == 0 { Half::ID_ZERO } else { 0 };
        if s.has_timestamps {
            self.ts_val = s.timestamps.val;
            self.has |= Half::TS;
        }
    }

    /// The peer acknowledges that many octets more.
    #[inline]
    pub(super) fn acknowledged(&mut self, octets: i32) {
        let step = octets.unsigned_abs().div_ceil(Half::STEP).min(255) as u8;
        self.largest_step = self.largest_step.max(step);
    }

    /// Whether anything of this endpoint was seen.
    #[inline]
    pub fn spoke(&self) -> bool {
        self.last.frame != 0
    }

    /// Whether it sent any payload.
    #[inline]
    pub fn has_payload(&self) -> bool {
        self.has & Half::PAYLOAD != 0
    }

    /// Whether its last payload is later than the other's: the other owes an answer, as far as payload can tell.
    pub fn spoke_last(&self, other: &Half) -> bool {
        self.has_payload() && (!other.has_payload() || self.last_payload_at > other.last_payload_at)
    }

    /// Whether its last segment, RSTs aside, carried IP identification 0; always so over IPv6, which has none.
    pub fn last_identification_is_zero(&self) -> bool {
        self.has & Half::ID_ZERO != 0
    }

    /// Whether its segments carry the timestamps option (RFC 7323 §3).
    pub fn has_timestamps(&self) -> bool {
        self.has & Half::TS != 0
    }

    /// Whether its sequence numbers are known.
    #[inline]
    pub fn has_seq(&self) -> bool {
        self.has & Half::SEQ != 0
    }

    /// Whether it ever acknowledged anything.
    #[inline]
    pub fn has_ack(&self) -> bool {
        self.has & Half::ACK != 0
    }

    /// Octets of sequence space it moved past without our seeing them: its `nxt` by empty segments lies beyond its data.
    ///
    /// One such octet after the end of all data is most likely its FIN.
    pub fn unseen_octets(&self) -> i32 {
        if self.has & Half::ANCHORED != 0 { self.nxt - self.data_end } else { 0 }
    }

    /// Whether all that it sent is known to end right before that number.
    pub(super) fn ends_in(&self, number: SeqNum) -> bool {
        self.is_anchored() && self.nxt == number && self.data_end == number
    }

    /// Whether its SYN or some of its payload was seen.
    pub(super) fn is_anchored(&self) -> bool {
        self.has & Half::ANCHORED != 0
    }

    /// What identifies a frame captured twice: everything in the TCP header and the IP identification.
    #[inline]
    pub(super) fn signature_of(s: &Segment) -> u32 {
        let a = u64::from(s.seq.0) << 32 | u64::from(s.ack.0);
        let b = u64::from(s.len) << 32 | u64::from(s.checksum) << 16 | u64::from(s.ip_id);
        let c = u64::from(s.window) << 8 | u64::from(s.flags.0);
        let mixed = (a ^ c.rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ b.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        (mixed ^ (mixed >> 32)) as u32
    }

    /// Whether its SYN was seen.
    pub(super) fn synchronised(&self) -> bool {
        self.flags.any(TcpFlags::SYN)
    }

    /// The same line with nothing counted yet: what goes on from here. Which hop limit was last is forgotten, so that the
    /// next one is noted whatever it is: before, there may have been another connection's.
    pub(super) fn running(&self) -> Half {
        let flags = TcpFlags(self.flags.0 & TcpFlags::SYN.0);
        Half { payload: 0, segments: 0, largest_step: 0, hop_limit: 0, flags, ..*self }
    }

    /// This line, then what was counted on from [`Half::running`]; running values unknown there are this line's.
    ///
    /// `closed` is that line as it was then: what has not moved since is known better here.
    pub(super) fn then(&self, rest: &Half, closed: &Half) -> Half {
        let later = if rest.last != closed.last { rest } else { self };
        // A RST leaves its fingerprint only.
        let marked = if rest.signature != closed.signature { rest } else { later };
        let spoken = if rest.last_payload_at != closed.last_payload_at { rest } else { self };
        let highest = |bit: u8, own: SeqNum, other: SeqNum| match (self.has & bit, rest.has & bit) {
            (_, 0) => own,
            (0, _) => other,
            _ => own.max(other),
        };
        Half {
            last: later.last,
            last_payload_at: spoken.last_payload_at,
            payload: self.payload.saturating_add(rest.payload),
            nxt: highest(Half::SEQ, self.nxt, rest.nxt),
            data_end: match self.has & Half::SEQ {
                0 => rest.data_end,
                _ => highest(Half::ANCHORED, self.data_end, rest.data_end),
            },
            ack: highest(Half::ACK, self.ack, rest.ack),
            segments: self.segments.saturating_add(rest.segments),
            signature: marked.signature,
            ts_val: if rest.has & Half::TS != 0 { rest.ts_val } else { self.ts_val },
            window: later.window,
            flags: self.flags | rest.flags,
            largest_step: self.largest_step.max(rest.largest_step),
            has: (self.has | rest.has) & !Half::ID_ZERO | later.has & Half::ID_ZERO,
            interface: marked.interface,
            hop_limit: later.hop_limit,
            repeats: rest.repeats,
        }
    }
}

/// The hop limits one endpoint's segments arrived with, in order of first appearance, at most four; RSTs excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HopLimits(pub(super) [u8; 4]);

impl HopLimits {
    /// Notes one more; 0 is never noted, and the fifth different value is lost.
    #[inline]
    pub(super) fn note(&mut self, hop_limit: u8) {
        if self.0[0] == hop_limit {
            return;
        }
        for slot in &mut self.0 {
            if *slot == hop_limit {
                return;
            }
            if *slot == 0 {
                *slot = hop_limit;
                return;
            }
        }
    }

    /// Whether that value was seen.
    pub fn contains(&self, hop_limit: u8) -> bool {
        hop_limit != 0 && self.0.contains(&hop_limit)
    }

    /// The values, first seen first.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.iter().copied().take_while(|&hop_limit| hop_limit != 0)
    }

    pub(super) fn then(mut self, later: &HopLimits) -> HopLimits {
        later.iter().for_each(|hop_limit| self.note(hop_limit));
        self
    }
}

/// Counters of one endpoint that few segments touch. Counts saturate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Running: initial sequence number; valid once a SYN was seen ([`Half::flags`]).
    pub isn: SeqNum,
    /// Retransmissions: payload, SYN or FIN sent again (not captured twice, not keep-alives).
    pub retransmissions: u32,
    /// First payload, in microseconds after the connection's first frame, plus one; 0 if none. Saturates at 71 min.
    pub(super) first_payload_us: u32,
    /// Frames captured twice.
    pub captured_twice: u16,
    /// Keep-alive probes (RFC 9293 §3.8.4): nothing or one octet, at SND.NXT - 1, into an open window.
    pub keepalives: u16,
    /// Probes of a closed window.
    pub window_probes: u16,
    /// Segments that arrived behind later ones, without having been sent twice as far as can be told.
    pub out_of_order: u16,
    /// Jumps forward: *previous segment not captured*.
    pub holes: u16,
    /// Times the peer acknowledged octets of this endpoint that never passed: *ACKed unseen segment*.
    pub acked_unseen: u16,
    /// SYNs sent, the first included.
    pub syns: u8,
    /// Running: full segments for which jumps forward left room, not filled yet, that may still come if they changed places with others.
    pub(super) open_holes: u8,
    /// Running: window scale of its SYN (RFC 7323 §2); [`Segment::NO_SCALE`] if none was seen.
    pub window_scale: u8,
    /// Hop limits of its segments.
    pub hop_limits: HopLimits,
}

impl Tally {
    /// That shift, 0 if none is known.
    pub(super) fn window_shift(&self) -> u8 {
        if self.window_scale <= 14 { self.window_scale } else { 0 }
    }

    pub(super) fn running(&self) -> Tally {
        Tally {
            isn: self.isn,
            open_holes: self.open_holes,
            window_scale: self.window_scale,
            ..Tally::default()
        }
    }

    /// `synchronised`: whether `rest` saw a SYN, so that it knows the initial number.
    pub(super) fn then(&self, rest: &Tally, synchronised: bool) -> Tally {
        Tally {
            isn: if synchronised { rest.isn } else { self.isn },
            retransmissions: self.retransmissions.saturating_add(rest.retransmissions),
            captured_twice: self.captured_twice.saturating_add(rest.captured_twice),
            first_payload_us: if self.first_payload_us != 0 {
                self.first_payload_us
            } else {
                rest.first_payload_us
            },
            keepalives: self.keepalives.saturating_add(rest.keepalives),
            window_probes: self.window_probes.saturating_add(rest.window_probes),
            out_of_order: self.out_of_order.saturating_add(rest.out_of_order),
            holes: self.holes.saturating_add(rest.holes),
            acked_unseen: self.acked_unseen.saturating_add(rest.acked_unseen),
            syns: self.syns.saturating_add(rest.syns),
            open_holes: rest.open_holes,
            window_scale: if synchronised { rest.window_scale } else { self.window_scale },
            hop_limits: self.hop_limits.then(&rest.hop_limits),
        }
    }
}

const _: () = assert!(size_of::<Half>() == 64);
const _: () = assert!(size_of::<Tally>() == 32);
