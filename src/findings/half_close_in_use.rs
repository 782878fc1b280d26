//! `half-close-in-use`: one side finished sending on purpose and the other goes on, which TCP allows.

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::wire::{Side, Span};

pub(super) struct HalfCloseInUse;

impl Rule for HalfCloseInUse {
    fn name(&self) -> &'static str {
        "half-close-in-use"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let using = Side::BOTH.into_iter().find(|&side| {
            connection.fin(side.peer()).is_some_and(|fin| fin.acked.is_some())
                && (connection.payload_after_peer_fin(side) > 0 || case.holds_half_closed(side))
                && connection.fin(side).is_none_or(|fin| fin.closes_second)
        });
        let Some(side) = using else {
            return Answer::No("no side sent payload after it had acknowledged its peer's FIN");
        };
        if case.ended_by_rst() {
            return Answer::No("a RST ended it");
        }
        let held = connection.fin(side).zip(connection.fin(side.peer()).and_then(|fin| fin.acked));
        if held.is_some_and(|(fin, acked)| fin.seen.at - acked.at < case.grace.prompt) {
            return Answer::No("it sent what it still had and closed at once");
        }
        let half = &connection.halves[side.index()];
        let taken = connection.halves[side.peer().index()].ack;
        if connection.fin(side).is_none() && !case.holds_half_closed(side) {
            let idle = (case.capture.last.at - half.last_payload_at).max(Span::ZERO);
            let grace = case.grace.of(case, side);
            if idle >= grace {
                return Answer::No("its last payload is older than the grace time: forgotten");
            }
        }
        if taken.before(half.data_end) && half.repeats >= 3 {
            return Answer::No("the peer no longer takes it");
        }
        let Some(acked) = connection.fin(side.peer()).and_then(|fin| fin.acked) else {
            return Answer::No("the FIN was not acknowledged");
        };
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        finding.since = Some(acked);
        let sent = match connection.payload_after_peer_fin(side) {
            0 => "nothing sent since; configured as a service that may".to_owned(),
            octets => format!("{} sent since, and taken", words::count(octets, "octet")),
        };
        Answer::found(
            finding
                .shows(acked, format!("ACK of the {} for its peer's FIN", case.role(side)))
                .shows(half.last, sent),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let sends = (group.members.iter()).any(|(case, finding)| {
            finding.side.is_some_and(|side| case.connection.payload_after_peer_fin(side) > 0)
        });
        Words {
            headline: format!(
                "{} {} after its peer's FIN on {}",
                group.place,
                if sends { "goes on sending" } else { "stays open" },
                words::of_its(group)
            ),
            says: if sends {
                "Its peer finished sending (shutdown) and takes what still comes: a half-close, as RFC 9293 \u{a7}3.6 \
                 allows. Not a fault."
                    .into()
            } else {
                "The configuration names it as a service that holds connections half closed: not counted as owing \
                 its FIN."
                    .into()
            },
            advice: vec![
                "Boxes on the path often run a shorter timer after one FIN; see explain half-closed-timeout."
                    .into(),
            ],
            next: Vec::new(),
        }
    }
}
