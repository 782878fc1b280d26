//! What tells a frame captured twice from any other.

use super::*;
use crate::tcp::traffic::Dice;

#[test]
fn one_bit_makes_another_fingerprint() {
    let mut dice = Dice(5);
    for round in 0..64 {
        let [flags, seq, ack, len] = [8, 32, 32, 32].map(|bits| (dice.next() >> (64 - bits)) as u32);
        let [window, checksum, ip_id] = [(); 3].map(|()| dice.next() as u16);
        let one = segment(LO, TcpFlags(flags as u8), seq, ack, len);
        let one = Segment { window, checksum, ip_id, ..one };
        let mut others = Vec::new();
        for bit in (0..32).map(|bit| 1_u32 << bit) {
            others.push(Segment { seq: SeqNum(seq ^ bit), ..one });
            others.push(Segment { ack: SeqNum(ack ^ bit), ..one });
            others.push(Segment { len: len ^ bit, ..one });
        }
        for bit in (0..16).map(|bit| 1_u16 << bit) {
            others.push(Segment { window: window ^ bit, ..one });
            others.push(Segment { checksum: checksum ^ bit, ..one });
            others.push(Segment { ip_id: ip_id ^ bit, ..one });
        }
        for bit in (0..8).map(|bit| 1_u8 << bit) {
            others.push(Segment { flags: TcpFlags(one.flags.0 ^ bit), ..one });
        }
        for other in others {
            assert_ne!(
                Half::signature_of(&other),
                Half::signature_of(&one),
                "round {round}: {other:?} {one:?}"
            );
        }
    }
}

/// Who sends what by which number on which interface, microseconds after the one before; the identification goes with the number.
type Frame = (Side, TcpFlags, u32, u8, i64);

/// How many were captured twice; segments and RSTs that were sent.
type Told = (u16, u32, Option<u16>);

fn captured_twice(frames: &[Frame]) -> Told {
    let mut connection = Connection::new(flow(1));
    let mut at = Timestamp::new(1_700_000_000, 0);
    for (&(side, flags, seq, interface, micros), frame) in frames.iter().zip(1..) {
        at = at + Span::micros(micros);
        let seen = Stamp { at, frame };
        connection.observe(&Segment {
            seen,
            interface,
            ip_id: seq as u16,
            ..segment(side, flags, seq, 501, 10)
        });
    }
    (
        connection.tallies[0].captured_twice,
        connection.halves[0].segments,
        connection.rst(LO).map(|rst| rst.sent),
    )
}

#[test]
fn the_same_at_once_or_elsewhere_is_one_frame() {
    let data = |seq, interface, micros| (LO, PSH | ACK, seq, interface, micros);
    let reset = |interface, micros| (LO, RST, 111, interface, micros);
    let burst =
        |interface, count| (0..count).map(move |n| data(201 + 10 * n, interface, 10)).collect::<Vec<_>>();
    let known = vec![data(101, 0, 0), data(101, 1, 10)];
    let bursts = |interface, count| [known.clone(), burst(0, count), burst(interface, count)].concat();
    let again = |micros| [known.clone(), burst(0, 2), vec![data(201, 0, micros), data(211, 0, 10)]].concat();
    let ring = [bursts(1, 16), burst(0, 20), burst(1, 16)].concat();
    let table: [(&[Frame], Told); 17] = [
        (&[data(101, 0, 0), data(101, 0, 1_000)], (1, 1, None)),
        (&[data(101, 0, 0), data(101, 0, 1_001)], (0, 2, None)),
        (&[data(101, 0, 0), data(101, 1, 2_000_000)], (1, 1, None)),
        (&[data(101, 0, 0), data(111, 0, 10)], (0, 2, None)),
        // Several, and then all of them again, once that is known to happen: within the time, or on another interface.
        (&[burst(0, 2), burst(0, 2)].concat(), (0, 4, None)),
        (&bursts(0, 2), (3, 3, None)),
        (&again(990), (3, 3, None)),
        (&again(991), (1, 5, None)),
        (&bursts(1, 2), (3, 3, None)),
        (&bursts(1, 16), (17, 17, None)),
        (&bursts(1, 17), (1, 35, None)),
        (&ring, (33, 37, None)),
        // A RST is not the last segment of its side, and is compared with the last RST.
        (&[data(101, 0, 0), reset(0, 5_000_000), reset(0, 1_000)], (1, 2, Some(1))),
        (&[data(101, 0, 0), reset(0, 5_000_000), reset(0, 1_001)], (0, 3, Some(2))),
        (&[data(101, 0, 0), reset(0, 10), reset(1, 5_000_000)], (1, 2, Some(1))),
        (&[reset(0, 0), data(101, 0, 5_000_000), data(101, 0, 500)], (1, 2, Some(1))),
        (&[reset(0, 0), reset(0, 500)], (1, 1, Some(1))),
    ];
    for (frames, expected) in table {
        assert_eq!(captured_twice(frames), expected, "{frames:?}");
    }
}
