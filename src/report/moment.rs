//! Instants and lengths of time: exact for programs, in words for people. The words are made when they are written.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::wire::{Span, Timestamp};

/// An instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "written::Time")]
pub struct Time(pub Timestamp);

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Time {
        Time(at)
    }
}

/// RFC 3339 in UTC; a time without a date as the time of day alone.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A length of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "written::Length")]
pub struct Length(pub Span);

impl From<Span> for Length {
    fn from(span: Span) -> Length {
        Length(span)
    }
}

/// As a person says it: `1 h 51 min`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
        write!(f, "{bound}{}", self.length)
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

/// What is shown, written as a string without one being made first.
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// How both are written.
mod written {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::{Span, Timestamp};

    /// An instant.
    #[derive(Deserialize, JsonSchema)]
    pub(super) struct Time {
        /// Nanoseconds since 1970-01-01 UTC, decimal.
        ns: String,
        /// The same, RFC 3339 in UTC: of a time that has no date, as in some captures read from text, the time of day alone.
        #[allow(dead_code, reason = "read by people")]
        rfc3339: String,
    }

    /// A length of time.
    #[derive(Deserialize, JsonSchema)]
    pub(super) struct Length {
        /// Nanoseconds, decimal.
        ns: String,
        /// As a person says it: `1 h 51 min`.
        #[allow(dead_code, reason = "read by people")]
        text: String,
    }

    /// The number decides; the words beside it may have been changed by hand.
    fn number(ns: &str) -> Result<i64, String> {
        ns.parse().map_err(|_| format!("'{ns}' is no number of nanoseconds"))
    }

    impl TryFrom<Time> for super::Time {
        type Error = String;
        fn try_from(time: Time) -> Result<super::Time, String> {
            number(&time.ns).map(|ns| super::Time(Timestamp(ns)))
        }
    }

    impl TryFrom<Length> for super::Length {
        type Error = String;
        fn try_from(length: Length) -> Result<super::Length, String> {
            number(&length.ns).map(|ns| super::Length(Span(ns)))
        }
    }
}

/// What is written and described are its number and its words.
macro_rules! written {
    ($name:ident, $words:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut fields = serializer.serialize_struct(stringify!($name), 2)?;
                fields.serialize_field("ns", &Shown(self.0.0))?;
                fields.serialize_field($words, &Shown(self.0))?;
                fields.end()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                written::$name::schema_name()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                written::$name::json_schema(generator)
            }
        }
    };
}

written!(Time, "rfc3339");
written!(Length, "text");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lengths_are_read_as_they_are_written() {
        let time = Time(Timestamp::new(1_700_000_000, 5));
        let json = r#"{"ns":"1700000000000000005","rfc3339":"2023-11-14T22:13:20.000000005Z"}"#;
        assert_eq!(serde_json::to_string(&time).unwrap(), json);
        assert_eq!(serde_json::from_str::<Time>(json).unwrap(), time);
        let lasted = Lasted { length: Length(Span::secs(-90)), at_least: true };
        let json = r#"{"ns":"-90000000000","text":"-1 min 30 s","at_least":true}"#;
        assert_eq!(serde_json::to_string(&lasted).unwrap(), json);
        assert_eq!(serde_json::from_str::<Lasted>(json).unwrap(), lasted);
    }

    #[test]
    fn a_time_changed_by_hand_is_its_number_or_refused() {
        let changed: Time = serde_json::from_str(r#"{"ns":"0","rfc3339":"\u001b[2J tomorrow"}"#).unwrap();
        assert_eq!(changed.to_string(), "00:00:00.000000000");
        let refused = serde_json::from_str::<Time>(r#"{"ns":"soon","rfc3339":"tomorrow"}"#).unwrap_err();
        assert!(refused.to_string().contains("'soon' is no number of nanoseconds"), "{refused}");
        assert!(serde_json::from_str::<Length>(r#"{"ns":"1.5","text":"1 ns"}"#).is_err());
    }
}
