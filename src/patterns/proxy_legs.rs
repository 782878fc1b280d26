//! The two legs of a proxy with two addresses: it serves as one and asks its upstream as the other. Only time tells: each
//! request behind follows one in front.

use std::collections::HashSet;
use std::net::IpAddr;

use super::leak_chain::{Leg, Legs};
use super::scene::Scene;
use crate::findings::words::{once_in, thousands};
use crate::wire::{Span, Timestamp};

/// A request behind follows the one in front within this.
const FOLLOWS: Span = Span::millis(100);
/// So many legs on either side are compared, those with most requests that hang: every one with every other.
const COMPARED: usize = 300;
/// Fewer are chance.
const FEWEST: usize = 3;
/// By chance at most once in so many.
const ODDS: f64 = 1e-3;

/// Two addresses that are taken for one host.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Paired {
    pub(super) serves_as: IpAddr,
    pub(super) asks_as: IpAddr,
    /// Requests behind that hang, and how many of them followed one in front.
    behind: usize,
    follow: usize,
    chance: f64,
}

impl Paired {
    /// Why they are one.
    pub(super) fn because(&self) -> String {
        format!(
            "{} asks for {}: {} of its {} requests that hang followed one there within {FOLLOWS}, by chance {}",
            self.asks_as,
            self.serves_as,
            thousands(self.follow as u64),
            thousands(self.behind as u64),
            once_in(self.chance)
        )
    }
}

/// The other addresses of hosts that leak, by the times of the requests that hang on both legs.
pub(super) fn proxy_legs<'a>(
    scene: &Scene<'_>,
    fronts: impl Iterator<Item = (&'a (IpAddr, IpAddr, u16), &'a Leg)>,
    legs: &Legs,
) -> Vec<Paired> {
    // An address that serves has its own name; a client of the front asks both by itself.
    let serving: HashSet<IpAddr> = legs.keys().map(|(_, server, _)| *server).collect();
    let asking: HashSet<(IpAddr, IpAddr)> =
        legs.keys().map(|(client, server, _)| (*client, *server)).collect();
    let fronts = most_troubled(fronts.map(|((_, serves_as, _), leg)| (*serves_as, leg)));
    let others =
        legs.iter().filter(|((client, ..), leg)| !serving.contains(client) && leg.troubled.len() >= FEWEST);
    let behind: Vec<_> = most_troubled(others.map(|((asks_as, ..), leg)| (*asks_as, leg)))
        .into_iter()
        .map(|(asks_as, leg)| (asks_as, requests(scene, leg)))
        .collect();
    let (mut paired, mut known) = (Vec::new(), HashSet::new());
    for (serves_as, front) in fronts {
        let asked = requests(scene, front);
        for (asks_as, behind) in &behind {
            if known.contains(asks_as) || asking.contains(&(*asks_as, serves_as)) {
                continue;
            }
            if let Some(pair) = pair(scene, [serves_as, *asks_as], &asked, behind) {
                known.insert(*asks_as);
                paired.push(pair);
            }
        }
    }
    paired
}

/// As many as are compared, in their order.
fn most_troubled<'a>(legs: impl Iterator<Item = (IpAddr, &'a Leg)>) -> Vec<(IpAddr, &'a Leg)> {
    let mut legs: Vec<_> = legs.collect();
    if legs.len() > COMPARED {
        legs.sort_by_key(|(_, leg)| std::cmp::Reverse(leg.troubled.len()));
        legs.truncate(COMPARED);
    }
    legs
}

fn pair(
    scene: &Scene<'_>,
    [serves_as, asks_as]: [IpAddr; 2],
    front: &[Timestamp],
    behind: &[Timestamp],
) -> Option<Paired> {
    let follows = |at: &&Timestamp| {
        let before = front.partition_point(|asked| asked <= *at);
        before > 0 && **at - front[before - 1] <= FOLLOWS
    };
    let follow = behind.iter().filter(follows).count();
    let covered = FOLLOWS.0 as f64 * front.len() as f64 / scene.outcome.capture.duration().0.max(1) as f64;
    let chance = covered.min(1.0).powi(i32::try_from(follow).unwrap_or(i32::MAX));
    let most = follow >= FEWEST && follow * 5 >= behind.len() * 4 && chance <= ODDS;
    most.then_some(Paired { serves_as, asks_as, behind: behind.len(), follow, chance })
}

/// When the clients last asked on those that hang; sorted.
fn requests(scene: &Scene<'_>, leg: &Leg) -> Vec<Timestamp> {
    let asked = |&(member, _): &(usize, _)| {
        let judged = scene.judged(member);
        let half = &judged.connection.halves[judged.roles.client.index()];
        half.has_payload().then_some(half.last_payload_at)
    };
    let mut asked: Vec<_> = leg.troubled.iter().filter_map(asked).collect();
    asked.sort_unstable();
    asked
}
