//! Scenes of services that hang, restart, stall or lose segments.

use super::*;

/// The patterns of that name.
fn named(name: &str, connections: Vec<Connection>, end: f64) -> Vec<String> {
    let all = found(connections, end);
    all.into_iter().filter(|line| line.split(' ').nth(1) == Some(name)).collect()
}

#[test]
fn a_restart_closes_all_at_once() {
    let late = |n: usize, at: f64| {
        Talk::open(&client(n), SERVICE, IRREGULAR[n]).fin(Client, IRREGULAR[n] + 1.0).fin(Server, at).done()
    };
    let anew = || Talk::open(&client(99), SERVICE, 1_310.0).done();
    let restart = |n: usize| (0..n).map(|n| late(n, 1_300.0 + 0.1 * n as f64));
    let all = restart(4).chain([anew()]).collect();
    assert_eq!(named("restart-seen", all, 2_000.0), [format!("Likely restart-seen {SERVICE}")]);
    assert!(named("restart-seen", restart(4).collect(), 2_000.0).is_empty(), "nobody came back");
    assert!(
        named("restart-seen", restart(2).chain([anew()]).collect(), 2_000.0).is_empty(),
        "two are no burst"
    );
    let each_late = (0..4).map(|n| late(n, IRREGULAR[n] + 31.0)).chain([anew()]);
    assert!(named("restart-seen", each_late.collect(), 2_000.0).is_empty(), "each closed by itself");
}

#[test]
fn a_pool_is_exhausted_when_nobody_is_answered_any_more() {
    let held =
        |n: usize| Talk::open(&client(n), SERVICE, IRREGULAR[n]).fin(Client, IRREGULAR[n] + 1.0).done();
    let vain =
        |n: usize| Talk::connect(&client(50 + n), SERVICE, 800.0 + 7.0 * n as f64).say(Client, 900.0).done();
    let scene = |holding: usize, waiting: usize| (0..holding).map(held).chain((0..waiting).map(vain));
    let pool = |all: Vec<Connection>| named("pool-exhausted", all, 2_000.0);
    assert_eq!(pool(scene(4, 2).collect()), [format!("Likely pool-exhausted {SERVICE}")]);
    assert_eq!(pool(scene(4, 1).collect()), [format!("Possible pool-exhausted {SERVICE}")]);
    assert!(pool(scene(4, 0).collect()).is_empty(), "nobody asks: that is no proof");
    assert!(pool(scene(2, 2).collect()).is_empty(), "two held are no pool");
    let answered = Talk::open(&client(99), SERVICE, 1_500.0).done();
    assert!(pool(scene(4, 2).chain([answered]).collect()).is_empty(), "somebody is served");
}

#[test]
fn a_stall_ends_for_everybody_at_once() {
    let talk = |n: usize, asked: f64, answered: f64| {
        Talk::open(&client(n), SERVICE, asked - 2.0).say(Client, asked).say(Server, answered).done()
    };
    let stall = |n: usize| (0..n).map(|n| talk(n, 100.0 + 2.0 * n as f64, 115.0 + 0.01 * n as f64)).collect();
    assert_eq!(named("service-stall", stall(4), 300.0), [format!("Likely service-stall {SERVICE}")]);
    assert!(named("service-stall", stall(2), 300.0).is_empty(), "two are not everybody");
    let slow = (0..4).map(|n| talk(n, 100.0 + 2.0 * n as f64, 107.0 + 2.0 * n as f64)).collect();
    assert!(named("service-stall", slow, 300.0).is_empty(), "slow each by itself");
    let together = (0..4).map(|n| talk(n, 100.0 + 0.01 * n as f64, 107.0 + 0.01 * n as f64)).collect();
    assert!(named("service-stall", together, 300.0).is_empty(), "asked together, answered together");
    let served: Vec<_> = stall(4);
    let meanwhile = talk(9, 108.0, 111.0);
    let with_other = served.into_iter().chain([meanwhile]).collect();
    assert!(named("service-stall", with_other, 300.0).is_empty(), "somebody was answered meanwhile");
    let also_slow = |n: usize, asked: f64| {
        let stalled = Talk::open(&client(n), SERVICE, 90.0).say(Client, asked).say(Server, 115.0);
        stalled.say(Client, 150.0 + n as f64).say(Server, 180.0 + 3.0 * n as f64)
    };
    let waited_longer = (0..4).map(|n| also_slow(n, 100.0 + 2.0 * n as f64).done());
    assert_eq!(
        named("service-stall", waited_longer.collect(), 300.0).len(),
        1,
        "its longest wait was another"
    );
    let often = |n: usize| {
        let slow =
            also_slow(n, 100.0 + 2.0 * n as f64).say(Client, 200.0).say(Server, 204.0 + 3.0 * n as f64);
        slow.say(Client, 250.0).say(Server, 255.0 + 3.0 * n as f64).done()
    };
    assert!(named("service-stall", (0..4).map(often).collect(), 300.0).is_empty(), "it waits by habit");
    // Long polling: everybody waits all the time, and one event answers all.
    let poll = |n: usize| {
        let asked = 100.0 + 2.0 * n as f64;
        let poll = Talk::connect(&client(n), SERVICE, asked).say(Client, asked + 0.1).say(Server, 115.0);
        poll.say(Client, 115.5 + 2.0 * n as f64).say(Server, 140.0).done()
    };
    assert!(named("service-stall", (0..4).map(poll).collect(), 300.0).is_empty(), "waiting is the purpose");
}

#[test]
fn loss_needs_enough_repetitions_that_were_answered() {
    let lossy = |times: usize, good: usize| {
        let mut talk = Talk::open(&client(0), SERVICE, 1.0);
        for n in 0..times + good {
            let at = 10.0 + 5.0 * n as f64;
            talk = talk.calls(Client, at, if n < times { 2 } else { 1 }).acks(Server);
        }
        named("lossy-path", vec![talk.done()], 5_000.0)
    };
    assert_eq!(lossy(25, 100), [format!("Likely lossy-path {SERVICE}")]);
    assert!(lossy(10, 100).is_empty(), "too few");
    assert!(lossy(0, 200).is_empty());
    let asleep = |n: usize| {
        let away =
            Talk::open(&client(n), SERVICE, 1.0 + n as f64).calls(Server, 100.0 + n as f64, 7).acks(Client);
        away.say(Client, 200.0).done()
    };
    assert!(named("lossy-path", (0..8).map(asleep).collect(), 1_000.0).is_empty(), "cut off for a while");
    let dead = (0..8).map(|n| dies(Talk::open(&client(n), SERVICE, 1.0 + n as f64), 400.0 + n as f64).done());
    assert!(named("lossy-path", dead.collect(), 1_000.0).is_empty(), "what is dead is not lost");
}

#[test]
fn failures_of_one_age_or_one_period() {
    let aborted_at = |ages: &[f64]| {
        let talk = |(n, &age): (usize, &f64)| {
            let began = IRREGULAR[n];
            Talk::open(&client(n), SERVICE, began).say(Server, began + age).reset(Client, 64).done()
        };
        named("pattern-in-time", ages.iter().enumerate().map(talk).collect(), 3_000.0)
    };
    let expected = [format!("Likely pattern-in-time {SERVICE}")];
    assert_eq!(aborted_at(&[600.0, 600.2, 599.9, 600.1]), expected);
    assert!(aborted_at(&[600.0, 600.2, 599.9]).is_empty(), "three are too few");
    assert!(aborted_at(&[600.0, 250.0, 90.0, 333.0]).is_empty());
    let leaks_at = |times: &[f64]| {
        let talk = |(n, &at): (usize, &f64)| Talk::open(&client(n), SERVICE, at).fin(Client, at + 1.0).done();
        named("pattern-in-time", times.iter().enumerate().map(talk).collect(), 3_000.0)
    };
    assert_eq!(leaks_at(&[60.0, 360.0, 660.5, 960.0, 1_260.2]), expected);
    assert!(leaks_at(&[60.0, 360.0, 660.5, 960.0]).is_empty(), "four are too few");
    assert!(leaks_at(&IRREGULAR).is_empty());
}

#[test]
fn a_leak_in_front_of_a_service_that_hangs() {
    const BEHIND: &str = "203.0.113.4:3306";
    let front = |n: usize| {
        let began = 200.0 + IRREGULAR[n];
        Talk::open(&client(n), SERVICE, began).fin(Client, began + 1.0).done()
    };
    let behind = |n: usize, at: f64| {
        Talk::open(&format!("198.51.100.9:{}", 33_000 + n), BEHIND, at).say(Client, at + 5.0)
    };
    let chain =
        |behind: Vec<Connection>| named("leak-chain", (0..4).map(front).chain(behind).collect(), 2_000.0);
    let hangs = (0..3).map(|n| behind(n, 100.0 + n as f64).done()).collect();
    assert_eq!(chain(hangs), [format!("Possible leak-chain {BEHIND}")]);
    let answers = (0..3).map(|n| behind(n, 100.0 + n as f64).say(Server, 130.0).done()).collect();
    assert!(chain(answers).is_empty(), "the one behind answers");
    let later = (0..3).map(|n| behind(n, 1_500.0 + n as f64).done()).collect();
    assert!(chain(later).is_empty(), "it hung only afterwards");
    assert!(chain(Vec::new()).is_empty(), "nothing behind is seen");
}

#[test]
fn a_proxy_that_asks_from_another_address_is_known_by_its_times() {
    const BEHIND: &str = "203.0.113.4:3306";
    let front = |n: usize| {
        let asked = 200.0 + IRREGULAR[n];
        Talk::connect(&client(n), SERVICE, asked - 1.0).say(Client, asked).fin(Client, asked + 30.0).done()
    };
    let behind = |n: usize, after: f64| {
        let asked = 200.0 + IRREGULAR[n] + after;
        let from = format!("203.0.113.1:{}", 33_000 + n);
        Talk::connect(&from, BEHIND, asked - 0.5).say(Client, asked).done()
    };
    let chain =
        |behind: Vec<Connection>| named("leak-chain", (0..4).map(front).chain(behind).collect(), 2_000.0);
    let follow: Vec<_> = (0..4).map(|n| behind(n, 0.03)).collect();
    assert_eq!(chain(follow.clone()), [format!("Possible leak-chain {BEHIND}")]);
    assert!(chain((0..4).map(|n| behind(n, 0.5)).collect()).is_empty(), "they follow too late");
    assert!(chain((0..2).map(|n| behind(n, 0.03)).collect()).is_empty(), "two are chance");
    let also_client = Talk::open("203.0.113.1:50000", SERVICE, 5.0).fin(Client, 7.0).done();
    let asks_both = follow.into_iter().chain([also_client]).collect();
    assert!(chain(asks_both).is_empty(), "a client of the front asks both by itself");
}

#[test]
fn every_pattern_has_a_text() {
    for pattern in PATTERNS {
        let text = crate::knowledge::explain(pattern.name()).unwrap();
        assert_eq!(text.name, pattern.name());
    }
}

#[test]
fn a_connection_on_both_sides_of_a_translation_is_one() {
    let leak =
        |client: &str, service: &str, at: f64| Talk::open(client, service, at).fin(Client, at + 1.0).done();
    let renumbered = |n: u32, talk: Connection| {
        let mut talk = talk;
        talk.tallies.iter_mut().for_each(|tally| tally.isn = tally.isn + 100_000 * n);
        talk
    };
    const FRONT: &str = "203.0.113.1:5000";
    let both = |n: usize| {
        let at = IRREGULAR[n];
        let [outside, inside] =
            [leak(&client(n), FRONT, at), leak(&format!("203.0.113.1:{}", 30_000 + n), SERVICE, at)];
        [outside, inside].map(|talk| renumbered(n as u32, talk))
    };
    let told = found((0..4).flat_map(both).collect(), 2_000.0);
    assert!(told.contains(&"Certain translated-twice the capture".to_owned()), "{told:?}");
    assert!(told.iter().all(|line| !line.contains("leak-chain")), "{told:?}");
    let alike = (0..3).map(|n| leak(&client(n), SERVICE, IRREGULAR[0] + 0.01 * n as f64)).collect();
    assert!(named("translated-twice", alike, 2_000.0).is_empty(), "numbers that a program sets");
    let later = |n: usize| renumbered(0, leak(&client(n), SERVICE, IRREGULAR[n]));
    assert!(
        named("translated-twice", (0..2).map(later).collect(), 2_000.0).is_empty(),
        "not passed on at once"
    );
}
