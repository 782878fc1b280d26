//! Counts over all connections, and services in the order in which they matter.

use std::collections::{BTreeMap, HashSet};

use super::Builder;
use crate::analysis::{Judged, Longest};
use crate::report::{Finding, Length, Service, Slowest, Totals};

/// Findings that say that a silence was not survived.
pub(super) const SILENCE_FAILED: [&str; 3] = ["keepalive-gave-up", "dead-after-idle", "reset-after-idle"];

impl Builder<'_> {
    pub(super) fn totals(&self) -> Totals {
        let totals = &self.outcome.totals;
        let named = |name: &str| {
            let named =
                |judged: &&Judged| judged.verdict.primary().is_some_and(|finding| finding.name == name);
            self.outcome.connections.iter().filter(named).count() as u64
        };
        let slowest = |longest: Option<Longest>| {
            longest.map(|longest| Slowest {
                length: longest.span.into(),
                connection: format!("{:08x}", longest.id),
                stream: self.stream(longest.stream),
            })
        };
        Totals {
            connections: totals.connections,
            closed_by_both: totals.closed_by_both,
            open: totals.open,
            reset: totals.reset,
            half_closed: totals.half_closed,
            unanswered: totals.unanswered,
            refused: totals.refused,
            midstream: totals.midstream,
            probes: named("probe"),
            slowest_close: slowest(totals.slowest_close),
            longest_silence_survived: slowest(totals.longest_silence),
            silences_failed: SILENCE_FAILED.into_iter().map(named).sum(),
            retransmissions: totals.retransmissions,
            given_up: self.outcome.frames.given_up,
        }
    }

    pub(super) fn services(&self, findings: &[Finding]) -> Vec<Service> {
        let owes: BTreeMap<&str, u64> = findings
            .iter()
            .filter(|finding| finding.name == "missing-fin")
            .map(|finding| (finding.at.name.as_str(), finding.count))
            .collect();
        let assumed: HashSet<_> = self.outcome.assumed_services.iter().collect();
        let mut services: Vec<_> = self
            .outcome
            .services
            .iter()
            .map(|(endpoint, facts)| {
                let name = endpoint.to_string();
                Service {
                    owes_fin: owes.get(name.as_str()).copied().unwrap_or(0),
                    endpoint: name,
                    assumed: assumed.contains(endpoint),
                    connections: facts.connections,
                    closed_by_both: facts.closed_by_both,
                    reset: facts.reset,
                    close_p50: facts.closes.percentile(50).map(Length::from),
                    close_p99: facts.closes.percentile(99).map(Length::from),
                    answer_p99: facts.answers.percentile(99).map(Length::from),
                }
            })
            .collect();
        services.sort_by(|a, b| {
            (b.owes_fin, b.connections).cmp(&(a.owes_fin, a.connections)).then(a.endpoint.cmp(&b.endpoint))
        });
        services.truncate(Service::LISTED);
        services
    }
}

impl Service {
    /// How many services a report lists.
    pub const LISTED: usize = 1_000;
}
