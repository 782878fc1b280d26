//! Spells in a state of waiting, and the curve of how many there were at every moment, as `netstat` on that host would
//! have counted them.

use super::data::{Curve, CurvePoint};
use crate::analysis::Outcome;
use crate::tcp::Connection;
use crate::wire::{Endpoint, Side, Span, Stamp, Timestamp};

/// One connection's stay in CLOSE-WAIT or FIN-WAIT-2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spell {
    /// The connection, by its place in the outcome.
    pub(super) member: usize,
    /// Whose socket.
    pub(super) owner: Endpoint,
    /// It is the listening one.
    pub(super) listening: bool,
    pub(super) from: Stamp,
    /// When it ended; none: it outlasts the capture.
    pub(super) until: Option<Stamp>,
    /// Its own FIN or RST ended it.
    pub(super) by_owner: bool,
    pub(super) state: Waiting,
}

/// What for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waiting {
    /// Its own program's close: CLOSE-WAIT.
    CloseWait,
    /// The peer's FIN: FIN-WAIT-2.
    FinWait2,
}

impl Spell {
    /// How long it lasted, or has lasted.
    pub(super) fn span(&self, end: Timestamp) -> Span {
        self.until.map_or(end, |until| until.at) - self.from.at
    }
}

/// Every spell at least a grace long, or still going on: shorter ones are how connections close.
pub(super) fn spells(outcome: &Outcome) -> Vec<Spell> {
    let mut spells = Vec::new();
    let end = outcome.capture.last.at;
    for (member, judged) in outcome.connections.iter().enumerate() {
        let case = outcome.case(judged);
        for side in Side::BOTH {
            let Some((state, from, ended)) = wait(&judged.connection, side) else { continue };
            let until = ended.map(|(until, _)| until);
            let spell = Spell {
                member,
                owner: judged.connection.key.endpoint(side),
                listening: side == judged.roles.server(),
                from,
                until,
                by_owner: ended.is_some_and(|(_, by)| by == Some(side)),
                state,
            };
            let closer = if state == Waiting::CloseWait { side } else { side.peer() };
            let allowed = case.grace.half_close && closer == judged.roles.server();
            if !allowed && (until.is_none() || spell.span(end) >= case.grace.of(&case, side)) {
                spells.push(spell);
            }
        }
    }
    spells.sort_unstable_by_key(|spell| (spell.from.at, spell.from.frame));
    spells.shrink_to_fit();
    spells
}

/// What ended a wait: when, and who, unless the ports were used anew.
type End = (Stamp, Option<Side>);

/// How a program says that it has closed: by its FIN, on Multipath TCP by its DATA_FIN.
struct Close {
    seen: Stamp,
    acked: Option<Stamp>,
    /// The peer's had arrived before.
    second: bool,
}

fn close(connection: &Connection, side: Side) -> Option<Close> {
    if connection.data_level().is_none() {
        let fin = connection.fin(side)?;
        return Some(Close { seen: fin.seen, acked: fin.acked, second: fin.closes_second });
    }
    let seen = connection.data_fin(side)?.seen;
    let heard = connection.data_fin_acked(side.peer());
    let second = heard.is_some_and(|heard| heard.frame < seen.frame);
    Some(Close { seen, acked: connection.data_fin_acked(side), second })
}

/// What that side waited for, since when, and what ended it.
fn wait(connection: &Connection, side: Side) -> Option<(Waiting, Stamp, Option<End>)> {
    let (own, other) = (close(connection, side), close(connection, side.peer()));
    let first = match (&own, &other) {
        (Some(own), Some(other)) => own.seen.frame < other.seen.frame && !own.second,
        (own, _) => own.is_some(),
    };
    let (state, from) = match first {
        true => (Waiting::FinWait2, own?.acked?),
        false => (Waiting::CloseWait, other?.acked?),
    };
    let closer = if first { side.peer() } else { side };
    let fin = close(connection, closer).map(|close| (close.seen, Some(closer)));
    let resets = Side::BOTH.into_iter().filter(|&side| connection.ended_by_rst(side));
    let resets = resets.filter_map(|side| Some((connection.rst(side)?.seen, Some(side))));
    let replaced = connection.replaced().then(|| (connection.last(), None));
    let ended = resets.chain(fin).chain(replaced).min_by_key(|(stamp, _)| stamp.frame);
    // Both FINs crossed: neither side waited for its program.
    let crossed = ended.is_some_and(|(until, _)| until.frame <= from.frame);
    (!crossed).then_some((state, from, ended))
}

/// The counts over time.
pub(super) fn curve<'a>(
    place: String,
    spells: impl ExactSizeIterator<Item = &'a Spell>,
    end: Timestamp,
    limit: Option<u64>,
) -> Curve {
    let mut steps: Vec<(Timestamp, Waiting, i64)> = Vec::with_capacity(spells.len() * 2);
    for spell in spells {
        steps.push((spell.from.at, spell.state, 1));
        if let Some(until) = spell.until {
            steps.push((until.at, spell.state, -1));
        }
    }
    // Where one ends as another begins, they were not there together.
    steps.sort_unstable_by_key(|&(at, _, by)| (at, by));
    let mut points: Vec<CurvePoint> = Vec::with_capacity(steps.len());
    let (mut close_wait, mut fin_wait_2) = (0_i64, 0_i64);
    for (at, state, by) in steps {
        match state {
            Waiting::CloseWait => close_wait += by,
            Waiting::FinWait2 => fin_wait_2 += by,
        }
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let point = CurvePoint { at, close_wait: count(close_wait), fin_wait_2: count(fin_wait_2) };
        match points.last_mut() {
            Some(last) if last.at == at => *last = point,
            _ => points.push(point),
        }
    }
    let none = CurvePoint { at: end, close_wait: 0, fin_wait_2: 0 };
    let peak = points
        .iter()
        .copied()
        .reduce(|peak, point| if point.close_wait > peak.close_wait { point } else { peak });
    let exceeded = |limit: u64| points.iter().find(|point| point.close_wait > limit).map(|point| point.at);
    Curve {
        place,
        peak: peak.unwrap_or(none),
        growth_per_hour: growth(&points, end),
        limit: limit.map(|limit| (limit, exceeded(limit))),
        points: thinned(points),
    }
}

/// What is left at the end, per hour since the first; nothing is said of a few, or of minutes.
fn growth(points: &[CurvePoint], end: Timestamp) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let hours = (end - first.at).as_secs_f64() / 3600.0;
    (last.close_wait >= 3 && hours >= 1.0 / 6.0).then(|| last.close_wait as f64 / hours)
}

/// At most [`Curve::POINTS`]: of each stretch of time the highest and the last.
fn thinned(points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return points };
    if points.len() <= Curve::POINTS {
        return points;
    }
    let stretches = (Curve::POINTS / 2) as i64;
    let (start, whole) = (first.at, (last.at - first.at).0.max(1));
    let stretch =
        |at: Timestamp| (i128::from((at - start).0) * i128::from(stretches - 1) / i128::from(whole)) as i64;
    let mut thin: Vec<CurvePoint> = Vec::with_capacity(Curve::POINTS);
    for part in points.chunk_by(|a, b| stretch(a.at) == stretch(b.at)) {
        let highest = part.iter().copied().reduce(|a, b| if b.close_wait > a.close_wait { b } else { a });
        thin.extend(highest);
        thin.extend(part.last().copied().filter(|last| Some(*last) != highest));
    }
    thin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(from: i64, until: Option<i64>, state: Waiting) -> Spell {
        let stamp = |s: i64| Stamp { at: Timestamp::new(s, 0), frame: s as u64 };
        Spell {
            member: 0,
            owner: Endpoint::v4([192, 0, 2, 1], 80),
            listening: true,
            from: stamp(from),
            until: until.map(stamp),
            by_owner: until.is_some(),
            state,
        }
    }

    fn counts(curve: &Curve) -> Vec<(i64, u64, u64)> {
        let seconds = |at: Timestamp| at.0 / 1_000_000_000;
        curve.points.iter().map(|point| (seconds(point.at), point.close_wait, point.fin_wait_2)).collect()
    }

    #[test]
    fn counts_what_is_there_at_each_moment() {
        use Waiting::{CloseWait, FinWait2};
        let spells = [
            spell(10, Some(30), CloseWait),
            spell(20, None, CloseWait),
            spell(25, Some(40), FinWait2),
            spell(30, Some(50), CloseWait),
        ];
        let curve = curve("here".into(), spells.iter(), Timestamp::new(60, 0), Some(1));
        let expected = [(10, 1, 0), (20, 2, 0), (25, 2, 1), (30, 2, 1), (40, 2, 0), (50, 1, 0)];
        assert_eq!(counts(&curve), expected);
        assert_eq!((curve.peak.close_wait, curve.peak.at), (2, Timestamp::new(20, 0)));
        assert_eq!(curve.limit, Some((1, Some(Timestamp::new(20, 0)))));
        assert_eq!(curve.growth_per_hour, None, "a minute is too short");
    }

    #[test]
    fn growth_is_what_stays() {
        let leak: Vec<_> = (0..12).map(|n| spell(n * 600, None, Waiting::CloseWait)).collect();
        let leak = curve("leak".into(), leak.iter(), Timestamp::new(7200, 0), None);
        assert_eq!(leak.growth_per_hour, Some(6.0));
        let slow: Vec<_> = (0..12).map(|n| spell(n * 600, Some(n * 600 + 700), Waiting::CloseWait)).collect();
        let slow = curve("slow".into(), slow.iter(), Timestamp::new(7400, 0), None);
        assert_eq!((slow.growth_per_hour, slow.peak.close_wait), (None, 2));
    }

    #[test]
    fn a_long_curve_keeps_its_peak_and_its_end() {
        let many: Vec<_> = (0..5_000).map(|n| spell(n, Some(n + 1 + n % 900), Waiting::CloseWait)).collect();
        let all = curve("many".into(), many.iter(), Timestamp::new(6_000, 0), None);
        assert!(
            all.points.len() <= Curve::POINTS && all.points.len() > Curve::POINTS / 4,
            "{}",
            all.points.len()
        );
        assert!(all.points.contains(&all.peak));
        assert_eq!(all.points.last().map(|point| point.close_wait), Some(0));
    }
}
