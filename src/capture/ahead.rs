//! An input that several threads read: whoever has nothing better to do fetches the next chunk, and whoever wants one that
//! nobody has fetched does so himself. Copying from the page cache is most of the cost of full-size packets, and unfolding
//! costs as much as all the rest.
//!
//! Threads of their own that only read would have to be woken for every chunk, and one that unfolds would have no processor
//! to itself where there are as many as analyse.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::feed::{Chunk, End, Intake, Next, Sizes};
use super::pool::Pool;

/// The chunks of an input from some place on, by number.
pub struct Ahead {
    from: From,
    sizes: Sizes,
    pool: Pool,
    /// Chunks that may be fetched before the first of them is taken.
    most: u64,
    state: Mutex<State>,
    /// Told when a chunk was fetched or taken.
    news: Condvar,
}

/// Where chunks come from.
pub(super) enum From {
    /// A plain file, from that offset on: any number of threads at once.
    File(File, u64),
    /// Anything else: one thread at a time, in order.
    Intake(Mutex<Intake>),
}

#[derive(Default)]
struct State {
    /// Chunks that somebody fetches or has fetched.
    begun: u64,
    /// Of these, those that are there.
    done: u64,
    taken: u64,
    fetched: BTreeMap<u64, Next>,
    /// There is no chunk behind those.
    ended: bool,
    /// The last chunk told what comes behind it.
    told: Option<Next>,
}

impl Ahead {
    pub(super) fn new(from: From, threads: usize, sizes: Sizes, pool: &Pool) -> Ahead {
        let most = 2 * threads as u64;
        let (state, news, pool) = (Mutex::default(), Condvar::new(), pool.clone());
        Ahead { from, sizes, pool, most, state, news }
    }

    /// Whether there may be a chunk to fetch, and room for it.
    pub fn has_room(&self) -> bool {
        self.may_fetch(&self.state())
    }

    /// Whether only one thread at a time can fetch, as of a compressed input: whatever waits for chunks then waits for that
    /// thread, so that it should never be without one.
    pub fn is_serial(&self) -> bool {
        matches!(self.from, From::Intake(_))
    }

    /// Whether the next chunk is there, or can be fetched at once.
    pub fn is_ready(&self) -> bool {
        let state = self.state();
        state.told.is_some() || state.fetched.contains_key(&state.taken) || state.begun == state.taken
    }

    fn may_fetch(&self, state: &State) -> bool {
        let is_free = !self.is_serial() || state.begun == state.done;
        !state.ended && is_free && state.begun - state.taken < self.most
    }

    /// Fetches a chunk that nobody has begun to, if there is room.
    pub fn fetch(&self) {
        let state = self.state();
        if self.may_fetch(&state) {
            let number = state.begun;
            let (mut state, next) = self.read(state);
            state.fetched.insert(number, next);
            self.news.notify_all();
        }
    }

    /// Fetches chunks whenever there is room, until there are no more or nobody wants them; for a thread that has no other
    /// work.
    pub(super) fn fetch_all(&self) {
        loop {
            let full = |state: &mut State| !state.ended && !self.may_fetch(state);
            let waited = self.news.wait_while(self.state(), full);
            if waited.unwrap_or_else(PoisonError::into_inner).ended {
                return;
            }
            self.fetch();
        }
    }

    /// Nobody takes any more.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.news.notify_all();
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
                let (after, next) = self.read(state);
                state = after;
                break next;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.taken += 1;
        self.news.notify_all();
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

    /// Reads the first chunk that nobody has begun to.
    fn read<'s>(&'s self, mut state: MutexGuard<'s, State>) -> (MutexGuard<'s, State>, Next) {
        let number = state.begun;
        state.begun += 1;
        drop(state);
        let next = match &self.from {
            From::File(file, begin) => self.read_at(file, begin + number * self.sizes.chunk as u64),
            From::Intake(intake) => {
                intake.lock().unwrap_or_else(PoisonError::into_inner).next(self.sizes, &self.pool)
            }
        };
        state = self.state();
        state.done += 1;
        state.ended |= !matches!(&next, Next::Chunk(chunk) if chunk.then.is_none());
        (state, next)
    }

    /// A chunk that is cut short is the last one, whatever is written meanwhile.
    fn read_at(&self, file: &File, at: u64) -> Next {
        let (mut buffer, start) = self.sizes.buffer(&self.pool);
        let mut read = 0;
        let then = loop {
            let place = buffer.get_mut(start + read..start + self.sizes.chunk).unwrap_or_default();
            if place.is_empty() {
                break None;
            }
            match read_at(file, place, at + read as u64) {
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

#[cfg(unix)]
fn read_at(file: &File, place: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, place, at)
}

#[cfg(windows)]
fn read_at(file: &File, place: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, place, at)
}
