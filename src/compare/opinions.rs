//! What becomes of a verdict that one place gave by itself, put before the others. Each question is a file below this one.

mod answered;
mod fin;
mod reset;

use super::End;
use super::fates::Fate;
use super::journey::Journey;
use super::matching::Shared;
use super::read::Material;
use crate::analysis::Judged;
use crate::detail::Act;
use crate::findings::Certainty;
use crate::wire::{Side, Stamp};

/// What the other places make of a verdict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ruling {
    /// It holds.
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
    /// How sure that is.
    pub certainty: Certainty,
    /// In a sentence.
    pub says: String,
}

/// The opinions on every verdict of a connection, place by place.
pub(super) fn opinions(
    material: &Material,
    shared: &Shared,
    journeys: &[Journey<'_>; 2],
    fates: &[Vec<Fate>; 2],
) -> Vec<Opinion> {
    let mut opinions = Vec::new();
    for at in shared.seen_at() {
        let Some(judged) = material.judged(shared, at) else { continue };
        let Some(member) = shared.members[at] else { continue };
        for (finding, side, since, was_undecided) in asked(judged) {
            let ask = Ask { material, journeys, fates, at, finding, since };
            let Some(answer) = ask.about(member.numbering.end(side)) else { continue };
            let Answer { end, ruling, certainty, says } = answer;
            // That others saw no more either does not decide what was undecided.
            if !was_undecided || ruling == Ruling::Overturned {
                opinions.push(Opinion { at, finding, was_undecided, end, ruling, certainty, says });
            }
        }
    }
    opinions
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
            "missing-data-fin" => connection.data_fin_acked(side.peer()),
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

/// What the others say.
struct Answer {
    /// Whose fault or loss it is.
    end: End,
    ruling: Ruling,
    certainty: Certainty,
    says: String,
}

impl Answer {
    /// The others miss what they had to show, for a reason.
    fn doubtful(end: End, says: String) -> Answer {
        Answer { end, ruling: Ruling::CannotTell, certainty: Certainty::Possible, says }
    }
}

impl Ask<'_> {
    /// `end` is the one that the finding is about.
    fn about(&self, end: End) -> Option<Answer> {
        match self.finding {
            "missing-fin" => self.is_missing(end, "FIN", |act| matches!(act, Act::Fin | Act::FinAndAck)),
            // There may be other subflows.
            "missing-data-fin" => {
                let answer = self.is_missing(end, "DATA_FIN", |act| act == Act::DataFin)?;
                let certainty = match answer.ruling {
                    Ruling::Confirmed => answer.certainty.min(Certainty::Likely),
                    _ => answer.certainty,
                };
                Some(Answer { certainty, ..answer })
            }
            "unacked-fin"
            | "unacked-data"
            | "dead-after-idle"
            | "keepalive-gave-up"
            | "large-segments-lost" => self.is_not_answered(end),
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
}
