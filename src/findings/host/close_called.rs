//! `close-called`: the log shows that the program closed, and no FIN of it passed: look at the path.

use super::super::words::{self, SocketQuery};
use super::super::{
    Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words,
};
use super::Traced;
use crate::trace::Quote;
use crate::wire::{Side, Span, Timestamp};

pub(crate) struct CloseCalled;

impl CloseCalled {
    /// A FIN leaves with its close; the clocks are matched less well than that.
    const AT_LEAST: Span = Span::secs(1);
}

/// The program of `side` closed well before the capture ended, and neither FIN nor RST of it passed. Nothing is concluded
/// where the log's clock is not known, or the socket by the order of the accepts alone.
pub(super) fn of<'a>(case: &Case<'a>, side: Side) -> Option<(Traced<'a>, &'a Quote, Timestamp)> {
    let traced = case.traced(side).filter(|traced| !traced.by_order)?;
    let life = traced.life;
    let quote = match &life.ended {
        crate::trace::Ended::Closed(quote) | crate::trace::Ended::Exec(quote) => quote,
        _ => life.shutdown.as_ref()?,
    };
    let at = traced.time(quote)?;
    let silent = case.unclosed(side) && case.made();
    let early = at + CloseCalled::AT_LEAST <= case.capture.last.at && at >= case.connection.first.at;
    (silent && early && case.both_directions()).then_some((traced, quote, at))
}

impl Rule for CloseCalled {
    fn name(&self) -> &'static str {
        "close-called"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some((side, (traced, quote, at))) =
            Side::BOTH.into_iter().find_map(|side| Some((side, of(case, side)?)))
        else {
            return Answer::No("no log shows a close whose FIN did not pass");
        };
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Warning));
        finding.since = Some(case.connection.last());
        finding.lasted = Some(Lasted { span: case.capture.last.at - at, at_least: true });
        finding.fact = Certainty::Likely;
        let blocked = case.connection.zero_window(side.peer()).is_some_and(|zero| zero.since.is_some());
        let (what, why) = match blocked {
            true => ("the reader", "its peer's window is closed: the FIN waits behind data"),
            false => ("the path", "no FIN of it passed here: lost on the way, or the capture missed it"),
        };
        finding.cause = Some(Cause {
            what,
            certainty: Certainty::Likely,
            because: vec![format!("line {} of {}", quote.line, traced.file()), why.to_owned()],
        });
        finding.proof.push(traced.proof(quote));
        Answer::found(finding.shows(case.connection.last(), "last segment of the connection"))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let (span, _) = words::longest(group).unwrap_or_default();
        Words {
            headline: format!("the program at {} did close {}", group.place, words::of_its(group)),
            says: format!(
                "The log shows the close, {span} before the end of the capture, and no FIN of it passed here. It is not the \
                 program that owes the FIN."
            ),
            advice: vec!["Another holder of the same socket (dup, a child after fork) keeps it open; else look at the path: \
                          capture on the host itself."
                .into()],
            next: words::list_sockets(case, side, SocketQuery::All),
        }
    }
}
