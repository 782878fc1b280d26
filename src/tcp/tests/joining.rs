//! Joining what hardly any conversation leads to.

use super::endings::Step;
use super::*;
use crate::tcp::{anything, laws};

/// The lines of a record, each number of a frame so much higher.
fn shifted(connection: &Connection, by: u64) -> Vec<String> {
    let shifted = |line: &str| {
        let (name, number) = line.split_once("frame: ")?;
        let frame: u64 = number.trim_end_matches(',').parse().ok()?;
        Some(format!("{name}frame: {},", if frame > 0 { frame + by } else { 0 }))
    };
    let text = format!("{connection:#?}");
    text.lines().map(|line| shifted(line).unwrap_or_else(|| line.to_owned())).collect()
}

#[test]
fn every_frame_of_a_later_file_is_numbered_behind() {
    for seed in 0..200 {
        let mut connection = anything::connection(seed);
        let expected = shifted(&connection, 1_000_003);
        connection.shift_frames(1_000_003);
        let shifted = shifted(&connection, 0);
        let wrong = shifted.iter().zip(&expected).find(|(shifted, expected)| shifted != expected);
        assert_eq!((wrong, shifted.len()), (None, expected.len()), "{seed}");
    }
}

/// 20 ms apart; what is pushed has ten octets.
fn segments(script: &[Step], timestamps: [bool; 2]) -> Vec<Segment> {
    let segment = |(frame, &(side, flags, seq, ack)): (u64, &Step)| {
        let at = Timestamp::new(1_700_000_000, 0) + Span::millis(frame as i64 * 20);
        let mut segment = segment(side, flags, seq, ack, if flags.any(PSH) { 10 } else { 0 });
        segment.has_timestamps = timestamps[side.index()];
        segment.timestamps.val = if segment.has_timestamps { 4_000_000_000 + frame as u32 } else { 0 };
        Segment { seen: Stamp { at, frame }, ip_id: frame as u16, ..segment }
    };
    (1..).zip(script).map(segment).collect()
}

fn holds_wherever_it_is_cut(segments: &[Segment]) {
    for one in (0..=1_000).step_by(50) {
        for two in (one..=1_000).step_by(150) {
            laws::connection_law(segments, (one, two)).unwrap();
        }
    }
}

/// The head of a part that one side fills alone is long, and what the other side knew stands in no part but the one before.
#[test]
fn a_side_that_speaks_alone_for_long_tells_nothing_of_the_other() {
    let (lo, hi) = (3_000_000_000, 3_500_000_000);
    let handshake = [(LO, SYN, lo, 0), (HI, SYN | ACK, hi, lo + 1), (LO, ACK, lo + 1, hi + 1)];
    let spoken = [(HI, PSH | ACK, hi + 1, lo + 1), (LO, ACK, lo + 1, hi + 11), (HI, ACK, hi + 11, lo + 1)];
    let syns = (0..100).map(|_| (LO, SYN, lo, 0));
    let beyond = (0..100).map(|n| (LO, PSH | ACK, lo + 1 + n * 10, hi + 11));
    let last = [(HI, PSH | ACK, hi + 11, lo + 1_001), (HI, FIN | ACK, hi + 21, lo + 1_001)];
    let early = (0..40).map(|_| (HI, ACK, hi + 1, lo + 1));
    let conversations: [Vec<Step>; 5] = [
        handshake.into_iter().chain(spoken).chain(syns.clone()).chain(last).collect(),
        // The head may end between what is answered and its answer.
        syns.chain(handshake).chain(spoken).chain(last).collect(),
        early.chain(handshake).chain(spoken).chain(last).collect(),
        handshake.into_iter().chain(spoken).chain(beyond.clone()).chain(last).collect(),
        beyond.chain(spoken).chain(last).collect(),
    ];
    for script in conversations {
        for timestamps in [[false, false], [true, true], [true, false], [false, true]] {
            holds_wherever_it_is_cut(&segments(&script, timestamps));
        }
    }
}

/// The segment that shows CLOSE-WAIT comes late in a part that knows neither of the FIN nor, perhaps, of the other's data.
#[test]
fn a_close_wait_is_seen_wherever_the_capture_was_cut() {
    let open = [(LO, SYN, 100, 0), (HI, SYN | ACK, 500, 101), (LO, ACK, 101, 501), (LO, FIN | ACK, 101, 501)];
    let download = (0..20).flat_map(|n| [(HI, PSH | ACK, 501 + 10 * n, 102), (LO, ACK, 102, 511 + 10 * n)]);
    let waiting = (0..100).map(|_| (LO, ACK, 102, 511));
    let closed = |end| [(HI, FIN | ACK, end, 102), (LO, ACK, 102, end + 1)];
    let one = (HI, PSH | ACK, 501, 102);
    let more = [(HI, PSH | ACK, 511, 102)].into_iter().chain((0..30).map(|_| (LO, ACK, 102, 521)));
    let old = more.clone().chain([(HI, PSH | ACK, 521, 102), (HI, ACK, 521, 102)]);
    let behind = more.chain([(HI, ACK, 521, 101), (HI, ACK, 521, 102)]);
    // Two heads of 64 segments have room in it, with more behind each.
    let long = (0..200).map(|_| (LO, ACK, 102, 511));
    let conversations: [(Vec<Step>, bool); 8] = [
        (
            open.into_iter()
                .chain(download.clone())
                .chain([(HI, ACK, 701, 102)])
                .chain(closed(701))
                .collect(),
            true,
        ),
        (
            open.into_iter()
                .chain(download.clone())
                .chain([(HI, ACK, 701, 101)])
                .chain(closed(701))
                .collect(),
            false,
        ),
        (open.into_iter().chain(download).chain([(HI, ACK, 702, 102)]).collect(), false),
        (
            open.into_iter()
                .chain([one])
                .chain(waiting.clone())
                .chain([(HI, ACK, 511, 102); 2])
                .chain(closed(511))
                .collect(),
            true,
        ),
        (open.into_iter().chain([one]).chain(long).chain([(HI, ACK, 511, 102); 2]).collect(), true),
        (open.into_iter().chain([one]).chain(old).collect(), false),
        (open.into_iter().chain([one]).chain(behind).collect(), true),
        (open.into_iter().chain([one]).chain(waiting).chain([(HI, ACK, 512, 102); 2]).collect(), false),
    ];
    for (script, shown) in conversations {
        let segments = segments(&script, [false; 2]);
        let mut whole = Connection::new(flow(1));
        segments.iter().for_each(|segment| whole.observe(segment));
        assert_eq!(whole.fin(LO).unwrap().close_wait.is_some(), shown);
        holds_wherever_it_is_cut(&segments);
    }
}

/// The first of equal spells stays, whatever part it is in; the head of a part that one side fills alone holds 64 segments.
#[test]
fn equal_spells_of_a_closed_window_join() {
    let mut segments = segments(&[(LO, ACK, 100, 501); 200], [false; 2]);
    for (n, segment) in segments.iter_mut().enumerate() {
        segment.window = if n % 2 == 0 { 0 } else { 9 };
    }
    holds_wherever_it_is_cut(&segments);
}
