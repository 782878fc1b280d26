//! Places where a later reading of the same capture may begin, so that what lies before them need not be read again.

/// A record begins here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Frames before it.
    pub frames: u64,
    /// Its offset in the capture, octets.
    pub byte: u64,
    /// Interfaces known there. Whoever knows as many has met all that is needed to read on from here.
    pub interfaces: usize,
}

/// Marks of a capture from its beginning on, few however long it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    list: Vec<Mark>,
    /// Octets from one to the next at least.
    apart: u64,
}

impl Marks {
    /// With as many of them, every second is forgotten.
    const MOST: usize = 4096;

    /// None yet; they will be so many octets apart at first.
    pub(super) fn apart(apart: u64) -> Marks {
        Marks { list: Vec::new(), apart }
    }

    /// Notes one that lies behind all others, unless it is too near to them.
    pub(super) fn note(&mut self, mark: Mark) {
        let last = self.list.last().map_or(0, |last| last.byte);
        if mark.byte < last + self.apart {
            return;
        }
        self.list.push(mark);
        if self.list.len() == Marks::MOST {
            let mut odd = false;
            self.list.retain(|_| {
                odd = !odd;
                !odd
            });
            self.apart *= 2;
        }
    }

    /// The last one of all.
    pub fn last(&self) -> Option<&Mark> {
        self.list.last()
    }

    /// The last one that is not behind the beginning of that frame.
    pub fn before(&self, frame: u64) -> Option<&Mark> {
        let behind = self.list.partition_point(|mark| mark.frames < frame);
        self.list.get(behind.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of a thousand octets after the other.
    fn noted(frames: u64) -> Marks {
        let mut marks = Marks::apart(1 << 20);
        for frames in 0..=frames {
            marks.note(Mark { frames, byte: 1_000 * frames, interfaces: 1 });
        }
        marks
    }

    #[test]
    fn the_mark_before_a_frame_is_the_last_from_which_it_can_be_reached() {
        let marks = noted(10_000);
        assert_eq!(marks.before(1), None);
        assert_eq!(marks.before(1_049), None);
        let first = Mark { frames: 1_049, byte: 1_049_000, interfaces: 1 };
        assert_eq!(marks.before(1_050), Some(&first));
        assert_eq!(marks.before(2_098), Some(&first));
        assert_eq!(marks.before(2_099).map(|mark| mark.frames), Some(2_098));
        assert_eq!(marks.before(u64::MAX).map(|mark| mark.frames), Some(9 * 1_049));
    }

    #[test]
    fn a_long_capture_has_no_more_of_them_than_a_short_one() {
        let marks = noted(10_000_000);
        assert!(marks.list.len() < Marks::MOST && marks.list.len() > Marks::MOST / 4, "{}", marks.list.len());
        let gaps = marks.list.windows(2).map(|pair| pair[1].byte - pair[0].byte);
        assert!(gaps.clone().all(|gap| gap < 2 * marks.apart), "{:?}", gaps.max());
        let reach = |frame: u64| frame - marks.before(frame).map_or(0, |mark| mark.frames);
        assert!((1..=10_000_000).step_by(999).all(|frame| 1_000 * reach(frame) <= 2 * marks.apart));
    }
}
