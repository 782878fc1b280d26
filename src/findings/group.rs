//! Findings of one rule told as one, and the words for them.

use super::{CaptureFacts, Case, Finding};

/// Findings of one rule at one place: what a report tells as one.
pub struct Group<'a> {
    /// The place, as printed: endpoint, host or path.
    pub place: String,
    /// The findings with their connections, the one that says most first.
    pub members: Vec<(&'a Case<'a>, &'a Finding)>,
    /// Connections of that place in all.
    pub of: u64,
    /// Length of the capture.
    pub capture: &'a CaptureFacts,
}

/// What a report says of a group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words {
    /// One line.
    pub headline: String,
    /// A few sentences.
    pub says: String,
    /// What helps, and what does not.
    pub advice: Vec<String>,
    /// Commands: machine, operating system, command.
    pub next: Vec<(String, &'static str, String)>,
}

/// Whose the finding is: how connections are put together in a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The side at fault: a listening endpoint, or a connecting host.
    Side,
    /// The path between the client's host and the service.
    Path,
    /// The client's host.
    Client,
    /// The whole capture.
    Capture,
}
