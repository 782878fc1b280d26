//! What the options of Multipath TCP (RFC 8684) on one segment say.

use super::SeqNum;

/// The one sign of Multipath TCP that is kept of a segment; [`Segment::data_number`](super::Segment::data_number) is its number.
///
/// Numbers are those of the whole connection, whose octets may pass on several TCP connections, its subflows. Of the 64
/// bits, the low 32 are kept: what is compared lies near.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Multipath {
    /// None: no such option, or one that tells nothing of these.
    #[default]
    Nothing,
    /// A DATA_ACK: the number is the next one that its sender expects (§3.3.2).
    DataAck,
    /// A DATA_FIN: the number is the one after it, and what acknowledges it (§3.3.3). A DATA_ACK beside it is not kept.
    DataFin,
    /// The subflow becomes plain TCP: MP_FAIL, or a mapping without end (§3.7).
    Fallback,
}

impl Multipath {
    /// All of them, each at the place of its number.
    pub const ALL: [Multipath; 4] =
        [Multipath::Nothing, Multipath::DataAck, Multipath::DataFin, Multipath::Fallback];
    /// The kind of the option (RFC 8684 §3).
    pub const KIND: u8 = 30;

    /// Reads one option, kind and length included. Whatever is cut off or malformed tells nothing.
    pub fn read(option: &[u8]) -> (Multipath, SeqNum) {
        const DATA_SEQUENCE_SIGNAL: u8 = 2;
        const MP_FAIL: u8 = 6;
        let read = match option {
            [_, _, subtype, flags, rest @ ..] if subtype >> 4 == DATA_SEQUENCE_SIGNAL => signal(*flags, rest),
            [_, _, subtype, ..] if subtype >> 4 == MP_FAIL => Some((Multipath::Fallback, SeqNum(0))),
            _ => None,
        };
        read.unwrap_or_default()
    }
}

/// A data sequence signal behind its flags (RFC 8684 §3.3, figure 9): the acknowledgment, then the mapping.
fn signal(flags: u8, rest: &[u8]) -> Option<(Multipath, SeqNum)> {
    const HAS_ACK: u8 = 0x01;
    const LONG_ACK: u8 = 0x02;
    const HAS_MAPPING: u8 = 0x04;
    const LONG_NUMBER: u8 = 0x08;
    const DATA_FIN: u8 = 0x10;
    let (ack, rest) = match flags & HAS_ACK {
        0 => (None, rest),
        _ => number(flags & LONG_ACK != 0, rest).map(|(ack, rest)| (Some(ack), rest))?,
    };
    if flags & HAS_MAPPING != 0 {
        let (first, rest) = number(flags & LONG_NUMBER != 0, rest)?;
        // The subflow's number, then how many octets, of which a DATA_FIN is the last.
        let &[_, _, _, _, l0, l1, ..] = rest else { return None };
        let len = u16::from_be_bytes([l0, l1]);
        if len == 0 {
            return Some((Multipath::Fallback, SeqNum(0)));
        }
        if flags & DATA_FIN != 0 {
            return Some((Multipath::DataFin, first + u32::from(len)));
        }
    }
    Some((Multipath::DataAck, ack?))
}

/// A number of eight octets or four, its low 32 bits, and what follows.
fn number(long: bool, octets: &[u8]) -> Option<(SeqNum, &[u8])> {
    let octets = if long { octets.get(4..)? } else { octets };
    let (number, rest) = octets.split_first_chunk()?;
    Some((SeqNum(u32::from_be_bytes(*number)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `option` as octets; what follows its length is in words of hexadecimal digits.
    fn read(words: &str) -> (Multipath, u32) {
        let digits = words.replace(' ', "");
        let octets =
            (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap());
        let option: Vec<u8> =
            [Multipath::KIND, 2 + digits.len() as u8 / 2].into_iter().chain(octets).collect();
        let (sign, number) = Multipath::read(&option);
        (sign, number.0)
    }

    /// As Linux 6.18 sends them, and the shorter numbers that the RFC allows.
    #[test]
    fn signals() {
        let nothing = (Multipath::Nothing, 0);
        assert_eq!(read("20 03 01020304 05060708"), (Multipath::DataAck, 0x0506_0708));
        assert_eq!(read("20 01 05060708"), (Multipath::DataAck, 0x0506_0708));
        // With a mapping of 300 octets the acknowledgment counts; with a DATA_FIN what follows that.
        let mapping = "01020304 05060708 0a0b0c0d 10111213 00000001 012c";
        assert_eq!(read(&format!("20 0f {mapping}")), (Multipath::DataAck, 0x0506_0708));
        assert_eq!(read(&format!("20 1f {mapping}")), (Multipath::DataFin, 0x1011_1213 + 300));
        assert_eq!(
            read("20 1f 01020304 05060708 0a0b0c0d ffffffff 00000000 0001 abcd"),
            (Multipath::DataFin, 0)
        );
        assert_eq!(read("20 14 10111213 00000000 0001"), (Multipath::DataFin, 0x1011_1214));
        // A DATA_FIN without a mapping has no number.
        assert_eq!(read("20 13 01020304 05060708"), (Multipath::DataAck, 0x0506_0708));
        assert_eq!(read("20 10"), nothing);
        assert_eq!(read("20 0f 01020304 05060708 0a0b0c0d 10111213 00000001 0000"), (Multipath::Fallback, 0));
        assert_eq!(read("60 00 01020304 05060708"), (Multipath::Fallback, 0));
        // MP_CAPABLE, MP_JOIN, MP_FASTCLOSE.
        for other in ["00 81", "10 01 01020304 05060708", "70 00 01020304 05060708"] {
            assert_eq!(read(other), nothing, "{other}");
        }
    }

    #[test]
    fn what_is_cut_off_tells_nothing() {
        let whole = [30, 26, 0x20, 0x1f, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1];
        assert_eq!(Multipath::read(&whole), (Multipath::DataFin, SeqNum(10)));
        for len in 0..whole.len() {
            assert_eq!(Multipath::read(&whole[..len]), Default::default(), "{len}");
        }
    }
}
