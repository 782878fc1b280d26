//! Tunnels: headers behind IP or UDP that carry another packet.

use etherparse::EtherType;

use super::ethernet::ETHERNET;
use super::link::Shim;
use super::{Payload, Skip, raw};

/// Tunnels on UDP, by destination port. A shim that refuses leaves the packet plain UDP.
pub const UDP_TUNNELS: &[(u16, Shim)] = &[(4789, vxlan), (8472, vxlan), (6081, geneve), (2152, gtp_u)];

/// GRE (RFC 2784, RFC 2890), NVGRE (RFC 7637), PPTP's version 1 (RFC 2637 §4.1), ERSPAN.
pub fn gre(packet: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    const CHECKSUM: u8 = 0x80;
    const ROUTING: u8 = 0x40;
    const KEY: u8 = 0x20;
    const SEQUENCE: u8 = 0x10;
    const ACKNOWLEDGMENT: u8 = 0x80;
    const ERSPAN_1_2: u16 = 0x88be;
    const ERSPAN_3: u16 = 0x22eb;

    let (header, rest) = packet.split::<4>(Skip::OtherIp)?;
    let [flags, more, t0, t1] = *header;
    let ether_type = u16::from_be_bytes([t0, t1]);
    let has_sequence = flags & SEQUENCE != 0;
    let mut optional = 0;
    // Either flag brings both fields: checksum and offset.
    if flags & (CHECKSUM | ROUTING) != 0 {
        optional += 4;
    }
    if flags & KEY != 0 {
        optional += 4;
    }
    if has_sequence {
        optional += 4;
    }
    if more & 0x07 == 1 && more & ACKNOWLEDGMENT != 0 {
        optional += 4;
    }
    let mut rest = rest.skip(optional, Skip::OtherIp)?;
    // Source routes (RFC 1701): entries of their own length, an empty one is the last.
    if flags & ROUTING != 0 {
        loop {
            let (entry, behind) = rest.split::<4>(Skip::OtherIp)?;
            rest = behind.skip(usize::from(entry[3]), Skip::OtherIp)?;
            if entry[3] == 0 {
                break;
            }
        }
    }
    match ether_type {
        // Type I has neither sequence number nor header of its own, type II has both.
        ERSPAN_1_2 if !has_sequence => Ok((ETHERNET, rest)),
        ERSPAN_1_2 => Ok((ETHERNET, rest.skip(8, Skip::OtherIp)?)),
        ERSPAN_3 => {
            let (header, rest) = rest.split::<12>(Skip::OtherIp)?;
            let platform = if header[11] & 1 != 0 { 8 } else { 0 };
            Ok((ETHERNET, rest.skip(platform, Skip::OtherIp)?))
        }
        _ => Ok((EtherType(ether_type), rest)),
    }
}

/// VXLAN (RFC 7348 §5): the flag that says the network identifier is valid must be set.
fn vxlan(packet: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = packet.split::<8>(Skip::Udp)?;
    if header[0] & 0x08 == 0 {
        return Err(Skip::Udp);
    }
    Ok((ETHERNET, rest))
}

/// GENEVE (RFC 8926 §3.4): options in words of four octets, an EtherType.
fn geneve(packet: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = packet.split::<8>(Skip::Udp)?;
    if header[0] >> 6 != 0 {
        return Err(Skip::Udp);
    }
    let options = usize::from(header[0] & 0x3f) * 4;
    let ether_type = EtherType(u16::from_be_bytes([header[2], header[3]]));
    Ok((ether_type, rest.skip(options, Skip::Udp)?))
}

/// GTP-U (3GPP TS 29.281 §5): a T-PDU is an IP packet behind optional fields and extension headers.
fn gtp_u(packet: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    const T_PDU: u8 = 255;
    let (header, mut rest) = packet.split::<8>(Skip::Udp)?;
    let [flags, message, ..] = *header;
    let is_version_1 = flags & 0xf0 == 0x30;
    if !is_version_1 || message != T_PDU {
        return Err(Skip::Udp);
    }
    if flags & 0x07 != 0 {
        let (optional, behind) = rest.split::<4>(Skip::Udp)?;
        rest = behind;
        let mut next = if flags & 0x04 != 0 { optional[3] } else { 0 };
        while next != 0 {
            let (words, _) = rest.split::<1>(Skip::Udp)?;
            let len = usize::from(words[0]) * 4;
            let (extension, behind) = rest.data.split_at_checked(len).ok_or(rest.lacks(len, Skip::Udp))?;
            next = *extension.last().ok_or(Skip::Udp)?;
            rest = Payload { data: behind, len: rest.len - len };
        }
    }
    raw::ip(rest).map_err(|_| Skip::Udp)
}
