//! Advice on timer settings: reads what people paste or keep (`ndd`, `ipadm`, `sysctl`, `no`, `netsh`, registry
//! exports, init scripts) and says of each setting what it really affects and whether its value harms, helps or does
//! nothing. What is known of a setting is data, in `advise/settings.toml`; how a line is read is in `advise/line.rs`.

mod line;
mod render;
mod rules;

use std::borrow::Cow;

use crate::wire::Span;

use line::{Line, Reader};

pub use render::render;

/// What was read in one file of settings.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Checked {
    /// One entry per setting that is known, in the order of the lines.
    pub advice: Vec<Advice>,
    /// Settings that were read but that nothing is known of: most of `sysctl -a`.
    pub unknown: u64,
    /// Lines that are no setting: headings, prompts, program text.
    pub unread: u64,
}

/// What is to be said of one setting.
#[derive(Clone, PartialEq, Debug)]
pub struct Advice {
    /// The line, counted from 1.
    pub line: u64,
    /// The setting's name as written there.
    pub setting: String,
    /// Its value as written there, shortened where it is long.
    pub value: String,
    /// The value as a length of time, where it is one.
    pub time: Option<Span>,
    /// The operating systems that know this name.
    pub os: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What the setting affects, and what this value does.
    pub says: String,
    /// Where that is documented.
    pub source: &'static str,
}

/// How much a setting matters to somebody whose connections hang. The worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// This value breaks something: change it.
    Harmful,
    /// Changed from its default for nothing, as far as CLOSE-WAIT is concerned.
    Useless,
    /// This name no longer exists on current systems, or never meant what it says.
    Obsolete,
    /// Not wrong, but worth knowing when connections hang.
    Note,
    /// As it should be.
    Fine,
}

impl Severity {
    /// The word that reports print.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Harmful => "HARMFUL",
            Severity::Useless => "USELESS",
            Severity::Obsolete => "OBSOLETE",
            Severity::Note => "NOTE",
            Severity::Fine => "FINE",
        }
    }
}

/// Judges every setting in `text`. Comments and blank lines count as nothing; a setting that is commented out is not
/// in force and is not judged.
pub fn check(text: &str) -> Checked {
    let mut reader = Reader::default();
    let mut checked = Checked::default();
    for (number, line) in (1..).zip(text.lines()) {
        match reader.read(line) {
            Line::Nothing => {}
            Line::Unread => checked.unread += 1,
            Line::Setting(found) => match rules::judge(&found) {
                Some(verdict) => checked.advice.push(Advice {
                    line: number,
                    setting: printable(found.name),
                    value: printable(found.value),
                    time: verdict.time,
                    os: verdict.os,
                    severity: verdict.severity,
                    says: verdict.says,
                    source: verdict.source,
                }),
                None => checked.unknown += 1,
            },
        }
    }
    checked
}

/// The text of a settings file from its bytes: UTF-16 with a byte order mark, as `regedit` exports, or else UTF-8.
/// What is not valid becomes U+FFFD.
pub fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// Names and values are shown no longer than this.
const LONGEST_SHOWN: usize = 60;

fn printable(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_SHOWN + 1).collect();
    if let Some((cut, _)) = shown.char_indices().nth(LONGEST_SHOWN) {
        shown.truncate(cut);
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests;
