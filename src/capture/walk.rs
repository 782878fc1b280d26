//! What a capture format has to provide: recognise itself, find records in a buffer, and judge whether one begins
//! here. It never reads input itself, so every format works the same on files, pipes and compressed streams.

use super::{CaptureError, Limits, Source, Summary};
use crate::wire::Timestamp;

/// A capture format, as listed in `FORMATS`.
pub(super) struct Format {
    /// Its name in messages.
    pub name: &'static str,
    /// Whether a capture that begins with these bytes is one of it. The flag says that there are no more bytes.
    pub recognise: fn(&[u8], at_end: bool) -> Recognised,
    /// Reads the file header, and returns what finds the records behind it.
    pub open: fn(&mut Source, &Limits, &mut Summary) -> Opened,
}

/// What finds the records, or why they cannot be read.
pub(super) type Opened = Result<Box<dyn Walk>, CaptureError>;

/// A format's opinion about the first bytes of an input.
pub(super) enum Recognised {
    Yes,
    No,
    /// Cannot be told before there are this many bytes.
    Needs(usize),
}

/// Where a packet stands in the buffer. Walks collect a batch of these, so that one call through a pointer serves
/// hundreds of records and the caller's part can be inlined.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub at: Timestamp,
    /// First captured octet, counted from the start of the walked bytes.
    pub start: u32,
    pub captured: u32,
    pub wire_len: u32,
    /// Index into [`Summary::interfaces`].
    pub interface: u32,
}

impl Frame {
    /// Frames in one batch: few enough that they and their headers stay in the first-level cache.
    pub const BATCH: usize = 256;

    const BLANK: Frame = Frame { at: Timestamp(0), start: 0, captured: 0, wire_len: 0, interface: 0 };
}

/// What one walk found: up to [`Frame::BATCH`] packets, in room that is made once, since a list that may grow asks at
/// every packet whether it has to.
pub(super) struct Found {
    frames: Box<[Frame; Frame::BATCH]>,
    count: usize,
}

impl Found {
    pub fn new() -> Found {
        Found { frames: Box::new([Frame::BLANK; Frame::BATCH]), count: 0 }
    }

    pub fn clear(&mut self) {
        self.count = 0;
    }

    pub fn is_full(&self) -> bool {
        self.count == Frame::BATCH
    }

    /// Adds one; there has to be room.
    #[inline(always)]
    pub fn push(&mut self, frame: Frame) {
        self.frames[self.count] = frame;
        self.count += 1;
    }

    /// The places that are free, for a loop that fills them and then says how many it [took](Found::took).
    #[inline(always)]
    pub fn room(&mut self) -> &mut [Frame] {
        &mut self.frames[self.count..]
    }

    #[inline(always)]
    pub fn took(&mut self, places: usize) {
        self.count = (self.count + places).min(Frame::BATCH);
    }
}

impl std::ops::Deref for Found {
    type Target = [Frame];

    fn deref(&self) -> &[Frame] {
        &self.frames[..self.count]
    }
}

/// How far a walk came.
pub(super) struct Walked {
    /// Octets that are done with; the rest begins with what stopped the walk.
    pub used: usize,
    pub stop: Stop,
}

/// Why a walk stopped.
pub(super) enum Stop {
    /// The batch is full.
    Full,
    /// What comes next is not complete; it takes this many octets, which are within the limits.
    Needs(usize),
    /// This many octets behind `used` are of no interest, and may reach beyond the buffer.
    Skip(u64),
    /// What comes next cannot be right.
    Damaged(super::DamageKind),
}

/// Whether an intact record seems to begin with some bytes.
pub(super) enum Probe {
    No,
    /// Yes: it takes `len` octets (never 0, and possibly more than there are).
    Yes {
        len: usize,
        at: Option<Timestamp>,
    },
}

/// Finds records in bytes.
pub(super) trait Walk: Send {
    /// Adds the records at the start of `bytes` to `found`, up to [`Frame::BATCH`].
    fn walk(&mut self, bytes: &[u8], summary: &mut Summary, found: &mut Found) -> Walked;

    /// Judges strictly whether a record begins here, near that time.
    fn probe(&self, bytes: &[u8], near: Option<Timestamp>) -> Probe;

    /// Called when the walk goes on behind a hole of this many octets.
    fn resumed(&mut self, _skipped: u64) {}
}
