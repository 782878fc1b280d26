//! Matches that facts cannot tell: connections are compared by what single segments of theirs have in common.
//!
//! Of each connection the few fingerprints with the smallest hashes are looked at. Two captures of the same segments
//! have the same smallest ones, whichever of the two began later.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use super::matching::How;
use super::trace::{Numbering, Trace};
use crate::wire::{SeqNum, Side, TcpFlags};

/// So many fingerprints of a connection are looked at.
const KEPT: usize = 32;
/// So many in common are no chance.
const ENOUGH: usize = 3;

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Sequence and acknowledgment numbers of segments with payload.
    Sequence,
    /// Timestamps and length of segments that begin something or carry payload.
    Stamps,
}

/// The fingerprints of a connection: who sent the segment, and its number.
pub(super) struct Sketch(BTreeMap<u64, (Side, SeqNum)>);

impl Sketch {
    pub(super) fn of(kind: Kind, trace: &Trace) -> Sketch {
        let mut kept = BTreeMap::new();
        for s in trace.segments() {
            let carries = s.len > 1 || s.flags.any(TcpFlags::SYN);
            let hash = |parts: (u32, u32, u32)| {
                let mut hasher = FixedState::with_seed(kind as u64).build_hasher();
                parts.hash(&mut hasher);
                std::hash::Hasher::finish(&hasher)
            };
            let hash = match kind {
                Kind::Sequence if s.len > 1 && s.flags.any(TcpFlags::ACK) => hash((s.seq.0, s.ack.0, 0)),
                Kind::Stamps if carries && s.has_timestamps => {
                    hash((s.timestamps.val, s.timestamps.ecr, s.len))
                }
                _ => continue,
            };
            kept.entry(hash).or_insert((s.side, s.seq));
            if kept.len() > KEPT {
                kept.pop_last();
            }
        }
        Sketch(kept)
    }

    pub(super) fn empty() -> Sketch {
        Sketch(BTreeMap::new())
    }

    /// What both have in common, as (this one's, the other's).
    fn common<'a>(
        &'a self,
        other: &'a Sketch,
    ) -> impl Iterator<Item = ((Side, SeqNum), (Side, SeqNum))> + 'a {
        self.0.iter().filter_map(|(hash, own)| Some((*own, *other.0.get(hash)?)))
    }

    /// How the numbers of `other` become those of this one, if enough of it is the same.
    pub(super) fn joins(&self, numbering: &Numbering, other: &Sketch) -> Option<Numbering> {
        let common: Vec<_> = self.common(other).collect();
        let least = ENOUGH.min(self.0.len()).min(other.0.len()).max(2);
        if common.len() < least {
            return None;
        }
        let ((own, _), (others, _)) = common[0];
        let client = if own == numbering.client { others } else { others.peer() };
        let shift = [numbering.client, numbering.client.peer()].map(|side| {
            let shifts = common.iter().filter(|((own, _), _)| *own == side);
            most_frequent(shifts.map(|((_, own), (_, others))| (*others - *own) as u32)).unwrap_or(0)
        });
        let [a, b] = [0, 1].map(|end| numbering.shift[end].wrapping_add(shift[end]));
        Some(Numbering { client, shift: [a, b] })
    }
}

/// The largest sum wins a tie, so that the answer does not depend on order.
fn most_frequent(values: impl Iterator<Item = u32>) -> Option<u32> {
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

/// Pairs of the known and the new that have most in common, each used once.
pub(super) fn pairs(known: &[Sketch], new: &[Sketch]) -> Vec<(usize, usize)> {
    let mut index: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, sketch) in known.iter().enumerate() {
        sketch.0.keys().for_each(|hash| index.entry(*hash).or_default().push(at));
    }
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    for (which, sketch) in new.iter().enumerate() {
        let mut hits: BTreeMap<usize, usize> = BTreeMap::new();
        for at in sketch.0.keys().filter_map(|hash| index.get(hash)).flatten() {
            *hits.entry(*at).or_default() += 1;
        }
        found.extend(hits.into_iter().map(|(at, hits)| (hits, at, which)));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    let (mut taken, mut given) = (vec![false; known.len()], vec![false; new.len()]);
    found.retain(|&(_, at, which)| {
        let free = !taken[at] && !given[which];
        (taken[at], given[which]) = (true, true);
        free
    });
    found.into_iter().map(|(_, at, which)| (at, which)).collect()
}

impl Kind {
    /// What a match by it rests on, where addresses differ.
    pub(super) fn how(self) -> How {
        match self {
            Kind::Sequence => How::Sequence,
            Kind::Stamps => How::Stamps,
        }
    }
}
