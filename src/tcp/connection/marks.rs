//! How far both sides are: the highest numbers, and what was counted on the way.

use super::kind::Kind;
use super::{Connection, store_us};
use crate::tcp::closing::Stuck;
use crate::tcp::half::Half;
use crate::tcp::history::Letter;
use crate::wire::{Segment, TcpFlags};

impl Connection {
    /// Moves the highest numbers of both sides.
    #[inline]
    pub(super) fn move_marks(&mut self, s: &Segment, kind: Kind) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let half = &mut self.halves[x];
        let end = s.end();
        // The octet of a probe is not data: where the sender has closed, it has the number of the FIN. A stack pushes the
        // last octet that its program gave it, so a lone one without PSH is taken for a probe's.
        let pushed = s.flags.any(TcpFlags::PSH) && !matches!(kind, Kind::KeepAlive | Kind::WindowProbe);
        let occupies = s.len > 1 || s.len == 1 && pushed || s.flags.any(TcpFlags::SYN);
        let data_end = if s.flags.any(TcpFlags::FIN) { end - 1 } else { end };
        let other_syn = self.bits & Connection::ESTABLISHED == 0
            && s.flags.any(TcpFlags::SYN)
            && s.seq != self.tallies[x].isn;
        if !half.has_seq() || other_syn {
            half.nxt = end;
            half.data_end = data_end;
            half.has |= Half::SEQ;
        } else {
            if end.after(half.nxt) {
                half.nxt = end;
            }
            if occupies && (half.has & Half::ANCHORED == 0 || data_end.after(half.data_end)) {
                half.data_end = data_end;
            }
        }
        if occupies {
            half.has |= Half::ANCHORED;
        }
        if !s.flags.any(TcpFlags::ACK) {
            return;
        }
        if !half.has_ack() || s.ack.after(half.ack) || other_syn {
            if half.has_ack() && !other_syn {
                let octets = s.ack - half.ack;
                self.halves[y].acknowledged(octets);
            }
            let half = &mut self.halves[x];
            half.ack = s.ack;
            half.has |= Half::ACK;
            if let Some(extra) = &mut self.extra {
                extra.stuck[y] = None;
            }
            self.halves[y].repeats = 0;
        }
        if s.ack.at_or_after(self.halves[y].nxt) {
            // Whatever was missing has arrived, captured or not.
            self.set_open_holes(y, 0);
        }
        let peer = &mut self.halves[y];
        if !peer.has_seq() {
            peer.nxt = s.ack;
            peer.data_end = s.ack;
            peer.has |= Half::SEQ;
        } else if s.ack.after(peer.nxt) && s.ack - peer.nxt < 1 << 30 {
            peer.nxt = s.ack;
            self.tallies[y].acked_unseen = self.tallies[y].acked_unseen.saturating_add(1);
        }
    }

    /// Counts payload, repetitions and holes.
    #[inline]
    pub(super) fn count(&mut self, s: &Segment, kind: Kind) {
        let x = s.side.index();
        let mut open_holes = self.tallies[x].open_holes;
        if open_holes > 0 && !self.is_close_behind(s) {
            open_holes = 0;
        }
        let tally = &mut self.tallies[x];
        match kind {
            Kind::New => {}
            Kind::Jump(segments) => {
                tally.holes = tally.holes.saturating_add(1);
                open_holes = open_holes.saturating_add(segments);
                self.history.note(Letter::Gap, s.side);
            }
            Kind::KeepAlive => tally.keepalives = tally.keepalives.saturating_add(1),
            Kind::WindowProbe => tally.window_probes = tally.window_probes.saturating_add(1),
            Kind::OutOfOrder => {
                tally.out_of_order = tally.out_of_order.saturating_add(1);
                open_holes = open_holes.saturating_sub(1);
            }
            Kind::Again => {
                tally.retransmissions = tally.retransmissions.saturating_add(1);
                self.halves[x].repeats = self.halves[x].repeats.saturating_add(1);
                open_holes = open_holes.saturating_sub(1);
                if self.halves[x].repeats >= Stuck::AFTER {
                    let stuck =
                        Stuck { since: s.seen, seen: s.seen, seq: s.seq, len: s.len, after_another: false };
                    let slot = &mut self.extra_mut().stuck[x];
                    let stuck = slot.take().map_or(stuck, |earlier| earlier.then(stuck));
                    *slot = Some(Box::new(stuck));
                }
                self.history.note(Letter::Retransmission, s.side);
            }
            Kind::Old | Kind::Foreign => {}
        }
        self.set_open_holes(x, open_holes);
        if s.len == 0 {
            if !s.flags.any(TcpFlags::SYN | TcpFlags::FIN) {
                self.history.note(Letter::Ack, s.side);
            }
            return;
        }
        if matches!(kind, Kind::KeepAlive | Kind::WindowProbe) && s.len == 1 {
            return;
        }
        let [half, peer] = if x == 0 {
            let [lo, hi] = &mut self.halves;
            [lo, hi]
        } else {
            let [lo, hi] = &mut self.halves;
            [hi, lo]
        };
        if peer.spoke_last(half) {
            self.longest_answer_us = self.longest_answer_us.max(store_us(peer.last_payload_at, s.seen.at));
        }
        if !half.has_payload() {
            self.tallies[x].first_payload_us = store_us(self.first.at, s.seen.at);
        }
        half.payload += u64::from(s.len);
        half.last_payload_at = s.seen.at;
        half.has |= Half::PAYLOAD;
        self.history.note(Letter::Data, s.side);
    }

    pub(in crate::tcp) fn set_open_holes(&mut self, x: usize, count: u8) {
        self.tallies[x].open_holes = count;
        let bit = Connection::HOLES[x];
        self.bits = self.bits & !bit | if count > 0 { bit } else { 0 };
    }
}
