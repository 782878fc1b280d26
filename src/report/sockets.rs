//! The report on socket listings without a capture: how many sockets are in which state, per service and process, and
//! how that grew. Wire types and their making; `sockets/text.rs` prints them.

mod text;

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Style, Time, Tool};
use crate::sockets::{DateSource, Listing, Port, Service, SocketState, Tally, tally};

/// Everything that listings of one host say.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct SocketReport {
    /// Always [`SocketReport::SCHEMA`].
    pub schema: String,
    /// [`SocketReport::SCHEMA_VERSION`] of the writer.
    pub schema_version: String,
    /// What wrote it.
    pub tool: Tool,
    /// The files, as given.
    pub listings: Vec<SocketListing>,
    /// The snapshots in them, in the order of time.
    pub moments: Vec<SocketMoment>,
    /// One row per service, process and state: CLOSE-WAIT first, the most at the last moment first.
    pub rows: Vec<SocketRow>,
    /// Services at or over `--limit`, if it was given.
    pub over: Vec<SocketExcess>,
}

/// One file of listings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct SocketListing {
    /// As given; `-` is standard input.
    pub path: String,
    /// Snapshots in it.
    pub snapshots: u64,
    /// TCP sockets in them.
    pub sockets: u64,
    /// Lines.
    pub lines: u64,
    /// Lines that no format reads.
    pub unread: u64,
    /// The first of them.
    pub unread_lines: Vec<UnreadLine>,
    /// Ends whose address the listing may have cut to fit its column.
    pub cut_addresses: u64,
}

/// A line that no format reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UnreadLine {
    /// Counted from 1.
    pub line: u32,
    /// Its beginning.
    pub text: String,
}

/// One snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct SocketMoment {
    /// When, if anything says so.
    pub time: Option<Time>,
    /// What says so: `line`, `line without zone`, `file name`, `--at`.
    pub dated_by: Option<String>,
    /// The command that printed it.
    pub format: String,
    /// Sockets in CLOSE-WAIT, on the ports asked for.
    pub close_wait: u64,
    /// Sockets in all, on the ports asked for.
    pub sockets: u64,
}

/// The sockets of one service, process and state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct SocketRow {
    /// `port 80` of this host, or `192.0.2.9:80` that this host uses; `connection gone` for descriptors without one.
    pub service: String,
    /// Names of the processes; empty if nobody owns the sockets; null if the listing does not tell.
    pub process: Option<String>,
    /// The state, as RFC 9293 spells it.
    pub state: String,
    /// How many there were at each of the moments.
    pub counts: Vec<u64>,
}

/// A service with too many sockets in CLOSE-WAIT.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct SocketExcess {
    /// The service, as in [`SocketRow::service`].
    pub service: String,
    /// How many.
    pub count: u64,
    /// How many make it a finding.
    pub limit: u64,
}

impl SocketReport {
    /// The name of the schema.
    pub const SCHEMA: &'static str = "cwait-pcap/sockets";
    /// As for the main report.
    pub const SCHEMA_VERSION: &'static str = "1.0";

    /// Counts what the listings hold. `limit`: so many in CLOSE-WAIT at one service are too many; `port`: only services
    /// on it.
    pub fn build(
        listings: &[Listing],
        limit: Option<u64>,
        port: Option<u16>,
        command_line: &[String],
    ) -> Self {
        let snapshots: Vec<_> = listings.iter().flat_map(|listing| &listing.snapshots).collect();
        let tally = tally(snapshots.iter().copied());
        let moments: Vec<SocketMoment> =
            (0..tally.moments.len()).map(|at| moment(&tally, at, port)).collect();
        let over = limit.map_or_else(Vec::new, |limit| {
            let over = tally.over(SocketState::CloseWait, limit.saturating_sub(1), port);
            over.into_iter()
                .map(|excess| SocketExcess { service: name(&excess.service), count: excess.count, limit })
                .collect()
        });
        let last = moments.len().saturating_sub(1);
        let mut rows: Vec<SocketRow> = tally
            .rows
            .iter()
            .filter(|row| port.is_none() || row.service.port() == port)
            .map(|row| SocketRow {
                service: name(&row.service),
                process: row.process.as_deref().map(str::to_owned),
                state: row.state.to_string(),
                counts: (0..moments.len()).map(|at| row.at(at)).collect(),
            })
            .collect();
        let close_wait = SocketState::CloseWait.to_string();
        rows.sort_by_key(|row| {
            let count = row.counts.get(last).copied().unwrap_or(0);
            (row.state != close_wait, std::cmp::Reverse(count))
        });
        SocketReport {
            schema: Self::SCHEMA.into(),
            schema_version: Self::SCHEMA_VERSION.into(),
            tool: Tool {
                name: env!("CARGO_PKG_NAME").into(),
                version: env!("CARGO_PKG_VERSION").into(),
                command_line: command_line.to_vec(),
            },
            listings: listings.iter().map(SocketListing::from).collect(),
            moments,
            rows,
            over,
        }
    }

    /// Nothing in any of the files was read as a listing, though there is something in them.
    pub fn says_nothing(&self) -> bool {
        self.moments.is_empty() && self.listings.iter().any(|listing| listing.unread > 0)
    }

    /// Writes it as indented JSON.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        super::json::write(self, out)
    }

    /// Writes it as text of 80 columns.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_text(&self, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        text::write(self, style, out)
    }
}

impl From<&Listing> for SocketListing {
    fn from(listing: &Listing) -> SocketListing {
        SocketListing {
            path: listing.name.to_string(),
            snapshots: listing.snapshots.len() as u64,
            sockets: listing.counts.sockets,
            lines: listing.counts.lines,
            unread: listing.counts.unread,
            unread_lines: listing
                .unread
                .iter()
                .map(|unread| UnreadLine { line: unread.line, text: unread.text.to_string() })
                .collect(),
            cut_addresses: listing.counts.cut_addresses,
        }
    }
}

fn moment(tally: &Tally, at: usize, port: Option<u16>) -> SocketMoment {
    let rows = tally.rows.iter().filter(|row| port.is_none() || row.service.port() == port);
    let moment = &tally.moments[at];
    SocketMoment {
        time: moment.at.map(Time::from),
        dated_by: moment.dated.map(|dated| {
            match dated {
                DateSource::Line => "line",
                DateSource::LineAssumedZone => "line without zone",
                DateSource::FileName => "file name",
                DateSource::Given => "--at",
            }
            .to_owned()
        }),
        format: moment.format.into(),
        close_wait: tally.count(SocketState::CloseWait, port, at),
        sockets: rows.map(|row| row.at(at)).sum(),
    }
}

fn name(service: &Service) -> String {
    match service {
        Service::Serves(Port::Number(port)) => format!("port {port}"),
        Service::Serves(Port::Name(name)) => format!("port {name}"),
        Service::Serves(Port::Any) => "no port".into(),
        Service::Uses(end) => end.to_string(),
        Service::Gone => "connection gone".into(),
    }
}
