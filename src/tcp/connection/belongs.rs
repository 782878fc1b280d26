//! Whether a segment is this connection's, or that of another one between the same endpoints.

use super::Connection;
use crate::wire::{Segment, SeqNum, Side, TcpFlags};

impl Connection {
    /// The receive window that side last announced, in octets (RFC 7323 §2.3); unscaled if its SYN was not seen.
    pub(super) fn window_octets(&self, side: Side) -> u32 {
        u32::from(self.halves[side.index()].window) << self.tallies[side.index()].window_shift()
    }

    /// Whether its numbers lie where this connection's are; unknown ones do not object.
    pub fn fits(&self, s: &Segment) -> bool {
        let half = &self.halves[s.side.index()];
        let peer = &self.halves[s.side.peer().index()];
        let near = |number: SeqNum, mark: SeqNum, window: u32| {
            i64::from(number - mark).unsigned_abs() <= u64::from(window.max(1 << 20))
        };
        !self.stale_answer(s)
            && (!half.has_seq() || near(s.seq, half.nxt, self.window_octets(s.side.peer())))
            && (!s.flags.any(TcpFlags::ACK)
                || !peer.has_seq()
                || near(s.ack, peer.nxt, self.window_octets(s.side)))
    }

    /// Whether it is the SYN of another connection between the same endpoints.
    pub fn is_other_syn(&self, s: &Segment) -> bool {
        let side = s.side.index();
        is_pure_syn(s) && self.halves[side].synchronised() && self.tallies[side].isn != s.seq
    }

    /// Whether its numbers are known to be this connection's.
    pub(in crate::tcp) fn owns(&self, s: &Segment) -> bool {
        self.halves[s.side.index()].has_seq() && self.fits(s)
    }

    /// Whether this segment begins another connection between the same endpoints.
    ///
    /// A SYN with another initial sequence number does; the same SYN again does not. A SYN-ACK does if it can belong to
    /// neither the SYN nor the numbers seen.
    pub(in crate::tcp) fn is_replaced_by(&self, s: &Segment) -> bool {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let (half, peer) = (&self.halves[x], &self.halves[y]);
        if !s.flags.any(TcpFlags::SYN) || self.is_empty() {
            return false;
        }
        let same = half.flags.any(TcpFlags::SYN) && self.tallies[x].isn == s.seq;
        if s.flags.any(TcpFlags::ACK) {
            let answers = peer.flags.any(TcpFlags::SYN) && s.ack == self.tallies[y].isn + 1;
            return !same && !answers && (self.is_over() || !self.fits(s));
        }
        let late_capture = !half.spoke() && peer.has_ack() && peer.ack == s.seq + 1;
        let simultaneous = !half.spoke() && !self.established() && peer.flags.any(TcpFlags::SYN);
        !same && !late_capture && !simultaneous
    }

    /// A second answer to the same SYN, with another number, behind a handshake that ended with the first: whoever sent it
    /// (a box on the path, most likely), both sides go on where they were (RFC 9293 §3.10.7.4).
    pub(super) fn is_other_answer(&self, s: &Segment) -> bool {
        let (x, y) = (s.side.index(), s.side.peer().index());
        s.flags.all(TcpFlags::SYN | TcpFlags::ACK)
            && self.established()
            && self.halves.iter().all(|half| half.synchronised())
            && s.seq != self.tallies[x].isn
            && s.ack == self.tallies[y].isn + 1
    }

    /// An ACK of the side that was asked to open, before it agreed: it speaks of an older connection on the same ports.
    ///
    /// Its peer answers with a RST and sends the same SYN again (RFC 9293 §3.5.1, half-open connections).
    pub(in crate::tcp) fn stale_answer(&self, s: &Segment) -> bool {
        let opener = s.side.peer();
        if self.established()
            || self.opener() != Some(opener)
            || (s.flags | self.halves[s.side.index()].flags).any(TcpFlags::SYN)
        {
            return false;
        }
        // A little beyond is an answer too, to data that were not captured.
        let ahead = s.ack - (self.tallies[opener.index()].isn + 1);
        s.flags.any(TcpFlags::ACK) && !(0..=1 << 20).contains(&ahead)
    }
}

fn is_pure_syn(s: &Segment) -> bool {
    s.flags.any(TcpFlags::SYN) && !s.flags.any(TcpFlags::ACK)
}
