//! What an end sent was not answered: it did not arrive, or the answer did not.

use super::{Answer, Ask, Certainty, Ruling};
use crate::compare::End;
use crate::compare::trace::Pass;
use crate::detail::Act;
use crate::findings::words::count;

impl Ask<'_> {
    /// What `end` sent since the finding began was not answered: it did not arrive, or the answer did not.
    pub(super) fn is_not_answered(&self, end: End) -> Option<Answer> {
        let journey = self.journey(end);
        let own = self.stop(end)?;
        let here = &journey.stops[own];
        let since = self.since;
        let asked =
            |pass: &Pass| pass.seen.frame >= since.frame && (pass.has_octets() || pass.act == Act::KeepAlive);
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
                return Some(Answer::doubtful(end, doubt.words(self.name(to))));
            }
            let says = format!(
                "what the {who} sent passed {} and never reached {}: {} lost between",
                self.name(from),
                self.name(to),
                count(sent.len() as u64, "segment")
            );
            let certainty = journey.certainty(to, sent.len() as u32);
            return Some(Answer { end, ruling: Ruling::Confirmed, certainty, says });
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
                if let Some(doubt) = answers.doubt(stop, pass, stop + 1) {
                    return Some(Answer::doubtful(end, doubt.words(self.name(to.at))));
                }
                let says = format!(
                    "it reached {name}, and was answered: the answer ({name}, frame {}) was lost between {} and {}",
                    pass.seen.frame,
                    self.name(from.at),
                    self.name(to.at)
                );
                // Both are seen.
                return Some(Answer { end, ruling: Ruling::Overturned, certainty: Certainty::Certain, says });
            }
            return None;
        }
        let says = format!(
            "{through} of {} reached {name} (frame {}), and no answer came out there: not lost up to {name}",
            count(sent.len() as u64, "segment"),
            arrived.frame
        );
        let (ruling, certainty) = match self.finding {
            // It is the path that is blamed, and it is seen that it got through.
            "dead-after-idle" => (Ruling::Overturned, Certainty::Certain),
            _ => (Ruling::Confirmed, journey.certainty(there, through as u32)),
        };
        Some(Answer { end, ruling, certainty, says })
    }
}
