//! `translated-twice`: connections that passed the capture on both sides of a box that translates addresses. Each is there
//! twice, under two pairs of names, and so is whatever is found of it.

use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::analysis::Outcome;
use crate::findings::words::connections;
use crate::findings::{Certainty, Severity, Words};
use crate::wire::{SeqNum, Span};

pub(super) struct TranslatedTwice;

/// A box passes a SYN on within this.
const PASSED_ON: Span = Span::millis(100);

/// Places in the outcome of the same connection before and after its addresses were translated.
///
/// Both initial sequence numbers agree, 64 bits that no stack repeats so soon, and so does what both sides sent. Three
/// alike are from a program that makes segments with fixed numbers. A box that rewrites numbers, too, is not known.
pub(super) fn copies(outcome: &Outcome) -> Vec<[usize; 2]> {
    let mut alike: Vec<([(u32, u64); 2], usize)> = Vec::new();
    for (member, judged) in outcome.connections.iter().enumerate() {
        let connection = &judged.connection;
        let sides = [judged.roles.client, judged.roles.server()];
        let [Some(client), Some(server)] = sides.map(|side| connection.isn(side)) else { continue };
        // Text counts from each connection's own beginning.
        if [client, server] == [SeqNum(0); 2] {
            continue;
        }
        let [sent, answered] = sides.map(|side| connection.halves[side.index()].payload);
        alike.push(([(client.0, sent), (server.0, answered)], member));
    }
    alike.sort_unstable();
    let pair = |alike: &[(_, usize)]| {
        let &[(_, one), (_, other)] = alike else { return None };
        let pair = [one, other];
        let [one, other] = pair.map(|member| &outcome.connections[member].connection);
        let apart = other.first.at.max(one.first.at) - other.first.at.min(one.first.at);
        (one.key != other.key && apart <= PASSED_ON).then_some(pair)
    };
    let mut copies: Vec<_> = alike.chunk_by(|one, other| one.0 == other.0).filter_map(pair).collect();
    copies.sort_unstable();
    copies
}

impl Pattern for TranslatedTwice {
    fn name(&self) -> &'static str {
        "translated-twice"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let Some(&[one, other]) = scene.copies.first() else { return Vec::new() };
        let n = scene.copies.len();
        let name = |member: usize| {
            let (client, service) = scene.path(member);
            format!("{client} - {service}")
        };
        let first = scene.judged(other).connection.first;
        vec![PatternFinding {
            fact: Certainty::Certain,
            members: scene.copies.iter().flatten().copied().collect(),
            of: scene.outcome.connections.len() as u64,
            words: Words {
                headline: format!("{} passed here twice, under other addresses", connections(n)),
                says: format!(
                    "Both initial sequence numbers agree: {} is {} behind a box that translates addresses. What is found of \
                     them is told twice, and counted twice where an address stayed: half as many sockets are meant.",
                    name(other),
                    name(one),
                ),
                advice: vec![
                    "Count on one side only: --host with an address of that side, or a capture of one interface \
                     (tcpdump -i eth1)."
                        .into(),
                ],
                next: Vec::new(),
            },
            evidence: vec![
                (one, scene.judged(one).connection.first, "first segment".into()),
                (other, first, "the same, translated".into()),
            ],
            ..PatternFinding::at(self.name(), Severity::Note, "capture", "the capture".into())
        }]
    }
}
