//! From a judged capture to a report: grouping, ordering, naming. No judgement is made here.

mod connections;
mod findings;
mod input;
mod rows;
mod totals;

use super::{Evidence, Listed, Report, SCHEMA, SCHEMA_VERSION, Tool, Verdict, evidence};
use crate::analysis::{Judged, Outcome};
use crate::tcp;
use crate::wire::Stamp;

pub use rows::Rows;

/// What the report should hold, and how it came to be.
#[derive(Clone, Debug)]
pub struct Request {
    /// The arguments, the program's name first.
    pub command_line: Vec<String>,
    /// Which connections to list.
    pub listed: Listed,
    /// `--limit`: this many connections owing their FIN at one service raise the finding to an error.
    pub limit: Option<u64>,
}

impl Report {
    /// The report on an outcome.
    pub fn build(outcome: &Outcome, request: &Request) -> Report {
        let (report, rows) = Report::and_rows(outcome, request);
        Report { connections: rows.iter().collect(), ..report }
    }

    /// The report on an outcome, its list of connections empty, and what makes these one at a time.
    pub fn and_rows<'a>(outcome: &'a Outcome, request: &'a Request) -> (Report, Rows<'a>) {
        let streams = outcome.inputs.len() <= 1;
        let builder = Builder { outcome, request, streams };
        let (findings, mut left_out) = builder.findings();
        let undecided = builder.undecided(&mut left_out);
        let report = Report {
            schema: SCHEMA.into(),
            schema_version: SCHEMA_VERSION.into(),
            tool: Tool {
                name: env!("CARGO_PKG_NAME").into(),
                version: env!("CARGO_PKG_VERSION").into(),
                command_line: request.command_line.clone(),
            },
            title: None,
            notes: Vec::new(),
            against: None,
            host_records: evidence::records(outcome),
            host_joined: evidence::joined(outcome),
            host_names: Vec::new(),
            config: None,
            inputs: input::inputs(&outcome.inputs),
            capture: builder.capture(),
            verdict: Verdict::of(&findings, &undecided, &left_out, outcome.frames.tcp),
            totals: builder.totals(),
            services: builder.services(),
            connections_listed: request.listed,
            connections: Vec::new(),
            findings,
            undecided,
            left_out,
        };
        (report, Rows::new(builder))
    }
}

struct Builder<'a> {
    outcome: &'a Outcome,
    request: &'a Request,
    /// Stream numbers mean something: one file.
    streams: bool,
}

impl Builder<'_> {
    fn evidence(&self, judged: &Judged, stamp: Stamp, label: &str) -> Evidence {
        Evidence {
            connection: judged.id(),
            stream: self.stream(judged.connection.stream),
            frame: stamp.frame,
            time: stamp.at.into(),
            label: label.into(),
        }
    }

    fn stream(&self, stream: u32) -> Option<u32> {
        (self.streams && stream != tcp::Connection::NO_STREAM).then_some(stream)
    }

    fn filter(&self, connection: &tcp::Connection) -> String {
        // Numbers that count connections of a text say nothing to Wireshark.
        let is_text = self.outcome.capture.from_text;
        if let Some(stream) = self.stream(connection.stream).filter(|_| !is_text) {
            return format!("tcp.stream eq {stream}");
        }
        let [lo, hi] = [connection.key.lo, connection.key.hi];
        let family = if lo.addr().is_ipv4() { "ip" } else { "ipv6" };
        format!(
            "({family}.addr eq {} and tcp.port eq {} and {family}.addr eq {} and tcp.port eq {})",
            lo.addr(),
            lo.port(),
            hi.addr(),
            hi.port()
        )
    }
}
