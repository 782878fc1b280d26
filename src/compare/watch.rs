//! What the absence of a segment at a vantage point is worth. Nothing, where the capture may have missed it.

use crate::analysis::Outcome;
use crate::decode::Skip;
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
    /// When packets were dropped, as far as that is told.
    drops: Vec<Timestamp>,
    untimed_drops: bool,
    cut: bool,
    damaged: bool,
}

/// A drop that is told then may have happened that much earlier or later.
const AROUND: Span = Span::secs(2);

impl Watch {
    pub(super) fn new(outcome: &Outcome) -> Watch {
        let capture = &outcome.capture;
        let timed: u64 = capture.drop_events.iter().map(|(_, count)| count).sum();
        let damaged =
            |input: &crate::analysis::InputFacts| input.trouble.is_some() || input.summary.damage_count > 0;
        Watch {
            first: capture.first.at,
            last: capture.last.at,
            drops: capture.drop_events.iter().filter(|(_, count)| *count > 0).map(|(at, _)| *at).collect(),
            untimed_drops: capture.drops.unwrap_or(0) > timed,
            cut: outcome.frames.skips.get(Skip::CutShort) > 0,
            damaged: outcome.inputs.iter().any(damaged),
        }
    }

    /// Why the absence of a segment that should have passed between these times (of this place's clock) says nothing.
    pub(super) fn doubt(&self, from: Timestamp, until: Timestamp) -> Option<Doubt> {
        let near = |drop: &Timestamp| *drop >= from - AROUND && *drop <= until + AROUND;
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
        } else if self.untimed_drops || self.drops.iter().any(|drop| *drop >= at) {
            Some(Doubt::Drops)
        } else if self.cut {
            Some(Doubt::Cut)
        } else {
            self.damaged.then_some(Doubt::Damaged)
        }
    }
}
