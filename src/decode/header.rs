//! The TCP header of a segment that was found, as it lies in its record: for what is looked at in few segments only.

use std::ops::Range;

use super::tcp::{SHORTEST, says_the_same};
use crate::wire::{FlowKey, Segment};

/// Where the TCP header of a segment lies in its record: its ports and numbers are known, so that no layer around it has
/// to be. None if it is not in it (the segment was put together from fragments).
pub fn tcp_header(data: &[u8], key: &FlowKey, s: &Segment) -> Option<Range<usize>> {
    let mut begins = [0; 12];
    begins[0..2].copy_from_slice(&key.endpoint(s.side).port().to_be_bytes());
    begins[2..4].copy_from_slice(&key.endpoint(s.side.peer()).port().to_be_bytes());
    begins[4..8].copy_from_slice(&s.seq.0.to_be_bytes());
    begins[8..12].copy_from_slice(&s.ack.0.to_be_bytes());
    let end = |at: usize| {
        let len = data.get(at + 12).map_or(0, |offset| usize::from(offset >> 4) * 4);
        (at + len.max(SHORTEST)).min(data.len())
    };
    let at = memchr::memmem::find_iter(data, &begins).find(|&at| {
        let [window, checksum] = [s.window, s.checksum].map(u16::to_be_bytes);
        let rest = [s.flags.0, window[0], window[1], checksum[0], checksum[1]];
        // Addresses of the header's own octets look like it an octet too early; its length and options tell them apart.
        data.get(at + 13..at + 18) == Some(&rest)
            && data[at + 12] >> 4 >= SHORTEST as u8 / 4
            && data.get(at + SHORTEST..end(at)).is_none_or(|options| says_the_same(s, options))
    })?;
    Some(at..end(at))
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
