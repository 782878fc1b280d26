//! The registry of link types: which function finds the EtherType under a link-layer header.
//! The functions themselves live with their protocols.

use etherparse::EtherType;

use super::{Payload, Skip, ethernet, linux, llc, ppp, raw, wireless};
use crate::capture::LinkType;

/// Takes one header off and says which EtherType follows, whatever the header's own way of saying so.
pub type Shim = for<'a> fn(Payload<'a>) -> Result<(EtherType, Payload<'a>), Skip>;

/// LINKTYPE_ETHERNET.
pub const ETHERNET: u16 = 1;

/// Every link type that is decoded, by its number in the LINKTYPE_ registry (tcpdump.org/linktypes.html).
/// 12 and 14 are the numbers that some systems write for raw IP instead of 101.
pub const LINKS: &[(LinkType, Shim)] = &[
    (LinkType(ETHERNET), ethernet::ethernet),
    (LinkType(113), linux::sll),
    (LinkType(276), linux::sll2),
    (LinkType(0), raw::null),
    (LinkType(108), raw::null),
    (LinkType(101), raw::ip),
    (LinkType(12), raw::ip),
    (LinkType(14), raw::ip),
    (LinkType(228), raw::ip),
    (LinkType(229), raw::ip),
    (LinkType(9), ppp::serial),
    (LinkType(50), ppp::serial),
    (LinkType(166), ppp::of_pppd),
    (LinkType(204), ppp::with_direction),
    (LinkType(51), ppp::over_ethernet),
    (LinkType(104), ppp::cisco_hdlc),
    (LinkType(6), llc::token_ring),
    (LinkType(10), llc::fddi),
    (LinkType(105), wireless::ieee_802_11),
    (LinkType(127), wireless::radiotap),
    (LinkType(129), linux::arcnet),
    (LinkType(197), ethernet::erf),
    (LinkType(226), raw::ipnet),
    (LinkType(239), linux::nflog),
];

/// The shim of a link type.
pub fn shim(link: LinkType) -> Option<Shim> {
    LINKS.iter().find(|(number, _)| *number == link).map(|&(_, shim)| shim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_link_type_is_listed_once_and_has_a_name() {
        let numbers: BTreeSet<_> = LINKS.iter().map(|(link, _)| link.0).collect();
        assert_eq!(numbers.len(), LINKS.len());
        for (link, _) in LINKS {
            assert!(!link.to_string().starts_with("link type"), "{link} has no name");
        }
    }
}
