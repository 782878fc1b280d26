//! The whole of one capture: from records to judged connections.
//!
//! [`Analysis`] takes records and keeps facts; [`Analysis::finish`] judges them, once. Findings need what only the
//! end knows (a service's habits, whether a host was alive later), so nothing is judged on the way: connections that
//! ended well are added to the sums of their service and forgotten, all others are kept until the end.

mod budget;
mod context;
mod correlate;
mod folded;
mod heard;
mod input;
mod lane;
mod outcome;
mod part;
mod roles;
mod run;
mod shares;
mod threads;
mod waiting;

pub use context::Context;
pub use correlate::{Evidence, Joined};
pub use folded::{By, Longest, Totals};
pub use heard::Heard;
pub use input::Input;
pub use lane::HandOn;
pub use outcome::{Frames, Judged, Outcome, connection_id};
pub use part::{Join, Part, PartFacts, read_part};
pub use roles::{Cast, Serving};
pub use run::{AnalyzeError, InputFacts, Progress, Shown, Trouble, run};
use waiting::Waiting;

use std::net::IpAddr;
use std::sync::Arc;

use crate::capture::Record;
use crate::decode::{self, Decoded, Decoder, Skip, Skips};
use crate::findings::{CaptureFacts, Graces};
use crate::tcp::{self, Connection, Numbers};
use crate::wire::{Endpoint, Stamp, Timestamp};

use folded::Folded;
use lane::Lane;
use outcome::{Sums, Survey};

/// What a user may choose about an analysis.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How frames are taken apart.
    pub decode: decode::Options,
    /// How long connections that are over are remembered.
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
    pub evidence: Arc<Evidence>,
    /// Limits of the readers.
    pub read: crate::capture::Limits,
    /// What may end the reading early.
    pub interrupt: crate::capture::Interrupt,
    /// The zone of dates in captures as text that name none; UTC if there is none.
    pub text_zone: Option<jiff::tz::TimeZone>,
    /// Octets to keep to, about; connections that there is no room for are summed up and counted. None: no limit.
    pub max_memory: Option<u64>,
    /// Threads that analyse; 0 counts as one. What they find is the same for any number.
    pub threads: usize,
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
    options: Arc<Options>,
    decoder: Decoder,
    lanes: Vec<Lane>,
    waiting: Waiting,
    skips: Skips,
    capture: CaptureFacts,
    context: Context,
    /// Added to the frame numbers of the file being read.
    frames_before: u64,
    /// What parts counted that were read elsewhere.
    of_parts: Frames,
    /// When the file before broke off, if it did.
    open_end: Option<Timestamp>,
}

impl Analysis {
    /// An analysis that has seen nothing.
    pub fn new(options: Options) -> Self {
        let options = Arc::new(options);
        Analysis {
            decoder: Decoder::new(options.decode),
            lanes: Lane::all(&options),
            waiting: Waiting::new(),
            skips: Skips::default(),
            capture: CaptureFacts::default(),
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
        self.capture.observe(Stamp { at: record.at, frame: record.frame });
        if self.decoder.decode_common(&record, self.waiting.next()) {
            self.follow();
        } else {
            self.observe_any(&record);
        }
    }

    /// One more segment is on its way.
    #[inline(always)]
    fn follow(&mut self) {
        if self.waiting.added() {
            self.share_out();
        }
    }

    /// Hands every segment that is on its way to its lane.
    #[inline(never)]
    fn share_out(&mut self) {
        for segment in self.waiting.take() {
            self.lanes[Lane::of(&segment.0)].push(segment);
        }
    }

    /// Whether the capture is an extract that tells of stretches it left out.
    fn is_cut(&self) -> bool {
        self.context.tells_of_gaps()
    }

    /// The same as [`Analysis::observe`] for a record of an extract: what was left out before it is passed over first.
    fn observe_cut(&mut self, record: &Record<'_>) {
        let record = Record { frame: record.frame + self.frames_before, ..*record };
        self.capture.observe(Stamp { at: record.at, frame: record.frame });
        let decoded = self.decoder.decode(&record);
        if let Decoded::Segment(key, segment) = &decoded
            && let Some(left_out) = self.context.left_out_before(key, segment.seen.at)
        {
            self.share_out();
            self.lanes[Lane::of(key)].pass_over(key, &left_out, segment.seen);
        }
        self.take(decoded);
    }

    /// Takes what the next line of the current file tells, which is text; frames are its lines.
    pub fn observe_line(&mut self, seen: Stamp, decoded: Decoded) {
        let seen = Stamp { frame: seen.frame + self.frames_before, ..seen };
        self.capture.from_text = true;
        self.capture.observe(seen);
        self.capture.frames = seen.frame;
        self.take(decoded.seen(seen));
    }

    #[inline(never)]
    fn observe_any(&mut self, record: &Record<'_>) {
        let decoded = self.decoder.decode_any(record);
        self.take(decoded);
    }

    fn take(&mut self, decoded: Decoded) {
        match decoded {
            Decoded::Segment(key, segment) => {
                *self.waiting.next() = (key, segment);
                self.follow();
            }
            Decoded::Quote(quote) => {
                self.skips.count(Skip::Icmp);
                self.share_out();
                self.lanes[Lane::of(&quote.key)].quote(&quote);
            }
            Decoded::Skip(skip) => self.skips.count(skip),
        }
    }

    /// The current file is text and has had so many lines so far, packets or not.
    pub fn lines_read(&mut self, lines: u64) {
        self.capture.frames = self.frames_before + lines;
    }

    /// The file being read is done; the next one goes on, with its frames numbered behind.
    pub fn next_file(&mut self) {
        self.share_out();
        self.frames_before = self.capture.frames;
    }

    /// More than one file is read: connections have no stream numbers of Wireshark's.
    pub fn lose_streams(&mut self) {
        self.share_out();
        self.lanes.iter_mut().for_each(Lane::lose_streams);
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

    /// Adds what an extract says of the capture it was taken from, before its frames; see [`Context`].
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
    }

    /// Judges everything.
    pub fn finish(mut self) -> Outcome {
        self.share_out();
        let held: usize = self.lanes.iter().map(|lane| lane.table.len()).sum();
        let threads = threads::worth(self.options.threads, held as u64);
        threads::each(threads, self.lanes.iter_mut().collect(), Lane::close);
        let sums = self.sums(|lane| std::mem::take(&mut lane.folded));
        let numbers = Numbers::of(self.lanes.iter().map(|lane| &lane.table));
        let Analysis { lanes, context, options, .. } = self;
        let survey = Survey::new(sums, &context, &options, || lanes.iter().flat_map(Lane::iter));
        survey.judge(lanes.into_iter().map(Lane::into_connections).collect(), &numbers)
    }

    /// Judges what was seen so far, as if the capture ended at `at` or with its latest frame, whichever is later.
    /// Reading goes on as if nobody had asked.
    pub fn as_of(&mut self, at: Timestamp) -> Outcome {
        let mut sums = self.sums(|lane| lane.folded.clone());
        sums.capture.last.at = sums.capture.last.at.max(at);
        let numbers = Numbers::of(self.lanes.iter().map(|lane| &lane.table));
        let survey =
            Survey::new(sums, &self.context, &self.options, || self.lanes.iter().flat_map(Lane::iter));
        survey.judge(self.lanes.iter().map(|lane| lane.iter().cloned()).collect(), &numbers)
    }

    fn sums(&mut self, folded_in: impl Fn(&mut Lane) -> Folded) -> Sums {
        self.share_out();
        let mut capture = self.capture.clone();
        capture.drop_events.sort_unstable();
        capture.holes.sort_unstable();
        let mut frames = Frames { skips: self.skips, ..self.of_parts };
        frames.fragments += self.decoder.fragments();
        let mut folded = Folded::within(0);
        for lane in &mut self.lanes {
            lane.flush();
            folded.merge(folded_in(lane));
            for connection in lane.surplus() {
                folded.add_with_own_roles(connection);
                frames.given_up += 1;
            }
            frames.tcp += lane.segments;
            frames.given_up += lane.given_up;
        }
        Sums { folded, capture, frames }
    }
}
