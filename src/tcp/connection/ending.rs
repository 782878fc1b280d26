//! The account of FINs, of their acknowledgments, and of RSTs.

use super::Connection;
use crate::tcp::closing::{Fin, Rst};
use crate::tcp::half::Half;
use crate::tcp::history::Letter;
use crate::wire::{Segment, SeqNum, Stamp, TcpFlags};

/// Empty segments that stood at their sender's highest number: if an earlier part knows of a FIN that they acknowledge,
/// then they show CLOSE-WAIT ([`Fin::close_wait`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::tcp) struct Empties {
    /// The first one, while nothing of its sender's data was seen.
    pub(in crate::tcp) perhaps: Option<Empty>,
    /// The first one that stood right behind its sender's data.
    pub(in crate::tcp) behind_data: Option<Empty>,
}

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::tcp) struct Empty {
    pub(in crate::tcp) seen: Stamp,
    pub(in crate::tcp) seq: SeqNum,
    pub(in crate::tcp) ack: SeqNum,
}

impl Connection {
    /// The account of FINs and their acknowledgments.
    #[cold]
    pub(super) fn closing(&mut self, s: &Segment, payload_before: u64) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let [x_half, y_half] = [self.halves[x], self.halves[y]];
        let extra = self.extra_mut();
        let own_passed = extra.fin[x].is_some();
        if s.flags.any(TcpFlags::ACK)
            && let Some(fin) = &mut extra.fin[y]
            && fin.close_wait.is_none()
            && !own_passed
            && s.ack.at_or_after(fin.end)
            && s.span() == 0
        {
            if x_half.ends_in(s.seq) {
                fin.close_wait = Some(s.seen);
            } else if !x_half.is_anchored() && fin.perhaps_close_wait.is_none() {
                fin.perhaps_close_wait = Some((s.seen, s.seq));
            }
        }
        if s.flags.any(TcpFlags::ACK)
            && let Some(fin) = &mut extra.fin[y]
            && fin.acked.is_none()
        {
            if s.ack.at_or_after(fin.end) {
                fin.acked = Some(s.seen);
                fin.peer_payload_before = payload_before;
            } else {
                fin.peer_payload_before = x_half.payload;
            }
        }
        if s.flags.any(TcpFlags::FIN) {
            match &mut extra.fin[x] {
                Some(fin) => {
                    fin.sent = fin.sent.saturating_add(1);
                    fin.last_sent = s.seen;
                }
                none => {
                    // The peer may have acknowledged it before it was captured (frames captured out of order).
                    let acked = y_half.has_ack() && y_half.ack.at_or_after(s.end());
                    *none = Some(Box::new(Fin {
                        seen: s.seen,
                        end: s.end(),
                        ack: s.flags.any(TcpFlags::ACK).then_some(s.ack),
                        peer_payload_before: y_half.payload,
                        last_sent: s.seen,
                        acked: acked.then_some(y_half.last),
                        close_wait: None,
                        perhaps_close_wait: None,
                        answer_owed: x_half.spoke_last(&y_half),
                        closes_second: false,
                        sent: 1,
                        ip_id: s.ip_id,
                        hop_limit: s.hop_limit,
                        with_data: s.len > 0,
                    }));
                }
            }
            self.history.note(Letter::Fin, s.side);
        }
        self.settle();
    }

    #[cold]
    pub(super) fn note_empty(&mut self, s: &Segment) {
        let x = s.side.index();
        let half = &self.halves[x];
        let (behind_data, anchored) = (half.ends_in(s.seq), half.is_anchored());
        if !s.flags.any(TcpFlags::ACK) || anchored && !behind_data {
            return;
        }
        let empty = Empty { seen: s.seen, seq: s.seq, ack: s.ack };
        let empties = &mut self.extra_mut().empties.get_or_insert_default()[x];
        if behind_data {
            empties.behind_data = Some(empty);
            self.bits &= !Connection::AWAITS_EMPTY[x];
        } else {
            empties.perhaps.get_or_insert(empty);
        }
    }

    /// Sets what follows from the FINs.
    pub(in crate::tcp) fn settle(&mut self) {
        let Some(extra) = &mut self.extra else { return };
        let ends = extra.fin.each_ref().map(|fin| fin.as_ref().map(|fin| fin.end));
        for (fin, other) in extra.fin.iter_mut().zip([ends[1], ends[0]]) {
            if let Some(fin) = fin {
                fin.closes_second =
                    fin.ack.zip(other).is_some_and(|(ack, other): (SeqNum, _)| ack.at_or_after(other));
            }
        }
        if extra.fin.iter().any(Option::is_some) {
            self.bits |= Connection::HAS_FIN;
        }
        if extra.fin.iter().all(|fin| fin.as_ref().is_some_and(|fin| fin.acked.is_some())) {
            self.bits |= Connection::CLOSED_ORDERLY;
            self.bits &= !Connection::REUSED;
        }
    }

    /// A RST: its numbers are not trusted for marks; whether it ends the connection is decided here.
    #[cold]
    pub(super) fn reset(&mut self, s: &Segment) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let (half, peer) = (self.halves[x], self.halves[y]);
        let acceptable = self.acceptable_rst(s);
        if acceptable && self.bits & Connection::PENDING != 0 {
            let silences = self.extra_mut().silences.get_or_insert_default();
            if !silences.pending_from(s.side) {
                silences.reset();
                self.bits &= !Connection::PENDING;
            }
        }
        let has_ack = s.flags.any(TcpFlags::ACK);
        let slot = &mut self.extra_mut().rst[x];
        match slot {
            Some(rst) if rst.sent > 0 => {
                rst.sent = rst.sent.saturating_add(1);
                rst.last_sent = s.seen;
            }
            _ => {
                *slot = Some(Box::new(Rst {
                    seen: s.seen,
                    seq: s.seq,
                    ack: has_ack.then_some(s.ack),
                    expected: half.has_seq().then_some(half.nxt),
                    peer_ack: peer.has_ack().then_some(peer.ack),
                    after: peer.spoke().then_some((peer.last, peer.ack)),
                    window: s.window,
                    ip_id: s.ip_id,
                    last_sent: s.seen,
                    sent: 1,
                    hop_limit: s.hop_limit,
                    flags: s.flags,
                    has_options: s.has_options,
                    unread: peer.has_seq() && half.has_ack() && peer.nxt.after(half.ack),
                }));
            }
        }
        self.bits |= Connection::HAS_RST;
        if acceptable {
            self.bits |= [Connection::RST_BY_LO, Connection::RST_BY_HI][x];
        }
        self.history.note(Letter::Rst, s.side);
        let half = &mut self.halves[x];
        half.segments = half.segments.saturating_add(1);
        half.flags |= s.flags;
        half.signature = Half::signature_of(s);
        half.interface = s.interface;
        if half.last == Stamp::default() {
            half.last = s.seen;
        }
    }

    /// RFC 9293 §3.10.7.3 (SYN-SENT: the acknowledgment decides) and §3.5.3 (otherwise: inside the receiver's window).
    ///
    /// A RST that answers a segment repeats that segment's acknowledgment as its sequence number.
    fn acceptable_rst(&self, s: &Segment) -> bool {
        let peer = &self.halves[s.side.peer().index()];
        let own = &self.halves[s.side.index()];
        if !peer.spoke() {
            return true;
        }
        if s.flags.any(TcpFlags::ACK) && peer.has_seq() && s.ack == peer.nxt {
            return true;
        }
        if !peer.has_ack() {
            return !s.flags.any(TcpFlags::ACK) && own.has_seq() && s.seq == own.nxt;
        }
        let into = s.seq - peer.ack;
        let window = self.window_octets(s.side.peer()).max(1 << 16);
        // A byte of slack below: a keep-alive probe, or a FIN that was not acknowledged yet.
        (-1..=i64::from(window)).contains(&i64::from(into)) || own.has_seq() && s.seq == own.nxt
    }
}
