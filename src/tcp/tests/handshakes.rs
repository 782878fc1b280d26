//! How far a handshake has come: what of it is proven, and what is expected.

use super::endings::{Step, conversation};
use super::kinds::{OPEN, observed, open};
use super::*;

#[test]
fn every_stage_of_a_handshake() {
    use State::*;
    let (syn, syn_ack, ack) = ((LO, SYN, 100, 0), (HI, SYN | ACK, 500, 101), (LO, ACK, 101, 501));
    // Proven and expected, of the lower side and of the upper one.
    let table: [(&[Step], [State; 2], [State; 2]); 9] = [
        (&[syn], [SynSent, SynSent], [Listen, Listen]),
        (&[syn, syn_ack], [SynSent, Established], [SynReceived, SynReceived]),
        (&[syn, syn_ack, ack], [Established, Established], [SynReceived, Established]),
        (&[syn, ack], [Established, Established], [SynReceived, Established]),
        // An acknowledgment of something older shows no more than that somebody is there.
        (&[syn, (HI, ACK, 501, 50)], [SynSent, SynSent], [Listen, SynReceived]),
        (&[syn, (HI, RST | ACK, 0, 101)], [SynSent, Closed], [Closed, Closed]),
        (&[syn, syn_ack, ack, (HI, ACK, 501, 102)], [Established, Established], [Established, Established]),
        (&[syn, syn_ack, ack, (HI, FIN | ACK, 501, 101)], [Established, CloseWait], [FinWait1, FinWait1]),
        (&[ack], [Established, Established], [Established, Established]),
    ];
    for (script, lo, hi) in table {
        let connection = conversation(script);
        for (side, [proven, expected]) in [(LO, lo), (HI, hi)] {
            let state = replay(&connection, side);
            assert_eq!((state.proven, state.expected), (proven, expected), "{side:?} {script:?}");
            assert_eq!(state.is_sure(), proven == expected);
            assert_eq!(state.decided_by.is_some(), proven != expected);
        }
    }
}

#[test]
fn who_speaks_is_past_the_handshake() {
    let speaks = (HI, PSH | ACK, 501, 101, 10, OPEN, 10_000);
    let state = replay(&observed(&[&open()[..], &[speaks]].concat()), HI);
    assert_eq!((state.proven, state.expected), (State::Established, State::Established));
}

#[test]
fn of_two_that_spoke_at_once_neither_spoke_last() {
    let spoke =
        |second| Half { has: Half::PAYLOAD, last_payload_at: Timestamp::new(second, 0), ..Half::default() };
    let silent = Half { last_payload_at: Timestamp::new(9, 0), ..Half::default() };
    for (one, other, last) in [
        (spoke(2), spoke(1), true),
        (spoke(1), spoke(2), false),
        (spoke(1), spoke(1), false),
        (spoke(1), silent, true),
        (silent, spoke(1), false),
    ] {
        assert_eq!(one.spoke_last(&other), last, "{one:?} {other:?}");
    }
}

#[test]
fn steps_too_large_to_be_told_apart_say_nothing() {
    for (octets, most) in
        [(0, Some(0)), (1, Some(32)), (1_448, Some(1_472)), (8_128, Some(8_128)), (8_129, None)]
    {
        let mut half = Half::default();
        half.acknowledged(octets);
        assert_eq!(half.delivered_at_most(), most, "{octets}");
    }
}
