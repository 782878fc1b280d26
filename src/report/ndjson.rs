//! One JSON value per line, for streams and log stores: the report's head, then findings, then what is undecided, then
//! the listed connections. Each says in `kind` what it is.

use std::io::{self, BufWriter, Write as _};

use serde::Serialize;
use serde_json::ser::CompactFormatter;

use super::format::{BUFFER, ByRow, Listing};
use super::json::Harmless;
use super::{
    Against, Capture, Connection, Finding, Format, HostName, HostRecord, Input, LeftOut, Report, Service,
    Settings, Style, Tool, Totals, Undecided, Verdict,
};

/// One JSON value per line.
pub(super) struct NdJson;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    Report {
        schema: &'a str,
        schema_version: &'a str,
        tool: &'a Tool,
        title: &'a Option<String>,
        notes: &'a [String],
        inputs: &'a [Input],
        host_records: &'a [HostRecord],
        host_names: &'a [HostName],
        config: &'a Option<Settings>,
        capture: &'a Capture,
        verdict: &'a Verdict,
        against: &'a Option<Against>,
        totals: &'a Totals,
        left_out: &'a LeftOut,
    },
    Finding(&'a Finding),
    Undecided(&'a Undecided),
    Service(&'a Service),
    Connection(&'a Connection),
}

impl Format for NdJson {
    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ndjson", "jsonl"]
    }

    fn about(&self) -> &'static str {
        "one JSON value per line: head, findings, services, connections"
    }

    fn by_row(&self) -> Option<&dyn ByRow> {
        Some(self)
    }

    fn write(&self, report: &Report, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        self.write_held(report, out)
    }
}

impl ByRow for NdJson {
    fn write_rows(&self, report: &Report, rows: Listing<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        let Report {
            schema,
            schema_version,
            tool,
            title,
            notes,
            inputs,
            host_records,
            host_names,
            config,
            capture,
            verdict,
            against,
            totals,
            left_out,
            ..
        } = report;
        let head = Line::Report {
            schema,
            schema_version,
            tool,
            title,
            notes,
            inputs,
            host_records,
            host_names,
            config,
            capture,
            verdict,
            against,
            totals,
            left_out,
        };
        let lines = std::iter::once(head)
            .chain(report.findings.iter().map(Line::Finding))
            .chain(report.undecided.iter().map(Line::Undecided))
            .chain(report.services.iter().map(Line::Service));
        let mut out = BufWriter::with_capacity(BUFFER, out);
        let mut write = |line: Line<'_>| {
            line.serialize(&mut serde_json::Serializer::with_formatter(
                &mut out,
                Harmless(CompactFormatter),
            ))?;
            out.write_all(b"\n")
        };
        for line in lines {
            write(line)?;
        }
        for row in rows {
            write(Line::Connection(&row))?;
        }
        out.flush()
    }
}
