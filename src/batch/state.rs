//! What was done before, so that it is not done again: a journal with a line for each file that was read and each report
//! that was written, added as soon as that is so. A run that is killed leaves what it had done until then.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// Octets looked at from both ends of a file.
const EDGE: u64 = 64 << 10;

/// Files that were read, by path, and what each report was made from.
pub struct State {
    files: BTreeMap<PathBuf, Seen>,
    reports: BTreeMap<String, String>,
    journal: File,
}

/// A line of the journal; a later one on the same file or report stands.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    File(PathBuf, Seen),
    Report(String, String),
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
    /// What the journal tells, which is nothing where there is none, and lines of another making are passed over. It is
    /// put in order, and goes on from there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(path: &Path) -> io::Result<State> {
        let (mut files, mut reports) = (BTreeMap::new(), BTreeMap::new());
        // The last line of a run that was killed may lack its end.
        let kept = fs::read(path).unwrap_or_default();
        for line in kept.split(|&octet| octet == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Line::File(path, seen)) => _ = files.insert(path, seen),
                Ok(Line::Report(name, made_from)) => _ = reports.insert(name, made_from),
                Err(_) => {}
            }
        }
        let fresh = path.with_extension("part");
        let mut text = Vec::new();
        for (path, seen) in &files {
            line(&mut text, &Line::File(path.clone(), seen.clone()));
        }
        for (name, made_from) in &reports {
            line(&mut text, &Line::Report(name.clone(), made_from.clone()));
        }
        fs::write(&fresh, text)?;
        fs::rename(&fresh, path)?;
        Ok(State { files, reports, journal: OpenOptions::new().append(true).open(path)? })
    }

    /// What is known of that file, if it is what it was when it was read, by its size, time and ends. Otherwise its content
    /// decides, which takes reading it.
    pub fn known(&self, path: &Path) -> Option<&Seen> {
        let seen = self.files.get(path)?;
        let now = Seen::now(path, seen.fragment.clone()).ok()?;
        (*seen == now).then_some(seen)
    }

    /// Notes how a file was when it was read.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn note_file(&mut self, path: &Path, seen: Seen) -> io::Result<()> {
        self.files.insert(path.to_owned(), seen.clone());
        self.add(&Line::File(path.to_owned(), seen))
    }

    /// Whether that report was made from the same.
    pub fn is_written(&self, report: &str, made_from: &str) -> bool {
        self.reports.get(report).is_some_and(|known| known == made_from)
    }

    /// Notes that a report was written.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn note_report(&mut self, report: &str, made_from: String) -> io::Result<()> {
        self.reports.insert(report.to_owned(), made_from.clone());
        self.add(&Line::Report(report.to_owned(), made_from))
    }

    fn add(&mut self, it: &Line) -> io::Result<()> {
        let mut text = Vec::new();
        line(&mut text, it);
        self.journal.write_all(&text)
    }
}

/// A name that JSON cannot hold is not noted: that file is read again.
fn line(text: &mut Vec<u8>, line: &Line) {
    if let Ok(json) = serde_json::to_vec(line) {
        text.extend(json);
        text.push(b'\n');
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_had_noted_is_known_and_what_it_had_not_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [journal, one, other] = ["state.ndjson", "one", "other"].map(|name| folder.path().join(name));
        fs::write(&one, "1").unwrap();
        fs::write(&other, "2").unwrap();
        let mut state = State::open(&journal).unwrap();
        state.note_file(&one, Seen::now(&one, "a".into()).unwrap()).unwrap();
        state.note_report("r", "old".to_owned()).unwrap();
        state.note_report("r", "new".to_owned()).unwrap();
        state.note_file(&other, Seen::now(&other, "b".into()).unwrap()).unwrap();
        drop(state);
        let text = fs::read(&journal).unwrap();
        fs::write(&journal, &text[..text.len() - 9]).unwrap();
        let mut state = State::open(&journal).unwrap();
        assert_eq!(state.known(&one).unwrap().fragment, Path::new("a"));
        assert_eq!(state.known(&other), None, "its line was cut");
        assert!(state.is_written("r", "new") && !state.is_written("r", "old"));
        // What is noted behind a cut line is not lost with it.
        state.note_report("s", "x".to_owned()).unwrap();
        assert!(State::open(&journal).unwrap().is_written("s", "x"));
        fs::write(&one, "3").unwrap();
        assert_eq!(State::open(&journal).unwrap().known(&one), None, "it has changed");
    }
}
