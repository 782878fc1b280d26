//! Anonymising: one key turns addresses into other addresses, the same ones in reports and in extracts, and nobody
//! without the key can turn them back.
//!
//! IP addresses keep their common prefixes (ipcrypt-pfx, draft-denis-ipcrypt): two hosts of one network stay two hosts of
//! one network. Ports, times and sizes stay what they are, so that findings do. Whoever can make a capture contain
//! traffic of known addresses learns how these look, and how near others are to them: that is the price of keeping
//! prefixes.

mod comparison;
mod packet;
mod text;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use ipcrypt_rs::IpcryptPfx;

use crate::wire::Endpoint;

pub use packet::{Anonymous, cut_after_tcp_header};

/// Names made by one key.
pub struct Names {
    addresses: IpcryptPfx,
    others: [u8; 32],
}

impl Names {
    /// The names that this key makes. A short key is as easily found as a short password.
    pub fn new(key: &[u8]) -> Names {
        let mut addresses = blake3::derive_key("cwait-pcap 2026 anonymise IP addresses", key);
        // Equal halves would cancel each other out; no key is known to give them.
        if addresses[..16] == addresses[16..] {
            addresses[0] ^= 1;
        }
        Names {
            addresses: IpcryptPfx::new(addresses),
            others: blake3::derive_key("cwait-pcap 2026 anonymise names", key),
        }
    }

    /// Another address of the same family, with as many leading bits in common with others as before.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => self.address(IpAddr::V4(v4)),
                None => self.addresses.encrypt_ipaddr(address),
            },
            IpAddr::V4(_) => self.addresses.encrypt_ipaddr(address),
        }
    }

    /// The same port at another address.
    pub fn endpoint(&self, endpoint: Endpoint) -> Endpoint {
        std::net::SocketAddr::new(self.address(endpoint.addr()), endpoint.port()).into()
    }

    /// Another locally administered address; a group stays a group, and everybody stays everybody.
    pub fn mac(&self, mac: [u8; 6]) -> [u8; 6] {
        if mac == [0xff; 6] || mac == [0; 6] {
            return mac;
        }
        let hash = blake3::keyed_hash(&self.others, &mac);
        let mut other = [0; 6];
        other.copy_from_slice(&hash.as_bytes()[..6]);
        other[0] = (other[0] & 0xfc) | 2 | (mac[0] & 1);
        other
    }

    /// `host-1f2e3d4c` instead of a name.
    pub fn name(&self, name: &str) -> String {
        format!("host-{}", self.token(name))
    }

    /// Eight hexadecimal digits instead of something else that names.
    fn token(&self, name: &str) -> String {
        let hash = blake3::keyed_hash(&self.others, name.as_bytes()).to_hex();
        hash[..8].to_owned()
    }
}
