//! Counts over all connections, and services in the order in which they matter.

use super::Builder;
use crate::analysis::{Judged, Longest};
use crate::findings::{Histogram, ServiceFacts};
use crate::report::{Length, Service, Slowest, Totals};
use crate::wire::Endpoint;

/// Findings that say that a silence was not survived.
pub(super) const SILENCE_FAILED: [&str; 3] = ["keepalive-gave-up", "dead-after-idle", "reset-after-idle"];

impl Builder<'_> {
    pub(super) fn totals(&self) -> Totals {
        let totals = &self.outcome.totals;
        let timed = !self.outcome.capture.is_timeless();
        let named = |name: &str| {
            let named =
                |judged: &&Judged| judged.verdict.primary().is_some_and(|finding| finding.name == name);
            self.outcome.connections.iter().filter(named).count() as u64
        };
        let slowest = |longest: Option<Longest>| {
            longest.filter(|_| timed).map(|longest| Slowest {
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
            unplaced: self.outcome.frames.unplaced,
        }
    }

    pub(super) fn services(&self) -> Vec<Service> {
        let owes = self.owed();
        let owes = |endpoint: &Endpoint| owes.get(endpoint).copied().unwrap_or(0);
        let mut services: Vec<_> = self.outcome.services.iter().collect();
        let order = |(a, of_a): &(&Endpoint, &ServiceFacts), (b, of_b): &(&Endpoint, &ServiceFacts)| {
            let by_size = (owes(b), of_b.connections).cmp(&(owes(a), of_a.connections));
            by_size.then_with(|| a.cmp(b))
        };
        // A scan may have made millions of them: only those that are listed are put into words and order.
        if services.len() > Service::LISTED {
            services.select_nth_unstable_by(Service::LISTED, order);
            services.truncate(Service::LISTED);
        }
        services.sort_unstable_by(order);
        let timed = !self.outcome.capture.is_timeless();
        let percentile =
            |times: &Histogram, percent| times.percentile(percent).filter(|_| timed).map(Length::from);
        let service = |(endpoint, facts): (&Endpoint, &ServiceFacts)| Service {
            endpoint: endpoint.to_string(),
            assumed: self.outcome.assumed_services.contains(endpoint),
            connections: facts.connections,
            closed_by_both: facts.closed_by_both,
            reset: facts.reset,
            owes_fin: owes(endpoint),
            close_p50: percentile(&facts.closes, 50),
            close_p99: percentile(&facts.closes, 99),
            answer_p99: percentile(&facts.answers, 99),
        };
        services.into_iter().map(service).collect()
    }
}

impl Service {
    /// How many services a report lists.
    pub const LISTED: usize = 1_000;
}
