//! Dates in words, as `date` prints them, and zones.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::fraction;

/// `Mon Nov 23 06:56:17 CET 2026`, `Mon 23 Nov 2026 06:56:17 AM UTC`, `Monday, November 23, 2026 at 06:56:17 AM GMT`.
pub(super) fn words(text: &str) -> Option<(DateTime, Option<Offset>, &str)> {
    let (mut year, mut month, mut day, mut time, mut afternoon, mut offset) =
        (None, None, None, None, None, None);
    let mut rest = text;
    let mut first = true;
    loop {
        let next = rest.trim_start();
        let end = next.find(char::is_whitespace).unwrap_or(next.len());
        let word = next[..end].trim_end_matches([',', '.']);
        let done = year.is_some() && month.is_some() && day.is_some() && time.is_some();
        let named = |names: &[&str]| {
            let found = names.iter().position(|name| {
                word.len() >= 3 && name.len() >= word.len() && name[..word.len()].eq_ignore_ascii_case(word)
            });
            found.filter(|_| word.is_ascii())
        };
        if named(WEEKDAYS).is_some() || (word == "at" && !first) {
        } else if let Some(n) = named(MONTHS).filter(|_| month.is_none()) {
            month = i8::try_from(n + 1).ok();
        } else if first || word.is_empty() {
            return done
                .then_some(())
                .and(finish(year, month, day, time, afternoon))
                .map(|civil| (civil, offset, rest));
        } else if let Some(clock) = clock(word).filter(|_| time.is_none()) {
            time = Some(clock);
        } else if matches!(word, "AM" | "PM" | "am" | "pm") && time.is_some() {
            afternoon = Some(word.eq_ignore_ascii_case("pm"));
        } else if let Some(n) = word.parse::<i16>().ok().filter(|_| word.len() <= 2 && day.is_none()) {
            day = i8::try_from(n).ok();
        } else if let Some(n) = word.parse::<i16>().ok().filter(|_| word.len() == 4 && year.is_none()) {
            year = Some(n);
        } else if let Some(found) = zone(word).filter(|_| offset.is_none()) {
            offset = Some(found);
        } else if !done && time.is_some() && word.len() <= 5 && word.bytes().all(|b| b.is_ascii_alphabetic())
        {
            // The abbreviation of a zone that is not known, or not unique: the caller's zone is assumed.
        } else {
            return done
                .then_some(())
                .and(finish(year, month, day, time, afternoon))
                .map(|civil| (civil, offset, rest));
        }
        first = false;
        rest = &next[end..];
    }
}

type Clock = (i8, i8, i8, i32);

fn finish(
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<Clock>,
    afternoon: Option<bool>,
) -> Option<DateTime> {
    let (hour, minute, second, nanos) = time?;
    let hour = match afternoon {
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
        None => hour,
    };
    DateTime::new(year?, month?, day?, hour, minute, second, nanos).ok()
}

fn clock(word: &str) -> Option<Clock> {
    let mut parts = word.splitn(3, ':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let (second, nanos) = match parts.next() {
        Some(last) => {
            let end = last.find(['.', ',']).unwrap_or(last.len());
            (last[..end].parse().ok()?, fraction(&last[end..]).0)
        }
        None => (0, 0),
    };
    Some((hour, minute, second, i32::try_from(nanos).ok()?))
}

/// `Z`, `+01:00`, `+0100`, `+01`, or an abbreviation that means one offset only.
pub(super) fn zone(word: &str) -> Option<Offset> {
    if let Some((_, minutes)) = ZONES.iter().find(|(name, _)| *name == word) {
        return Offset::from_seconds(minutes * 60).ok();
    }
    let (sign, digits) = match word.as_bytes().first()? {
        b'+' => (1, &word[1..]),
        b'-' => (-1, &word[1..]),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|&c| c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 =
        digits.get(2..).filter(|rest| !rest.is_empty()).map_or(Some(0), |rest| rest.parse().ok())?;
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

const WEEKDAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Minutes east of Greenwich. `IST`, `CST` of China and their like mean several and are left out.
const ZONES: &[(&str, i32)] = &[
    ("Z", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("WET", 0),
    ("WEST", 60),
    ("BST", 60),
    ("CET", 60),
    ("MET", 60),
    ("MEZ", 60),
    ("CEST", 120),
    ("MEST", 120),
    ("MESZ", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("JST", 540),
    ("EST", -300),
    ("EDT", -240),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
];
