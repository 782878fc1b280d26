//! Why a record became no segment, and how often.

use std::fmt;
use std::ops::{Add, AddAssign};

/// The reason why a record is not followed. Each record has at most one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Skip {
    /// A record without octets.
    Empty,
    /// A link type that [`super::LINKS`] does not list.
    UnknownLink,
    /// A link-layer header that contradicts itself or ends early on the wire.
    BadLink,
    /// 802.11 management and control frames, and data frames without data.
    Wireless,
    /// What keeps links alive: spanning tree, LLDP, CDP, PPP negotiation and the like.
    LinkControl,
    /// ARP and RARP.
    Arp,
    /// An EtherType or LLC protocol that carries no IP known here.
    OtherEther,
    /// ESP, MACsec or protected 802.11: TCP may be inside, but cannot be seen.
    Encrypted,
    /// The snap length cut it before the TCP flags, window and checksum.
    CutShort,
    /// An IP header that contradicts itself or ends early on the wire.
    BadIp,
    /// An IP fragment: kept until its datagram is complete, which then counts as what it holds.
    Fragment,
    /// ICMP and ICMPv6, unless it quotes a TCP segment.
    Icmp,
    /// UDP that is no tunnel.
    Udp,
    /// Any other protocol on IP: SCTP, OSPF, IGMP and so on.
    OtherIp,
    /// A TCP header that contradicts itself or ends early on the wire.
    BadTcp,
    /// More headers inside each other than are followed.
    TooDeep,
    /// Inside a tunnel, and tunnels are not entered ([`super::Tunnel::Outer`]).
    Tunnelled,
}

impl Skip {
    /// All reasons, in the order of the layers.
    pub const ALL: [Skip; 17] = [
        Skip::Empty,
        Skip::UnknownLink,
        Skip::BadLink,
        Skip::Wireless,
        Skip::LinkControl,
        Skip::Arp,
        Skip::OtherEther,
        Skip::Encrypted,
        Skip::CutShort,
        Skip::BadIp,
        Skip::Fragment,
        Skip::Icmp,
        Skip::Udp,
        Skip::OtherIp,
        Skip::BadTcp,
        Skip::TooDeep,
        Skip::Tunnelled,
    ];

    /// Its place in [`Skip::ALL`].
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }

    /// In words that read well behind a number: `12 ARP`, `3 cut before the TCP ports and flags`.
    pub fn name(self) -> &'static str {
        match self {
            Skip::Empty => "empty",
            Skip::UnknownLink => "of a link type not decoded",
            Skip::BadLink => "malformed link headers",
            Skip::Wireless => "802.11 management",
            Skip::LinkControl => "link control (STP, LLDP, PPP)",
            Skip::Arp => "ARP",
            Skip::OtherEther => "neither IPv4 nor IPv6",
            Skip::Encrypted => "encrypted (ESP, MACsec, 802.11)",
            Skip::CutShort => "cut before the TCP ports and flags",
            Skip::BadIp => "malformed IP",
            Skip::Fragment => "IP fragments",
            Skip::Icmp => "ICMP",
            Skip::Udp => "UDP",
            Skip::OtherIp => "other IP protocols",
            Skip::BadTcp => "malformed TCP",
            Skip::TooDeep => "nested too deeply",
            Skip::Tunnelled => "inside a tunnel",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many records were skipped, by reason. Two of them add up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Skips([u64; Skip::ALL.len()]);

impl Skips {
    /// Counts one record.
    #[inline]
    pub fn count(&mut self, skip: Skip) {
        self.count_many(skip, 1);
    }

    /// Counts several records.
    #[inline]
    pub fn count_many(&mut self, skip: Skip, records: u64) {
        self.0[skip.index()] += records;
    }

    /// A record that was counted for that reason turns out to be none of these.
    pub fn uncount(&mut self, skip: Skip) {
        self.0[skip.index()] = self.0[skip.index()].saturating_sub(1);
    }

    /// Records skipped for that reason.
    pub fn get(&self, skip: Skip) -> u64 {
        self.0[skip.index()]
    }

    /// Records skipped for any reason.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The reasons that occurred, with their counts, in the order of [`Skip::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        Skip::ALL.into_iter().map(|skip| (skip, self.get(skip))).filter(|&(_, records)| records > 0)
    }
}

impl AddAssign for Skips {
    fn add_assign(&mut self, other: Skips) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

impl Add for Skips {
    type Output = Skips;
    fn add(mut self, other: Skips) -> Skips {
        self += other;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_is_complete_and_in_order() {
        for (place, skip) in Skip::ALL.into_iter().enumerate() {
            assert_eq!(skip.index(), place);
        }
        let names: BTreeSet<_> = Skip::ALL.into_iter().map(Skip::name).collect();
        assert_eq!(names.len(), Skip::ALL.len());
    }

    #[test]
    fn counts_add_up() {
        let mut a = Skips::default();
        a.count(Skip::Udp);
        let mut b = Skips::default();
        b.count(Skip::Udp);
        b.count_many(Skip::Arp, 3);
        let sum = a + b;
        assert_eq!(sum.iter().collect::<Vec<_>>(), [(Skip::Arp, 3), (Skip::Udp, 2)]);
        assert_eq!(sum.total(), 5);
    }
}
