//! Survivors and failures on one scale, and the bracket between them. Numbers only: what a sample means, and on which
//! clock it was measured, is not known here.

use crate::wire::{Span, Timestamp};

/// One silence and where it was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    /// Its length on the clock asked for.
    pub(super) span: Span,
    /// When it ended.
    pub(super) at: Timestamp,
    /// The last frame before it.
    pub(super) from_frame: u64,
    /// The frame that ended it.
    pub(super) frame: u64,
    /// The connection, by its place in the outcome.
    pub(super) member: usize,
}

/// The best cut between those that lived and those that died.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Bracket {
    /// The longest survivor below the cut.
    pub(super) above: Option<Sample>,
    /// The shortest failure from the cut on.
    pub(super) at_most: Sample,
    /// Survivors above the cut and failures below it.
    pub(super) crossed: usize,
    /// Survivors and failures in all.
    pub(super) all: usize,
    /// Failures.
    pub(super) failed: usize,
    /// Moments at which they failed, a second apart.
    pub(super) instants: usize,
    /// Survivors.
    pub(super) survived: usize,
    /// Survivors of a quarter of [`Bracket::at_most`] or more, and below it: shorter ones say little.
    pub(super) comparable: usize,
    /// How likely chance alone orders them so: one over the ways to choose the failures among those comparable.
    pub(super) chance: f64,
}

impl Bracket {
    /// Of survivors and failures; none without a failure. Of several equally good cuts the lowest is taken.
    pub(super) fn of(survived: &[Sample], failed: &[Sample]) -> Option<Bracket> {
        let mut survived = survived.to_vec();
        let mut failed = failed.to_vec();
        survived.sort_unstable_by_key(|sample| (sample.span, sample.frame));
        failed.sort_unstable_by_key(|sample| (sample.span, sample.frame));
        let wrong = |below: usize, cut: Span| {
            let longer = survived.len() - survived.partition_point(|sample| sample.span < cut);
            below + longer
        };
        let (below, crossed) = (0..failed.len())
            .map(|below| (below, wrong(below, failed[below].span)))
            .min_by_key(|&(below, crossed)| (crossed, below))?;
        let at_most = *failed.get(below)?;
        let shorter = survived.partition_point(|sample| sample.span < at_most.span);
        let comparable =
            shorter - survived[..shorter].partition_point(|sample| sample.span < quarter(at_most.span));
        Some(Bracket {
            above: shorter.checked_sub(1).map(|longest| survived[longest]),
            at_most,
            crossed,
            all: survived.len() + failed.len(),
            failed: failed.len(),
            instants: instants(&failed),
            survived: survived.len(),
            comparable,
            chance: chance(comparable, failed.len() - below, crossed, survived.len() + failed.len()),
        })
    }

    /// By how much the longest survivor of all exceeds the shortest failure of all.
    pub(super) fn overlap(survived: &[Sample], failed: &[Sample]) -> Span {
        let longest = survived.iter().map(|sample| sample.span).max().unwrap_or_default();
        let shortest = failed.iter().map(|sample| sample.span).min().unwrap_or(Span::MAX);
        Span((longest.0.saturating_sub(shortest.0)).max(0))
    }

    /// A few witnesses may be wrong (a probe that a host answered late, a loss taken for a death): one in twenty.
    pub(super) fn nearly_clean(&self) -> bool {
        self.crossed * 20 <= self.all
    }

    /// Enough of it, and hardly by chance: `clocks` guesses were tried before it fitted.
    pub(super) fn speaks(&self, clocks: u32) -> bool {
        self.failed >= 2
            && self.instants >= 2
            && self.above.is_some()
            && self.chance * f64::from(clocks) <= 0.05
    }
}

fn quarter(span: Span) -> Span {
    Span(span.0 / 4)
}

/// 1 / C(f + s, f), times the ways in which the crossed ones could be picked.
fn chance(survived: usize, failed: usize, crossed: usize, all: usize) -> f64 {
    let (few, many) = (survived.min(failed), survived.max(failed));
    let mut chance = 1.0_f64;
    for n in 1..=few {
        chance *= n as f64 / (many + n) as f64;
        if chance < 1e-12 {
            break;
        }
    }
    for n in 0..crossed {
        chance *= all.saturating_sub(n) as f64 / (n + 1) as f64;
    }
    chance.min(1.0)
}

/// Moments a second or more apart.
fn instants(failed: &[Sample]) -> usize {
    let mut times: Vec<_> = failed.iter().map(|sample| sample.at).collect();
    times.sort_unstable();
    let mut count = 0;
    let mut last = None;
    for at in times {
        if last.is_none_or(|last| at - last >= Span::secs(1)) {
            count += 1;
            last = Some(at);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(seconds: &[i64]) -> Vec<Sample> {
        let sample = |(member, &s): (usize, &i64)| Sample {
            span: Span::secs(s),
            at: Timestamp::new(10 * s, 0),
            from_frame: 1,
            frame: 2,
            member,
        };
        seconds.iter().enumerate().map(sample).collect()
    }

    /// Above, at most, how many on the wrong side.
    fn check(survived: &[i64], failed: &[i64], expected: Option<(i64, i64, usize)>) {
        let bracket = Bracket::of(&samples(survived), &samples(failed));
        let bracket = bracket.map(|b| {
            let above = b.above.map_or(0, |above| above.span.0 / 1_000_000_000);
            (above, b.at_most.span.0 / 1_000_000_000, b.crossed)
        });
        assert_eq!(bracket, expected, "{survived:?} {failed:?}");
    }

    #[test]
    fn the_cut_puts_the_fewest_on_the_wrong_side() {
        check(&[10, 700, 744], &[959, 1200], Some((744, 959, 0)));
        check(&[10, 20], &[], None);
        check(&[], &[300], Some((0, 300, 0)));
        // A survivor far too long, a failure far too short: each is one against many.
        check(&[600, 700, 800, 2000], &[900, 950, 1000], Some((800, 900, 1)));
        check(&[600, 700, 800], &[3, 900, 950, 1000], Some((800, 900, 1)));
        // Hopelessly crossed.
        check(&[100, 300], &[90, 200], Some((0, 90, 2)));
        // As long as the shortest that failed is no survivor below it.
        check(&[900], &[900], Some((0, 900, 1)));
    }

    #[test]
    fn chance_follows_the_number_of_orders() {
        let chance = |survived: &[i64], failed: &[i64]| {
            Bracket::of(&samples(survived), &samples(failed)).unwrap().chance
        };
        assert!((chance(&[5, 6, 7], &[8, 9]) - 0.1).abs() < 1e-9, "1 of C(5, 2)");
        assert!((chance(&[1, 6, 7], &[8, 9]) - 1.0 / 6.0).abs() < 1e-9, "1 s says nothing of 8 s");
        assert!((chance(&[], &[8, 9]) - 1.0).abs() < 1e-9);
        assert!(chance(&[7; 40], &[8; 40]) < 1e-9);
    }
}
