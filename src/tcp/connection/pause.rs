//! Pauses: the time since the last segments, and what was sent into it.

use super::Connection;
use super::kind::Kind;
use crate::tcp::half::Half;
use crate::tcp::silence::{Silence, Silences};
use crate::tcp::waits::Answers;
use crate::wire::{Segment, SeqNum, Side, Span, TcpFlags, Timestamp};

impl Connection {
    /// Looks at the time since the last segments, and keeps the account of what was sent into a silence.
    #[inline]
    pub(super) fn silence(&mut self, s: &Segment, kind: Kind) {
        let [lo, hi] = &self.halves;
        let latest = lo.last.at.max(hi.last.at);
        let latest_payload = if lo.has_payload() || hi.has_payload() {
            lo.last_payload_at.max(hi.last_payload_at)
        } else {
            self.first.at
        };
        let answerable = s.span() > 0 || matches!(kind, Kind::KeepAlive);
        let quiet = s.seen.at - latest >= Silences::SHORTEST;
        let speaks = s.len > 0 || matches!(kind, Kind::KeepAlive);
        let no_payload = speaks && s.seen.at - latest_payload >= Silences::SHORTEST;
        if (quiet || no_payload || self.bits & (Connection::PENDING | Connection::BLURRED) != 0)
            && lo.spoke()
            && hi.spoke()
        {
            self.silence_ends(s, kind, answerable, quiet);
        }
    }

    #[cold]
    fn silence_ends(&mut self, s: &Segment, kind: Kind, answerable: bool, quiet: bool) {
        if self.bits & Connection::PENDING != 0 {
            let silences = self.extra_mut().silences.get_or_insert_default();
            if !silences.pending_from(s.side) {
                let ack = s.flags.any(TcpFlags::ACK).then_some(s.ack);
                silences.answer(ack);
                if !silences.is_pending() {
                    self.bits &= !Connection::PENDING;
                }
            } else if matches!(kind, Kind::Again | Kind::KeepAlive | Kind::OutOfOrder) {
                silences.again(s.seen.at);
            }
            return;
        }
        if self.bits & Connection::BLURRED != 0 && !quiet {
            // Something unanswerable ended the silence; only when the other side speaks is the path known to be open.
            if s.side == self.last_speaker() {
                return;
            }
            self.bits &= !Connection::BLURRED;
        }
        if s.flags.any(TcpFlags::SYN) || !self.established() {
            return;
        }
        if !answerable || !self.continues(s, kind) {
            if quiet {
                let silences = self.extra_mut().silences.get_or_insert_default();
                silences.blurred_count = silences.blurred_count.saturating_add(1);
                self.bits |= Connection::BLURRED;
            }
            return;
        }
        let [lo, hi] = &self.halves;
        let before = lo.last.max_frame(hi.last);
        let spoken =
            [lo, hi].into_iter().filter(|half| half.has_payload()).map(|half| half.last_payload_at).max();
        let payload = spoken.unwrap_or(Timestamp(i64::MIN)).max(self.first.at);
        let since = |at: Timestamp| (s.seen.at - at).max(Span::ZERO);
        let silence = Silence {
            spans: [since(before.at), since(payload), since(lo.last.at), since(hi.last.at)],
            from_frame: before.frame,
            resumed: s.seen,
            by: s.side,
            after_fin: self.bits & Connection::HAS_FIN != 0,
            probe: matches!(kind, Kind::KeepAlive),
            no_payload: spoken.is_none(),
            answers: Answers::of(
                s.len > 0 && !matches!(kind, Kind::KeepAlive),
                spoken.is_some(),
                &self.halves[s.side.index()],
                &self.halves[s.side.peer().index()],
            ),
        };
        let target = if silence.probe { s.seq + 1 } else { s.end() };
        self.bits |= Connection::PENDING;
        self.extra_mut().silences.get_or_insert_default().begin(silence, target);
    }

    /// Whether the segment goes on exactly where the conversation stopped, with nothing outstanding and nothing unseen.
    fn continues(&self, s: &Segment, kind: Kind) -> bool {
        let half = &self.halves[s.side.index()];
        let peer = &self.halves[s.side.peer().index()];
        let numbers = matches!(kind, Kind::New | Kind::KeepAlive)
            && s.flags.any(TcpFlags::ACK)
            && s.ack == peer.nxt
            && half.has_ack()
            && half.ack == peer.nxt
            && peer.has_ack()
            && peer.ack == half.nxt;
        let unseen_echo = s.has_timestamps
            && peer.has & Half::TS != 0
            && SeqNum(s.timestamps.ecr).after(SeqNum(peer.ts_val));
        numbers && !unseen_echo
    }

    fn last_speaker(&self) -> Side {
        if self.halves[0].last.frame >= self.halves[1].last.frame { Side::Lo } else { Side::Hi }
    }
}
