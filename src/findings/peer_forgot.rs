//! `peer-forgot`: one end no longer knows the connection and says so by RST.

use super::dead_after_idle::is_long;
use super::reset_after_idle::own_hop_limit;
use super::words;
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
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
        let Some(rst) = case.connection.rst(peer) else {
            return Answer::No("no RST answered the first segment after a silence");
        };
        if silence.after_fin || !is_long(case, &silence) || !own_hop_limit(case, peer, rst) {
            return Answer::No("the silence is too short, began after a FIN, or the RST came from elsewhere");
        }
        let mut finding = Finding::new(self.name(), Some(peer), Weight::Fixed(Severity::Warning));
        finding.since = Some(rst.seen);
        finding.lasted = Some(Lasted { span: silence.span(), at_least: false });
        finding.cause = Some(Cause {
            what: "the host",
            certainty: Certainty::Possible,
            because: vec![format!(
                "the RST came with the hop limit {} of its own segments; a box next to it would look the same",
                rst.hop_limit
            )],
        });
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
        Words {
            headline: format!("{} no longer knew {}", group.place, words::of_its(group)),
            says: format!(
                "After a silence it answered the next segment by RST ({}): it rebooted, or dropped the connection on its \
                 own.",
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}
