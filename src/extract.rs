//! Extracts: a small pcapng of the connections that matter, with what was found as comments that Wireshark shows.
//!
//! Payload is cut, lengths stay. Every frame says which frame of the original it was; the frames that prove a finding
//! say so. A connection that is too long loses its middle, and the frame behind says how much. What findings need of
//! the rest of the capture is told in the section's comments, so that the extract is judged as the whole was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Write};
use std::net::IpAddr;

use crate::analysis::{Context, Judged, Options, Outcome};
use crate::anonymise::{Anonymous, Names, cut_after_tcp_header};
use crate::capture::{CaptureError, LinkType, PcapNgWriter};
use crate::detail::{Hit, read_again};
use crate::known::Hosts;
use crate::wire::{Span, TcpFlags, Timestamp};

/// What an extract keeps.
pub struct Request<'a> {
    /// Payload octets kept of each segment; none are kept of anonymous ones.
    pub payload: usize,
    /// Frames kept of each connection, more or less; the middle is left out.
    pub frames: usize,
    /// Other names for addresses.
    pub names: Option<&'a Names>,
    /// What the user calls hosts.
    pub hosts: &'a Hosts,
}

/// Why there is no extract.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// An input cannot be read a second time.
    #[error("input cannot be read again")]
    Read(#[from] CaptureError),
    /// The extract cannot be written.
    #[error("extract cannot be written")]
    Write(#[from] io::Error),
}

/// What went into an extract.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Connections.
    pub connections: usize,
    /// Frames.
    pub frames: u64,
    /// Frames of these connections that were left out.
    pub left_out: u64,
}

/// Writes an extract of those connections.
///
/// # Errors
/// If an input cannot be read again, or `out` not be written.
pub fn write<W: Write>(
    outcome: &Outcome,
    options: &Options,
    wanted: &[&Judged],
    request: &Request<'_>,
    out: W,
) -> Result<Written, ExtractError> {
    let connections: Vec<_> = wanted.iter().map(|judged| &judged.connection).collect();
    let mut plans: Vec<Plan> = wanted.iter().map(|judged| Plan::new(judged, request)).collect();
    read_again(&outcome.inputs, options, &connections, &mut |hit| plans[hit.which].see(hit))?;
    for plan in &mut plans {
        plan.decide();
    }
    let mut extract = Extract {
        writer: PcapNgWriter::new(out, APPLICATION, &section_comments(outcome, wanted, request))?,
        outcome,
        request,
        interfaces: BTreeMap::new(),
        written: Written { connections: wanted.len(), ..Written::default() },
    };
    extract.writer.names(&names_of(outcome, wanted, request))?;
    let mut failed = None;
    read_again(&outcome.inputs, options, &connections, &mut |hit| {
        if failed.is_none() {
            failed = extract.take(hit, wanted[hit.which], &mut plans[hit.which]).err();
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => {
            extract.writer.finish()?;
            Ok(extract.written)
        }
    }
}

const APPLICATION: &str = concat!("cwait-pcap ", env!("CARGO_PKG_VERSION"));
/// A longer time without a segment is a silence, whose edges are kept.
const SILENCE: Span = Span::secs(1);
/// Edges of silences and other key frames kept of one connection.
const KEY_FRAMES: usize = 1_000;

fn section_comments(outcome: &Outcome, wanted: &[&Judged], request: &Request<'_>) -> Vec<String> {
    let payload = match request.payload {
        0 => "payload is cut".to_owned(),
        octets => format!("payload is cut after {octets} octets"),
    };
    let anonymous = if request.names.is_some() { ", addresses are not the real ones" } else { "" };
    let told = format!(
        "Extract of {} of {} connections from a capture of {} frames in {}, made by {APPLICATION}; {payload}{anonymous}. \
         Comments of frames say which frame it was and what it shows.",
        wanted.len(),
        outcome.totals.connections,
        outcome.capture.frames,
        outcome.capture.duration()
    );
    let ends = wanted.iter().map(|judged| (&judged.connection, judged.roles.server()));
    let context =
        Context::of(outcome, ends, &|address| request.names.map_or(address, |names| names.address(address)));
    std::iter::once(told).chain(context.comments()).collect()
}

/// Names of the extract's addresses: the user's, and those that the capture brought along, which nobody vouches for.
fn names_of(outcome: &Outcome, wanted: &[&Judged], request: &Request<'_>) -> Vec<(IpAddr, String)> {
    let addresses: BTreeSet<_> = wanted
        .iter()
        .flat_map(|judged| [judged.connection.key.lo.addr(), judged.connection.key.hi.addr()])
        .collect();
    let own =
        addresses.iter().filter_map(|address| Some((*address, request.hosts.get(*address)?.name.clone())));
    let Some(others) = request.names else {
        let brought = outcome.inputs.iter().flat_map(|input| &input.summary.names);
        return own.chain(brought.filter(|(address, _)| addresses.contains(address)).cloned()).collect();
    };
    own.map(|(address, name)| (others.address(address), others.name(&name))).collect()
}

/// Which frames of a connection are kept: all, or both ends and the key frames.
struct Plan {
    room: usize,
    frames: u64,
    /// The first half of the room, and what must not be missing.
    head: u64,
    key_frames: BTreeSet<u64>,
    tail: VecDeque<u64>,
    last: Option<(u64, Timestamp)>,
    /// Nothing is left out.
    whole: bool,
    /// What each frame shows.
    labels: BTreeMap<u64, Vec<String>>,
    /// Frames and payload octets left out since the last one written.
    gap: (u64, u64),
}

impl Plan {
    fn new(judged: &Judged, request: &Request<'_>) -> Plan {
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
            head: 0,
            key_frames: labels.keys().copied().collect(),
            tail: VecDeque::new(),
            last: None,
            whole: false,
            labels,
            gap: (0, 0),
        }
    }

    /// Takes note of the next frame.
    fn see(&mut self, hit: &Hit<'_>) {
        let frame = hit.record.frame;
        self.frames += 1;
        if self.frames <= self.room as u64 / 2 {
            self.head = frame;
        }
        let flags = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
        let is_key = hit.segment.flags.any(flags) || hit.segment.window == 0;
        if is_key && self.key_frames.len() < KEY_FRAMES {
            self.key_frames.insert(frame);
        }
        if let Some((before, at)) = self.last
            && hit.record.at - at >= SILENCE
            && self.key_frames.len() < KEY_FRAMES
        {
            self.key_frames.extend([before, frame]);
        }
        self.last = Some((frame, hit.record.at));
        self.tail.push_back(frame);
        if self.tail.len() > self.room.div_ceil(2) {
            self.tail.pop_front();
        }
    }

    fn decide(&mut self) {
        self.whole = self.frames <= self.room as u64;
    }

    fn keeps(&self, frame: u64) -> bool {
        self.whole
            || frame <= self.head
            || self.tail.front().is_some_and(|first| frame >= *first)
            || self.key_frames.contains(&frame)
    }
}

struct Extract<'a, W> {
    writer: PcapNgWriter<W>,
    outcome: &'a Outcome,
    request: &'a Request<'a>,
    /// Interfaces written so far, by number in the input and link type.
    interfaces: BTreeMap<(u32, u16), u32>,
    written: Written,
}

impl<W: Write> Extract<'_, W> {
    fn take(&mut self, hit: &Hit<'_>, judged: &Judged, plan: &mut Plan) -> io::Result<()> {
        let record = &hit.record;
        if !plan.keeps(record.frame) {
            plan.gap.0 += 1;
            plan.gap.1 += u64::from(hit.segment.len);
            self.written.left_out += 1;
            return Ok(());
        }
        let mut comments = vec![format!("frame {} of the original", record.frame)];
        if let (frames @ 1.., octets) = std::mem::take(&mut plan.gap) {
            comments.push(format!(
                "cwait-pcap: {frames} frames of this connection left out before this one, {octets} octets of payload"
            ));
        }
        comments.extend(plan.labels.remove(&record.frame).unwrap_or_default());
        let key = &judged.connection.key;
        let packet = match self.request.names {
            Some(names) => Anonymous::of(record, key, &hit.segment, names),
            None => match cut_after_tcp_header(record, key, &hit.segment, self.request.payload) {
                Some(upto) => {
                    let interface = self.interface(hit, record.link)?;
                    let data = &record.data[..upto];
                    self.writer.packet(interface, record.at, data, record.wire_len, &comments)?;
                    self.written.frames += 1;
                    return Ok(());
                }
                None => {
                    comments.push("put together from fragments; captured in this frame".into());
                    Anonymous::rebuilt(key, &hit.segment)
                }
            },
        };
        let interface = self.interface(hit, packet.link)?;
        self.writer.packet(interface, record.at, &packet.data, packet.wire_len, &comments)?;
        self.written.frames += 1;
        Ok(())
    }

    fn interface(&mut self, hit: &Hit<'_>, link: LinkType) -> io::Result<u32> {
        let known = (hit.record.interface, link.0);
        if let Some(number) = self.interfaces.get(&known) {
            return Ok(*number);
        }
        let described = self.outcome.inputs.get(hit.input);
        let interface = described.and_then(|input| input.summary.interfaces.get(known.0 as usize));
        let name = interface.and_then(|interface| interface.name.as_deref());
        let number = self.writer.interface(link, name.filter(|_| self.request.names.is_none()))?;
        self.interfaces.insert(known, number);
        Ok(number)
    }
}
