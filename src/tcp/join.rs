//! Joining the two halves of a connection that two parts of a capture hold.
//!
//! A part that has predecessors does not know what came before, so each of its connections keeps the first
//! [`Head::ROOM`] segments as they are. Joining replays these into the earlier half, exactly as if they had been read
//! in one go; from there on both agree on the running values, and what was counted since is added. Where they do not
//! agree (the first segments were all repetitions, say), the result is marked
//! [`Connection::counts_are_about`]: firsts and highest numbers stay exact, counts of repetitions may not be.

use super::closing::{Fin, IcmpError, Rst, Stuck, ZeroWindow};
use super::connection::{Connection, Extra};
use super::half::{Half, Tally};
use super::silence::{Episode, Silences, Unknown};
use crate::wire::{FlowKey, Segment, SeqNum, Side, Stamp, Timestamp};

/// The first segments of a connection in a part of a capture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    pub(super) segments: Vec<Segment>,
    /// What was known when the head was full; everything else was counted from there.
    pub(super) closed: Option<Box<Closed>>,
}

/// The running values at the moment a head was full: if the joined connection has the same ones at that point, then all
/// that follows was counted as it would have been in one go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Closed {
    halves: [Half; 2],
    tallies: [Tally; 2],
    bits: u32,
    /// What acknowledges the FIN of each side, and whether it was.
    fins: [Option<(SeqNum, bool)>; 2],
    pending: Option<Episode>,
}

impl Head {
    /// Segments kept; enough for a handshake, a request with its answer and a close.
    const ROOM: usize = 16;
    /// Segments kept while only one side has spoken: what the silent one knows is then known to nobody.
    pub(super) const MOST: usize = 64;
}

impl Connection {
    /// Keeps the first segments from now on, so that this connection can continue one of an earlier part.
    pub(super) fn keep_head(&mut self) {
        self.bits |= Connection::HEAD;
        self.extra_mut().head = Some(Box::default());
    }

    #[cold]
    pub(super) fn log_head(&mut self, s: &Segment) {
        let both_spoke = self.halves.iter().all(Half::spoke);
        let head = self.extra_mut().head.get_or_insert_default();
        if head.segments.len() < if both_spoke { Head::ROOM } else { Head::MOST } {
            head.segments.push(*s);
        } else {
            self.close_head();
        }
    }

    /// The segments kept, for a connection that begins a part.
    pub(super) fn head(&self) -> Option<&Head> {
        self.extra.as_ref()?.head.as_deref()
    }

    fn close_head(&mut self) {
        let closed = Box::new(self.present());
        self.bits &= !Connection::HEAD;
        self.count_anew();
        self.extra_mut().head.get_or_insert_default().closed = Some(closed);
    }

    /// Self was seen before `later`, at the same capture point: the connection as if read in one go.
    ///
    /// The law: `observe(a ++ b) == observe(a).then(observe(b))`, associative, with the empty connection as neutral
    /// element; `later` must be of a part that knows it has predecessors (or be empty).
    pub fn then(mut self, later: &Connection) -> Connection {
        let Some(head) = later.head() else {
            return if later.is_empty() { self } else { later.clone() };
        };
        for segment in &head.segments {
            self.observe(segment);
        }
        self.absorb(later);
        self
    }

    /// The connection as a whole, when no earlier part holds anything of it.
    pub fn whole(mut self) -> Connection {
        let Some(head) = self.extra.as_mut().and_then(|extra| extra.head.take()) else { return self };
        self.bits &= !Connection::HEAD;
        let Some(closed) = head.closed else { return self.without_empty_boxes() };
        let mut whole = Connection::new(self.key);
        whole.stream = self.stream;
        for segment in &head.segments {
            whole.observe(segment);
        }
        whole.go_on(&self, &closed);
        whole.add_icmp(&self);
        whole
    }

    /// What is known once a head is full: it follows from the head.
    pub(super) fn after_head(key: FlowKey, first: Stamp, head: &[Segment]) -> Closed {
        let mut connection = Connection::new(key);
        connection.first = first;
        connection.keep_head();
        head.iter().for_each(|segment| connection.observe(segment));
        connection.present()
    }

    /// A whole connection that began with that SYN, as one of a part whose head is the SYN alone.
    pub(super) fn begun_by(mut self, syn: &Segment) -> Connection {
        let closed = Connection::after_head(self.key, self.first, std::slice::from_ref(syn));
        let x = syn.side.index();
        self.halves[x].segments = self.halves[x].segments.saturating_sub(1);
        self.tallies[x].syns = self.tallies[x].syns.saturating_sub(1);
        let head = Head { segments: vec![*syn], closed: Some(Box::new(closed)) };
        self.extra_mut().head = Some(Box::new(head));
        self
    }

    /// The head of `later` was already replayed into self; adds what came after it.
    pub(super) fn absorb(&mut self, later: &Connection) {
        if let Some(head) = later.head()
            && let Some(closed) = &head.closed
        {
            if self.bits & Connection::HEAD != 0 {
                self.close_head();
            }
            self.go_on(later, closed);
        }
        self.add_icmp(later);
    }

    /// Adds what was counted in `rest` since its running values were `closed`.
    fn go_on(&mut self, rest: &Connection, closed: &Closed) {
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
        self.responder_rtt_us = first_known(self.responder_rtt_us, rest.responder_rtt_us);
        self.originator_rtt_us = first_known(self.originator_rtt_us, rest.originator_rtt_us);
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

    pub(super) fn present(&self) -> Closed {
        let extra = self.extra.as_deref();
        Closed {
            halves: self.halves,
            tallies: self.tallies,
            // Neither is a fact of the segments before.
            bits: self.bits & !(Connection::TABLE_BITS | Connection::REUSED),
            fins: extra.map_or([None; 2], |extra| {
                extra.fin.each_ref().map(|fin| fin.as_ref().map(|fin| (fin.end, fin.acked.is_some())))
            }),
            pending: self.silences().and_then(|silences| silences.pending()),
        }
    }

    /// From here on sums begin at nothing; what decides about later segments stays.
    fn count_anew(&mut self) {
        self.halves = self.halves.map(|half| half.running());
        self.tallies = self.tallies.map(|tally| tally.running());
        self.history = Default::default();
        self.responder_rtt_us = 0;
        self.originator_rtt_us = 0;
        self.longest_answer_us = 0;
        for side in Side::BOTH {
            if self.fin(side).is_none() {
                self.bits |= Connection::AWAITS_EMPTY[side.index()];
            }
        }
        if let Some(extra) = &mut self.extra {
            extra.count_anew();
        }
    }

    fn add_extra(&mut self, rest: &Extra, fins: &[Option<Fin>; 2], payload: [u64; 2], unknown: &Unknown) {
        let silences = rest.silences.as_ref().filter(|silences| ***silences != Default::default());
        let zero = rest.zero.as_ref().filter(|zero| ***zero != [ZeroWindow::default(); 2]);
        let pending = self.silences().is_some_and(|silences| silences.pending().is_some());
        let nothing = fins.iter().flatten().all(|fin| fin.sent == 0)
            && rest.stuck.iter().all(Option::is_none)
            && rest.rst.iter().flatten().all(|rst| rst.sent == 0)
            && (silences, zero, &rest.recent, pending) == (None, None, &None, false);
        if nothing && self.extra.is_none() {
            return;
        }
        let extra = self.extra_mut();
        for x in 0..2 {
            // What was known when the head closed was sent before; whose it is was decided when the head was replayed.
            let again = fins[x].filter(|fin| fin.sent > 0 || extra.fin[x].is_some());
            extra.fin[x] = match (extra.fin[x].take(), again) {
                (Some(first), Some(again)) => Some(Box::new(first.then(&again, payload[1 - x]))),
                (None, Some(mut only)) => {
                    only.peer_payload_before += payload[1 - x];
                    Some(Box::new(only))
                }
                (first, None) => first,
            };
            extra.stuck[x] = match (extra.stuck[x].take(), rest.stuck[x].clone()) {
                (Some(earlier), Some(later)) => Some(Box::new(earlier.then(*later))),
                (earlier, later) => later.or(earlier),
            };
            extra.rst[x] = match (extra.rst[x].take(), rest.rst[x].clone().filter(|rst| rst.sent > 0)) {
                (Some(first), Some(again)) if first.sent > 0 => {
                    let sent = first.sent.saturating_add(again.sent);
                    Some(Box::new(Rst { sent, last_sent: again.last_sent, ..*first }))
                }
                (first, later) => later.or(first),
            };
        }
        let has_rst = extra.rst.iter().any(Option::is_some);
        if silences.is_some() || extra.silences.is_some() {
            let later = silences.map(|silences| (**silences).clone()).unwrap_or_default();
            let silences = extra.silences.get_or_insert_default();
            **silences = silences.then(&later, unknown);
        }
        if zero.is_some() || extra.zero.is_some() {
            let later = zero.map(|zero| **zero).unwrap_or_default();
            let zero = extra.zero.get_or_insert_default();
            **zero = [zero[0].then(&later[0]), zero[1].then(&later[1])];
        }
        if rest.recent.is_some() {
            extra.recent = rest.recent.clone();
        }
        if has_rst {
            self.bits |= Connection::HAS_RST;
        }
    }

    /// ICMP errors depend on nothing that came before them, so they are no part of any head.
    fn add_icmp(&mut self, later: &Connection) {
        if self.first.frame == 0 {
            self.first = later.first;
        }
        let Some(errors) = later.extra.as_ref().and_then(|extra| extra.icmp.as_ref()) else { return };
        let own = self.extra_mut().icmp.get_or_insert_default();
        for x in 0..2 {
            own[x] = match (own[x], errors[x]) {
                (Some(first), Some(again)) => {
                    Some(IcmpError { count: first.count.saturating_add(again.count), ..first })
                }
                (first, only) => first.or(only),
            };
        }
    }

    fn without_empty_boxes(mut self) -> Connection {
        self.extra = self.extra.filter(|extra| **extra != Extra::default());
        self
    }

    /// Renumbers the frames of a part that follows `by` frames of earlier parts.
    pub fn shift_frames(&mut self, by: u64) {
        let shift = |stamp: &mut Stamp| {
            if stamp.frame != 0 {
                stamp.frame += by;
            }
        };
        shift(&mut self.first);
        self.halves.iter_mut().for_each(|half| shift(&mut half.last));
        let Some(extra) = &mut self.extra else { return };
        for fin in extra.fin.iter_mut().flatten() {
            shift(&mut fin.seen);
            shift(&mut fin.last_sent);
            fin.acked.iter_mut().chain(&mut fin.close_wait).for_each(shift);
            fin.perhaps_close_wait.iter_mut().for_each(|(stamp, _)| shift(stamp));
        }
        for rst in extra.rst.iter_mut().flatten() {
            shift(&mut rst.seen);
            shift(&mut rst.last_sent);
            rst.after.iter_mut().for_each(|(stamp, _)| shift(stamp));
        }
        for stuck in extra.stuck.iter_mut().flatten() {
            shift(&mut stuck.since);
            shift(&mut stuck.seen);
        }
        if let Some(silences) = &mut extra.silences {
            silences.shift_frames(by);
        }
        for empties in extra.empties.iter_mut().flat_map(|empties| empties.iter_mut()) {
            let both = empties.perhaps.iter_mut().chain(&mut empties.behind_data);
            both.for_each(|empty| shift(&mut empty.seen));
        }
        for zero in extra.zero.iter_mut().flat_map(|zero| zero.iter_mut()) {
            zero.since.iter_mut().for_each(shift);
            shift(&mut zero.longest_from);
        }
        for error in extra.icmp.iter_mut().flat_map(|icmp| icmp.iter_mut()).flatten() {
            shift(&mut error.seen);
        }
        if let Some(head) = &mut extra.head {
            head.segments.iter_mut().for_each(|segment| shift(&mut segment.seen));
            if let Some(closed) = &mut head.closed {
                closed.halves.iter_mut().for_each(|half| shift(&mut half.last));
                closed.pending.iter_mut().for_each(|episode| episode.shift_frames(by));
            }
        }
    }
}

/// Whole microseconds, rounded down before any difference is taken: differences then add up exactly.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000)
}

fn first_known(earlier: u32, later: u32) -> u32 {
    if earlier != 0 { earlier } else { later }
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

impl Extra {
    fn count_anew(&mut self) {
        for fin in self.fin.iter_mut().flatten() {
            fin.sent = 0;
            fin.peer_payload_before = 0;
            (fin.close_wait, fin.perhaps_close_wait) = (None, None);
        }
        self.rst.iter_mut().flatten().for_each(|rst| rst.sent = 0);
        self.stuck = [None, None];
        self.empties = None;
        if let Some(silences) = &mut self.silences {
            **silences = silences.running();
        }
        if let Some(zero) = &mut self.zero {
            **zero = zero.map(|zero| zero.running());
        }
    }
}

impl Fin {
    /// `peer` is what an earlier part knows of the one that acknowledged this FIN, and whether it had sent its own.
    fn settle_close_wait(&mut self, peer: &Half, peer_closed: bool) {
        if peer_closed {
            (self.close_wait, self.perhaps_close_wait) = (None, None);
        }
        if let Some((stamp, number)) = self.perhaps_close_wait.filter(|_| peer.is_anchored()) {
            if peer.ends_in(number) {
                self.close_wait = Some(stamp);
            }
            self.perhaps_close_wait = None;
        }
    }

    /// `again` is the same FIN as known to a part that began later; `payload` is what the peer had sent until then.
    fn then(&self, again: &Fin, payload: u64) -> Fin {
        let sent = self.sent.saturating_add(again.sent);
        let last_sent = if again.sent > 0 { again.last_sent } else { self.last_sent };
        let close_wait = self.close_wait.or(again.close_wait);
        let perhaps_close_wait = self.perhaps_close_wait.or(again.perhaps_close_wait);
        if self.acked.is_some() {
            return Fin { sent, last_sent, close_wait, perhaps_close_wait, ..*self };
        }
        Fin {
            sent,
            last_sent,
            close_wait,
            perhaps_close_wait,
            acked: again.acked,
            peer_payload_before: payload + again.peer_payload_before,
            ..*self
        }
    }
}
