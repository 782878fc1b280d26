//! What was found, and what could not be judged: where, how bad, how sure, on what proof, and what to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Accepted, Drawing, Lasted, Quote, Time};

/// One finding, about one connection or many of the same kind at the same place.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable name: `missing-fin`.
    pub name: String,
    /// How bad.
    pub severity: Severity,
    /// How sure the fact is.
    pub fact: Certainty,
    /// What is the most likely cause, and how sure that is; null where none is named.
    pub cause: Option<Cause>,
    /// Who or what it is about.
    pub at: Place,
    /// Connections it was found on.
    pub count: u64,
    /// Connections of that place in all.
    pub of: u64,
    /// One line, without name and severity: `10.1.0.9:8080 owes its FIN on 10 of its 10 connections`.
    pub headline: String,
    /// What was seen, in a few sentences.
    pub says: String,
    /// What speaks against it.
    pub against: Vec<String>,
    /// What helps, and what does not.
    pub advice: Vec<String>,
    /// What would decide it: commands to run.
    pub next: Vec<Step>,
    /// Since when.
    pub since: Option<Time>,
    /// For how long.
    pub lasted: Option<Lasted>,
    /// Who holds the sockets, by the socket table: `python3 (pid 4828)`, `7 by ..., 3 by no process`.
    #[serde(default)]
    pub process: Option<String>,
    /// The frames that prove it, of the first connection.
    pub evidence: Vec<Evidence>,
    /// The lines of the hosts' records that prove it, of the first few connections.
    #[serde(default)]
    pub quotes: Vec<Quote>,
    /// The connections, by [`Connection::id`](super::Connection::id); at most [`Finding::LISTED`].
    pub connections: Vec<String>,
    /// A Wireshark display filter that shows them.
    pub filter: String,
    /// Why it is accepted; null if it is not. What is accepted decides nothing.
    #[serde(default)]
    pub accepted: Option<Accepted>,
    /// What can be drawn of it; null for findings on single connections.
    pub data: Option<Drawing>,
}

impl Finding {
    /// How many findings a report holds.
    pub const AT_MOST: usize = 1_000;
    /// How many connections a finding lists by name.
    pub const LISTED: usize = 1_000;
    /// How many lines of the hosts' records a finding quotes.
    pub const QUOTED: usize = 8;
}

/// How bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warning,
    /// Somebody has to act.
    Error,
}

impl Severity {
    /// As reports print it: `ERROR`.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Note => "NOTE",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        }
    }

    /// In a sentence: `a note`.
    pub(super) const fn one(self) -> &'static str {
        match self {
            Severity::Note => "a note",
            Severity::Warning => "a warning",
            Severity::Error => "an error",
        }
    }
}

/// How sure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The facts allow it.
    Possible,
    /// The facts speak for it, and nothing that was looked at speaks against it.
    Likely,
    /// The facts leave nothing else.
    Certain,
}

impl Certainty {
    /// As reports print it: `LIKELY`.
    pub const fn word(self) -> &'static str {
        match self {
            Certainty::Possible => "POSSIBLE",
            Certainty::Likely => "LIKELY",
            Certainty::Certain => "CERTAIN",
        }
    }
}

/// Where a finding points.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// `service`, `client`, `path` or `capture`.
    pub role: String,
    /// Endpoint (`10.1.0.9:8080`), host (`10.1.0.9`), or path (`10.1.0.7 - 10.1.0.9:8080`).
    pub name: String,
    /// The role was guessed, since no handshake was seen.
    pub assumed: bool,
}

impl Place {
    /// Between what is counted there and its name: `3 connections of 10.1.0.9`.
    pub(super) fn preposition(&self) -> &'static str {
        match self.role.as_str() {
            "client" => "of",
            "path" => "on",
            _ => "at",
        }
    }
}

/// The most likely cause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// `the program`, `the path`, `the reader`, `the capture`, `the host`.
    pub what: String,
    /// How sure.
    pub certainty: Certainty,
    /// Why: `host alive to the end`, `3,120 FINs of it passed on other connections`.
    pub because: Vec<String>,
}

/// A command to run next.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// On which machine: `10.1.0.9`, `here`.
    pub on: String,
    /// `Linux`, `Solaris`, `BSD`, `Windows`, `any`.
    pub os: String,
    /// The command.
    pub command: String,
}

impl Step {
    /// Where, as reports print it: `on 10.1.0.9 (Linux)`, `here`.
    pub(crate) fn place(&self) -> String {
        let place = if self.on == "here" { "here".to_owned() } else { format!("on {}", self.on) };
        if self.os == "any" { place } else { format!("{place} ({})", self.os) }
    }
}

/// A frame that proves something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Of which connection.
    pub connection: String,
    /// Wireshark's stream number.
    pub stream: Option<u32>,
    /// Frame number.
    pub frame: u64,
    /// Its time.
    pub time: Time,
    /// What it shows: `FIN of the client`.
    pub label: String,
}

/// What could not be judged.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Undecided {
    /// The finding it might have been.
    pub name: String,
    /// Where.
    pub at: Place,
    /// Connections.
    pub count: u64,
    /// Why it is undecided, in a sentence or two.
    pub says: String,
    /// What would decide it.
    pub next: Vec<Step>,
    /// The connections, by id; at most [`Finding::LISTED`].
    pub connections: Vec<String>,
}

impl Undecided {
    /// How many undecided cases a report holds.
    pub const AT_MOST: usize = 1_000;
}
