//! The report on several vantage points of the same traffic: wire types; `compare/build.rs` makes them, one file per
//! format writes them.

mod blocks;
mod build;
mod connection;
mod findings;
mod format;
mod html;
mod ladder;
mod ndjson;
mod owed;
mod text;

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use connection::{ComparedConnection, LadderRow, RuledVerdict, SeenAt, SegmentFate, Told};
pub use format::CompareFormat;

use super::blocks::Markup;
use super::markdown::Markdown;
use super::{Certainty, Length, Moment, NotAReport, Severity, Style, Time, Tool, json};

/// Everything that a comparison has to say.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CompareReport {
    /// Always [`CompareReport::SCHEMA`].
    pub schema: String,
    /// [`CompareReport::SCHEMA_VERSION`] of the writer.
    pub schema_version: String,
    /// What wrote it.
    pub tool: Tool,
    /// What the report is called; null unless somebody said.
    pub title: Option<String>,
    /// What somebody remarked on it.
    pub notes: Vec<String>,
    /// The vantage points, as given. Elsewhere they are named by their place in this list, counted from 0.
    pub vantages: Vec<ComparedVantage>,
    /// The vantage points from the clients to the servers.
    pub path: Vec<usize>,
    /// What that order rests on: `delays`, `hop limits`, `nothing`, and whether it is in part as given.
    pub path_by: String,
    /// The answer in a line.
    pub headline: String,
    /// Connections that two vantage points or more show.
    pub shared: u64,
    /// How they were matched, the surest way first.
    pub matched: Vec<MatchedBy>,
    /// Shared connections that were too many to be followed segment by segment.
    pub not_followed: u64,
    /// What the path did, and what the vantage points agree on; worst first.
    pub findings: Vec<PathFinding>,
    /// Verdicts of single vantage points, and what the others make of them.
    pub rulings: Vec<RulingCount>,
    /// What lies between each two neighbours on the path.
    pub stretches: Vec<StretchFacts>,
    /// Connections with a finding, a verdict, or a FIN, RST or SYN that one vantage point alone shows.
    pub connections: Vec<ComparedConnection>,
    /// How many more there are than are listed.
    pub connections_left_out: u64,
}

/// A vantage point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ComparedVantage {
    /// What it is called.
    pub name: String,
    /// Its files.
    pub captures: Vec<String>,
    /// Frames read.
    pub frames: u64,
    /// Connections in it.
    pub connections: u64,
    /// Of these, connections that no other vantage point shows.
    pub alone: u64,
    /// Time of its first frame, by its own clock.
    pub first: Time,
    /// Time of its last frame, by its own clock.
    pub last: Time,
    /// Packets its capture program says it lost; null if it does not say.
    pub drops: Option<u64>,
    /// Its clock against that of the first vantage point; null for the first, and where nothing is shared with it.
    pub clock: Option<Clock>,
    /// What was wrong with its files.
    pub problems: Vec<String>,
}

/// A clock against that of the first vantage point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// How far it is ahead, negative if behind.
    pub ahead: Length,
    /// The truth is at most this far away: half of the shortest round trip between the two; null if only one direction
    /// was seen at both, so that the delay is part of what is called offset, or if too many segments contradict any even clock.
    pub within: Option<Length>,
    /// Microseconds that it gains in a second; 0 if an even clock explains everything.
    pub drift_ppm: f64,
    /// Segments it rests on, each way.
    pub segments: [u64; 2],
    /// The shortest round trip between the two.
    pub round_trip: Option<Length>,
    /// Segments that no even clock explains.
    pub outliers: u64,
}

/// Connections matched in one way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MatchedBy {
    /// By what.
    pub by: String,
    /// How sure that is.
    pub certainty: Certainty,
    /// How many.
    pub connections: u64,
}

/// Something that happened between two vantage points, or that they agree on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PathFinding {
    /// Stable name: `session-forgotten`, `fin-lost`, `rst-forged`, `segment-forged`, `rst-lost`, `syn-lost`, `data-lost`,
    /// or that of the verdict which is confirmed.
    pub name: String,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub certainty: Certainty,
    /// Between these vantage points, the one nearer to the sender first; null for a verdict that is confirmed.
    pub between: Option<[usize; 2]>,
    /// The service.
    pub service: String,
    /// Connections.
    pub count: u64,
    /// Shared connections of that service in all.
    pub of: u64,
    /// One line, without severity and name.
    pub headline: String,
    /// A few sentences.
    pub says: String,
    /// What helps.
    pub advice: Vec<String>,
    /// The first frames that show it.
    pub evidence: Vec<PathEvidence>,
    /// The connections, by [`ComparedConnection::id`].
    pub connections: Vec<String>,
}

/// A frame of a vantage point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PathEvidence {
    /// The vantage point.
    pub at: usize,
    /// Wireshark's stream number there.
    pub stream: Option<u32>,
    /// The frame and its time, by the clock of that vantage point.
    pub moment: Moment,
    /// What it shows.
    pub label: String,
}

/// Verdicts of one name at one vantage point that fared alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RulingCount {
    /// The finding.
    pub finding: String,
    /// The vantage point could not tell by itself whether it is so.
    pub was_undecided: bool,
    /// The vantage point whose finding it is.
    pub at: usize,
    /// `confirmed`, `overturned` or `cannot tell`.
    pub ruling: String,
    /// How sure that is; `possible` where it cannot be told.
    pub certainty: Certainty,
    /// On so many connections.
    pub count: u64,
    /// Why, of the first one.
    pub says: String,
}

/// What lies between two neighbouring vantage points.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StretchFacts {
    /// The vantage points, the one nearer to the clients first.
    pub between: [usize; 2],
    /// Connections that passed it.
    pub connections: u64,
    /// Of these, connections whose addresses or ports are translated.
    pub translated: u64,
    /// Connections that were forgotten after a silence.
    pub forgotten: u64,
    /// From the first to the second, and back.
    pub flows: [FlowFacts; 2],
    /// What was changed in segments.
    pub changes: Vec<ChangeCount>,
}

/// One direction between two vantage points.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FlowFacts {
    /// Segments that can be judged: with payload, SYN, FIN or RST, and keep-alives.
    pub segments: u64,
    /// Of these, segments that did not come through.
    pub lost: u64,
    /// Segments of which cannot be told whether they came through.
    pub untold: u64,
    /// Time from one to the other: the median.
    pub delay_p50: Option<Length>,
    /// The 99th percentile of the same.
    pub delay_p99: Option<Length>,
    /// Routers passed, by hop limits; null if that differs.
    pub hops: Option<u8>,
    /// RSTs that were made between and went this way.
    pub forged_rsts: u64,
    /// Connections of which no copy of a FIN came through.
    pub fins_eaten: u64,
}

/// Something that was changed, and how often.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangeCount {
    /// What.
    pub what: String,
    /// In so many segments.
    pub segments: u64,
}

impl CompareReport {
    /// The name of the schema.
    pub const SCHEMA: &'static str = "cwait-pcap/compare";
    /// As for the main report.
    pub const SCHEMA_VERSION: &'static str = "1.0";
    /// So many connections are listed.
    pub const CONNECTIONS: usize = 1_000;

    /// Writes it in that format.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write(&self, format: CompareFormat, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        match format {
            CompareFormat::Terminal => text::write(self, style, out),
            CompareFormat::Html => html::write(self, style, out),
            CompareFormat::Markdown => Markup::write(&Markdown, &blocks::blocks(self, style), out),
            CompareFormat::Json => json::write(self, out),
            CompareFormat::NdJson => ndjson::write(self, out),
        }
    }

    /// The JSON Schema of the comparison, as indented JSON.
    pub fn json_schema() -> String {
        format!("{:#}\n", schemars::schema_for!(CompareReport).as_value())
    }

    /// Reads a comparison that was written as JSON.
    ///
    /// # Errors
    /// [`NotAReport`].
    pub fn read(json: &[u8]) -> Result<CompareReport, NotAReport> {
        let report: CompareReport = serde_json::from_slice(json)?;
        if report.schema == CompareReport::SCHEMA {
            Ok(report)
        } else {
            Err(NotAReport::Foreign(report.schema))
        }
    }

    /// The worst of it.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// What a vantage point is called.
    fn name(&self, at: usize) -> &str {
        self.vantages.get(at).map_or("?", |vantage| &vantage.name)
    }
}

impl RulingCount {
    /// `confirmed`, `confirmed (likely)`, `cannot tell`.
    fn ruled(&self) -> String {
        match self.certainty {
            Certainty::Likely => format!("{} (likely)", self.ruling),
            _ => self.ruling.clone(),
        }
    }

    /// `missing-fin`, `undecided missing-fin`.
    fn title(&self) -> String {
        if self.was_undecided { format!("undecided {}", self.finding) } else { self.finding.clone() }
    }
}
