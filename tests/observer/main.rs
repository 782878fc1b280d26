//! What the observer says, against what is true.
//!
//! Two ends close a connection as RFC 9293 has it, and a capture point between them sees what passes. First in a small
//! world, every interleaving of closing, repeating, acknowledging, delay and loss is walked through; then a large one
//! is sampled, with data, reordering, doubled frames, offload, captures that begin late and numbers that wrap.

mod exhaustive;
mod judged;
mod sampled;

use cwait_pcap::tcp::{Connection, State};
use cwait_pcap::wire::{Endpoint, FlowKey, Segment, SeqNum, Side, Stamp, TcpFlags, TcpTimestamps, Timestamp};

/// Whether the RFC's figure leads from `earlier` to `later` by the end of the handshake and by closing. Written out once more, so that the table
/// in the library is not its own judge.
fn leads_to(earlier: State, later: State) -> bool {
    use State::*;
    let onward: &[State] = match earlier {
        SynReceived => &[Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait, Closed],
        Established => &[FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait, Closed],
        FinWait1 => &[FinWait2, Closing, TimeWait],
        FinWait2 | Closing => &[TimeWait],
        CloseWait => &[LastAck, Closed],
        LastAck => &[Closed],
        _ => &[],
    };
    earlier == later || onward.contains(&later)
}

/// A hole that the numbers show: an octet that was sent and never seen, which may be a FIN.
fn shows_a_hole(connection: &Connection, side: Side) -> bool {
    let half = &connection.halves[side.index()];
    let fin = i32::from(connection.fin(side).is_some());
    half.unseen_octets() > fin || connection.tallies[side.index()].acked_unseen > 0
}

/// The teardown as far as one end knows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Teardown {
    sent: bool,
    received: bool,
    acked: bool,
    /// It had the peer's FIN before it sent its own, or has sent none yet.
    waited: bool,
}

impl Teardown {
    /// The table of RFC 9293's closing states, by what happened.
    fn state(self) -> State {
        match (self.sent, self.received, self.acked, self.waited) {
            (false, false, ..) => State::Established,
            (false, true, ..) => State::CloseWait,
            (true, false, false, _) => State::FinWait1,
            (true, false, true, _) => State::FinWait2,
            (true, true, false, false) => State::Closing,
            (true, true, true, false) => State::TimeWait,
            (true, true, false, true) => State::LastAck,
            (true, true, true, true) => State::Closed,
        }
    }

    fn receive(&mut self, fin: bool, acks_fin: bool) {
        self.acked |= acks_fin && self.sent;
        if fin && !self.received {
            self.received = true;
            self.waited = !self.sent;
        }
    }
}

fn key() -> FlowKey {
    FlowKey::of(Endpoint::v4([192, 0, 2, 1], 40_000), Endpoint::v4([198, 51, 100, 1], 443), 0).0
}

/// A segment captured 10 ms after the one before it.
fn segment(frame: u64, side: Side, flags: TcpFlags, seq: u32, ack: u32, len: u32) -> Segment {
    Segment {
        seen: Stamp { at: Timestamp(1_700_000_000_000_000_000 + frame as i64 * 10_000_000), frame },
        seq: SeqNum(seq),
        ack: SeqNum(ack),
        len,
        timestamps: TcpTimestamps::default(),
        window: 64_000,
        checksum: frame as u16,
        ip_id: frame as u16,
        interface: 0,
        flags,
        hop_limit: 64,
        side,
        has_timestamps: false,
        has_options: false,
        ..Segment::BLANK
    }
}
