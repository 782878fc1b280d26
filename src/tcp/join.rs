//! Joining the two halves of a connection that two parts of a capture hold.
//!
//! A part that has predecessors does not know what came before, so each of its connections keeps the first
//! [`Head::ROOM`] segments as they are. Joining replays these into the earlier half, exactly as if they had been read
//! in one go; from there on both agree on the running values, and what was counted since is added. Where they do not
//! agree (the first segments were all repetitions, say), the result is marked
//! [`Connection::counts_are_about`]: firsts and highest numbers stay exact, counts of repetitions may not be, nor
//! silences behind numbers of which only one of the two knew better.

mod extra;
mod renumber;
mod silences;
mod sums;

use super::connection::Connection;
use super::half::{Half, Tally};
use super::silence::Episode;
use crate::wire::{FlowKey, Segment, SeqNum, Side, Stamp, Timestamp};

/// The first segments of a connection in a part of a capture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    pub(super) segments: Vec<Segment>,
    /// What was known when the head was full; everything else was counted from there.
    pub(super) closed: Option<Box<Closed>>,
}

/// The running values at the moment a head was full: if the joined connection has the same ones at that point, then all
/// that follows was counted as it would have been in one go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Closed {
    halves: [Half; 2],
    tallies: [Tally; 2],
    bits: u32,
    /// What acknowledges the FIN of each side.
    fins: [Option<SeqNum>; 2],
    pending: Option<Episode>,
}

impl Head {
    /// Segments kept; enough for a handshake, a request with its answer and a close.
    const ROOM: usize = 16;
    /// Segments kept while only one side has spoken: what the silent one knows is then known to nobody.
    pub(super) const MOST: usize = 64;
}

impl Connection {
    /// Keeps the first segments from now on, so that this connection can continue one of an earlier part.
    pub(super) fn keep_head(&mut self) {
        self.bits |= Connection::HEAD;
        self.extra_mut().head = Some(Box::default());
    }

    #[cold]
    pub(super) fn log_head(&mut self, s: &Segment) {
        let both_spoke = self.halves.iter().all(Half::spoke);
        let head = self.extra_mut().head.get_or_insert_default();
        if head.segments.len() < if both_spoke { Head::ROOM } else { Head::MOST } {
            head.segments.push(*s);
        } else {
            self.close_head();
        }
    }

    /// Whether it was opened behind its head.
    pub(super) fn opened_late(&self) -> bool {
        let closed = self.head().and_then(|head| head.closed.as_ref());
        self.opener().is_some() && closed.is_some_and(|closed| closed.bits & Connection::OPENED == 0)
    }

    /// The segments kept, for a connection that begins a part.
    pub(super) fn head(&self) -> Option<&Head> {
        self.extra.as_ref()?.head.as_deref()
    }

    /// SYNs of one side, those of a head that was full included.
    pub(super) fn syns(&self, x: usize) -> u16 {
        let closed = self.head().and_then(|head| head.closed.as_ref());
        u16::from(self.tallies[x].syns) + closed.map_or(0, |closed| closed.tallies[x].syns.into())
    }

    fn close_head(&mut self) {
        let closed = Box::new(self.present());
        self.bits &= !Connection::HEAD;
        self.count_anew();
        self.extra_mut().head.get_or_insert_default().closed = Some(closed);
    }

    /// Self was seen before `later`, at the same capture point: the connection as if read in one go.
    ///
    /// The law: `observe(a ++ b) == observe(a).then(observe(b))`, associative, with the empty connection as neutral
    /// element; `later` must be of a part that knows it has predecessors (or be empty).
    pub fn then(mut self, later: &Connection) -> Connection {
        let Some(head) = later.head() else {
            return if later.is_empty() { self } else { later.clone() };
        };
        for segment in &head.segments {
            self.observe(segment);
        }
        self.absorb(later);
        self
    }

    /// The connection as a whole, when no earlier part holds anything of it.
    pub fn whole(mut self) -> Connection {
        let Some(head) = self.extra.as_mut().and_then(|extra| extra.head.take()) else { return self };
        self.bits &= !Connection::HEAD;
        let Some(closed) = head.closed else {
            self.drop_empty_box();
            return self;
        };
        let mut whole = Connection::new(self.key);
        whole.stream = self.stream;
        for segment in &head.segments {
            whole.observe(segment);
        }
        whole.go_on(&self, &closed);
        whole.add_icmp(&self);
        whole
    }

    /// What is known once a head is full: it follows from the head.
    pub(super) fn after_head(key: FlowKey, first: Stamp, head: &[Segment]) -> Closed {
        let mut connection = Connection::new(key);
        connection.first = first;
        connection.keep_head();
        head.iter().for_each(|segment| connection.observe(segment));
        connection.present()
    }

    /// A whole connection that began with that SYN, as one of a part whose head is the SYN alone.
    pub(super) fn begun_by(mut self, syn: &Segment) -> Connection {
        let closed = Connection::after_head(self.key, self.first, std::slice::from_ref(syn));
        let x = syn.side.index();
        self.halves[x].segments = self.halves[x].segments.saturating_sub(1);
        self.tallies[x].syns = self.tallies[x].syns.saturating_sub(1);
        let head = Head { segments: vec![*syn], closed: Some(Box::new(closed)) };
        self.extra_mut().head = Some(Box::new(head));
        self
    }

    /// The head of `later` was already replayed into self; adds what came after it.
    pub(super) fn absorb(&mut self, later: &Connection) {
        if let Some(head) = later.head()
            && let Some(closed) = &head.closed
        {
            if self.bits & Connection::HEAD != 0 {
                self.close_head();
            }
            self.go_on(later, closed);
        }
        self.add_icmp(later);
    }

    /// It ends no earlier than what a part that was absorbed counted after its head.
    pub(super) fn lasts_until(&mut self, part: &Connection) {
        let Some(closed) = part.head().and_then(|head| head.closed.as_ref()) else { return };
        for side in Side::BOTH {
            let x = side.index();
            if part.spoke_since(closed, x) {
                self.halves[x].last = self.halves[x].last.max_frame(part.halves[x].last);
            }
            let own = self.extra.as_mut().and_then(|extra| extra.rst[x].as_mut());
            if let Some((own, later)) = own.zip(part.rst(side)).filter(|(_, later)| later.sent > 0) {
                own.last_sent = own.last_sent.max_frame(later.last_sent);
            }
        }
    }

    /// Whether a side sent anything but RSTs since its head was full. The first one, too, is its last segment in a part.
    fn spoke_since(&self, closed: &Closed, x: usize) -> bool {
        let last = self.halves[x].last;
        last != closed.halves[x].last && self.rst(Side::BOTH[x]).is_none_or(|rst| rst.seen != last)
    }

    pub(super) fn present(&self) -> Closed {
        let extra = self.extra.as_deref();
        Closed {
            halves: self.halves,
            tallies: self.tallies,
            // Neither is a fact of the segments before.
            bits: self.bits & !(Connection::TABLE_BITS | Connection::REUSED),
            fins: extra
                .map_or([None; 2], |extra| extra.fin.each_ref().map(|fin| fin.as_ref().map(|fin| fin.end))),
            pending: self.silences().and_then(|silences| silences.pending()),
        }
    }

    /// From here on sums begin at nothing; what decides about later segments stays.
    fn count_anew(&mut self) {
        self.halves = self.halves.map(|half| half.running());
        self.tallies = self.tallies.map(|tally| tally.running());
        self.history = Default::default();
        self.responder_rtt_us = 0;
        self.originator_rtt_us = 0;
        self.longest_answer_us = 0;
        for side in Side::BOTH {
            if self.fin(side).is_none() {
                self.bits |= Connection::AWAITS_EMPTY[side.index()];
            }
        }
        if let Some(extra) = &mut self.extra {
            extra.count_anew();
        }
    }
}

/// Whole microseconds, rounded down before any difference is taken: differences then add up exactly.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000)
}
