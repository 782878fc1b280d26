//! The whole of one capture: from records to judged connections.
//!
//! [`Analysis`] takes records and keeps facts; [`Analysis::finish`] judges them, once. Findings need what only the
//! end knows (a service's habits, whether a host was alive later), so nothing is judged on the way: connections that
//! ended well are added to the sums of their service and forgotten, all others are kept until the end.

mod context;
mod correlate;
mod folded;
mod heard;
mod input;
mod outcome;
mod part;
mod roles;
mod run;

pub use context::Context;
pub use correlate::{Evidence, Joined};
pub use folded::{Longest, Totals};
pub use heard::Heard;
pub use input::Input;
pub use outcome::{Frames, Judged, Outcome, connection_id};
pub use part::{Join, Part, PartFacts, read_part};
pub use roles::{Cast, Serving};
pub use run::{AnalyzeError, InputFacts, Progress, Trouble, run};

use std::net::IpAddr;

use crate::capture::Record;
use crate::decode::{self, Decoded, Decoder, Skips};
use crate::findings::{CaptureFacts, Graces};
use crate::tcp::{self, Connection, IcmpError, Table};
use crate::wire::{Endpoint, FlowKey, Segment, Stamp, Timestamp};

use folded::Folded;
use outcome::{Sums, Survey};

/// What a user may choose about an analysis.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How frames are taken apart.
    pub decode: decode::Options,
    /// How long connections that are over are remembered, and how many may be open.
    pub limits: tcp::Limits,
    /// When waiting becomes owing.
    pub grace: Graces,
    /// Endpoints that listen, for connections whose start was not captured.
    pub servers: Vec<Endpoint>,
    /// Hosts that listen and hosts that connect, as their users say; for the same connections.
    pub serving: Serving,
    /// Which connections are looked at.
    pub select: Select,
    /// Keep connections that are fine, too.
    pub keep_all: bool,
    /// Compute a content hash of each file.
    pub hash: bool,
    /// What the hosts themselves say.
    pub evidence: std::sync::Arc<Evidence>,
    /// Limits of the readers.
    pub read: crate::capture::Limits,
    /// What may end the reading early.
    pub interrupt: crate::capture::Interrupt,
    /// The zone of dates in captures as text that name none; UTC if there is none.
    pub text_zone: Option<jiff::tz::TimeZone>,
}

/// Which connections are looked at; everything is tracked all the same.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// One of these hosts on either side; empty: all.
    pub hosts: Vec<IpAddr>,
    /// One of these ports on either side; empty: all.
    pub ports: Vec<u16>,
    /// Something of it at this time or later.
    pub from: Option<Timestamp>,
    /// Something of it at this time or earlier.
    pub until: Option<Timestamp>,
}

impl Select {
    /// Whether the connection is one of those asked for.
    pub fn takes(&self, connection: &Connection) -> bool {
        let ends = [connection.key.lo, connection.key.hi];
        (self.hosts.is_empty() || ends.iter().any(|end| self.hosts.contains(&end.addr())))
            && (self.ports.is_empty() || ends.iter().any(|end| self.ports.contains(&end.port())))
            && self.from.is_none_or(|from| connection.last().at >= from)
            && self.until.is_none_or(|until| connection.first.at <= until)
    }
}

/// One capture on its way to a judgement.
pub struct Analysis {
    options: Options,
    decoder: Decoder,
    table: Table,
    batch: Box<[(FlowKey, Segment); Analysis::BATCH]>,
    /// How many at the front of the batch the table has not seen yet.
    waiting: usize,
    skips: Skips,
    capture: CaptureFacts,
    tcp_frames: u64,
    folded: Folded,
    kept: Vec<Connection>,
    context: Context,
    /// Added to the frame numbers of the file being read.
    frames_before: u64,
    /// What parts counted that were read elsewhere.
    of_parts: Frames,
    /// When the file before broke off, if it did.
    open_end: Option<Timestamp>,
}

impl Analysis {
    /// As many as the table looks up at once; they stay in the first-level cache.
    const BATCH: usize = Table::AT_ONCE;

    /// An analysis that has seen nothing.
    pub fn new(options: Options) -> Self {
        Analysis {
            decoder: Decoder::new(options.decode),
            table: Table::new(options.limits),
            batch: Box::new([(FlowKey::BLANK, Segment::BLANK); Analysis::BATCH]),
            waiting: 0,
            skips: Skips::default(),
            capture: CaptureFacts::default(),
            tcp_frames: 0,
            folded: Folded::default(),
            kept: Vec::new(),
            context: Context::default(),
            frames_before: 0,
            of_parts: Frames::default(),
            open_end: None,
            options,
        }
    }

    /// Takes the next record of the current file.
    #[inline]
    pub fn observe(&mut self, record: &Record<'_>) {
        let record = Record { frame: record.frame + self.frames_before, ..*record };
        self.see(Stamp { at: record.at, frame: record.frame });
        self.capture.frames += 1;
        if self.decoder.decode_common(&record, &mut self.batch[self.waiting]) {
            self.follow();
        } else {
            self.observe_any(&record);
        }
    }

    /// Takes what the next line of the current file tells, which is text; frames are its lines.
    pub fn observe_line(&mut self, seen: Stamp, decoded: Decoded) {
        let seen = Stamp { frame: seen.frame + self.frames_before, ..seen };
        self.capture.from_text = true;
        self.see(seen);
        self.capture.frames = seen.frame;
        self.take(decoded.seen(seen));
    }

    /// The end of the capture is its latest moment; frame order and time order may differ by a little.
    #[inline(always)]
    fn see(&mut self, stamp: Stamp) {
        if self.capture.frames == 0 {
            (self.capture.first, self.capture.last) = (stamp, stamp);
        } else if stamp.at >= self.capture.last.at {
            self.capture.last = stamp;
        }
    }

    /// One more segment is in the batch.
    #[inline(always)]
    fn follow(&mut self) {
        self.waiting += 1;
        if self.waiting == Analysis::BATCH {
            self.flush();
        }
    }

    #[inline(never)]
    fn observe_any(&mut self, record: &Record<'_>) {
        let decoded = self.decoder.decode_any(record);
        self.take(decoded);
    }

    fn take(&mut self, decoded: Decoded) {
        match decoded {
            Decoded::Segment(key, segment) => {
                self.batch[self.waiting] = (key, segment);
                self.follow();
            }
            Decoded::Quote(quote) => self.quote(&quote),
            Decoded::Skip(skip) => self.skips.count(skip),
        }
    }

    /// The current file is text and has had so many lines so far, packets or not.
    pub fn lines_read(&mut self, lines: u64) {
        self.capture.frames = self.frames_before + lines;
    }

    /// The file being read is done; the next one goes on, with its frames numbered behind.
    pub fn next_file(&mut self) {
        self.flush();
        self.frames_before = self.capture.frames;
    }

    /// More than one file is read: connections have no stream numbers of Wireshark's.
    pub fn lose_streams(&mut self) {
        self.flush();
        self.table.lose_streams();
        self.kept.iter_mut().for_each(|connection| connection.stream = Connection::NO_STREAM);
    }

    /// The latest moment seen.
    pub fn last(&self) -> Stamp {
        self.capture.last
    }

    /// Frames read so far.
    pub fn frames(&self) -> u64 {
        self.capture.frames
    }

    /// Adds what the capture program says it lost.
    pub fn dropped(&mut self, total: u64, events: impl IntoIterator<Item = (Timestamp, u64)>) {
        *self.capture.drops.get_or_insert(0) += total;
        self.capture.drop_events.extend(events);
    }

    /// A part of what was captured between these moments could not be read.
    pub fn unreadable(&mut self, holes: impl IntoIterator<Item = (Timestamp, Timestamp)>) {
        self.capture.holes.extend(holes);
    }

    /// Adds what an extract says of the capture it was taken from; see [`Context`].
    pub fn add_context(&mut self, comments: &[String]) {
        self.context.read(comments);
    }

    /// Adds what an input says about itself, now that it was read.
    fn add_input(&mut self, input: &InputFacts) {
        if let Some(total) = input.summary.dropped {
            let drops = input.summary.drops.iter();
            self.dropped(total, drops.filter_map(|drop| Some((drop.at?, drop.count))));
        }
        self.unreadable(input.summary.holes());
        // What is missing at the end of a file is a hole if another file goes on behind it.
        let left_early =
            input.trouble.is_some() || input.summary.damage.last().is_some_and(|hole| !hole.resumed);
        if let (Some(from), Some((first, _))) = (self.open_end.take(), input.summary.times) {
            self.unreadable([(from, first.max(from))]);
        }
        self.open_end = if left_early { Some(self.last().at) } else { None };
        self.add_context(&input.summary.comments);
    }

    /// Judges everything.
    pub fn finish(mut self) -> Outcome {
        self.flush();
        let folded = std::mem::take(&mut self.folded);
        let sums = self.sums(folded);
        let Analysis { kept, table, context, options, .. } = self;
        let survey = Survey::new(sums, &context, &options, || kept.iter().chain(table.iter()));
        survey.judge(kept.into_iter().chain(table.into_connections()))
    }

    /// Judges what was seen so far, as if the capture ended at `at` or with its latest frame, whichever is later.
    /// Reading goes on as if nobody had asked.
    pub fn as_of(&mut self, at: Timestamp) -> Outcome {
        self.flush();
        let mut sums = self.sums(self.folded.clone());
        sums.capture.last.at = sums.capture.last.at.max(at);
        let all = || self.kept.iter().chain(self.table.iter());
        Survey::new(sums, &self.context, &self.options, all).judge(all().cloned())
    }

    fn sums(&self, folded: Folded) -> Sums {
        let mut capture = self.capture.clone();
        capture.drop_events.sort_unstable();
        capture.holes.sort_unstable();
        let given_up = self.table.given_up() + self.of_parts.given_up;
        let mut fragments = self.decoder.fragments();
        fragments += self.of_parts.fragments;
        Sums {
            folded,
            capture,
            frames: Frames { tcp: self.tcp_frames, skips: self.skips, fragments, given_up },
        }
    }

    fn flush(&mut self) {
        self.tcp_frames += self.waiting as u64;
        self.table.observe_all(&self.batch[..self.waiting]);
        self.waiting = 0;
        for connection in self.table.take_finished() {
            self.retire(connection);
        }
    }

    /// A connection that nothing can be added to any more: summed up if it ended well, kept otherwise.
    fn retire(&mut self, connection: Connection) {
        let kept = self.options.keep_all || self.options.evidence.knows(&connection.key);
        if kept || !folded::is_healthy(&connection) {
            self.kept.push(connection);
        } else if self.options.select.takes(&connection) {
            self.folded.add_healthy(&connection);
        }
    }

    #[cold]
    fn quote(&mut self, quote: &decode::Quote) {
        self.flush();
        let decode::Quote { seen, from, kind, code, key, side, .. } = *quote;
        self.skips.count(decode::Skip::Icmp);
        self.table.observe_icmp(&key, side, IcmpError { seen, from, kind, code, count: 1 });
    }
}
