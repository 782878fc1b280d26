//! `aborted`: a connection in use that one side ended by RST.

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Sender, Severity, Weight, Words};
use crate::tcp::Ending;
use crate::wire::Side;

pub(super) struct Aborted;

impl Rule for Aborted {
    fn name(&self) -> &'static str {
        "aborted"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Ending::Reset(side) = case.closure.ending else {
            return Answer::No("no RST ended it");
        };
        let (Some(rst), Some(origin)) = (case.connection.rst(side), case.reset_origin(side)) else {
            return Answer::No("no RST ended it");
        };
        let others = case.connection.tallies[side.index()].hop_limits.iter().next();
        if case.connection.midstream() && others.is_none() {
            return Answer::undecided(
                side,
                "it is older than the capture, and a RST is all that was captured of that side: host or box, and why, \
                 cannot be told",
            );
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        finding.since = Some(rst.seen);
        finding.cause = Some(origin.cause());
        Answer::found(
            finding.shows(
                rst.seen,
                format!("RST bearing the {}'s address: {}", case.role(side), how(case, side)),
            ),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.client);
        Words {
            headline: format!("{} ended {} by RST", group.place, words::of_its(group)),
            says: format!(
                "A RST bearing its address ended it ({}): {}.",
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
                how(case, side),
            ),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}

/// In what situation the RST came.
fn how(case: &Case<'_>, side: Side) -> &'static str {
    let connection = case.connection;
    let Some(rst) = connection.rst(side) else { return "in use" };
    let by_box = case.reset_origin(side).is_some_and(|origin| origin.sender == Sender::Box);
    if by_box {
        return "another machine on the path sent it";
    }
    match connection.fin(side) {
        Some(fin) if fin.seen.frame < rst.seen.frame => match case.drew_reset(side) {
            Some(drew) if drew.frame > fin.seen.frame => {
                "it had sent its FIN and took nothing more, as after close() while its peer was still sending"
            }
            _ => "it had sent its FIN and then gave the connection up, unprompted",
        },
        _ if rst.unread => "it closed with data of its peer unread, or was aborted",
        _ => "aborted by its program, or the program was killed",
    }
}
