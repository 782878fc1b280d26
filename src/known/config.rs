//! The configuration file (TOML): services that hold connections half closed or take their time, and findings that are
//! accepted.
//!
//! ```toml
//! [[service]]
//! at = "192.0.2.9:8080"      # or ":8080", or "192.0.2.9"
//! grace = "5min"             # how long it may take to send its FIN
//!
//! [[service]]
//! at = ":514"
//! half-close = true          # it goes on after its client's FIN, and that is how it works
//!
//! [[accept]]
//! finding = "missing-fin"
//! at = "192.0.2.9:8080"      # without it: wherever it is found
//! reason = "ticket 4711, mended with the next release"
//! until = 2027-01-31         # captures that end later are not covered; without it: for good
//! ```

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::{BadLine, Target, line_of, text};
use crate::wire::{Span, Timestamp};

/// What the file says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// The file, as given.
    pub path: String,
    /// Services and their habits; the first that fits counts.
    pub services: Vec<Habit>,
    /// Findings that are accepted; the first that fits counts.
    pub accepted: Vec<Acceptance>,
}

/// How a service closes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Habit {
    /// Which.
    pub at: Target,
    /// How long it may take to send its FIN, whatever its own closes say.
    pub grace: Option<Span>,
    /// It goes on after its client's FIN for as long as it likes.
    pub half_close: bool,
}

/// A finding that is known and accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acceptance {
    /// Its name: `missing-fin`.
    pub finding: String,
    /// Where; none: wherever it is found.
    pub at: Option<Target>,
    /// Why.
    pub reason: String,
    /// The last day on which it is accepted, UTC.
    pub until: Option<Date>,
    /// Its line in the file.
    pub line: usize,
}

impl Acceptance {
    /// Whether a finding of that name at that place is meant.
    pub fn takes(&self, finding: &str, place: &str) -> bool {
        self.finding == finding && self.at.is_none_or(|at| at.takes_place(place))
    }

    /// Whether a capture that ends then is no longer covered.
    pub fn is_over(&self, end: Timestamp) -> bool {
        let first_uncovered = |day: Date| day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok();
        let end = jiff::Timestamp::from_nanosecond(end.0.into());
        match (self.until.and_then(first_uncovered), end) {
            (Some(uncovered), Ok(end)) => end >= uncovered.timestamp(),
            _ => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    service: Vec<Spanned<ServiceEntry>>,
    #[serde(default)]
    accept: Vec<Spanned<AcceptEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ServiceEntry {
    at: Spanned<String>,
    grace: Option<Spanned<String>>,
    #[serde(default)]
    half_close: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptEntry {
    finding: Spanned<String>,
    at: Option<Spanned<String>>,
    reason: Spanned<String>,
    until: Option<Spanned<Day>>,
}

/// A date, quoted or not.
#[derive(Deserialize)]
#[serde(untagged)]
enum Day {
    Quoted(String),
    Date(toml::value::Datetime),
}

impl Config {
    /// Reads the file; `path` is what errors call it, `is_finding` knows the names of findings.
    ///
    /// # Errors
    /// What is no TOML, an unknown key, a value that cannot be used.
    pub fn read(path: &str, bytes: &[u8], is_finding: impl Fn(&str) -> bool) -> Result<Config, BadLine> {
        let text = text(path, bytes)?;
        let bad = |at: Range<usize>, what: String| BadLine {
            path: path.to_owned(),
            line: line_of(text.as_bytes(), at.start),
            what,
        };
        let file: File = toml::from_str(text)
            .map_err(|error| bad(error.span().unwrap_or_default(), error.message().to_owned()))?;
        let target =
            |at: &Spanned<String>| at.get_ref().parse::<Target>().map_err(|what| bad(at.span(), what));
        let mut config = Config { path: path.to_owned(), ..Config::default() };
        for entry in file.service {
            let span = entry.span();
            let ServiceEntry { at, grace, half_close } = entry.into_inner();
            let grace = grace.map(|grace| {
                grace.get_ref().parse::<Span>().map_err(|error| bad(grace.span(), error.to_string()))
            });
            let habit = Habit { at: target(&at)?, grace: grace.transpose()?, half_close };
            if habit.grace.is_none() && !half_close {
                return Err(bad(span, "a service is given neither grace nor half-close".into()));
            }
            config.services.push(habit);
        }
        for entry in file.accept {
            let line = line_of(text.as_bytes(), entry.span().start);
            let AcceptEntry { finding, at, reason, until } = entry.into_inner();
            if !is_finding(finding.get_ref()) {
                let name = finding.get_ref();
                return Err(bad(finding.span(), format!("no finding is called '{name}'")));
            }
            if reason.get_ref().trim().is_empty() {
                return Err(bad(reason.span(), "the reason is empty".into()));
            }
            config.accepted.push(Acceptance {
                finding: finding.into_inner(),
                at: at.as_ref().map(target).transpose()?,
                reason: reason.into_inner(),
                until: until.map(|day| date(&day).map_err(|what| bad(day.span(), what))).transpose()?,
                line,
            });
        }
        Ok(config)
    }
}

fn date(day: &Spanned<Day>) -> Result<Date, String> {
    let text = match day.get_ref() {
        Day::Quoted(text) => text.clone(),
        Day::Date(date) => date.to_string(),
    };
    text.parse().map_err(|_| format!("'{text}' is no date; write 2027-01-31"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, BadLine> {
        Config::read("c.toml", text.as_bytes(), |name| name == "missing-fin")
    }

    #[test]
    fn everything_that_can_be_said() {
        let config = read(
            "[[service]]\nat = ':514'\nhalf-close = true\n\n[[service]]\nat = '192.0.2.9:80'\ngrace = '5min'\n\n\
             [[accept]]\nfinding = 'missing-fin'\nat = '192.0.2.9'\nreason = 'ticket 1'\nuntil = 2027-01-31\n\
             [[accept]]\nfinding = 'missing-fin'\nreason = 'known'\nuntil = '2027-02-01'",
        )
        .unwrap();
        assert_eq!(config.services.len(), 2);
        assert!(config.services[0].half_close);
        assert_eq!(config.services[1].grace, Some(Span::secs(300)));
        let first = &config.accepted[0];
        assert!(first.takes("missing-fin", "192.0.2.9:8080") && !first.takes("late-fin", "192.0.2.9:8080"));
        assert!(!first.takes("missing-fin", "192.0.2.8:8080"));
        assert!(config.accepted[1].takes("missing-fin", "anywhere"));
        assert_eq!((first.line, config.accepted[1].line), (9, 14));
        // 2027-01-31T23:59:59Z and a second later.
        assert!(!first.is_over(Timestamp::new(1_801_439_999, 0)));
        assert!(first.is_over(Timestamp::new(1_801_440_000, 0)));
        assert!(!config.accepted[1].is_over(Timestamp::new(1_801_440_000, 0)));
        assert_eq!(read("").unwrap().services, []);
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_line() {
        for (text, said) in [
            ("\nservice = 1", "c.toml:2:"),
            ("[[service]]\nat = ':1'", "c.toml:1: a service is given neither"),
            ("[[service]]\nat = 'x'\ngrace = '1s'", "c.toml:2: 'x' is neither an address"),
            ("[[service]]\nat = ':1'\ngrace = 'soon'", "c.toml:3:"),
            ("[[service]]\nat = ':1'\nhalfclose = true", "c.toml:3: unknown field `halfclose`"),
            ("[[accept]]\nreason = 'r'", "c.toml:1: missing field `finding`"),
            ("[[accept]]\nfinding = 'missing-fin'", "c.toml:1: missing field `reason`"),
            ("[[accept]]\nfinding = 'x'\nreason = 'r'", "c.toml:2: no finding is called 'x'"),
            ("[[accept]]\nfinding = 'missing-fin'\nreason = ' '", "c.toml:3: the reason is empty"),
            (
                "[[accept]]\nfinding = 'missing-fin'\nreason = 'r'\nuntil = 'soon'",
                "c.toml:4: 'soon' is no date",
            ),
            ("[[accept]]\nfinding = 'missing-fin'\nreason = 'r'\nuntil = 12:00:00", "c.toml:4:"),
            ("[[accept]\n", "c.toml:1:"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(said), "{text}\n{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
