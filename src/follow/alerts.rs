//! What is new since the look before: a finding appears, changes, or is no longer there.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::report::text::plain;
use crate::report::{Certainty, Finding, Lasted, Place, Report, Severity, Step, Time};

/// The name and version of the alert lines.
pub const ALERT_SCHEMA: &str = "cwait-pcap/alert 1.0";

/// How a finding moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there before.
    Opened,
    /// It is met on more or fewer connections, became better or worse, or is surer or less sure.
    Updated,
    /// It is not there any more: the FIN came, say, or the connection was given up for memory.
    Closed,
}

impl Change {
    /// As it is printed: `opened`.
    pub const fn word(self) -> &'static str {
        match self {
            Change::Opened => "opened",
            Change::Updated => "updated",
            Change::Closed => "closed",
        }
    }
}

/// One change, as one line of JSON.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Alert {
    /// Always [`ALERT_SCHEMA`].
    pub schema: &'static str,
    /// What happened to it.
    pub alert: Change,
    /// The same from its opening to its closing: `missing-fin@10.1.0.9:8080`.
    pub id: String,
    /// Time of the latest frame when it was noticed; null if there was none.
    pub as_of: Option<Time>,
    /// Frames read until then.
    pub frames: u64,
    /// The finding's name.
    pub name: String,
    /// How bad it is, or was when it was last there.
    pub severity: Severity,
    /// How sure the fact is.
    pub fact: Certainty,
    /// Who or what it is about.
    pub at: Place,
    /// Connections it is found on; 0 when closed.
    pub count: u64,
    /// Connections of that place in all.
    pub of: u64,
    /// One line, without name and severity.
    pub headline: String,
    /// Since when.
    pub since: Option<Time>,
    /// For how long.
    pub lasted: Option<Lasted>,
    /// What would decide it: commands to run.
    pub next: Vec<Step>,
    /// A Wireshark display filter that shows the connections.
    pub filter: String,
}

/// The findings that are open.
#[derive(Default)]
pub struct Alerts {
    open: BTreeMap<String, Alert>,
}

impl Alerts {
    /// What changed since the report before, in the order of the report; what is closed comes last. What the user has
    /// accepted is nothing to wake anybody for.
    pub fn update(&mut self, report: &Report) -> Vec<Alert> {
        let mut changes = Vec::new();
        let mut open = BTreeMap::new();
        for finding in report.findings.iter().filter(|finding| finding.weight().is_some()) {
            let mut alert = alert(finding, report);
            match self.open.remove(&alert.id) {
                Some(before) if before.resembles(&alert) => {}
                Some(_) => {
                    alert.alert = Change::Updated;
                    changes.push(alert.clone());
                }
                None => changes.push(alert.clone()),
            }
            open.insert(alert.id.clone(), alert);
        }
        changes.extend(std::mem::replace(&mut self.open, open).into_values().map(|gone| Alert {
            alert: Change::Closed,
            as_of: report.capture.last,
            frames: report.capture.frames,
            count: 0,
            ..gone
        }));
        changes
    }

    /// Findings that are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }
}

impl Alert {
    fn resembles(&self, other: &Alert) -> bool {
        (self.severity, self.fact, self.count) == (other.severity, other.fact, other.count)
    }
}

/// `opened WARNING missing-fin: 10.1.0.9:8080 owes its FIN on 3 of its 9 connections`.
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, severity) = (self.alert.word(), self.severity.word());
        match self.alert {
            Change::Closed => write!(f, "{word} {}: {}", plain(&self.name), plain(&self.at.name)),
            _ => write!(f, "{word} {severity} {}: {}", plain(&self.name), plain(&self.headline)),
        }
    }
}

fn alert(finding: &Finding, report: &Report) -> Alert {
    Alert {
        schema: ALERT_SCHEMA,
        alert: Change::Opened,
        id: format!("{}@{}", finding.name, finding.at.name),
        as_of: report.capture.last,
        frames: report.capture.frames,
        name: finding.name.clone(),
        severity: finding.severity,
        fact: finding.fact,
        at: finding.at.clone(),
        count: finding.count,
        of: finding.of,
        headline: finding.headline.clone(),
        since: finding.since,
        lasted: finding.lasted.clone(),
        next: finding.next.clone(),
        filter: finding.filter.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Accepted;
    use crate::report::sample::{quiet, sample};

    fn accepted() -> Accepted {
        Accepted { reason: "ticket 4711".into(), until: None }
    }

    fn said(changes: Vec<Alert>) -> Vec<String> {
        changes.iter().map(|alert| format!("{} {} {}", alert.alert.word(), alert.id, alert.count)).collect()
    }

    #[test]
    fn a_finding_opens_grows_stays_and_closes() {
        let mut alerts = Alerts::default();
        assert_eq!(said(alerts.update(&quiet())), [""; 0]);
        let mut report = quiet();
        report.findings = vec![sample().findings[0].clone()];
        assert_eq!(said(alerts.update(&report)), ["opened missing-fin@192.0.2.9:8080 10"]);
        assert_eq!(said(alerts.update(&report)), [""; 0]);
        report.findings[0].count = 11;
        assert_eq!(said(alerts.update(&report)), ["updated missing-fin@192.0.2.9:8080 11"]);
        assert_eq!(alerts.open(), 1);
        assert_eq!(said(alerts.update(&quiet())), ["closed missing-fin@192.0.2.9:8080 0"]);
        assert_eq!(alerts.open(), 0);
    }

    #[test]
    fn what_is_accepted_raises_nothing_and_closes_what_was_open() {
        let mut alerts = Alerts::default();
        let mut report = quiet();
        report.findings = vec![sample().findings[0].clone()];
        report.findings[0].accepted = Some(accepted());
        assert_eq!(said(alerts.update(&report)), [""; 0]);
        assert_eq!(alerts.open(), 0);
        report.findings[0].accepted = None;
        assert_eq!(said(alerts.update(&report)), ["opened missing-fin@192.0.2.9:8080 10"]);
        report.findings[0].accepted = Some(accepted());
        assert_eq!(said(alerts.update(&report)), ["closed missing-fin@192.0.2.9:8080 0"]);
    }

    #[test]
    fn two_findings_of_one_name_at_two_places_are_two_alerts() {
        let mut alerts = Alerts::default();
        let mut report = quiet();
        report.findings = vec![sample().findings[0].clone(), sample().findings[0].clone()];
        report.findings[1].at.name = "192.0.2.9:443".into();
        assert_eq!(alerts.update(&report).len(), 2);
        report.findings.remove(0);
        assert_eq!(said(alerts.update(&report)), ["closed missing-fin@192.0.2.9:8080 0"]);
    }
}
