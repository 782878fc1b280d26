//! `half-closed-timeout`: a box forgets connections soon after one FIN has passed. Hosts have timers of a minute here,
//! too, so that a box is claimed only where nothing at all came back or where another machine spoke.

use super::data::Data;
use super::scene::Scene;
use super::timer::{Fit, groups, rounded_up};
use super::timer_words::{began, ended, fitting, how};
use super::{Pattern, PatternFinding};
use crate::findings::words::thousands;
use crate::findings::{Cause, Certainty, Severity, Words};
use crate::knowledge::timeouts::TimerKind;

pub(super) struct HalfClosedTimeout;

impl Pattern for HalfClosedTimeout {
    fn name(&self) -> &'static str {
        "half-closed-timeout"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut findings = Vec::new();
        for ((client, service), group) in groups(scene, true) {
            let Some(reading) = group.read(scene).filter(|reading| reading.fit != Fit::None) else {
                continue;
            };
            let bracket = &reading.bracket;
            // One death alone is told by its own finding.
            if bracket.failed < 2 && bracket.comparable == 0 {
                continue;
            }
            let place = format!("{client} - {service}");
            let interval = group.interval(&reading, TimerKind::HalfClosed);
            let (above, at_most) = (bracket.above, bracket.at_most);
            let survived = above.map_or(String::new(), |above| {
                format!("above {} ({} answered) and ", above.span, scene.frame(above.member, above.frame))
            });
            let mut evidence = Vec::new();
            if let Some(above) = above {
                evidence.push((
                    above.member,
                    ended(above),
                    format!("answered after {}, past a FIN", above.span),
                ));
            }
            evidence.push((
                at_most.member,
                began(at_most),
                "last segment before the silence that failed".into(),
            ));
            evidence.push((
                at_most.member,
                ended(at_most),
                format!("after {}: {}", at_most.span, how(&group, at_most.member)),
            ));
            let severity =
                if reading.certainty > Certainty::Possible { Severity::Warning } else { Severity::Note };
            findings.push(PatternFinding {
                name: self.name(),
                severity,
                fact: reading.certainty,
                cause: Some(Cause {
                    what: "the path",
                    certainty: reading.certainty.min(Certainty::Likely),
                    because: vec!["nothing came back, or another machine's RST: a host would have answered itself".into()],
                }),
                role: "path",
                place: place.clone(),
                assumed: group.assumed,
                members: group.failures.iter().map(|failure| failure.member).collect(),
                of: group.connections(),
                words: Words {
                    headline: format!("the path {place} forgets connections soon after one FIN"),
                    says: format!(
                        "Once one side had sent its FIN, a timer {survived}at most {} ({}: {}) ended the connection. {} \
                         died, {} survived.{}",
                        rounded_up(at_most.span),
                        scene.frame(at_most.member, at_most.frame),
                        how(&group, at_most.member),
                        thousands(bracket.failed as u64),
                        thousands(bracket.survived as u64),
                        fitting(&interval.candidates),
                    ),
                    advice: vec![
                        "A longer half-closed timer on the box, or programs that close fully instead of half.".into(),
                        format!(
                            "SO_KEEPALIVE on the side that goes on, first probe well below {}: its socket probes in CLOSE-WAIT \
                             too. The side that has closed sends none.",
                            above.map_or(at_most.span, |above| above.span)
                        ),
                    ],
                    next: Vec::new(),
                },
                against: group.against(scene),
                since: group.failures.iter().map(|failure| failure.broken.silence.resumed.at).min(),
                lasted: None,
                evidence,
                proof: Vec::new(),
                data: Some(Data::Interval(interval)),
            });
        }
        findings
    }
}
