//! Ends of connections as printed: addresses, or names that stand for some.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::packet::{End, Reason};
use crate::sockets::service_port;
use crate::wire::Endpoint;

/// Host names told apart.
const MOST: usize = 1 << 16;
/// Names of services that are not known, told apart.
const MOST_SERVICES: u16 = 256;
/// Addresses that no host has (RFC 1112 §4) stand for names.
const FIRST: u32 = 0xf000_0001;

/// Names of one text and the addresses that stand for them.
#[derive(Default)]
pub(super) struct Names {
    known: HashMap<Box<str>, IpAddr>,
    services: Vec<Box<str>>,
}

impl Names {
    /// The endpoint that is meant.
    pub fn endpoint(&mut self, end: &End<'_>) -> Result<Endpoint, Reason> {
        let port = port(end.port).or_else(|| self.port_of(end.port)).ok_or(Reason::Service)?;
        let addr = match address(end.host) {
            Some(addr) => addr,
            None => self.address_of(end.host).ok_or(Reason::Host)?,
        };
        Ok(SocketAddr::new(addr, port).into())
    }

    /// Every name with the address that stands for it, in order of appearance.
    pub fn all(&self) -> Vec<(IpAddr, String)> {
        let mut all: Vec<_> = self.known.iter().map(|(name, addr)| (*addr, name.to_string())).collect();
        all.sort_unstable();
        all
    }

    /// Services that are not known, with the port that stands for each.
    pub fn services(&self) -> impl Iterator<Item = (u16, &str)> {
        (0..).zip(&self.services).map(|(nth, name)| (u16::MAX - nth, &**name))
    }

    /// Large systems know ten thousand services by name: a port from the end of their range stands for one that is not known.
    fn port_of(&mut self, name: &str) -> Option<u16> {
        if let Some(nth) = self.services.iter().position(|known| **known == *name) {
            return u16::try_from(nth).ok().map(|nth| u16::MAX - nth);
        }
        let nth = u16::try_from(self.services.len()).ok().filter(|nth| *nth < MOST_SERVICES)?;
        self.services.push(name.into());
        Some(u16::MAX - nth)
    }

    fn address_of(&mut self, name: &str) -> Option<IpAddr> {
        if name == "localhost" {
            return Some(Ipv4Addr::LOCALHOST.into());
        }
        if name == "ip6-localhost" {
            return Some(Ipv6Addr::LOCALHOST.into());
        }
        if let Some(addr) = self.known.get(name) {
            return Some(*addr);
        }
        let next = u32::try_from(self.known.len()).ok().filter(|_| self.known.len() < MOST)?;
        let addr = Ipv4Addr::from(FIRST + next).into();
        self.known.insert(name.into(), addr);
        Some(addr)
    }
}

/// The number of a port, printed as such or as the name of its service.
pub(super) fn port(text: &str) -> Option<u16> {
    text.parse().ok().or_else(|| service_port(text))
}

/// An address, its scope left out.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.split_once('%').map_or(text, |(addr, _)| addr);
    text.parse().ok()
}

/// Whether that could be a host's name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// The two halves of `address.port` (tcpdump).
pub(super) fn dotted(text: &str) -> Option<End<'_>> {
    if text.parse::<IpAddr>().is_ok() {
        return None;
    }
    let (host, port) = text.rsplit_once('.')?;
    let named = !port.is_empty() && port.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (named && (address(host).is_some() || is_name(host))).then_some(End { host, port })
}
