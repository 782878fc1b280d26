//! Which services, hosts or paths something is said of.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::wire::Endpoint;

/// An address, a port, or both: `192.0.2.9`, `:8080`, `192.0.2.9:8080`, `[2001:db8::9]:8080`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    addr: Option<IpAddr>,
    port: Option<u16>,
}

impl Target {
    /// Whether that endpoint is meant.
    pub fn takes(&self, end: Endpoint) -> bool {
        self.addr.is_none_or(|addr| addr == end.addr()) && self.port.is_none_or(|port| port == end.port())
    }

    /// Whether the place of a finding is meant: an endpoint, a host, or a path between two of them. A host alone has no
    /// port, so that a target with a port does not mean it.
    pub fn takes_place(&self, place: &str) -> bool {
        place.split(" - ").any(|end| match (end.parse::<SocketAddr>(), end.parse::<IpAddr>()) {
            (Ok(end), _) => self.takes(end.into()),
            (_, Ok(host)) => self.port.is_none() && self.addr == Some(host),
            _ => false,
        })
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let bad = || format!("'{text}' is neither an address, nor :PORT, nor ADDR:PORT");
        if let Ok(addr) = text.parse::<IpAddr>() {
            return Ok(Target { addr: Some(addr), port: None });
        }
        if let Some(port) = text.strip_prefix(':') {
            return Ok(Target { addr: None, port: Some(port.parse().map_err(|_| bad())?) });
        }
        let end: SocketAddr = text.parse().map_err(|_| bad())?;
        Ok(Target { addr: Some(end.ip()), port: Some(end.port()) })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.addr, self.port) {
            (Some(addr), Some(port)) => SocketAddr::new(addr, port).fmt(f),
            (Some(addr), None) => addr.fmt(f),
            (None, Some(port)) => write!(f, ":{port}"),
            (None, None) => f.write_str("everywhere"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_met_by_address_port_or_both() {
        let service = "192.0.2.9:8080";
        let path = "198.51.100.7 - 192.0.2.9:8080";
        for (target, place, met) in [
            ("192.0.2.9:8080", service, true),
            ("192.0.2.9", service, true),
            (":8080", service, true),
            (":80", service, false),
            ("192.0.2.8", service, false),
            (":8080", path, true),
            ("198.51.100.7", path, true),
            ("198.51.100.7", "198.51.100.7", true),
            ("198.51.100.7:80", "198.51.100.7", false),
            ("[2001:db8::9]:80", "[2001:db8::9]:80", true),
            ("2001:db8::9", "[2001:db8::9]:80", true),
            (":80", "the capture", false),
        ] {
            assert_eq!(target.parse::<Target>().unwrap().takes_place(place), met, "{target} {place}");
            assert_eq!(target.parse::<Target>().unwrap().to_string(), target);
        }
        for bad in ["", ":", "192.0.2", "192.0.2.9:99999", "2001:db8::9:x", "host:80"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}
