//! What one line tells of one packet, whoever printed it.

use super::clock::Written;
use crate::decode::Skip;
use crate::wire::{Multipath, Segment, SeqNum, TcpFlags, TcpTimestamps};

/// One end as printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct End<'a> {
    /// Address or name.
    pub host: &'a str,
    /// Number or name of a service.
    pub port: &'a str,
}

/// What is told of the IP header; 0 where nothing is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct IpHeader {
    pub id: u16,
    pub hop_limit: u8,
    /// It is a piece of a datagram.
    pub fragment: bool,
}

/// How a tool writes sequence numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Numbers {
    /// As they are until both sides are known, counted from the first ones then (tcpdump without -S).
    Switching,
    /// From 0 for the first one of a connection (Wireshark), unless switched off.
    FromZero,
    /// As they are.
    Absolute,
}

/// A TCP segment as a line tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packet<'a> {
    pub from: End<'a>,
    pub to: End<'a>,
    pub flags: TcpFlags,
    pub numbers: Numbers,
    /// As printed; tcpdump leaves it out where nothing is sent.
    pub seq: Option<u32>,
    /// As printed.
    pub ack: Option<u32>,
    pub len: u32,
    /// As printed: scaled by Wireshark. [`Packet::NO_WINDOW`] if it is not told.
    pub window: u32,
    /// The window scale option, [`crate::wire::Segment::NO_SCALE`] if there is none.
    pub window_scale: u8,
    pub timestamps: Option<TcpTimestamps>,
    /// What it says of Multipath TCP, with the number that belongs to it.
    pub multipath: (Multipath, SeqNum),
    pub has_options: bool,
    /// 0 if not told.
    pub checksum: u16,
    pub ip: IpHeader,
    /// The tool calls it a repetition.
    pub again: bool,
    /// The line holds all that the tool prints; else the next one may go on.
    pub whole: bool,
}

impl<'a> Packet<'a> {
    /// A window that is not told, or cut off, is not taken for a closed one.
    pub const NO_WINDOW: u32 = u16::MAX as u32;

    /// A packet of which nothing is known but its ends.
    pub fn between(from: End<'a>, to: End<'a>, numbers: Numbers) -> Packet<'a> {
        Packet {
            from,
            to,
            flags: TcpFlags::default(),
            numbers,
            seq: None,
            ack: None,
            len: 0,
            window: Packet::NO_WINDOW,
            window_scale: Segment::NO_SCALE,
            timestamps: None,
            multipath: (Multipath::Nothing, SeqNum(0)),
            has_options: false,
            checksum: 0,
            ip: IpHeader::default(),
            again: false,
            whole: false,
        }
    }
}

/// What a line tells, and when, as printed.
pub(super) type Reading<'a> = (Option<Written>, Told<'a>);

/// A program whose lines are packets.
pub(super) struct Tool {
    /// Its name, as in reports.
    pub name: &'static str,
    /// What a line tells, if it is one of that program's. `layered`: a line of the same packet, from a lower layer, came
    /// before.
    pub read: for<'a> fn(&'a str, layered: bool) -> Option<Reading<'a>>,
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told<'a> {
    /// A segment.
    Packet(Packet<'a>),
    /// The IP header of the packet that the next line tells of.
    Header(IpHeader),
    /// A packet that is no TCP.
    Other(Skip),
    /// Nothing that could be read.
    Unread(Reason),
    /// The beginning of a packet: the next line may hold the rest.
    Begun,
    /// The capturing program has lost so many packets.
    Dropped(u64),
}

/// Why a line is no segment, though it may be of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// Nothing about a packet.
    NoPacket,
    /// Nothing at all.
    Blank,
    /// Octets of a packet in hex.
    Dump,
    /// It belongs to the packet of a line before it.
    Continued,
    /// The packet stands in an ICMP error, quoted.
    Quoted,
    /// It ends before what a segment takes.
    Cut,
    /// The protocol above TCP is all it tells of.
    NoHeader,
    /// TCP without its control bits (`tcpdump -q`).
    NoFlags,
    /// A port by a name that is not known, and there are too many such names.
    Service,
    /// A host by a name, and there are too many names.
    Host,
    /// It is the first of its side, and has no sequence number.
    Number,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Reason; 11] = [
        Reason::NoPacket,
        Reason::Blank,
        Reason::Dump,
        Reason::Continued,
        Reason::Quoted,
        Reason::Cut,
        Reason::NoHeader,
        Reason::NoFlags,
        Reason::Service,
        Reason::Host,
        Reason::Number,
    ];

    /// In words, as of lines: `3 blank`.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::NoPacket => "without a packet",
            Reason::Blank => "blank",
            Reason::Dump => "of octets in hex",
            Reason::Continued => "that belong to the packet above",
            Reason::Quoted => "quoted in an ICMP error",
            Reason::Cut => "cut short",
            Reason::NoHeader => "of a protocol above, without the TCP header",
            Reason::NoFlags => "without TCP flags",
            Reason::Service => "with more unknown port names than are kept (-nn prints numbers)",
            Reason::Host => "with more host names than are kept",
            Reason::Number => "without a sequence number to start from",
        }
    }

    /// A packet is lost by it.
    pub const fn is_loss(self) -> bool {
        matches!(
            self,
            Reason::Cut
                | Reason::NoHeader
                | Reason::NoFlags
                | Reason::Service
                | Reason::Host
                | Reason::Number
        )
    }
}
