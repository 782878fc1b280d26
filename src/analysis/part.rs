//! Captures in parts: each read on its own, anywhere and in any order, and joined to one outcome later.
//!
//! A part holds facts only. Judging needs what all parts say together, so it is done once, behind the join, by the code
//! that judges a capture read in one go.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::folded::Folded;
use super::lane::{HandOn, Lane};
use super::outcome::Frames;
use super::run::{AnalyzeError, InputFacts, Progress, check_order, open, read_input};
use super::{Analysis, Input, Options, Outcome};
use crate::decode::{Decoded, Seams, Skip, Unfinished};
use crate::findings::CaptureFacts;
use crate::tcp::{Connection, FlowPart, Numbers};
use crate::wire::{FlowKey, Segment, Stamp};

/// What one capture says beside its connections.
pub struct Part {
    /// The capture as a whole.
    pub facts: PartFacts,
    /// Wireshark's numbers of the streams that its connections name.
    pub numbers: Numbers,
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
    /// IP datagrams whose other fragments may lie in the parts before and behind.
    pub unfinished: Vec<Unfinished>,
}

/// Reads one input as a part; it is opened, if that was not done. Its connections, which may continue those of a part
/// before, are handed on when they are over, by several threads if there are several, and at the end those that are not;
/// with frames numbered from 1.
///
/// # Errors
/// If it cannot be read at all.
pub fn read_part(
    path: &Path,
    input: Option<Input>,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
    hand_on: &HandOn,
) -> Result<Part, AnalyzeError> {
    let options = Options { keep_all: true, ..options.clone() };
    let mut analysis = Analysis::new(options);
    analysis.lanes = Lane::of_part(&analysis.options, hand_on);
    let options = Arc::clone(&analysis.options);
    let input = input.map_or_else(|| open(path, &options), Ok)?;
    let input = read_input(&mut analysis, path, input, &options, progress)?;
    let sums = analysis.sums(|_| Folded::default());
    let unfinished = analysis.decoder.unfinished();
    let facts = PartFacts { capture: analysis.capture, frames: sums.frames, input, unfinished };
    let numbers = Numbers::of(analysis.lanes.iter().map(|lane| &lane.table));
    let end = facts.capture.last.at;
    let held = analysis.lanes.into_iter().flat_map(Lane::into_connections);
    held.for_each(|connection| hand_on(connection, end));
    Ok(Part { facts, numbers })
}

/// Parts of one capture point on their way to one outcome.
pub struct Join {
    analysis: Analysis,
    inputs: Vec<InputFacts>,
    /// Frames before each part.
    before: Vec<u64>,
    seams: Seams,
    /// Segments that only two parts together hold, by their flow, each with the place of the part that completed it.
    late: BTreeMap<FlowKey, Vec<(usize, Segment)>>,
}

impl Join {
    /// For these parts, which follow one another.
    ///
    /// # Errors
    /// If two of them hold the same stretch of time.
    pub fn new(parts: Vec<PartFacts>, options: Options) -> Result<Join, AnalyzeError> {
        let mut join = Join {
            seams: Seams::new(options.decode),
            late: BTreeMap::new(),
            analysis: Analysis::new(options),
            inputs: Vec::new(),
            before: Vec::new(),
        };
        for part in parts {
            let end_before = join.analysis.last().at;
            let before = join.analysis.frames();
            let input = InputFacts { first_frame: before + 1, ..part.input };
            join.analysis.add_part(&part.capture, &part.frames);
            join.add_unfinished(&part.unfinished, before);
            join.analysis.add_input(&input);
            join.analysis.add_context(&input.summary.comments);
            check_order(join.inputs.last(), end_before, &input)?;
            join.before.push(before);
            join.inputs.push(input);
        }
        Ok(join)
    }

    /// Adds all connections of one flow, each with its part's place.
    pub fn add_flow(&mut self, rows: impl IntoIterator<Item = (usize, Connection)>) {
        let mut parts: BTreeMap<usize, FlowPart> = BTreeMap::new();
        let mut key = None;
        for (part, mut connection) in rows {
            key = Some(connection.key);
            connection.shift_frames(self.before.get(part).copied().unwrap_or(0));
            parts.entry(part).or_default().connections.push(connection);
        }
        if let Some(key) = key {
            self.join(&key, parts);
        }
    }

    fn join(&mut self, key: &FlowKey, mut parts: BTreeMap<usize, FlowPart>) {
        for (part, segment) in self.late.remove(key).unwrap_or_default() {
            parts.entry(part).or_default().late.push(segment);
        }
        let mut parts: Vec<FlowPart> = parts.into_values().collect();
        parts.iter_mut().for_each(|part| part.connections.sort_by_key(|connection| connection.first.frame));
        let one_file = self.inputs.len() <= 1;
        let lane = &mut self.analysis.lanes[Lane::of(key)];
        for mut connection in lane.table.join_flow(key, &parts) {
            if !one_file {
                connection.stream = Connection::NO_STREAM;
            }
            lane.retire(connection);
        }
    }

    /// Completes what the next part continues, of whose frames so many come before it.
    fn add_unfinished(&mut self, unfinished: &[Unfinished], before: u64) {
        let part = self.before.len();
        let analysis = &mut self.analysis;
        for decoded in self.seams.add(unfinished, before, &mut analysis.of_parts.fragments) {
            analysis.skips.uncount(Skip::Fragment);
            match decoded {
                Decoded::Segment(key, segment) => {
                    analysis.of_parts.tcp += 1;
                    self.late.entry(key).or_default().push((part, segment));
                }
                // Errors are sent whole (RFC 1812 section 4.3.2.3): this quotes nothing that is known.
                Decoded::Quote(_) => analysis.skips.count(Skip::Icmp),
                Decoded::Skip(skip) => analysis.skips.count(skip),
            }
        }
    }

    /// Judges everything.
    pub fn finish(mut self) -> Outcome {
        while let Some(key) = self.late.keys().next().copied() {
            self.join(&key, BTreeMap::new());
        }
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
        self.capture.from_text |= capture.from_text;
        self.of_parts.tcp += frames.tcp;
        self.skips += frames.skips;
        self.of_parts.fragments += frames.fragments;
        self.of_parts.given_up += frames.given_up;
    }
}
