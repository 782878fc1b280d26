//! One table over all reports of a batch: which capture is worst, which service, client and hour leaks, which path has
//! which timer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::findings::is_owed;
use crate::report::{Certainty, Connection, Length, Report, Severity, Time, Verdict};

/// The index of a batch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Index {
    /// `cwait-pcap/batch`.
    pub schema: String,
    /// Of this form.
    pub schema_version: String,
    /// The captures, the worst first.
    pub captures: Vec<Entry>,
    /// Services that owe FINs, the worst first.
    pub services: Vec<Leak>,
    /// Clients of connections on which a FIN is owed.
    pub clients: Vec<Leak>,
    /// Hours (UTC) in which the peer closed connections that still lack the other FIN.
    pub hours: Vec<Leak>,
    /// Timers on paths, bounded by the silences of all captures together.
    pub timers: Vec<Timer>,
    /// Files that could not be read, or only in part, with the reason.
    pub failed: Vec<Failed>,
    /// Files with the same content as another one, which counts once.
    pub twice: Vec<Failed>,
    /// Files in folders that are no captures.
    pub foreign: u64,
}

/// One capture, be it of one file or of a set.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its files, in order.
    pub files: Vec<String>,
    /// Its reports, beside the index.
    pub reports: Vec<String>,
    /// What its report says in one line, and how bad that is.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Time of its first frame.
    pub first: Option<Time>,
    /// Time of its last frame.
    pub last: Option<Time>,
    /// Frames read.
    pub frames: u64,
    /// Connections seen.
    pub connections: u64,
    /// Connections on which a FIN is owed.
    pub owes_fin: u64,
    /// Its findings: name, place, number of connections.
    pub findings: Vec<(String, String, u64)>,
    #[serde(skip)]
    leaks: Vec<(Where, String, u64, u64)>,
}

/// What leaks are counted by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Where {
    Service,
    Client,
    Hour,
}

/// How much leaks in one place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Leak {
    /// Endpoint, address, or hour.
    pub at: String,
    /// Connections on which a FIN is owed.
    pub owes_fin: u64,
    /// Connections in all, where that is counted.
    pub of: Option<u64>,
    /// The captures that show it.
    pub captures: Vec<String>,
}

/// A timer on a path.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Timer {
    /// Which path.
    pub path: String,
    /// `path-idle-timeout` or the like.
    pub finding: String,
    /// How sure.
    pub certainty: Certainty,
    /// The longest silence survived in any capture.
    pub above: Option<Length>,
    /// The shortest that failed.
    pub at_most: Option<Length>,
    /// Connections that survived a silence, at most 400.
    pub survived: u64,
    /// Connections that did not, at most 400.
    pub failed: u64,
    /// In words.
    pub headline: String,
    /// The captures with a witness.
    pub captures: Vec<String>,
}

/// A file that was not read, or only in part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failed {
    /// Which.
    pub path: String,
    /// Why.
    pub why: String,
}

/// Files that were not read, or only in part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeftOut {
    /// Something was wrong with them.
    pub failed: Vec<Failed>,
    /// They are there under another name.
    pub twice: Vec<Failed>,
    /// So many in folders are no captures.
    pub foreign: u64,
}

impl LeftOut {
    /// Adds files in which something was wrong, those that are known already left out.
    pub fn add(&mut self, failed: Vec<Failed>) {
        for file in failed {
            if self.failed.iter().all(|known| known.path != file.path) {
                self.failed.push(file);
            }
        }
    }
}

impl Entry {
    /// How bad it is in a word, if anything can be said of it, and what.
    pub fn in_two(&self) -> (&str, &str) {
        match self.verdict.severity {
            Some(severity) if severity > Severity::Note => (severity.word(), &self.verdict.headline),
            _ => self.verdict.in_two(),
        }
    }

    /// Of a report that lists at least its flagged connections.
    pub fn new(name: String, report: &Report, reports: Vec<String>) -> Entry {
        let owed: Vec<&Connection> =
            report.connections.iter().filter(|c| c.finding.as_deref().is_some_and(is_owed)).collect();
        let mut leaks: BTreeMap<(Where, String), (u64, u64)> = BTreeMap::new();
        for service in report.services.iter().filter(|service| service.owes_fin > 0) {
            let count = leaks.entry((Where::Service, service.endpoint.clone())).or_default();
            *count = (count.0 + service.owes_fin, count.1 + service.connections);
        }
        for connection in &owed {
            leaks.entry((Where::Client, host(&connection.client).to_owned())).or_default().0 += 1;
            if let Some(hour) = hour(connection) {
                leaks.entry((Where::Hour, hour)).or_default().0 += 1;
            }
        }
        Entry {
            name,
            files: report.inputs.iter().map(|input| input.path.clone()).collect(),
            reports,
            verdict: report.verdict.clone(),
            first: report.capture.first,
            last: report.capture.last,
            frames: report.capture.frames,
            connections: report.totals.connections,
            owes_fin: owed.len() as u64,
            findings: (report.findings.iter())
                .map(|finding| (finding.name.clone(), finding.at.name.clone(), finding.count))
                .collect(),
            leaks: leaks.into_iter().map(|((kind, at), (owes, of))| (kind, at, owes, of)).collect(),
        }
    }
}

impl Index {
    /// Of all captures of a batch.
    pub fn new(mut captures: Vec<Entry>, timers: Vec<Timer>, left_out: LeftOut) -> Index {
        let LeftOut { failed, twice, foreign } = left_out;
        captures.sort_by(|one, other| {
            let badness = |entry: &Entry| (entry.verdict.severity, entry.owes_fin, entry.findings.len());
            badness(other).cmp(&badness(one)).then_with(|| one.name.cmp(&other.name))
        });
        let sum = |kind: Where| {
            let mut all: BTreeMap<String, Leak> = BTreeMap::new();
            for entry in &captures {
                for (_, at, owes, of) in entry.leaks.iter().filter(|leak| leak.0 == kind) {
                    let blank = Leak { at: at.clone(), owes_fin: 0, of: None, captures: Vec::new() };
                    let leak = all.entry(at.clone()).or_insert(blank);
                    leak.owes_fin += owes;
                    if kind == Where::Service {
                        leak.of = Some(leak.of.unwrap_or(0) + of);
                    }
                    leak.captures.push(entry.name.clone());
                }
            }
            let mut all: Vec<_> = all.into_values().collect();
            if kind != Where::Hour {
                all.sort_by(|one, other| other.owes_fin.cmp(&one.owes_fin).then(one.at.cmp(&other.at)));
            }
            all
        };
        Index {
            schema: "cwait-pcap/batch".to_owned(),
            schema_version: "1.0".to_owned(),
            services: sum(Where::Service),
            clients: sum(Where::Client),
            hours: sum(Where::Hour),
            captures,
            timers,
            failed,
            twice,
            foreign,
        }
    }
}

/// The address of an endpoint.
fn host(endpoint: &str) -> &str {
    let addr = endpoint.rsplit_once(':').map_or(endpoint, |(addr, _)| addr);
    addr.trim_start_matches('[').trim_end_matches(']')
}

/// The hour in which the side that closed sent its FIN; of a DATA_FIN a report does not hold the time.
fn hour(connection: &Connection) -> Option<String> {
    let closed = match connection.side.as_deref() {
        Some("client") => &connection.server_side,
        _ => &connection.client_side,
    };
    let time = closed.fin.as_ref()?.first.time.to_string();
    Some(format!("{}:00Z", time.get(..13)?))
}
