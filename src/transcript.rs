//! Captures as text: the lines that `tcpdump`, `snoop` and `tshark` print and that people paste into tickets become segments.
//!
//! A source of segments beside [`crate::capture`], not of records: there are no packets. The frame number of a segment is the
//! number of its line. What a line does not hold stays unknown: 0 for the hop limit, the IP identification and the checksum,
//! [`Segment::NO_SCALE`] for the window scale; sequence numbers that tcpdump shows from the first one on are put back where
//! the text allows (`numbers`), times without a date are told from 1970-01-01 on ([`crate::wire::Timestamp::is_dated`]). What cannot be read is
//! counted by [`Reason`], and packets that are lost that way count as dropped, so that no rule is surer than the text allows.

mod assemble;
mod clock;
mod fields;
mod names;
mod numbers;
mod packet;
mod snoop;
mod tcpdump;
#[cfg(test)]
mod tests;
mod tshark;

use std::collections::VecDeque;
use std::io;

use jiff::tz::TimeZone;

use crate::capture::{CaptureError, Drop, Lines, Summary, Unpacked};
use crate::decode::Decoded;
use crate::wire::{FlowKey, Segment, SeqNum, Stamp, Timestamp};

pub use clock::Times;
pub use packet::Reason;

use assemble::{Assembler, Event};
use clock::Clock;
use names::Names;
use numbers::Numbering;
use packet::{Packet, Told};

/// Octets of text that are looked through for a first packet.
const LOOKED_THROUGH: usize = 1 << 20;
/// Lines lent to the sink in one batch.
const BATCH: usize = 4_096;
/// Lines that were not read, kept to be shown.
const EXAMPLES: usize = 20;
/// Characters kept of each.
const EXAMPLE_CHARS: usize = 160;
/// Drops listed one by one.
const DROPS: usize = 1_000;

/// A text that tells of packets, read line by line. Memory does not grow with its length.
pub struct Transcript {
    lines: Lines<Unpacked>,
    /// The beginning, read already.
    ahead: VecDeque<Box<str>>,
    assembler: Assembler,
    scribe: Scribe,
    over: bool,
}

/// What became of the lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// The programs that print such lines, in order of appearance.
    pub tools: Vec<&'static str>,
    /// What the times mean.
    pub times: Times,
    /// Lines that are no packet or could not be read as one, by [`Reason::ALL`].
    counts: [u64; Reason::ALL.len()],
    /// Services whose ports are not known, with the port that stands for each.
    pub services: Vec<(u16, Box<str>)>,
    /// The first lines that could not be read: number, why, beginning.
    pub examples: Vec<(u64, Reason, Box<str>)>,
}

impl Facts {
    /// From what was kept of them elsewhere: names of tools and so many lines by reason. None if a tool is not known.
    pub fn kept(
        tools: &[String],
        times: Times,
        unread: impl IntoIterator<Item = (Reason, u64)>,
    ) -> Option<Facts> {
        let known = |name: &String| assemble::TOOLS.iter().map(|tool| tool.name).find(|tool| tool == name);
        let tools = tools.iter().map(known).collect::<Option<_>>()?;
        let mut facts = Facts { tools, times, ..Facts::default() };
        unread.into_iter().for_each(|(reason, lines)| facts.counts[reason as usize] += lines);
        Some(facts)
    }

    /// Reasons that occurred, with the number of their lines.
    pub fn unread(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().zip(self.counts).filter(|(_, lines)| *lines > 0)
    }

    /// Packets whose lines did not hold what it takes.
    pub fn lost(&self) -> u64 {
        self.unread().filter(|(reason, _)| reason.is_loss()).map(|(_, lines)| lines).sum()
    }
}

impl Transcript {
    /// Looks for a packet in the beginning of a text; nothing if there is none. `zone` is that of dates that name none.
    ///
    /// # Errors
    /// If the text cannot be read.
    pub fn recognise(text: Unpacked, zone: &TimeZone) -> Result<Option<Transcript>, CaptureError> {
        let compression = text.compression().to_vec();
        let mut lines = Lines::new(text).map_err(|source| stopped(0, source))?;
        let mut ahead = VecDeque::new();
        let (mut octets, mut found, mut elapsed) = (0, false, Vec::new());
        let mut assembler = Assembler::default();
        let mut look = |event: &Event<'_>| {
            found |= event.is_packet();
            elapsed.extend(event.time.and_then(|time| time.elapsed()));
        };
        while octets < LOOKED_THROUGH {
            let Some(line) = lines.next().map_err(|source| stopped(ahead.len() as u64 + 1, source))? else {
                break;
            };
            octets += line.text.len() + 1;
            assembler.offer(u64::from(line.number), &line.text, &mut look);
            ahead.push_back(line.text.into());
        }
        assembler.finish(&mut look);
        if !found {
            return Ok(None);
        }
        let mut summary = Summary::default();
        summary.compression = compression;
        summary.file_bytes = lines.input().file_bytes();
        summary.format = "text";
        Ok(Some(Transcript {
            lines,
            ahead,
            assembler: Assembler::default(),
            scribe: Scribe {
                clock: Clock::new(zone.clone(), clock::are_deltas(&elapsed)),
                numbering: Numbering::default(),
                names: Names::default(),
                facts: Facts::default(),
                summary,
                last: None,
            },
            over: false,
        }))
    }

    /// Calls `sink` for the packets of the next lines. `false`: the text has ended.
    ///
    /// # Errors
    /// If the text cannot be read any further.
    pub fn next_batch(&mut self, sink: &mut impl FnMut(Stamp, Decoded)) -> Result<bool, CaptureError> {
        let scribe = &mut self.scribe;
        for _ in 0..BATCH {
            let number = scribe.summary.frames + 1;
            let mut take = |event: &Event<'_>| scribe.take(event, sink);
            if let Some(line) = self.ahead.pop_front() {
                self.assembler.offer(number, &line, &mut take);
                scribe.summary.capture_bytes += line.len() as u64 + 1;
            } else if let Some(line) = self.lines.next().map_err(|source| stopped(number, source))? {
                self.assembler.offer(number, &line.text, &mut take);
                scribe.summary.capture_bytes += line.text.len() as u64 + 1;
            } else {
                if !self.over {
                    self.over = true;
                    self.assembler.finish(&mut take);
                    scribe.finish();
                }
                return Ok(false);
            }
            scribe.summary.frames = number;
        }
        scribe.summary.file_bytes = self.lines.input().file_bytes();
        Ok(true)
    }

    /// What is known so far, as of a capture; frames are lines.
    pub fn summary(&self) -> &Summary {
        &self.scribe.summary
    }

    /// What became of the lines so far.
    pub fn facts(&self) -> &Facts {
        &self.scribe.facts
    }
}

fn stopped(line: u64, source: io::Error) -> CaptureError {
    CaptureError::Read { frame: line, byte: 0, source }
}

/// Makes segments of what lines tell.
struct Scribe {
    clock: Clock,
    numbering: Numbering,
    names: Names,
    facts: Facts,
    summary: Summary,
    /// Time of the packet before.
    last: Option<Timestamp>,
}

impl Scribe {
    fn take(&mut self, event: &Event<'_>, sink: &mut impl FnMut(Stamp, Decoded)) {
        if let Some(tool) = event.tool
            && !self.facts.tools.contains(&tool)
        {
            self.facts.tools.push(tool);
        }
        let result = match &event.told {
            Told::Packet(packet) => {
                let at = self.place(event);
                self.segment(at, packet).map(|(key, segment)| Decoded::Segment(key, segment))
            }
            Told::Other(skip) => {
                self.place(event);
                Ok(Decoded::Skip(*skip))
            }
            Told::Unread(reason) => Err(*reason),
            Told::Dropped(packets) => {
                *self.summary.dropped.get_or_insert(0) += packets;
                Err(Reason::Continued)
            }
            // The assembler has put these together.
            Told::Header(_) | Told::Begun => Err(Reason::Continued),
        };
        match result {
            Ok(decoded) => {
                let seen = Stamp { at: self.last.unwrap_or_default(), frame: event.line };
                sink(seen, decoded.seen(seen));
            }
            Err(reason) => self.unread(event, reason),
        }
    }

    /// When it was captured; the time of the packet before if the line does not tell.
    fn place(&mut self, event: &Event<'_>) -> Timestamp {
        let at = self.clock.place(event.time);
        self.facts.times = self.clock.times();
        if let Some(last) = self.last
            && at < last
        {
            self.summary.step_back = self.summary.step_back.max(last - at);
        }
        self.last = Some(at);
        let (first, last) = self.summary.times.unwrap_or((at, at));
        self.summary.times = Some((first.min(at), last.max(at)));
        at
    }

    fn count(&mut self, reason: Reason) {
        self.facts.counts[reason as usize] += 1;
    }

    fn unread(&mut self, event: &Event<'_>, reason: Reason) {
        self.count(reason);
        if !reason.is_loss() && reason != Reason::NoPacket {
            return;
        }
        if self.facts.examples.len() < EXAMPLES {
            let text = event.text.chars().take(EXAMPLE_CHARS).collect::<String>();
            self.facts.examples.push((event.line, reason, text.into()));
        }
        if reason.is_loss() {
            let at = self.place(event);
            *self.summary.dropped.get_or_insert(0) += 1;
            if self.summary.drops.len() < DROPS {
                let (after_frame, before_frame) = (event.line.saturating_sub(1), event.line + 1);
                let drop = Drop { after_frame, before_frame, at: Some(at), count: 1, interface: 0 };
                self.summary.drops.push(drop);
            }
        }
    }

    fn finish(&mut self) {
        self.summary.names = self.names.all();
        self.facts.services = self.names.services().map(|(port, name)| (port, name.into())).collect();
    }

    fn segment(&mut self, at: Timestamp, packet: &Packet<'_>) -> Result<(FlowKey, Segment), Reason> {
        let (from, to) = (self.names.endpoint(&packet.from)?, self.names.endpoint(&packet.to)?);
        let (key, side) = FlowKey::of(from, to, 0);
        let told = self.numbering.place(&key, side, at, packet).ok_or(Reason::Number)?;
        let checksum = match (packet.checksum, packet.timestamps) {
            (0, Some(stamps)) => (stamps.val ^ stamps.val >> 16 ^ stamps.ecr.rotate_left(8)) as u16,
            (sum, _) => sum,
        };
        let segment = Segment {
            seen: Stamp::default(),
            seq: SeqNum(told.seq),
            ack: SeqNum(told.ack),
            len: packet.len,
            timestamps: packet.timestamps.unwrap_or_default(),
            window: told.window,
            checksum,
            ip_id: packet.ip.id,
            interface: 0,
            flags: packet.flags,
            hop_limit: packet.ip.hop_limit,
            side,
            has_timestamps: packet.timestamps.is_some(),
            has_options: packet.has_options,
            window_scale: packet.window_scale,
            multipath: packet.multipath.0,
            data_number: packet.multipath.1,
        };
        Ok((key, segment))
    }
}
