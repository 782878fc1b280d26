//! One capture on several threads, with the same result as on one.
//!
//! The work on a block of records has three steps: reading it (one thread at a time, in order; whoever has nothing else
//! to do fetches octets ahead), decoding it (by the same thread, each record for itself, while others read on), and noting
//! its segments in the lanes (one thread at a time for each lane, in order). Between the last two stands a gate that blocks
//! pass in order; whatever needs the records before, which is only IP fragments, is decoded there. Threads are not bound to
//! a step: each takes what waits for longest, and before that what only one thread at a time can unfold.
//!
//! Exact by construction: a lane sees what it would see on one thread. Cutting the file instead and joining the parts
//! ([`crate::tcp::Table::then`]) would need no gate, but counts of repetitions at the seams would be *about* right.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::lane::Lane;
use super::shares::{Gate, Share, Shares};
use super::{Analysis, Options};
use crate::capture::{Ahead, Block, CaptureError, Reader};
use crate::decode::Decoder;

/// Reads a capture to its end, or to where it stops, with as many threads as the options say; the caller is one of them.
/// `progress` is called by the caller's thread: octets read of the capture, frames read of all.
///
/// # Errors
/// What stopped the reading; everything before it is noted.
pub(super) fn drive(
    reader: &mut Reader,
    analysis: &mut Analysis,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), CaptureError> {
    analysis.share_out();
    let ahead = reader.share_reading(analysis.options.threads);
    let Analysis { options, decoder, lanes, skips, capture, frames_before, .. } = analysis;
    let shop = Shop {
        state: Mutex::new(State {
            reader: Some(reader),
            gate: Some(Gate { decoder, skips, capture }),
            seats: lanes.iter_mut().map(|lane| Seat { lane: Some(lane), waiting: VecDeque::new() }).collect(),
            most: 2 * options.threads + State::EAGER,
            ahead,
            ..State::default()
        }),
        news: Condvar::new(),
        frames_before: *frames_before,
        options,
    };
    std::thread::scope(|scope| {
        for _ in 1..shop.options.threads {
            scope.spawn(|| shop.work(&mut |_, _| {}));
        }
        shop.work(progress);
    });
    let state = shop.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.stopped.map_or(Ok(()), Err)
}

/// So many of these threads are worth having for that many connections: few are done with sooner than threads are at hand.
pub(super) fn worth(threads: usize, connections: u64) -> usize {
    if connections < 1_024 { 1 } else { threads }
}

/// Does the work on each of these, on so many threads of which the caller is one. Results come in the order of the tasks.
pub(super) fn each<T: Send, R: Send>(threads: usize, tasks: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let most = threads.min(tasks.len());
    if most < 2 {
        return tasks.into_iter().map(work).collect();
    }
    let (tasks, done) = (Mutex::new(tasks.into_iter().enumerate()), Mutex::new(Vec::new()));
    let next = || locked(&tasks).next();
    let work = || {
        while let Some((place, task)) = next() {
            let result = work(task);
            locked(&done).push((place, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..most {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where threads meet.
struct Shop<'a> {
    state: Mutex<State<'a>>,
    /// Told when there may be something to do.
    news: Condvar,
    /// Frames of the inputs before.
    frames_before: u64,
    options: &'a Options,
}

/// What waits for whom. Whoever works on something has taken it out.
#[derive(Default)]
struct State<'a> {
    reader: Option<&'a mut Reader>,
    /// Whoever has nothing else to do may fetch for the reader.
    ahead: Option<Arc<Ahead>>,
    all_read: bool,
    /// Why nothing more is read, if that is not the end.
    stopped: Option<CaptureError>,
    /// Octets and frames read.
    progress: (u64, u64),
    /// Blocks read.
    read: u64,
    /// Decoded, by number.
    decoded: BTreeMap<u64, Box<Shares>>,
    gate: Option<Gate<'a>>,
    /// Blocks that passed the gate.
    passed: u64,
    seats: Vec<Seat<'a>>,
    /// Empty shares, to be used again.
    spare: Vec<Share>,
    /// Blocks on their way at most.
    most: usize,
    /// A thread failed: nobody goes on.
    abandoned: bool,
}

/// A lane, and what it has to take.
struct Seat<'a> {
    lane: Option<&'a mut Lane>,
    waiting: VecDeque<Share>,
}

/// Something to do.
enum Task<'a> {
    /// Also to be decoded, into these shares.
    Read(&'a mut Reader, Vec<Share>),
    /// Something for the reader, who is busy.
    Fetch(Arc<Ahead>),
    Pass(Gate<'a>, Box<Shares>),
    Note {
        place: usize,
        lane: &'a mut Lane,
        shares: VecDeque<Share>,
    },
}

impl<'a> Shop<'a> {
    fn work(&self, progress: &mut dyn FnMut(u64, u64)) {
        let _guard = Guard(self);
        let mut decoder = Decoder::without_fragments(self.options.decode);
        while let Some(task) = self.next() {
            match task {
                Task::Read(reader, spare) => {
                    let read = reader.next_block();
                    let is_last = self.options.interrupt.is_raised();
                    let to_decode = self.state().put_read(reader, read, is_last);
                    // The next one can be read meanwhile; this one is in this thread's cache.
                    self.news.notify_one();
                    if let Some((number, block)) = to_decode {
                        let shares = Shares::of(block, self.frames_before, &mut decoder, spare);
                        self.state().decoded.insert(number, Box::new(shares));
                    }
                }
                Task::Fetch(ahead) => ahead.fetch(),
                Task::Pass(mut gate, shares) => {
                    let of_lanes = gate.pass(*shares);
                    self.state().put_passed(gate, of_lanes);
                }
                Task::Note { place, lane, mut shares } => {
                    shares.iter_mut().for_each(|share| lane.take(share));
                    self.state().put_noted(place, lane, shares);
                }
            }
            self.news.notify_all();
            let (octets, frames) = self.state().progress;
            progress(octets, self.frames_before + frames);
        }
    }

    /// Waits for something to do; none: everything is done.
    fn next(&self) -> Option<Task<'a>> {
        let mut state = self.state();
        loop {
            if let Some(task) = state.next() {
                return Some(task);
            }
            if state.abandoned || state.is_done() {
                self.news.notify_all();
                return None;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        locked(&self.state)
    }
}

/// Sends the others home if one thread fails.
struct Guard<'s, 'a>(&'s Shop<'a>);

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().abandoned = true;
            self.0.news.notify_all();
        }
    }
}

impl<'a> State<'a> {
    /// A lane that has so many shares to take is served before anything else: fewer, and its table is fetched into the
    /// cache for little; more, and memory is spent.
    const EAGER: usize = 4;

    fn next(&mut self) -> Option<Task<'a>> {
        if self.abandoned {
            return None;
        }
        if let Some(gate) = self.gate.take() {
            match self.decoded.remove(&self.passed) {
                Some(shares) => return Some(Task::Pass(gate, shares)),
                None => self.gate = Some(gate),
            }
        }
        // What one thread at a time unfolds is what all others wait for in the end.
        let serial = self.ahead.as_ref().is_some_and(|ahead| ahead.is_serial());
        self.fetch(serial)
            .or_else(|| self.next_lane(State::EAGER))
            .or_else(|| self.read(false))
            .or_else(|| self.next_lane(1))
            .or_else(|| self.read(true))
            .or_else(|| self.fetch(!serial))
    }

    fn fetch(&self, may: bool) -> Option<Task<'a>> {
        let ahead = self.ahead.as_ref().filter(|ahead| may && !self.all_read && ahead.has_room())?;
        Some(Task::Fetch(Arc::clone(ahead)))
    }

    /// Reads on, if nobody does and not too much is on its way; if need be, `wait`s for a chunk that somebody fetches.
    fn read(&mut self, wait: bool) -> Option<Task<'a>> {
        let is_ready = wait || self.ahead.as_ref().is_none_or(|ahead| ahead.is_ready());
        if self.all_read || self.on_their_way() >= self.most || !is_ready {
            return None;
        }
        let reader = self.reader.take()?;
        let spare = self.spare.split_off(self.spare.len().saturating_sub(Lane::ALL));
        Some(Task::Read(reader, spare))
    }

    /// The lane with most to take, if nobody is there and it has at least so many shares.
    fn next_lane(&mut self, least: usize) -> Option<Task<'a>> {
        let free = self.seats.iter_mut().enumerate().filter(|(_, seat)| seat.lane.is_some());
        let (place, seat) = free.max_by_key(|(_, seat)| seat.waiting.len())?;
        if seat.waiting.len() < least {
            return None;
        }
        let shares = std::mem::take(&mut seat.waiting);
        seat.lane.take().map(|lane| Task::Note { place, lane, shares })
    }

    fn on_their_way(&self) -> usize {
        let waiting = self.seats.iter().map(|seat| seat.waiting.len()).max().unwrap_or(0);
        (self.read - self.passed) as usize + waiting
    }

    fn is_done(&self) -> bool {
        let at_rest = self.seats.iter().all(|seat| seat.lane.is_some() && seat.waiting.is_empty());
        self.all_read && self.read == self.passed && at_rest
    }

    /// The block with its number.
    fn put_read(
        &mut self,
        reader: &'a mut Reader,
        read: Result<Option<Block>, CaptureError>,
        is_last: bool,
    ) -> Option<(u64, Block)> {
        self.progress = (reader.position().0, reader.summary().frames);
        self.reader = Some(reader);
        self.all_read = is_last || !matches!(read, Ok(Some(_)));
        match read {
            Ok(block) => {
                let number = self.read;
                self.read += u64::from(block.is_some());
                block.map(|block| (number, block))
            }
            Err(error) => {
                self.stopped = Some(error);
                None
            }
        }
    }

    fn put_passed(&mut self, gate: Gate<'a>, of_lanes: Vec<Share>) {
        self.gate = Some(gate);
        self.passed += 1;
        for (seat, share) in self.seats.iter_mut().zip(of_lanes) {
            match share.is_empty() {
                true => self.spare.push(share),
                false => seat.waiting.push_back(share),
            }
        }
    }

    fn put_noted(&mut self, place: usize, lane: &'a mut Lane, shares: VecDeque<Share>) {
        self.seats[place].lane = Some(lane);
        self.spare.extend(shares);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_task_is_done_once_and_results_keep_their_order() {
        for threads in [0, 1, 2, 3, 9] {
            let done = super::each(threads, (0..7).collect(), |n: u32| n * n);
            assert_eq!(done, [0, 1, 4, 9, 16, 25, 36], "{threads} threads");
        }
        assert_eq!(super::each(4, Vec::<u32>::new(), |n| n), Vec::<u32>::new());
    }
}
