//! A share of all flows: the connections whose keys fall into it, from segments to facts.
//!
//! Flows are shared out by their keys, always over the same number of lanes, and a lane sees its segments in the order
//! of capture. So what becomes of a connection, when it is retired and what is given up does not depend on how many
//! threads there are: one thread goes from lane to lane, several take one each.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Options;
use super::budget::Budget;
use super::folded::{self, Folded};
use super::shares::Share;
use crate::decode::Quote;
use crate::tcp::{Connection, IcmpError, LeftOut, Limits, Table};
use crate::wire::{FlowKey, Segment, Stamp, Timestamp};

/// Takes the connections of a part that nothing can be added to any more, each with the time at which that was known.
pub type HandOn = Arc<dyn Fn(Connection, Timestamp) + Send + Sync>;

/// Connections of one share.
pub(super) struct Lane {
    options: Arc<Options>,
    pub(super) table: Table,
    /// The capture may continue an earlier one: nothing is summed up, and what is over is handed on.
    hand_on: Option<HandOn>,
    batch: Vec<(FlowKey, Segment)>,
    pub(super) segments: u64,
    pub(super) folded: Folded,
    budget: Budget,
    /// Connections that are over and may matter, in the order in which they were retired.
    kept: VecDeque<Connection>,
    /// The same, of attempts to connect that led to nothing.
    attempts: VecDeque<Connection>,
    /// Connections only summed up, for the memory limit.
    pub(super) given_up: u64,
}

impl Lane {
    /// Lanes in all: enough that many threads find one that is free, few enough that one thread has their batches in its
    /// first-level cache.
    pub(super) const ALL: usize = 8;
    const BATCH: usize = Table::AT_ONCE;

    /// All lanes, empty.
    pub(super) fn all(options: &Arc<Options>) -> Vec<Lane> {
        Lane::with_budget(options, Budget::of(options.max_memory))
    }

    /// Those of a part of a capture: every connection is handed on.
    pub(super) fn of_part(options: &Arc<Options>, hand_on: &HandOn) -> Vec<Lane> {
        let Budget { open, .. } = Budget::of(options.max_memory);
        let lanes = Lane::with_budget(options, Budget { open, ..Budget::of(None) }).into_iter();
        let of_part =
            |lane: Lane| Lane { hand_on: Some(hand_on.clone()), table: lane.table.for_part(), ..lane };
        lanes.map(of_part).collect()
    }

    fn with_budget(options: &Arc<Options>, budget: Budget) -> Vec<Lane> {
        let limits = Limits { max_connections: options.max_memory.map(|_| budget.open), ..options.limits };
        let lanes = (0..Lane::ALL as u32).map(|place| Lane {
            options: Arc::clone(options),
            table: Table::shared(limits, place, Lane::ALL as u32),
            hand_on: None,
            batch: Vec::with_capacity(Lane::BATCH),
            segments: 0,
            folded: Folded::within(budget.places),
            budget,
            kept: VecDeque::new(),
            attempts: VecDeque::new(),
            given_up: 0,
        });
        lanes.collect()
    }

    /// The lane of a flow. Not the table's hash: that one differs from run to run, so that nobody can know which flows
    /// collide; who makes all flows fall into one lane gains nothing but one thread.
    #[inline]
    pub(super) fn of(key: &FlowKey) -> usize {
        let [lo, hi] = [key.lo, key.hi].map(|end| u128::from_ne_bytes(end.octets()));
        let addresses = lo ^ hi.rotate_left(64);
        let ports = u64::from(key.lo.port()) << 16 | u64::from(key.hi.port());
        let mixed = (addresses as u64 ^ ports).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = ((addresses >> 64) as u64 ^ mixed >> 29 ^ mixed).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 61) as usize
    }

    /// Takes the next segment.
    #[inline]
    pub(super) fn push(&mut self, segment: &(FlowKey, Segment)) {
        self.batch.push(*segment);
        if self.batch.len() == Lane::BATCH {
            self.flush();
        }
    }

    /// Takes an ICMP error about one of its connections.
    #[cold]
    pub(super) fn quote(&mut self, quote: &Quote) {
        self.flush();
        let Quote { seen, from, kind, code, key, side, .. } = *quote;
        self.table.observe_icmp(&key, side, IcmpError { seen, from, kind, code, count: 1 });
    }

    /// One of its connections goes on behind a stretch that was left out, at the segment `next`.
    #[cold]
    pub(super) fn pass_over(&mut self, key: &FlowKey, left_out: &LeftOut, next: Stamp) {
        self.flush();
        self.table.pass_over(key, left_out, next);
    }

    /// Takes a stretch, and leaves it empty.
    pub(super) fn take(&mut self, share: &mut Share) {
        self.flush();
        let mut rest = &share.segments[..];
        for quote in &share.quotes {
            let before = rest.partition_point(|(_, segment)| segment.seen.frame < quote.seen.frame);
            let (now, later) = rest.split_at(before);
            self.note(now);
            self.quote(quote);
            rest = later;
        }
        self.note(rest);
        share.segments.clear();
        share.quotes.clear();
    }

    /// Connections have no stream numbers of Wireshark's any more.
    pub(super) fn lose_streams(&mut self) {
        self.flush();
        self.table.lose_streams();
        for connection in self.kept.iter_mut().chain(&mut self.attempts) {
            connection.stream = Connection::NO_STREAM;
        }
    }

    /// Notes what was pushed.
    pub(super) fn flush(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.note(&batch);
        self.batch = batch;
        self.batch.clear();
    }

    fn note(&mut self, segments: &[(FlowKey, Segment)]) {
        self.segments += segments.len() as u64;
        self.table.observe_all(segments);
        for mut connection in self.table.take_finished() {
            match (&self.hand_on, segments.last()) {
                (Some(hand_on), Some((_, now))) => {
                    self.given_up += u64::from(connection.take_given_up());
                    hand_on(connection, now.seen.at);
                }
                _ => self.retire(connection),
            }
        }
    }

    /// A connection that nothing can be added to any more: summed up if it ended well, kept otherwise.
    pub(super) fn retire(&mut self, mut connection: Connection) {
        if connection.take_given_up() {
            self.give_up(&connection);
            return;
        }
        if self.options.evidence.knows(&connection.key) {
            self.kept.push_back(connection);
            return;
        }
        if is_only_summed_up(&connection, &self.options) {
            sum_up(&connection, &self.options, &mut self.folded);
            return;
        }
        let (kept, most) = match connection.is_attempt() {
            true => (&mut self.attempts, self.budget.attempts),
            false => (&mut self.kept, self.budget.kept),
        };
        kept.push_back(connection);
        if kept.len() > most
            && let Some(oldest) = kept.pop_front()
        {
            self.give_up(&oldest);
        }
    }

    /// Sums a connection up that there is no room for.
    fn give_up(&mut self, connection: &Connection) {
        self.given_up += u64::from(sum_up(connection, &self.options, &mut self.folded));
    }

    /// The capture is over: what ended well is summed up as if it had been retired, so that the rest is gone over without it.
    pub(super) fn close(&mut self) {
        self.flush();
        let Lane { options, table, folded, .. } = self;
        table.take_closed(
            |connection| is_only_summed_up(connection, options),
            |connection| _ = sum_up(connection, options, folded),
        );
    }

    /// Every connection that was not forgotten and is to be judged.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        let mut room = self.room();
        let held = self.table.iter().filter(move |connection| is_judged(connection, &mut room));
        self.kept.iter().chain(&self.attempts).chain(held)
    }

    /// The same; memory is given back on the way.
    pub(super) fn into_connections(self) -> impl Iterator<Item = Connection> {
        let mut room = self.room();
        let held = self.table.into_connections().filter(move |connection| is_judged(connection, &mut room));
        self.kept.into_iter().chain(self.attempts).chain(held)
    }

    /// What [`Lane::iter`] leaves out: attempts at hand beyond the memory limit.
    pub(super) fn surplus(&self) -> impl Iterator<Item = &Connection> {
        let mut room = self.room();
        let surplus = self.table.iter().filter(move |connection| !is_judged(connection, &mut room));
        surplus.filter(|connection| self.options.select.takes(connection))
    }

    fn room(&self) -> usize {
        self.budget.attempts - self.attempts.len().min(self.budget.attempts)
    }
}

/// Whether it ended well, and nobody asked for it by name or for all.
pub(super) fn is_only_summed_up(connection: &Connection, options: &Options) -> bool {
    !options.keep_all && !options.evidence.knows(&connection.key) && folded::is_healthy(connection)
}

/// Sums it up, if it is one of those that were asked for.
fn sum_up(connection: &Connection, options: &Options, folded: &mut Folded) -> bool {
    let is_taken = options.select.takes(connection);
    if is_taken {
        folded.add_with_own_roles(connection);
    }
    is_taken
}

/// Whether there is room to judge it: attempts at hand get what those that are over leave.
fn is_judged(connection: &Connection, room: &mut usize) -> bool {
    if !connection.is_attempt() {
        return true;
    }
    let is_judged = *room > 0;
    *room = room.saturating_sub(1);
    is_judged
}
