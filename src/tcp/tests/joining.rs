//! Joining what hardly any conversation leads to.

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

/// The head of a part that one side fills alone is long, and what the other side knew stands in no part but the one before.
#[test]
fn a_side_that_speaks_alone_for_long_tells_nothing_of_the_other() {
    let (lo, hi) = (3_000_000_000, 3_500_000_000);
    let handshake = [(LO, SYN, lo, 0), (HI, SYN | ACK, hi, lo + 1), (LO, ACK, lo + 1, hi + 1)];
    let spoken = [(HI, PSH | ACK, hi + 1, lo + 1), (LO, ACK, lo + 1, hi + 11), (HI, ACK, hi + 11, lo + 1)];
    let alone =
        |flags: TcpFlags| (0..70).map(move |_| (LO, flags, lo, if flags.any(ACK) { hi + 1 } else { 0 }));
    let beyond = (0..70).map(|n| (LO, PSH | ACK, lo + 1 + n * 10, hi + 11));
    let last = [(HI, PSH | ACK, hi + 11, lo + 701), (HI, FIN | ACK, hi + 21, lo + 701)];
    let conversations = [
        handshake.into_iter().chain(spoken).chain(alone(SYN)).chain(last).collect::<Vec<_>>(),
        // An answer that was sent twice leaves no round trip: the head may end between it and what ends the handshake.
        alone(SYN).chain([handshake[1]]).chain(handshake).chain(spoken).chain(last).collect(),
        handshake.into_iter().chain(spoken).chain(beyond.clone()).chain(last).collect(),
        beyond.chain(spoken).chain(last).collect(),
    ];
    for script in conversations {
        for timestamps in [[false, false], [true, true], [true, false], [false, true]] {
            let segments: Vec<_> = (1..)
                .zip(&script)
                .map(|(frame, &(side, flags, seq, ack))| {
                    let seen = Stamp {
                        at: Timestamp::new(1_700_000_000, 0) + Span::millis(frame * 20),
                        frame: frame as u64,
                    };
                    let len = if flags.any(PSH) { 10 } else { 0 };
                    let mut segment = segment(side, flags, seq, ack, len);
                    segment.has_timestamps = timestamps[side.index()];
                    segment.timestamps.val =
                        if segment.has_timestamps { 4_000_000_000 + frame as u32 } else { 0 };
                    Segment { seen, ip_id: frame as u16, ..segment }
                })
                .collect();
            for one in (0..=1_000).step_by(50) {
                for two in (one..=1_000).step_by(150) {
                    laws::connection_law(&segments, (one, two)).unwrap();
                }
            }
        }
    }
}
