//! Reading captures from files and pipes into an [`Analysis`].

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Analysis, Input, Options, Outcome, threads};
use crate::capture::{CaptureError, Marks, Reader, Summary};
use crate::place;
use crate::transcript::Facts;
use crate::wire::{Span, Timestamp};

/// One input, as it turned out.
#[derive(Clone, Debug)]
pub struct InputFacts {
    /// As given.
    pub path: PathBuf,
    /// Number of its first frame, counted through all inputs.
    pub first_frame: u64,
    /// What the reader learned.
    pub summary: Summary,
    /// What became of its lines, if it is text.
    pub text: Option<Facts>,
    /// BLAKE3 of the file, if asked for.
    pub hash: Option<String>,
    /// Where the second look may begin.
    pub marks: Marks,
    /// What stopped the reading before its end.
    pub trouble: Option<Trouble>,
}

/// Reading stopped before the end of an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// `frame N at byte B: what`.
    pub what: String,
    /// Trying again may help.
    pub temporary: bool,
}

impl From<&CaptureError> for Trouble {
    fn from(error: &CaptureError) -> Trouble {
        let what = match error.place() {
            Some((frame, byte)) => format!("frame {frame} at byte {byte}: {error}"),
            None => error.to_string(),
        };
        Trouble { what, temporary: error.is_temporary() }
    }
}

impl Trouble {
    /// The user did not want to wait for the rest.
    fn interrupted(what: impl fmt::Display) -> Trouble {
        Trouble {
            what: format!("{what}: reading was interrupted, the rest is not looked at"),
            temporary: false,
        }
    }

    /// There is less of a file than there was when it was opened; none if there is not.
    fn shrunk(path: &Path, reader: &Reader) -> Option<Trouble> {
        let (read, len) = reader.position();
        let now = std::fs::metadata(path).ok()?.len();
        let len = len.filter(|len| read < *len && now < *len)?;
        let (frame, byte) = (reader.summary().frames + 1, reader.summary().capture_bytes);
        let what = format!(
            "frame {frame} at byte {byte}: the file shrank while it was read, from {len} to {read} bytes"
        );
        Some(Trouble { what, temporary: false })
    }
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Octets read of all inputs.
    pub bytes: u64,
    /// Octets of all inputs, if known.
    pub of: Option<u64>,
    /// Frames read.
    pub frames: u64,
}

/// Why nothing could be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// One input cannot be read at all.
    #[error("{}: {source}", Shown(path))]
    Input {
        /// The input.
        path: PathBuf,
        /// Why.
        source: CaptureError,
    },
    /// A file could not be read for its hash.
    #[error("{}: {source}", Shown(path))]
    Hash {
        /// The input.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Two inputs hold the same stretch of time: they are not one capture.
    #[error(
        "{} and {} overlap by {overlap}: several captures are read as one only if they follow one another; \
         to compare two capture points of the same traffic use 'cwait-pcap compare'",
        Shown(first),
        Shown(second)
    )]
    Overlap {
        /// The earlier one.
        first: PathBuf,
        /// The later one.
        second: PathBuf,
        /// By how much.
        overlap: Span,
    },
}

impl AnalyzeError {
    /// Trying again may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            AnalyzeError::Input { source, .. } => source.is_temporary(),
            _ => false,
        }
    }
}

/// A path as a user wrote it; `-` is standard input.
pub struct Shown<'a>(pub &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_stdin(self.0) { f.write_str("standard input") } else { self.0.display().fmt(f) }
    }
}

/// Files of one set may overlap this much: several queues write one after the other.
const OVERLAP_ALLOWED: Span = Span::secs(1);

/// Reads the inputs as one capture, in order of their first frames, and judges it.
///
/// An input that stops in the middle is analysed up to there, and says so in [`InputFacts::trouble`].
///
/// # Errors
/// An input that cannot be read at all, or inputs that overlap in time.
pub fn run(
    inputs: &[PathBuf],
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, AnalyzeError> {
    let of = inputs.iter().map(|path| std::fs::metadata(path).ok().map(|meta| meta.len())).sum();
    let mut analysis = Analysis::new(options.clone());
    if inputs.len() > 1 {
        analysis.lose_streams();
    }
    let mut facts: Vec<InputFacts> = Vec::with_capacity(inputs.len());
    let mut bytes_before = 0;
    for path in in_time_order(inputs, options)? {
        if options.interrupt.is_raised() {
            let (first_frame, trouble) = (analysis.frames() + 1, Some(Trouble::interrupted("not read")));
            facts.push(InputFacts {
                path,
                first_frame,
                summary: Summary::default(),
                text: None,
                hash: None,
                marks: Marks::default(),
                trouble,
            });
            continue;
        }
        let end_before = analysis.last().at;
        let mut progress = |at: Progress| progress(Progress { bytes: bytes_before + at.bytes, of, ..at });
        let input = open(&path, options)?;
        let input = read_input(&mut analysis, &path, input, options, &mut progress)?;
        check_order(facts.last(), end_before, &input)?;
        analysis.add_input(&input);
        bytes_before += input.summary.file_bytes;
        facts.push(input);
    }
    let mut outcome = analysis.finish();
    outcome.inputs = facts;
    Ok(outcome)
}

/// Reads one input, which was opened, to its end, or to where it stops.
pub(super) fn read_input(
    analysis: &mut Analysis,
    path: &Path,
    mut input: Input,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<InputFacts, AnalyzeError> {
    let of = std::fs::metadata(path).ok().map(|meta| meta.len());
    let first_frame = analysis.frames() + 1;
    let hash = if options.hash && !is_stdin(path) { Some(hash_of(path)?) } else { None };
    let told = input.summary().comments.len();
    analysis.add_context(&input.summary().comments);
    let mut progress = |bytes, frames| progress(Progress { bytes, of, frames });
    let read = read_through(&mut input, analysis, options, &mut progress);
    let mut trouble = read.err().as_ref().map(Trouble::from);
    if options.interrupt.is_raised() {
        let summary = input.summary();
        let place = format!("frame {} at byte {}", summary.frames + 1, summary.capture_bytes);
        trouble = Some(Trouble::interrupted(place));
    }
    if let Input::Records(reader) = &input {
        trouble = trouble.or_else(|| Trouble::shrunk(path, reader));
    }
    let summary = input.summary().clone();
    analysis.add_context(summary.comments.get(told..).unwrap_or_default());
    let text = input.text().cloned();
    if text.is_some() {
        analysis.lines_read(summary.frames);
    }
    analysis.next_file();
    let marks = input.marks().cloned().unwrap_or_default();
    Ok(InputFacts { path: path.to_owned(), first_frame, summary, text, hash, marks, trouble })
}

/// Hands everything in an input to the analysis, until it ends, cannot be read or reading is interrupted.
fn read_through(
    input: &mut Input,
    analysis: &mut Analysis,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), CaptureError> {
    if input.is_worth_threads(options)
        && !analysis.is_cut()
        && let Input::Records(reader) = input
    {
        return threads::drive(reader, analysis, progress);
    }
    loop {
        let more = match input {
            // Asked once for a batch: captures that are no extracts pay nothing for those that are.
            Input::Records(reader) if analysis.is_cut() => {
                reader.next_batch(&mut |record| analysis.observe_cut(record))?
            }
            Input::Records(reader) => reader.next_batch(&mut |record| analysis.observe(record))?,
            Input::Lines(lines) => {
                lines.next_batch(&mut |seen, decoded| analysis.observe_line(seen, decoded))?
            }
        };
        if !more || options.interrupt.is_raised() {
            return Ok(());
        }
        progress(input.position(), analysis.frames());
    }
}

/// Refuses an input that holds the same stretch of time as the one before, which ended at `end_before`.
pub(super) fn check_order(
    earlier: Option<&InputFacts>,
    end_before: Timestamp,
    input: &InputFacts,
) -> Result<(), AnalyzeError> {
    match (earlier, input.summary.times) {
        (Some(earlier), Some((first, _)))
            if end_before - first > OVERLAP_ALLOWED && earlier.summary.frames > 0 =>
        {
            Err(AnalyzeError::Overlap {
                first: earlier.path.clone(),
                second: input.path.clone(),
                overlap: end_before - first,
            })
        }
        _ => Ok(()),
    }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

pub(super) fn open(path: &Path, options: &Options) -> Result<Input, AnalyzeError> {
    Input::open(path, options).map_err(|source| AnalyzeError::Input { path: path.to_owned(), source })
}

/// By the time of the first frame; names decide between equals. A single input is not looked into twice.
fn in_time_order(inputs: &[PathBuf], options: &Options) -> Result<Vec<PathBuf>, AnalyzeError> {
    if inputs.len() < 2 {
        return Ok(inputs.to_vec());
    }
    let mut dated = Vec::with_capacity(inputs.len());
    for path in inputs {
        let first = if is_stdin(path) { None } else { first_time(path, options)? };
        dated.push((first.unwrap_or(Timestamp(i64::MAX)), path.clone()));
    }
    dated.sort();
    Ok(dated.into_iter().map(|(_, path)| path).collect())
}

/// An input that cannot be read so far has none, and says why when it is read.
fn first_time(path: &Path, options: &Options) -> Result<Option<Timestamp>, AnalyzeError> {
    Ok(open(path, options)?.first_time().unwrap_or_default())
}

fn hash_of(path: &Path) -> Result<String, AnalyzeError> {
    let mut hasher = blake3::Hasher::new();
    let opened = place::open(path);
    opened
        .and_then(|opened| hasher.update_reader(opened.octets).map(|_| ()))
        .map_err(|source| AnalyzeError::Hash { path: path.to_owned(), source })?;
    Ok(hasher.finalize().to_hex().to_string())
}
