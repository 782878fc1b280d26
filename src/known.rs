//! What the user knows beforehand: what hosts are called and what they do, habits of services, findings that are
//! accepted for a reason. Two small files, read whole; whatever is wrong with them is said with file and line.

mod config;
mod hosts;
mod target;

pub use config::{Acceptance, Config, Habit};
pub use hosts::{Host, Hosts};
pub use target::Target;

/// A line of such a file that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}:{line}: {what}")]
pub struct BadLine {
    /// The file, as given.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// A longer file is not what it is taken for.
pub const LARGEST_FILE: usize = 16 << 20;

/// The text of a file; a byte order mark is passed over.
fn text<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, BadLine> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bad = |at: usize, what: &str| BadLine {
        path: path.to_owned(),
        line: line_of(bytes, at),
        what: what.to_owned(),
    };
    if bytes.len() > LARGEST_FILE {
        return Err(bad(0, "a file of more than 16 MiB is no such file"));
    }
    std::str::from_utf8(bytes).map_err(|error| bad(error.valid_up_to(), "this is no UTF-8 text"))
}

/// The line in which that octet stands, counted from 1.
fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
