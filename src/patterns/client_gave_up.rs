//! `client-gave-up`: clients ask, wait, and close after always the same time. The limit is in their program; that the
//! answer did not come is the other side's matter.

use std::collections::BTreeMap;

use super::constancy::Constant;
use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::analysis::Judged;
use crate::findings::words;
use crate::findings::{Cause, Certainty, Lasted, Severity, Words};
use crate::wire::{Endpoint, Span, Stamp};

pub(super) struct ClientGaveUp;

impl Pattern for ClientGaveUp {
    fn name(&self) -> &'static str {
        "client-gave-up"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut services: BTreeMap<Endpoint, Vec<(usize, Stamp, Span)>> = BTreeMap::new();
        for (member, judged) in scene.outcome.connections.iter().enumerate() {
            if let Some((closed, waited)) = gave_up(judged) {
                let (_, service) = scene.path(member);
                services.entry(service).or_default().push((member, closed, waited));
            }
        }
        let constant = |(service, waits): (Endpoint, Vec<(usize, Stamp, Span)>)| {
            let limit = Constant::of(waits.iter().map(|&(_, _, waited)| waited))?;
            Some(self.finding(scene, service, limit, &waits))
        };
        services.into_iter().filter_map(constant).collect()
    }
}

impl ClientGaveUp {
    fn finding(
        &self,
        scene: &Scene<'_>,
        service: Endpoint,
        limit: Constant,
        waits: &[(usize, Stamp, Span)],
    ) -> PatternFinding {
        let (member, closed, waited) = waits[0];
        PatternFinding {
            cause: Some(Cause {
                what: "the program",
                certainty: Certainty::Likely,
                because: vec![format!("the clients waited {} each time: a limit of theirs", limit.range())],
            }),
            assumed: scene.judged(member).roles.assumed,
            members: waits.iter().map(|&(member, ..)| member).collect(),
            of: scene.outcome.services.get(&service).map_or(0, |facts| facts.connections),
            words: Words {
                headline: format!(
                    "clients of {service} gave up after {} on {}",
                    limit.median,
                    words::connections(waits.len())
                ),
                says: format!(
                    "They asked, got no answer, and closed after {} each time (first: {}): a limit of the clients. That \
                     the answer took longer is the service's matter.",
                    limit.range(),
                    scene.frame(member, closed.frame),
                ),
                advice: vec![
                    "A longer limit at the client only makes it wait longer; find out what the service waits for.".into(),
                ],
                next: vec![(
                    service.addr().to_string(),
                    "Linux",
                    format!("ss -tanp '( sport = :{} )'; then the stacks of its threads", service.port()),
                )],
            },
            since: Some(closed.at),
            lasted: Some(Lasted { span: limit.median, at_least: false }),
            evidence: vec![(member, closed, format!("the client closes, {waited} after its request"))],
            ..PatternFinding::at(self.name(), Severity::Warning, "service", service.to_string())
        }
    }
}

/// When the client ended it without the answer it had asked for, and how long after its last word.
fn gave_up(judged: &Judged) -> Option<(Stamp, Span)> {
    let (connection, client) = (&judged.connection, judged.roles.client);
    let half = &connection.halves[client.index()];
    let peer = &connection.halves[client.peer().index()];
    let closed = match connection.fin(client) {
        // The service's answer was owed when the client sent its FIN, and it had not sent its own.
        Some(fin) => (fin.answer_owed && !fin.closes_second && !fin.with_data).then_some(fin.seen)?,
        None if connection.ended_by_rst(client) && connection.fin(client.peer()).is_none() => {
            half.spoke_last(peer).then_some(connection.rst(client)?.seen)?
        }
        None => return None,
    };
    // A client that has said all it has to say and closes has not waited.
    let waited = closed.at - half.last_payload_at;
    (waited >= Span::secs(1)).then_some((closed, waited))
}
