//! `path-idle-timeout`: a box between two hosts forgets connections that are silent for too long; the interval in which
//! its timer lies, from the silences that were survived and those that were not.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bracket::Sample;
use super::data::{Data, TimerClock};
use super::scene::Scene;
use super::timer::{Fit, Group, Reading, groups, rounded_up};
use super::{Pattern, PatternFinding};
use crate::findings::words::{self, thousands};
use crate::findings::{Cause, Certainty, How, Severity, Words};
use crate::knowledge::keepalive::keepalive_advice;
use crate::knowledge::timeouts::{Timeout, TimerKind};
use crate::wire::{Endpoint, Stamp};

pub(super) struct PathIdleTimeout;

type Path = (IpAddr, Endpoint);

/// How far paths are taken together; only as far as is needed to be likely, and only while they agree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    /// Clients of one network to one service: most likely one way, so what survives there is a witness too.
    Network,
    /// All clients of one service that saw failures.
    Service,
    /// All paths that saw failures.
    Everything,
}

impl Pattern for PathIdleTimeout {
    fn name(&self) -> &'static str {
        "path-idle-timeout"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let groups = groups(scene, false);
        let mut told: HashSet<Path> = HashSet::new();
        let mut findings = Vec::new();
        for (path, group) in &groups {
            if let Some(reading) = group.read(scene).filter(|reading| reading.certainty > Certainty::Possible)
            {
                findings.push(self.finding(scene, path_name(path), group, &reading));
                told.insert(*path);
            }
        }
        for width in [Width::Network, Width::Service, Width::Everything] {
            let mut pools: BTreeMap<(IpAddr, Option<Endpoint>), Vec<&Path>> = BTreeMap::new();
            for (path, group) in &groups {
                if !told.contains(path) && (width == Width::Network || !group.failures.is_empty()) {
                    pools.entry(width.key(path)).or_default().push(path);
                }
            }
            for (key, paths) in pools.into_iter().filter(|(_, paths)| paths.len() > 1) {
                let pool = Group::pool(paths.iter().map(|path| &groups[*path]));
                let reading = pool.read(scene).filter(|reading| {
                    reading.certainty > Certainty::Possible
                        && reading.fit == Fit::Clean
                        && reading.clock == TimerClock::Any
                });
                let Some(reading) = reading else { continue };
                let mut finding = self.finding(scene, width.name(&key, paths.len()), &pool, &reading);
                finding
                    .against
                    .push(format!("{} paths are taken together, as if one box served them", paths.len()));
                findings.push(finding);
                told.extend(paths.into_iter().copied());
            }
        }
        for (path, group) in groups.iter().filter(|(path, _)| !told.contains(path)) {
            // A single death and nothing to compare it with is told by its own finding already.
            let Some(reading) = group.read(scene) else { continue };
            let lonely = reading.bracket.failed < 2 && reading.bracket.comparable == 0;
            if !lonely && (reading.fit != Fit::None || reading.bracket.failed >= 2) {
                findings.push(self.finding(scene, path_name(path), group, &reading));
            }
        }
        findings
    }
}

impl Width {
    fn key(self, &(client, service): &Path) -> (IpAddr, Option<Endpoint>) {
        let anybody = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        match self {
            Width::Network => (network(client), Some(service)),
            Width::Service => (anybody, Some(service)),
            Width::Everything => (anybody, None),
        }
    }

    fn name(self, (client, service): &(IpAddr, Option<Endpoint>), paths: usize) -> String {
        let bits = if client.is_ipv4() { 24 } else { 64 };
        match (self, service) {
            (Width::Network, Some(service)) => format!("{client}/{bits} - {service}"),
            (_, Some(service)) => format!("all clients - {service}"),
            (_, None) => format!("all {paths} paths with failures"),
        }
    }
}

/// The /24 or /64 that an address is in.
fn network(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

fn path_name((client, service): &Path) -> String {
    format!("{client} - {service}")
}

impl PathIdleTimeout {
    fn finding(&self, scene: &Scene<'_>, place: String, group: &Group, reading: &Reading) -> PatternFinding {
        let interval = group.interval(reading, TimerKind::Established);
        let bracket = &reading.bracket;
        let severity = match reading.certainty {
            Certainty::Possible => Severity::Note,
            _ if bracket.failed >= 3 => Severity::Error,
            _ => Severity::Warning,
        };
        let mut against = group.against(scene);
        if reading.fit == Fit::Nearly {
            let n = bracket.crossed;
            against.push(format!(
                "{} of {} silences lie on the wrong side",
                thousands(n as u64),
                bracket.all
            ));
        }
        let cause = (reading.fit != Fit::None).then(|| Cause {
            what: "the path",
            certainty: reading.certainty.min(Certainty::Likely),
            because: because(group, reading),
        });
        PatternFinding {
            name: self.name(),
            severity,
            fact: reading.certainty,
            cause,
            role: "path",
            assumed: group.assumed,
            members: group.failures.iter().map(|failure| failure.member).collect(),
            of: group.connections(),
            words: Words {
                headline: headline(&place, reading),
                says: says(scene, group, reading, &interval.candidates),
                advice: advice(reading),
                next: next(reading),
            },
            against,
            since: group.failures.iter().map(|failure| failure.broken.silence.resumed.at).min(),
            lasted: None,
            evidence: evidence(group, reading),
            proof: Vec::new(),
            data: Some(Data::Interval(interval)),
            place,
        }
    }
}

fn headline(place: &str, reading: &Reading) -> String {
    match (reading.fit, reading.clock) {
        (Fit::None, _) => format!("no single timer explains the dead connections on {place}"),
        (_, TimerClock::Payload) => format!("the path {place} forgets connections without data"),
        (_, TimerClock::FromClient) => format!("the path {place} forgets connections whose client is silent"),
        (_, TimerClock::FromServer) => format!("the path {place} forgets connections whose server is silent"),
        _ => format!("the path {place} forgets idle connections"),
    }
}

fn says(scene: &Scene<'_>, group: &Group, reading: &Reading, candidates: &[&'static Timeout]) -> String {
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
        Some(How::Silent { attempts }) => format!("sent {attempts} times, no answer"),
        Some(How::ForeignReset(_)) => "answered by another machine's RST".into(),
        Some(How::Quoted { from, .. }) => format!("refused by {from} by ICMP"),
        Some(How::Unreachable { from, .. }) => format!("reported unreachable by {from}"),
        Some(How::OwnReset(_)) | None => "not answered".into(),
    }
}

fn because(group: &Group, reading: &Reading) -> Vec<String> {
    let bracket = &reading.bracket;
    let mut because = Vec::new();
    let count =
        |is: fn(&How) -> bool| group.failures.iter().filter(|failure| is(&failure.broken.how)).count();
    let foreign = count(|how| matches!(how, How::ForeignReset(_)));
    if foreign > 0 {
        because.push(format!("{foreign} RSTs came with a hop limit that the peer's own segments never had"));
    }
    let named = count(|how| matches!(how, How::Quoted { .. }));
    if named > 0 {
        because.push(format!("{named} times a box said so by ICMP"));
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

fn advice(reading: &Reading) -> Vec<String> {
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
fn next(reading: &Reading) -> Vec<(String, &'static str, String)> {
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

fn evidence(group: &Group, reading: &Reading) -> Vec<(usize, Stamp, String)> {
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
    use crate::wire::Span;

    #[test]
    fn networks_are_of_24_or_64_bits() {
        assert_eq!(network("192.0.2.77".parse().unwrap()), "192.0.2.0".parse::<IpAddr>().unwrap());
        assert_eq!(
            network("2001:db8:1:2:3::4".parse().unwrap()),
            "2001:db8:1:2::".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn many_candidates_are_counted_rather_than_listed() {
        let all = crate::knowledge::timeouts::candidates(TimerKind::Established, None, Span::secs(4000));
        let text = fitting(&all);
        assert!(all.len() > 3 && text.contains("known defaults fit"), "{text}");
        assert!(fitting(&[]).starts_with(" No known default"));
    }
}
