//! Silences of two parts of a capture: what the later one could not know of them, and how the two become one account.

use crate::tcp::silence::{Clock, Episode, Inherited, Silence, Silences, Witness};
use crate::tcp::waits::Answers;
use crate::wire::{Side, Span};

/// What the later part of a capture could not know when it judged its silences.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unknown {
    /// A FIN had passed.
    pub(super) fin: bool,
    /// How long before its first frame payload had last passed, or the connection had begun.
    pub(super) payload: Span,
    /// Payload had passed at all.
    pub(super) payload_seen: bool,
    /// Whose payload was the last.
    pub(super) asked_by: Option<Side>,
}

impl Unknown {
    /// Whether a segment of `by` that was the first to say anything answers, as far as is known now.
    fn settles(&self, answers: Answers, by: Side) -> Answers {
        match answers {
            Answers::Perhaps if !self.payload_seen => Answers::Perhaps,
            Answers::Perhaps if self.asked_by == Some(by.peer()) => Answers::Yes,
            Answers::Perhaps => Answers::No,
            known => known,
        }
    }
}

impl Episode {
    /// Whether it is the same one, as seen by a part that may not know when payload last passed.
    pub(super) fn is_same_as(&self, part: &Episode) -> bool {
        let mut silence = part.silence;
        silence.no_payload = self.silence.no_payload;
        silence.answers = self.silence.answers;
        silence.spans[Clock::Payload as usize] = self.silence.spans[Clock::Payload as usize];
        silence.after_fin |= self.silence.after_fin;
        Episode { silence, ..*part } == *self
    }

    pub(super) fn shift_frames(&mut self, by: u64) {
        self.silence.from_frame += by;
        self.silence.resumed.frame += by;
    }
}

impl Silences {
    /// The same with nothing counted: only what still waits for its answer.
    pub(super) fn running(&self) -> Silences {
        let inherited = if self.is_pending() { Inherited::Waiting } else { Inherited::Nothing };
        Silences { pending: self.pending.clone(), inherited, ..Silences::default() }
    }

    /// These, then what was counted on from [`Silences::running`].
    pub(super) fn then(&self, rest: &Silences, unknown: &Unknown) -> Silences {
        let mut all = self.clone();
        let later = rest.rare.as_deref().cloned().unwrap_or_default();
        let placed = |mut silence: Silence| {
            silence.after_fin |= unknown.fin;
            if silence.no_payload {
                let span = &mut silence.spans[Clock::Payload as usize];
                *span = *span + unknown.payload;
                silence.no_payload = !unknown.payload_seen;
                silence.answers = unknown.settles(silence.answers, silence.by);
            }
            silence
        };
        match rest.inherited {
            Inherited::Answered => all.answered(),
            Inherited::Reset => all.reset(),
            Inherited::Nothing | Inherited::Waiting => {}
        }
        let own = all.pending.take().filter(|_| rest.inherited == Inherited::Waiting);
        all.pending = rest.pending.clone().map(|mut episode| {
            episode.silence = own.map_or_else(|| placed(episode.silence), |own| own.silence);
            episode
        });
        if let Some(silence) = later.reset.map(placed) {
            all.rare_mut().reset.get_or_insert(silence);
        }
        if unknown.fin {
            all.survive(Clock::AfterFin, rest.survived[Clock::Any as usize]);
        } else {
            for clock in Clock::OPEN {
                all.survive(clock, rest.survived[clock as usize]);
            }
            if later.since_first.span > Span::ZERO {
                let span = later.since_first.span + unknown.payload;
                let witness = Witness { span, ..later.since_first };
                if unknown.payload_seen {
                    all.survive(Clock::Payload, witness);
                } else {
                    all.survive_since_first(witness);
                }
            }
        }
        all.survive(Clock::AfterFin, later.after_fin);
        for by in Side::BOTH {
            later.waits[by.index()].0.iter().for_each(|&wait| all.note_wait(Answers::Yes, by, wait));
        }
        if let Some((by, wait)) = later.perhaps_wait {
            let wait = Witness { span: wait.span + unknown.payload, ..wait };
            all.note_wait(unknown.settles(Answers::Perhaps, by), by, wait);
        }
        all.survived_count = all.survived_count.saturating_add(rest.survived_count);
        all.blurred_count = all.blurred_count.saturating_add(rest.blurred_count);
        all
    }

    pub(super) fn shift_frames(&mut self, by: u64) {
        let rare = self.rare.iter_mut().flat_map(|rare| {
            let waits = rare.waits.iter_mut().flat_map(|waits| &mut waits.0);
            let perhaps = rare.perhaps_wait.iter_mut().map(|(_, wait)| wait);
            [&mut rare.after_fin, &mut rare.since_first].into_iter().chain(waits).chain(perhaps)
        });
        let witnesses = self.survived.iter_mut().chain(rare);
        for witness in witnesses.filter(|witness| witness.span > Span::ZERO) {
            witness.from_frame += by;
            witness.to_frame += by;
        }
        self.pending.iter_mut().for_each(|episode| episode.shift_frames(by));
        if let Some(silence) = self.rare.iter_mut().find_map(|rare| rare.reset.as_mut()) {
            silence.from_frame += by;
            silence.resumed.frame += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::silence::tests::silence;
    use crate::wire::SeqNum;

    /// What a part began with while nothing waited there is its own, whatever waited in the part before.
    #[test]
    fn only_what_waited_in_both_parts_is_one() {
        let waiting = |frame| {
            let mut silences = Silences::default();
            silences.begin(silence(5, frame), SeqNum(100));
            silences
        };
        let unknown = Unknown { fin: false, payload: Span::ZERO, payload_seen: true, asked_by: None };
        for (later, frame) in
            [(waiting(20), 20), (Silences { inherited: Inherited::Waiting, ..waiting(20) }, 10)]
        {
            let joined = waiting(10).then(&later, &unknown);
            assert_eq!(joined.broken().unwrap().0.resumed.frame, frame);
        }
    }
}
