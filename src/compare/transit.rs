//! What one end sent, at two neighbouring vantage points: which of the nearer point's segments reached the farther one,
//! and which of the farther one's the nearer point never showed.
//!
//! Octets are matched, not segments: network cards and boxes merge and split them. Of several segments with the same
//! octets, the one with the same timestamps, or the same IP identification, or else the last one sent before, is meant.

use std::collections::{BTreeMap, HashMap};

use super::trace::Pass;
use crate::wire::{Span, Timestamp};

/// What became of a segment on the way to the next point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Onward {
    /// All of it was seen there; first in that segment of the farther point.
    Whole(usize),
    /// So many octets of it were seen there.
    Part(i64),
    /// Nothing of it was.
    Nothing,
}

/// Both lists of one direction, compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Transit {
    /// Of each segment of the nearer point.
    pub(super) onward: Vec<Onward>,
    /// Of each segment of the farther point: one of the nearer point's that it comes from.
    pub(super) origin: Vec<Option<usize>>,
}

/// How much of a segment was seen beyond.
#[derive(Clone, Default)]
struct Credit {
    pieces: Vec<(i64, i64)>,
    first: Option<usize>,
}

impl Transit {
    /// `to_near` turns times of the farther point into the nearer one's; they may be wrong by `slack`.
    pub(super) fn of(
        near: &[&Pass],
        far: &[&Pass],
        to_near: &dyn Fn(Timestamp) -> Timestamp,
        slack: Span,
    ) -> Transit {
        let stamped = timestamps_are_kept(near, far);
        let index = Index::new(near);
        let mut credits = vec![Credit::default(); near.len()];
        let mut origin = vec![None; far.len()];
        for (at, passed) in far.iter().enumerate() {
            let latest = to_near(passed.seen.at) + slack;
            let mut candidates: Vec<usize> = index.candidates(passed);
            candidates.retain(|&which| {
                let sent = near[which];
                sent.seen.at <= latest && !(stamped && differ(sent, passed))
            });
            let owes = |which: &usize| !credits[*which].covers(passed.start, passed.end);
            let same_id = |which: &usize| passed.ip_id != 0 && near[*which].ip_id == passed.ip_id;
            candidates.sort_by_key(|which| (owes(which), same_id(which), near[*which].seen.at, *which));
            let mut open = vec![(passed.start, passed.end)];
            for which in candidates.into_iter().rev() {
                let sent = near[which];
                if !passed.has_octets() {
                    if credits[which].first.is_none() {
                        credits[which].first = Some(at);
                        origin[at] = Some(which);
                        break;
                    }
                    continue;
                }
                let covered = take(&mut open, sent.start, sent.end);
                if !covered.is_empty() {
                    credits[which].first.get_or_insert(at);
                    credits[which].pieces.extend(covered);
                    origin[at].get_or_insert(which);
                }
            }
        }
        let onward = near.iter().zip(&mut credits).map(|(sent, credit)| credit.onward(sent)).collect();
        Transit { onward, origin }
    }
}

impl Credit {
    fn covers(&self, start: i64, end: i64) -> bool {
        if end == start {
            return self.first.is_some();
        }
        let mut open = vec![(start, end)];
        self.pieces.iter().for_each(|&(from, upto)| {
            take(&mut open, from, upto);
        });
        open.is_empty()
    }

    fn onward(&mut self, sent: &Pass) -> Onward {
        let Some(first) = self.first else { return Onward::Nothing };
        let mut open = vec![(sent.start, sent.end)];
        for &(from, upto) in &self.pieces {
            take(&mut open, from, upto);
        }
        let missing: i64 = open.iter().map(|(from, upto)| upto - from).sum();
        if missing == 0 { Onward::Whole(first) } else { Onward::Part(sent.end - sent.start - missing) }
    }
}

/// Takes a range out of the open ones, and gives what was taken.
pub(super) fn take(open: &mut Vec<(i64, i64)>, from: i64, upto: i64) -> Vec<(i64, i64)> {
    let mut taken = Vec::new();
    let mut left = Vec::with_capacity(open.len() + 1);
    for &(a, b) in open.iter() {
        let (start, end) = (a.max(from), b.min(upto));
        if start >= end {
            left.push((a, b));
            continue;
        }
        taken.push((start, end));
        left.extend([(a, start), (end, b)].into_iter().filter(|(a, b)| a < b));
    }
    *open = left;
    taken
}

/// Both carry the timestamps option, and not the same.
fn differ(a: &Pass, b: &Pass) -> bool {
    a.timestamps.zip(b.timestamps).is_some_and(|(a, b)| a.val != b.val)
}

/// Whether the option passes unchanged: some of the segments that are surely the same carry the same.
fn timestamps_are_kept(near: &[&Pass], far: &[&Pass]) -> bool {
    let mut first: HashMap<(i64, i64), &Pass> = HashMap::new();
    for sent in near.iter().filter(|sent| sent.has_octets()) {
        first.entry((sent.start, sent.end)).or_insert(sent);
    }
    let alike = far.iter().filter(|passed| passed.has_octets()).filter_map(|passed| {
        let sent = first.get(&(passed.start, passed.end))?;
        (sent.timestamps.is_some() && passed.timestamps.is_some()).then(|| !differ(sent, passed))
    });
    let (mut same, mut other) = (0, 0);
    alike.for_each(|alike| if alike { same += 1 } else { other += 1 });
    same >= other
}

/// The nearer point's segments by what they are.
struct Index {
    by_start: BTreeMap<i64, Vec<usize>>,
    longest: i64,
    /// Segments without octets: number, acknowledgment, whether it is a RST.
    empty: HashMap<(i64, Option<i64>, bool), Vec<usize>>,
}

impl Index {
    fn new(passes: &[&Pass]) -> Index {
        let mut index = Index { by_start: BTreeMap::new(), longest: 0, empty: HashMap::new() };
        for (at, pass) in passes.iter().enumerate() {
            if pass.has_octets() && !pass.is_rst() {
                index.by_start.entry(pass.start).or_default().push(at);
                index.longest = index.longest.max(pass.end - pass.start);
            } else {
                index.empty.entry(Index::name(pass)).or_default().push(at);
            }
        }
        index
    }

    fn name(pass: &Pass) -> (i64, Option<i64>, bool) {
        if pass.is_rst() { (pass.start, None, true) } else { (pass.start, pass.ack, false) }
    }

    fn candidates(&self, pass: &Pass) -> Vec<usize> {
        if !pass.has_octets() || pass.is_rst() {
            return self.empty.get(&Index::name(pass)).cloned().unwrap_or_default();
        }
        let range = self.by_start.range(pass.start - self.longest + 1..pass.end);
        range.flat_map(|(_, all)| all).copied().collect()
    }
}
