//! The formats a report can be written in, as one list. A format is one file beside this one and one line in
//! [`FORMATS`]; names, extensions and help texts elsewhere are made from the list.

use std::io;

use super::{Report, Style};

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

    /// Writes the whole report.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write(&self, report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()>;
}

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
