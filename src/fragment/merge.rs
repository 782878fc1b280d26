//! Fragments into one: their rows in order, what is there twice once. Nothing is folded, so it can be done in any order
//! and grouping, and again, with the same result.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::FragmentError;
use super::captures::Capture;
use super::file::{Fragment, FragmentWriter};
use super::rows::Row;
use crate::capture::Interrupt;
use crate::wire::FlowKey;

/// Fragments open at once, each of which takes some 7 MB; more are merged as a tree. A thousand are two levels.
const FAN_IN: usize = 32;
/// Rows between two looks at whether it should end.
const A_WHILE: u64 = 4_096;

/// The rows of several fragments, in order.
pub struct Merged {
    captures: Vec<Capture>,
    sources: Vec<Source>,
    /// The next row of each source: its order, and the source.
    next: BinaryHeap<Reverse<(Order, usize)>>,
    last: Option<Order>,
    twice: Vec<String>,
    /// What the sources are, if there were too many.
    _between: Between,
}

/// What rows are sorted by.
type Order = (FlowKey, u32, i64);

struct Source {
    fragment: Fragment,
    /// Where its captures stand among all.
    places: Vec<u32>,
    row: Option<Row>,
}

impl Merged {
    /// Opens them all.
    ///
    /// # Errors
    /// If one of them cannot be read, or the same capture was read with different options.
    pub fn open(paths: &[PathBuf]) -> Result<Merged, FragmentError> {
        let fragments = paths.iter().map(|path| Fragment::open(path)).collect::<Result<Vec<_>, _>>()?;
        let mut captures: BTreeMap<String, Capture> = BTreeMap::new();
        let mut twice = Vec::new();
        for capture in fragments.iter().flat_map(Fragment::captures) {
            match captures.get_mut(&capture.id) {
                Some(known) if known.read_with != capture.read_with => {
                    return Err(FragmentError::Options { one: known.name(), other: capture.name() });
                }
                Some(known) => {
                    twice.push(capture.name());
                    // Which of two names is told must not depend on the order.
                    if (&capture.path, &capture.series) < (&known.path, &known.series) {
                        *known = capture.clone();
                    }
                }
                None => _ = captures.insert(capture.id.clone(), capture.clone()),
            }
        }
        let captures: Vec<_> = captures.into_values().collect();
        let place =
            |capture: &Capture| captures.iter().position(|it| it.id == capture.id).unwrap_or(0) as u32;
        let mut sources = Vec::with_capacity(fragments.len());
        for fragment in fragments {
            let places = fragment.captures().iter().map(place).collect();
            sources.push(Source { fragment, places, row: None });
        }
        let (next, last) = (BinaryHeap::new(), None);
        let mut merged = Merged { captures, sources, next, last, twice, _between: Between::default() };
        (0..merged.sources.len()).try_for_each(|source| merged.advance(source))?;
        Ok(merged)
    }

    /// Opens any number of them; what is merged on the way there lies beside the file `out` until this is dropped.
    ///
    /// # Errors
    /// As [`Merged::open`], and if nothing can be written there, or it was interrupted.
    pub fn open_all(paths: &[PathBuf], out: &Path, interrupt: &Interrupt) -> Result<Merged, FragmentError> {
        let (mut level, mut twice) = (Between::default(), Vec::new());
        let mut paths = paths.to_vec();
        while paths.len() > FAN_IN {
            let mut next = Between::default();
            for some in paths.chunks(FAN_IN) {
                let mut merged = Merged::open(some)?;
                merged.write(&next.next(out), interrupt)?;
                twice.append(&mut merged.twice);
            }
            paths = next.paths().to_vec();
            level = next;
        }
        let mut merged = Merged::open(&paths)?;
        merged.twice.append(&mut twice);
        merged._between = level;
        Ok(merged)
    }

    /// Writes all rows; how many.
    fn write(&mut self, out: &Path, interrupt: &Interrupt) -> Result<u64, FragmentError> {
        let mut writer = FragmentWriter::create(out, self.captures())?;
        let mut rows = 0;
        while let Some(row) = self.next_row()? {
            if rows % A_WHILE == 0 && interrupt.is_raised() {
                return Err(FragmentError::Interrupted(out.to_owned()));
            }
            writer.push(row)?;
            rows += 1;
        }
        writer.finish()?;
        Ok(rows)
    }

    /// All captures, in the order of their names, to which [`Row::capture`] refers.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// Captures that are in more than one fragment, once for each time too many.
    pub fn twice(&self) -> &[String] {
        &self.twice
    }

    fn advance(&mut self, at: usize) -> Result<(), FragmentError> {
        let source = &mut self.sources[at];
        let Some(mut row) = source.fragment.next_row()? else { return Ok(()) };
        row.capture = source.places.get(row.capture as usize).copied().unwrap_or(0);
        self.next.push(Reverse((row.order(), at)));
        source.row = Some(row);
        Ok(())
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// If one of the fragments is damaged.
    pub fn next_row(&mut self) -> Result<Option<Row>, FragmentError> {
        while let Some(Reverse((order, at))) = self.next.pop() {
            let row = self.sources[at].row.take();
            self.advance(at)?;
            if self.last.replace(order) != Some(order) && row.is_some() {
                return Ok(row);
            }
        }
        Ok(None)
    }
}

/// What merging has to say.
#[derive(Debug, Default)]
pub struct Told {
    /// Captures in the result.
    pub captures: usize,
    /// Rows in the result.
    pub rows: u64,
    /// Captures that were there more than once, and count once.
    pub twice: Vec<String>,
    /// Fragments left out, and why.
    pub left_out: Vec<FragmentError>,
}

/// Fragments on the way to another one, removed with this.
#[derive(Default)]
pub(super) struct Between(Vec<PathBuf>);

impl Between {
    /// Where the next one is to be written, on the way to `out`.
    pub(super) fn next(&mut self, out: &Path) -> PathBuf {
        static FILES: AtomicU64 = AtomicU64::new(0);
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let (process, file) = (std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
        let path = out.with_file_name(format!(".{name}.{process}-{file}.part"));
        self.0.push(path.clone());
        path
    }

    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        for path in &self.0 {
            // One that was never finished is not there.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Merges fragments into one file. With `keep_going`, those that cannot be used are left out and told.
///
/// # Errors
/// If one cannot be used, or nothing is left, or the result cannot be written, or it was interrupted.
pub fn merge(
    parts: &[PathBuf],
    out: &Path,
    keep_going: bool,
    interrupt: &Interrupt,
) -> Result<Told, FragmentError> {
    let mut parts = parts.to_vec();
    let mut left_out = Vec::new();
    loop {
        let merged = Merged::open_all(&parts, out, interrupt);
        let written = merged.and_then(|mut merged| Ok((merged.write(out, interrupt)?, merged)));
        match written {
            Ok((rows, merged)) => {
                let captures = merged.captures.len();
                return Ok(Told { captures, rows, twice: merged.twice, left_out });
            }
            Err(error) => {
                let bad = error.path().and_then(|bad| parts.iter().position(|part| part == bad));
                match bad {
                    Some(bad) if keep_going && parts.len() > 1 => _ = parts.remove(bad),
                    _ => return Err(error),
                }
                left_out.push(error);
            }
        }
    }
}
