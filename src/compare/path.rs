//! The clocks of all places against each other, and the order in which they lie on the path.

use std::collections::HashMap;
use std::net::IpAddr;

use super::clock::{Relation, Sample};
use super::matching::Shared;
use super::read::Material;
use super::trace::Pass;
use super::{CompareError, End};
use crate::wire::{FlowKey, Side};

/// What the order of the places rests on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum OrderedBy {
    /// Segments of both ends pass them in this order, in no time that is shorter than none.
    Delays,
    /// Hop limits fall from one to the next.
    HopLimits,
    /// Nothing tells; it is the order in which they were given.
    Nothing,
}

/// The places from the clients to the servers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// The places, by number as given.
    pub order: Vec<usize>,
    /// What that rests on.
    pub by: OrderedBy,
    /// Two neighbours at least lie so near to each other that they stand as they were given.
    pub in_part_as_given: bool,
}

/// Two hosts, as a place shows them.
type Hosts = (IpAddr, IpAddr);

/// The clocks of every two places.
pub(super) struct Relations {
    /// By (first, second) place, the first with the lower number.
    pairs: HashMap<(usize, usize), Relation>,
    /// The number of two hosts, as the first of two places shows them.
    hosts: HashMap<(usize, Hosts), usize>,
}

/// Of so many samples that follow one another, only the extremes are kept.
const CHUNK: usize = 32;

impl Relations {
    pub(super) fn of(material: &Material) -> Relations {
        let mut hosts: HashMap<(usize, Hosts), usize> = HashMap::new();
        let mut samples: HashMap<(usize, usize), Vec<Sample>> = HashMap::new();
        for (shared, traces) in material.groups().filter(|(shared, _)| shared.is_shared()) {
            let Some(traces) = traces else { continue };
            let passes = material.passes(shared, traces);
            let places: Vec<usize> = shared.seen_at().collect();
            for (at, &first) in places.iter().enumerate() {
                let Some(judged) = material.judged(shared, first) else { continue };
                let next = hosts.len();
                let hosts = *hosts.entry((first, hosts_of(&judged.connection.key))).or_insert(next);
                let client = shared.members[first].map_or(Side::Lo, |member| member.numbering.client);
                for &second in &places[at + 1..] {
                    let found = common(&passes[first], &passes[second]).map(|(a, b)| Sample {
                        at: a.seen.at,
                        difference: b.seen.at - a.seen.at,
                        hosts,
                        side: if a.from == End::Client { client } else { client.peer() },
                    });
                    samples.entry((first, second)).or_default().extend(thinned(found.collect()));
                }
            }
        }
        let pairs = samples.into_iter().filter_map(|(pair, samples)| Some((pair, Relation::of(&samples)?)));
        Relations { pairs: pairs.collect(), hosts }
    }

    /// The clocks of two places, as seen from the first one named.
    pub(super) fn between(&self, first: usize, second: usize) -> Option<Relation> {
        if first < second {
            self.pairs.get(&(first, second)).cloned()
        } else {
            self.pairs.get(&(second, first)).map(Relation::reversed)
        }
    }

    /// Refuses places of which one is a copy of another.
    pub(super) fn refuse_copies(&self, material: &Material) -> Result<(), CompareError> {
        let mut pairs: Vec<_> = self.pairs.iter().collect();
        pairs.sort_by_key(|(pair, _)| **pair);
        for (&(first, second), relation) in pairs {
            if relation.is_copy {
                let name = |at| material.name(at).to_owned();
                return Err(CompareError::Same(name(first), name(second)));
            }
        }
        Ok(())
    }

    /// Whether what the client of a connection sends passes the first of two places first.
    fn client_first(
        &self,
        material: &Material,
        shared: &Shared,
        first: usize,
        second: usize,
    ) -> Option<(bool, OrderedBy)> {
        if first > second {
            return self.client_first(material, shared, second, first).map(|(told, by)| (!told, by));
        }
        let judged = material.judged(shared, first)?;
        let client = shared.members[first]?.numbering.client;
        let told = self.pairs.get(&(first, second)).and_then(|relation| {
            let hosts = self.hosts.get(&(first, hosts_of(&judged.connection.key)))?;
            *relation.lo_first.get(*hosts)?
        });
        if let Some(lo_first) = told {
            return Some((lo_first == (client == Side::Lo), OrderedBy::Delays));
        }
        let other = material.judged(shared, second)?;
        let other_client = shared.members[second]?.numbering.client;
        let hop_limit = |judged: &crate::analysis::Judged, side: Side| {
            let mut values = judged.connection.tallies[side.index()].hop_limits.iter();
            values.next().filter(|_| values.next().is_none())
        };
        let of = |at: Side, there: Side| Some((hop_limit(judged, at)?, hop_limit(other, there)?));
        let by_client = of(client, other_client).filter(|(a, b)| a != b).map(|(a, b)| a > b);
        let by_server = of(client.peer(), other_client.peer()).filter(|(a, b)| a != b).map(|(a, b)| a < b);
        match (by_client, by_server) {
            (Some(a), Some(b)) if a != b => None,
            (told, other) => told.or(other).map(|first| (first, OrderedBy::HopLimits)),
        }
    }
}

fn hosts_of(key: &FlowKey) -> Hosts {
    (key.lo.addr(), key.hi.addr())
}

/// Segments that passed both places, once each as far as either shows.
fn common<'a>(a: &'a [Pass], b: &'a [Pass]) -> impl Iterator<Item = (&'a Pass, &'a Pass)> {
    let (mut from_a, mut from_b) = (unique(a, true), unique(b, true));
    if !from_a.keys().any(|name| from_b.contains_key(name)) {
        // A box may rewrite the timestamps option.
        (from_a, from_b) = (unique(a, false), unique(b, false));
    }
    let mut found: Vec<_> = from_a
        .into_iter()
        .filter_map(|(name, pass)| Some((pass?, from_b.get(&name).copied().flatten()?)))
        .collect();
    found.sort_by_key(|(a, _)| a.seen.frame);
    found.into_iter()
}

/// Where it begins and what it acknowledges, whatever its length: that changes where segments are merged or split.
#[derive(PartialEq, Eq, Hash)]
struct Name {
    from: End,
    start: i64,
    ack: Option<i64>,
    stamp: Option<u32>,
    kind: (u8, bool),
}

fn unique(passes: &[Pass], stamped: bool) -> HashMap<Name, Option<&Pass>> {
    let mut found = HashMap::new();
    for pass in passes {
        let name = Name {
            from: pass.from,
            start: pass.start,
            ack: pass.ack,
            stamp: pass.timestamps.filter(|_| stamped).map(|stamps| stamps.val),
            kind: (pass.flags.0 & 0x07, pass.len > 0),
        };
        found.entry(name).and_modify(|known| *known = None).or_insert(Some(pass));
    }
    found
}

/// The extremes of each stretch of samples, by side; all of them if they are few.
fn thinned(samples: Vec<Sample>) -> Vec<Sample> {
    if samples.len() <= 2 * CHUNK {
        return samples;
    }
    let mut kept = Vec::new();
    for side in Side::BOTH {
        let own: Vec<Sample> = samples.iter().filter(|sample| sample.side == side).copied().collect();
        for chunk in own.chunks(CHUNK) {
            kept.extend(chunk.iter().min_by_key(|sample| sample.difference));
            kept.extend(chunk.iter().max_by_key(|sample| sample.difference));
        }
    }
    kept
}

impl Path {
    /// The order in which most connections pass the places.
    pub(super) fn of(material: &Material, relations: &Relations) -> Path {
        let places = material.outcomes.len();
        let mut votes = vec![vec![0_i64; places]; places];
        let mut by = OrderedBy::Nothing;
        for (shared, _) in material.groups().filter(|(shared, _)| shared.is_shared()) {
            for (a, b) in pairs_of(&shared.seen_at().collect::<Vec<_>>()) {
                if let Some((first, told)) = relations.client_first(material, shared, a, b) {
                    votes[a][b] += if first { 1 } else { -1 };
                    votes[b][a] -= if first { 1 } else { -1 };
                    by = by.min(told);
                }
            }
        }
        let mut order: Vec<usize> = (0..places).collect();
        let ahead = |at: usize| votes[at].iter().filter(|vote| **vote > 0).count();
        let behind = |at: usize| votes[at].iter().filter(|vote| **vote < 0).count();
        order.sort_by_key(|&at| (behind(at), places - ahead(at), at));
        let in_part_as_given = order.windows(2).any(|pair| votes[pair[0]][pair[1]] == 0);
        Path { order, by, in_part_as_given }
    }

    /// The places that show a connection, or should, from its client to its server: the path, or the path reversed.
    pub(super) fn of_connection(
        &self,
        material: &Material,
        relations: &Relations,
        shared: &Shared,
    ) -> Vec<usize> {
        let missed = material.missed_by(shared);
        let there = |at: &usize| shared.members[*at].is_some() || missed.contains(at);
        let mut order: Vec<usize> = self.order.iter().copied().filter(there).collect();
        let turned: i32 = pairs_of(&order)
            .filter_map(|(a, b)| relations.client_first(material, shared, a, b))
            .map(|(first, _)| if first { -1 } else { 1 })
            .sum();
        if turned > 0 {
            order.reverse();
        }
        order
    }
}

fn pairs_of(places: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    places.iter().enumerate().flat_map(|(at, &a)| places[at + 1..].iter().map(move |&b| (a, b)))
}
