//! `syn-refused`: a SYN answered by RST.

use super::words;
use super::{Answer, Case, Finding, Group, Origin, Rule, Scope, Sender, Severity, Weight, Words};
use crate::tcp::Ending;

pub(super) struct SynRefused;

impl Rule for SynRefused {
    fn name(&self) -> &'static str {
        "syn-refused"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        if case.closure.ending != Ending::Refused {
            return Answer::No("no SYN was answered by RST");
        }
        let server = case.roles.server();
        let finding = Finding::new(self.name(), Some(server), Weight::Fixed(Severity::Note));
        let mut finding = finding.shows(case.connection.first, "SYN");
        let origin = case.reset_origin(server).filter(|origin| origin.sender == Sender::Box);
        finding.cause = origin.as_ref().map(Origin::cause);
        match case.connection.rst(server) {
            Some(rst) => Answer::found(finding.shows(rst.seen, "RST")),
            None => Answer::found(finding),
        }
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, _) = group.members[0];
        let by_box = group.members.iter().all(|(_, finding)| finding.cause.is_some());
        Words {
            headline: format!("connections refused on {}", group.place),
            says: format!(
                "{} answered by RST at once ({}): {}.",
                words::count(group.members.len() as u64, "SYN"),
                words::frame(case, case.connection.first),
                if by_box { "a filter rejects" } else { "nobody listens on that port, or a filter rejects" },
            ),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}
