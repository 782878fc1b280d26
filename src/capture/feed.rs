//! Where the chunks of an input come from: read here and now, or by threads that run ahead. What a chunk holds does not
//! depend on that, so neither does anything that follows from it.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::pool::{Buffer, Pool};
use super::source::{Ending, Input};

/// A stretch of the (unfolded) input.
pub(super) struct Chunk {
    /// Octets from `room` to `end` are those of the chunk.
    pub buffer: Buffer,
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
    /// Octets in front of a chunk, for what the one before left.
    pub room: usize,
    /// Octets of a chunk at most.
    pub chunk: usize,
}

/// Takes chunks from an input, one read each.
pub(super) struct Intake {
    pub input: Input,
    pub meter: Arc<Meter>,
    pub is_compressed: bool,
}

impl Intake {
    fn next(&mut self, sizes: Sizes, pool: &Pool) -> Next {
        let mut buffer = pool.take(sizes.room + sizes.chunk);
        loop {
            let place = buffer.get_mut(sizes.room..sizes.room + sizes.chunk).unwrap_or_default();
            match self.input.read(place) {
                Ok(0) => return self.end(self.is_compressed.then_some(Ending::Whole)),
                Ok(n) => {
                    let end = sizes.room + n.min(sizes.chunk);
                    return Next::Chunk(Chunk { buffer, end, file_bytes: self.meter.bytes(), then: None });
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
    Beside(Beside),
}

impl Feed {
    pub fn next(&mut self, sizes: Sizes, pool: &Pool) -> Next {
        match self {
            Feed::Here(intake) => intake.next(sizes, pool),
            Feed::Beside(beside) => beside.next(),
        }
    }

    /// Lets threads run ahead from here on: several that take turns on a plain file, else one. It stays as it is if no
    /// thread can be had.
    pub fn run_ahead(self, plain: Option<File>, threads: usize, sizes: Sizes, pool: &Pool) -> Feed {
        let Feed::Here(intake) = self else { return self };
        let begin = intake.meter.bytes();
        match plain {
            #[cfg(unix)]
            Some(file) => Feed::Beside(Beside::strides(&Arc::new(file), begin, threads, sizes, pool)),
            _ => Feed::Beside(Beside::one(intake, sizes, pool)),
        }
    }
}

/// Chunks from threads that run ahead, each a few chunks at most. The threads end by themselves when nobody takes their
/// chunks any more; one that waits for a pipe ends with the process.
pub(super) struct Beside {
    lanes: Vec<Receiver<Next>>,
    turn: usize,
    /// The last chunk told what comes behind it.
    told: Option<Next>,
}

impl Beside {
    /// Chunks that wait to be taken, for each thread.
    const AHEAD: usize = 2;

    fn one(mut intake: Intake, sizes: Sizes, pool: &Pool) -> Beside {
        let (sender, receiver) = sync_channel(Beside::AHEAD);
        let pool = pool.clone();
        std::thread::spawn(move || {
            loop {
                let next = intake.next(sizes, &pool);
                let is_last = !matches!(next, Next::Chunk(_));
                if sender.send(next).is_err() || is_last {
                    return;
                }
            }
        });
        Beside { lanes: vec![receiver], turn: 0, told: None }
    }

    /// Copying from the page cache is most of the cost of full-size packets, so it is done on all cores.
    #[cfg(unix)]
    fn strides(file: &Arc<File>, begin: u64, threads: usize, sizes: Sizes, pool: &Pool) -> Beside {
        let threads = threads.max(1);
        let lanes = (0..threads as u64).map(|place| {
            let (sender, receiver) = sync_channel(Beside::AHEAD);
            let (file, pool) = (Arc::clone(file), pool.clone());
            let first = begin + place * sizes.chunk as u64;
            std::thread::spawn(move || stride(&file, first, threads as u64, sizes, &pool, &sender));
            receiver
        });
        Beside { lanes: lanes.collect(), turn: 0, told: None }
    }

    fn next(&mut self) -> Next {
        let told = self.told.take();
        let next = told.unwrap_or_else(|| self.lanes[self.turn].recv().unwrap_or(Next::End(End::default())));
        self.turn = (self.turn + 1) % self.lanes.len();
        match next {
            Next::Chunk(chunk) => {
                self.told = chunk.then.map(|then| *then);
                Next::Chunk(Chunk { then: None, ..chunk })
            }
            last => {
                self.told = Some(Next::End(End::default()));
                last
            }
        }
    }
}

/// Every `threads`-th chunk of a file. A chunk that is cut short is the last one, whatever is written meanwhile.
#[cfg(unix)]
fn stride(file: &File, first: u64, threads: u64, sizes: Sizes, pool: &Pool, sender: &SyncSender<Next>) {
    let mut at = first;
    loop {
        let next = chunk_at(file, at, sizes, pool);
        let is_last = !matches!(&next, Next::Chunk(chunk) if chunk.then.is_none());
        if sender.send(next).is_err() || is_last {
            return;
        }
        at += threads * sizes.chunk as u64;
    }
}

#[cfg(unix)]
fn chunk_at(file: &File, at: u64, sizes: Sizes, pool: &Pool) -> Next {
    use std::os::unix::fs::FileExt;

    let mut buffer = pool.take(sizes.room + sizes.chunk);
    let mut read = 0;
    let then = loop {
        let place = buffer.get_mut(sizes.room + read..sizes.room + sizes.chunk).unwrap_or_default();
        if place.is_empty() {
            break None;
        }
        match file.read_at(place, at + read as u64) {
            Ok(0) => break Some(Next::End(End::default())),
            Ok(n) => read += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Some(Next::Failed(error)),
        }
    };
    match then {
        Some(then) if read == 0 => then,
        then => Next::Chunk(Chunk {
            buffer,
            end: sizes.room + read,
            file_bytes: at + read as u64,
            then: then.map(Box::new),
        }),
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
