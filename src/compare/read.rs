//! Everything that a comparison rests on: the judged captures, the matched connections, and their segments.

mod again;
mod joining;

use std::collections::{HashMap, HashSet};

use super::journey::Stop;
use super::matching::{Shared, by_facts};
use super::path::{Path, Relations};
use super::sketch::Kind;
use super::stretch::Stretch;
use super::trace::{Anchors, Pass, Trace, passes};
use super::watch::Watch;
use super::{CompareError, Comparison, End, Story, Vantage, View};
use crate::analysis::{Judged, Options, Outcome};
use crate::place;
use crate::wire::Endpoint;

use again::{OF_UNMATCHED, Traces, followed, look_again};

/// Refuses a file that is given twice.
pub(super) fn refuse_repetitions(vantages: &[Vantage]) -> Result<(), CompareError> {
    let mut seen = HashSet::new();
    for path in vantages.iter().flat_map(|vantage| &vantage.captures) {
        let name = path.display().to_string();
        if !place::lasts(path) && path.exists() || name == "-" {
            return Err(CompareError::Pipe(name));
        }
        let found = if place::is_remote(path) { Ok(path.clone()) } else { std::fs::canonicalize(path) };
        if found.is_ok_and(|found| !seen.insert(found)) {
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
        let mut shown = Vec::new();
        for (name, outcome) in self.names.iter().zip(&self.outcomes) {
            let (first, last) = (outcome.capture.first.at, outcome.capture.last.at);
            let span = match outcome.totals.connections {
                0 => format!("{name} shows none"),
                some => format!("{name} shows {some}, from {first:.0} to {last:.0}"),
            };
            let such_as = outcome.connections.first().map(|judged| {
                let [client, server] = [judged.roles.client, judged.roles.server()];
                let key = &judged.connection.key;
                format!(", such as {} - {}", key.endpoint(client), key.endpoint(server))
            });
            shown.push(span + &such_as.unwrap_or_default());
        }
        format!("no connection of one is in another: {}. ", shown.join("; "))
            + "Connections are known by addresses and ports, by initial sequence numbers, by the timestamps option; a proxy makes \
               new ones, which cannot be matched."
    }
}
