//! `eof-not-read`: the peer's FIN has arrived, and by the socket's receive queue the program has not read up to it.

use super::super::words::{self, SocketQuery};
use super::super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Weight, Words};
use super::Sighting;
use crate::wire::{Side, Span};

pub(crate) struct EofNotRead;

impl EofNotRead {
    /// A busy program may read a moment later.
    const AT_LEAST: Span = Span::secs(1);
}

/// Linux counts the FIN that nobody has read as one octet; other systems do not.
fn counts_fin(format: &str) -> bool {
    matches!(format, "ss" | "netstat-linux" | "proc-net-tcp")
}

impl Rule for EofNotRead {
    fn name(&self) -> &'static str {
        "eof-not-read"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let found = Side::BOTH.into_iter().find_map(|side| {
            let acked = case.connection.fin(side.peer())?.acked?;
            if !case.unclosed(side) {
                return None;
            }
            let confirmed = super::close_wait(case, side, Some(acked))?.sighting;
            let listed = case.listed(side);
            // The last listing may be one without queues (lsof).
            let with_queue = |sighting: &&Sighting<'_>| sighting.socket.recv_q.is_some();
            let sighting = *listed.sightings.iter().rev().find(with_queue)?;
            let unread = sighting.socket.recv_q.filter(|&unread| unread > 0)?;
            let held = listed.owners().is_none_or(|owners| !owners.is_empty());
            let of_it = sighting.socket.state == confirmed.socket.state && held;
            let long = sighting.look.at.is_none_or(|at| at - acked.at >= EofNotRead::AT_LEAST);
            (of_it && long).then_some((side, acked, sighting, unread))
        });
        let Some((side, acked, sighting, unread)) = found else {
            return Answer::No("no listing shows a socket in CLOSE-WAIT with something unread");
        };
        let mut finding =
            Finding::new(self.name(), Some(side), Weight::Owed { listening: side == case.roles.server() });
        finding.since = Some(acked);
        let end = sighting.look.at.unwrap_or(case.capture.last.at).max(acked.at);
        finding.lasted = Some(Lasted { span: end - acked.at, at_least: true });
        let what = match (counts_fin(sighting.look.format), unread) {
            (true, 1) => "Recv-Q 1 is the FIN itself: nothing was read since it came".to_owned(),
            (true, n) => {
                format!("Recv-Q {n}: {} and the FIN behind are unread", words::count(n - 1, "octet"))
            }
            (false, n) => format!("Recv-Q {n}: {} unread, and the FIN behind", words::count(n, "octet")),
        };
        finding.cause = Some(Cause {
            what: "the program",
            certainty: Certainty::Certain,
            because: vec![format!("{what} ({})", sighting.place())],
        });
        Answer::found(finding.shows(acked, format!("ACK of the FIN by the {}", case.role(side))))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let (span, _) = words::longest(group).unwrap_or_default();
        Words {
            headline: format!("{} does not read the end of {}", group.place, words::of_its(group)),
            says: format!(
                "The FIN of its peer has been in its socket for at least {span}, and the program has not read up to it: it \
                 cannot know that its peer is gone."
            ),
            advice: vec![
                "Find what its threads do instead of reading: all busy or stuck elsewhere, the connection idle in a pool, or a \
                 program that only writes. Waiting for a write error does not help: the first write still succeeds."
                    .into(),
            ],
            next: words::list_sockets(case, side, SocketQuery::CloseWait),
        }
    }
}
