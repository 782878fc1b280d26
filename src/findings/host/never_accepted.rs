//! `never-accepted`: the connection is complete, and no process holds its socket: nobody called accept().

use super::super::words::{self, SocketQuery};
use super::super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Weight, Words};
use super::Sighting;
use crate::sockets::SocketState;
use crate::wire::{Span, Stamp};

pub(crate) struct NeverAccepted;

impl NeverAccepted {
    /// A connection made an instant ago may still wait its turn.
    const AT_LEAST: Span = Span::secs(1);
}

impl Rule for NeverAccepted {
    fn name(&self) -> &'static str {
        "never-accepted"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let side = case.roles.server();
        let listed = case.listed(side);
        // The last listing may be one that does not name owners; lsof never shows a socket without one.
        let told = |sighting: &&Sighting<'_>| sighting.socket.owners.is_some();
        let Some(last) = listed.sightings.iter().rev().find(told) else {
            return Answer::No("no listing tells who holds its socket");
        };
        if !matches!(last.socket.state, SocketState::CloseWait | SocketState::Established) {
            return Answer::No("its socket neither waits to close nor is open");
        }
        if listed.owners().is_some_and(|owners| !owners.is_empty()) {
            return Answer::No("a process holds its socket");
        }
        if last.socket.inode.is_some_and(|inode| inode != 0) {
            return Answer::No(
                "its socket has an inode: it was accepted, and the listing does not tell by whom",
            );
        }
        if case.connection.halves[side.index()].payload > 0 {
            return Answer::No("its program has written on it");
        }
        let end = last.look.at.unwrap_or(case.capture.last.at);
        let waited = end - case.connection.first.at;
        if waited < NeverAccepted::AT_LEAST {
            return Answer::undecided(
                side,
                format!("no process holds its socket yet, {waited} after it was made"),
            );
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Owed { listening: true });
        finding.since = Some(case.connection.first);
        finding.lasted = Some(Lasted { span: waited, at_least: true });
        // An inode of 0 is the kernel's own word; without it a listing made without the right to look shows the same.
        finding.fact = if last.socket.inode == Some(0) { Certainty::Certain } else { Certainty::Likely };
        if last.socket.inode.is_none() {
            finding
                .against
                .push("a listing made without root shows no process for the sockets of other users".into());
        }
        let mut because = vec![format!("no process holds the socket ({})", last.place())];
        if let Some(unread) = last.socket.recv_q.filter(|&unread| unread > 0) {
            because.push(format!("{} from its peer unread", words::count(unread, "octet")));
        }
        finding.cause = Some(Cause { what: "the program", certainty: finding.fact, because });
        let mut finding = finding.shows(case.connection.first, "the connection was made");
        if let Some(acked) = case.connection.fin(side.peer()).and_then(|fin| fin.acked) {
            finding = finding.shows(acked, "the kernel acknowledged the FIN by itself");
        }
        Answer::found(finding)
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let (span, _) = words::longest(group).unwrap_or_default();
        let first: Stamp = case.connection.first;
        Words {
            headline: format!("{} never accepted {}", group.place, words::of_its(group)),
            says: format!(
                "The kernel made the connection and took what came; no process has called accept() for at least {span} \
                 (first: {}).",
                words::frame(case, first)
            ),
            advice: vec![
                "The program has stopped accepting: it hangs, is stopped, or all its workers are busy. Take the stacks of its \
                 threads. A longer queue only holds more clients in the same place."
                    .into(),
            ],
            next: words::list_sockets(case, side, SocketQuery::All),
        }
    }
}
