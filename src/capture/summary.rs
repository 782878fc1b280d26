//! What a reader learned about a capture besides its records: plain data, filled while reading, no judgement.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use super::{Compression, LinkType};
use crate::wire::{Span, Timestamp};

/// Everything known about a capture so far. Counts and sums are exact; lists end at [`Limits::max_listed`].
///
/// [`Limits::max_listed`]: super::Limits::max_listed
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// Name of the format: `pcap`, `nanosecond pcap`, `modified pcap`, `pcapng`, `snoop`, `Shomiti snoop`, `ERF`.
    pub format: &'static str,
    /// Compressions around it, outermost first.
    pub compression: Vec<Compression>,
    /// Byte order of its (first) header.
    pub byte_order: Option<ByteOrder>,
    /// Octets read from the file or pipe, compressed if it is.
    pub file_bytes: u64,
    /// Octets of the capture itself that were walked.
    pub capture_bytes: u64,
    /// Records delivered.
    pub frames: u64,
    /// Interfaces in the order of [`Record::interface`](super::Record::interface).
    pub interfaces: Vec<Interface>,
    /// Largest snap length of any interface; `None` if the format does not tell.
    pub snaplen: Option<u32>,
    /// Time of the earliest and of the latest record.
    pub times: Option<(Timestamp, Timestamp)>,
    /// The largest step back in time from one record to the next.
    pub step_back: Span,
    /// Packets that the capturing host says it lost; `None` if the format does not tell.
    pub dropped: Option<u64>,
    /// Where they were lost.
    pub drops: Vec<Drop>,
    /// Names of addresses that the capture brings along.
    pub names: Vec<(IpAddr, String)>,
    /// What the capture says of itself in words (pcapng section comments); the first ones.
    pub comments: Vec<String>,
    /// Holes: what could not be read.
    pub damage: Vec<Damage>,
    /// Number of holes, listed or not.
    pub damage_count: u64,
    /// Octets in all holes.
    pub damaged_bytes: u64,
    /// Set at the end if the capture stops inside a record, which is how many captures end.
    pub tail: Option<Cut>,
    pub(super) max_listed: usize,
}

/// Order of octets in the numbers of a capture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ByteOrder {
    /// Least significant first.
    Little,
    /// Most significant first.
    Big,
}

/// One interface of a capture.
#[derive(Clone, PartialEq, Debug)]
pub struct Interface {
    /// Its name, if the capture tells.
    pub name: Option<String>,
    /// How its packets begin.
    pub link: LinkType,
    /// Octets kept of a packet at most; `None` if not told or without limit.
    pub snaplen: Option<u32>,
    /// Seconds added to its time stamps (pcapng `if_tsoffset`; already applied).
    pub offset_s: i64,
    /// Records delivered.
    pub frames: u64,
}

impl Interface {
    pub(super) fn new(link: LinkType) -> Interface {
        Interface { name: None, link, snaplen: None, offset_s: 0, frames: 0 }
    }
}

/// Packets that the capturing host lost, as the capture itself says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drop {
    /// They were lost after this frame (0: before the first) …
    pub after_frame: u64,
    /// … and before this one.
    pub before_frame: u64,
    /// Time of the record that tells, or of the last one before it.
    pub at: Option<Timestamp>,
    /// Packets lost.
    pub count: u64,
    /// Interface number.
    pub interface: u32,
}

/// A hole: octets in the middle of a capture that could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Number of the frame that would have come next; if reading went on, the one behind the hole has it.
    pub frame: u64,
    /// Offset of the hole in the (unfolded) capture.
    pub at_byte: u64,
    /// Octets skipped.
    pub skipped: u64,
    /// What was wrong.
    pub what: DamageKind,
    /// Whether reading went on behind it.
    pub resumed: bool,
    /// Time of the last record before it; none if there was none.
    pub before: Option<Timestamp>,
    /// Time of the first record behind it; none if there was none.
    pub behind: Option<Timestamp>,
}

/// What was wrong with a record or block.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DamageKind {
    /// A record claims more octets than are possible.
    #[error("record length {claimed} exceeds the {limit} allowed")]
    RecordTooLong {
        /// Octets claimed.
        claimed: u32,
        /// Octets allowed.
        limit: u32,
    },
    /// A record header made of zeros only, as a file system leaves them after a crash.
    #[error("record header is all zeros")]
    Zeros,
    /// In the words of a program that read the capture before.
    #[error("{0}")]
    Told(String),
    /// No field of a record header is plausible.
    #[error("bytes are no record header")]
    NoHeader,
    /// A record that does not hold its own packet.
    #[error("record of {record} bytes cannot hold {captured} captured bytes")]
    RecordTooShort {
        /// Octets of the record.
        record: u32,
        /// Octets of the packet.
        captured: u32,
    },
    /// A pcapng block of impossible length.
    #[error("block length {0} is impossible")]
    BlockLength(u32),
    /// A pcapng block whose two lengths differ.
    #[error("block length {leading} differs from the {trailing} at its end")]
    TrailingLength {
        /// Length at its start.
        leading: u32,
        /// Length at its end.
        trailing: u32,
    },
    /// A packet of an interface that was not described, or not within the limits.
    #[error("packet of interface {0}, which is not described")]
    UnknownInterface(u32),
    /// A pcapng section header that cannot be used.
    #[error("section header of an unknown byte order or version")]
    Section,
    /// The compressed stream is damaged.
    #[error("{compression} stream is damaged: {message}")]
    Stream {
        /// Kind of compression.
        compression: Compression,
        /// In the words of the decompressor.
        message: String,
    },
}

/// `frame N at byte B: what is wrong`.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {} at byte {}: {}", self.frame, self.at_byte, self.what)
    }
}

/// How a capture ends if it ends inside a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// Number that the incomplete frame would have.
    pub frame: u64,
    /// Where its record begins in the (unfolded) capture.
    pub at_byte: u64,
    /// Octets there are of it.
    pub have: u64,
    /// Octets it takes, as far as is known.
    pub needed: u64,
    /// Set if it is the compressed stream that ends too soon.
    pub stream: Option<Compression>,
}

/// `frame N at byte B: the capture ends inside a record`, or the like.
impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {} at byte {}: ", self.frame, self.at_byte)?;
        match self.stream {
            Some(compression) => write!(f, "the {compression} stream ends too soon"),
            None => write!(f, "the capture ends inside a record, {} of {} bytes", self.have, self.needed),
        }
    }
}

impl Summary {
    /// Link types with their number of frames, in order of appearance.
    pub fn links(&self) -> Vec<(LinkType, u64)> {
        let (mut links, mut places) = (Vec::new(), HashMap::new());
        for interface in &self.interfaces {
            let place = *places.entry(interface.link).or_insert(links.len());
            if place == links.len() {
                links.push((interface.link, 0));
            }
            links[place].1 += interface.frames;
        }
        links
    }

    pub(super) fn add_drop(&mut self, drop: Drop) {
        let dropped = self.dropped.get_or_insert(0);
        *dropped = dropped.saturating_add(drop.count);
        if drop.count > 0 && self.drops.len() < self.max_listed {
            self.drops.push(drop);
        }
    }

    /// The stretches of time from which records are missing, the capture's edges left out. Where there are more holes
    /// than are listed, the last one reaches to the end.
    pub fn holes(&self) -> Vec<(Timestamp, Timestamp)> {
        let mut holes: Vec<_> = (self.damage.iter())
            .filter_map(|hole| {
                let (before, behind) = (hole.before?, hole.behind?);
                Some((before.min(behind), before.max(behind)))
            })
            .collect();
        if let (true, Some(last), Some((_, end))) =
            (self.damage_count > self.damage.len() as u64, holes.last_mut(), self.times)
        {
            last.1 = last.1.max(end);
        }
        holes
    }

    /// A record of that time follows what holes there are.
    pub(super) fn resumes(&mut self, at: Timestamp) {
        let open = |hole: &&mut Damage| hole.resumed && hole.behind.is_none();
        self.damage.iter_mut().rev().take_while(open).for_each(|hole| hole.behind = Some(at));
    }

    pub(super) fn add_damage(&mut self, damage: Damage) {
        self.damage_count += 1;
        self.damaged_bytes += damage.skipped;
        if self.damage.len() < self.max_listed {
            self.damage.push(damage);
        }
    }
}
