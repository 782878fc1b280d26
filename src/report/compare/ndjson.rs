//! One JSON value per line: the comparison's head, then findings, verdicts put before the others, stretches of the path, and
//! the listed connections. Each says in `kind` what it is.

use std::io;

use serde::Serialize;
use serde_json::ser::CompactFormatter;

use super::{
    CompareReport, ComparedConnection, ComparedVantage, MatchedBy, PathFinding, RulingCount, StretchFacts,
};
use crate::report::Tool;
use crate::report::json::Harmless;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    Comparison {
        schema: &'a str,
        schema_version: &'a str,
        tool: &'a Tool,
        title: &'a Option<String>,
        notes: &'a [String],
        vantages: &'a [ComparedVantage],
        path: &'a [usize],
        path_by: &'a str,
        headline: &'a str,
        shared: u64,
        matched: &'a [MatchedBy],
        not_followed: u64,
        connections_left_out: u64,
    },
    Finding(&'a PathFinding),
    Ruling(&'a RulingCount),
    Stretch(&'a StretchFacts),
    Connection(&'a ComparedConnection),
}

pub(super) fn write(report: &CompareReport, out: &mut dyn io::Write) -> io::Result<()> {
    let head = Line::Comparison {
        schema: &report.schema,
        schema_version: &report.schema_version,
        tool: &report.tool,
        title: &report.title,
        notes: &report.notes,
        vantages: &report.vantages,
        path: &report.path,
        path_by: &report.path_by,
        headline: &report.headline,
        shared: report.shared,
        matched: &report.matched,
        not_followed: report.not_followed,
        connections_left_out: report.connections_left_out,
    };
    let lines = std::iter::once(head)
        .chain(report.findings.iter().map(Line::Finding))
        .chain(report.rulings.iter().map(Line::Ruling))
        .chain(report.stretches.iter().map(Line::Stretch))
        .chain(report.connections.iter().map(Line::Connection));
    for line in lines {
        line.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Harmless(CompactFormatter)))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
