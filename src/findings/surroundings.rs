//! What a rule may know beyond its connection: the service, the hosts, the capture. All of it adds up over parts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::HostHopLimits;
use crate::tcp::Connection;
use crate::wire::{Side, Span, Stamp, Timestamp};

/// Times on a logarithmic scale, four steps an octave: any percentile within 19 %, and none above the longest.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Histogram {
    counts: BTreeMap<u8, u64>,
    longest: Span,
}

impl Histogram {
    /// Counts one more.
    pub fn add(&mut self, span: Span) {
        *self.counts.entry(Histogram::step(span)).or_default() += 1;
        self.longest = self.longest.max(span);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// At most this long in `percent` of the cases; the upper edge of the step, or the longest if that is less.
    pub fn percentile(&self, percent: u64) -> Option<Span> {
        let rank = self.count().saturating_mul(percent).div_ceil(100).max(1);
        let mut below = 0;
        for (&step, &count) in &self.counts {
            below = count.saturating_add(below);
            if below >= rank {
                return Some(Histogram::upper_edge(step).min(self.longest));
            }
        }
        None
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Histogram) {
        for (&step, &count) in &other.counts {
            *self.counts.entry(step).or_default() += count;
        }
        self.longest = self.longest.max(other.longest);
    }

    /// Step 0 holds everything up to a microsecond.
    fn step(span: Span) -> u8 {
        let us = span.0.max(0) as f64 / 1e3;
        if us <= 1.0 { 0 } else { (us.log2() * 4.0).ceil().min(255.0) as u8 }
    }

    fn upper_edge(step: u8) -> Span {
        Span((2_f64.powf(f64::from(step) / 4.0) * 1e3) as i64)
    }
}

/// How long clients waited before they left, in steps of 2 %: fine enough to see a limit that somebody set.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Waits {
    counts: BTreeMap<u16, u64>,
}

impl Waits {
    /// Counts one more.
    pub fn add(&mut self, span: Span) {
        *self.counts.entry(Waits::step(span)).or_default() += 1;
    }

    /// How many were as long, within one step.
    pub fn alike(&self, span: Span) -> u64 {
        let step = Waits::step(span);
        self.counts
            .range(step.saturating_sub(1)..=step.saturating_add(1))
            .fold(0, |sum, (_, count)| count.saturating_add(sum))
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Waits) {
        for (&step, &count) in &other.counts {
            *self.counts.entry(step).or_default() += count;
        }
    }

    fn step(span: Span) -> u16 {
        let ms = span.0.max(0) as f64 / 1e6;
        if ms <= 1.0 { 0 } else { (ms.ln() / 1.02_f64.ln()).round() as u16 }
    }
}

/// A listening endpoint over all its connections.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// Connections.
    pub connections: u64,
    /// Both FINs sent and acknowledged.
    pub closed_by_both: u64,
    /// Ended by RST.
    pub reset: u64,
    /// From the first FIN to the second, where that was prompt (below [`ServiceFacts::PROMPT`]).
    pub prompt_closes: Histogram,
    /// The same of every close.
    pub closes: Histogram,
    /// Each connection's longest time to an answer.
    pub answers: Histogram,
    /// How long clients waited that left without any answer.
    pub gave_up: Waits,
    /// Segments of the clients, and of the service.
    pub segments: [u64; 2],
    /// Of these, sent again as [`ServiceFacts::lost_at_random`] counts it.
    pub retransmissions: [u64; 2],
    /// When the last connection was opened (SYN); none if no SYN was seen.
    pub last_opened: Option<Timestamp>,
    /// When the service last sent payload.
    pub last_payload: Option<Timestamp>,
    /// Since when it reads nothing on some connection: the earliest of the windows that it keeps closed at the end.
    pub unread_since: Option<Timestamp>,
}

impl ServiceFacts {
    /// Slower closes are not healthy ones, whatever their number.
    pub const PROMPT: Span = Span::secs(1);

    /// What one side sent again as loss at random makes it: neither into a silence that nobody answered, a handshake that never
    /// ends included, nor as often as a side that was cut off for a while, a host that slept or a link that was down.
    pub fn lost_at_random(connection: &Connection, side: Side) -> u32 {
        const CUT_OFF: u32 = 5;
        let again = connection.tallies[side.index()].retransmissions;
        let half = &connection.halves[side.index()];
        let cut_off = again >= CUT_OFF && again.saturating_mul(3) > half.segments;
        if cut_off { 0 } else { again.saturating_sub(half.repeats.into()) }
    }

    /// Adds another part of the same service.
    pub fn merge(&mut self, other: &ServiceFacts) {
        self.connections += other.connections;
        self.closed_by_both += other.closed_by_both;
        self.reset += other.reset;
        self.prompt_closes.merge(&other.prompt_closes);
        self.closes.merge(&other.closes);
        self.answers.merge(&other.answers);
        self.gave_up.merge(&other.gave_up);
        for role in 0..2 {
            self.segments[role] += other.segments[role];
            self.retransmissions[role] += other.retransmissions[role];
        }
        self.last_opened = self.last_opened.max(other.last_opened);
        self.last_payload = self.last_payload.max(other.last_payload);
        self.unread_since = [self.unread_since, other.unread_since].into_iter().flatten().min();
    }
}

/// A host over all its connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HostFacts {
    /// The last segment bearing its address.
    pub last: Stamp,
    /// FINs bearing its address that passed, each connection's first.
    pub fins: u64,
    /// How far its segments came.
    pub hop_limits: HostHopLimits,
    /// The shortest silence after which what was sent to it found nobody, on any of its connections.
    pub lost_after: Option<Span>,
    /// The last segment that acknowledged something of it that was never captured: it spoke, unseen.
    pub unseen: Option<Timestamp>,
}

impl HostFacts {
    /// Adds another part of the same host.
    pub fn merge(&mut self, other: &HostFacts) {
        self.last = self.last.max_frame(other.last);
        self.fins += other.fins;
        self.hop_limits.merge(&other.hop_limits);
        self.lost_after = [self.lost_after, other.lost_after].into_iter().flatten().min();
        self.unseen = self.unseen.max(other.unseen);
    }
}

/// The capture as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CaptureFacts {
    /// The first frame.
    pub first: Stamp,
    /// The last frame.
    pub last: Stamp,
    /// Frames read.
    pub frames: u64,
    /// Packets the capture program says it lost; none if nobody says.
    pub drops: Option<u64>,
    /// When and how many, where the capture says so; sorted by time.
    pub drop_events: Vec<(Timestamp, u64)>,
    /// Stretches of time of which a part could not be read, in order.
    pub holes: Vec<(Timestamp, Timestamp)>,
    /// Some of it was read from text, which holds less than packets.
    pub from_text: bool,
}

impl CaptureFacts {
    /// Counts one more frame; see [`CaptureFacts::then`] for the law it keeps.
    #[inline]
    pub(crate) fn observe(&mut self, seen: Stamp) {
        if self.frames == 0 {
            (self.first, self.last) = (seen, seen);
        }
        self.frames += 1;
        // The end of the capture is its latest moment; frame order and time order may differ by a little.
        if seen.at >= self.last.at {
            self.last = seen;
        }
    }

    /// Adds frames that follow, counted apart: the same as observing them all.
    pub(crate) fn then(&mut self, later: &CaptureFacts) {
        if later.frames == 0 {
            return;
        }
        if self.frames == 0 {
            (self.first, self.last) = (later.first, later.last);
        }
        self.frames += later.frames;
        if later.last.at >= self.last.at {
            self.last = later.last;
        }
    }

    /// From the first to the last frame.
    pub fn duration(&self) -> Span {
        (self.last.at - self.first.at).max(Span::ZERO)
    }

    /// Whether it was read from text without any times: nothing is known of how long anything lasted.
    pub fn is_timeless(&self) -> bool {
        self.from_text && self.first.at == Timestamp(0) && self.last.at == Timestamp(0)
    }

    /// Packets known to be lost from then on. A total without times counts for every moment.
    pub fn dropped_after(&self, at: Timestamp) -> u64 {
        if self.drop_events.is_empty() {
            return self.drops.unwrap_or(0);
        }
        self.drop_events.iter().filter(|(when, _)| *when >= at).map(|(_, count)| count).sum()
    }

    /// Whether a part of what was captured from then on could not be read.
    pub fn unreadable_after(&self, at: Timestamp) -> bool {
        self.holes.iter().any(|(_, upto)| *upto >= at)
    }

    /// Whether a part of what was captured between these moments could not be read.
    pub fn unreadable_between(&self, from: Timestamp, upto: Timestamp) -> bool {
        self.holes.iter().any(|hole| hole.0 <= upto && hole.1 >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_upper_edges() {
        let mut histogram = Histogram::default();
        for ms in 1..=100 {
            histogram.add(Span::millis(ms));
        }
        let p50 = histogram.percentile(50).unwrap();
        let p99 = histogram.percentile(99).unwrap();
        assert!(p50 >= Span::millis(50) && p50 <= Span::millis(60), "{p50}");
        assert!(p99 >= Span::millis(99) && p99 <= Span::millis(119), "{p99}");
        assert_eq!(Histogram::default().percentile(99), None);
    }
}
