//! What both sides sent, coded as its difference to what the columns make one expect.

use super::words::{Coder, at, number, put, seq, stamp};
use crate::tcp::connection::Connection;
use crate::tcp::half::Tally;
use crate::wire::{Span, Stamp, TcpFlags};

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
    let first = it.first;
    // The last segments of both sides are near each other.
    let frame = it.halves[0].last.frame.max(first.frame);
    let first_payload = usual.tallies[x].first_payload_us;
    let (it, usual) = (&mut it.halves[x], &usual.halves[x]);
    let near = if x == 0 { usual.last } else { Stamp { frame, ..usual.last } };
    stamp(c, &mut it.last, &[near, first]);
    let spoke = i64::from(first_payload.saturating_sub(1)).saturating_mul(1_000);
    at(c, &mut it.last_payload_at, first.at + Span(spoke));
    put(c, &mut it.segments, usual.segments);
    number(c, &mut it.signature, 0);
    number(c, &mut it.ts_val, 0);
    put(c, &mut it.window, usual.window);
    put(c, &mut it.largest_step, usual.largest_step);
    put(c, &mut it.interface, usual.interface);
    put(c, &mut it.hop_limit, usual.hop_limit);
    put(c, &mut it.repeats, usual.repeats);
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
