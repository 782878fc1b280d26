//! The formats a report can be written in, as one list. A format is one file beside this one and one line in
//! [`FORMATS`]; names, extensions and help texts elsewhere are made from the list.

use std::borrow::Cow;
use std::io;

use super::{Connection, Report, Style};

/// Connections of a report, one at a time.
pub type Listing<'a> = &'a mut dyn Iterator<Item = Cow<'a, Connection>>;

/// One way to write a report down.
pub trait Format: Sync {
    /// The name that `--format` takes.
    fn name(&self) -> &'static str;

    /// The extensions, without dot, that choose it for an output file; the first is the usual one.
    fn extensions(&self) -> &'static [&'static str];

    /// What it is good for, in a few words.
    fn about(&self) -> &'static str;

    /// Whether it draws ladders, or keeps what they are drawn from.
    fn draws_ladders(&self) -> bool {
        false
    }

    /// Whether it is for programs only, so that a terminal is no place for it.
    fn is_binary(&self) -> bool {
        false
    }

    /// The same format as one that takes connections one at a time, where it can.
    fn by_row(&self) -> Option<&dyn ByRow> {
        None
    }

    /// Writes the whole report.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write(&self, report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()>;
}

/// A format that takes connections one at a time, so that a million of them need not be held.
pub trait ByRow {
    /// Writes the report with these connections; its own list is empty.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write_rows(&self, report: &Report, rows: Listing<'_>, out: &mut dyn io::Write) -> io::Result<()>;

    /// Writes a report that holds its connections, which is the same to formats whose rows stand alone.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write_held(&self, report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
        self.write_rows(report, &mut report.connections.iter().map(Cow::Borrowed), out)
    }
}

/// So many octets are gathered before they are handed on.
pub(super) const BUFFER: usize = 1 << 16;

/// Every format there is; the first is the default.
pub static FORMATS: &[&dyn Format] = &[
    &super::terminal::Terminal,
    &super::html::Html,
    &super::markdown::Markdown,
    &super::jira::Jira,
    &super::json::Json,
    &super::ndjson::NdJson,
    &super::csv::Csv,
    &super::dot::Dot,
    &super::parquet::Parquet,
];

/// The format of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// The format that writes files with that extension (without dot, case ignored).
pub fn by_extension(extension: &str) -> Option<&'static dyn Format> {
    FORMATS
        .iter()
        .copied()
        .find(|format| format.extensions().iter().any(|known| known.eq_ignore_ascii_case(extension)))
}
