//! Whose segment it is: what the numbers of a segment and those of a connection say of each other.

use super::endings::{Step, conversation};
use super::*;

const FAR: u32 = 4_000_000_000;
const NEAR: u32 = 1 << 20;
const SYN_ACK: TcpFlags = TcpFlags::SYN.with(TcpFlags::ACK);
const FIN_ACK: TcpFlags = TcpFlags::FIN.with(TcpFlags::ACK);

fn step((side, flags, seq, ack): Step) -> Segment {
    segment(side, flags, seq, ack, 0)
}

/// Opened by the lower side, step by step; then closed.
fn stages() -> [Vec<Step>; 4] {
    let open = vec![(LO, SYN, 100, 0), (HI, SYN_ACK, 500, 101), (LO, ACK, 101, 501)];
    let fins = [(LO, FIN_ACK, 101, 501), (HI, FIN_ACK, 501, 102), (LO, ACK, 102, 502)];
    [open[..1].to_vec(), open[..2].to_vec(), open.clone(), [&open[..], &fins].concat()]
}

#[test]
fn what_begins_another_connection() {
    let [asked, answered, open, closed] = stages();
    let midstream = vec![(LO, ACK, 101, 501)];
    let table: [(&[Step], Step, bool); 32] = [
        (&[], (LO, SYN, 100, 0), false),
        (&open, (LO, ACK, FAR, FAR), false),
        // The same SYN again, and another one.
        (&asked, (LO, SYN, 100, 0), false),
        (&asked, (LO, SYN, 101, 0), true),
        (&open, (LO, SYN, 100, 0), false),
        (&open, (LO, SYN, 101, 0), true),
        (&midstream, (LO, SYN, 0, 0), true),
        // A SYN captured behind its answer, or behind what follows it.
        (&[(HI, SYN_ACK, 500, 101)], (LO, SYN, 100, 0), false),
        (&[(HI, ACK, 501, 101)], (LO, SYN, 100, 0), false),
        (&[(HI, ACK, 501, 101)], (LO, SYN, 102, 0), true),
        (&[(HI, ACK, 501, 101)], (LO, SYN, 200, 0), true),
        (&[(HI, RST, 501, 0)], (LO, SYN, FAR, 0), true),
        (&[(LO, ACK, 90, 501), (HI, ACK, 501, 101)], (LO, SYN, 100, 0), true),
        // Both at once.
        (&asked, (HI, SYN, 500, 0), false),
        (&[(LO, SYN, 100, 0), (LO, ACK, 101, 501)], (HI, SYN, 900, 0), true),
        (&[(LO, SYN, 100, 0), (HI, ACK, 501, 50)], (HI, SYN, 900, 0), true),
        (&[(LO, RST, 100, 0)], (HI, SYN, 500, 0), true),
        // The same answer again, and another one to the same SYN, wherever its numbers lie.
        (&asked, (HI, SYN_ACK, 500, 101), false),
        (&answered, (HI, SYN_ACK, 500, 101), false),
        (&open, (HI, SYN_ACK, FAR, 101), false),
        (&closed, (HI, SYN_ACK, FAR, 101), false),
        (&closed, (HI, SYN_ACK, 500, 77), false),
        // An answer to a SYN that was not seen.
        (&open, (HI, SYN_ACK, FAR, 777), true),
        (&open, (HI, SYN_ACK, FAR, 99), true),
        (&open, (HI, SYN_ACK, 600, FAR), true),
        (&open, (HI, SYN_ACK, 600, 150), false),
        (&closed, (HI, SYN_ACK, 600, 150), true),
        (&midstream, (HI, SYN_ACK, FAR, 5), true),
        (&midstream, (HI, SYN_ACK, FAR, 1), true),
        (&midstream, (HI, SYN_ACK, 0, FAR), true),
        (&midstream, (HI, SYN_ACK, 600, 150), false),
        (&[(LO, RST, 101, 0)], (HI, SYN_ACK, FAR, 5), true),
    ];
    for (script, next, replaced) in table {
        assert_eq!(conversation(script).is_replaced_by(&step(next)), replaced, "{next:?} behind {script:?}");
    }
}

#[test]
fn what_lies_near_fits() {
    let [asked, _, open, _] = stages();
    let table: [(&[Step], Step, bool); 16] = [
        (&[], (LO, ACK, FAR, FAR), true),
        (&open, (LO, ACK, 101, 501), true),
        (&open, (LO, ACK, 101 + NEAR, 501 + NEAR), true),
        (&open, (LO, ACK, 101_u32.wrapping_sub(NEAR), 501_u32.wrapping_sub(NEAR)), true),
        (&open, (LO, ACK, 102 + NEAR, 501), false),
        (&open, (LO, ACK, 100_u32.wrapping_sub(NEAR), 501), false),
        (&open, (LO, ACK, 101, 502 + NEAR), false),
        (&open, (LO, ACK, FAR, FAR), false),
        // Without ACK, there is no acknowledgment.
        (&open, (LO, RST, 101, FAR), true),
        (&open, (LO, RST, FAR, FAR), false),
        // Of the other side nothing is known yet, or nothing of its own.
        (&asked, (LO, ACK, 101, FAR), true),
        (&asked, (LO, ACK, FAR, FAR), false),
        (&asked, (HI, ACK, FAR, 101), true),
        (&asked, (HI, SYN_ACK, FAR, FAR), false),
        // It speaks of an older connection.
        (&asked, (HI, ACK, 501, 100), false),
        (&asked, (HI, ACK, 501, 102), true),
    ];
    for (script, next, fits) in table {
        let connection = conversation(script);
        assert_eq!(connection.fits(&step(next)), fits, "{next:?} behind {script:?}");
        let known = connection.halves[next.0.index()].has_seq();
        assert_eq!(connection.owns(&step(next)), fits && known, "{next:?} behind {script:?}");
    }
}

/// As far as the receiver's window, where that is the wider one; its scale counts from its SYN.
#[test]
fn a_wide_window_lets_more_fit() {
    let windows = |scale| {
        let mut connection = Connection::new(flow(1));
        for (frame, &next) in (1..).zip(&stages()[2]) {
            let seen = Stamp { frame, ..step(next).seen };
            let window_scale = if next.1.any(SYN) { scale } else { Segment::NO_SCALE };
            connection.observe(&Segment { seen, window_scale, ip_id: frame as u16, ..step(next) });
        }
        connection
    };
    for (scale, octets) in
        [(7, 64_000 << 7), (14, 64_000 << 14), (15, NEAR), (0, NEAR), (Segment::NO_SCALE, NEAR)]
    {
        let connection = windows(scale);
        let data = |beyond: u32| step((LO, ACK, 101 + octets + beyond, 501));
        let ack = |beyond: u32| step((LO, ACK, 101, 501 + octets + beyond));
        assert_eq!([data(0), ack(0)].map(|s| connection.fits(&s)), [true; 2], "{scale}");
        assert_eq!([data(1), ack(1)].map(|s| connection.fits(&s)), [false; 2], "{scale}");
    }
}

#[test]
fn another_syn_and_a_stale_answer_are_known_by_their_numbers() {
    let [asked, answered, open, _] = stages();
    let table: [(&[Step], Step, bool); 7] = [
        (&[], (LO, SYN, 100, 0), false),
        (&asked, (LO, SYN, 100, 0), false),
        (&asked, (LO, SYN, 101, 0), true),
        (&asked, (LO, ACK, 101, 501), false),
        (&asked, (LO, SYN_ACK, 101, 501), false),
        (&asked, (HI, SYN, 500, 0), false),
        (&[(LO, ACK, 101, 501)], (LO, SYN, 7, 0), false),
    ];
    for (script, next, other) in table {
        assert_eq!(conversation(script).is_other_syn(&step(next)), other, "{next:?} behind {script:?}");
    }
    let table: [(&[Step], Step, bool); 12] = [
        (&[], (HI, ACK, 501, 50), false),
        (&asked, (HI, ACK, 501, 50), true),
        (&asked, (HI, ACK, 501, 100), true),
        (&asked, (HI, ACK, 501, 101), false),
        (&asked, (HI, ACK, 501, 101 + NEAR), false),
        (&asked, (HI, ACK, 501, 102 + NEAR), true),
        (&asked, (HI, RST, 501, 50), false),
        (&asked, (HI, SYN_ACK, 500, 50), false),
        (&asked, (LO, ACK, 101, 50), false),
        (&answered, (HI, ACK, 501, 50), false),
        (&open, (HI, ACK, 501, 50), false),
        (&[(LO, SYN, 100, 0), (LO, ACK, 101, 501)], (HI, ACK, 501, 50), false),
    ];
    for (script, next, stale) in table {
        assert_eq!(conversation(script).stale_answer(&step(next)), stale, "{next:?} behind {script:?}");
    }
}
