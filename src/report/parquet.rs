//! Connections as a Parquet table, one row each, for SQL: DuckDB, Spark, pandas. `docs/sql.md` describes its columns.

use std::io;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Connection, Finding, Format, Length, Moment, Report, Style, Time};

/// One row per listed connection.
pub(super) struct Parquet;

/// How a column is filled.
enum Column {
    Text(fn(&Connection) -> Option<String>),
    Number(fn(&Connection) -> Option<i64>),
    Flag(fn(&Connection) -> bool),
    /// Of the connection's main finding.
    OfFinding(fn(&Finding) -> String),
}

use Column::{Flag, Number, OfFinding, Text};

const COLUMNS: &[(&str, Column)] = &[
    ("id", Text(|c| Some(c.id.clone()))),
    ("stream", Number(|c| c.stream.map(i64::from))),
    ("client_addr", Text(|c| Some(end(&c.client).0))),
    ("client_port", Number(|c| end(&c.client).1)),
    ("server_addr", Text(|c| Some(end(&c.server).0))),
    ("server_port", Number(|c| end(&c.server).1)),
    ("roles_assumed", Flag(|c| c.roles_assumed)),
    ("first_frame", Number(|c| whole(c.first.frame))),
    ("first_ns", Number(|c| ns(&c.first.time))),
    ("last_frame", Number(|c| whole(c.last.frame))),
    ("last_ns", Number(|c| ns(&c.last.time))),
    ("conn_state", Text(|c| Some(c.conn_state.clone()))),
    ("history", Text(|c| Some(c.history.clone()))),
    ("ending", Text(|c| Some(c.ending.clone()))),
    ("midstream", Flag(|c| c.midstream)),
    ("counts_are_about", Flag(|c| c.counts_are_about)),
    ("finding", Text(|c| c.finding.clone())),
    ("finding_severity", OfFinding(|finding| finding.severity.word().to_lowercase())),
    ("finding_certainty", OfFinding(|finding| finding.fact.word().to_lowercase())),
    ("finding_at", OfFinding(|finding| finding.at.name.clone())),
    ("at_fault", Text(|c| c.side.clone())),
    ("other_findings", Text(|c| (!c.notes.is_empty()).then(|| c.notes.join(" ")))),
    ("undecided", Text(|c| c.undecided.clone())),
    ("client_state", Text(|c| Some(c.client_side.proven.clone()))),
    ("server_state", Text(|c| Some(c.server_side.proven.clone()))),
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

    fn write(&self, report: &Report, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        let batch = table(report).map_err(io::Error::other)?;
        let level = ZstdLevel::try_new(3).unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("cwait-pcap ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let mut file = Vec::new();
        let written =
            ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).and_then(|mut writer| {
                writer.write(&batch)?;
                writer.close()
            });
        written.map_err(io::Error::other)?;
        out.write_all(&file)
    }
}

fn table(report: &Report) -> Result<RecordBatch, parquet::errors::ParquetError> {
    let rows = &report.connections;
    let main = |c: &Connection| {
        let named = |finding: &&Finding| Some(&finding.name) == c.finding.as_ref();
        let mut of_name = report.findings.iter().filter(named);
        // A finding names at most the first thousand of its connections.
        let listed = of_name.clone().find(|finding| finding.connections.contains(&c.id));
        listed.or_else(|| of_name.next())
    };
    let columns = COLUMNS.iter().map(|(name, column)| {
        let filled: ArrayRef = match column {
            Text(of) => {
                let mut texts = StringBuilder::new();
                rows.iter().for_each(|c| texts.append_option(of(c)));
                Arc::new(texts.finish())
            }
            Number(of) => {
                let mut numbers = Int64Builder::with_capacity(rows.len());
                rows.iter().for_each(|c| numbers.append_option(of(c)));
                Arc::new(numbers.finish())
            }
            Flag(of) => {
                let mut flags = BooleanBuilder::with_capacity(rows.len());
                rows.iter().for_each(|c| flags.append_value(of(c)));
                Arc::new(flags.finish())
            }
            OfFinding(of) => {
                let mut texts = StringBuilder::new();
                rows.iter().for_each(|c| texts.append_option(main(c).map(of)));
                Arc::new(texts.finish())
            }
        };
        (*name, filled, true)
    });
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

/// Address and port of an endpoint as it is printed.
fn end(endpoint: &str) -> (String, Option<i64>) {
    match endpoint.rsplit_once(':') {
        Some((addr, port)) => {
            (addr.trim_start_matches('[').trim_end_matches(']').to_owned(), port.parse().ok())
        }
        None => (endpoint.to_owned(), None),
    }
}

fn whole(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

fn ns(time: &Time) -> Option<i64> {
    time.ns.parse().ok()
}

fn frame(moment: Option<&Moment>) -> Option<i64> {
    moment.and_then(|moment| whole(moment.frame))
}

fn time(moment: Option<&Moment>) -> Option<i64> {
    moment.and_then(|moment| ns(&moment.time))
}

fn length(length: &Option<Length>) -> Option<i64> {
    length.as_ref().and_then(|length| length.ns.parse().ok())
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
            assert_eq!(number("first_ns").value(at).to_string(), connection.first.time.ns);
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
