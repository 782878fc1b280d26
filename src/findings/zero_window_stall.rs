//! `zero-window-stall`: a reader's window stays closed.

use super::words::{self, SocketQuery};
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::wire::{Side, Span};

pub(super) struct ZeroWindowStall;

impl ZeroWindowStall {
    const AT_LEAST: Span = Span::secs(1);
}

impl Rule for ZeroWindowStall {
    fn name(&self) -> &'static str {
        "zero-window-stall"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let closed =
            Side::BOTH.into_iter().find_map(|side| Some((side, connection.zero_window(side)?.since?)));
        let Some((side, since)) = closed else {
            return Answer::No("no window was closed at the end");
        };
        if case.ended_by_rst() || connection.closed_by_both() {
            return Answer::No("it ended");
        }
        let span = case.until_end(since);
        if span < ZeroWindowStall::AT_LEAST {
            return Answer::undecided(
                side,
                format!("its window closed {span} before the end of the capture"),
            );
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Warning));
        finding.since = Some(since);
        finding.lasted = Some(Lasted { span, at_least: true });
        finding.cause = Some(Cause {
            what: "the reader",
            certainty: Certainty::Likely,
            because: vec![
                "its host acknowledges and keeps the window closed: the program does not read".into(),
            ],
        });
        let writer = side.peer();
        if connection.fin(writer).is_none() && connection.fin(side).is_some_and(|fin| fin.acked.is_some()) {
            finding.against.push(format!(
                "the {} owes its FIN too: it waits behind the data, if its program has closed at all",
                case.role(writer)
            ));
        }
        let probes = words::count(connection.tallies[writer.index()].window_probes.into(), "window probe");
        let finding = finding
            .shows(since, format!("window of the {} closed", case.role(side)))
            .shows(connection.halves[writer.index()].last, format!("{probes} since"));
        Answer::found(finding)
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let (span, at_least) = words::longest(group).unwrap_or_default();
        Words {
            headline: format!("{} does not read on {}", group.place, words::of_its(group)),
            says: format!(
                "Its receive window has been closed for {} ({}): its buffer is full. A FIN of its peer may wait behind the \
                 data and is then not on the wire at all.",
                words::lasted(span, at_least),
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![
                "The program that should read is stopped, blocked, or waits elsewhere; Recv-Q there is large.".into(),
                format!(
                    "What decides about the {}'s FIN, on its host: FIN-WAIT-1 or LAST-ACK with a Send-Q, its program has \
                     closed and the FIN waits; ESTABLISHED or CLOSE-WAIT, it has not closed.",
                    case.role(side.peer())
                ),
            ],
            next: [words::list_sockets(case, side, SocketQuery::All), words::list_sockets(case, side.peer(), SocketQuery::All)]
                .concat(),
        }
    }
}
