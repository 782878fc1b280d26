//! What hosts are called and what they do. Two ways to write a line, in one file if need be:
//!
//! ```text
//! 192.0.2.9 = app-server role server      # ours
//! 192.0.2.7   web-1 web-1.example         # as in /etc/hosts; the first name is used
//! ```

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{BadLine, text};

/// Hosts by address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts {
    by_address: BTreeMap<IpAddr, Host>,
}

/// What is known of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// What it is called.
    pub name: String,
    /// What it does: `server`, `client`, or any other word.
    pub role: Option<String>,
}

/// A longer name is none.
const LONGEST_NAME: usize = 255;

impl Hosts {
    /// Reads a file of them; `path` is what errors call it.
    ///
    /// # Errors
    /// A line that is neither form, an address with two different names.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Hosts, BadLine> {
        let mut hosts = Hosts::default();
        for (number, line) in (1..).zip(text(path, bytes)?.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                let added = host(line).and_then(|(address, host)| hosts.add(address, host));
                added.map_err(|what| BadLine { path: path.to_owned(), line: number, what })?;
            }
        }
        Ok(hosts)
    }

    /// The host at that address.
    pub fn get(&self, address: IpAddr) -> Option<&Host> {
        self.by_address.get(&address)
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// Hosts whose role is to listen, and hosts whose role is to connect.
    pub fn with_role<'a>(&'a self, role: &'a str) -> impl Iterator<Item = IpAddr> + 'a {
        let has = move |host: &Host| host.role.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(role));
        self.by_address.iter().filter(move |(_, host)| has(host)).map(|(address, _)| *address)
    }

    fn add(&mut self, address: IpAddr, host: Host) -> Result<(), String> {
        match self.by_address.get(&address) {
            // Hosts files name localhost again and again.
            Some(known) if known.name != host.name && !address.is_loopback() => {
                Err(format!("{address} is already called '{}'", known.name))
            }
            Some(_) => Ok(()),
            None => {
                self.by_address.insert(address, host);
                Ok(())
            }
        }
    }
}

fn host(line: &str) -> Result<(IpAddr, Host), String> {
    let (address, rest) = match line.split_once('=') {
        Some((address, rest)) => (address.trim(), rest.trim()),
        None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
    };
    // An address of a link may name the interface behind a percent sign.
    let bare = address.split('%').next().unwrap_or_default();
    let address: IpAddr = bare.parse().map_err(|_| format!("'{address}' is no address"))?;
    let mut words = rest.split_whitespace();
    let name = words.next().ok_or_else(|| format!("{address} is given no name"))?;
    if name.chars().count() > LONGEST_NAME {
        return Err(format!("a name of more than {LONGEST_NAME} characters"));
    }
    let role = match (line.contains('='), words.next(), words.next(), words.next()) {
        (false, ..) | (true, None, ..) => None,
        (true, Some("role"), Some(role), None) => Some(role.to_owned()),
        _ => return Err(format!("behind '{name}' only 'role WORD' may stand")),
    };
    Ok((address.to_canonical(), Host { name: name.to_owned(), role }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_line() {
        let hosts = Hosts::read(
            "names",
            b"\xef\xbb\xbf# ours\n192.0.2.9 = app-server role server\r\n\n192.0.2.7\tweb-1 web-1.example # cache\n\
              2001:db8::5=db\n127.0.0.1 localhost\n127.0.0.1 me\n::ffff:192.0.2.8 = mapped role Client\nfe80::1%lo0 link",
        )
        .unwrap();
        let known = |address: &str| hosts.get(address.parse().unwrap()).cloned();
        let host =
            |name: &str, role: Option<&str>| Some(Host { name: name.into(), role: role.map(str::to_owned) });
        assert_eq!(known("192.0.2.9"), host("app-server", Some("server")));
        assert_eq!(known("192.0.2.7"), host("web-1", None));
        assert_eq!(known("2001:db8::5"), host("db", None));
        assert_eq!(known("127.0.0.1"), host("localhost", None));
        assert_eq!(known("192.0.2.8"), host("mapped", Some("Client")));
        assert_eq!(known("fe80::1"), host("link", None));
        assert_eq!(hosts.with_role("server").count(), 1);
        assert_eq!(hosts.with_role("client").count(), 1);
        assert!(Hosts::read("names", b"").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_line() {
        for (text, said) in [
            (&b"\n10.1.0 = app"[..], "names:2: '10.1.0' is no address"),
            (b"app = 10.1.0.9", "names:1: 'app' is no address"),
            (b"10.1.0.9", "names:1: 10.1.0.9 is given no name"),
            (b"10.1.0.9 =", "names:1: 10.1.0.9 is given no name"),
            (b"10.1.0.9 = app server", "names:1: behind 'app' only 'role WORD' may stand"),
            (b"10.1.0.9 = app role", "names:1: behind 'app' only 'role WORD' may stand"),
            (b"10.1.0.9 = app role a b", "names:1: behind 'app' only 'role WORD' may stand"),
            (b"10.1.0.9 a\n10.1.0.9 b", "names:2: 10.1.0.9 is already called 'a'"),
            (b"10.1.0.9 a\n\xff\xfe", "names:2: this is no UTF-8 text"),
        ] {
            assert_eq!(Hosts::read("names", text).unwrap_err().to_string(), said);
        }
        let long = format!("10.1.0.9 = {}", "x".repeat(256));
        assert!(Hosts::read("names", long.as_bytes()).is_err());
        assert!(Hosts::read("names", &vec![b'\n'; super::super::LARGEST_FILE + 1]).is_err());
    }
}
