//! What segments say of matches: guesses that they do not bear out are taken apart, and what facts could not match is.

use std::collections::HashSet;

use super::Material;
use crate::compare::End;
use crate::compare::matching::{How, Member, Shared};
use crate::compare::sketch::{self, Kind, Sketch};
use crate::compare::trace::{Anchors, Numbering, Trace, passes};

impl Material {
    /// Takes guesses apart whose segments have nothing in common.
    pub(super) fn confirm(&mut self) {
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
    pub(super) fn join_leftovers(&mut self, kind: Kind) {
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
