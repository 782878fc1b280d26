//! Key segments: a connection's segments as they pass, and of them a short list of what is worth drawing.
//!
//! Repetitions are folded into the first, runs of payload into one, pure acknowledgments are left out unless something
//! hangs on them. What is still too long loses its middle: plain traffic first, then the edges of silences.

use super::acts::{Act, Acts};
use crate::wire::{Segment, SeqNum, Side, Span, Stamp, TcpFlags};

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
    acts: Acts,
    /// A segment of that side that is not its SYN was told.
    opened: [bool; 2],
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
            acts: Acts::default(),
            opened: [false; 2],
            tail: None,
            last: None,
        }
    }

    /// Takes the next segment.
    pub fn take(&mut self, s: &Segment) {
        let Some((act, again)) = self.acts.next(s) else { return };
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
        let opened = &mut self.opened[s.side.index()];
        let opening = !*opened && !s.flags.any(TcpFlags::SYN);
        *opened |= opening;
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
                Act::DataFin | Act::AckOfDataFin => 1,
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
