//! No FIN of an end passed a place: none left, or it was lost on the way there.

use super::{Answer, Ask, Certainty, Ruling};
use crate::compare::End;
use crate::compare::fates::{Event, Fate};
use crate::detail::Act;
use crate::findings::words::times;

/// A FIN is repeated until it is acknowledged: a place that shows none missed every repetition, or the FIN and its
/// acknowledgment, both of which the place whose verdict it is missed, too.
const UNSEEN: u32 = 3;

impl Ask<'_> {
    /// No FIN of `end` passed the place: none left, or it was lost on the way here. The same of DATA_FINs, by that name.
    pub(super) fn is_missing(&self, end: End, fin: &str, is_fin: fn(Act) -> bool) -> Option<Answer> {
        let journey = self.journey(end);
        let own = self.stop(end)?;
        let who = end.name();
        let nearest = journey.stops.first()?;
        if own == 0 {
            return None;
        }
        let passed = journey.stops[..own]
            .iter()
            .enumerate()
            .find_map(|(stop, there)| Some((stop, *there.passes.iter().find(|pass| is_fin(pass.act))?)));
        if let Some((stop, pass)) = passed {
            let at = journey.stops[stop].at;
            let lost = self.fates[end.index()].iter().rev();
            let lost =
                lost.filter(|fate| fate.event == Event::Lost && is_fin(fate.act)).find(|f| f.all_missing);
            let sent = format!("the {who} did send its {fin}: {}, frame {}", self.name(at), pass.seen.frame);
            let says = match lost {
                Some(Fate { doubt: Some(doubt), between: (_, to), .. }) => {
                    format!("{sent}; {}", doubt.words(self.name(*to)))
                }
                Some(Fate { between: (from, to), sent: copies, .. }) => {
                    let (from, to) = (self.name(*from), self.name(*to));
                    format!("{sent}; sent {}, lost between {from} and {to}", times((*copies).into()))
                }
                None => sent,
            };
            return Some(Answer { end, ruling: Ruling::Overturned, certainty: Certainty::Certain, says });
        }
        let outcome = &self.material.outcomes[nearest.at];
        let name = self.name(nearest.at);
        let last = outcome.capture.last;
        let since = self.since;
        let acked = journey.time_at(own, since.at, 0);
        if let Some(doubt) = acked.and_then(|acked| nearest.watch.doubt_from(acked)) {
            return Some(Answer::doubtful(end, doubt.words(name)));
        }
        let host = if self.is_at_host(end, nearest.at) { ", which captured at its host," } else { "" };
        let says = format!("{name}{host} shows no {fin} of the {who} either, as of its frame {}", last.frame);
        let certainty = journey.certainty(nearest.at, UNSEEN);
        Some(Answer { end, ruling: Ruling::Confirmed, certainty, says })
    }

    /// The segments of `end` bear an initial hop limit at that place.
    pub(super) fn is_at_host(&self, end: End, at: usize) -> bool {
        let stop = self.journey(end).stops.iter().find(|stop| stop.at == at);
        stop.is_some_and(|stop| {
            let mut passes = stop.passes.iter().peekable();
            passes.peek().is_some() && passes.all(|pass| matches!(pass.hop_limit, 64 | 128 | 255))
        })
    }
}
