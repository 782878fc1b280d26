//! Frames captured twice: the same packet on two interfaces, or mirrored twice.

use super::Connection;
use crate::wire::{Segment, Span, TcpFlags, Timestamp};

/// The last sixteen fingerprints of each side with their times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::tcp) struct Recent {
    pub(in crate::tcp) ring: [[(u32, Timestamp, u8); 16]; 2],
    pub(in crate::tcp) next: [u8; 2],
}

impl Connection {
    /// A repetition of a frame within this time is the same frame captured twice.
    pub const TWICE_WITHIN: Span = Span::millis(1);

    #[inline]
    pub(super) fn captured_twice(&mut self, s: &Segment, signature: u32) -> bool {
        let half = &self.halves[s.side.index()];
        let twice = half.spoke()
            && half.signature == signature
            && (half.interface != s.interface || self.is_recent(s));
        if twice {
            self.bits |= Connection::TWICE;
            self.extra_mut().recent.get_or_insert_default();
            return true;
        }
        self.bits & Connection::TWICE != 0 && self.seen_recently(s, signature)
    }

    /// Whether its side's last segment passed just before: RSTs are kept apart.
    fn is_recent(&self, s: &Segment) -> bool {
        let last = match self.rst(s.side) {
            Some(rst) if s.flags.any(TcpFlags::RST) => rst.last_sent.at,
            _ => self.halves[s.side.index()].last.at,
        };
        s.seen.at - last <= Connection::TWICE_WITHIN
    }

    #[cold]
    fn seen_recently(&mut self, s: &Segment, signature: u32) -> bool {
        let recent = self.extra_mut().recent.get_or_insert_default();
        let x = s.side.index();
        let same = |&(known, at, interface): &(u32, Timestamp, u8)| {
            known == signature
                && at != Timestamp(0)
                && (interface != s.interface || s.seen.at - at <= Connection::TWICE_WITHIN)
        };
        if recent.ring[x].iter().any(same) {
            return true;
        }
        let next = &mut recent.next[x];
        recent.ring[x][usize::from(*next) % 16] = (signature, s.seen.at, s.interface);
        *next = (*next + 1) % 16;
        false
    }
}
