//! The second look: inputs are read again for a few connections that the first look singled out, and the segments that
//! made each of them what it is are put on a short list.
//!
//! The first look keeps facts, not segments, since it cannot know which connection will matter. Where an input cannot be
//! read twice (a pipe), there is no second look, and the facts have to do.

mod acts;
mod events;
mod spans;
#[cfg(test)]
mod tests;

pub use acts::{Act, Acts};
pub use events::{Collector, Event};

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::analysis::{Input, InputFacts, Options};
use crate::capture::{CaptureError, LinkType, Record};
use crate::decode::{self, Decoded, Decoder};
use crate::place;
use crate::tcp::Connection;
use crate::wire::{FlowKey, Segment, Stamp};
use spans::Spans;

/// A segment of one of the connections asked for.
pub struct Hit<'a> {
    /// Which connection, by its place among those asked for.
    pub which: usize,
    /// Which input it came from.
    pub input: usize,
    /// The record it came in; its frame is counted through all inputs. Empty if it came in a line of text.
    pub record: Record<'a>,
    /// The segment.
    pub segment: Segment,
}

/// Whether every input can be read again: a file, no pipe.
pub fn can_read_again(inputs: &[InputFacts]) -> bool {
    inputs.iter().all(|input| place::lasts(&input.path))
}

/// Reads the inputs again and hands every segment of the connections asked for to `sink`, in order of capture.
///
/// A segment belongs to the last connection of its flow that began before it. What the first look could not read is
/// not read this time either, without another word; nor is what lies where none of these connections said anything, as
/// far as it can be passed over.
///
/// # Errors
/// If an input cannot be opened any more, or is not the one that was read.
pub fn read_again(
    inputs: &[InputFacts],
    options: &Options,
    wanted: &[&Connection],
    sink: &mut dyn FnMut(&Hit<'_>),
) -> Result<(), CaptureError> {
    let ports = Ports::of(wanted);
    let mut wanted = Wanted::new(wanted);
    let mut decoder = Decoder::new(options.decode);
    let spans = Spans::of(wanted.connections);
    for (at, input) in inputs.iter().enumerate() {
        let before = input.first_frame - 1;
        let needed = |frames: u64| {
            spans.next(before + frames + 1).filter(|next| *next <= before + input.summary.frames)
        };
        if needed(0).is_none() {
            continue;
        }
        let mut changed = false;
        let mut reader = Input::open(&input.path, options)?;
        let worth_threads = reader.is_worth_threads(options);
        let mut take = |record: Record<'_>, decoded: Decoded| {
            if let Decoded::Segment(key, segment) = decoded
                && let Some(which) = wanted.find(&key, &segment)
            {
                let first = wanted.connections[which].first;
                changed |= first.frame == record.frame && first.at != record.at;
                if changed {
                    return;
                }
                sink(&Hit { which, input: at, record, segment });
            }
        };
        while let Some(next) = needed(reader.summary().frames) {
            if let Input::Records(records) = &mut reader {
                if let Some(mark) = input.marks.before(next - before) {
                    records.skip_to(mark);
                }
                if worth_threads && (spans.is_last(next) || !records.can_skip()) {
                    records.read_ahead();
                }
            }
            let more = match &mut reader {
                Input::Records(reader) => reader.next_batch(&mut |record| {
                    if ports.exclude(record) {
                        return;
                    }
                    let record = Record { frame: record.frame + before, ..*record };
                    take(record, decoder.decode(&record));
                }),
                Input::Lines(lines) => lines.next_batch(&mut |mut seen, decoded| {
                    seen.frame += before;
                    take(line(seen), decoded.seen(seen));
                }),
            };
            if !more.is_ok_and(|more| more) {
                break;
            }
        }
        if changed || wanted.misses_one(before, input.summary.frames) {
            return Err(CaptureError::Changed);
        }
    }
    Ok(())
}

/// Pairs of ports that flows have: nearly every record of another flow is known by its ports, without decoding it.
/// Otherwise every record is decoded and looked up again.
struct Ports {
    /// One bit per pair, at the place that is one port xor the other.
    pairs: Vec<u64>,
}

impl Ports {
    fn of(connections: &[&Connection]) -> Ports {
        let mut pairs = vec![0; (1 << 16) / 64];
        for FlowKey { lo, hi, .. } in connections.iter().map(|connection| connection.key) {
            let pair = lo.port() ^ hi.port();
            pairs[usize::from(pair / 64)] |= 1 << (pair % 64);
        }
        Ports { pairs }
    }

    /// Whether the record is of none of these flows for sure.
    fn exclude(&self, record: &Record<'_>) -> bool {
        decode::ports(record).is_some_and(|[source, destination]| {
            let pair = source ^ destination;
            self.pairs[usize::from(pair / 64)] & 1 << (pair % 64) == 0
        })
    }
}

/// The record of a packet that is known from a line of text: there are no octets.
fn line(seen: Stamp) -> Record<'static> {
    Record { frame: seen.frame, at: seen.at, link: LinkType(0), interface: 0, wire_len: 0, data: &[] }
}

/// Connections by flow.
struct Wanted<'a> {
    connections: &'a [&'a Connection],
    /// Another connection on the same ports has begun: only what fits is still this one's.
    superseded: Vec<bool>,
    /// A segment of it was met again.
    met: Vec<bool>,
    /// For each flow: first and last frame of its connections and their places, by first frame.
    flows: HashMap<FlowKey, Vec<(u64, u64, usize)>, RandomState>,
}

impl<'a> Wanted<'a> {
    fn new(connections: &'a [&'a Connection]) -> Self {
        let mut flows: HashMap<_, Vec<_>, _> = HashMap::default();
        for (which, connection) in connections.iter().enumerate() {
            let (from, upto) = (connection.first.frame, connection.last().frame);
            flows.entry(connection.key).or_default().push((from, upto, which));
        }
        for uses in flows.values_mut() {
            uses.sort_unstable();
        }
        Wanted {
            connections,
            superseded: vec![false; connections.len()],
            met: vec![false; connections.len()],
            flows,
        }
    }

    /// Whether one of them that began in these frames is not in them any more. One of very few segments is not judged
    /// by: they may have come as fragments of which a part lies in a file before.
    fn misses_one(&self, before: u64, frames: u64) -> bool {
        let inside = |frame: u64| frame > before && frame <= before + frames;
        let long = |connection: &Connection| connection.halves.iter().any(|half| half.segments > 2);
        let mut all = self.connections.iter().zip(&self.met);
        all.any(|(connection, met)| !met && long(connection) && inside(connection.first.frame))
    }

    fn find(&mut self, key: &FlowKey, s: &Segment) -> Option<usize> {
        let uses = self.flows.get(key)?;
        let begun = uses.partition_point(|(first, ..)| *first <= s.seen.frame);
        let &(_, last, which) = uses.get(begun.checked_sub(1)?)?;
        if s.seen.frame > last {
            return None;
        }
        self.met[which] = true;
        let connection = self.connections[which];
        self.superseded[which] |= connection.is_other_syn(s);
        (!self.superseded[which] || connection.fits(s) && !connection.is_other_syn(s)).then_some(which)
    }
}
