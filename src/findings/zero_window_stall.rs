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
        let probes = connection.tallies[side.peer().index()].window_probes;
        let finding = finding
            .shows(since, format!("window of the {} closed", case.role(side)))
            .shows(connection.halves[side.peer().index()].last, format!("{probes} window probes since"));
        Answer::found(finding)
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let (span, at_least) = words::longest(group).unwrap_or_default();
        Words {
            headline: format!("{} does not read on {}", group.place, words::of_its(group)),
            says: format!(
                "Its receive window is closed since {} ({}). A FIN of its peer may be waiting behind the data and is then \
                 not on the wire at all.",
                words::lasted(span, at_least),
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec!["The program that should read is stopped, blocked or waits elsewhere.".into()],
            next: words::list_sockets(case, side, SocketQuery::All),
        }
    }
}
