//! One capture into one fragment, named by the capture's content.

use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FragmentError;
use super::captures::Capture;
use super::file::Fragment;
use super::runs::Runs;
use super::series::series;
use crate::analysis::{AnalyzeError, HandOn, Options, Progress, read_part};
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
    write(path, &fragment, (id, set), options, progress, Runs::ROOM)
}

fn known(fragment: &Path, id: &str, options: &Options) -> Option<Capture> {
    let opened = Fragment::open(fragment).ok()?;
    let [capture] = opened.captures() else { return None };
    (capture.id == id && capture.decode() == options.decode).then(|| capture.clone())
}

/// Reads the capture and writes what it shows, with so many rows in memory at most.
fn write(
    path: &Path,
    fragment: &Path,
    (id, set): (String, Option<&str>),
    options: &Options,
    progress: &mut dyn FnMut(Progress),
    room: usize,
) -> Result<Mapped, FragmentError> {
    let runs = Arc::new(Runs::new(fragment, options.limits, room));
    let hand_on: HandOn = Arc::new({
        let runs = Arc::clone(&runs);
        move |connection, now| runs.take(connection, now)
    });
    let part = read_part(path, options, progress, &hand_on)?;
    drop(hand_on);
    if options.interrupt.is_raised() {
        return Err(FragmentError::Interrupted(path.to_owned()));
    }
    let set = set.map_or_else(|| series(path), str::to_owned);
    let capture = Capture::new(id, set, &options.decode, &part.facts);
    runs.finish(&capture, part.facts.capture.last.at, &part.numbers.ranks(), &options.interrupt)?;
    Ok(Mapped { fragment: fragment.to_owned(), capture, known: false })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_left_memory_make_the_same_fragment() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["needle-in-haystack/server-side.pcap.zst", "same-port-again/client-side.pcap.zst"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(name);
            let fragments = [Runs::ROOM, 10].map(|room| {
                let fragment = folder.path().join("x.parquet");
                let options = Options::default();
                write(&path, &fragment, (String::new(), None), &options, &mut |_| (), room).unwrap();
                std::fs::read(fragment).unwrap()
            });
            assert!(fragments[0] == fragments[1], "{name}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no run is left");
    }

    #[test]
    fn rows_that_cannot_leave_memory_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata/captures/needle-in-haystack/server-side.pcap.zst");
        let nowhere = folder.path().join("missing/x.parquet");
        let written = write(&path, &nowhere, (String::new(), None), &Options::default(), &mut |_| (), 10);
        assert!(matches!(written, Err(FragmentError::Io { .. })), "{written:?}");
    }
}
