//! Wireshark's stream numbers, and flows that were retired, remembered in little space: so that a straggler is known
//! for one, and so that streams are counted as tshark counts them, which never forgets a conversation.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

use foldhash::fast::{FixedState, RandomState};

use super::connection::Connection;
use crate::wire::{FlowKey, Span, Timestamp};

/// The streams of one table. Where a capture is shared out over several tables, each numbers its own `first`,
/// `first + step`, `first + 2 step`, ... and [`super::Numbers`] makes one order of them.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    first: u32,
    step: u32,
    begun: Begun,
    retired: HashMap<u64, Retired, RandomState>,
    order: VecDeque<u64>,
    forgotten: Forgotten,
    /// From this frame on every number is unknown.
    lost: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Retired {
    stream: u32,
    /// When it was over, if it was closed by both sides.
    closed: Option<Timestamp>,
}

impl Default for Streams {
    fn default() -> Self {
        Streams::shared(0, 1)
    }
}

impl Streams {
    /// How many retired flows are remembered: about 3 MB, in one table or shared out.
    const MEMORY: u32 = 65_536;

    /// Those of one of `of` tables.
    pub(super) fn shared(place: u32, of: u32) -> Self {
        Streams {
            first: place,
            step: of.max(1),
            begun: Begun::default(),
            retired: HashMap::default(),
            order: VecDeque::new(),
            forgotten: Forgotten::default(),
            lost: None,
        }
    }

    /// The number of a connection that begins; `with_syn` is how tshark tells a new conversation on used ports.
    pub(super) fn begin(&mut self, flow: &FlowKey, with_syn: bool, frame: u64) -> u32 {
        if self.lost.is_some() {
            return Connection::NO_STREAM;
        }
        if !with_syn {
            let hash = name(flow);
            if let Some(retired) = self.retired.get(&hash) {
                return retired.stream;
            }
            if self.forgotten.may_contain(hash, self.step) {
                return self.lose(frame);
            }
        }
        let number = u64::from(self.first) + u64::from(self.begun.count) * u64::from(self.step);
        match u32::try_from(number) {
            Ok(number) if number != Connection::NO_STREAM && self.begun.add(frame, self.step) => number,
            _ => self.lose(frame),
        }
    }

    fn lose(&mut self, frame: u64) -> u32 {
        self.lost.get_or_insert(frame);
        Connection::NO_STREAM
    }

    /// All numbers are unknown from here on; what was closed lately is still known.
    pub(super) fn lose_count(&mut self) {
        self.lost = Some(0);
    }

    /// From which frame on numbers are unknown.
    pub(super) fn lost(&self) -> Option<u64> {
        self.lost
    }

    /// The frames in which streams began, in order.
    pub(super) fn begun(&self) -> &Begun {
        &self.begun
    }

    /// Whether the flow's last connection was closed by both sides no longer than `linger` ago.
    pub(super) fn closed_lately(&self, flow: &FlowKey, now: Timestamp, linger: Span) -> bool {
        let closed = self.retired.get(&name(flow)).and_then(|retired| retired.closed);
        closed.is_some_and(|closed| now - closed <= linger)
    }

    pub(super) fn retire(&mut self, flow: &FlowKey, stream: u32, closed: Option<Timestamp>) {
        let hash = name(flow);
        if self.retired.insert(hash, Retired { stream, closed }).is_none() {
            self.order.push_back(hash);
        }
        if self.order.len() > (Streams::MEMORY / self.step).max(1) as usize
            && let Some(oldest) = self.order.pop_front()
        {
            self.retired.remove(&oldest);
            self.forgotten.insert(oldest, self.step);
        }
    }
}

/// What a flow is remembered by. The same in every run, so that what is taken for forgotten by mistake is, too.
fn name(flow: &FlowKey) -> u64 {
    FixedState::with_seed(0).hash_one(flow)
}

/// Frames in order, one or two octets for most.
#[derive(Clone, Debug, Default)]
pub(super) struct Begun {
    /// Steps from one frame to the next, seven bits an octet, the lowest first.
    steps: Vec<u8>,
    last: u64,
    count: u32,
}

impl Begun {
    /// Octets spent at most, in one table or shared out: enough for twenty million streams, more than any other
    /// program will open.
    const MOST: usize = 32 << 20;

    /// Whether there was room for it.
    fn add(&mut self, frame: u64, shares: u32) -> bool {
        if self.steps.len() >= Begun::MOST / shares as usize {
            return false;
        }
        let mut step = frame.saturating_sub(self.last);
        while step >= 0x80 {
            self.steps.push(step as u8 | 0x80);
            step >>= 7;
        }
        self.steps.push(step as u8);
        self.last = frame;
        self.count += 1;
        true
    }

    /// Whether no stream began.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Every frame, in order.
    pub(super) fn frames(&self) -> impl Iterator<Item = u64> {
        let (mut octets, mut frame) = (self.steps.iter(), 0_u64);
        std::iter::from_fn(move || {
            let (mut step, mut shift) = (0_u64, 0);
            loop {
                let octet = *octets.next()?;
                step |= u64::from(octet & 0x7f) << shift;
                shift += 7;
                if octet < 0x80 {
                    break;
                }
            }
            frame += step;
            Some(frame)
        })
    }
}

/// A Bloom filter over flows that are remembered no more: 2 MiB in all, one in 500 wrong at a million flows.
#[derive(Clone, Debug, Default)]
struct Forgotten {
    bits: Vec<u64>,
}

impl Forgotten {
    const BITS: u64 = 1 << 24;

    fn places(hash: u64, shares: u32) -> impl Iterator<Item = u64> {
        let bits = Forgotten::BITS / u64::from(shares);
        (0..4_u64).map(move |n| hash.wrapping_add(n.wrapping_mul((hash >> 32) | 1)) % bits)
    }

    fn insert(&mut self, hash: u64, shares: u32) {
        self.bits.resize((Forgotten::BITS / u64::from(shares)).div_ceil(64) as usize, 0);
        for place in Forgotten::places(hash, shares) {
            self.bits[(place / 64) as usize] |= 1 << (place % 64);
        }
    }

    fn may_contain(&self, hash: u64, shares: u32) -> bool {
        !self.bits.is_empty()
            && Forgotten::places(hash, shares)
                .all(|place| self.bits[(place / 64) as usize] & (1 << (place % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Endpoint;

    fn flow(number: u32) -> FlowKey {
        FlowKey::of(Endpoint::v4(number.to_be_bytes(), 1), Endpoint::v4([255; 4], 2), 0).0
    }

    #[test]
    fn numbers_are_inexact_only_when_a_forgotten_flow_may_be_back() {
        let mut streams = Streams::default();
        for number in 0..=Streams::MEMORY {
            let stream = streams.begin(&flow(number), true, u64::from(number) + 1);
            assert_eq!(stream, number);
            streams.retire(&flow(number), stream, None);
        }
        let next = u64::from(Streams::MEMORY) + 2;
        assert_eq!(streams.begin(&flow(5), false, next), 5, "one that is remembered");
        let never_seen = streams.begin(&flow(u32::MAX), false, next);
        assert_eq!(never_seen, Streams::MEMORY + 1, "a flow never seen");
        assert_eq!(
            streams.begin(&flow(0), false, next + 1),
            Connection::NO_STREAM,
            "the one that was forgotten"
        );
        assert_eq!(streams.begin(&flow(1), true, next + 2), Connection::NO_STREAM, "and all from there on");
        assert_eq!(streams.lost(), Some(next + 1));
    }

    /// Each of several tables numbers by steps, and all together remember no more than one does.
    #[test]
    fn tables_that_share_a_capture_share_the_memory() {
        const SHARES: u32 = 64;
        let room = Streams::MEMORY / SHARES;
        let mut streams = Streams::shared(3, SHARES);
        for number in 0..=room {
            let stream = streams.begin(&flow(number), true, u64::from(number) + 1);
            assert_eq!(stream, 3 + number * SHARES);
            if number == room {
                assert_eq!(
                    streams.begin(&flow(0), false, u64::from(number) + 1),
                    3,
                    "all are remembered so far"
                );
            }
            streams.retire(&flow(number), stream, None);
        }
        assert_eq!(streams.retired.len(), room as usize);
        let bits = Forgotten::BITS / u64::from(SHARES);
        assert_eq!(streams.forgotten.bits.len() as u64, bits / 64);
        let places = |hash: u64| Forgotten::places(hash, SHARES).collect::<Vec<_>>();
        assert!((0..100).all(|n| places(name(&flow(n))).iter().all(|&place| place < bits)));
        assert_eq!(
            places(0xabcd_0000_0001),
            [1, 1 + 0xabcd, 1 + 2 * 0xabcd, 1 + 3 * 0xabcd].map(|at| at % bits)
        );
        assert_eq!(streams.begin(&flow(1), false, 9_999), 3 + SHARES, "the second is remembered");
        assert_eq!(streams.begin(&flow(0), false, 9_999), Connection::NO_STREAM, "the first was forgotten");
    }

    #[test]
    fn frames_come_back_as_they_went_in_until_there_is_no_room() {
        let mut begun = Begun::default();
        let frames = [1, 2, 129, 130, 130 + (1 << 14), 1 << 40];
        assert!(frames.iter().all(|&frame| begun.add(frame, 1)));
        assert_eq!(begun.frames().collect::<Vec<_>>(), frames);
        let shares = u32::try_from(Begun::MOST).unwrap();
        let mut small = Begun::default();
        assert!(small.add(7, shares) && !small.add(8, shares));
        assert_eq!((small.frames().collect::<Vec<_>>(), small.count), (vec![7], 1));
    }
}
