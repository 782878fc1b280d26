//! The bytes at hand of a file, a pipe or a compressed stream, taken chunk by chunk. It knows bytes and their offsets,
//! nothing of records.
//!
//! Read with `read(2)` rather than mapped: one road serves every kind of input, a file that shrinks meanwhile ends
//! instead of killing the process, and a sequential scan is no slower.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};

use super::ahead::{Ahead, From};
use super::compression::MAGIC_LEN;
use super::feed::{Chunk, Feed, Intake, Meter, Metered, Next, Shared, Sizes};
use super::pool::{Buffer, Pool};
use super::{CaptureError, Compression, Limits};

/// Compressions around each other that are unfolded.
const MAX_NESTED: usize = 2;
/// Unfolded octets from which on the ratio is looked at; small inputs of one repeated packet may be very dense.
const RATIO_FROM: u64 = 64 << 20;

/// Anything bytes can be read from.
pub(super) type Input = Box<dyn Read + Send>;

/// A buffered input.
pub(super) struct Source {
    feed: Feed,
    sizes: Sizes,
    pool: Pool,
    /// Bytes `start..end` of it are read and not consumed.
    buffer: Buffer,
    start: usize,
    end: usize,
    /// Offset of `start` in the unfolded input.
    offset: u64,
    /// Octets of the file itself, read up to `end`.
    file_bytes: u64,
    compression: Vec<Compression>,
    ending: Option<Ending>,
    max_decompressed: Option<u64>,
    max_ratio: Option<u64>,
}

/// How a compressed stream came to its end.
#[derive(Debug)]
pub(super) enum Ending {
    /// As it should.
    Whole,
    /// Its own end is missing.
    Cut,
    /// The decompressor gave up.
    Damaged(io::Error),
}

/// Why there are no more bytes although the input goes on.
#[derive(Debug)]
pub(super) enum Trouble {
    Read(io::Error),
    TooLarge(u64),
    TooDense(u64),
}

impl Trouble {
    /// With the place where it happened.
    pub fn at(self, frame: u64, byte: u64) -> CaptureError {
        match self {
            Trouble::Read(source) => CaptureError::Read { frame, byte, source },
            Trouble::TooLarge(limit) => CaptureError::TooLarge { frame, byte, limit },
            Trouble::TooDense(limit) => CaptureError::TooDense { frame, byte, limit },
        }
    }
}

impl Source {
    /// Unfolds `input` as far as it is compressed.
    pub fn open(input: Input, limits: &Limits) -> Result<Source, CaptureError> {
        let meter = Arc::new(Meter::default());
        let input = Box::new(Metered { input, meter: Arc::clone(&meter) });
        let chunk = limits.buffer.max(64);
        let mut source = Source {
            feed: Feed::Here(Intake { input, meter, is_compressed: false }),
            // Most records are cut by a chunk's end somewhere in their first 64 KiB.
            sizes: Sizes { room: chunk / 8, chunk },
            pool: Pool::default(),
            buffer: Buffer::default(),
            start: 0,
            end: 0,
            offset: 0,
            file_bytes: 0,
            compression: Vec::new(),
            ending: None,
            max_decompressed: limits.max_decompressed,
            max_ratio: limits.max_ratio,
        };
        loop {
            source.want_prefix()?;
            let Some(kind) = Compression::recognise(source.bytes()) else { return Ok(source) };
            if source.compression.len() == MAX_NESTED {
                return Ok(source);
            }
            source.unfold(kind)?;
        }
    }

    /// Lets so many threads read on. `plain` is the file once more if it is one that can be read at any place.
    pub fn share(&mut self, plain: Option<File>, threads: usize) -> Option<Arc<Ahead>> {
        let from = match (self.take_feed(), plain) {
            (Feed::Here(intake), Some(file)) if self.compression.is_empty() => {
                From::File(file, intake.meter.bytes())
            }
            (Feed::Here(intake), _) => From::Intake(Mutex::new(intake)),
            (other, _) => {
                self.feed = other;
                return None;
            }
        };
        let ahead = Arc::new(Ahead::new(from, threads, self.sizes, &self.pool));
        self.feed = Feed::Shared(Shared(Arc::clone(&ahead)));
        Some(ahead)
    }

    /// Goes on at that offset. `file` is the file that is read once more, and reads on where this does.
    /// `false`, and nothing changes, if it cannot be reached.
    pub fn skip_to(&mut self, mut file: &File, offset: u64) -> bool {
        let Feed::Here(intake) = &self.feed else { return false };
        if file.seek(SeekFrom::Start(offset)).is_err() {
            return false;
        }
        intake.meter.skip_to(offset);
        (self.start, self.end, self.offset, self.file_bytes) = (0, 0, offset, offset);
        true
    }

    fn take_feed(&mut self) -> Feed {
        let nothing = Intake { input: Box::new(io::empty()), meter: Arc::default(), is_compressed: false };
        std::mem::replace(&mut self.feed, Feed::Here(nothing))
    }

    /// The bytes at hand.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Gives the buffer away in which the bytes at hand lie, and their place in it; those at hand stay at hand.
    pub fn hand_over(&mut self) -> Buffer {
        let mut rest = self.pool.take(self.end - self.start);
        rest[..self.end - self.start].copy_from_slice(self.bytes());
        (self.start, self.end) = (0, self.end - self.start);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Where the bytes at hand begin in their buffer.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Moves on by that many bytes, at most those at hand.
    pub fn consume(&mut self, bytes: usize) {
        let bytes = bytes.min(self.end - self.start);
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Offset of the first byte at hand in the unfolded input.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Octets read of the file or pipe itself.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Compressions around the capture, outermost first.
    pub fn compression(&self) -> &[Compression] {
        &self.compression
    }

    /// How the compressed stream ended, once it has.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Takes the next chunk, whatever comes. `false`: there is no more, for now if it is a plain file that still grows.
    pub fn fill(&mut self) -> Result<bool, Trouble> {
        if self.ending.is_some() {
            return Ok(false);
        }
        match self.feed.next(self.sizes, &self.pool) {
            Next::Chunk(chunk) => {
                self.add(chunk);
                self.check_growth().map(|()| true)
            }
            Next::End(end) => {
                self.ending = end.ending;
                self.file_bytes = end.file_bytes.unwrap_or(self.file_bytes);
                Ok(false)
            }
            Next::Failed(error) => Err(Trouble::Read(error)),
        }
    }

    /// Reads until there are that many bytes; `false` if the input ends before.
    pub fn fill_to(&mut self, need: usize) -> Result<bool, Trouble> {
        while self.bytes().len() < need {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// As [`fill_to`](Self::fill_to), before any frame was read.
    pub fn want(&mut self, need: usize) -> Result<bool, CaptureError> {
        self.fill_to(need).map_err(|trouble| trouble.at(1, self.offset))
    }

    /// Reads until it is clear whether a compressed stream begins here.
    fn want_prefix(&mut self) -> Result<(), CaptureError> {
        while Compression::is_open(self.bytes()) {
            if !self.want(self.bytes().len() + 1)? {
                break;
            }
        }
        if self.bytes().is_empty()
            && let Some(&compression) = self.compression.last()
        {
            match self.ending.take() {
                Some(Ending::Damaged(source)) => return Err(CaptureError::Stream { compression, source }),
                Some(Ending::Cut) => return Err(CaptureError::StreamCut(compression)),
                ending => self.ending = ending,
            }
        }
        Ok(())
    }

    /// Puts a decompressor between the input and the buffer, and gives it what was read already.
    fn unfold(&mut self, kind: Compression) -> Result<(), CaptureError> {
        let prefix = Cursor::new(self.bytes().to_vec());
        if let Feed::Here(intake) = &mut self.feed {
            let input = std::mem::replace(&mut intake.input, Box::new(io::empty()));
            intake.input = kind
                .unfold(Box::new(prefix.chain(input)))
                .map_err(|source| CaptureError::Stream { compression: kind, source })?;
            intake.is_compressed = true;
        }
        self.compression.push(kind);
        (self.start, self.end, self.ending) = (0, 0, None);
        Ok(())
    }

    /// Puts a chunk behind the bytes at hand: these move in front of it where there is room for them, else it moves
    /// behind them, so that what is waited for over many chunks is not copied each time.
    fn add(&mut self, chunk: Chunk) {
        let Chunk { mut buffer, start, end, file_bytes, .. } = chunk;
        let kept = self.end - self.start;
        if kept <= start {
            buffer[start - kept..start].copy_from_slice(self.bytes());
            (self.start, self.end) = (start - kept, end);
            self.buffer = buffer;
        } else {
            let own = &mut *self.buffer;
            own.truncate(self.end);
            own.drain(..self.start);
            own.extend_from_slice(&buffer[start..end]);
            (self.start, self.end) = (0, own.len());
        }
        self.file_bytes = file_bytes;
    }

    fn check_growth(&self) -> Result<(), Trouble> {
        if self.compression.is_empty() {
            return Ok(());
        }
        let unfolded = self.offset + (self.end - self.start) as u64;
        if let Some(limit) = self.max_decompressed
            && unfolded > limit
        {
            return Err(Trouble::TooLarge(limit));
        }
        if let Some(limit) = self.max_ratio
            && unfolded > RATIO_FROM
            && unfolded / limit.max(1) > self.file_bytes()
        {
            return Err(Trouble::TooDense(limit));
        }
        Ok(())
    }
}

// Recognising compression never asks for more than the smallest buffer holds.
const _: () = assert!(MAGIC_LEN <= 64);
