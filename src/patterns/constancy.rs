//! Lengths of time that are always about the same: the mark of somebody's setting.

use crate::wire::Span;

/// Nearly the same length every time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Constant {
    /// The shortest, one in ten left out.
    pub(super) low: Span,
    /// The one in the middle.
    pub(super) median: Span,
    /// The longest, one in ten left out.
    pub(super) high: Span,
}

impl Constant {
    /// Of three lengths or more that lie within a second, or 2 %, of one another; and within a fifth, since a handful of
    /// short lengths is not constant for being short.
    pub(super) fn of(lengths: impl IntoIterator<Item = Span>) -> Option<Constant> {
        let mut lengths: Vec<_> = lengths.into_iter().collect();
        lengths.sort_unstable();
        if lengths.len() < 3 {
            return None;
        }
        let at = |percent: usize| lengths[(lengths.len() - 1) * percent / 100];
        let constant =
            Constant { low: at(10), median: at(50), high: lengths[((lengths.len() - 1) * 9).div_ceil(10)] };
        (constant.spread() <= play(constant.median)).then_some(constant)
    }

    /// How far they lie apart.
    pub(super) fn spread(&self) -> Span {
        Span(self.high.0 - self.low.0)
    }

    /// `30 s`, or `29.8 s to 30.1 s`.
    pub(super) fn range(&self) -> String {
        let (low, high) = (self.low.to_string(), self.high.to_string());
        if low == high { low } else { format!("{low} to {high}") }
    }
}

/// How far lengths around this one may lie apart and still count as the same.
pub(super) fn play(median: Span) -> Span {
    Span::secs(1).max(Span(median.0 / 50)).min(Span(median.0 / 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[i64], expected: Option<i64>) {
        let constant = Constant::of(lengths.iter().map(|&ms| Span::millis(ms)));
        assert_eq!(constant.map(|constant| constant.median), expected.map(Span::millis), "{lengths:?}");
    }

    #[test]
    fn a_second_or_two_percent_but_not_for_being_short() {
        check(&[30_000, 30_400, 30_900], Some(30_400));
        check(&[30_000, 30_400, 31_900], None);
        check(&[900_000, 910_000, 917_000], Some(910_000));
        check(&[1_000, 1_400, 1_900], None);
        check(&[30_000, 30_000], None);
    }
}
