//! Times as tools print them: with a date, of the day, since the first packet, since the one before, or not at all.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::wire::{Span, Timestamp};

/// A time as printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Written {
    /// Since 1970-01-01 00:00:00 UTC.
    Epoch(Timestamp),
    /// With a date; whether it says to be in UTC.
    Dated(DateTime, bool),
    /// Since midnight.
    OfDay(Span),
    /// Since the first packet, or since the one before.
    Elapsed(Span),
}

/// What the times of a text mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Times {
    /// There are none.
    #[default]
    None,
    /// They are instants.
    Instants,
    /// They have a date and no zone.
    NoZone,
    /// They have no date and no zone: counted from the first day's midnight.
    OfDay,
    /// They count from the first packet, or from the one before.
    Elapsed,
}

impl Times {
    /// All of them.
    pub const ALL: [Times; 5] = [Times::None, Times::Instants, Times::NoZone, Times::OfDay, Times::Elapsed];

    /// Short name, as in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Times::None => "none",
            Times::Instants => "instants",
            Times::NoZone => "no zone",
            Times::OfDay => "no date",
            Times::Elapsed => "elapsed",
        }
    }
}

const DAY: i64 = 24 * 3_600;

impl Written {
    /// The time elapsed, if that is what was printed.
    pub fn elapsed(self) -> Option<Span> {
        match self {
            Written::Elapsed(span) => Some(span),
            _ => None,
        }
    }

    /// Reads the time at the start of a text, and gives the rest.
    pub fn read(text: &str) -> Option<(Written, &str)> {
        let end = text.find(char::is_whitespace)?;
        let (word, rest) = text.split_at(end);
        if !word.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if let Some((date, time)) = word.split_once('T') {
            let dated = date_of(date)?.to_datetime(time_of(time.trim_end_matches('Z'))?.1);
            return Some((Written::Dated(dated, time.ends_with('Z')), rest));
        }
        if let Some(date) = date_of(word) {
            let rest = rest.trim_start();
            let end = rest.find(char::is_whitespace)?;
            let (time, rest) = rest.split_at(end);
            let dated = date.to_datetime(time_of(time.trim_end_matches('Z'))?.1);
            return Some((Written::Dated(dated, time.ends_with('Z')), rest));
        }
        if let Some((since_midnight, _)) = time_of(word) {
            return Some((Written::OfDay(since_midnight), rest));
        }
        seconds(word).map(|span| {
            // Nobody captures for thirty years; nobody captured before 2001.
            let is_instant = span >= Span::secs(1_000_000_000);
            (if is_instant { Written::Epoch(Timestamp(span.0)) } else { Written::Elapsed(span) }, rest)
        })
    }

    /// What old tcpdump prints for -ttt: microseconds in six digits, `2. 000123` beyond a second.
    pub fn read_old_delta(text: &str) -> Option<(Written, &str)> {
        let micros = |text: &str| (text.len() == 6).then(|| text.parse::<i64>().ok()).flatten();
        let (word, rest) = text.split_at(text.find(char::is_whitespace)?);
        if let Some(micros) = micros(word) {
            return Some((Written::Elapsed(Span::micros(micros)), rest));
        }
        let secs: i64 = word.strip_suffix('.')?.parse().ok()?;
        let (word, rest) = super::fields::first_word(rest);
        Some((Written::Elapsed(Span(Span::secs(secs).0.checked_add(Span::micros(micros(word)?).0)?)), rest))
    }
}

/// `2026-11-23`, or `11/23/2026` as old tcpdump writes.
fn date_of(text: &str) -> Option<Date> {
    if text.len() != 10 {
        return None;
    }
    let part = |from, upto| text.get(from..upto).and_then(|part| part.parse::<i16>().ok());
    let small = |from, upto| part(from, upto).and_then(|part| i8::try_from(part).ok());
    match (text.as_bytes()[4], text.as_bytes()[2]) {
        (b'-' | b'/', _) => Date::new(part(0, 4)?, small(5, 7)?, small(8, 10)?).ok(),
        (_, b'/') => Date::new(part(6, 10)?, small(0, 2)?, small(3, 5)?).ok(),
        _ => None,
    }
}

/// `09:12:44.123456`, with any number of decimals and the comma of some locales.
fn time_of(text: &str) -> Option<(Span, Time)> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let part = |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<i8>().ok());
    let nanos = match text.get(8..)? {
        "" => 0,
        decimals => fraction(decimals.strip_prefix(['.', ','])?)?,
    };
    let time = Time::new(part(0)?, part(3)?, part(6)?, nanos).ok()?;
    let whole = i64::from(part(0)?) * 3_600 + i64::from(part(3)?) * 60 + i64::from(part(6)?);
    Some((Span(Span::secs(whole).0 + i64::from(nanos)), time))
}

/// `12.345678`.
fn seconds(text: &str) -> Option<Span> {
    let (whole, decimals) = text.split_once(['.', ','])?;
    let whole: i64 = whole.parse().ok().filter(|secs| (0..=i64::from(u32::MAX)).contains(secs))?;
    Some(Span(Span::secs(whole).0 + i64::from(fraction(decimals)?)))
}

/// Decimals of a second in nanoseconds.
fn fraction(decimals: &str) -> Option<i32> {
    if decimals.is_empty() || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nine = decimals.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(nine.fold(0, |nanos, digit| nanos * 10 + i32::from(digit - b'0')))
}

/// Whether elapsed times go back so often that each counts from the one before.
pub(super) fn are_deltas(elapsed: &[Span]) -> bool {
    let back = elapsed.windows(2).filter(|pair| pair[1] < pair[0]).count();
    back > 0 && back * 4 >= elapsed.len() - 1
}

/// Puts the times of one text on one axis. Only times of the kind that came first count.
pub(super) struct Clock {
    zone: TimeZone,
    deltas: bool,
    times: Times,
    last: Timestamp,
    /// Midnights passed, and the time of the day before.
    days: i64,
    of_day: Span,
}

impl Clock {
    pub fn new(zone: TimeZone, deltas: bool) -> Clock {
        Clock { zone, deltas, times: Times::None, last: Timestamp(0), days: 0, of_day: Span::ZERO }
    }

    /// What the times mean, as far as there were any.
    pub fn times(&self) -> Times {
        self.times
    }

    /// The next time; without one, that of the packet before.
    pub fn place(&mut self, written: Option<Written>) -> Timestamp {
        let Some(written) = written else { return self.last };
        let kind = match written {
            Written::Epoch(_) | Written::Dated(_, true) => Times::Instants,
            Written::Dated(_, false) => Times::NoZone,
            Written::OfDay(_) => Times::OfDay,
            Written::Elapsed(_) => Times::Elapsed,
        };
        if self.times == Times::None {
            self.times = kind;
        }
        if self.times != kind {
            return self.last;
        }
        self.last = match written {
            Written::Epoch(at) => at,
            Written::Dated(date, utc) => self.instant(date, utc).unwrap_or(self.last),
            Written::OfDay(time) => self.of_day(time),
            Written::Elapsed(span) if self.deltas => self.last + span,
            Written::Elapsed(span) => Timestamp(span.0),
        };
        self.last
    }

    fn instant(&self, date: DateTime, utc: bool) -> Option<Timestamp> {
        let zone = if utc { &TimeZone::UTC } else { &self.zone };
        let at = zone.to_timestamp(date).ok()?;
        i64::try_from(at.as_nanosecond()).ok().map(Timestamp)
    }

    /// A day has passed where the time falls by more than half of one; a straggler is less than an hour late.
    fn of_day(&mut self, time: Span) -> Timestamp {
        let step = Span(time.0 - self.of_day.0);
        if self.days > 0 && step > Span::secs(DAY - 3_600) {
            return Timestamp(Span::secs((self.days - 1) * DAY).0 + time.0);
        }
        if step < Span::secs(-DAY / 2) {
            self.days += 1;
        }
        self.of_day = time;
        Timestamp(Span::secs(self.days * DAY).0.saturating_add(time.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Written, &str)> {
        Written::read(text)
    }

    #[test]
    fn every_way_of_writing_a_time() {
        let nanos = |n| Span::nanos(n);
        let of_day = Span(33_164_123_456_000);
        assert_eq!(read("09:12:44.123456 IP"), Some((Written::OfDay(of_day), " IP")));
        assert_eq!(read("09:12:44,123456 IP"), Some((Written::OfDay(of_day), " IP")));
        assert_eq!(read("09:12:44 IP"), Some((Written::OfDay(Span::secs(33_164)), " IP")));
        let at = Timestamp::new(1_795_425_164, 123_456_789);
        assert_eq!(read("1795425164.123456789 IP"), Some((Written::Epoch(at), " IP")));
        let date = jiff::civil::date(2026, 11, 23).at(9, 12, 44, 123_456_000);
        assert_eq!(read("2026-11-23 09:12:44.123456 IP"), Some((Written::Dated(date, false), " IP")));
        assert_eq!(read("2026-11-23T09:12:44.123456Z IP"), Some((Written::Dated(date, true), " IP")));
        assert_eq!(read("11/23/2026 09:12:44.123456 IP"), Some((Written::Dated(date, false), " IP")));
        assert_eq!(read("0.000035 10.0.0.1"), Some((Written::Elapsed(nanos(35_000)), " 10.0.0.1")));
        let delta = |text| Written::read_old_delta(text).map(|(written, _)| written);
        assert_eq!(delta("000123 IP a"), Some(Written::Elapsed(Span::micros(123))));
        assert_eq!(delta("2. 000123 IP a"), Some(Written::Elapsed(Span::micros(2_000_123))));
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "IP ",
            "10.0.0.1 > ",
            "25:00:00.1 IP",
            "2026-13-01 00:00:00 x",
            "1.2.3 x",
            "99 x",
            "é:12:44 x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn midnight_passes_and_stragglers_do_not_pass_it_twice() {
        let mut clock = Clock::new(TimeZone::UTC, false);
        let mut place = |h: i64, m: i64| {
            clock.place(Some(Written::OfDay(Span::secs(h * 3_600 + m * 60)))).0 / 60_000_000_000
        };
        assert_eq!(place(23, 58), 23 * 60 + 58);
        assert_eq!(place(0, 1), 24 * 60 + 1);
        assert_eq!(place(23, 59), 23 * 60 + 59);
        assert_eq!(place(0, 2), 24 * 60 + 2);
        assert_eq!(place(23, 0), 47 * 60);
        assert_eq!(place(1, 0), 49 * 60);
    }

    #[test]
    fn only_the_first_kind_of_time_counts() {
        let mut clock = Clock::new(TimeZone::UTC, false);
        let day = clock.place(Some(Written::OfDay(Span::secs(60))));
        assert_eq!(clock.place(Some(Written::Epoch(Timestamp::new(1_795_425_164, 0)))), day);
        assert_eq!(clock.place(None), day);
        assert_eq!(clock.times(), Times::OfDay);
    }

    #[test]
    fn deltas_and_times_since_the_start_are_told_apart() {
        let ms = |list: &[i64]| list.iter().map(|ms| Span::millis(*ms)).collect::<Vec<_>>();
        assert!(are_deltas(&ms(&[0, 12, 7, 300, 13, 5_000])));
        assert!(!are_deltas(&ms(&[0, 12, 19, 319, 332, 5_332])));
        assert!(
            !are_deltas(&ms(&[0, 12, 19, 319, 318, 332, 400, 401, 402, 5_332])),
            "one frame out of order"
        );
        assert!(!are_deltas(&[]));
    }
}
