//! Clocks that are wrong in known ways are found to be so, within the bound that is stated.

use super::{Relation, Sample};
use crate::wire::{Side, Span, Timestamp};

/// Delays of a real path are never less than these, and mostly more, in a way that repeats itself.
const THERE: i64 = 300_000;
const BACK: i64 = 700_000;

fn delay(least: i64, n: i64) -> i64 {
    least + (n * 7_919 % 997) * 2_000
}

/// Segments of both hosts over so many seconds; the second clock is `offset` ahead and gains `drift` ns a second.
fn samples(offset: i64, drift: i64, seconds: i64, sides: &[Side]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for n in 0..400 {
        for &side in sides {
            let at = n * seconds * 1_000_000_000 / 400;
            let delay = if side == Side::Lo { delay(THERE, n) } else { -delay(BACK, n + 1) };
            let difference = Span(offset + drift * at / 1_000_000_000 + delay);
            samples.push(Sample {
                at: Timestamp(1_700_000_000_000_000_000 + at),
                difference,
                hosts: 0,
                side,
            });
        }
    }
    samples
}

#[test]
fn offsets_are_found_within_the_bound() {
    const YEARS: i64 = 50 * 365 * 86_400 * 1_000_000_000;
    for offset in [0, 1, -1_500_000_000, 3 * 3_600 * 1_000_000_000, -YEARS] {
        let relation = Relation::of(&samples(offset, 0, 60, &Side::BOTH)).unwrap();
        let bound = relation.bound.unwrap();
        assert!((relation.offset.0 - offset).abs() <= bound.0, "{offset}: {relation:?}");
        // Half of the shortest round trip, and the resolution.
        assert!(bound.0 <= (THERE + BACK) / 2 + 20_000, "{offset}: {relation:?}");
        assert_eq!(relation.drift, 0.0);
        assert_eq!(relation.lo_first, [Some(true)]);
        let at = Timestamp(1_700_000_030_000_000_000);
        let there = relation.to_second(at);
        assert!((relation.to_first(there) - at).0.abs() <= 1);
        let turned = relation.reversed();
        assert!((turned.to_first(at) - there).0.abs() <= 1);
        assert_eq!(turned.lo_first, [Some(false)]);
    }
}

#[test]
fn a_drift_is_found_with_the_offset() {
    for drift in [50_000, -50_000, 900_000] {
        let offset = 7_000_000_000;
        let relation = Relation::of(&samples(offset, drift, 600, &Side::BOTH)).unwrap();
        assert!((relation.drift - drift as f64).abs() < 5_000.0, "{drift}: {relation:?}");
        assert_eq!(relation.lo_first, [Some(true)], "{drift}");
        for second in [0, 300, 600] {
            let at = relation.pivot + Span::secs(second);
            let truth = at + Span(offset + drift * second);
            let off = (relation.to_second(at) - truth).0.abs();
            assert!(off <= relation.bound.unwrap().0, "{drift} at {second}: off by {off}, {relation:?}");
        }
    }
}

#[test]
fn one_segment_that_was_taken_for_another_moves_nothing() {
    let mut all = samples(0, 0, 60, &Side::BOTH);
    let right = Relation::of(&all).unwrap();
    all[101].difference = Span::secs(40);
    all[200].difference = Span::secs(-40);
    let relation = Relation::of(&all).unwrap();
    assert_eq!(relation.outliers, 2);
    assert!((relation.offset.0 - right.offset.0).abs() < 50_000, "{relation:?}");
}

#[test]
fn one_direction_tells_no_bound_and_no_order() {
    let relation = Relation::of(&samples(5_000_000_000, 0, 60, &[Side::Lo])).unwrap();
    assert_eq!((relation.bound, relation.round_trip), (None, None));
    assert_eq!(relation.lo_first, [None]);
    // At least the offset, with the delay on top.
    assert!(relation.offset >= Span(5_000_000_000), "{relation:?}");
    assert_eq!(Relation::of(&[]), None);
}

#[test]
fn hosts_may_call_each_other() {
    // The second pair of hosts lies the other way round.
    let mut all = samples(0, 0, 60, &Side::BOTH);
    let turned = samples(0, 0, 60, &Side::BOTH);
    all.extend(turned.into_iter().map(|sample| Sample { hosts: 1, side: sample.side.peer(), ..sample }));
    let relation = Relation::of(&all).unwrap();
    assert_eq!(relation.lo_first, [Some(true), Some(false)]);
    assert!(relation.offset.0.abs() <= relation.bound.unwrap().0);
}

#[test]
fn a_copy_is_known_for_one() {
    let mut all = samples(0, 0, 60, &Side::BOTH);
    assert!(!Relation::of(&all).unwrap().is_copy);
    all.iter_mut().for_each(|sample| sample.difference = Span::secs(3_600));
    assert!(Relation::of(&all).unwrap().is_copy);
}

#[test]
fn many_samples_of_which_many_are_wrong_are_thinned() {
    let right: Vec<Sample> = samples(7_000_000_000, 0, 60, &Side::BOTH);
    let mut all: Vec<Sample> = Vec::new();
    for n in 0..100_000_i64 {
        let sample = right[n as usize % right.len()];
        let at = Timestamp(sample.at.0 + n * 370);
        // One in four hundred was taken for another.
        let off = if n % 400 == 0 { Span::millis(n % 4_001 - 2_000) } else { Span::ZERO };
        all.push(Sample { at, difference: sample.difference + off, ..sample });
    }
    let relation = Relation::of(&all).unwrap();
    let bound = relation.bound.unwrap();
    assert!((relation.offset.0 - 7_000_000_000).abs() <= bound.0, "{relation:?}");
    assert!(bound <= Span(THERE + BACK), "{relation:?}");
    assert!(relation.outliers > 10, "{relation:?}");
}

#[test]
fn what_contradicts_any_clock_has_no_bound() {
    let mut all = samples(7_000_000_000, 0, 60, &Side::BOTH);
    for sample in all.iter_mut().filter(|sample| sample.side == Side::Lo).step_by(3) {
        sample.difference = Span(sample.difference.0 - 50_000_000);
    }
    let relation = Relation::of(&all).unwrap();
    assert!(relation.bound.is_none() && relation.outliers > 0, "{relation:?}");
}
