//! One connection and what became of it: what the path did to it, and what both sides together make of the verdicts that
//! each place gave by itself.

use std::collections::BTreeMap;

use super::End;
use super::fates::{Alteration, Fate, alterations, fates};
use super::journey::Journey;
use super::matching::Shared;
use super::matters::{self, Matter};
use super::opinions::{Opinion, opinions};
use super::path::Relations;
use super::read::Material;
use super::rows::{Row, rows};
use super::transit::Onward;

/// One connection and what became of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    /// Where it was seen, and how it was matched.
    pub shared: Shared,
    /// The places, from its client to its server.
    pub order: Vec<usize>,
    /// What was lost or born, in order of time; the first [`Story::FATES`].
    pub fates: Vec<Fate>,
    /// What happened to it between two places.
    pub matters: Vec<Matter>,
    /// What was changed in its segments, between which places, and how often.
    pub alterations: BTreeMap<(Alteration, (usize, usize)), u64>,
    /// Its verdicts, and what the other places make of them.
    pub opinions: Vec<Opinion>,
    /// Its segments worth drawing; empty if there is nothing to tell.
    pub rows: Vec<Row>,
}

impl Story {
    /// So many fates of one connection are kept.
    pub const FATES: usize = 1_000;

    /// Whether there is anything to say that a single place could not.
    pub fn tells(&self) -> bool {
        !self.matters.is_empty() || !self.opinions.is_empty()
    }
}

/// Compares one connection.
pub(super) fn story(
    material: &Material,
    shared: &Shared,
    order: &[usize],
    journeys: &[Journey<'_>; 2],
    relations: &Relations,
) -> Story {
    let told = [fates(&journeys[0]), fates(&journeys[1])];
    let mut matters = Vec::new();
    for end in End::BOTH {
        let (own, peer) = (end.index(), end.peer().index());
        matters.extend(matters::of(&journeys[own], &told[own], &told[peer]));
    }
    matters.sort_by_key(|matter| matter.kind);
    let opinions = opinions(material, shared, journeys, &told);
    let [client, server] = told;
    let mut fates = [client, server].concat();
    let common = |at: usize, time| relations.between(0, at).map_or(time, |clock| clock.to_first(time));
    fates.sort_by_key(|fate| common(fate.shown_at(), fate.first.at));
    fates.truncate(Story::FATES);
    let mut story = Story {
        shared: shared.clone(),
        order: order.to_vec(),
        alterations: altered(journeys),
        fates,
        matters,
        opinions,
        rows: Vec::new(),
    };
    if story.tells() {
        story.rows = rows(journeys, material.outcomes.len(), &common);
    }
    story
}

fn altered(journeys: &[Journey<'_>; 2]) -> BTreeMap<(Alteration, (usize, usize)), u64> {
    let mut found = BTreeMap::new();
    for journey in journeys {
        for (stop, transit) in journey.transits.iter().enumerate() {
            let (here, there) = (&journey.stops[stop], &journey.stops[stop + 1]);
            for (pass, onward) in here.passes.iter().zip(&transit.onward) {
                let Onward::Whole(next) = onward else { continue };
                for alteration in alterations(pass, there.passes[*next]) {
                    *found.entry((alteration, (here.at, there.at))).or_default() += 1;
                }
            }
        }
    }
    found
}
