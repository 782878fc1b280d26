//! The answer in two sentences, from what was found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::count;
use super::{Finding, LeftOut, Severity, Undecided};

/// The answer on one screen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The worst severity found that is not accepted; null if nothing was found.
    pub severity: Option<Severity>,
    /// One line: `OK: no connection owes a FIN, none died after a silence`.
    pub headline: String,
}

impl Verdict {
    /// What the OK of a report denies, however slight it is.
    pub(super) const DENIES: &[&str] = &[
        "missing-fin",
        "missing-data-fin",
        "late-fin",
        "close-wait-aborted",
        "dead-after-idle",
        "reset-after-idle",
        "close-wait-buildup",
    ];

    pub(super) const OK: &str = "OK";
    pub(super) const UNDECIDED: &str = "UNDECIDED";

    /// The word with which the headline begins where nothing worse than a note was found, `OK` or `UNDECIDED`, and what it says
    /// behind it. No word: a finding has the headline, or nothing can be said.
    pub fn in_two(&self) -> (&'static str, &str) {
        let behind = |word| {
            let said = self.headline.strip_prefix(word)?;
            Some((word, said.strip_prefix(": ").or_else(|| said.strip_prefix(", "))?))
        };
        [Verdict::OK, Verdict::UNDECIDED].into_iter().find_map(behind).unwrap_or(("", &self.headline))
    }

    /// The answer that these findings give; what is accepted has no say, what was left out has.
    pub(super) fn of(
        findings: &[Finding],
        undecided: &[Undecided],
        left_out: &LeftOut,
        segments: u64,
    ) -> Verdict {
        let weights = || findings.iter().filter_map(Finding::weight).chain(left_out.severity);
        let owed = |finding: &&Finding| Verdict::DENIES.contains(&finding.name.as_str());
        let told = |finding: &&Finding| finding.weight().is_some();
        let [ok, cannot_tell] = [Verdict::OK, Verdict::UNDECIDED];
        let headline = match findings.iter().filter(told).find(|finding| finding.severity > Severity::Note) {
            Some(first) => format!("{}: {}", first.name, first.headline),
            None if left_out.severity > Some(Severity::Note) => {
                format!("{} not listed, nor known whether accepted", count(left_out.findings, "finding"))
            }
            None if segments == 0 => "no TCP segment in this capture".into(),
            None if !undecided.is_empty() => {
                let held: u64 = undecided.iter().map(|undecided| undecided.count).sum();
                let all = held + left_out.undecided_connections;
                format!("{cannot_tell}: {} cannot be judged from this capture", count(all, "connection"))
            }
            None => match findings.iter().find(owed) {
                Some(accepted) if accepted.accepted.is_some() => {
                    format!("{ok}, nothing that is not accepted: {}", accepted.headline)
                }
                Some(slight) => format!("{ok}, nothing worse than a note: {}", slight.headline),
                None => match findings.iter().find(|finding| finding.name == "one-direction") {
                    Some(half) => {
                        format!("{cannot_tell}: {}; who owes a FIN there cannot be told", half.headline)
                    }
                    None => format!("{ok}: no connection owes a FIN, none died after a silence"),
                },
            },
        };
        Verdict { severity: weights().max(), headline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_headline_is_told_from_the_rest() {
        for (headline, word, said) in [
            ("OK: no connection owes a FIN", "OK", "no connection owes a FIN"),
            (
                "OK, nothing worse than a note: 10.0.0.1:80 closes late",
                "OK",
                "nothing worse than a note: 10.0.0.1:80 closes late",
            ),
            ("UNDECIDED: 3 connections cannot be judged", "UNDECIDED", "3 connections cannot be judged"),
            ("missing-fin: it owes its FIN", "", "missing-fin: it owes its FIN"),
            ("no TCP segment in this capture", "", "no TCP segment in this capture"),
            ("OKAY is no word of ours", "", "OKAY is no word of ours"),
        ] {
            let verdict = Verdict { severity: None, headline: headline.into() };
            assert_eq!(verdict.in_two(), (word, said));
        }
    }
}
