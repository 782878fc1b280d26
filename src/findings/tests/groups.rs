//! Words for several findings at once, and the phrases that rules share.

use super::words::{before_end, clock, connections, count, once_in, thousands, times};
use super::*;

/// The words for a finding of that rule, told for so many connections of so many.
fn told_of(scene: &Scene, name: &str, members: usize, of: u64) -> Words {
    scene.with(|case| {
        let found = judge(case).findings.into_iter().find(|finding| finding.name == name).unwrap();
        let members = vec![(case, &found); members];
        rule(name).unwrap().words(&Group { place: "there".into(), members, of, capture: &scene.capture })
    })
}

fn owing() -> Scene {
    scene("1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n 9 end")
}

#[test]
fn numbers_are_readable() {
    for (n, text) in [
        (0, "0"),
        (12, "12"),
        (999, "999"),
        (1_000, "1,000"),
        (12_345, "12,345"),
        (123_456, "123,456"),
        (1_234_567, "1,234,567"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ] {
        assert_eq!(thousands(n), text);
    }
    for (chance, text) in [
        (2.0, "once in 1"),
        (0.5, "once in 2"),
        (1.0 / 1_250.0, "once in 1,250"),
        (1e-6, "less than once in a million"),
        (0.0, "less than once in a million"),
    ] {
        assert_eq!(once_in(chance), text, "{chance}");
    }
    assert_eq!(
        [connections(0), connections(1), connections(1_000)],
        ["0 connections", "1 connection", "1,000 connections"]
    );
    assert_eq!(
        [count(0, "frame"), count(1, "frame"), count(2, "frame")],
        ["0 frames", "1 frame", "2 frames"]
    );
    assert_eq!(before_end(Span::millis(118)), "118 ms before the end of the capture");
    assert_eq!(before_end(Span::ZERO), "at the very end of the capture");
    assert_eq!([times(1), times(2), times(1_000)], ["once", "2 times", "1,000 times"]);
    assert_eq!(clock(Timestamp::new(1_700_000_000, 0)), "22:13:20 UTC");
    assert_eq!(clock(Timestamp::new(3_600, 0)), "01:00:00", "no date, no zone");
}

#[test]
fn what_fails_together_is_said_to() {
    let dead = |from: f64| {
        let used = (1..).map(|n| 0.9 * f64::from(n)).take_while(|at| *at < from);
        let used: String = used.map(|at| format!("{at} > PA +9\n {} < A\n", at + 0.1)).collect();
        let times = [0.0, 0.2, 0.6, 1.4, 3.0].into_iter().enumerate();
        let again = |(n, after)| format!("{} > PA +9{}\n", from + after, if n > 0 { " seq=-9" } else { "" });
        scene(&format!("{used}{} 39 end", times.map(again).collect::<String>()))
    };
    let says = |all: [&Scene; 3]| {
        let [one, two, three] = all;
        one.with(|one| {
            two.with(|two| {
                three.with(|three| {
                    let cases = [one, two, three];
                    let found = cases.map(|case| judge(case).findings.swap_remove(0));
                    let members = cases.into_iter().zip(&found).collect();
                    let group = Group { place: "there".into(), members, of: 0, capture: one.capture };
                    rule("unacked-data").unwrap().words(&group).says
                })
            })
        })
    };
    let (now, soon, later) = (dead(1.5), dead(1.9), dead(14.0));
    assert!(says([&now, &soon, &now]).ends_with("All 3 within 400 ms: something happened at that moment."));
    assert!(says([&now, &soon, &later]).ends_with("or the host is gone."), "one after the other");
    let pair = told_of(&now, "unacked-data", 2, 0).says;
    assert!(pair.ends_with("or the host is gone."), "two may be chance: {pair}");
}

#[test]
fn how_many_of_how_many_is_said_where_it_is_known() {
    for (members, of, text) in [
        (1, 1, "its only connection"),
        (1, 2, "1 of its 2 connections"),
        (1, 0, "one connection"),
        (3, 1_200, "3 of its 1,200 connections"),
        (3, 1, "3 connections"),
        (3, 0, "3 connections"),
    ] {
        let headline = told_of(&owing(), "missing-fin", members, of).headline;
        assert_eq!(headline, format!("there owes its FIN on {text}"), "{members} of {of}");
    }
}

#[test]
fn a_group_lasts_as_long_as_its_longest() {
    owing().with(|case| {
        let mut found = judge(case).findings.remove(0);
        let lasted = |seconds| Some(Lasted { span: Span::secs(seconds), at_least: seconds > 5 });
        found.lasted = lasted(5);
        let (longest, none) =
            (Finding { lasted: lasted(9), ..found.clone() }, Finding { lasted: None, ..found.clone() });
        for (members, text) in
            [(vec![&found, &longest, &none], ": at least 9 s."), (vec![&found, &none], ": 5 s.")]
        {
            let members = members.into_iter().map(|finding| (case, finding)).collect();
            let group = Group { place: "there".into(), members, of: 0, capture: case.capture };
            let says = rule("missing-fin").unwrap().words(&group).says;
            assert!(says.ends_with(text), "{says}");
        }
    });
}

#[test]
fn a_rate_takes_five_in_ten_minutes() {
    owing().with(|case| {
        let found = judge(case).findings.remove(0);
        for (members, minutes, rate) in
            [(4, 60, None), (5, 9, None), (5, 10, Some("24.0")), (5, 120, Some("2.0")), (7, 60, Some("6.0"))]
        {
            let nth = |n: i64| {
                let at = Timestamp::new(0, 0) + Span::secs(60 * minutes * n / (members - 1));
                Finding { since: Some(Stamp { at, frame: 1 }), ..found.clone() }
            };
            let all: Vec<_> = (0..members).rev().map(nth).collect();
            let members = all.iter().map(|finding| (case, finding)).collect();
            let group = Group { place: "there".into(), members, of: 0, capture: case.capture };
            let says = rule("missing-fin").unwrap().words(&group).says;
            match rate {
                Some(rate) => assert!(says.contains(&format!("; {rate} more per hour.")), "{says}"),
                None => assert!(!says.contains("per hour"), "{says}"),
            }
        }
    });
}

#[test]
fn who_reset_a_close_wait_is_told_of_each() {
    let left = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n";
    let told = |all: &[&Case<'_>]| {
        let name = "close-wait-aborted";
        let found: Vec<_> = all
            .iter()
            .map(|case| judge(case).findings.into_iter().find(|finding| finding.name == name).unwrap())
            .collect();
        let members = all.iter().copied().zip(&found).collect();
        rule(name).unwrap().words(&Group { place: "there".into(), members, of: 0, capture: all[0].capture })
    };
    let [own, peer] = ["9 < RA opt", "9 > RA opt"].map(|reset| scene(&format!("{left}{reset}")));
    own.with(|own| {
        peer.with(|peer| {
            let says = |all: &[&Case<'_>]| told(all).says;
            assert!(says(&[own, own]).ends_with("instead of its FIN (frame 8)."), "{}", says(&[own, own]));
            assert!(says(&[own, peer, own]).ends_with("(frame 8), on 1 of them its peer did."));
            assert!(told(&[peer, peer]).headline.contains("had not closed when its peers reset"));
        });
    });
}
