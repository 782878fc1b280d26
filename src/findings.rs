//! Findings: what one connection's facts amount to, in the words of a ticket.
//!
//! A rule is a pure function from a [`Case`] (one connection and everything known about its surroundings) to an
//! [`Answer`]. Rules neither see packets nor print. A finding says who, since when and on what frames; its words are
//! made per [`Group`], since ten connections stuck at one service are one thing to tell.

mod aborted;
mod broken;
mod capture_gap;
mod case;
mod client_gave_up;
mod close_wait_aborted;
mod dead_after_idle;
mod finding;
mod first_close;
mod frequent_keepalive;
mod grace;
mod group;
mod half_close_in_use;
pub(crate) mod hop_limits;
mod host;
mod keepalive_gave_up;
mod large_segments_lost;
mod late_answer;
mod late_fin;
mod losses;
mod missing_data_fin;
mod missing_fin;
mod no_answer;
mod no_keepalive;
mod one_direction;
mod peer_forgot;
mod probe;
mod reset_after_idle;
mod rst;
mod stale_connection_reused;
mod surroundings;
mod syn_fin;
mod syn_refused;
mod syn_unanswered;
#[cfg(test)]
mod tests;
mod unacked_data;
mod unacked_fin;
pub(crate) mod words;
mod zero_window_stall;

pub use broken::{Broken, How, lost_toward};
pub use case::{Case, Roles};
pub(crate) use finding::FROM_TEXT;
pub use finding::{Cause, Certainty, Finding, Lasted, Proof, Severity, Weight};
pub use grace::{Grace, Graces};
pub use group::{Group, Scope, Words};
pub use hop_limits::HostHopLimits;
pub use host::{
    Holders, HostEvidence, Listed, Log, LogClock, Look, OrderDoubt, OrderJoin, Sighting, Traced, holders,
    says, tells_why,
};
pub use missing_data_fin::is_owed;
pub use no_answer::waited_in_vain;
pub use rst::{Origin, Sender};
pub use surroundings::{CaptureFacts, Histogram, HostFacts, ServiceFacts, Waits};

use crate::wire::Side;

/// What a rule answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Not this one, for that reason.
    No(&'static str),
    /// It could be, but that cannot be told from this capture (yet).
    Undecided(Undecided),
    /// This one.
    Found(Box<Finding>),
}

/// Why something cannot be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undecided {
    /// The side it would be about.
    pub side: Option<Side>,
    /// In words that complete "undecided: ".
    pub why: String,
}

impl Answer {
    fn found(finding: Finding) -> Answer {
        Answer::Found(Box::new(finding))
    }

    fn undecided(side: Side, why: impl Into<String>) -> Answer {
        Answer::Undecided(Undecided { side: Some(side), why: why.into() })
    }
}

/// One kind of finding.
pub trait Rule: Sync {
    /// Stable name, `missing-fin`.
    fn name(&self) -> &'static str;
    /// How findings are put together.
    fn scope(&self) -> Scope;
    /// The judgement.
    fn judge(&self, case: &Case<'_>) -> Answer;
    /// The words for a group of its findings.
    fn words(&self, group: &Group<'_>) -> Words;
}

/// Every rule, in the order of precedence: the first that finds something names the connection, the others add notes.
pub const RULES: &[&dyn Rule] = &[
    &syn_fin::SynFin,
    &one_direction::OneDirection,
    &syn_unanswered::SynUnanswered,
    &syn_refused::SynRefused,
    &probe::Probe,
    &reset_after_idle::ResetAfterIdle,
    &peer_forgot::PeerForgot,
    &keepalive_gave_up::KeepaliveGaveUp,
    &dead_after_idle::DeadAfterIdle,
    &zero_window_stall::ZeroWindowStall,
    &large_segments_lost::LargeSegmentsLost,
    &close_wait_aborted::CloseWaitAborted,
    &stale_connection_reused::StaleConnectionReused,
    &late_answer::LateAnswer,
    &unacked_fin::UnackedFin,
    &half_close_in_use::HalfCloseInUse,
    &missing_fin::MissingFin,
    &missing_data_fin::MissingDataFin,
    &late_fin::LateFin,
    &unacked_data::UnackedData,
    &no_answer::NoAnswer,
    &client_gave_up::ClientGaveUp,
    &aborted::Aborted,
    &capture_gap::CaptureGap,
    &host::SocketMismatch,
    &host::CloseCalled,
    &host::NeverAccepted,
    &host::FdNotClosed,
    &host::EofNotRead,
    &host::NoWakeUp,
    &host::Epipe,
    &frequent_keepalive::FrequentKeepalive,
    &no_keepalive::NoKeepalive,
];

/// The rule of that name.
pub fn rule(name: &str) -> Option<&'static dyn Rule> {
    RULES.iter().copied().find(|rule| rule.name() == name)
}

/// Everything the rules say of one connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// What was found, in order of precedence; the first one names the connection.
    pub findings: Vec<Finding>,
    /// What could not be told, by rule.
    pub undecided: Vec<(&'static str, Undecided)>,
}

impl Verdict {
    /// The finding that names the connection.
    pub fn primary(&self) -> Option<&Finding> {
        self.findings.first()
    }
}

/// Asks every rule, in order of precedence.
pub fn answers<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (&'static str, Answer)> + 'a {
    let is_subflow = case.connection.data_level().is_some();
    RULES.iter().map(move |rule| {
        let silenced = if is_subflow { missing_data_fin::silences(rule.name()) } else { None };
        (rule.name(), silenced.map_or_else(|| rule.judge(case), Answer::No))
    })
}

/// What the rules find, and what they cannot tell.
pub fn judge(case: &Case<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    for (name, answer) in answers(case) {
        match answer {
            Answer::No(_) => {}
            Answer::Undecided(mut undecided) => {
                if case.capture.is_timeless() {
                    undecided.why = "the text holds no times: how long it lasted cannot be told".into();
                }
                verdict.undecided.push((name, undecided));
            }
            Answer::Found(mut finding) => {
                if case.capture.from_text {
                    finding.rests_on_text();
                }
                verdict.findings.push(*finding);
            }
        }
    }
    losses::weaken(case, &mut verdict);
    verdict.findings.iter_mut().for_each(Finding::trim);
    verdict.findings.shrink_to_fit();
    verdict.undecided.shrink_to_fit();
    verdict
}
