//! `peer-forgot`: one end no longer knows the connection and says so by RST.

use super::dead_after_idle::is_long;
use super::words;
use super::{Answer, Case, Finding, Group, Lasted, Rule, Scope, Sender, Severity, Weight, Words};
use crate::tcp::Outcome;

pub(super) struct PeerForgot;

impl Rule for PeerForgot {
    fn name(&self) -> &'static str {
        "peer-forgot"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some((silence, Outcome::Reset)) =
            case.connection.silences().and_then(|silences| silences.broken())
        else {
            return Answer::No("no RST answered the first segment after a silence");
        };
        let peer = silence.by.peer();
        let Some(rst) = case.reset_after(&silence) else {
            return Answer::No("it had been reset before");
        };
        if silence.after_fin || !is_long(case, &silence) {
            return Answer::No("the silence is too short, or began after a FIN");
        }
        let Some(origin) = case.reset_origin(peer).filter(|origin| origin.sender != Sender::Box) else {
            return Answer::No("another machine than its side sent the RST");
        };
        let mut finding = Finding::new(self.name(), Some(peer), Weight::Fixed(Severity::Warning));
        finding.since = Some(rst.seen);
        finding.lasted = Some(Lasted { span: silence.span(), at_least: false });
        finding.cause = Some(origin.cause());
        Answer::found(
            finding
                .shows(
                    silence.resumed,
                    format!("the {} speaks after {}", case.role(silence.by), silence.span()),
                )
                .shows(rst.seen, format!("RST bearing the {}'s address", case.role(peer))),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let shortest =
            group.members.iter().filter_map(|(_, finding)| finding.lasted).map(|lasted| lasted.span).min();
        Words {
            headline: format!("{} no longer knew {}", group.place, words::of_its(group)),
            says: format!(
                "After {} of silence or more the next segment was answered by a RST bearing its address ({}): it rebooted, \
                 dropped the connection on its own, or a box before it forgot.",
                shortest.unwrap_or_default(),
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}
