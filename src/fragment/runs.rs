//! The rows of a capture that is being read: a bounded number in memory, the others in sorted runs beside the fragment that
//! they will be, so that mapping takes memory for open connections, not for all there were.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::FragmentError;
use super::captures::Capture;
use super::file::FragmentWriter;
use super::merge::{Between, Merged};
use super::rows::Row;
use crate::capture::Interrupt;
use crate::tcp::{Connection, Limits, Ranks};
use crate::wire::Timestamp;

/// Rows on their way into a fragment, from several threads.
pub(super) struct Runs {
    /// Beside which they lie.
    place: PathBuf,
    limits: Limits,
    /// Rows in memory at most; a thousand octets each.
    room: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    rows: Vec<Row>,
    /// Closed by both, and over too early to tell whether what comes behind the capture may belong to them.
    early: Vec<Connection>,
    written: Between,
    /// Why nothing more is kept.
    failed: Option<FragmentError>,
}

impl Runs {
    /// Rows in memory at most.
    pub(super) const ROOM: usize = 65_536;

    /// For a fragment beside that place.
    pub(super) fn new(place: &Path, limits: Limits, room: usize) -> Runs {
        Runs { place: place.to_owned(), limits, room, held: Mutex::default() }
    }

    /// Takes a connection to which nothing can be added any more, as is known `now`.
    pub(super) fn take(&self, connection: Connection, now: Timestamp) {
        let settled = self.limits.is_settled(&connection, now);
        let early = !settled && connection.closed_by_both();
        let row = (!early).then(|| Row::of(&connection, 0, settled));
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.failed.is_some() {
            return;
        }
        match row {
            None => held.early.push(connection),
            Some(row) => self.add(&mut held, row),
        }
    }

    fn add(&self, held: &mut Held, row: Row) {
        held.rows.push(row);
        if held.rows.len() >= self.room {
            held.failed = self.spill(held).err();
        }
    }

    /// What is in memory becomes a run.
    fn spill(&self, held: &mut Held) -> Result<(), FragmentError> {
        let path = held.written.next(&self.place);
        let mut writer = FragmentWriter::create(&path, &[Capture::default()])?;
        for row in sorted(&mut held.rows) {
            writer.push(row)?;
        }
        writer.finish()
    }

    /// Writes the fragment of a capture that ended then; streams get their numbers.
    pub(super) fn finish(
        &self,
        fragment: &Path,
        capture: &Capture,
        end: Timestamp,
        streams: &Ranks,
        interrupt: &Interrupt,
    ) -> Result<(), FragmentError> {
        let mut held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in std::mem::take(&mut held.early) {
            let row = Row::of(&connection, 0, self.limits.is_settled(&connection, end));
            self.add(&mut held, row);
        }
        if !held.written.paths().is_empty() && held.failed.is_none() {
            held.failed = self.spill(&mut held).err();
        }
        if let Some(error) = held.failed {
            return Err(error);
        }
        let mut writer = FragmentWriter::create(fragment, std::slice::from_ref(capture))?;
        let mut push = |mut row: Row| {
            row.renumber(streams);
            writer.push(row)
        };
        sorted(&mut held.rows).try_for_each(&mut push)?;
        let mut runs = Merged::open_all(held.written.paths(), &self.place, interrupt)?;
        while let Some(row) = runs.next_row()? {
            push(row)?;
        }
        writer.finish()
    }
}

fn sorted(rows: &mut Vec<Row>) -> impl Iterator<Item = Row> {
    let mut rows = std::mem::take(rows);
    rows.sort_by_cached_key(Row::order);
    rows.into_iter()
}
