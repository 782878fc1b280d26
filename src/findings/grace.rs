//! Grace: how long a side may take to close before it owes its FIN.

use super::Case;
use super::no_answer::gave_up;
use crate::known::{Habit, Target};
use crate::wire::{Endpoint, Side, Span};

/// When waiting becomes owing. Nothing owed and an answer owed are different: a program that has said all it has to say
/// closes at once; one that still works on an answer may take its time. Nobody waits for an answer any more once the
/// client has given up on it, and none is being worked on while the service stands still.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grace {
    /// At least this long when nothing was owed.
    pub prompt: Span,
    /// At most this long when nothing was owed, whatever the service's habits.
    pub prompt_at_most: Span,
    /// At least this long when an answer was owed.
    pub answering: Span,
    /// How many times the service's own habit: the median of its prompt closes, the 99th percentile of its answers.
    pub habit: i64,
    /// The user says that the service goes on after its client's FIN: it owes nothing.
    pub half_close: bool,
}

/// The grace of every service: the usual one, and what the user knows of some.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Graces {
    usual: Grace,
    known: Vec<(Target, Grace)>,
}

impl From<Grace> for Graces {
    fn from(usual: Grace) -> Graces {
        Graces { usual, known: Vec::new() }
    }
}

impl Graces {
    /// The same, with habits that stand above the usual grace; the first that fits a service counts.
    pub fn knowing(mut self, habits: &[Habit]) -> Graces {
        self.known.extend(habits.iter().map(|habit| {
            let grace = habit.grace.map_or_else(|| self.usual.clone(), Grace::fixed);
            (habit.at, Grace { half_close: habit.half_close, ..grace })
        }));
        self
    }

    /// The grace at that service.
    pub fn at(&self, service: Endpoint) -> &Grace {
        let known = self.known.iter().find(|(target, _)| target.takes(service));
        known.map_or(&self.usual, |(_, grace)| grace)
    }
}

impl Default for Grace {
    fn default() -> Self {
        Grace {
            prompt: Span::secs(1),
            prompt_at_most: Span::secs(30),
            answering: Span::secs(60),
            habit: 10,
            half_close: false,
        }
    }
}

impl Grace {
    /// The user's own grace, for both cases.
    pub fn fixed(grace: Span) -> Grace {
        Grace { prompt: grace, prompt_at_most: grace, answering: grace, habit: 0, half_close: false }
    }

    /// The grace of `side`, whose peer has sent a FIN.
    pub fn of(&self, case: &Case<'_>, side: Side) -> Span {
        self.of_owing(case, side, case.connection.payload_after_peer_fin(side) == 0)
    }

    /// The grace of `side` while it still owed the answer, if it ever did.
    pub(super) fn of_answer(&self, case: &Case<'_>, side: Side) -> Span {
        self.of_owing(case, side, true)
    }

    fn of_owing(&self, case: &Case<'_>, side: Side, unanswered: bool) -> Span {
        // A client that has its answer owes nothing for having been spoken to last.
        let owed = side == case.roles.server()
            && case.connection.fin(side.peer()).is_some_and(|fin| fin.answer_owed)
            && unanswered;
        self.wait(case, owed && gave_up(case).is_none() && !stands_still(case, side))
    }

    /// The grace of `side`, whose peer has sent a DATA_FIN of Multipath TCP. An answer is owed while the peer spoke last: it
    /// says nothing more.
    pub(super) fn of_data_fin(&self, case: &Case<'_>, side: Side) -> Span {
        let [own, peer] = [side, side.peer()].map(|side| &case.connection.halves[side.index()]);
        self.wait(case, side == case.roles.server() && peer.spoke_last(own))
    }

    fn wait(&self, case: &Case<'_>, answer_owed: bool) -> Span {
        if answer_owed {
            let habit = case.service.answers.percentile(99).unwrap_or_default().times(self.habit);
            self.answering.max(habit)
        } else {
            let habit = case.service.prompt_closes.percentile(50).unwrap_or_default().times(self.habit);
            self.prompt.max(habit).min(self.prompt_at_most)
        }
    }
}

/// The service keeps the window of another connection closed, and has answered nobody since its peer's FIN came here:
/// its program is stopped or stuck as a whole.
pub(super) fn stands_still(case: &Case<'_>, side: Side) -> bool {
    let Some(fin) = case.connection.fin(side.peer()) else { return false };
    let unread = case
        .service
        .unread_since
        .is_some_and(|since| since <= fin.seen.at + STILL && case.capture.last.at - since >= STILL);
    let answers = case.service.last_payload.is_some_and(|answered| answered >= fin.seen.at);
    side == case.roles.server() && unread && !answers
}

/// A window stays closed for that long, and from about then on.
const STILL: Span = Span::secs(3);
