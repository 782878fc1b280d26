//! What a rule finds on one connection: the fact, its likely cause, how bad it is, and the frames that prove it.

use crate::wire::{Side, Span, Stamp};

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
    pub(super) fn new(name: &'static str, side: Option<Side>, weight: Weight) -> Finding {
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

    pub(super) fn shows(mut self, stamp: Stamp, label: impl Into<String>) -> Finding {
        self.evidence.push((stamp, label.into()));
        self
    }

    /// Gives back the room that its lists did not need: there may be as many findings as connections.
    pub(super) fn trim(&mut self) {
        self.evidence.shrink_to_fit();
        self.against.shrink_to_fit();
        self.cause.iter_mut().for_each(|cause| cause.because.shrink_to_fit());
    }

    /// Text can leave packets out, and nobody would know: nothing that rests on it is certain.
    pub(super) fn rests_on_text(&mut self) {
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

/// What speaks against every finding from a text.
pub(crate) const FROM_TEXT: &str = "read from text, which may leave packets out";
