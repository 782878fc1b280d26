//! `reset-after-idle`: after a silence, the first segment draws a RST that most likely no host sent.

use super::dead_after_idle::is_long;
use super::words;
use super::{Answer, Case, Finding, Group, Lasted, Rule, Scope, Sender, Severity, Weight, Words};
use crate::tcp::{Outcome, Rst};
use crate::wire::{Side, Stamp};

pub(super) struct ResetAfterIdle;

impl Rule for ResetAfterIdle {
    fn name(&self) -> &'static str {
        "reset-after-idle"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some((silence, Outcome::Reset)) =
            case.connection.silences().and_then(|silences| silences.broken())
        else {
            return Answer::No("no RST answered the first segment after a silence");
        };
        if !is_long(case, &silence) {
            return Answer::No("the silence is too short");
        }
        let peer = silence.by.peer();
        let Some(rst) = case.reset_after(&silence) else {
            return Answer::No("it had been reset before");
        };
        let Some(origin) = case.reset_origin(peer).filter(|origin| origin.sender == Sender::Box) else {
            return Answer::No("nothing shows that another machine than its side sent the RST");
        };
        let mut finding = Finding::new(self.name(), Some(silence.by), Weight::Fixed(Severity::Warning));
        finding.since = Some(silence.resumed);
        finding.lasted = Some(Lasted { span: silence.span(), at_least: false });
        finding.cause = Some(origin.cause());
        let role = case.role(silence.by);
        Answer::found(
            finding
                .shows(
                    Stamp { frame: silence.from_frame, at: silence.resumed.at - silence.span() },
                    match silence.after_fin {
                        true => "last segment before the silence, one side having sent its FIN",
                        false => "last segment before the silence",
                    },
                )
                .shows(silence.resumed, format!("the {role} speaks after {}", silence.span()))
                .shows(rst.seen, format!("RST bearing the {}'s address", case.role(peer))),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let shortest =
            group.members.iter().filter_map(|(_, finding)| finding.lasted).map(|lasted| lasted.span).min();
        Words {
            headline: format!(
                "{} reset after a silence on {}",
                words::connections(group.members.len()),
                group.place
            ),
            says: format!(
                "After {} of silence or more the next segment drew a RST ({}) that the other host did not send: a box on \
                 the path had forgotten the connection.",
                shortest.unwrap_or_default(),
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![format!(
                "Keep the connection warm: SO_KEEPALIVE with an idle time well below {}.",
                shortest.unwrap_or_default()
            )],
            next: Vec::new(),
        }
    }
}

/// The RST came with a hop limit that side's own segments have: it proves nothing, but it speaks for the host itself.
pub(super) fn own_hop_limit(case: &Case<'_>, side: Side, rst: &Rst) -> bool {
    case.connection.tallies[side.index()].hop_limits.contains(rst.hop_limit)
}
