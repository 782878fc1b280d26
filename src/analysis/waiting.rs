//! Segments between decoding and the lanes.

use crate::wire::{FlowKey, Segment};

/// A few decoded segments, in order. Copied to a lane at once, each would be read back in larger pieces than it was just
/// written in, for which processors wait.
pub(super) struct Waiting {
    segments: Box<[(FlowKey, Segment); Waiting::MOST]>,
    count: usize,
}

impl Waiting {
    /// Few enough to stay in the first-level cache, enough for every write to have arrived there.
    const MOST: usize = 32;

    pub(super) fn new() -> Waiting {
        Waiting { segments: Box::new([(FlowKey::BLANK, Segment::BLANK); Waiting::MOST]), count: 0 }
    }

    /// Where the next segment goes; it counts once it is [added](Waiting::added).
    #[inline(always)]
    pub(super) fn next(&mut self) -> &mut (FlowKey, Segment) {
        // Never full: whoever adds takes all then.
        &mut self.segments[self.count % Waiting::MOST]
    }

    /// One more waits; `true`: it is time to [take all](Waiting::take).
    #[inline(always)]
    pub(super) fn added(&mut self) -> bool {
        self.count += 1;
        self.count == Waiting::MOST
    }

    /// All that wait; none does any more.
    pub(super) fn take(&mut self) -> &[(FlowKey, Segment)] {
        &self.segments[..std::mem::take(&mut self.count).min(Waiting::MOST)]
    }
}
