//! Counts: over all connections, and over those of a service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Length;

/// Counts over all connections.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Connections, every use of the same ports counted.
    pub connections: u64,
    /// Both FINs sent and acknowledged.
    pub closed_by_both: u64,
    /// Neither FIN nor RST.
    pub open: u64,
    /// Ended by RST.
    pub reset: u64,
    /// One FIN only, or the last one not acknowledged.
    pub half_closed: u64,
    /// SYN without an answer.
    pub unanswered: u64,
    /// SYN answered by RST.
    pub refused: u64,
    /// Began before the capture.
    pub midstream: u64,
    /// Ended before they did anything: health checks, scans.
    pub probes: u64,
    /// The slowest orderly close, from the first FIN to the second.
    pub slowest_close: Option<Slowest>,
    /// The longest silence after which the other side still answered.
    pub longest_silence_survived: Option<Slowest>,
    /// Silences that were not survived.
    pub silences_failed: u64,
    /// Retransmitted segments.
    pub retransmissions: u64,
    /// Connections counted but not judged, for the memory limit.
    pub given_up: u64,
    /// Connections whose service or host is in no other sum than these, for the same.
    #[serde(default)]
    pub unplaced: u64,
}

/// The longest of something, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Slowest {
    /// How long.
    #[serde(flatten)]
    pub length: Length,
    /// Of which connection.
    pub connection: String,
    /// Its stream number.
    pub stream: Option<u32>,
}

/// A listening endpoint and what its connections did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// Address and port.
    pub endpoint: String,
    /// That it is the listening one was guessed.
    pub assumed: bool,
    /// Connections.
    pub connections: u64,
    /// Both FINs sent and acknowledged.
    pub closed_by_both: u64,
    /// Connections on which the service owes its FIN.
    pub owes_fin: u64,
    /// Ended by RST.
    pub reset: u64,
    /// Time from the client's FIN to its own: 50th percentile, estimated within 19 %.
    pub close_p50: Option<Length>,
    /// 99th percentile of the same.
    pub close_p99: Option<Length>,
    /// Time from the last octet of a request to the first of its answer: 99th percentile of each connection's longest.
    pub answer_p99: Option<Length>,
}
