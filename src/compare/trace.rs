//! The segments of one connection as they passed one vantage point, and the same in numbers that mean the same octets
//! at every vantage point.

use std::collections::VecDeque;

use super::End;
use crate::decode::{maximum_segment_size, tcp_header};
use crate::detail::{Act, Acts, Hit};
use crate::tcp::Connection;
use crate::wire::{Segment, SeqNum, Side, Stamp, TcpFlags, TcpTimestamps, Timestamp};

/// Segments in order of capture. Of too many, the middle is left out.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    room: usize,
    acts: Acts,
    head: Vec<Kept>,
    tail: VecDeque<Kept>,
    left_out: u64,
}

/// A segment, and what was made out about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    pub(super) segment: Segment,
    pub(super) act: Act,
    /// The maximum segment size that a SYN offers.
    pub(super) mss: Option<u16>,
}

impl Trace {
    pub(super) fn new(room: usize) -> Trace {
        let room = room.max(2);
        Trace { room, acts: Acts::default(), head: Vec::new(), tail: VecDeque::new(), left_out: 0 }
    }

    /// Takes the next segment.
    pub(super) fn take(&mut self, hit: &Hit<'_>) {
        let segment = hit.segment;
        let Some((act, _)) = self.acts.next(&segment) else { return };
        let mss = match segment.flags.any(TcpFlags::SYN) {
            true => tcp_header(&hit.record).and_then(|header| maximum_segment_size(&hit.record.data[header])),
            false => None,
        };
        let kept = Kept { segment, act, mss };
        if self.head.len() < self.room / 2 {
            self.head.push(kept);
            return;
        }
        if self.tail.len() == self.room - self.room / 2 {
            self.tail.pop_front();
            self.left_out += 1;
        }
        self.tail.push_back(kept);
    }

    fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.head.iter().chain(&self.tail)
    }

    /// The segments that were kept, as captured.
    pub(super) fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.iter().map(|kept| &kept.segment)
    }

    /// Whether something was left out for want of that much room.
    pub(super) fn is_cut_to(&self, room: usize) -> bool {
        self.room == room && self.left_out > 0
    }

    /// The time that was left out.
    pub(super) fn gap(&self) -> Option<(Timestamp, Timestamp)> {
        let (from, until) = (self.head.last()?, self.tail.front()?);
        (self.left_out > 0).then_some((from.segment.seen.at, until.segment.seen.at))
    }
}

/// How one vantage point's numbers become those of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbering {
    /// Which side of the flow is the client here.
    pub client: Side,
    /// What has been added to the sequence numbers of the client and the server since the first vantage point.
    pub shift: [u32; 2],
}

impl Numbering {
    /// Which end that side is.
    pub fn end(&self, side: Side) -> End {
        if side == self.client { End::Client } else { End::Server }
    }

    /// Which side that end is.
    pub fn side(&self, end: End) -> Side {
        match end {
            End::Client => self.client,
            End::Server => self.client.peer(),
        }
    }

    fn seq(&self, s: &Segment) -> SeqNum {
        s.seq - self.shift[self.end(s.side).index()]
    }

    fn ack(&self, s: &Segment) -> SeqNum {
        s.ack - self.shift[self.end(s.side).peer().index()]
    }

    /// Initial sequence numbers of the client and the server, as captured here.
    pub(super) fn isns(&self, connection: &Connection) -> [Option<SeqNum>; 2] {
        End::BOTH.map(|end| connection.isn(self.side(end)))
    }
}

/// A segment passing a vantage point; offsets count octets from the same one at every vantage point, and never wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pass {
    pub(super) seen: Stamp,
    pub(super) from: End,
    pub(super) act: Act,
    /// Its first octet, SYN and FIN counting as one each.
    pub(super) start: i64,
    /// The octet after its last.
    pub(super) end: i64,
    /// The octet of the peer that is awaited next.
    pub(super) ack: Option<i64>,
    pub(super) len: u32,
    pub(super) timestamps: Option<TcpTimestamps>,
    pub(super) flags: TcpFlags,
    pub(super) window: u16,
    pub(super) window_scale: u8,
    pub(super) ip_id: u16,
    pub(super) hop_limit: u8,
    /// Its header has options, captured or not.
    pub(super) has_options: bool,
    /// The maximum segment size that a SYN offers.
    pub(super) mss: Option<u16>,
}

impl Pass {
    /// Whether it takes up sequence space.
    pub(super) fn has_octets(&self) -> bool {
        self.end > self.start
    }

    pub(super) fn is_rst(&self) -> bool {
        self.flags.any(TcpFlags::RST)
    }
}

/// The octets from which offsets are counted, of the client and the server, in the numbers of the first vantage point.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Anchors([Option<SeqNum>; 2]);

impl Anchors {
    /// Sets what is not set yet: each end's first number, or the first that its peer acknowledges.
    pub(super) fn note(&mut self, trace: &Trace, numbering: &Numbering) {
        for s in trace.segments() {
            let end = numbering.end(s.side);
            if !s.flags.any(TcpFlags::RST) {
                self.0[end.index()].get_or_insert(numbering.seq(s));
            }
            if s.flags.any(TcpFlags::ACK) {
                self.0[end.peer().index()].get_or_insert(numbering.ack(s));
            }
        }
    }
}

/// All that was kept of a connection at one vantage point.
pub(super) fn passes(trace: &Trace, numbering: &Numbering, anchors: &Anchors) -> Vec<Pass> {
    let mut sent = anchors.0.map(|anchor| Unwrapped::at(anchor.unwrap_or_default()));
    let mut acked = sent;
    let pass = |kept: &Kept| {
        let s = &kept.segment;
        let from = numbering.end(s.side);
        let start = sent[from.index()].offset(numbering.seq(s), !s.flags.any(TcpFlags::RST));
        let ack = s
            .flags
            .any(TcpFlags::ACK)
            .then(|| acked[from.peer().index()].offset(numbering.ack(s), !s.flags.any(TcpFlags::RST)));
        Pass {
            seen: s.seen,
            from,
            act: kept.act,
            start,
            end: start + i64::from(s.span()),
            ack,
            len: s.len,
            timestamps: s.has_timestamps.then_some(s.timestamps),
            flags: s.flags,
            window: s.window,
            window_scale: s.window_scale,
            ip_id: s.ip_id,
            hop_limit: s.hop_limit,
            has_options: s.has_options,
            mss: kept.mss,
        }
    };
    trace.iter().map(pass).collect()
}

/// A running sequence number without wraps.
#[derive(Clone, Copy)]
struct Unwrapped {
    number: SeqNum,
    offset: i64,
}

impl Unwrapped {
    fn at(number: SeqNum) -> Unwrapped {
        Unwrapped { number, offset: 0 }
    }

    /// How far a number lies from the anchor; what follows is counted from it if it can be trusted.
    fn offset(&mut self, number: SeqNum, trusted: bool) -> i64 {
        let offset = self.offset + i64::from(number - self.number);
        if trusted {
            *self = Unwrapped { number, offset };
        }
        offset
    }
}
