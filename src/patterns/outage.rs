//! `outage`: many connections to one host fail in one stretch, whatever their silence. A host, link or box was gone; no
//! timer does that.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::scene::{Failure, Scene, Void};
use super::{Pattern, PatternFinding};
use crate::findings::words::{self, thousands};
use crate::findings::{Cause, Certainty, How, Lasted, Severity, Words};
use crate::wire::Timestamp;

pub(super) struct OutagePattern;

/// Connections to one host that failed while it was not heard on any.
#[derive(Clone, Debug)]
pub(super) struct Outage {
    host: IpAddr,
    /// In order of their failing, by their place in the scene.
    pub(super) failures: Vec<usize>,
    /// The first segment that was not answered.
    from: Timestamp,
    /// The last attempt.
    until: Timestamp,
    /// The host was heard again.
    heard_again: bool,
}

/// Fewer connections are no *many*.
const FEWEST: usize = 3;

/// Stretches in which nothing of a host was heard while connections of widely different silences failed towards it.
pub(super) fn outages(scene: &Scene<'_>) -> Vec<Outage> {
    let mut by_host: BTreeMap<IpAddr, Vec<(usize, &Failure)>> = BTreeMap::new();
    for (at, failure) in scene.failures.iter().enumerate() {
        if failure.void.is_none()
            && matches!(failure.broken.how, How::Silent { .. } | How::Unreachable { .. })
        {
            by_host.entry(failure.toward).or_default().push((at, failure));
        }
    }
    let mut outages = Vec::new();
    for (host, mut failures) in by_host {
        failures.sort_unstable_by_key(|(_, failure)| failure.broken.silence.resumed.frame);
        let mut rest = failures.as_slice();
        while let Some((_, first)) = rest.first() {
            let began = first.broken.silence.resumed.at;
            let upto = rest.partition_point(|(_, failure)| {
                let resumed = failure.broken.silence.resumed.at;
                resumed == began || !scene.heard(host, began, resumed)
            });
            let (stretch, later) = rest.split_at(upto.max(1));
            outages.extend(outage(scene, host, stretch));
            rest = later;
        }
    }
    outages
}

fn outage(scene: &Scene<'_>, host: IpAddr, stretch: &[(usize, &Failure)]) -> Option<Outage> {
    let spans = || stretch.iter().map(|(_, failure)| failure.broken.silence.span());
    let (shortest, longest) = (spans().min()?, spans().max()?);
    let from = stretch.first()?.1.broken.silence.resumed.at;
    let until = stretch.iter().map(|(_, failure)| failure.broken.until).max()?;
    // Silences of one length may be a timer's; but then no router would report the host unreachable.
    let at_any_length =
        longest >= shortest.times(2) || stretch.iter().any(|(_, failure)| reported(failure).is_some());
    if stretch.len() < FEWEST || !at_any_length || scene.heard(host, from, until) {
        return None;
    }
    Some(Outage {
        host,
        failures: stretch.iter().map(|&(at, _)| at).collect(),
        from,
        until,
        heard_again: scene.last_heard(host) > until,
    })
}

/// The router that could not reach the host.
fn reported(failure: &Failure) -> Option<IpAddr> {
    match failure.broken.how {
        How::Unreachable { from, .. } => Some(from),
        _ => None,
    }
}

impl Pattern for OutagePattern {
    fn name(&self) -> &'static str {
        "outage"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        scene.outages.iter().map(|outage| self.finding(scene, outage)).collect()
    }
}

impl OutagePattern {
    fn finding(&self, scene: &Scene<'_>, outage: &Outage) -> PatternFinding {
        let failures: Vec<_> = outage.failures.iter().map(|&at| scene.failures[at]).collect();
        let spans = || failures.iter().map(|failure| failure.broken.silence.span());
        let (shortest, longest) = (spans().min().unwrap_or_default(), spans().max().unwrap_or_default());
        let Outage { host, from, until, heard_again, .. } = *outage;
        let n = failures.len();
        let router = failures.iter().find_map(reported);
        let reported = router.map(|router| format!("{router} reported it unreachable by ICMP"));
        let no_timer = if longest >= shortest.times(2) { ": no timer does that" } else { "" };
        let again = if heard_again { "it was heard again later" } else { "it was not heard again" };
        let first = failures.first().map(|failure| {
            let resumed = failure.broken.silence.resumed;
            (failure.member, resumed, format!("sent after {}, never answered", failure.broken.silence.span()))
        });
        PatternFinding {
            name: self.name(),
            severity: Severity::Warning,
            fact: Certainty::Likely,
            cause: Some(Cause {
                what: "the host",
                certainty: Certainty::Possible,
                because: reported.into_iter().chain(["a link or box in front of it that fails looks the same".into()]).collect(),
            }),
            role: "service",
            place: host.to_string(),
            assumed: false,
            members: failures.iter().map(|failure| failure.member).collect(),
            of: n as u64,
            words: Words {
                headline: format!("{} to {host} failed together", words::connections(n)),
                says: format!(
                    "From {} on nothing of {host} was heard on any connection for {}; {} that spoke to it meanwhile got \
                     no answer, after silences of {shortest} to {longest}{no_timer}; {again}.",
                    scene.time(from),
                    until - from,
                    thousands(n as u64),
                ),
                advice: vec![
                    "Compare with the uptime of the host and of the boxes on the way, and their logs at that minute.".into(),
                ],
                next: vec![(host.to_string(), "Linux", "uptime; journalctl -k --since '...'; ip -s link".into())],
            },
            against: Vec::new(),
            since: Some(from),
            lasted: Some(Lasted { span: until - from, at_least: !heard_again }),
            evidence: first.into_iter().collect(),
            proof: Vec::new(),
            data: None,
        }
    }
}

/// How many failures were left out, and why, in words.
pub(super) fn left_out<'a>(failures: impl Iterator<Item = &'a Failure>) -> Vec<String> {
    let mut counts: BTreeMap<Void, u64> = BTreeMap::new();
    for void in failures.filter_map(|failure| failure.void) {
        *counts.entry(void).or_default() += 1;
    }
    counts.into_iter().map(|(void, n)| format!("{} more left out: {}", thousands(n), void.why())).collect()
}
