//! Tables of the parts of a capture, joined: the law of [`Connection::then`] for each flow.

use super::{Slab, Table};
use crate::tcp::connection::Connection;
use crate::wire::{FlowKey, Segment, Stamp};

/// What one part of a capture holds of a flow; frames are numbered through all parts.
#[derive(Clone, Debug, Default)]
pub struct FlowPart {
    /// Its connections, in order of their first frames.
    pub connections: Vec<Connection>,
    /// Segments that no part holds alone: the fragments before the last one lie in parts before.
    pub late: Vec<Segment>,
}

impl Table {
    /// Self was seen before `later`, at the same capture point; the law of [`Connection::then`] holds for each flow.
    ///
    /// `later` must be a table [of a part](Table::of_part) whose finished connections were not taken. Stream numbers
    /// are those of a single capture, so there are none afterwards.
    pub fn then(mut self, later: Table) -> Table {
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
        let head = |connection: &Connection| connection.head().map_or(0, |head| head.segments.len());
        let heads = flow.iter().enumerate().flat_map(|(of, connection)| {
            let segments = connection.head().map_or(&[][..], |head| &head.segments);
            let numbered = segments.iter().zip(1..);
            numbered.map(move |(segment, n)| (segment.seen.frame, Some((of, n)), segment))
        });
        let late = late.iter().map(|segment| (place(segment, flow), None, segment));
        let mut order: Vec<_> = heads.chain(late).collect();
        order.sort_by_key(|(place, of, _)| (*place, of.is_some()));
        // The latest connection that segments of each head went to: others of them may have come late for the one before.
        let mut went = vec![None; flow.len()];
        let mut absorbed = Vec::new();
        for (place, of, segment) in order {
            let taken = self.observe_hashed(hash, Slab::NO_SLOT, key, segment);
            if let (Some((of, _)), Some(slot)) = (of, taken)
                && self.slab[slot].bits & Connection::SUPERSEDED == 0
            {
                went[of] = Some(slot);
            }
            let ended = of.filter(|&(of, n)| n == head(&flow[of])).map(|(of, _)| of);
            match (taken, ended) {
                (Some(slot), Some(of)) => {
                    let slot = went[of].unwrap_or(slot);
                    self.absorb(slot, &flow[of]);
                    absorbed.push((slot, &flow[of]));
                }
                (Some(slot), None) if place < segment.seen.frame => {
                    self.slab[slot].bits |= Connection::ABOUT;
                }
                (None, Some(of)) if self.is_no_straggler(&flow[of], segment) => {
                    self.take_over(hash, &flow[of], segment.seen);
                }
                _ => {}
            }
        }
        // Of a head that ended later, some segments may have gone to a connection whose sums were added before.
        for (slot, connection) in absorbed {
            if self.slab.is_taken(slot) {
                self.slab[slot].lasts_until(connection);
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
    /// before: it was opened there, or lasts longer than stragglers come.
    fn is_no_straggler(&self, part: &Connection, last_of_head: &Segment) -> bool {
        part.opened_late() || part.last().at - last_of_head.seen.at > self.limits.linger
    }

    /// Adds a part's connection, of which nothing up to `now` belongs here, as the flow's latest. Its counts are *about*:
    /// stragglers are among them.
    fn take_over(&mut self, hash: u64, part: &Connection, now: Stamp) {
        let new = match self.find(hash, &part.key) {
            Some(slot) => self.anew(hash, slot, &part.key, false, now),
            None => self.begin(hash, &part.key, false, now),
        };
        self.slab[new] = part.clone().whole();
        self.slab[new].bits |= Connection::ABOUT;
        self.slab.set_end(new, self.end(&self.slab[new]));
    }

    fn absorb(&mut self, slot: u32, part: &Connection) {
        self.slab[slot].absorb(part);
        self.slab.set_end(slot, self.end(&self.slab[slot]));
    }
}

/// The frame at which a segment is taken up that its part did not know. Behind a head that was full, only sums are known:
/// there it is taken up where the head ends, and counts are *about*.
fn place(late: &Segment, flow: &[Connection]) -> u64 {
    let begun = flow.iter().rev().find(|connection| connection.first.frame < late.seen.frame);
    let full = begun.and_then(Connection::head).filter(|head| head.closed.is_some());
    let end = full.and_then(|head| head.segments.last()).map(|last| last.seen.frame);
    end.map_or(late.seen.frame, |end| end.min(late.seen.frame))
}
