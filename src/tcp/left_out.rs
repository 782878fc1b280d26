//! A stretch of a connection that is not there, because whoever made the capture smaller left it out and said what it
//! was. It leaves the connection as if its segments had passed; only what hangs on single segments of it is not known.

use serde::{Deserialize, Serialize};

use super::Connection;
use super::half::Half;
use crate::wire::{Segment, SeqNum, Side, Stamp, TcpFlags, Timestamp};

/// What both sides sent in such a stretch, by [`Side::index`]; none of a side that was silent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LeftOut {
    /// By side.
    pub sides: [Option<Passed>; 2],
}

/// What one side sent up to some moment, or between two.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Passed {
    /// Segments.
    pub segments: u32,
    /// Payload octets, repetitions included.
    pub payload: u64,
    /// Segments that brought nothing new.
    pub again: u32,
    /// The highest SEG.SEQ + SEG.LEN.
    pub nxt: u32,
    /// The highest SEG.ACK.
    pub ack: Option<u32>,
    /// When the last of them passed.
    pub last: Timestamp,
    /// When the last payload passed.
    pub last_payload: Option<Timestamp>,
    /// The window of the last of them, unscaled.
    pub window: u16,
    /// The last TSval.
    pub ts_val: Option<u32>,
    /// The most octets that one of them acknowledged at once.
    pub step: u32,
    /// The last of them carried IP identification 0.
    pub id_is_zero: bool,
}

impl LeftOut {
    /// Adds a segment.
    pub fn see(&mut self, s: &Segment) {
        let slot = &mut self.sides[s.side.index()];
        let before = slot.unwrap_or(Passed {
            segments: 0,
            payload: 0,
            again: 0,
            nxt: s.seq.0,
            ack: None,
            last: s.seen.at,
            last_payload: None,
            window: s.window,
            ts_val: None,
            step: 0,
            id_is_zero: false,
        });
        let higher = |known: u32, number: SeqNum| if number.after(SeqNum(known)) { number.0 } else { known };
        let again = s.span() > 1 && !s.end().after(SeqNum(before.nxt));
        let ack = s.flags.any(TcpFlags::ACK).then(|| higher(before.ack.unwrap_or(s.ack.0), s.ack));
        let step = ack.zip(before.ack).map_or(0, |(now, then)| now.wrapping_sub(then));
        *slot = Some(Passed {
            segments: before.segments.saturating_add(1),
            payload: before.payload.saturating_add(u64::from(s.len)),
            again: before.again.saturating_add(u32::from(again)),
            nxt: higher(before.nxt, s.end()),
            ack: ack.or(before.ack),
            last: s.seen.at,
            last_payload: if s.len > 0 { Some(s.seen.at) } else { before.last_payload },
            window: s.window,
            ts_val: if s.has_timestamps { Some(s.timestamps.val) } else { before.ts_val },
            step: before.step.max(step),
            id_is_zero: s.ip_id == 0,
        });
    }

    /// What passed since `earlier`, which is an earlier account of the same connection; nothing of a side that was silent.
    pub fn since(&self, earlier: &LeftOut) -> LeftOut {
        let since = |side: Side| {
            let (now, then) = (self.sides[side.index()]?, earlier.sides[side.index()]);
            let (segments, payload, again) =
                then.map_or((0, 0, 0), |then| (then.segments, then.payload, then.again));
            (now.segments > segments).then(|| Passed {
                segments: now.segments - segments,
                payload: now.payload.saturating_sub(payload),
                again: now.again.saturating_sub(again),
                ..now
            })
        };
        LeftOut { sides: Side::BOTH.map(since) }
    }

    /// Nothing passed.
    pub fn is_empty(&self) -> bool {
        self.sides.iter().all(Option::is_none)
    }
}

impl Connection {
    /// Goes on behind such a stretch; `frame` is the first frame behind it.
    pub(super) fn pass_over(&mut self, left_out: &LeftOut, frame: u64) {
        for side in Side::BOTH {
            let Some(passed) = &left_out.sides[side.index()] else { continue };
            let half = &mut self.halves[side.index()];
            let (nxt, ack) = (SeqNum(passed.nxt), passed.ack.map(SeqNum));
            if !half.has_seq() || nxt.after(half.nxt) {
                (half.nxt, half.data_end) = (nxt, nxt);
                half.has |= Half::SEQ | Half::ANCHORED;
            }
            if let Some(ack) = ack.filter(|ack| !half.has_ack() || ack.after(half.ack)) {
                half.ack = ack;
                half.has |= Half::ACK;
                let peer = &mut self.halves[side.peer().index()];
                peer.repeats = 0;
                peer.acknowledged(passed.step.try_into().unwrap_or(i32::MAX));
                if let Some(extra) = &mut self.extra {
                    extra.stuck[side.peer().index()] = None;
                }
            }
            let half = &mut self.halves[side.index()];
            half.last = Stamp { at: passed.last, frame: frame.saturating_sub(1).max(half.last.frame).max(1) };
            half.segments = half.segments.saturating_add(passed.segments);
            half.payload = half.payload.saturating_add(passed.payload);
            let tally = &mut self.tallies[side.index()];
            tally.retransmissions = tally.retransmissions.saturating_add(passed.again);
            half.window = passed.window;
            half.has = half.has & !Half::ID_ZERO | if passed.id_is_zero { Half::ID_ZERO } else { 0 };
            if let Some(at) = passed.last_payload {
                half.last_payload_at = at;
                half.has |= Half::PAYLOAD;
            }
            if let Some(val) = passed.ts_val {
                half.ts_val = val;
                half.has |= Half::TS;
            }
            if self.bits & Connection::PENDING != 0 {
                let silences = self.extra_mut().silences.get_or_insert_default();
                if !silences.pending_from(side) {
                    silences.answer(ack);
                    if !silences.is_pending() {
                        self.bits &= !Connection::PENDING;
                    }
                }
            }
        }
        for side in Side::BOTH {
            let [own, peer] = [side, side.peer()].map(|side| &self.halves[side.index()]);
            if peer.has_ack() && peer.ack.at_or_after(own.nxt) {
                self.set_open_holes(side.index(), 0);
            }
        }
        self.bits &= !Connection::BLURRED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::traffic::{Dice, Weather, conversation, flow, segment};

    /// A long download, with and without its middle.
    #[test]
    fn what_is_passed_over_leaves_the_same_numbers_behind() {
        let mut segments = vec![
            segment(Side::Lo, TcpFlags::SYN, 0, 0, 0),
            segment(Side::Hi, TcpFlags::SYN | TcpFlags::ACK, 0, 1, 0),
            segment(Side::Lo, TcpFlags::ACK, 1, 1, 0),
        ];
        for n in 0..100 {
            segments.push(segment(Side::Hi, TcpFlags::ACK, 1 + n * 1_000, 1, 1_000));
            segments.push(segment(Side::Lo, TcpFlags::ACK, 1, 1 + (n + 1) * 1_000, 0));
        }
        segments.push(segment(Side::Lo, TcpFlags::FIN | TcpFlags::ACK, 1, 100_001, 0));
        segments.push(segment(Side::Hi, TcpFlags::ACK, 100_001, 2, 0));
        for (at, s) in (1..).zip(&mut segments) {
            s.seen = Stamp { at: Timestamp(i64::from(at) * 400_000_000), frame: u64::from(at as u32) };
        }
        let mut whole = Connection::new(flow(1));
        segments.iter().for_each(|s| whole.observe(s));

        let (from, upto) = (10, 180);
        let mut far = LeftOut::default();
        segments[..from].iter().for_each(|s| far.see(s));
        let before = far;
        segments[from..upto].iter().for_each(|s| far.see(s));
        let mut cut = Connection::new(flow(1));
        segments[..from].iter().for_each(|s| cut.observe(s));
        cut.pass_over(&far.since(&before), segments[upto].seen.frame);
        segments[upto..].iter().for_each(|s| cut.observe(s));
        assert_eq!((cut.halves, cut.bits), (whole.halves, whole.bits));
        assert_eq!(cut.tallies.map(|tally| tally.holes), [0, 0]);
        assert_eq!(cut.silences(), whole.silences(), "the stretch is no silence");

        let mut gap = Connection::new(flow(1));
        segments[..from].iter().chain(&segments[upto..]).for_each(|s| gap.observe(s));
        assert_ne!(gap.halves, whole.halves, "without the account it is a hole");
        assert!(far.since(&far).is_empty() && !far.since(&before).is_empty());
    }

    #[test]
    fn a_lone_octet_sent_again_may_be_a_probe() {
        for (len, again) in [(1, 0), (2, 1)] {
            let mut account = LeftOut::default();
            let segment = segment(Side::Lo, TcpFlags::ACK, 1, 1, len);
            [segment; 2].iter().for_each(|s| account.see(s));
            assert_eq!(account.sides[0].unwrap().again, again, "{len}");
        }
    }

    /// Whatever lies between a handshake and a FIN may be left out where nothing is lost.
    #[test]
    fn a_stretch_of_anything_leaves_behind_what_its_segments_would() {
        let mut dice = Dice(9);
        let mut passed = 0;
        for _ in 0..2_000 {
            let calm = Weather { fates: [0; 5], odd: 0, midstream: 300, reuse: false, forged: false };
            let segments = conversation(dice.next(), 60, calm);
            let upto = segments.iter().position(|s| s.flags.any(TcpFlags::FIN)).unwrap_or(segments.len());
            // A lone octet sent again may be a probe, and a frame captured twice the same one: whoever left it out could not tell.
            if upto < 5 || segments.iter().any(|s| s.len == 1 || s.interface > 0) {
                continue;
            }
            let from = 4 + dice.roll(upto as u64 - 4) as usize;
            let upto = from + dice.roll((upto - from) as u64 + 1) as usize;
            let observed = |upto: usize| {
                let mut connection = Connection::new(flow(1));
                segments[..upto].iter().for_each(|s| connection.observe(s));
                connection
            };
            let account = |upto: usize| {
                let mut account = LeftOut::default();
                segments[..upto].iter().for_each(|s| account.see(s));
                account
            };
            let stretch = account(upto).since(&account(from));
            assert_eq!(stretch.is_empty(), from == upto);
            let mut cut = observed(from);
            cut.pass_over(&stretch, 1_000);
            let left = |connection: &Connection| {
                let counted = connection.tallies.map(|tally| (tally.retransmissions, tally.open_holes));
                let running = connection.halves.map(|half| Half {
                    last: Stamp { frame: 0, ..half.last },
                    flags: TcpFlags::default(),
                    signature: 0,
                    repeats: 0,
                    interface: 0,
                    hop_limit: 0,
                    ..half
                });
                (running, counted)
            };
            assert_eq!(left(&cut), left(&observed(upto)), "{from}..{upto} of {:#?}", &segments[..upto]);
            passed += upto - from;
        }
        assert!(passed > 2_000, "{passed}");
    }
}
