//! `capture-gap`: octets were acknowledged that never passed here, or a part of the capture could not be read: it lacks
//! segments.

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::wire::Side;

pub(super) struct CaptureGap;

pub(super) const NAME: &str = "capture-gap";

/// On a connection that lived through a hole of the capture.
pub(super) fn unreadable(case: &Case<'_>) -> Finding {
    let finding = Finding::new(NAME, None, Weight::Fixed(Severity::Note));
    finding.shows(case.connection.last(), "its last frame; a part of the capture around it could not be read")
}

impl Rule for CaptureGap {
    fn name(&self) -> &'static str {
        NAME
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
        let headline = format!("the capture lacks segments of {}", words::connections(group.members.len()));
        let (mut says, mut advice) = (Vec::new(), Vec::new());
        if group.members.iter().any(|(_, finding)| finding.side.is_some()) {
            says.push(
                "The peer acknowledged octets that never passed here (Wireshark: ACKed unseen segment): the capture \
                 program dropped packets, or part of the traffic takes another way.",
            );
            advice.push("Capture again with a larger buffer (tcpdump -B) and a snap length of 128.".into());
        }
        if group.members.iter().any(|(_, finding)| finding.side.is_none()) {
            says.push(
                "A part of the file is damaged and was passed over; these connections lived through it, and what it \
                 held of them is not known.",
            );
            advice
                .push("Copy the capture again: where the damage lies stands beside the file's name.".into());
        }
        says.push("Verdicts on these connections are weaker.");
        Words { headline, says: says.join(" "), advice, next: Vec::new() }
    }
}
