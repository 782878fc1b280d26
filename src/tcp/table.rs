//! All connections of a capture, by flow.
//!
//! A connection is never cut on idle. It is retired once it is over and its linger time has passed; whether it counts
//! as over is decided by capture time when a segment of its flow arrives, so the sweep that takes retired ones out of
//! memory is only housekeeping and its timing changes no result.

mod joining;
mod leaving;

pub use joining::FlowPart;
pub use leaving::Limits;

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::closing::IcmpError;
use super::connection::Connection;
use super::index::Index;
use super::left_out::LeftOut;
use super::slab::Slab;
use super::streams::Streams;
use crate::wire::{FlowKey, Segment, Side, Span, Stamp, TcpFlags, Timestamp};

/// Connections by flow, and those that are finished.
#[derive(Clone, Debug)]
pub struct Table {
    index: Index,
    slab: Slab,
    /// The connection that the one in this slot replaced, as long as stragglers may come.
    previous: HashMap<u32, u32, RandomState>,
    streams: Streams,
    finished: Vec<Connection>,
    limits: Limits,
    hashing: RandomState,
    /// Whether earlier parts of the same capture may exist, so that heads are kept.
    part: bool,
    hand: u32,
    stragglers: u64,
    /// Segments since the sweep last went on, and the earliest of their times.
    unswept: (usize, Timestamp),
}

impl Table {
    /// Segments whose places are touched before any of them is taken up. After so many, counted over all batches, the
    /// sweep goes on: how segments were cut into batches has no influence on when a connection leaves.
    pub const AT_ONCE: usize = 64;
    /// The sweep looks at one slot for so many segments; a connection takes more to open and close.
    const SEGMENTS_PER_SLOT: usize = 4;
    /// Segments from one sweep to the next: it goes on after whole batches.
    const SWEEP_EVERY: usize = 4 * Table::AT_ONCE;
    /// Slots looked at to make room under a memory limit.
    const HANDFUL: u32 = 16;
    /// The sweep comes later by this much than the linger times ask, so that a clock that is set back by less has no
    /// influence on what belongs together.
    const CLOCKS_STEP: Span = Span::secs(60);

    /// A table for a capture of which nothing precedes.
    pub fn new(limits: Limits) -> Self {
        Table {
            index: Index::default(),
            slab: Slab::default(),
            previous: HashMap::default(),
            streams: Streams::default(),
            finished: Vec::new(),
            limits,
            hashing: RandomState::default(),
            part: false,
            hand: 0,
            stragglers: 0,
            unswept: (0, Timestamp(i64::MAX)),
        }
    }

    /// One of `of` tables over which the flows of a capture are shared out; [`super::Numbers`] knows Wireshark's numbers
    /// of its streams.
    pub fn shared(limits: Limits, place: u32, of: u32) -> Self {
        Table { streams: Streams::shared(place, of), ..Table::new(limits) }
    }

    /// A table for a part of a capture that may continue an earlier one; see [`Table::then`].
    pub fn of_part(limits: Limits) -> Self {
        Table::new(limits).for_part()
    }

    /// The same table for a part of a capture.
    pub fn for_part(self) -> Self {
        Table { part: true, ..self }
    }

    /// No connection has a stream number any more: Wireshark numbers those of a single file.
    pub fn lose_streams(&mut self) {
        self.streams.lose_count();
        for connection in &mut self.finished {
            connection.stream = Connection::NO_STREAM;
        }
        for slot in 0..self.slab.capacity() {
            self.slab[slot].stream = Connection::NO_STREAM;
        }
    }

    /// Connections held: open ones, and those over that linger.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether no connection is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Segments that came after their connection was closed by both sides and settled.
    pub fn stragglers(&self) -> u64 {
        self.stragglers
    }

    /// Notes a batch of segments, in order of capture.
    ///
    /// Looking up a flow among many is a walk through memory, and most of the cost. So the places of the whole batch are
    /// touched first, independent of each other: those in the index, then the connections they lead to, and only then
    /// is each connection updated.
    ///
    /// Prefetch instructions two steps of 16 or 32 segments ahead, instead of reads, gained nothing at 5,000 connections and
    /// lost 3 to 7 % at 100,000 (paired runs); connections that begin at a cache line, 320 octets each, gained nothing.
    pub fn observe_all(&mut self, batch: &[(FlowKey, Segment)]) {
        let mut hashes = [0_u64; Table::AT_ONCE];
        let mut slots = [0_u32; Table::AT_ONCE];
        let mut rest = batch;
        while !rest.is_empty() {
            let (chunk, later) =
                rest.split_at(rest.len().min(Table::AT_ONCE - self.unswept.0 % Table::AT_ONCE));
            rest = later;
            let mut touched = 0_u64;
            for (hash, (key, _)) in hashes.iter_mut().zip(chunk) {
                *hash = self.hash(key);
                touched ^= self.index.touch(*hash);
            }
            let slots = &mut slots[..chunk.len()];
            for (slot, &hash) in slots.iter_mut().zip(&hashes) {
                *slot = self.index.guess(hash).unwrap_or(Slab::NO_SLOT);
            }
            // By itself: the fewer instructions between two reads that miss the caches, the more of them are on their way.
            for connection in slots.iter().filter_map(|&slot| self.slab.get(slot)) {
                touched ^= connection.touch();
            }
            std::hint::black_box(touched);
            for ((&hash, &slot), (key, segment)) in hashes.iter().zip(&*slots).zip(chunk) {
                let straight = self.slab.get_mut(slot).is_some_and(|connection| {
                    // A guess may be outdated by the segments before; one that was superseded goes no further here.
                    connection.key == *key && connection.goes_straight_on(segment)
                });
                if !straight {
                    self.observe_hashed(hash, slot, key, segment);
                }
            }
            self.swept_after(chunk);
        }
    }

    /// Lets the sweep go on when it is time.
    fn swept_after(&mut self, chunk: &[(FlowKey, Segment)]) {
        let (segments, earliest) = self.unswept;
        let earliest = chunk.iter().map(|(_, segment)| segment.seen.at).fold(earliest, Timestamp::min);
        self.unswept = (segments + chunk.len(), earliest);
        if self.unswept.0 == Table::SWEEP_EVERY {
            self.unswept = (0, Timestamp(i64::MAX));
            self.sweep(Table::SWEEP_EVERY / Table::SEGMENTS_PER_SLOT, earliest);
        }
    }

    /// Notes one segment.
    pub fn observe(&mut self, key: &FlowKey, segment: &Segment) {
        self.observe_hashed(self.hash(key), Slab::NO_SLOT, key, segment);
    }

    /// Notes an ICMP error that quotes a segment which `side` sent.
    pub fn observe_icmp(&mut self, key: &FlowKey, side: Side, error: IcmpError) {
        let hash = self.hash(key);
        let slot = match self.find(hash, key) {
            Some(slot) if self.expired(&self.slab[slot], error.seen.at) => {
                self.anew(hash, slot, key, false, error.seen)
            }
            Some(slot) => slot,
            None => self.begin(hash, key, false, error.seen),
        };
        let connection = &mut self.slab[slot];
        if connection.first.frame == 0 {
            connection.first = error.seen;
        }
        connection.observe_icmp(side, error);
    }

    /// The connection goes on behind a stretch that was left out; `next` is the first frame behind it.
    pub fn pass_over(&mut self, key: &FlowKey, left_out: &LeftOut, next: Stamp) {
        let hash = self.hash(key);
        if let Some(slot) = self.find(hash, key)
            && !self.expired(&self.slab[slot], next.at)
        {
            self.slab[slot].pass_over(left_out, next.frame);
        }
    }

    /// Connections that were retired since the last call, in order.
    pub fn take_finished(&mut self) -> Vec<Connection> {
        std::mem::take(&mut self.finished)
    }

    /// Every connection not yet taken, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.finished.iter().chain(self.slab.iter())
    }

    /// Every connection not yet taken, in no particular order; memory is given back on the way.
    pub fn into_connections(self) -> impl Iterator<Item = Connection> + use<> {
        self.finished.into_iter().chain(self.slab.into_taken()).map(|mut connection| {
            connection.bits &= !Connection::TABLE_BITS;
            connection
        })
    }

    /// How its streams are numbered.
    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    fn hash(&self, key: &FlowKey) -> u64 {
        self.hashing.hash_one(key)
    }

    #[inline]
    fn find(&self, hash: u64, key: &FlowKey) -> Option<u32> {
        self.index.find(hash, |slot| self.slab[slot].key == *key)
    }

    /// Returns the slot that took the segment; a straggler is taken by none.
    #[inline(never)]
    fn observe_hashed(&mut self, hash: u64, guess: u32, key: &FlowKey, segment: &Segment) -> Option<u32> {
        let found = if self.is_current(guess, key) { Some(guess) } else { self.find(hash, key) };
        let slot = match found {
            Some(slot) if self.goes_on(slot, segment) => slot,
            found => {
                if self.straggles(key, found, segment) {
                    self.stragglers += 1;
                    return None;
                }
                match found {
                    Some(slot) => self.anew(hash, slot, key, is_syn(segment), segment.seen),
                    None => self.begin(hash, key, is_syn(segment), segment.seen),
                }
            }
        };
        let slot = self.of_which(slot, segment);
        self.slab[slot].observe_any(segment);
        self.slab.set_end(slot, self.end(&self.slab[slot]));
        Some(slot)
    }

    /// Whether the flow's present connection is in that slot, as looking it up would say.
    fn is_current(&self, slot: u32, key: &FlowKey) -> bool {
        self.slab.get(slot).is_some_and(|connection| {
            connection.key == *key
                && connection.bits & Connection::SUPERSEDED == 0
                && self.slab.is_taken(slot)
        })
    }

    /// Whether it belongs to a connection that was closed and has settled, be it still held or not. A part does not know:
    /// what closed there may have been something else to an earlier one. It is asked again when the two are joined.
    #[cold]
    fn straggles(&self, key: &FlowKey, found: Option<u32>, segment: &Segment) -> bool {
        if self.part || segment.flags.any(TcpFlags::SYN) {
            return false;
        }
        match found {
            Some(slot) => {
                let connection = &self.slab[slot];
                connection.closed_by_both() && segment.seen.at - connection.last().at <= self.limits.linger
            }
            None => self.streams.closed_lately(key, segment.seen.at, self.limits.linger),
        }
    }

    /// The common case, decided without calls: an open connection, no SYN.
    #[inline]
    fn goes_on(&self, slot: u32, segment: &Segment) -> bool {
        let connection = &self.slab[slot];
        let open = connection.established() && !connection.is_over() && !self.part;
        open && !segment.flags.any(TcpFlags::SYN) || !self.ends_before(connection, segment)
    }

    #[cold]
    fn ends_before(&self, connection: &Connection, segment: &Segment) -> bool {
        connection.is_replaced_by(segment) || self.expired(connection, segment.seen.at)
    }

    /// Replaces the connection in `slot` by a new one.
    #[cold]
    fn anew(&mut self, hash: u64, slot: u32, key: &FlowKey, with_syn: bool, now: Stamp) -> u32 {
        let stream = if with_syn { self.streams.begin(key, true, now.frame) } else { self.slab[slot].stream };
        let new = self.fresh(key, stream);
        self.replace(hash, slot, new, now.at);
        new
    }

    /// The slot of a connection that begins.
    fn fresh(&mut self, key: &FlowKey, stream: u32) -> u32 {
        let slot = self.slab.insert(key);
        let connection = &mut self.slab[slot];
        connection.stream = stream;
        if self.part {
            connection.keep_head();
        }
        slot
    }

    fn replace(&mut self, hash: u64, old: u32, new: u32, now: Timestamp) {
        self.index.redirect(hash, old, new);
        if let Some(older) = self.previous.remove(&old) {
            self.finish(older);
        }
        if self.expired(&self.slab[old], now) {
            self.finish(old);
        } else {
            let connection = &mut self.slab[old];
            if !connection.is_over() {
                connection.bits |= Connection::REUSED;
            }
            connection.bits |= Connection::SUPERSEDED;
            self.slab[new].bits |= Connection::HAS_PREVIOUS;
            self.previous.insert(new, old);
        }
    }

    #[cold]
    fn begin(&mut self, hash: u64, key: &FlowKey, with_syn: bool, now: Stamp) -> u32 {
        if let Some(most) = self.limits.max_connections
            && self.slab.len() >= most
        {
            self.give_up_one(now.at);
        }
        let stream = self.streams.begin(key, with_syn, now.frame);
        let slot = self.fresh(key, stream);
        self.index.insert(hash, slot);
        slot
    }

    /// The connection itself, or the one it replaced, whose numbers a straggler may carry.
    #[inline]
    fn of_which(&self, slot: u32, segment: &Segment) -> u32 {
        if self.slab[slot].bits & Connection::HAS_PREVIOUS == 0 || is_syn(segment) {
            return slot;
        }
        match self.previous.get(&slot) {
            Some(&old) if !self.slab[slot].fits(segment) && self.slab[old].owns(segment) => old,
            _ => slot,
        }
    }
}

fn is_syn(segment: &Segment) -> bool {
    segment.flags.any(TcpFlags::SYN) && !segment.flags.any(TcpFlags::ACK)
}
