//! Everything that a comparison rests on: the judged captures, the matched connections, and their segments.

use std::collections::{HashMap, HashSet};

use super::journey::Stop;
use super::matching::{How, Member, Shared, by_facts};
use super::path::{Path, Relations};
use super::sketch::{self, Kind, Sketch};
use super::stretch::Stretch;
use super::trace::{Anchors, Numbering, Pass, Trace, passes};
use super::watch::Watch;
use super::{CompareError, Comparison, End, Story, Vantage, View};
use crate::analysis::{Judged, Options, Outcome};
use crate::detail;
use crate::tcp::Connection;
use crate::wire::Endpoint;

/// So many segments are kept of a connection at one place.
const OF_ONE: usize = 4_096;
/// So many of one that no other place is known to show.
const OF_UNMATCHED: usize = 64;
/// So many segments are kept in all.
const OF_ALL: u64 = 1 << 21;

/// Refuses a file that is given twice.
pub(super) fn refuse_repetitions(vantages: &[Vantage]) -> Result<(), CompareError> {
    let mut seen = HashSet::new();
    for path in vantages.iter().flat_map(|vantage| &vantage.captures) {
        let name = path.display().to_string();
        if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) && path.exists() || name == "-" {
            return Err(CompareError::Pipe(name));
        }
        if let Ok(place) = std::fs::canonicalize(path)
            && !seen.insert(place)
        {
            return Err(CompareError::Same(name.clone(), name));
        }
    }
    Ok(())
}

/// The matched connections of all places, with their segments.
pub(super) struct Material {
    names: Vec<String>,
    pub(super) outcomes: Vec<Outcome>,
    groups: Vec<Shared>,
    /// By group and place; none where a group is not followed.
    traces: Traces,
    /// Services that two places show, as each of them does: (place, service) to the other places.
    services: HashMap<(usize, Endpoint), Vec<usize>>,
}

impl Material {
    pub(super) fn new(
        vantages: &[Vantage],
        outcomes: Vec<Outcome>,
        options: &Options,
    ) -> Result<Material, CompareError> {
        let all: Vec<&Outcome> = outcomes.iter().collect();
        let groups = by_facts(&all);
        let mut traces = followed(&outcomes, &groups);
        look_again(&outcomes, &groups, &mut traces, options, |_, _| true)?;
        let mut material = Material {
            names: vantages.iter().map(|vantage| vantage.name.clone()).collect(),
            outcomes,
            groups,
            traces,
            services: HashMap::new(),
        };
        material.confirm();
        for kind in [Kind::Sequence, Kind::Stamps] {
            material.join_leftovers(kind);
        }
        // Of what was not known to be shared, only the edges were kept.
        let cut = |shared: &Shared, traces: &[Option<Trace>]| {
            shared.is_shared() && traces.iter().flatten().any(|trace| trace.is_cut_to(OF_UNMATCHED))
        };
        look_again(&material.outcomes, &material.groups, &mut material.traces, options, cut)?;
        let outcomes: Vec<&Outcome> = material.outcomes.iter().collect();
        material.groups.iter_mut().for_each(|shared| shared.settle_roles(&outcomes));
        if !material.groups.iter().any(Shared::is_shared) {
            return Err(CompareError::NothingShared(material.what_there_is()));
        }
        material.note_services();
        Ok(material)
    }

    /// All connections, with their segments where they are followed.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&Shared, Option<&Vec<Option<Trace>>>)> {
        self.groups.iter().zip(self.traces.iter().map(Option::as_ref))
    }

    pub(super) fn judged(&self, shared: &Shared, at: usize) -> Option<&Judged> {
        Some(&self.outcomes[at].connections[shared.members[at]?.which])
    }

    /// The first place that shows it, with its verdict there.
    pub(super) fn first(&self, shared: &Shared) -> (usize, &Judged) {
        let first = shared.seen_at().find_map(|at| Some((at, self.judged(shared, at)?)));
        first.expect("a connection was seen somewhere")
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.names[at]
    }

    /// The segments of a followed connection at each place, in common numbers.
    pub(super) fn passes(&self, shared: &Shared, traces: &[Option<Trace>]) -> Vec<Vec<Pass>> {
        let mut anchors = Anchors::default();
        let there = || shared.members.iter().zip(traces);
        for (member, trace) in there() {
            if let (Some(member), Some(trace)) = (member, trace) {
                anchors.note(trace, &member.numbering);
            }
        }
        there()
            .map(|(member, trace)| match (member, trace) {
                (Some(member), Some(trace)) => passes(trace, &member.numbering, &anchors),
                _ => Vec::new(),
            })
            .collect()
    }

    /// The places of a journey.
    pub(super) fn stops<'a>(
        &self,
        from: End,
        order: &[usize],
        passes: &'a [Vec<Pass>],
        traces: &[Option<Trace>],
        watches: &'a [Watch],
    ) -> Vec<Stop<'a>> {
        let stop = |&at: &usize| Stop {
            at,
            all: &passes[at],
            passes: passes[at].iter().filter(|pass| pass.from == from).collect(),
            watch: &watches[at],
            gap: traces[at].as_ref().and_then(Trace::gap),
        };
        let places = order.iter().map(stop);
        if from == End::Client { places.collect() } else { places.rev().collect() }
    }

    /// Places that show nothing of a connection though they show others of the same service, and though the server is
    /// silent wherever the connection is seen: what the client sent may have died on the way to them.
    pub(super) fn missed_by(&self, shared: &Shared) -> Vec<usize> {
        let server_spoke = |at: usize| {
            let judged = self.judged(shared, at);
            judged.is_some_and(|judged| judged.connection.halves[judged.roles.server().index()].spoke())
        };
        if shared.seen_at().any(server_spoke) {
            return Vec::new();
        }
        let (at, judged) = self.first(shared);
        let service = judged.connection.key.endpoint(judged.roles.server());
        let others = self.services.get(&(at, service)).cloned().unwrap_or_default();
        others.into_iter().filter(|other| shared.members[*other].is_none()).collect()
    }

    pub(super) fn finish(
        self,
        path: Path,
        relations: &Relations,
        stories: Vec<Story>,
        stretches: Vec<Stretch>,
        not_followed: u64,
    ) -> Comparison {
        let places = self.outcomes.len();
        let mut alone = vec![0; places];
        for shared in self.groups.iter().filter(|shared| !shared.is_shared()) {
            shared.seen_at().for_each(|at| alone[at] += 1);
        }
        let views = self.names.into_iter().zip(self.outcomes).enumerate();
        let views = views.map(|(at, (name, outcome))| {
            let clock = if at == 0 { None } else { relations.between(0, at) };
            View { name, outcome, clock }
        });
        Comparison { views: views.collect(), path, stories, alone, stretches, not_followed }
    }

    /// Takes guesses apart whose segments have nothing in common.
    fn confirm(&mut self) {
        let mut taken_apart = Vec::new();
        for (shared, traces) in self.groups.iter_mut().zip(&mut self.traces) {
            if !shared.how.is_some_and(How::is_guess) {
                continue;
            }
            let Some(traces) = traces else { continue };
            let Some(first) = shared.seen_at().next() else { continue };
            for at in shared.seen_at().skip(1).collect::<Vec<_>>() {
                let (Some(known), Some(trace)) = (&traces[first], &traces[at]) else { continue };
                let (Some(base), Some(member)) = (shared.members[first], shared.members[at]) else {
                    continue;
                };
                let kind = if shared.how == Some(How::Addresses) { Kind::Sequence } else { Kind::Stamps };
                let joined = Sketch::of(kind, known).joins(&base.numbering, &Sketch::of(kind, trace));
                match joined {
                    Some(numbering) => {
                        let numbering = Numbering { client: member.numbering.client, ..numbering };
                        shared.members[at] = Some(Member { numbering, ..member });
                    }
                    // Nobody sent payload: the numbers that agree have to do.
                    None if kind == Kind::Sequence && is_quiet(known) && is_quiet(trace) => {}
                    // Without timestamps, what was sent has to be as long.
                    None if kind == Kind::Stamps && sent_alike((known, &base), (trace, &member)) => {}
                    None => {
                        let mut members = vec![None; shared.members.len()];
                        members[at] = shared.members[at].take();
                        let mut own = vec![None; traces.len()];
                        own[at] = traces[at].take();
                        taken_apart.push((Shared { members, how: None }, Some(own)));
                    }
                }
            }
            if !shared.is_shared() {
                shared.how = None;
            }
        }
        for (shared, traces) in taken_apart {
            self.groups.push(shared);
            self.traces.push(traces);
        }
    }

    /// Joins what facts could not, by fingerprints of segments.
    fn join_leftovers(&mut self, kind: Kind) {
        for at in 1..self.outcomes.len() {
            let alone = |shared: &Shared| !shared.is_shared() && shared.members[at].is_some();
            let free = |shared: &Shared| shared.members[at].is_none();
            let which = |filter: &dyn Fn(&Shared) -> bool| -> Vec<usize> {
                (0..self.groups.len())
                    .filter(|&group| self.traces[group].is_some() && filter(&self.groups[group]))
                    .collect()
            };
            let (new, known) = (which(&alone), which(&free));
            if new.is_empty() || known.is_empty() {
                continue;
            }
            let sketch = |group: &usize| {
                let traces = self.traces[*group].as_ref();
                let trace = traces.and_then(|traces| traces.iter().flatten().next());
                trace.map_or_else(Sketch::empty, |trace| Sketch::of(kind, trace))
            };
            let news: Vec<Sketch> = new.iter().map(sketch).collect();
            let knowns: Vec<Sketch> = known.iter().map(sketch).collect();
            for (a, b) in sketch::pairs(&knowns, &news) {
                let (group, single) = (known[a], new[b]);
                let Some(base) = self.groups[group].members.iter().flatten().next().copied() else {
                    continue;
                };
                let Some(numbering) = knowns[a].joins(&base.numbering, &news[b]) else { continue };
                let Some(member) = self.groups[single].members[at].take() else { continue };
                let trace = self.traces[single].as_mut().and_then(|traces| traces[at].take());
                self.groups[group].link(at, Member { numbering, ..member }, kind.how());
                if let Some(traces) = &mut self.traces[group] {
                    traces[at] = trace;
                }
            }
            let gone: Vec<bool> =
                self.groups.iter().map(|shared| shared.seen_at().next().is_none()).collect();
            let mut gone_group = gone.iter();
            self.groups.retain(|_| gone_group.next() == Some(&false));
            let mut gone_trace = gone.iter();
            self.traces.retain(|_| gone_trace.next() == Some(&false));
        }
    }

    fn note_services(&mut self) {
        for shared in self.groups.iter().filter(|shared| shared.is_shared()) {
            for at in shared.seen_at() {
                let Some(judged) = self.judged(shared, at) else { continue };
                let service = judged.connection.key.endpoint(judged.roles.server());
                let others = self.services.entry((at, service)).or_default();
                others.extend(shared.seen_at().filter(|other| *other != at));
                others.sort_unstable();
                others.dedup();
            }
        }
    }

    /// What each place shows, for those who compare the wrong files.
    fn what_there_is(&self) -> String {
        let mut text = "no connection of one is in another:".to_owned();
        for (name, outcome) in self.names.iter().zip(&self.outcomes) {
            let capture = &outcome.capture;
            let ends = outcome.connections.first().map(|judged| {
                let key = &judged.connection.key;
                format!(
                    ", such as {} - {}",
                    key.endpoint(judged.roles.client),
                    key.endpoint(judged.roles.server())
                )
            });
            text += &format!(
                "\n  {name}: {} connections from {} to {}{}",
                outcome.totals.connections,
                capture.first.at,
                capture.last.at,
                ends.unwrap_or_default()
            );
        }
        text + "\nConnections are known by addresses and ports, by initial sequence numbers, by the timestamps option; a \
                proxy makes new ones, which cannot be matched."
    }
}

/// Whether most payload ends at the same octets, counted from the initial numbers.
fn sent_alike(a: (&Trace, &Member), b: (&Trace, &Member)) -> bool {
    let mut anchors = Anchors::default();
    anchors.note(a.0, &a.1.numbering);
    let ends = |(trace, member): (&Trace, &Member)| -> HashSet<(End, i64)> {
        let passes = passes(trace, &member.numbering, &anchors).into_iter();
        passes.filter(|pass| pass.len > 0).map(|pass| (pass.from, pass.end)).collect()
    };
    let (stamped, ends_a, ends_b) = (a.0.segments().any(|s| s.has_timestamps), ends(a), ends(b));
    let common = ends_a.intersection(&ends_b).count();
    !stamped && common >= 2 && common * 4 >= ends_a.len().min(ends_b.len()) * 3
}

/// Whether it holds too little to be known by.
fn is_quiet(trace: &Trace) -> bool {
    trace.segments().filter(|s| s.len > 1).nth(1).is_none()
}

/// Traces by group and place; none where a group is not followed.
type Traces = Vec<Option<Vec<Option<Trace>>>>;

/// Which groups are followed: those with findings first, as many as there is room for.
fn followed(outcomes: &[Outcome], groups: &[Shared]) -> Traces {
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
fn look_again(
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
        let connection = |(_, member): &(usize, Member)| &outcome.connections[member.which].connection;
        let connections: Vec<&Connection> = wanted.iter().map(connection).collect();
        let mut kept: Vec<Trace> =
            wanted.iter().map(|(group, _)| Trace::new(room(&groups[*group]))).collect();
        if !wanted.is_empty() {
            detail::read_again(&outcome.inputs, options, &connections, &mut |hit| {
                kept[hit.which].take(hit, connections[hit.which]);
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
