//! What one end of a connection sent, from the vantage point nearest to it to the farthest.

use super::End;
use super::clock::Relation;
use super::trace::Pass;
use super::transit::{Onward, Transit, take};
use super::watch::{Doubt, Watch};
use crate::findings::Certainty;
use crate::wire::{Span, TcpFlags, Timestamp};

/// A place on the way of what one end sends.
pub(super) struct Stop<'a> {
    /// The vantage point, as given.
    pub(super) at: usize,
    /// Everything of the connection that was captured there; empty if nothing was.
    pub(super) all: &'a [Pass],
    /// What this end sent, of that.
    pub(super) passes: Vec<&'a Pass>,
    pub(super) watch: &'a Watch,
    /// The time between a long connection's beginning and end that is not compared.
    pub(super) gap: Option<(Timestamp, Timestamp)>,
}

/// All places in order, and what became of each segment from one to the next.
pub(super) struct Journey<'a> {
    pub(super) from: End,
    pub(super) stops: Vec<Stop<'a>>,
    /// Between each two neighbours.
    pub(super) transits: Vec<Transit>,
    /// The clocks of each two neighbours.
    relations: Vec<Relation>,
}

/// Nothing is later than this on its way, beyond what the clocks leave open.
const LATE: Span = Span::millis(100);
/// Where the clocks' bound is not known.
const UNBOUNDED: Span = Span::millis(50);

impl<'a> Journey<'a> {
    /// `relation` gives the clocks of two vantage points; places without one to their neighbour end the journey.
    pub(super) fn new(
        from: End,
        stops: Vec<Stop<'a>>,
        relation: &dyn Fn(usize, usize) -> Option<Relation>,
    ) -> Journey<'a> {
        let mut relations = Vec::new();
        for pair in stops.windows(2) {
            match relation(pair[0].at, pair[1].at) {
                Some(relation) => relations.push(relation),
                None => break,
            }
        }
        let transits = stops.windows(2).zip(&relations).map(|(pair, relation)| {
            let slack = Span::millis(1) + slack(relation);
            Transit::of(&pair[0].passes, &pair[1].passes, &|at| relation.to_first(at), slack)
        });
        Journey { from, transits: transits.collect(), relations, stops }
    }

    /// How far a segment of a stop came: the last stop that shows it, and as which of its segments.
    pub(super) fn reach(&self, stop: usize, which: usize) -> (usize, usize) {
        let (mut stop, mut which) = (stop, which);
        while let Some(transit) = self.transits.get(stop) {
            match transit.onward[which] {
                Onward::Whole(next) => (stop, which) = (stop + 1, next),
                Onward::Part(_) | Onward::Nothing => break,
            }
        }
        (stop, which)
    }

    /// Why the absence of a segment at `stop` says nothing, if it does not. It is shown by a neighbour.
    pub(super) fn doubt(&self, shown: usize, pass: &Pass, stop: usize) -> Option<Doubt> {
        let there = &self.stops[stop];
        let relation = &self.relations[shown.min(stop)];
        let at =
            if shown < stop { relation.to_second(pass.seen.at) } else { relation.to_first(pass.seen.at) };
        let slack = slack(relation);
        // It passed there later, or had passed before.
        let (from, until) = if shown < stop { (at, at + LATE) } else { (at - LATE, at) };
        let (from, until) = (from - slack, until + slack);
        if there.gap.is_some_and(|(begins, ends)| until >= begins && from <= ends) {
            return Some(Doubt::LeftOut);
        }
        if let Some(doubt) = there.watch.doubt(from, until) {
            return Some(doubt);
        }
        if there.passes.is_empty() && !there.all.is_empty() {
            return Some(Doubt::Direction);
        }
        self.arrived_unseen(pass, stop).then_some(Doubt::Arrived)
    }

    /// How sure it is that what a vantage point misses so many times did not pass it, where no doubt is known.
    pub(super) fn certainty(&self, at: usize, misses: u32) -> Certainty {
        let there = self.stops.iter().find(|stop| stop.at == at);
        there.map_or(Certainty::Likely, |there| there.watch.certainty(misses))
    }

    /// Whether a stop shows the octets of a segment, in whatever segments; of one that ends with a FIN, the FIN.
    pub(super) fn shows(&self, stop: usize, pass: &Pass) -> bool {
        if !pass.has_octets() || pass.is_rst() {
            return false;
        }
        let start = if pass.flags.any(TcpFlags::FIN) { pass.end - 1 } else { pass.start };
        let mut open = vec![(start, pass.end)];
        for seen in self.stops[stop].passes.iter().filter(|seen| !seen.is_rst()) {
            take(&mut open, seen.start, seen.end);
        }
        open.is_empty()
    }

    /// Whether the receiver acknowledged octets of the segment that were never seen at that stop.
    fn arrived_unseen(&self, pass: &Pass, stop: usize) -> bool {
        if !pass.has_octets() {
            return false;
        }
        let there = &self.stops[stop];
        let seen = there.passes.iter().any(|seen| seen.start < pass.end && seen.end > pass.start);
        let acknowledges = |answer: &Pass| {
            answer.from != self.from && answer.ack.is_some_and(|ack| ack >= pass.end) && !answer.is_rst()
        };
        !seen && there.all.iter().any(acknowledges)
    }

    /// A time of one stop by the clock of an earlier one.
    pub(super) fn time_at(&self, stop: usize, at: Timestamp, earlier: usize) -> Option<Timestamp> {
        let between = self.relations.get(earlier..stop)?;
        Some(between.iter().rev().fold(at, |at, relation| relation.to_first(at)))
    }

    /// How long a segment took from a stop to the next.
    pub(super) fn delay(&self, stop: usize, which: usize) -> Option<Span> {
        let Onward::Whole(next) = self.transits.get(stop)?.onward[which] else { return None };
        let arrived = self.relations[stop].to_first(self.stops[stop + 1].passes[next].seen.at);
        Some(arrived - self.stops[stop].passes[which].seen.at)
    }
}

/// By how much times of two clocks may be wrong against each other.
fn slack(relation: &Relation) -> Span {
    relation.bound.unwrap_or(UNBOUNDED)
}
