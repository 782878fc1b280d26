//! `large-segments-lost`: small segments pass, a large one never does: the path carries less than its ends believe.

use super::words;
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::tcp::IcmpError;
use crate::wire::Span;

pub(super) struct LargeSegmentsLost;

impl LargeSegmentsLost {
    /// Every IPv4 path carries 576 octets, 536 of them payload (RFC 9293 §3.7.1).
    const SMALL: u32 = 536;
    /// One loss after another takes a while to rule out.
    const OVER: Span = Span::secs(1);
}

impl Rule for LargeSegmentsLost {
    fn name(&self) -> &'static str {
        "large-segments-lost"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let Some((side, stuck)) = case.stuck() else {
            return Answer::No("nothing was sent again and again in vain");
        };
        if connection.opener().is_none() {
            return Answer::No(
                "it is older than the capture: segments as large may have been delivered before",
            );
        }
        if stuck.len <= LargeSegmentsLost::SMALL {
            return Answer::No("what is sent again and again is small");
        }
        let peer = &connection.halves[side.peer().index()];
        if connection.zero_window(side.peer()).is_some_and(|zero| zero.since.is_some()) {
            return Answer::No("the window is closed");
        }
        let delivered = connection.halves[side.index()].delivered_at_most();
        let Some(delivered) = delivered.filter(|&octets| octets < stuck.len) else {
            return Answer::No("segments as large were delivered before");
        };
        let too_big = connection.icmp(side).filter(|error| says_too_big(error));
        if peer.last.frame < stuck.since.frame && too_big.is_none() {
            return Answer::No("the other side was not heard since: nothing of any size passes");
        }
        let lasted = stuck.seen.at - stuck.since.at;
        if lasted < LargeSegmentsLost::OVER && too_big.is_none() {
            return Answer::undecided(
                side,
                format!("a segment of {} octets was sent again and again for {lasted} only", stuck.len),
            );
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Warning));
        finding.since = Some(stuck.since);
        finding.lasted = Some(Lasted { span: case.until_end(stuck.since), at_least: true });
        let (certainty, because) = match too_big {
            Some(error) => (
                Certainty::Certain,
                format!("{} says so by ICMP: the packet is too big for its next link", error.from),
            ),
            None => (
                Certainty::Possible,
                format!(
                    "the other side is heard and has taken at most {delivered} octets at once, never {}",
                    stuck.len
                ),
            ),
        };
        finding.cause = Some(Cause { what: "the path", certainty, because: vec![because] });
        if too_big.is_none() {
            finding.against.push("losing every segment in this direction alone would look the same".into());
        }
        let role = case.role(side);
        Answer::found(
            finding
                .shows(stuck.since, format!("{} octets of the {role} sent for the fourth time", stuck.len))
                .shows(stuck.seen, "and for the last time, not acknowledged")
                .shows(peer.last, format!("the {} is heard", case.role(side.peer()))),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let len = case.connection.stuck(side).map_or(0, |stuck| stuck.len);
        let (from, to) = (case.endpoint(side).addr(), case.endpoint(side.peer()).addr());
        let size = if to.is_ipv4() { 1_472 } else { 1_452 };
        Words {
            headline: format!("large segments never arrive on {}", group.place),
            says: format!(
                "On {} short segments of {from} are acknowledged, one of {len} octets never is, however often it is repeated \
                 ({}): something on the path cannot carry packets of this size and does not say so.",
                words::connections(group.members.len()),
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![
                "Let ICMP 'fragmentation needed' (IPv6: 'packet too big') pass, or lower the MSS at the tunnel (MSS clamping). \
                 No timer helps."
                    .into(),
            ],
            next: vec![
                (from.to_string(), "Linux", format!("ping -M do -s {size} {to}  then  tracepath {to}")),
                (from.to_string(), "Solaris", format!("traceroute -F {to} {}", size + 28)),
                (from.to_string(), "BSD", format!("ping -D -s {size} {to}")),
                (from.to_string(), "Windows", format!("ping -f -l {size} {to}")),
            ],
        }
    }
}

/// Destination unreachable, fragmentation needed (RFC 792), or packet too big (RFC 4443 §3.2).
fn says_too_big(error: &IcmpError) -> bool {
    match error.from.is_ipv4() {
        true => (error.kind, error.code) == (3, 4),
        false => error.kind == 2,
    }
}
