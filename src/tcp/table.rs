//! All connections of a capture, by flow.
//!
//! A connection is never cut on idle. It is retired once it is over and its linger time has passed; whether it counts
//! as over is decided by capture time when a segment of its flow arrives, so the sweep that takes retired ones out of
//! memory is only housekeeping and its timing changes no result.

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

/// What one part of a capture holds of a flow; frames are numbered through all parts.
#[derive(Clone, Debug, Default)]
pub struct FlowPart {
    /// Its connections, in order of their first frames.
    pub connections: Vec<Connection>,
    /// Segments that no part holds alone: the fragments before the last one lie in parts before.
    pub late: Vec<Segment>,
}

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
    pub fn observe_all(&mut self, batch: &[(FlowKey, Segment)]) {
        let mut hashes = [0_u64; Table::AT_ONCE];
        let mut slots = [0_u32; Table::AT_ONCE];
        let mut rest = batch;
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(rest.len().min(Table::AT_ONCE - self.unswept.0));
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
                let Connection { halves: [lo, hi], key, bits, .. } = connection;
                touched ^= lo.payload ^ hi.payload ^ u64::from(key.lo.port()) ^ u64::from(*bits);
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
        if self.unswept.0 == Table::AT_ONCE {
            self.unswept = (0, Timestamp(i64::MAX));
            self.sweep(Table::AT_ONCE / Table::SEGMENTS_PER_SLOT, earliest);
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

    /// Self was seen before `later`, at the same capture point; the law of [`Connection::then`] holds for each flow.
    ///
    /// `later` must be a table [of a part](Table::of_part) whose finished connections were not taken. Stream numbers
    /// are those of a single capture, so there are none afterwards.
    pub fn then(mut self, later: Table) -> Table {
        self.stragglers += later.stragglers;
        let mut all: Vec<_> = later.into_connections().collect();
        all.sort_by_key(|connection| (connection.key, connection.first.frame));
        for flow in all.chunk_by(|one, next| one.key == next.key) {
            self.then_flow(&flow[0].key, flow, &[]);
        }
        self.lose_streams();
        self
    }

    /// Joins the connections of one flow, as the parts of a capture hold them, in the order of the parts. The table has to
    /// be empty, and is so afterwards.
    ///
    /// Stream numbers are those of a single part, where there is only one.
    pub fn join_flow(&mut self, key: &FlowKey, parts: &[FlowPart]) -> Vec<Connection> {
        if let [FlowPart { connections, late }] = parts
            && let [only] = connections.as_slice()
            && late.is_empty()
        {
            return vec![only.clone().whole()];
        }
        parts.iter().for_each(|part| self.then_flow(key, &part.connections, &part.late));
        let mut joined = std::mem::take(&mut self.finished);
        let slots = (0..self.slab.capacity()).filter(|&slot| self.slab.is_taken(slot)).collect::<Vec<_>>();
        joined.extend(slots.into_iter().map(|slot| self.slab.remove(slot)));
        (self.index, self.streams) = Default::default();
        self.previous.clear();
        for connection in &mut joined {
            connection.bits &= !Connection::TABLE_BITS;
            let same =
                |own: &&Connection| own.first == connection.first && own.opener() == connection.opener();
            let own = parts
                .first()
                .filter(|_| parts.len() == 1)
                .and_then(|part| part.connections.iter().find(same));
            connection.stream = own.map_or(Connection::NO_STREAM, |own| own.stream);
        }
        joined
    }

    /// Replays the heads of one flow's connections in order of capture (one that was replaced may have stragglers), and
    /// takes over what was counted after each head where the head ends.
    fn then_flow(&mut self, key: &FlowKey, flow: &[Connection], late: &[Segment]) {
        let hash = self.hash(key);
        let head = |connection: &Connection| connection.head().map(|head| head.segments.len()).unwrap_or(0);
        let heads = flow.iter().flat_map(|connection| {
            let segments = connection.head().map_or(&[][..], |head| &head.segments);
            let numbered = segments.iter().enumerate();
            numbered.map(move |(n, segment)| (segment.seen.frame, Some((connection, n + 1)), segment))
        });
        let late = late.iter().map(|segment| (place(segment, flow), None, segment));
        let mut order: Vec<_> = heads.chain(late).collect();
        order.sort_by_key(|(place, of, _)| (*place, of.is_some()));
        for (place, of, segment) in order {
            let ends_head =
                of.filter(|&(connection, n)| n == head(connection)).map(|(connection, _)| connection);
            match (self.observe_hashed(hash, Slab::NO_SLOT, key, segment), ends_head) {
                (Some(slot), Some(connection)) => self.absorb(slot, connection),
                (Some(slot), None) if of.is_none() && place < segment.seen.frame => {
                    self.slab[slot].bits |= Connection::ABOUT;
                }
                (None, Some(connection)) if self.is_no_straggler(connection, segment) => {
                    self.take_over(hash, connection);
                }
                _ => {}
            }
        }
        for connection in flow.iter().filter(|connection| head(connection) == 0) {
            let slot = self.find(hash, key);
            let slot = slot.unwrap_or_else(|| self.begin(hash, key, false, connection.first));
            self.absorb(slot, connection);
        }
        // What looked like another connection to the part may have been this one's SYN sent again.
        if let Some(slot) = self.find(hash, key) {
            self.slab[slot].bits &= !Connection::REUSED;
        }
    }

    /// Whether a part's connection goes on behind a head of which every segment, up to this one, came late for the connection
    /// before: it was opened, or lasts longer than stragglers come.
    fn is_no_straggler(&self, part: &Connection, last_of_head: &Segment) -> bool {
        part.head().is_some_and(|head| head.closed.is_some())
            && (part.opener().is_some() || part.last().at - last_of_head.seen.at > self.limits.linger)
    }

    /// Adds a part's connection as it is, as the flow's latest.
    fn take_over(&mut self, hash: u64, part: &Connection) {
        let new = match self.find(hash, &part.key) {
            Some(slot) => self.anew(hash, slot, &part.key, false, part.first),
            None => self.begin(hash, &part.key, false, part.first),
        };
        let bits = self.slab[new].bits & Connection::TABLE_BITS;
        self.slab[new] = part.clone().whole();
        self.slab[new].bits |= bits;
        self.slab.set_end(new, self.end(&self.slab[new]));
    }

    fn absorb(&mut self, slot: u32, part: &Connection) {
        self.slab[slot].absorb(part);
        self.slab.set_end(slot, self.end(&self.slab[slot]));
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

    /// Whether nothing that arrives now can belong to it any more.
    fn expired(&self, connection: &Connection, now: Timestamp) -> bool {
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

    /// Takes out what is retired, a few slots at a time.
    fn sweep(&mut self, slots: usize, now: Timestamp) {
        for _ in 0..slots.min(self.slab.capacity() as usize) {
            self.hand = if self.hand + 1 < self.slab.capacity() { self.hand + 1 } else { 0 };
            let slot = self.hand;
            if self.slab.may_have_ended(slot, now) && self.end(&self.slab[slot]).is_some_and(|end| now > end)
            {
                self.retire(slot);
            }
        }
    }

    /// After when the sweep takes it out.
    fn end(&self, connection: &Connection) -> Option<Timestamp> {
        // What is closed by both is known for a straggler's all the same, held or not.
        let late = if connection.closed_by_both() { Span::ZERO } else { Table::CLOCKS_STEP };
        Some(connection.last().at + self.lingers(connection)? + late)
    }

    /// Under a memory limit: retires, among a handful, an attempt that was never answered before anything else, or the
    /// one idle for longest. A scan has no influence on connections then that are really there.
    fn give_up_one(&mut self, now: Timestamp) {
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

    fn finish(&mut self, slot: u32) {
        let mut connection = self.slab.remove(slot);
        connection.bits &= !Connection::TABLE_BITS;
        self.finished.push(connection);
    }
}

fn is_syn(segment: &Segment) -> bool {
    segment.flags.any(TcpFlags::SYN) && !segment.flags.any(TcpFlags::ACK)
}

/// The frame at which a segment is taken up that its part did not know. Behind a head that was full, only sums are known:
/// there it is taken up where the head ends, and counts are *about*.
fn place(late: &Segment, flow: &[Connection]) -> u64 {
    let begun = flow.iter().rev().find(|connection| connection.first.frame < late.seen.frame);
    let full = begun.and_then(Connection::head).filter(|head| head.closed.is_some());
    let end = full.and_then(|head| head.segments.last()).map(|last| last.seen.frame);
    end.map_or(late.seen.frame, |end| end.min(late.seen.frame))
}
