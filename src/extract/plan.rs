//! Which frames of a connection go into an extract: all, or both ends and the key frames; and what passed in the stretches
//! between, so that they are not missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Request;
use crate::analysis::Judged;
use crate::detail::Hit;
use crate::findings::words::count;
use crate::tcp::LeftOut;
use crate::wire::{Segment, SeqNum, Span, TcpFlags, Timestamp};

/// A longer time without a segment is a silence, whose edges are kept.
const SILENCE: Span = Span::secs(1);
/// Edges of silences and other key frames kept of one connection.
const KEY_FRAMES: usize = 1_000;

/// What is kept of one connection. It is told every frame first, then decides.
pub(super) struct Plan {
    room: usize,
    frames: u64,
    /// The last frame of the first half of the room, and what passed up to it.
    head: (u64, LeftOut),
    /// Frames that must not be missing, because of what they show.
    wanted: BTreeSet<u64>,
    /// Frames behind the head that are kept for what they are.
    key_frames: BTreeMap<u64, Mark>,
    tail: VecDeque<Mark>,
    last: Option<Mark>,
    passed: LeftOut,
    /// The end of each side's FIN while its acknowledgment is awaited.
    fins: [Option<SeqNum>; 2],
    /// Nothing is left out.
    whole: bool,
    /// What each frame shows.
    labels: BTreeMap<u64, Vec<String>>,
    /// What is left out before a frame, and that frame's time.
    gaps: BTreeMap<u64, (Timestamp, LeftOut)>,
}

/// A frame, and what had passed before and with it.
#[derive(Clone, Copy)]
struct Mark {
    frame: u64,
    at: Timestamp,
    before: LeftOut,
    with: LeftOut,
}

impl Plan {
    pub(super) fn new(judged: &Judged, request: &Request<'_>) -> Plan {
        let mut labels: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let mut label = |frame: u64, text: String| labels.entry(frame).or_default().push(text);
        for finding in &judged.verdict.findings {
            for (stamp, shows) in &finding.evidence {
                label(stamp.frame, format!("{}: {shows}", finding.name));
            }
        }
        let first = judged.connection.first.frame;
        if let Some(finding) = judged.verdict.primary() {
            label(first, format!("this connection: {}", finding.name));
        } else if let Some((name, undecided)) = judged.verdict.undecided.first() {
            label(first, format!("this connection: undecided, {name}: {}", undecided.why));
        }
        Plan {
            room: request.frames.max(8),
            frames: 0,
            head: (0, LeftOut::default()),
            wanted: labels.keys().copied().collect(),
            key_frames: BTreeMap::new(),
            tail: VecDeque::new(),
            last: None,
            passed: LeftOut::default(),
            fins: [None; 2],
            whole: false,
            labels,
            gaps: BTreeMap::new(),
        }
    }

    /// Takes note of the next frame.
    pub(super) fn see(&mut self, hit: &Hit<'_>) {
        let s = &hit.segment;
        let before = self.passed;
        self.passed.see(s);
        let mark = Mark { frame: hit.record.frame, at: hit.record.at, before, with: self.passed };
        self.frames += 1;
        let is_key = self.is_key(s) || self.wanted.contains(&mark.frame);
        let silent = self.last.filter(|last| mark.at - last.at >= SILENCE);
        if self.frames <= self.room as u64 / 2 {
            self.head = (mark.frame, mark.with);
        } else if self.key_frames.len() < KEY_FRAMES {
            if is_key || silent.is_some() {
                self.key_frames.insert(mark.frame, mark);
            }
            self.key_frames.extend(silent.map(|last| (last.frame, last)));
        }
        self.last = Some(mark);
        self.tail.push_back(mark);
        if self.tail.len() > self.room.div_ceil(2) {
            self.tail.pop_front();
        }
    }

    /// Whether it opens, closes or resets, says that its reader does not read, or is the first to acknowledge a FIN.
    fn is_key(&mut self, s: &Segment) -> bool {
        if s.flags.any(TcpFlags::FIN) {
            self.fins[s.side.index()] = Some(s.end());
        }
        let awaited = &mut self.fins[s.side.peer().index()];
        let acks_fin = s.flags.any(TcpFlags::ACK) && awaited.is_some_and(|end| s.ack.at_or_after(end));
        if acks_fin {
            *awaited = None;
        }
        acks_fin || s.window == 0 || s.flags.any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST)
    }

    /// All frames were seen.
    pub(super) fn decide(&mut self) {
        self.whole = self.frames <= self.room as u64;
        if self.whole {
            return;
        }
        self.key_frames.extend(self.tail.drain(..).map(|mark| (mark.frame, mark)));
        let (head, mut passed) = self.head;
        for mark in self.key_frames.values().filter(|mark| mark.frame > head) {
            let left_out = mark.before.since(&passed);
            if !left_out.is_empty() {
                self.gaps.insert(mark.frame, (mark.at, left_out));
            }
            passed = mark.with;
        }
    }

    pub(super) fn keeps(&self, frame: u64) -> bool {
        self.whole || frame <= self.head.0 || self.key_frames.contains_key(&frame)
    }

    /// What is left out, each stretch with the time of the frame behind it.
    pub(super) fn gaps(&self) -> impl Iterator<Item = (Timestamp, &LeftOut)> {
        self.gaps.values().map(|(behind, left_out)| (*behind, left_out))
    }

    /// What is to say of a frame that is kept: the stretch before it, what it shows.
    pub(super) fn labels(&mut self, frame: u64) -> Vec<String> {
        let gap = self.gaps.get(&frame).map(|(_, left_out)| {
            let sides = left_out.sides.iter().flatten();
            let (frames, octets) = sides.fold((0, 0), |(frames, octets), passed| {
                (frames + u64::from(passed.segments), octets + passed.payload)
            });
            format!(
                "cwait-pcap: {} of this connection left out before this one, {} of payload",
                count(frames, "frame"),
                count(octets, "octet")
            )
        });
        gap.into_iter().chain(self.labels.remove(&frame).unwrap_or_default()).collect()
    }
}
