//! `missing-fin`: one side acknowledged its peer's FIN and never sent its own.

use super::first_close::{FirstClose, first_close};
use super::grace::stands_still;
use super::host;
use super::no_answer::waited_in_vain;
use super::words::{self, SocketQuery};
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::tcp::Fin;
use crate::wire::{Side, Span, Stamp};

pub(super) struct MissingFin;

impl Rule for MissingFin {
    fn name(&self) -> &'static str {
        "missing-fin"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let Some((side, fin)) = owing(case) else {
            return Answer::No("no side has acknowledged a FIN without sending its own");
        };
        if case.ended_by_rst() {
            return Answer::No("a RST ended it");
        }
        if !case.both_directions() {
            return Answer::No("one direction only was captured");
        }
        if case.holds_half_closed(side) {
            return Answer::No("its service is configured as one that goes on after its client's FIN");
        }
        if let Some(why) = host::has_closed(case, side) {
            return Answer::No(why);
        }
        let Some(acked) = fin.acked else {
            return Answer::undecided(
                side,
                "its peer's FIN passed, and no acknowledgment of it was captured yet",
            );
        };
        let listed = host::close_wait(case, side, Some(acked));
        // A listing from after its last segment has seen what the capture may have missed.
        let last = connection.halves[side.index()].last.at;
        let outlasts = |listed: &host::CloseWait<'_>| listed.sighting.look.at.is_none_or(|at| at >= last);
        if case.unseen(side) > 0 && !listed.as_ref().is_some_and(outlasts) {
            let octets = case.unseen(side);
            let why = match octets {
                1 => "its later segments stand one past its data: most likely its FIN was sent and lost before it passed \
                      here; a capture on its own host decides (cwait-pcap compare)"
                    .into(),
                _ => format!("{octets} octets of it were never captured; the last of them may be its FIN"),
            };
            return Answer::undecided(side, why);
        }
        let half = &connection.halves[side.index()];
        if connection.midstream() && !half.has_payload() && listed.is_none() {
            return Answer::undecided(
                side,
                "it is older than the capture and sent no data here: its FIN may have passed before the capture began",
            );
        }
        let sent_after = connection.payload_after_peer_fin(side);
        let restarted = if sent_after > 0 { half.last_payload_at.max(acked.at) } else { acked.at };
        // A later listing that still shows CLOSE-WAIT has watched longer than the capture.
        let listed_at = listed.as_ref().and_then(|listed| listed.sighting.look.at);
        let until = listed_at.map_or(case.capture.last.at, |at| at.max(case.capture.last.at));
        let waited = (until - restarted).max(Span::ZERO);
        let grace = case.grace.of(case, side);
        if waited < grace {
            let when = words::before_end(waited);
            let did = match restarted > acked.at {
                true => format!("still sent payload after its peer's FIN, {when}"),
                false => format!("acknowledged its peer's FIN {when}"),
            };
            return Answer::undecided(side, format!("{did}; grace is {grace}"));
        }
        let mut finding =
            Finding::new(self.name(), Some(side), Weight::Owed { listening: side == case.roles.server() });
        finding.since = Some(acked);
        finding.lasted = Some(Lasted { span: (until - acked.at).max(Span::ZERO), at_least: true });
        finding.fact = fact(case, side, acked, grace);
        finding.cause = cause(case, side, acked, grace, waited);
        if listed.is_some() {
            // The host's own word: no waiting makes it worse.
            let severity = if side == case.roles.server() { Severity::Error } else { Severity::Warning };
            finding.weight = Weight::Fixed(severity);
        }
        if listed.is_some() || host::read_the_end(case, side) {
            finding.fact = Certainty::Certain;
            finding.cause.iter_mut().for_each(|cause| cause.certainty = Certainty::Certain);
        }
        if sent_after > 0 {
            finding.against.push(format!(
                "it sent {} after that FIN: a forgotten half-close",
                words::count(sent_after, "octet")
            ));
        }
        if !near_an_initial_hop_limit(case, side) && listed.is_none() {
            let unknown = case.connection.tallies[side.index()].hop_limits.iter().next().is_none();
            let place = if unknown {
                "it is not known how far from its host this was captured"
            } else {
                "captured away from its host"
            };
            finding.against.push(format!("{place}: its FIN may have been lost before it passed here"));
        }
        if let Some(span) = swallowed_after(case, side, waited) {
            finding.against.push(format!(
                "other connections with its host died after {span} of silence: what it sends later may not reach here either"
            ));
        }
        if case.connection.stuck(side).is_some() {
            finding.against.push(
                "it repeats data that its peer does not acknowledge: its FIN may wait behind them".into(),
            );
        }
        let dropped = case.capture.dropped_after(acked.at);
        if dropped > 0 {
            finding.against.push(format!("the capture dropped {} since", words::count(dropped, "packet")));
        }
        let peer = case.role(side.peer());
        match first_close(case, side.peer()) {
            Some((FirstClose::Closed, mark)) => {
                if let Some(cause) = &mut finding.cause {
                    cause.because.push(format!("the {peer} has closed for good: {mark}"));
                }
            }
            Some((FirstClose::Shut, mark)) => {
                finding.against.push(format!("the {peer} may only have finished sending (shutdown): {mark}"));
            }
            None => {}
        }
        let finding = finding
            .shows(fin.seen, format!("FIN of the {peer}"))
            .shows(acked, format!("ACK of the {}: it had reached CLOSE-WAIT", case.role(side)))
            .shows(half.last, format!("last segment of the {}, and no FIN", case.role(side)));
        Answer::found(finding)
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let (peer, n) = (case.role(side.peer()), group.members.len());
        let (span, at_least) = words::longest(group).unwrap_or_default();
        let fin = case.connection.fin(side.peer());
        let frames = fin.and_then(|fin| Some((fin.seen, fin.acked?)));
        let first = frames.map_or(String::new(), |(fin, ack)| {
            format!(
                " (first: {}, ACK {})",
                words::frame(case, fin).replace("frame", "FIN in frame"),
                ack.frame
            )
        });
        let rate = rate(group).map(|rate| format!("; {rate} more per hour")).unwrap_or_default();
        let mut advice = vec![
            "CLOSE-WAIT has no timer: only its program's close, a RST or a lost peer's keep-alive ends it. No ndd \
             and no sysctl does."
                .into(),
            format!(
                "Find what {} program does with {} after read() returned 0; a restart frees the sockets and hides the cause.",
                if n == 1 { "its" } else { "the" },
                if n == 1 { "this descriptor" } else { "these descriptors" },
            ),
        ];
        // Where the host's own record is at hand, it has decided.
        if host::says(group, self.name()).is_none() {
            advice.push(
                "What decides, on its host: CLOSE-WAIT, its program has not closed; LAST-ACK, the FIN was sent and lost, or \
                 waits behind data (Send-Q above 1); no such socket, a RST ended it that did not pass here."
                    .into(),
            );
        }
        Words {
            headline: format!("{} owes its FIN on {}", group.place, words::of_its(group)),
            says: format!(
                "It acked the {peer}'s FIN{first} and no FIN of its own passed here since: {}{rate}.",
                words::lasted(span, at_least)
            ),
            advice,
            next: words::list_sockets(case, side, SocketQuery::CloseWait),
        }
    }
}

/// The side whose peer's FIN passed while it sent none.
pub(super) fn owing<'a>(case: &Case<'a>) -> Option<(Side, &'a Fin)> {
    Side::BOTH.into_iter().find_map(|side| {
        let fin = case.connection.fin(side.peer())?;
        case.connection.fin(side).is_none().then_some((side, fin))
    })
}

fn fact(case: &Case<'_>, side: Side, acked: Stamp, grace: Span) -> Certainty {
    let spoke_again = case.connection.halves[side.index()].last.at - acked.at >= grace;
    let complete =
        case.capture.dropped_after(acked.at) == 0 && case.connection.tallies[side.index()].acked_unseen == 0;
    match (spoke_again, complete) {
        (true, true) => Certainty::Certain,
        (false, true) | (true, false) => Certainty::Likely,
        (false, false) => Certainty::Possible,
    }
}

/// The program, where its host lives and can send FINs.
fn cause(case: &Case<'_>, side: Side, acked: Stamp, grace: Span, waited: Span) -> Option<Cause> {
    let host = &case.hosts[side.index()];
    let mut because = Vec::new();
    let alive_here = case.connection.halves[side.index()].last.at - acked.at >= grace;
    let alive = host.last.at - acked.at >= grace;
    if alive_here {
        because.push("its host acknowledged later segments of this connection".into());
    } else if alive {
        because.push(format!("host alive {} later", host.last.at - acked.at));
    }
    if host.fins > 0 {
        because.push(format!("{} of it passed on other connections", words::count(host.fins, "FIN")));
    }
    if near_an_initial_hop_limit(case, side) {
        because.push("no router between its host and here".into());
    }
    let dropped = case.capture.dropped_after(acked.at);
    if dropped == 0 && case.capture.drops.is_some() {
        because.push("0 drops".into());
    }
    if waited_in_vain(case.connection, case.roles).is_some() && side == case.roles.server() {
        because.push("it never answered the request: it was stuck before it had to close".into());
    }
    if stands_still(case, side) {
        because.push("the service reads nothing on another connection and has answered nobody since".into());
    }
    if because.is_empty() {
        return None;
    }
    // Away from the host, a filter for just this port would look the same: one of its own FINs has to have passed.
    let passes = near_an_initial_hop_limit(case, side)
        || side != case.roles.server()
        || case.service.closed_by_both + case.service.closes.count() > 0;
    let waits = case.connection.stuck(side).is_some();
    let swallowed = !alive_here && swallowed_after(case, side, waited).is_some();
    let likely = (alive || alive_here) && host.fins > 0 && passes && dropped == 0 && !waits && !swallowed;
    let certainty = if likely { Certainty::Likely } else { Certainty::Possible };
    Some(Cause { what: "the program", certainty, because })
}

/// Away from its host: the silence after which something on the way forgot other connections with it, if this one was as
/// silent for longer. Its FIN, sent later than that, would not have passed here.
fn swallowed_after(case: &Case<'_>, side: Side, waited: Span) -> Option<Span> {
    let lost_after = case.hosts[side.index()].lost_after?;
    (waited > lost_after && !near_an_initial_hop_limit(case, side)).then_some(lost_after)
}

/// Its segments arrive with an initial hop limit: the capture was taken at its host, or before the first router.
pub(super) fn near_an_initial_hop_limit(case: &Case<'_>, side: Side) -> bool {
    let mut values = case.connection.tallies[side.index()].hop_limits.iter().peekable();
    values.peek().is_some() && values.all(|hop_limit| matches!(hop_limit, 64 | 128 | 255))
}

/// How many more an hour, from the first to the last of them; none for a handful or an instant.
fn rate(group: &Group<'_>) -> Option<String> {
    let times: Vec<_> =
        group.members.iter().filter_map(|(_, finding)| finding.since).map(|stamp| stamp.at).collect();
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    let hours = (*last - *first).as_secs_f64() / 3600.0;
    (times.len() >= 5 && hours >= 1.0 / 6.0).then(|| format!("{:.1}", (times.len() - 1) as f64 / hours))
}
