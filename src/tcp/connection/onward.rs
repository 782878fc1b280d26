//! The short road: a segment that merely goes on, as nearly all do.
//!
//! An open connection, nothing outstanding that later segments are judged by, the next number of its side, an
//! acknowledgment of what was seen, less than a second after the last: such a segment changes the running lines and
//! nothing else. Whatever is different in any respect takes [`Connection::observe_any`]; the two agree on every
//! segment that this one takes, which is a property test in `laws.rs`.
//!
//! Why: on `examples/generate` with 5,000 connections (66 to 90 octets a packet, each connection opens and closes within
//! 53 packets), a segment took 590 instructions in the table before there was a short road and takes 423 with it
//! (`valgrind --tool=callgrind`; hash, index and key included). One segment in six takes the long road, for 650 each. As a
//! function of its own, not inlined, the short road took 5 % more; a condition for *acknowledges nothing* cost one wrong
//! guess of the processor in nine segments.

use super::{Connection, store_us};
use crate::tcp::half::Half;
use crate::tcp::history::Letter;
use crate::tcp::silence::Silences;
use crate::wire::{Segment, TcpFlags};

impl Connection {
    /// Established, and none of what makes a segment's meaning depend on more than the running lines; nor, for the
    /// table, over or one of two that share a flow.
    const WATCHED: u32 = Connection::ESTABLISHED
        | Connection::BLURRED
        | Connection::PENDING
        | Connection::HAS_FIN
        | Connection::CLOSED_ORDERLY
        | Connection::RESETS
        | Connection::ZERO_LO
        | Connection::ZERO_HI
        | Connection::HOLES[0]
        | Connection::HOLES[1]
        | Connection::TWICE
        | Connection::HEAD
        | Connection::AWAITS_EMPTY[0]
        | Connection::AWAITS_EMPTY[1]
        | Connection::TABLE_BITS;

    /// Notes the segment if it goes straight on, and says whether it did.
    #[inline(always)]
    pub(in crate::tcp) fn goes_straight_on(&mut self, s: &Segment) -> bool {
        const CONTROL: u8 = TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0 | TcpFlags::ACK.0;
        let [lo, hi] = &self.halves;
        let latest = lo.last.at.max(hi.last.at);
        let latest_payload = lo.last_payload_at.max(hi.last_payload_at);
        let (x, y) = (s.side.index(), s.side.peer().index());
        let (half, peer) = (&self.halves[x], &self.halves[y]);

        let speaks = s.len > 0;
        let (needed, letter, since) = if speaks {
            const SPOKE: u8 = Half::SEQ | Half::ACK | Half::ANCHORED | Half::PAYLOAD;
            // The payload's silence is the longer one, and long enough to be looked at if the other is.
            (SPOKE, Letter::Data, latest.min(latest_payload))
        } else {
            (Half::SEQ | Half::ACK, Letter::Ack, latest)
        };
        let acknowledged = s.ack - half.ack;
        let signature = Half::signature_of(s);
        // Signs of Multipath TCP are below the bit of the ACK, so one comparison is enough.
        let plain = s.flags.0 & CONTROL | s.multipath as u8 == TcpFlags::ACK.0
            && self.bits & Connection::WATCHED == Connection::ESTABLISHED
            && half.has & needed == needed
            && peer.has & Half::SEQ != 0
            && s.seq == half.nxt
            && acknowledged >= 0
            && peer.nxt.at_or_after(s.ack)
            && s.window != 0
            && s.hop_limit == half.hop_limit
            && signature != half.signature
            && s.seen.at - since < Silences::SHORTEST
            && (acknowledged == 0) | (peer.repeats == 0)
            && self.history.has(letter, s.side);
        if !plain {
            return false;
        }
        let peer = &mut self.halves[y];
        // Nothing, as often as not: that costs less than to ask.
        peer.acknowledged(acknowledged);
        let (peer_spoke, asked_at) = (peer.has_payload(), peer.last_payload_at);
        let half = &mut self.halves[x];
        half.ack = s.ack;
        half.passes(s, signature);
        if speaks {
            let end = s.seq + s.len;
            if end.after(half.nxt) {
                half.nxt = end;
            }
            if (s.len > 1 || s.flags.any(TcpFlags::PSH)) && end.after(half.data_end) {
                half.data_end = end;
            }
            let answers = peer_spoke && asked_at > half.last_payload_at;
            half.payload += u64::from(s.len);
            half.last_payload_at = s.seen.at;
            if answers {
                self.longest_answer_us = self.longest_answer_us.max(store_us(asked_at, s.seen.at));
            }
        }
        true
    }
}
