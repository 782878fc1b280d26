//! Small pieces that the readers of lines share: numbers, options, words.

use crate::wire::{Multipath, Segment, SeqNum, TcpTimestamps};

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
    pub multipath: (Multipath, SeqNum),
    pub any: bool,
}

impl Options {
    pub const NONE: Options = Options {
        timestamps: None,
        window_scale: Segment::NO_SCALE,
        multipath: (Multipath::Nothing, SeqNum(0)),
        any: false,
    };

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
                Some("mptcp") => known.multipath = multipath(words).unwrap_or(known.multipath),
                _ => {}
            }
        }
        known
    }
}

/// What tcpdump prints of Multipath TCP, without the first word: `26 dss fin ack 120 seq 300 subseq 0 len 1`.
fn multipath<'a>(words: impl Iterator<Item = &'a str>) -> Option<(Multipath, SeqNum)> {
    let words: Vec<&str> = words.skip_while(|word| word.parse::<u8>().is_ok()).collect();
    let number = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1)?.parse::<u64>().ok()
    };
    match words[..] {
        ["fail", ..] => Some((Multipath::Fallback, SeqNum(0))),
        ["dss", ..] if number("len") == Some(0) => Some((Multipath::Fallback, SeqNum(0))),
        ["dss", "fin", ..] => {
            let end = number("seq")?.wrapping_add(number("len")?);
            Some((Multipath::DataFin, SeqNum(end as u32)))
        }
        ["dss", ..] => Some((Multipath::DataAck, SeqNum(number("ack")? as u32))),
        _ => None,
    }
}
