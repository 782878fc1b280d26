//! Socket addresses in the spellings of the tracers. One function per spelling.

use std::net::{IpAddr, SocketAddr};

use crate::wire::Endpoint;

use super::args::number;

/// The first Internet address and port in `text`, in whatever spelling.
pub(super) fn find(text: &[u8]) -> Option<Endpoint> {
    strace(text).or_else(|| truss(text)).or_else(|| bsd(text))
}

/// `{sa_family=AF_INET, sin_port=htons(37556), sin_addr=inet_addr("192.0.2.9")}` and its IPv6 sister, whose address stands
/// in `inet_pton(AF_INET6, "2001:db8::1", …)`.
fn strace(text: &[u8]) -> Option<Endpoint> {
    let port = number(after(text, b"_port=htons(")?)?;
    let address = after(text, b"inet_addr(\"").or_else(|| after(text, b"inet_pton(AF_INET6, \""))?;
    endpoint(&address[..memchr::memchr(b'"', address)?], port)
}

/// `AF_INET  name = 192.0.2.9  port = 37556` (illumos expound.c).
fn truss(text: &[u8]) -> Option<Endpoint> {
    let address = after(text, b"name = ")?;
    let end = address.iter().position(|b| *b == b' ')?;
    endpoint(&address[..end], number(after(address, b"port = ")?)?)
}

/// `struct sockaddr { AF_INET, 192.0.2.9:37556 }` (kdump), `{ AF_INET 192.0.2.9:37556 }` (FreeBSD truss).
fn bsd(text: &[u8]) -> Option<Endpoint> {
    let text = after(text, b"AF_INET")?;
    let text = text.strip_prefix(b"6").unwrap_or(text).trim_ascii_start();
    let text = text.strip_prefix(b",").unwrap_or(text).trim_ascii_start();
    let end = text.iter().position(|b| matches!(b, b' ' | b'}')).unwrap_or(text.len());
    pair_part(&text[..end])
}

/// Both ends, or the local one alone, from the note of `strace -yy`: `TCP:[192.0.2.1:80->192.0.2.9:40312]`,
/// `TCPv6:[[2001:db8::1]:80]`.
pub(super) fn of_note(note: &[u8]) -> (Option<Endpoint>, Option<Endpoint>) {
    let Some(inside) = note
        .strip_prefix(b"TCP:[")
        .or_else(|| note.strip_prefix(b"TCPv6:["))
        .and_then(|inside| inside.strip_suffix(b"]"))
    else {
        return (None, None);
    };
    match memchr::memmem::find(inside, b"->") {
        Some(at) => (pair_part(&inside[..at]), pair_part(&inside[at + 2..])),
        None => (pair_part(inside), None),
    }
}

fn pair_part(text: &[u8]) -> Option<Endpoint> {
    let address: SocketAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(Endpoint::from(address))
}

fn endpoint(address: &[u8], port: i64) -> Option<Endpoint> {
    let address: IpAddr = std::str::from_utf8(address).ok()?.parse().ok()?;
    Some(Endpoint::from(SocketAddr::new(address, u16::try_from(port).ok()?)))
}

fn after<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    memchr::memmem::find(text, word).map(|at| &text[at + word.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(find(text.as_bytes()).map(|e| e.to_string()).as_deref(), expected, "{text}");
        };
        check(
            r#"{sa_family=AF_INET, sin_port=htons(37556), sin_addr=inet_addr("192.0.2.9")}"#,
            Some("192.0.2.9:37556"),
        );
        check(
            r#"{sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)}"#,
            Some("[2001:db8::1]:80"),
        );
        check("AF_INET  name = 192.0.2.9  port = 40312", Some("192.0.2.9:40312"));
        check("struct sockaddr { AF_INET, 192.0.2.9:443 }", Some("192.0.2.9:443"));
        check("struct sockaddr { AF_INET6, [2001:db8::1]:443 }", Some("[2001:db8::1]:443"));
        check("{ AF_INET 192.0.2.9:80 }", Some("192.0.2.9:80"));
        check(r#"{sa_family=AF_INET, sin_port=htons(99999), sin_addr=inet_addr("192.0.2.9")}"#, None);
        check(r#"{sa_family=AF_UNIX, sun_path="/tmp/x"}"#, None);
        check("AF_INET", None);
    }

    #[test]
    fn notes() {
        let check = |note: &str, local: Option<&str>, peer: Option<&str>| {
            let (l, p) = of_note(note.as_bytes());
            let text = |e: Option<Endpoint>| e.map(|e| e.to_string());
            assert_eq!((text(l).as_deref(), text(p).as_deref()), (local, peer), "{note}");
        };
        check("TCP:[192.0.2.1:80->192.0.2.9:40312]", Some("192.0.2.1:80"), Some("192.0.2.9:40312"));
        check(
            "TCPv6:[[::ffff:192.0.2.1]:80->[::ffff:192.0.2.9]:7]",
            Some("192.0.2.1:80"),
            Some("192.0.2.9:7"),
        );
        check("TCP:[192.0.2.1:80]", Some("192.0.2.1:80"), None);
        check("TCP:[333295]", None, None);
        check("UNIX:[1->2]", None, None);
        check("/etc/passwd", None, None);
    }
}
