//! What was counted since a head was full is added to what an earlier part knows.

use super::{Closed, micros};
use crate::tcp::closing::Stuck;
use crate::tcp::connection::Connection;
use crate::tcp::half::Half;
use crate::tcp::silence::{Silences, Unknown};
use crate::wire::{SeqNum, Side, Timestamp};

impl Connection {
    /// Adds what was counted in `rest` since its running values were `closed`.
    pub(super) fn go_on(&mut self, rest: &Connection, closed: &Closed) {
        let own = self.present();
        let was_over = self.is_over();
        let mut about = !own.agrees(closed);
        let unspoken = !closed.halves.iter().any(Half::has_payload);
        let shift = micros(rest.first.at) - micros(self.first.at);
        let first_payload = [0, 1].map(|x| {
            let stored = rest.tallies[x].first_payload_us;
            about |= stored == u32::MAX;
            (stored != 0).then(|| micros(rest.first.at) + i64::from(stored) - 1)
        });
        let spoken =
            own.halves.iter().filter(|half| half.has_payload()).map(|half| half.last_payload_at).max();
        let reference = spoken.unwrap_or(Timestamp(i64::MIN)).max(self.first.at);
        if unspoken && let Some(&first) = first_payload.iter().flatten().min() {
            let answer = own.answer_in_rest(first_payload).unwrap_or(0);
            self.longest_answer_us = self.longest_answer_us.max(answer);
            // It ended a silence of payload, but the part took it for too short to look at.
            let shortest = Silences::SHORTEST.0 / 1_000;
            about |= first - micros(rest.first.at) < shortest && first - micros(reference) >= shortest;
        }
        self.add_round_trips(closed, rest);
        for x in 0..2 {
            self.halves[x] = own.halves[x].then(&rest.halves[x], &closed.halves[x]);
            let mut later = rest.tallies[x];
            if later.first_payload_us != 0 {
                // Negative where the part's own first segments belong to an older connection.
                let stored = (i64::from(later.first_payload_us) + shift).max(1);
                later.first_payload_us = u32::try_from(stored).unwrap_or(u32::MAX);
            }
            let acked_since = rest.halves[1 - x].ack != closed.halves[1 - x].ack;
            if acked_since {
                self.extra.iter_mut().for_each(|extra| extra.stuck[x] = None);
            } else {
                let since = rest.halves[x].repeats.saturating_sub(closed.halves[x].repeats);
                let repeats = own.halves[x].repeats.saturating_add(since);
                self.halves[x].repeats = repeats;
                // Which one was repeated the part did not keep: there, it was not often enough.
                let kept = rest.extra.as_ref().is_some_and(|extra| extra.stuck[x].is_some());
                let agreed = kept && own.halves[x].repeats == closed.halves[x].repeats;
                about |= since > 0 && repeats >= Stuck::AFTER && !agreed;
            }
            self.tallies[x] = self.tallies[x].then(&later, rest.halves[x].synchronised());
        }
        self.history = self.history.then(&rest.history);
        self.longest_answer_us = self.longest_answer_us.max(rest.longest_answer_us);
        self.join_bits(rest.bits, closed.bits);
        if let Some(later) = &rest.extra {
            let mut fins = later.fin.each_ref().map(|fin| fin.as_deref().copied());
            for side in Side::BOTH {
                let [x, y] = [side.index(), side.peer().index()];
                let Some(fin) = &mut fins[x] else { continue };
                fin.settle_close_wait(&own.halves[y], own.fins[y].is_some());
                let nothing_before =
                    first_payload.iter().flatten().all(|&payload| micros(fin.seen.at) < payload);
                if unspoken && nothing_before {
                    fin.answer_owed = own.halves[x].spoke_last(&own.halves[y]);
                }
            }
            let unknown = Unknown {
                fin: own.fins.iter().any(Option::is_some) && closed.fins.iter().all(Option::is_none),
                payload: rest.first.at - reference,
                payload_seen: spoken.is_some(),
                asked_by: Side::BOTH
                    .into_iter()
                    .find(|side| own.halves[side.index()].spoke_last(&own.halves[side.peer().index()])),
            };
            self.add_extra(later, &fins, own.halves.map(|half| half.payload), &unknown);
        }
        self.add_empties(&own, rest);
        about |= self.close_fins(&own, closed, rest);
        // Frames captured twice were looked for among the last ones here, and there only once two in a row were the same.
        about |= own.bits & !closed.bits & rest.bits & Connection::TWICE != 0;
        if about {
            self.bits |= Connection::ABOUT;
        }
        if !was_over {
            self.bits |= rest.bits & Connection::REUSED;
        }
        self.settle();
    }

    /// Round trips are those of SYNs that were sent once; `rest` knows nothing of those before its head.
    fn add_round_trips(&mut self, closed: &Closed, rest: &Connection) {
        let Some(opener) = rest.opener() else { return };
        let none_before =
            |side: Side| self.syns(side.index()) == u16::from(closed.tallies[side.index()].syns);
        if !none_before(opener.peer()) {
            return;
        }
        if none_before(opener) {
            self.responder_rtt_us = first_known(self.responder_rtt_us, rest.responder_rtt_us);
        }
        self.originator_rtt_us = first_known(self.originator_rtt_us, rest.originator_rtt_us);
    }

    /// What was set or cleared since `closed`.
    fn join_bits(&mut self, rest: u32, closed: u32) {
        const OPENED: u32 = Connection::OPENED_BY_LO | Connection::OPENED_BY_HI;
        const AWAITS: u32 = Connection::AWAITS_EMPTY[0] | Connection::AWAITS_EMPTY[1];
        const PASSING: u32 = Connection::RUNNING_BITS | Connection::HEAD | Connection::TABLE_BITS | AWAITS;
        let mut lasting = !(PASSING | Connection::REUSED);
        if self.bits & OPENED != 0 {
            lasting &= !OPENED;
        }
        self.bits |= rest & (!closed & lasting | Connection::TWICE);
        self.bits &= !(closed & !rest & lasting);
        self.bits = self.bits & !Connection::RUNNING_BITS | rest & Connection::RUNNING_BITS;
    }

    /// FINs of which `rest` knew nothing: their acknowledgment may lie inside it. Its time is then known only to be no
    /// later than that side's last segment.
    fn close_fins(&mut self, own: &Closed, closed: &Closed, rest: &Connection) -> bool {
        let halves = self.halves;
        let empties =
            rest.extra.as_ref().and_then(|extra| extra.empties.as_deref()).copied().unwrap_or_default();
        let Some(extra) = &mut self.extra else { return false };
        let mut about = false;
        for side in Side::BOTH {
            let peer = &halves[side.peer().index()];
            let Some(fin) = &mut extra.fin[side.index()] else { continue };
            if own.fins[side.index()].is_none() || closed.fins[side.index()].is_some() {
                continue;
            }
            let spoke = rest.halves[side.peer().index()].last != closed.halves[side.peer().index()].last;
            if fin.acked.is_some() {
                let y = side.peer().index();
                let open = fin.close_wait.is_none() && own.fins[y].is_none();
                let perhaps = empties[y].perhaps.filter(|empty| own.halves[y].ends_in(empty.seq));
                if let Some(empty) = perhaps.or(empties[y].behind_data).filter(|_| open) {
                    fin.close_wait = empty.ack.at_or_after(fin.end).then_some(empty.seen);
                    about |= fin.close_wait.is_none();
                }
                continue;
            }
            if spoke && peer.has_ack() && peer.ack.at_or_after(fin.end) {
                fin.acked = Some(peer.last);
                about = true;
            } else {
                fin.peer_payload_before = peer.payload;
            }
        }
        about
    }

    /// A part that is joined to another part may meet a third that knows of the FIN.
    fn add_empties(&mut self, own: &Closed, rest: &Connection) {
        let Some(later) = rest.extra.as_ref().and_then(|extra| extra.empties.as_deref()) else { return };
        if self.head().is_none() {
            return;
        }
        for (x, later) in later.iter().enumerate() {
            let half = &own.halves[x];
            let empties = &mut self.extra_mut().empties.get_or_insert_default()[x];
            let shown = later.perhaps.filter(|empty| half.ends_in(empty.seq)).or(later.behind_data);
            empties.behind_data = empties.behind_data.or(shown);
            empties.perhaps = empties.perhaps.or(later.perhaps.filter(|_| !half.is_anchored()));
            if empties.behind_data.is_some() {
                self.bits &= !Connection::AWAITS_EMPTY[x];
            }
        }
    }
}

impl Closed {
    /// Whether everything that decides about later segments is the same here as in `part`.
    ///
    /// What a part did not see yet (payload, a FIN that was acknowledged before) is no disagreement: it decides nothing
    /// that cannot be made good when the two are joined.
    fn agrees(&self, part: &Closed) -> bool {
        const DECIDING: u8 = Half::SEQ | Half::ACK | Half::TS;
        const BITS: u32 = Connection::ESTABLISHED
            | Connection::BLURRED
            | Connection::PENDING
            | Connection::ZERO_LO
            | Connection::ZERO_HI;
        const RESETS: u32 = Connection::RST_BY_LO | Connection::RST_BY_HI;
        let half = |own: &Half, other: &Half| {
            let deciding = |half: &Half| (half.nxt, half.ack, half.window, half.last, half.has & DECIDING);
            deciding(own) == deciding(other)
                && (!other.has_payload() || own.last_payload_at == other.last_payload_at)
        };
        let fin =
            |own: Option<(SeqNum, bool)>, other: Option<(SeqNum, bool)>| other.is_none() || own == other;
        let pending = match (&self.pending, &part.pending) {
            (Some(own), Some(other)) => own.is_same_as(other),
            (own, other) => own.is_none() && other.is_none(),
        };
        (0..2).all(|x| {
            half(&self.halves[x], &part.halves[x])
                && self.tallies[x].open_holes == part.tallies[x].open_holes
                && fin(self.fins[x], part.fins[x])
        }) && self.bits & BITS == part.bits & BITS
            && part.bits & !self.bits & RESETS == 0
            && pending
    }

    /// The time from the last payload here to the first in the rest, if that is by the other side; microseconds plus one.
    fn answer_in_rest(&self, first_payload: [Option<i64>; 2]) -> Option<u32> {
        let x = match first_payload {
            [Some(lo), Some(hi)] => usize::from(hi < lo),
            [lo, _] => usize::from(lo.is_none()),
        };
        let at = first_payload[x]?;
        let asked = &self.halves[1 - x];
        asked
            .spoke_last(&self.halves[x])
            .then(|| u32::try_from((at - micros(asked.last_payload_at)).max(0) + 1).unwrap_or(u32::MAX))
    }
}

fn first_known(earlier: u32, later: u32) -> u32 {
    if earlier != 0 { earlier } else { later }
}
