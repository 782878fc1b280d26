//! The analysis of a capture that has no end yet, over one file after the other.

use std::path::PathBuf;

use crate::analysis::{Analysis, InputFacts, Options, Outcome, Trouble};
use crate::capture::{CaptureError, Marks, Reader, Record, Summary};
use crate::wire::{Stamp, Timestamp};

/// Keeps the facts of everything read so far, and of the files it was read from.
pub struct Follower {
    analysis: Analysis,
    /// The last one is being read.
    inputs: Vec<InputFacts>,
    /// Of the file being read: packets said to be lost that were told to the analysis, and how many times.
    told: (u64, usize),
    /// Of the same file: holes that were told.
    holes: usize,
}

impl Follower {
    /// Nothing was read yet.
    pub fn new(options: Options) -> Follower {
        Follower { analysis: Analysis::new(options), inputs: Vec::new(), told: (0, 0), holes: 0 }
    }

    /// The next file begins.
    pub fn begin(&mut self, path: PathBuf) {
        self.analysis.next_file();
        if !self.inputs.is_empty() {
            self.analysis.lose_streams();
        }
        (self.told, self.holes) = ((0, 0), 0);
        let first_frame = self.analysis.frames() + 1;
        let summary = Summary::default();
        self.inputs.push(InputFacts {
            path,
            first_frame,
            summary,
            text: None,
            hash: None,
            marks: Marks::default(),
            trouble: None,
        });
    }

    /// Takes the next record of the file being read.
    pub fn observe(&mut self, record: &Record<'_>) {
        self.analysis.observe(record);
    }

    /// What its reader has learned so far.
    pub fn learned(&mut self, reader: &Reader) {
        let Some(input) = self.inputs.last_mut() else { return };
        let (summary, marks) = (reader.summary(), reader.marks());
        let (total, events) = self.told;
        if let Some(now) = summary.dropped.filter(|&now| now != total || events < summary.drops.len()) {
            let fresh = summary.drops.iter().skip(events).filter_map(|drop| Some((drop.at?, drop.count)));
            self.analysis.dropped(now.saturating_sub(total), fresh);
            self.told = (now, summary.drops.len());
        }
        let holes = summary.holes();
        self.analysis.unreadable(holes.iter().skip(self.holes).copied());
        self.holes = holes.len();
        input.summary = summary.clone();
        if marks.last() != input.marks.last() {
            input.marks = marks.clone();
        }
    }

    /// Reading the current file stopped before its end.
    pub fn failed(&mut self, error: &CaptureError) {
        if let Some(input) = self.inputs.last_mut() {
            input.trouble = Some(Trouble::from(error));
        }
    }

    /// The latest moment seen.
    pub fn last(&self) -> Stamp {
        self.analysis.last()
    }

    /// Judges what was seen so far, as of `at` or the latest frame, whichever is later; see [`Analysis::as_of`].
    pub fn look(&mut self, at: Timestamp) -> Outcome {
        Outcome { inputs: self.inputs.clone(), ..self.analysis.as_of(at) }
    }
}
