//! `late-answer`: what a side sent after its peer's FIN met a peer that no longer knew the connection.

use super::first_close::{FirstClose, first_close};
use super::words;
use super::{
    Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Sender, Severity, Weight, Words,
};
use crate::wire::Side;

pub(super) struct LateAnswer;

impl Rule for LateAnswer {
    fn name(&self) -> &'static str {
        "late-answer"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let found = Side::BOTH.into_iter().find_map(|side| {
            let rst = connection.rst(side.peer())?;
            let fin = connection.fin(side.peer())?;
            let acked = fin.acked?;
            let both_acked = connection.closed_by_both()
                && connection.fin(side)?.acked.is_some_and(|acked| acked.frame < rst.seen.frame);
            let spoke = case.drew_reset(side.peer()).filter(|spoke| spoke.frame > acked.frame)?;
            (acked.frame < rst.seen.frame && !both_acked).then_some((side, rst, acked, spoke))
        });
        let Some((side, rst, acked, spoke)) = found else {
            return Answer::No("no peer that had sent its FIN answered by RST");
        };
        let origin = case.reset_origin(side.peer());
        if origin.as_ref().is_some_and(|origin| origin.sender == Sender::Box) {
            return Answer::No("another machine than its peer sent the RST");
        }
        if rst.seen.at - acked.at < case.grace.prompt {
            return Answer::No("what it still had to say met a peer that had just closed");
        }
        let weight = match connection.fin(side) {
            Some(_) => Weight::Fixed(Severity::Note),
            None => Weight::Owed { listening: side == case.roles.server() },
        };
        let mut finding = Finding::new(self.name(), Some(side), weight);
        finding.since = Some(acked);
        finding.lasted = Some(Lasted { span: rst.seen.at - acked.at, at_least: false });
        finding.cause = Some(Cause {
            what: "the program",
            certainty: Certainty::Likely,
            because: vec![match replaced(case, side) {
                true => "its socket was still there when its peer's port came round".into(),
                false => "its peer had closed and forgotten the connection before it spoke again".into(),
            }],
        });
        if let (Some((FirstClose::Closed, mark)), Some(cause)) =
            (first_close(case, side.peer()), &mut finding.cause)
        {
            cause.because.push(format!("it was a close(), no shutdown(): {mark}"));
        }
        if let Some(origin) = origin.filter(|origin| origin.sender == Sender::Unknown) {
            finding.against.push(origin.because);
        }
        let (own, peer) = (case.role(side), case.role(side.peer()));
        Answer::found(
            finding
                .shows(acked, format!("ACK of the {own}: it had reached CLOSE-WAIT"))
                .shows(
                    spoke,
                    match replaced(case, side) {
                        true => format!("the {own} answers a new SYN with the numbers of the old connection"),
                        false => format!("the {own} speaks again, too late"),
                    },
                )
                .shows(rst.seen, format!("RST of the {peer}: it no longer knows the connection")),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let (span, _) = words::longest(group).unwrap_or_default();
        let all_replaced =
            group.members.iter().all(|(case, finding)| finding.side.is_some_and(|side| replaced(case, side)));
        let reset = finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp));
        let (did, says) = match all_replaced {
            true => (
                "had not closed when its peers' ports came round",
                format!(
                    "Up to {span} after it acked its peer's FIN its socket was still there: it answered the SYN of a new \
                     connection with the numbers of the old one, which drew a RST ({reset}) and cleared the way."
                ),
            ),
            false => (
                "spoke too late to peers that had closed",
                format!(
                    "Up to {span} after it acked its peer's FIN it sent data, a FIN or a keep-alive and drew a RST ({reset}): a \
                     peer whose program has closed forgets the connection, on Linux after 60 s (tcp_fin_timeout)."
                ),
            ),
        };
        Words {
            headline: format!("{} {did}, on {}", group.place, words::of_its(group)),
            says,
            advice: vec![
                "The RST is a consequence, not the fault: the side that closed late is at fault.".into(),
            ],
            next: Vec::new(),
        }
    }
}

/// It had said nothing since its peer's FIN when a new connection of the same addresses and ports began.
fn replaced(case: &Case<'_>, side: Side) -> bool {
    let connection = case.connection;
    connection.replaced() && connection.fin(side).is_none() && connection.payload_after_peer_fin(side) == 0
}
