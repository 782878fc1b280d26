//! IEEE 802.11 data frames, bare or behind a radiotap header. Aggregates (A-MSDU) are not taken apart.

use etherparse::EtherType;

use super::{Payload, Skip, llc};

/// Radiotap: its length stands in octets 2 and 3, little-endian.
pub fn radiotap(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, _) = frame.split::<4>(Skip::BadLink)?;
    ieee_802_11(frame.skip(usize::from(u16::from_le_bytes([header[2], header[3]])), Skip::BadLink)?)
}

/// A data frame (IEEE 802.11-2020 §9.3.2): a fourth address between access points, QoS and HT control if
/// the frame control field says so, then LLC.
pub fn ieee_802_11(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (control, _) = frame.split::<2>(Skip::BadLink)?;
    let (kind, flags) = (control[0], control[1]);
    let is_data = kind & 0x0c == 0x08;
    let carries_nothing = kind & 0x40 != 0;
    if !is_data || carries_nothing {
        return Err(Skip::Wireless);
    }
    if flags & 0x40 != 0 {
        return Err(Skip::Encrypted);
    }
    let mut header = 24;
    if flags & 0x03 == 0x03 {
        header += 6;
    }
    if kind & 0x80 != 0 {
        header += 2;
        if flags & 0x80 != 0 {
            header += 4;
        }
    }
    llc::header(frame.skip(header, Skip::BadLink)?)
}
