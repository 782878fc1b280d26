//! The catalogue of known default timers of boxes on the path, and the question asked of it: which of them lie
//! inside an interval that was measured? The entries are data, in `timeouts.toml`; how an interval is measured is
//! not known here.

use std::sync::LazyLock;

use serde::Deserialize;

use super::duration;
use crate::wire::Span;

/// One default timer of one kind of box.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeout {
    /// The product or program that keeps the timer.
    #[serde(rename = "box")]
    pub name: String,
    /// When in a connection's life the timer runs.
    pub kind: TimerKind,
    /// The default.
    #[serde(deserialize_with = "duration::one")]
    pub value: Span,
    /// The least and the most it can be set to, where the vendor documents that.
    #[serde(default, deserialize_with = "duration::range")]
    pub settable: Option<(Span, Span)>,
    /// What starts the timer anew.
    pub counts: Counts,
    /// What the hosts notice when it expires.
    pub at_expiry: AtExpiry,
    /// The box's own word for the state, the direction, exceptions. May be empty.
    #[serde(default)]
    pub note: String,
    /// Where the value is documented.
    pub source: String,
    /// False where the value is only reported. [`candidates`] leaves such entries out.
    #[serde(default = "yes")]
    pub verified: bool,
}

fn yes() -> bool {
    true
}

/// When in a connection's life a box's timer runs. These are states of the box, not of either host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimerKind {
    /// No FIN has passed.
    Established,
    /// One side has sent its FIN.
    HalfClosed,
    /// Both sides have, or a RST has passed.
    Closing,
}

/// What starts a box's timer anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// Every segment, keep-alive probes among them.
    Any,
    /// Payload only: keep-alive probes do not help.
    Payload,
    /// Not documented.
    Unknown,
}

/// What the hosts notice when a box's timer expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtExpiry {
    /// Nothing: what is sent afterwards is dropped.
    Silent,
    /// A RST, at once or in answer to the next segment.
    Reset,
    /// An orderly FIN: the box is an end of the connection itself.
    Fin,
    /// Not documented, or a matter of configuration.
    Unknown,
}

/// Every entry of the catalogue, in the order of the file.
pub fn all() -> &'static [Timeout] {
    static CATALOGUE: LazyLock<Vec<Timeout>> = LazyLock::new(|| {
        // The text is part of the program and a test reads it, so a failure here cannot reach a user.
        parse(include_str!("timeouts.toml")).expect("the catalogue of timeouts is well formed")
    });
    &CATALOGUE
}

/// The known defaults of `kind` inside an interval: longer than the longest silence that survived (`above`; none: no
/// silence did) and at most the shortest that failed. Shortest first. They are candidates, never a conclusion: most
/// boxes can be set to any value.
///
/// Bounds are taken as they are. A box that sweeps its table now and then lets connections live a little longer than
/// its timer says; whoever knows the sweep to be coarse lowers `above`.
pub fn candidates(kind: TimerKind, above: Option<Span>, at_most: Span) -> Vec<&'static Timeout> {
    let survived = above.unwrap_or(Span::ZERO);
    let mut inside: Vec<&Timeout> = all()
        .iter()
        .filter(|t| t.verified && t.kind == kind && t.value > survived && t.value <= at_most)
        .collect();
    inside.sort_by_key(|t| t.value);
    inside
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    timeout: Vec<Timeout>,
}

fn parse(text: &str) -> Result<Vec<Timeout>, toml::de::Error> {
    Ok(toml::from_str::<File>(text)?.timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: TimerKind, above: Option<i64>, at_most: i64) -> Vec<&'static str> {
        let found = candidates(kind, above.map(Span::secs), Span::secs(at_most));
        found.iter().map(|t| t.name.as_str()).collect()
    }

    #[test]
    fn the_catalogue_is_whole() {
        parse(include_str!("timeouts.toml")).unwrap();
        for t in all() {
            assert!(t.value > Span::ZERO, "{}", t.name);
            assert!(!t.name.is_empty() && !t.source.is_empty(), "{}", t.name);
            assert!(t.settable.is_none_or(|(least, most)| least <= t.value && t.value <= most), "{}", t.name);
            let twin = |o: &&Timeout| (&o.name, o.kind, o.value) == (&t.name, t.kind, t.value);
            assert_eq!(all().iter().filter(twin).count(), 1, "{} {}", t.name, t.value);
        }
    }

    #[test]
    fn one_entry_is_one_line() {
        let lines = include_str!("timeouts.toml").lines().filter(|l| l.trim_start().starts_with('{')).count();
        assert_eq!(lines, all().len());
    }

    #[test]
    fn candidates_lie_above_what_survived_and_not_above_what_failed() {
        use TimerKind::{Closing, Established, HalfClosed};
        let ipvs = "IPVS (Docker Swarm, Kubernetes)";
        assert_eq!(names(Established, Some(744), 959), [ipvs]);
        assert_eq!(names(Established, Some(899), 900), [ipvs], "the upper bound belongs to the interval");
        assert!(names(Established, Some(900), 959).is_empty(), "the lower bound does not");
        assert_eq!(names(HalfClosed, Some(500), 700), ["Cisco ASA"]);
        assert_eq!(names(Closing, Some(10), 20), ["Palo Alto"], "what is only reported is no candidate");
        assert_eq!(
            names(Established, None, 60),
            ["AWS Application Load Balancer", "AWS Classic Load Balancer", "nginx"]
        );
        assert!(names(Established, Some(959), 744).is_empty(), "an interval that is none has no candidates");
    }

    #[test]
    fn a_damaged_catalogue_is_refused() {
        let line = |value: &str, extra: &str| {
            format!(
                "timeout = [{{ box = \"b\", kind = \"established\", value = \"{value}\", counts = \"any\", \
                 at_expiry = \"silent\", source = \"s\"{extra} }}]"
            )
        };
        assert!(parse(&line("60s", "")).is_ok());
        for (value, extra) in
            [("60", ""), ("soon", ""), ("60s", ", colour = \"red\""), ("60s", ", settable = [\"1s\"]")]
        {
            assert!(parse(&line(value, extra)).is_err(), "{value}{extra}");
        }
    }
}
