//! `keepalive-gave-up`: keep-alive probes found nobody, and their sender ended the connection.

use super::words::{self, SocketQuery};
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::tcp::Outcome;
use crate::wire::Stamp;

pub(super) struct KeepaliveGaveUp;

impl KeepaliveGaveUp {
    /// One probe alone may be lost.
    const PROBES: u16 = 2;
}

impl Rule for KeepaliveGaveUp {
    fn name(&self) -> &'static str {
        "keepalive-gave-up"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let broken = case.connection.silences().and_then(|silences| silences.broken());
        let Some((silence, Outcome::Pending { attempts, heard: false, .. })) = broken else {
            return Answer::No("whoever spoke after a silence was answered");
        };
        if !silence.probe {
            return Answer::No("the silence was ended by data, not by a keep-alive probe");
        }
        let side = silence.by;
        let Some(rst) = case.connection.rst(side).filter(|rst| rst.seen.frame > silence.resumed.frame) else {
            return Answer::No("the sender of the probes has not given up");
        };
        if case.connection.rst(side.peer()).is_some_and(|answer| answer.seen.frame > silence.resumed.frame) {
            return Answer::No("a RST answered the probes");
        }
        if attempts < KeepaliveGaveUp::PROBES {
            return Answer::undecided(
                side,
                format!("it sent {attempts} keep-alive probe(s) and then a RST: too few to tell"),
            );
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Warning));
        finding.since = Some(silence.resumed);
        finding.lasted = Some(Lasted { span: silence.span(), at_least: false });
        let elsewhere = case.hosts[side.peer().index()].last.at > silence.resumed.at;
        finding.cause = Some(match elsewhere {
            true => Cause {
                what: "the path",
                certainty: Certainty::Likely,
                because: vec!["the other host was heard on other connections later".into()],
            },
            false => Cause {
                what: "the host",
                certainty: Certainty::Possible,
                because: vec![
                    "the other host was not heard elsewhere either: it, or the way to it, may be gone".into(),
                ],
            },
        });
        let before = Stamp { frame: silence.from_frame, at: silence.resumed.at - silence.span() };
        let role = case.role(side);
        Answer::found(
            finding
                .shows(before, "last segment before the silence")
                .shows(
                    silence.resumed,
                    format!("keep-alive probe of the {role}, {attempts} in all, no answer"),
                )
                .shows(rst.seen, format!("RST of the {role}: it gave up")),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.client);
        let shortest =
            group.members.iter().filter_map(|(_, finding)| finding.lasted).map(|lasted| lasted.span).min();
        Words {
            headline: format!(
                "keep-alive found nobody and gave up {} on {}",
                words::connections(group.members.len()),
                group.place
            ),
            says: format!(
                "After {} of silence the {}'s keep-alive probes drew no answer, and it reset the connection ({}): the path \
                 had forgotten it, or the other host is gone.",
                shortest.unwrap_or_default(),
                case.role(side),
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![
                "If the other host lives, the first probe came too late: let it come at half the box's timer or sooner. \
                 More probes do not help."
                    .into(),
            ],
            next: words::list_sockets(case, side.peer(), SocketQuery::All),
        }
    }
}
