//! Findings: what one connection's facts amount to, in the words of a ticket.
//!
//! A rule is a pure function from a [`Case`] (one connection and everything known about its surroundings) to an
//! [`Answer`]. Rules neither see packets nor print. A finding says who, since when and on what frames; its words are
//! made per [`Group`], since ten connections stuck at one service are one thing to tell.

mod aborted;
mod broken;
mod capture_gap;
mod client_gave_up;
mod close_wait_aborted;
mod dead_after_idle;
mod first_close;
mod frequent_keepalive;
mod grace;
mod half_close_in_use;
pub(crate) mod host;
mod keepalive_gave_up;
mod large_segments_lost;
mod late_answer;
mod late_fin;
mod losses;
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
mod unacked_fin;
pub(crate) mod words;
mod zero_window_stall;

pub use broken::{Broken, How};
pub use grace::{Grace, Graces};
pub use host::{
    Holders, HostEvidence, Listed, Log, LogClock, Look, Sighting, Traced, holders, says, tells_why,
};
pub use no_answer::waited_in_vain;
pub use rst::{Origin, Sender};
pub use surroundings::{CaptureFacts, Histogram, HostFacts, ServiceFacts, Waits};

use crate::tcp::{Closure, Connection, EndpointState};
use crate::wire::{Endpoint, Side, Span, Stamp};

/// How bad; worst last, so that the derived order is the order of badness.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warning,
    /// Somebody has to act.
    Error,
}

/// How sure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Certainty {
    /// The facts allow it.
    Possible,
    /// The facts speak for it, and nothing looked at speaks against it.
    Likely,
    /// The facts leave nothing else.
    Certain,
}

/// Who or what is most likely behind a finding. Never certain from packets of one place alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// `the program`, `the path`, `the reader`, `the capture`, `the host`.
    pub what: &'static str,
    /// How sure.
    pub certainty: Certainty,
    /// Reasons.
    pub because: Vec<String>,
}

/// How long something lasted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lasted {
    /// How long.
    pub span: Span,
    /// The capture's edge cuts it off: at least that long.
    pub at_least: bool,
}

/// How severity follows from what was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// Always the same.
    Fixed(Severity),
    /// A side owes something for [`Finding::lasted`]: the longer and the more, the worse; one level less for the client.
    Owed {
        /// The side at fault is the listening one.
        listening: bool,
    },
}

/// What a rule found on one connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The rule's name.
    pub name: &'static str,
    /// The side at fault, or the side that suffers where the path is at fault.
    pub side: Option<Side>,
    /// How sure the fact is.
    pub fact: Certainty,
    /// The likely cause.
    pub cause: Option<Cause>,
    /// Since when.
    pub since: Option<Stamp>,
    /// For how long.
    pub lasted: Option<Lasted>,
    /// How severity follows.
    pub weight: Weight,
    /// Frames that prove it.
    pub evidence: Vec<(Stamp, String)>,
    /// What speaks against it.
    pub against: Vec<String>,
    /// Lines of host records that prove it.
    pub proof: Vec<Proof>,
}

/// A line of a host's own record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The file, as given.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// Its text, shortened.
    pub text: String,
}

impl Finding {
    /// A finding with nothing said yet but its name, side and weight.
    fn new(name: &'static str, side: Option<Side>, weight: Weight) -> Finding {
        Finding {
            name,
            side,
            fact: Certainty::Certain,
            cause: None,
            since: None,
            lasted: None,
            weight,
            evidence: Vec::new(),
            against: Vec::new(),
            proof: Vec::new(),
        }
    }

    fn shows(mut self, stamp: Stamp, label: impl Into<String>) -> Finding {
        self.evidence.push((stamp, label.into()));
        self
    }

    /// Text can leave packets out, and nobody would know: nothing that rests on it is certain.
    fn rests_on_text(&mut self) {
        self.fact = self.fact.min(Certainty::Likely);
        if let Some(cause) = &mut self.cause {
            cause.certainty = cause.certainty.min(Certainty::Likely);
        }
        self.against.insert(0, FROM_TEXT.into());
    }

    /// How bad it is among `alike` findings of the same name at the same place.
    pub fn severity(&self, alike: usize) -> Severity {
        let Weight::Owed { listening } = self.weight else {
            let Weight::Fixed(severity) = self.weight else { unreachable!() };
            return severity;
        };
        let span = self.lasted.map_or(Span::ZERO, |lasted| lasted.span);
        let long = span >= Span::secs(10);
        let very_long = span >= Span::secs(60);
        let severity = if very_long || long && alike >= 3 {
            Severity::Error
        } else if long || alike >= 3 {
            Severity::Warning
        } else {
            Severity::Note
        };
        match severity {
            _ if listening => severity,
            Severity::Error => Severity::Warning,
            _ => Severity::Note,
        }
    }
}

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

/// Who is who on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Roles {
    /// The connecting side.
    pub client: Side,
    /// No handshake was seen: guessed.
    pub assumed: bool,
}

impl Roles {
    /// The listening side.
    pub fn server(&self) -> Side {
        self.client.peer()
    }

    /// `client` or `server`.
    pub fn name(&self, side: Side) -> &'static str {
        if side == self.client { "client" } else { "server" }
    }
}

/// One connection and everything known around it.
pub struct Case<'a> {
    /// The facts.
    pub connection: &'a Connection,
    /// Who is who.
    pub roles: Roles,
    /// States of both sides, by [`Side::index`].
    pub states: [EndpointState; 2],
    /// How it ended.
    pub closure: &'a Closure,
    /// The listening endpoint, over all its connections.
    pub service: &'a ServiceFacts,
    /// Both hosts over all their connections, by [`Side::index`].
    pub hosts: [HostFacts; 2],
    /// The capture as a whole.
    pub capture: &'a CaptureFacts,
    /// When waiting becomes owing.
    pub grace: &'a Grace,
    /// What the hosts themselves say of it.
    pub host: HostEvidence<'a>,
}

impl Case<'_> {
    fn endpoint(&self, side: Side) -> Endpoint {
        self.connection.key.endpoint(side)
    }

    fn role(&self, side: Side) -> &'static str {
        self.roles.name(side)
    }

    /// From then to the end of the capture.
    fn until_end(&self, since: Stamp) -> Span {
        (self.capture.last.at - since.at).max(Span::ZERO)
    }

    /// From here to that side and back, as its handshake took.
    fn round_trip_to(&self, side: Side) -> Option<Span> {
        match self.connection.opener()? == side {
            true => self.connection.originator_rtt(),
            false => self.connection.responder_rtt(),
        }
    }

    /// The connection was made, or is older than the capture.
    fn made(&self) -> bool {
        self.connection.established()
    }

    /// Both sides were captured.
    fn both_directions(&self) -> bool {
        Side::BOTH.into_iter().all(|side| {
            let half = &self.connection.halves[side.index()];
            half.spoke() || self.connection.rst(side).is_some()
        })
    }

    /// Octets of that side which its own or its peer's numbers prove but which were never captured.
    fn unseen(&self, side: Side) -> i32 {
        self.connection.halves[side.index()].unseen_octets()
    }

    /// Its service is known to go on after its client's FIN, and that is its side.
    fn holds_half_closed(&self, side: Side) -> bool {
        self.grace.half_close && side == self.roles.server()
    }

    /// A RST of either side has ended it.
    fn ended_by_rst(&self) -> bool {
        Side::BOTH.into_iter().any(|side| self.connection.ended_by_rst(side))
    }
}

/// Findings of one rule at one place: what a report tells as one.
pub struct Group<'a> {
    /// The place, as printed: endpoint, host or path.
    pub place: String,
    /// The findings with their connections, the one that says most first.
    pub members: Vec<(&'a Case<'a>, &'a Finding)>,
    /// Connections of that place in all.
    pub of: u64,
    /// Length of the capture.
    pub capture: &'a CaptureFacts,
}

/// What a report says of a group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words {
    /// One line.
    pub headline: String,
    /// A few sentences.
    pub says: String,
    /// What helps, and what does not.
    pub advice: Vec<String>,
    /// Commands: machine, operating system, command.
    pub next: Vec<(String, &'static str, String)>,
}

/// Whose the finding is: how connections are put together in a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The side at fault: a listening endpoint, or a connecting host.
    Side,
    /// The path between the client's host and the service.
    Path,
    /// The client's host.
    Client,
    /// The whole capture.
    Capture,
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
    &late_fin::LateFin,
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
    RULES.iter().map(|rule| (rule.name(), rule.judge(case)))
}

/// What the rules find, and what they cannot tell.
pub fn judge(case: &Case<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    for (name, answer) in answers(case) {
        match answer {
            Answer::No(_) => {}
            Answer::Undecided(undecided) => verdict.undecided.push((name, undecided)),
            Answer::Found(mut finding) => {
                if case.capture.from_text {
                    finding.rests_on_text();
                }
                verdict.findings.push(*finding);
            }
        }
    }
    losses::weaken(case, &mut verdict);
    verdict
}

/// What speaks against every finding from a text.
pub(crate) const FROM_TEXT: &str = "read from text, which may leave packets out";
