//! `close-wait-buildup`: connections in CLOSE-WAIT pile up at one place. The curve that `netstat | grep -c CLOSE_WAIT`
//! would have drawn there, its growth, its peak, and when it passed the limit.

use std::collections::BTreeMap;

use super::curve::{Spell, curve};
use super::data::{Curve, Data};
use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::findings::words::{count, thousands, times};
use crate::findings::{Cause, Certainty, Lasted, Severity, Words};
use crate::wire::Span;

pub(super) struct CloseWaitBuildup;

/// Fewer at a time do not pile up: `missing-fin` tells of each. Administrators' scripts act on *more than four*.
const FEWEST: u64 = 5;

impl Pattern for CloseWaitBuildup {
    fn name(&self) -> &'static str {
        "close-wait-buildup"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut places: BTreeMap<String, Vec<&Spell>> = BTreeMap::new();
        for spell in &scene.spells {
            let place =
                if spell.listening { spell.owner.to_string() } else { spell.owner.addr().to_string() };
            places.entry(place).or_default().push(spell);
        }
        places.into_iter().filter_map(|(place, spells)| self.finding(scene, place, &spells)).collect()
    }
}

impl CloseWaitBuildup {
    fn finding(&self, scene: &Scene<'_>, place: String, spells: &[&Spell]) -> Option<PatternFinding> {
        let end = scene.outcome.capture.last.at;
        let all = curve(place.clone(), spells.iter().copied(), end, scene.limit);
        let exceeded = all.limit.is_some_and(|(_, when)| when.is_some());
        let stuck: Vec<_> = spells.iter().copied().filter(|spell| scene.is_stuck(spell)).collect();
        let first = *stuck.first()?;
        let together = curve(place.clone(), stuck.iter().copied(), end, None);
        if together.peak.close_wait < FEWEST && !exceeded {
            return None;
        }
        let longest = stuck.iter().map(|spell| spell.span(end)).max()?;
        let left = stuck.iter().filter(|spell| spell.until.is_none()).count() as u64;
        let service = scene.outcome.services.get(&first.owner).filter(|_| first.listening);
        let severity = severity(scene, first.listening, exceeded, &stuck);
        let finding = PatternFinding {
            name: self.name(),
            severity,
            fact: Certainty::Likely,
            cause: Some(Cause {
                what: "the program",
                certainty: if stuck.len() >= 5 { program(scene, &stuck) } else { Certainty::Possible },
                because: vec![format!(
                    "{} its host acknowledged a FIN and did not send its own promptly",
                    times(stuck.len() as u64)
                )],
            }),
            role: if first.listening { "service" } else { "client" },
            assumed: scene.judged(first.member).roles.assumed,
            members: stuck.iter().map(|spell| spell.member).collect(),
            of: service.map_or(0, |service| service.connections),
            words: Words {
                headline: headline(&all, left),
                says: says(scene, &all, left, longest, first) + &listed(scene, first),
                advice: advice(&all, left, longest),
                next: next(first),
            },
            against: vec!["sockets whose FIN came before the capture began are not counted".into()],
            since: Some(first.from.at),
            lasted: Some(Lasted { span: longest, at_least: left > 0 }),
            evidence: evidence(&stuck),
            proof: Vec::new(),
            data: Some(Data::Curve(all)),
            place,
        };
        Some(finding)
    }
}

/// How likely the program is at best, by the connections themselves: many do not make surer what none of them shows.
fn program(scene: &Scene<'_>, stuck: &[&Spell]) -> Certainty {
    let findings = stuck.iter().flat_map(|spell| &scene.judged(spell.member).verdict.findings);
    let causes = findings.filter_map(|finding| finding.cause.as_ref());
    let by_program = causes.filter(|cause| cause.what == "the program").map(|cause| cause.certainty);
    by_program.max().unwrap_or(Certainty::Possible).min(Certainty::Likely)
}

/// As for a single missing FIN: three or more of ten seconds are an error on the listening side.
fn severity(scene: &Scene<'_>, listening: bool, exceeded: bool, stuck: &[&Spell]) -> Severity {
    let end = scene.outcome.capture.last.at;
    let standing = stuck.iter().filter(|spell| spell.until.is_none() && spell.span(end) >= Span::secs(10));
    match (standing.count() >= 3, listening) {
        _ if exceeded => Severity::Error,
        (true, true) => Severity::Error,
        (true, false) | (false, true) => Severity::Warning,
        (false, false) => Severity::Note,
    }
}

fn headline(curve: &Curve, left: u64) -> String {
    let Curve { place, peak, growth_per_hour, .. } = curve;
    match growth_per_hour {
        Some(rate) if left * 2 > peak.close_wait => {
            format!(
                "CLOSE-WAIT builds up at {place}: {} at the end, {rate:.1} more per hour",
                thousands(left)
            )
        }
        _ if left * 2 > peak.close_wait && left >= FEWEST => {
            format!("CLOSE-WAIT builds up at {place}: {} at the end of the capture", thousands(left))
        }
        _ => format!("up to {} in CLOSE-WAIT at {place}", count(peak.close_wait, "connection")),
    }
}

fn says(scene: &Scene<'_>, curve: &Curve, left: u64, longest: Span, first: &Spell) -> String {
    let peak = curve.peak;
    let mut says = format!(
        "Of connections that had reached CLOSE-WAIT and did not close promptly, netstat there would have counted {} at the \
         peak ({}), {} at the end; the first since {} ({}), the longest for {}{longest}.",
        thousands(peak.close_wait),
        scene.time(peak.at),
        thousands(left),
        scene.time(first.from.at),
        scene.frame(first.member, first.from.frame),
        if left > 0 { "at least " } else { "" },
    );
    if let Some((limit, Some(when))) = curve.limit {
        says += &format!(" The limit of {limit} was exceeded at {}.", scene.time(when));
    }
    let waiting = curve.points.iter().map(|point| point.fin_wait_2).max().unwrap_or(0);
    if waiting > 0 {
        says += &format!(
            " In FIN-WAIT-2 there, because their peers had not closed: up to {}.",
            thousands(waiting)
        );
    }
    says
}

/// The same curve as the host's own table counted it.
fn listed(scene: &Scene<'_>, first: &Spell) -> String {
    let counts = match first.listening {
        true => scene.outcome.evidence.close_wait_counts(first.owner),
        false => Vec::new(),
    };
    let (Some(&(from, was)), Some(&(to, is))) = (counts.first(), counts.last()) else { return String::new() };
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    match counts.len() {
        1 => format!(" Its socket table counted {} at {}.", thousands(is), scene.time(to)),
        n => format!(
            " Its socket table counted {} at {}, {} at {}, {} at most ({n} listings).",
            thousands(was),
            scene.time(from),
            thousands(is),
            scene.time(to),
            thousands(most)
        ),
    }
}

fn advice(curve: &Curve, left: u64, longest: Span) -> Vec<String> {
    let stays = left * 2 > curve.peak.close_wait && left >= FEWEST;
    let kind = if stays && longest < Span::secs(60) {
        "Count again some minutes later: what stays is a leak, what goes was only late."
    } else if stays {
        "What stays is a leak. Each holds a descriptor, and often a thread; when those run out the service stops."
    } else if left == 0 {
        "It does not stay: closes come, but late. Look for what the program waits for before it closes."
    } else {
        "Half of it or more does not stay: closes come, but late. Count again some minutes later: what is left then is a leak."
    };
    vec![kind.into(), "No timer ends CLOSE-WAIT: no ndd, sysctl or registry value does.".into()]
}

fn next(first: &Spell) -> Vec<(String, &'static str, String)> {
    let port =
        if first.listening { format!(" '( sport = :{} )'", first.owner.port()) } else { String::new() };
    let here = first.owner.addr().to_string();
    vec![
        (here.clone(), "Linux", format!("date; ss -tan state close-wait{port} | wc -l")),
        (here.clone(), "Solaris", "date; netstat -an -f inet -P tcp | grep -c CLOSE_WAIT".into()),
        (here.clone(), "BSD", "date; netstat -an -p tcp | grep -c CLOSE_WAIT".into()),
        (here, "Windows", "netstat -ano | find /c \"CLOSE_WAIT\"".into()),
    ]
}

/// The first, and the one that made the most.
fn evidence(stuck: &[&Spell]) -> Vec<(usize, crate::wire::Stamp, String)> {
    let label = |n: usize| format!("number {} had reached CLOSE-WAIT", n + 1);
    let mut shown = vec![0];
    shown.extend((stuck.len() > 1).then_some(stuck.len() - 1));
    shown.into_iter().map(|n| (stuck[n].member, stuck[n].from, label(n))).collect()
}
