//! Ethernet, the tags that may follow its addresses, and ERF records that wrap it.

use etherparse::EtherType;

use super::link::Shim;
use super::{Payload, Skip, llc, mpls, ppp, raw};

/// Ethernet inside something else (transparent Ethernet bridging).
pub const ETHERNET: EtherType = EtherType(0x6558);
/// MPLS, one or more labels.
pub const MPLS: EtherType = EtherType(0x8847);
/// PPP without address and control, as GRE names it.
pub const PPP: EtherType = EtherType(0x880b);
/// An LLC header follows: not a number on the wire but our name for "length instead of type".
pub const LLC: EtherType = EtherType(4);

/// EtherTypes (IEEE 802 Numbers) that only wrap another EtherType. VLAN tags are not here, since their
/// identifier may be wanted ([`super::Zone::Vlan`]).
pub const ETHER_TYPES: &[(EtherType, Shim)] = &[
    (ETHERNET, ethernet),
    (MPLS, mpls::labels),
    (EtherType(0x8848), mpls::labels),
    (EtherType(0x8864), ppp::over_ethernet),
    (PPP, ppp::frame),
    (LLC, llc::header),
    (EtherType(0x8870), llc::header),
    (EtherType(0x8926), vn_tag),
    (EtherType(0x893f), e_tag),
    (EtherType(0x892f), hsr),
];

/// Ethernet II, or IEEE 802.3 with a length and LLC.
pub fn ethernet(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = frame.split::<14>(Skip::BadLink)?;
    Ok(type_or_length(u16::from_be_bytes([header[12], header[13]]), rest))
}

/// A type field below 1,536 is the length of an LLC frame (IEEE 802.3 §3.2.6).
pub fn type_or_length(field: u16, rest: Payload<'_>) -> (EtherType, Payload<'_>) {
    if field >= 0x0600 {
        (EtherType(field), rest)
    } else {
        (LLC, rest.clip(usize::from(field).min(rest.len)))
    }
}

/// One VLAN tag behind its EtherType (IEEE 802.1Q §9.6): the VLAN identifier and what follows.
pub fn vlan(tag: Payload<'_>) -> Result<(u16, EtherType, Payload<'_>), Skip> {
    let (header, rest) = tag.split::<4>(Skip::BadLink)?;
    let identifier = u16::from_be_bytes([header[0], header[1]]) & 0x0fff;
    let (ether_type, rest) = type_or_length(u16::from_be_bytes([header[2], header[3]]), rest);
    Ok((identifier, ether_type, rest))
}

/// Cisco VN-Tag: four octets of virtual interfaces.
fn vn_tag(tag: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = tag.split::<6>(Skip::BadLink)?;
    Ok(type_or_length(u16::from_be_bytes([header[4], header[5]]), rest))
}

/// IEEE 802.1BR E-TAG: six octets of extended port identifiers.
fn e_tag(tag: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = tag.split::<8>(Skip::BadLink)?;
    Ok(type_or_length(u16::from_be_bytes([header[6], header[7]]), rest))
}

/// HSR (IEC 62439-3): path and size, then a sequence number.
fn hsr(tag: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = tag.split::<6>(Skip::BadLink)?;
    Ok(type_or_length(u16::from_be_bytes([header[4], header[5]]), rest))
}

/// Endace ERF: 16 octets, extension headers of eight octets each, and one record type per kind of link.
pub fn erf(record: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    const MORE: u8 = 0x80;
    let (header, mut rest) = record.split::<16>(Skip::BadLink)?;
    let mut more = header[8] & MORE != 0;
    while more {
        let (extension, behind) = rest.split::<8>(Skip::BadLink)?;
        more = extension[0] & MORE != 0;
        rest = behind;
    }
    match header[8] & !MORE {
        // Plain, coloured and the two DAG-card variants of Ethernet: two octets of offset and padding first.
        2 | 11 | 16 | 20 => ethernet(rest.skip(2, Skip::BadLink)?),
        1 => ppp::serial(rest),
        22 | 23 => raw::ip(rest),
        _ => Err(Skip::UnknownLink),
    }
}
