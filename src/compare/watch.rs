//! What the absence of a segment at a vantage point is worth. Nothing, where the capture may have missed it.
//!
//! A capture that counts what it dropped, and counts nothing, is believed. Where the format counts no drops (pcap), the
//! acknowledgments count them: whoever acknowledges octets has received them, and a capture that shows all of these, in n
//! segments that carry any, misses less than 3 in n (the rule of three, 95 %). To miss k by chance is then less likely than (3/n)^k; below
//! one in a thousand, and for more than one segment, it is ruled out.

use crate::analysis::{InputFacts, Outcome};
use crate::decode::Skip;
use crate::findings::Certainty;
use crate::wire::{Span, Timestamp};

/// Why it cannot be told whether a segment passed a vantage point that does not show it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Doubt {
    /// It was acknowledged, so it arrived: the capture there missed it, or it took another way.
    Arrived,
    /// The capture there begins later.
    Begins,
    /// The capture there shows nothing from then on: it may have ended.
    Ends,
    /// The capture program there lost packets at that time, or does not say when.
    Drops,
    /// Packets there are cut before the end of the TCP header.
    Cut,
    /// A stretch of the file there could not be read.
    Damaged,
    /// That direction of the connection was never captured there.
    Direction,
    /// The middle of a very long connection is not compared.
    LeftOut,
    /// The capture there shows nothing of this connection: it may have taken another way, or a filter.
    Elsewhere,
}

impl Doubt {
    /// A clause about the vantage point of that name.
    pub fn words(self, place: &str) -> String {
        match self {
            Doubt::Arrived => format!("it was acknowledged, so it arrived: {place} missed it"),
            Doubt::Begins => format!("{place} begins later"),
            Doubt::Ends => format!("{place} shows nothing from then on and may have ended"),
            Doubt::Drops => format!("{place} dropped packets"),
            Doubt::Cut => format!("the snap length of {place} cuts TCP headers"),
            Doubt::Damaged => format!("a stretch of {place} could not be read"),
            Doubt::Direction => format!("{place} shows one direction only"),
            Doubt::LeftOut => {
                format!("it lies in the middle of a long connection, which is not compared at {place}")
            }
            Doubt::Elsewhere => {
                format!("{place} shows nothing of this connection, which may have gone elsewhere")
            }
        }
    }
}

/// When a vantage point can be trusted to have shown what passed.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    first: Timestamp,
    last: Timestamp,
    /// Between which times packets were dropped, as far as that is told.
    drops: Vec<(Timestamp, Timestamp)>,
    untimed_drops: bool,
    cut: bool,
    damaged: bool,
    /// It counts its drops, or is known to have missed next to none.
    completeness: Completeness,
}

/// What speaks for a capture's having missed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Completeness {
    /// It counts what it drops.
    Counted,
    /// It does not, and shows every octet that was acknowledged, in about so many segments.
    Shown(u64),
    /// Nothing.
    Unknown,
}

/// Less likely than that does not happen.
const NO_CHANCE: f64 = 1e-3;

impl Completeness {
    /// Of a capture of which all connections were kept.
    pub fn of(outcome: &Outcome) -> Completeness {
        if outcome.capture.drops.is_some() {
            return Completeness::Counted;
        }
        let mut tallies = outcome.connections.iter().flat_map(|judged| &judged.connection.tallies);
        if tallies.any(|tally| tally.acked_unseen > 0) {
            return Completeness::Unknown;
        }
        let halves = outcome.connections.iter().flat_map(|judged| &judged.connection.halves);
        // One in two carries octets; the others acknowledge.
        Completeness::Shown(halves.map(|half| u64::from(half.segments)).sum::<u64>() / 2)
    }

    /// How sure it is that what is missing so many times was not there.
    fn certainty(self, misses: u32) -> Certainty {
        match self {
            Completeness::Counted => Certainty::Certain,
            Completeness::Shown(segments) if misses > 1 => {
                let by_chance = (3.0 / segments.max(3) as f64).powf(f64::from(misses));
                if by_chance < NO_CHANCE { Certainty::Certain } else { Certainty::Likely }
            }
            Completeness::Shown(_) | Completeness::Unknown => Certainty::Likely,
        }
    }
}

/// A drop between two frames happened so near to them.
const AROUND: Span = Span::secs(2);

impl Watch {
    pub(super) fn new(outcome: &Outcome) -> Watch {
        let capture = &outcome.capture;
        let timed: u64 = capture.drop_events.iter().map(|(_, count)| count).sum();
        let damaged = |input: &InputFacts| input.trouble.is_some() || input.summary.damage_count > 0;
        Watch {
            first: capture.first.at,
            last: capture.last.at,
            drops: outcome.inputs.iter().flat_map(drops).collect(),
            untimed_drops: capture.drops.unwrap_or(0) > timed,
            cut: outcome.frames.skips.get(Skip::CutShort) > 0,
            damaged: outcome.inputs.iter().any(damaged),
            completeness: Completeness::of(outcome),
        }
    }

    /// How sure it is that what is missing here so many times did not pass, where there is no doubt.
    pub(super) fn certainty(&self, misses: u32) -> Certainty {
        self.completeness.certainty(misses)
    }

    /// Why the absence of a segment that should have passed between these times (of this place's clock) says nothing.
    pub(super) fn doubt(&self, from: Timestamp, until: Timestamp) -> Option<Doubt> {
        let near = |(begin, end): &(Timestamp, Timestamp)| *end >= from && *begin <= until;
        if from < self.first {
            Some(Doubt::Begins)
        } else if until > self.last {
            Some(Doubt::Ends)
        } else if self.untimed_drops || self.drops.iter().any(near) {
            Some(Doubt::Drops)
        } else if self.cut {
            Some(Doubt::Cut)
        } else {
            self.damaged.then_some(Doubt::Damaged)
        }
    }

    /// Why nothing can be said of what is not seen from that time on, up to the end of the capture.
    pub(super) fn doubt_from(&self, at: Timestamp) -> Option<Doubt> {
        if at < self.first {
            Some(Doubt::Begins)
        } else if at >= self.last {
            Some(Doubt::Ends)
        } else if self.untimed_drops || self.drops.iter().any(|(_, end)| *end >= at) {
            Some(Doubt::Drops)
        } else if self.cut {
            Some(Doubt::Cut)
        } else {
            self.damaged.then_some(Doubt::Damaged)
        }
    }
}

/// The times between which an input's drops happened: a counter that is read seldom tells little.
fn drops(input: &InputFacts) -> Vec<(Timestamp, Timestamp)> {
    let begin = input.summary.times.map_or(Timestamp::default(), |(first, _)| first);
    let mut earlier: Vec<(u64, Timestamp)> = vec![(0, begin)];
    let mut found = Vec::new();
    for drop in input.summary.drops.iter().filter(|drop| drop.count > 0) {
        let Some(at) = drop.at else { continue };
        let known = earlier.iter().rev().find(|(frame, _)| *frame <= drop.after_frame);
        let from = match drop.before_frame.saturating_sub(drop.after_frame) {
            0 | 1 => at - AROUND,
            _ => known.map_or(begin, |(_, at)| *at),
        };
        found.push((from, at + AROUND));
        earlier.push((drop.before_frame, at));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_is_certain_where_chance_is_ruled_out() {
        for (completeness, misses, certainty) in [
            (Completeness::Counted, 1, Certainty::Certain),
            (Completeness::Unknown, 50, Certainty::Likely),
            (Completeness::Shown(1_000_000), 1, Certainty::Likely),
            (Completeness::Shown(100), 2, Certainty::Certain),
            (Completeness::Shown(60), 2, Certainty::Likely),
            (Completeness::Shown(60), 3, Certainty::Certain),
            (Completeness::Shown(0), 9, Certainty::Likely),
        ] {
            assert_eq!(completeness.certainty(misses), certainty, "{completeness:?} {misses}");
        }
    }
}
