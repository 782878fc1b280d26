//! How sure a finding is, how bad, and whom it names: what its words hang on.

use super::*;

const USED: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > A\n";
const LEFT: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n";

fn found(scene: &Scene, name: &str) -> Finding {
    scene.with(|case| {
        let findings = judge(case).findings;
        findings.into_iter().find(|finding| finding.name == name).unwrap_or_else(|| panic!("no {name}"))
    })
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::new(1_000 + seconds, 0)
}

#[test]
fn severity_grows_with_time_and_number_and_is_one_less_for_clients() {
    use Severity::{Error, Note, Warning};
    let owed = |listening, ms, alike| {
        let mut finding = Finding::new("missing-fin", None, Weight::Owed { listening });
        finding.lasted = Some(Lasted { span: Span::millis(ms), at_least: false });
        finding.severity(alike)
    };
    let table = [
        (9_999, 1, Note, Note),
        (9_999, 2, Note, Note),
        (9_999, 3, Warning, Note),
        (10_000, 1, Warning, Note),
        (10_000, 2, Warning, Note),
        (10_000, 3, Error, Warning),
        (59_999, 1, Warning, Note),
        (60_000, 1, Error, Warning),
    ];
    for (ms, alike, server, client) in table {
        assert_eq!(owed(true, ms, alike), server, "{alike} servers for {ms} ms");
        assert_eq!(owed(false, ms, alike), client, "{alike} clients for {ms} ms");
    }
    assert_eq!(Finding::new("probe", None, Weight::Fixed(Note)).severity(1_000), Note);
}

#[test]
fn what_the_capture_may_lack_weakens_what_rests_on_absence() {
    let owed = || scene(&format!("{LEFT} 5 < A\n 9 > A\n 10 end")).alive(false);
    let fact = |scene: &Scene| found(scene, "missing-fin").fact;
    assert_eq!(fact(&owed()), Certainty::Certain, "it spoke again, and nothing was lost");
    let with = |change: &dyn Fn(&mut CaptureFacts)| {
        let mut scene = owed();
        change(&mut scene.capture);
        scene
    };
    assert_eq!(fact(&with(&|capture| capture.drops = None)), Certainty::Likely, "nobody says what was lost");
    assert_eq!(fact(&with(&|capture| capture.drops = Some(3))), Certainty::Likely, "nobody says when");
    let lost_at = |capture: &mut CaptureFacts, seconds| {
        (capture.drops, capture.drop_events) = (Some(3), vec![(second(seconds), 3)]);
    };
    assert_eq!(fact(&with(&|capture| lost_at(capture, 3))), Certainty::Likely);
    assert_eq!(fact(&with(&|capture| lost_at(capture, 0))), Certainty::Certain, "before it mattered");
    let hole = |capture: &mut CaptureFacts, from, upto| capture.holes = vec![(second(from), second(upto))];
    let across = with(&|capture| hole(capture, 3, 4));
    assert_eq!(fact(&across), Certainty::Likely, "both were heard behind it");
    let weakened = found(&across, "missing-fin");
    assert_eq!(weakened.cause.unwrap().certainty, Certainty::Possible);
    assert!(weakened.against[0].contains("could not be read"));
    assert!(across.finds("capture-gap"), "the hole is told beside it");
    let behind = with(&|capture| hole(capture, 3, 9));
    assert_eq!(fact(&behind), Certainty::Possible, "one was not heard behind it");
    let before = with(&|capture| hole(capture, 0, 0));
    assert_eq!(fact(&before), Certainty::Certain);
    assert!(!before.finds("capture-gap"));
}

#[test]
fn what_was_seen_stays_certain_whatever_was_lost() {
    let mut reset = scene(&format!("{USED} 2 > RA opt\n 9 end"));
    (reset.capture.drops, reset.capture.holes) = (None, vec![(second(3), second(4))]);
    assert_eq!(found(&reset, "aborted").fact, Certainty::Certain);
    assert!(!reset.finds("capture-gap"));
}

#[test]
fn what_was_read_from_text_is_likely_at_most() {
    let mut reset = scene(&format!("{USED} 2 > RA opt"));
    reset.capture.from_text = true;
    let aborted = found(&reset, "aborted");
    assert_eq!((aborted.fact, aborted.against[0].as_str()), (Certainty::Likely, FROM_TEXT));
}

#[test]
fn a_dead_connection_is_laid_to_the_path_as_far_as_its_peer_is_known_to_live() {
    let dead = |who: char| {
        format!("{USED} 900 {who} PA +9\n 900.4 {who} PA +9 seq=-9\n 901.2 {who} PA +9 seq=-9\n 910 end")
    };
    let cause = |scene: Scene| found(&scene, "dead-after-idle").cause.unwrap();
    assert_eq!(cause(scene(&dead('>'))).certainty, Certainty::Possible);
    assert_eq!(cause(scene(&dead('>')).alive(false)).certainty, Certainty::Likely);
    let asleep = cause(scene(&dead('<')).alive(true));
    assert!(asleep.certainty == Certainty::Possible && asleep.because[0].contains("asleep"), "{asleep:?}");
}

#[test]
fn a_silence_is_broken_only_if_it_was_long_and_the_asking_too() {
    let broken = |script: &str| Scene::of(script).with(|case| case.broken().is_some());
    let asked = "900 > PA +9\n 900.4 > PA +9 seq=-9\n";
    assert!(broken(&format!("{OPEN}{USED}{asked} 901.2 > PA +9 seq=-9\n 903 end")));
    assert!(!broken(&format!("{OPEN}{USED}{asked} 901.2 > PA +9 seq=-9\n 902.9 end")), "for three seconds");
    assert!(!broken(&format!("{OPEN}{USED}{asked} 903 end")), "three times");
    let slow = "0 > S\n 0.3 < SA\n 0.31 > A\n 1 > PA +100\n 1.3 < PA +100\n 1.31 > A\n";
    let spoke = |at: i64| {
        format!("{slow} {at} > PA +9\n {}.4 > PA +9 seq=-9\n {} > PA +9 seq=-9\n 30 end", at, at + 2)
    };
    assert!(!broken(&spoke(7)), "twenty round trips of 310 ms are longer");
    assert!(broken(&spoke(8)));
}

#[test]
fn a_reset_in_close_wait_says_whose_it_was() {
    let told = |rest: &str| {
        let finding = found(&scene(&format!("{LEFT} {rest}")), "close-wait-aborted");
        (finding.evidence[1].1.clone(), finding.cause.unwrap().what, finding.against.len())
    };
    assert_eq!(told("9 < RA opt"), ("RST of the server instead of a FIN".into(), "the program", 0));
    assert_eq!(told("9 < RA").2, 1, "it may have been a box beside the host");
    let peer = "RST of the client, and no FIN of the server before";
    assert_eq!(told("9 > RA opt"), (peer.into(), "the program", 0));
    let forged = "RST bearing the server's address, from another machine";
    assert_eq!(told("9 < R ttl=60"), (forged.into(), "the path", 0));
}

#[test]
fn an_abort_tells_in_what_situation_it_came() {
    let told = |script: &str| {
        let finding = found(&scene(script), "aborted");
        format!("{:?} {:?}", finding.cause, finding.evidence)
    };
    let cases = [
        (format!("{USED} 2 > RA opt"), "aborted by its program"),
        (format!("{USED} 2 > FA\n 2.01 < A\n 2.02 < PA +9\n 2.03 > R"), "took nothing more"),
        (format!("{LEFT} 1.9 > RA opt"), "unprompted"),
        (format!("{USED} 1.5 > PA +9\n 1.51 < R ttl=60"), "another machine on the path"),
    ];
    for (script, how) in cases {
        assert!(told(&script).contains(how), "{how}: {}", told(&script));
    }
}

#[test]
fn whoever_says_that_packets_are_too_big_makes_the_cause_certain() {
    let large = "2 < A +1400\n 2.2 < A +1400 seq=-1400\n 2.6 < A +1400 seq=-1400\n 3.4 < A +1400 seq=-1400\n";
    for (from, kind, code, certainty) in [
        ("203.0.113.9", 3, 4, Certainty::Certain),
        ("203.0.113.9", 3, 1, Certainty::Possible),
        ("2001:db8::9", 2, 0, Certainty::Certain),
        ("2001:db8::9", 1, 0, Certainty::Possible),
    ] {
        let mut scene =
            scene(&format!("{USED}{large} 6 < A +1400 seq=-1400\n 6.5 > PA +20 ack=-1400\n 7 end"));
        let error = IcmpError { seen: scene.capture.last, from: from.parse().unwrap(), kind, code, count: 1 };
        scene.connection.observe_icmp(scene.client.peer(), error);
        assert_eq!(
            found(&scene, "large-segments-lost").cause.unwrap().certainty,
            certainty,
            "{from} {kind}/{code}"
        );
    }
}
