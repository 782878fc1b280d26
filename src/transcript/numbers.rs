//! Sequence numbers as tools print them, put back on one line per side.
//!
//! tcpdump prints numbers as they are until it has seen a segment with ACK of a connection; from then on it counts from that
//! segment's numbers, and a SYN with ACK begins anew. With `-S` it never counts, and a text may begin anywhere. So each
//! number is read both ways, and the way that lands near the side's own line is right. Of segments that send nothing
//! tcpdump prints no number: they are taken to be next in line, or one before it where a keep-alive probe is all they can be.
//!
//! Wireshark counts from 0 for every connection; where ports are used again, the new one is moved far from the old.

use std::collections::HashMap;

use super::packet::{Numbers, Packet};
use crate::wire::{FlowKey, Segment, Side, Span, TcpFlags, Timestamp};

/// Connections remembered; beyond, all are forgotten.
const MOST: usize = 1 << 20;
/// A number this far from the line belongs to another one.
const NEAR: u32 = 1 << 28;
/// So far from 0 nothing is that a tool counts of a new connection.
const FAR: u32 = 1 << 20;
/// Silence before a keep-alive probe.
const PROBE_AFTER: Span = Span::secs(1);
/// What a new connection on the same ports is moved by.
const APART: u32 = 0x5000_0000;

/// The lines of all connections of a text.
#[derive(Default)]
pub(super) struct Numbering {
    flows: HashMap<FlowKey, Flow>,
}

/// What a segment's numbers are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Placed {
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
}

#[derive(Clone, Copy, Default)]
struct Flow {
    sides: [Line; 2],
    way: Way,
    /// Both lines before Wireshark began a new connection on the same ports, until the SYN is answered.
    before: Option<[u32; 2]>,
    /// When the last segment was captured, and by the side that sent it what tcpdump told of it last.
    last: Timestamp,
    told: [Option<(u32, u32)>; 2],
}

/// How the numbers of a connection are printed, once that is known.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Way {
    #[default]
    Unknown,
    Absolute,
    Counted,
}

/// One side.
#[derive(Clone, Copy)]
struct Line {
    /// Where printed numbers count from.
    base: Option<u32>,
    /// Number of the next octet, as far as is known.
    next: Option<u32>,
    /// `next` was made up, since no number of this side had been printed.
    made_up: bool,
    /// Added to what is printed.
    moved: u32,
    window_scale: u8,
}

impl Default for Line {
    fn default() -> Self {
        Line { base: None, next: None, made_up: false, moved: 0, window_scale: Segment::NO_SCALE }
    }
}

impl Line {
    /// The number meant by a printed one.
    fn read(&mut self, printed: u32, way: &mut Way) -> u32 {
        if self.made_up {
            self.made_up = false;
            // Counted numbers begin near 0; others are moved to where the line was made up.
            let next = self.next.unwrap_or_default();
            self.moved = if distance(printed, next) < FAR { 0 } else { next.wrapping_sub(printed) };
        }
        let as_is = printed.wrapping_add(self.moved);
        let (Some(base), Some(next)) = (self.base, self.next) else { return as_is };
        let counted = printed.wrapping_add(base);
        let (far_as_is, far_counted) = (distance(as_is, next), distance(counted, next));
        let choice = match *way {
            // What fits neither way is of an older connection, printed the same way.
            Way::Counted if far_counted < NEAR || far_as_is >= NEAR => Way::Counted,
            Way::Absolute if far_as_is < NEAR || far_counted >= NEAR => Way::Absolute,
            _ if far_counted < far_as_is => Way::Counted,
            _ => Way::Absolute,
        };
        if *way == Way::Unknown && far_counted != far_as_is {
            *way = choice;
        }
        if choice == Way::Counted { counted } else { as_is }
    }

    fn advance(&mut self, number: u32) {
        let ahead = self.next.is_none_or(|next| (number.wrapping_sub(next) as i32) > 0);
        if ahead {
            self.next = Some(number);
        }
    }
}

fn distance(a: u32, b: u32) -> u32 {
    (a.wrapping_sub(b) as i32).unsigned_abs()
}

impl Numbering {
    /// The numbers of the next segment. Nothing if they cannot be known.
    pub fn place(&mut self, key: &FlowKey, side: Side, at: Timestamp, packet: &Packet<'_>) -> Option<Placed> {
        if self.flows.len() >= MOST && !self.flows.contains_key(key) {
            self.flows.clear();
        }
        let flow = self.flows.entry(*key).or_default();
        let [own, peer] = [side.index(), side.peer().index()];
        if packet.flags.any(TcpFlags::SYN) {
            flow.open(own, peer, packet);
        }
        let (seq, ack) = match packet.numbers {
            Numbers::Switching => {
                let (seq, ack) = flow.switching(own, peer, packet)?;
                (if flow.is_probe(own, at, packet) { seq.wrapping_sub(1) } else { seq }, ack)
            }
            Numbers::FromZero | Numbers::Absolute => flow.of_before(own, peer, packet).unwrap_or((
                packet.seq?.wrapping_add(flow.sides[own].moved),
                packet.ack.unwrap_or_default().wrapping_add(flow.sides[peer].moved),
            )),
        };
        flow.last = at;
        flow.told[own] = packet.ack.map(|ack| (ack, packet.window));
        let ends = packet.flags.any(TcpFlags::SYN) as u32 + packet.flags.any(TcpFlags::FIN) as u32;
        flow.sides[own].advance(seq.wrapping_add(packet.len).wrapping_add(ends));
        let window = match packet.numbers {
            Numbers::FromZero => flow.unscaled(own, packet),
            _ => packet.window,
        };
        Some(Placed { seq, ack, window: u16::try_from(window).unwrap_or(u16::MAX) })
    }
}

impl Flow {
    /// A SYN begins the line of its side, one without ACK that of both.
    fn open(&mut self, own: usize, peer: usize, packet: &Packet<'_>) {
        let Some(seq) = packet.seq else { return };
        let mut line = Line { window_scale: packet.window_scale, ..Line::default() };
        match packet.numbers {
            Numbers::FromZero => {
                let before = self.sides[own];
                line.moved = before.moved;
                let was_used = before.next.is_some_and(|next| distance(next, before.moved) > 1);
                if packet.ack.is_some() {
                    self.before = None;
                }
                if seq == 0 && !packet.again && packet.ack.is_none() && was_used {
                    let next = |line: &Line| line.next.unwrap_or(line.moved);
                    self.before = Some([next(&self.sides[0]), next(&self.sides[1])]);
                    line.moved = before.moved.wrapping_add(APART);
                    self.sides[peer] = Line { moved: line.moved, ..Line::default() };
                }
                line.next = Some(seq.wrapping_add(line.moved));
            }
            Numbers::Switching | Numbers::Absolute => {
                (line.base, line.next) = (Some(seq), Some(seq));
                match packet.ack {
                    Some(ack) => {
                        let peer = &mut self.sides[peer];
                        peer.base = Some(ack.wrapping_sub(1));
                        peer.next = peer.next.filter(|next| distance(*next, ack) < NEAR).or(Some(ack));
                    }
                    // tcpdump counts from the old numbers until the SYN is answered.
                    None => line.base = self.sides[own].base.or(line.base),
                }
            }
        }
        self.sides[own] = line;
    }

    /// As tcpdump prints them: see above.
    fn switching(&mut self, own: usize, peer: usize, packet: &Packet<'_>) -> Option<(u32, u32)> {
        if packet.flags.any(TcpFlags::SYN) {
            return Some((packet.seq?, packet.ack.unwrap_or_default()));
        }
        let begun = |line: &Line| line.base.is_some() || line.next.is_some();
        if !begun(&self.sides[own]) && !begun(&self.sides[peer]) && packet.ack.is_some() {
            // The first of this connection, and the one that the others are counted from.
            self.sides[own] = match packet.seq {
                Some(seq) => Line { base: Some(seq), next: Some(seq), ..Line::default() },
                None => Line { next: Some(0), made_up: true, ..Line::default() },
            };
            let ack = packet.ack?;
            let base = Some(ack.wrapping_sub(1));
            self.sides[peer] = Line { base, next: Some(ack), ..Line::default() };
            return Some((self.sides[own].next?, ack));
        }
        let (line, way) = (&mut self.sides[own], &mut self.way);
        let seq = match packet.seq {
            // Without an ACK it is printed as it is, which may have nothing to do with what is known.
            Some(printed) if packet.ack.is_none() => match line.next {
                Some(next) if *way != Way::Counted && distance(printed, next) >= NEAR => next,
                _ => printed,
            },
            Some(printed) => line.read(printed, way),
            None => match line.next {
                Some(next) => next,
                None => {
                    (line.next, line.made_up) = (Some(0), true);
                    0
                }
            },
        };
        let ack = packet.ack.map(|printed| self.sides[peer].read(printed, way));
        if let Some(ack) = ack {
            self.sides[peer].next.get_or_insert(ack);
        }
        Some((seq, ack.unwrap_or_default()))
    }

    /// A keep-alive probe, whose number tcpdump does not print: after a second or more of silence on both sides the last
    /// acknowledgment is sent once more, though nothing came that it could acknowledge.
    fn is_probe(&self, own: usize, at: Timestamp, packet: &Packet<'_>) -> bool {
        packet.seq.is_none()
            && packet.flags == TcpFlags::ACK
            && at - self.last >= PROBE_AFTER
            && self.told[own].is_some()
            && self.told[own] == packet.ack.map(|ack| (ack, packet.window))
    }

    /// Segments of the connection before, between a new SYN and its answer, as Wireshark numbers them: far from 0.
    fn of_before(&self, own: usize, peer: usize, packet: &Packet<'_>) -> Option<(u32, u32)> {
        let before = self.before.filter(|_| !packet.flags.any(TcpFlags::SYN))?;
        let numbers = if packet.ack.is_some() { packet.ack } else { packet.seq };
        (distance(numbers?, 0) >= FAR).then_some((before[own], before[peer]))
    }

    /// The window field: what is printed is scaled, unless one of the two SYNs was not seen or did not scale.
    fn unscaled(&self, own: usize, packet: &Packet<'_>) -> u32 {
        let scale = self.sides[own].window_scale;
        let both = self.sides.iter().all(|line| line.window_scale != Segment::NO_SCALE);
        if both && !packet.flags.any(TcpFlags::SYN) { packet.window >> scale.min(14) } else { packet.window }
    }
}
