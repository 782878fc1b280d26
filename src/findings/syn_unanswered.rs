//! `syn-unanswered`: a SYN and no answer at all.

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::tcp::Ending;
use crate::wire::Span;

pub(super) struct SynUnanswered;

impl Rule for SynUnanswered {
    fn name(&self) -> &'static str {
        "syn-unanswered"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        if case.closure.ending != Ending::Unanswered {
            return Answer::No("the SYN was answered");
        }
        let side = case.roles.client;
        let tally = &case.connection.tallies[side.index()];
        let waited = case.until_end(case.connection.first);
        if waited < Span::secs(1) && tally.syns < 2 {
            return Answer::undecided(side, format!("its SYN was sent {}", words::before_end(waited)));
        }
        let finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        let sent = words::times(tally.syns.into());
        Answer::found(finding.shows(case.connection.first, format!("SYN, sent {sent}, no answer")))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, _) = group.members[0];
        Words {
            headline: format!("no answer to SYNs on {}", group.place),
            says: format!(
                "The SYNs of {} of the client were never answered ({}): dropped by a filter, a full listen queue, or no such \
                 host.",
                words::connections(group.members.len()),
                words::frame(case, case.connection.first),
            ),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}
