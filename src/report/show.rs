//! Why a connection is flagged, or why it is not: what every rule says of it, as text.

use std::fmt::Write as _;

use super::Style;
use super::text::{plain, wrap};
use crate::findings::Answer;

/// What every rule answers for a connection, one line each, in order of precedence.
pub fn why(answers: impl Iterator<Item = (&'static str, Answer)>, style: &Style) -> String {
    let mut out =
        String::from("What every rule says, the first that finds something names the connection:\n");
    for (name, answer) in answers {
        let (word, reason) = match answer {
            Answer::Found(finding) => {
                let frames: Vec<String> = finding
                    .evidence
                    .iter()
                    .map(|(stamp, label)| format!("{label} (frame {})", stamp.frame))
                    .collect();
                ("FOUND", frames.join("; "))
            }
            Answer::Undecided(undecided) => ("undecided", undecided.why),
            Answer::No(reason) => ("no", reason.to_owned()),
        };
        let head = format!("  {word:<11}{name:<24}");
        let text = wrap(&plain(&reason), &" ".repeat(head.len()), style.columns);
        let _ = writeln!(out, "{head}{}", text.trim());
    }
    out
}
