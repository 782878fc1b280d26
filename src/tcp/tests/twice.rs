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
