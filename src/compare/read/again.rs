//! The second look: which connections are followed segment by segment, and their segments at each place, in bounded memory.

use crate::analysis::{Judged, Options, Outcome};
use crate::compare::CompareError;
use crate::compare::matching::{Member, Shared};
use crate::compare::trace::Trace;
use crate::detail;
use crate::tcp::Connection;

/// So many segments are kept of a connection at one place.
const OF_ONE: usize = 4_096;
/// So many of one that no other place is known to show.
pub(super) const OF_UNMATCHED: usize = 64;
/// So many segments are kept in all.
const OF_ALL: u64 = 1 << 21;

/// Traces by group and place; none where a group is not followed.
pub(super) type Traces = Vec<Option<Vec<Option<Trace>>>>;

/// Which groups are followed: those with findings first, as many as there is room for.
pub(super) fn followed(outcomes: &[Outcome], groups: &[Shared]) -> Traces {
    let judged = |shared: &Shared| -> Vec<&Judged> {
        let there = shared.members.iter().zip(outcomes);
        there.filter_map(|(member, outcome)| Some(&outcome.connections[(*member)?.which])).collect()
    };
    let weight = |shared: &Shared| -> u64 {
        let segments = |judged: &Judged| {
            let halves = judged.connection.halves.iter();
            halves.map(|half| u64::from(half.segments)).sum::<u64>().min(room(shared) as u64)
        };
        judged(shared).into_iter().map(segments).sum()
    };
    let flagged = |shared: &Shared| judged(shared).into_iter().any(Judged::is_flagged);
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_cached_key(|&group| (!groups[group].is_shared(), !flagged(&groups[group])));
    let mut traces: Traces = vec![None; groups.len()];
    let mut left = OF_ALL;
    for group in order {
        let weight = weight(&groups[group]);
        if weight <= left {
            left -= weight;
            traces[group] = Some(vec![None; outcomes.len()]);
        }
    }
    traces
}

fn room(shared: &Shared) -> usize {
    if shared.is_shared() { OF_ONE } else { OF_UNMATCHED }
}

/// Reads every place again for those groups.
pub(super) fn look_again(
    outcomes: &[Outcome],
    groups: &[Shared],
    traces: &mut Traces,
    options: &Options,
    chosen: impl Fn(&Shared, &[Option<Trace>]) -> bool,
) -> Result<(), CompareError> {
    let chosen: Vec<bool> = groups
        .iter()
        .zip(traces.iter())
        .map(|(shared, traces)| traces.as_ref().is_some_and(|traces| chosen(shared, traces)))
        .collect();
    for (at, outcome) in outcomes.iter().enumerate() {
        let wanted: Vec<(usize, Member)> = (0..groups.len())
            .filter(|&group| chosen[group])
            .filter_map(|group| Some((group, groups[group].members[at]?)))
            .collect();
        let connection = |(_, member): &(usize, Member)| &*outcome.connections[member.which].connection;
        let connections: Vec<&Connection> = wanted.iter().map(connection).collect();
        let mut kept: Vec<Trace> =
            wanted.iter().map(|(group, _)| Trace::new(room(&groups[*group]))).collect();
        if !wanted.is_empty() {
            detail::read_again(&outcome.inputs, options, &connections, &mut |hit| {
                kept[hit.which].take(hit);
            })?;
        }
        for ((group, _), trace) in wanted.into_iter().zip(kept) {
            if let Some(traces) = &mut traces[group] {
                traces[at] = Some(trace);
            }
        }
    }
    Ok(())
}
