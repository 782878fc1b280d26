//! `one-direction`: only one side was captured, so nothing is said about the other.

use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::wire::{Side, TcpFlags};

pub(super) struct OneDirection;

impl Rule for OneDirection {
    fn name(&self) -> &'static str {
        "one-direction"
    }

    fn scope(&self) -> Scope {
        Scope::Capture
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let (halves, key) = (&case.connection.halves, &case.connection.key);
        if key.lo == key.hi {
            return Answer::No("a socket is connected to itself");
        }
        let Some(heard) = Side::BOTH.into_iter().find(|side| halves[side.index()].spoke()) else {
            return Answer::No("nothing was captured but errors about it");
        };
        let silent = heard.peer();
        if case.both_directions() {
            return Answer::No("both directions were captured");
        }
        let half = &halves[heard.index()];
        // An acknowledgment of more than the SYN proves that the other side spoke; a lone SYN may be without an answer.
        if !half.flags.any(TcpFlags::ACK) || half.segments < 2 {
            return Answer::No("one side alone spoke, and too little to prove that the other did");
        }
        let finding = Finding::new(self.name(), Some(silent), Weight::Fixed(Severity::Note));
        Answer::found(finding.shows(half.last, "acknowledges what was never captured"))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        Words {
            headline: format!("one direction only on {}", super::words::connections(group.members.len())),
            says: "One side's segments never passed the capture point, though the other acknowledges them: asymmetric \
                   routing, or a mirror port of one direction. No verdict on the missing side."
                .into(),
            advice: vec!["Capture on the host itself, or mirror both directions.".into()],
            next: Vec::new(),
        }
    }
}
