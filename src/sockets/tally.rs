//! How many sockets of each service, process and state there are, snapshot by snapshot: the growth of a leak as a table.
//!
//! Pure sums over [`Snapshot`]s; what a number means is for others to say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::end::{End, Port};
use super::socket::{Socket, SocketState};
use super::{DateSource, Snapshot};
use crate::wire::Timestamp;

/// Counts over a series of snapshots.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// The snapshots: dated ones in the order of time, undated ones where they stood.
    pub moments: Vec<Moment>,
    /// One row per service, process and state, sorted.
    pub rows: Vec<Row>,
}

/// When a column of a [`Tally`] was listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The time of the snapshot.
    pub at: Option<Timestamp>,
    /// Who says so.
    pub dated: Option<DateSource>,
    /// Name of its format.
    pub format: &'static str,
    /// Index into the snapshots that were given.
    pub snapshot: usize,
}

/// The sockets of one service, process and state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The service.
    pub service: Service,
    /// Names of the processes, several joined by `, `; empty if nobody owns these sockets. `None`: not listed.
    pub process: Option<Box<str>>,
    /// The state.
    pub state: SocketState,
    /// Index into [`Tally::moments`] and how many sockets there were; ascending, moments without any are left out.
    pub counts: Vec<(usize, u64)>,
}

impl Row {
    /// How many there were at a moment.
    pub fn at(&self, moment: usize) -> u64 {
        let found = self.counts.binary_search_by_key(&moment, |(at, _)| *at);
        found.ok().and_then(|at| self.counts.get(at)).map_or(0, |(_, count)| *count)
    }
}

/// What a socket belongs to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Service {
    /// This host serves this port.
    Serves(Port),
    /// This host is a client of that end.
    Uses(End),
    /// The listing names no address: descriptors whose connection is gone.
    Gone,
}

impl Service {
    /// The port number of the service, on whichever host it runs.
    pub fn port(&self) -> Option<u16> {
        match self {
            Service::Serves(Port::Number(port)) => Some(*port),
            Service::Uses(end) => end.port(),
            _ => None,
        }
    }
}

/// A service with more sockets in a state than allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excess {
    /// The service.
    pub service: Service,
    /// Index into [`Tally::moments`].
    pub moment: usize,
    /// How many sockets.
    pub count: u64,
}

impl Tally {
    /// Services with more than `limit` sockets in `state`, at the last moment of each; on one port, or on any.
    ///
    /// The last listing of every format counts: `ss` and `netstat` of one instant are two views of the same sockets, so
    /// the larger number is taken, never the sum.
    pub fn over(&self, state: SocketState, limit: u64, port: Option<u16>) -> Vec<Excess> {
        let latest: Vec<usize> = self.latest();
        let mut most: BTreeMap<&Service, (u64, usize)> = BTreeMap::new();
        for &moment in &latest {
            let mut sums: BTreeMap<&Service, u64> = BTreeMap::new();
            for row in self
                .rows
                .iter()
                .filter(|row| row.state == state && (port.is_none() || row.service.port() == port))
            {
                *sums.entry(&row.service).or_default() += row.at(moment);
            }
            for (service, sum) in sums {
                let best = most.entry(service).or_insert((sum, moment));
                *best = (*best).max((sum, moment));
            }
        }
        let over = most.into_iter().filter(|(_, (count, _))| *count > limit);
        over.map(|(service, (count, moment))| Excess { service: service.clone(), moment, count }).collect()
    }

    /// How many sockets are in `state` at a moment; on one port, or on any.
    pub fn count(&self, state: SocketState, port: Option<u16>, moment: usize) -> u64 {
        let rows = self
            .rows
            .iter()
            .filter(|row| row.state == state && (port.is_none() || row.service.port() == port));
        rows.map(|row| row.at(moment)).sum()
    }

    /// The last moment of each format that lists the same instant as the very last one.
    fn latest(&self) -> Vec<usize> {
        let Some(last) = self.moments.last() else { return Vec::new() };
        let mut formats = BTreeSet::new();
        let together = self.moments.iter().enumerate().rev().take_while(|(_, moment)| moment.at == last.at);
        together.filter(|(_, moment)| formats.insert(moment.format)).map(|(at, _)| at).collect()
    }
}

/// Counts the sockets of a series of snapshots. Listening sockets are counted as well.
pub fn tally<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Tally {
    let snapshots: Vec<&Snapshot> = snapshots.into_iter().collect();
    // Snapshots of counters alone say nothing of sockets.
    let mut order: Vec<usize> = (0..snapshots.len())
        .filter(|&at| !snapshots[at].format.is_empty() || snapshots[at].counters.is_empty())
        .collect();
    if order.iter().all(|&at| snapshots[at].at.is_some()) {
        order.sort_by_key(|&at| snapshots[at].at);
    }
    let ports = Ports::of(&snapshots);
    let mut rows: BTreeMap<_, Vec<(usize, u64)>> = BTreeMap::new();
    for (moment, &at) in order.iter().enumerate() {
        for socket in &snapshots[at].sockets {
            let counts = rows.entry((ports.service(socket), process(socket), socket.state)).or_default();
            match counts.last_mut().filter(|(last, _)| *last == moment) {
                Some((_, count)) => *count += 1,
                None => counts.push((moment, 1)),
            }
        }
    }
    let moments: Vec<Moment> = order
        .iter()
        .map(|&at| Moment {
            at: snapshots[at].at,
            dated: snapshots[at].dated,
            format: snapshots[at].format,
            snapshot: at,
        })
        .collect();
    let rows =
        rows.into_iter().map(|((service, process, state), counts)| Row { service, process, state, counts });
    Tally { rows: rows.collect(), moments }
}

/// Names of the owners, each once.
fn process(socket: &Socket) -> Option<Box<str>> {
    let owners = socket.owners.as_ref()?;
    let names: BTreeSet<String> = owners
        .iter()
        .map(|owner| match (&owner.name, owner.pid) {
            (Some(name), _) => name.to_string(),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => "?".to_owned(),
        })
        .collect();
    Some(names.into_iter().collect::<Vec<_>>().join(", ").into())
}

/// Which end of a connection is the service.
struct Ports<'a> {
    /// Ports on which something listens.
    listening: BTreeSet<&'a Port>,
    /// In how many connections a port is the local one.
    local: HashMap<&'a Port, u64>,
    /// In how many connections an end is the peer.
    peer: HashMap<&'a End, u64>,
}

impl<'a> Ports<'a> {
    fn of(snapshots: &[&'a Snapshot]) -> Self {
        let mut ports = Ports { listening: BTreeSet::new(), local: HashMap::new(), peer: HashMap::new() };
        for socket in snapshots.iter().flat_map(|snapshot| &snapshot.sockets) {
            let Some(local) = &socket.local else { continue };
            match &socket.peer {
                None => _ = ports.listening.insert(&local.port),
                Some(peer) => {
                    *ports.local.entry(&local.port).or_default() += 1;
                    *ports.peer.entry(peer).or_default() += 1;
                }
            }
        }
        ports
    }

    /// The listening port; else the end that more connections share; else the lower port.
    fn service(&self, socket: &Socket) -> Service {
        let Some(local) = &socket.local else { return Service::Gone };
        let serves = || Service::Serves(local.port.clone());
        let Some(peer) = &socket.peer else { return serves() };
        if self.listening.contains(&local.port) {
            return serves();
        }
        let shared = (self.local.get(&local.port), self.peer.get(peer));
        if shared.0 > shared.1 || (shared.0 == shared.1 && local.port() < peer.port()) {
            serves()
        } else {
            Service::Uses(peer.clone())
        }
    }
}
