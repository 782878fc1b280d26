//! What the field knows, as data and text: the long text of every finding and topic (`explain`), recipes for a good
//! capture per operating system, the catalogue of known timers, and keep-alive settings. Nothing here looks at a
//! capture; findings and reports ask this room for words and numbers.

mod duration;
pub mod keepalive;
pub mod timeouts;

/// A text that engineers forward: plain Markdown of at most 80 columns that reads well raw in a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text {
    /// The stable name: of a finding, a topic, or an operating system.
    pub name: &'static str,
    /// What the text is about.
    pub kind: TextKind,
    /// Other names under which people look for it, normalised as [`explain`] does.
    pub also: &'static [&'static str],
    /// The whole text; its first line is `# name: title`.
    pub text: &'static str,
}

/// What a [`Text`] is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TextKind {
    /// A finding drawn from a capture.
    Finding,
    /// A finding that needs host evidence: a socket listing, a system call trace, interface counters.
    HostFinding,
    /// A matter that several findings share.
    Topic,
    /// How to take a good capture and host evidence on one operating system.
    Recipe,
}

impl Text {
    /// The title: the first line without mark and name.
    pub fn title(&self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.split_once(": ").map_or(first, |(_, title)| title)
    }
}

macro_rules! text {
    ($kind:ident, $name:literal $(, $also:literal)*) => {
        Text {
            name: $name,
            kind: TextKind::$kind,
            also: &[$($also),*],
            text: include_str!(concat!("knowledge/explain/", $name, ".md")),
        }
    };
}

macro_rules! recipe {
    ($name:literal $(, $also:literal)*) => {
        Text {
            name: $name,
            kind: TextKind::Recipe,
            also: &[$($also),*],
            text: include_str!(concat!("knowledge/recipes/", $name, ".md")),
        }
    };
}

/// The texts of `explain`, in the order in which they are listed: findings as product documents list them, then topics.
pub static EXPLAINED: &[Text] = &[
    text!(Finding, "missing-fin"),
    text!(Finding, "missing-data-fin"),
    text!(Finding, "late-fin"),
    text!(Finding, "close-wait-aborted"),
    text!(Finding, "late-answer"),
    text!(Finding, "stale-connection-reused"),
    text!(Finding, "half-close-in-use"),
    text!(Finding, "unacked-data"),
    text!(Finding, "unacked-fin"),
    text!(Finding, "zero-window-stall"),
    text!(Finding, "no-answer"),
    text!(Finding, "dead-after-idle"),
    text!(Finding, "reset-after-idle"),
    text!(Finding, "peer-forgot"),
    text!(Finding, "client-gave-up"),
    text!(Finding, "keepalive-gave-up"),
    text!(Finding, "large-segments-lost"),
    text!(Finding, "frequent-keepalive"),
    text!(Finding, "no-keepalive"),
    text!(Finding, "syn-fin"),
    text!(Finding, "syn-unanswered"),
    text!(Finding, "syn-refused"),
    text!(Finding, "aborted"),
    text!(Finding, "probe"),
    text!(Finding, "one-direction"),
    text!(Finding, "capture-gap"),
    text!(Finding, "close-wait-buildup"),
    text!(Finding, "path-idle-timeout"),
    text!(Finding, "half-closed-timeout"),
    text!(Finding, "server-idle-timeout"),
    text!(Finding, "pattern-in-time"),
    text!(Finding, "pool-exhausted"),
    text!(Finding, "service-stall"),
    text!(Finding, "restart-seen"),
    text!(Finding, "leak-chain"),
    text!(Finding, "lossy-path"),
    text!(Finding, "outage"),
    text!(Finding, "translated-twice"),
    text!(HostFinding, "socket-mismatch"),
    text!(HostFinding, "fd-not-closed"),
    text!(HostFinding, "eof-not-read"),
    text!(HostFinding, "never-accepted"),
    text!(HostFinding, "listen-overflow"),
    text!(HostFinding, "lock-wait"),
    text!(HostFinding, "epipe"),
    text!(HostFinding, "close-called"),
    text!(HostFinding, "no-wake-up"),
    text!(HostFinding, "interface-errors"),
    text!(Topic, "close-wait"),
    text!(Topic, "fin-wait-2"),
    text!(Topic, "half-close"),
    text!(Topic, "time-wait"),
    text!(Topic, "last-ack"),
    text!(Topic, "keep-alive", "so-keepalive"),
    text!(Topic, "zero-window"),
    text!(Topic, "rst", "reset"),
    text!(Topic, "firewall-timeout", "firewall"),
    text!(Topic, "myths", "ndd", "sysctl", "tcp-close-wait-interval", "tcp-fin-timeout"),
    text!(Topic, "capture"),
    text!(
        Topic,
        "compare",
        "vantage-point",
        "session-forgotten",
        "fin-lost",
        "rst-forged",
        "segment-forged",
        "rst-lost",
        "syn-lost",
        "data-lost"
    ),
    text!(Topic, "clock-offset", "clock", "clock-drift"),
    text!(Topic, "certainty"),
    text!(Topic, "severity-and-grace", "severity", "grace"),
];

/// The capture recipes of `advise --capture-recipe`.
pub static RECIPES: &[Text] = &[
    recipe!("solaris", "sunos"),
    recipe!("illumos", "omnios", "smartos", "openindiana"),
    recipe!("linux"),
    recipe!("bsd", "freebsd", "openbsd", "netbsd", "dragonfly"),
    recipe!("macos", "darwin", "osx", "mac"),
    recipe!("windows", "win", "win32"),
    recipe!("aix"),
    recipe!("hp-ux", "hpux"),
];

/// A name under which no text is kept.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no {what} is called '{asked}'; {}", way_out(.nearest, .known))]
pub struct UnknownName {
    /// What was looked for: `finding or topic`, `operating system`.
    pub what: &'static str,
    /// The name as it was asked for, shortened where it is long.
    pub asked: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
    /// Every name there is.
    pub known: Vec<&'static str>,
}

/// The text of a finding or topic. Capitals, underscores and blanks are forgiven: `CLOSE_WAIT` finds `close-wait`.
///
/// # Errors
/// No such name; the error knows the nearest one.
pub fn explain(asked: &str) -> Result<&'static Text, UnknownName> {
    look_up(EXPLAINED, "finding or topic", asked)
}

/// The recipe for a good capture on an operating system, by its name or a relative's: `freebsd` finds `bsd`.
///
/// # Errors
/// No such name; the error knows the nearest one.
pub fn capture_recipe(asked: &str) -> Result<&'static Text, UnknownName> {
    look_up(RECIPES, "operating system", asked)
}

/// No name is longer; what was typed is compared no further than this.
const LONGEST_NAME: usize = 40;

fn look_up(texts: &'static [Text], what: &'static str, asked: &str) -> Result<&'static Text, UnknownName> {
    let shown: String = asked.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let name: String =
        shown.to_lowercase().chars().map(|c| if matches!(c, '_' | ' ' | '.') { '-' } else { c }).collect();
    let exact = texts.iter().find(|t| t.name == name || t.also.contains(&name.as_str()));
    exact.ok_or_else(|| UnknownName {
        what,
        asked: shown,
        nearest: nearest(texts, &name),
        known: texts.iter().map(|t| t.name).collect(),
    })
}

/// The name that takes the fewest edits, if at most a third of it would have to change; else the first that holds
/// what was typed, or is held by it.
fn nearest(texts: &'static [Text], name: &str) -> Option<&'static str> {
    let names =
        || texts.iter().flat_map(|t| t.also.iter().chain([&t.name]).map(move |known| (*known, t.name)));
    let (distance, known, closest) = names()
        .map(|(known, name_of)| (edits(known, name), known, name_of))
        .min_by_key(|&(edits, ..)| edits)?;
    if distance * 3 <= known.len() {
        return Some(closest);
    }
    let related = |known: &str| name.len() >= 3 && (known.contains(name) || name.contains(known));
    names().find(|(known, _)| related(known)).map(|(_, name_of)| name_of)
}

/// How many characters must be added, removed or replaced to turn one word into the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (above, b) in row.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *above;
            left = replaced.min(*above + 1).min(left + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(from.len())
}

fn way_out(nearest: &Option<&'static str>, known: &[&'static str]) -> String {
    match nearest {
        Some(name) => format!("did you mean '{name}'?"),
        None => format!("there are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
