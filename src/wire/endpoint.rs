//! Who speaks: an address with a port, and the pair of them that names a flow.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An IP address and a TCP port.
///
/// IPv4 addresses are held IPv4-mapped (RFC 4291 §2.5.5.2), so that both families have one size and one order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Endpoint {
    addr: [u8; 16],
    port: u16,
}

impl Endpoint {
    /// From an IPv4 address in network order.
    #[inline]
    pub fn v4(addr: [u8; 4], port: u16) -> Self {
        let mapped = 0xffff_0000_0000_u128 | u128::from(u32::from_be_bytes(addr));
        Endpoint { addr: mapped.to_be_bytes(), port }
    }

    /// From an IPv6 address in network order.
    #[inline]
    pub fn v6(addr: [u8; 16], port: u16) -> Self {
        Endpoint { addr, port }
    }

    /// The address; IPv4-mapped ones come back as IPv4.
    pub fn addr(&self) -> IpAddr {
        let v6 = Ipv6Addr::from(self.addr);
        v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
    }

    /// The 16 octets as stored (IPv4 mapped into IPv6).
    pub fn octets(&self) -> [u8; 16] {
        self.addr
    }

    /// The TCP port.
    #[inline]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// By address, then port. As one number, since comparing octet by octet is most of the cost of making a flow's key.
impl Ord for Endpoint {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |end: &Endpoint| u128::from_be_bytes(end.addr);
        number(self).cmp(&number(other)).then(self.port.cmp(&other.port))
    }
}

impl PartialOrd for Endpoint {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(from: SocketAddr) -> Self {
        match from.ip() {
            IpAddr::V4(addr) => Endpoint::v4(addr.octets(), from.port()),
            IpAddr::V6(addr) => Endpoint::v6(addr.octets(), from.port()),
        }
    }
}

/// `10.1.0.9:8080`, `[2001:db8::1]:443`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.addr(), self.port).fmt(f)
    }
}

/// One of the two ends of a flow. Which of them is the client is a separate, derived fact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Side {
    /// The end whose address and port sort first.
    Lo = 0,
    /// The other one.
    Hi = 1,
}

impl Side {
    /// Both ends, for loops.
    pub const BOTH: [Side; 2] = [Side::Lo, Side::Hi];

    /// The other end.
    #[inline]
    pub fn peer(self) -> Side {
        match self {
            Side::Lo => Side::Hi,
            Side::Hi => Side::Lo,
        }
    }

    /// 0 or 1, for arrays that hold one value per end.
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The four values that name a flow, without direction: `lo <= hi`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(C)]
pub struct FlowKey {
    /// The end that sorts first.
    pub lo: Endpoint,
    /// The end that sorts last.
    pub hi: Endpoint,
    /// VLAN or interface, where the user wants them kept apart; 0 by default, so that streams agree with Wireshark's.
    pub zone: u32,
}

/// Five words; the derived one would hash every field by itself, with the lengths of the arrays.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        for end in [&self.lo, &self.hi] {
            let address = u128::from_ne_bytes(end.addr);
            state.write_u64(address as u64);
            state.write_u64((address >> 64) as u64);
        }
        let ports = u64::from(self.lo.port) << 16 | u64::from(self.hi.port);
        state.write_u64(u64::from(self.zone) << 32 | ports);
    }
}

impl FlowKey {
    /// The key of a segment from `source` to `destination`, and the side that sent it.
    ///
    /// A segment from an endpoint to itself counts as sent by [`Side::Lo`].
    #[inline]
    pub fn of(source: Endpoint, destination: Endpoint, zone: u32) -> (FlowKey, Side) {
        if source <= destination {
            (FlowKey { lo: source, hi: destination, zone }, Side::Lo)
        } else {
            (FlowKey { lo: destination, hi: source, zone }, Side::Hi)
        }
    }

    /// The endpoint on that side.
    #[inline]
    pub fn endpoint(&self, side: Side) -> Endpoint {
        match side {
            Side::Lo => self.lo,
            Side::Hi => self.hi,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_one_key() {
        let a = Endpoint::v4([10, 0, 0, 1], 40_000);
        let b = Endpoint::v4([10, 0, 0, 2], 80);
        let (there, from_a) = FlowKey::of(a, b, 0);
        let (back, from_b) = FlowKey::of(b, a, 0);
        assert_eq!(there, back);
        assert_eq!(from_a, from_b.peer());
        assert_eq!(there.endpoint(from_a), a);
    }

    #[test]
    fn prints_as_people_write_it() {
        assert_eq!(Endpoint::v4([192, 0, 2, 7], 443).to_string(), "192.0.2.7:443");
        let v6 = "[2001:db8::1]:80".parse::<SocketAddr>().unwrap();
        assert_eq!(Endpoint::from(v6).to_string(), "[2001:db8::1]:80");
    }

    #[test]
    fn sizes() {
        assert_eq!(size_of::<FlowKey>(), 40);
    }
}
