//! Decoding: one record becomes one segment, a quote of one, or a counted reason why not.
//!
//! Here are the front door and the two roads behind it: `fast` takes the commonest shapes, `walk` every
//! other one by way of the registries [`LINKS`], [`ETHER_TYPES`] and [`UDP_TUNNELS`]. Nothing here knows
//! connections; the only memory is that of unfinished IP fragments.

mod ethernet;
mod fast;
mod fragments;
mod header;
mod icmp;
mod ip;
mod link;
mod linux;
mod llc;
mod mpls;
mod payload;
mod ppp;
mod raw;
mod seam;
mod skip;
mod tcp;
mod tunnel;
mod walk;
mod wireless;

#[cfg(test)]
mod tests;

use crate::capture::{LinkType, Record};
use crate::wire::{FlowKey, Segment, Stamp};

pub use ethernet::ETHER_TYPES;
pub use fragments::FragmentCounts;
pub use header::{maximum_segment_size, tcp_header};
pub use icmp::Quote;
pub use link::{LINKS, Shim};
pub use payload::Payload;
pub use seam::{Seams, Unfinished};
pub use skip::{Skip, Skips};
pub use tunnel::UDP_TUNNELS;

/// What a user may choose about decoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Whether tunnels are entered.
    pub tunnel: Tunnel,
    /// What keeps flows with equal addresses and ports apart.
    pub zone: Zone,
}

/// Which connections are followed where one packet travels inside another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tunnel {
    /// Tunnels are entered, and the innermost TCP header is the segment.
    #[default]
    Inner,
    /// Tunnels stay closed: only TCP of the outermost IP header is followed, what a tunnel carries is
    /// counted as [`Skip::Tunnelled`]. For captures that hold the same connection outside the tunnel as well.
    Outer,
}

/// What [`FlowKey::zone`] holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Zone {
    /// Nothing: flows are addresses and ports, as Wireshark numbers its streams.
    #[default]
    None,
    /// The VLAN identifiers outside the outermost IP header, 12 bits each, innermost lowest; 0 if untagged.
    Vlan,
    /// The capture interface.
    Interface,
}

/// What one record turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// A TCP segment of that flow.
    Segment(FlowKey, Segment),
    /// An ICMP error about a TCP segment.
    Quote(Quote),
    /// Nothing to follow, and why.
    Skip(Skip),
}

impl Decoded {
    /// The same, of another frame.
    #[must_use]
    pub fn seen(self, seen: Stamp) -> Decoded {
        match self {
            Decoded::Segment(key, segment) => Decoded::Segment(key, Segment { seen, ..segment }),
            Decoded::Quote(quote) => Decoded::Quote(Quote { seen, ..quote }),
            skip @ Decoded::Skip(_) => skip,
        }
    }
}

/// Turns records into segments. It remembers unfinished fragments, at most 2 MiB, and nothing else.
#[derive(Default)]
pub struct Decoder {
    options: Options,
    fragments: fragments::Fragments,
    /// Set where a fragment was met by one that keeps none.
    met_fragment: bool,
    keeps_none: bool,
    /// Where the last walk ended at a TCP header: its address, and the octets from there on that belong to the segment.
    tcp: (usize, usize),
}

impl Decoder {
    /// A decoder that has seen nothing yet.
    pub fn new(options: Options) -> Self {
        Decoder { options, ..Decoder::default() }
    }

    /// A decoder without memory, for [`Decoder::decode_alone`].
    pub fn without_fragments(options: Options) -> Self {
        Decoder { options, keeps_none: true, ..Decoder::default() }
    }

    /// As [`Decoder::decode_any`], if that can be told without any other record; none for a fragment, which another
    /// decoder has to take in the order of capture.
    pub fn decode_alone(&mut self, record: &Record<'_>) -> Option<Decoded> {
        let decoded = self.decode_any(record);
        if self.met_fragment {
            self.met_fragment = false;
            return None;
        }
        Some(decoded)
    }

    /// What this record is. Any bytes are allowed; the cost is bounded by the length of the record.
    pub fn decode(&mut self, record: &Record<'_>) -> Decoded {
        let mut found = (FlowKey::BLANK, Segment::BLANK);
        if self.decode_common(record, &mut found) {
            return Decoded::Segment(found.0, found.1);
        }
        self.decode_any(record)
    }

    /// Writes the segment in a record of one of the commonest shapes to where the caller keeps it, which is why this is
    /// apart from [`Decoder::decode`]. `false`: it is for [`Decoder::decode_any`], and what was written means nothing.
    #[inline(always)]
    pub fn decode_common(&self, record: &Record<'_>, into: &mut (FlowKey, Segment)) -> bool {
        if record.link != LinkType(link::ETHERNET) {
            return false;
        }
        let zone = if self.options.zone == Zone::Interface { record.interface } else { 0 };
        fast::segment(record, zone, self.options.zone == Zone::Vlan, into).is_some()
    }

    /// What a record of any shape is.
    #[inline(never)]
    pub fn decode_any(&mut self, record: &Record<'_>) -> Decoded {
        self.walk(record)
    }

    /// What became of IP fragments so far; a datagram that still waits counts as incomplete.
    pub fn fragments(&self) -> FragmentCounts {
        self.fragments.counts()
    }
}

/// Source and destination port of a record of one of the commonest shapes: decoding it gives a segment of these ports, or
/// none at all. None says nothing.
#[inline]
pub fn ports(record: &Record<'_>) -> Option<[u16; 2]> {
    if record.link != LinkType(link::ETHERNET) {
        return None;
    }
    fast::ports(record)
}

/// What holds for a whole record, carried down its layers.
#[derive(Clone, Copy)]
struct Frame {
    seen: Stamp,
    interface: u32,
    zone: u32,
    /// IP headers and reassemblies so far; bounds the recursion.
    depth: u8,
}

impl Frame {
    #[inline(always)]
    fn of(record: &Record<'_>, zone: u32) -> Frame {
        let seen = Stamp { at: record.at, frame: record.frame };
        Frame { seen, interface: record.interface, zone, depth: 0 }
    }
}
