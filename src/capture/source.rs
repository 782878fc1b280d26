//! One large buffer over a file, a pipe or a compressed stream. It knows bytes and their offsets, nothing of records.
//!
//! Read with `read(2)` rather than mapped: one road serves every kind of input, a file that shrinks meanwhile ends
//! instead of killing the process, and a sequential scan is no slower.

use std::io::{self, Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::compression::MAGIC_LEN;
use super::{CaptureError, Compression, Limits};

/// Compressions around each other that are unfolded.
const MAX_NESTED: usize = 2;
/// Unfolded octets from which on the ratio is looked at; small inputs of one repeated packet may be very dense.
const RATIO_FROM: u64 = 64 << 20;

/// Anything bytes can be read from.
pub(super) type Input = Box<dyn Read + Send>;

/// A buffered input.
pub(super) struct Source {
    input: Input,
    /// Bytes `start..end` of it are read and not consumed.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `start` in the unfolded input.
    offset: u64,
    meter: Arc<Meter>,
    compression: Vec<Compression>,
    ending: Option<Ending>,
    max_decompressed: Option<u64>,
    max_ratio: Option<u64>,
}

/// What the lowest reader tells, past any decompressors.
#[derive(Default)]
struct Meter {
    bytes: AtomicU64,
    failed: AtomicBool,
}

struct Metered<R> {
    input: R,
    meter: Arc<Meter>,
}

impl<R: Read> Read for Metered<R> {
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
        let mut source = Source {
            input: Box::new(Metered { input, meter: Arc::clone(&meter) }),
            buffer: vec![0; limits.buffer.max(64)],
            start: 0,
            end: 0,
            offset: 0,
            meter,
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

    /// The bytes at hand.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
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
        self.meter.bytes.load(Relaxed)
    }

    /// Compressions around the capture, outermost first.
    pub fn compression(&self) -> &[Compression] {
        &self.compression
    }

    /// How the compressed stream ended, once it has.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Reads once, whatever comes, after making room for `need` bytes in a row. `false`: there is no more, for now
    /// if it is a plain file that still grows.
    pub fn fill(&mut self, need: usize) -> Result<bool, Trouble> {
        if self.ending.is_some() {
            return Ok(false);
        }
        self.make_room(need);
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(room) {
                Ok(0) => {
                    if !self.compression.is_empty() {
                        self.ending = Some(Ending::Whole);
                    }
                    return Ok(false);
                }
                Ok(n) => {
                    self.end += n.min(room.len());
                    return self.check_growth().map(|()| true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    // A decompressor's complaint and one of the system below it look alike; the meter saw which.
                    if self.compression.is_empty() || self.meter.failed.swap(false, Relaxed) {
                        return Err(Trouble::Read(error));
                    }
                    self.ending = Some(match error.kind() {
                        ErrorKind::UnexpectedEof => Ending::Cut,
                        _ => Ending::Damaged(error),
                    });
                    return Ok(false);
                }
            }
        }
    }

    /// Reads until there are that many bytes; `false` if the input ends before.
    pub fn fill_to(&mut self, need: usize) -> Result<bool, Trouble> {
        while self.bytes().len() < need {
            if !self.fill(need)? {
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
        let input = std::mem::replace(&mut self.input, Box::new(io::empty()));
        self.input = kind
            .unfold(Box::new(prefix.chain(input)))
            .map_err(|source| CaptureError::Stream { compression: kind, source })?;
        self.compression.push(kind);
        (self.start, self.end, self.ending) = (0, 0, None);
        Ok(())
    }

    /// Moves what is at hand to the front if that makes useful room, and grows if `need` bytes do not fit at all.
    fn make_room(&mut self, need: usize) {
        let kept = self.end - self.start;
        if self.start > 0 && (self.end == self.buffer.len() || kept <= self.start) {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, kept);
        }
        // One octet more than what is there already, so that a read can always tell the end.
        let need = need.max(kept + 1);
        if self.start + need > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, kept);
            if need > self.buffer.len() {
                self.buffer.resize(need, 0);
            }
        }
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
