//! Partial results: the facts of captures, kept as tables, to be joined and judged elsewhere or later.
//!
//! A [fragment](Fragment) holds the connections of one capture or of many, a row each, and what every capture says as a
//! whole. It holds no verdict: judging needs what all captures of a capture point say together. [`map`] writes one
//! fragment per capture, named by the capture's content; [`merge`] puts rows in order and drops what is there twice, so
//! that it can be done in any order, any number of times, as a tree; [`joined`] folds the captures of one capture point
//! and judges them, by the code that judges a capture read in one go.
//!
//! The file is Parquet, so that DuckDB, Spark and pandas read it as a table.

mod captures;
mod file;
mod join;
mod map;
mod merge;
mod once;
mod rows;
mod runs;
mod series;

pub use captures::Capture;
pub use file::{Fragment, FragmentWriter, is_unfinished, looks_like_one};
pub use join::{Joining, Set, joined, sets};
pub use map::{Mapped, content_hash, map};
pub use merge::{Merged, Told, merge};
pub use rows::Row;
pub use series::{Sequence, is_called_capture, out_of_sequence, series};

use std::path::{Path, PathBuf};

use crate::analysis::AnalyzeError;

/// The version of fragments that this program writes, and the newest it reads.
pub const VERSION: u32 = 2;

/// Why a fragment cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FragmentError {
    /// It cannot be opened, read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{}: is no fragment; fragments are written by 'cwait-pcap map' and 'cwait-pcap merge'", .0.display())]
    Foreign(PathBuf),
    /// A newer program wrote it.
    #[error("{}: is a fragment of version {found}, this program reads up to version {}", path.display(), VERSION)]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Its content contradicts itself.
    #[error("{}: is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was noticed.
        what: String,
    },
    /// Captures of one capture point were read with different options.
    #[error("{one} and {other} were read with different --tunnel or --zone: they do not go together")]
    Options {
        /// A capture.
        one: String,
        /// Another one.
        other: String,
    },
    /// Names count up otherwise than time goes on.
    #[error(
        "{} comes before {} in time, but behind it by name: are they one capture? --join all takes them in order of time",
        first.display(),
        second.display()
    )]
    Sequence {
        /// The earlier one.
        first: PathBuf,
        /// The later one.
        second: PathBuf,
    },
    /// Reading was interrupted: what was read is no part of anything.
    #[error("{}: reading was interrupted", .0.display())]
    Interrupted(PathBuf),
    /// The capture could not be read, or two captures overlap.
    #[error(transparent)]
    Analyze(#[from] AnalyzeError),
}

impl FragmentError {
    /// Trying again may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, FragmentError::Analyze(error) if error.is_temporary())
    }

    /// The fragment it is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            FragmentError::Io { path, .. }
            | FragmentError::Foreign(path)
            | FragmentError::Interrupted(path)
            | FragmentError::Newer { path, .. }
            | FragmentError::Damaged { path, .. } => Some(path),
            FragmentError::Options { .. } | FragmentError::Sequence { .. } | FragmentError::Analyze(_) => {
                None
            }
        }
    }

    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FragmentError {
        let path = path.to_owned();
        move |source| FragmentError::Io { path, source }
    }

    fn damaged(path: &Path, what: impl ToString) -> FragmentError {
        FragmentError::Damaged { path: path.to_owned(), what: what.to_string() }
    }
}
