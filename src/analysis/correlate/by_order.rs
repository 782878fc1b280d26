//! Accepts that name no peer, joined with connections by nothing but their order: the n-th accept of a listening socket took
//! the n-th connection whose handshake was completed at its port.
//!
//! That holds only if both records are whole, so one accept or one handshake too many refuses the join, and so does any event
//! of the log that the wire denies. What rests on such a join is never more than likely.

use std::collections::BTreeMap;

use super::{List, Place};
use crate::findings::{OrderDoubt, OrderJoin};
use crate::tcp::Connection;
use crate::trace::{Ended, Life, Opened, SocketKind, TraceFacts};
use crate::wire::{Endpoint, Side, TcpFlags, Timestamp};

/// An accepted socket and the connection that it must be, with the side that accepted.
pub(super) type Pair<'c> = (Place, &'c Connection, Side);

/// What one listening socket accepted, in the order of the accepts.
struct Queue<'a> {
    lives: Vec<(Place, &'a Life)>,
}

/// Whether a log accepts sockets without saying from whom, so that every connection counts.
pub(super) fn wanted(facts: &TraceFacts) -> bool {
    accepted(facts).any(|(_, life)| life.peer.is_none())
}

/// The pairs, and what is to be said of each listening socket.
pub(super) fn join<'c>(facts: &TraceFacts, known: &[&'c Connection]) -> (Vec<Pair<'c>>, Vec<OrderJoin>) {
    let queues = queues(facts);
    let services = services(known);
    let (mut pairs, mut said) = (Vec::new(), Vec::new());
    for queue in &queues {
        let joined = queue.join(facts, queues.len() == 1, &services);
        said.push(match joined {
            Ok((service, found)) => {
                let connections = found.len() as u64;
                pairs.extend(found);
                OrderJoin::Joined { service, connections }
            }
            Err(why) => OrderJoin::Refused { accepts: queue.lives.len() as u64, why },
        });
    }
    (pairs, said)
}

fn accepted(facts: &TraceFacts) -> impl Iterator<Item = (Place, &Life)> {
    let all = List::ALL
        .into_iter()
        .flat_map(|list| list.of(facts).iter().enumerate().map(move |(at, life)| ((list, at), life)));
    all.filter(|(_, life)| life.how == Opened::Accept && life.kind >= SocketKind::Socket)
}

/// The listening sockets with at least one accept that names no peer.
fn queues(facts: &TraceFacts) -> Vec<Queue<'_>> {
    let mut by_listener: BTreeMap<Option<u64>, Queue<'_>> = BTreeMap::new();
    for (place, life) in accepted(facts) {
        by_listener.entry(life.listener).or_insert(Queue { lives: Vec::new() }).lives.push((place, life));
    }
    let mut queues: Vec<_> = by_listener.into_values().collect();
    queues.retain(|queue| queue.lives.iter().any(|(_, life)| life.peer.is_none()));
    for queue in &mut queues {
        queue.lives.sort_by_key(|(_, life)| life.opened.as_ref().map(|opened| opened.upto));
    }
    queues
}

/// Connections that a service has accepted or could have, in the order in which their handshakes were completed.
fn services<'c>(known: &[&'c Connection]) -> BTreeMap<Endpoint, Vec<(&'c Connection, Side)>> {
    let mut services: BTreeMap<Endpoint, Vec<(&Connection, Side)>> = BTreeMap::new();
    for &connection in known.iter().filter(|connection| connection.established()) {
        if let Some(opener) = connection.opener() {
            let server = opener.peer();
            services.entry(connection.key.endpoint(server)).or_default().push((connection, server));
        }
    }
    for connections in services.values_mut() {
        connections.sort_by_key(|(connection, _)| (completed(connection), connection.first.frame));
    }
    services
}

fn completed(connection: &Connection) -> Timestamp {
    connection.first.at + connection.rtt().unwrap_or_default()
}

impl Queue<'_> {
    fn join<'c>(
        &self,
        facts: &TraceFacts,
        alone: bool,
        services: &BTreeMap<Endpoint, Vec<(&'c Connection, Side)>>,
    ) -> Result<(Endpoint, Vec<Pair<'c>>), OrderDoubt> {
        if facts.lost > 0 || facts.dropped > 0 || facts.not_followed > 0 {
            return Err(OrderDoubt::LogIncomplete);
        }
        let local = self.lives.iter().find_map(|(_, life)| life.local).map(|(local, _)| local);
        if local.is_none() && !alone {
            return Err(OrderDoubt::SeveralListeners);
        }
        let listens = |service: &Endpoint| match local {
            Some(local) if local.addr().is_unspecified() => local.port() == service.port(),
            Some(local) => local == *service,
            None => true,
        };
        let mut fitting = services.iter().filter(|(service, _)| listens(service));
        let (service, connections) = fitting.next().ok_or(OrderDoubt::NoService)?;
        if fitting.next().is_some() {
            return Err(OrderDoubt::SeveralServices);
        }
        if connections.len() != self.lives.len() {
            return Err(OrderDoubt::Counts { connections: connections.len() as u64 });
        }
        let paired = self.lives.iter().zip(connections);
        if paired.clone().any(|((_, life), (connection, side))| denied(life, connection, *side)) {
            return Err(OrderDoubt::Contradicted);
        }
        Ok((*service, paired.map(|((place, _), (connection, side))| (*place, *connection, *side)).collect()))
    }
}

/// Whether the wire shows that this cannot be the socket of that connection.
fn denied(life: &Life, connection: &Connection, side: Side) -> bool {
    let peer = side.peer();
    let ended = |by| connection.fin(by).is_some() || connection.ended_by_rst(by);
    let closed = life.shutdown.is_some() || matches!(life.ended, Ended::Closed(_) | Ended::Exec(_));
    let other = life.peer.is_some_and(|(known, _)| known != connection.key.endpoint(peer));
    let told_too_early = life.eof.is_some() && connection.fin(peer).is_none();
    let closed_unseen = closed && !ended(side) && !ended(peer);
    let sent_unasked = life.ended == Ended::Open && !closed && connection.fin(side).is_some();
    let other_octets = life.eof.is_some()
        && stream_octets(connection, peer).is_some_and(|octets| octets != life.read as u32);
    other || told_too_early || closed_unseen || sent_unasked || other_octets
}

/// Octets of a side's stream up to its last payload, modulo 2³²; none if its SYN was not seen.
fn stream_octets(connection: &Connection, side: Side) -> Option<u32> {
    let half = &connection.halves[side.index()];
    let isn = connection.tallies[side.index()].isn;
    half.flags.any(TcpFlags::SYN).then(|| (half.data_end - (isn + 1)) as u32)
}
