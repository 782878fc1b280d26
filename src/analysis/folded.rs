//! Sums over connections that need not be kept: services, hosts and totals. Everything here adds.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::heard::Heard;
use crate::findings::{self, HostFacts, HostHopLimits, Roles, ServiceFacts};
use crate::tcp::{Clock, Connection, Ending};
use crate::wire::{Endpoint, Side, Span};

/// The longest of something, and on which connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Longest {
    /// How long.
    pub span: Span,
    /// Whose: its first frame, then its stream number.
    pub first_frame: u64,
    /// Wireshark's stream number.
    pub stream: u32,
    /// Identifies the connection with `first_frame`.
    pub id: u32,
}

/// Counts over all connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Connections.
    pub connections: u64,
    /// Both FINs sent and acknowledged.
    pub closed_by_both: u64,
    /// Neither FIN nor RST.
    pub open: u64,
    /// Ended by RST.
    pub reset: u64,
    /// One FIN, or the last one not acknowledged.
    pub half_closed: u64,
    /// SYN without answer.
    pub unanswered: u64,
    /// SYN answered by RST.
    pub refused: u64,
    /// Older than the capture.
    pub midstream: u64,
    /// Of which only one direction was captured.
    pub one_direction: u64,
    /// Frames captured twice.
    pub captured_twice: u64,
    /// Segments sent again.
    pub retransmissions: u64,
    /// The slowest orderly close.
    pub slowest_close: Option<Longest>,
    /// The longest silence survived.
    pub longest_silence: Option<Longest>,
}

/// Facts by service or host. Each connection looks up five of them: SipHash took a fortieth of all instructions.
pub type By<K, V> = HashMap<K, V, RandomState>;

/// Sums by service and host, and totals.
#[derive(Clone, Debug)]
pub(super) struct Folded {
    /// Services, and hosts, that are told apart at most.
    most: usize,
    /// Connections whose service or host is none of them.
    pub(super) unplaced: u64,
    pub(super) services: By<Endpoint, ServiceFacts>,
    pub(super) hosts: By<IpAddr, HostFacts>,
    pub(super) heard: By<IpAddr, Heard>,
    pub(super) totals: Totals,
}

/// Whether nothing about it could ever become a finding.
pub(super) fn is_healthy(connection: &Connection) -> bool {
    let quiet = |side: Side| {
        let tally = &connection.tallies[side.index()];
        connection.rst(side).is_none()
            && tally.acked_unseen == 0
            && connection.zero_window(side).is_none()
            && connection.icmp(side).is_none()
    };
    connection.opener().is_some()
        && connection.closed_by_both()
        && !connection.syn_fin()
        && !connection.replaced()
        && Side::BOTH.into_iter().all(quiet)
        && connection.silences().is_none()
        && close_time(connection).is_none_or(|(_, span)| span < ServiceFacts::PROMPT)
        && Side::BOTH.into_iter().all(|side| connection.payload_after_peer_fin(side) == 0)
}

/// Who closed second, and how long after the first FIN had passed.
pub(super) fn close_time(connection: &Connection) -> Option<(Side, Span)> {
    Side::BOTH.into_iter().find_map(|side| {
        let own = connection.fin(side)?;
        let first = connection.fin(side.peer())?;
        own.closes_second.then(|| (side, (own.seen.at - first.seen.at).max(Span::ZERO)))
    })
}

impl Totals {
    fn merge(&mut self, other: &Totals) {
        self.connections += other.connections;
        self.closed_by_both += other.closed_by_both;
        self.open += other.open;
        self.reset += other.reset;
        self.half_closed += other.half_closed;
        self.unanswered += other.unanswered;
        self.refused += other.refused;
        self.midstream += other.midstream;
        self.one_direction += other.one_direction;
        self.captured_twice += other.captured_twice;
        self.retransmissions += other.retransmissions;
        for (own, new) in [
            (&mut self.slowest_close, other.slowest_close),
            (&mut self.longest_silence, other.longest_silence),
        ] {
            if new.is_some_and(|new| is_longest(own, new.span, new.first_frame)) {
                *own = new;
            }
        }
    }
}

impl Folded {
    /// Nothing yet; of services, and of hosts, at most so many are told apart.
    pub(super) fn within(most: usize) -> Self {
        Folded {
            most,
            unplaced: 0,
            services: By::default(),
            hosts: By::default(),
            heard: By::default(),
            totals: Totals::default(),
        }
    }

    /// Adds another share of the same capture, with all the places it tells apart.
    pub(super) fn merge(&mut self, other: Folded) {
        self.most = self.most.saturating_add(other.most);
        self.unplaced += other.unplaced;
        for (service, facts) in other.services {
            self.services.entry(service).or_default().merge(&facts);
        }
        for (host, facts) in other.hosts {
            self.hosts.entry(host).or_default().merge(&facts);
        }
        for (host, heard) in other.heard {
            self.heard.entry(host).or_default().merge(&heard);
        }
        self.totals.merge(&other.totals);
    }

    /// Counts a connection that is not judged together with others: who listens is what its own packets say.
    pub(super) fn add_with_own_roles(&mut self, connection: &Connection) {
        let [lo, hi] = [connection.key.lo.port(), connection.key.hi.port()];
        let client = connection.opener().unwrap_or(if lo <= hi { Side::Hi } else { Side::Lo });
        let roles = Roles { client, assumed: connection.opener().is_none() };
        self.add(connection, roles, Ending::of(connection, client));
    }

    /// Counts one connection, healthy or not.
    pub(super) fn add(&mut self, connection: &Connection, roles: Roles, ending: Ending) {
        let mut is_placed = self.add_to_service(connection, roles, ending);
        for side in Side::BOTH {
            let half = &connection.halves[side.index()];
            let address = connection.key.endpoint(side).addr();
            let Some(host) = place(&mut self.hosts, address, self.most) else {
                is_placed = false;
                continue;
            };
            host.merge(&HostFacts {
                last: half.last,
                fins: u64::from(connection.fin(side).is_some()),
                hop_limits: HostHopLimits::of_side(connection, side),
                lost_after: findings::lost_toward(connection, side),
                unseen: (half.unseen_octets() > 0).then(|| connection.halves[side.peer().index()].last.at),
            });
            if half.spoke() {
                self.heard.entry(address).or_default().add_side(connection, side);
            }
        }
        self.unplaced += u64::from(!is_placed);
        let totals = &mut self.totals;
        totals.connections += 1;
        match ending {
            Ending::Orderly => totals.closed_by_both += 1,
            Ending::Reset(_) => totals.reset += 1,
            Ending::Unanswered => totals.unanswered += 1,
            Ending::Refused => totals.refused += 1,
            Ending::HalfClosed(_) | Ending::LastAck => totals.half_closed += 1,
            Ending::Open => totals.open += 1,
        }
        totals.midstream += u64::from(connection.midstream());
        for side in Side::BOTH {
            let tally = &connection.tallies[side.index()];
            totals.captured_twice += u64::from(tally.captured_twice);
            totals.retransmissions += u64::from(tally.retransmissions);
        }
        let close = close_time(connection).filter(|_| connection.closed_by_both());
        let silence = connection.silences().and_then(|silences| silences.survived(Clock::Any));
        for (slot, span) in [
            (&mut totals.slowest_close, close.map(|(_, span)| span)),
            (&mut totals.longest_silence, silence.map(|witness| witness.span)),
        ] {
            if let Some(span) = span
                && is_longest(slot, span, connection.first.frame)
            {
                *slot = Some(Longest {
                    span,
                    first_frame: connection.first.frame,
                    stream: connection.stream,
                    id: super::outcome::short_id(connection),
                });
            }
        }
    }

    /// Whether there was room for the service.
    fn add_to_service(&mut self, connection: &Connection, roles: Roles, ending: Ending) -> bool {
        let endpoint = connection.key.endpoint(roles.server());
        let Some(service) = place(&mut self.services, endpoint, self.most) else { return false };
        service.connections += 1;
        service.last_opened = service.last_opened.max(connection.opener().map(|_| connection.first.at));
        let server = &connection.halves[roles.server().index()];
        if server.has_payload() {
            service.last_payload = service.last_payload.max(Some(server.last_payload_at));
        }
        if let Some(closed) = connection.zero_window(roles.server()).and_then(|zero| zero.since)
            && !connection.is_over()
        {
            let unread = [service.unread_since, Some(closed.at)];
            service.unread_since = unread.into_iter().flatten().min();
        }
        match ending {
            Ending::Orderly => service.closed_by_both += 1,
            Ending::Reset(_) => service.reset += 1,
            _ => {}
        }
        for (role, side) in [roles.client, roles.server()].into_iter().enumerate() {
            service.segments[role] += u64::from(connection.halves[side.index()].segments);
            service.retransmissions[role] += u64::from(ServiceFacts::lost_at_random(connection, side));
        }
        if let Some((side, span)) = close_time(connection)
            && side == roles.server()
        {
            service.closes.add(span);
            if span < ServiceFacts::PROMPT {
                service.prompt_closes.add(span);
            }
        }
        if let Some((asked, left)) = findings::waited_in_vain(connection, roles) {
            service.gave_up.add(left.at - asked);
        }
        if let Some(answer) = connection.longest_answer() {
            service.answers.add(answer);
        }
        true
    }
}

impl Default for Folded {
    fn default() -> Self {
        Folded::within(usize::MAX)
    }
}

/// The place of that name; a new one only as long as there are fewer than `most`.
fn place<K: Eq + Hash, V: Default>(places: &mut By<K, V>, name: K, most: usize) -> Option<&mut V> {
    if places.len() >= most && !places.contains_key(&name) {
        return None;
    }
    Some(places.entry(name).or_default())
}

/// Whether it takes the place of what is there; a tie keeps the earlier connection. Asked before anything else of the
/// connection is looked up: its identification is a hash.
fn is_longest(there: &Option<Longest>, span: Span, first_frame: u64) -> bool {
    there.is_none_or(|old| (span, old.first_frame) > (old.span, first_frame))
}
