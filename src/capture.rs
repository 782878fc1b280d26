//! Captures: bytes become records.

use crate::wire::Timestamp;

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
