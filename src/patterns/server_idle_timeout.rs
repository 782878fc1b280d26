//! `server-idle-timeout`: a service closes idle connections itself, after always the same silence. Often mistaken for a
//! firewall's timer; but an orderly FIN came first.

use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::findings::words;
use crate::findings::{Cause, Certainty, Lasted, Severity, Words};

pub(super) struct ServerIdleTimeout;

impl Pattern for ServerIdleTimeout {
    fn name(&self) -> &'static str {
        "server-idle-timeout"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut services: Vec<_> = scene.idle_closes.iter().collect();
        services.sort_unstable_by_key(|(service, _)| **service);
        services
            .into_iter()
            .map(|(service, closes)| {
                let (member, fin, span) = closes.closes[0];
                let (low, high) = closes.spread;
                let of = scene.outcome.services.get(service).map_or(0, |facts| facts.connections);
                PatternFinding {
                    name: self.name(),
                    severity: Severity::Note,
                    fact: Certainty::Likely,
                    cause: Some(Cause {
                        what: "the program",
                        certainty: Certainty::Likely,
                        because: vec![format!("{} of silence before its FIN each time", range(low, high))],
                    }),
                    role: "service",
                    place: service.to_string(),
                    assumed: scene.judged(member).roles.assumed,
                    members: closes.closes.iter().map(|&(member, ..)| member).collect(),
                    of,
                    words: Words {
                        headline: format!("{service} closes connections that are idle for {}", closes.limit),
                        says: format!(
                            "It sent its FIN first on {}, each time after {} of silence (first: {}): a setting of the \
                             service, not a firewall.",
                            words::connections(closes.closes.len()),
                            range(low, high),
                            scene.frame(member, fin.frame),
                        ),
                        advice: vec![format!(
                            "Let clients and their pools give up idle connections a little earlier than {low}; then \
                             nobody sends into a closing connection. Keep-alive does not help: the service counts requests."
                        )],
                        next: Vec::new(),
                    },
                    against: Vec::new(),
                    since: Some(fin.at),
                    lasted: Some(Lasted { span: closes.limit, at_least: false }),
                    evidence: vec![(member, fin, format!("FIN of the server after {span} of silence"))],
                    data: None,
                }
            })
            .collect()
    }
}

fn range(low: crate::wire::Span, high: crate::wire::Span) -> String {
    let (low, high) = (low.to_string(), high.to_string());
    if low == high { low } else { format!("{low} to {high}") }
}
