//! `aborted`: a connection in use that one side ended by RST.

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::tcp::Ending;

pub(super) struct Aborted;

impl Rule for Aborted {
    fn name(&self) -> &'static str {
        "aborted"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Ending::Reset(side) = case.closure.ending else {
            return Answer::No("no RST ended it");
        };
        let Some(rst) = case.connection.rst(side) else {
            return Answer::No("no RST ended it");
        };
        let finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        let unread = if rst.unread { ", with data of its peer unread" } else { "" };
        Answer::found(
            finding.shows(rst.seen, format!("RST bearing the {}'s address{unread}", case.role(side))),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        Words {
            headline: format!("{} ended {} by RST", group.place, words::of_its(group)),
            says: format!(
                "A RST bearing its address ended it while in use ({}).",
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}
