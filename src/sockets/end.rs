//! One end of a socket as listings print it: `10.0.0.1:80`, `[::1]:http`, `*.22`, `fe80::1%lo0.443`.
//!
//! A listing may print names for numbers and cut what does not fit its columns; such an end says so and is never completed by guessing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::services;
use crate::wire::Endpoint;

/// Address and port of one end. Scopes (`%eth0`) are dropped: segments on the wire do not carry them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct End {
    /// The address.
    pub host: Host,
    /// The port.
    pub port: Port,
}

/// The address part of an [`End`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Host {
    /// Every address of the host: `*`, `0.0.0.0`, `::`.
    Any,
    /// An address; IPv4-mapped ones as IPv4.
    Addr(IpAddr),
    /// A host name that was not resolved here.
    Name(Box<str>),
    /// An address that the listing may have cut to fit its column, or the port behind it: only its beginning is known.
    Cut(Box<str>),
}

/// The port part of an [`End`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Port {
    /// None yet: `*` or `0`.
    Any,
    /// A port number.
    Number(u16),
    /// A service name that is not among the commonest.
    Name(Box<str>),
}

/// At which width a listing cuts an address to fit its column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    /// It does not.
    Free,
    /// When address, separator and port fill this many characters, the address may have been cut (net-tools).
    Whole(usize),
    /// When the address alone fills this many characters (BSD).
    Address(usize),
    /// When address, separator and port fill [`Width::NARROW`] characters, or the address alone
    /// [`Width::NARROW_ADDRESS`], either may have been cut (FreeBSD and macOS `-A`).
    Narrow,
}

impl Width {
    /// Characters of address and port together.
    pub(super) const NARROW: usize = 18;
    /// Characters of the address where the listing prints names (no `-n`).
    const NARROW_ADDRESS: usize = 12;
}

impl End {
    /// Address and port, if both are numbers.
    pub fn endpoint(&self) -> Option<Endpoint> {
        match (&self.host, &self.port) {
            (Host::Addr(IpAddr::V4(addr)), Port::Number(port)) => Some(Endpoint::v4(addr.octets(), *port)),
            (Host::Addr(IpAddr::V6(addr)), Port::Number(port)) => Some(Endpoint::v6(addr.octets(), *port)),
            _ => None,
        }
    }

    /// The port number, if it is one.
    pub fn port(&self) -> Option<u16> {
        match self.port {
            Port::Number(port) => Some(port),
            _ => None,
        }
    }

    /// Names nothing: any address and no port.
    pub(super) fn is_any(&self) -> bool {
        self.host == Host::Any && self.port == Port::Any
    }

    /// A numeric end.
    pub(super) fn numeric(addr: IpAddr, port: u16) -> End {
        End { host: Host::of(addr), port: if port == 0 { Port::Any } else { Port::Number(port) } }
    }

    /// Reads `host:port`; the last colon separates, with or without brackets before it.
    pub(super) fn colon(text: &str, width: Width) -> Option<End> {
        End::split(text, ':', width)
    }

    /// Reads `host.port`; the last dot separates.
    pub(super) fn dot(text: &str, width: Width) -> Option<End> {
        End::split(text, '.', width)
    }

    fn split(text: &str, separator: char, width: Width) -> Option<End> {
        let (host, port) = text.rsplit_once(separator)?;
        let full = match width {
            Width::Free => false,
            Width::Whole(columns) => text.len() == columns,
            Width::Address(columns) => host.len() == columns,
            Width::Narrow => text.len() == Width::NARROW || host.len() == Width::NARROW_ADDRESS,
        };
        let end = End { host: Host::read(host, full)?, port: Port::read(port)? };
        // The dot of an IPv4 address may be cut as well as any other sign, and what is left looks whole.
        let cut = full && width == Width::Narrow;
        Some(if cut { End { host: Host::Cut(host.into()), ..end } } else { end })
    }
}

impl Host {
    /// From an address; the unspecified one means any.
    pub(super) fn of(addr: IpAddr) -> Host {
        let addr = addr.to_canonical();
        if addr.is_unspecified() { Host::Any } else { Host::Addr(addr) }
    }

    /// The listing has shown that it cuts nothing: what looked cut is whole.
    pub(super) fn complete(&mut self) {
        if let Host::Cut(text) = self
            && let Some(host) = Host::read(text, false)
        {
            *self = host;
        }
    }

    /// Reads an address or a name. `full`: it fills its column, so that an IPv6 address may be a beginning only.
    pub(super) fn read(text: &str, full: bool) -> Option<Host> {
        let plain = text.split('%').next().unwrap_or(text);
        let plain = plain.strip_prefix('[').map_or(plain, |inner| inner.strip_suffix(']').unwrap_or(inner));
        if plain == "*" {
            return Some(Host::Any);
        }
        if plain.contains(':') {
            return match plain.parse::<Ipv6Addr>() {
                Ok(addr) if !full => Some(Host::of(addr.into())),
                _ if plain.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) => {
                    Some(Host::Cut(plain.into()))
                }
                _ => None,
            };
        }
        if let Ok(addr) = plain.parse::<Ipv4Addr>() {
            return Some(Host::of(addr.into()));
        }
        let named = plain.chars().any(char::is_alphabetic)
            && plain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\u{fffd}'));
        named.then(|| Host::Name(plain.into()))
    }
}

impl Port {
    /// Reads a number, `*`, or the name of a service.
    pub(super) fn read(text: &str) -> Option<Port> {
        if text == "*" || text == "0" {
            return Some(Port::Any);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().ok().map(Port::Number);
        }
        if let Some(port) = services::port(text) {
            return Some(Port::Number(port));
        }
        let named = text.bytes().any(|b| b.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+'));
        named.then(|| Port::Name(text.into()))
    }
}

/// `10.1.0.9:8080`, `[2001:db8::1]:443`, `*:22`, `www.example.org:http-mgmt`; a cut address ends in `...`.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Addr(IpAddr::V4(addr)) => write!(f, "{addr}")?,
            Host::Addr(IpAddr::V6(addr)) => write!(f, "[{addr}]")?,
            Host::Name(name) => f.write_str(name)?,
            Host::Cut(beginning) => write!(f, "[{beginning}...]")?,
        }
        match &self.port {
            Port::Any => f.write_str(":*"),
            Port::Number(port) => write!(f, ":{port}"),
            Port::Name(name) => write!(f, ":{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(end: Option<End>, printed: &str) {
        assert_eq!(end.map_or("-".to_owned(), |end| end.to_string()), printed);
    }

    #[test]
    fn colons() {
        for (text, printed) in [
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("192.0.2.1%eth0:80", "192.0.2.1:80"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("[fe80::1]%eth0:22", "[fe80::1]:22"),
            ("[fe80::1%12]:22", "[fe80::1]:22"),
            ("2001:db8::1:443", "[2001:db8::1]:443"),
            (":::22", "*:22"),
            ("::1:22", "[::1]:22"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
            ("::ffff:192.0.2.1:80", "192.0.2.1:80"),
            ("*:*", "*:*"),
            ("0.0.0.0:0", "*:*"),
            ("localhost:https", "localhost:443"),
            ("www.example.org:afs3-fileserver", "www.example.org:afs3-fileserver"),
            ("192.0.2.1:70000", "-"),
            ("192.0.2.300:80", "-"),
            ("192.0.2:80", "-"),
            ("(state):80", "-"),
            ("192.0.2.1", "-"),
            (":", "-"),
            ("", "-"),
        ] {
            check(End::colon(text, Width::Free), printed);
        }
    }

    #[test]
    fn dots() {
        for (text, printed) in [
            ("192.0.2.1.80", "192.0.2.1:80"),
            ("*.22", "*:22"),
            ("*.*", "*:*"),
            ("::1.631", "[::1]:631"),
            ("fe80::1%lo0.49152", "[fe80::1]:49152"),
            ("localhost.ssh", "localhost:22"),
            ("db1.example.org.1521", "db1.example.org:1521"),
            ("192.0.2.1", "-"),
            ("tcp4", "-"),
        ] {
            check(End::dot(text, Width::Free), printed);
        }
    }

    #[test]
    fn an_address_that_fills_its_column_is_a_beginning_only() {
        check(End::colon("2001:db8:161:2::f:16310", Width::Whole(23)), "[2001:db8:161:2::f...]:16310");
        check(End::colon("2001:db8:161::f:16310", Width::Whole(23)), "[2001:db8:161::f]:16310");
        check(End::dot("2001:db8:1:2:3:4.443", Width::Address(16)), "[2001:db8:1:2:3:4...]:443");
        check(End::dot("192.0.2.111.44300", Width::Address(11)), "192.0.2.111:44300");
    }
}
