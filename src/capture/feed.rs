//! Where the chunks of an input come from: read here and now, or by all that work on them ([`super::ahead`]). What a chunk
//! holds does not depend on that, so neither does anything that follows from it.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::ahead::Ahead;
use super::pool::{Buffer, Pool};
use super::source::{Ending, Input};

/// A stretch of the (unfolded) input.
pub(super) struct Chunk {
    /// Octets from `start` to `end` are those of the chunk.
    pub buffer: Buffer,
    pub start: usize,
    pub end: usize,
    /// Octets of the file itself that were read up to its end.
    pub file_bytes: u64,
    /// Known already: what comes behind it.
    pub then: Option<Box<Next>>,
}

/// What comes next.
pub(super) enum Next {
    Chunk(Chunk),
    /// The end, for now if it is a plain file that still grows.
    End(End),
    Failed(io::Error),
}

/// How an input ended.
#[derive(Default)]
pub(super) struct End {
    /// How a compressed stream did.
    pub ending: Option<Ending>,
    /// Octets of the file itself that were read, if there were more behind the last chunk.
    pub file_bytes: Option<u64>,
}

/// How large chunks are.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Octets in front of a chunk at least, for what the one before left.
    pub room: usize,
    /// Octets of a chunk at most.
    pub chunk: usize,
}

impl Sizes {
    /// Chunks begin where a page does. Elsewhere the system takes longer to copy them there, up to twice as long: the walk in
    /// `benches/analyze.rs` takes up to half as long again where `to_page` below is left out.
    const PAGE: usize = 4096;

    /// A buffer for a chunk, and where in it the chunk begins.
    pub fn buffer(self, pool: &Pool) -> (Buffer, usize) {
        let buffer = pool.take(self.room + Sizes::PAGE + self.chunk);
        let to_page = buffer[self.room..].as_ptr().align_offset(Sizes::PAGE);
        (buffer, self.room + to_page % Sizes::PAGE)
    }
}

/// Takes chunks from an input, one read each.
pub(super) struct Intake {
    pub input: Input,
    pub meter: Arc<Meter>,
    pub is_compressed: bool,
}

impl Intake {
    pub fn next(&mut self, sizes: Sizes, pool: &Pool) -> Next {
        let (mut buffer, start) = sizes.buffer(pool);
        loop {
            let place = buffer.get_mut(start..start + sizes.chunk).unwrap_or_default();
            match self.input.read(place) {
                Ok(0) => return self.end(self.is_compressed.then_some(Ending::Whole)),
                Ok(n) => {
                    let end = start + n.min(sizes.chunk);
                    return Next::Chunk(Chunk {
                        buffer,
                        start,
                        end,
                        file_bytes: self.meter.bytes(),
                        then: None,
                    });
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A decompressor's complaint and one of the system below it look alike; the meter saw which.
                Err(error) if !self.is_compressed || self.meter.has_failed() => return Next::Failed(error),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return self.end(Some(Ending::Cut));
                }
                Err(error) => return self.end(Some(Ending::Damaged(error))),
            }
        }
    }
}

impl Intake {
    fn end(&self, ending: Option<Ending>) -> Next {
        Next::End(End { ending, file_bytes: Some(self.meter.bytes()) })
    }
}

/// The source of chunks.
pub(super) enum Feed {
    Here(Intake),
    Shared(Shared),
}

impl Feed {
    pub fn next(&mut self, sizes: Sizes, pool: &Pool) -> Next {
        match self {
            Feed::Here(intake) => intake.next(sizes, pool),
            Feed::Shared(Shared(ahead)) => ahead.next(),
        }
    }
}

/// What the one who takes the chunks holds: without him, nobody fetches any.
pub(super) struct Shared(pub Arc<Ahead>);

impl Drop for Shared {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What the lowest reader tells, past any decompressors.
#[derive(Default)]
pub(super) struct Meter {
    bytes: AtomicU64,
    failed: AtomicBool,
}

impl Meter {
    /// Octets read.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Goes on behind so many octets.
    pub fn skip_to(&self, bytes: u64) {
        self.bytes.store(bytes, Relaxed);
    }

    /// Whether reading failed since the last time somebody asked.
    fn has_failed(&self) -> bool {
        self.failed.swap(false, Relaxed)
    }
}

/// An input with its meter.
pub(super) struct Metered {
    pub input: Input,
    pub meter: Arc<Meter>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.input.read(buffer);
        match &result {
            Ok(n) => _ = self.meter.bytes.fetch_add(*n as u64, Relaxed),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.meter.failed.store(true, Relaxed),
        }
        result
    }
}
