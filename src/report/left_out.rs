//! What a report has no room for. Whoever makes up endpoints can make a finding at each of them; a report holds the worst
//! and counts the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{count, number};
use super::{Finding, Severity, Undecided};

/// Findings and undecided cases that a report counts and does not hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Findings beyond [`Finding::AT_MOST`], the least bad ones.
    pub findings: u64,
    /// How bad the worst of these is; null if there are none. Whether it would be accepted is not known.
    pub severity: Option<Severity>,
    /// Undecided cases beyond [`Undecided::AT_MOST`], those of the fewest connections.
    pub undecided: u64,
    /// The connections of these.
    pub undecided_connections: u64,
}

impl LeftOut {
    /// One sentence for each kind; nothing if nothing was left out.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let findings = self.severity.map(|worst| {
            format!(
                "{} left out, the worst of them {}: a report holds {}, the worst ones",
                were(self.findings, "more finding"),
                worst.one(),
                number(Finding::AT_MOST as u64)
            )
        });
        let undecided = (self.undecided > 0).then(|| {
            format!(
                "{} left out, of {}: a report holds {}, those of most connections",
                were(self.undecided, "more undecided case"),
                count(self.undecided_connections, "connection"),
                number(Undecided::AT_MOST as u64)
            )
        });
        findings.into_iter().chain(undecided)
    }
}

fn were(n: u64, what: &str) -> String {
    format!("{} {}", count(n, what), if n == 1 { "is" } else { "are" })
}
