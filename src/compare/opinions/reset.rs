//! A RST that bears the address of an end passed a place: that end sent it, or something between.

use super::{Answer, Ask, Certainty, Ruling};
use crate::compare::End;
use crate::compare::fates::Event;
use crate::compare::matters::certainty;
use crate::detail::Act;

impl Ask<'_> {
    /// A RST that bears the address of `end` passed the place: `end` sent it, or something between.
    pub(super) fn was_reset(&self, end: End) -> Option<Answer> {
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
            let says =
                format!("{shown}, next to the {who}, shows the RST too (frame {frame}): not made between");
            return Some(Answer { end, ruling, certainty: Certainty::Certain, says });
        }
        let fate = self.fates[end.index()].iter().find(|fate| {
            fate.event == Event::Born
                && fate.shown_at() == journey.stops[stop].at
                && fate.first.frame <= frame
                && fate.act == Act::Rst
        })?;
        let (near, far) = (self.name(fate.between.0), self.name(fate.between.1));
        if !fate.is_told() {
            return Some(Answer::doubtful(end, fate.doubt.map_or(String::new(), |doubt| doubt.words(near))));
        }
        let ruling = if blames_path { Ruling::Confirmed } else { Ruling::Overturned };
        let hop_limit = fate.foreign_hop_limit.map_or(String::new(), |(own, others)| {
            format!("; it came with hop limit {own}, the {who}'s own segments with {others}")
        });
        let says = format!(
            "the {who} never sent that RST: {far} shows it (frame {frame}), {near} does not{hop_limit}"
        );
        Some(Answer { end, ruling, certainty: certainty(journey, fate), says })
    }
}
