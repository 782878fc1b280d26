//! What few connections have: the boxes of [`Extra`].

use super::course::Course;
use super::endings::{blank_fin, blank_rst, fin, rst};
use super::segment;
use super::silences::silences;
use super::usual_syn;
use super::words::{Coder, at, number, option, put, seq, span, stamp};
use crate::tcp::closing::{IcmpError, Stuck, ZeroWindow};
use crate::tcp::connection::{Connection, Empties, Empty, Extra, Recent, Seldom};
use crate::tcp::data_level::DataMark;
use crate::tcp::join::Head;
use crate::wire::{FlowKey, Segment, SeqNum, Side, Span, Stamp, Timestamp};

/// What the rest of the record tells about what is nested in it.
pub(super) struct Context {
    pub(super) key: FlowKey,
    pub(super) first: Stamp,
    pub(super) last: [Stamp; 2],
    pub(super) course: Course,
    pub(super) nxt: [SeqNum; 2],
    pub(super) payload: [u64; 2],
    pub(super) usual: Extra,
}

pub(super) fn extra<C: Coder>(c: &mut C, it: &mut Extra, around: &Context) {
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
        let blank =
            Stuck { since: around.first, seen: around.first, seq: SeqNum(0), len: 0, after_another: false };
        option(c, slot, false, Box::new(blank), |c, it| {
            stamp(c, &mut it.since, &[around.first]);
            let since = it.since;
            stamp(c, &mut it.seen, &[since]);
            seq(c, &mut it.seq, around.nxt[0]);
            put(c, &mut it.len, 0);
            put(c, &mut it.after_another, false);
        });
    }
    option(c, &mut it.seldom, around.usual.seldom.is_some(), Box::default(), |c, it| seldom(c, it, around));
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

fn zero_window<C: Coder>(c: &mut C, it: &mut ZeroWindow, around: &Context) {
    option(c, &mut it.since, false, around.first, |c, it| stamp(c, it, &[around.first]));
    put(c, &mut it.spells, 0);
    span(c, &mut it.longest, Span::ZERO);
    stamp(c, &mut it.longest_from, &[around.first]);
    put(c, &mut it.inherited, false);
    option(c, &mut it.inherited_end, false, around.first.at, |c, it| at(c, it, around.first.at));
}

fn seldom<C: Coder>(c: &mut C, it: &mut Seldom, around: &Context) {
    it.icmp.iter_mut().for_each(|slot| option(c, slot, false, blank_icmp(), |c, it| icmp(c, it, around)));
    let usual = around.usual.seldom.as_ref().and_then(|seldom| seldom.data_level.as_deref()).copied();
    option(c, &mut it.data_level, usual.is_some(), Box::default(), |c, it| {
        let usual = usual.unwrap_or_default();
        for x in 0..2 {
            for (slot, usual, last) in [
                (&mut it.fin[x], usual.fin[x], around.last[x]),
                (&mut it.ack[x], usual.ack[x], around.last[x]),
            ] {
                let near = around.course.near(usual.unwrap_or_default().seen.at);
                option(c, slot, usual.is_some(), DataMark::default(), |c, it| {
                    stamp(c, &mut it.seen, &[near, last]);
                    number(c, &mut it.number.0, 0);
                });
            }
        }
        put(c, &mut it.fell_back, false);
    });
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
