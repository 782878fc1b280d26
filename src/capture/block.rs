//! Records with the bytes they lie in.

use super::pool::Buffer;
use super::{Frame, Interface, LinkType, Record};

/// Some records of a capture in order, with their bytes: nothing borrowed, so that another thread can look at them.
#[derive(Default)]
pub struct Block {
    bytes: Buffer,
    /// `start` counts from the begin of `bytes`.
    frames: Vec<Frame>,
    /// Link types of the interfaces these frames use; the first frame from which on, and the type.
    links: Vec<(usize, LinkType)>,
    frames_before: u64,
}

impl Block {
    /// One that begins behind so many frames.
    pub(super) fn new(frames_before: u64) -> Block {
        Block { frames_before, ..Block::default() }
    }

    /// Adds frames that were found in the bytes at `start`.
    pub(super) fn add(&mut self, found: &[Frame], start: usize, interfaces: &[Interface]) {
        for run in found.chunk_by(|one, next| one.interface == next.interface) {
            // Frames of an interface that was not described are none.
            let Some(interface) = interfaces.get(run[0].interface as usize) else { continue };
            if self.links.last().is_none_or(|&(_, link)| link != interface.link) {
                self.links.push((self.frames.len(), interface.link));
            }
            self.frames.extend(run.iter().map(|frame| Frame { start: frame.start + start as u32, ..*frame }));
        }
    }

    pub(super) fn take_bytes(&mut self, bytes: Buffer) {
        self.bytes = bytes;
    }

    /// Whether there is no record in it.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// The records, numbered as [`Reader::next_batch`](super::Reader::next_batch) numbers them.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let ends = self.links.iter().skip(1).map(|&(first, _)| first).chain([self.frames.len()]);
        self.links
            .iter()
            .zip(ends)
            .flat_map(move |(&(first, link), end)| (first..end).map(move |at| self.record(at, link)))
    }

    #[inline]
    fn record(&self, at: usize, link: LinkType) -> Record<'_> {
        let frame = &self.frames[at];
        let start = frame.start as usize;
        Record {
            frame: self.frames_before + at as u64 + 1,
            at: frame.at,
            link,
            interface: frame.interface,
            wire_len: frame.wire_len,
            data: self.bytes.get(start..start + frame.captured as usize).unwrap_or_default(),
        }
    }
}
