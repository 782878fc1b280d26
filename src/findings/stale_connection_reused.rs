//! `stale-connection-reused`: a client sent a new request on a connection whose server had closed, and was reset.

use super::words;
use super::{
    Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Sender, Severity, Weight, Words,
};
use crate::wire::Span;

pub(super) struct StaleConnectionReused;

impl StaleConnectionReused {
    /// What follows sooner was on its way already when the FIN arrived.
    const PAUSE: Span = Span::millis(100);
}

impl Rule for StaleConnectionReused {
    fn name(&self) -> &'static str {
        "stale-connection-reused"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let (client, server) = (case.roles.client, case.roles.server());
        let closed = connection.fin(server).and_then(|fin| Some((fin, fin.acked?)));
        let (Some((fin, acked)), Some(rst)) = (closed, connection.rst(server)) else {
            return Answer::No("the server did not close first and reset later");
        };
        if fin.closes_second || rst.seen.frame < acked.frame {
            return Answer::No("the server did not close first and reset later");
        }
        if connection.payload_after_peer_fin(client) == 0 {
            return Answer::No("the client sent no payload after it had acknowledged the server's FIN");
        }
        let half = &connection.halves[client.index()];
        let paused = half.last_payload_at - acked.at;
        if paused < StaleConnectionReused::PAUSE {
            return Answer::No("the client was still sending when the server closed");
        }
        if connection.fin(client).is_some_and(|own| own.seen.at - half.last_payload_at < case.grace.prompt) {
            return Answer::No("the client said goodbye and closed");
        }
        let mut finding = Finding::new(self.name(), Some(client), Weight::Fixed(Severity::Warning));
        finding.since = Some(acked);
        finding.lasted = Some(Lasted { span: paused, at_least: false });
        finding.cause = Some(Cause {
            what: "the program",
            certainty: Certainty::Likely,
            because: vec!["its host had acknowledged the server's FIN before it sent the request".into()],
        });
        if let Some(origin) = case.reset_origin(server).filter(|origin| origin.sender != Sender::Host) {
            finding.against.push(origin.because);
        }
        let finding = finding.shows(fin.seen, "FIN of the server").shows(acked, "ACK of the client");
        let finding = match rst.after {
            Some((stamp, _)) => finding.shows(stamp, format!("the client sends a request {paused} later")),
            None => finding,
        };
        Answer::found(finding.shows(rst.seen, "RST bearing the server's address"))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let (span, _) = words::longest(group).unwrap_or_default();
        Words {
            headline: format!("{} used {} that the server had closed", group.place, words::connections(group.members.len())),
            says: format!(
                "It acknowledged the server's FIN and sent a request up to {span} later, which drew a RST ({}): a pool handed \
                 out a connection without looking whether it was still open.",
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![
                "Let the pool drop idle connections some seconds before the server does, and test a connection before it \
                 is handed out: a read that does not block tells the FIN at once."
                    .into(),
                "Keep-alive does not help: the server has closed.".into(),
            ],
            next: words::list_sockets(case, finding.side.unwrap_or(case.roles.client), words::SocketQuery::CloseWait),
        }
    }
}
