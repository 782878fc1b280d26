//! The same large world, judged: whatever is disturbed, no finding whose fact is called certain is false.
//!
//! What a fact claims is about the capture point: that nothing of a kind passed there, or not before some time. So the
//! world keeps what passed, captured or not.

use std::collections::BTreeMap;

use cwait_pcap::findings::{
    CaptureFacts, Case, Certainty, Finding, Grace, HostFacts, Roles, ServiceFacts, judge,
};
use cwait_pcap::tcp::{Closure, replay};
use cwait_pcap::wire::{Side, Span, Stamp};

use super::sampled::{Dice, NETWORKS, Network, World, number};

/// Findings by name: how many, how many of them certain, how many of these false.
type Counts = BTreeMap<&'static str, [u64; 3]>;

fn findings(world: &World, end: Stamp, drops: Option<u64>) -> Vec<Finding> {
    let connection = &world.connection;
    let client = connection.opener().unwrap_or(Side::Lo);
    let roles = Roles { client, assumed: connection.opener().is_none() };
    let closure = Closure::of(connection, client);
    let capture = CaptureFacts {
        first: connection.first,
        last: end,
        frames: end.frame,
        drops,
        ..CaptureFacts::default()
    };
    let hosts =
        [0, 1].map(|x| HostFacts { last: connection.halves[x].last, fins: 1, ..HostFacts::default() });
    let case = Case {
        connection,
        roles,
        states: &Side::BOTH.map(|side| replay(connection, side)),
        closure: &closure,
        service: &ServiceFacts::default(),
        hosts: hosts.each_ref(),
        capture: &capture,
        grace: &Grace::default(),
        host: None,
    };
    judge(&case).findings
}

/// Whether what the finding claims is so; none where it claims nothing about what did not pass.
fn is_true(world: &World, finding: &Finding) -> Option<bool> {
    let side = finding.side?;
    let fins = || world.passed.iter().filter(move |passed| passed.side == side && passed.fin);
    let since = finding.since.map(|since| since.at);
    Some(match finding.name {
        // No FIN of it passed at all.
        "missing-fin" => fins().next().is_none(),
        // Its first one passed so late.
        "late-fin" => fins().next().is_none_or(|fin| {
            let took = fin.at - since.unwrap_or(fin.at);
            took + Span::millis(100) >= finding.lasted.map_or(Span::ZERO, |lasted| lasted.span)
        }),
        // Nobody acknowledged it.
        "unacked-fin" => !world.passed.iter().any(|passed| passed.side == side.peer() && passed.acks_fin),
        // Nothing of the other side passed after the silence.
        "dead-after-idle" | "keepalive-gave-up" => {
            !world.passed.iter().any(|passed| passed.side == side.peer() && Some(passed.at) > since)
        }
        _ => return None,
    })
}

fn judged(network: Network, conversations: u64, seed: u64, counts: &mut Counts) -> Vec<String> {
    let mut dice = Dice(seed);
    let mut wrong = Vec::new();
    for _ in 0..conversations {
        let start = dice.next();
        let mut world = World::new(start, network);
        for _ in 0..20 + dice.roll(100) {
            world.step();
        }
        world.settle();
        let later = Span::millis([0, 2_000, 90_000, 500_000][dice.roll(4) as usize]);
        let end = Stamp { at: world.clock + later, frame: u64::MAX };
        // Some formats tell how many packets the capture dropped, others do not.
        let drops = dice.percent(50).then_some(world.dropped);
        for finding in findings(&world, end, drops) {
            let count = counts.entry(finding.name).or_default();
            count[0] += 1;
            if finding.fact == Certainty::Certain
                && let Some(is_true) = is_true(&world, &finding)
            {
                count[1] += 1;
                count[2] += u64::from(!is_true);
                if !is_true && wrong.len() < 3 {
                    wrong.push(format!("world {start:#x}: {finding:?} of {:?}", world.passed));
                }
            }
        }
    }
    wrong
}

/// `OBSERVER_CONVERSATIONS` and `OBSERVER_SEED` as for the facts.
#[test]
fn what_is_called_certain_is_true() {
    let conversations = number("OBSERVER_CONVERSATIONS", 60_000);
    let seed = number("OBSERVER_SEED", 2);
    let mut sure = 0;
    for (n, network) in NETWORKS.into_iter().enumerate() {
        let network = network.with_pauses();
        let mut counts = Counts::new();
        let share = conversations / NETWORKS.len() as u64;
        let wrong = judged(network, share, seed ^ (n as u64) << 32, &mut counts);
        println!("{}: {share} conversations; findings, certain and checked, false: {counts:?}", network.name);
        assert!(wrong.is_empty(), "{}: {counts:?}\n{}", network.name, wrong.join("\n"));
        sure += counts.values().map(|count| count[1]).sum::<u64>();
    }
    assert!(sure > conversations / 100, "{sure} claims were checked");
}
