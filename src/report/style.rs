//! How a report is dressed: colour, columns, time zone, how much of it. One value serves every format, each takes
//! what concerns it.

use jiff::tz::TimeZone;

use super::{Report, Time};
use crate::wire::Timestamp;

/// How a report is dressed.
#[derive(Clone, Debug)]
pub struct Style {
    /// Terminal colours.
    pub colour: bool,
    /// Columns of plain text; at least 40 are used.
    pub columns: usize,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// How much is said.
    pub detail: Detail,
}

/// How much of a report is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Detail {
    /// One line per finding and the totals: fits a comment.
    Brief,
    /// What somebody needs who has to act.
    Usual,
    /// Everything the report holds.
    Full,
}

impl Style {
    /// Plain text in UTC, 80 columns, the usual detail.
    pub fn plain() -> Style {
        Style { colour: false, columns: 80, zone: TimeZone::UTC, detail: Detail::Usual }
    }

    /// Day and time with the zone: `2026-11-23 09:12:44 CET`. Of times without a date the day is counted: `day 2, 09:12:44`.
    pub fn day_and_time(&self, time: &Time) -> String {
        if let Some(at) = time.timestamp().filter(|at| !at.is_dated()) {
            let day = at.0 / 86_400_000_000_000;
            let clock = self.print(time, "%H:%M:%S");
            return if day == 0 { clock } else { format!("day {}, {clock}", day + 1) };
        }
        self.print(time, "%Y-%m-%d %H:%M:%S %Z")
    }

    /// The time of day with the zone, and the day too unless the whole report lies within one.
    pub fn time_in(&self, report: &Report, time: &Time) -> String {
        match (&report.capture.first, &report.capture.last) {
            (Some(first), Some(last)) if self.day(first) == self.day(last) => {
                let dated = time.timestamp().is_none_or(Timestamp::is_dated);
                self.print(time, if dated { "%H:%M:%S %Z" } else { "%H:%M:%S" })
            }
            _ => self.day_and_time(time),
        }
    }

    /// The time of day to the millisecond, without zone: for columns whose heading names it.
    pub fn clock(&self, time: &Time) -> String {
        self.print(time, "%H:%M:%S%.3f")
    }

    fn day(&self, time: &Time) -> String {
        self.print(time, "%Y-%m-%d")
    }

    /// A time that is no number (a report changed by hand) is shown as it is written, as far as times are written so:
    /// drawings take it as it comes. One without a date has no zone.
    fn print(&self, time: &Time, pattern: &str) -> String {
        let undated = time.timestamp().is_some_and(|at| !at.is_dated());
        let zone = if undated { TimeZone::UTC } else { self.zone.clone() };
        time.timestamp()
            .and_then(|Timestamp(ns)| jiff::Timestamp::from_nanosecond(i128::from(ns)).ok())
            .map(|at| at.to_zoned(zone).strftime(pattern).to_string())
            .unwrap_or_else(|| {
                let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ':' | '.' | '+' | '-');
                time.rfc3339.chars().filter(plain).take(40).collect()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_zone_asked_for() {
        let time = Time::from(Timestamp::new(1_700_000_000, 5_000_000));
        let style = |zone: &str| Style { zone: TimeZone::get(zone).unwrap(), ..Style::plain() };
        for (zone, expected) in [
            ("UTC", "2023-11-14 22:13:20 UTC"),
            ("Europe/Berlin", "2023-11-14 23:13:20 CET"),
            ("Asia/Kolkata", "2023-11-15 03:43:20 IST"),
        ] {
            assert_eq!(style(zone).day_and_time(&time), expected);
        }
        assert_eq!(style("UTC").clock(&time), "22:13:20.005");
    }

    #[test]
    fn a_time_without_a_date_has_neither_day_nor_zone() {
        let style = Style { zone: TimeZone::get("Asia/Kolkata").unwrap(), ..Style::plain() };
        assert_eq!(style.day_and_time(&Time::from(Timestamp::new(33_164, 0))), "09:12:44");
        assert_eq!(style.day_and_time(&Time::from(Timestamp::new(86_400 + 60, 0))), "day 2, 00:01:00");
        assert_eq!(style.clock(&Time::from(Timestamp::new(33_164, 0))), "09:12:44.000");
    }

    #[test]
    fn a_time_that_is_no_number_is_shown_as_written() {
        let time = Time { ns: "soon".into(), rfc3339: "tomorrow".into() };
        assert_eq!(Style::plain().day_and_time(&time), "tomorrow");
        let time = Time { rfc3339: "\u{1b}[2J{noformat}``` noon".into(), ..time };
        assert_eq!(Style::plain().clock(&time), "2Jnoformat noon");
    }
}
