//! `verdicts.toml`: from the words of a report to the verdicts of `truth.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use cwait_pcap::report::Connection;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// How many connections of each expected verdict must at least be judged rightly.
    pub at_least: BTreeMap<String, usize>,
    /// What a finding that names a connection amounts to; several where the finding covers several.
    findings: BTreeMap<String, Vec<String>>,
    /// Findings that tell a connection's own late FIN apart: sent, or never.
    by_own_fin: BTreeMap<String, OwnFin>,
    /// Findings that say nothing of how the connection ended.
    notes: Vec<String>,
    /// What an ending amounts to where nothing was found.
    endings: BTreeMap<String, String>,
    /// Verdicts that leave a fault unnoticed, but accuse nobody.
    pub quiet: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnFin {
    sent: String,
    never: String,
}

impl Verdicts {
    pub const NOT_IN_CAPTURE: &str = "not_in_capture";
    pub const INCONCLUSIVE: &str = "inconclusive";

    pub fn read(path: &Path) -> Verdicts {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn knows(&self, finding: &str) -> bool {
        self.findings.contains_key(finding)
            || self.by_own_fin.contains_key(finding)
            || self.notes.iter().any(|note| note == finding)
    }

    /// What the report says of a connection, in the words of `truth.json`.
    pub fn of(&self, connection: &Connection) -> Vec<&str> {
        let finding =
            connection.finding.as_deref().filter(|name| !self.notes.iter().any(|note| note == name));
        if let Some(name) = finding {
            if let Some(own) = self.by_own_fin.get(name) {
                let both = connection.client_side.fin.is_some() && connection.server_side.fin.is_some();
                return vec![if both { &own.sent } else { &own.never }];
            }
            let verdicts = self.findings.get(name);
            let verdicts =
                verdicts.unwrap_or_else(|| panic!("verdicts.toml does not know the finding {name}"));
            return verdicts.iter().map(String::as_str).collect();
        }
        if connection.undecided.is_some() {
            return vec![Verdicts::INCONCLUSIVE];
        }
        let ending = connection.ending.as_str();
        let verdict = self.endings.iter().find(|(start, _)| ending.starts_with(start.as_str()));
        vec![verdict.map_or(Verdicts::INCONCLUSIVE, |(_, verdict)| verdict)]
    }
}
