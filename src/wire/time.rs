//! Time as captures have it: nanoseconds since the Unix epoch, and spans between them.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01 00:00:00 UTC (about ±292 years).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Timestamp(pub i64);

/// A length of time in nanoseconds; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Span(pub i64);

/// A frame and its time: the smallest piece of evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Stamp {
    /// Time of capture.
    pub at: Timestamp,
    /// Frame number, counted from 1 through the whole capture, as Wireshark's `frame.number`.
    pub frame: u64,
}

impl Stamp {
    /// The one with the higher frame number; the later one of the same frame, where one stands for frames left out.
    #[inline]
    pub fn max_frame(self, other: Stamp) -> Stamp {
        if (other.frame, other.at) > (self.frame, self.at) { other } else { self }
    }
}

impl Timestamp {
    /// From whole seconds and nanoseconds; saturates at the ends of the range.
    #[inline]
    pub const fn new(seconds: i64, nanos: i64) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Whether it has a date. Times of text that has none are counted from the beginning of 1970, when nobody captured yet.
    pub const fn is_dated(self) -> bool {
        const YEAR: i64 = 365 * 86_400 * 1_000_000_000;
        !(0 <= self.0 && self.0 < YEAR)
    }
}

/// Saturates at the ends of the range.
impl Sub for Timestamp {
    type Output = Span;
    #[inline]
    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// Saturates at the ends of the range.
impl Add<Span> for Timestamp {
    type Output = Timestamp;
    #[inline]
    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

/// Saturates at the ends of the range.
impl Sub<Span> for Timestamp {
    type Output = Timestamp;
    #[inline]
    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

/// Saturates at the ends of the range.
impl Add for Span {
    type Output = Span;
    #[inline]
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

/// RFC 3339 in UTC with nanoseconds, `2026-11-23T06:56:17.000000001Z`; without a date the time of day alone,
/// `06:56:17.000000001`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every i64 of nanoseconds lies inside jiff's range of years.
        let at = jiff::Timestamp::from_nanosecond(i128::from(self.0)).map_err(|_| fmt::Error)?;
        // As many digits behind the second as are asked for.
        let digits = f.precision().unwrap_or(9);
        match self.is_dated() {
            true => write!(f, "{at:.digits$}"),
            false => {
                let of_day = format!("%H:%M:%S%.{digits}f");
                write!(f, "{}", at.to_zoned(jiff::tz::TimeZone::UTC).strftime(&of_day))
            }
        }
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// The longest span.
    pub const MAX: Span = Span(i64::MAX);

    /// From nanoseconds.
    pub const fn nanos(n: i64) -> Span {
        Span(n)
    }

    /// From microseconds; saturates.
    pub const fn micros(n: i64) -> Span {
        Span(n.saturating_mul(1_000))
    }

    /// From milliseconds; saturates.
    pub const fn millis(n: i64) -> Span {
        Span(n.saturating_mul(1_000_000))
    }

    /// From seconds; saturates.
    pub const fn secs(n: i64) -> Span {
        Span(n.saturating_mul(1_000_000_000))
    }

    /// In seconds, for arithmetic that is not exact anyway.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// That many times as long; saturates.
    pub const fn times(self, n: i64) -> Span {
        Span(self.0.saturating_mul(n))
    }
}

/// As a person says it: `812 ns`, `78 ms`, `6.7 s`, `12 min 24 s`, `1 h 51 min`, `5 d 3 h`; at most two units, rounded down.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let tenths = |unit: u64| (n / unit, n % unit / (unit / 10));
        let two = |f: &mut fmt::Formatter<'_>, big: u64, name: &str, small: u64, low: &str| {
            if small == 0 { write!(f, "{big} {name}") } else { write!(f, "{big} {name} {small} {low}") }
        };
        const US: u64 = 1_000;
        const MS: u64 = 1_000 * US;
        const S: u64 = 1_000 * MS;
        const MIN: u64 = 60 * S;
        const H: u64 = 60 * MIN;
        const D: u64 = 24 * H;
        match n {
            _ if n < US => write!(f, "{n} ns"),
            _ if n < MS => write!(f, "{} us", n / US),
            _ if n < 10 * MS && n % MS >= MS / 10 => {
                let (whole, tenth) = tenths(MS);
                write!(f, "{whole}.{tenth} ms")
            }
            _ if n < S => write!(f, "{} ms", n / MS),
            _ if n < MIN => {
                let (whole, tenth) = tenths(S);
                if tenth == 0 { write!(f, "{whole} s") } else { write!(f, "{whole}.{tenth} s") }
            }
            _ if n < H => two(f, n / MIN, "min", n % MIN / S, "s"),
            _ if n < D => two(f, n / H, "h", n % H / MIN, "min"),
            _ => two(f, n / D, "d", n % D / H, "h"),
        }
    }
}

/// A duration that could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is not a duration; write a number and a unit: 500ms, 90s, 15min, 1h, 5d")]
pub struct ParseSpanError(String);

/// `500ms`, `90s`, `15min`, `1.5h`, `5d`; several parts add up: `1h30min`. Units are required; 0 needs none.
impl FromStr for Span {
    type Err = ParseSpanError;
    fn from_str(text: &str) -> Result<Span, ParseSpanError> {
        let bad = || ParseSpanError(text.to_owned());
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Span::ZERO);
        }
        if rest.is_empty() {
            return Err(bad());
        }
        let mut total = Span::ZERO;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
            let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
            rest = rest[digits..].trim_start();
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let unit = match &rest[..letters] {
                "ns" => 1.0,
                "us" => 1e3,
                "ms" => 1e6,
                "s" | "sec" => 1e9,
                "m" | "min" => 60e9,
                "h" => 3_600e9,
                "d" => 86_400e9,
                _ => return Err(bad()),
            };
            total = total + Span((number * unit).round() as i64);
            rest = rest[letters..].trim_start();
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_as_many_digits_as_are_asked_for() {
        let (dated, of_day) = (Timestamp::new(1_700_000_000, 5_000_000), Timestamp::new(3_600, 5_000_000));
        assert_eq!(format!("{dated:.0} {dated:.3}"), "2023-11-14T22:13:20Z 2023-11-14T22:13:20.005Z");
        assert_eq!(format!("{of_day:.0} {of_day:.3}"), "01:00:00 01:00:00.005");
    }

    #[test]
    fn spans_print_as_people_say_them() {
        for (ns, text) in [
            (0, "0 ns"),
            (812, "812 ns"),
            (78_000_000, "78 ms"),
            (1_500_000, "1.5 ms"),
            (6_700_000_000, "6.7 s"),
            (60_000_000_000, "1 min"),
            (744_000_000_000, "12 min 24 s"),
            (6_660_000_000_000, "1 h 51 min"),
            (442_800_000_000_000, "5 d 3 h"),
            (-2_000_000_000, "-2 s"),
        ] {
            assert_eq!(Span(ns).to_string(), text);
        }
    }

    #[test]
    fn spans_are_read_as_people_type_them() {
        for (text, span) in [
            ("90s", Span::secs(90)),
            ("15min", Span::secs(900)),
            ("1h", Span::secs(3600)),
            ("1h30min", Span::secs(5400)),
            ("1 h 30 min", Span::secs(5400)),
            ("0.5s", Span::millis(500)),
            ("0", Span::ZERO),
        ] {
            assert_eq!(text.parse::<Span>().as_ref(), Ok(&span), "{text}");
        }
        for text in ["", "90", "s", "5 parsecs", "1..2s", "-3s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_instant_prints() {
        assert_eq!(Timestamp::new(1_700_000_000, 5).to_string(), "2023-11-14T22:13:20.000000005Z");
        assert!(!Timestamp(i64::MAX).to_string().is_empty());
        assert!(!Timestamp(i64::MIN).to_string().is_empty());
    }
}
