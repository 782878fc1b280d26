//! `pool-exhausted`: a service holds connections that it does not close, and from some moment on answers nobody: its
//! workers are used up.

use std::collections::{BTreeMap, HashSet};

use super::curve::Spell;
use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::findings::words::{connections, count, thousands};
use crate::findings::{Cause, Certainty, Lasted, Severity, Words};
use crate::tcp::Connection;
use crate::wire::{Endpoint, Side, Span, Stamp, Timestamp};

pub(super) struct PoolExhausted;

/// Fewer held connections are no pool.
const FEWEST: usize = 3;
/// Requests wait at least so long, or ten times the slowest usual answer.
const WAIT: Span = Span::secs(10);

impl Pattern for PoolExhausted {
    fn name(&self) -> &'static str {
        "pool-exhausted"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut held: BTreeMap<Endpoint, Vec<&Spell>> = BTreeMap::new();
        for spell in scene.spells.iter().filter(|spell| spell.listening && scene.is_stuck(spell)) {
            held.entry(spell.owner).or_default().push(spell);
        }
        let mut members: BTreeMap<Endpoint, Vec<usize>> = BTreeMap::new();
        for member in 0..scene.outcome.connections.len() {
            let (_, service) = scene.path(member);
            if held.contains_key(&service) {
                members.entry(service).or_default().push(member);
            }
        }
        let finding = |(service, spells): (&Endpoint, &Vec<&Spell>)| {
            self.finding(scene, *service, spells, members.get(service).map_or(&[][..], Vec::as_slice))
        };
        held.iter().filter_map(finding).collect()
    }
}

impl PoolExhausted {
    fn finding(
        &self,
        scene: &Scene<'_>,
        service: Endpoint,
        spells: &[&Spell],
        members: &[usize],
    ) -> Option<PatternFinding> {
        let facts = scene.outcome.services.get(&service)?;
        let answered = facts.last_payload?;
        let usual = facts.answers.percentile(99).unwrap_or_default().times(10);
        let end = scene.end();
        // Held when the last answer was given, or ever since: what came later was never taken up.
        let held: Vec<_> = spells
            .iter()
            .filter(|spell| {
                spell.until.is_none_or(|until| until.at > answered) && served(scene, spell.member)
            })
            .collect();
        let waiting: Vec<(usize, Stamp)> = members
            .iter()
            .filter_map(|&member| Some((member, asked_in_vain(scene, member, answered)?)))
            .collect();
        let (first, asked) = *waiting.iter().min_by_key(|(_, asked)| asked.at)?;
        let waited = end - asked.at;
        if held.len() < FEWEST || waited < WAIT.max(usual) {
            return None;
        }
        let holds = connections(held.len());
        let fact = if waiting.len() >= 2 { Certainty::Likely } else { Certainty::Possible };
        let mut shown: Vec<usize> = held.iter().map(|spell| spell.member).collect();
        let known: HashSet<usize> = shown.iter().copied().collect();
        shown.extend(waiting.iter().map(|(member, _)| *member).filter(|member| !known.contains(member)));
        Some(PatternFinding {
            fact,
            cause: Some(Cause {
                what: "the program",
                certainty: Certainty::Possible,
                because: vec!["its host still acknowledges, its program does not take up new requests".into()],
            }),
            members: shown,
            of: facts.connections,
            words: Words {
                headline: format!("{service} serves nobody: {holds} held, {} waiting", thousands(waiting.len() as u64)),
                says: format!(
                    "Its last answer was at {}. Since then it holds {holds} whose clients have closed, and {} got no answer, \
                     the first for {waited} ({}). If it has {} workers, all are used up.",
                    scene.time(answered),
                    count(waiting.len() as u64, "request"),
                    scene.frame(first, asked.frame),
                    thousands(held.len() as u64),
                ),
                advice: vec![
                    "Take the stacks of all its threads now: where most of them wait is the answer. A restart cures it until \
                     the next time."
                        .into(),
                ],
                next: vec![
                    (service.addr().to_string(), "Linux", format!("ss -tlnp '( sport = :{} )'  (Recv-Q: not yet accepted)", service.port())),
                    (service.addr().to_string(), "Solaris", "pstack PID; truss -p PID".into()),
                ],
            },
            against: vec!["how many workers it has is not on the wire".into()],
            since: Some(answered),
            lasted: Some(Lasted { span: end - answered, at_least: true }),
            evidence: vec![
                (held[held.len() - 1].member, held[held.len() - 1].from, "the last connection held: CLOSE-WAIT".to_string()),
                (first, asked, "the first request without an answer".to_string()),
            ],
            ..PatternFinding::at(self.name(), Severity::Error, "service", service.to_string())
        })
    }
}

/// Whether a worker ever took this connection up.
fn served(scene: &Scene<'_>, member: usize) -> bool {
    let judged = scene.judged(member);
    judged.connection.halves[judged.roles.server().index()].has_payload()
}

/// The client's last request, if it came after the service had last answered anybody.
fn asked_in_vain(scene: &Scene<'_>, member: usize, answered: Timestamp) -> Option<Stamp> {
    let judged = scene.judged(member);
    let (connection, client) = (&judged.connection, judged.roles.client);
    let half = &connection.halves[client.index()];
    let asked = half.has_payload() && half.last_payload_at > answered && !refused(connection);
    asked.then_some(Stamp { at: half.last_payload_at, frame: connection.first.frame })
}

fn refused(connection: &Connection) -> bool {
    Side::BOTH.into_iter().any(|side| connection.ended_by_rst(side)) && !connection.established()
}
