//! What was counted since a head was full is added to what an earlier part knows.

use super::silences::Unknown;
use super::{Closed, micros};
use crate::tcp::closing::Stuck;
use crate::tcp::connection::{Connection, store_us};
use crate::tcp::half::Half;
use crate::tcp::history::Letter;
use crate::tcp::silence::Silences;
use crate::wire::{Side, Span, Timestamp};

impl Connection {
    /// Adds what was counted in `rest` since its running values were `closed`.
    pub(super) fn go_on(&mut self, rest: &Connection, closed: &Closed) {
        let own = self.present();
        let was_over = self.is_over();
        let mut about = !own.agrees(closed);
        let unspoken = !closed.halves.iter().any(Half::has_payload);
        let shift = micros(rest.first.at) - micros(self.first.at);
        // Give or take a microsecond.
        let first_payload = Side::BOTH.map(|side| Some(rest.first.at + rest.first_payload_after(side)?));
        about |= rest.tallies.iter().any(|tally| tally.first_payload_us == u32::MAX);
        let asked_by = Side::BOTH
            .into_iter()
            .find(|side| own.halves[side.index()].spoke_last(&own.halves[side.peer().index()]));
        let spoken = own.spoken();
        let reference = spoken.unwrap_or(Timestamp(i64::MIN)).max(self.first.at);
        if unspoken && let Some(&first) = first_payload.iter().flatten().min() {
            if let Some(asked_by) = asked_by {
                self.add_answer(asked_by, own.halves[asked_by.index()].last_payload_at, first_payload);
            }
            // Which of the two came first is not known.
            about |= first_payload[0] == first_payload[1];
            // It ended a silence of payload, but the part took it for too short to look at.
            let shortest = Silences::SHORTEST;
            about |= first - rest.first.at <= shortest && first - reference + Span::micros(1) > shortest;
        }
        self.add_round_trips(closed, rest);
        for x in 0..2 {
            let mut since = rest.halves[x];
            if own.halves[x].spoke() && !rest.spoke_since(closed, x) {
                since.last = closed.halves[x].last;
            }
            self.halves[x] = own.halves[x].then(&since, &closed.halves[x]);
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
                // Which one is stuck depends on how often it had been repeated before.
                let kept = rest.extra.as_ref().is_some_and(|extra| extra.stuck[x].is_some());
                let stuck = kept || since > 0 && repeats >= Stuck::AFTER;
                about |= stuck && own.halves[x].repeats != closed.halves[x].repeats;
            }
            about |= own.reaches_further(closed, 1 - x) && rest.was_refused(Side::BOTH[x]);
            self.tallies[x] = self.tallies[x].then(&later, rest.halves[x].synchronised());
        }
        self.history = self.history.then(&rest.history);
        self.longest_answer_us = self.longest_answer_us.max(rest.longest_answer_us);
        self.join_bits(rest, closed);
        if let Some(later) = &rest.extra {
            let mut fins = later.fin.each_ref().map(|fin| fin.as_deref().copied());
            for side in Side::BOTH {
                let [x, y] = [side.index(), side.peer().index()];
                let Some(fin) = &mut fins[x] else { continue };
                fin.settle_close_wait(&own.halves[y], own.fins[y].is_some());
                let nothing_before =
                    first_payload.iter().flatten().all(|&payload| micros(fin.seen.at) < micros(payload));
                if unspoken && nothing_before {
                    fin.answer_owed = own.halves[x].spoke_last(&own.halves[y]);
                }
            }
            let unknown = Unknown {
                fin: own.fins.iter().any(Option::is_some) && closed.fins.iter().all(Option::is_none),
                payload: rest.first.at - reference,
                payload_seen: spoken.is_some(),
                asked_by,
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

    /// The time from the last payload of that side, `at` some time, to the first in the rest, if that is its peer's.
    fn add_answer(&mut self, asked_by: Side, at: Timestamp, first_payload: [Option<Timestamp>; 2]) {
        let [again, answer] = [asked_by, asked_by.peer()].map(|side| first_payload[side.index()]);
        if let Some(answer) = answer.filter(|&answer| again.is_none_or(|again| answer < again)) {
            self.longest_answer_us = self.longest_answer_us.max(store_us(at, answer));
        }
    }

    /// Whether a RST of that side since the head was full ended nothing: its number was not in the window of its peer.
    fn was_refused(&self, side: Side) -> bool {
        !self.ended_by_rst(side) && self.rst(side).is_some_and(|rst| rst.sent > 0)
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
    fn join_bits(&mut self, rest: &Connection, closed: &Closed) {
        let opener = if self.opener().is_some() { 0 } else { Connection::OPENED };
        let lasting = Connection::ESTABLISHED
            | Connection::SYN_FIN
            | Connection::TWICE
            | Connection::ABOUT
            | Connection::RESETS
            | opener;
        if Side::BOTH.into_iter().any(|side| rest.history.has(Letter::SynAck, side)) {
            // A RST before the connection was made did not end it.
            self.bits = self.bits & !Connection::RESETS | rest.bits & Connection::RESETS;
        }
        self.bits |= rest.bits & !closed.bits & lasting;
        self.bits = self.bits & !Connection::RUNNING_BITS | rest.bits & Connection::RUNNING_BITS;
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
            if peer.has_ack() && peer.ack.at_or_after(fin.end) {
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
    /// Whether that side's window is known to reach further than `part` knows, which did not see its SYN.
    fn reaches_further(&self, part: &Closed, x: usize) -> bool {
        self.tallies[x].window_shift() > part.tallies[x].window_shift()
    }

    /// When payload last passed.
    fn spoken(&self) -> Option<Timestamp> {
        self.halves.iter().filter(|half| half.has_payload()).map(|half| half.last_payload_at).max()
    }

    /// Whether everything that decides about later segments is the same here as in `part`.
    ///
    /// What a part did not see yet (payload, a FIN that was acknowledged before) is no disagreement: it decides nothing
    /// that cannot be made good when the two are joined.
    fn agrees(&self, part: &Closed) -> bool {
        const BITS: u32 =
            Connection::ESTABLISHED | Connection::BLURRED | Connection::ZERO_LO | Connection::ZERO_HI;
        let half = |own: &Half, other: &Half| {
            // A number that is not known is 0.
            let deciding = |half: &Half| (half.nxt, half.ack, half.window, half.last, half.has & Half::TS);
            deciding(own) == deciding(other)
                && (!other.has_payload() || own.last_payload_at == other.last_payload_at)
        };
        let pending = match (&self.pending, &part.pending) {
            (Some(own), Some(other)) => own.is_same_as(other),
            (own, other) => own.is_none() && other.is_none(),
        };
        (0..2).all(|x| {
            half(&self.halves[x], &part.halves[x])
                && self.tallies[x].open_holes == part.tallies[x].open_holes
                && (part.fins[x].is_none() || self.fins[x] == part.fins[x])
        }) && self.bits & BITS == part.bits & BITS
            && part.bits & !self.bits & Connection::RESETS == 0
            && (part.spoken().is_none() || self.spoken() == part.spoken())
            && pending
    }
}

fn first_known(earlier: u32, later: u32) -> u32 {
    if earlier != 0 { earlier } else { later }
}
