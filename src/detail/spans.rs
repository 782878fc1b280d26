//! Where the segments of a few connections lie, as far as their facts tell: what lies between need not be read again.

use crate::tcp::{Clock, Connection};
use crate::wire::Side;

/// Stretches of frames, counted through all inputs, in order and apart from each other.
pub(super) struct Spans(Vec<(u64, u64)>);

impl Spans {
    /// So many frames around a segment may belong to it: fragments of its datagram, copies from another interface.
    const AROUND: u64 = 1_000;

    pub(super) fn of(connections: &[&Connection]) -> Spans {
        let around = |(from, upto): (u64, u64)| {
            (from.saturating_sub(Spans::AROUND), upto.saturating_add(Spans::AROUND))
        };
        let mut all: Vec<_> =
            connections.iter().flat_map(|connection| talk(connection)).map(around).collect();
        all.sort_unstable();
        let mut apart: Vec<(u64, u64)> = Vec::new();
        for (from, upto) in all {
            match apart.last_mut() {
                Some((_, last)) if from <= last.saturating_add(1) => *last = upto.max(*last),
                _ => apart.push((from, upto)),
            }
        }
        Spans(apart)
    }

    /// The first frame from `frame` on that matters; none if no other does.
    pub(super) fn next(&self, frame: u64) -> Option<u64> {
        let behind = self.0.partition_point(|(_, upto)| *upto < frame);
        self.0.get(behind).map(|(from, _)| frame.max(*from))
    }

    /// Whether all frames up to the last that matters do.
    pub(super) fn is_last(&self, frame: u64) -> bool {
        self.0.last().is_none_or(|(from, _)| *from <= frame)
    }
}

/// A connection's stretches: from its first frame to its last, without the silences that are known.
fn talk(connection: &Connection) -> Vec<(u64, u64)> {
    let mut stretches = vec![(connection.first.frame, connection.last().frame)];
    for (before, after) in silences(connection) {
        let within = |(from, upto): &(u64, u64)| *from <= before && after <= *upto;
        if let Some(at) = stretches.iter().position(within) {
            let (from, upto) = stretches[at];
            stretches.splice(at..=at, [(from, before), (after, upto)]);
        }
    }
    stretches
}

/// The last frame before each silence that is known, and the first behind it. A RST ends no silence, so that one of several
/// may lie within: then none is known but that before a lone one.
fn silences(connection: &Connection) -> Vec<(u64, u64)> {
    let resets = || Side::BOTH.into_iter().filter_map(|side| connection.rst(side));
    let mut all = Vec::new();
    match resets().map(|rst| u32::from(rst.sent)).sum() {
        0_u32 => {}
        1 => {
            let spoke = connection.halves.iter().map(|half| half.last.frame).max();
            let reset = resets().map(|rst| rst.seen.frame).max();
            all.extend(spoke.zip(reset).filter(|(spoke, reset)| spoke < reset));
            if all.is_empty() {
                return all;
            }
        }
        _ => return all,
    }
    let Some(silences) = connection.silences() else { return all };
    const CLOCKS: [Clock; Clock::COUNT] =
        [Clock::Any, Clock::Payload, Clock::FromLo, Clock::FromHi, Clock::AfterFin];
    let survived = CLOCKS.into_iter().filter_map(|clock| silences.survived(clock));
    all.extend(survived.map(|witness| (witness.from_frame, witness.to_frame)));
    all.extend(silences.broken().map(|(silence, _)| (silence.from_frame, silence.resumed.frame)));
    all
}
