//! Scenes made up of conversations, and what the patterns say of them: for every pattern what it must find, what it must
//! not, and what is too little to tell.

mod services;

use super::talk::{Client, Server, Talk, Who, time};
use super::*;
use crate::tcp::Connection;

/// What is found: name, place, certainty, and the interval in seconds where there is one.
fn found(connections: Vec<Connection>, end: f64) -> Vec<String> {
    let outcome = Outcome::of(connections, time(end));
    let seconds = |span: crate::wire::Span| span.0 / 1_000_000_000;
    let line = |finding: &PatternFinding| {
        let interval = match &finding.data {
            Some(Data::Interval(interval)) => format!(
                " {:?} {}..{}",
                interval.clock,
                interval.above.map_or("?".into(), |span| seconds(span).to_string()),
                interval.at_most.map_or("?".into(), |span| seconds(span).to_string()),
            ),
            Some(Data::Curve(curve)) => format!(" peak {}", curve.peak.close_wait),
            Some(Data::Graph(_)) | None => String::new(),
        };
        format!("{:?} {} {}{interval}", finding.fact, finding.name, finding.place)
    };
    judge(&outcome, None).iter().map(line).collect()
}

fn client(n: usize) -> String {
    format!("192.0.2.7:{}", 40_000 + n)
}

/// Moments without a pattern.
const IRREGULAR: [f64; 8] = [3.0, 71.0, 230.0, 262.0, 421.0, 730.0, 775.0, 1_118.0];

const SERVICE: &str = "198.51.100.9:5000";

/// Connections of which each was silent for so long, one starting a minute after the other, and spoke again.
fn silent_for(seconds: &[f64], mut end: impl FnMut(Talk, f64) -> Talk) -> Vec<Connection> {
    let talk = |(n, &s): (usize, &f64)| {
        let began = 60.0 * n as f64;
        end(Talk::open(&client(n), SERVICE, began), began + s).done()
    };
    seconds.iter().enumerate().map(talk).collect()
}

fn lives(talk: Talk, at: f64) -> Talk {
    talk.say(Client, at)
}

fn dies(talk: Talk, at: f64) -> Talk {
    dies_of(Client, talk, at)
}

fn dies_of(who: Who, talk: Talk, at: f64) -> Talk {
    talk.calls(who, at, 6)
}

/// Other traffic of the same service, so that it is known to be alive to the end.
fn alive(from: f64, upto: f64) -> Connection {
    let mut talk = Talk::open("192.0.2.99:50000", SERVICE, from);
    let mut at = from + 1.0;
    while at < upto {
        at += 0.9;
        talk = talk.say(Client, at);
    }
    talk.done()
}

/// Silences on one path that were survived and that were not, while the service lives on.
fn ladder(survived: &[f64], failed: &[f64]) -> Vec<Connection> {
    let mut all = silent_for(survived, lives);
    let dead = failed.iter().enumerate().map(|(n, &s)| {
        let began = 30.0 + 60.0 * n as f64;
        dies(Talk::open(&client(100 + n), SERVICE, began), began + s).done()
    });
    all.extend(dead);
    all.push(alive(0.0, 2_000.0));
    all
}

const PATH: &str = "192.0.2.7 - 198.51.100.9:5000";

#[test]
fn a_timer_is_bracketed_by_what_lived_and_what_died() {
    let all = ladder(&[100.0, 200.0, 280.0, 290.0, 295.0], &[310.0, 330.0, 400.0]);
    assert_eq!(found(all, 2_100.0), [format!("Likely path-idle-timeout {PATH} Any 294..309")]);
}

#[test]
fn no_timer_is_claimed_where_nothing_died() {
    assert!(found(ladder(&[100.0, 200.0, 290.0, 600.0], &[]), 2_100.0).is_empty());
}

#[test]
fn little_evidence_makes_a_possible_timer_and_a_single_death_none() {
    let possible = found(ladder(&[100.0, 290.0], &[310.0]), 2_100.0);
    assert_eq!(possible, [format!("Possible path-idle-timeout {PATH} Any 289..309")]);
    let upper_bound = found(ladder(&[], &[310.0, 330.0]), 2_100.0);
    assert_eq!(upper_bound, [format!("Possible path-idle-timeout {PATH} Any ?..309")]);
    assert!(found(ladder(&[], &[310.0]), 2_100.0).is_empty());
}

#[test]
fn whoever_may_have_sent_its_fin_before_the_capture_is_no_witness() {
    let pushed = |n: usize, s: f64, answers: bool| {
        let began = 60.0 * n as f64;
        let talk = Talk::older(&client(n), SERVICE, began);
        let talk = if answers { talk.say(Client, began) } else { talk };
        dies_of(Server, talk.say(Server, began + 1.0), began + 1.0 + s).done()
    };
    let failed = |answers: bool| {
        let mut all = ladder(&[100.0, 200.0, 280.0, 290.0, 295.0], &[]);
        all.extend([310.0, 330.0, 400.0].iter().enumerate().map(|(n, &s)| pushed(50 + n, s, answers)));
        // The client is heard elsewhere all the time.
        all.extend((0..140).map(|n| Talk::open(&client(901), SERVICE, 2_900.0 + 10.0 * f64::from(n)).done()));
        found(all, 4_300.0)
    };
    assert_eq!(failed(false), Vec::<String>::new(), "it only acknowledged");
    assert_eq!(failed(true), [format!("Likely path-idle-timeout {PATH} Any 294..309")]);
}

#[test]
fn a_little_overlap_is_a_sweep_only_if_the_timer_is_long() {
    // Two of each, so that it is no single exception.
    let crossed = |upto: f64, from: f64| {
        let survived = [upto / 4.0, upto / 2.0, upto * 0.9, upto - 0.2, upto];
        found(ladder(&survived, &[from, from + 0.1, from + 0.5, upto * 2.0]), 3_000.0)
    };
    assert_eq!(crossed(308.0, 300.0), [format!("Possible path-idle-timeout {PATH} Any 289..299")]);
    assert_eq!(
        crossed(11.0, 3.0),
        [format!("Possible path-idle-timeout {PATH} Any ?..?")],
        "no single timer"
    );
}

#[test]
fn loss_right_after_a_silence_is_survival() {
    let answers: [fn(Talk) -> Talk; 2] = [|talk| talk.acks(Server), |talk| talk.says_deaf(Server)];
    for answer in answers {
        let mut all = silent_for(&[400.0, 500.0], |talk, at| answer(talk.calls(Client, at, 4)));
        all.push(alive(0.0, 2_000.0));
        assert_eq!(found(all, 2_100.0), Vec::<String>::new());
    }
}

#[test]
fn two_boxes_have_two_timers() {
    let mut all = ladder(&[100.0, 200.0, 280.0, 290.0, 295.0], &[310.0, 330.0, 400.0]);
    let other = "203.0.113.4:443";
    for (n, s) in [500.0, 700.0, 800.0, 850.0, 880.0].into_iter().enumerate() {
        let began = 10.0 + 60.0 * n as f64;
        all.push(lives(Talk::open(&client(200 + n), other, began), began + s).done());
    }
    for (n, s) in [910.0, 950.0, 1_000.0].into_iter().enumerate() {
        let began = 40.0 + 60.0 * n as f64;
        all.push(dies(Talk::open(&client(300 + n), other, began), began + s).done());
    }
    all.push(Talk::open(&client(400), other, 1_900.0).done());
    let both = found(all, 2_100.0);
    assert_eq!(
        both,
        [
            format!("Likely path-idle-timeout {PATH} Any 294..309"),
            format!("Likely path-idle-timeout 192.0.2.7 - {other} Any 879..909"),
        ]
    );
}

#[test]
fn two_boxes_a_dead_host_a_loss_and_a_servers_own_limit_are_kept_apart() {
    let mut all = ladder(&[100.0, 200.0, 280.0, 290.0, 295.0], &[310.0, 330.0, 400.0]);
    // Lost three times right after a silence, and answered then.
    let lossy = Talk::open(&client(150), SERVICE, 45.0);
    all.push(lossy.calls(Client, 345.0 - 45.0, 4).acks(Server).done());
    let other = "203.0.113.4:443";
    for (n, s) in [500.0, 700.0, 800.0, 850.0, 880.0, 910.0, 950.0, 1_000.0].into_iter().enumerate() {
        let talk = Talk::open(&client(200 + n), other, 10.0 + 60.0 * n as f64);
        let at = 10.0 + 60.0 * n as f64 + s;
        all.push(if s > 900.0 { dies(talk, at) } else { lives(talk, at) }.done());
    }
    all.push(Talk::open(&client(400), other, 1_950.0).done());
    let dead = "203.0.113.66:22";
    for (n, began) in [1_000.0, 1_200.0, 1_500.0, 1_650.0].into_iter().enumerate() {
        all.push(dies(Talk::open(&client(300 + n), dead, began), 1_700.0 + n as f64).done());
    }
    // It comes back, so that only its having been gone for all of them tells it from a box.
    all.push(Talk::open(&client(390), dead, 2_000.0).done());
    let limited = "203.0.113.8:25";
    for n in 0..3 {
        let began = 77.0 * f64::from(n);
        let talk = Talk::open(&client(500 + n as usize), limited, began);
        all.push(talk.fin(Server, began + 120.0).fin(Client, began + 120.1).done());
    }
    let told = found(all, 2_100.0);
    let expected = [
        "Likely outage 203.0.113.66".to_string(),
        format!("Likely path-idle-timeout {PATH} Any 294..309"),
        format!("Likely path-idle-timeout 192.0.2.7 - {other} Any 879..909"),
        format!("Likely server-idle-timeout {limited}"),
    ];
    assert!(told.len() == 4 && expected.iter().all(|line| told.contains(line)), "{told:#?}");
}

#[test]
fn thin_paths_of_one_network_are_taken_together() {
    let from = |n: usize| format!("192.0.2.{}:40000", 10 + n);
    let mut all = vec![alive(0.0, 2_000.0)];
    for (n, s) in [100.0, 200.0, 280.0, 290.0, 295.0].into_iter().enumerate() {
        all.push(lives(Talk::open(&from(n), SERVICE, 60.0 * n as f64), 60.0 * n as f64 + s).done());
    }
    for (n, s) in [310.0, 330.0, 400.0].into_iter().enumerate() {
        let began = 30.0 + 60.0 * n as f64;
        all.push(dies(Talk::open(&from(20 + n), SERVICE, began), began + s).done());
    }
    let expected = "Likely path-idle-timeout 192.0.2.0/24 - 198.51.100.9:5000 Any 294..309";
    assert_eq!(found(all, 2_100.0), [expected]);
}

#[test]
fn a_dead_host_is_an_outage_and_no_timer() {
    let mut all = vec![alive(0.0, 900.0)];
    // All of them speak at about the same moment, after silences of any length, while nothing of the host is heard.
    for (n, began) in [0.0, 200.0, 500.0, 700.0].into_iter().enumerate() {
        all.push(dies(Talk::open(&client(n), SERVICE, began), 1_000.0 + n as f64).done());
    }
    all.push(alive(1_500.0, 1_600.0));
    assert_eq!(found(all.clone(), 2_100.0), ["Likely outage 198.51.100.9"]);
    // Two are not many: nothing is said of them together.
    let few: Vec<_> = all.iter().filter(|connection| connection.first.at < time(300.0)).cloned().collect();
    assert!(found(few, 2_100.0).is_empty());
    // The same with somebody being answered meanwhile: the host lives, so that it was the path.
    all.push(alive(900.0, 1_500.0));
    assert_eq!(found(all, 2_100.0), [format!("Possible path-idle-timeout {PATH} Any ?..302")]);
}

#[test]
fn a_host_that_a_router_cannot_reach_is_an_outage_whatever_the_silences() {
    let dead = |n: usize| {
        let talk = Talk::open(&client(n), SERVICE, 600.0 + 0.5 * n as f64);
        talk.calls(Client, 610.0 + 0.6 * n as f64, 4).unreachable().done()
    };
    let others = [alive(0.0, 600.0)];
    let scene = |n: usize| found((0..n).map(dead).chain(others.clone()).collect(), 700.0);
    assert_eq!(scene(5), ["Likely outage 198.51.100.9"]);
    assert_eq!(scene(2), Vec::<String>::new(), "two are not many, and a router's word is no timer");
}

#[test]
fn a_client_that_may_be_asleep_is_no_witness() {
    let push = |n: usize, s: f64, speak: fn(Talk, f64) -> Talk| {
        let began = 60.0 * n as f64;
        speak(Talk::open(&client(n), SERVICE, began), began + s).done()
    };
    let survived = [100.0, 200.0, 280.0, 290.0, 295.0];
    let failed = [310.0, 330.0, 400.0];
    let mut all: Vec<_> =
        survived.iter().enumerate().map(|(n, &s)| push(n, s, |talk, at| talk.say(Server, at))).collect();
    all.extend(
        failed.iter().enumerate().map(|(n, &s)| push(20 + 5 * n, s, |talk, at| talk.calls(Server, at, 6))),
    );
    all.push(Talk::open(&client(900), SERVICE, 2_500.0).done());
    assert_eq!(found(all.clone(), 2_600.0), Vec::<String>::new(), "heard later, but not meanwhile");
    all.extend((0..80).map(|n| Talk::open(&client(901), SERVICE, 2.0 + 30.0 * f64::from(n)).done()));
    let awake = found(all, 2_600.0);
    assert_eq!(
        awake,
        [format!("Likely path-idle-timeout {PATH} Any 294..309")],
        "the client was heard all along"
    );
}

#[test]
fn a_host_that_forgets_is_no_witness() {
    let mut all = ladder(&[100.0, 200.0, 280.0, 290.0, 295.0], &[310.0, 330.0, 400.0]);
    let own_hop_limit = 57;
    all.push(
        Talk::open(&client(900), SERVICE, 600.0).calls(Client, 800.0, 1).reset(Server, own_hop_limit).done(),
    );
    assert!(found(all, 2_100.0).is_empty());
}

#[test]
fn a_foreign_reset_is_a_witness() {
    let mut all = silent_for(&[100.0, 200.0, 280.0, 290.0, 295.0], lives);
    for (n, s) in [310.0, 330.0, 400.0].into_iter().enumerate() {
        let talk = Talk::open(&client(100 + n), SERVICE, 30.0 * n as f64);
        all.push(talk.calls(Client, 30.0 * n as f64 + s, 1).reset(Server, 63).done());
    }
    assert_eq!(found(all, 2_100.0), [format!("Likely path-idle-timeout {PATH} Any 294..309")]);
}

#[test]
fn a_timer_that_counts_payload_is_told_from_one_that_counts_segments() {
    let with_probes = |n: usize, began: f64, s: f64| {
        let mut talk = Talk::open(&client(n), SERVICE, began);
        let mut at = 60.0;
        while at < s.min(305.0) {
            talk = talk.probe(Client, began + at);
            at += 60.0;
        }
        talk
    };
    let mut all = vec![alive(0.0, 2_000.0)];
    for (n, s) in [100.0, 200.0, 280.0, 290.0, 295.0, 297.0].into_iter().enumerate() {
        let began = 60.0 * n as f64;
        all.push(lives(with_probes(n, began, s), began + s).done());
    }
    for (n, s) in [310.0, 330.0, 400.0].into_iter().enumerate() {
        let began = 30.0 + 60.0 * n as f64;
        all.push(dies(with_probes(100 + n, began, s), began + s).done());
    }
    assert_eq!(found(all, 2_100.0), [format!("Likely path-idle-timeout {PATH} Payload 299..309")]);
}

#[test]
fn facts_that_cross_on_every_clock_are_no_single_timer() {
    let all = ladder(&[100.0, 320.0, 500.0, 600.0], &[200.0, 310.0, 400.0]);
    assert_eq!(found(all, 2_100.0), [format!("Possible path-idle-timeout {PATH} Any ?..?")]);
}

#[test]
fn a_coarse_sweep_and_a_single_wrong_witness_are_forgiven() {
    let coarse = found(ladder(&[100.0, 290.0, 316.0], &[310.0, 330.0, 400.0]), 2_100.0);
    assert_eq!(coarse, [format!("Possible path-idle-timeout {PATH} Any 299..309")]);
    let many: Vec<f64> = (0..30).map(|n| 200.0 + 3.0 * f64::from(n)).chain([900.0]).collect();
    let nearly = found(ladder(&many, &[310.0, 330.0, 400.0]), 3_100.0);
    assert_eq!(nearly, [format!("Likely path-idle-timeout {PATH} Any 286..309")]);
}

#[test]
fn a_service_that_closes_idle_connections_is_no_firewall() {
    let idle = |lengths: &[f64]| silent_for(lengths, |talk, at| talk.fin(Server, at).fin(Client, at + 0.1));
    let expected = "Likely server-idle-timeout 198.51.100.9:5000";
    assert_eq!(found(idle(&[120.0, 120.2, 120.1]), 2_100.0), [expected]);
    assert!(found(idle(&[120.0, 120.2]), 2_100.0).is_empty(), "two are too few");
    assert!(found(idle(&[120.0, 150.0, 300.0]), 2_100.0).is_empty(), "not constant");
    let at_once = (0..3).map(|n| {
        let talk = Talk::open(&client(n), SERVICE, 60.0 + 0.1 * n as f64);
        talk.fin(Server, 180.0).fin(Client, 180.1).done()
    });
    assert_eq!(found(at_once.clone().collect(), 2_100.0), [expected], "they began together");
    let leaked = Talk::open(&client(9), SERVICE, 30.0).fin(Client, 31.0).fin(Server, 180.0).done();
    let restart = at_once.chain([leaked]).collect();
    assert!(found(restart, 2_100.0).is_empty(), "what it had leaked was closed at that moment, too");
    // Beside a firewall's timer it counts for that as survival.
    let mut both = ladder(&[100.0, 200.0, 280.0, 290.0], &[310.0, 330.0, 400.0]);
    for (n, s) in [299.0, 299.1, 299.2].into_iter().enumerate() {
        let began = 15.0 + 60.0 * n as f64;
        both.push(
            Talk::open(&client(500 + n), SERVICE, began)
                .fin(Server, began + s)
                .fin(Client, began + s + 0.1)
                .done(),
        );
    }
    assert_eq!(
        found(both, 2_100.0),
        [format!("Likely path-idle-timeout {PATH} Any 299..309"), expected.into()]
    );
}

#[test]
fn a_shorter_timer_may_run_after_one_fin() {
    let half_closed = |n: usize, began: f64| Talk::open(&client(n), SERVICE, began).fin(Client, began + 1.0);
    let scene = |survived: &[f64], failed: &[f64]| {
        let elsewhere = |at: f64| Talk::open("192.0.2.7:39999", "198.51.100.8:1", at).done();
        let mut all = vec![alive(0.0, 2_000.0)];
        all.extend((0..60).map(|n| elsewhere(2.0 + 33.0 * f64::from(n))));
        for (n, &s) in survived.iter().enumerate() {
            let began = 60.0 * n as f64;
            all.push(half_closed(n, began).say(Server, began + 1.0 + s).done());
        }
        for (n, &s) in failed.iter().enumerate() {
            let began = 30.0 + 60.0 * n as f64;
            all.push(half_closed(100 + n, began).calls(Server, began + 1.0 + s, 6).done());
        }
        let all = found(all, 2_100.0);
        all.into_iter().filter(|line| line.contains("timeout")).collect::<Vec<_>>()
    };
    let likely = scene(&[20.0, 40.0, 50.0, 55.0, 58.0], &[65.0, 70.0, 90.0]);
    assert_eq!(likely, [format!("Likely half-closed-timeout {PATH} AfterFin 57..64")]);
    let possible = scene(&[50.0], &[65.0]);
    assert_eq!(possible, [format!("Possible half-closed-timeout {PATH} AfterFin 49..64")]);
    assert!(scene(&[], &[65.0]).is_empty());
    assert!(scene(&[50.0, 500.0], &[]).is_empty());
}

/// Eight that their clients leave, of which so many close late.
fn left(closed: usize) -> Vec<Connection> {
    let talk = |n: usize| {
        let talk = Talk::open(&client(n), SERVICE, IRREGULAR[n]).fin(Client, IRREGULAR[n] + 1.0);
        if n < closed { talk.fin(Server, 1_500.0 + n as f64).done() } else { talk.done() }
    };
    (0..8).map(talk).collect()
}

#[test]
fn a_buildup_says_what_stays_and_blames_the_program_no_surer_than_its_connections_do() {
    let told = |connections| {
        let outcome = Outcome::of(connections, time(2_100.0));
        let finding = judge(&outcome, None).into_iter().find(|found| found.name == "close-wait-buildup");
        let PatternFinding { cause, words, .. } = finding.unwrap();
        (cause.unwrap().certainty, words.advice[0].clone())
    };
    for (closed, says) in [
        (0, "What stays is a leak."),
        (3, "What stays is a leak."),
        (4, "Half of it or more does not stay"),
        (7, "Half of it or more does not stay"),
        (8, "It does not stay"),
    ] {
        let (_, advice) = told(left(closed));
        assert!(advice.starts_with(says), "{closed} of 8: {advice}");
    }
    assert_eq!(told(left(0)).0, Certainty::Possible, "nothing else of its host was heard since");
    let mut heard = left(0);
    heard.push(Talk::open(&client(99), SERVICE, 2_000.0).fin(Client, 2_001.0).fin(Server, 2_001.1).done());
    assert_eq!(told(heard).0, Certainty::Likely);
}

#[test]
fn close_wait_builds_up_from_five_on() {
    let leak = |n: usize| {
        let talk = |n: usize| {
            let began = IRREGULAR[n];
            Talk::open(&client(n), SERVICE, began).fin(Client, began + 1.0).done()
        };
        found((0..n).map(talk).collect(), 2_100.0)
    };
    assert_eq!(leak(8), ["Likely close-wait-buildup 198.51.100.9:5000 peak 8"]);
    assert!(leak(4).is_empty());
    // Of Multipath TCP, too: by DATA_FINs, whatever becomes of a subflow.
    let data_leak = |ends: fn(Talk, f64) -> Talk| {
        let talk = |began: &f64| {
            let left = Talk::open(&client(*began as usize), SERVICE, *began).data_fin(Client, began + 1.0);
            ends(left, began + 1.0).done()
        };
        found(IRREGULAR[..8].iter().map(talk).collect(), 2_100.0)
    };
    let built_up = ["Likely close-wait-buildup 198.51.100.9:5000 peak 8"];
    assert_eq!(data_leak(|talk, _| talk), built_up);
    assert_eq!(data_leak(|talk, at| talk.fin(Client, at + 30.0)), built_up);
    assert!(data_leak(|talk, at| talk.data_fin(Server, at + 0.1)).is_empty());
    // Closing late but one at a time, or going on to send, is no build-up.
    let late = silent_for(&[1.0; 8], |talk, at| talk.fin(Client, at).fin(Server, at + 30.0));
    assert!(found(late, 2_100.0).is_empty());
    let in_use = silent_for(&[1.0; 8], |talk, at| {
        let sends = (1..1_000).fold(talk.fin(Client, at), |talk, n| talk.say(Server, at + f64::from(n)));
        sends.fin(Server, at + 1_000.5)
    });
    assert_eq!(found(in_use, 2_100.0), Vec::<String>::new());
}
