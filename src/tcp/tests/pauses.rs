//! Which pauses tell of the path, and which do not.

use super::kinds::{OPEN, Sent, observed, open};
use super::*;

const LONG: i64 = 5_000_000;
const SOON: i64 = 10_000;

/// How many were survived, how many are blurred, and what still waits: how often it was sent, and whether the other was heard.
type Told = (u32, u32, Option<(u16, bool)>);

/// What came before the pause, what comes then, and what that tells.
type Row<'a> = (&'a [Sent], &'a [Sent], Option<Told>);

fn told(connection: &Connection) -> Option<Told> {
    let silences = connection.silences()?;
    let waits = silences.broken().map(|(_, outcome)| match outcome {
        Outcome::Pending { attempts, heard, .. } => (attempts, heard),
        Outcome::Reset => (0, true),
    });
    Some((silences.survived_count, silences.blurred_count, waits))
}

#[test]
fn a_pause_tells_if_what_ends_it_can_be_answered_and_goes_on_exactly_there() {
    let push = PSH | ACK;
    let with = |more: &[Sent]| [&open()[..], more].concat();
    let asked = with(&[(LO, push, 101, 501, 10, OPEN, SOON)]);
    let still = [&asked[..], &[(HI, ACK, 501, 111, 0, OPEN, SOON)]].concat();
    let owed = [&still[..], &[(HI, push, 501, 111, 10, OPEN, SOON)]].concat();
    let ends = (LO, push, 111, 501, 10, OPEN, LONG);
    let answer = (HI, ACK, 501, 121, 0, OPEN, SOON);
    let empty = (LO, ACK, 111, 501, 0, OPEN, LONG);
    let probe = (LO, ACK, 110, 501, 0, OPEN, LONG);
    let no_ack = [(LO, PSH, 101, 0, 10, OPEN, 0), (HI, ACK, 501, 111, 0, OPEN, SOON)];
    let no_peer_ack = [
        (LO, push, 101, 501, 10, OPEN, 0),
        (HI, PSH, 501, 0, 10, OPEN, SOON),
        (LO, ACK, 111, 511, 0, OPEN, SOON),
    ];
    let table: [Row<'_>; 29] = [
        (&still, &[], None),
        // A second since the last segment, or since the last payload, 10 ms before.
        (&still, &[(LO, ACK, 111, 501, 0, OPEN, 999_999)], None),
        (&still, &[(LO, ACK, 111, 501, 0, OPEN, 1_000_000)], Some((0, 1, None))),
        (&still, &[(LO, push, 111, 501, 10, OPEN, 989_999)], None),
        (&still, &[(LO, push, 111, 501, 10, OPEN, 990_000)], Some((0, 0, Some((1, false))))),
        (&still, &[ends], Some((0, 0, Some((1, false))))),
        (&still, &[ends, answer], Some((1, 0, None))),
        (&still, &[ends, (HI, ACK, 501, 120, 0, OPEN, SOON)], Some((0, 0, Some((1, true))))),
        (&still, &[ends, (HI, RST | ACK, 501, 121, 0, 0, SOON)], Some((0, 0, Some((0, true))))),
        // Sent again, and something else by the same side.
        (&still, &[ends, (LO, push, 111, 501, 10, OPEN, 200_000)], Some((0, 0, Some((2, false))))),
        (&still, &[ends, (LO, push, 121, 501, 10, OPEN, SOON)], Some((0, 0, Some((1, false))))),
        // A probe is answered by the number behind it only.
        (&still, &[probe], Some((0, 0, Some((1, false))))),
        (&still, &[probe, (HI, ACK, 501, 111, 0, OPEN, SOON)], Some((1, 0, None))),
        (&still, &[probe, (HI, ACK, 501, 110, 0, OPEN, SOON)], Some((0, 0, Some((1, true))))),
        (&still, &[probe, (LO, ACK, 110, 501, 0, OPEN, LONG)], Some((0, 0, Some((2, false))))),
        // Nothing answers what is empty; while its side goes on, the path is not known to be open.
        (&still, &[empty], Some((0, 1, None))),
        (&still, &[empty, (LO, push, 111, 501, 10, OPEN, SOON), answer], Some((0, 1, None))),
        (&still, &[empty, (HI, push, 501, 111, 10, OPEN, SOON)], Some((0, 1, Some((1, false))))),
        (
            &still,
            &[empty, (HI, push, 501, 111, 10, OPEN, SOON), (LO, ACK, 111, 511, 0, OPEN, SOON)],
            Some((1, 1, None)),
        ),
        (&still, &[empty, (HI, ACK, 501, 111, 0, OPEN, SOON), ends, answer], Some((1, 1, None))),
        // Something was outstanding, or is not where it stopped.
        (&asked, &[ends], Some((0, 1, None))),
        (&owed, &[ends], Some((0, 1, None))),
        (&owed, &[(LO, push, 111, 511, 10, OPEN, LONG)], Some((0, 1, None))),
        (&still, &[(LO, push, 121, 501, 10, OPEN, LONG)], Some((0, 1, None))),
        (&still, &[(LO, PSH, 111, 0, 10, OPEN, LONG)], Some((0, 1, None))),
        (&no_ack, &[ends], Some((0, 1, None))),
        (&no_peer_ack, &[(LO, push, 111, 511, 10, OPEN, LONG)], Some((0, 1, None))),
        // Not while a connection is made.
        (&open()[..2], &[(LO, ACK, 101, 501, 0, OPEN, LONG)], None),
        (&still, &[(LO, SYN, 100, 0, 0, OPEN, LONG)], None),
    ];
    for (before, more, expected) in table {
        let script = [before, more].concat();
        assert_eq!(told(&observed(&script)), expected, "{more:?} behind {before:?}");
    }
}

#[test]
fn what_flows_is_no_pause_though_one_side_never_spoke() {
    let flows = (0..10).flat_map(|n| {
        [
            (HI, PSH | ACK, 501 + n * 10, 101, 10, OPEN, 500_000),
            (LO, ACK, 101, 511 + n * 10, 0, OPEN, 100_000),
        ]
    });
    let script: Vec<_> = open().into_iter().chain(flows).collect();
    assert_eq!(told(&observed(&script)), None);
}

/// What answers may lie in a stretch that was left out.
#[test]
fn a_stretch_that_was_left_out_answers_like_any_segment() {
    let asked = [(LO, PSH | ACK, 101, 501, 10, OPEN, SOON), (HI, ACK, 501, 111, 0, OPEN, SOON)];
    let before = [&open()[..], &asked].concat();
    let waits = [&before[..], &[(LO, PSH | ACK, 111, 501, 10, OPEN, LONG)]].concat();
    let blurred = [&before[..], &[(LO, ACK, 111, 501, 0, OPEN, LONG)]].concat();
    let holes = [&before[..], &[(LO, PSH | ACK, 121, 501, 10, OPEN, SOON)]].concat();
    let passed = |script: &[Sent], (side, flags, seq, ack): (Side, TcpFlags, u32, u32)| {
        let mut connection = observed(script);
        let mut left_out = LeftOut::default();
        left_out.see(&segment(side, flags, seq, ack, 0));
        connection.pass_over(&left_out, 100);
        connection
    };
    let told = |script: &[Sent], step| told(&passed(script, step));
    assert_eq!(told(&waits, (HI, ACK, 501, 121)), Some((1, 0, None)));
    assert_eq!(told(&waits, (HI, ACK, 501, 120)), Some((0, 0, Some((1, true)))));
    assert_eq!(told(&waits, (LO, ACK, 121, 501)), Some((0, 0, Some((1, false)))));
    assert_eq!(passed(&waits, (HI, ACK, 501, 121)).bits & Connection::PENDING, 0);
    assert_ne!(passed(&waits, (HI, ACK, 501, 120)).bits & Connection::PENDING, 0);
    assert_eq!(told(&before, (HI, ACK, 501, 121)), None);
    assert_eq!(passed(&blurred, (HI, ACK, 501, 111)).bits & Connection::BLURRED, 0);
    let open_holes = |step| passed(&holes, step).tallies[0].open_holes;
    assert_eq!(
        [open_holes((HI, ACK, 501, 131)), open_holes((HI, ACK, 501, 130)), open_holes((LO, ACK, 131, 501))],
        [0, 1, 1]
    );
    let one_sided = [(LO, ACK, 101, 501, 10, OPEN, 0), (LO, ACK, 121, 501, 10, OPEN, 10)];
    assert_eq!(passed(&one_sided, (LO, ACK, 131, 501)).tallies[0].open_holes, 1, "nobody acknowledged");
}

/// Who echoes a timestamp that did not pass has heard something that was not captured.
#[test]
fn an_echo_of_what_did_not_pass_blurs() {
    for (speaks, echo, expected) in [
        (true, 1_000, Some((0, 0, Some((1, false))))),
        (true, 999, Some((0, 0, Some((1, false))))),
        (true, 1_001, Some((0, 1, None))),
        (false, 1_001, Some((0, 0, Some((1, false))))),
    ] {
        let mut connection = Connection::new(flow(1));
        let mut see = |n: u64, second, side, seq, ack, len, (val, ecr), has_timestamps| {
            let seen = Stamp { at: Timestamp::new(second, n as i64 * 1_000_000), frame: n };
            let mut segment = Segment { seen, has_timestamps, ..segment(side, PSH | ACK, seq, ack, len) };
            (segment.timestamps.val, segment.timestamps.ecr) = (val, ecr);
            connection.observe(&Segment { ip_id: n as u16, ..segment });
        };
        see(1, 0, HI, 501, 101, 10, (1_000, 5), speaks);
        see(2, 0, LO, 101, 511, 10, (6, 1_000), true);
        see(3, 0, HI, 511, 111, 0, (1_000, 6), speaks);
        see(4, 9, LO, 111, 511, 10, (7, echo), true);
        assert_eq!(told(&connection), expected, "{speaks} {echo}");
    }
}
