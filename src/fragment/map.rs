//! One capture into one fragment, named by the capture's content.

use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};

use super::FragmentError;
use super::captures::Capture;
use super::file::{Fragment, FragmentWriter};
use super::rows::Row;
use super::series::series;
use crate::analysis::{AnalyzeError, Options, Part, Progress, read_part};
use crate::capture::{Limits, Unpacked};

/// A capture that is now a fragment.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// The file.
    pub fragment: PathBuf,
    /// What it says of the capture.
    pub capture: Capture,
    /// It was there before: nothing was done.
    pub known: bool,
}

/// Writes the fragment of a capture into a folder, unless it is there already. `set` overrides what captures of one
/// capture point have in common.
///
/// # Errors
/// If the capture cannot be read at all, or the fragment not be written.
pub fn map(
    path: &Path,
    folder: &Path,
    set: Option<&str>,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Mapped, FragmentError> {
    let id = content_hash(path, &options.read)?;
    let fragment = folder.join(format!("{}.parquet", &id[..32]));
    if let Some(capture) = known(&fragment, &id, options) {
        return Ok(Mapped { fragment, capture, known: true });
    }
    let part = read_part(path, options, progress)?;
    if options.interrupt.is_raised() {
        return Err(FragmentError::Interrupted(path.to_owned()));
    }
    let set = set.map_or_else(|| series(path), str::to_owned);
    let capture = Capture::new(id, set, &options.decode, &part.facts);
    write(part, &capture, options, &fragment)?;
    Ok(Mapped { fragment, capture, known: false })
}

fn known(fragment: &Path, id: &str, options: &Options) -> Option<Capture> {
    let opened = Fragment::open(fragment).ok()?;
    let [capture] = opened.captures() else { return None };
    (capture.id == id && capture.decode() == options.decode).then(|| capture.clone())
}

fn write(part: Part, capture: &Capture, options: &Options, place: &Path) -> Result<(), FragmentError> {
    let end = part.facts.capture.last.at;
    let mut connections = part.connections;
    connections.sort_unstable_by_key(|connection| (connection.key, connection.first.frame));
    let mut writer = FragmentWriter::create(place, std::slice::from_ref(capture))?;
    for connection in connections {
        writer.push(Row::of(&connection, 0, options.limits.is_settled(&connection, end)))?;
    }
    writer.finish()
}

/// BLAKE3 of a capture's content, unpacked: as far as it can be unpacked.
///
/// # Errors
/// If it cannot be read.
pub fn content_hash(path: &Path, limits: &Limits) -> Result<String, FragmentError> {
    let unreadable = |source| AnalyzeError::Input { path: path.to_owned(), source };
    let mut content = Unpacked::open(path, limits).map_err(unreadable)?;
    let mut hasher = blake3::Hasher::new();
    loop {
        match content.fill_buf() {
            Ok([]) => break,
            Ok(octets) => {
                hasher.update(octets);
                let taken = octets.len();
                content.consume(taken);
            }
            // What comes out of a damaged or overfull stream up to there is what will be analysed.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof
                        | ErrorKind::InvalidData
                        | ErrorKind::InvalidInput
                        | ErrorKind::Other
                ) =>
            {
                break;
            }
            Err(source) => return Err(FragmentError::Io { path: path.to_owned(), source }),
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}
