//! `service-stall`: a service answers nobody for a while, then everybody at once: it was starved, paused, or waited for
//! one thing that all requests need.

use std::collections::BTreeMap;

use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::analysis::Judged;
use crate::findings::words::{self, once_in};
use crate::findings::{Cause, Certainty, Lasted, Severity, Words};
use crate::tcp::Witness;
use crate::wire::{Endpoint, Span, Timestamp};

pub(super) struct ServiceStall;

/// Fewer are not everybody.
const FEWEST: usize = 3;
/// So many of them have to have been answered quickly before: where everybody waits all the time, that is the purpose.
const UNUSUAL: usize = 2;
/// Whoever waited that often does so by habit: long polling.
const HABIT: usize = 3;
/// They began to wait at moments so far apart at least.
const APART: Span = Span::secs(1);
/// By chance at most once in so many.
const ODDS: f64 = 0.01;

impl Pattern for ServiceStall {
    fn name(&self) -> &'static str {
        "service-stall"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut services: BTreeMap<Endpoint, Vec<(usize, Witness)>> = BTreeMap::new();
        for (member, judged) in scene.outcome.connections.iter().enumerate() {
            let (_, service) = scene.path(member);
            let Some(silences) = judged.connection.silences() else { continue };
            let waits = silences.waits(judged.roles.server());
            services.entry(service).or_default().extend(waits.iter().map(|&wait| (member, wait)));
        }
        let answers = last_answers(scene, |service| services.contains_key(service));
        let of = |service: &Endpoint| answers.get(service).map_or(&[][..], Vec::as_slice);
        let stalls = |(service, waits)| self.stalls(scene, service, waits, of(&service));
        services.into_iter().flat_map(stalls).collect()
    }
}

impl ServiceStall {
    fn stalls(
        &self,
        scene: &Scene<'_>,
        service: Endpoint,
        mut waits: Vec<(usize, Witness)>,
        answers: &[Timestamp],
    ) -> Vec<PatternFinding> {
        waits.sort_unstable_by_key(|(_, wait)| (wait.at, wait.to_frame));
        let stalls = || waits.chunk_by(|(_, a), (_, b)| b.at - a.at <= Span::secs(1));
        // The more there are to choose from, the likelier one looks like a stall by chance.
        let tries = stalls().filter(|stall| stall.len() >= FEWEST).count();
        stalls().filter_map(|stall| self.finding(scene, service, stall, (&waits, answers), tries)).collect()
    }

    fn finding(
        &self,
        scene: &Scene<'_>,
        service: Endpoint,
        stall: &[(usize, Witness)],
        (waits, answers): (&[(usize, Witness)], &[Timestamp]),
        tries: usize,
    ) -> Option<PatternFinding> {
        let mut members: Vec<_> = stall.iter().map(|&(member, _)| member).collect();
        members.sort_unstable();
        members.dedup();
        let ended = stall.iter().map(|(_, wait)| wait.at).min()?;
        let last = stall.iter().map(|(_, wait)| wait.at).max()?;
        let (member, longest) = *stall.iter().max_by_key(|(_, wait)| wait.span)?;
        let began = || stall.iter().map(|(_, wait)| wait.at - wait.span);
        let latest = began().max()?;
        let apart = latest - began().min()?;
        // Requests that began together and took equally long are just slow.
        let chance = together_by_chance(last - ended, apart, stall.len()) * tries as f64;
        if members.len() < FEWEST || apart < APART || chance > ODDS {
            return None;
        }
        let began = longest.at - longest.span;
        let connections = words::connections(members.len());
        let unusual = stall.iter().filter(|(member, wait)| is_unusual(scene.judged(*member), wait)).count();
        // Some other had a late answer, or its last one, while all of these waited.
        let late = waits.partition_point(|(_, wait)| wait.at < latest);
        let last_one = answers.partition_point(|at| *at < latest);
        let answered_meanwhile = waits.get(late).is_some_and(|(_, wait)| wait.at < ended)
            || answers.get(last_one).is_some_and(|at| *at < ended);
        if unusual < UNUSUAL || answered_meanwhile {
            return None;
        }
        Some(PatternFinding {
            cause: Some(Cause {
                what: "the host",
                certainty: Certainty::Possible,
                because: vec![
                    "it acknowledged meanwhile: kernel and path were alive, the program was not".into(),
                    format!(
                        "they began to wait {apart} apart and were answered within {}: by chance {}",
                        last - ended,
                        once_in(chance)
                    ),
                ],
            }),
            assumed: scene.judged(member).roles.assumed,
            members,
            of: scene.outcome.services.get(&service).map_or(0, |facts| facts.connections),
            words: Words {
                headline: format!("{service} answered nobody for {}", longest.span),
                says: format!(
                    "From {} on {} waited for it, some since long, some since just now, and all were answered within {} \
                     of one another ({}): not one request was slow, the service stood still.",
                    scene.time(began),
                    connections,
                    last - ended,
                    scene.frame(member, longest.to_frame),
                ),
                advice: vec![
                    "Look for what stops all threads at once: garbage collection, a snapshot, swapping, a lock, a \
                     resource that every request needs."
                        .into(),
                ],
                next: vec![(service.addr().to_string(), "Linux", "vmstat 1; pidstat -t 1; the program's own log".into())],
            },
            against: vec![
                "clients that all wait for one event on purpose (long polling) are answered together, too".into(),
            ],
            since: Some(began),
            lasted: Some(Lasted { span: longest.span, at_least: false }),
            evidence: vec![(
                member,
                crate::wire::Stamp { at: longest.at, frame: longest.to_frame },
                format!("answered after {}", longest.span),
            )],
            ..PatternFinding::at(self.name(), Severity::Warning, "service", service.to_string())
        })
    }
}

/// How likely waits that began so far apart end so close together if each ended by itself.
fn together_by_chance(ended: Span, began: Span, waits: usize) -> f64 {
    let share = ended.max(Span::millis(50)).0 as f64 / began.0.max(1) as f64;
    share.min(1.0).powi(waits.saturating_sub(1).min(64) as i32)
}

/// Its first request was answered before, and ten times sooner; and it has not waited so often that this is its habit.
fn is_unusual(judged: &Judged, wait: &Witness) -> bool {
    let connection = &judged.connection;
    let waits = connection.silences().map_or(0, |silences| silences.waits(judged.roles.server()).len());
    if waits >= HABIT {
        return false;
    }
    let [asked, answered] = [judged.roles.client, judged.roles.server()]
        .map(|side| connection.first_payload_after(side).map(|after| connection.first.at + after));
    asked.zip(answered).is_some_and(|(asked, answered)| {
        let took = answered - asked;
        took >= Span::ZERO && took.times(10) <= wait.span && answered < wait.at - wait.span
    })
}

/// When services gave the last answer on each connection, in order of time.
fn last_answers(
    scene: &Scene<'_>,
    is_asked: impl Fn(&Endpoint) -> bool,
) -> BTreeMap<Endpoint, Vec<Timestamp>> {
    let mut answers: BTreeMap<Endpoint, Vec<Timestamp>> = BTreeMap::new();
    for judged in &scene.outcome.connections {
        let server = judged.roles.server();
        let service = judged.connection.key.endpoint(server);
        let half = &judged.connection.halves[server.index()];
        if half.has_payload() && is_asked(&service) {
            answers.entry(service).or_default().push(half.last_payload_at);
        }
    }
    answers.values_mut().for_each(|all| all.sort_unstable());
    answers
}
