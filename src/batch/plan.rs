//! What a batch will do: which captures there are, and which of them are one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::find::Found;
use crate::analysis::{Input, Options};
use crate::capture::{CaptureError, Limits, Reader};
use crate::fragment::{Joining, Sequence, out_of_sequence, series};
use crate::place;
use crate::wire::Timestamp;

/// The captures of a batch.
#[derive(Debug, Default)]
pub struct Plan {
    /// Captures to be read, those that are one together.
    pub sets: Vec<Planned>,
    /// Files that will not be read.
    pub passed: Vec<Passed>,
    /// Files that look like one capture and will not be joined, and why.
    pub apart: Vec<String>,
}

/// Captures that will be one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// What they have in common; of a single one, its path.
    pub name: String,
    /// The files, in the order of their first frames, with their octets.
    pub files: Vec<(PathBuf, u64)>,
    /// When the first of them begins.
    pub begins: Option<Timestamp>,
}

/// A file that will not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passed {
    /// Where.
    pub path: PathBuf,
    /// Why.
    pub why: String,
    /// What kind of reason.
    pub kind: PassedKind,
}

/// Why a file is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PassedKind {
    /// No capture, in a folder: nothing is wrong.
    Foreign,
    /// No capture, though it was named itself.
    NoCapture,
    /// It could not be read.
    Unreadable,
    /// The same, and another try may help.
    Temporary,
}

/// A file: when it begins, its place by name, and its octets.
type Dated = (Timestamp, Sequence, PathBuf, u64);

/// What a look at the beginning tells.
struct Looked {
    first: Option<Timestamp>,
    links: Vec<u16>,
    snaplen: Option<u32>,
}

impl Plan {
    /// Looks at the beginning of each file, and puts together what belongs together.
    pub fn new(found: &[Found], joining: Joining, limits: &Limits) -> Plan {
        let mut plan = Plan::default();
        let mut sets: BTreeMap<(String, String), Vec<Dated>> = BTreeMap::new();
        for Found { path, named } in found {
            let looked = match look(path, limits, *named) {
                Ok(looked) => looked,
                Err(error) => {
                    plan.passed.push(passed(path.clone(), &error, *named));
                    continue;
                }
            };
            let octets = place::len(path).unwrap_or(0);
            let name = match joining {
                Joining::Never => (path.display().to_string(), String::new()),
                Joining::Auto => (series(path), format!("{:?} {:?}", looked.links, looked.snaplen)),
                Joining::All => Default::default(),
            };
            let first = looked.first.unwrap_or(NEVER);
            sets.entry(name).or_default().push((first, Sequence::of(path), path.clone(), octets));
        }
        for ((name, _), mut files) in sets {
            files.sort();
            match contradiction(&files).filter(|_| joining == Joining::Auto) {
                Some(why) => {
                    plan.apart.push(format!("{name}: {why}"));
                    let single = |file: Dated| Planned::new(String::new(), vec![file]);
                    plan.sets.extend(files.into_iter().map(single));
                }
                None => plan.sets.push(Planned::new(name, files)),
            }
        }
        plan
    }

    /// Every file that will be read.
    pub fn files(&self) -> impl Iterator<Item = &(PathBuf, u64)> {
        self.sets.iter().flat_map(|set| &set.files)
    }
}

impl Planned {
    /// Of files in order of time.
    fn new(name: String, files: Vec<Dated>) -> Planned {
        let name = match &files[..] {
            [(_, _, only, _)] => only.display().to_string(),
            [(_, _, first, _), ..] if name.is_empty() => series(first),
            _ => name,
        };
        let begins = files.first().map(|file| file.0).filter(|&first| first != NEVER);
        Planned {
            name,
            begins,
            files: files.into_iter().map(|(_, _, path, octets)| (path, octets)).collect(),
        }
    }

    /// Octets in all.
    pub fn octets(&self) -> u64 {
        self.files.iter().map(|(_, octets)| octets).sum()
    }
}

/// When a file without frames begins: behind all others.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// Whether names say another order than times do, in words.
fn contradiction(files: &[Dated]) -> Option<String> {
    let dated: Vec<&Path> =
        files.iter().filter(|file| file.0 != NEVER).map(|file| file.2.as_path()).collect();
    let [first, second] = out_of_sequence(&dated)?;
    let (first, second) = (first.display(), second.display());
    Some(format!(
        "{first} comes before {second} in time, but behind it by name; each file is taken for itself (--join all \
         takes them for one, in order of time)"
    ))
}

/// Text counts where it was named itself; in a folder it is what stands beside captures.
fn look(path: &Path, limits: &Limits, named: bool) -> Result<Looked, CaptureError> {
    // A quarter of the usual buffer: a look at the first record needs no more.
    let limits = Limits { buffer: 1 << 18, ..*limits };
    match look_at_records(path, &limits) {
        Err(CaptureError::NotACapture { .. }) if named => {
            let text = Input::open(path, &Options { read: limits, ..Options::default() })?;
            Ok(Looked { first: text.first_time()?, links: Vec::new(), snaplen: None })
        }
        looked => looked,
    }
}

fn look_at_records(path: &Path, limits: &Limits) -> Result<Looked, CaptureError> {
    let mut reader = Reader::open(path, limits)?;
    let mut first = None;
    while first.is_none() {
        let more = reader.next_batch(&mut |record| {
            first.get_or_insert(record.at);
        });
        if !matches!(more, Ok(true)) {
            break;
        }
    }
    let summary = reader.summary();
    let links = summary.interfaces.iter().map(|interface| interface.link.0).collect();
    Ok(Looked { first, links, snaplen: summary.snaplen })
}

fn passed(path: PathBuf, error: &CaptureError, named: bool) -> Passed {
    let kind = match error {
        CaptureError::NotACapture { .. } | CaptureError::Empty if named => PassedKind::NoCapture,
        CaptureError::NotACapture { .. } | CaptureError::Empty => PassedKind::Foreign,
        error if error.is_temporary() => PassedKind::Temporary,
        _ => PassedKind::Unreadable,
    };
    Passed { path, why: error.to_string(), kind }
}
