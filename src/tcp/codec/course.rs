//! Frames are numbered as time goes on: between two that are known, a time tells about which frame it was.

use crate::wire::{Stamp, Timestamp};

/// From the first segment of a connection to its last.
#[derive(Clone, Copy)]
pub(super) struct Course {
    pub(super) first: Stamp,
    pub(super) last: Stamp,
}

impl Course {
    /// A stamp of that time, with the frame that had it if frames came evenly.
    pub(super) fn near(&self, at: Timestamp) -> Stamp {
        let frames = i128::from(self.last.frame) - i128::from(self.first.frame);
        let since = |at: Timestamp| i128::from(at.0) - i128::from(self.first.at.0);
        let passed = frames.saturating_mul(since(at)) / since(self.last.at).max(1);
        Stamp { at, frame: self.first.frame.wrapping_add(passed as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_evenly_and_nothing_overflows() {
        let stamp = |at, frame| Stamp { at: Timestamp(at), frame };
        let course = Course { first: stamp(1_000, 10), last: stamp(2_000, 110) };
        for (at, frame) in [(1_000, 10), (1_500, 60), (2_000, 110), (3_000, 210), (900, 0)] {
            assert_eq!(course.near(Timestamp(at)), stamp(at, frame));
        }
        let ends = [i64::MIN, 0, i64::MAX].map(|at| [0, u64::MAX].map(|frame| stamp(at, frame)));
        for first in ends.concat() {
            for last in ends.concat() {
                ends.concat().iter().for_each(|it| assert_eq!(Course { first, last }.near(it.at).at, it.at));
            }
        }
    }
}
