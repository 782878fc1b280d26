//! A connection as octets, for parts of a capture that are kept and joined later.
//!
//! What people ask tables for stands in columns ([`FACTS`]); what is nested, or only wanted for joining, in one string of
//! octets beside them. Both together are the whole record: the octets say how the connection differs from what its
//! columns make one expect, so what a column tells is not told again. No derive on the record itself: a field that moves
//! there is moved here, by hand, and [`FORM`] counts the changes.

mod columns;
mod course;
mod endings;
mod extra;
mod sides;
mod silences;
#[cfg(test)]
mod tests;
mod words;

pub use columns::{FACTS, Fact};

use super::connection::Connection;
use crate::wire::{Multipath, Segment, SeqNum, Side, Span, Stamp, TcpFlags, Timestamp};
pub use words::Octets;
use words::{Coder, Reader, Writer, number, option, put, seq, stamp};

/// Version of the octets; changes with every field.
pub const FORM: u32 = 5;

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
    pub octets: Octets,
}

impl Connection {
    /// Takes a connection of a part apart. `settled`: nothing that follows the part can be a segment of it.
    pub fn take_apart(&self, settled: bool) -> Apart {
        let whole = self.clone().whole();
        let mut writer = Writer::default();
        let begun = if settled { self.begun_and_over(&whole) } else { None };
        put(&mut writer, &mut begun.is_some(), true);
        let mut usual = columns::expected(&whole);
        first(&mut writer, whole.first, &mut usual);
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
    pub fn put_together(mut usual: Connection, octets: &Octets) -> Result<Connection, Damaged> {
        let mut reader = Reader::new(octets);
        let mut begun = true;
        put(&mut reader, &mut begun, true);
        let floored = usual.first;
        first(&mut reader, floored, &mut usual);
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
    /// same SYN, and nothing else of it. None if that would not give the same connection back, or if some of its head may be
    /// stragglers of a connection before.
    fn begun_and_over(&self, whole: &Connection) -> Option<(Connection, Segment)> {
        let head = &self.head()?.segments;
        let mut syn = *head.first()?;
        if !syn.flags.any(TcpFlags::SYN) || syn.flags.any(TcpFlags::ACK | TcpFlags::FIN) {
            return None;
        }
        let mut so_far = Connection::new(self.key);
        let is_own = |segment: &Segment| {
            let fits = so_far.fits(segment);
            so_far.observe(segment);
            fits
        };
        if !head.iter().all(is_own) {
            return None;
        }
        let mut over = whole.clone();
        over.forget_marks();
        (syn.checksum, syn.ip_id, syn.timestamps) = (0, 0, Default::default());
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
            // Of the identification it only matters whether it is 0.
            extra.fin.iter_mut().flatten().for_each(|fin| fin.ip_id = fin.ip_id.min(1));
        }
    }
}

/// What the first segment's time has beyond whole microseconds, which its column counts.
fn first(c: &mut impl Coder, it: Stamp, usual: &mut Connection) {
    let mut beyond = Span(it.at.0.wrapping_sub(usual.first.at.0));
    put(c, &mut beyond, Span::ZERO);
    usual.first.at = Timestamp(usual.first.at.0.wrapping_add(beyond.0));
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
        ..Segment::BLANK
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
    number(c, &mut s.timestamps.val, usual.timestamps.val);
    number(c, &mut s.timestamps.ecr, usual.timestamps.ecr);
    put(c, &mut s.window, usual.window);
    number(c, &mut s.checksum, usual.checksum);
    number(c, &mut s.ip_id, usual.ip_id);
    put(c, &mut s.interface, usual.interface);
    put(c, &mut s.hop_limit, usual.hop_limit);
    put(c, &mut s.has_options, usual.has_options);
    put(c, &mut s.window_scale, usual.window_scale);
    put(c, &mut s.multipath, usual.multipath);
    match s.multipath {
        Multipath::Nothing => s.data_number = SeqNum(0),
        _ => seq(c, &mut s.data_number, usual.data_number),
    }
}

/// Key, first stamp and stream stand in columns.
fn connection<C: Coder>(c: &mut C, it: &mut Connection, usual: &Connection) {
    put(c, &mut it.bits, usual.bits);
    for x in 0..2 {
        sides::numbers(c, it, usual, x);
    }
    sides::lasts(c, it, usual);
    for x in 0..2 {
        sides::half(c, it, usual, x);
        sides::tally(c, &mut it.tallies[x], &usual.tallies[x]);
    }
    put(c, &mut it.history.seen, usual.history.seen);
    for (word, usual) in it.history.order.iter_mut().zip(usual.history.order) {
        put(c, word, usual);
    }
    put(c, &mut it.responder_rtt_us, usual.responder_rtt_us);
    put(c, &mut it.originator_rtt_us, usual.originator_rtt_us);
    put(c, &mut it.longest_answer_us, usual.longest_answer_us);
    let there = usual.extra.is_some();
    let context = extra::Context {
        key: it.key,
        first: it.first,
        last: it.halves.map(|half| half.last),
        course: sides::course(it),
        nxt: it.halves.map(|half| half.nxt),
        payload: it.halves.map(|half| half.payload),
        usual: usual.extra.as_deref().cloned().unwrap_or_default(),
    };
    option(c, &mut it.extra, there, Box::default(), |c, it| extra::extra(c, it, &context));
}
