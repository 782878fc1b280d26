//! How a report is dressed: colour, columns, time zone, how much of it. One value serves every format, each takes
//! what concerns it.

use jiff::tz::TimeZone;

use super::{Report, Time};

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
        if !time.0.is_dated() {
            let day = time.0.0 / 86_400_000_000_000;
            let clock = self.print(time, "%H:%M:%S");
            return if day == 0 { clock } else { format!("day {}, {clock}", day + 1) };
        }
        self.print(time, "%Y-%m-%d %H:%M:%S %Z")
    }

    /// The time of day with the zone, and the day too unless the whole report lies within one.
    pub fn time_in(&self, report: &Report, time: &Time) -> String {
        match (&report.capture.first, &report.capture.last) {
            (Some(first), Some(last)) if self.day(first) == self.day(last) => {
                let dated = time.0.is_dated();
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

    /// One without a date has no zone.
    fn print(&self, time: &Time, pattern: &str) -> String {
        let zone = if time.0.is_dated() { self.zone.clone() } else { TimeZone::UTC };
        // Every i64 of nanoseconds lies inside jiff's range of years.
        let at = jiff::Timestamp::from_nanosecond(i128::from(time.0.0)).unwrap_or_default();
        at.to_zoned(zone).strftime(pattern).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Timestamp;

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
}
