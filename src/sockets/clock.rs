//! When a listing was made: output lines of `date`, epoch seconds, times in file names.
//!
//! A line counts as a date only if it holds nothing else (or is marked as a comment): rows of a log are not dates.

mod words;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::wire::Timestamp;

use words::{words, zone};

/// Where the time of a snapshot comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DateSource {
    /// A line above it, exact or with a time zone.
    Line,
    /// A line above it without a zone that could be read: the caller's zone was assumed.
    LineAssumedZone,
    /// The name of the file, in the caller's zone unless it ends in `Z`.
    FileName,
    /// The caller.
    Given,
}

/// A date and what else its line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Dated {
    pub(super) at: Timestamp,
    pub(super) source: DateSource,
    pub(super) note: Box<str>,
}

/// Reads a line that holds a date: RFC 3339 and its relatives, `date` in the C locale, GNU and Solaris long forms, epoch
/// seconds; decorated (`# ...`, `=== ... ===`) or not. Only decorated lines may say more behind it.
pub(super) fn date_line(line: &str, zone: &TimeZone) -> Option<Dated> {
    const LONGEST: usize = 400;
    if line.len() > LONGEST {
        return None;
    }
    let decoration: &[_] = &['#', '=', '-', '*', '+', '>', '<', ';', '[', ']', ' ', '\t'];
    let bare = line.trim_matches(decoration);
    let decorated = line.trim().len() != bare.len();
    let bare = ["date:", "Date:", "time:", "Time:", "timestamp:", "Timestamp:", "zzz"]
        .iter()
        .find_map(|word| bare.strip_prefix(word))
        .map_or(bare, |rest| rest.trim_start_matches(decoration));
    let (mut at, mut source, rest) = match epoch(bare) {
        Some((at, rest)) => (at, DateSource::Line, rest),
        None => {
            let (civil, offset, rest) = iso(bare).or_else(|| words(bare))?;
            let (zone, source) = match offset {
                Some(offset) => (offset.to_time_zone(), DateSource::Line),
                None => (zone.clone(), DateSource::LineAssumedZone),
            };
            (instant(civil, &zone)?, source, rest)
        }
    };
    let mut note = rest.trim_matches(decoration);
    if !note.is_empty() && !decorated {
        return None;
    }
    if let Some((exact, rest)) = note.strip_prefix("epoch").and_then(|rest| epoch(rest.trim_start())) {
        (at, source, note) = (exact, DateSource::Line, rest.trim_matches(decoration));
    }
    Some(Dated { at, source, note: note.into() })
}

/// Reads a time in a file name: `ss-20261123-065617.txt`, `netstat.2026-11-23T06:56:17`, `ss.1795416977.log`. A day
/// without a time of day does not count.
pub(super) fn file_name(name: &str, zone: &TimeZone) -> Option<Timestamp> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let mut digits: Vec<&str> =
        base.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    digits.truncate(16);
    for (at, run) in digits.iter().enumerate() {
        if let Some((time, _)) = epoch(run) {
            return Some(time);
        }
        let follows = |n: usize, length: usize| digits.get(at + n).filter(|run| run.len() == length).copied();
        let time_behind = |n: usize| {
            let parts = || {
                Some(format!("{}{}{}", follows(n, 2)?, follows(n + 1, 2)?, follows(n + 2, 2).unwrap_or("00")))
            };
            let short = || follows(n, 4).map(|hm| format!("{hm}00"));
            follows(n, 6).map(str::to_owned).or_else(short).or_else(parts)
        };
        let (day, time) = match run.len() {
            14 => (run[..8].to_owned(), Some(run[8..].to_owned())),
            12 => (run[..8].to_owned(), Some(format!("{}00", &run[8..]))),
            8 => ((*run).to_owned(), time_behind(1)),
            4 => match (follows(1, 2), follows(2, 2)) {
                (Some(month), Some(day)) => (format!("{run}{month}{day}"), time_behind(3)),
                _ => continue,
            },
            _ => continue,
        };
        let Some(civil) = time.and_then(|time| compact(&day, &time)) else { continue };
        let utc = base.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
            word.strip_suffix('Z').is_some_and(|stem| stem.ends_with(|c: char| c.is_ascii_digit()))
                || word == "UTC"
        });
        let zone = if utc { TimeZone::UTC } else { zone.clone() };
        return instant(civil, &zone);
    }
    None
}

/// `YYYYMMDD` and `HHMMSS`; years of this product's lifetime only, so that other numbers are not taken for days.
fn compact(day: &str, time: &str) -> Option<DateTime> {
    let year: i16 = day.get(..4)?.parse().ok().filter(|year| (1990..2100).contains(year))?;
    let two = |text: &str, at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
    DateTime::new(year, two(day, 4)?, two(day, 6)?, two(time, 0)?, two(time, 2)?, two(time, 4)?, 0).ok()
}

fn instant(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let at = zone.to_zoned(civil).ok()?.timestamp();
    i64::try_from(at.as_nanosecond()).ok().map(Timestamp)
}

/// Ten digits (seconds) with or without a fraction, or thirteen (milliseconds), of the years 2001 to 2100.
fn epoch(text: &str) -> Option<(Timestamp, &str)> {
    let (whole, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: i64 = whole.parse().ok()?;
    let (seconds, mut nanos) = match whole.len() {
        10 => (number, 0),
        13 => (number / 1_000, number % 1_000 * 1_000_000),
        _ => return None,
    };
    if !(1_000_000_000..4_102_444_800).contains(&seconds) || rest.starts_with(|c: char| c.is_alphabetic()) {
        return None;
    }
    let (fraction, rest) = fraction(rest);
    nanos += fraction;
    Some((Timestamp::new(seconds, nanos), rest))
}

/// A decimal fraction, with point or comma, in nanoseconds.
fn fraction(text: &str) -> (i64, &str) {
    let Some(digits) = text.strip_prefix(['.', ',']) else { return (0, text) };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 {
        return (0, text);
    }
    let mut nanos = 0;
    for place in 0..9 {
        nanos = nanos * 10 + digits.as_bytes()[..end].get(place).map_or(0, |digit| i64::from(digit - b'0'));
    }
    (nanos, &digits[end..])
}

/// `2026-11-23T06:56:17.5+01:00`, `2026-11-23 06:56:17 UTC`, `2026/11/23 06:56`.
fn iso(text: &str) -> Option<(DateTime, Option<Offset>, &str)> {
    let number = |from: usize, upto: usize| text.get(from..upto)?.parse::<i16>().ok();
    let byte = |at: usize| text.as_bytes().get(at).copied();
    if !matches!((byte(4)?, byte(7)?), (b'-', b'-') | (b'/', b'/'))
        || !matches!(byte(10)?, b'T' | b't' | b' ' | b'_')
    {
        return None;
    }
    let two = |at: usize| number(at, at + 2).and_then(|n| i8::try_from(n).ok());
    let (hour, minute, clock_end) = if byte(13)? == b':' { (two(11)?, two(14)?, 16) } else { return None };
    let (second, end) = if byte(clock_end) == Some(b':') { (two(17)?, 19) } else { (0, clock_end) };
    let (nanos, rest) = fraction(text.get(end..)?);
    let civil =
        DateTime::new(number(0, 4)?, two(5)?, two(8)?, hour, minute, second, i32::try_from(nanos).ok()?)
            .ok()?;
    let spaced = rest.trim_start();
    let word_end = spaced
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | ':')))
        .unwrap_or(spaced.len());
    match zone(&spaced[..word_end]) {
        Some(offset) => Some((civil, Some(offset), &spaced[word_end..])),
        None if rest.is_empty() || rest.starts_with(' ') => Some((civil, None, rest)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(&str, &str)>) {
        let east = TimeZone::fixed(Offset::from_seconds(7_200).unwrap());
        let read = date_line(line, &east).map(|dated| (dated.at.to_string(), dated.note.to_string()));
        let expected = expected.map(|(at, note)| (at.to_owned(), note.to_owned()));
        assert_eq!(read, expected, "{line}");
    }

    #[test]
    fn lines_of_date() {
        for line in [
            "Mon Nov 23 06:56:17 UTC 2026",
            "Mon Nov 23 07:56:17 CET 2026",
            "Mon Nov 23 01:56:17 EST 2026",
            "Mon Nov 23 06:56:17 AM UTC 2026",
            "Mon 23 Nov 2026 06:56:17 AM UTC",
            "Monday, November 23, 2026 06:56:17 AM GMT",
            "Monday, November 23, 2026 at 06:56:17 AM GMT",
            "Mon Nov 23 08:56:17 2026",
            "Mon Nov 23 08:56:17 IST 2026",
            "2026-11-23T06:56:17+00:00",
            "2026-11-23T06:56:17Z",
            "2026-11-23T07:56:17+0100",
            "2026-11-23 06:56:17 UTC",
            "2026-11-23 08:56:17",
            "2026/11/23 08:56:17",
            "1795416977",
            "=== 2026-11-23 06:56:17 UTC ===",
            "Date: Mon Nov 23 06:56:17 UTC 2026",
            "zzz ***Mon Nov 23 06:56:17 UTC 2026",
        ] {
            check(line, Some(("2026-11-23T06:56:17.000000000Z", "")));
        }
        check("2026-11-23T06:56:17,25Z", Some(("2026-11-23T06:56:17.250000000Z", "")));
        check("Mon Nov 23 06:56:17 PM UTC 2026", Some(("2026-11-23T18:56:17.000000000Z", "")));
        check(
            "# 2026-11-23 04:35:43.325896 UTC  epoch 1795408543.325896  before any traffic",
            Some(("2026-11-23T04:35:43.325896000Z", "before any traffic")),
        );
    }

    #[test]
    fn what_is_no_date_line() {
        for line in [
            "",
            "#",
            "2026-11-23",
            "2026-13-23 06:56:17",
            "2026-11-23 06:56:17 tcp 0 0 192.0.2.1:80 192.0.2.2:4000 ESTABLISHED",
            "Mon",
            "Mon Nov 23",
            "Mon Nov 23 06:56:17",
            "March of the penguins",
            "1234567890123456",
            "tcp        0      0 192.0.2.1:80 0.0.0.0:* LISTEN",
            "99:99:99",
            "Mon Nov 99 06:56:17 UTC 2026",
            "Mon Nov 23 é6:56:17 UTC 2026",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn file_names() {
        let at = |name: &str| file_name(name, &TimeZone::UTC).map(|at| at.to_string());
        for name in [
            "ss-20261123-065617.txt",
            "/var/tmp/20261101/ss_20261123T065617Z",
            "netstat.2026-11-23T06:56:17.txt",
            "netstat_2026-11-23_06-56-17.log",
            "ss.20261123065617.gz",
            "ss-1795416977.txt",
            "db1-ss-1795416977000",
        ] {
            assert_eq!(at(name).as_deref(), Some("2026-11-23T06:56:17.000000000Z"), "{name}");
        }
        assert_eq!(at("ss-20261123-0656.txt").as_deref(), Some("2026-11-23T06:56:00.000000000Z"));
        for name in
            ["ss.txt", "ss-20261123.txt", "ss-12345678-999999.txt", "10.0.0.1.txt", "ss-20261399-065617"]
        {
            assert_eq!(at(name), None, "{name}");
        }
    }
}
