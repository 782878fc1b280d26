//! IEEE 802.2 LLC and SNAP, and the two old rings that always use them.

use etherparse::EtherType;

use super::ethernet::type_or_length;
use super::{Payload, Skip};

/// LLC: SNAP names an EtherType (RFC 1042), SAP 06 is IP itself, the rest is control or foreign.
pub fn header(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (llc, rest) = frame.split::<3>(Skip::BadLink)?;
    match llc {
        [0xaa, 0xaa, 0x03] => snap(rest),
        [0x06, 0x06, 0x03] => Ok((EtherType::IPV4, rest)),
        [0x42, 0x42, _] => Err(Skip::LinkControl),
        _ => Err(Skip::OtherEther),
    }
}

fn snap(rest: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (snap, rest) = rest.split::<5>(Skip::BadLink)?;
    match snap {
        // Encapsulated Ethernet, and the same through an 802.1H bridge tunnel.
        [0, 0, 0, a, b] | [0, 0, 0xf8, a, b] => Ok(type_or_length(u16::from_be_bytes([*a, *b]), rest)),
        // Cisco: CDP, VTP, per-VLAN spanning tree and so on.
        [0, 0, 0x0c, ..] => Err(Skip::LinkControl),
        _ => Err(Skip::OtherEther),
    }
}

/// Token ring (IEEE 802.5): source routing information follows if the source address says so.
pub fn token_ring(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    const ROUTED: u8 = 0x80;
    let (mac, rest) = frame.split::<14>(Skip::BadLink)?;
    if mac[1] & 0xc0 != 0x40 {
        return Err(Skip::LinkControl);
    }
    if mac[8] & ROUTED == 0 {
        return header(rest);
    }
    let (route, _) = rest.split::<2>(Skip::BadLink)?;
    header(rest.skip(usize::from(route[0] & 0x1f), Skip::BadLink)?)
}

/// FDDI (ISO 9314-2): frame control, two addresses, then LLC unless it is ring management.
pub fn fddi(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (mac, rest) = frame.split::<13>(Skip::BadLink)?;
    if mac[0] & 0x70 != 0x50 {
        return Err(Skip::LinkControl);
    }
    header(rest)
}
