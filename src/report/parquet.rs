//! Connections as a Parquet table, one row each, for SQL: DuckDB, Spark, pandas. `docs/sql.md` describes its columns.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::format::{ByRow, Listing};
use super::{Connection, Finding, Format, Length, Moment, Report, Style, Time};

/// One row per listed connection.
pub(super) struct Parquet;

type TextOf = fn(&Connection) -> Option<Cow<'_, str>>;
type NumberOf = fn(&Connection) -> Option<i64>;
type FlagOf = fn(&Connection) -> bool;
type FindingOf = fn(&Finding) -> String;

/// How a column is filled.
enum Column {
    Text(TextOf),
    Number(NumberOf),
    Flag(FlagOf),
    /// Of the connection's main finding.
    OfFinding(FindingOf),
}

use Column::{Flag, Number, OfFinding, Text};

const COLUMNS: &[(&str, Column)] = &[
    ("id", Text(|c| Some(Cow::Borrowed(&c.id)))),
    ("stream", Number(|c| c.stream.map(i64::from))),
    ("client_addr", Text(|c| Some(Cow::Borrowed(end(&c.client).0)))),
    ("client_port", Number(|c| end(&c.client).1)),
    ("server_addr", Text(|c| Some(Cow::Borrowed(end(&c.server).0)))),
    ("server_port", Number(|c| end(&c.server).1)),
    ("roles_assumed", Flag(|c| c.roles_assumed)),
    ("first_frame", Number(|c| whole(c.first.frame))),
    ("first_ns", Number(|c| ns(&c.first.time))),
    ("last_frame", Number(|c| whole(c.last.frame))),
    ("last_ns", Number(|c| ns(&c.last.time))),
    ("conn_state", Text(|c| Some(Cow::Borrowed(&c.conn_state)))),
    ("history", Text(|c| Some(Cow::Borrowed(&c.history)))),
    ("ending", Text(|c| Some(Cow::Borrowed(&c.ending)))),
    ("midstream", Flag(|c| c.midstream)),
    ("counts_are_about", Flag(|c| c.counts_are_about)),
    ("finding", Text(|c| c.finding.as_deref().map(Cow::Borrowed))),
    ("finding_severity", OfFinding(|finding| finding.severity.word().to_lowercase())),
    ("finding_certainty", OfFinding(|finding| finding.fact.word().to_lowercase())),
    ("finding_at", OfFinding(|finding| finding.at.name.clone())),
    ("at_fault", Text(|c| c.side.as_deref().map(Cow::Borrowed))),
    ("other_findings", Text(|c| (!c.notes.is_empty()).then(|| c.notes.join(" ").into()))),
    ("undecided", Text(|c| c.undecided.as_deref().map(Cow::Borrowed))),
    ("client_state", Text(|c| Some(Cow::Borrowed(&c.client_side.proven)))),
    ("server_state", Text(|c| Some(Cow::Borrowed(&c.server_side.proven)))),
    ("client_segments", Number(|c| whole(c.client_side.segments))),
    ("server_segments", Number(|c| whole(c.server_side.segments))),
    ("client_payload", Number(|c| whole(c.client_side.payload))),
    ("server_payload", Number(|c| whole(c.server_side.payload))),
    ("client_retransmissions", Number(|c| whole(c.client_side.retransmissions))),
    ("server_retransmissions", Number(|c| whole(c.server_side.retransmissions))),
    ("client_keepalives", Number(|c| whole(c.client_side.keepalives))),
    ("server_keepalives", Number(|c| whole(c.server_side.keepalives))),
    ("client_zero_windows", Number(|c| whole(c.client_side.zero_windows))),
    ("server_zero_windows", Number(|c| whole(c.server_side.zero_windows))),
    ("client_fin_frame", Number(|c| frame(c.client_side.fin.as_ref().map(|fin| &fin.first)))),
    ("client_fin_ns", Number(|c| time(c.client_side.fin.as_ref().map(|fin| &fin.first)))),
    ("client_fin_acked_ns", Number(|c| time(c.client_side.fin.as_ref().and_then(|fin| fin.acked.as_ref())))),
    ("server_fin_frame", Number(|c| frame(c.server_side.fin.as_ref().map(|fin| &fin.first)))),
    ("server_fin_ns", Number(|c| time(c.server_side.fin.as_ref().map(|fin| &fin.first)))),
    ("server_fin_acked_ns", Number(|c| time(c.server_side.fin.as_ref().and_then(|fin| fin.acked.as_ref())))),
    ("client_rst_frame", Number(|c| frame(c.client_side.rst.as_ref()))),
    ("client_rst_ns", Number(|c| time(c.client_side.rst.as_ref()))),
    ("server_rst_frame", Number(|c| frame(c.server_side.rst.as_ref()))),
    ("server_rst_ns", Number(|c| time(c.server_side.rst.as_ref()))),
    ("handshake_rtt_ns", Number(|c| length(&c.handshake_rtt))),
    ("time_to_first_byte_ns", Number(|c| length(&c.time_to_first_byte))),
    ("silence_survived_ns", Number(|c| length(&c.longest_silence_survived))),
    ("silence_failed_ns", Number(|c| length(&c.silence_failed))),
];

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["parquet"]
    }

    fn about(&self) -> &'static str {
        "the listed connections, for SQL; times in nanoseconds since 1970"
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn by_row(&self) -> Option<&dyn ByRow> {
        Some(self)
    }

    fn write(&self, report: &Report, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        self.write_held(report, out)
    }
}

/// So many rows become columns at once.
const BATCH: usize = 4_096;
/// So many rows make a group of the file, which is held until it is full: a few MB.
const GROUP: usize = 32_768;

impl ByRow for Parquet {
    fn write_rows(&self, report: &Report, rows: Listing<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        let level = ZstdLevel::try_new(1).unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP))
            .set_created_by(concat!("cwait-pcap ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let mains = Mains::of(report);
        let mut batch = Batch::new();
        let schema = batch.take().map_err(io::Error::other)?.schema();
        // What the writer has finished is handed on after every batch.
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties));
        let mut writer = writer.map_err(io::Error::other)?;
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            for row in rows.by_ref().take(BATCH) {
                batch.add(&row, &mains);
            }
            batch.take().and_then(|batch| writer.write(&batch)).map_err(io::Error::other)?;
            out.write_all(&std::mem::take(writer.inner_mut()))?;
        }
        out.write_all(&writer.into_inner().map_err(io::Error::other)?)
    }
}

/// The main finding of each connection.
struct Mains<'a> {
    /// By its name and the connection's id. A finding names at most the first thousand of its connections.
    listed: HashMap<(&'a str, &'a str), &'a Finding>,
    /// By its name and its place, for the others. Of what the report had no room for, nothing is known.
    placed: HashMap<(&'a str, &'a str), &'a Finding>,
}

impl<'a> Mains<'a> {
    fn of(report: &'a Report) -> Mains<'a> {
        let (mut listed, mut placed) = (HashMap::new(), HashMap::new());
        for finding in &report.findings {
            placed.entry((&*finding.name, &*finding.at.name)).or_insert(finding);
            for id in &finding.connections {
                listed.entry((&*finding.name, &**id)).or_insert(finding);
            }
        }
        Mains { listed, placed }
    }

    fn of_connection(&self, c: &Connection) -> Option<&'a Finding> {
        let name = c.finding.as_deref()?;
        if let Some(finding) = self.listed.get(&(name, &*c.id)) {
            return Some(finding);
        }
        let client = end(&c.client).0;
        let side = if c.side.as_deref() == Some("server") { &c.server } else { client };
        let path = format!("{client} - {}", c.server);
        [side, &path, "the capture"].into_iter().find_map(|place| self.placed.get(&(name, place)).copied())
    }
}

/// Rows that become columns, each with what fills it.
struct Batch {
    columns: Vec<Filling>,
}

enum Filling {
    Texts(TextOf, StringBuilder),
    Numbers(NumberOf, Int64Builder),
    Flags(FlagOf, BooleanBuilder),
    OfFinding(FindingOf, StringBuilder),
}

impl Batch {
    fn new() -> Batch {
        let filling = |(_, column): &(&str, Column)| match *column {
            Text(of) => Filling::Texts(of, StringBuilder::new()),
            Number(of) => Filling::Numbers(of, Int64Builder::new()),
            Flag(of) => Filling::Flags(of, BooleanBuilder::new()),
            OfFinding(of) => Filling::OfFinding(of, StringBuilder::new()),
        };
        Batch { columns: COLUMNS.iter().map(filling).collect() }
    }

    fn add(&mut self, row: &Connection, mains: &Mains<'_>) {
        let main = mains.of_connection(row);
        for column in &mut self.columns {
            match column {
                Filling::Texts(of, texts) => texts.append_option(of(row)),
                Filling::Numbers(of, numbers) => numbers.append_option(of(row)),
                Filling::Flags(of, flags) => flags.append_value(of(row)),
                Filling::OfFinding(of, texts) => texts.append_option(main.map(*of)),
            }
        }
    }

    /// The rows added since the last time.
    fn take(&mut self) -> Result<RecordBatch, parquet::errors::ParquetError> {
        let filled = |column: &mut Filling| -> ArrayRef {
            match column {
                Filling::Texts(_, texts) | Filling::OfFinding(_, texts) => Arc::new(texts.finish()),
                Filling::Numbers(_, numbers) => Arc::new(numbers.finish()),
                Filling::Flags(_, flags) => Arc::new(flags.finish()),
            }
        };
        let columns = COLUMNS.iter().zip(&mut self.columns);
        let named = columns.map(|((name, _), column)| (*name, filled(column), true));
        Ok(RecordBatch::try_from_iter_with_nullable(named)?)
    }
}

/// Address and port of an endpoint as it is printed.
fn end(endpoint: &str) -> (&str, Option<i64>) {
    match endpoint.rsplit_once(':') {
        Some((addr, port)) => (addr.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()),
        None => (endpoint, None),
    }
}

fn whole(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

fn ns(time: &Time) -> Option<i64> {
    Some(time.0.0)
}

fn frame(moment: Option<&Moment>) -> Option<i64> {
    moment.and_then(|moment| whole(moment.frame))
}

fn time(moment: Option<&Moment>) -> Option<i64> {
    moment.and_then(|moment| ns(&moment.time))
}

fn length(length: &Option<Length>) -> Option<i64> {
    length.map(|length| length.0.0)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, Int64Array, StringArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::super::sample::sample;
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let report = sample();
        let mut file = tempfile::tempfile().unwrap();
        Parquet.write(&report, &Style::plain(), &mut file).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batches: Vec<_> = reader.map(Result::unwrap).collect();
        let [batch] = &batches[..] else { panic!("{} batches", batches.len()) };
        assert_eq!(batch.num_rows(), report.connections.len());
        let text = |name: &str| {
            batch.column_by_name(name).unwrap().as_any().downcast_ref::<StringArray>().unwrap().clone()
        };
        let number = |name: &str| {
            batch.column_by_name(name).unwrap().as_any().downcast_ref::<Int64Array>().unwrap().clone()
        };
        let mut found = 0;
        for (at, connection) in report.connections.iter().enumerate() {
            assert_eq!(text("id").value(at), connection.id);
            let server = format!("{}:{}", text("server_addr").value(at), number("server_port").value(at));
            assert_eq!(server, connection.server.replace(['[', ']'], ""));
            assert_eq!(number("first_ns").value(at), connection.first.time.0.0);
            assert_eq!(text("finding").is_null(at), connection.finding.is_none());
            if let Some(name) = &connection.finding {
                let finding = report.findings.iter().find(|finding| finding.name == *name);
                assert_eq!(text("finding_severity").is_null(at), finding.is_none());
                found += 1;
            }
        }
        assert!(found > 0);
    }
}
