//! `unacked-fin`: a FIN that nobody acknowledged. The path or a dead host, not the application.

use super::words::{self, SocketQuery};
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::wire::{Side, Span, Stamp};

pub(super) struct UnackedFin;

impl UnackedFin {
    /// Three transmissions over this time make it more than one loss.
    const AT_LEAST: Span = Span::secs(1);
}

impl Rule for UnackedFin {
    fn name(&self) -> &'static str {
        "unacked-fin"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let unacked = Side::BOTH
            .into_iter()
            .find_map(|side| connection.fin(side).filter(|fin| fin.acked.is_none()).map(|fin| (side, fin)));
        let Some((side, fin)) = unacked else {
            return Answer::No("every FIN was acknowledged");
        };
        if case.ended_by_rst() || !case.made() {
            return Answer::No("a RST ended it, or it was never made");
        }
        if !case.both_directions() {
            return Answer::No("one direction only was captured");
        }
        if fin.closes_second && fin.sent == 1 && was_heard_long_after(case, side, fin.seen) {
            return Answer::No(
                "the last FIN was not repeated: it was acknowledged, though that was not captured",
            );
        }
        let age = fin.last_sent.at - fin.seen.at;
        if fin.sent < 3 || age < UnackedFin::AT_LEAST {
            let times = words::times(fin.sent.into());
            return Answer::undecided(
                side,
                format!(
                    "its FIN, sent {times}, was not acknowledged in the {} that the capture goes on",
                    case.until_end(fin.seen)
                ),
            );
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Warning));
        finding.since = Some(fin.seen);
        finding.lasted = Some(Lasted { span: case.until_end(fin.seen), at_least: true });
        let peer_alive = case.hosts[side.peer().index()].last.at > fin.seen.at;
        let because = match peer_alive {
            true => vec!["the other host was heard on other connections later".into()],
            false => vec!["the other host was not heard again: it may be down".into()],
        };
        finding.cause = Some(Cause {
            what: if peer_alive { "the path" } else { "the host" },
            certainty: if peer_alive { Certainty::Likely } else { Certainty::Possible },
            because,
        });
        let role = case.role(side);
        Answer::found(finding.shows(fin.seen, format!("FIN of the {role}")).shows(
            fin.last_sent,
            format!("sent {} in all, never acknowledged", words::times(fin.sent.into())),
        ))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.client);
        let mut states: Vec<_> = (group.members.iter())
            .map(|(case, finding)| case.states[finding.side.unwrap_or(side).index()].proven.to_string())
            .collect();
        states.sort_unstable();
        states.dedup();
        Words {
            headline: format!("nobody acknowledges the FINs of {} on {}", case.endpoint(side), group.place),
            says: format!(
                "On {} its FIN was sent again and again without an answer ({}); its socket sits in {} until it \
                 gives up. Its program did close.",
                words::connections(group.members.len()),
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
                states.join(" or "),
            ),
            advice: vec!["A firewall that dropped the session, or a dead host, swallows FINs; capture on the other side too: \
                          'cwait-pcap compare' tells where they are lost."
                .into()],
            next: words::list_sockets(case, side.peer(), SocketQuery::All),
        }
    }
}

/// Its host lived on for longer than a FIN waits that nobody acknowledges: a second after a known round trip, three without
/// (RFC 6298 §2), and as long again.
fn was_heard_long_after(case: &Case<'_>, side: Side, fin: Stamp) -> bool {
    let patience = case.connection.rtt().map_or(Span::secs(6), |rtt| Span::secs(2) + rtt.times(8));
    case.hosts[side.index()].last.at - fin.at >= patience
}
