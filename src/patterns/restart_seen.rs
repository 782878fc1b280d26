//! `restart-seen`: a service sends, all at once, the FINs it had owed, and is connected to anew: the restart, or the HUP,
//! that *cures* CLOSE-WAIT.

use std::collections::BTreeMap;

use super::curve::Spell;
use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::findings::words::{self, thousands};
use crate::findings::{Cause, Certainty, Severity, Words};
use crate::wire::{Endpoint, Span, Stamp};

pub(super) struct RestartSeen;

/// Fewer are no burst.
const FEWEST: usize = 3;
/// They come within this time.
const BURST: Span = Span::secs(2);

impl Pattern for RestartSeen {
    fn name(&self) -> &'static str {
        "restart-seen"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut services: BTreeMap<Endpoint, Vec<&Spell>> = BTreeMap::new();
        for spell in scene.spells.iter().filter(|spell| spell.listening && scene.is_stuck(spell)) {
            services.entry(spell.owner).or_default().push(spell);
        }
        services.into_iter().filter_map(|(service, spells)| self.finding(scene, service, &spells)).collect()
    }
}

impl RestartSeen {
    fn finding(&self, scene: &Scene<'_>, service: Endpoint, spells: &[&Spell]) -> Option<PatternFinding> {
        let burst = burst(spells)?;
        let (_, first) = *burst.first()?;
        let (_, last) = *burst.last()?;
        let facts = scene.outcome.services.get(&service)?;
        let anew = facts.last_opened.is_some_and(|opened| opened >= first.at);
        if !anew || !most_of(spells, &burst, first) {
            return None;
        }
        let n = burst.len();
        Some(PatternFinding {
            cause: Some(Cause {
                what: "the program",
                certainty: Certainty::Likely,
                because: vec!["sockets that close together were held together".into()],
            }),
            members: burst.iter().map(|(spell, _)| spell.member).collect(),
            of: facts.connections,
            words: Words {
                headline: format!(
                    "{service} was restarted at {}, or dropped what it held",
                    scene.time(first.at)
                ),
                says: format!(
                    "{} that it had owed a FIN ended within {} (first: {}), and clients connected anew: its program \
                     ended, or closed them all.",
                    words::connections(n),
                    last.at - first.at,
                    scene.frame(burst[0].0.member, first.frame),
                ),
                advice: vec![format!(
                    "The restart freed the sockets and proves that the program held them ({} before it); it did not \
                     repair the cause.",
                    thousands(n as u64)
                )],
                next: Vec::new(),
            },
            since: Some(first.at),
            evidence: vec![
                (burst[0].0.member, first, "the first of the late FINs".to_string()),
                (burst[n - 1].0.member, last, format!("number {n}")),
            ],
            ..PatternFinding::at(self.name(), Severity::Note, "service", service.to_string())
        })
    }
}

/// The largest number that the service ended within [`BURST`], though they began far apart.
fn burst<'a>(spells: &[&'a Spell]) -> Option<Vec<(&'a Spell, Stamp)>> {
    let mut ends: Vec<_> = spells
        .iter()
        .filter(|spell| spell.by_owner)
        .filter_map(|spell| Some((*spell, spell.until?)))
        .collect();
    ends.sort_unstable_by_key(|(_, until)| (until.at, until.frame));
    let mut best = 0..0;
    let mut from = 0;
    for upto in 0..ends.len() {
        while ends[upto].1.at - ends[from].1.at > BURST {
            from += 1;
        }
        if upto + 1 - from > best.len() {
            best = from..upto + 1;
        }
    }
    let burst = ends[best].to_vec();
    let began = || burst.iter().map(|(spell, _)| spell.from.at);
    let apart = began().max()? - began().min()?;
    let together = burst.last()?.1.at - burst.first()?.1.at;
    // Each a fixed time late would end as far apart as they began.
    (burst.len() >= FEWEST && apart >= together.times(5).max(Span::millis(500))).then_some(burst)
}

/// Whether hardly any of those that waited at that moment were left over.
fn most_of(spells: &[&Spell], burst: &[(&Spell, Stamp)], first: Stamp) -> bool {
    let waited = spells
        .iter()
        .filter(|spell| spell.from.at < first.at && spell.until.is_none_or(|until| until.at >= first.at));
    burst.len() * 2 > waited.count()
}
