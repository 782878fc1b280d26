//! Small pieces that the readers of lines share: numbers, options, words.

use crate::wire::{Segment, TcpTimestamps};

/// The number that a text begins with, and the rest. Nothing if the text ends with it: it may be cut.
pub(super) fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// As [`number`], where a number may be the last thing of a line.
pub(super) fn last_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The number behind a word, anywhere in a text; not one that the text ends with.
pub(super) fn behind<'a>(text: &'a str, word: &str) -> Option<(u32, &'a str)> {
    text.match_indices(word).find_map(|(at, _)| number(&text[at + word.len()..]))
}

/// The number that starts with `0x`.
pub(super) fn hex(text: &str) -> Option<u16> {
    let digits = text.trim_start().strip_prefix("0x")?;
    let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
    u16::from_str_radix(&digits[..end], 16).ok()
}

/// The last word of a text.
pub(super) fn last_word(text: &str) -> &str {
    text.rsplit(char::is_whitespace).next().unwrap_or_default()
}

/// The first word of a text, and what follows it.
pub(super) fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// TCP options that are kept.
#[derive(Clone, Copy)]
pub(super) struct Options {
    pub timestamps: Option<TcpTimestamps>,
    pub window_scale: u8,
    pub any: bool,
}

impl Options {
    pub const NONE: Options = Options { timestamps: None, window_scale: Segment::NO_SCALE, any: false };

    /// Of a list such as `mss 1460,nop,wscale 7,TS val 5 ecr 6`, `timestamp 5 6` or `tstamp 5 6`.
    pub fn read(list: &str) -> Options {
        let mut known = Options { any: !list.is_empty(), ..Options::NONE };
        for option in list.split(',').map(str::trim) {
            let mut words = option.split_ascii_whitespace();
            match words.next() {
                Some("wscale" | "ws") => {
                    let shift = words.next().and_then(|shift| shift.parse::<u8>().ok());
                    known.window_scale = shift.map_or(Segment::NO_SCALE, |shift| shift.min(14));
                }
                Some("TS" | "timestamp" | "timestamps" | "tstamp") => {
                    let mut numbers = words.filter_map(|word| word.parse().ok());
                    if let (Some(val), Some(ecr)) = (numbers.next(), numbers.next()) {
                        known.timestamps = Some(TcpTimestamps { val, ecr });
                    }
                }
                _ => {}
            }
        }
        known
    }
}
