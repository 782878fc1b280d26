//! Where on the path segments were lost, born or changed: everything of a connection that one vantage point shows and
//! its neighbour does not.

use std::collections::BTreeMap;

use super::End;
use super::journey::Journey;
use super::trace::Pass;
use super::transit::Onward;
use super::watch::Doubt;
use crate::detail::Act;
use crate::wire::{Segment, Stamp, TcpFlags};

/// What happened to a segment between two neighbouring vantage points.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Event {
    /// The point nearer to its sender shows it, the next one does not.
    Lost,
    /// A point shows it, and the one nearer to its sender does not: something between made it.
    Born,
}

/// A segment that did not pass from one vantage point to the next, or did not come from it; with its repetitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fate {
    /// Whose address it bears.
    pub from: End,
    /// What it does.
    pub act: Act,
    /// What happened.
    pub event: Event,
    /// Between these vantage points, the one nearer to the sender first.
    pub between: (usize, usize),
    /// Its first octet, counted from the sender's first number.
    pub start: i64,
    /// Payload octets.
    pub payload: u32,
    /// How often the point that shows it does, and how often of these the other one does not.
    pub sent: u32,
    /// How often of these it is missing at the other one.
    pub missing: u32,
    /// The first and the last time it is missing, as the point that shows it saw it.
    pub first: Stamp,
    /// The last such time.
    pub last: Stamp,
    /// No copy of it came through, nor its octets in any other segment.
    pub all_missing: bool,
    /// Why it cannot be told, if so: it is then neither lost nor born for sure.
    pub doubt: Option<Doubt>,
    /// It came with that hop limit, and the other segments of its sender, at the same point, with another.
    pub foreign_hop_limit: Option<(u8, u8)>,
}

impl Fate {
    /// The vantage point that shows it.
    pub fn shown_at(&self) -> usize {
        if self.event == Event::Lost { self.between.0 } else { self.between.1 }
    }

    /// The vantage point that does not.
    pub fn missing_at(&self) -> usize {
        if self.event == Event::Lost { self.between.1 } else { self.between.0 }
    }

    /// Whether it is known what happened: nothing makes the other point's silence doubtful, or the segment itself tells
    /// that its sender is another machine.
    pub fn is_told(&self) -> bool {
        self.doubt.is_none() || self.event == Event::Born && self.foreign_hop_limit.is_some()
    }
}

/// All of one journey, in order of time at the point that shows it.
pub(super) fn fates(journey: &Journey<'_>) -> Vec<Fate> {
    let mut fates = Vec::new();
    for (stop, transit) in journey.transits.iter().enumerate() {
        let near = &journey.stops[stop].passes;
        let lost = near.iter().zip(&transit.onward).map(|(pass, onward)| (*pass, *onward));
        let lost = lost.map(|(pass, onward)| (pass, !matches!(onward, Onward::Whole(_))));
        fates.extend(grouped(journey, Event::Lost, stop, lost));
        let far = &journey.stops[stop + 1].passes;
        let born = far.iter().zip(&transit.origin).map(|(pass, origin)| (*pass, origin.is_none()));
        fates.extend(grouped(journey, Event::Born, stop, born));
    }
    fates.sort_by_key(|fate| (fate.first.at, fate.first.frame));
    fates
}

/// What makes two segments copies of one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// A FIN may come again with data before it.
    Fin(i64),
    Octets(i64),
    Rst(i64),
    Empty(i64, Option<i64>),
}

impl Name {
    fn of(pass: &Pass) -> Name {
        match pass {
            _ if pass.is_rst() => Name::Rst(pass.start),
            _ if pass.flags.any(TcpFlags::FIN) => Name::Fin(pass.end),
            _ if pass.has_octets() => Name::Octets(pass.start),
            _ => Name::Empty(pass.start, pass.ack),
        }
    }
}

/// Segments that are missing at the other point, with the repetitions that are not.
fn grouped<'a>(
    journey: &Journey<'_>,
    event: Event,
    stop: usize,
    passes: impl Iterator<Item = (&'a Pass, bool)>,
) -> Vec<Fate> {
    let (shown, other) = if event == Event::Lost { (stop, stop + 1) } else { (stop + 1, stop) };
    let mut groups: BTreeMap<Name, (Vec<&Pass>, u32)> = BTreeMap::new();
    for (pass, missing) in passes.filter(|(pass, _)| matters(pass)) {
        let (gone, sent) = groups.entry(Name::of(pass)).or_default();
        *sent += 1;
        if missing {
            gone.push(pass);
        }
    }
    let fate = |(gone, sent): (Vec<&Pass>, u32)| {
        let (first, last) = (gone.first()?, gone.last()?);
        // One of them that can be told tells of all.
        let doubts: Vec<_> = gone.iter().map(|pass| journey.doubt(shown, pass, other)).collect();
        let doubt = doubts.iter().min().copied().flatten();
        Some(Fate {
            from: journey.from,
            act: first.act,
            event,
            between: (journey.stops[stop].at, journey.stops[stop + 1].at),
            start: first.start,
            payload: first.len,
            sent,
            missing: gone.len() as u32,
            first: first.seen,
            last: last.seen,
            all_missing: gone.len() as u32 == sent && !journey.shows(other, first),
            doubt,
            foreign_hop_limit: foreign(journey, shown, first),
        })
    };
    groups.into_values().filter_map(fate).collect()
}

/// Acknowledgments follow one another: that one is missing means nothing, unless it is of a FIN or of a question.
fn matters(pass: &Pass) -> bool {
    pass.has_octets() || pass.is_rst() || matches!(pass.act, Act::AckOfFin | Act::KeepAlive)
}

/// Its hop limit and that of its sender's others at the same point, if they differ and the others agree.
fn foreign(journey: &Journey<'_>, stop: usize, pass: &Pass) -> Option<(u8, u8)> {
    let name = Name::of(pass);
    let others = journey.stops[stop].passes.iter().filter(|other| !other.is_rst() && Name::of(other) != name);
    let mut others = others.map(|other| other.hop_limit);
    let usual = others.next()?;
    (usual != 0 && pass.hop_limit != 0 && pass.hop_limit != usual && others.all(|other| other == usual))
        .then_some((pass.hop_limit, usual))
}

/// What a box changed in a segment that passed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Alteration {
    /// The timestamps option is gone.
    TimestampsStripped,
    /// The timestamps option carries other values.
    TimestampsRewritten,
    /// The window scale of a SYN is gone or another.
    WindowScale,
    /// The maximum segment size of a SYN is gone or another.
    MaximumSegmentSize,
    /// The window is smaller or larger.
    Window,
    /// The hop limit grew on the way.
    HopLimitRaised,
}

impl Alteration {
    /// In words that complete "changed between A and B:".
    pub fn words(self) -> &'static str {
        match self {
            Alteration::TimestampsStripped => "the timestamps option is taken out",
            Alteration::TimestampsRewritten => "the timestamps option is rewritten",
            Alteration::WindowScale => "the window scale of SYNs is changed",
            Alteration::MaximumSegmentSize => "the MSS of SYNs is changed",
            Alteration::Window => "the window is changed",
            Alteration::HopLimitRaised => "the hop limit is raised",
        }
    }
}

/// What was changed in a segment between two stops. An option that is merely cut off was not taken out.
pub(super) fn alterations(near: &Pass, far: &Pass) -> impl Iterator<Item = Alteration> {
    let same = near.start == far.start && near.end == far.end && near.flags == far.flags;
    let syn = near.flags.any(TcpFlags::SYN);
    let whole = !far.has_options || far.timestamps.is_some() || far.window_scale != Segment::NO_SCALE;
    let stripped = near.timestamps.is_some() && far.timestamps.is_none();
    let rewritten = near.timestamps.zip(far.timestamps).is_some_and(|(a, b)| a.val != b.val);
    let scaled = near.window_scale != Segment::NO_SCALE && near.window_scale != far.window_scale;
    let raised = far.hop_limit > near.hop_limit && near.hop_limit != 0;
    [
        (same && whole && stripped, Alteration::TimestampsStripped),
        (same && rewritten, Alteration::TimestampsRewritten),
        (same && whole && syn && scaled, Alteration::WindowScale),
        (same && whole && near.mss.is_some() && near.mss != far.mss, Alteration::MaximumSegmentSize),
        (same && near.window != far.window && near.ack == far.ack, Alteration::Window),
        (raised, Alteration::HopLimitRaised),
    ]
    .into_iter()
    .filter_map(|(found, alteration)| found.then_some(alteration))
}
