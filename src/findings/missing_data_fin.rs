//! `missing-data-fin`: on Multipath TCP one side acknowledged the other's DATA_FIN and never sent its own.
//!
//! The same as `missing-fin` one level up: the program that has not closed holds a socket whose CLOSE-WAIT no subflow shows.

use super::host;
use super::words;
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::tcp::{DataMark, Rst};
use crate::wire::{Side, Span, Stamp};

pub(super) struct MissingDataFin;

/// What rests on FINs of programs; those of a subflow are the systems' own.
const RESTS_ON_FINS: [&str; 6] =
    ["missing-fin", "late-fin", "half-close-in-use", "late-answer", "close-wait-aborted", "client-gave-up"];

/// Whether findings of that name are of sockets that their programs never closed, by FIN or by DATA_FIN.
pub fn is_owed(name: &str) -> bool {
    matches!(name, "missing-fin" | "missing-data-fin")
}

/// Why a rule of that name has nothing to say of a subflow.
pub(super) fn silences(name: &str) -> Option<&'static str> {
    RESTS_ON_FINS.contains(&name).then_some(
        "Multipath TCP: FINs of a subflow are the systems' own, programs close by DATA_FIN (missing-data-fin)",
    )
}

impl Rule for MissingDataFin {
    fn name(&self) -> &'static str {
        "missing-data-fin"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let Some((side, fin)) = owing(case) else {
            return Answer::No("no subflow of Multipath TCP on which one side alone has sent a DATA_FIN");
        };
        if connection.fin(side).is_some() && connection.fin(side.peer()).is_some() {
            return Answer::No(
                "FINs of both sides closed this subflow: the connection is over, or goes on elsewhere",
            );
        }
        if case.holds_half_closed(side) {
            return Answer::No("its service is configured as one that goes on after its client's FIN");
        }
        if connection.fin(side).is_some() {
            return Answer::undecided(
                side,
                "a FIN of it closed this subflow: its DATA_FIN may have passed on another one, or not at all",
            );
        }
        let Some(acked) = connection.data_fin_acked(side.peer()) else {
            return Answer::undecided(
                side,
                "its peer's DATA_FIN passed, and no DATA_ACK of it was captured here yet",
            );
        };
        let half = &connection.halves[side.index()];
        let spoke_since = half.has_payload() && half.last_payload_at > acked.at;
        let restarted = if spoke_since { half.last_payload_at } else { acked.at };
        let reset = reset(case);
        let until = reset.map_or(case.capture.last.at, |(_, rst)| rst.seen.at);
        let waited = (until - restarted).max(Span::ZERO);
        let grace = case.grace.of_data_fin(case, side);
        if waited < grace && reset.is_some() {
            return Answer::No("a RST ended it before it was late");
        }
        if waited < grace {
            let did = if spoke_since { "still sent payload" } else { "acknowledged its peer's DATA_FIN" };
            let when = words::before_end(waited);
            return Answer::undecided(side, format!("it {did} {when}; grace is {grace}"));
        }
        let mut finding =
            Finding::new(self.name(), Some(side), Weight::Owed { listening: side == case.roles.server() });
        finding.since = Some(acked);
        finding.lasted = Some(Lasted { span: (until - acked.at).max(Span::ZERO), at_least: reset.is_none() });
        finding.fact = fact(case, side, acked, grace);
        finding.cause = Some(cause(case, side, acked, grace));
        if host::close_wait(case, side, Some(acked)).is_some() {
            // The host's own word: no waiting makes it worse.
            let severity = if side == case.roles.server() { Severity::Error } else { Severity::Warning };
            finding.weight = Weight::Fixed(severity);
            finding.fact = Certainty::Certain;
            finding.cause.iter_mut().for_each(|cause| cause.certainty = Certainty::Certain);
        } else {
            finding.against.push(
                "its DATA_FIN may have passed on a subflow that was not captured; FINs would then follow here".into(),
            );
        }
        if spoke_since {
            finding.against.push("it still sent payload after that DATA_FIN: a forgotten half-close".into());
        }
        let (role, peer) = (case.role(side), case.role(side.peer()));
        let mut finding = finding.shows(fin.seen, format!("DATA_FIN of the {peer}")).shows(
            acked,
            format!("DATA_ACK of the {role}: its socket of Multipath TCP had reached CLOSE-WAIT"),
        );
        if let Some(closed) = connection.fin(side.peer()) {
            finding = finding.shows(closed.seen, format!("FIN of the {peer}: it closed this subflow alone"));
        }
        Answer::found(match reset {
            Some((by, rst)) if by == side => {
                finding.shows(rst.seen, format!("RST of the {role} instead of a DATA_FIN"))
            }
            Some((by, rst)) => finding.shows(
                rst.seen,
                format!("RST of the {}, and no DATA_FIN of the {role} before", case.role(by)),
            ),
            None => finding.shows(half.last, format!("last segment of the {role}, and no DATA_FIN")),
        })
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let (peer, n) = (case.role(side.peer()), group.members.len());
        let (span, at_least) = words::longest(group).unwrap_or_default();
        let fin = case.connection.data_fin(side.peer());
        let first =
            fin.zip(case.connection.data_fin_acked(side.peer())).map_or(String::new(), |(fin, ack)| {
                let fin = words::frame(case, fin.seen).replace("frame", "DATA_FIN in frame");
                format!(" (first: {fin}, DATA_ACK {})", ack.frame)
            });
        let by = |own: bool| {
            let ended =
                group.members.iter().filter_map(|(case, finding)| Some((reset(case)?.0, finding.side)));
            ended.filter(|(by, side)| (Some(*by) == *side) == own).count()
        };
        let [by_it, by_peer] = [by(true), by(false)];
        let ended = match by_it + by_peer {
            0 => String::new(),
            all if all == n => "; then a RST ended it".into(),
            some => format!("; a RST ended {some} of them"),
        };
        let mut advice = vec![format!(
            "This is Multipath TCP, which programs close by DATA_FIN. Its subflows stay ESTABLISHED until both have, and \
             their FINs tell nothing of programs: `ss -tan` shows no CLOSE-WAIT, `ss -Man` does.",
        )];
        advice.push(format!(
            "Find what {} program does with {} after read() returned 0; no sysctl closes {} for it.",
            if n == 1 { "its" } else { "the" },
            if n == 1 { "this descriptor" } else { "these descriptors" },
            if n == 1 { "it" } else { "them" },
        ));
        if by_peer > 0 {
            advice.push(
                "The peer's RST freed the socket and hides that it was never closed: Linux sends it once a closed connection \
                 has waited for its peer for net.mptcp.close_timeout, 60 s."
                    .into(),
            );
        }
        if by_it > 0 {
            advice.push(
                "A RST of its own means that the program was killed or closed with unread data or SO_LINGER 0; why it had not \
                 closed before is the question."
                    .into(),
            );
        }
        Words {
            headline: format!(
                "{} owes its DATA_FIN (Multipath TCP) on {}",
                group.place,
                words::of_its(group)
            ),
            says: format!(
                "It acknowledged the {peer}'s DATA_FIN{first} and no DATA_FIN of its own passed here since: {}{ended}.",
                words::lasted(span, at_least)
            ),
            advice,
            next: words::list_multipath_sockets(case, side),
        }
    }
}

/// The side whose peer's DATA_FIN passed while it sent none here.
fn owing<'a>(case: &Case<'a>) -> Option<(Side, &'a DataMark)> {
    Side::BOTH.into_iter().find_map(|side| {
        let fin = case.connection.data_fin(side.peer())?;
        case.connection.data_fin(side).is_none().then_some((side, fin))
    })
}

/// The RST that ended it, and whose it is.
fn reset<'a>(case: &Case<'a>) -> Option<(Side, &'a Rst)> {
    let ended = Side::BOTH.into_iter().filter(|&side| case.connection.ended_by_rst(side));
    ended.filter_map(|side| Some((side, case.connection.rst(side)?))).min_by_key(|(_, rst)| rst.seen.frame)
}

/// Never certain from packets alone: there may be other subflows.
fn fact(case: &Case<'_>, side: Side, acked: Stamp, grace: Span) -> Certainty {
    let spoke_again = case.connection.halves[side.index()].last.at - acked.at >= grace;
    let complete =
        case.capture.dropped_after(acked.at) == 0 && case.connection.tallies[side.index()].acked_unseen == 0;
    if spoke_again || complete { Certainty::Likely } else { Certainty::Possible }
}

/// The program, where its host lives.
fn cause(case: &Case<'_>, side: Side, acked: Stamp, grace: Span) -> Cause {
    let host = case.hosts[side.index()].last.at - acked.at;
    let mut because =
        vec!["its host has acknowledged the end of the stream, so that its program can read it".into()];
    if case.connection.halves[side.index()].last.at - acked.at >= grace {
        because.push("its host sent later segments of this connection".into());
    } else if host >= grace {
        because.push(format!("host alive {host} later"));
    }
    let alive = because.len() > 1 && case.capture.dropped_after(acked.at) == 0;
    let certainty = if alive { Certainty::Likely } else { Certainty::Possible };
    Cause { what: "the program", certainty, because }
}
