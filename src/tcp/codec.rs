//! A connection as octets, for parts of a capture that are kept and joined later.
//!
//! What people ask tables for stands in columns ([`FACTS`]); what is nested, or only wanted for joining, in one string of
//! octets beside them. Both together are the whole record: the octets say how the connection differs from what its
//! columns make one expect, so what a column tells is not told again. No derive on the record itself: a field that moves
//! there is moved here, by hand, and [`FORM`] counts the changes.

mod columns;
mod words;

pub use columns::{FACTS, Fact};

use super::closing::{Fin, IcmpError, Rst, Stuck, ZeroWindow};
use super::connection::{Connection, Empties, Empty, Extra, Recent};
use super::half::Tally;
use super::join::Head;
use super::silence::{Episode, Inherited, Silence, Silences, Witness};
use crate::wire::{FlowKey, Segment, SeqNum, Side, Span, Stamp, TcpFlags, Timestamp};
use words::{Coder, Reader, Writer, at, option, put, seq, span, stamp};

/// Version of the octets; changes with every field.
pub const FORM: u32 = 1;

/// Octets that are no connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the octets of a connection are damaged")]
pub struct Damaged;

/// A connection apart: its columns are [`FACTS`] of `whole`, the octets are the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Apart {
    /// The connection as a whole, for columns.
    pub whole: Connection,
    /// What columns do not tell.
    pub octets: Vec<u8>,
}

impl Connection {
    /// Takes a connection of a part apart. `settled`: nothing that follows the part can be a segment of it.
    pub fn take_apart(&self, settled: bool) -> Apart {
        let whole = self.clone().whole();
        let mut writer = Writer::default();
        let begun = if settled { self.begun_and_over(&whole) } else { None };
        put(&mut writer, &mut begun.is_some(), true);
        let usual = columns::expected(&whole);
        match begun {
            Some((mut over, mut syn)) => {
                segment(&mut writer, &mut syn, &usual_syn(&over));
                connection(&mut writer, &mut over, &usual);
            }
            None => connection(&mut writer, &mut self.clone(), &usual),
        }
        Apart { whole, octets: writer.finish() }
    }

    /// Puts it together again; `usual` has the columns filled in.
    ///
    /// # Errors
    /// If the octets are too few, too many, or from another connection.
    pub fn put_together(mut usual: Connection, octets: &[u8]) -> Result<Connection, Damaged> {
        let mut reader = Reader::new(octets);
        let mut begun = true;
        put(&mut reader, &mut begun, true);
        let mut syn = usual_syn(&usual);
        if begun {
            let expected = syn;
            segment(&mut reader, &mut syn, &expected);
        }
        let expected = usual.clone();
        connection(&mut reader, &mut usual, &expected);
        if !reader.is_whole() {
            return Err(Damaged);
        }
        Ok(if begun { usual.begun_by(&syn) } else { usual })
    }

    /// A connection that began and ended inside its part is kept whole, with its SYN alone: a part before may hold the
    /// same SYN, and nothing else of it. None if that would not give the same connection back.
    fn begun_and_over(&self, whole: &Connection) -> Option<(Connection, Segment)> {
        let mut syn = *self.head()?.segments.first()?;
        let is_syn = syn.flags.any(TcpFlags::SYN) && !syn.flags.any(TcpFlags::ACK | TcpFlags::FIN);
        if !is_syn || !whole.closed_by_both() || syn.seen != whole.first {
            return None;
        }
        let mut over = whole.clone();
        over.forget_marks();
        (syn.checksum, syn.timestamps) = (0, Default::default());
        let same = over.clone().begun_by(&syn).whole() == over;
        same.then_some((over, syn))
    }

    /// What only decides about later segments.
    fn forget_marks(&mut self) {
        for half in &mut self.halves {
            (half.signature, half.ts_val) = (0, 0);
        }
        self.bits &= !Connection::TWICE;
        if let Some(extra) = &mut self.extra {
            extra.recent = None;
        }
    }
}

/// The SYN that begins a connection, as far as the rest tells.
fn usual_syn(c: &Connection) -> Segment {
    let side = c.opener().unwrap_or(Side::Lo);
    let half = &c.halves[side.index()];
    Segment {
        seen: c.first,
        seq: c.tallies[side.index()].isn,
        ack: SeqNum(0),
        len: 0,
        timestamps: Default::default(),
        window: 0,
        checksum: 0,
        ip_id: 0,
        interface: half.interface,
        flags: TcpFlags::SYN,
        hop_limit: 64,
        side,
        has_timestamps: false,
        has_options: true,
        window_scale: Segment::NO_SCALE,
    }
}

fn segment(c: &mut impl Coder, s: &mut Segment, usual: &Segment) {
    stamp(c, &mut s.seen, &[usual.seen]);
    put(c, &mut s.flags, usual.flags);
    put(c, &mut s.side, usual.side);
    seq(c, &mut s.seq, usual.seq);
    seq(c, &mut s.ack, usual.ack);
    put(c, &mut s.len, usual.len);
    put(c, &mut s.has_timestamps, usual.has_timestamps);
    put(c, &mut s.timestamps.val, usual.timestamps.val);
    put(c, &mut s.timestamps.ecr, usual.timestamps.ecr);
    put(c, &mut s.window, usual.window);
    put(c, &mut s.checksum, usual.checksum);
    put(c, &mut s.ip_id, usual.ip_id);
    put(c, &mut s.interface, usual.interface);
    put(c, &mut s.hop_limit, usual.hop_limit);
    put(c, &mut s.has_options, usual.has_options);
    put(c, &mut s.window_scale, usual.window_scale);
}

/// Key, first stamp and stream stand in columns.
fn connection<C: Coder>(c: &mut C, it: &mut Connection, usual: &Connection) {
    put(c, &mut it.bits, usual.bits);
    for x in 0..2 {
        numbers(c, it, usual, x);
    }
    for x in 0..2 {
        half(c, it, usual, x);
        tally(c, &mut it.tallies[x], &usual.tallies[x]);
    }
    put(c, &mut it.history.seen, usual.history.seen);
    for (word, usual) in it.history.order.iter_mut().zip(usual.history.order) {
        put(c, word, usual);
    }
    put(c, &mut it.responder_rtt_us, usual.responder_rtt_us);
    put(c, &mut it.originator_rtt_us, usual.originator_rtt_us);
    put(c, &mut it.longest_answer_us, usual.longest_answer_us);
    let there = usual.extra.is_some();
    let context = Context {
        key: it.key,
        first: it.first,
        last: it.halves.map(|half| half.last),
        nxt: it.halves.map(|half| half.nxt),
        payload: it.halves.map(|half| half.payload),
        usual: usual.extra.as_deref().cloned().unwrap_or_default(),
    };
    option(c, &mut it.extra, there, Box::default(), |c, it| extra(c, it, &context));
}

/// Where both sides are in sequence space.
fn numbers(c: &mut impl Coder, it: &mut Connection, usual: &Connection, x: usize) {
    let y = 1 - x;
    put(c, &mut it.halves[x].has, usual.halves[x].has);
    put(c, &mut it.halves[x].flags, usual.halves[x].flags);
    put(c, &mut it.halves[x].payload, usual.halves[x].payload);
    seq(c, &mut it.tallies[x].isn, usual.tallies[x].isn);
    let fin = u32::from(it.halves[x].flags.any(TcpFlags::FIN));
    let nxt = it.tallies[x].isn + 1 + usual.halves[x].payload as u32 + fin;
    seq(c, &mut it.halves[x].nxt, nxt);
    let data_end = it.halves[x].nxt - fin;
    seq(c, &mut it.halves[x].data_end, data_end);
    // What the other side sent is known of the second one only.
    let base = if x == 0 {
        let fin = u32::from(usual.halves[y].flags.any(TcpFlags::FIN));
        usual.tallies[y].isn + 1 + usual.halves[y].payload as u32 + fin
    } else {
        it.halves[y].nxt
    };
    seq(c, &mut it.halves[x].ack, base);
}

fn half(c: &mut impl Coder, it: &mut Connection, usual: &Connection, x: usize) {
    let first = it.first;
    let first_payload = usual.tallies[x].first_payload_us;
    let (it, usual) = (&mut it.halves[x], &usual.halves[x]);
    stamp(c, &mut it.last, &[usual.last, first]);
    let spoke = i64::from(first_payload.saturating_sub(1)).saturating_mul(1_000);
    at(c, &mut it.last_payload_at, first.at + Span(spoke));
    put(c, &mut it.segments, usual.segments);
    put(c, &mut it.signature, 0);
    put(c, &mut it.ts_val, 0);
    put(c, &mut it.window, usual.window);
    put(c, &mut it.largest_step, usual.largest_step);
    put(c, &mut it.interface, usual.interface);
    put(c, &mut it.hop_limit, usual.hop_limit);
    put(c, &mut it.repeats, usual.repeats);
}

/// The initial number is coded with the other numbers.
fn tally(c: &mut impl Coder, it: &mut Tally, usual: &Tally) {
    put(c, &mut it.retransmissions, usual.retransmissions);
    put(c, &mut it.first_payload_us, usual.first_payload_us);
    put(c, &mut it.captured_twice, usual.captured_twice);
    put(c, &mut it.keepalives, usual.keepalives);
    put(c, &mut it.window_probes, usual.window_probes);
    put(c, &mut it.out_of_order, usual.out_of_order);
    put(c, &mut it.holes, usual.holes);
    put(c, &mut it.acked_unseen, usual.acked_unseen);
    put(c, &mut it.syns, usual.syns);
    put(c, &mut it.open_holes, usual.open_holes);
    put(c, &mut it.window_scale, usual.window_scale);
    for (limit, usual) in it.hop_limits.0.iter_mut().zip(usual.hop_limits.0) {
        put(c, limit, usual);
    }
}

/// What the rest of the record tells about what is nested in it.
struct Context {
    key: FlowKey,
    first: Stamp,
    last: [Stamp; 2],
    nxt: [SeqNum; 2],
    payload: [u64; 2],
    usual: Extra,
}

fn extra<C: Coder>(c: &mut C, it: &mut Extra, around: &Context) {
    for x in 0..2 {
        let usual = around.usual.fin[x].as_deref().copied();
        let blank = Box::new(blank_fin());
        option(c, &mut it.fin[x], usual.is_some(), blank, |c, it| fin(c, it, usual, around, x));
    }
    for x in 0..2 {
        let usual = around.usual.rst[x].as_deref().copied();
        let blank = Box::new(blank_rst());
        option(c, &mut it.rst[x], usual.is_some(), blank, |c, it| rst(c, it, usual, around, x));
    }
    option(c, &mut it.silences, false, Box::default(), |c, it| silences(c, it, around));
    option(c, &mut it.zero, false, Box::default(), |c, it| {
        it.iter_mut().for_each(|it| zero_window(c, it, around));
    });
    for slot in &mut it.stuck {
        let blank = Box::new(Stuck { since: around.first, seen: around.first, seq: SeqNum(0), len: 0 });
        option(c, slot, false, blank, |c, it| {
            stamp(c, &mut it.since, &[around.first]);
            let since = it.since;
            stamp(c, &mut it.seen, &[since]);
            seq(c, &mut it.seq, around.nxt[0]);
            put(c, &mut it.len, 0);
        });
    }
    option(c, &mut it.icmp, false, Box::default(), |c, it| {
        it.iter_mut().for_each(|slot| option(c, slot, false, blank_icmp(), |c, it| icmp(c, it, around)));
    });
    option(c, &mut it.recent, false, Box::default(), |c, it| recent(c, it, around));
    let (key, first) = (around.key, around.first);
    option(c, &mut it.head, false, Box::default(), |c, it| head(c, it, key, first));
    option(c, &mut it.empties, false, Box::default(), |c, it| {
        for Empties { perhaps, behind_data } in it.iter_mut() {
            for slot in [perhaps, behind_data] {
                let blank = Empty { seen: first, seq: SeqNum(0), ack: SeqNum(0) };
                option(c, slot, false, blank, |c, it| {
                    stamp(c, &mut it.seen, &[first]);
                    seq(c, &mut it.seq, around.nxt[0]);
                    seq(c, &mut it.ack, around.nxt[1]);
                });
            }
        }
    });
}

fn blank_fin() -> Fin {
    Fin {
        seen: Stamp::default(),
        end: SeqNum(0),
        ack: None,
        peer_payload_before: 0,
        last_sent: Stamp::default(),
        acked: None,
        close_wait: None,
        perhaps_close_wait: None,
        answer_owed: false,
        closes_second: false,
        sent: 0,
        ip_id: 0,
        hop_limit: 0,
        with_data: false,
    }
}

fn fin<C: Coder>(c: &mut C, it: &mut Fin, usual: Option<Fin>, around: &Context, x: usize) {
    let y = 1 - x;
    let usual = usual.unwrap_or_else(blank_fin);
    let near = Stamp { frame: around.last[x].frame, ..usual.seen };
    stamp(c, &mut it.seen, &[near, around.last[x]]);
    seq(c, &mut it.end, around.nxt[x]);
    option(c, &mut it.ack, true, SeqNum(0), |c, it| seq(c, it, around.nxt[y]));
    put(c, &mut it.peer_payload_before, around.payload[y]);
    stamp(c, &mut it.last_sent, &[it.seen, around.last[x]]);
    let near = Stamp { frame: around.last[y].frame, ..usual.acked.unwrap_or_default() };
    let known = [near, around.last[y], around.last[x]];
    option(c, &mut it.acked, usual.acked.is_some(), around.first, |c, it| stamp(c, it, &known));
    let acked = [it.acked.unwrap_or_default(), around.last[y]];
    option(c, &mut it.close_wait, false, around.first, |c, it| stamp(c, it, &acked));
    let blank = (around.first, SeqNum(0));
    option(c, &mut it.perhaps_close_wait, false, blank, |c, it| {
        stamp(c, &mut it.0, &acked);
        seq(c, &mut it.1, around.nxt[y]);
    });
    put(c, &mut it.answer_owed, false);
    put(c, &mut it.closes_second, usual.closes_second);
    put(c, &mut it.sent, usual.sent);
    put(c, &mut it.ip_id, 0);
    put(c, &mut it.hop_limit, 64);
    put(c, &mut it.with_data, false);
}

fn blank_rst() -> Rst {
    Rst {
        seen: Stamp::default(),
        seq: SeqNum(0),
        ack: None,
        expected: None,
        peer_ack: None,
        after: None,
        window: 0,
        ip_id: 0,
        last_sent: Stamp::default(),
        sent: 0,
        hop_limit: 0,
        flags: TcpFlags::RST,
        has_options: false,
        unread: false,
    }
}

fn rst<C: Coder>(c: &mut C, it: &mut Rst, usual: Option<Rst>, around: &Context, x: usize) {
    let y = 1 - x;
    let usual = usual.unwrap_or_else(blank_rst);
    let number = |c: &mut C, slot: &mut Option<SeqNum>, near: SeqNum| {
        option(c, slot, true, near, |c, it| seq(c, it, near));
    };
    stamp(c, &mut it.seen, &[usual.seen]);
    seq(c, &mut it.seq, around.nxt[x]);
    number(c, &mut it.ack, around.nxt[y]);
    number(c, &mut it.expected, around.nxt[x]);
    number(c, &mut it.peer_ack, around.nxt[x]);
    option(c, &mut it.after, true, (around.last[y], around.nxt[x]), |c, it| {
        stamp(c, &mut it.0, &[around.last[y]]);
        seq(c, &mut it.1, around.nxt[x]);
    });
    put(c, &mut it.window, 0);
    put(c, &mut it.ip_id, 0);
    stamp(c, &mut it.last_sent, &[it.seen]);
    put(c, &mut it.sent, usual.sent);
    put(c, &mut it.hop_limit, 64);
    put(c, &mut it.flags, TcpFlags::RST | TcpFlags::ACK);
    put(c, &mut it.has_options, false);
    put(c, &mut it.unread, false);
}

fn silences<C: Coder>(c: &mut C, it: &mut Silences, around: &Context) {
    let nothing = blank_silence(around);
    let blank = Episode {
        silence: nothing,
        target: SeqNum(0),
        attempts: 0,
        last_attempt: Timestamp(0),
        heard: false,
    };
    option(c, &mut it.pending, false, blank, |c, it| {
        silence(c, &mut it.silence, around);
        seq(c, &mut it.target, around.nxt[it.silence.by.index()]);
        put(c, &mut it.attempts, 1);
        at(c, &mut it.last_attempt, it.silence.resumed.at);
        put(c, &mut it.heard, false);
    });
    let mut usual = Witness::default();
    for it in &mut it.survived {
        witness(c, it, usual);
        usual = *it;
    }
    option(c, &mut it.rare, false, Box::default(), |c, it| {
        witness(c, &mut it.after_fin, usual);
        witness(c, &mut it.since_first, usual);
        option(c, &mut it.reset, false, nothing, |c, it| silence(c, it, around));
    });
    const INHERITED: [Inherited; 4] =
        [Inherited::Nothing, Inherited::Waiting, Inherited::Answered, Inherited::Reset];
    let mut inherited = it.inherited as u64;
    c.word(&mut inherited, 0);
    it.inherited = INHERITED.get(inherited as usize).copied().unwrap_or_default();
    put(c, &mut it.survived_count, 0);
    put(c, &mut it.blurred_count, 0);
}

fn witness(c: &mut impl Coder, it: &mut Witness, usual: Witness) {
    span(c, &mut it.span, usual.span);
    put(c, &mut it.from_frame, usual.from_frame);
    put(c, &mut it.to_frame, usual.to_frame);
    at(c, &mut it.at, usual.at);
}

fn blank_silence(around: &Context) -> Silence {
    Silence {
        spans: [Span::ZERO; 4],
        from_frame: 0,
        resumed: around.first,
        by: Side::Lo,
        after_fin: false,
        probe: false,
        no_payload: false,
    }
}

fn silence(c: &mut impl Coder, it: &mut Silence, around: &Context) {
    let mut usual = Span::ZERO;
    for it in &mut it.spans {
        span(c, it, usual);
        usual = *it;
    }
    put(c, &mut it.from_frame, around.first.frame);
    stamp(c, &mut it.resumed, &[around.last[0], around.last[1]]);
    put(c, &mut it.by, Side::Lo);
    put(c, &mut it.after_fin, false);
    put(c, &mut it.probe, false);
    put(c, &mut it.no_payload, false);
}

fn zero_window<C: Coder>(c: &mut C, it: &mut ZeroWindow, around: &Context) {
    option(c, &mut it.since, false, around.first, |c, it| stamp(c, it, &[around.first]));
    put(c, &mut it.spells, 0);
    span(c, &mut it.longest, Span::ZERO);
    stamp(c, &mut it.longest_from, &[around.first]);
    put(c, &mut it.inherited, false);
    option(c, &mut it.inherited_end, false, around.first.at, |c, it| at(c, it, around.first.at));
}

fn blank_icmp() -> IcmpError {
    let from = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    IcmpError { seen: Stamp::default(), from, kind: 0, code: 0, count: 0 }
}

fn icmp(c: &mut impl Coder, it: &mut IcmpError, around: &Context) {
    use std::net::IpAddr;
    stamp(c, &mut it.seen, &[around.first]);
    let (mut v6, mut address) = match it.from {
        IpAddr::V4(from) => (false, u128::from(u32::from(from))),
        IpAddr::V6(from) => (true, u128::from(from)),
    };
    put(c, &mut v6, false);
    let [mut high, mut low] = [(address >> 64) as u64, address as u64];
    put(c, &mut high, 0);
    put(c, &mut low, 0);
    address = u128::from(high) << 64 | u128::from(low);
    it.from = if v6 { IpAddr::V6(address.into()) } else { IpAddr::V4((address as u32).into()) };
    put(c, &mut it.kind, 3);
    put(c, &mut it.code, 0);
    put(c, &mut it.count, 1);
}

fn recent(c: &mut impl Coder, it: &mut Recent, around: &Context) {
    for x in 0..2 {
        let mut usual = around.last[x].at;
        for (signature, time, interface) in &mut it.ring[x] {
            let mut empty = *time == Timestamp(0);
            put(c, &mut empty, false);
            if empty {
                (*signature, *time, *interface) = (0, Timestamp(0), 0);
                continue;
            }
            put(c, signature, 0);
            at(c, time, usual);
            put(c, interface, 0);
            usual = *time;
        }
        put(c, &mut it.next[x], 0);
    }
}

/// What was known when the head was full follows from the head.
fn head(c: &mut impl Coder, it: &mut Head, key: FlowKey, first: Stamp) {
    let mut count = it.segments.len();
    let mut word = count as u64;
    c.word(&mut word, 16);
    count = (word as usize).min(Head::MOST);
    let mut lasts = Side::BOTH.map(|side| Segment { side, ..usual_syn(&Connection::new(key)) });
    lasts.iter_mut().for_each(|last| last.seen = first);
    let mut previous = lasts[0];
    for n in 0..count {
        let mut it_ = it.segments.get(n).copied().unwrap_or(previous);
        let mut side = it_.side;
        put(c, &mut side, previous.side.peer());
        it_.side = side;
        let own = &lasts[side.index()];
        let peer = &lasts[side.peer().index()];
        let usual = Segment { seen: previous.seen, seq: own.end(), ack: peer.end(), ..*own };
        segment(c, &mut it_, &usual);
        match it.segments.get_mut(n) {
            Some(slot) => *slot = it_,
            None => it.segments.push(it_),
        }
        lasts[side.index()] = it_;
        previous = it_;
    }
    it.segments.truncate(count);
    let mut closed = it.closed.is_some();
    put(c, &mut closed, true);
    it.closed = closed.then(|| Box::new(Connection::after_head(key, first, &it.segments)));
}
