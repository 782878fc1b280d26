//! What both sides sent, coded as its difference to what the columns make one expect.

use super::course::Course;
use super::words::{Coder, at, number, put, seq, stamp};
use crate::tcp::connection::Connection;
use crate::tcp::half::Tally;
use crate::wire::{Side, Span, Stamp, TcpFlags, Timestamp};

/// Where both sides are in sequence space.
pub(super) fn numbers(c: &mut impl Coder, it: &mut Connection, usual: &Connection, x: usize) {
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

pub(super) fn half(c: &mut impl Coder, it: &mut Connection, usual: &Connection, x: usize) {
    let spoke = i64::from(usual.tallies[x].first_payload_us.saturating_sub(1)).saturating_mul(1_000);
    let spoke = it.first.at + Span(spoke);
    // Both sides stop about when the first of them closes.
    let fins = Side::BOTH.into_iter().filter_map(|side| usual.fin(side)).map(|fin| fin.seen.at);
    let near = match it.halves[0].last_payload_at {
        other if x == 1 && it.halves[0].has_payload() => other,
        _ => fins.min().unwrap_or(it.halves[x].last.at),
    };
    let (it, usual) = (&mut it.halves[x], &usual.halves[x]);
    last_payload(c, &mut it.last_payload_at, near, usual.has_payload().then_some(spoke));
    put(c, &mut it.segments, usual.segments);
    number(c, &mut it.signature, 0);
    number(c, &mut it.ts_val, 0);
    put(c, &mut it.window, usual.window);
    put(c, &mut it.largest_step, usual.largest_step);
    put(c, &mut it.interface, usual.interface);
    put(c, &mut it.hop_limit, usual.hop_limit);
    put(c, &mut it.repeats, usual.repeats);
}

/// The last segments of both sides. The later one's time is known, and the other's most often that of a FIN, or of what
/// acknowledges one.
pub(super) fn lasts(c: &mut impl Coder, it: &mut Connection, usual: &Connection) {
    let mut later = if it.halves[0].last.frame > it.halves[1].last.frame { Side::Lo } else { Side::Hi };
    put(c, &mut later, usual.opener().unwrap_or(Side::Lo));
    let (x, y) = (later.index(), later.peer().index());
    let closed =
        Side::BOTH.into_iter().filter_map(|side| usual.fin(side)?.acked).max_by_key(|acked| acked.at);
    let end = if usual.closed_by_both() { closed } else { Some(usual.halves[x].last) };
    stamp(c, &mut it.halves[x].last, &[end.unwrap_or(it.first), it.first]);
    let course = course(it);
    let near = |at: Option<Stamp>| course.near(at.unwrap_or(it.first).at);
    let own = near(usual.fin(later.peer()).map(|fin| fin.seen));
    let acknowledged = near(usual.fin(later).and_then(|fin| fin.acked));
    let known = [own, acknowledged, it.halves[x].last, it.first];
    stamp(c, &mut it.halves[y].last, &known);
}

/// From the first segment to the last of these, once they are known.
pub(super) fn course(it: &Connection) -> Course {
    Course { first: it.first, last: it.halves[0].last.max_frame(it.halves[1].last) }
}

/// When a side last sent payload: most often at first, or about then.
fn last_payload(c: &mut impl Coder, it: &mut Timestamp, near: Timestamp, first: Option<Timestamp>) {
    const ONCE: u64 = 0;
    const NEVER: u64 = 1;
    const LATER: u64 = 2;
    let mut code = match first {
        Some(first) if first == *it => ONCE,
        _ if *it == Timestamp(0) => NEVER,
        _ => LATER,
    };
    c.word(&mut code, if first.is_some() { ONCE } else { NEVER });
    match code {
        ONCE => *it = first.unwrap_or(near),
        NEVER => *it = Timestamp(0),
        _ => at(c, it, near),
    }
}

/// The initial number is coded with the other numbers.
pub(super) fn tally(c: &mut impl Coder, it: &mut Tally, usual: &Tally) {
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
