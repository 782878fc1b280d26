//! What the path did to a connection, from the fates of single segments: a FIN eaten, a RST forged, a session forgotten.

use super::End;
use super::fates::{Event, Fate};
use super::journey::Journey;
use super::trace::Pass;
use super::transit::Onward;
use super::watch::Doubt;
use crate::detail::Act;
use crate::findings::Certainty;
use crate::wire::{Span, Stamp};

/// What happened between two places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// After a silence nothing that an end sends comes through any more: a box has forgotten the connection.
    SessionForgotten,
    /// Every copy of a FIN was lost.
    FinLost,
    /// A RST bears an end's address and was made between.
    RstForged,
    /// Something other than a RST bears an end's address and was made between.
    Forged,
    /// A RST did not come through.
    RstLost,
    /// Every copy of a SYN or SYN-ACK was lost.
    SynLost,
    /// Octets of which no copy ever came through.
    DataLost,
}

impl Kind {
    /// All, the worst first.
    pub const ALL: [Kind; 7] = [
        Kind::SessionForgotten,
        Kind::FinLost,
        Kind::RstForged,
        Kind::Forged,
        Kind::RstLost,
        Kind::SynLost,
        Kind::DataLost,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::SessionForgotten => "session-forgotten",
            Kind::FinLost => "fin-lost",
            Kind::RstForged => "rst-forged",
            Kind::Forged => "segment-forged",
            Kind::RstLost => "rst-lost",
            Kind::SynLost => "syn-lost",
            Kind::DataLost => "data-lost",
        }
    }
}

/// Something that happened to a connection between two neighbouring places.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matter {
    /// What.
    pub kind: Kind,
    /// Whose address the segments bear.
    pub end: End,
    /// Between these places, the one nearer to the sender first.
    pub between: (usize, usize),
    /// The first of the segments, at the place that shows it.
    pub first: (usize, Stamp),
    /// How many segments.
    pub times: u32,
    /// The silence before it.
    pub silence: Option<Span>,
    /// Hop limit of what was made between, and of its supposed sender's own segments.
    pub hop_limits: Option<(u8, u8)>,
    /// How sure.
    pub certainty: Certainty,
}

/// What happened to the segments of one end, with what bears the other's address beside it. What cannot be told is none
/// of it.
pub(super) fn of(journey: &Journey<'_>, fates: &[Fate], answers: &[Fate]) -> Vec<Matter> {
    let stops = 0..journey.transits.len();
    let mut matters: Vec<Matter> = stops.filter_map(|stop| forgotten(journey, stop, answers)).collect();
    for fate in fates.iter().filter(|fate| fate.is_told()) {
        let swallowed = matters.iter().any(|matter| {
            matter.kind == Kind::SessionForgotten
                && matter.between == fate.between
                && fate.event == Event::Lost
                && fate.first.frame >= matter.first.1.frame
        });
        if let Some(kind) = kind(fate)
            && !swallowed
        {
            note(&mut matters, journey, kind, fate);
        }
    }
    matters
}

fn kind(fate: &Fate) -> Option<Kind> {
    match (fate.event, fate.act) {
        (Event::Born, Act::Rst) => Some(Kind::RstForged),
        // Data that one place missed are no forgery; who has no business there betrays itself by its hop limit.
        (Event::Born, _) => fate.foreign_hop_limit.map(|_| Kind::Forged),
        (Event::Lost, _) if !fate.all_missing => None,
        (Event::Lost, Act::Fin | Act::FinAndAck) => Some(Kind::FinLost),
        (Event::Lost, Act::Rst) => Some(Kind::RstLost),
        (Event::Lost, Act::Syn | Act::SynAck) => Some(Kind::SynLost),
        (Event::Lost, Act::Data) => Some(Kind::DataLost),
        (Event::Lost, _) => None,
    }
}

/// Several of a kind at the same place are one matter.
fn note(matters: &mut Vec<Matter>, journey: &Journey<'_>, kind: Kind, fate: &Fate) {
    let known = matters.iter_mut().find(|matter| matter.kind == kind && matter.between == fate.between);
    match known {
        Some(matter) => {
            matter.times += fate.missing;
            matter.hop_limits = matter.hop_limits.or(fate.foreign_hop_limit);
            matter.certainty = matter.certainty.max(certainty(journey, fate));
        }
        None => matters.push(Matter {
            kind,
            end: journey.from,
            between: fate.between,
            first: (fate.shown_at(), fate.first),
            times: fate.missing,
            silence: None,
            hop_limits: fate.foreign_hop_limit,
            certainty: certainty(journey, fate),
        }),
    }
}

/// A segment whose hop limit is another machine's needs nobody's silence as proof; a doubt leaves no more than that.
pub(super) fn certainty(journey: &Journey<'_>, fate: &Fate) -> Certainty {
    match (fate.doubt, fate.foreign_hop_limit) {
        (Some(_), _) => Certainty::Likely,
        (None, Some(_)) => Certainty::Certain,
        (None, None) => journey.certainty(fate.missing_at(), fate.missing),
    }
}

/// A shorter silence makes no box forget.
const SILENCE: Span = Span::secs(1);
/// So many segments in a row are not lost by chance.
const IN_A_ROW: usize = 3;

/// After a silence nothing comes through from that stop to the next any more.
fn forgotten(journey: &Journey<'_>, stop: usize, answers: &[Fate]) -> Option<Matter> {
    let (here, there) = (&journey.stops[stop], &journey.stops[stop + 1]);
    let transit = &journey.transits[stop];
    // What comes through again after having been lost shows that nothing was forgotten.
    let passed = |which: &usize| !matches!(transit.onward[*which], Onward::Nothing);
    let from = (0..here.passes.len()).rev().find(passed).map_or(0, |last| last + 1);
    let asks = |pass: &&&Pass| (pass.has_octets() || pass.act == Act::KeepAlive) && !pass.is_rst();
    let lost: Vec<&Pass> = here.passes[from..].iter().filter(asks).copied().collect();
    let first = *lost.first()?;
    let before = here.all.iter().rev().find(|pass| pass.seen.frame < first.seen.frame)?;
    let silence = first.seen.at - before.seen.at;
    // RSTs in the name of the other end, made by what lies between, come back instead.
    let resets = answers.iter().filter(|fate| {
        fate.event == Event::Born
            && fate.act == Act::Rst
            && fate.is_told()
            && fate.between == (there.at, here.at)
            && fate.first.frame > first.seen.frame
    });
    let resets: Vec<&Fate> = resets.collect();
    let by_another = resets.iter().any(|fate| fate.foreign_hop_limit.is_some());
    let doubts = lost.iter().map(|pass| journey.doubt(stop, pass, stop + 1));
    let doubt: Option<Doubt> = doubts.min().flatten();
    let told = !resets.is_empty() || doubt.is_none() && lost.len() >= IN_A_ROW;
    (silence >= SILENCE && told).then(|| Matter {
        kind: Kind::SessionForgotten,
        end: journey.from,
        between: (here.at, there.at),
        first: (here.at, first.seen),
        times: lost.len() as u32,
        silence: Some(silence),
        hop_limits: None,
        certainty: match doubt {
            Some(_) => Certainty::Likely,
            None if by_another => Certainty::Certain,
            // Neither what was asked nor its answer was seen there.
            None => {
                let answered: u32 = resets.iter().map(|fate| fate.missing).sum();
                journey.certainty(there.at, lost.len() as u32 + answered)
            }
        },
    })
}
