//! What was done before, so that it is not done again: which content each file had.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// Octets looked at from both ends of a file.
const EDGE: u64 = 64 << 10;

/// Files that were read, by path.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    files: BTreeMap<PathBuf, Seen>,
    /// What each report was made from.
    #[serde(default)]
    pub reports: BTreeMap<String, String>,
}

/// A file as it was when it was read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seen {
    octets: u64,
    modified_ns: i128,
    /// BLAKE3 of its first and last octets.
    edges: String,
    /// Its fragment.
    pub fragment: PathBuf,
}

impl State {
    /// As it was kept; empty where nothing was, or nothing that can be read.
    pub fn load(path: &Path) -> State {
        fs::read(path).ok().and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default()
    }

    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// What is known of that file, if it is what it was when it was read, by its size, time and ends. Otherwise its content
    /// decides, which takes reading it.
    pub fn known(&self, path: &Path) -> Option<&Seen> {
        let seen = self.files.get(path)?;
        let now = Seen::now(path, seen.fragment.clone()).ok()?;
        (*seen == now).then_some(seen)
    }

    /// Notes how a file was when it was read.
    pub fn note(&mut self, path: &Path, seen: Seen) {
        self.files.insert(path.to_owned(), seen);
    }
}

impl Seen {
    /// The file as it is.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn now(path: &Path, fragment: PathBuf) -> io::Result<Seen> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader((&file).take(EDGE))?;
        file.seek(SeekFrom::Start(metadata.len().saturating_sub(EDGE)))?;
        hasher.update_reader((&file).take(EDGE))?;
        Ok(Seen {
            octets: metadata.len(),
            modified_ns: modified.map_or(0, |since| since.as_nanos() as i128),
            edges: hasher.finalize().to_hex().to_string(),
            fragment,
        })
    }
}
