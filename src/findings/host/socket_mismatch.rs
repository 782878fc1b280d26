//! `socket-mismatch`: a host's socket table and the wire disagree. The host is right about its state, the wire about
//! what passed; the difference is the finding.

use super::super::words::{self, SocketQuery};
use super::super::{
    Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words,
};
use super::SLACK;
use crate::sockets::SocketState;
use crate::wire::{Side, Stamp, Timestamp};

pub(crate) struct SocketMismatch;

/// A contradiction, and what it means.
pub(super) struct Mismatch {
    /// The state on the host; `no socket`.
    state: String,
    /// Where the listing says so.
    place: String,
    /// What passed that does not go with it.
    wire: (Stamp, String),
    /// Completes *this means that*.
    means: &'static str,
    what: &'static str,
    fact: Certainty,
    /// The wire's CLOSE-WAIT of that side is not so.
    pub(super) denies_close_wait: bool,
}

impl Rule for SocketMismatch {
    fn name(&self) -> &'static str {
        "socket-mismatch"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some((side, found)) = Side::BOTH.into_iter().find_map(|side| Some((side, of(case, side)?)))
        else {
            return Answer::No("no listing contradicts the wire");
        };
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Warning));
        let (stamp, label) = found.wire;
        finding.since = Some(stamp);
        finding.lasted = Some(Lasted { span: case.until_end(stamp), at_least: true });
        finding.fact = found.fact;
        finding.cause = Some(Cause {
            what: found.what,
            certainty: Certainty::Likely,
            because: vec![format!("{} in {}", found.state, found.place), found.means.to_owned()],
        });
        finding.against.push(
            "listing and capture were compared as if their clocks agree within a second, and without address translation"
                .into(),
        );
        Answer::found(finding.shows(stamp, label))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let mismatch = of(case, side);
        let (state, means, label) = mismatch.as_ref().map_or(("another state", "", ""), |found| {
            (found.state.as_str(), found.means, found.wire.1.as_str())
        });
        let n = words::connections(group.members.len());
        Words {
            headline: match state {
                NO_SOCKET => {
                    format!("{}: {n} without a socket on the host, still there by the wire", group.place)
                }
                state => format!("{}: {n} in {state} on the host, but not by the wire", group.place),
            },
            says: format!(
                "The wire shows: {label} ({}). The host's socket table shows {state}. That means: {means}.",
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec!["Trust the host for its state and the wire for what passed; a capture on the other side of the path \
                          shows where the segment went."
                .into()],
            next: words::list_sockets(case, side, SocketQuery::All),
        }
    }
}

/// The state of a connection that its host's table does not list.
const NO_SOCKET: &str = "no socket";

/// What the last listing within the capture says otherwise of `side`.
pub(super) fn of(case: &Case<'_>, side: Side) -> Option<Mismatch> {
    use SocketState::*;
    let end = case.capture.last.at;
    let listed = case.listed(side);
    let connection = case.connection;
    // A listing shows the socket of Multipath TCP and its subflows by the same addresses.
    if !case.both_directions() || !case.made() || connection.data_level().is_some() {
        return None;
    }
    let peer_fin = connection.fin(side.peer());
    let own_fin = connection.fin(side);
    let rst = Side::BOTH
        .into_iter()
        .find_map(|side| connection.rst(side).filter(|_| connection.ended_by_rst(side)).map(|rst| rst.seen));
    let role = case.role(side);
    let found = |state: String, place, wire, what, means, fact| {
        Some(Mismatch { state, place, wire, means, what, fact, denies_close_wait: false })
    };
    if let Some(missed) = &listed.missed {
        let at = missed.at?;
        let acked = peer_fin?.acked.filter(|acked| before(*acked, at))?;
        if !case.unclosed(side) {
            return None;
        }
        return Some(Mismatch {
            state: NO_SOCKET.into(),
            place: missed.place(),
            wire: (acked, format!("the {role} acknowledged its peer's FIN and sent none")),
            means: "the host has forgotten the connection: by a RST or a FIN that did not pass here, or a restart",
            what: "the host",
            fact: Certainty::Likely,
            denies_close_wait: false,
        });
    }
    let sighting = listed.in_capture(end)?;
    let at = sighting.look.at.unwrap_or(end);
    let fact = if sighting.look.at.is_some() { Certainty::Certain } else { Certainty::Likely };
    let (state, place) = (sighting.socket.state, sighting.place());
    let name = state.to_string();
    let settled = |stamp: &Stamp| before(*stamp, at);
    match state {
        CloseWait | Established if rst.as_ref().is_some_and(settled) => found(
            name,
            place,
            (rst?, "a RST ended it".into()),
            "the path",
            "the RST never reached this host, or a box on the path made it",
            fact,
        ),
        CloseWait | Established if own_fin.is_some_and(|fin| settled(&fin.seen)) => found(
            name,
            place,
            (own_fin?.seen, format!("a FIN of the {role} passed")),
            "the path",
            "another machine sent that FIN in its name (a proxy or firewall), or the listing is older than it says",
            fact,
        ),
        CloseWait if peer_fin.is_none() && connection.last().at < at => found(
            name,
            place,
            (connection.last(), "no FIN of its peer up to its last segment".into()),
            "the capture",
            "the peer's FIN came before the capture or did not pass here; the program owes its FIN all the same",
            fact,
        ),
        Established if peer_fin.and_then(|fin| fin.acked).as_ref().is_some_and(settled) => found(
            name,
            place,
            (peer_fin?.acked?, format!("the {role} acknowledged its peer's FIN")),
            "the path",
            "that acknowledgment was another machine's (a proxy or firewall), or the listing is older than it says",
            fact,
        )
        .map(|mismatch| Mismatch { denies_close_wait: true, ..mismatch }),
        LastAck | FinWait1 | FinWait2 | Closing | TimeWait if case.unclosed(side) => {
            let wire = match peer_fin.and_then(|fin| fin.acked) {
                Some(acked) => (acked, format!("the {role} acknowledged its peer's FIN and sent none")),
                None => (connection.last(), format!("no FIN of the {role} up to the last segment")),
            };
            let queued = sighting.socket.send_q.is_some_and(|octets| octets > 1) && matches!(state, LastAck | FinWait1);
            let (what, means) = match queued {
                true => ("the reader", "its program has closed; the FIN waits behind data that the peer does not take"),
                false => ("the path", "its program has closed; the FIN was lost before it passed here, or the capture missed it"),
            };
            let mismatch = found(name, place, wire, what, means, fact)?;
            Some(Mismatch { denies_close_wait: true, ..mismatch })
        }
        _ => None,
    }
}

/// Long enough before the listing to count.
fn before(stamp: Stamp, listing: Timestamp) -> bool {
    stamp.at + SLACK <= listing
}
