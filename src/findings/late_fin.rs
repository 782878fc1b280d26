//! `late-fin`: the second side did send its FIN, long after it had acknowledged the first.

use super::words::{self, SocketQuery};
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Weight, Words};
use crate::wire::{Side, Span, Stamp};

pub(super) struct LateFin;

impl Rule for LateFin {
    fn name(&self) -> &'static str {
        "late-fin"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some((side, reached, sent)) = second_close(case) else {
            return Answer::No("no side closed second");
        };
        if case.holds_half_closed(side) {
            return Answer::No("its service is configured as one that goes on after its client's FIN");
        }
        if case.connection.sent_its_fin_before(side) {
            return Answer::No(
                "it stood past its FIN before that passed here: sent in time, lost on its way here",
            );
        }
        // Its FIN is the first that acknowledges its peer's: what it sent between the two was not captured.
        let unacked = reached.frame == sent.frame;
        let hidden = case.connection.octets_between_fins(side);
        if unacked && hidden > 0 && case.connection.tallies[side.index()].holes > 0 {
            let octets = words::count(hidden, "octet");
            return Answer::undecided(
                side,
                format!(
                    "up to {octets} that it sent between its peer's FIN and its own were not captured: it may have gone on \
                         sending (half-close), or have closed late"
                ),
            );
        }
        let took = sent.at - reached.at;
        // The socket was in CLOSE-WAIT when the FIN arrived; the acknowledgment may have been delayed.
        let once = case.connection.fin(side.peer()).filter(|fin| fin.sent == 1);
        let arrived = once.zip(case.round_trip_to(side)).map_or(reached.at, |(fin, way)| fin.seen.at + way);
        let held = (sent.at - arrived).max(took);
        // Payload restarts the clock: whoever goes on sending has not forgotten to close.
        let half = &case.connection.halves[side.index()];
        let answered = case.connection.payload_after_peer_fin(side) > 0;
        let went_on = answered && half.last_payload_at < sent.at;
        let idle = if went_on { sent.at - half.last_payload_at.max(reached.at) } else { held };
        // An answer that the FIN came with was worked on until then.
        let with_answer = answered && !went_on;
        let grace = if with_answer { case.grace.of_answer(case, side) } else { case.grace.of(case, side) };
        if idle <= grace {
            return Answer::No("the second FIN came within the grace time");
        }
        let mut finding =
            Finding::new(self.name(), Some(side), Weight::Owed { listening: side == case.roles.server() });
        let (own, peer) = (case.role(side), case.role(side.peer()));
        let first = case.connection.fin(side.peer()).map_or(reached, |fin| fin.seen);
        let (since, took) = if unacked { (first, held) } else { (reached, took) };
        finding.since = Some(since);
        finding.lasted = Some(Lasted { span: took, at_least: false });
        let because = match unacked {
            true => format!("the {peer}'s FIN was not sent again, so its host had taken it"),
            false => "its host acknowledged at once and closed late".into(),
        };
        finding.cause =
            Some(Cause { what: "the program", certainty: Certainty::Likely, because: vec![because] });
        finding = finding.shows(first, format!("FIN of the {peer}"));
        if !unacked {
            finding = finding.shows(reached, format!("ACK of the {own}: it had reached CLOSE-WAIT"));
        }
        Answer::found(finding.shows(sent, format!("FIN of the {own}, {took} later")))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        // The latest of them is the one worth telling.
        let latest = group.members.iter().max_by_key(|(_, finding)| finding.lasted.map(|lasted| lasted.span));
        let &(case, finding) = latest.unwrap_or(&group.members[0]);
        let side = finding.side.unwrap_or(case.roles.server());
        let span = finding.lasted.map(|lasted| lasted.span).unwrap_or_default();
        let acked = match finding.evidence.len() {
            3.. => "It acked",
            _ => "It has taken",
        };
        Words {
            headline: format!("{} closes late, up to {span} after its peer, on {}", group.place, words::of_its(group)),
            says: format!(
                "{acked} the {}'s FIN and sent its own only {span} later ({}): until then its socket was in CLOSE-WAIT.",
                case.role(side.peer()),
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec!["A program that reads to the end of file and closes at once does so in milliseconds; look for a \
                          busy or waiting thread, a pool that checks its connections rarely, or a time-out of its own."
                .into()],
            next: words::list_sockets(case, side, SocketQuery::All),
        }
    }
}

/// The side that closed second, when it had reached CLOSE-WAIT, and when it sent its FIN.
pub(super) fn second_close(case: &Case<'_>) -> Option<(Side, Stamp, Stamp)> {
    Side::BOTH.into_iter().find_map(|side| {
        let own = case.connection.fin(side)?;
        let first = case.connection.fin(side.peer())?;
        let reached = first.acked?;
        (own.closes_second && own.seen.at - reached.at >= Span::ZERO).then_some((side, reached, own.seen))
    })
}
