//! Rules about FINs, and about RSTs in their place.

use super::*;
use crate::tcp::{Limits, Table};

/// A request, its answer, and the client's FIN with its acknowledgment.
const LEFT: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n";
/// A request that was never answered, and the client's FIN right behind it.
const ASKED: &str = "1 > PA +100\n 1.001 > FA\n 1.01 < A\n";
const FAST: Span = Span::millis(1);

fn after(start: &str, rest: &str) -> Scene {
    scene(&format!("{start}{rest}"))
}

#[test]
fn missing_fin() {
    let owed = after(LEFT, "9 end").alive(false);
    assert!(owed.finds("missing-fin"));
    assert_eq!(owed.told(), "missing-fin server");
    assert_eq!(after(LEFT, "1.3 < FA\n 1.31 > A\n 9 end").told(), "");
    assert_eq!(after(LEFT, "2 end").told(), "undecided missing-fin server", "too young");
    let unacked = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 9 end";
    assert_eq!(told(unacked), "undecided unacked-fin client", "CLOSE-WAIT was never proven");
    assert_eq!(after(LEFT, "5 > RA opt").told(), "close-wait-aborted server", "it ended");
}

#[test]
fn a_fin_from_before_the_capture_is_not_missed() {
    let acks_only = "0 < PA +100\n 0.01 > A\n 1 < FA\n 1.01 > A\n 9 end";
    assert_eq!(Scene::of(acks_only).told(), "undecided missing-fin client");
    let speaks = "0 < PA +100\n 0.01 > PA +10\n 0.02 < A\n 1 < FA\n 1.01 > A\n 9 end";
    assert_eq!(
        Scene::of(speaks).told(),
        "missing-fin client",
        "its data come after all that it had sent before"
    );
    assert_eq!(told("1 < FA\n 1.01 > A\n 9 end"), "missing-fin client", "captured from the start");
}

#[test]
fn away_from_its_host_a_port_whose_fins_never_passed_is_blamed_with_care() {
    let blame = |scene: &Scene| {
        scene.with(|case| judge(case).primary().and_then(|finding| finding.cause.clone()).unwrap().certainty)
    };
    let far = LEFT.replace("< PA +100", "< PA +100 ttl=61").replace("< A", "< A ttl=61");
    let open = "0.00 > S\n 0.01 < SA ttl=61\n 0.02 > A\n";
    let scene = || Scene::of(&format!("{open}{far} 9 end")).alive(false);
    assert_eq!(blame(&scene()), Certainty::Possible);
    let mut closes = scene();
    closes.service.closed_by_both = 1;
    assert_eq!(blame(&closes), Certainty::Likely);
    assert_eq!(blame(&after(LEFT, "9 end").alive(false)), Certainty::Likely, "no router between");
}

#[test]
fn a_program_whose_data_nobody_takes_is_blamed_with_care() {
    let blame = |rest: &str| {
        let scene = after(LEFT, rest).alive(false);
        scene.with(|case| {
            let finding = judge(case).primary().cloned().unwrap();
            assert_eq!(finding.name, "missing-fin", "{rest}");
            let waits = finding.against.iter().any(|said| said.contains("its FIN may wait behind them"));
            (finding.cause.unwrap().certainty, waits)
        })
    };
    let once = "2 < PA +50\n 2.2 < PA +50 seq=-50\n";
    let often = format!("{once} 2.6 < PA +50 seq=-50\n 3.4 < PA +50 seq=-50\n 5 < PA +50 seq=-50\n");
    assert_eq!(blame(&format!("{once} 2.3 > A\n 90 end")), (Certainty::Likely, false));
    assert_eq!(blame(&format!("{often} 90 end")), (Certainty::Possible, true));
    assert_eq!(blame(&format!("{often} 5.1 > A\n 90 end")), (Certainty::Likely, false), "taken at last");
}

#[test]
fn an_answer_is_waited_for_unless_nobody_waits_or_nobody_works() {
    assert_eq!(after(ASKED, "40 end").told(), "undecided missing-fin server", "it may be working on it");
    assert_eq!(after(ASKED, "40 end").answers(FAST).told(), "undecided missing-fin server");
    assert_eq!(after(ASKED, "62 end").told(), "missing-fin server");
    let gave_up = "1 > PA +100\n 1.02 < A\n 7 > FA\n 7.02 < A\n 10 end";
    assert_eq!(scene(gave_up).answers(FAST).told(), "missing-fin server", "the client has waited and left");
    assert_eq!(scene(gave_up).told(), "undecided missing-fin server", "it may never answer anybody");
    assert_eq!(scene(gave_up).answers(Span::secs(2)).told(), "undecided missing-fin server", "it is slow");
}

#[test]
fn a_service_that_stands_still_owes_at_once() {
    let still = |unread: i64, answered: Option<i64>| {
        let mut scene = after(ASKED, "6 end");
        let at = |seconds: i64| Timestamp::new(1_000 + seconds, 0);
        scene.service.unread_since = Some(at(unread));
        scene.service.last_payload = answered.map(at);
        scene.told()
    };
    assert_eq!(still(1, None), "missing-fin server");
    assert_eq!(still(1, Some(0)), "missing-fin server");
    assert_eq!(still(1, Some(3)), "undecided missing-fin server", "somebody was answered since");
    assert_eq!(still(4, None), "undecided missing-fin server", "the window has closed just now");
}

#[test]
fn late_fin() {
    let late = after(LEFT, "6 < FA\n 6.01 > A");
    assert!(late.finds("late-fin"));
    assert_eq!(late.told(), "late-fin server");
    assert_eq!(after(LEFT, "1.9 < FA\n 1.91 > A").told(), "", "within a second");
    assert_eq!(after(ASKED, "6 < FA\n 6.01 > A").told(), "", "it was working on an answer");
    let lost =
        "6 < FPA +100\n 6.3 < FPA +100 seq=-101\n 7 < FPA +100 seq=-101\n 9.2 < FPA +100 seq=-101\n 15 end";
    assert_eq!(after(ASKED, lost).told(), "dead-after-idle server");
    assert!(!after(ASKED, lost).finds("late-fin"), "the FIN came with the answer");
    assert!(after(LEFT, lost).finds("late-fin"), "no answer was owed");
    let gave_up = "1 > PA +100\n 1.02 < A\n 7 > FA\n 7.02 < A\n 10 < FA\n 10.1 > A";
    assert_eq!(scene(gave_up).answers(FAST).told(), "late-fin server", "nobody waited for one any more");
    // The acknowledgment was delayed: CLOSE-WAIT began when the FIN arrived.
    let delayed = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.25 < A\n 2.22 < FA\n 2.23 > A";
    assert_eq!(told(delayed), "late-fin server");
    let lost = delayed.replace("1.25 < A", "1.24 > FA seq=-1\n 1.25 < A");
    assert_eq!(told(&lost), "", "it may have arrived the second time only");
}

#[test]
fn half_close_in_use() {
    let used = after(LEFT, "5 < PA +500\n 5.01 > A\n 5.5 end");
    assert!(used.finds("half-close-in-use"));
    assert_eq!(used.told(), "half-close-in-use server");
    assert_eq!(after(LEFT, "1.22 < PA +500\n 1.23 > A\n 1.3 < FA\n 1.31 > A").told(), "", "its last words");
    assert_eq!(after(LEFT, "5 < PA +500\n 5.01 > A\n 9 end").told(), "missing-fin server", "forgotten");
}

#[test]
fn unacked_fin() {
    let open = "1 > PA +100\n 1.1 < PA +100\n 1.2 > A\n 2 > FA\n";
    let repeated = after(open, "2.2 > FA seq=-1\n 2.6 > FA seq=-1\n 3.4 > FA seq=-1\n 9 end");
    assert!(repeated.finds("unacked-fin"));
    assert_eq!(repeated.told(), "unacked-fin client");
    assert_eq!(after(open, "2.01 < FA\n 2.02 > A\n").told(), "");
    assert_eq!(after(open, "2.2 > FA seq=-1\n 2.5 end").told(), "undecided unacked-fin client");
    let last = "2.01 < A\n 2.02 < FA\n 9 end";
    assert_eq!(after(open, last).told(), "undecided unacked-fin server");
    assert_eq!(after(open, last).alive(false).told(), "", "a live host would have repeated it");
    let again = "2.01 < A\n 2.02 < FA\n 2.3 < FA seq=-1\n 9 end";
    assert_eq!(after(open, again).alive(false).told(), "undecided unacked-fin server", "it did repeat it");
}

#[test]
fn close_wait_aborted() {
    let own = after(LEFT, "9 < RA opt");
    assert!(own.finds("close-wait-aborted"));
    assert_eq!(own.told(), "close-wait-aborted server");
    let by_peer = after(LEFT, "9 > RA opt");
    assert!(by_peer.finds("close-wait-aborted"));
    assert!(!by_peer.finds("late-answer"), "the server had said nothing");
    by_peer.with(|case| {
        let verdict = judge(case);
        let cause = verdict.primary().unwrap().cause.clone().unwrap();
        assert!(cause.because[0].contains("had not closed when its peer"), "{cause:?}");
    });
    assert_eq!(after(LEFT, "1.5 > RA opt").told(), "aborted client", "it had no time to close");
    assert_eq!(after(LEFT, "1.3 < FA\n 1.31 > A\n 9 > R").told(), "", "both had closed");
}

#[test]
fn a_reset_is_an_answer_only_if_it_comes_soon() {
    let spoke = after(LEFT, "9 < PA +10\n 9.01 > R");
    assert_eq!(spoke.told(), "late-answer server");
    let unprompted = after(LEFT, "9 < A\n 15 > RA opt");
    assert_eq!(unprompted.told(), "close-wait-aborted server");
}

#[test]
fn aborted() {
    let used = "1 > PA +100\n 1.1 < PA +100\n 1.2 > A\n";
    let reset = after(used, "2 > RA opt");
    assert!(reset.finds("aborted"));
    assert_eq!(reset.told(), "aborted client");
    assert_eq!(after(used, "2 > FA\n 2.01 < FA\n 2.02 > A\n 2.03 < R").told(), "", "it was over");
    assert_eq!(after(used, "2 > R seq=99999999").told(), "", "far outside the window");
}

#[test]
fn frequent_keepalive() {
    let used = "1 > PA +100\n 1.1 < PA +100\n 1.2 > A\n";
    let probes = |n: usize, every: f64| -> String {
        let probe = |n: usize| {
            let at = 1.2 + every * (n + 1) as f64;
            format!("{at} > A seq=-1\n {} < A\n", at + 0.01)
        };
        (0..n).map(probe).collect()
    };
    let often = after(used, &probes(12, 1.5));
    assert!(often.finds("frequent-keepalive"));
    assert_eq!(often.told(), "frequent-keepalive client");
    assert_eq!(after(used, &probes(9, 1.5)).told(), "", "too few for an interval");
    assert_eq!(after(used, &probes(12, 75.0)).told(), "", "a usual interval");
    let vain: String = (0..12).map(|n| format!("{} > A seq=-1\n", 90 + n)).collect();
    assert!(!after(used, &format!("{vain} 103 end")).finds("frequent-keepalive"), "nobody answered");
}

#[test]
fn a_program_behind_a_path_that_forgets_is_blamed_with_care() {
    let far = LEFT.replace("< PA +100", "< PA +100 ttl=61").replace("< A", "< A ttl=61");
    let blame = |script: String, lost_after: Option<i64>| {
        let mut scene = Scene::of(&script).alive(false);
        scene.service.closed_by_both = 1;
        scene.hosts[scene.client.peer().index()].lost_after = lost_after.map(Span::secs);
        scene.with(|case| {
            let finding = judge(case).primary().cloned().unwrap();
            let said = finding.against.iter().any(|said| said.contains("died after"));
            (finding.cause.unwrap().certainty, said)
        })
    };
    let away = || format!("0.00 > S\n 0.01 < SA ttl=61\n 0.02 > A\n{far} 19 end");
    assert_eq!(blame(away(), None), (Certainty::Likely, false));
    assert_eq!(blame(away(), Some(7)), (Certainty::Possible, true), "a FIN sent later may not pass");
    assert_eq!(blame(away(), Some(60)), (Certainty::Likely, false), "it has not been silent for that long");
    assert_eq!(
        blame(format!("{OPEN}{LEFT} 19 end"), Some(7)),
        (Certainty::Likely, false),
        "captured at its host"
    );
}

/// The RST that clears the way for a new connection on the same ports was drawn by no late word.
#[test]
fn a_socket_that_is_still_there_when_its_peers_port_comes_round_said_nothing_late() {
    let says = |rest: &str| {
        let mut scene = after(LEFT, "9 end");
        let mut table = Table::new(Limits::default());
        let mut next = [SeqNum(1_000), SeqNum(900_000)];
        for (line, frame) in format!("{OPEN}{LEFT}{rest}").lines().zip(1..) {
            let mut words = line.split_whitespace();
            let at = words.next().unwrap().parse::<f64>().unwrap();
            let seen = Stamp { at: Timestamp::new(1_000, 0) + Span((at * 1e9) as i64), frame };
            let side = if words.next() == Some(">") { scene.client } else { scene.client.peer() };
            table.observe(&scene.connection.key, &segment(side, seen, words, &mut next));
        }
        scene.connection = table.into_connections().min_by_key(|connection| connection.first.frame).unwrap();
        scene.with(|case| {
            let verdict = judge(case);
            let finding = verdict.primary().unwrap();
            let members = vec![(case, finding)];
            let group = Group { place: "there".into(), members, of: 1, capture: &scene.capture };
            (finding.name, rule(finding.name).unwrap().words(&group).headline)
        })
    };
    let comes_round = "9 > S seq=100000000\n9.01 < A ack=-100000001\n9.02 > R seq=-100000001\n9.1 > S seq=-1\n9.11 < SA seq=500000000";
    let still_there = "there had not closed when its peers' ports came round, on its only connection";
    let late = "there spoke too late to peers that had closed, on its only connection";
    assert_eq!(says(comes_round), ("late-answer", still_there.to_owned()));
    assert_eq!(says("9 < PA +9\n9.01 > R"), ("late-answer", late.to_owned()));
    assert_eq!(says("9 < A seq=-1\n9.01 > R"), ("late-answer", late.to_owned()), "a keep-alive probe");
}
