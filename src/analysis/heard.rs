//! When a host was heard: the stretches of time in which its segments passed, over all its connections. A host that
//! answers somebody while one of its connections dies is alive, and so is the way to it.

use crate::tcp::Connection;
use crate::wire::{Side, Span, Timestamp};

/// Stretches of time, sorted, apart by more than [`Heard::APART`]; at most [`Heard::MOST`], the longest gaps between
/// them kept. Adding is commutative as long as there are fewer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    stretches: Vec<(Timestamp, Timestamp)>,
}

impl Heard {
    /// Shorter gaps are not remembered: the silences that matter here are those a host's death leaves.
    pub const APART: Span = Span::secs(1);
    /// Stretches remembered.
    pub const MOST: usize = 256;

    /// Whether it was heard between these moments, both included.
    pub fn between(&self, from: Timestamp, upto: Timestamp) -> bool {
        let next = self.stretches.partition_point(|&(_, end)| end < from);
        self.stretches.get(next).is_some_and(|&(start, _)| start <= upto)
    }

    /// The stretches, in order.
    pub fn stretches(&self) -> &[(Timestamp, Timestamp)] {
        &self.stretches
    }

    /// Adds a stretch.
    pub fn add(&mut self, from: Timestamp, upto: Timestamp) {
        let upto = upto.max(from);
        // In the latest stretch or right behind it, as nearly always.
        if let Some((start, end)) = self.stretches.last_mut()
            && *start <= from
            && from <= *end + Heard::APART
        {
            *end = upto.max(*end);
            return;
        }
        let first = self.stretches.partition_point(|&(_, end)| end + Heard::APART < from);
        let after = self.stretches.partition_point(|&(start, _)| start <= upto + Heard::APART);
        let joined = &self.stretches[first..after];
        let from = joined.first().map_or(from, |&(start, _)| start.min(from));
        let upto = joined.iter().map(|&(_, end)| end).fold(upto, Timestamp::max);
        self.stretches.splice(first..after, [(from, upto)]);
        if self.stretches.len() > Heard::MOST {
            self.close_shortest_gap();
        }
    }

    /// Adds another part of the same host.
    pub fn merge(&mut self, other: &Heard) {
        other.stretches.iter().for_each(|&(from, upto)| self.add(from, upto));
    }

    /// What one connection tells of that side: all of its life if nothing in it ever paused, else the moments known.
    pub(super) fn add_side(&mut self, connection: &Connection, side: Side) {
        let last = connection.halves[side.index()].last.at;
        let lively = connection.silences().is_none()
            && Side::BOTH.into_iter().all(|side| connection.tallies[side.index()].retransmissions == 0);
        if lively {
            self.add(connection.first.at, last);
            return;
        }
        self.add(last, last);
        let began = match connection.opener() {
            Some(opener) if opener != side => connection.responder_rtt().map(|rtt| connection.first.at + rtt),
            Some(_) => Some(connection.first.at),
            None => None,
        };
        let own_fin = connection.fin(side).map(|fin| fin.seen.at);
        let acked = connection.fin(side.peer()).and_then(|fin| fin.acked).map(|acked| acked.at);
        [began, own_fin, acked].into_iter().flatten().for_each(|at| self.add(at, at));
    }

    fn close_shortest_gap(&mut self) {
        let gaps = self.stretches.windows(2).enumerate();
        let shortest = gaps.min_by_key(|(_, pair)| pair[1].0 - pair[0].1).map(|(at, _)| at);
        if let Some(at) = shortest {
            let (_, end) = self.stretches.remove(at + 1);
            self.stretches[at].1 = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(stretches: &[(i64, i64)]) -> Heard {
        let mut heard = Heard::default();
        for &(from, upto) in stretches {
            heard.add(Timestamp::new(from, 0), Timestamp::new(upto, 0));
        }
        heard
    }

    #[test]
    fn order_does_not_matter_and_touching_stretches_join() {
        let all = [(0, 5), (100, 110), (6, 9), (50, 50), (104, 120)];
        let forward = heard(&all);
        let backward = heard(&all.iter().rev().copied().collect::<Vec<_>>());
        assert_eq!(forward, backward);
        assert_eq!(forward, heard(&[(0, 9), (50, 50), (100, 120)]));
        for (from, upto, expected) in [(9, 9, true), (10, 49, false), (49, 51, true), (121, 900, false)] {
            let was = forward.between(Timestamp::new(from, 0), Timestamp::new(upto, 0));
            assert_eq!(was, expected, "{from} to {upto}");
        }
    }

    #[test]
    fn the_longest_gaps_stay() {
        let mut heard = Heard::default();
        for n in 0..i64::try_from(Heard::MOST).unwrap() * 4 {
            let at = Timestamp::new(n * 10 + if n >= 500 { 3_600 } else { 0 }, 0);
            heard.add(at, at);
        }
        assert_eq!(heard.stretches.len(), Heard::MOST);
        assert!(!heard.between(Timestamp::new(5_000, 0), Timestamp::new(8_000, 0)));
    }
}
