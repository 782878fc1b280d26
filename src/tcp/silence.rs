//! Silences: how long nothing passed, what was sent into the quiet, and whether it was answered.
//!
//! This is the raw material from which a timer on the path is inferred. One connection tells, per clock, the longest
//! silence after which the other side still answered, and the silence after which it did not.

use super::waits::{Answers, Waits};
use crate::wire::{SeqNum, Side, Span, Stamp, Timestamp};

/// What may keep a timer on the path from expiring; each clock is a different guess at what the timer counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Clock {
    /// Any segment in either direction.
    Any = 0,
    /// Payload in either direction; keep-alives do not count.
    Payload = 1,
    /// Any segment sent by [`Side::Lo`].
    FromLo = 2,
    /// Any segment sent by [`Side::Hi`].
    FromHi = 3,
    /// Any segment, on a connection of which one side has already sent its FIN: boxes run shorter timers then.
    AfterFin = 4,
}

impl Clock {
    /// How many clocks there are.
    pub const COUNT: usize = 5;
    /// The clocks that run while nobody has sent a FIN.
    pub const OPEN: [Clock; 4] = [Clock::Any, Clock::Payload, Clock::FromLo, Clock::FromHi];
}

/// A silence and the segment that ended it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Silence {
    /// Its length on each of [`Clock::OPEN`]; never negative.
    pub spans: [Span; 4],
    /// The last frame before it.
    pub from_frame: u64,
    /// The segment that ended it.
    pub resumed: Stamp,
    /// Who sent that segment.
    pub by: Side,
    /// A FIN had passed before: only [`Clock::AfterFin`] applies, with the length of [`Clock::Any`].
    pub after_fin: bool,
    /// The segment was a keep-alive probe.
    pub probe: bool,
    /// No payload had passed at all; [`Clock::Payload`] counts from the connection's first frame then.
    pub(super) no_payload: bool,
    /// Whether the segment answers the other side; then its wait is as long as [`Clock::Payload`] says.
    pub(super) answers: Answers,
}

impl Silence {
    /// The clocks this silence counts on, with its length on each.
    pub fn clocks(&self) -> impl Iterator<Item = (Clock, Span)> + '_ {
        let after_fin = self.after_fin.then_some((Clock::AfterFin, self.spans[0]));
        let open = Clock::OPEN.into_iter().zip(self.spans).filter(|_| !self.after_fin);
        after_fin.into_iter().chain(open)
    }

    /// Its length on the clock that counts any segment.
    pub fn span(&self) -> Span {
        self.spans[Clock::Any as usize]
    }
}

/// A silence survived.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Witness {
    /// How long it was.
    pub span: Span,
    /// The last frame before it.
    pub from_frame: u64,
    /// The frame that ended it and was answered.
    pub to_frame: u64,
    /// When that frame passed.
    pub at: Timestamp,
}

impl Witness {
    /// A tie keeps the one that ended earlier.
    pub(super) fn is_better_than(&self, other: &Witness) -> bool {
        (self.span, other.to_frame) > (other.span, self.to_frame)
    }

    pub(super) fn longer(self, other: Witness) -> Witness {
        if other.is_better_than(&self) { other } else { self }
    }
}

/// What became of the segment that ended a silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing yet: it was sent that many times, the last time then; the other side was or was not heard since.
    Pending {
        /// Times sent, itself included.
        attempts: u16,
        /// When it was last sent.
        last_attempt: Timestamp,
        /// The other side said something since, though it did not acknowledge this.
        heard: bool,
    },
    /// A RST bearing the other side's address came back.
    Reset,
}

/// A silence whose end waits for an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Episode {
    pub(super) silence: Silence,
    /// What acknowledges the segment.
    pub(super) target: SeqNum,
    pub(super) attempts: u16,
    pub(super) last_attempt: Timestamp,
    pub(super) heard: bool,
}

/// What became of a silence that was waiting for its answer when the sums began at nothing: who joins the two knows its
/// clocks better.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Inherited {
    #[default]
    Nothing,
    Waiting,
    Answered,
    Reset,
}

/// All silences of a connection, folded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Silences {
    /// Boxed: it goes with the answer, and the silence stays for good.
    pub(super) pending: Option<Box<Episode>>,
    /// On each of [`Clock::OPEN`].
    pub(super) survived: [Witness; Clock::OPEN.len()],
    pub(super) rare: Option<Box<Rare>>,
    pub(super) inherited: Inherited,
    /// How many were survived.
    pub survived_count: u32,
    /// How many were no witness, since traffic that was not captured, an unanswerable segment or outstanding data blur them.
    pub blurred_count: u32,
}

/// What few silences leave behind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Rare {
    /// The longest on [`Clock::AfterFin`].
    pub(super) after_fin: Witness,
    /// The longest on [`Clock::Payload`] while no payload had passed at all: what an earlier part knows will lengthen it.
    pub(super) since_first: Witness,
    pub(super) reset: Option<Silence>,
    /// The longest waits for an answer of each side.
    pub(super) waits: [Waits; 2],
    /// Who ended a silence with the first payload of all: a wait if an earlier part knows that the other had asked.
    pub(super) perhaps_wait: Option<(Side, Witness)>,
}

impl Silences {
    /// Shorter silences are not looked at.
    pub const SHORTEST: Span = Span::secs(1);

    /// The longest silence survived on that clock.
    pub fn survived(&self, clock: Clock) -> Option<Witness> {
        let rare = |of: fn(&Rare) -> Witness| self.rare.as_deref().map(of).unwrap_or_default();
        let witness = match clock {
            Clock::AfterFin => rare(|rare| rare.after_fin),
            Clock::Payload => self.survived[clock as usize].longer(rare(|rare| rare.since_first)),
            _ => self.survived[clock as usize],
        };
        (witness.span > Span::ZERO).then_some(witness)
    }

    /// The longest waits for an answer of that side, the longest first: at most four, none shorter than three seconds.
    pub fn waits(&self, by: Side) -> &[Witness] {
        self.rare.as_ref().map_or(&[], |rare| &rare.waits[by.index()].0)
    }

    /// The silence that was not survived, or not yet, and what became of the segment that ended it.
    pub fn broken(&self) -> Option<(Silence, Outcome)> {
        let reset = self.rare.as_ref().and_then(|rare| rare.reset).map(|silence| (silence, Outcome::Reset));
        reset.or_else(|| {
            self.pending.as_deref().map(|episode| {
                let &Episode { silence, attempts, last_attempt, heard, .. } = episode;
                (silence, Outcome::Pending { attempts, last_attempt, heard })
            })
        })
    }

    /// Whether a segment waits for its answer.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The silence whose end waits for an answer.
    pub(super) fn pending(&self) -> Option<Episode> {
        self.pending.as_deref().copied()
    }

    /// Whether the segment that waits for its answer was sent by that side.
    pub(super) fn pending_from(&self, side: Side) -> bool {
        self.pending.as_ref().is_some_and(|episode| episode.silence.by == side)
    }

    pub(super) fn begin(&mut self, silence: Silence, target: SeqNum) {
        let last_attempt = silence.resumed.at;
        let episode = Episode { silence, target, attempts: 1, last_attempt, heard: false };
        self.pending = Some(Box::new(episode));
    }

    /// The side that spoke into the quiet sends the same, or another probe, again.
    pub(super) fn again(&mut self, at: Timestamp) {
        if let Some(episode) = &mut self.pending {
            episode.attempts = episode.attempts.saturating_add(1);
            episode.last_attempt = at;
        }
    }

    /// The other side speaks; with `ack` it may have answered.
    pub(super) fn answer(&mut self, ack: Option<SeqNum>) {
        let Some(episode) = &mut self.pending else { return };
        if !ack.is_some_and(|ack| ack.at_or_after(episode.target)) {
            episode.heard = true;
            return;
        }
        self.answered();
    }

    pub(super) fn answered(&mut self) {
        let Some(Episode { silence, .. }) = self.pending.take().map(|episode| *episode) else { return };
        if self.inherited == Inherited::Waiting {
            self.inherited = Inherited::Answered;
            return;
        }
        self.survived_count = self.survived_count.saturating_add(1);
        self.waited(&silence);
        for (clock, span) in silence.clocks() {
            let Silence { from_frame, resumed, .. } = silence;
            let witness = Witness { span, from_frame, to_frame: resumed.frame, at: resumed.at };
            if clock == Clock::Payload && silence.no_payload {
                self.survive_since_first(witness);
            } else {
                self.survive(clock, witness);
            }
        }
    }

    /// Notes how long the other side had waited for the segment that ended this silence.
    fn waited(&mut self, silence: &Silence) {
        let span = silence.spans[Clock::Payload as usize];
        let Silence { from_frame, resumed, by, .. } = *silence;
        let wait = Witness { span, from_frame, to_frame: resumed.frame, at: resumed.at };
        self.note_wait(silence.answers, by, wait);
    }

    pub(super) fn note_wait(&mut self, answers: Answers, by: Side, wait: Witness) {
        match answers {
            Answers::Yes if wait.span >= Waits::SHORTEST => self.rare_mut().waits[by.index()].note(wait),
            Answers::Perhaps => self.rare_mut().perhaps_wait = Some((by, wait)),
            Answers::Yes | Answers::No => {}
        }
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The other side answers with a RST.
    pub(super) fn reset(&mut self) {
        let Some(Episode { silence, .. }) = self.pending.take().map(|episode| *episode) else { return };
        if self.inherited == Inherited::Waiting {
            self.inherited = Inherited::Reset;
        } else {
            self.rare_mut().reset.get_or_insert(silence);
        }
    }

    pub(super) fn survive(&mut self, clock: Clock, witness: Witness) {
        // One of no length is never the longest.
        if witness.span <= Span::ZERO {
            return;
        }
        let longest = match clock {
            Clock::AfterFin => &mut self.rare_mut().after_fin,
            _ => &mut self.survived[clock as usize],
        };
        *longest = longest.longer(witness);
    }

    pub(super) fn survive_since_first(&mut self, witness: Witness) {
        let longest = &mut self.rare_mut().since_first;
        *longest = longest.longer(witness);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::tcp) fn silence(seconds: i64, frame: u64) -> Silence {
        Silence {
            spans: [Span::secs(seconds); 4],
            from_frame: frame - 1,
            resumed: Stamp { at: Timestamp::new(seconds, 0), frame },
            by: Side::Lo,
            after_fin: false,
            probe: false,
            no_payload: false,
            answers: Answers::No,
        }
    }

    #[test]
    fn an_answer_makes_a_survivor_and_the_longest_stays() {
        let mut silences = Silences::default();
        for (seconds, frame) in [(5, 10), (9, 20), (7, 30)] {
            silences.begin(silence(seconds, frame), SeqNum(100));
            silences.answer(Some(SeqNum(100)));
        }
        let longest = silences.survived(Clock::Any).unwrap();
        assert_eq!((longest.span, longest.to_frame), (Span::secs(9), 20));
        assert_eq!(silences.survived(Clock::AfterFin), None);
        assert_eq!((silences.survived_count, silences.broken()), (3, None));
    }

    #[test]
    fn a_segment_that_does_not_acknowledge_is_heard_but_no_answer() {
        let mut silences = Silences::default();
        silences.begin(silence(5, 10), SeqNum(100));
        silences.again(Timestamp::new(6, 0));
        silences.answer(Some(SeqNum(99)));
        let (_, outcome) = silences.broken().unwrap();
        assert_eq!(
            outcome,
            Outcome::Pending { attempts: 2, last_attempt: Timestamp::new(6, 0), heard: true }
        );
    }

    #[test]
    fn after_a_fin_only_that_clock_runs() {
        let mut silences = Silences::default();
        silences.begin(Silence { after_fin: true, ..silence(5, 10) }, SeqNum(100));
        silences.answer(Some(SeqNum(100)));
        assert!(silences.survived(Clock::AfterFin).is_some() && silences.survived(Clock::Any).is_none());
    }
}
