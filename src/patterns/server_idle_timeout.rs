//! `server-idle-timeout`: a service closes idle connections itself, after always the same silence. Often mistaken for a
//! firewall's timer; but an orderly FIN came first.

use super::idle_close::IdleCloses;
use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::findings::words;
use crate::findings::{Cause, Certainty, Lasted, Severity, Words};
use crate::wire::Endpoint;

pub(super) struct ServerIdleTimeout;

impl Pattern for ServerIdleTimeout {
    fn name(&self) -> &'static str {
        "server-idle-timeout"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut services: Vec<_> = scene.idle_closes.iter().collect();
        services.sort_unstable_by_key(|(service, _)| **service);
        services.into_iter().map(|(service, closes)| self.finding(scene, service, closes)).collect()
    }
}

impl ServerIdleTimeout {
    fn finding(&self, scene: &Scene<'_>, service: &Endpoint, closes: &IdleCloses) -> PatternFinding {
        let (member, fin, span) = closes.closes[0];
        let limit = closes.limit;
        PatternFinding {
            cause: Some(Cause {
                what: "the program",
                certainty: Certainty::Likely,
                because: vec![format!("{} of silence before its FIN each time", limit.range())],
            }),
            assumed: scene.judged(member).roles.assumed,
            members: closes.closes.iter().map(|&(member, ..)| member).collect(),
            of: scene.outcome.services.get(service).map_or(0, |facts| facts.connections),
            words: Words {
                headline: format!("{service} closes connections that are idle for {}", limit.median),
                says: format!(
                    "It sent its FIN first on {}, each time after {} of silence (first: {}): a setting of the service, not \
                     a firewall.",
                    words::connections(closes.closes.len()),
                    limit.range(),
                    scene.frame(member, fin.frame),
                ),
                advice: vec![format!(
                    "Let clients and their pools give up idle connections a little earlier than {}; then nobody sends \
                     into a closing connection. Keep-alive does not help: the service counts requests.",
                    limit.low
                )],
                next: Vec::new(),
            },
            since: Some(fin.at),
            lasted: Some(Lasted { span: limit.median, at_least: false }),
            evidence: vec![(member, fin, format!("FIN of the server after {span} of silence"))],
            ..PatternFinding::at(self.name(), Severity::Note, "service", service.to_string())
        }
    }
}
