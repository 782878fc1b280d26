//! `client-gave-up`: clients of one service leave unanswered after nearly the same time: a limit of their program.

use super::no_answer::waited_in_vain;
use super::words;
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::wire::Span;

pub(super) struct ClientGaveUp;

impl ClientGaveUp {
    /// Shorter waits are no limit that anybody sets.
    const WAIT: Span = Span::secs(1);
    /// So many equal waits are no chance.
    const ALIKE: u64 = 3;
}

impl Rule for ClientGaveUp {
    fn name(&self) -> &'static str {
        "client-gave-up"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some((asked, left)) = waited_in_vain(case.connection, case.roles) else {
            return Answer::No("no client left before it had any answer");
        };
        let waited = left.at - asked;
        if waited < ClientGaveUp::WAIT {
            return Answer::No("the client left at once");
        }
        let alike = case.service.gave_up.alike(waited);
        if alike < ClientGaveUp::ALIKE {
            return Answer::No("too few clients left after the same time");
        }
        let mut finding = Finding::new(self.name(), Some(case.roles.client), Weight::Fixed(Severity::Note));
        finding.since = Some(left);
        finding.lasted = Some(Lasted { span: waited, at_least: false });
        finding.cause = Some(Cause {
            what: "the program",
            certainty: Certainty::Likely,
            because: vec![format!(
                "{} connections to this service were left after about {waited}",
                words::thousands(alike)
            )],
        });
        Answer::found(
            finding
                .shows(case.connection.first, "the connection begins")
                .shows(left, format!("the client leaves {waited} after its request, nothing was answered")),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let span = finding.lasted.map_or(Span::ZERO, |lasted| lasted.span);
        Words {
            headline: format!("clients give up after about {span} on {}", group.place),
            says: format!(
                "{} left unanswered after nearly the same time ({}): a limit in the client's program, not the network. Why \
                 the answer takes longer is the server's matter.",
                words::connections(group.members.len()),
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![format!(
                "Look for a connect, read or request time limit of {span} in the client's settings."
            )],
            next: words::list_sockets(case, case.roles.server(), words::SocketQuery::CloseWait),
        }
    }
}
