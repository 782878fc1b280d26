//! The TCP header of a segment that was found, as it lies in its record: for what is looked at in few segments only.

use std::ops::Range;

use super::tcp::SHORTEST;
use super::{Decoded, Decoder, Options};
use crate::capture::Record;

/// Where the TCP header of the segment in this record lies. None if there is none, and for a fragment: what a segment was
/// put together from lies in several records.
pub fn tcp_header(record: &Record<'_>) -> Option<Range<usize>> {
    let mut decoder = Decoder::without_fragments(Options::default());
    let Decoded::Segment(..) = decoder.walk(record) else { return None };
    let (address, captured) = decoder.tcp;
    let at = address - record.data.as_ptr().addr();
    let len = record.data.get(at + 12).map_or(SHORTEST, |offset| usize::from(offset >> 4) * 4);
    Some(at..at + len.min(captured))
}

/// The maximum segment size option of a TCP header (RFC 9293 §3.7.1), if it was captured.
pub fn maximum_segment_size(header: &[u8]) -> Option<u16> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const MSS: u8 = 2;
    let mut rest = header.get(SHORTEST..)?;
    loop {
        rest = match *rest {
            [NO_OPERATION, ref tail @ ..] => tail,
            [MSS, 4, high, low, ..] => return Some(u16::from_be_bytes([high, low])),
            [END, ..] => return None,
            [_, len, ..] if len >= 2 => rest.get(usize::from(len)..)?,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_found_behind_others_and_never_beyond_the_end() {
        let with = |options: &[u8]| maximum_segment_size(&[&[0; SHORTEST], options].concat());
        assert_eq!(with(&[2, 4, 0x05, 0xb4]), Some(1_460));
        assert_eq!(with(&[1, 3, 3, 7, 1, 2, 4, 0x05, 0x50]), Some(1_360));
        for none in [&[][..], &[0, 2, 4, 5, 180], &[2, 4, 5], &[2], &[3, 0, 2, 4, 5, 180], &[30, 200, 1]] {
            assert_eq!(with(none), None, "{none:?}");
        }
        assert_eq!(maximum_segment_size(&[0; 12]), None);
    }
}
