//! Joining the two halves of a connection that two parts of a capture hold.
//!
//! A part that has predecessors does not know what came before, so each of its connections keeps the first
//! [`Head::ROOM`] segments as they are. Joining replays these into the earlier half, exactly as if they had been read
//! in one go; from there on both agree on the running values, and what was counted since is added. Where they do not
//! agree (the first segments were all repetitions, say), the result is marked
//! [`Connection::counts_are_about`]: firsts and highest numbers stay exact, counts of repetitions may not be.

use super::closing::{Fin, IcmpError, Rst, ZeroWindow};
use super::connection::{Connection, Extra};
use super::half::Half;
use crate::wire::{Segment, Stamp};

/// The first segments of a connection in a part of a capture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    pub(super) segments: Vec<Segment>,
    /// The running lines when the head was full; everything else was counted from there.
    closed: Option<[Half; 2]>,
    /// Whether a segment waited for its answer at that moment.
    pending: bool,
}

impl Head {
    /// Segments kept; enough for a handshake, a request with its answer and a close.
    pub(super) const ROOM: usize = 16;
}

impl Connection {
    /// Keeps the first segments from now on, so that this connection can continue one of an earlier part.
    pub(super) fn keep_head(&mut self) {
        self.bits |= Connection::HEAD;
        self.extra_mut().head = Some(Box::default());
    }

    #[cold]
    pub(super) fn log_head(&mut self, s: &Segment) {
        let head = self.extra_mut().head.get_or_insert_default();
        if head.segments.len() < Head::ROOM {
            head.segments.push(*s);
        } else {
            self.close_head();
        }
    }

    /// The segments kept, for a connection that begins a part.
    pub(super) fn head(&self) -> Option<&Head> {
        self.extra.as_ref()?.head.as_deref()
    }

    fn close_head(&mut self) {
        let halves = self.halves;
        let pending = self.silences().is_some_and(|silences| silences.is_pending());
        *self = self.running();
        self.bits &= !Connection::HEAD;
        let head = self.extra_mut().head.get_or_insert_default();
        head.closed = Some(halves);
        head.pending = pending;
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
        let Some(closed) = head.closed else { return self };
        let mut whole = Connection::new(self.key);
        whole.stream = self.stream;
        for segment in &head.segments {
            whole.observe(segment);
        }
        whole.go_on(&self, &closed, head.pending);
        whole
    }

    /// The head of `later` was already replayed into self; adds what came after it.
    pub(super) fn absorb(&mut self, later: &Connection) {
        if let Some(head) = later.head()
            && let Some(closed) = &head.closed
        {
            self.go_on(later, closed, head.pending);
        }
    }

    /// Adds what was counted in `rest` since its running lines were `closed`.
    fn go_on(&mut self, rest: &Connection, closed: &[Half; 2], pending: bool) {
        if self.bits & Connection::HEAD != 0
            && self.head().is_some_and(|head| head.segments.len() >= Head::ROOM)
        {
            self.close_head();
        }
        let agree = |own: &Half, other: &Half| {
            (own.nxt, own.data_end, own.ack, own.window, own.has)
                == (other.nxt, other.data_end, other.ack, other.window, other.has)
        };
        let own_pending = self.silences().is_some_and(|silences| silences.is_pending());
        if !agree(&self.halves[0], &closed[0])
            || !agree(&self.halves[1], &closed[1])
            || own_pending != pending
        {
            self.bits |= Connection::ABOUT;
        }
        let running = Connection::RUNNING_BITS;
        let had_fin = self.extra.as_ref().is_some_and(|extra| extra.fin.iter().any(Option::is_some));
        let knew_fin = rest.extra.as_ref().is_some_and(|extra| extra.fin.iter().any(Option::is_some));
        let payload = self.halves.map(|half| half.payload);
        let first_to_first = rest.first.at - self.first.at;
        for x in 0..2 {
            let highest = self.halves[x];
            self.halves[x] = highest.then(&rest.halves[x]);
            if highest.has_seq() && highest.nxt.after(self.halves[x].nxt) {
                self.halves[x].nxt = highest.nxt;
            }
            let mut later = rest.tallies[x];
            if later.first_payload_us != 0 {
                let shift = u32::try_from(first_to_first.0.max(0) / 1_000).unwrap_or(u32::MAX);
                later.first_payload_us = later.first_payload_us.saturating_add(shift);
            }
            self.tallies[x] = self.tallies[x].then(&later);
        }
        self.history = self.history.then(&rest.history);
        self.responder_rtt_us = first_known(self.responder_rtt_us, rest.responder_rtt_us);
        self.originator_rtt_us = first_known(self.originator_rtt_us, rest.originator_rtt_us);
        self.longest_answer_us = self.longest_answer_us.max(rest.longest_answer_us);
        self.bits = self.bits & !running | rest.bits & !Connection::HEAD;
        if let Some(later) = &rest.extra {
            self.extra_mut().add(later, payload, had_fin && !knew_fin);
        }
        self.settle();
    }

    /// What goes on from here, with nothing counted.
    fn running(&self) -> Connection {
        Connection {
            halves: [self.halves[0].running(), self.halves[1].running()],
            tallies: [self.tallies[0].running(), self.tallies[1].running()],
            history: Default::default(),
            longest_answer_us: 0,
            extra: self.extra.as_ref().map(|extra| Box::new(extra.running())),
            ..self.clone()
        }
    }

    /// Renumbers the frames of a part that follows `by` frames of earlier parts.
    pub fn shift_frames(&mut self, by: u64) {
        let shift = |stamp: &mut Stamp| {
            if stamp.frame != 0 {
                stamp.frame += by;
            }
        };
        shift(&mut self.first);
        self.halves.iter_mut().for_each(|half| shift(&mut half.last));
        let Some(extra) = &mut self.extra else { return };
        for fin in extra.fin.iter_mut().flatten() {
            shift(&mut fin.seen);
            shift(&mut fin.last_sent);
            fin.acked.iter_mut().for_each(shift);
        }
        for rst in extra.rst.iter_mut().flatten() {
            shift(&mut rst.seen);
            rst.after.iter_mut().for_each(|(stamp, _)| shift(stamp));
        }
        if let Some(silences) = &mut extra.silences {
            silences.shift_frames(by);
        }
        for zero in extra.zero.iter_mut().flat_map(|zero| zero.iter_mut()) {
            zero.since.iter_mut().for_each(shift);
            shift(&mut zero.longest_from);
        }
        for error in extra.icmp.iter_mut().flat_map(|icmp| icmp.iter_mut()).flatten() {
            shift(&mut error.seen);
        }
        if let Some(head) = &mut extra.head {
            head.segments.iter_mut().for_each(|segment| shift(&mut segment.seen));
            head.closed.iter_mut().flatten().for_each(|half| shift(&mut half.last));
        }
    }
}

fn first_known(earlier: u32, later: u32) -> u32 {
    if earlier != 0 { earlier } else { later }
}

impl Extra {
    fn running(&self) -> Extra {
        Extra {
            fin: self.fin.map(|fin| fin.map(|fin| Fin { sent: 0, peer_payload_before: 0, ..fin })),
            rst: self.rst.map(|rst| rst.map(|rst| Rst { sent: 0, ..rst })),
            silences: self.silences.as_ref().map(|silences| Box::new(silences.running())),
            zero: self.zero.as_ref().map(|zero| {
                Box::new(zero.map(|zero| ZeroWindow { since: zero.since, ..ZeroWindow::default() }))
            }),
            icmp: None,
            recent: self.recent.clone(),
            head: self.head.clone(),
        }
    }

    /// `payload`: what each side had sent before `rest` began to count.
    fn add(&mut self, rest: &Extra, payload: [u64; 2], silences_after_fin: bool) {
        for x in 0..2 {
            self.fin[x] = match (self.fin[x], rest.fin[x]) {
                (Some(first), Some(again)) => Some(first.then(&again, payload[1 - x])),
                (None, Some(mut only)) => {
                    only.peer_payload_before += payload[1 - x];
                    Some(only)
                }
                (first, None) => first,
            };
            self.rst[x] = match (self.rst[x], rest.rst[x]) {
                (Some(first), Some(again)) => {
                    Some(Rst { sent: first.sent.saturating_add(again.sent), ..first })
                }
                (first, only) => first.or(only),
            };
        }
        if let Some(later) = &rest.silences {
            let silences = self.silences.get_or_insert_default();
            **silences = silences.then(later, silences_after_fin);
        }
        if let Some(later) = &rest.zero {
            let zero = self.zero.get_or_insert_default();
            for x in 0..2 {
                zero[x] = zero[x].then(&later[x]);
            }
        }
        if let Some(later) = &rest.icmp {
            let icmp = self.icmp.get_or_insert_default();
            for x in 0..2 {
                icmp[x] = match (icmp[x], later[x]) {
                    (Some(first), Some(again)) => {
                        Some(IcmpError { count: first.count.saturating_add(again.count), ..first })
                    }
                    (first, only) => first.or(only),
                };
            }
        }
        self.recent = rest.recent.clone();
    }
}

impl Fin {
    /// `again` is the same FIN as known to a part that began later; `payload` is what the peer had sent until then.
    fn then(&self, again: &Fin, payload: u64) -> Fin {
        let sent = self.sent.saturating_add(again.sent);
        let last_sent = self.last_sent.max_frame(again.last_sent);
        if self.acked.is_some() {
            return Fin { sent, last_sent, ..*self };
        }
        Fin {
            sent,
            last_sent,
            acked: again.acked,
            peer_payload_before: payload + again.peer_payload_before,
            ..*self
        }
    }
}

impl ZeroWindow {
    fn then(&self, rest: &ZeroWindow) -> ZeroWindow {
        let longer = rest.longest > self.longest;
        ZeroWindow {
            since: rest.since,
            spells: self.spells.saturating_add(rest.spells),
            longest: if longer { rest.longest } else { self.longest },
            longest_from: if longer { rest.longest_from } else { self.longest_from },
        }
    }
}
