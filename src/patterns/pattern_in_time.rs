//! `pattern-in-time`: failures come at a fixed distance of time, or each at the same age of its connection. With the
//! odds that chance would have made them so.

use std::collections::BTreeMap;

use super::constancy::{Constant, play};
use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::findings::words::{self, once_in, thousands};
use crate::findings::{Certainty, Severity, Words};
use crate::wire::{Endpoint, Span, Stamp, Timestamp};

pub(super) struct PatternInTime;

/// What counts as a failure here, and whether its age says something that its silence does not.
const FAILURES: [(&str, bool); 9] = [
    ("aborted", true),
    ("peer-forgot", true),
    ("close-wait-aborted", true),
    ("no-answer", true),
    ("missing-fin", false),
    ("missing-data-fin", false),
    ("dead-after-idle", false),
    ("reset-after-idle", false),
    ("syn-unanswered", false),
];
/// Shorter periods and ages are the work itself.
const SHORTEST: Span = Span::secs(10);
/// By chance at most once in so many.
const ODDS: f64 = 1e-3;

/// One failure: connection, when, and how old the connection was, if its start was seen.
type Event = (usize, Stamp, Option<Span>);

impl Pattern for PatternInTime {
    fn name(&self) -> &'static str {
        "pattern-in-time"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut failures: BTreeMap<(Endpoint, usize), Vec<Event>> = BTreeMap::new();
        for (member, judged) in scene.outcome.connections.iter().enumerate() {
            let Some(finding) = judged.verdict.primary() else { continue };
            let kind = FAILURES.iter().position(|(name, _)| *name == finding.name);
            let since = finding.since.or(finding.evidence.first().map(|(stamp, _)| *stamp));
            let (Some(kind), Some(since)) = (kind, since) else { continue };
            let connection = &judged.connection;
            let age = (!connection.midstream()).then(|| since.at - connection.first.at);
            let (_, service) = scene.path(member);
            failures.entry((service, kind)).or_default().push((member, since, age));
        }
        let mut findings = Vec::new();
        for ((service, kind), mut events) in failures {
            events.sort_unstable_by_key(|(_, since, _)| (since.at, since.frame));
            let (name, aged) = FAILURES[kind];
            let age = aged.then(|| fixed_age(&events)).flatten();
            if let Some((age, chance)) = age {
                findings.push(self.age(scene, service, name, &events, age, chance));
            } else if let Some((period, instants, chance)) = fixed_period(&events) {
                findings.push(self.period(scene, service, name, &events, (period, instants), chance));
            }
        }
        findings
    }
}

impl PatternInTime {
    fn age(
        &self,
        scene: &Scene<'_>,
        service: Endpoint,
        name: &str,
        events: &[Event],
        age: Constant,
        chance: f64,
    ) -> PatternFinding {
        let words = Words {
            headline: format!("{name} at {service} comes at a fixed age of {}", age.median),
            says: format!(
                "{} failed at an age of {} (first: {}). {}: a limit on the life of connections, of a program or a box.",
                words::connections(events.len()),
                age.range(),
                scene.frame(events[0].0, events[0].1.frame),
                odds(chance),
            ),
            advice: vec![
                "Look for a setting of that number: maximum lifetime, session limit, ticket or lease.".into(),
            ],
            next: Vec::new(),
        };
        self.finding(service, events, words)
    }

    fn period(
        &self,
        scene: &Scene<'_>,
        service: Endpoint,
        name: &str,
        events: &[Event],
        (period, instants): (Constant, usize),
        chance: f64,
    ) -> PatternFinding {
        let words = Words {
            headline: format!("{name} at {service} comes every {}", period.median),
            says: format!(
                "{} failed at {} moments, {} apart (first: {}, {}). {}: something that runs on a schedule.",
                words::connections(events.len()),
                thousands(instants as u64),
                period.range(),
                scene.time(events[0].1.at),
                scene.frame(events[0].0, events[0].1.frame),
                odds(chance),
            ),
            advice: vec![
                "Compare with cron, log rotation, backups, lease renewals, health checks and table sweeps of that period."
                    .into(),
            ],
            next: Vec::new(),
        };
        self.finding(service, events, words)
    }

    fn finding(&self, service: Endpoint, events: &[Event], words: Words) -> PatternFinding {
        let shown = events.iter().take(5);
        PatternFinding {
            fact: Certainty::Likely,
            members: events.iter().map(|(member, ..)| *member).collect(),
            words,
            against: vec!["work that itself comes at fixed times makes failures at fixed times".into()],
            since: events.first().map(|(_, since, _)| since.at),
            evidence: shown
                .enumerate()
                .map(|(n, (member, since, _))| (*member, *since, format!("failure {}", n + 1)))
                .collect(),
            ..PatternFinding::at(self.name(), Severity::Note, "service", service.to_string())
        }
    }
}

fn odds(chance: f64) -> String {
    format!("By chance {}", once_in(chance))
}

/// Each at the same age, though they did not begin together.
fn fixed_age(events: &[Event]) -> Option<(Constant, f64)> {
    let ages: Vec<Span> = events.iter().filter_map(|(_, _, age)| *age).collect();
    if ages.len() < 4 || ages.len() < events.len() {
        return None;
    }
    let age = Constant::of(ages.iter().copied()).filter(|age| age.median >= SHORTEST)?;
    let began = || events.iter().filter_map(|(_, since, age)| Some(since.at - (*age)?));
    let apart = began().max()? - began().min()?;
    let chance = narrow(age.spread(), age.median, ages.len() - 1);
    (apart >= age.spread().max(play(age.median)).times(5) && chance <= ODDS).then_some((age, chance))
}

/// At the same distance of time, five times or more.
fn fixed_period(events: &[Event]) -> Option<(Constant, usize, f64)> {
    let mut instants: Vec<Timestamp> = Vec::new();
    for (_, since, _) in events {
        if instants.last().is_none_or(|last| since.at - *last >= Span::secs(1)) {
            instants.push(since.at);
        }
    }
    let gaps: Vec<Span> = instants.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if gaps.len() < 4 {
        return None;
    }
    let period = Constant::of(gaps.iter().copied()).filter(|period| period.median >= SHORTEST)?;
    let chance = narrow(period.spread(), period.median, gaps.len() - 1);
    (chance <= ODDS).then_some((period, instants.len(), chance))
}

/// How likely lengths drawn at random around their median lie so close to it: each in a band of that width, or of what
/// passes for the same length at least.
fn narrow(spread: Span, median: Span, others: usize) -> f64 {
    let width = spread.max(Span(play(median).0 / 4)).0 as f64 / median.0.max(1) as f64;
    width.min(1.0).powi(i32::try_from(others).unwrap_or(i32::MAX))
}
