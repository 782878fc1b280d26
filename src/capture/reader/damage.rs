//! What is not a record: damage and what lies behind it, stretches of no interest, the end.

use super::{Progress, Reader};
use crate::capture::recover::{resync, window};
use crate::capture::source::Ending;
use crate::capture::{CaptureError, Compression, Cut, Damage, DamageKind};

/// A place from where on records are looked for.
#[derive(Clone)]
pub(super) struct Hole {
    pub frame: u64,
    pub at_byte: u64,
    pub what: DamageKind,
    /// Offset in the buffer of the first place that may be tried.
    pub from: usize,
}

impl Reader {
    /// Leaves out so many octets, which may reach beyond what is at hand.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<Progress, CaptureError> {
        let begin = self.source.offset();
        loop {
            let left = bytes - (self.source.offset() - begin);
            self.source.consume(usize::try_from(left).unwrap_or(usize::MAX));
            if self.source.offset() - begin == bytes {
                return Ok(Progress::More);
            }
            if !self.fill()? {
                self.over = true;
                self.summary.tail = Some(Cut {
                    frame: self.summary.frames + 1,
                    at_byte: begin,
                    have: self.source.offset() - begin,
                    needed: bytes,
                    stream: self.cut_stream(),
                });
                return Ok(Progress::End);
            }
        }
    }

    /// Notes how the capture ends: between records, inside one, or with its compressed stream.
    pub(super) fn finish(&mut self, needed: u64) {
        let have = self.source.bytes().len() as u64;
        let (frame, at_byte) = (self.summary.frames + 1, self.source.offset());
        if let Some(Ending::Damaged(error)) = self.source.ending() {
            if let (false, Some(&compression)) = (self.over, self.source.compression().last()) {
                let what = DamageKind::Stream { compression, message: error.to_string() };
                let before = self.last_at;
                self.summary.add_damage(Damage {
                    frame,
                    at_byte,
                    skipped: have,
                    what,
                    resumed: false,
                    before,
                    behind: None,
                });
            }
            self.over = true;
        } else if self.summary.tail.is_none() {
            let stream = self.cut_stream();
            if have > 0 || stream.is_some() {
                self.summary.tail = Some(Cut { frame, at_byte, have, needed, stream });
            }
        }
    }

    fn cut_stream(&self) -> Option<Compression> {
        match self.source.ending() {
            Some(Ending::Cut) => self.source.compression().last().copied(),
            _ => None,
        }
    }

    /// Searches behind damage for a place to go on; without one, everything up to the end is the hole. The hole is
    /// kept until it is closed, so that a temporary error in the middle loses nothing.
    pub(super) fn recover(&mut self, hole: Hole) -> Result<(), CaptureError> {
        let &mut Hole { frame, at_byte, mut from, .. } = self.hole.insert(hole);
        let window = window(&self.limits);
        let resumed = loop {
            // Twice the window, so that each octet is moved and looked at about once.
            let more =
                self.source.fill_to(2 * window).map_err(|trouble| trouble.at(frame, self.source.offset()))?;
            let bytes = self.source.bytes();
            let found = resync(&*self.walk, bytes, from, self.last_at, !more, &self.limits);
            let seen = if more { bytes.len() - window } else { bytes.len() };
            self.source.consume(found.unwrap_or(seen));
            if found.is_some() || !more {
                break found.is_some();
            }
            from = 0;
            self.hole.iter_mut().for_each(|hole| hole.from = 0);
        };
        let skipped = self.source.offset() - at_byte;
        if let Some(hole) = self.hole.take() {
            let before = self.last_at;
            self.summary.add_damage(Damage {
                frame,
                at_byte,
                skipped,
                what: hole.what,
                resumed,
                before,
                behind: None,
            });
            self.behind_hole = resumed;
        }
        self.walk.resumed(skipped);
        self.over |= !resumed;
        Ok(())
    }
}
