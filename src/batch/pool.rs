//! What captures say together: connections that were silent, of all of them, so that survivors of one and failures of
//! another bound the same timer.

use std::collections::HashMap;

use super::index::Timer;
use crate::analysis::Outcome;
use crate::report::{Drawing, Listed, Report, Request};

/// Findings that bound a timer.
const TIMERS: [&str; 3] = ["path-idle-timeout", "half-closed-timeout", "server-idle-timeout"];

/// What of a capture bounds timers: its silent connections, and what they are judged by.
pub struct Silent(Outcome);

impl Silent {
    /// Of a capture.
    pub fn of(mut outcome: Outcome) -> Silent {
        outcome.connections.retain(|judged| judged.connection.silences().is_some());
        Silent(outcome)
    }
}

/// The silences of all captures.
#[derive(Default)]
pub struct Pool {
    all: Option<Outcome>,
    /// In which set each connection was seen.
    sets: HashMap<String, String>,
}

impl Pool {
    /// Adds the silent connections of a set.
    pub fn add(&mut self, set: &str, Silent(mut outcome): Silent) {
        for judged in &outcome.connections {
            self.sets.insert(judged.id(), set.to_owned());
        }
        let Some(all) = &mut self.all else {
            self.all = Some(outcome);
            return;
        };
        all.connections.append(&mut outcome.connections);
        for (service, facts) in outcome.services {
            all.services.entry(service).or_insert(facts);
        }
        all.assumed_services.extend(outcome.assumed_services);
        for (host, facts) in outcome.hosts {
            all.hosts.entry(host).or_default().merge(&facts);
        }
        for (host, heard) in outcome.heard {
            all.heard.entry(host).or_default().merge(&heard);
        }
        let (own, other) = (&mut all.capture, &outcome.capture);
        if other.frames > 0 {
            if own.frames == 0 || other.first.at < own.first.at {
                own.first = other.first;
            }
            if own.frames == 0 || other.last.at > own.last.at {
                own.last = other.last;
            }
            own.frames += other.frames;
        }
        all.inputs.append(&mut outcome.inputs);
    }

    /// The timers that all of them bound together.
    pub fn timers(&self) -> Vec<Timer> {
        let Some(all) = &self.all else { return Vec::new() };
        let request = Request { command_line: Vec::new(), listed: Listed::None, limit: None };
        let report = Report::build(all, &request);
        let bounds = report.findings.into_iter().filter(|finding| TIMERS.contains(&finding.name.as_str()));
        bounds.map(|finding| self.timer(finding)).collect()
    }

    fn timer(&self, finding: crate::report::Finding) -> Timer {
        let interval = match &finding.data {
            Some(Drawing::TimerInterval(interval)) => Some(interval),
            _ => None,
        };
        let points = interval.iter().flat_map(|it| it.survived.iter().chain(&it.failed));
        let witnesses = points.map(|point| &point.connection).chain(&finding.connections);
        let mut captures: Vec<String> = witnesses.filter_map(|id| self.sets.get(id)).cloned().collect();
        captures.sort();
        captures.dedup();
        Timer {
            path: finding.at.name,
            finding: finding.name,
            certainty: finding.fact,
            above: interval.and_then(|it| it.above),
            at_most: interval.and_then(|it| it.at_most),
            survived: interval.map_or(0, |it| it.survived.len() as u64),
            failed: interval.map_or(0, |it| it.failed.len() as u64),
            headline: finding.headline,
            captures,
        }
    }
}
