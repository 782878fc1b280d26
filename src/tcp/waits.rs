//! Waits for an answer: the longest few of a connection, and which segments end one.
//!
//! What they cost is paid where a silence ends, in `Connection::silence_ends`: no instruction on any other segment. Where
//! every segment ends a silence of seconds, all accounts of silences take 65 instructions a frame together, a fiftieth of
//! the whole: `generate slow.pcap 60000 500 24 24 0 1700000000 12000000` (an example), and of `valgrind --tool=callgrind
//! cwait-pcap analyze slow.pcap --threads 1 --format json -o /dev/null` the inclusive count of that function. On the load of
//! `.ci/instructions` it is never called.

use super::half::Half;
use super::silence::Witness;
use crate::wire::Span;

/// The longest waits for an answer of one side: from the last payload of its peer to its own first. The longest first; of
/// equal ones the earlier. What [`Waits::note`] keeps of two sets is what it keeps of their union, in any order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Waits(pub(super) Vec<Witness>);

impl Waits {
    /// So many are kept.
    pub(super) const ROOM: usize = 4;
    /// Shorter ones are not looked at.
    pub(super) const SHORTEST: Span = Span::secs(3);

    pub(super) fn note(&mut self, wait: Witness) {
        let at = self.0.partition_point(|kept| kept.is_better_than(&wait));
        if at < Waits::ROOM {
            self.0.truncate(Waits::ROOM - 1);
            self.0.insert(at, wait);
        }
    }
}

/// What the segment that ends a silence is to its peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub(super) enum Answers {
    /// No answer: it says nothing, or nobody had asked.
    #[default]
    No,
    /// The first payload that was seen at all: who knows what passed before can tell.
    Perhaps,
    /// The other side had spoken last.
    Yes,
}

impl Answers {
    /// Of a segment of `half` that `says` something; `spoken` is whether any payload was seen before.
    pub(super) fn of(says: bool, spoken: bool, half: &Half, peer: &Half) -> Answers {
        match (says, spoken) {
            (false, _) => Answers::No,
            (true, false) => Answers::Perhaps,
            (true, true) if peer.spoke_last(half) => Answers::Yes,
            (true, true) => Answers::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Timestamp;

    fn wait(seconds: i64, frame: u64) -> Witness {
        Witness { span: Span::secs(seconds), from_frame: 1, to_frame: frame, at: Timestamp(0) }
    }

    #[test]
    fn the_longest_four_stay_in_whatever_order_they_come() {
        let all = [wait(5, 10), wait(9, 20), wait(4, 30), wait(7, 40), wait(9, 50), wait(6, 60), wait(3, 70)];
        let longest = [wait(9, 20), wait(9, 50), wait(7, 40), wait(6, 60)];
        for turn in 0..all.len() {
            let mut waits = Waits::default();
            all.iter().cycle().skip(turn).take(all.len()).for_each(|&wait| waits.note(wait));
            assert_eq!(waits.0, longest, "begun at {turn}");
        }
    }
}
