//! How a connection ended, in Zeek's words and in ours.

use super::connection::Connection;
use crate::wire::{Side, TcpFlags};

/// How it ended, as far as was seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ending {
    /// Both FINs were acknowledged.
    Orderly,
    /// An acceptable RST of that side, before both FINs were acknowledged.
    Reset(Side),
    /// A SYN and no answer.
    Unanswered,
    /// A SYN answered by RST.
    Refused,
    /// A FIN of that side and none of the other.
    HalfClosed(Side),
    /// Both FINs, not both acknowledged.
    LastAck,
    /// No FIN, no RST.
    Open,
}

/// The ending, and Zeek's names for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closure {
    /// How it ended.
    pub ending: Ending,
    /// Zeek's `conn_state` (S0, S1, SF, ...).
    pub conn_state: &'static str,
    /// Zeek's `history`.
    pub history: String,
}

impl Closure {
    /// Of a connection whose originator is that side.
    pub fn of(connection: &Connection, originator: Side) -> Closure {
        Closure {
            ending: Ending::of(connection, originator),
            conn_state: conn_state(connection, originator),
            history: connection.history.letters(originator),
        }
    }
}

impl Ending {
    /// Of a connection whose originator is that side.
    pub fn of(connection: &Connection, originator: Side) -> Ending {
        let responder = originator.peer();
        let fins = Side::BOTH.map(|side| connection.fin(side).is_some());
        if connection.closed_by_both() {
            return Ending::Orderly;
        }
        let answered = connection.halves[responder.index()].flags.all(TcpFlags::SYN | TcpFlags::ACK)
            || connection.established();
        let mut resets: Vec<_> =
            Side::BOTH.into_iter().filter(|&side| connection.ended_by_rst(side)).collect();
        resets.sort_by_key(|&side| connection.rst(side).map(|rst| rst.seen.frame));
        if let Some(&first) = resets.first() {
            // A RST alone, in a capture that began late, refuses nothing: there was no SYN to refuse.
            let asked = connection.halves[originator.index()].flags.any(TcpFlags::SYN);
            return if first == responder && asked && !answered {
                Ending::Refused
            } else {
                Ending::Reset(first)
            };
        }
        match fins {
            [true, true] => Ending::LastAck,
            [true, false] => Ending::HalfClosed(Side::Lo),
            [false, true] => Ending::HalfClosed(Side::Hi),
            [false, false]
                if !answered && !connection.halves[responder.index()].spoke() && !connection.midstream() =>
            {
                Ending::Unanswered
            }
            [false, false] => Ending::Open,
        }
    }
}

/// Zeek's table, from what was seen of each side; see `conn_state` in its documentation.
fn conn_state(connection: &Connection, originator: Side) -> &'static str {
    let [o, r] = [originator, originator.peer()];
    let half = |side: Side| &connection.halves[side.index()];
    let syn = half(o).flags.any(TcpFlags::SYN);
    let syn_ack = half(r).flags.all(TcpFlags::SYN | TcpFlags::ACK);
    let [o_silent, r_silent] = [o, r].map(|side| !half(side).spoke());
    let [o_fin, r_fin] = [o, r].map(|side| connection.fin(side).is_some());
    let [o_rst, r_rst] = [o, r].map(|side| connection.ended_by_rst(side));
    let established = connection.established();
    let o_first = match (connection.rst(o), connection.rst(r)) {
        (Some(o), Some(r)) => o.seen.frame < r.seen.frame,
        (o, _) => o.is_some(),
    };
    match () {
        _ if o_fin && r_fin => "SF",
        _ if o_rst && (o_first || !r_rst) => {
            if syn && r_silent {
                "RSTOS0"
            } else {
                "RSTO"
            }
        }
        _ if r_rst && syn && !syn_ack && !established => "REJ",
        _ if r_rst && syn_ack && o_silent => "RSTRH",
        _ if r_rst => "RSTR",
        _ if o_fin && syn && r_silent => "SH",
        _ if r_fin && syn_ack && o_silent => "SHR",
        _ if o_fin => "S2",
        _ if r_fin => "S3",
        _ if syn && r_silent && !established => "S0",
        _ if established && syn && !r_silent => "S1",
        _ => "OTH",
    }
}
