//! `no-answer`: a request was delivered, never answered, and the client left.

use super::words::{self, SocketQuery};
use super::{
    Answer, Case, Cause, Certainty, Finding, Group, Lasted, Roles, Rule, Scope, Severity, Weight, Words,
};
use crate::tcp::Connection;
use crate::wire::{Span, Stamp, Timestamp};

pub(super) struct NoAnswer;

impl NoAnswer {
    /// Who leaves sooner did not wait.
    const WAIT: Span = Span::secs(1);
    /// So many times the service's own answers, at the 99th percentile, is longer than it ever takes.
    const TIMES: i64 = 10;
}

impl Rule for NoAnswer {
    fn name(&self) -> &'static str {
        "no-answer"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some(GaveUp { left, waited, usual }) = gave_up(case) else {
            return Answer::No(
                "no client left unanswered, or before an answer was due, or the service answers nobody",
            );
        };
        let server = case.roles.server();
        let mut finding = Finding::new(self.name(), Some(server), Weight::Fixed(Severity::Warning));
        finding.since = Some(left);
        finding.lasted = Some(Lasted { span: waited, at_least: false });
        finding.cause = Some(Cause {
            what: "the program",
            certainty: Certainty::Likely,
            because: vec![
                "its host acknowledged the whole request".into(),
                format!("its other connections are answered within {usual}"),
            ],
        });
        Answer::found(
            finding
                .shows(case.connection.first, "the connection begins")
                .shows(left, format!("the client leaves {waited} after its request, nothing was answered")),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let (span, _) = words::longest(group).unwrap_or_default();
        Words {
            headline: format!("{} never answered on {}", group.place, words::of_its(group)),
            says: format!(
                "The request arrived and was acknowledged, no octet came back, and the client left after up to {span} \
                 ({}). The wire cannot tell whether the connection was never accepted, is stuck in work, or waits for \
                 another server.",
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![
                "No process beside the socket: nobody accepts. Recv-Q as large as the request: accepted, not read. Recv-Q 0 \
                 or 1: it was read, and the program's stacks say what it waits for."
                    .into(),
            ],
            next: words::list_sockets(case, case.roles.server(), SocketQuery::All),
        }
    }
}

/// A client that left when an answer was long due.
pub(super) struct GaveUp {
    left: Stamp,
    waited: Span,
    /// The 99th percentile of the service's answers.
    usual: Span,
}

/// None where no answer was due yet, or where the service answers nobody: its protocol may have no answers.
pub(super) fn gave_up(case: &Case<'_>) -> Option<GaveUp> {
    let (asked, left) = waited_in_vain(case.connection, case.roles)?;
    let usual = case.service.answers.percentile(99)?;
    let waited = left.at - asked;
    (waited >= NoAnswer::WAIT.max(usual.times(NoAnswer::TIMES))).then_some(GaveUp { left, waited, usual })
}

/// When a client that never had an octet of answer last asked, and when it left: the request was delivered, and the
/// client was first to close.
pub fn waited_in_vain(connection: &Connection, roles: Roles) -> Option<(Timestamp, Stamp)> {
    let (client, server) = (roles.client, roles.server());
    let [asking, silent] = [client, server].map(|side| &connection.halves[side.index()]);
    let delivered = silent.has_ack() && silent.ack.at_or_after(asking.data_end);
    let seen_whole = connection.opener().is_some() && connection.tallies[server.index()].acked_unseen == 0;
    if !seen_whole || !asking.has_payload() || silent.has_payload() || !delivered {
        return None;
    }
    let fin = connection.fin(client).filter(|fin| !fin.closes_second).map(|fin| fin.seen);
    let rst = connection.rst(client).filter(|_| connection.ended_by_rst(client)).map(|rst| rst.seen);
    let left = fin.or(rst)?;
    let server_first = connection.fin(server).is_some_and(|fin| fin.seen.frame < left.frame)
        || connection.rst(server).is_some_and(|rst| rst.seen.frame < left.frame);
    let asked = asking.last_payload_at;
    (!server_first && left.at >= asked).then_some((asked, left))
}
