//! `path-idle-timeout`: a box between two hosts forgets connections that are silent for too long; the interval in which
//! its timer lies, from the silences that were survived and those that were not.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};

use super::data::{Data, TimerClock};
use super::scene::Scene;
use super::timer::{Fit, Group, Reading, groups, network};
use super::timer_words::{advice, because, evidence, headline, next, says};
use super::{Pattern, PatternFinding};
use crate::findings::words::thousands;
use crate::findings::{Cause, Certainty, Severity, Words};
use crate::knowledge::timeouts::TimerKind;
use crate::wire::Endpoint;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_of_24_or_64_bits() {
        assert_eq!(network("192.0.2.77".parse().unwrap()), "192.0.2.0".parse::<IpAddr>().unwrap());
        assert_eq!(
            network("2001:db8:1:2:3::4".parse().unwrap()),
            "2001:db8:1:2::".parse::<IpAddr>().unwrap()
        );
    }
}
