//! Conversations that tell the same wherever they are cut, though what comes later cannot know by itself what came before.

use super::kinds::{OPEN, Sent, open, segments};
use super::*;
use crate::tcp::laws;

const SOON: i64 = 20_000;
const SECOND: i64 = 1_000_000;
const SYN_ACK: TcpFlags = SYN.with(ACK);
const FIN_ACK: TcpFlags = FIN.with(ACK);
const PUSH: TcpFlags = PSH.with(ACK);

fn sent((side, flags, seq, ack): (Side, TcpFlags, u32, u32)) -> Sent {
    (side, flags, seq, ack, if flags.any(PSH) { 10 } else { 0 }, OPEN, SOON)
}

/// Both in turn say nothing; the lower side has sent up to `lo`, the other up to `hi`.
fn idle(count: usize, lo: u32, hi: u32) -> Vec<Sent> {
    [(LO, ACK, lo, hi), (HI, ACK, hi, lo)].into_iter().cycle().take(count).map(sent).collect()
}

/// One of them says nothing many times.
fn alone(count: usize, step: (Side, TcpFlags, u32, u32)) -> Vec<Sent> {
    vec![sent(step); count]
}

fn then(before: &[Sent], steps: &[(Side, TcpFlags, u32, u32)]) -> Vec<Sent> {
    before.iter().copied().chain(steps.iter().copied().map(sent)).collect()
}

/// The first one of these comes after so long.
fn after(micros: i64, mut script: Vec<Sent>) -> Vec<Sent> {
    script[0].6 = micros;
    script
}

/// Cuts at every place, and at some behind that; how often counts are about then.
fn cut_everywhere(segments: &[Segment]) -> usize {
    let count = segments.len();
    let at = |place: usize| (place * 1_000).div_ceil(count);
    let steps = (1 + count / 80, 5 + count / 8);
    let behind = |one| (one..count).step_by(steps.1).chain([count]).map(move |two| (one, two));
    let places = (0..=count).step_by(steps.0).flat_map(behind);
    places
        .filter(|&(one, two)| {
            laws::connection_law(segments, (at(one), at(two))).unwrap_or_else(|e| panic!("{one} {two} {e}"))
        })
        .count()
}

fn tells_the_same(script: &[Sent]) -> usize {
    cut_everywhere(&segments(script))
}

#[test]
fn who_had_asked_is_known_to_the_part_before() {
    let asked = [
        (vec![], 101, 501),
        (vec![(LO, PUSH, 101, 501), (HI, ACK, 501, 111)], 111, 501),
        (vec![(HI, PUSH, 501, 101), (LO, ACK, 101, 511)], 101, 511),
        (vec![(LO, PUSH, 101, 501), (HI, PUSH, 501, 111), (LO, ACK, 111, 511)], 111, 511),
    ];
    let mut waits = 0;
    for (before, lo, hi) in asked {
        for side in Side::BOTH {
            let [own, peer] = if side == LO { [lo, hi] } else { [hi, lo] };
            let speaks = after(4 * SECOND, then(&[], &[(side, PUSH, own, peer)]));
            let endings: [&[_]; 4] = [
                &[],
                &[(side.peer(), ACK, peer, own + 10)],
                &[(side.peer(), ACK, peer, own)],
                &[(side.peer(), RST.with(ACK), peer, own + 10)],
            ];
            for ending in endings {
                let script = [then(&open(), &before), idle(24, lo, hi), speaks.clone()].concat();
                let script = then(&script, ending);
                waits += laws::first(&segments(&script))
                    .silences()
                    .map_or(0, |silences| silences.waits(side).len());
                assert_eq!(tells_the_same(&script), 0, "{before:?} {side:?} {ending:?}");
            }
        }
    }
    assert_eq!(waits, 3, "an answer to each question, and both sides in turn");
    for (micros, waits) in [(3 * SECOND - SOON - 1, 0), (3 * SECOND - SOON, 1)] {
        let asked = then(&open(), &[(LO, PUSH, 101, 501), (HI, ACK, 501, 111)]);
        let answers = after(micros, then(&[], &[(HI, PUSH, 501, 111), (LO, ACK, 111, 511)]));
        let whole = laws::first(&segments(&[asked, answers].concat()));
        assert_eq!(whole.silences().unwrap().waits(HI).len(), waits, "{micros}");
    }
}

/// Payload comes after long, but soon after the part began that holds it: there the silence is none.
#[test]
fn a_silence_that_a_part_takes_for_too_short_leaves_counts_about() {
    // Frames are 20 ms apart: a second lies between a payload and the part that begins 50 frames before.
    for (quiet, micros, about) in [(48, SOON - 1, 0), (48, SOON, 35), (100, SOON, 36)] {
        let asked = then(&open(), &[(LO, PUSH, 101, 501), (HI, ACK, 501, 111)]);
        let answered = after(micros, then(&[], &[(HI, PUSH, 501, 111), (LO, ACK, 111, 511)]));
        let script = [asked, idle(quiet, 111, 501), answered].concat();
        let segments = segments(&script);
        let cut =
            |at: &usize| laws::first(&segments[..*at]).then(&laws::part(&segments[*at..])).counts_are_about();
        assert_eq!((4..segments.len()).filter(cut).count(), about, "{quiet}");
        tells_the_same(&script);
    }
}

#[test]
fn whose_payload_comes_first_says_what_it_answers() {
    let mut answers = Vec::new();
    for asks in Side::BOTH {
        let (before, lo, hi) = match asks {
            Side::Lo => ([(LO, PUSH, 101, 501), (HI, ACK, 501, 111)], 111, 501),
            Side::Hi => ([(HI, PUSH, 501, 101), (LO, ACK, 101, 511)], 101, 511),
        };
        for first in Side::BOTH {
            let [both, other] = if first == LO {
                [(LO, lo, hi), (HI, hi, lo + 10)]
            } else {
                [(HI, hi, lo), (LO, lo, hi + 10)]
            };
            let [both, other] = [both, other].map(|(side, seq, ack)| sent((side, PUSH, seq, ack)));
            for between in [0, SOON] {
                let spoken = [vec![both], after(between, vec![other])].concat();
                let script =
                    [then(&open(), &before), idle(20, lo, hi), spoken, idle(4, lo + 10, hi + 10)].concat();
                let segments = segments(&script);
                let whole = laws::first(&segments).longest_answer().unwrap();
                answers.push(whole.0 / 1_000);
                cut_everywhere(&segments);
                for at in 0..=segments.len() {
                    let joined = laws::first(&segments[..at]).then(&laws::part(&segments[at..]));
                    assert!(joined.longest_answer().is_none_or(|joined| joined <= whole), "{at}");
                }
            }
        }
    }
    // 22 frames are between the question and what comes next.
    assert_eq!(answers, [0, SOON, 22 * SOON, 22 * SOON, 22 * SOON, 22 * SOON, 0, SOON]);
}

#[test]
fn whether_an_answer_is_owed_at_a_fin_is_known_to_the_part_before() {
    for asks in Side::BOTH {
        let (before, lo, hi) = match asks {
            Side::Lo => ([(LO, PUSH, 101, 501), (HI, ACK, 501, 111)], 111, 501),
            Side::Hi => ([(HI, PUSH, 501, 101), (LO, ACK, 101, 511)], 101, 511),
        };
        for (flags, end) in [(FIN_ACK, lo + 1), (FIN_ACK.with(PSH), lo + 11)] {
            let closed =
                [(LO, flags, lo, hi), (HI, ACK, hi, end), (HI, PUSH, hi, end), (LO, ACK, end, hi + 10)];
            let script = then(&[then(&open(), &before), idle(24, lo, hi)].concat(), &closed);
            let owed = laws::first(&segments(&script)).fin(LO).unwrap().answer_owed;
            assert_eq!(owed, asks == LO || flags.any(PSH));
            tells_the_same(&script);
        }
    }
}

/// Both parts wait for an answer, but not to the same segment, although all numbers are the same.
#[test]
fn of_two_segments_that_wait_the_earlier_was_sent_more_often() {
    let asked = then(&open(), &[(LO, PUSH, 101, 501), (HI, ACK, 501, 111)]);
    let lost = after(2 * SECOND, alone(1, (LO, PUSH, 111, 501)));
    let behind = then(&[], &[(LO, ACK, 111, 501), (HI, ACK, 501, 111)]);
    let waits = alone(20, (HI, ACK, 501, 111));
    let script = [asked, lost.clone(), behind, lost, waits].concat();
    assert!(tells_the_same(&script) > 0);
}

/// What hides in the last segments of both sides: a window that was closed before the SYN came again, a time stamp before
/// there were none.
#[test]
fn what_the_last_segments_do_not_show_is_compared_too() {
    for side in Side::BOTH {
        let [own, peer] = if side == LO { [101, 501] } else { [501, 101] };
        let syn = (side, SYN_ACK, own - 1, peer);
        let mut closes = alone(1, (side, ACK, own, peer));
        closes[0].5 = 0;
        let again = then(&alone(20, (side.peer(), ACK, peer, own)), &[syn]);
        let opens = then(&alone(8, (side.peer(), ACK, peer, own)), &[(side, ACK, own, peer)]);
        tells_the_same(&[open().to_vec(), closes, again, opens].concat());
    }
    let quiet = after(2 * SECOND, then(&[], &[(LO, PUSH, 101, 501), (HI, ACK, 501, 111)]));
    let mut stamped = segments(&[open().to_vec(), idle(30, 101, 501), quiet].concat());
    for (n, segment) in stamped.iter_mut().enumerate() {
        segment.has_timestamps = n < 10 || segment.side == LO;
        segment.timestamps.val = 1_000 + n as u32;
        // Of one that was not captured.
        segment.timestamps.ecr = 2_000;
    }
    cut_everywhere(&stamped);
}

/// The sides say nothing but that they are there, so that all numbers of a part are those of the whole.
#[test]
fn what_the_numbers_do_not_show_is_compared_too() {
    // Established or not.
    let answers = [(LO, SYN_ACK, 100, 501), (HI, SYN_ACK, 500, 101)];
    let handshakes = answers.into_iter().cycle().take(24).map(sent).collect();
    let speaks = after(2 * SECOND, then(&[], &[(HI, PUSH, 501, 101), (LO, ACK, 101, 511)]));
    tells_the_same(&[open().to_vec(), handshakes, speaks].concat());
    // Whether the end of a silence, which one part sees and the other does not, was answered.
    let asked = then(&open(), &[(LO, PUSH, 101, 501), (HI, PUSH, 501, 111), (LO, ACK, 111, 511)]);
    let blurred = after(2 * SECOND, alone(20, (HI, ACK, 511, 111)));
    let spoken = then(&[], &[(HI, PUSH, 511, 111), (LO, ACK, 111, 521)]);
    tells_the_same(&[asked, blurred, spoken].concat());
    // Which of two FINs came first.
    let closing = then(&open(), &[(LO, FIN_ACK, 101, 501), (LO, FIN_ACK.with(PSH), 101, 501)]);
    let waiting = [(HI, ACK, 501, 101), (LO, ACK, 112, 501)].into_iter().cycle().take(20).map(sent).collect();
    let closed = then(&[], &[(HI, ACK, 501, 102), (HI, ACK, 501, 112)]);
    tells_the_same(&[closing, waiting, closed].concat());
}

#[test]
fn what_is_set_or_cleared_late_is_so_for_the_whole() {
    let handshake = [(HI, SYN_ACK, 500, 101), (LO, ACK, 101, 501)];
    let reset = (HI, RST.with(ACK), 0, 101);
    // A head holds 64 segments while only one side speaks.
    let syns = alone(70, (LO, SYN, 100, 0));
    let refused = then(&syns[..1], &[reset]);
    let scripts = [
        // A RST before the connection was made did not end it, whatever part it is in.
        then(&[&refused[..], &syns].concat(), &handshake),
        then(&[&syns[..20], &refused, &syns].concat(), &handshake),
        then(&[&refused[..], &syns].concat(), &[handshake[0], handshake[1], (HI, RST.with(ACK), 501, 101)]),
        then(
            &[&refused[..], &syns[..20], &[sent(reset)]].concat(),
            &[handshake[0], (HI, RST.with(ACK), 501, 101)],
        ),
        then(&[then(&syns, &handshake), idle(20, 101, 501)].concat(), &[(LO, RST.with(ACK), 101, 501)]),
        // Another SYN behind a handshake.
        then(&[&open()[..], &idle(20, 101, 501)].concat(), &[(HI, SYN, 500, 0), (LO, ACK, 101, 501)]),
        then(&idle(20, 101, 501), &[(LO, SYN, 100, 0), (HI, ACK, 501, 101)]),
        // SYN and FIN in one.
        then(
            &[&open()[..], &idle(20, 101, 501)].concat(),
            &[(LO, SYN.with(FIN), 100, 0), (HI, ACK, 501, 102)],
        ),
    ];
    for script in scripts {
        tells_the_same(&script);
    }
}

/// Only who knows how its window is scaled knows whether a RST lies in it.
#[test]
fn a_rst_far_ahead_is_judged_by_the_window_that_the_syn_announced() {
    for side in Side::BOTH {
        let [own, peer] = if side == LO { [101, 501] } else { [501, 101] };
        let rst = [(side, RST.with(ACK), own + 100_000, peer - 1), (side.peer(), ACK, peer, own)];
        for scale in [0, 7] {
            let mut segments = segments(&then(&[&open()[..], &idle(24, 101, 501)].concat(), &rst));
            segments[..2].iter_mut().for_each(|syn| syn.window_scale = scale);
            assert_eq!(laws::first(&segments).ended_by_rst(side), scale == 7);
            let about = cut_everywhere(&segments);
            assert_eq!(about > 0, scale == 7, "{about}");
        }
        // What a head holds is judged anew.
        let early = then(&[&open()[..], &idle(4, 101, 501)].concat(), &rst);
        let mut segments = segments(&[early, idle(24, 101, 501)].concat());
        segments[..2].iter_mut().for_each(|syn| syn.window_scale = 7);
        assert_eq!(cut_everywhere(&segments), 0);
    }
}

#[test]
fn a_fin_that_comes_again_is_the_same_one() {
    let closes = then(&open(), &[(LO, FIN_ACK, 101, 501), (HI, ACK, 501, 102)]);
    let again = then(&[], &[(LO, FIN_ACK, 101, 501), (HI, ACK, 501, 102)]);
    assert_eq!(
        tells_the_same(&[closes.clone(), idle(24, 102, 501), again.clone(), again.clone()].concat()),
        0
    );
    // A copy of it begins the part.
    let fin = again[0];
    let mut copied = segments(&[&closes[..4], &[fin], &again[1..], &idle(24, 102, 501)].concat());
    copied[4] = Segment { seen: copied[4].seen, interface: 1, ..copied[3] };
    cut_everywhere(&copied);
}

/// The FIN is acknowledged by a lone octet, which may be a probe's: whether its sender's data end behind it nobody knows.
#[test]
fn a_close_wait_that_only_an_earlier_part_could_know() {
    let before = idle(8, 101, 501);
    let probe = (HI, ACK, 501, 102, 1, OPEN, SOON);
    for (acked, end) in [(vec![probe], 502), (vec![], 501)] {
        for idle_before in 0..8 {
            let fin = then(&before[idle_before..], &[(LO, FIN_ACK, 101, 501)]);
            tells_the_same(&[fin, acked.clone(), alone(5, (LO, ACK, 102, end)), idle(20, 102, end)].concat());
        }
    }
}

/// Nor does the part before know that, which has seen only probes of that side; the one before it does.
#[test]
fn a_close_wait_that_the_first_of_three_parts_knows() {
    let probe = vec![(HI, ACK, 510, 102, 1, OPEN, SOON)];
    let waits = alone(30, (LO, ACK, 102, 511));
    let closed = then(&open(), &[(LO, FIN_ACK, 101, 501), (HI, PUSH, 501, 102)]);
    let shown = then(&[], &[(HI, ACK, 511, 102), (LO, ACK, 102, 511)]);
    let script = [&closed, &waits[..2], &probe, &waits, &probe, &waits, &shown].concat();
    assert!(laws::first(&segments(&script)).fin(LO).unwrap().close_wait.is_some());
    tells_the_same(&script);
}

/// A number nowhere near: to the part that knows no other it is the side's.
#[test]
fn a_fin_of_nobody_stays_so() {
    let far = 101_u32.wrapping_sub(1_500_000_000);
    let forged = then(&open(), &[(LO, FIN_ACK, far, 501)]);
    tells_the_same(&[forged, idle(40, 101, 501)].concat());
}

#[test]
fn what_one_side_does_alone_says_nothing_of_the_other() {
    // The other's numbers are known by what acknowledges them.
    let acks = alone(4, (LO, ACK, 3_000_000_101, 3_500_000_001));
    tells_the_same(&[alone(100, (LO, SYN, 3_000_000_100, 0)), acks].concat());
    // Nothing acknowledges the FIN.
    let fin = then(&[], &[(LO, SYN, 3_000_000_100, 0), (LO, FIN, 3_000_000_101, 0)]);
    tells_the_same(&[fin, alone(100, (LO, PSH, 3_000_000_101, 0))].concat());
}

/// A segment that is sent again and again stays the one that is stuck while nothing happens.
#[test]
fn what_is_stuck_stays_so() {
    // How often it was repeated before the pause and behind it, and whether a part can take the count for too low.
    for (before, later, about) in [(5, 0, false), (1, 1, false), (0, 4, false), (1, 2, true), (5, 1, true)] {
        let repeated = |count: usize| alone(count, (LO, PUSH, 101, 501));
        let waits =
            [(LO, ACK, 111, 501), (HI, ACK, 501, 101)].into_iter().cycle().take(24).map(sent).collect();
        let script = [open().to_vec(), repeated(1 + before), waits, repeated(later)].concat();
        assert_eq!(tells_the_same(&script) > 0, about, "{before} {later}");
    }
    let both = then(&open(), &[(LO, PUSH, 101, 501), (LO, PUSH, 111, 501)]);
    let turns: Vec<Sent> =
        [101, 101, 101, 111, 101].into_iter().flat_map(|seq| alone(4, (LO, PUSH, seq, 501))).collect();
    let script = [both, turns].concat();
    tells_the_same(&script);
    // From the third repetition on; anew for another one, and for the first behind that. As long as it was last.
    let mut segments = segments(&script);
    segments[8].len = 5;
    for (upto, known) in [
        (7, None),
        (8, Some((8, 8, 101, 10))),
        (9, Some((8, 9, 101, 5))),
        (17, Some((8, 17, 101, 10))),
        (21, Some((18, 21, 111, 10))),
        (25, Some((22, 25, 101, 10))),
    ] {
        let connection = laws::first(&segments[..upto]);
        let stuck = connection.extra.as_ref().and_then(|extra| extra.stuck[0].as_deref());
        assert_eq!(
            stuck.map(|stuck| (stuck.since.frame, stuck.seen.frame, stuck.seq.0, stuck.len)),
            known,
            "{upto}"
        );
    }
}

/// Most connections need no boxes, and those of a part not for long.
#[test]
fn a_box_that_holds_nothing_is_given_back() {
    let segments = segments(&[&open()[..], &idle(40, 101, 501)].concat());
    assert!(laws::part(&segments[..10]).whole().extra.is_none());
    for at in [0, 5, 40] {
        assert!(laws::first(&segments[..at]).then(&laws::part(&segments[at..])).extra.is_none(), "{at}");
    }
}
