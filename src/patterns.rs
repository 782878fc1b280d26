//! Patterns: findings that no single connection shows, drawn from all of them together.
//!
//! A [`Pattern`] is a pure function from a [`Scene`] (the judged capture and what several patterns want to know of it)
//! to any number of [`PatternFinding`]s. Everything it reads was folded from facts that merge, so a capture cut into
//! parts gives the same answer. Nothing here prints, and nothing below knows of it.

mod bracket;
mod close_wait_buildup;
mod constancy;
mod curve;
mod data;
mod half_closed_timeout;
mod host;
mod idle_close;
mod leak_chain;
mod lossy_path;
mod outage;
mod path_idle_timeout;
mod pattern_in_time;
mod pool_exhausted;
mod proxy_legs;
mod restart_seen;
mod scene;
mod server_idle_timeout;
mod service_stall;
mod timer;
mod timer_words;
mod translated;

pub use data::{
    Curve, CurvePoint, Data, Graph, GraphEdge, GraphNode, SilencePoint, TimerClock, TimerInterval,
};
pub use scene::Scene;

use crate::analysis::Outcome;
use crate::findings::{Cause, Certainty, FROM_TEXT, Lasted, Proof, Severity, Words};
use crate::wire::{Stamp, Timestamp};

/// One kind of finding over many connections.
pub trait Pattern: Sync {
    /// Stable name, `path-idle-timeout`.
    fn name(&self) -> &'static str;
    /// The judgement.
    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding>;
}

/// Every pattern, in the order in which equally bad ones are told.
pub const PATTERNS: &[&dyn Pattern] = &[
    &outage::OutagePattern,
    &path_idle_timeout::PathIdleTimeout,
    &half_closed_timeout::HalfClosedTimeout,
    &pool_exhausted::PoolExhausted,
    &leak_chain::LeakChain,
    &close_wait_buildup::CloseWaitBuildup,
    &service_stall::ServiceStall,
    &lossy_path::LossyPath,
    &pattern_in_time::PatternInTime,
    &restart_seen::RestartSeen,
    &server_idle_timeout::ServerIdleTimeout,
    &translated::TranslatedTwice,
    &host::LockWait,
    &host::ListenOverflow,
    &host::InterfaceErrors,
];

/// What a pattern found.
#[derive(Clone, PartialEq, Debug)]
pub struct PatternFinding {
    /// The pattern's name.
    pub name: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure the fact is.
    pub fact: Certainty,
    /// The likely cause.
    pub cause: Option<Cause>,
    /// What kind of place it is about: `service`, `client`, `path` or `capture`.
    pub role: &'static str,
    /// The place, as printed: endpoint, host or path.
    pub place: String,
    /// Who is client there was guessed, since no handshake was seen.
    pub assumed: bool,
    /// The connections it rests on, by their place in [`Outcome::connections`], the one that says most first.
    pub members: Vec<usize>,
    /// Connections of that place in all.
    pub of: u64,
    /// The words.
    pub words: Words,
    /// What speaks against it, or was left out.
    pub against: Vec<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// For how long.
    pub lasted: Option<Lasted>,
    /// Frames that prove it, with their connection's place in [`Outcome::connections`].
    pub evidence: Vec<(usize, Stamp, String)>,
    /// Lines of host records that prove it.
    pub proof: Vec<Proof>,
    /// What can be drawn.
    pub data: Option<Data>,
}

impl PatternFinding {
    /// A finding with nothing said yet but where it is and how bad.
    fn at(name: &'static str, severity: Severity, role: &'static str, place: String) -> PatternFinding {
        PatternFinding {
            name,
            severity,
            fact: Certainty::Likely,
            cause: None,
            role,
            place,
            assumed: false,
            members: Vec::new(),
            of: 0,
            words: Words::default(),
            against: Vec::new(),
            since: None,
            lasted: None,
            evidence: Vec::new(),
            proof: Vec::new(),
            data: None,
        }
    }

    /// Text can leave packets out: see [`crate::findings::FROM_TEXT`].
    fn resting_on_text(mut self) -> PatternFinding {
        self.fact = self.fact.min(Certainty::Likely);
        if let Some(cause) = &mut self.cause {
            cause.certainty = cause.certainty.min(Certainty::Likely);
        }
        self.against.insert(0, FROM_TEXT.into());
        self
    }
}

/// Asks every pattern. `limit`: more connections than this in CLOSE-WAIT at one place are an error.
pub fn judge(outcome: &Outcome, limit: Option<u64>) -> Vec<PatternFinding> {
    let scene = Scene::new(outcome, limit);
    let found = PATTERNS.iter().flat_map(|pattern| pattern.judge(&scene));
    if !outcome.capture.from_text {
        return found.collect();
    }
    found.map(PatternFinding::resting_on_text).collect()
}

#[cfg(test)]
mod talk;
#[cfg(test)]
mod tests;
