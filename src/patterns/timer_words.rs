//! How a timer is told: the interval, the frames on both sides of it, the defaults that fit, and what to set where.

use super::bracket::Sample;
use super::data::TimerClock;
use super::scene::Scene;
use super::timer::{Fit, Group, Reading, rounded_up};
use crate::findings::words::{self, thousands};
use crate::findings::{Certainty, How};
use crate::knowledge::keepalive::keepalive_advice;
use crate::knowledge::timeouts::Timeout;
use crate::wire::Stamp;

pub(super) fn headline(place: &str, reading: &Reading) -> String {
    match (reading.fit, reading.clock) {
        (Fit::None, _) => format!("no single timer explains the dead connections on {place}"),
        (_, TimerClock::Payload) => format!("the path {place} forgets connections without data"),
        (_, TimerClock::FromClient) => format!("the path {place} forgets connections whose client is silent"),
        (_, TimerClock::FromServer) => format!("the path {place} forgets connections whose server is silent"),
        _ => format!("the path {place} forgets idle connections"),
    }
}

pub(super) fn says(
    scene: &Scene<'_>,
    group: &Group,
    reading: &Reading,
    candidates: &[&'static Timeout],
) -> String {
    let bracket = &reading.bracket;
    let at_most = bracket.at_most;
    let failed = format!(
        "{} ({}: {})",
        rounded_up(at_most.span),
        scene.frame(at_most.member, at_most.frame),
        how(group, at_most.member)
    );
    let counts =
        format!("{} died, {} survived", thousands(bracket.failed as u64), thousands(bracket.survived as u64));
    let survived =
        |above: Sample| format!("{} ({} answered)", above.span, scene.frame(above.member, above.frame));
    let timer = match (reading.fit, bracket.above) {
        (Fit::None, _) => {
            let Some((longest, shortest)) = group.extremes() else { return counts };
            return format!(
                "A silence of {} was survived, one of {} ({}: {}) was not, whichever way they are counted. {counts}: \
                 several timers, or none.",
                survived(longest),
                shortest.span,
                scene.frame(shortest.member, shortest.frame),
                how(group, shortest.member),
            );
        }
        (Fit::Coarse, Some(above)) => {
            format!(
                "Timer of about {failed}; some lived longer, up to {}: it is swept coarsely",
                survived(longest(group, above))
            )
        }
        (_, Some(above)) => format!("Timer above {} and at most {failed}", survived(above)),
        (_, None) => format!("Timer of at most {failed}; no comparable silence was survived"),
    };
    let counted = match reading.clock {
        TimerClock::Payload => " Only data refresh it: keep-alives passed and did not help.",
        TimerClock::FromClient => " Only what the client sends refreshes it.",
        TimerClock::FromServer => " Only what the server sends refreshes it.",
        TimerClock::Any | TimerClock::AfterFin => "",
    };
    format!("{timer}. {counts}.{counted}{}", fitting(candidates))
}

fn longest(group: &Group, above: Sample) -> Sample {
    group.extremes().map_or(above, |(longest, _)| longest)
}

/// Known defaults in the interval, as candidates.
pub(super) fn fitting(candidates: &[&'static Timeout]) -> String {
    let mut named: Vec<String> = Vec::new();
    for candidate in candidates {
        let text = format!("{} of {}", candidate.value, candidate.name);
        if !named.contains(&text) {
            named.push(text);
        }
    }
    match named.len() {
        0 => " No known default lies in it; most boxes can be set to any value.".into(),
        1 => format!(" One known default fits, {}; which box it is cannot be told from here.", named[0]),
        2..=3 => {
            format!(
                " Known defaults that fit: {}; which box it is cannot be told from here.",
                named.join(", ")
            )
        }
        n => format!(
            " {n} known defaults fit ({}, {}, ...): a narrower interval needs more lengths of silence.",
            named[0], named[1]
        ),
    }
}

/// `sent 7 times, no answer`.
pub(super) fn how(group: &Group, member: usize) -> String {
    let failure = group.failures.iter().find(|failure| failure.member == member);
    match failure.map(|failure| failure.broken.how) {
        Some(How::Silent { attempts }) => format!("sent {}, no answer", words::times(attempts.into())),
        Some(How::ForeignReset(_)) => "answered by another machine's RST".into(),
        Some(How::Quoted { from, .. }) => format!("refused by {from} by ICMP"),
        Some(How::Unreachable { from, .. }) => format!("reported unreachable by {from}"),
        Some(How::OwnReset(_)) | None => "not answered".into(),
    }
}

pub(super) fn because(group: &Group, reading: &Reading) -> Vec<String> {
    let bracket = &reading.bracket;
    let mut because = Vec::new();
    let count =
        |is: fn(&How) -> bool| group.failures.iter().filter(|failure| is(&failure.broken.how)).count();
    let foreign = count(|how| matches!(how, How::ForeignReset(_)));
    if foreign > 0 {
        because.push(format!(
            "{} came with a hop limit that the peer's own segments never had",
            words::count(foreign as u64, "RST")
        ));
    }
    let named = count(|how| matches!(how, How::Quoted { .. }));
    if named > 0 {
        because.push(format!("a box said so by ICMP {}", words::times(named as u64)));
    }
    if bracket.instants > 1 {
        because.push(format!(
            "{} failed at {} moments",
            words::connections(bracket.failed),
            bracket.instants
        ));
    }
    if reading.certainty > Certainty::Possible {
        because.push(format!("by chance in this order: {}", words::once_in(bracket.chance)));
    }
    because
}

pub(super) fn advice(reading: &Reading) -> Vec<String> {
    let (above, at_most) = reading.bounds();
    let Some(at_most) = at_most else {
        return vec![
            "Test it: one connection for each of several silences, closing in from both sides.".into(),
        ];
    };
    let below = above.unwrap_or(at_most);
    let keep = match reading.clock {
        TimerClock::Payload => format!(
            "A heartbeat of the protocol itself, more often than every {below}: TCP keep-alives do not refresh this timer."
        ),
        TimerClock::FromClient => {
            format!("SO_KEEPALIVE on the client's sockets, first probe well below {below}.")
        }
        TimerClock::FromServer => {
            format!("SO_KEEPALIVE on the server's sockets, first probe well below {below}.")
        }
        _ => format!("SO_KEEPALIVE on the sockets of either end, first probe well below {below}."),
    };
    let order = "In this order, shortest first: keep-alive and pool limit of the client, idle limit of the server, timers \
                 of the boxes."
        .to_string();
    vec![keep, order]
}

/// The keep-alive setting of each system; half the lower bound, so that one lost probe does no harm.
pub(super) fn next(reading: &Reading) -> Vec<(String, &'static str, String)> {
    let (above, at_most) = reading.bounds();
    let Some(below) = above.or(at_most) else { return Vec::new() };
    let host = match reading.clock {
        TimerClock::Payload => return Vec::new(),
        TimerClock::FromClient => "the client",
        TimerClock::FromServer => "the server",
        TimerClock::Any | TimerClock::AfterFin => "client or server",
    };
    let settings = keepalive_advice(below);
    settings.into_iter().map(|setting| (host.to_string(), setting.os, setting.command)).collect()
}

pub(super) fn evidence(group: &Group, reading: &Reading) -> Vec<(usize, Stamp, String)> {
    let bracket = &reading.bracket;
    let (above, at_most) = match reading.fit {
        Fit::None | Fit::Coarse => {
            group.extremes().map_or((bracket.above, bracket.at_most), |(a, u)| (Some(a), u))
        }
        Fit::Clean | Fit::Nearly => (bracket.above, bracket.at_most),
    };
    let mut evidence = Vec::new();
    if let Some(above) = above {
        evidence.push((
            above.member,
            began(above),
            "last segment before the longest silence survived".to_string(),
        ));
        evidence.push((above.member, ended(above), format!("answered after {}", above.span)));
    }
    evidence.push((
        at_most.member,
        began(at_most),
        "last segment before the shortest silence that failed".to_string(),
    ));
    evidence.push((
        at_most.member,
        ended(at_most),
        format!("after {}: {}", at_most.span, how(group, at_most.member)),
    ));
    evidence
}

/// The last frame before a silence. Where the clock leaves segments out, its time is that of the last one counted.
pub(super) fn began(sample: Sample) -> Stamp {
    Stamp { at: sample.at - sample.span, frame: sample.from_frame }
}

/// The frame that ended a silence.
pub(super) fn ended(sample: Sample) -> Stamp {
    Stamp { at: sample.at, frame: sample.frame }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::timeouts::{TimerKind, candidates};
    use crate::wire::Span;

    #[test]
    fn many_candidates_are_counted_rather_than_listed() {
        let all = candidates(TimerKind::Established, None, Span::secs(4000));
        let text = fitting(&all);
        assert!(all.len() > 3 && text.contains("known defaults fit"), "{text}");
        assert!(fitting(&[]).starts_with(" No known default"));
    }
}
