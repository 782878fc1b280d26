//! Instants and lengths of time: exact for programs, in words for people.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{Span, Timestamp};

/// An instant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Time {
    /// Nanoseconds since 1970-01-01 UTC, decimal.
    pub ns: String,
    /// The same, RFC 3339 in UTC.
    pub rfc3339: String,
}

impl Time {
    /// The instant as the working types have it; none if the text is not a number.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.ns.parse().ok().map(Timestamp)
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Time {
        Time { ns: at.0.to_string(), rfc3339: at.to_string() }
    }
}

/// A length of time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Length {
    /// Nanoseconds, decimal.
    pub ns: String,
    /// As a person says it: `1 h 51 min`.
    pub text: String,
}

impl Length {
    /// The span as the working types have it; none if the text is not a number.
    pub fn span(&self) -> Option<Span> {
        self.ns.parse().ok().map(Span)
    }
}

impl From<Span> for Length {
    fn from(span: Span) -> Length {
        Length { ns: span.0.to_string(), text: span.to_string() }
    }
}

/// How long something lasted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Lasted {
    /// How long.
    #[serde(flatten)]
    pub length: Length,
    /// The capture's edge cuts it off: at least that long.
    pub at_least: bool,
}

/// `at least 1 h 51 min`.
impl fmt::Display for Lasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.at_least { "at least " } else { "" };
        write!(f, "{bound}{}", self.length.text)
    }
}

/// A frame and its time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// Frame number.
    pub frame: u64,
    /// Its time.
    pub time: Time,
}
