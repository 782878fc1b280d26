//! A plain file that several threads read: whoever has nothing better to do fetches the next chunk, and whoever wants one
//! that nobody has fetched does so himself. Copying from the page cache is most of the cost of full-size packets.
//!
//! Threads of their own that only read would have to be woken for every chunk, which took a tenth of the processors' time
//! with packets of 100 octets.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::feed::{Chunk, End, Next, Sizes};
use super::pool::Pool;

/// The chunks of a file from some place on, by number.
pub struct Ahead {
    file: File,
    begin: u64,
    sizes: Sizes,
    pool: Pool,
    /// Chunks that may be fetched before the first of them is taken.
    most: u64,
    state: Mutex<State>,
    /// Told when a chunk was fetched.
    news: Condvar,
}

#[derive(Default)]
struct State {
    /// Chunks that somebody fetches or has fetched.
    begun: u64,
    taken: u64,
    fetched: BTreeMap<u64, Next>,
    /// There is no chunk behind those.
    ended: bool,
    /// The last chunk told what comes behind it.
    told: Option<Next>,
}

impl Ahead {
    pub(super) fn new(file: File, begin: u64, threads: usize, sizes: Sizes, pool: &Pool) -> Ahead {
        let most = 2 * threads as u64;
        let (state, news, pool) = (Mutex::default(), Condvar::new(), pool.clone());
        Ahead { file, begin, sizes, pool, most, state, news }
    }

    /// Whether there may be a chunk to fetch, and room for it.
    pub fn has_room(&self) -> bool {
        self.state().has_room(self.most)
    }

    /// Fetches a chunk that nobody has begun to, if there is room.
    pub fn fetch(&self) {
        let mut state = self.state();
        if !state.has_room(self.most) {
            return;
        }
        let number = state.begin();
        drop(state);
        let next = self.read(number);
        state = self.state();
        state.ended |= is_last(&next);
        state.fetched.insert(number, next);
        self.news.notify_one();
    }

    /// The next one in order.
    pub(super) fn next(&self) -> Next {
        let mut state = self.state();
        if let Some(told) = state.told.take() {
            return told;
        }
        let number = state.taken;
        let next = loop {
            if let Some(next) = state.fetched.remove(&number) {
                break next;
            }
            if state.begun == number {
                state.begin();
                drop(state);
                let next = self.read(number);
                state = self.state();
                break next;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.taken += 1;
        state.ended |= is_last(&next);
        match next {
            Next::Chunk(mut chunk) => {
                state.told = chunk.then.take().map(|then| *then);
                Next::Chunk(chunk)
            }
            last => {
                state.told = Some(Next::End(End::default()));
                last
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A chunk that is cut short is the last one, whatever is written meanwhile.
    fn read(&self, number: u64) -> Next {
        let at = self.begin + number * self.sizes.chunk as u64;
        let (mut buffer, start) = self.sizes.buffer(&self.pool);
        let mut read = 0;
        let then = loop {
            let place = buffer.get_mut(start + read..start + self.sizes.chunk).unwrap_or_default();
            if place.is_empty() {
                break None;
            }
            match read_at(&self.file, place, at + read as u64) {
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
                start,
                end: start + read,
                file_bytes: at + read as u64,
                then: then.map(Box::new),
            }),
        }
    }
}

impl State {
    fn has_room(&self, most: u64) -> bool {
        !self.ended && self.begun - self.taken < most
    }

    fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.begun - 1
    }
}

fn is_last(next: &Next) -> bool {
    !matches!(next, Next::Chunk(chunk) if chunk.then.is_none())
}

#[cfg(unix)]
fn read_at(file: &File, place: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, place, at)
}

#[cfg(windows)]
fn read_at(file: &File, place: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, place, at)
}
