//! Key segments: a connection's segments as they pass, and of them a short list of what is worth drawing.
//!
//! Repetitions are folded into the first, runs of payload into one, pure acknowledgments are left out unless something
//! hangs on them. What is still too long loses its middle: plain traffic first, then the edges of silences.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{Segment, SeqNum, Side, Span, Stamp, TcpFlags};

/// What a segment does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Opens.
    Syn,
    /// Accepts.
    SynAck,
    /// Acknowledges something that is no FIN.
    Ack,
    /// Carries payload.
    Data,
    /// Closes its direction.
    Fin,
    /// Closes its direction and acknowledges the other side's FIN.
    FinAndAck,
    /// Acknowledges the other side's FIN.
    AckOfFin,
    /// Ends the connection.
    Rst,
    /// Asks whether the other side is still there.
    KeepAlive,
    /// Asks whether the other side's window is still closed.
    WindowProbe,
    /// Says that its reader does not read.
    ZeroWindow,
    /// Segments of either side that are not listed one by one.
    Others,
}

/// A segment worth telling, or several alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The first of them.
    pub first: Stamp,
    /// The last of them.
    pub last: Stamp,
    /// Who sent it; means nothing for [`Act::Others`].
    pub side: Side,
    /// What it does.
    pub act: Act,
    /// Payload octets of all of them; those of one where it was sent several times.
    pub payload: u64,
    /// How often it was sent.
    pub sent: u64,
    /// How many different segments it stands for.
    pub segments: u64,
}

impl Event {
    fn of(s: &Segment, act: Act) -> Event {
        Event {
            first: s.seen,
            last: s.seen,
            side: s.side,
            act,
            payload: u64::from(s.len),
            sent: 1,
            segments: 1,
        }
    }
}

/// Takes the segments of one connection and keeps what is worth telling.
#[derive(Clone, Debug)]
pub struct Collector {
    room: usize,
    items: Vec<Item>,
    sides: [Seen; 2],
    /// The last segment, if it is not an event of its own: folded into the last one, or a mere acknowledgment.
    tail: Option<Event>,
    last: Option<Stamp>,
}

/// An event and what is needed to fold others into it.
#[derive(Clone, Copy, Debug)]
struct Item {
    event: Event,
    /// The number after its last octet.
    end: SeqNum,
    /// The last segment but one of those it stands for.
    before: Stamp,
    /// The length of the silence that it ended or that began after it.
    silence: Span,
}

/// What is known of one side so far.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    nxt: Option<SeqNum>,
    fin_end: Option<SeqNum>,
    fin_acked: bool,
    zero_window: bool,
    synchronised: bool,
    opened: bool,
    last: Option<Segment>,
}

impl Collector {
    /// A shorter time between two segments is no silence.
    const SILENCE: Span = Span::secs(1);
    /// So far back a repetition is looked for.
    const REACH: usize = 16;
    /// So many at both ends are kept whatever they are.
    const ENDS: usize = 5;

    /// Keeps at most `room` events, and not fewer than a dozen.
    pub fn new(room: usize) -> Collector {
        Collector {
            room: room.max(12),
            items: Vec::new(),
            sides: [Seen::default(); 2],
            tail: None,
            last: None,
        }
    }

    /// Takes the next segment.
    pub fn take(&mut self, s: &Segment) {
        let seen = &mut self.sides[s.side.index()];
        if seen.last.as_ref().is_some_and(|last| captured_twice(last, s)) {
            return;
        }
        seen.last = Some(*s);
        let (act, again) = self.act(s);
        let silence = self.last.map_or(Span::ZERO, |last| s.seen.at - last.at);
        self.last = Some(s.seen);
        if again && self.repeats(s, act) || self.asks_again(s, act) {
            self.tail = None;
            return;
        }
        let silence = if silence >= Collector::SILENCE { silence } else { Span::ZERO };
        if silence > Span::ZERO {
            self.tell_tail(silence);
        } else if self.folds(s, act) {
            return;
        }
        let event = Event::of(s, act);
        let opening = !self.sides[s.side.index()].opened && !s.flags.any(TcpFlags::SYN);
        self.sides[s.side.index()].opened |= opening;
        if act == Act::Ack && silence == Span::ZERO && !(opening && self.items.len() <= 3) {
            self.tail = Some(event);
            return;
        }
        self.tail = None;
        self.items.push(Item { event, end: s.end(), before: s.seen, silence });
        if self.items.len() >= 8 * self.room {
            self.shorten();
        }
    }

    /// What is worth telling, in order of capture.
    pub fn finish(mut self) -> Vec<Event> {
        self.tell_tail(Span::ZERO);
        if self.items.len() > self.room {
            self.shorten();
        }
        self.items.into_iter().map(|item| item.event).collect()
    }

    /// What the segment does, and whether its side has done the same before.
    fn act(&mut self, s: &Segment) -> (Act, bool) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let peer = self.sides[y];
        let acks_fin = s.flags.any(TcpFlags::ACK)
            && !peer.fin_acked
            && peer.fin_end.is_some_and(|end| s.ack.at_or_after(end));
        self.sides[y].fin_acked |= acks_fin;
        let own = &mut self.sides[x];
        let behind = own.nxt.map(|nxt| nxt - s.seq);
        let again = own.nxt.is_some_and(|nxt| nxt.at_or_after(s.end())) && s.span() > 0;
        if own.nxt.is_none_or(|nxt| s.end().after(nxt)) && !s.flags.any(TcpFlags::RST) {
            own.nxt = Some(s.end());
        }
        let was_zero = own.zero_window;
        own.zero_window = s.window == 0 && !s.flags.any(TcpFlags::RST | TcpFlags::SYN);
        if s.flags.any(TcpFlags::RST) {
            return (Act::Rst, true);
        }
        if s.flags.any(TcpFlags::SYN) {
            own.synchronised = true;
            return (if s.flags.any(TcpFlags::ACK) { Act::SynAck } else { Act::Syn }, true);
        }
        if s.flags.any(TcpFlags::FIN) {
            let before = own.fin_end.replace(s.end()).is_some();
            return (if acks_fin { Act::FinAndAck } else { Act::Fin }, before);
        }
        match behind {
            _ if acks_fin => (Act::AckOfFin, false),
            Some(1) if s.len <= 1 && peer.zero_window => (Act::WindowProbe, true),
            Some(1) if s.len <= 1 => (Act::KeepAlive, true),
            _ if s.len > 0 => (Act::Data, again),
            _ if own.zero_window => (Act::ZeroWindow, was_zero),
            _ => (Act::Ack, false),
        }
    }

    /// Folds a repetition into what it repeats.
    fn repeats(&mut self, s: &Segment, act: Act) -> bool {
        let same = |item: &&mut Item| {
            let event = &item.event;
            let fin = |act| matches!(act, Act::Fin | Act::FinAndAck);
            event.side == s.side
                && (event.act == act && (item.end == s.end() || act == Act::Rst)
                    || fin(event.act) && fin(act))
        };
        let Some(item) = self.items.iter_mut().rev().take(Collector::REACH).find(same) else {
            return false;
        };
        item.event.sent += 1;
        item.event.last = s.seen;
        true
    }

    /// Folds probes into the probe before them, whatever the time between: that is what they are.
    fn asks_again(&mut self, s: &Segment, act: Act) -> bool {
        let asks = matches!(act, Act::KeepAlive | Act::WindowProbe | Act::ZeroWindow);
        let Some(item) = self.items.iter_mut().rev().take(2).find(|item| item.event.side == s.side) else {
            return false;
        };
        let folds = asks && item.event.act == act;
        if folds {
            item.event.sent += 1;
            item.event.last = s.seen;
        }
        folds
    }

    /// Folds payload into the run of payload that it continues.
    fn folds(&mut self, s: &Segment, act: Act) -> bool {
        let Some(item) = self.items.last_mut() else { return false };
        let continues = act == Act::Data && item.event.act == Act::Data && item.event.side == s.side;
        if continues && item.event.sent == 1 {
            let one = Event::of(s, act);
            item.event.payload += one.payload;
            item.event.segments += 1;
            item.before = std::mem::replace(&mut item.event.last, s.seen);
            item.end = s.end();
            self.tail = Some(one);
            return true;
        }
        false
    }

    /// A silence begins, or the end has come: the last segment is told by itself.
    fn tell_tail(&mut self, silence: Span) {
        if let Some(tail) = self.tail.take() {
            if let Some(item) = self.items.last_mut().filter(|_| tail.act == Act::Data) {
                item.event.payload -= tail.payload.min(item.event.payload);
                item.event.segments -= 1;
                item.event.last = item.before;
            }
            let end = self.items.last().map_or(SeqNum::default(), |item| item.end);
            self.items.push(Item { event: tail, end, before: tail.first, silence });
        } else if let Some(item) = self.items.last_mut() {
            item.silence = item.silence.max(silence);
        }
    }

    /// Takes out of the middle what says least, until a half of the room is filled.
    fn shorten(&mut self) {
        let len = self.items.len();
        let weight = |(at, item): (usize, &Item)| {
            let from_end = at.min(len - 1 - at);
            let class = match item.event.act {
                _ if from_end < Collector::ENDS => 0,
                Act::Syn | Act::SynAck | Act::Fin | Act::FinAndAck | Act::AckOfFin | Act::Rst => 1,
                Act::Others => 4,
                _ if item.silence > Span::ZERO => 2,
                _ => 3,
            };
            (class, std::cmp::Reverse(item.silence), from_end, at)
        };
        let mut order: Vec<_> = self.items.iter().enumerate().map(weight).collect();
        order.sort_unstable();
        let mut keep = vec![false; len];
        for (.., at) in order.iter().take(self.room / 2) {
            keep[*at] = true;
        }
        let mut kept: Vec<Item> = Vec::with_capacity(self.room);
        for (item, keep) in self.items.drain(..).zip(keep) {
            match kept.last_mut() {
                _ if keep && item.event.act != Act::Others => kept.push(item),
                Some(others) if others.event.act == Act::Others => others.event.absorb(&item.event),
                _ => {
                    let mut event = Event { act: Act::Others, sent: 1, ..item.event };
                    if item.event.act != Act::Others {
                        event.segments = item.event.segments + item.event.sent - 1;
                    }
                    kept.push(Item { event, ..item });
                }
            }
        }
        self.items = kept;
    }
}

impl Event {
    fn absorb(&mut self, other: &Event) {
        self.last = other.last;
        self.payload += other.payload;
        self.segments += other.segments + other.sent - 1;
    }
}

fn captured_twice(last: &Segment, s: &Segment) -> bool {
    let near = s.seen.at - last.seen.at <= Span::millis(1) || s.interface != last.interface;
    let numbers = |s: &Segment| (s.seq, s.ack, s.len, s.flags, s.window, s.checksum, s.ip_id);
    near && numbers(last) == numbers(s)
}
