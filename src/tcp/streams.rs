//! Flows that were retired, remembered in little space: so that a straggler is known for one, and so that Wireshark's
//! stream numbers are counted as tshark counts them, which never forgets a conversation.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::connection::Connection;
use crate::wire::{Span, Timestamp};

#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    next: u32,
    retired: HashMap<u64, Retired, RandomState>,
    order: VecDeque<u64>,
    forgotten: Forgotten,
    /// From here on every number is unknown.
    lost: bool,
}

#[derive(Clone, Copy, Debug)]
struct Retired {
    stream: u32,
    /// When it was over, if it was closed by both sides.
    closed: Option<Timestamp>,
}

impl Streams {
    /// How many retired flows are remembered: about 3 MB.
    const MEMORY: usize = 65_536;

    /// The number of a connection that begins; `with_syn` is how tshark tells a new conversation on used ports.
    pub(super) fn begin(&mut self, flow_hash: u64, with_syn: bool) -> u32 {
        if self.lost {
            return Connection::NO_STREAM;
        }
        if !with_syn {
            if let Some(retired) = self.retired.get(&flow_hash) {
                return retired.stream;
            }
            if self.forgotten.may_contain(flow_hash) {
                self.lost = true;
                return Connection::NO_STREAM;
            }
        }
        let stream = self.next;
        self.next = self.next.saturating_add(1);
        stream
    }

    /// From here on numbers are unknown; what was closed lately is still known.
    pub(super) fn lose_count(&mut self) {
        self.lost = true;
    }

    /// Whether the flow's last connection was closed by both sides no longer than `linger` ago.
    pub(super) fn closed_lately(&self, flow_hash: u64, now: Timestamp, linger: Span) -> bool {
        let closed = self.retired.get(&flow_hash).and_then(|retired| retired.closed);
        closed.is_some_and(|closed| now - closed <= linger)
    }

    pub(super) fn retire(&mut self, flow_hash: u64, stream: u32, closed: Option<Timestamp>) {
        if self.retired.insert(flow_hash, Retired { stream, closed }).is_none() {
            self.order.push_back(flow_hash);
        }
        if self.order.len() > Streams::MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.retired.remove(&oldest);
            self.forgotten.insert(oldest);
        }
    }
}

/// A Bloom filter over flows that are remembered no more: 2 MiB, one in 500 wrong at a million flows.
#[derive(Clone, Debug, Default)]
struct Forgotten {
    bits: Vec<u64>,
}

impl Forgotten {
    const BITS: u64 = 1 << 24;

    fn places(hash: u64) -> impl Iterator<Item = u64> {
        (0..4_u64).map(move |n| hash.wrapping_add(n.wrapping_mul((hash >> 32) | 1)) % Forgotten::BITS)
    }

    fn insert(&mut self, hash: u64) {
        self.bits.resize((Forgotten::BITS / 64) as usize, 0);
        for place in Forgotten::places(hash) {
            self.bits[(place / 64) as usize] |= 1 << (place % 64);
        }
    }

    fn may_contain(&self, hash: u64) -> bool {
        !self.bits.is_empty()
            && Forgotten::places(hash)
                .all(|place| self.bits[(place / 64) as usize] & (1 << (place % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_inexact_only_when_a_forgotten_flow_may_be_back() {
        let mut streams = Streams::default();
        for flow in 0..=Streams::MEMORY as u64 {
            let hash = flow.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let stream = streams.begin(hash, true);
            assert_eq!(u64::from(stream), flow);
            streams.retire(hash, stream, None);
        }
        let remembered = 5_u64.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert_eq!(streams.begin(remembered, false), 5);
        assert_eq!(
            streams.begin(0xdead_beef_0bad_cafe, false),
            Streams::MEMORY as u32 + 1,
            "a flow never seen"
        );
        assert_eq!(streams.begin(0, false), Connection::NO_STREAM, "the one that was forgotten");
        assert_eq!(streams.begin(1, true), Connection::NO_STREAM, "and all from there on");
    }
}
