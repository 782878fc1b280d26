//! `close-wait-aborted`: a RST ended a CLOSE-WAIT, of the side itself, or of a peer that waited no longer.

use super::words;
use super::{
    Answer, Case, Cause, Certainty, Finding, Group, Lasted, Origin, Rule, Scope, Sender, Weight, Words,
};
use crate::tcp::Rst;
use crate::wire::{Side, Stamp};

pub(super) struct CloseWaitAborted;

impl Rule for CloseWaitAborted {
    fn name(&self) -> &'static str {
        "close-wait-aborted"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some((side, by, rst, acked)) = ended(case) else {
            return Answer::No("no RST ended a CLOSE-WAIT");
        };
        let mut finding =
            Finding::new(self.name(), Some(side), Weight::Owed { listening: side == case.roles.server() });
        finding.since = Some(acked);
        finding.lasted = Some(Lasted { span: rst.seen.at - acked.at, at_least: false });
        let because = match (by == side, rst.unread) {
            (false, _) => "it had not closed when its peer, unprompted, ended the connection",
            (true, true) => {
                "data of its peer were unread: closing then sends RST instead of FIN (RFC 9293 \u{a7}3.6.1)"
            }
            (true, false) => "it was killed, restarted, or closes with SO_LINGER 0",
        };
        let (role, sender) = (case.role(side), case.role(by));
        let origin = case.reset_origin(by);
        let by_box = origin.as_ref().filter(|origin| origin.sender == Sender::Box).map(Origin::cause);
        finding.cause = Some(by_box.clone().unwrap_or_else(|| Cause {
            what: "the program",
            certainty: Certainty::Likely,
            because: vec![because.into()],
        }));
        if let Some(origin) = origin.filter(|origin| origin.sender == Sender::Unknown) {
            finding.against.push(origin.because);
        }
        let sent = match by_box {
            Some(_) => format!("RST bearing the {sender}'s address, from another machine"),
            None if by == side => format!("RST of the {role} instead of a FIN"),
            None => format!("RST of the {sender}, and no FIN of the {role} before"),
        };
        Answer::found(
            finding
                .shows(acked, format!("ACK of the {role}: it had reached CLOSE-WAIT"))
                .shows(rst.seen, sent),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (span, _) = words::longest(group).unwrap_or_default();
        let (case, finding) = group.members[0];
        let by_peer = |case: &Case<'_>| ended(case).is_some_and(|(side, by, ..)| side != by);
        let peers = group.members.iter().filter(|(case, _)| by_peer(case)).count();
        let frame = finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp));
        let place = &group.place;
        if peers == group.members.len() {
            return Words {
                headline: format!("{place} had not closed when its peers reset {}", words::of_its(group)),
                says: format!(
                    "It acked its peer's FIN, stayed in CLOSE-WAIT for up to {span}, and was still silent when its peer's \
                     RST ended that ({frame}).",
                ),
                advice: vec!["The RST freed the sockets and hides that they were never closed; why they were not is the \
                              question."
                    .into()],
                next: Vec::new(),
            };
        }
        let mixed = if peers > 0 {
            format!(", on {} of them its peer did", words::thousands(peers as u64))
        } else {
            String::new()
        };
        Words {
            headline: format!("{place} ended CLOSE-WAIT by RST on {}", words::of_its(group)),
            says: format!(
                "It acked its peer's FIN, stayed in CLOSE-WAIT for up to {span}, and sent a RST instead of its FIN \
                 ({frame}){mixed}.",
            ),
            advice: vec!["A RST here means that the program was killed or closed with unread data or SO_LINGER 0; why it \
                          had not closed before is the question."
                .into()],
            next: Vec::new(),
        }
    }
}

/// The side that was in CLOSE-WAIT, whose RST ended it, the RST, and since when. A RST that what the side sent had drawn
/// is another story: `late-answer`.
fn ended<'a>(case: &Case<'a>) -> Option<(Side, Side, &'a Rst, Stamp)> {
    Side::BOTH.into_iter().find_map(|side| {
        let acked = case.connection.fin(side.peer())?.acked?;
        if case.connection.fin(side).is_some() {
            return None;
        }
        [side, side.peer()].into_iter().find_map(|by| {
            let rst = case.connection.rst(by).filter(|_| case.connection.ended_by_rst(by))?;
            let late = rst.seen.at - acked.at >= case.grace.prompt;
            let unprompted = late && case.drew_reset(by).is_none_or(|drew| drew.frame <= acked.frame);
            (acked.frame < rst.seen.frame && (by == side || unprompted)).then_some((side, by, rst, acked))
        })
    })
}
