//! What a segment counts as, by its number, its length, the other side's window and the time.

use super::*;

/// Who sends what: number, octets, window, microseconds since the segment before.
pub(super) type Sent = (Side, TcpFlags, u32, u32, u32, u16, i64);

pub(super) const OPEN: u16 = 64_000;
const FAR: u32 = 4_000_000_000;

pub(super) fn open() -> [Sent; 3] {
    [
        (LO, SYN, 100, 0, 0, OPEN, 0),
        (HI, SYN | ACK, 500, 101, 0, OPEN, 10_000),
        (LO, ACK, 101, 501, 0, OPEN, 10_000),
    ]
}

pub(super) fn segments(script: &[Sent]) -> Vec<Segment> {
    let mut at = Timestamp::new(1_700_000_000, 0);
    let numbered = script.iter().zip(1..).map(|(&(side, flags, seq, ack, len, window, micros), frame)| {
        at = at + Span::micros(micros);
        let seen = Stamp { at, frame };
        Segment { seen, window, ip_id: frame as u16, ..segment(side, flags, seq, ack, len) }
    });
    numbered.collect()
}

pub(super) fn observed(script: &[Sent]) -> Connection {
    let mut connection = Connection::new(flow(1));
    segments(script).iter().for_each(|segment| connection.observe(segment));
    connection
}

/// What the last of these was counted as.
fn counted_as(script: &[Sent]) -> &'static str {
    let counts = |script: &[Sent], side: Side| {
        let tally = observed(script).tallies[side.index()];
        let [keepalives, probes, late, holes] =
            [tally.keepalives, tally.window_probes, tally.out_of_order, tally.holes].map(u32::from);
        [keepalives, probes, late, holes, tally.retransmissions]
    };
    let (last, before) = script.split_last().unwrap();
    let [before, after] = [before, script].map(|script| counts(script, last.0));
    let counts: [u32; 5] = std::array::from_fn(|n| after[n] - before[n]);
    match counts {
        [1, 0, 0, 0, 0] => "keep-alive",
        [0, 1, 0, 0, 0] => "window probe",
        [0, 0, 1, 0, 0] => "out of order",
        [0, 0, 0, 1, 0] => "hole",
        [0, 0, 0, 0, 1] => "again",
        [0, 0, 0, 0, 0] => "nothing",
        _ => panic!("{counts:?}"),
    }
}

#[test]
fn kinds_by_number_length_window_and_time() {
    const NEVER: u32 = 2_000_000_101;
    let open = open();
    let with = |more: &[Sent]| [&open[..], more].concat();
    let sent = with(&[(LO, ACK, 101, 501, 10, OPEN, 10_000)]);
    let taken = [&sent[..], &[(HI, ACK, 501, 111, 0, OPEN, 10_000)]].concat();
    let not_taken = [&sent[..], &[(HI, ACK, 501, 101, 0, OPEN, 10_000)]].concat();
    let full = [&sent[..], &[(HI, ACK, 501, 111, 0, 0, 10_000)]].concat();
    let refused = [&sent[..], &[(HI, ACK, 501, 101, 0, 0, 10_000)]].concat();
    let closed = with(&[(LO, FIN | ACK, 101, 501, 0, OPEN, 10_000), (HI, ACK, 501, 102, 0, OPEN, 10_000)]);
    let closed_full = with(&[(LO, FIN | ACK, 101, 501, 0, OPEN, 10_000), (HI, ACK, 501, 102, 0, 0, 10_000)]);
    let hole = with(&[(LO, ACK, 111, 501, 10, OPEN, 10_000)]);
    let alone = vec![(LO, ACK, 101, 501, 10, OPEN, 0)];
    let vouched = with(&[(HI, ACK, 501, NEVER, 0, OPEN, 10_000)]);
    let table: [(&[Sent], Sent, &str); 38] = [
        // In order, and beyond.
        (&taken, (LO, ACK, 111, 501, 10, OPEN, 10_000), "nothing"),
        (&taken, (LO, ACK, 112, 501, 10, OPEN, 10_000), "hole"),
        (&taken, (LO, ACK, 111 + (1 << 30), 501, 10, OPEN, 10_000), "hole"),
        (&taken, (LO, ACK, 112 + (1 << 30), 501, 10, OPEN, 10_000), "nothing"),
        (&vouched, (LO, ACK, NEVER + (1 << 20) - 1, 501, 10, OPEN, 10_000), "hole"),
        (&vouched, (LO, ACK, NEVER + (1 << 20), 501, 10, OPEN, 10_000), "nothing"),
        // The octet before the next one.
        (&taken, (LO, ACK, 110, 501, 0, OPEN, 10_000), "keep-alive"),
        (&taken, (LO, ACK, 110, 501, 1, OPEN, 10_000), "keep-alive"),
        (&taken, (LO, ACK, 109, 501, 0, OPEN, 10_000), "nothing"),
        (&taken, (LO, ACK, 109, 501, 1, OPEN, 10_000), "again"),
        (&taken, (LO, ACK, 109, 501, 2, OPEN, 10_000), "again"),
        (&taken, (LO, ACK, 110, 501, 2, OPEN, 10_000), "again"),
        // While something waits for its acknowledgment, only an empty one after a second.
        (&sent, (LO, ACK, 110, 501, 0, OPEN, 10_000), "nothing"),
        (&sent, (LO, ACK, 110, 501, 0, OPEN, 999_999), "nothing"),
        (&sent, (LO, ACK, 110, 501, 0, OPEN, 1_000_000), "keep-alive"),
        (&sent, (LO, ACK, 110, 501, 1, OPEN, 2_000_000), "again"),
        // The octet before the one that is asked for.
        (&not_taken, (LO, ACK, 100, 501, 0, OPEN, 2_000_000), "nothing"),
        (&not_taken, (LO, ACK, 100, 501, 1, OPEN, 2_000_000), "again"),
        (&refused, (LO, ACK, 100, 501, 0, OPEN, 10_000), "window probe"),
        (&refused, (LO, ACK, 100, 501, 1, OPEN, 10_000), "window probe"),
        (&refused, (LO, ACK, 102, 501, 0, OPEN, 10_000), "nothing"),
        (&refused, (LO, ACK, 99, 501, 0, OPEN, 10_000), "nothing"),
        // Into a closed window.
        (&full, (LO, ACK, 110, 501, 0, OPEN, 10_000), "window probe"),
        (&full, (LO, ACK, 110, 501, 1, OPEN, 10_000), "window probe"),
        (&full, (LO, ACK, 101, 501, 10, OPEN, 10_000), "window probe"),
        (&full, (LO, ACK, 101, 501, 0, OPEN, 10_000), "nothing"),
        (&closed_full, (LO, FIN | ACK, 101, 501, 0, OPEN, 10_000), "again"),
        // A FIN has a number, and is none.
        (&closed, (LO, FIN | ACK, 101, 501, 0, OPEN, 10_000), "again"),
        (&closed, (LO, ACK, 101, 501, 0, OPEN, 10_000), "keep-alive"),
        // The window of one that never spoke is not closed.
        (&alone, (LO, ACK, 110, 501, 1, OPEN, 10_000), "again"),
        (&alone, (LO, ACK, 101, 501, 10, OPEN, 10_000), "again"),
        // Into a hole: at once, or later.
        (&hole, (LO, ACK, 101, 501, 10, OPEN, 1_000), "out of order"),
        (&hole, (LO, ACK, 101, 501, 10, OPEN, 3_000), "out of order"),
        (&hole, (LO, ACK, 101, 501, 10, OPEN, 3_001), "again"),
        (&sent, (LO, ACK, 101, 501, 10, OPEN, 1_000), "again"),
        (&open[..1], (LO, SYN, 100, 0, 0, OPEN, 1_000_000), "again"),
        (&open[..2], (HI, SYN | ACK, 500, 101, 0, OPEN, 1_000_000), "again"),
        (&open, (HI, SYN | ACK, 90_000, 101, 0, OPEN, 10_000), "nothing"),
    ];
    for (script, last, kind) in table {
        assert_eq!(counted_as(&[script, &[last]].concat()), kind, "{last:?} behind {script:?}");
    }
}

#[test]
fn how_far_a_side_is_as_its_numbers_say() {
    let with = |more: &[Sent]| [&open()[..], more].concat();
    let push = PSH | ACK;
    // Where the upper side goes on, and where its data end.
    let table: [(&[Sent], u32, u32); 14] = [
        (&open()[..1], 0, 0),
        (&open()[..2], 501, 501),
        // Another answer before the handshake ends is the one that counts; behind it, none.
        (&[&open()[..2], &[(HI, SYN | ACK, FAR, 101, 0, OPEN, 10_000)]].concat(), FAR + 1, FAR + 1),
        (&with(&[(HI, SYN | ACK, FAR, 101, 0, OPEN, 10_000)]), 501, 501),
        (&with(&[(HI, SYN | ACK, 500, 101, 0, OPEN, 10_000)]), 501, 501),
        // What is old moves nothing back, not even before the handshake ends.
        (&[&open()[..2], &[(HI, ACK, 490, 101, 0, OPEN, 10_000)]].concat(), 501, 501),
        // A lone octet is data if it was pushed, unless it is a probe's.
        (&with(&[(HI, push, 501, 101, 1, OPEN, 10_000)]), 502, 502),
        (&with(&[(HI, ACK, 501, 101, 1, OPEN, 10_000)]), 502, 501),
        (
            &with(&[
                (HI, FIN | ACK, 501, 101, 0, OPEN, 0),
                (LO, ACK, 101, 502, 0, OPEN, 0),
                (HI, push, 501, 101, 1, OPEN, 0),
            ]),
            502,
            501,
        ),
        (
            &with(&[
                (HI, push, 501, 101, 10, OPEN, 10_000),
                (LO, ACK, 101, 511, 0, OPEN, 10_000),
                (HI, ACK, 511, 101, 1, OPEN, 10_000),
            ]),
            512,
            511,
        ),
        // Of one that began before the capture, the first data say where data end.
        (&[(LO, ACK, 101, 501, 0, OPEN, 0)], 501, 501),
        (&[(LO, ACK, 101, 501, 0, OPEN, 0), (HI, ACK, 491, 101, 5, OPEN, 0)], 501, 496),
        // Acknowledged without having passed, but not from anywhere.
        (&with(&[(LO, ACK, 101, 500 + (1 << 30), 0, OPEN, 10_000)]), 500 + (1 << 30), 501),
        (&with(&[(LO, ACK, 101, 501 + (1 << 30), 0, OPEN, 10_000)]), 501, 501),
    ];
    for (script, nxt, data_end) in table {
        let half = observed(script).halves[1];
        assert_eq!((half.nxt.0, half.data_end.0), (nxt, data_end), "{script:?}");
    }
}

#[test]
fn a_hole_stays_open_while_segments_follow_at_once() {
    let hole = [&open()[..], &[(LO, ACK, 111, 501, 10, OPEN, 10_000)]].concat();
    let behind = |more: &[Sent]| observed(&[&hole[..], more].concat()).tallies[0].open_holes;
    assert_eq!(behind(&[]), 1);
    assert_eq!(behind(&[(LO, ACK, 121, 501, 10, OPEN, 3_000)]), 1);
    assert_eq!(behind(&[(LO, ACK, 121, 501, 10, OPEN, 3_001)]), 0);
    assert_eq!(behind(&[(LO, ACK, 131, 501, 10, OPEN, 1_000)]), 2);
    assert_eq!(behind(&[(LO, ACK, 131, 501, 10, OPEN, 9_000)]), 1);
    assert_eq!(behind(&[(LO, ACK, 101, 501, 10, OPEN, 1_000)]), 0);
    assert_eq!(behind(&[(HI, ACK, 501, 121, 0, OPEN, 1_000)]), 0);
}

#[test]
fn the_octet_of_a_probe_is_no_payload() {
    let taken = [(LO, ACK, 101, 501, 10, OPEN, 10_000), (HI, ACK, 501, 111, 0, OPEN, 10_000)];
    let full = [taken[0], (HI, ACK, 501, 111, 0, 0, 10_000)];
    for (before, seq, len, payload) in
        [(taken, 110, 1, 10), (full, 110, 1, 10), (full, 101, 10, 20), (taken, 111, 1, 11)]
    {
        let script = [&open()[..], &before, &[(LO, ACK, seq, 501, len, OPEN, 10_000)]].concat();
        assert_eq!(observed(&script).halves[0].payload, payload, "{script:?}");
    }
}

#[test]
fn round_trips_are_those_of_what_was_sent_once() {
    let [syn, syn_ack, ack] = open();
    let both = (HI, SYN, 500, 0, 0, OPEN, 10_000);
    let ms = |n| Some(Span::millis(n));
    let table: [(&[Sent], Option<Span>, Option<Span>); 9] = [
        (&[syn], None, None),
        (&[syn, syn_ack], ms(10), None),
        (&[syn, syn_ack, ack], ms(10), ms(10)),
        (&[syn, syn, syn_ack, ack], None, ms(10)),
        (&[syn, syn_ack, syn_ack], ms(10), None),
        (&[syn, syn_ack, syn_ack, ack], ms(10), None),
        (&[syn_ack, ack], None, ms(10)),
        (&[syn, both], None, None),
        (&[syn, both, syn_ack], None, None),
    ];
    for (script, responder, originator) in table {
        let connection = observed(script);
        assert_eq!(
            (connection.responder_rtt(), connection.originator_rtt()),
            (responder, originator),
            "{script:?}"
        );
    }
}

#[test]
fn a_reset_before_the_answer_ended_nothing() {
    let [syn, syn_ack, _] = open();
    for reset in [(HI, RST | ACK, 0, 101, 0, 0, 10), (LO, RST, 101, 0, 0, 0, 10)] {
        assert!(observed(&[syn, reset]).is_over());
        assert!(!observed(&[syn, reset, syn_ack]).is_over(), "{reset:?}");
    }
}

#[test]
fn a_handshake_is_over_when_the_opener_goes_on_or_is_shown_to_have() {
    let [syn, syn_ack, ack] = open();
    let table: [(&[Sent], bool, Option<Span>); 10] = [
        (&[syn], false, None),
        (&[syn, syn_ack], false, None),
        (&[syn, syn_ack, ack], true, Some(Span::millis(10))),
        // It acknowledges more than the SYN: the segment that ended the handshake was not this one.
        (&[syn, syn_ack, (LO, ACK, 101, 511, 0, OPEN, 10_000)], true, None),
        (&[syn, ack], true, None),
        (&[syn, (HI, ACK, 501, 101, 0, OPEN, 10_000)], false, None),
        (&[syn, syn_ack, (HI, ACK, 501, 101, 0, OPEN, 10_000)], false, None),
        (&[syn, syn_ack, (HI, ACK, 501, 111, 0, OPEN, 10_000)], true, None),
        (&[syn, syn_ack, (HI, ACK, 501, 101, 1, OPEN, 10_000)], true, None),
        (&[syn, syn_ack, (HI, FIN | ACK, 501, 101, 0, OPEN, 10_000)], true, None),
    ];
    for (script, over, round_trip) in table {
        let connection = observed(script);
        assert_eq!((connection.established(), connection.originator_rtt()), (over, round_trip), "{script:?}");
    }
}
