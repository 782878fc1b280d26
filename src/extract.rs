//! Extracts: a small pcapng of the connections that matter, with what was found as comments that Wireshark shows.
//!
//! Payload is cut, lengths stay. Every frame says which frame of the original it was; the frames that prove a finding
//! say so. A connection that is too long loses its middle, and the frame behind says how much. What findings need of
//! the rest of the capture is told in the section's comments, so that the extract is judged as the whole was.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::IpAddr;

use crate::analysis::{Context, Judged, Options, Outcome};
use crate::anonymise::{Anonymous, Names, cut_after_tcp_header};
use crate::capture::{CaptureError, LinkType, PcapNgWriter};
use crate::detail::{Hit, read_again};
use crate::findings::words::count;
use crate::known::Hosts;
use crate::patterns;
use plan::Plan;

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
    let connections: Vec<_> = wanted.iter().map(|judged| &*judged.connection).collect();
    let mut plans: Vec<Plan> = wanted.iter().map(|judged| Plan::new(judged, request)).collect();
    read_again(&outcome.inputs, options, &connections, &mut |hit| plans[hit.which].see(hit))?;
    for plan in &mut plans {
        plan.decide();
    }
    let mut extract = Extract {
        writer: PcapNgWriter::new(out, APPLICATION, &section_comments(outcome, wanted, &plans, request))?,
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

/// The connections that findings over many rest on, or those of one name: what survived shows a timer as much as what
/// did not. By their place in [`Outcome::connections`].
pub fn witnesses(outcome: &Outcome, is_meant: impl Fn(&str) -> bool) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    for found in patterns::judge(outcome, None).into_iter().filter(|found| is_meant(found.name)) {
        all.extend(found.members.iter().chain(found.evidence.iter().map(|(member, ..)| member)));
        if let Some(patterns::Data::Interval(interval)) = &found.data {
            all.extend(interval.survived.iter().chain(&interval.failed).map(|point| point.member));
        }
    }
    all
}

const APPLICATION: &str = concat!("cwait-pcap ", env!("CARGO_PKG_VERSION"));

fn section_comments(
    outcome: &Outcome,
    wanted: &[&Judged],
    plans: &[Plan],
    request: &Request<'_>,
) -> Vec<String> {
    let payload = match request.payload {
        0 => "payload is cut".to_owned(),
        octets => format!("payload is cut after {}", count(octets as u64, "octet")),
    };
    let anonymous = if request.names.is_some() { ", addresses are not the real ones" } else { "" };
    let told = format!(
        "Extract of {} of {} from a capture of {} in {}, made by {APPLICATION}; {payload}{anonymous}. \
         Comments of frames say which frame it was and what it shows.",
        wanted.len(),
        count(outcome.totals.connections, "connection"),
        count(outcome.capture.frames, "frame"),
        outcome.capture.duration()
    );
    let ends = wanted.iter().map(|judged| (&*judged.connection, judged.roles.server()));
    let rename = |address| request.names.map_or(address, |names| names.address(address));
    let mut context = Context::of(outcome, ends, &rename);
    for (judged, plan) in wanted.iter().zip(plans) {
        context.leave_out(&judged.connection, plan.gaps(), &rename);
    }
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
            self.written.left_out += 1;
            return Ok(());
        }
        let mut comments = vec![format!("frame {} of the original", record.frame)];
        comments.extend(plan.labels(record.frame));
        let key = &judged.connection.key;
        let packet = match self.request.names {
            Some(names) => Anonymous::of(record, key, &hit.segment, names),
            None => match cut_after_tcp_header(record, self.request.payload) {
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
