//! Durations in data files, written as people write them: `90s`, `2h`. Nothing else is read here.

use serde::de::{Deserialize, Deserializer, Error};

use crate::wire::Span;

/// `"90s"`.
pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
    String::deserialize(from)?.parse().map_err(Error::custom)
}

/// `["60s", "6000s"]`.
pub(super) fn range<'de, D: Deserializer<'de>>(from: D) -> Result<Option<(Span, Span)>, D::Error> {
    let (least, most) = <(String, String)>::deserialize(from)?;
    Ok(Some((least.parse().map_err(Error::custom)?, most.parse().map_err(Error::custom)?)))
}
