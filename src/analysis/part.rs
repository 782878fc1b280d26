//! Captures in parts: each read on its own, anywhere and in any order, and joined to one outcome later.
//!
//! A part holds facts only. Judging needs what all parts say together, so it is done once, behind the join, by the code
//! that judges a capture read in one go.

use std::path::Path;
use std::sync::Arc;

use super::folded::Folded;
use super::lane::Lane;
use super::outcome::Frames;
use super::run::{AnalyzeError, InputFacts, Progress, check_order, read_input};
use super::{Analysis, Options, Outcome};
use crate::findings::CaptureFacts;
use crate::tcp::{Connection, Numbers};
use crate::wire::Stamp;

/// What one capture says, unjudged; frames are numbered from 1.
pub struct Part {
    /// The capture as a whole.
    pub facts: PartFacts,
    /// Its connections, which may continue those of a part before; in no particular order.
    pub connections: Vec<Connection>,
}

/// What one capture says as a whole.
#[derive(Clone, Debug)]
pub struct PartFacts {
    /// First and last frame, and how many; drops are told by the input.
    pub capture: CaptureFacts,
    /// Frames by what became of them.
    pub frames: Frames,
    /// The file.
    pub input: InputFacts,
}

/// Reads one file as a part.
///
/// # Errors
/// If it cannot be read at all.
pub fn read_part(
    path: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Part, AnalyzeError> {
    let options = Options { keep_all: true, ..options.clone() };
    let mut analysis = Analysis::new(options);
    analysis.lanes = Lane::of_part(&analysis.options);
    let options = Arc::clone(&analysis.options);
    let input = read_input(&mut analysis, path, &options, progress)?;
    let sums = analysis.sums(|_| Folded::default());
    let facts = PartFacts { capture: analysis.capture, frames: sums.frames, input };
    let numbers = Numbers::of(analysis.lanes.iter().map(|lane| &lane.table));
    let mut connections: Vec<_> = analysis.lanes.into_iter().flat_map(Lane::into_connections).collect();
    numbers.resolve(connections.iter_mut().map(|connection| &mut connection.stream));
    Ok(Part { facts, connections })
}

/// Parts of one capture point on their way to one outcome.
pub struct Join {
    analysis: Analysis,
    inputs: Vec<InputFacts>,
    /// Frames before each part.
    before: Vec<u64>,
}

impl Join {
    /// For these parts, which follow one another.
    ///
    /// # Errors
    /// If two of them hold the same stretch of time.
    pub fn new(parts: Vec<PartFacts>, options: Options) -> Result<Join, AnalyzeError> {
        let mut join = Join { analysis: Analysis::new(options), inputs: Vec::new(), before: Vec::new() };
        for part in parts {
            let end_before = join.analysis.last().at;
            let before = join.analysis.frames();
            let input = InputFacts { first_frame: before + 1, ..part.input };
            join.analysis.add_part(&part.capture, &part.frames);
            join.analysis.add_input(&input);
            check_order(join.inputs.last(), end_before, &input)?;
            join.before.push(before);
            join.inputs.push(input);
        }
        Ok(join)
    }

    /// Adds all connections of one flow, each with its part's place.
    pub fn add_flow(&mut self, rows: impl IntoIterator<Item = (usize, Connection)>) {
        let mut parts: Vec<(usize, Vec<Connection>)> = Vec::new();
        for (part, mut connection) in rows {
            connection.shift_frames(self.before.get(part).copied().unwrap_or(0));
            match parts.iter_mut().find(|(known, _)| *known == part) {
                Some((_, connections)) => connections.push(connection),
                None => parts.push((part, vec![connection])),
            }
        }
        parts.sort_by_key(|(part, _)| *part);
        let mut flow: Vec<_> = parts.into_iter().map(|(_, connections)| connections).collect();
        flow.iter_mut().for_each(|part| part.sort_by_key(|connection| connection.first.frame));
        let one_file = self.inputs.len() <= 1;
        let Some(key) = flow.first().and_then(|part| part.first()).map(|connection| connection.key) else {
            return;
        };
        let lane = &mut self.analysis.lanes[Lane::of(&key)];
        for mut connection in lane.table.join_flow(&flow) {
            if !one_file {
                connection.stream = Connection::NO_STREAM;
            }
            lane.retire(connection);
        }
    }

    /// Judges everything.
    pub fn finish(self) -> Outcome {
        Outcome { inputs: self.inputs, ..self.analysis.finish() }
    }
}

impl Analysis {
    /// Adds what the next part counted.
    fn add_part(&mut self, capture: &CaptureFacts, frames: &Frames) {
        let before = self.capture.frames;
        let shifted = |stamp: Stamp| Stamp { frame: stamp.frame + before, ..stamp };
        if capture.frames > 0 {
            if before == 0 {
                self.capture.first = capture.first;
            }
            if before == 0 || capture.last.at >= self.capture.last.at {
                self.capture.last = shifted(capture.last);
            }
        }
        self.capture.frames += capture.frames;
        self.of_parts.tcp += frames.tcp;
        self.skips += frames.skips;
        self.of_parts.fragments += frames.fragments;
        self.of_parts.given_up += frames.given_up;
    }
}
