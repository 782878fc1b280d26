//! `lossy-path`: more segments are sent again than a healthy network needs, in one direction or both.

use std::collections::HashMap;

use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::findings::words::thousands;
use crate::findings::{Cause, Certainty, ServiceFacts, Severity, Words};
use crate::wire::{Endpoint, Side};

pub(super) struct LossyPath;

/// Fewer repetitions say nothing of a rate.
const FEWEST: u64 = 20;
/// From this share on it is worth a note, in parts per thousand.
const NOTE: u64 = 10;
/// From this one on worth a look.
const WARNING: u64 = 30;

/// One direction of a service.
#[derive(Clone, Copy, Default)]
struct Direction {
    segments: u64,
    again: u64,
}

impl Direction {
    /// In parts per thousand.
    fn rate(self) -> u64 {
        self.again * 1_000 / self.segments.max(1)
    }

    fn is_lossy(self) -> bool {
        self.again >= FEWEST && self.rate() >= NOTE
    }

    /// `3.1 % (57 of 1,840)`
    fn text(self) -> String {
        let rate = self.again as f64 * 100.0 / self.segments.max(1) as f64;
        format!("{rate:.1} % ({} of {})", thousands(self.again), thousands(self.segments))
    }
}

impl Pattern for LossyPath {
    fn name(&self) -> &'static str {
        "lossy-path"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut members = lossy(scene);
        let mut services: Vec<_> = scene.outcome.services.iter().collect();
        services.sort_unstable_by_key(|(service, _)| **service);
        let finding = |(service, facts): (&Endpoint, &ServiceFacts)| {
            let direction = |role: usize| Direction {
                segments: facts.segments[role],
                again: facts.retransmissions[role],
            };
            let members = members.remove(service).unwrap_or_default();
            self.finding(scene, *service, [direction(0), direction(1)], members, facts.connections)
        };
        services.into_iter().filter_map(finding).collect()
    }
}

impl LossyPath {
    fn finding(
        &self,
        scene: &Scene<'_>,
        service: Endpoint,
        [to, from]: [Direction; 2],
        members: Vec<usize>,
        of: u64,
    ) -> Option<PatternFinding> {
        if !to.is_lossy() && !from.is_lossy() {
            return None;
        }
        let (worse, better) = if to.rate() >= from.rate() { (to, from) } else { (from, to) };
        let one_sided = better.segments >= 100 && better.rate() * 10 <= worse.rate();
        let severity = if worse.rate() >= WARNING { Severity::Warning } else { Severity::Note };
        let mut advice =
            vec!["Compare the error counters of every port on the way: CRC, drops, late collisions.".into()];
        if one_sided {
            advice.push(
                "Loss in one direction only that grows with the load: look for a duplex mismatch, one port fixed and the \
                 other left to negotiate."
                    .into(),
            );
        }
        let mut against = Vec::new();
        if scene.outcome.capture.drops.is_some_and(|drops| drops > 0) {
            against.push("the capture lost packets itself".into());
        }
        let direction = match (to.is_lossy(), from.is_lossy()) {
            (true, false) => "to",
            (false, true) => "from",
            _ => "to and from",
        };
        Some(PatternFinding {
            cause: Some(Cause {
                what: "the path",
                certainty: Certainty::Possible,
                because: vec!["a lost acknowledgment and a very slow answer look the same".into()],
            }),
            words: Words {
                headline: format!("segments {direction} {service} are lost on the way"),
                says: format!(
                    "Sent again: {} by its clients, {} by the service{}. What was repeated until the end and never \
                     answered is not counted, nor are connections that were cut off for a while.",
                    to.text(),
                    from.text(),
                    if one_sided { "; one direction only" } else { "" },
                ),
                advice,
                next: vec![(
                    service.addr().to_string(),
                    "Linux",
                    "ip -s link; ethtool -S eth0 | grep -iE 'err|drop|coll'; ethtool eth0 | grep -i duplex"
                        .into(),
                )],
            },
            against,
            members,
            of,
            ..PatternFinding::at(self.name(), severity, "path", service.to_string())
        })
    }
}

/// The listed connections of each service that show loss.
fn lossy(scene: &Scene<'_>) -> HashMap<Endpoint, Vec<usize>> {
    let mut services: HashMap<Endpoint, Vec<usize>> = HashMap::new();
    for (member, judged) in scene.outcome.connections.iter().enumerate() {
        if Side::BOTH.into_iter().any(|side| ServiceFacts::lost_at_random(&judged.connection, side) > 0) {
            services.entry(scene.path(member).1).or_default().push(member);
        }
    }
    services
}
