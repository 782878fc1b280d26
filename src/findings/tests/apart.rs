//! What is counted apart adds up: services, hosts and captures in parts.

use super::*;

fn spans(ms: &[i64]) -> Histogram {
    let mut histogram = Histogram::default();
    ms.iter().for_each(|&ms| histogram.add(Span::millis(ms)));
    histogram
}

fn waits(ms: &[i64]) -> Waits {
    let mut waits = Waits::default();
    ms.iter().for_each(|&ms| waits.add(Span::millis(ms)));
    waits
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::new(seconds, 0)
}

#[test]
fn services_add_up() {
    let part = |n: u64, ms: &[i64], at: Option<i64>| ServiceFacts {
        connections: n,
        closed_by_both: n + 1,
        reset: n + 2,
        prompt_closes: spans(ms),
        closes: spans(&ms[1..]),
        answers: spans(&ms[..1]),
        gave_up: waits(ms),
        segments: [n + 3, n + 4],
        retransmissions: [n + 5, n + 6],
        last_opened: at.map(second),
        last_payload: at.map(|at| second(at + 1)),
        unread_since: at.map(|at| second(at + 2)),
    };
    let mut sum = part(10, &[1, 2, 300], Some(7));
    sum.merge(&part(100, &[2, 40], Some(5)));
    sum.merge(&part(1_000, &[3, 2], None));
    let whole = ServiceFacts {
        connections: 1_110,
        closed_by_both: 1_113,
        reset: 1_116,
        prompt_closes: spans(&[1, 2, 300, 2, 40, 3, 2]),
        closes: spans(&[2, 300, 40, 2]),
        answers: spans(&[1, 2, 3]),
        gave_up: waits(&[1, 2, 300, 2, 40, 3, 2]),
        segments: [1_119, 1_122],
        retransmissions: [1_125, 1_128],
        last_opened: Some(second(7)),
        last_payload: Some(second(8)),
        unread_since: Some(second(7)),
    };
    assert_eq!(sum, whole);
    assert_eq!(sum.gave_up.alike(Span::millis(2)), 3);
}

#[test]
fn waits_are_alike_within_a_fiftieth_and_its_neighbours() {
    let some = waits(&[0, 1, 30_000, 30_000, 32_000]);
    let table = [(30_000, 2), (31_000, 2), (31_500, 1), (32_000, 1), (29_000, 0), (0, 2), (60_000, 0)];
    for (ms, alike) in table {
        assert_eq!(some.alike(Span::millis(ms)), alike, "{ms} ms");
    }
}

#[test]
fn hosts_add_up() {
    let part = |frame, fins, hop_limits: &[u8]| HostFacts {
        lost_after: (fins > 2).then_some(Span::secs(frame as i64)),
        unseen: (fins > 2).then_some(second(frame as i64)),
        last: Stamp { frame, at: second(frame as i64) },
        fins,
        hop_limits: HostHopLimits::of(2, hop_limits.iter().copied()),
    };
    let mut sum = part(5, 3, &[64]);
    sum.merge(&part(4, 2, &[63, 64]));
    assert_eq!((sum.last.frame, sum.fins, sum.hop_limits.connections()), (5, 5, 4));
    assert_eq!(sum.lost_after, Some(Span::secs(5)));
    sum.merge(&part(3, 3, &[]));
    sum.merge(&part(4, 3, &[]));
    assert_eq!(sum.lost_after, Some(Span::secs(3)), "the shortest");
    assert_eq!(sum.unseen, Some(second(5)), "the last");
    assert_eq!(sum.hop_limits.iter().collect::<Vec<_>>(), [63, 64]);
}

#[test]
fn captures_add_up_wherever_they_are_cut() {
    let seconds = [4, 9, 7, 9, 3];
    let seen: Vec<_> = seconds.iter().zip(1..).map(|(&at, frame)| Stamp { at: second(at), frame }).collect();
    let of = |seen: &[Stamp]| {
        let mut capture = CaptureFacts::default();
        seen.iter().for_each(|&seen| capture.observe(seen));
        capture
    };
    let whole = of(&seen);
    assert_eq!(
        (whole.first.frame, whole.last.frame, whole.frames),
        (1, 4, 5),
        "the latest, of two the later"
    );
    assert_eq!(whole.duration(), Span::secs(5));
    for cut in 0..=seen.len() {
        let mut sum = of(&seen[..cut]);
        sum.then(&of(&seen[cut..]));
        assert_eq!(sum, whole, "cut behind {cut}");
    }
}

#[test]
fn only_text_without_any_times_is_timeless() {
    for (from_text, first, last, timeless) in
        [(true, 0, 0, true), (true, 0, 1, false), (true, 1, 0, false), (false, 0, 0, false)]
    {
        let stamp = |seconds| Stamp { at: second(seconds), frame: 1 };
        let capture =
            CaptureFacts { from_text, first: stamp(first), last: stamp(last), ..CaptureFacts::default() };
        assert_eq!(capture.is_timeless(), timeless, "{from_text} {first} {last}");
    }
}

#[test]
fn losses_and_holes_count_for_the_time_they_touch() {
    let capture = CaptureFacts {
        drops: Some(12),
        drop_events: vec![(second(3), 5), (second(6), 7)],
        holes: vec![(second(10), second(12))],
        ..CaptureFacts::default()
    };
    for (from, dropped) in [(2, 12), (3, 12), (4, 7), (6, 7), (7, 0)] {
        assert_eq!(capture.dropped_after(second(from)), dropped, "from {from} on");
    }
    for (from, upto, touched) in
        [(1, 9, false), (1, 10, true), (11, 11, true), (12, 20, true), (13, 20, false)]
    {
        assert_eq!(capture.unreadable_between(second(from), second(upto)), touched, "{from} to {upto}");
        assert_eq!(capture.unreadable_after(second(from)), from <= 12, "from {from} on");
    }
}

#[test]
fn a_connection_counts_for_its_hosts_hop_limits_where_they_spoke() {
    let scene = Scene::of("0 > S\n 1 > S seq=-1 ttl=63\n 2 end");
    let of = |side| {
        let hop_limits = HostHopLimits::of_side(&scene.connection, side);
        (hop_limits.connections(), hop_limits.iter().collect::<Vec<_>>())
    };
    assert_eq!((of(scene.client), of(scene.client.peer())), ((1, vec![63, 64]), (0, vec![])));
}

#[test]
fn a_grace_that_is_given_holds_for_every_service() {
    let graces = Graces::from(Grace::fixed(Span::secs(5)));
    assert_eq!(graces.at(Endpoint::v4([198, 51, 100, 2], 80)), &Grace::fixed(Span::secs(5)));
}
