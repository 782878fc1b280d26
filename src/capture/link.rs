//! The link types that captures of the formats here can name, by number. What their bytes mean is known to `decode`.

use std::fmt;

use super::LinkType;

/// Numbers from the tcpdump.org registry, except [`LinkType::UNKNOWN`].
impl LinkType {
    /// BSD loopback: address family in the byte order of the capturing host.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet, and 802.3 with LLC.
    pub const ETHERNET: LinkType = LinkType(1);
    /// IEEE 802.5 token ring.
    pub const TOKEN_RING: LinkType = LinkType(6);
    /// PPP, with or without address and control octets.
    pub const PPP: LinkType = LinkType(9);
    /// FDDI.
    pub const FDDI: LinkType = LinkType(10);
    /// Bare IP, as OpenBSD numbers it.
    pub const RAW_BSD: LinkType = LinkType(12);
    /// Bare IP, as OpenBSD files number it.
    pub const RAW_OPENBSD: LinkType = LinkType(14);
    /// PPP in HDLC-like framing (RFC 1662).
    pub const PPP_HDLC: LinkType = LinkType(50);
    /// PPP over Ethernet, from the session header on (RFC 2516).
    pub const PPP_ETHER: LinkType = LinkType(51);
    /// Bare IPv4 or IPv6; the version nibble tells which.
    pub const RAW: LinkType = LinkType(101);
    /// Cisco HDLC.
    pub const C_HDLC: LinkType = LinkType(104);
    /// IEEE 802.11.
    pub const IEEE802_11: LinkType = LinkType(105);
    /// OpenBSD loopback: address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked capture, version 1 (`any` device).
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// IP over Fibre Channel (RFC 2625).
    pub const IP_OVER_FC: LinkType = LinkType(122);
    /// ATM as the SunATM driver hands it up.
    pub const SUN_ATM: LinkType = LinkType(123);
    /// IEEE 802.11 behind a radiotap header.
    pub const IEEE802_11_RADIOTAP: LinkType = LinkType(127);
    /// ARCNET as Linux hands it up.
    pub const ARCNET_LINUX: LinkType = LinkType(129);
    /// PPP as pppd writes it: a direction octet in place of the address.
    pub const PPP_PPPD: LinkType = LinkType(166);
    /// Endace ERF records as packets.
    pub const ERF: LinkType = LinkType(197);
    /// PPP with a direction octet in front.
    pub const PPP_WITH_DIR: LinkType = LinkType(204);
    /// Solaris ipnet(7D).
    pub const IPNET: LinkType = LinkType(226);
    /// Bare IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Bare IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux netfilter log messages.
    pub const NFLOG: LinkType = LinkType(239);
    /// Linux cooked capture, version 2 (`any` device).
    pub const LINUX_SLL2: LinkType = LinkType(276);
    /// A link that its own format numbers and the registry does not; our own use of an unassigned number.
    pub const UNKNOWN: LinkType = LinkType(0xffff);
}

/// The name in the registry without its prefix, `ETHERNET`; the number where it has none here.
impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            LinkType::NULL => "NULL",
            LinkType::ETHERNET => "Ethernet",
            LinkType::TOKEN_RING => "token ring",
            LinkType::PPP | LinkType::PPP_HDLC | LinkType::PPP_PPPD | LinkType::PPP_WITH_DIR => "PPP",
            LinkType::FDDI => "FDDI",
            LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::RAW => "raw IP",
            LinkType::PPP_ETHER => "PPPoE",
            LinkType::C_HDLC => "C_HDLC",
            LinkType::IEEE802_11 => "802.11",
            LinkType::LOOP => "LOOP",
            LinkType::LINUX_SLL => "Linux SLL",
            LinkType::IP_OVER_FC => "IP over Fibre Channel",
            LinkType::SUN_ATM => "SunATM",
            LinkType::IEEE802_11_RADIOTAP => "802.11 behind radiotap",
            LinkType::ARCNET_LINUX => "ARCNET",
            LinkType::ERF => "ERF",
            LinkType::IPNET => "Solaris IPNET",
            LinkType::IPV4 => "raw IPv4",
            LinkType::IPV6 => "raw IPv6",
            LinkType::NFLOG => "NFLOG",
            LinkType::LINUX_SLL2 => "Linux SLL2",
            LinkType::UNKNOWN => "an unregistered link",
            LinkType(number) => return write!(f, "link type {number}"),
        };
        f.write_str(name)
    }
}
