//! What was read: the files, and every frame in them accounted for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Length, Report, Time, UnreadLine};

/// One capture file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// As given on the command line; `-` is standard input.
    pub path: String,
    /// `pcap`, `pcapng`, `snoop`, ...
    pub format: String,
    /// `gzip`, `zstd`, ... if it was compressed.
    pub compression: Option<String>,
    /// Octets read from the file.
    pub bytes: u64,
    /// BLAKE3 of the file, if asked for.
    pub hash: Option<String>,
    /// Frames read.
    pub frames: u64,
    /// The number of its first frame, counted through all inputs.
    pub first_frame: u64,
    /// Time of its first frame.
    pub first: Option<Time>,
    /// Time of its last frame.
    pub last: Option<Time>,
    /// Link types by name.
    pub link_types: Vec<String>,
    /// The snap length, if the file says so and it cuts.
    pub snap_length: Option<u32>,
    /// Packets the capture program says it lost.
    pub drops: Option<u64>,
    /// What was wrong with it: `frame N at byte B: what`.
    pub problems: Vec<String>,
    /// What is worth knowing but not wrong: a last record cut off, ...
    pub notes: Vec<String>,
    /// The lines, if it is a capture as text; null for packets. Its frames are lines.
    pub text: Option<TextInput>,
}

impl Input {
    /// What its frames are.
    pub(crate) fn frame_word(&self) -> &'static str {
        if self.text.is_some() { "line" } else { "frame" }
    }
}

impl Report {
    /// What frames are: lines if nothing but text was read.
    pub(crate) fn frame_word(&self) -> &'static str {
        let text = !self.inputs.is_empty() && self.inputs.iter().all(|input| input.text.is_some());
        if text { "line" } else { "frame" }
    }
}

/// A capture as text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TextInput {
    /// The programs that print such lines: `tcpdump`, `tshark`, `snoop`.
    pub tools: Vec<String>,
    /// What its times are: `instants`, `no zone`, `no date` (counted from 1970-01-01), `elapsed` (from the first packet on), `none`.
    pub times: String,
    /// Packets whose lines could not be read; counted in `drops`, too.
    pub lost: u64,
    /// The first lines that could not be read.
    pub unread_lines: Vec<UnreadLine>,
}

/// The capture as a whole, and every frame accounted for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// Frames read.
    pub frames: u64,
    /// Frames that became TCP segments.
    pub tcp: u64,
    /// Frames that did not, by reason, most first.
    pub skipped: Vec<Skipped>,
    /// Time of the first frame.
    pub first: Option<Time>,
    /// Time of the last frame.
    pub last: Option<Time>,
    /// From the first to the last.
    pub duration: Option<Length>,
    /// Packets the capture program says it lost; null if no file says.
    pub drops: Option<u64>,
    /// Frames captured twice.
    pub captured_twice: u64,
    /// Connections of which only one direction was captured.
    pub one_direction: u64,
    /// The largest step back in time between two frames.
    pub largest_step_back: Option<Length>,
}

/// Frames that were not analysed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Why: `UDP`, `cut before the ports`, ...
    pub reason: String,
    /// How many.
    pub frames: u64,
}
