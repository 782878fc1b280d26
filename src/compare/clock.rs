//! How far the clock of one vantage point is ahead of another's, and which of the two a host's segments pass first:
//! both from segments that passed both.
//!
//! What a host sends passes the nearer point first, what it receives passes it last. With the clocks' offset in between,
//! the time from point to point is never negative, so the shortest in each direction bound the offset from both sides,
//! as in NTP (RFC 5905 §8). The width of that corridor is the shortest round trip between the points; how it divides
//! among the directions cannot be known, which is the error that is stated.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use crate::wire::{Side, Span, Timestamp};

/// A segment that passed both points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    /// When it passed the first point, by that point's clock.
    pub(super) at: Timestamp,
    /// The second point's clock then, less the first one's.
    pub(super) difference: Span,
    /// Between which two hosts: a number of their own.
    pub(super) hosts: usize,
    /// Which of the two sent it.
    pub(super) side: Side,
}

/// What shared segments tell of two vantage points.
#[derive(Clone, PartialEq, Debug)]
pub struct Relation {
    /// The second clock is that far ahead of the first, at `pivot`.
    pub offset: Span,
    /// The offset is known within this; none if only one direction was seen at both, or if segments contradict any even
    /// clock although as many as may be wrong are left out.
    pub bound: Option<Span>,
    /// Nanoseconds that the second clock gains in a second of the first.
    pub drift: f64,
    /// The moment, by the first clock, for which the offset holds.
    pub pivot: Timestamp,
    /// Segments it rests on: from the first point to the second, and back.
    pub samples: [usize; 2],
    /// The shortest time from the first point to the second and back.
    pub round_trip: Option<Span>,
    /// Segments that no even clock explains: left out.
    pub outliers: usize,
    /// Every segment came exactly as much later, in both directions: one of the captures is made from the other.
    pub(super) is_copy: bool,
    /// By hosts: whether what [`Side::Lo`] sends passes the first point first; none where that cannot be told.
    pub(super) lo_first: Vec<Option<bool>>,
}

/// Time stamps are no finer than this.
const RESOLUTION: Span = Span::micros(1);
/// A shorter round trip tells nothing of the order: both points may be one.
const TOO_SHORT: Span = Span::micros(1);
/// Time stamps of one machine may be off by so much: no drift is made of that.
const JITTER: Span = Span::micros(10);
/// A clock is not worse than this, in nanoseconds a second.
const WORST_DRIFT: f64 = 1e6;
/// Fewer samples may agree by chance.
const SOME: usize = 8;
/// One sample in so many may contradict the others.
const OUTLIERS: usize = 50;
/// No more are looked for: such a clock was set, not wrong.
const MOST_OUTLIERS: usize = 500;
/// Of more samples than these two allow, the extremes of each stretch of time are kept.
const STRETCHES: usize = 1_024;
const EXTREMES: usize = 8;

impl Relation {
    /// From the samples; none without any.
    pub(super) fn of(samples: &[Sample]) -> Option<Relation> {
        let pivot = samples.iter().map(|sample| sample.at).min()?;
        // Clocks may be years apart; what is left is small enough to be exact as a float.
        let base = samples.first()?.difference;
        let hosts = samples.iter().map(|sample| sample.hosts + 1).max()?;
        let mut points = vec![[Vec::new(), Vec::new()]; hosts];
        for sample in samples {
            let point = ((sample.at - pivot).as_secs_f64(), sample.difference.0.saturating_sub(base.0));
            points[sample.hosts][sample.side.index()].push(point);
        }
        let lo_first: Vec<Option<bool>> = points.iter().map(|[lo, hi]| Corridor::lo_first(lo, hi)).collect();
        let (mut there, mut back) = (Vec::new(), Vec::new());
        for ([lo, hi], first) in points.into_iter().zip(&lo_first) {
            match first {
                None if lo.is_empty() || hi.is_empty() => continue,
                Some(false) => (there.extend(hi), back.extend(lo)),
                Some(true) | None => (there.extend(lo), back.extend(hi)),
            };
        }
        let relation = Relation {
            offset: samples.iter().map(|sample| sample.difference).min()?,
            bound: None,
            drift: 0.0,
            pivot,
            samples: [there.len(), back.len()],
            round_trip: None,
            outliers: 0,
            is_copy: samples.len() >= SOME && samples.iter().all(|sample| sample.difference == base),
            lo_first,
        };
        if there.is_empty() || back.is_empty() {
            return Some(Relation { samples: [samples.len(), 0], ..relation });
        }
        let (corridor, outliers) = Corridor::without_outliers(&mut there, &mut back);
        let drift = if corridor.width(0.0) >= -(JITTER.0 as f64) { 0.0 } else { corridor.best() };
        let (low, high) = corridor.edges(drift);
        let width = high - low;
        let is_open = width >= -(JITTER.0 as f64);
        let bound = corridor.error(drift).max(width.abs() / 2.0) + RESOLUTION.0 as f64;
        Some(Relation {
            offset: base + Span(((low + high) / 2.0).round() as i64),
            bound: is_open.then_some(Span(bound.ceil() as i64)),
            drift,
            round_trip: Some(Span((width.max(0.0)) as i64)),
            outliers,
            ..relation
        })
    }

    /// A time of the second clock as the first would show it.
    pub fn to_first(&self, at: Timestamp) -> Timestamp {
        let elapsed = (at - self.offset - self.pivot).as_secs_f64();
        at - self.offset - Span((self.drift * elapsed) as i64)
    }

    /// A time of the first clock as the second would show it.
    pub fn to_second(&self, at: Timestamp) -> Timestamp {
        let elapsed = (at - self.pivot).as_secs_f64();
        at + self.offset + Span((self.drift * elapsed) as i64)
    }

    /// The same seen from the second point.
    pub(super) fn reversed(&self) -> Relation {
        Relation {
            offset: Span(-self.offset.0),
            drift: -self.drift,
            pivot: self.pivot + self.offset,
            samples: [self.samples[1], self.samples[0]],
            lo_first: self.lo_first.iter().map(|first| first.map(|first| !first)).collect(),
            ..*self
        }
    }
}

/// A moment in seconds, and a difference of clocks in nanoseconds.
type Point = (f64, i64);

/// The room between two sets of points, through which the line of the true offset goes.
struct Corridor {
    /// Lower hull of the points above.
    above: Vec<(f64, f64)>,
    /// Upper hull of the points below.
    below: Vec<(f64, f64)>,
}

impl Corridor {
    fn new(above: &[Point], below: &[Point]) -> Corridor {
        let flipped: Vec<Point> = below.iter().map(|&(at, difference)| (at, -difference)).collect();
        let below = lower_hull(&flipped).into_iter().map(|(at, difference)| (at, -difference)).collect();
        Corridor { above: lower_hull(above), below }
    }

    /// Whether what the lower host sends passes the first point first; none if the points may as well be one, or if only
    /// one of the hosts was heard at both.
    fn lo_first(lo: &[Point], hi: &[Point]) -> Option<bool> {
        if lo.is_empty() || hi.is_empty() {
            return None;
        }
        let (first, second) = (Corridor::new(lo, hi), Corridor::new(hi, lo));
        // A drift can make up a corridor where there is none: without one, the order is surer.
        let widths = [first.width(0.0), second.width(0.0)];
        let [first, second] = match widths.iter().any(|width| *width > TOO_SHORT.0 as f64) {
            true => widths,
            false => [first.width(first.best()), second.width(second.best())],
        };
        (first.max(second) > TOO_SHORT.0 as f64).then_some(first >= second)
    }

    /// The corridor, after leaving out the few points that block it at any slope.
    fn without_outliers(above: &mut Vec<Point>, below: &mut Vec<Point>) -> (Corridor, usize) {
        let allowed = ((above.len() + below.len()) / OUTLIERS).min(MOST_OUTLIERS);
        thin(above, |a, b| a.1.cmp(&b.1));
        thin(below, |a, b| b.1.cmp(&a.1));
        let mut corridor = Corridor::new(above, below);
        let mut outliers = 0;
        while outliers < allowed && corridor.width(corridor.best()) < -(JITTER.0 as f64) {
            let drift = corridor.best();
            let level = |&(at, difference): &Point| difference as f64 - drift * at;
            let by_level = |a: &Point, b: &Point| level(a).total_cmp(&level(b));
            // The one that stands apart from its like.
            let (lowest, highest) = (apart(above, by_level), apart(below, |a, b| by_level(b, a)));
            let off = |of: Option<(usize, usize)>, points: &[Point]| {
                of.map_or(-1.0, |(first, second)| (level(&points[first]) - level(&points[second])).abs())
            };
            let from_above = off(lowest, above) >= off(highest, below);
            let (points, found) = if from_above { (&mut *above, lowest) } else { (&mut *below, highest) };
            let Some((worst, _)) = found else { break };
            points.remove(worst);
            outliers += 1;
            corridor = Corridor::new(above, below);
        }
        (corridor, outliers)
    }

    /// Lower and upper edge at the pivot for that slope.
    fn edges(&self, drift: f64) -> (f64, f64) {
        let level = |&(at, difference): &(f64, f64)| difference - drift * at;
        let high = self.above.iter().map(level).fold(f64::INFINITY, f64::min);
        let low = self.below.iter().map(level).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    }

    /// How wide it is at that slope; negative if it is blocked.
    fn width(&self, drift: f64) -> f64 {
        let (low, high) = self.edges(drift);
        high - low
    }

    /// The slope at which it is widest. Its width is a concave function of the slope.
    fn best(&self) -> f64 {
        let (mut from, mut to) = (-WORST_DRIFT, WORST_DRIFT);
        for _ in 0..100 {
            let third = (to - from) / 3.0;
            if self.width(from + third) < self.width(to - third) {
                from += third;
            } else {
                to -= third;
            }
        }
        (from + to) / 2.0
    }

    /// How far any line through the corridor strays from the middle one of that slope, at either end in time. A clock
    /// that is taken to run evenly strays by the half width.
    fn error(&self, drift: f64) -> f64 {
        if drift == 0.0 {
            return self.width(0.0) / 2.0;
        }
        let times = self.above.iter().chain(&self.below).map(|(at, _)| *at);
        let end = times.fold(0.0, f64::max);
        let (low, high) = self.edges(drift);
        let middle = |at: f64| (low + high) / 2.0 + drift * at;
        let edge = |towards: f64| {
            let (mut inside, mut outside) = (drift, towards);
            for _ in 0..60 {
                let half = (inside + outside) / 2.0;
                if self.width(half) >= 0.0 { inside = half } else { outside = half }
            }
            inside
        };
        let (least, most) = (edge(-WORST_DRIFT), edge(WORST_DRIFT));
        let mut error = 0_f64;
        for step in 0..=64 {
            let slope = least + (most - least) * f64::from(step) / 64.0;
            let (low, high) = self.edges(slope);
            for at in [0.0, end] {
                error = error.max((high + slope * at - middle(at)).abs());
                error = error.max((low + slope * at - middle(at)).abs());
            }
        }
        error
    }
}

/// Keeps the first [`EXTREMES`] points by that order of each of [`STRETCHES`] stretches of time: the others lie inside whatever
/// these allow. In order of time.
fn thin(points: &mut Vec<Point>, order: impl Fn(&Point, &Point) -> Ordering) {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(order(a, b)));
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    if points.len() <= STRETCHES * EXTREMES {
        return;
    }
    let (begin, stretch) = (first.0, (last.0 - first.0) / STRETCHES as f64);
    let of_one =
        |a: &Point, b: &Point| ((a.0 - begin) / stretch) as usize == ((b.0 - begin) / stretch) as usize;
    let mut kept = Vec::with_capacity(STRETCHES * EXTREMES);
    for alike in points.chunk_by(of_one) {
        let mut alike = alike.to_vec();
        alike.sort_by(&order);
        alike.truncate(EXTREMES);
        kept.extend(alike);
    }
    kept.sort_by(|a, b| a.0.total_cmp(&b.0));
    *points = kept;
}

/// The first and the second of the points by that order; none of fewer than two.
fn apart(points: &[Point], order: impl Fn(&Point, &Point) -> Ordering) -> Option<(usize, usize)> {
    let by_order = |a: &usize, b: &usize| order(&points[*a], &points[*b]);
    let first = (0..points.len()).min_by(by_order)?;
    let second = (0..points.len()).filter(|which| *which != first).min_by(by_order)?;
    Some((first, second))
}

/// The lower convex hull, by time.
fn lower_hull(points: &[Point]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, f64)> = points.iter().map(|&(at, d)| (at, d as f64)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for point in sorted {
        while let [.., a, b] = hull[..] {
            let turns_up = (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0) > 0.0;
            if turns_up {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}
