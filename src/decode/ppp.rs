//! PPP and its relatives: serial lines, PPPoE sessions, Cisco HDLC.

use etherparse::EtherType;

use super::ethernet::{MPLS, type_or_length};
use super::{Payload, Skip};

/// PPP on a serial line, with or without HDLC address and control (RFC 1662); some systems write Cisco HDLC
/// under the same link types, told by its first octet.
pub fn serial(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    match frame.data {
        [0x0f | 0x8f, 0x00, ..] => cisco_hdlc(frame),
        _ => self::frame(frame),
    }
}

/// PPP with an octet in place of the address that says whether it came or went, and the control octet.
pub fn of_pppd(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    self::frame(frame.skip(2, Skip::BadLink)?)
}

/// PPP behind one octet that says whether it came or went.
pub fn with_direction(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    self::frame(frame.skip(1, Skip::BadLink)?)
}

/// PPP (RFC 1661 §2): a protocol number of two octets, of one if that one is odd. Address and control
/// may come first.
pub fn frame(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let frame = match frame.data {
        [0xff, 0x03, ..] => frame.skip(2, Skip::BadLink)?,
        _ => frame,
    };
    let (short, rest) = frame.split::<1>(Skip::BadLink)?;
    let (protocol, rest) = if short[0] & 1 == 1 {
        (u16::from(short[0]), rest)
    } else {
        let (long, rest) = frame.split::<2>(Skip::BadLink)?;
        (u16::from_be_bytes(*long), rest)
    };
    match protocol {
        0x0021 => Ok((EtherType::IPV4, rest)),
        0x0057 => Ok((EtherType::IPV6, rest)),
        0x0281 | 0x0283 => Ok((MPLS, rest)),
        0x0053 => Err(Skip::Encrypted),
        0x8000.. => Err(Skip::LinkControl),
        _ => Err(Skip::OtherEther),
    }
}

/// A PPPoE session (RFC 2516 §4); discovery has a code other than 0.
pub fn over_ethernet(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = frame.split::<6>(Skip::BadLink)?;
    if header[1] != 0 {
        return Err(Skip::LinkControl);
    }
    self::frame(rest)
}

/// Cisco HDLC: address, zero, EtherType; or SLARP, the keep-alive of such lines.
pub fn cisco_hdlc(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    const SLARP: u16 = 0x8035;
    const CDP: u16 = 0x2000;
    let (header, rest) = frame.split::<4>(Skip::BadLink)?;
    match u16::from_be_bytes([header[2], header[3]]) {
        SLARP | CDP => Err(Skip::LinkControl),
        ether_type => Ok(type_or_length(ether_type, rest)),
    }
}
