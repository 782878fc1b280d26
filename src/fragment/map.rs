//! One capture into one fragment, named by the capture's content.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FragmentError;
use super::captures::Capture;
use super::file::Fragment;
use super::once::{Hashing, hash};
use super::runs::Runs;
use super::series::series;
use crate::analysis::{AnalyzeError, HandOn, Input, Options, Part, Progress, read_part};
use crate::capture::{Interrupt, Limits, Unpacked};

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
/// capture point have in common. Of what can be read only once, the fragment has what came before an interruption, and
/// it is of no set unless that is given.
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
    let unreadable = |source| AnalyzeError::Input { path: path.to_owned(), source };
    let place = |id: &str| folder.join(format!("{}.parquet", &id[..32]));
    if let Some(octets) = Input::once(path, options).map_err(unreadable)? {
        let content = Hashing::new(octets, path, &options.read)?;
        let input = Input::from_read(Box::new(content.clone()), options).map_err(unreadable)?;
        let read = Rows::read(path, Some(input), &folder.join("piped"), options, progress, Runs::ROOM)?;
        let id = content.finish(path)?;
        return match known(&place(&id), &id, options) {
            Some(capture) => Ok(Mapped { fragment: place(&id), capture, known: true }),
            None => {
                let set = set.unwrap_or(&id).to_owned();
                read.write(
                    &place(&id),
                    id,
                    set,
                    &Options { interrupt: Interrupt::default(), ..options.clone() },
                )
            }
        };
    }
    let id = content_hash(path, &options.read)?;
    let fragment = place(&id);
    if let Some(capture) = known(&fragment, &id, options) {
        return Ok(Mapped { fragment, capture, known: true });
    }
    let read = Rows::read(path, None, &fragment, options, progress, Runs::ROOM)?;
    if options.interrupt.is_raised() {
        return Err(FragmentError::Interrupted(path.to_owned()));
    }
    read.write(&fragment, id, set.map_or_else(|| series(path), str::to_owned), options)
}

fn known(fragment: &Path, id: &str, options: &Options) -> Option<Capture> {
    let opened = Fragment::open(fragment).ok()?;
    let [capture] = opened.captures() else { return None };
    (capture.id == id && capture.decode() == options.decode).then(|| capture.clone())
}

/// What a capture shows, not yet a fragment.
struct Rows {
    runs: Arc<Runs>,
    part: Part,
}

impl Rows {
    /// Reads the capture, with so many rows in memory at most and the others beside that place.
    fn read(
        path: &Path,
        input: Option<Input>,
        beside: &Path,
        options: &Options,
        progress: &mut dyn FnMut(Progress),
        room: usize,
    ) -> Result<Rows, FragmentError> {
        let runs = Arc::new(Runs::new(beside, options.limits, room));
        let hand_on: HandOn = Arc::new({
            let runs = Arc::clone(&runs);
            move |connection, now| runs.take(connection, now)
        });
        let part = read_part(path, input, options, progress, &hand_on)?;
        Ok(Rows { runs, part })
    }

    /// Writes the fragment of the capture of that name.
    fn write(
        &self,
        fragment: &Path,
        id: String,
        set: String,
        options: &Options,
    ) -> Result<Mapped, FragmentError> {
        let Part { facts, numbers } = &self.part;
        let capture = Capture::new(id, set, &options.decode, facts);
        self.runs.finish(fragment, &capture, facts.capture.last.at, &numbers.ranks(), &options.interrupt)?;
        Ok(Mapped { fragment: fragment.to_owned(), capture, known: false })
    }
}

/// BLAKE3 of a capture's content, unpacked: as far as it can be unpacked.
///
/// # Errors
/// If it cannot be read.
pub fn content_hash(path: &Path, limits: &Limits) -> Result<String, FragmentError> {
    let unreadable = |source| AnalyzeError::Input { path: path.to_owned(), source };
    let mut content = Unpacked::open(path, limits).map_err(unreadable)?;
    let mut hasher = blake3::Hasher::new();
    hash(&mut content, &mut hasher).map_err(FragmentError::io(path))?;
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
                let read = Rows::read(&path, None, &fragment, &options, &mut |_| (), room).unwrap();
                read.write(&fragment, String::new(), String::new(), &options).unwrap();
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
        let options = Options::default();
        let read = Rows::read(&path, None, &nowhere, &options, &mut |_| (), 10).unwrap();
        let written = read.write(&nowhere, String::new(), String::new(), &options);
        assert!(matches!(written, Err(FragmentError::Io { .. })), "{written:?}");
    }
}
