//! Captures: bytes become records.
//!
//! A [`Reader`] reads any capture, compressed or not, from a file or a pipe, and lends its [`Record`]s in the
//! order of the file. What it learned besides (interfaces, drops, damage) is its [`Summary`]. Nothing here looks
//! into a packet; nothing here prints, reads a clock or the environment. Input is never trusted: a length is
//! believed only up to [`Limits`], and behind damage the reader goes on only where that is proven safe.
//!
//! A new format is one file with a `Walk`, and one line in `FORMATS`.

mod ahead;
mod block;
mod compression;
mod erf;
mod error;
mod feed;
mod interrupt;
mod lines;
mod link;
mod marks;
mod pcap;
mod pcapng;
mod pool;
mod reader;
mod recover;
mod snoop;
mod source;
mod summary;
mod unpacked;
mod walk;
mod writer;

use crate::wire::Timestamp;

pub use ahead::Ahead;
pub use block::Block;
pub use compression::Compression;
pub use error::{CaptureError, Looks};
pub use interrupt::Interrupt;
pub(crate) use lines::Lines;
pub use marks::{Mark, Marks};
pub use reader::{Content, Reader};
pub use summary::{ByteOrder, Cut, Damage, DamageKind, Drop, Interface, Summary};
pub use unpacked::Unpacked;
pub use writer::PcapNgWriter;

use source::Source;
use walk::{Format, Found, Frame, Opened, Probe, Recognised, Stop, Walk, Walked};

/// A link-layer type, numbered as in the registry of LINKTYPE_ values that pcap and pcapng share.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkType(pub u16);

/// One captured packet, lent for the length of one call.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Frame number in this capture, from 1.
    pub frame: u64,
    /// When it was captured.
    pub at: Timestamp,
    /// How its bytes begin.
    pub link: LinkType,
    /// Interface number within the capture, from 0.
    pub interface: u32,
    /// Octets it had on the wire, at least `data.len()` in a sound capture.
    pub wire_len: u32,
    /// Octets that were captured.
    pub data: &'a [u8],
}

/// What a reader believes and keeps at most. Memory use follows from these numbers, never from the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Octets taken of the input at once; 256 KiB, so that what was read is still in the second-level cache when it is
    /// decoded. It grows once if a record, or the search behind damage, needs more.
    pub buffer: usize,
    /// Captured octets in one record; 262,144 as in libpcap and Wireshark. A record that claims more is damage.
    pub max_record: u32,
    /// Octets in a pcapng block that holds no packet; 16 MiB as in Wireshark. A block that claims more is damage.
    pub max_block: u32,
    /// Octets that a compressed capture may unfold to; 1 TiB. `None`: no limit.
    pub max_decompressed: Option<u64>,
    /// Octets that one compressed octet may unfold to on average, looked at from 64 MiB on; 5,000, five times what
    /// gzip can reach. `None`: no limit.
    pub max_ratio: Option<u64>,
    /// Interfaces described; 65,536. Packets of a further one are skipped as damage.
    pub max_interfaces: usize,
    /// Names kept from pcapng name resolution blocks; 10,000.
    pub max_names: usize,
    /// Drops and holes listed one by one; 1,000 each. Sums stay exact beyond.
    pub max_listed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            buffer: 1 << 18,
            max_record: 1 << 18,
            max_block: 16 << 20,
            max_decompressed: Some(1 << 40),
            max_ratio: Some(5_000),
            max_interfaces: 1 << 16,
            max_names: 10_000,
            max_listed: 1_000,
        }
    }
}

/// Every format that can be read, in the order in which they are tried; the one without a magic number comes last.
const FORMATS: &[Format] = &[pcap::FORMAT, pcapng::FORMAT, snoop::FORMAT, erf::FORMAT];

/// The name of a format as [`Summary`] tells it, from a copy of that name.
pub fn format_name(name: &str) -> &'static str {
    let variants = ["nanosecond pcap", "modified pcap", "Shomiti snoop", "text"];
    FORMATS.iter().map(|format| format.name).chain(variants).find(|known| *known == name).unwrap_or("capture")
}
