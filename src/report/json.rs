//! JSON: the report as it is, its schema, and the way back. Only here is JSON text made or read.

use std::io::{self, BufWriter, Write as _};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use super::format::{BUFFER, ByRow, Listing};
use super::text::is_treacherous;
use super::{Format, Report, SCHEMA, SCHEMA_VERSION, Style};

/// Indented JSON.
pub(super) struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json"]
    }

    fn about(&self) -> &'static str {
        "everything, for programs; 'cwait-pcap schema' describes it"
    }

    fn draws_ladders(&self) -> bool {
        true
    }

    fn by_row(&self) -> Option<&dyn ByRow> {
        Some(self)
    }

    fn write(&self, report: &Report, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        write(report, out)
    }
}

impl ByRow for Json {
    /// Rows are written where the report, written without them, ends.
    fn write_rows(&self, report: &Report, rows: Listing<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        const END: &[u8] = b"[]\n}\n";
        let mut head = Vec::new();
        write(report, &mut head)?;
        let Some(head) = head.strip_suffix(END) else {
            return Err(io::Error::other("the report lists connections of its own"));
        };
        let mut out = BufWriter::with_capacity(BUFFER, out);
        out.write_all(head)?;
        let mut inside = PrettyFormatter::new();
        inside.begin_object(&mut io::sink())?;
        inside.begin_array(&mut out)?;
        let mut is_first = true;
        for row in rows {
            inside.begin_array_value(&mut out, is_first)?;
            is_first = false;
            let formatter = Harmless(inside.clone());
            row.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
            inside.end_array_value(&mut out)?;
        }
        inside.end_array(&mut out)?;
        out.write_all(&END[2..])?;
        out.flush()
    }
}

/// Any wire type as indented JSON.
pub(super) fn write(value: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, out);
    let mut writer = serde_json::Serializer::with_formatter(&mut out, Harmless(PrettyFormatter::new()));
    value.serialize(&mut writer)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The JSON Schema of a report, as indented JSON.
pub fn schema() -> String {
    format!("{:#}\n", schemars::schema_for!(Report).as_value())
}

/// A file that is not a report of ours.
#[derive(Debug, thiserror::Error)]
pub enum NotAReport {
    /// Not JSON, cut off, or without a field that every report has.
    #[error("not a {SCHEMA}: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// JSON of another kind.
    #[error("not a {SCHEMA}, but '{0}'")]
    Foreign(String),
    /// A report of another major version.
    #[error("a report of schema version {0}; this program reads {SCHEMA_VERSION}")]
    Version(String),
}

/// Reads a report that was written as JSON. Fields of later minor versions are skipped.
///
/// # Errors
/// [`NotAReport`].
pub fn read(json: &[u8]) -> Result<Report, NotAReport> {
    let report: Report = serde_json::from_slice(json)?;
    if report.schema != SCHEMA {
        return Err(NotAReport::Foreign(report.schema));
    }
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&report.schema_version) != major(SCHEMA_VERSION) {
        return Err(NotAReport::Version(report.schema_version));
    }
    Ok(report)
}

/// Writes controls and bidirectional marks as `\u....`, so that `cat report.json` cannot fool a terminal. The value is
/// the same.
pub(super) struct Harmless<F>(pub(super) F);

macro_rules! pass_on {
    ($($name:ident($($argument:ident: $kind:ty)?);)*) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $argument: $kind)?) -> io::Result<()> {
            self.0.$name(writer $(, $argument)?)
        })*
    };
}

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly everything is plain, and octets are seen faster than characters.
        if fragment.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
            return self.0.write_string_fragment(writer, fragment);
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_treacherous(c)) {
            self.0.write_string_fragment(writer, &rest[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        self.0.write_string_fragment(writer, rest)
    }

    pass_on! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }
}
