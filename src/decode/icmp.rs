//! ICMP errors that quote a TCP segment: they name the machine that would not let it pass.

use std::net::IpAddr;

use etherparse::{EtherType, IpNumber};

use super::ip::{self, Ip};
use super::{Frame, Payload, Skip, raw};
use crate::wire::{Endpoint, FlowKey, SeqNum, Side, Stamp};

/// An ICMP or ICMPv6 error about a TCP segment (RFC 792, RFC 4443 §2.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
    /// When and as which frame the error was captured.
    pub seen: Stamp,
    /// Who sent the error.
    pub from: IpAddr,
    /// ICMP type; of ICMPv6 if [`Quote::from`] is an IPv6 address.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Hop limit of the error itself.
    pub hop_limit: u8,
    /// The flow of the quoted segment.
    pub key: FlowKey,
    /// Who had sent the quoted segment.
    pub side: Side,
    /// Its sequence number.
    pub seq: SeqNum,
}

/// The quote in an ICMP message of the protocol given, if it is an error about TCP.
pub fn quote(frame: &Frame, ip: &Ip, protocol: IpNumber, message: Payload<'_>) -> Result<Quote, Skip> {
    let (header, quoted) = message.split::<8>(Skip::Icmp)?;
    let (kind, code) = (header[0], header[1]);
    // Unreachable, source quench, redirect, time exceeded, parameter problem; in ICMPv6 the first four.
    let is_error = match protocol {
        IpNumber::ICMP => matches!(kind, 3 | 4 | 5 | 11 | 12),
        _ => matches!(kind, 1..=4),
    };
    if !is_error {
        return Err(Skip::Icmp);
    }
    // Whatever is wrong with the quoted packet, the frame is ICMP.
    let (sent, ports) = quoted_tcp(quoted).map_err(|_| Skip::Icmp)?;
    let [s0, s1, d0, d1, q0, q1, q2, q3] = *ports;
    let source = Endpoint::v6(sent.source, u16::from_be_bytes([s0, s1]));
    let destination = Endpoint::v6(sent.destination, u16::from_be_bytes([d0, d1]));
    let (key, side) = FlowKey::of(source, destination, frame.zone);
    Ok(Quote {
        seen: frame.seen,
        from: ip.source(),
        kind,
        code,
        hop_limit: ip.hop_limit,
        key,
        side,
        seq: SeqNum(u32::from_be_bytes([q0, q1, q2, q3])),
    })
}

/// Eight octets of TCP are all that RFC 792 promises: ports and sequence number.
fn quoted_tcp(quoted: Payload<'_>) -> Result<(Ip, &[u8; 8]), Skip> {
    let mut packet = match raw::ip(quoted)? {
        (EtherType::IPV4, packet) => ip::v4(packet)?,
        (_, packet) => ip::v6(packet)?,
    };
    ip::extensions(&mut packet)?;
    if packet.protocol != IpNumber::TCP || packet.piece.offset != 0 {
        return Err(Skip::Icmp);
    }
    let (ports, _) = packet.payload.split(Skip::BadTcp)?;
    Ok((packet.ip, ports))
}
