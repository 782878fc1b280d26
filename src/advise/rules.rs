//! What is known of each setting, and the judgement of one value. The knowledge is data, in `settings.toml`; this file
//! only applies it.

use std::sync::LazyLock;

use serde::Deserialize;

use super::Severity;
use super::line::{Dialect, Found};
use crate::knowledge::keepalive::Unit;
use crate::wire::Span;

/// What is to be said of one setting.
pub(super) struct Verdict {
    pub time: Option<Span>,
    pub os: &'static str,
    pub severity: Severity,
    pub says: String,
    pub source: &'static str,
}

/// The verdict on a setting; none if nothing is known of it.
pub(super) fn judge(found: &Found<'_>) -> Option<Verdict> {
    let rule = rules().iter().find(|rule| rule.is_about(found))?;
    let number = number(found.value);
    let verdict = |severity, time, case: &str| Verdict {
        time,
        os: &rule.os,
        severity,
        says: format!("{} {case}", rule.affects),
        source: &rule.source,
    };
    if rule.unit.is_some() && number.is_none() {
        return Some(verdict(Severity::Note, None, "The value is no number, so it was not judged."));
    }
    let time = rule.unit.zip(number).map(|(unit, number)| unit.span().times(number));
    let case = rule.cases.iter().find(|case| case.applies(found.value, number))?;
    Some(verdict(case.severity, time, &case.says))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    setting: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    dialect: Dialect,
    names: Vec<String>,
    os: String,
    /// What the number counts, where it is a time.
    unit: Option<Unit>,
    affects: String,
    /// The first that applies decides; the last one always applies.
    cases: Vec<Case>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Applies to one of these values, compared without regard to capitals.
    is: Option<Vec<String>>,
    /// Applies to numbers below this one, in the setting's own unit.
    below: Option<i64>,
    /// Applies to numbers above this one, in the setting's own unit.
    above: Option<i64>,
    severity: Severity,
    says: String,
}

impl Rule {
    fn is_about(&self, found: &Found<'_>) -> bool {
        let same = |name: &String| {
            // sysctl takes slashes for dots.
            let dotted = |c: char| if c == '/' { '.' } else { c.to_ascii_lowercase() };
            name.chars().map(dotted).eq(found.name.chars().map(dotted))
        };
        self.dialect == found.dialect && self.names.iter().any(same)
    }
}

impl Case {
    fn applies(&self, value: &str, number: Option<i64>) -> bool {
        self.is.as_ref().is_none_or(|values| values.iter().any(|v| v.eq_ignore_ascii_case(value)))
            && self.below.is_none_or(|limit| number.is_some_and(|n| n < limit))
            && self.above.is_none_or(|limit| number.is_some_and(|n| n > limit))
    }
}

/// Decimal, `0x493e0`, or a registry export's `dword:000493e0`.
fn number(value: &str) -> Option<i64> {
    let hexadecimal = ["dword:", "0x", "0X"].iter().find_map(|prefix| value.strip_prefix(prefix));
    match hexadecimal {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

fn rules() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        // The text is part of the program and a test reads it, so a failure here cannot reach a user.
        let file: File = toml::from_str(include_str!("settings.toml")).expect("settings.toml is well formed");
        file.setting
    });
    &RULES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_whole() {
        for rule in rules() {
            let name = rule.names.first().expect("a rule is about something");
            assert!(!rule.os.is_empty() && !rule.source.is_empty(), "{name}");
            let sentences = rule.cases.iter().map(|case| &case.says).chain([&rule.affects]);
            for says in sentences {
                assert!(
                    says.ends_with(['.', '?']) && says.is_ascii() && !says.contains("  "),
                    "{name}: {says}"
                );
            }
            let (last, before) = rule.cases.split_last().expect("a rule has a case");
            let always = |case: &Case| case.is.is_none() && case.below.is_none() && case.above.is_none();
            assert!(always(last) && !before.iter().any(always), "{name}: the last case alone always applies");
        }
    }

    #[test]
    fn no_setting_has_two_rules() {
        for (n, rule) in rules().iter().enumerate() {
            for name in &rule.names {
                let found = Found { dialect: rule.dialect, name, value: "1" };
                assert_eq!(rules().iter().position(|r| r.is_about(&found)), Some(n), "{name}");
            }
        }
    }

    #[test]
    fn numbers_are_read_in_every_notation() {
        for (text, expected) in [
            ("1500", Some(1500)),
            ("dword:000493e0", Some(300_000)),
            ("0x493e0", Some(300_000)),
            ("dword:", None),
            ("", None),
            ("normal", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
