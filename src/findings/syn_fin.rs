//! `syn-fin`: SYN and FIN in one segment.

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};

pub(super) struct SynFin;

impl Rule for SynFin {
    fn name(&self) -> &'static str {
        "syn-fin"
    }

    fn scope(&self) -> Scope {
        Scope::Client
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        if !case.connection.syn_fin() {
            return Answer::No("no segment carried SYN and FIN together");
        }
        let side = case.roles.client;
        let finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        Answer::found(finding.shows(case.connection.first, "SYN and FIN in one segment"))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, _) = group.members[0];
        Words {
            headline: format!("{} sends SYN and FIN in one segment", group.place),
            says: format!(
                "Seen on {} ({}). No sound stack does that; scanners do. Sockets of some SunOS 4 derivatives hung in \
                 CLOSE_WAIT on it (Solbourne patch P95043001, 1995); Linux drops it.",
                words::connections(group.members.len()),
                words::frame(case, case.connection.first),
            ),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}
