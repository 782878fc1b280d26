//! The confusion matrix: by expected verdict, how many were judged how.

use std::collections::BTreeMap;
use std::fmt;

use cwait_pcap::findings::{Origin, Sender};

/// How a judgement compares with the truth; the order is that of the columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Comparison {
    /// The verdict and the side.
    Right,
    /// Another verdict that the truth allows.
    Acceptable,
    /// A fault that went unnoticed, or undecided where it could be told.
    Missed,
    /// An accusation that the truth does not bear out, or the wrong side.
    Wrong,
}

#[derive(Default)]
pub struct Matrix {
    rows: BTreeMap<String, [usize; 4]>,
    /// Everything that is neither right nor acceptable: expected, got, where.
    differences: Vec<(Comparison, String)>,
    /// RSTs by who is said to have sent them.
    resets: BTreeMap<&'static str, usize>,
    /// Why of some it cannot be told, numbers left out.
    untold: BTreeMap<String, usize>,
}

impl Matrix {
    pub fn count(&mut self, expected: &str, comparison: Comparison, describe: impl FnOnce() -> String) {
        self.rows.entry(expected.into()).or_default()[comparison as usize] += 1;
        if comparison >= Comparison::Missed {
            self.differences.push((comparison, describe()));
        }
    }

    /// Something else than a verdict contradicts the truth: a time, a RST, a file.
    pub fn contradiction(&mut self, text: String) {
        self.differences.push((Comparison::Wrong, text));
    }

    /// Who sent a RST, as judged, and whether its host did.
    pub fn reset(&mut self, origin: &Origin, own: bool, describe: impl FnOnce() -> String) {
        if origin.sender == Sender::Unknown {
            let reason: Vec<_> =
                origin.because.split(' ').filter(|word| !word.contains(char::is_numeric)).collect();
            *self.untold.entry(reason.join(" ")).or_default() += 1;
        }
        let (name, wrong) = match origin.sender {
            Sender::Host => ("the host itself", !own),
            Sender::Box => ("a box on the path", own),
            Sender::Unknown => ("cannot tell", false),
        };
        *self.resets.entry(name).or_default() += 1;
        if wrong {
            self.contradiction(describe());
        }
    }

    pub fn right(&self, expected: &str) -> usize {
        self.rows.get(expected).map_or(0, |row| row[Comparison::Right as usize])
    }

    pub fn wrong(&self) -> Vec<&str> {
        let wrong = self.differences.iter().filter(|(comparison, _)| *comparison == Comparison::Wrong);
        wrong.map(|(_, text)| text.as_str()).collect()
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (comparison, text) in &self.differences {
            writeln!(f, "{comparison:?}: {text}")?;
        }
        writeln!(f, "{:<22} {:>7} {:>10} {:>7} {:>6}", "expected", "right", "acceptable", "missed", "wrong")?;
        let mut sum = [0; 4];
        for (name, row) in &self.rows {
            line(f, name, row)?;
            sum.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
        line(f, "all", &sum)?;
        let of: usize = self.resets.values().sum();
        for (name, count) in &self.resets {
            writeln!(f, "RST sent by: {name:<20} {count:>4} of {of}")?;
        }
        for (reason, count) in &self.untold {
            writeln!(f, "cannot tell {count:>4}: {reason}")?;
        }
        Ok(())
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    [right, acceptable, missed, wrong]: &[usize; 4],
) -> fmt::Result {
    writeln!(f, "{name:<22} {right:>7} {acceptable:>10} {missed:>7} {wrong:>6}")
}
