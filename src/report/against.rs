//! Before and after: what changed between an earlier report and this one. Findings are the same if they have the same
//! name at the same place; they are compared by rate, since captures differ in length.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{count, number};
use super::{Finding, Length, Place, Report, Service, Severity, Time};
use crate::wire::Span;

/// What changed since an earlier report.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Against {
    /// The earlier report.
    pub before: Before,
    /// Findings that are no longer there.
    pub gone: Vec<Change>,
    /// Findings that were not there.
    pub new: Vec<Change>,
    /// Findings that grew or shrank by half or more, or became better or worse.
    pub changed: Vec<Change>,
    /// Findings that stayed as they were.
    pub same: u64,
    /// Findings that one of the reports had no room for: what is called gone or new may be among them.
    #[serde(default)]
    pub left_out: u64,
}

/// An earlier report.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Before {
    /// Its files.
    pub inputs: Vec<String>,
    /// Time of its first frame.
    pub first: Option<Time>,
    /// From its first frame to its last.
    pub duration: Option<Length>,
    /// Its connections.
    pub connections: u64,
}

/// One finding, before and after.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The finding's name.
    pub name: String,
    /// Where.
    pub at: Place,
    /// How it was; null if it was not there.
    pub before: Option<Rate>,
    /// How it is; null if it is not there.
    pub after: Option<Rate>,
    /// False if this report has no connection of that place at all, so that nothing was tested; null if that cannot be
    /// told, since it has more services than it lists.
    pub tested: Option<bool>,
}

/// How bad a finding is and how often it is met.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// How bad.
    pub severity: Severity,
    /// On so many connections.
    pub count: u64,
    /// Connections of that place in all.
    pub of: u64,
    /// Per hour of capture; null where the capture has no length.
    pub per_hour: Option<f64>,
}

/// A rate that moved by less than this factor is the same: a handful of connections more or less proves nothing.
const FACTOR: f64 = 1.5;

impl Against {
    /// Compares `new` with the report on an earlier capture.
    pub fn compare(old: &Report, new: &Report) -> Against {
        let mut against = Against {
            before: Before {
                inputs: old.inputs.iter().map(|input| input.path.clone()).collect(),
                first: old.capture.first,
                duration: old.capture.duration,
                connections: old.totals.connections,
            },
            gone: Vec::new(),
            new: Vec::new(),
            changed: Vec::new(),
            same: 0,
            left_out: old.left_out.findings + new.left_out.findings,
        };
        let alike = |finding: &Finding, other: &Finding| {
            finding.name == other.name && finding.at.name == other.at.name
        };
        for finding in &new.findings {
            let earlier = old.findings.iter().find(|other| alike(finding, other));
            let change = Change {
                name: finding.name.clone(),
                at: finding.at.clone(),
                before: earlier.map(|finding| Rate::of(finding, old)),
                after: Some(Rate::of(finding, new)),
                tested: Some(true),
            };
            match (&change.before, &change.after) {
                (Some(before), Some(after)) if before.resembles(after) => against.same += 1,
                (Some(_), _) => against.changed.push(change),
                (None, _) => against.new.push(change),
            }
        }
        for finding in old.findings.iter().filter(|old| !new.findings.iter().any(|new| alike(old, new))) {
            against.gone.push(Change {
                name: finding.name.clone(),
                at: finding.at.clone(),
                before: Some(Rate::of(finding, old)),
                after: None,
                tested: has_traffic(new, &finding.at),
            });
        }
        against
    }

    /// What to say, one line per change: `gone: missing-fin at 192.0.2.9:8080, was error, 10 of 10 (4.8 per hour)`.
    pub(super) fn lines(&self) -> Vec<String> {
        let groups = [("gone", &self.gone), ("new", &self.new), ("changed", &self.changed)];
        let mut lines: Vec<String> = groups
            .into_iter()
            .flat_map(|(word, changes)| {
                changes.iter().map(move |change| format!("{word}: {}", change.line()))
            })
            .collect();
        if self.same > 0 {
            lines.push(format!("{} as before", count(self.same, "finding")));
        }
        if self.left_out > 0 {
            let left_out = count(self.left_out, "finding");
            lines.push(format!("not compared: {left_out} that the reports had no room for; what is gone or new may be among them"));
        }
        if lines.is_empty() {
            lines.push("no finding before, none now".to_owned());
        }
        lines
    }

    /// What it is compared with: `old.pcap, 2 h 3 min, 1,284 connections`.
    pub(super) fn title(&self) -> String {
        let before = &self.before;
        let duration = before.duration.as_ref().map_or(String::new(), |length| format!("{length}, "));
        format!("{}, {duration}{}", before.inputs.join(" "), count(before.connections, "connection"))
    }
}

impl Change {
    fn line(&self) -> String {
        let mut line = format!("{} at {}", self.name, self.at.name);
        if let Some(before) = &self.before {
            line += &format!(", was {before}");
        }
        if let Some(after) = &self.after {
            line += &format!(", is {after}");
        }
        line += match self.tested {
            Some(true) => "",
            Some(false) => "; not tested: no connection of it was captured now",
            None => "; perhaps not tested: it is none of the services that are listed now",
        };
        line
    }
}

impl Rate {
    fn of(finding: &Finding, report: &Report) -> Rate {
        let duration = report.capture.duration.map(|length| length.0).filter(|&span| span > Span::ZERO);
        Rate {
            severity: finding.severity,
            count: finding.count,
            of: finding.of,
            per_hour: duration.map(|span| finding.count as f64 * 3_600.0 / span.as_secs_f64()),
        }
    }

    fn resembles(&self, other: &Rate) -> bool {
        let close = |a: f64, b: f64| a < b * FACTOR && b < a * FACTOR;
        self.severity == other.severity
            && match (self.per_hour, other.per_hour) {
                (Some(a), Some(b)) => close(a, b),
                _ => self.count == other.count,
            }
    }
}

/// `error, 10 of 10 (4.8 per hour)`.
impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} of {}", self.severity.word().to_lowercase(), number(self.count), number(self.of))?;
        match self.per_hour {
            Some(rate) => write!(f, " ({rate:.1} per hour)"),
            None => Ok(()),
        }
    }
}

/// Whether a report saw anything of that place; none if it does not list all services. Hosts and captures have no name that
/// services carry: they count as seen.
fn has_traffic(report: &Report, place: &Place) -> Option<bool> {
    let service = match place.role.as_str() {
        "service" => place.name.as_str(),
        "path" => place.name.rsplit(" - ").next().unwrap_or_default(),
        _ => return Some(report.totals.connections > 0),
    };
    let listed = report.services.iter().any(|known| known.endpoint == service);
    (listed || report.services.len() < Service::LISTED).then_some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{quiet, sample};

    #[test]
    fn a_mended_service_a_new_leak_and_an_untested_one() {
        let mut after = quiet();
        after.findings = vec![sample().findings[0].clone(), sample().findings[2].clone()];
        after.findings[0].at.name = "192.0.2.9:443".into();
        after.findings[1].count = 90;
        let lines = Against::compare(&sample(), &after).lines();
        insta::assert_snapshot!(lines.join("\n"), @r#"
gone: missing-fin at 192.0.2.9:8080, was error, 10 of 10 (4.8 per hour); not tested: no connection of it was captured now
gone: path-idle-timeout at 198.51.100.7 - [2001:db8::5]:5000, was warning, 7 of 38 (3.4 per hour); not tested: no connection of it was captured now
new: missing-fin at 192.0.2.9:443, is error, 10 of 10 (4.8 per hour)
changed: probe at 198.51.100.2, was note, 20 of 20 (9.7 per hour), is note, 90 of 20 (43.6 per hour)
"#);
    }

    #[test]
    fn nothing_is_called_untested_where_not_all_services_are_listed() {
        let mut after = quiet();
        let service = sample().services[0].clone();
        let others = (0..Service::LISTED).map(|n| format!("203.0.113.1:{n}"));
        after.services = others.map(|endpoint| Service { endpoint, ..service.clone() }).collect();
        let untested = |after: &Report| Against::compare(&sample(), after).gone[0].tested;
        assert_eq!(untested(&after), None);
        after.services[0].endpoint = service.endpoint;
        assert_eq!(untested(&after), Some(true));
        after.services.drain(..2);
        assert_eq!(untested(&after), Some(false));
    }

    #[test]
    fn the_same_report_twice_has_no_changes() {
        let against = Against::compare(&sample(), &sample());
        assert_eq!(against.lines(), ["3 findings as before"]);
        assert_eq!(against.title(), "web-2026-11-23.pcapng, 2 h 3 min, 1,284 connections");
    }

    #[test]
    fn rates_are_compared_not_counts() {
        let mut longer = sample();
        longer.capture.duration = Some(Span::secs(74_241).into());
        for finding in &mut longer.findings {
            finding.count *= 10;
        }
        assert_eq!(Against::compare(&sample(), &longer).same, 3);
        longer.findings[0].count *= 2;
        assert_eq!(Against::compare(&sample(), &longer).changed.len(), 1);
    }
}
