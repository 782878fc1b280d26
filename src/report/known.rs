//! What the user told beforehand, in the report: names of hosts, habits of services, accepted findings. Wire types, and
//! how they are put onto a report that is there, new or kept.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::count;
use super::{Finding, Length, Report, Severity, Verdict};
use crate::known::{Config, Hosts};
use crate::wire::Timestamp;

/// A host that the user has named.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostName {
    /// Its address.
    pub address: String,
    /// What it is called.
    pub name: String,
    /// What it does: `server`, `client`, or another word.
    pub role: Option<String>,
}

/// The configuration that a report was made with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// The file, as given.
    pub path: String,
    /// Services whose habits it names.
    pub services: Vec<KnownHabit>,
    /// Findings that it accepts.
    pub accepted: Vec<AcceptedKind>,
}

/// How a service closes, by the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KnownHabit {
    /// `192.0.2.9:8080`, `:8080`, `192.0.2.9`.
    pub at: String,
    /// How long it may take to send its FIN.
    pub grace: Option<Length>,
    /// It goes on after its client's FIN.
    pub half_close: bool,
}

/// Findings that are accepted, by the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedKind {
    /// Their name.
    pub finding: String,
    /// Where; null: anywhere.
    pub at: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day, UTC.
    pub until: Option<String>,
    /// Its line in the file.
    pub line: u64,
    /// The capture ends after that day: nothing is accepted by it.
    pub over: bool,
    /// So many findings of this report are accepted by it.
    pub findings: u64,
}

/// Why a finding is accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// In the words of whoever accepted it.
    pub reason: String,
    /// The last day, UTC.
    pub until: Option<String>,
}

impl Accepted {
    /// `ticket 4711 (until 2027-01-31)`.
    pub(super) fn says(&self) -> String {
        match &self.until {
            Some(day) => format!("{} (until {day})", self.reason),
            None => self.reason.clone(),
        }
    }
}

impl Finding {
    /// As reports print it: how bad, or that it is accepted.
    pub(super) fn word(&self) -> &'static str {
        if self.accepted.is_some() { "ACCEPTED" } else { self.severity.word() }
    }

    /// How bad it is for whoever acts on the report; none if it is accepted.
    pub fn weight(&self) -> Option<Severity> {
        self.accepted.is_none().then_some(self.severity)
    }
}

impl Report {
    /// So many hosts are listed by name.
    const NAMED: usize = 1_000;

    /// Calls hosts by their names: in headlines behind their address, and in a list. Done twice, it is done once.
    pub fn call_hosts(&mut self, hosts: &Hosts) {
        if hosts.is_empty() {
            return;
        }
        let mut met = BTreeSet::new();
        let mut name = |end: &str| -> Option<String> {
            let address = address_of(end)?;
            let host = hosts.get(address)?;
            if met.len() < Report::NAMED {
                met.insert(address);
            }
            Some(host.name.clone())
        };
        for connection in &mut self.connections {
            connection.client_name = name(&connection.client).or(connection.client_name.take());
            connection.server_name = name(&connection.server).or(connection.server_name.take());
        }
        for service in &self.services {
            name(&service.endpoint);
        }
        let findings = self.findings.iter_mut().map(|finding| &mut finding.headline);
        let undecided = self.undecided.iter_mut().map(|undecided| &mut undecided.says);
        for text in findings.chain(undecided).chain([&mut self.verdict.headline]) {
            *text = called(text, &mut name);
        }
        let known = met.into_iter().filter_map(|address| {
            let host = hosts.get(address)?;
            Some(HostName { address: address.to_string(), name: host.name.clone(), role: host.role.clone() })
        });
        self.host_names.extend(known);
        self.host_names.sort();
        self.host_names.dedup_by(|a, b| a.address == b.address);
    }

    /// The name of the host of an endpoint or address; none if it was given none.
    pub(super) fn name_of(&self, end: &str) -> Option<&str> {
        let address = address_of(end)?.to_string();
        self.host_names.iter().find(|host| host.address == address).map(|host| host.name.as_str())
    }

    /// Puts the configuration on record, and marks what it accepts; that comes last and decides nothing.
    pub fn configure(&mut self, config: &Config) {
        let end = self.capture.last.map_or(Timestamp::default(), |last| last.0);
        let mut kinds: Vec<AcceptedKind> = config
            .accepted
            .iter()
            .map(|accepted| AcceptedKind {
                finding: accepted.finding.clone(),
                at: accepted.at.map(|at| at.to_string()),
                reason: accepted.reason.clone(),
                until: accepted.until.map(|day| day.to_string()),
                line: accepted.line as u64,
                over: accepted.is_over(end),
                findings: 0,
            })
            .collect();
        for finding in &mut self.findings {
            let takes =
                |at: &usize| !kinds[*at].over && config.accepted[*at].takes(&finding.name, &finding.at.name);
            finding.accepted = (0..kinds.len()).find(takes).map(|at| {
                kinds[at].findings += 1;
                Accepted { reason: kinds[at].reason.clone(), until: kinds[at].until.clone() }
            });
        }
        self.findings.sort_by_key(|finding| finding.accepted.is_some());
        self.verdict = Verdict::of(&self.findings, &self.undecided, &self.left_out, self.capture.tcp);
        let services = config.services.iter().map(|habit| KnownHabit {
            at: habit.at.to_string(),
            grace: habit.grace.map(Length::from),
            half_close: habit.half_close,
        });
        self.config =
            Some(Settings { path: config.path.clone(), services: services.collect(), accepted: kinds });
    }
}

impl HostName {
    /// `192.0.2.9 app-server (server)`.
    pub(super) fn says(&self) -> String {
        let role = self.role.as_ref().map_or(String::new(), |role| format!(" ({role})"));
        format!("{} {}{role}", self.address, self.name)
    }
}

impl Settings {
    /// One sentence for each thing that it says.
    pub(super) fn lines(&self) -> Vec<String> {
        let habits = self.services.iter().map(|habit| {
            let mut parts = Vec::new();
            if habit.half_close {
                parts.push("goes on after its client's FIN and owes none".to_owned());
            }
            if let Some(grace) = &habit.grace {
                parts.push(format!("may take {} to send its FIN", grace));
            }
            format!("{} {}", habit.at, parts.join(", "))
        });
        let accepted = self.accepted.iter().map(|kind| {
            let at = kind.at.as_ref().map_or(String::new(), |at| format!(" at {at}"));
            let until = match (&kind.until, kind.over) {
                (Some(day), true) => format!(" was accepted until {day}, before this capture ended"),
                (Some(day), false) => format!(" is accepted until {day}"),
                (None, _) => " is accepted".to_owned(),
            };
            let met = match kind.findings {
                0 if kind.over => String::new(),
                0 => "; none here".to_owned(),
                n => format!("; {} here", count(n, "finding")),
            };
            format!("{}{at}{until}: {}{met} (line {})", kind.finding, kind.reason, kind.line)
        });
        habits.chain(accepted).collect()
    }
}

/// The address of an endpoint, or of a host alone.
fn address_of(end: &str) -> Option<IpAddr> {
    let address = end.parse::<SocketAddr>().map(|end| end.ip()).or_else(|_| end.parse::<IpAddr>()).ok()?;
    Some(address.to_canonical())
}

/// The text with the name of each host behind the first mention of its address.
fn called(text: &str, name: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut told = BTreeSet::new();
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        let end = word.trim_end_matches([',', '.', ';', ':', ')']);
        out += end;
        if let Some(name) = name(end).filter(|name| told.insert(name.clone())) {
            let already = words.peek().is_some_and(|next| *next == format!("({name})"));
            if !already {
                out += &format!(" ({name})");
            }
        }
        out += &word[end.len()..];
        if words.peek().is_some() {
            out.push(' ');
        }
    }
    out
}
