//! Going on behind damage: looks for the next place where several intact records follow one another. No format
//! knowledge lives here; a format only judges one record at a time.

use super::{Limits, Probe, Walk};
use crate::wire::{Span, Timestamp};

/// Records in a row that prove a place. One pcap header passes by chance once in about 10^13 random octets
/// (two lengths within limits and order, a fraction below one second, a time near the last one); this many never.
const CHAIN: usize = 5;
/// Records in a row that suffice where the last one ends exactly with the capture.
const CHAIN_TO_END: usize = 2;
/// Records in a row that suffice where the last one is cut off by the end of the capture.
const CHAIN_TO_CUT: usize = 3;

/// Octets that the search wants to see from a place before it judges it.
pub(super) fn window(limits: &Limits) -> usize {
    CHAIN * (limits.max_record as usize + 256)
}

/// Offset of the first place in `bytes`, at or behind `from`, where records go on. The places from
/// `bytes.len() - window` on are judged only at the end of the input, when `at_end` is set; otherwise they are left
/// for the next call. Linear: each place costs at most [`CHAIN`] probes.
pub(super) fn resync(
    walk: &dyn Walk,
    bytes: &[u8],
    from: usize,
    near: Option<Timestamp>,
    at_end: bool,
    limits: &Limits,
) -> Option<usize> {
    let upto = if at_end { bytes.len() } else { bytes.len().saturating_sub(window(limits)) };
    (from..upto).find(|&offset| goes_on(walk, bytes, offset, near))
}

fn goes_on(walk: &dyn Walk, bytes: &[u8], offset: usize, near: Option<Timestamp>) -> bool {
    let (mut offset, mut near) = (offset, near);
    for seen in 0..CHAIN {
        if offset == bytes.len() {
            return seen >= CHAIN_TO_END;
        }
        let Some(rest) = bytes.get(offset..) else { return seen >= CHAIN_TO_CUT };
        match walk.probe(rest, near) {
            Probe::Yes { len, at } => {
                offset += len;
                near = at.or(near);
            }
            Probe::No => return false,
        }
    }
    true
}

/// Whether a record of this time may follow one of that time. A month of silence is possible, an hour backwards
/// is a clock that was set; anything else is more likely no time at all.
pub(super) fn follows(at: Timestamp, near: Option<Timestamp>) -> bool {
    const BACK: Span = Span::secs(3_600);
    const AHEAD: Span = Span::secs(31 * 86_400);
    near.is_none_or(|near| at >= near - BACK && at <= near + AHEAD)
}
