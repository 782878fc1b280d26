//! What both sides together make of one connection: what the path did to it, and what becomes of the verdicts that
//! each place gave by itself.

use std::collections::BTreeMap;

use super::End;
use super::fates::{Alteration, Event, Fate, alterations, fates};
use super::journey::Journey;
use super::matching::Shared;
use super::path::Relations;
use super::read::Material;
use super::rows::{Row, rows};
use super::transit::Onward;
use super::watch::Doubt;
use crate::analysis::Judged;
use crate::detail::Act;
use crate::findings::Certainty;
use crate::wire::{Side, Span, Stamp};

/// What happened between two places, or was proven by the second look at one of them.
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

/// What the other places make of a verdict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ruling {
    /// It holds, now for certain.
    Confirmed,
    /// It does not hold: what it took for missing or true was not.
    Overturned,
    /// The other places cannot tell.
    CannotTell,
}

/// A verdict of one place, and what the other places make of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opinion {
    /// The place whose verdict it is.
    pub at: usize,
    /// The finding.
    pub finding: &'static str,
    /// It could not tell by itself whether that is so.
    pub was_undecided: bool,
    /// Whose fault or loss it is.
    pub end: End,
    /// What became of it.
    pub ruling: Ruling,
    /// In a sentence.
    pub says: String,
}

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
        matters.extend(super::matters::of(&journeys[own], &told[own], &told[peer]));
    }
    matters.sort_by_key(|matter| matter.kind);
    let mut opinions = Vec::new();
    for at in shared.seen_at() {
        let Some(judged) = material.judged(shared, at) else { continue };
        let Some(member) = shared.members[at] else { continue };
        for (finding, side, since, was_undecided) in asked(judged) {
            let ask = Ask { material, journeys, fates: &told, at, finding, since };
            let Some((end, ruling, says)) = ask.about(member.numbering.end(side)) else { continue };
            // That others saw no more either does not decide what was undecided.
            if !was_undecided || ruling == Ruling::Overturned {
                opinions.push(Opinion { at, finding, was_undecided, end, ruling, says });
            }
        }
    }
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

/// What a place found and what it could not decide: name, side, since when, whether it is undecided.
fn asked(judged: &Judged) -> Vec<(&'static str, Side, Stamp, bool)> {
    let connection = &judged.connection;
    let found = judged.verdict.findings.iter().filter_map(|finding| {
        Some((finding.name, finding.side?, finding.since.unwrap_or(connection.first), false))
    });
    let undecided = judged.verdict.undecided.iter().filter_map(|(name, undecided)| {
        let side = undecided.side?;
        let since = match *name {
            "missing-fin" => connection.fin(side.peer())?.acked,
            "unacked-fin" => connection.fin(side).map(|fin| fin.seen),
            _ => None,
        };
        Some((*name, side, since.unwrap_or(connection.first), true))
    });
    found.chain(undecided).collect()
}

/// One verdict of one place, put before the others.
struct Ask<'a> {
    material: &'a Material,
    journeys: &'a [Journey<'a>; 2],
    fates: &'a [Vec<Fate>; 2],
    at: usize,
    finding: &'static str,
    /// Since when, by the place's own clock.
    since: Stamp,
}

type Answer = (End, Ruling, String);

impl Ask<'_> {
    /// `end` is the one that the finding is about.
    fn about(&self, end: End) -> Option<Answer> {
        match self.finding {
            "missing-fin" => self.fin_is_missing(end),
            "unacked-fin" | "dead-after-idle" | "keepalive-gave-up" | "large-segments-lost" => {
                self.is_not_answered(end)
            }
            "syn-unanswered" | "client-gave-up" => self.is_not_answered(end),
            "no-answer" => self.is_not_answered(end.peer()),
            "reset-after-idle" | "late-answer" | "stale-connection-reused" => self.was_reset(end.peer()),
            "peer-forgot" | "aborted" | "close-wait-aborted" | "syn-refused" => self.was_reset(end),
            _ => None,
        }
    }

    fn name(&self, at: usize) -> &str {
        self.material.name(at)
    }

    fn journey(&self, end: End) -> &Journey<'_> {
        &self.journeys[end.index()]
    }

    /// The place's stop on the way of what an end sends.
    fn stop(&self, end: End) -> Option<usize> {
        self.journey(end).stops.iter().position(|stop| stop.at == self.at)
    }

    /// No FIN of `end` passed the place: none left, or it was lost on the way here.
    fn fin_is_missing(&self, end: End) -> Option<Answer> {
        let journey = self.journey(end);
        let own = self.stop(end)?;
        let who = end.name();
        let nearest = journey.stops.first()?;
        if own == 0 {
            return None;
        }
        let is_fin = |act: Act| matches!(act, Act::Fin | Act::FinAndAck);
        let fin = journey.stops[..own]
            .iter()
            .enumerate()
            .find_map(|(stop, there)| Some((stop, *there.passes.iter().find(|pass| is_fin(pass.act))?)));
        if let Some((stop, pass)) = fin {
            let at = journey.stops[stop].at;
            let lost = self.fates[end.index()].iter().rev();
            let lost =
                lost.filter(|fate| fate.event == Event::Lost && is_fin(fate.act)).find(|f| f.all_missing);
            let sent = format!("the {who} did send its FIN: {}, frame {}", self.name(at), pass.seen.frame);
            return Some(match lost {
                Some(fate) if fate.doubt.is_none() => {
                    let times = times(fate.sent);
                    let (from, to) = fate.between;
                    (
                        end,
                        Ruling::Overturned,
                        format!(
                            "{sent}; sent {times}, lost between {} and {}",
                            self.name(from),
                            self.name(to)
                        ),
                    )
                }
                Some(Fate { doubt: Some(doubt), between: (_, to), .. }) => {
                    (end, Ruling::Overturned, format!("{sent}; {}", doubt.words(self.name(*to))))
                }
                _ => (end, Ruling::Overturned, sent),
            });
        }
        let outcome = &self.material.outcomes[nearest.at];
        let name = self.name(nearest.at);
        let last = outcome.capture.last;
        let since = self.since;
        let acked = journey.time_at(own, since.at, 0);
        if let Some(doubt) = acked.and_then(|acked| nearest.watch.doubt_from(acked)) {
            return Some((end, Ruling::CannotTell, doubt.words(name)));
        }
        let host = if self.is_at_host(end, nearest.at) { ", which captured at its host," } else { "" };
        Some((
            end,
            Ruling::Confirmed,
            format!("{name}{host} shows no FIN of the {who} either, as of its frame {}", last.frame),
        ))
    }

    /// The segments of `end` bear an initial hop limit at that place.
    fn is_at_host(&self, end: End, at: usize) -> bool {
        let stop = self.journey(end).stops.iter().find(|stop| stop.at == at);
        stop.is_some_and(|stop| {
            let mut passes = stop.passes.iter().peekable();
            passes.peek().is_some() && passes.all(|pass| matches!(pass.hop_limit, 64 | 128 | 255))
        })
    }

    /// What `end` sent since the finding began was not answered: it did not arrive, or the answer did not.
    fn is_not_answered(&self, end: End) -> Option<Answer> {
        let journey = self.journey(end);
        let own = self.stop(end)?;
        let here = &journey.stops[own];
        let since = self.since;
        let asked = |pass: &super::trace::Pass| {
            pass.seen.frame >= since.frame && (pass.has_octets() || pass.act == Act::KeepAlive)
        };
        let sent: Vec<usize> = (0..here.passes.len()).filter(|&which| asked(here.passes[which])).collect();
        let last = journey.transits.len();
        if own >= last || sent.is_empty() {
            return None;
        }
        let who = end.name();
        let reached: Vec<(usize, usize)> = sent.iter().map(|&which| journey.reach(own, which)).collect();
        let farthest = reached.iter().map(|(stop, _)| *stop).max()?;
        let through = reached.iter().filter(|(stop, _)| *stop == farthest).count();
        if farthest < last {
            let (from, to) = (journey.stops[farthest].at, journey.stops[farthest + 1].at);
            let missing = reached.iter().filter(|(stop, _)| *stop == farthest);
            let doubts = missing
                .map(|&(stop, which)| journey.doubt(stop, journey.stops[stop].passes[which], stop + 1));
            if let Some(doubt) = doubts.min().flatten() {
                return Some((end, Ruling::CannotTell, doubt.words(self.name(to))));
            }
            return Some((
                end,
                Ruling::Confirmed,
                format!(
                    "what the {who} sent passed {} and never reached {}: {} lost between",
                    self.name(from),
                    self.name(to),
                    segments(sent.len())
                ),
            ));
        }
        let there = journey.stops[last].at;
        let (_, first) = *reached.iter().find(|(stop, _)| *stop == last)?;
        let arrived = journey.stops[last].passes[first].seen;
        let name = self.name(there);
        let answers = self.journey(end.peer());
        let answered = answers.stops.first().and_then(|stop| {
            stop.passes.iter().enumerate().find(|(_, pass)| pass.seen.frame > arrived.frame && !pass.is_rst())
        });
        if let Some((which, pass)) = answered {
            let (stop, _) = answers.reach(0, which);
            if let (Some(from), Some(to)) = (answers.stops.get(stop), answers.stops.get(stop + 1)) {
                return Some(match answers.doubt(stop, pass, stop + 1) {
                    Some(doubt) => (end, Ruling::CannotTell, doubt.words(self.name(to.at))),
                    None => (
                        end,
                        Ruling::Overturned,
                        format!(
                            "it reached {name}, and was answered: the answer ({name}, frame {}) was lost between {} and {}",
                            pass.seen.frame,
                            self.name(from.at),
                            self.name(to.at)
                        ),
                    ),
                });
            }
            return None;
        }
        let ruling = if self.finding == "dead-after-idle" { Ruling::Overturned } else { Ruling::Confirmed };
        Some((
            end,
            ruling,
            format!(
                "{through} of {} reached {name} (frame {}), and no answer came out there: not lost up to {name}",
                segments(sent.len()),
                arrived.frame
            ),
        ))
    }

    /// A RST that bears the address of `end` passed the place: `end` sent it, or something between.
    fn was_reset(&self, end: End) -> Option<Answer> {
        let journey = self.journey(end);
        let own = self.stop(end)?;
        let which = journey.stops[own].passes.iter().position(|pass| pass.is_rst())?;
        let who = end.name();
        if own == 0 {
            return None;
        }
        // Back to where it was first seen.
        let (mut stop, mut first) = (own, which);
        while let Some(origin) =
            stop.checked_sub(1).and_then(|before| journey.transits.get(before)?.origin[first])
        {
            (stop, first) = (stop - 1, origin);
        }
        let blames_path = self.finding == "reset-after-idle";
        let frame = journey.stops[stop].passes[first].seen.frame;
        let shown = self.name(journey.stops[stop].at);
        if stop == 0 {
            let ruling = if blames_path { Ruling::Overturned } else { Ruling::Confirmed };
            return Some((
                end,
                ruling,
                format!("{shown}, next to the {who}, shows the RST too (frame {frame}): not made between"),
            ));
        }
        let fate = self.fates[end.index()].iter().find(|fate| {
            fate.event == Event::Born
                && fate.shown_at() == journey.stops[stop].at
                && fate.first.frame <= frame
                && fate.act == Act::Rst
        })?;
        let (near, far) = (self.name(fate.between.0), self.name(fate.between.1));
        if !fate.is_told() {
            return Some((
                end,
                Ruling::CannotTell,
                fate.doubt.map_or(String::new(), |doubt| doubt.words(near)),
            ));
        }
        let ruling = if blames_path { Ruling::Confirmed } else { Ruling::Overturned };
        let hop_limit = fate.foreign_hop_limit.map_or(String::new(), |(own, others)| {
            format!("; it came with hop limit {own}, the {who}'s own segments with {others}")
        });
        Some((
            end,
            ruling,
            format!(
                "the {who} never sent that RST: {far} shows it (frame {frame}), {near} does not{hop_limit}"
            ),
        ))
    }
}

fn times(n: u32) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

fn segments(n: usize) -> String {
    if n == 1 { "1 segment".to_owned() } else { format!("{n} segments") }
}

/// Whether a doubt leaves the certainty of what was seen.
pub(super) fn certainty(doubt: Option<Doubt>) -> Certainty {
    if doubt.is_none() { Certainty::Certain } else { Certainty::Likely }
}
