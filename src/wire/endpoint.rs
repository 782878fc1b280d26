//! Who speaks: an address with a port, and the pair of them that names a flow.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::hint::select_unpredictable;
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
#[derive(Clone, Copy, Eq, PartialOrd, Ord, Debug)]
#[repr(C)]
pub struct FlowKey {
    /// The end that sorts first.
    pub lo: Endpoint,
    /// The end that sorts last.
    pub hi: Endpoint,
    /// VLAN or interface, where the user wants them kept apart; 0 by default, so that streams agree with Wireshark's.
    pub zone: u32,
}

/// All at once; the derived one would ask field by field.
impl PartialEq for FlowKey {
    #[inline(always)]
    fn eq(&self, other: &FlowKey) -> bool {
        let addresses =
            |one: &Endpoint, two: &Endpoint| u128::from_ne_bytes(one.addr) ^ u128::from_ne_bytes(two.addr);
        let ports = |one: &Endpoint, two: &Endpoint| u32::from(one.port ^ two.port);
        let differ = addresses(&self.lo, &other.lo) | addresses(&self.hi, &other.hi);
        let rest = ports(&self.lo, &other.lo) | ports(&self.hi, &other.hi) | (self.zone ^ other.zone);
        differ as u64 | (differ >> 64) as u64 | u64::from(rest) == 0
    }
}

/// Five words; the derived one would hash every field by itself, with the lengths of the arrays.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().into_iter().for_each(|word| state.write_u64(word));
    }
}

impl FlowKey {
    /// Of no flow, to be filled in.
    pub const BLANK: FlowKey = {
        let nobody = Endpoint { addr: [0; 16], port: 0 };
        FlowKey { lo: nobody, hi: nobody, zone: 0 }
    };

    /// All that it holds.
    #[inline(always)]
    fn words(&self) -> [u64; 5] {
        let [lo, hi] = [self.lo.addr, self.hi.addr].map(u128::from_ne_bytes);
        let ports = u64::from(self.lo.port) << 16 | u64::from(self.hi.port);
        let last = u64::from(self.zone) << 32 | ports;
        [lo as u64, (lo >> 64) as u64, hi as u64, (hi >> 64) as u64, last]
    }

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

    /// [`FlowKey::of`] for IPv4 addresses as numbers, with their ports; without a branch on who is who.
    #[inline(always)]
    pub fn of_v4(source: (u32, u16), destination: (u32, u16), zone: u32) -> (FlowKey, Side) {
        let number = |(addr, port): (u32, u16)| u64::from(addr) << 16 | u64::from(port);
        let end = |number: u64| Endpoint::v4(((number >> 16) as u32).to_be_bytes(), number as u16);
        let (source, destination) = (number(source), number(destination));
        let side = if source <= destination { Side::Lo } else { Side::Hi };
        let (lo, hi) = (end(source.min(destination)), end(source.max(destination)));
        (FlowKey { lo, hi, zone }, side)
    }

    /// [`FlowKey::of`] for IPv6 addresses where they stand, with their ports; without a branch on who is who.
    #[inline(always)]
    pub fn of_v6(source: (&[u8; 16], u16), destination: (&[u8; 16], u16), zone: u32) -> (FlowKey, Side) {
        let number = |addr: &[u8; 16]| u128::from_be_bytes(*addr);
        let (from, to) = (number(source.0), number(destination.0));
        let swapped = (from > to) | (from == to) & (source.1 > destination.1);
        let (lo, hi) = select_unpredictable(swapped, (destination, source), (source, destination));
        let side = if swapped { Side::Hi } else { Side::Lo };
        (FlowKey { lo: Endpoint::v6(*lo.0, lo.1), hi: Endpoint::v6(*hi.0, hi.1), zone }, side)
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
    fn every_way_to_make_a_key_gives_the_same() {
        let ends = [[1, 2, 3, 4], [1, 2, 3, 5], [9, 0, 0, 1]]
            .into_iter()
            .flat_map(|addr| [(addr, 7_u16), (addr, 80), (addr, 40_000)])
            .collect::<Vec<_>>();
        for &(one, port) in &ends {
            for &(two, other) in &ends {
                let v4 = FlowKey::of(Endpoint::v4(one, port), Endpoint::v4(two, other), 3);
                let number = u32::from_be_bytes;
                assert_eq!(FlowKey::of_v4((number(one), port), (number(two), other), 3), v4);
                let wide = |[a, b, c, d]: [u8; 4]| [a, 0, 0, 0, 0, 0, 0, b, c, 0, 0, 0, 0, 0, 0, d];
                let v6 = FlowKey::of(Endpoint::v6(wide(one), port), Endpoint::v6(wide(two), other), 3);
                assert_eq!(FlowKey::of_v6((&wide(one), port), (&wide(two), other), 3), v6);
            }
        }
    }

    #[test]
    fn keys_differ_if_anything_differs() {
        let (key, _) = FlowKey::of(Endpoint::v6([1; 16], 1), Endpoint::v6([2; 16], 2), 0);
        let mut octets = [2; 16];
        octets[9] = 3;
        let others = [
            FlowKey { lo: Endpoint::v6([1; 16], 3), ..key },
            FlowKey { hi: Endpoint::v6([2; 16], 3), ..key },
            FlowKey { hi: Endpoint::v6(octets, 2), ..key },
            FlowKey { lo: Endpoint::v6([0; 16], 1), ..key },
            FlowKey { zone: 1, ..key },
        ];
        assert!(others.iter().all(|other| *other != key) && key == FlowKey { ..key });
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
