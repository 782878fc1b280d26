//! The report: plain data, and the formats that write it.
//!
//! These types are the wire types of the JSON report (`cwait-pcap schema` prints their schema). They borrow nothing and
//! know nothing of rules or tables: whoever has a [`Report`] can write it in every format.

mod against;
mod blocks;
mod build;
mod compare;
mod connection;
mod csv;
mod dot;
mod drawing;
mod evidence;
mod finding;
mod format;
mod hint;
mod html;
mod input;
mod jira;
mod json;
mod known;
mod ladder;
mod left_out;
mod markdown;
mod moment;
mod ndjson;
mod parquet;
mod show;
mod sockets;
mod sort;
mod standing;
mod style;
mod terminal;
pub(crate) mod text;
mod totals;
mod verdict;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use against::{Against, Before, Change, Rate};
pub use build::{Request, Rows};
pub use compare::{
    ChangeCount, Clock, CompareFormat, CompareReport, ComparedConnection, ComparedVantage, FlowFacts,
    LadderRow, MatchedBy, PathEvidence, PathFinding, RuledVerdict, RulingCount, SeenAt, SegmentFate,
    StretchFacts, Told,
};
pub use connection::{Connection, Endpoint, Fin};
pub use csv::quoted as csv_cell;
pub use drawing::{
    Candidate, Curve, CurvePoint, Drawing, Graph, GraphEdge, GraphNode, SilencePoint, TimerInterval,
};
pub use evidence::{HostRecord, Process, Quote};
pub use finding::{Cause, Certainty, Evidence, Finding, Place, Severity, Step, Undecided};
pub use format::{ByRow, FORMATS, Format, Listing, by_extension, by_name};
pub use html::{CSS, text as html_text};
pub use input::{Capture, Input, Skipped, TextInput};
pub use json::{NotAReport, read, schema};
pub use known::{Accepted, AcceptedKind, HostName, KnownHabit, Settings};
pub use ladder::{Act, Arrow, KeySegment, Ladder, Party, Pause, Rung, What};
pub use left_out::LeftOut;
pub use markdown::escaped as markdown_text;
pub use moment::{Lasted, Length, Moment, Time};
pub use show::why;
pub use sockets::{SocketExcess, SocketListing, SocketMoment, SocketReport, SocketRow, UnreadLine};
pub use sort::{SORTS, Sort};
pub use style::{Detail, Style};
pub use terminal::connection as write_connection;
pub use text::{count, plain};
pub use totals::{Service, Slowest, Totals};
pub use verdict::Verdict;

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
    /// Hosts of this capture that the user has named.
    #[serde(default)]
    pub host_names: Vec<HostName>,
    /// The configuration, if one was given.
    #[serde(default)]
    pub config: Option<Settings>,
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
    /// What of these two there was no room for.
    #[serde(default)]
    pub left_out: LeftOut,
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
