//! Hosts' own records beside a capture: which line of a listing, which descriptor of a log belongs to which connection.
//!
//! Joined by both addresses and ports, exactly: a wildcard never matches, and behind address translation nothing does.
//! No judgement is made here.

mod by_order;
mod clocks;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::Judged;
use crate::findings::{HostEvidence, Listed, Log, LogClock, Look, OrderJoin, Sighting, Traced};
use crate::sockets::{End, Listing, Port, Snapshot, SocketState};
use crate::tcp::Connection;
use crate::trace::{Ended, Life, SocketKind, TraceFacts};
use crate::wire::{Endpoint, FlowKey, Side, Span, Stamp, Timestamp};

/// Everything that hosts say, ready to be asked for one connection.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    listings: Vec<Listing>,
    traces: Vec<TraceFacts>,
    /// Snapshots as (listing, snapshot), in the order of time, undated ones last.
    order: Vec<(usize, usize)>,
    /// Sockets by both ends, the own one first: index into `order` and into the snapshot's sockets.
    sockets: HashMap<(Endpoint, Endpoint), Vec<(usize, usize)>>,
    /// Listings in which a socket of that host would stand if it existed: indices into `order`.
    whole: HashMap<IpAddr, Vec<usize>>,
    /// Lives by the peer's end: trace, and place in its lists.
    lives: HashMap<Endpoint, Vec<(usize, Place)>>,
    /// A log accepts sockets without saying from whom: every connection counts.
    by_order: bool,
}

impl Joined {
    /// Connections that stand in the hosts' records.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// Whether the capture has a connection of that flow on which the records say anything.
    pub fn has(&self, flow: &FlowKey) -> bool {
        self.starts.contains_key(flow)
    }
}

/// A list of [`TraceFacts`], and a place in it.
type Place = (List, usize);

/// Which list of [`TraceFacts`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum List {
    NotClosed,
    Unknown,
    Closed,
    Open,
}

impl List {
    const ALL: [List; 4] = [List::NotClosed, List::Unknown, List::Closed, List::Open];

    fn of(self, facts: &TraceFacts) -> &[Life] {
        match self {
            List::NotClosed => &facts.eof_not_closed,
            List::Unknown => &facts.eof_unknown_kind,
            List::Closed => &facts.closed,
            List::Open => &facts.open,
        }
    }
}

/// What the whole capture adds to the join: when each use of the same ports began, and how the logs' clocks run.
#[derive(Clone, Debug, Default)]
pub struct Joined {
    /// Of each flow with evidence: when its connections began, in order.
    starts: HashMap<FlowKey, Vec<Timestamp>>,
    /// How many connections have evidence.
    connections: usize,
    /// The clock of each trace.
    clocks: Vec<Option<LogClock>>,
    /// Lives that were found by the order of the accepts: of which side, in which trace, and where.
    by_order: HashMap<(FlowKey, Stamp), (Side, usize, Place)>,
    /// What is to be said of that, by trace.
    orders: Vec<Vec<OrderJoin>>,
}

impl Evidence {
    /// Takes what was read.
    pub fn new(listings: Vec<Listing>, traces: Vec<TraceFacts>) -> Evidence {
        let mut evidence = Evidence { listings, traces, ..Evidence::default() };
        evidence.index_sockets();
        evidence.index_lives();
        evidence.by_order = evidence.traces.iter().any(by_order::wanted);
        evidence
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.listings.is_empty() && self.traces.is_empty()
    }

    /// The listings, as given.
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// Every snapshot, in the order of time.
    pub fn snapshots(&self) -> impl Iterator<Item = (&Listing, &Snapshot)> {
        self.order.iter().filter_map(|&(file, at)| {
            let listing = self.listings.get(file)?;
            Some((listing, listing.snapshots.get(at)?))
        })
    }

    /// The logs with their clocks.
    pub fn logs<'a>(&'a self, joined: &'a Joined) -> impl Iterator<Item = Log<'a>> {
        let clock = |at| joined.clocks.get(at).copied().flatten();
        let order = |at| joined.orders.get(at).map_or(&[][..], Vec::as_slice);
        self.traces.iter().enumerate().map(move |(at, facts)| Log {
            facts,
            clock: clock(at),
            order: order(at),
        })
    }

    /// How many sockets of a listening endpoint the listings of its host show in CLOSE-WAIT, in the order of time.
    pub fn close_wait_counts(&self, service: Endpoint) -> Vec<(Timestamp, u64)> {
        let mut counts: Vec<(Timestamp, u64)> = Vec::new();
        for (place, (_, snapshot)) in self.snapshots().enumerate() {
            let Some(at) = snapshot.at else { continue };
            let own = |end: &Option<End>| end.as_ref().and_then(End::endpoint) == Some(service);
            let of_it = snapshot.sockets.iter().filter(|socket| own(&socket.local));
            let count = of_it.filter(|socket| socket.state == SocketState::CloseWait).count() as u64;
            let whole =
                self.whole.get(&service.addr()).is_some_and(|whole| whole.binary_search(&place).is_ok());
            match counts.last_mut() {
                // Two commands at one instant see the same sockets.
                Some((last, seen)) if *last == at => *seen = count.max(*seen),
                _ if whole || count > 0 => counts.push((at, count)),
                _ => {}
            }
        }
        counts
    }

    /// Endpoints at which a listing shows a listening socket, and through which connections go.
    pub fn listeners(&self) -> Vec<Endpoint> {
        let mut found = BTreeSet::new();
        for (_, snapshot) in self.snapshots() {
            let listening: BTreeSet<&Port> = snapshot
                .sockets
                .iter()
                .filter(|socket| socket.state == SocketState::Listen)
                .filter_map(|socket| socket.local.as_ref().map(|local| &local.port))
                .collect();
            let own = snapshot.sockets.iter().filter_map(|socket| socket.local.as_ref());
            found.extend(own.filter(|local| listening.contains(&local.port)).filter_map(End::endpoint));
        }
        found.into_iter().collect()
    }

    /// Whether anything is known of a connection between these ends, so that it must be kept to the end.
    pub fn knows(&self, key: &FlowKey) -> bool {
        self.by_order || self.names(key)
    }

    /// Whether the records name both ends of such a connection.
    fn names(&self, key: &FlowKey) -> bool {
        !self.is_empty()
            && Side::BOTH.into_iter().any(|side| {
                let (own, peer) = (key.endpoint(side), key.endpoint(side.peer()));
                self.sockets.contains_key(&(own, peer)) || self.lives.contains_key(&peer)
            })
    }

    /// Prepares the join over all connections that are still at hand.
    pub fn join<'a>(&self, connections: impl Iterator<Item = &'a Connection>, begin: Timestamp) -> Joined {
        if self.is_empty() {
            return Joined::default();
        }
        let known: Vec<&Connection> = connections.filter(|connection| self.knows(&connection.key)).collect();
        let mut joined = Joined::default();
        for connection in &known {
            joined.starts.entry(connection.key).or_default().push(connection.first.at);
        }
        joined.starts.values_mut().for_each(|starts| starts.sort_unstable());
        for at in 0..self.traces.len() {
            let mut pairs = self.pairs(at, &known, &joined);
            let (found, said) = by_order::join(&self.traces[at], &known);
            // Order stands in where the log names nobody.
            if pairs.is_empty() {
                let life = |(place, connection, side)| Some((self.life(at, place)?, connection, side));
                pairs.extend(found.iter().copied().filter_map(life));
            }
            joined.clocks.push(clocks::of(&self.traces[at], begin, &pairs));
            let found = found.into_iter();
            joined.by_order.extend(found.map(|(place, c, side)| ((c.key, c.first), (side, at, place))));
            joined.orders.push(said);
        }
        let stands = |c: &&&Connection| self.names(&c.key) || joined.by_order.contains_key(&(c.key, c.first));
        joined.connections = known.iter().filter(stands).count();
        joined
    }

    /// What is said of one connection, if anything may be. `end`: of the capture.
    pub fn of<'a>(
        &'a self,
        judged: &Judged,
        joined: &Joined,
        end: Timestamp,
    ) -> Option<Box<HostEvidence<'a>>> {
        if self.is_empty() || !joined.starts.contains_key(&judged.connection.key) && self.order.is_empty() {
            return None;
        }
        let mut evidence = Box::<HostEvidence<'a>>::default();
        for side in Side::BOTH {
            evidence.listed[side.index()] = self.listed(&judged.connection, side, joined, end);
            evidence.traced[side.index()] = self.traced(&judged.connection, side, joined);
        }
        Some(evidence)
    }

    fn index_sockets(&mut self) {
        let mut order: Vec<(usize, usize)> = Vec::new();
        for (file, listing) in self.listings.iter().enumerate() {
            order.extend((0..listing.snapshots.len()).map(|at| (file, at)));
        }
        let at = |&(file, at): &(usize, usize)| self.listings[file].snapshots[at].at;
        order.sort_by_key(|place| (at(place).is_none(), at(place)));
        self.order = order;
        for (place, &(file, at)) in self.order.iter().enumerate() {
            let snapshot = &self.listings[file].snapshots[at];
            let mut states: HashMap<IpAddr, BTreeSet<SocketState>> = HashMap::new();
            for (n, socket) in snapshot.sockets.iter().enumerate() {
                let Some(own) = socket.local.as_ref().and_then(End::endpoint) else { continue };
                states.entry(own.addr()).or_default().insert(socket.state);
                if let Some(peer) = socket.peer.as_ref().and_then(End::endpoint) {
                    self.sockets.entry((own, peer)).or_default().push((place, n));
                }
            }
            // One state alone looks like the output of a filter; lsof lists descriptors, not sockets.
            for (host, states) in states {
                if states.len() > 1 && !snapshot.format.starts_with("lsof") {
                    self.whole.entry(host).or_default().push(place);
                }
            }
        }
    }

    fn index_lives(&mut self) {
        for (trace, facts) in self.traces.iter().enumerate() {
            for list in List::ALL {
                for (n, life) in list.of(facts).iter().enumerate() {
                    if let Some((peer, _)) =
                        life.peer.filter(|_| !life.listening && life.kind >= SocketKind::Socket)
                    {
                        self.lives.entry(peer).or_default().push((trace, (list, n)));
                    }
                }
            }
        }
    }

    fn life(&self, trace: usize, (list, at): Place) -> Option<&Life> {
        list.of(self.traces.get(trace)?).get(at)
    }

    fn listed<'a>(
        &'a self,
        connection: &Connection,
        side: Side,
        joined: &Joined,
        end: Timestamp,
    ) -> Listed<'a> {
        let key = &connection.key;
        let (own, peer) = (key.endpoint(side), key.endpoint(side.peer()));
        let starts = joined.starts.get(key).map_or(&[][..], Vec::as_slice);
        let next = starts.iter().copied().find(|start| *start > connection.first.at);
        // A listing from before the connection speaks of another one with the same ports, or of clocks that differ.
        let of_it = |at: Option<Timestamp>| match at {
            Some(at) => at + Listed::SLACK >= connection.first.at && next.is_none_or(|next| at < next),
            None => next.is_none(),
        };
        let look = |place: usize| -> Option<(Look<'a>, &'a Snapshot)> {
            let &(file, at) = self.order.get(place)?;
            let listing = &self.listings[file];
            let snapshot = &listing.snapshots[at];
            Some((Look { at: snapshot.at, file: &listing.name, format: snapshot.format }, snapshot))
        };
        let found = self.sockets.get(&(own, peer)).map_or(&[][..], Vec::as_slice);
        let sightings: Vec<Sighting<'a>> = found
            .iter()
            .filter_map(|&(place, n)| {
                let (look, snapshot) = look(place)?;
                Some(Sighting { look, socket: snapshot.sockets.get(n)? })
            })
            .filter(|sighting| of_it(sighting.look.at))
            .collect();
        let whole = self.whole.get(&own.addr()).map_or(&[][..], Vec::as_slice);
        let in_capture =
            |place: &&usize| look(**place).is_some_and(|(look, _)| look.at.is_some_and(|at| at <= end));
        let missed = whole
            .iter()
            .rev()
            .find(in_capture)
            .filter(|place| found.iter().all(|(seen, _)| seen < *place))
            .and_then(|&place| look(place))
            .filter(|(look, _)| of_it(look.at))
            // Two listings of one instant: standing in either is enough.
            .filter(|(look, _)| sightings.iter().all(|sighting| sighting.look.at != look.at))
            .map(|(look, _)| look);
        Listed { sightings, missed }
    }

    fn traced<'a>(&'a self, connection: &Connection, side: Side, joined: &Joined) -> Option<Traced<'a>> {
        let key = &connection.key;
        let (own, peer) = (key.endpoint(side), key.endpoint(side.peer()));
        if let Some(&(_, trace, place)) =
            joined.by_order.get(&(*key, connection.first)).filter(|(of, ..)| *of == side)
        {
            let clock = joined.clocks.get(trace).copied().flatten();
            let (facts, life) = (&self.traces[trace], self.life(trace, place)?);
            return Some(Traced { facts, life, clock, by_order: true });
        }
        let starts = joined.starts.get(key).map_or(&[][..], Vec::as_slice);
        let mut fitting = self.lives.get(&peer)?.iter().filter_map(|&(trace, place)| {
            let life = self.life(trace, place)?;
            let clock = joined.clocks.get(trace).copied().flatten();
            let facts = &self.traces[trace];
            (fits(life, own) && (starts.len() < 2 || in_its_time(life, facts, clock, connection, starts)))
                .then_some(Traced { facts, life, clock, by_order: false })
        });
        // Two stories for one connection: nothing is claimed from either.
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }

    /// Connections of one log that can be told apart without a clock.
    fn pairs<'a, 'c>(
        &'a self,
        trace: usize,
        known: &[&'c Connection],
        joined: &Joined,
    ) -> Vec<(&'a Life, &'c Connection, Side)> {
        let mut pairs = Vec::new();
        for connection in
            known.iter().filter(|c| joined.starts.get(&c.key).is_some_and(|starts| starts.len() == 1))
        {
            for side in Side::BOTH {
                let (own, peer) = (connection.key.endpoint(side), connection.key.endpoint(side.peer()));
                let mut fitting = self
                    .lives
                    .get(&peer)
                    .into_iter()
                    .flatten()
                    .filter(|(at, _)| *at == trace)
                    .filter_map(|&(at, place)| self.life(at, place))
                    .filter(|life| fits(life, own));
                if let (Some(life), None) = (fitting.next(), fitting.next()) {
                    pairs.push((life, *connection, side));
                }
            }
        }
        pairs
    }
}

impl Listed<'_> {
    /// Clocks of a listing's host and of the capture may differ by this much.
    const SLACK: Span = Span::secs(1);
}

/// Its own end is that one, as far as the log knows it. A client is only told by its own end: many connections share
/// the other one.
fn fits(life: &Life, own: Endpoint) -> bool {
    match life.local {
        Some((local, _)) if local.addr().is_unspecified() => local.port() == own.port(),
        Some((local, _)) => local == own,
        None => life.how != crate::trace::Opened::Socket,
    }
}

/// Something the log says of it falls between the beginning of this connection and of the next one on the same ports.
fn in_its_time(
    life: &Life,
    facts: &TraceFacts,
    clock: Option<LogClock>,
    connection: &Connection,
    starts: &[Timestamp],
) -> bool {
    let next = starts.iter().copied().find(|start| *start > connection.first.at);
    let closed = match &life.ended {
        Ended::Closed(quote) | Ended::Exec(quote) => Some(quote),
        _ => None,
    };
    let quote = life.opened.as_ref().or(life.eof.as_ref()).or(closed);
    let at = quote.and_then(|quote| clock?.place(facts, quote.at?));
    at.is_some_and(|at| at + Listed::SLACK >= connection.first.at && next.is_none_or(|next| at < next))
}
