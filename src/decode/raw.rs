//! Links with next to no header: bare IP, BSD loopback, Solaris IPNET.

use etherparse::EtherType;

use super::{Payload, Skip};

/// IP of either version, told by the first four bits.
pub fn ip(packet: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (first, _) = packet.split::<1>(Skip::BadIp)?;
    match first[0] >> 4 {
        4 => Ok((EtherType::IPV4, packet)),
        6 => Ok((EtherType::IPV6, packet)),
        _ => Err(Skip::BadIp),
    }
}

/// BSD loopback: an address family in four octets, in the byte order of the host that wrote it (NULL) or of
/// the network (LOOP). Families are small, so the order shows by itself.
pub fn null(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    let (family, rest) = frame.split::<4>(Skip::BadLink)?;
    let big = u32::from_be_bytes(*family);
    match if big > 0xffff { big.swap_bytes() } else { big } {
        2 => Ok((EtherType::IPV4, rest)),
        // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, Solaris, FreeBSD, macOS.
        10 | 23 | 24 | 26 | 28 | 30 => Ok((EtherType::IPV6, rest)),
        _ => Err(Skip::OtherEther),
    }
}

/// Solaris IPNET, what `snoop` sees between zones and on loopback: version, family, hook type, length,
/// two interfaces and two zones before the packet.
pub fn ipnet(frame: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    ip(frame.skip(24, Skip::BadLink)?)
}
