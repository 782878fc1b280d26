//! What a segment is, by its numbers.

use super::Connection;
use crate::tcp::silence::Silences;
use crate::wire::{Segment, Span, TcpFlags};

/// What a segment is, by its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Goes on where its side stopped.
    New,
    /// Leaves a hole, in which that many full segments have room: *previous segment not captured*.
    Jump(u8),
    /// A keep-alive probe.
    KeepAlive,
    /// A probe of a closed window.
    WindowProbe,
    /// Fills a hole at once.
    OutOfOrder,
    /// Was sent before.
    Again,
    /// Empty and behind: an old acknowledgment.
    Old,
    /// Nowhere near this connection's numbers.
    Foreign,
}

impl Kind {
    fn jump(ahead: i32) -> Kind {
        // What an Ethernet frame holds.
        const FULL: u32 = 1460;
        Kind::Jump(ahead.unsigned_abs().div_ceil(FULL).min(255) as u8)
    }
}

impl Connection {
    /// A late segment within this time of its side's previous one, with a hole open, is out of order rather than sent again.
    const REORDERED_WITHIN: Span = Span::millis(3);
    /// The same with timestamps, if both bear the same. Shorter than any retransmission timer, and a fast retransmission is
    /// stamped later on clocks that tick as often as most do, every millisecond.
    const SAME_TICK_WITHIN: Span = Span::millis(100);

    /// What a segment is, judged by the numbers before it.
    #[inline]
    pub(super) fn kind(&self, s: &Segment) -> Kind {
        let half = &self.halves[s.side.index()];
        let peer = &self.halves[s.side.peer().index()];
        if self.bits & Connection::ESTABLISHED == 0 && self.stale_answer(s) {
            return Kind::Foreign;
        }
        if !half.has_seq() {
            return Kind::New;
        }
        let ahead = s.seq - half.nxt;
        if ahead.unsigned_abs() > 1 << 30 && !s.flags.any(TcpFlags::SYN) {
            // Unless the peer speaks of the same numbers: then a gigabyte passed that was not captured.
            let corroborated = peer.has_ack() && (s.seq - peer.ack).unsigned_abs() < 1 << 20;
            return if corroborated && ahead > 0 { Kind::jump(ahead) } else { Kind::Foreign };
        }
        if ahead == 0 {
            return Kind::New;
        }
        if self.is_other_answer(s) {
            return Kind::Foreign;
        }
        if ahead > 0 {
            // Only its peer's acknowledgment was known, of a time before the capture: what lies between was on its way.
            let in_flight = !half.spoke() && self.opener().is_none();
            return if in_flight { Kind::New } else { Kind::jump(ahead) };
        }
        // The octet before the one that is asked for, or before the next; whatever was sent and not taken lies between.
        let asked = peer.has_ack() && s.seq + 1 == peer.ack;
        if s.len <= 1 && (ahead == -1 || asked) && !s.flags.any(TcpFlags::SYN | TcpFlags::FIN) {
            if peer.window == 0 && peer.spoke() {
                return Kind::WindowProbe;
            }
            let acked = peer.has_ack() && peer.ack.at_or_after(half.nxt);
            if ahead == -1 && (acked || s.len == 0 && s.seen.at - half.last.at >= Silences::SHORTEST) {
                return Kind::KeepAlive;
            }
        }
        if s.span() == 0 {
            return Kind::Old;
        }
        if self.is_stamped_earlier(s) {
            return Kind::OutOfOrder;
        }
        let late = self.is_close_behind(s);
        match self.tallies[s.side.index()].open_holes {
            0 if peer.window == 0 && peer.spoke() && s.len > 0 => Kind::WindowProbe,
            1.. if late => Kind::OutOfOrder,
            _ => Kind::Again,
        }
    }

    /// Whether it passed so soon after its side's previous segment that the two may have changed places. Timestamps decide
    /// where there are any: what is sent in the same tick may be held up for longer, what bears a later one was sent later.
    pub(super) fn is_close_behind(&self, s: &Segment) -> bool {
        let half = &self.halves[s.side.index()];
        let behind = s.seen.at - half.last.at;
        if s.has_timestamps && half.has_timestamps() {
            return s.timestamps.val == half.ts_val && behind <= Connection::SAME_TICK_WITHIN;
        }
        behind <= Connection::REORDERED_WITHIN
    }

    /// Whether it was sent before its side's previous segment, which only changed places with it: a sender's clock does not
    /// run backwards (RFC 7323 §5.4), and what is sent again is stamped anew.
    fn is_stamped_earlier(&self, s: &Segment) -> bool {
        let half = &self.halves[s.side.index()];
        s.has_timestamps && half.has_timestamps() && (s.timestamps.val.wrapping_sub(half.ts_val) as i32) < 0
    }
}
