//! The long road: everything a segment may tell, in the order in which it is asked.

use super::kind::Kind;
use super::{Connection, store_us};
use crate::tcp::closing::IcmpError;
use crate::tcp::half::Half;
use crate::tcp::history::Letter;
use crate::wire::{Multipath, Segment, Side, TcpFlags};

impl Connection {
    /// [`Connection::observe`] for whatever may come.
    #[inline(never)]
    pub(in crate::tcp) fn observe_any(&mut self, s: &Segment) {
        if self.bits & Connection::HEAD != 0 {
            self.log_head(s);
        }
        if s.multipath != Multipath::Nothing {
            self.note_data_level(s);
        }
        let x = s.side.index();
        if self.is_empty() && self.first.frame == 0 {
            self.first = s.seen;
        }
        let signature = Half::signature_of(s);
        if self.captured_twice(s, signature) {
            self.tallies[x].captured_twice = self.tallies[x].captured_twice.saturating_add(1);
            self.tallies[x].hop_limits.note(s.hop_limit);
            return;
        }
        if s.flags.any(TcpFlags::RST) {
            self.reset(s);
            return;
        }
        let kind = self.kind(s);
        self.silence(s, kind);
        if !matches!(kind, Kind::Foreign) {
            self.follow(s, kind);
        }
        let half = &mut self.halves[x];
        half.passes(s, signature);
        if half.hop_limit != s.hop_limit {
            half.hop_limit = s.hop_limit;
            self.tallies[x].hop_limits.note(s.hop_limit);
        }
    }

    /// A segment whose numbers are this connection's.
    #[inline]
    fn follow(&mut self, s: &Segment, kind: Kind) {
        let x = s.side.index();
        if self.bits & Connection::ESTABLISHED == 0
            && s.flags.any(TcpFlags::ACK)
            && !s.flags.any(TcpFlags::SYN)
        {
            self.establish(s);
        }
        let payload_before = self.halves[x].payload;
        self.move_marks(s, kind);
        if self.bits & Connection::AWAITS_EMPTY[x] != 0 && s.span() == 0 {
            self.note_empty(s);
        }
        self.count(s, kind);
        if s.flags.any(TcpFlags::SYN) {
            self.syn(s);
        }
        if s.flags.any(TcpFlags::FIN) || self.bits & Connection::HAS_FIN != 0 {
            self.closing(s, payload_before);
        }
        let zero_bit = [Connection::ZERO_LO, Connection::ZERO_HI][x];
        if (s.window == 0 && s.flags.any(TcpFlags::ACK)) || self.bits & zero_bit != 0 {
            self.window_moves(s, zero_bit);
        }
    }

    /// Notes an ICMP error that quotes a segment sent by `side`.
    pub fn observe_icmp(&mut self, side: Side, error: IcmpError) {
        let slot = &mut self.extra_mut().seldom.get_or_insert_default().icmp[side.index()];
        match slot {
            Some(first) => first.count = first.count.saturating_add(1),
            None => *slot = Some(error),
        }
    }

    #[cold]
    fn syn(&mut self, s: &Segment) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let answers = s.flags.any(TcpFlags::ACK);
        if self.opener().is_none() {
            let opener = if answers { s.side.peer() } else { s.side };
            self.bits |= [Connection::OPENED_BY_LO, Connection::OPENED_BY_HI][opener.index()];
        }
        if s.flags.any(TcpFlags::FIN) {
            self.bits |= Connection::SYN_FIN;
        }
        if answers {
            // A RST before the connection was made did not end it.
            self.bits &= !Connection::RESETS;
        }
        if answers && self.responder_rtt_us == 0 && self.syns(y) == 1 && self.syns(x) == 0 {
            self.responder_rtt_us = store_us(self.halves[y].last.at, s.seen.at);
        }
        self.tallies[x].isn = s.seq;
        self.tallies[x].syns = self.tallies[x].syns.saturating_add(1);
        self.tallies[x].window_scale = s.window_scale;
        self.history.note(if answers { Letter::SynAck } else { Letter::Syn }, s.side);
    }

    /// A segment without SYN: the handshake is over if the opener sent it, or if it shows that the opener's arrived.
    #[cold]
    fn establish(&mut self, s: &Segment) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let (half, peer) = (&self.halves[x], &self.halves[y]);
        let over = match self.opener() {
            None => true,
            Some(opener) if opener == s.side => {
                if peer.synchronised() && s.ack == self.tallies[y].isn + 1 && self.syns(y) == 1 {
                    self.originator_rtt_us = store_us(self.halves[y].last.at, s.seen.at);
                }
                true
            }
            // The one that was asked sends nothing more before the handshake is over, save its SYN again.
            Some(_) => s.len > 0 || s.flags.any(TcpFlags::FIN) || half.has_ack() && s.ack.after(half.ack),
        };
        if over {
            self.bits |= Connection::ESTABLISHED;
        }
    }

    #[cold]
    fn window_moves(&mut self, s: &Segment, bit: u32) {
        if s.flags.any(TcpFlags::SYN) {
            return;
        }
        let zero = &mut self.extra_mut().zero.get_or_insert_default()[s.side.index()];
        if s.window == 0 {
            zero.closed(s.seen);
            self.bits |= bit;
            self.history.note(Letter::ZeroWindow, s.side);
        } else {
            zero.opened(s.seen.at);
            self.bits &= !bit;
        }
    }
}
