//! The first FIN and the first RST of a side.

use super::extra::Context;
use super::words::{Coder, option, put, seq, stamp};
use crate::tcp::closing::{Fin, Rst};
use crate::wire::{SeqNum, Stamp, TcpFlags};

pub(super) fn blank_fin() -> Fin {
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

pub(super) fn fin<C: Coder>(c: &mut C, it: &mut Fin, usual: Option<Fin>, around: &Context, x: usize) {
    let y = 1 - x;
    let usual = usual.unwrap_or_else(blank_fin);
    let near = around.course.near(usual.seen.at);
    stamp(c, &mut it.seen, &[near, around.last[x]]);
    seq(c, &mut it.end, around.nxt[x]);
    option(c, &mut it.ack, true, SeqNum(0), |c, it| seq(c, it, around.nxt[y]));
    put(c, &mut it.peer_payload_before, around.payload[y]);
    stamp(c, &mut it.last_sent, &[it.seen, around.last[x]]);
    let near = around.course.near(usual.acked.unwrap_or_default().at);
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

pub(super) fn blank_rst() -> Rst {
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

pub(super) fn rst<C: Coder>(c: &mut C, it: &mut Rst, usual: Option<Rst>, around: &Context, x: usize) {
    let y = 1 - x;
    let usual = usual.unwrap_or_else(blank_rst);
    let number = |c: &mut C, slot: &mut Option<SeqNum>, near: SeqNum| {
        option(c, slot, true, near, |c, it| seq(c, it, near));
    };
    stamp(c, &mut it.seen, &[around.course.near(usual.seen.at)]);
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
