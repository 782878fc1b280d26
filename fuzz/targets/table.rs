//! Any sequence of segments: connections that are cut and joined know what they knew in one piece; states, closures and
//! silences can be derived from whatever was noted.
//!
//! Input: a byte for the place of the cut, then segments of 15 octets.
#![cfg_attr(fuzzing, no_main)]

use std::collections::BTreeMap;

use cwait_pcap::tcp::{Closure, Connection, Limits, Table, replay};
use cwait_pcap::wire::{Endpoint, FlowKey, Segment, SeqNum, Side, Stamp, TcpFlags, TcpTimestamps, Timestamp};

#[cfg(fuzzing)]
mod bytes;

/// Silences between segments: from nothing over round trips and timers to days.
const PAUSES: [i64; 8] =
    [0, 1_000, 2_000_000, 300_000_000, 3_000_000_000, 61_000_000_000, 7_300_000_000_000, -5_000_000];

fn segments(bytes: &mut crate::bytes::Bytes<'_>) -> Vec<(FlowKey, Segment)> {
    let (mut all, mut at) = (Vec::new(), 1_700_000_000_000_000_000);
    while !bytes.is_empty() {
        let who = bytes.number(1);
        at += PAUSES[who as usize >> 2 & 7];
        let (client, server) = (
            Endpoint::v4([192, 0, 2, 1], 40_000 + (who as u16 >> 1 & 1)),
            Endpoint::v4([198, 51, 100, 1], 443),
        );
        let (key, side) =
            if who & 1 == 0 { FlowKey::of(client, server, 0) } else { FlowKey::of(server, client, 0) };
        // Numbers near zero on both sides of the wrap, so that they meet.
        let near = |n: u64| SeqNum((n as u16 as i16 as i32 as u32).wrapping_mul(1 + (n >> 16) as u32 % 3));
        let segment = Segment {
            seen: Stamp { at: Timestamp(at), frame: all.len() as u64 + 1 },
            seq: near(bytes.number(3)),
            ack: near(bytes.number(3)),
            len: [0, 0, 1, 100, 1_448, 65_000][bytes.number(1) as usize % 6],
            flags: TcpFlags(bytes.number(1) as u8),
            window: bytes.number(1) as u16 * 257,
            timestamps: TcpTimestamps { val: bytes.number(1) as u32, ecr: bytes.number(1) as u32 },
            has_timestamps: who & 0x80 != 0,
            checksum: bytes.number(1) as u16,
            ip_id: bytes.number(1) as u16,
            hop_limit: bytes.number(1) as u8,
            interface: (who >> 6 & 1) as u8,
            side,
            has_options: who & 0x80 != 0,
            ..Segment::BLANK
        };
        all.push((key, segment));
    }
    all
}

fn observed(mut table: Table, segments: &[(FlowKey, Segment)]) -> Table {
    segments.chunks(5).for_each(|batch| table.observe_all(batch));
    table
}

/// What must be the same however it was cut, by flow: the first frame and the last. `None` stands for a last frame where
/// frames count as captured twice.
type Facts = BTreeMap<FlowKey, (u64, Option<u64>)>;

fn facts(mut table: Table) -> Facts {
    let mut facts = Facts::new();
    let finished = table.take_finished();
    for connection in finished.into_iter().chain(table.into_connections()).map(Connection::whole) {
        let mut twice = false;
        for side in Side::BOTH {
            replay(&connection, side);
            Closure::of(&connection, side);
            connection.payload_after_peer_fin(side);
            connection.halves[side.index()].unseen_octets();
            twice |= connection.tallies[side.index()].captured_twice > 0;
        }
        let last = (!twice).then(|| connection.last().frame);
        let (first, known) = facts.entry(connection.key).or_insert((connection.first.frame, last));
        *first = connection.first.frame.min(*first);
        *known = last.zip(*known).map(|(one, other)| one.max(other));
    }
    facts
}

/// Segments of a connection that a part keeps at least; what lies behind is known in sums.
const KEPT: usize = 16;

pub fn run(data: &[u8]) {
    let mut bytes = crate::bytes::Bytes(data);
    let cut = bytes.number(1) as usize;
    let all = segments(&mut bytes);
    let (a, b) = all.split_at(cut.min(all.len()));
    let limits = Limits::default();
    let whole = observed(Table::new(limits), &all);
    let joined = observed(Table::new(limits), a).then(observed(Table::of_part(limits), b));
    // What is captured twice or too late is told within a connection. Segments that no system sends may fall into
    // another one where a part knows only sums; then their flow ends elsewhere.
    let blurred = b.len() > KEPT && (whole.stragglers() > 0 || joined.stragglers() > 0);
    let (whole, joined) = (facts(whole), facts(joined));
    assert_eq!(whole.len(), joined.len(), "flows");
    for ((key, (first, last)), (joined_key, (joined_first, joined_last))) in whole.iter().zip(&joined) {
        assert_eq!((key, first), (joined_key, joined_first), "flows and their first frames");
        let comparable = last.zip(*joined_last).filter(|_| !blurred);
        assert!(comparable.is_none_or(|(one, other)| one == other), "last frames: {whole:?}, cut {joined:?}");
    }
    let few = Limits { max_connections: Some(1), ..limits };
    facts(observed(Table::new(few), a).then(observed(Table::of_part(few), b)));
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
