//! Wireshark's stream numbers, counted as tshark counts them.
//!
//! tshark never forgets a conversation, we do: a straggler of a connection that was retired long ago would get a new
//! number here and its old one there. The last retired ones are remembered, and if one is missed after all, the
//! numbers are known to be inexact from there on.

use std::collections::{HashMap, VecDeque};

use super::connection::Connection;

#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    next: u32,
    retired: HashMap<u64, u32>,
    order: VecDeque<u64>,
    forgot: bool,
    /// From here on every number is unknown.
    lost: bool,
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
            if let Some(&stream) = self.retired.get(&flow_hash) {
                return stream;
            }
            if self.forgot {
                self.lost = true;
                return Connection::NO_STREAM;
            }
        }
        let stream = self.next;
        self.next = self.next.saturating_add(1);
        stream
    }

    pub(super) fn retire(&mut self, flow_hash: u64, stream: u32) {
        if self.retired.insert(flow_hash, stream).is_none() {
            self.order.push_back(flow_hash);
        }
        if self.order.len() > Streams::MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.retired.remove(&oldest);
            self.forgot = true;
        }
    }
}
