//! One connection and its two ends, as a report lists them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KeySegment, Length, Moment, Process};

/// One connection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// Our own name for it: the same for the same connection in every run.
    pub id: String,
    /// Wireshark's `tcp.stream` in this file; null for sets of files and where it cannot be known.
    pub stream: Option<u32>,
    /// Originator, `address:port`.
    pub client: String,
    /// Responder.
    pub server: String,
    /// What the user calls the originator's host.
    #[serde(default)]
    pub client_name: Option<String>,
    /// What the user calls the responder's host.
    #[serde(default)]
    pub server_name: Option<String>,
    /// Who is who was guessed, since no handshake was seen.
    pub roles_assumed: bool,
    /// First frame.
    pub first: Moment,
    /// Last frame.
    pub last: Moment,
    /// Zeek's `conn_state`.
    pub conn_state: String,
    /// Zeek's `history`.
    pub history: String,
    /// The connection is older than the capture.
    pub midstream: bool,
    /// Another connection with the same addresses and ports followed before this one was over.
    pub replaced: bool,
    /// It was joined from parts of a capture in a way that leaves counts of repetitions approximate; what came first and
    /// what was highest is exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts_are_about: bool,
    /// How it ended: `orderly`, `reset by client`, `open`, ...
    pub ending: String,
    /// SYN to SYN-ACK to ACK: the handshake's round trip.
    pub handshake_rtt: Option<Length>,
    /// From the client's first payload to the server's.
    pub time_to_first_byte: Option<Length>,
    /// What the client did.
    pub client_side: Endpoint,
    /// What the server did.
    pub server_side: Endpoint,
    /// The longest silence survived, any segment counted.
    pub longest_silence_survived: Option<Length>,
    /// The silence that was not survived.
    pub silence_failed: Option<Length>,
    /// The main finding.
    pub finding: Option<String>,
    /// Other findings.
    pub notes: Vec<String>,
    /// What is undecided about it.
    pub undecided: Option<String>,
    /// Whose fault the main finding is: `client`, `server`, `path`.
    pub side: Option<String>,
    /// A Wireshark display filter for this connection.
    pub filter: String,
    /// Who holds its ends, by the last socket listing.
    #[serde(default)]
    pub processes: Vec<Process>,
    /// The segments that made it what it is, in time order; empty where they were not kept.
    #[serde(default)]
    pub key_segments: Vec<KeySegment>,
}

/// One end of a connection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// The state it has been in at least (RFC 9293).
    pub proven: String,
    /// The state it is in if everything that passed was delivered.
    pub expected: String,
    /// The frame whose delivery makes the difference.
    pub decided_by: Option<u64>,
    /// Segments.
    pub segments: u64,
    /// Payload octets, repetitions included.
    pub payload: u64,
    /// Its last segment.
    pub last: Option<Moment>,
    /// Its first FIN.
    pub fin: Option<Fin>,
    /// Its first RST.
    pub rst: Option<Moment>,
    /// Payload octets it sent after it had acknowledged the peer's FIN.
    pub payload_after_peer_fin: u64,
    /// Segments sent again.
    pub retransmissions: u64,
    /// Keep-alive probes.
    pub keepalives: u64,
    /// Spells of zero window.
    pub zero_windows: u64,
    /// Hop limits its segments arrived with.
    pub hop_limits: Vec<u8>,
}

/// A FIN.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Fin {
    /// When it was first seen.
    pub first: Moment,
    /// How often it was sent.
    pub sent: u64,
    /// When the other side acknowledged it.
    pub acked: Option<Moment>,
}
