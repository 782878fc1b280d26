//! `syn-unanswered`: a SYN and no answer at all, or a SYN-ACK and none.

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::tcp::Ending;
use crate::wire::Span;

pub(super) struct SynUnanswered;

impl Rule for SynUnanswered {
    fn name(&self) -> &'static str {
        "syn-unanswered"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        if case.closure.ending != Ending::Unanswered {
            return ends_never(case);
        }
        let side = case.roles.client;
        let tally = &case.connection.tallies[side.index()];
        let waited = case.until_end(case.connection.first);
        if waited < Span::secs(1) && tally.syns < 2 {
            return Answer::undecided(side, format!("its SYN was sent {}", words::before_end(waited)));
        }
        let finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        let sent = words::times(tally.syns.into());
        Answer::found(finding.shows(case.connection.first, format!("SYN, sent {sent}, no answer")))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let of = |by_client: bool| {
            let of = group
                .members
                .iter()
                .filter(|(case, finding)| (finding.side == Some(case.roles.client)) == by_client);
            (
                of.clone().count(),
                of.map(|(case, _)| words::frame(case, case.connection.first)).next().unwrap_or_default(),
            )
        };
        let ((asked, first_asked), (half, first_half)) = (of(true), of(false));
        let mut says = Vec::new();
        if asked > 0 {
            says.push(format!(
                "The SYNs of {} of the client were never answered ({first_asked}): dropped by a filter, a full listen queue, \
                 or no such host.",
                words::connections(asked),
            ));
        }
        if half > 0 {
            says.push(format!(
                "On {} the service answered again and again and the handshake never ended ({first_half}): its answers, or the \
                 client's, are dropped on the way (a stateful box that sees one direction only), or the SYNs were forged.",
                words::connections(half),
            ));
        }
        let what = if asked > 0 { "SYNs" } else { "SYN-ACKs" };
        Words {
            headline: format!("no answer to {what} on {}", group.place),
            says: says.join(" "),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}

/// The SYN was answered, over and over, and nothing came back.
fn ends_never(case: &Case<'_>) -> Answer {
    let side = case.roles.server();
    let (own, peer) = (&case.connection.tallies[side.index()], &case.connection.halves[side.peer().index()]);
    let only_syns = peer.segments == u32::from(case.connection.tallies[side.peer().index()].syns);
    if case.made() || case.ended_by_rst() || own.syns < 3 || !only_syns {
        return Answer::No("the SYN was answered");
    }
    let finding = Finding::new("syn-unanswered", Some(side), Weight::Fixed(Severity::Note));
    let sent = words::times(own.syns.into());
    Answer::found(
        finding.shows(case.connection.halves[side.index()].last, format!("SYN-ACK, sent {sent}, no answer")),
    )
}
