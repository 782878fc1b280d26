//! Who connects and who listens, where no handshake says so.

use std::collections::HashSet;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::By;
use crate::findings::Roles;
use crate::tcp::Connection;
use crate::wire::{Endpoint, Side};

/// Hosts by what the user says they do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Serving {
    /// They listen.
    pub servers: HashSet<IpAddr>,
    /// They connect.
    pub clients: HashSet<IpAddr>,
}

impl Serving {
    fn listens(&self, end: &Endpoint, other: &Endpoint) -> bool {
        self.servers.contains(&end.addr()) || self.clients.contains(&other.addr())
    }
}

/// What is known of endpoints over all connections.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    named: HashSet<Endpoint, RandomState>,
    serving: Serving,
    listening: HashSet<Endpoint, RandomState>,
    uses: By<Endpoint, u32>,
}

impl Cast {
    /// From endpoints and hosts the user named, endpoints known to have accepted connections, and all connections at
    /// hand.
    pub fn new<'a>(
        named: &[Endpoint],
        serving: &Serving,
        listening: impl IntoIterator<Item = Endpoint>,
        connections: impl IntoIterator<Item = &'a Connection>,
    ) -> Self {
        let mut cast = Cast {
            named: named.iter().copied().collect(),
            serving: serving.clone(),
            listening: listening.into_iter().collect(),
            uses: By::default(),
        };
        for connection in connections {
            match connection.opener() {
                Some(opener) => {
                    cast.listening.insert(connection.key.endpoint(opener.peer()));
                }
                None => {
                    *cast.uses.entry(connection.key.lo).or_default() += 1;
                    *cast.uses.entry(connection.key.hi).or_default() += 1;
                }
            }
        }
        cast
    }

    /// Whether it is known to have accepted a connection.
    pub(super) fn is_listening(&self, endpoint: &Endpoint) -> bool {
        self.listening.contains(endpoint)
    }

    /// SYN or SYN-ACK; else what the user named; else an endpoint that accepted others; else the endpoint that most
    /// connections share; else the lower port.
    pub fn roles(&self, connection: &Connection) -> Roles {
        if let Some(client) = connection.opener() {
            return Roles { client, assumed: false };
        }
        let [lo, hi] = [connection.key.lo, connection.key.hi];
        let decide = |lo_listens: bool, hi_listens: bool| (lo_listens != hi_listens).then_some(lo_listens);
        let uses = |end: &Endpoint| self.uses.get(end).copied().unwrap_or(0);
        let said = decide(self.named.contains(&lo), self.named.contains(&hi))
            .or_else(|| decide(self.serving.listens(&lo, &hi), self.serving.listens(&hi, &lo)));
        if let Some(lo_listens) = said {
            return Roles { client: client_of(lo_listens), assumed: false };
        }
        let lo_listens = decide(self.listening.contains(&lo), self.listening.contains(&hi))
            .or_else(|| decide(uses(&lo) > uses(&hi), uses(&hi) > uses(&lo)))
            .unwrap_or(lo.port() <= hi.port());
        Roles { client: client_of(lo_listens), assumed: true }
    }
}

fn client_of(lo_listens: bool) -> Side {
    if lo_listens { Side::Hi } else { Side::Lo }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Connection;
    use crate::wire::FlowKey;

    #[test]
    fn the_users_word_on_hosts_decides_where_no_handshake_does() {
        let [low, high]: [std::net::SocketAddr; 2] =
            ["192.0.2.1:80", "192.0.2.2:40000"].map(|end| end.parse().unwrap());
        let (key, _) = FlowKey::of(low.into(), high.into(), 0);
        let connection = Connection::new(key);
        let server = |serving: &Serving, named: &[Endpoint]| {
            let roles = Cast::new(named, serving, [], [&connection]).roles(&connection);
            (key.endpoint(roles.server()), roles.assumed)
        };
        let hosts = |end: std::net::SocketAddr| HashSet::from([end.ip()]);
        assert_eq!(server(&Serving::default(), &[]), (low.into(), true), "the lower port");
        let serving = Serving { servers: hosts(high), ..Serving::default() };
        assert_eq!(server(&serving, &[]), (high.into(), false));
        assert_eq!(server(&serving, &[low.into()]), (low.into(), false), "an endpoint says more than a host");
        let connecting = Serving { clients: hosts(low), ..Serving::default() };
        assert_eq!(server(&connecting, &[]), (high.into(), false));
        let both = Serving { servers: [low.ip(), high.ip()].into(), ..Serving::default() };
        assert_eq!(server(&both, &[]), (low.into(), true), "two servers decide nothing");
    }
}
