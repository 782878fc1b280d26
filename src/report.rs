//! The report: plain data, and the formats that write it.
//!
//! These types are the wire types of the JSON report (`cwait-pcap schema` prints their schema). They borrow nothing and
//! know nothing of rules or tables: whoever has a [`Report`] can write it in every format.

mod against;
mod blocks;
mod build;
mod csv;
mod dot;
mod drawing;
mod evidence;
mod format;
mod hint;
mod html;
mod jira;
mod json;
mod ladder;
mod markdown;
mod ndjson;
mod parquet;
mod show;
mod sockets;
mod sort;
mod standing;
mod style;
mod terminal;
pub(crate) mod text;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{Span, Timestamp};

pub use against::{Against, Before, Change, Rate};
pub use build::Request;
pub use csv::quoted as csv_cell;
pub use drawing::{
    Candidate, Curve, CurvePoint, Drawing, Graph, GraphEdge, GraphNode, SilencePoint, TimerInterval,
};
pub use evidence::{HostRecord, Process, Quote};
pub use format::{FORMATS, Format, by_extension, by_name};
pub use html::{CSS, text as html_text};
pub use json::{NotAReport, read, schema};
pub use ladder::{Act, Arrow, KeySegment, Ladder, Party, Rung, What};
pub use markdown::escaped as markdown_text;
pub use show::why;
pub use sockets::{SocketExcess, SocketListing, SocketMoment, SocketReport, SocketRow, UnreadLine};
pub use sort::{SORTS, Sort};
pub use style::{Detail, Style};
pub use terminal::connection as write_connection;
pub use text::plain;

/// The name of the schema, for readers that meet the file alone.
pub const SCHEMA: &str = "cwait-pcap/report";
/// Fields may be added within one major version; removing or renaming one raises it.
pub const SCHEMA_VERSION: &str = "1.0";

/// Everything one run has to say.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: String,
    /// What wrote it.
    pub tool: Tool,
    /// What the user calls it.
    #[serde(default)]
    pub title: Option<String>,
    /// What the user has to say about it.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The files, in time order.
    pub inputs: Vec<Input>,
    /// The hosts' own records that were read beside them.
    #[serde(default)]
    pub host_records: Vec<HostRecord>,
    /// Connections that stand in those records.
    #[serde(default)]
    pub host_joined: u64,
    /// The capture as a whole.
    pub capture: Capture,
    /// The answer in two sentences.
    pub verdict: Verdict,
    /// What changed since an earlier report, if one was given.
    #[serde(default)]
    pub against: Option<Against>,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What is too young, too short or too blurred to judge; never counted as a finding.
    pub undecided: Vec<Undecided>,
    /// Counts over all connections.
    pub totals: Totals,
    /// Services (listening endpoints), those with findings first, then by number of connections.
    pub services: Vec<Service>,
    /// Which connections are listed: `none`, `flagged` or `all`.
    pub connections_listed: Listed,
    /// The connections asked for.
    pub connections: Vec<Connection>,
}

/// Which connections a report lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Listed {
    /// None.
    None,
    /// Those with a finding or undecided.
    Flagged,
    /// Every one.
    All,
}

impl Report {
    /// Leaves out connections that are not asked for. What a report never held does not appear.
    pub fn list_connections(&mut self, listed: Listed) {
        let flagged = |c: &Connection| c.finding.is_some() || c.undecided.is_some();
        match listed {
            Listed::All => return,
            Listed::Flagged => self.connections.retain(flagged),
            Listed::None => self.connections.clear(),
        }
        if self.connections_listed != Listed::None {
            self.connections_listed = listed;
        }
    }
}

/// The program and how it was called.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `cwait-pcap`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The arguments, the program's name first.
    pub command_line: Vec<String>,
}

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

/// One capture file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// As given on the command line; `-` is standard input.
    pub path: String,
    /// `pcap`, `pcapng`, `snoop`, ...
    pub format: String,
    /// `gzip`, `zstd`, ... if it was compressed.
    pub compression: Option<String>,
    /// Octets read from the file.
    pub bytes: u64,
    /// BLAKE3 of the file, if asked for.
    pub hash: Option<String>,
    /// Frames read.
    pub frames: u64,
    /// The number of its first frame, counted through all inputs.
    pub first_frame: u64,
    /// Time of its first frame.
    pub first: Option<Time>,
    /// Time of its last frame.
    pub last: Option<Time>,
    /// Link types by name.
    pub link_types: Vec<String>,
    /// The snap length, if the file says so and it cuts.
    pub snap_length: Option<u32>,
    /// Packets the capture program says it lost.
    pub drops: Option<u64>,
    /// What was wrong with it: `frame N at byte B: what`.
    pub problems: Vec<String>,
    /// What is worth knowing but not wrong: a last record cut off, ...
    pub notes: Vec<String>,
    /// The lines, if it is a capture as text; null for packets. Its frames are lines.
    pub text: Option<TextInput>,
}

impl Input {
    /// What its frames are.
    pub(crate) fn frame_word(&self) -> &'static str {
        if self.text.is_some() { "line" } else { "frame" }
    }
}

impl Report {
    /// What frames are: lines if nothing but text was read.
    pub(crate) fn frame_word(&self) -> &'static str {
        let text = !self.inputs.is_empty() && self.inputs.iter().all(|input| input.text.is_some());
        if text { "line" } else { "frame" }
    }
}

/// A capture as text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TextInput {
    /// The programs that print such lines: `tcpdump`, `tshark`, `snoop`.
    pub tools: Vec<String>,
    /// What its times are: `instants`, `no zone`, `no date` (counted from 1970-01-01), `elapsed` (from the first packet on), `none`.
    pub times: String,
    /// Packets whose lines could not be read; counted in `drops`, too.
    pub lost: u64,
    /// The first lines that could not be read.
    pub unread_lines: Vec<UnreadLine>,
}

/// The capture as a whole, and every frame accounted for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// Frames read.
    pub frames: u64,
    /// Frames that became TCP segments.
    pub tcp: u64,
    /// Frames that did not, by reason, most first.
    pub skipped: Vec<Skipped>,
    /// Time of the first frame.
    pub first: Option<Time>,
    /// Time of the last frame.
    pub last: Option<Time>,
    /// From the first to the last.
    pub duration: Option<Length>,
    /// Packets the capture program says it lost; null if no file says.
    pub drops: Option<u64>,
    /// Frames captured twice.
    pub captured_twice: u64,
    /// Connections of which only one direction was captured.
    pub one_direction: u64,
    /// The largest step back in time between two frames.
    pub largest_step_back: Option<Length>,
}

/// Frames that were not analysed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Why: `UDP`, `cut before the ports`, ...
    pub reason: String,
    /// How many.
    pub frames: u64,
}

/// How bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warning,
    /// Somebody has to act.
    Error,
}

impl Severity {
    /// As reports print it: `ERROR`.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Note => "NOTE",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        }
    }
}

/// How sure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The facts allow it.
    Possible,
    /// The facts speak for it, and nothing that was looked at speaks against it.
    Likely,
    /// The facts leave nothing else.
    Certain,
}

impl Certainty {
    /// As reports print it: `LIKELY`.
    pub const fn word(self) -> &'static str {
        match self {
            Certainty::Possible => "POSSIBLE",
            Certainty::Likely => "LIKELY",
            Certainty::Certain => "CERTAIN",
        }
    }
}

/// The answer on one screen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The worst severity found; null if nothing was found.
    pub severity: Option<Severity>,
    /// One line: `OK: no connection owes a FIN, none died after a silence`.
    pub headline: String,
}

/// Where a finding points.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// `service`, `client`, `path` or `capture`.
    pub role: String,
    /// Endpoint (`10.1.0.9:8080`), host (`10.1.0.9`), or path (`10.1.0.7 - 10.1.0.9:8080`).
    pub name: String,
    /// The role was guessed, since no handshake was seen.
    pub assumed: bool,
}

/// One finding, about one connection or many of the same kind at the same place.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable name: `missing-fin`.
    pub name: String,
    /// How bad.
    pub severity: Severity,
    /// How sure the fact is.
    pub fact: Certainty,
    /// What is the most likely cause, and how sure that is; null where none is named.
    pub cause: Option<Cause>,
    /// Who or what it is about.
    pub at: Place,
    /// Connections it was found on.
    pub count: u64,
    /// Connections of that place in all.
    pub of: u64,
    /// One line, without name and severity: `10.1.0.9:8080 owes its FIN on 10 of its 10 connections`.
    pub headline: String,
    /// What was seen, in a few sentences.
    pub says: String,
    /// What speaks against it.
    pub against: Vec<String>,
    /// What helps, and what does not.
    pub advice: Vec<String>,
    /// What would decide it: commands to run.
    pub next: Vec<Step>,
    /// Since when.
    pub since: Option<Time>,
    /// For how long.
    pub lasted: Option<Lasted>,
    /// Who holds the sockets, by the socket table: `python3 (pid 4828)`, `7 by ..., 3 by no process`.
    #[serde(default)]
    pub process: Option<String>,
    /// The frames that prove it, of the first connection.
    pub evidence: Vec<Evidence>,
    /// The lines of the hosts' records that prove it, of the first few connections.
    #[serde(default)]
    pub quotes: Vec<Quote>,
    /// The connections, by [`Connection::id`]; at most [`Finding::LISTED`].
    pub connections: Vec<String>,
    /// A Wireshark display filter that shows them.
    pub filter: String,
    /// What can be drawn of it; null for findings on single connections.
    pub data: Option<Drawing>,
}

impl Finding {
    /// How many connections a finding lists by name.
    pub const LISTED: usize = 1_000;
    /// How many lines of the hosts' records a finding quotes.
    pub const QUOTED: usize = 8;
}

/// The most likely cause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// `the program`, `the path`, `the reader`, `the capture`, `the host`.
    pub what: String,
    /// How sure.
    pub certainty: Certainty,
    /// Why: `host alive to the end`, `3,120 FINs of it passed on other connections`.
    pub because: Vec<String>,
}

/// A command to run next.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// On which machine: `10.1.0.9`, `here`.
    pub on: String,
    /// `Linux`, `Solaris`, `BSD`, `Windows`, `any`.
    pub os: String,
    /// The command.
    pub command: String,
}

impl Step {
    /// Where, as reports print it: `on 10.1.0.9 (Linux)`, `here`.
    pub(crate) fn place(&self) -> String {
        let place = if self.on == "here" { "here".to_owned() } else { format!("on {}", self.on) };
        if self.os == "any" { place } else { format!("{place} ({})", self.os) }
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

/// A frame that proves something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Of which connection.
    pub connection: String,
    /// Wireshark's stream number.
    pub stream: Option<u32>,
    /// Frame number.
    pub frame: u64,
    /// Its time.
    pub time: Time,
    /// What it shows: `FIN of the client`.
    pub label: String,
}

/// What could not be judged.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Undecided {
    /// The finding it might have been.
    pub name: String,
    /// Where.
    pub at: Place,
    /// Connections.
    pub count: u64,
    /// Why it is undecided, in a sentence or two.
    pub says: String,
    /// What would decide it.
    pub next: Vec<Step>,
    /// The connections, by id; at most [`Finding::LISTED`].
    pub connections: Vec<String>,
}

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
    /// Connections retired early, for the memory limit.
    pub given_up: u64,
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

/// A frame and its time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// Frame number.
    pub frame: u64,
    /// Its time.
    pub time: Time,
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
