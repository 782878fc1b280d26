//! One connection: the facts. How a segment changes them is in the files beneath, one for each question asked of it.

mod belongs;
mod ending;
mod facts;
mod kind;
mod marks;
mod observe;
mod onward;
mod pause;
mod touch;
mod twice;

use super::closing::{Fin, IcmpError, Rst, Stuck, ZeroWindow};
use super::data_level::DataLevel;
use super::half::{Half, Tally};
use super::history::History;
use super::join::{Head, micros};
use super::silence::Silences;
use crate::wire::{FlowKey, Segment, Span, Stamp, Timestamp};

pub(super) use ending::{Empties, Empty};
pub(super) use twice::Recent;

/// Everything seen of one connection: 288 bytes, and [`Extra`] once a FIN, RST or long silence passed.
///
/// Per side, index by [`Side::index`](crate::wire::Side::index). Which fact combines how is written in the fact table of the crate's front page.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Connection {
    /// The running lines.
    pub halves: [Half; 2],
    /// Addresses and ports.
    pub key: FlowKey,
    /// Zeek's history.
    pub history: History,
    pub(super) bits: u32,
    /// The longest time from the last payload of one side to the first payload of the other, microseconds plus one; 0 none.
    pub(super) longest_answer_us: u32,
    /// Wireshark's stream number as counted by the table; [`Connection::NO_STREAM`] if unknown.
    pub stream: u32,
    /// FIN, RST, silences, closed windows; nothing of these on a connection that is merely open.
    pub extra: Option<Box<Extra>>,
    /// The rarer counters.
    pub tallies: [Tally; 2],
    /// The first segment.
    pub first: Stamp,
    /// SYN to SYN-ACK, microseconds plus one; 0 unknown.
    pub(super) responder_rtt_us: u32,
    /// SYN-ACK to ACK, microseconds plus one; 0 unknown.
    pub(super) originator_rtt_us: u32,
}

/// What most open connections have none of. Each part has a box of its own, so that the first FIN, say, costs 256 octets
/// rather than room for everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Extra {
    /// First FIN of each side.
    pub fin: [Option<Box<Fin>>; 2],
    /// First RST of each side.
    pub rst: [Option<Box<Rst>>; 2],
    /// Silences of a second or more.
    pub silences: Option<Box<Silences>>,
    /// Closed windows of each side.
    pub zero: Option<Box<[ZeroWindow; 2]>>,
    /// The segment that each side last sent again and again.
    pub stuck: [Option<Box<Stuck>>; 2],
    /// What hardly any connection has.
    pub seldom: Option<Box<Seldom>>,
    /// Fingerprints of the last segments, once frames captured twice were seen.
    pub(super) recent: Option<Box<Recent>>,
    /// The first segments, in a part of a capture that has predecessors.
    pub(super) head: Option<Box<Head>>,
    /// The first empty segments of each side after the head was full.
    pub(super) empties: Option<Box<[Empties; 2]>>,
}

/// What hardly any connection has: a room of its own, so that all others pay eight octets for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seldom {
    /// The first ICMP error that quoted a segment of each side.
    pub icmp: [Option<IcmpError>; 2],
    /// Of the Multipath TCP connection that this is a subflow of; [`Connection::data_level`] asks whether it is one.
    pub(super) data_level: Option<Box<DataLevel>>,
}

impl Connection {
    /// The stream number is not known.
    pub const NO_STREAM: u32 = u32::MAX;

    pub(super) const OPENED_BY_LO: u32 = 1;
    pub(super) const OPENED_BY_HI: u32 = 2;
    pub(super) const OPENED: u32 = Connection::OPENED_BY_LO | Connection::OPENED_BY_HI;
    pub(super) const ESTABLISHED: u32 = 4;
    pub(super) const SYN_FIN: u32 = 8;
    pub(super) const BLURRED: u32 = 16;
    pub(super) const PENDING: u32 = 32;
    pub(super) const HAS_FIN: u32 = 64;
    pub(super) const ZERO_LO: u32 = 128;
    pub(super) const ZERO_HI: u32 = 256;
    pub(super) const RST_BY_LO: u32 = 512;
    pub(super) const RST_BY_HI: u32 = 1024;
    pub(super) const RESETS: u32 = Connection::RST_BY_LO | Connection::RST_BY_HI;
    pub(super) const TWICE: u32 = 2048;
    pub(super) const ABOUT: u32 = 4096;
    pub(super) const REUSED: u32 = 8192;
    pub(super) const CLOSED_ORDERLY: u32 = 16384;
    pub(super) const HEAD: u32 = 32768;
    /// The empty segment of that side which shows where its data end is yet to come, after a head was full; see [`Empties`].
    pub(super) const AWAITS_EMPTY: [u32; 2] = [1 << 18, 1 << 19];
    /// The table's own: another connection has taken this one's place in the index.
    pub(super) const SUPERSEDED: u32 = 1 << 16;
    /// The table's own: it took the place of another, whose stragglers may still come.
    pub(super) const HAS_PREVIOUS: u32 = 1 << 17;
    /// The table's own: there was no room for it any more, although it was not over.
    pub(super) const GIVEN_UP: u32 = 1 << 23;
    /// The table's own bits; none of them is a fact.
    pub(super) const TABLE_BITS: u32 =
        Connection::SUPERSEDED | Connection::HAS_PREVIOUS | Connection::GIVEN_UP;
    /// [`Connection::rst`] is known of a side; asked before [`Extra`] is, which is a walk through memory.
    pub(super) const HAS_RST: u32 = 1 << 22;
    /// Holes of that side may still be filled ([`Tally::open_holes`] is not 0).
    pub(super) const HOLES: [u32; 2] = [1 << 20, 1 << 21];
    /// Bits that hold the present; all others only ever get set.
    pub(super) const RUNNING_BITS: u32 = Connection::BLURRED
        | Connection::PENDING
        | Connection::ZERO_LO
        | Connection::ZERO_HI
        | Connection::HOLES[0]
        | Connection::HOLES[1];

    /// A connection of which nothing was seen.
    pub fn new(key: FlowKey) -> Self {
        let tally = Tally { window_scale: Segment::NO_SCALE, ..Tally::default() };
        Connection {
            halves: [Half::default(); 2],
            key,
            tallies: [tally; 2],
            first: Stamp::default(),
            extra: None,
            history: History::default(),
            responder_rtt_us: 0,
            originator_rtt_us: 0,
            longest_answer_us: 0,
            stream: Connection::NO_STREAM,
            bits: 0,
        }
    }

    /// Notes one segment of this connection, in order of capture.
    #[inline]
    pub fn observe(&mut self, s: &Segment) {
        if !self.goes_straight_on(s) {
            self.observe_any(s);
        }
    }

    pub(super) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}

/// Microseconds plus one, saturating; so that 0 can mean *unknown*.
pub(super) fn store_us(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from((micros(to) - micros(from)).max(0) + 1).unwrap_or(u32::MAX)
}

fn stored_us(stored: u32) -> Option<Span> {
    stored.checked_sub(1).map(|us| Span::micros(i64::from(us)))
}

const _: () = assert!(size_of::<Connection>() == 288);
const _: () = assert!(size_of::<Extra>() == 96);
