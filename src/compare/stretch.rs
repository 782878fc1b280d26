//! What lies between two neighbouring places, summed up over all connections.

use std::collections::BTreeMap;

use super::fates::{Alteration, Event};
use super::journey::Journey;
use super::matters::Kind;
use super::path::Path;
use super::read::Material;
use super::story::Story;
use super::transit::Onward;
use crate::detail::Act;
use crate::wire::Span;

/// One direction of a stretch of the path.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Flow {
    /// Segments (with octets, keep-alives and RSTs) that the place before showed while the next could be trusted.
    pub segments: u64,
    /// Of these, segments that the next did not show.
    pub lost: u64,
    /// Segments of which cannot be told whether they passed.
    pub untold: u64,
    /// Time from place to place, sorted; clocks put right.
    pub delays: Vec<Span>,
    /// Hop limits that went down on the way, by how much, and how often.
    pub hops: BTreeMap<u8, u64>,
    /// RSTs that were made between and left in this direction.
    pub forged_rsts: u64,
    /// Connections whose FIN did not come through in any copy.
    pub fins_eaten: u64,
    /// Connections that were forgotten after a silence, as segments in this direction show.
    pub forgotten: u64,
}

/// What lies between two neighbouring places.
#[derive(Clone, PartialEq, Debug)]
pub struct Stretch {
    /// The places, the one nearer to most clients first.
    pub between: (usize, usize),
    /// Away from the first place, and back.
    pub flows: [Flow; 2],
    /// Connections that passed.
    pub connections: u64,
    /// Connections whose addresses or ports differ at both.
    pub translated: u64,
    /// Connections that were forgotten after a silence, in either direction.
    pub forgotten: u64,
    /// What was changed in segments, and how often.
    pub alterations: BTreeMap<Alteration, u64>,
}

impl Flow {
    /// The delay that so many percent of the segments did not exceed.
    pub fn delay(&self, percent: usize) -> Option<Span> {
        let rank = (self.delays.len() * percent).div_ceil(100).max(1);
        self.delays.get(rank - 1).copied()
    }
}

impl Stretch {
    /// One for each two neighbours.
    pub(super) fn along(path: &Path) -> Vec<Stretch> {
        let stretch = |pair: &[usize]| Stretch {
            between: (pair[0], pair[1]),
            flows: [Flow::default(), Flow::default()],
            connections: 0,
            translated: 0,
            forgotten: 0,
            alterations: BTreeMap::new(),
        };
        path.order.windows(2).map(stretch).collect()
    }

    /// Adds a connection.
    pub(super) fn add(&mut self, material: &Material, journeys: &[Journey<'_>; 2], story: &Story) {
        let (a, b) = self.between;
        let neighbours = story.order.windows(2).any(|pair| pair == [a, b] || pair == [b, a]);
        if !neighbours {
            return;
        }
        self.connections += 1;
        let key = |at: usize| material.judged(&story.shared, at).map(|judged| judged.connection.key);
        if let (Some(here), Some(there)) = (key(a), key(b)) {
            self.translated += u64::from((here.lo, here.hi) != (there.lo, there.hi));
        }
        for ((alteration, between), count) in &story.alterations {
            if *between == (a, b) || *between == (b, a) {
                *self.alterations.entry(*alteration).or_default() += count;
            }
        }
        for journey in journeys {
            let stop = journey
                .stops
                .windows(2)
                .position(|pair| (pair[0].at, pair[1].at) == (a, b) || (pair[0].at, pair[1].at) == (b, a));
            if let Some(stop) = stop.filter(|stop| *stop < journey.transits.len()) {
                let flow = &mut self.flows[usize::from(journey.stops[stop].at == b)];
                flow.add(journey, stop);
            }
        }
        for fate in &story.fates {
            let forged = fate.event == Event::Born && fate.act == Act::Rst && fate.is_told();
            if let Some(flow) = self.flow(fate.between).filter(|_| forged) {
                flow.forged_rsts += u64::from(fate.missing);
            }
            let fin = matches!(fate.act, Act::Fin | Act::FinAndAck) && fate.event == Event::Lost;
            let eaten = fin && fate.all_missing && fate.doubt.is_none();
            if let Some(flow) = self.flow(fate.between).filter(|_| eaten) {
                flow.fins_eaten += 1;
            }
        }
        let forgotten = |matter: &&super::Matter| matter.kind == Kind::SessionForgotten;
        let mut here = false;
        for matter in story.matters.iter().filter(forgotten) {
            if let Some(flow) = self.flow(matter.between) {
                flow.forgotten += 1;
                here = true;
            }
        }
        self.forgotten += u64::from(here);
    }

    /// Puts delays in order; to be called when all is added.
    pub(super) fn settle(&mut self) {
        self.flows.iter_mut().for_each(|flow| flow.delays.sort_unstable());
    }

    fn flow(&mut self, between: (usize, usize)) -> Option<&mut Flow> {
        let (a, b) = self.between;
        match between {
            _ if between == (a, b) => Some(&mut self.flows[0]),
            _ if between == (b, a) => Some(&mut self.flows[1]),
            _ => None,
        }
    }
}

impl Flow {
    fn add(&mut self, journey: &Journey<'_>, stop: usize) {
        let (here, there) = (&journey.stops[stop], &journey.stops[stop + 1]);
        for (which, pass) in here.passes.iter().enumerate() {
            let onward = journey.transits[stop].onward[which];
            if let Onward::Whole(next) = onward {
                self.delays.extend(journey.delay(stop, which));
                let fell = pass.hop_limit.checked_sub(there.passes[next].hop_limit);
                fell.into_iter().for_each(|fell| *self.hops.entry(fell).or_default() += 1);
            }
            if !pass.has_octets() && !matches!(pass.act, Act::KeepAlive | Act::Rst) {
                continue;
            }
            match onward {
                Onward::Whole(_) => self.segments += 1,
                _ if journey.doubt(stop, pass, stop + 1).is_some() => self.untold += 1,
                _ => {
                    self.segments += 1;
                    self.lost += 1;
                }
            }
        }
    }
}
