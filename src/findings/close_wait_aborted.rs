//! `close-wait-aborted`: a side ended its CLOSE-WAIT by a RST of its own.

use super::words;
use super::{
    Answer, Case, Cause, Certainty, Finding, Group, Lasted, Origin, Rule, Scope, Sender, Weight, Words,
};
use crate::wire::Side;

pub(super) struct CloseWaitAborted;

impl Rule for CloseWaitAborted {
    fn name(&self) -> &'static str {
        "close-wait-aborted"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let found = Side::BOTH.into_iter().find_map(|side| {
            let rst = case.connection.rst(side).filter(|_| case.connection.ended_by_rst(side))?;
            let acked = case.connection.fin(side.peer())?.acked?;
            (case.connection.fin(side).is_none() && acked.frame < rst.seen.frame)
                .then_some((side, rst, acked))
        });
        let Some((side, rst, acked)) = found else {
            return Answer::No("no side in CLOSE-WAIT sent a RST");
        };
        let mut finding =
            Finding::new(self.name(), Some(side), Weight::Owed { listening: side == case.roles.server() });
        finding.since = Some(acked);
        finding.lasted = Some(Lasted { span: rst.seen.at - acked.at, at_least: false });
        let because = match rst.unread {
            true => {
                "data of its peer were unread: closing then sends RST instead of FIN (RFC 9293 \u{a7}3.6.1)"
            }
            false => "it was killed, restarted, or closes with SO_LINGER 0",
        };
        let role = case.role(side);
        let origin = case.reset_origin(side);
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
            Some(_) => format!("RST bearing the {role}'s address, from another machine"),
            None => format!("RST of the {role} instead of a FIN"),
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
        Words {
            headline: format!("{} ended CLOSE-WAIT by RST on {}", group.place, words::of_its(group)),
            says: format!(
                "It acked its peer's FIN, stayed in CLOSE-WAIT for up to {span}, and sent a RST instead of its FIN ({}).",
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec!["A RST here means that the program was killed or closed with unread data or SO_LINGER 0; why it \
                          had not closed before is the question."
                .into()],
            next: Vec::new(),
        }
    }
}
