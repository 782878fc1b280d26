//! Zeek's `history`: what each side did, in order of first occurrence.

use crate::wire::Side;

/// The letters, in Zeek's meaning: SYN, SYN-ACK, pure ACK, data, FIN, RST, retransmission, zero window, gap.
const LETTERS: [char; 9] = ['S', 'H', 'A', 'D', 'F', 'R', 'T', 'W', 'G'];

/// Which letter; the discriminant is its place in [`LETTERS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Letter {
    Syn,
    SynAck,
    Ack,
    Data,
    Fin,
    Rst,
    Retransmission,
    ZeroWindow,
    Gap,
}

/// Up to twelve first occurrences, five bits each; what comes after the twelfth is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// One bit per letter and side.
    pub(super) seen: u32,
    /// The order, as two words so that the alignment stays 4.
    pub(super) order: [u32; 2],
}

impl History {
    const ROOM: u32 = 12;

    /// Whether the side did that before.
    #[inline]
    pub(super) fn has(&self, letter: Letter, side: Side) -> bool {
        self.seen & 1 << ((letter as u32) << 1 | side as u32) != 0
    }

    #[inline]
    pub(super) fn note(&mut self, letter: Letter, side: Side) {
        let code = (letter as u32) << 1 | side as u32;
        if self.seen & (1 << code) == 0 {
            self.append(code);
        }
    }

    #[cold]
    fn append(&mut self, code: u32) {
        let taken = self.seen.count_ones();
        self.seen |= 1 << code;
        if taken < History::ROOM {
            // 0 means an empty place, so codes are stored plus one; 18 codes fit five bits.
            self.order[(taken / 6) as usize] |= (code + 1) << (5 * (taken % 6));
        }
    }

    fn codes(&self) -> impl Iterator<Item = u32> + '_ {
        (0..History::ROOM)
            .map(|at| self.order[(at / 6) as usize] >> (5 * (at % 6)) & 31)
            .take_while(|&stored| stored != 0)
            .map(|stored| stored - 1)
    }

    /// Zeek's string: upper case for the originator, lower case for the responder.
    pub fn letters(&self, originator: Side) -> String {
        self.codes()
            .map(|code| {
                let letter = LETTERS[(code >> 1) as usize];
                if code & 1 == originator as u32 { letter } else { letter.to_ascii_lowercase() }
            })
            .collect()
    }

    pub(super) fn then(mut self, later: &History) -> History {
        for code in later.codes() {
            if self.seen & (1 << code) == 0 {
                self.append(code);
            }
        }
        self.seen |= later.seen;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_occurrences_in_order() {
        let mut history = History::default();
        for (letter, side) in [
            (Letter::Syn, Side::Hi),
            (Letter::SynAck, Side::Lo),
            (Letter::Ack, Side::Hi),
            (Letter::Syn, Side::Hi),
            (Letter::Gap, Side::Lo),
        ] {
            history.note(letter, side);
        }
        assert_eq!(history.letters(Side::Hi), "ShAg");
        let mut later = History::default();
        later.note(Letter::Ack, Side::Hi);
        later.note(Letter::Fin, Side::Lo);
        assert_eq!(history.then(&later).letters(Side::Hi), "ShAgf");
    }

    #[test]
    fn the_thirteenth_is_lost_but_harmless() {
        let mut history = History::default();
        for side in Side::BOTH {
            for letter in [
                Letter::Syn,
                Letter::SynAck,
                Letter::Ack,
                Letter::Data,
                Letter::Fin,
                Letter::Rst,
                Letter::Retransmission,
                Letter::ZeroWindow,
                Letter::Gap,
            ] {
                history.note(letter, side);
            }
        }
        assert_eq!(history.letters(Side::Lo), "SHADFRTWGsha");
    }
}
