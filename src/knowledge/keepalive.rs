//! Keep-alive settings per operating system, and the advice that follows from a measured timer: which command, with
//! which number. The settings are data, in `keepalive.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use super::duration;
use crate::wire::Span;

/// A keep-alive setting of one operating system with the value advised for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    /// Operating system and, where it matters, version.
    pub os: &'static str,
    /// The setting's own name.
    pub setting: &'static str,
    /// The command that sets it, the number filled in.
    pub command: String,
    /// What the number counts.
    pub unit: Unit,
    /// The idle time advised before the first probe.
    pub value: Span,
    /// The idle time if nothing is set.
    pub default: Span,
    /// The same for one socket only, set by the program; it wins over the system's value.
    pub per_socket: &'static str,
    /// Where unit and floor are documented.
    pub source: &'static str,
}

/// What the number of a setting counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millisecond,
    /// Half-seconds.
    #[serde(rename = "half-s")]
    HalfSecond,
    /// Seconds.
    #[serde(rename = "s")]
    Second,
    /// Quarters of a minute.
    #[serde(rename = "15s")]
    QuarterMinute,
}

impl Unit {
    /// The length of one unit.
    pub const fn span(self) -> Span {
        match self {
            Unit::Millisecond => Span::millis(1),
            Unit::HalfSecond => Span::millis(500),
            Unit::Second => Span::secs(1),
            Unit::QuarterMinute => Span::secs(15),
        }
    }

    /// In words, for *1500 milliseconds*.
    pub const fn plural(self) -> &'static str {
        match self {
            Unit::Millisecond => "milliseconds",
            Unit::HalfSecond => "half-seconds",
            Unit::Second => "seconds",
            Unit::QuarterMinute => "times 15 seconds",
        }
    }
}

/// What to set so that probes come before a box forgets a connection that is silent for `below`: at most half of it,
/// so that one lost probe does no harm, rounded down to a number people would choose. A system whose floor lies
/// above that half gets its floor; one that cannot get below at all is left out.
pub fn keepalive_advice(below: Span) -> Vec<Setting> {
    settings().iter().filter_map(|row| advised(row, below)).collect()
}

/// The round values between which advice chooses, in seconds.
const FRIENDLY_S: [i64; 22] =
    [1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800, 2700, 3600];

fn advised(row: &'static Row, below: Span) -> Option<Setting> {
    let round = FRIENDLY_S.iter().rev().map(|&s| Span::secs(s)).find(|s| s.times(2) <= below);
    let value = round.unwrap_or(Span::ZERO).max(row.least);
    if value >= below {
        return None;
    }
    let number = value.0 / row.unit.span().0;
    Some(Setting {
        os: &row.os,
        setting: &row.setting,
        command: row.command.replace("{}", &number.to_string()),
        unit: row.unit,
        value,
        default: row.default,
        per_socket: &row.per_socket,
        source: &row.source,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    keepalive: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    os: String,
    setting: String,
    unit: Unit,
    #[serde(deserialize_with = "duration::one")]
    default: Span,
    #[serde(deserialize_with = "duration::one")]
    least: Span,
    command: String,
    per_socket: String,
    source: String,
}

fn settings() -> &'static [Row] {
    static SETTINGS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        // The text is part of the program and a test reads it, so a failure here cannot reach a user.
        let file: File =
            toml::from_str(include_str!("keepalive.toml")).expect("keepalive.toml is well formed");
        file.keepalive
    });
    &SETTINGS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(os: &str, below: Span) -> Option<String> {
        keepalive_advice(below).into_iter().find(|s| s.os == os).map(|s| s.command)
    }

    #[test]
    fn every_setting_can_be_advised() {
        for row in settings() {
            assert!(Span::ZERO < row.least && row.least < row.default, "{}", row.os);
            assert_eq!(row.command.matches("{}").count(), 1, "{}", row.os);
            assert!(advised(row, Span::secs(900)).is_some(), "{}", row.os);
        }
    }

    #[test]
    fn the_number_is_in_the_unit_of_the_system() {
        let quarter = Span::secs(744);
        for (os, expected) in [
            ("Linux", "sysctl -w net.ipv4.tcp_keepalive_time=300"),
            ("Solaris 11, illumos", "ipadm set-prop -p _keepalive_interval=300000 tcp"),
            ("Solaris up to 10", "ndd -set /dev/tcp tcp_keepalive_interval 300000"),
            ("HP-UX 11", "ndd -set /dev/tcp tcp_keepalive_interval 300000"),
            ("AIX", "no -p -o tcp_keepidle=600"),
            ("FreeBSD", "sysctl net.inet.tcp.keepidle=300000"),
            ("macOS", "sysctl -w net.inet.tcp.keepidle=300000"),
        ] {
            assert_eq!(command(os, quarter).as_deref(), Some(expected));
        }
        assert!(command("Windows", quarter).unwrap().ends_with("/v KeepAliveTime /t REG_DWORD /d 300000"));
    }

    #[test]
    fn at_most_half_but_not_below_the_floor() {
        for (below, linux, illumos) in [
            (Span::secs(3600), Some(1800), Some(1800)),
            (Span::secs(3599), Some(1200), Some(1200)),
            (Span::secs(350), Some(120), Some(120)),
            (Span::secs(15), Some(5), Some(10)),
            (Span::secs(10), Some(5), None),
            (Span::millis(1500), Some(1), None),
            (Span::secs(1), None, None),
            (Span::ZERO, None, None),
            (Span(-1), None, None),
            (Span::MAX, Some(3600), Some(3600)),
        ] {
            let advice = keepalive_advice(below);
            let of = |os: &str| advice.iter().find(|s| s.os == os).map(|s| s.value);
            assert_eq!(of("Linux"), linux.map(Span::secs), "Linux below {below}");
            assert_eq!(of("Solaris 11, illumos"), illumos.map(Span::secs), "illumos below {below}");
        }
    }
}
