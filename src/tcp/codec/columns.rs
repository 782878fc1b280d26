//! The facts of a connection that stand in columns of their own, where the connection is kept as a row of a table.

use std::sync::LazyLock;

use super::endings::{blank_fin, blank_rst};
use crate::tcp::closing::{Fin, Rst};
use crate::tcp::connection::Connection;
use crate::tcp::data_level::DataMark;
use crate::tcp::half::Half;
use crate::tcp::silence::{Clock, Outcome};
use crate::wire::{SeqNum, Side, Span, Stamp, TcpFlags, Timestamp};

/// One column: nothing, or a number.
pub struct Fact {
    /// Its name; with `lo_` or `hi_` in front where it is one side's.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
    side: Option<Side>,
    get: fn(&Connection, Side) -> Option<i64>,
    set: fn(&mut Connection, Side, i64),
}

impl Fact {
    /// Of that connection.
    pub fn get(&self, connection: &Connection) -> Option<i64> {
        (self.get)(connection, self.side.unwrap_or(Side::Lo))
    }

    /// Puts it into a connection that is made from its row, in the order of [`FACTS`].
    pub fn set(&self, connection: &mut Connection, value: i64) {
        (self.set)(connection, self.side.unwrap_or(Side::Lo), value);
    }
}

macro_rules! fact {
    ($name:literal, $about:literal, $get:expr, $set:expr) => {
        Fact { name: $name, about: $about, side: None, get: $get, set: $set }
    };
}

macro_rules! facts_of_sides {
    ($([$lo:literal, $hi:literal, $about:literal, $get:expr, $set:expr]),* $(,)?) => {
        [$(
            Fact { name: $lo, about: $about, side: Some(Side::Lo), get: $get, set: $set },
            Fact { name: $hi, about: $about, side: Some(Side::Hi), get: $get, set: $set },
        )*]
    };
}

const NOTHING: fn(&mut Connection, Side, i64) = |_, _, _| ();

/// Facts of the connection.
static OF_BOTH: [Fact; 15] = [
    fact!(
        "first_us",
        "time of the first segment, microseconds since 1970",
        |c, _| Some(c.first.at.0.div_euclid(1_000)),
        |c, _, v| c.first.at = Timestamp(v.wrapping_mul(1_000))
    ),
    fact!(
        "first_frame",
        "number of that frame in its capture",
        |c, _| Some(c.first.frame as i64),
        |c, _, v| { c.first.frame = v as u64 }
    ),
    fact!(
        "stream",
        "Wireshark's tcp.stream in its capture",
        |c, _| (c.stream != Connection::NO_STREAM).then_some(c.stream.into()),
        |c, _, v| c.stream = v as u32
    ),
    fact!(
        "opener",
        "who opened: 0 lo, 1 hi, null if that was not captured",
        |c, _| c.opener().map(|side| side as i64),
        |c, _, v| c.bits |= if v == 0 { Connection::OPENED_BY_LO } else { Connection::OPENED_BY_HI }
    ),
    fact!(
        "last_after_us",
        "its last segment; null if closed by both: then the later acknowledgment of a FIN is the end",
        |c, _| (!c.closed_by_both()).then(|| after(c, c.last())),
        |c, _, v| {
            let last = placed(c, v);
            c.halves.iter_mut().for_each(|half| half.last = last);
        }
    ),
    fact!("established", "a segment after the handshake was seen", |c, _| bit(c.established()), |c, _, v| {
        c.bits |= if v != 0 { Connection::ESTABLISHED } else { 0 };
    }),
    fact!("closed_by_both", "both FINs were acknowledged", |c, _| bit(c.closed_by_both()), |c, _, v| {
        c.bits |= if v != 0 { Connection::CLOSED_ORDERLY } else { 0 };
    }),
    fact!(
        "replaced",
        "another connection began on its ports before it was over",
        |c, _| bit(c.replaced()),
        NOTHING
    ),
    fact!(
        "counts_are_about",
        "joined from parts in a way that leaves counts approximate",
        |c, _| bit(c.counts_are_about()),
        NOTHING
    ),
    fact!(
        "multipath",
        "a subflow of Multipath TCP: both sides sent its data numbers, and did not fall back to plain TCP",
        |c, _| bit(c.data_level().is_some()),
        NOTHING
    ),
    fact!("responder_rtt_us", "from SYN to SYN-ACK", |c, _| us(c.responder_rtt()), |c, _, v| c
        .responder_rtt_us =
        stored(v)),
    fact!("originator_rtt_us", "from SYN-ACK to ACK", |c, _| us(c.originator_rtt()), |c, _, v| c
        .originator_rtt_us =
        stored(v)),
    fact!(
        "longest_answer_us",
        "longest time from the last payload of one side to the first of the other",
        |c, _| us(c.longest_answer()),
        |c, _, v| c.longest_answer_us = stored(v)
    ),
    fact!(
        "silence_survived_us",
        "longest silence after which the other side still answered",
        |c, _| us(c
            .silences()
            .and_then(|silences| silences.survived(Clock::Any))
            .map(|witness| witness.span)),
        NOTHING
    ),
    fact!(
        "silence_reset_us",
        "silence after which a RST answered",
        |c, _| {
            let broken = c.silences().and_then(|silences| silences.broken());
            broken.filter(|(_, outcome)| *outcome == Outcome::Reset).and_then(|(it, _)| us(Some(it.span())))
        },
        NOTHING
    ),
];

/// Facts of each side; times are microseconds from the first segment.
static OF_SIDES: [Fact; 40] = facts_of_sides![
    [
        "lo_segments",
        "hi_segments",
        "segments it sent",
        |c, s| Some(half(c, s).segments.into()),
        |c, s, v| {
            c.halves[s.index()].segments = v as u32;
        }
    ],
    [
        "lo_payload_octets",
        "hi_payload_octets",
        "payload it sent, repetitions included",
        |c, s| Some(half(c, s).payload as i64),
        |c, s, v| {
            let half = &mut c.halves[s.index()];
            half.payload = v as u64;
            half.has = Half::SEQ | Half::ACK | Half::ANCHORED | if v > 0 { Half::PAYLOAD } else { 0 };
        }
    ],
    [
        "lo_flags",
        "hi_flags",
        "every control bit it set",
        |c, s| Some(half(c, s).flags.0.into()),
        |c, s, v| {
            c.halves[s.index()].flags = TcpFlags(v as u8);
        }
    ],
    [
        "lo_isn",
        "hi_isn",
        "its initial sequence number",
        |c, s| half(c, s).synchronised().then(|| c.tallies[s.index()].isn.0.into()),
        |c, s, v| {
            c.tallies[s.index()].isn = SeqNum(v as u32);
            c.tallies[s.index()].syns = 1;
        }
    ],
    [
        "lo_hop_limit",
        "hi_hop_limit",
        "hop limit (TTL) that its segments arrived with first",
        |c, s| c.tallies[s.index()].hop_limits.iter().next().map(i64::from),
        |c, s, v| {
            c.tallies[s.index()].hop_limits.0[0] = v as u8;
            c.halves[s.index()].hop_limit = v as u8;
        }
    ],
    [
        "lo_first_payload_after_us",
        "hi_first_payload_after_us",
        "its first payload",
        |c, s| us(c.first_payload_after(s)),
        |c, s, v| c.tallies[s.index()].first_payload_us = stored(v)
    ],
    [
        "lo_retransmissions",
        "hi_retransmissions",
        "segments it sent again",
        |c, s| Some(c.tallies[s.index()].retransmissions.into()),
        |c, s, v| c.tallies[s.index()].retransmissions = v as u32
    ],
    [
        "lo_keepalives",
        "hi_keepalives",
        "keep-alive probes it sent",
        |c, s| Some(c.tallies[s.index()].keepalives.into()),
        |c, s, v| c.tallies[s.index()].keepalives = v as u16
    ],
    [
        "lo_out_of_order",
        "hi_out_of_order",
        "segments behind later ones",
        |c, s| Some(c.tallies[s.index()].out_of_order.into()),
        |c, s, v| c.tallies[s.index()].out_of_order = v as u16
    ],
    [
        "lo_holes",
        "hi_holes",
        "previous segment not captured",
        |c, s| Some(c.tallies[s.index()].holes.into()),
        |c, s, v| c.tallies[s.index()].holes = v as u16
    ],
    [
        "lo_acked_unseen",
        "hi_acked_unseen",
        "octets of it were acknowledged that never passed",
        |c, s| Some(c.tallies[s.index()].acked_unseen.into()),
        |c, s, v| c.tallies[s.index()].acked_unseen = v as u16
    ],
    [
        "lo_zero_windows",
        "hi_zero_windows",
        "times it closed its window",
        |c, s| Some(c.zero_window(s).map_or(0, |zero| zero.spells.into())),
        NOTHING
    ],
    [
        "lo_fin_after_us",
        "hi_fin_after_us",
        "its first FIN",
        |c, s| c.fin(s).map(|fin| after(c, fin.seen)),
        |c, s, v| {
            let seen = placed(c, v);
            c.bits |= Connection::HAS_FIN;
            c.extra_mut().fin[s.index()] = Some(Box::new(Fin { seen, sent: 1, ..blank_fin() }));
        }
    ],
    [
        "lo_fin_sent",
        "hi_fin_sent",
        "times it sent its FIN",
        |c, s| c.fin(s).map(|fin| fin.sent.into()),
        |c, s, v| {
            if let Some(fin) = &mut c.extra_mut().fin[s.index()] {
                fin.sent = v as u16;
            }
        }
    ],
    [
        "lo_fin_acked_after_us",
        "hi_fin_acked_after_us",
        "first segment of the other side that acknowledges its FIN",
        |c, s| c.fin(s).and_then(|fin| fin.acked).map(|acked| after(c, acked)),
        |c, s, v| {
            let acked = Some(placed(c, v));
            if let Some(fin) = &mut c.extra_mut().fin[s.index()] {
                fin.acked = acked;
            }
        }
    ],
    [
        "lo_closes_second",
        "hi_closes_second",
        "it had acknowledged the other FIN before it sent its own",
        |c, s| c.fin(s).map(|fin| fin.closes_second.into()),
        |c, s, v| {
            if let Some(fin) = &mut c.extra_mut().fin[s.index()] {
                fin.closes_second = v != 0;
            }
        }
    ],
    [
        "lo_data_fin_after_us",
        "hi_data_fin_after_us",
        "its first DATA_FIN, by which programs close Multipath TCP",
        |c, s| c.data_fin(s).map(|fin| after(c, fin.seen)),
        |c, s, v| {
            let seen = placed(c, v);
            let level = c.extra_mut().seldom.get_or_insert_default().data_level.get_or_insert_default();
            level.fin[s.index()] = Some(DataMark { seen, ..DataMark::default() });
        }
    ],
    [
        "lo_data_fin_acked_after_us",
        "hi_data_fin_acked_after_us",
        "first segment of the other side that acknowledges its DATA_FIN",
        |c, s| c.data_fin_acked(s).map(|acked| after(c, acked)),
        NOTHING
    ],
    [
        "lo_rst_after_us",
        "hi_rst_after_us",
        "its first RST",
        |c, s| c.rst(s).map(|rst| after(c, rst.seen)),
        |c, s, v| {
            let seen = placed(c, v);
            c.bits |= Connection::HAS_RST;
            c.extra_mut().rst[s.index()] = Some(Box::new(Rst { seen, sent: 1, ..blank_rst() }));
        }
    ],
    [
        "lo_reset",
        "hi_reset",
        "its RST ended the connection",
        |c, s| bit(c.ended_by_rst(s)),
        |c, s, v| {
            let bit = [Connection::RST_BY_LO, Connection::RST_BY_HI][s.index()];
            c.bits |= if v != 0 { bit } else { 0 };
        }
    ],
];

/// Every column, in the order in which a row is read.
pub static FACTS: LazyLock<Vec<&'static Fact>> = LazyLock::new(|| OF_BOTH.iter().chain(&OF_SIDES).collect());

/// What the columns of a connection make one expect.
pub(super) fn expected(whole: &Connection) -> Connection {
    let mut usual = Connection::new(whole.key);
    for fact in FACTS.iter() {
        if let Some(value) = fact.get(whole) {
            fact.set(&mut usual, value);
        }
    }
    usual
}

fn half(c: &Connection, side: Side) -> &Half {
    &c.halves[side.index()]
}

fn bit(set: bool) -> Option<i64> {
    Some(set.into())
}

fn us(span: Option<Span>) -> Option<i64> {
    span.map(|span| span.0.div_euclid(1_000))
}

/// Microseconds plus one, as connections store them.
fn stored(us: i64) -> u32 {
    u32::try_from(us + 1).unwrap_or(u32::MAX)
}

fn after(c: &Connection, stamp: Stamp) -> i64 {
    stamp.at.0.wrapping_sub(c.first.at.0).div_euclid(1_000)
}

/// That long after the first segment, to the microsecond; which frame, the column does not tell.
fn placed(c: &Connection, after: i64) -> Stamp {
    Stamp { at: Timestamp(c.first.at.0.wrapping_add(after.wrapping_mul(1_000))), frame: c.first.frame }
}
