//! `no-wake-up`: a thread waits for input on this connection, the FIN has been acknowledged, and the call did not return.

use super::super::words;
use super::super::{
    Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words,
};
use super::Traced;
use crate::trace::Armed;
use crate::wire::{Side, Span};

pub(crate) struct NoWakeUp;

impl NoWakeUp {
    /// A wake-up takes microseconds; tracers and clocks are slower.
    const AT_LEAST: Span = Span::secs(2);
}

/// The thread that waits for this socket when the log ends.
fn waiting<'a>(traced: &Traced<'a>) -> Option<&'a Armed> {
    let same = |life: &crate::trace::Life| life == traced.life;
    traced.facts.armed.iter().find(|armed| armed.on.iter().any(|(_, life)| same(life)))
}

impl Rule for NoWakeUp {
    fn name(&self) -> &'static str {
        "no-wake-up"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let found = Side::BOTH.into_iter().find_map(|side| {
            let traced = case.traced(side).filter(|traced| traced.life.eof.is_none())?;
            let acked = case.connection.fin(side.peer())?.acked?;
            let armed = waiting(&traced)?;
            case.unclosed(side).then_some((side, traced, acked, armed))
        });
        let Some((side, traced, acked, armed)) = found else {
            return Answer::No("no log ends with a thread that waits on this connection after its FIN");
        };
        let Some(end) = traced.end() else {
            return Answer::undecided(
                side,
                "a thread waits for it when the log ends, but the log's clock cannot be compared",
            );
        };
        let waited = end - acked.at;
        if waited < NoWakeUp::AT_LEAST {
            return Answer::No("the log ends too soon after the FIN");
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Warning));
        finding.since = Some(acked);
        finding.lasted = Some(Lasted { span: waited, at_least: true });
        finding.fact = Certainty::Possible;
        finding.cause = Some(Cause {
            what: "the host",
            certainty: Certainty::Possible,
            because: vec![format!("line {} of {}", armed.call.line, traced.file())],
        });
        finding
            .against
            .push("edge-triggered events, or another thread woken in its place, look the same".into());
        finding.against.extend(traced.by_order.then(|| super::BY_ORDER.to_owned()));
        finding.proof.push(traced.proof(&armed.call));
        Answer::found(finding.shows(acked, "the host acknowledged the FIN"))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let (span, _) = words::longest(group).unwrap_or_default();
        Words {
            headline: format!("a thread at {} waits for input and is not woken, on {}", group.place, words::of_its(group)),
            says: format!(
                "The FIN was acknowledged ({}), the call that waits for input on this descriptor had not returned {span} later.",
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec!["Rule out the program first: edge-triggered events (EPOLLET, EV_CLEAR), a descriptor that is not in \
                          the set, one thread waiting and another reading. An operating-system bug of this kind is rare."
                .into()],
            next: Vec::new(),
        }
    }
}
