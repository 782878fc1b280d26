//! Linux's own link types: cooked capture of both versions, netfilter log, ARCNET.

use etherparse::EtherType;

use super::ethernet::LLC;
use super::{Payload, Skip, raw};

/// `tcpdump -i any`, version 1. The hardware type does not matter: for Ethernet, loopback, PPP and tunnels
/// alike the last two octets are an EtherType.
pub fn sll(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = frame.split::<16>(Skip::BadLink)?;
    cooked(u16::from_be_bytes([header[14], header[15]]), rest)
}

/// `tcpdump -i any`, version 2: the EtherType comes first and an interface index follows.
pub fn sll2(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = frame.split::<20>(Skip::BadLink)?;
    cooked(u16::from_be_bytes([header[0], header[1]]), rest)
}

/// Linux numbers protocols without an EtherType from 1 (`if_ether.h`); only one of them leads to IP.
fn cooked(protocol: u16, rest: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    match protocol {
        0x0600.. => Ok((EtherType(protocol), rest)),
        4 => Ok((LLC, rest)),
        _ => Err(Skip::OtherEther),
    }
}

/// Netfilter log: attributes of (length, type), the packet is one of them. Lengths are in the byte order of
/// the host; since no attribute but the packet is long, the type's order shows which.
pub fn nflog(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    const PACKET: u16 = 9;
    let (_, mut rest) = frame.split::<4>(Skip::BadLink)?;
    loop {
        let (header, value) = rest.split::<4>(Skip::BadLink)?;
        let [mut len, mut kind] = [[header[0], header[1]], [header[2], header[3]]].map(u16::from_le_bytes);
        if kind > 0xff {
            (len, kind) = (len.swap_bytes(), kind.swap_bytes());
        }
        let len = usize::from(len);
        if len < 4 {
            return Err(Skip::BadLink);
        }
        if kind == PACKET {
            return raw::ip(value.clip(len - 4));
        }
        rest = rest.skip(len.next_multiple_of(4), Skip::BadLink)?;
    }
}

/// ARCNET as Linux captures it: addresses, an offset, then a type; RFC 1051 has no sequence number,
/// RFC 1201 has.
pub fn arcnet(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (header, rest) = frame.split::<5>(Skip::BadLink)?;
    match header[4] {
        240 => Ok((EtherType::IPV4, rest)),
        241 => Err(Skip::Arp),
        kind @ (196 | 212 | 213) => {
            let (more, rest) = rest.split::<3>(Skip::BadLink)?;
            match kind {
                // The split flag: anything but 0 is a piece of a larger packet.
                _ if more[0] != 0 => Err(Skip::OtherEther),
                196 => Ok((EtherType::IPV6, rest)),
                212 => Ok((EtherType::IPV4, rest)),
                _ => Err(Skip::Arp),
            }
        }
        _ => Err(Skip::OtherEther),
    }
}
