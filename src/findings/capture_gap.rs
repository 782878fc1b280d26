//! `capture-gap`: octets were acknowledged that never passed here: the capture lacks segments.

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::wire::Side;

pub(super) struct CaptureGap;

impl Rule for CaptureGap {
    fn name(&self) -> &'static str {
        "capture-gap"
    }

    fn scope(&self) -> Scope {
        Scope::Capture
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let missing =
            Side::BOTH.into_iter().find(|side| case.connection.tallies[side.index()].acked_unseen > 0);
        let Some(side) = missing.filter(|_| case.both_directions()) else {
            return Answer::No("everything acknowledged was captured");
        };
        let finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        let half = &case.connection.halves[side.peer().index()];
        Answer::found(
            finding
                .shows(half.last, format!("octets of the {} acknowledged but not captured", case.role(side))),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        Words {
            headline: format!("the capture lacks segments of {}", words::connections(group.members.len())),
            says: "The peer acknowledged octets that never passed here (Wireshark: ACKed unseen segment): the capture \
                   program dropped packets, or part of the traffic takes another way. Verdicts on these connections are \
                   weaker."
                .into(),
            advice: vec!["Capture again with a larger buffer (tcpdump -B) and a snap length of 128.".into()],
            next: Vec::new(),
        }
    }
}
