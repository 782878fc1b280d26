//! Numbers as octets: each as its difference to what it usually is, and differences of zero as one bit.
//!
//! One description serves both ways: the same function names the fields of a record, and a [`Writer`] takes them while a
//! [`Reader`] fills them in.

use crate::wire::{Multipath, SeqNum, Side, Span, Stamp, TcpFlags, Timestamp};

/// Takes or gives numbers, in the order of the description.
pub(super) trait Coder {
    /// The next number, which most often is `usual`, or differs from it as in other connections.
    fn word(&mut self, value: &mut u64, usual: u64);
    /// The next number, which is another one in every connection.
    fn number(&mut self, value: &mut u64, usual: u64);
}

/// A record as two strings of octets, since what is alike in many records packs well only where nothing random is in
/// between.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Octets {
    /// Which numbers are as usual, and how the others differ.
    pub shape: Vec<u8>,
    /// Differences that are others in every record; `shape` tells how long each is.
    pub rest: Vec<u8>,
}

/// Numbers into octets.
#[derive(Default)]
pub(super) struct Writer {
    octets: Octets,
    /// Differences, and whether they are random.
    group: Vec<(u64, bool)>,
}

/// Octets into numbers; beyond the end everything is as usual.
pub(super) struct Reader<'a> {
    shape: &'a [u8],
    rest: &'a [u8],
    /// Which numbers of the group are differences, the next one lowest; how many are left.
    group: (u8, u8),
    failed: bool,
}

/// So many numbers share an octet that says which of them are differences.
const GROUP: usize = 8;
/// Marks the length of what stands elsewhere, and that a number goes on.
const MORE: u8 = 0x80;
/// Random differences below that are alike after all.
const FEW: u64 = 8;

impl Writer {
    pub(super) fn finish(mut self) -> Octets {
        self.end_group();
        self.octets
    }

    fn add(&mut self, value: u64, usual: u64, random: bool) {
        let difference = value.wrapping_sub(usual) as i64;
        self.group.push(((difference << 1 ^ difference >> 63) as u64, random));
        if self.group.len() == GROUP {
            self.end_group();
        }
    }

    fn end_group(&mut self) {
        let Octets { shape, rest } = &mut self.octets;
        let differs = self.group.iter().enumerate().map(|(at, &(word, _))| u8::from(word != 0) << at);
        if !self.group.is_empty() {
            shape.push(differs.sum());
        }
        for (mut word, random) in self.group.drain(..).filter(|&(word, _)| word != 0) {
            if random && word >= FEW {
                let octets = 8 - word.leading_zeros() as usize / 8;
                shape.push(MORE | octets as u8);
                rest.extend(&word.to_le_bytes()[..octets]);
                continue;
            }
            while word >= MORE.into() {
                shape.push(word as u8 | MORE);
                word >>= 7;
            }
            shape.push(word as u8);
        }
    }
}

impl Coder for Writer {
    fn word(&mut self, value: &mut u64, usual: u64) {
        self.add(*value, usual, false);
    }

    fn number(&mut self, value: &mut u64, usual: u64) {
        self.add(*value, usual, true);
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a Octets) -> Self {
        Reader { shape: &octets.shape, rest: &octets.rest, group: (0, 0), failed: false }
    }

    /// Whether all octets were read, and not one more was wanted.
    pub(super) fn is_whole(&self) -> bool {
        !self.failed && self.shape.is_empty() && self.rest.is_empty() && self.group.0 == 0
    }

    fn octet(&mut self) -> u8 {
        match self.shape.split_first() {
            Some((&first, rest)) => {
                self.shape = rest;
                first
            }
            None => {
                self.failed = true;
                0
            }
        }
    }

    /// Whether the next number is a difference.
    fn differs(&mut self) -> bool {
        if self.group.1 == 0 {
            self.group = (self.octet(), GROUP as u8);
        }
        let differs = self.group.0 & 1 != 0;
        self.group = (self.group.0 >> 1, self.group.1 - 1);
        differs
    }

    fn alike(&mut self) -> u64 {
        let mut word = 0_u64;
        for shift in (0..64).step_by(7) {
            let octet = self.octet();
            word |= u64::from(octet & !MORE) << shift;
            if octet < MORE {
                break;
            }
        }
        word
    }

    fn random(&mut self) -> u64 {
        let first = self.octet();
        if first < MORE {
            return first.into();
        }
        let mut word = [0; 8];
        match self.rest.split_at_checked(usize::from(first & !MORE)) {
            Some((octets, rest)) if octets.len() <= word.len() => {
                word[..octets.len()].copy_from_slice(octets);
                self.rest = rest;
            }
            _ => self.failed = true,
        }
        u64::from_le_bytes(word)
    }
}

impl Coder for Reader<'_> {
    fn word(&mut self, value: &mut u64, usual: u64) {
        let word = if self.differs() { self.alike() } else { 0 };
        *value = after(usual, word);
    }

    fn number(&mut self, value: &mut u64, usual: u64) {
        let word = if self.differs() { self.random() } else { 0 };
        *value = after(usual, word);
    }
}

/// That far from what is usual; the lowest bit is the sign.
fn after(usual: u64, word: u64) -> u64 {
    let difference = (word >> 1) as i64 ^ -((word & 1) as i64);
    usual.wrapping_add(difference as u64)
}

/// What fits into a word.
pub(super) trait Word: Copy {
    fn into_word(self) -> u64;
    fn from_word(word: u64) -> Self;
}

macro_rules! words {
    ($($kind:ty)*) => {$(
        impl Word for $kind {
            fn into_word(self) -> u64 {
                self as u64
            }
            fn from_word(word: u64) -> Self {
                word as $kind
            }
        }
    )*};
}
words!(u8 u16 u32 u64 i64);

impl Word for bool {
    fn into_word(self) -> u64 {
        self.into()
    }
    fn from_word(word: u64) -> Self {
        word != 0
    }
}

impl Word for Span {
    fn into_word(self) -> u64 {
        self.0 as u64
    }
    fn from_word(word: u64) -> Self {
        Span(word as i64)
    }
}

impl Word for TcpFlags {
    fn into_word(self) -> u64 {
        self.0.into()
    }
    fn from_word(word: u64) -> Self {
        TcpFlags(word as u8)
    }
}

impl Word for Multipath {
    fn into_word(self) -> u64 {
        self as u64
    }
    fn from_word(word: u64) -> Self {
        Multipath::ALL[word as usize & 3]
    }
}

impl Word for Side {
    fn into_word(self) -> u64 {
        self as u64
    }
    fn from_word(word: u64) -> Self {
        Side::BOTH[usize::from(word != 0)]
    }
}

/// Any number that is another one in every connection.
pub(super) fn number<T: Word>(c: &mut impl Coder, value: &mut T, usual: T) {
    let mut word = value.into_word();
    c.number(&mut word, usual.into_word());
    *value = T::from_word(word);
}

/// Any other number.
pub(super) fn put<T: Word>(c: &mut impl Coder, value: &mut T, usual: T) {
    let mut word = value.into_word();
    c.word(&mut word, usual.into_word());
    *value = T::from_word(word);
}

/// Sequence numbers differ by little, across their wrap too.
pub(super) fn seq(c: &mut impl Coder, value: &mut SeqNum, usual: SeqNum) {
    let mut difference = i64::from(*value - usual);
    number(c, &mut difference, 0);
    *value = usual + difference as u32;
}

/// Most captures count microseconds.
pub(super) fn span(c: &mut impl Coder, value: &mut Span, usual: Span) {
    let difference = value.0.wrapping_sub(usual.0);
    let mut fine = difference % 1_000 != 0;
    put(c, &mut fine, false);
    let unit = if fine { 1 } else { 1_000 };
    let mut units = difference / unit;
    number(c, &mut units, 0);
    *value = Span(usual.0.wrapping_add(units.wrapping_mul(unit)));
}

pub(super) fn at(c: &mut impl Coder, value: &mut Timestamp, usual: Timestamp) {
    let mut since = Span(value.0);
    span(c, &mut since, Span(usual.0));
    *value = Timestamp(since.0);
}

/// A stamp that may be nothing, and often is one of those that are known, or near one of these.
pub(super) fn stamp(c: &mut impl Coder, value: &mut Stamp, known: &[Stamp]) {
    const NOTHING: u64 = 0;
    let apart = |stamp: &Stamp| (stamp.at.0.abs_diff(value.at.0), stamp.frame.abs_diff(value.frame));
    let nearest = (0..known.len()).min_by_key(|&at| apart(&known[at])).unwrap_or(0);
    let exactly = known.get(nearest) == Some(value);
    let mut code = match *value {
        nothing if nothing == Stamp::default() => NOTHING,
        _ => 1 + 2 * nearest as u64 + u64::from(!exactly),
    };
    c.word(&mut code, 1);
    if code == NOTHING {
        *value = Stamp::default();
        return;
    }
    let near = known.get((code - 1) as usize / 2).copied().unwrap_or_default();
    if code % 2 == 1 {
        *value = near;
    } else {
        at(c, &mut value.at, near.at);
        number(c, &mut value.frame, near.frame);
    }
}

/// Something that may be missing; `blank` is filled in.
pub(super) fn option<C: Coder, T>(
    c: &mut C,
    slot: &mut Option<T>,
    usual: bool,
    blank: T,
    fill: impl FnOnce(&mut C, &mut T),
) {
    let mut there = slot.is_some();
    put(c, &mut there, usual);
    if there {
        fill(c, slot.get_or_insert(blank));
    } else {
        *slot = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_the_usual_costs_a_bit() {
        let all = [0, 1, 63, 64, u64::MAX, 1 << 63, 300, i64::MAX as u64];
        let mut writer = Writer::default();
        for mut value in all {
            for usual in all {
                writer.word(&mut value, usual);
                writer.number(&mut value, usual);
            }
        }
        let octets = writer.finish();
        let mut reader = Reader::new(&octets);
        for expected in all {
            for usual in all {
                let [mut alike, mut random] = [7; 2];
                reader.word(&mut alike, usual);
                reader.number(&mut random, usual);
                assert_eq!((alike, random), (expected, expected));
            }
        }
        assert!(reader.is_whole());
        let mut writer = Writer::default();
        (0..40).for_each(|n| writer.word(&mut { n }, n));
        (0..40).for_each(|n| writer.number(&mut { n }, n));
        assert_eq!(writer.finish(), Octets { shape: vec![0; 10], rest: Vec::new() });
    }

    #[test]
    fn times_and_numbers_at_the_edges() {
        let stamps = [Stamp { at: Timestamp(i64::MIN), frame: u64::MAX }, Stamp::default()];
        let times = [i64::MIN, -1_001, -1_000, 0, 999, 1_000_000, i64::MAX].map(Timestamp);
        let mut writer = Writer::default();
        for mut time in times {
            times.iter().for_each(|&usual| at(&mut writer, &mut time, usual));
        }
        seq(&mut writer, &mut SeqNum(3), SeqNum(u32::MAX));
        stamps.iter().for_each(|stamp_| stamp(&mut writer, &mut stamp_.clone(), &[]));
        let octets = writer.finish();
        let mut reader = Reader::new(&octets);
        for expected in times {
            for &usual in &times {
                let mut time = Timestamp(5);
                at(&mut reader, &mut time, usual);
                assert_eq!(time, expected);
            }
        }
        let mut number = SeqNum(0);
        seq(&mut reader, &mut number, SeqNum(u32::MAX));
        assert_eq!(number, SeqNum(3));
        for expected in stamps {
            let mut value = Stamp { at: Timestamp(1), frame: 1 };
            stamp(&mut reader, &mut value, &[]);
            assert_eq!(value, expected);
        }
        assert!(reader.is_whole());
    }

    #[test]
    fn octets_too_few_or_too_many_are_noticed() {
        let mut writer = Writer::default();
        writer.word(&mut 300, 0);
        writer.number(&mut 300, 0);
        let whole = writer.finish();
        let is_whole = |octets: &Octets| {
            let mut reader = Reader::new(octets);
            reader.word(&mut 0, 0);
            reader.number(&mut 0, 0);
            reader.is_whole()
        };
        assert!(is_whole(&whole));
        for cut in 0..whole.shape.len() {
            assert!(!is_whole(&Octets { shape: whole.shape[..cut].to_vec(), ..whole.clone() }), "{cut}");
        }
        for rest in [&whole.rest[..1], &[&whole.rest[..], &[0]].concat()] {
            assert!(!is_whole(&Octets { rest: rest.to_vec(), ..whole.clone() }));
        }
        let mut writer = Writer::default();
        writer.word(&mut 300, 0);
        let Octets { shape, rest } = writer.finish();
        assert!(rest.is_empty());
        for cut in 0..shape.len() {
            let octets = Octets { shape: shape[..cut].to_vec(), rest: Vec::new() };
            let mut reader = Reader::new(&octets);
            reader.word(&mut 0, 0);
            assert!(!reader.is_whole(), "{cut}");
        }
        // A length that no number has.
        let long = Octets { shape: vec![2, MORE | 9], rest: vec![0; 9] };
        assert!(!is_whole(&long));
    }
}
