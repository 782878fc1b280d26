//! What the time column of a log means, and how to place it on the capture's clock.
//!
//! Tracers print seconds since 1970, a time of day without a date, seconds since some start, or nothing. A reading is
//! kept as printed; nothing here guesses a date or a time zone.

use crate::wire::{Span, Timestamp};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// What a log's readings count from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// The log has no times, or times that do not add up to one clock (`truss -D`, `truss -E`): only the order is known.
    #[default]
    None,
    /// Seconds since 1970 in UTC (`strace -ttt`, `truss -d` with its base line, `kdump -T`, `tusc -T ""`).
    Unix,
    /// Time of day in the zone of the traced host, without a date (`strace -t`, `-tt`). Counted from midnight of the
    /// log's first day, also past the following midnights.
    TimeOfDay,
    /// Time since the first line of the log (`strace -r`).
    SinceStart,
}

/// One value of a log's clock in nanoseconds; [`Clock`] says since when.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reading(pub i64);

impl Clock {
    /// The instant of a reading. `zero` is the instant from which a clock without a date counts: the log's first
    /// midnight ([`first_midnight`]) or its first line. Without it such a clock has no instants, and none are invented.
    pub fn place(self, reading: Reading, zero: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Clock::None => None,
            Clock::Unix => Some(Timestamp(reading.0)),
            Clock::TimeOfDay | Clock::SinceStart => zero.map(|zero| zero + Span(reading.0)),
        }
    }
}

/// The midnight from which a time-of-day log counts, if its first reading lies within 12 hours of `reference` (the start
/// of the capture, say). `east` is what the host's wall clock is ahead of UTC.
pub fn first_midnight(first: Reading, reference: Timestamp, east: Span) -> Timestamp {
    let wall = i128::from(reference.0) + i128::from(east.0);
    let apart = wall - i128::from(first.0);
    // The whole number of days nearest to the distance between the reference and the first reading.
    let days = (apart + i128::from(DAY / 2)).div_euclid(i128::from(DAY));
    let midnight = days * i128::from(DAY) - i128::from(east.0);
    Timestamp(midnight.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
}

/// A time column as it stands in the text, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    Unix(i64),
    TimeOfDay(i64),
    /// Since the previous line.
    Delta(i64),
}

/// Turns time columns into readings of one clock. The first column decides the kind; others of another kind are ignored.
#[derive(Default, Debug)]
pub(super) struct Ticker {
    pub(super) clock: Clock,
    last: i64,
}

impl Ticker {
    pub(super) fn read(&mut self, shown: Shown) -> Option<Reading> {
        let kind = match shown {
            Shown::Unix(_) => Clock::Unix,
            Shown::TimeOfDay(_) => Clock::TimeOfDay,
            Shown::Delta(_) => Clock::SinceStart,
        };
        if self.clock == Clock::None {
            self.clock = kind;
            // The first delta is since the line before the log: the log's own start is zero.
            self.last = if let Shown::Unix(n) | Shown::TimeOfDay(n) = shown { n } else { 0 };
            return Some(Reading(self.last));
        }
        if self.clock != kind {
            return None;
        }
        self.last = match shown {
            Shown::Unix(n) => n,
            Shown::Delta(n) => self.last.saturating_add(n),
            Shown::TimeOfDay(n) => {
                let day = self.last.div_euclid(DAY) * DAY;
                // Threads print a little out of order; only a jump back by half a day is a midnight.
                if day.saturating_add(n) < self.last - DAY / 2 {
                    day.saturating_add(DAY + n)
                } else {
                    day + n
                }
            }
        };
        Some(Reading(self.last))
    }
}

/// Reads a time column at the start of `text`: `1795408543.251648`, `07:12:57.070448`, `0.000009` (a comma also counts as
/// decimal point). Gives what follows it. A whole number is a time only if it is too large for a process.
pub(super) fn column(text: &[u8]) -> Option<(Shown, &[u8])> {
    let (whole, digits) = number(text)?;
    let rest = &text[digits..];
    match rest.first() {
        Some(b':') if digits == 2 => time_of_day(whole, &rest[1..]),
        Some(b'.' | b',') => {
            let (nanos, rest) = fraction(&rest[1..])?;
            let at = whole.checked_mul(SECOND)?.checked_add(nanos)?;
            Some((if whole >= OLDEST { Shown::Unix(at) } else { Shown::Delta(at) }, rest))
        }
        Some(b' ' | b'\t') if whole >= OLDEST => Some((Shown::Unix(whole.checked_mul(SECOND)?), rest)),
        _ => None,
    }
}

/// Seconds since 1970 below which a column is taken for a duration (March 1973).
const OLDEST: i64 = 100_000_000;

fn time_of_day(hours: i64, text: &[u8]) -> Option<(Shown, &[u8])> {
    let (minutes, 2) = number(text)? else { return None };
    let text = text[2..].strip_prefix(b":")?;
    let (seconds, 2) = number(text)? else { return None };
    let text = &text[2..];
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let (nanos, rest) = match text.first() {
        Some(b'.' | b',') => fraction(&text[1..])?,
        _ => (0, text),
    };
    Some((Shown::TimeOfDay((hours * 3_600 + minutes * 60 + seconds) * SECOND + nanos), rest))
}

/// The decimal number at the start of `text`, and how many digits it has; at most 12 are a time or a process.
pub(super) fn number(text: &[u8]) -> Option<(i64, usize)> {
    let digits = text.iter().take(13).take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || digits > 12 {
        return None;
    }
    Some((text[..digits].iter().fold(0, |n, b| n * 10 + i64::from(b - b'0')), digits))
}

fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let padded = text[..digits].iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some((padded.fold(0, |n, b| n * 10 + i64::from(b - b'0')), &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        let check = |text: &str, expected| {
            assert_eq!(column(text.as_bytes()).map(|(shown, rest)| (shown, rest.len())), expected, "{text}");
        };
        check("1795408543.251648 x", Some((Shown::Unix(1_795_408_543_251_648_000), 2)));
        check("1795408543 x", Some((Shown::Unix(1_795_408_543_000_000_000), 2)));
        check("07:12:57 x", Some((Shown::TimeOfDay(25_977_000_000_000), 2)));
        check("07:12:57,070448 x", Some((Shown::TimeOfDay(25_977_070_448_000), 2)));
        check("0.000009 x", Some((Shown::Delta(9_000), 2)));
        check("4828 x", None);
        check("25:00:00 x", None);
        check("99999999999999999999.5 x", None);
        check("", None);
    }

    #[test]
    fn a_clock_keeps_its_kind_and_counts_on_past_midnight() {
        let mut ticker = Ticker::default();
        let mut read = |text: &str| ticker.read(column(text.as_bytes()).unwrap().0).map(|r| r.0 / SECOND);
        assert_eq!(read("23:59:59 "), Some(86_399));
        assert_eq!(read("00:00:01 "), Some(86_401));
        assert_eq!(read("23:59:59 "), Some(172_799), "a whole day later, not a second earlier");
        assert_eq!(read("1795408543.2 "), None);
    }

    #[test]
    fn relative_times_add_up() {
        let mut ticker = Ticker::default();
        let sums: Vec<_> = ["0.5 ", "0.25 ", "1.0 "]
            .map(|text| ticker.read(column(text.as_bytes()).unwrap().0).unwrap().0)
            .into();
        assert_eq!(sums, [0, SECOND / 4, SECOND / 4 + SECOND]);
        assert_eq!(ticker.clock, Clock::SinceStart);
    }

    #[test]
    fn a_time_of_day_lands_on_the_day_of_the_capture() {
        let noon = Timestamp::new(1_795_435_200, 0); // 2026-11-23T12:00:00Z
        let day = Timestamp::new(1_795_392_000, 0);
        let check = |hour: i64, east: i64, expected: Timestamp| {
            let first = Reading(hour * 3_600 * SECOND);
            let midnight = first_midnight(first, noon, Span::secs(east * 3_600));
            assert_eq!(Clock::TimeOfDay.place(first, Some(midnight)), Some(expected));
        };
        check(11, 0, day + Span::secs(11 * 3_600));
        check(23, 0, day + Span::secs(23 * 3_600));
        check(13, 1, noon);
        check(0, -11, day + Span::secs(11 * 3_600));
        assert_eq!(Clock::TimeOfDay.place(Reading(0), None), None);
        assert_eq!(Clock::None.place(Reading(0), Some(noon)), None);
        first_midnight(Reading(i64::MIN), Timestamp(i64::MAX), Span(i64::MAX));
    }
}
