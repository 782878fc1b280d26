//! When connections leave: over and past all that may come late, or given up for want of room.

use super::{Slab, Table};
use crate::tcp::connection::Connection;
use crate::wire::{Span, Timestamp};

/// How long connections that are over stay in reach of late segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// After both FINs were acknowledged a connection is kept whole for this long: repetitions come within seconds.
    pub settle: Span,
    /// After both FINs were acknowledged, segments of that flow are known for stragglers: 2 MSL, 4 minutes
    /// (RFC 9293 §3.4.2). They are counted and change nothing.
    pub linger: Span,
    /// After a RST on an established connection. The other end may not have heard it and speak hours later: the
    /// default keep-alive time (RFC 9293 §3.8.4, 2 hours) and its probes.
    pub linger_after_reset: Span,
    /// After a SYN that drew no answer: longer than any stack repeats it (Linux: 127 s).
    pub attempt: Span,
    /// How many connections may be held at once; beyond, the one idle for longest is retired. None: no limit.
    pub max_connections: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            settle: Span::secs(2),
            linger: Span::secs(240),
            linger_after_reset: Span::secs(8_100),
            attempt: Span::secs(180),
            max_connections: None,
        }
    }
}

impl Limits {
    /// Whether nothing that follows a capture which ended then can be a segment of that connection.
    pub fn is_settled(&self, connection: &Connection, end: Timestamp) -> bool {
        connection.closed_by_both() && end - connection.last().at > self.settle
    }
}

impl Table {
    /// Whether nothing that arrives now can belong to it any more.
    pub(super) fn expired(&self, connection: &Connection, now: Timestamp) -> bool {
        self.lingers(connection).is_some_and(|linger| now - connection.last().at > linger)
    }

    /// For how long after its last segment it stays in reach; none: for ever.
    fn lingers(&self, connection: &Connection) -> Option<Span> {
        if connection.closed_by_both() {
            Some(self.limits.settle)
        } else if connection.is_empty() || !connection.established() && !connection.midstream() {
            Some(self.limits.attempt)
        } else if self.part && connection.midstream() && connection.has_ending() {
            // An earlier part may know that it is over. If not, then joining puts the pieces together again.
            Some(self.limits.settle)
        } else if connection.is_over() {
            Some(self.limits.linger_after_reset)
        } else {
            None
        }
    }

    /// Takes out what is retired, a few slots at a time.
    ///
    /// What has been left alone for so long is in no cache. So all of it is touched before any of it is taken up, as in
    /// [`Table::observe_all`].
    #[inline(never)]
    pub(super) fn sweep(&mut self, slots: usize, now: Timestamp) {
        let mut due = [Slab::NO_SLOT; Table::AT_ONCE];
        let mut count = 0;
        for _ in 0..slots.min(due.len()).min(self.slab.capacity() as usize) {
            self.hand = if self.hand + 1 < self.slab.capacity() { self.hand + 1 } else { 0 };
            due[count] = self.hand;
            count += usize::from(self.slab.may_have_ended(self.hand, now));
        }
        let due = &due[..count];
        self.touch(due);
        for &slot in due {
            // One of them may have gone with the one that took its place.
            if self.slab.may_have_ended(slot, now) && self.end(&self.slab[slot]).is_some_and(|end| now > end)
            {
                self.retire(slot);
            }
        }
    }

    /// Of a capture that is over: takes out what was closed by both sides and is done with, as `is_done` says, and hands it on.
    pub fn take_closed(&mut self, is_done: impl Fn(&Connection) -> bool, mut sink: impl FnMut(&Connection)) {
        let slots: Vec<u32> = (0..self.slab.capacity()).collect();
        for slots in slots.chunks(Table::AT_ONCE) {
            self.touch(slots);
            for &slot in slots {
                let connection = &self.slab[slot];
                if self.slab.is_taken(slot) && connection.closed_by_both() && is_done(connection) {
                    sink(connection);
                    self.slab.remove(slot);
                }
            }
        }
    }

    /// Fetches all that is needed of these when they leave.
    fn touch(&self, slots: &[u32]) {
        let connections = || slots.iter().map(|&slot| &self.slab[slot]);
        let touched = connections().fold(0, |touched, connection| touched ^ connection.touch());
        let touched = connections().fold(touched, |touched, connection| touched ^ connection.touch_ending());
        std::hint::black_box(touched);
    }

    /// After when the sweep takes it out.
    pub(super) fn end(&self, connection: &Connection) -> Option<Timestamp> {
        // What is closed by both is known for a straggler's all the same, held or not.
        let late = if connection.closed_by_both() { Span::ZERO } else { Table::CLOCKS_STEP };
        Some(connection.last().at + self.lingers(connection)? + late)
    }

    /// Under a memory limit: retires, among a handful, an attempt that was never answered before anything else, or the
    /// one idle for longest. A scan has no influence on connections then that are really there.
    pub(super) fn give_up_one(&mut self, now: Timestamp) {
        let capacity = self.slab.capacity();
        let mut least: Option<((bool, Timestamp), u32)> = None;
        for step in 1..=Table::HANDFUL.min(capacity) {
            let slot = (self.hand + step) % capacity;
            let connection = &self.slab[slot];
            if self.slab.is_taken(slot) && connection.bits & Connection::SUPERSEDED == 0 {
                let worth = (!connection.is_attempt(), connection.last().at);
                if least.is_none_or(|(other, _)| worth < other) {
                    least = Some((worth, slot));
                }
            }
        }
        self.sweep(Table::HANDFUL as usize, now);
        if self.slab.len() >= self.limits.max_connections.unwrap_or(usize::MAX)
            && let Some((_, slot)) = least
        {
            self.retire(slot);
            if let Some(retired) = self.finished.last_mut().filter(|retired| !retired.is_over()) {
                retired.bits |= Connection::GIVEN_UP;
            }
        }
    }

    fn retire(&mut self, slot: u32) {
        // One that was superseded goes when the one that took its place goes.
        if self.slab[slot].bits & Connection::SUPERSEDED != 0 {
            return;
        }
        if let Some(older) = self.previous.remove(&slot) {
            self.finish(older);
        }
        let hash = self.hash(&self.slab[slot].key);
        let connection = &self.slab[slot];
        let closed = connection.closed_by_both().then(|| connection.last().at);
        self.streams.retire(&connection.key, connection.stream, closed);
        self.index.remove(hash, slot);
        self.finish(slot);
    }

    pub(super) fn finish(&mut self, slot: u32) {
        let mut connection = self.slab.remove(slot);
        connection.bits &= !Connection::TABLE_BITS;
        self.finished.push(connection);
    }
}
