//! What a rule is asked about: one connection, and everything known around it.

use super::{CaptureFacts, Grace, HostEvidence, HostFacts, Listed, ServiceFacts, Traced};
use crate::tcp::{Closure, Connection, EndpointState, Stuck};
use crate::wire::{Endpoint, Side, Span, Stamp};

/// Who is who on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Roles {
    /// The connecting side.
    pub client: Side,
    /// No handshake was seen: guessed.
    pub assumed: bool,
}

impl Roles {
    /// The listening side.
    pub fn server(&self) -> Side {
        self.client.peer()
    }

    /// `client` or `server`.
    pub fn name(&self, side: Side) -> &'static str {
        if side == self.client { "client" } else { "server" }
    }
}

/// One connection and everything known around it.
pub struct Case<'a> {
    /// The facts.
    pub connection: &'a Connection,
    /// Who is who.
    pub roles: Roles,
    /// States of both sides, by [`Side::index`].
    pub states: &'a [EndpointState; 2],
    /// How it ended.
    pub closure: &'a Closure,
    /// The listening endpoint, over all its connections.
    pub service: &'a ServiceFacts,
    /// Both hosts over all their connections, by [`Side::index`].
    pub hosts: [&'a HostFacts; 2],
    /// The capture as a whole.
    pub capture: &'a CaptureFacts,
    /// When waiting becomes owing.
    pub grace: &'a Grace,
    /// What the hosts themselves say of it, if they say anything. Boxed: there may be as many cases as connections.
    pub host: Option<Box<HostEvidence<'a>>>,
}

impl<'a> Case<'a> {
    /// That side in the listings of its host.
    pub fn listed(&self, side: Side) -> &Listed<'a> {
        static NOWHERE: Listed<'static> = Listed { sightings: Vec::new(), missed: None };
        self.host.as_ref().map_or(&NOWHERE, |host| &host.listed[side.index()])
    }

    /// That side in the system call log of its host.
    pub fn traced(&self, side: Side) -> Option<Traced<'a>> {
        self.host.as_ref()?.traced[side.index()]
    }
}

impl Case<'_> {
    pub(super) fn endpoint(&self, side: Side) -> Endpoint {
        self.connection.key.endpoint(side)
    }

    pub(super) fn role(&self, side: Side) -> &'static str {
        self.roles.name(side)
    }

    /// From then to the end of the capture.
    pub(super) fn until_end(&self, since: Stamp) -> Span {
        (self.capture.last.at - since.at).max(Span::ZERO)
    }

    /// From here to that side and back, as its handshake took.
    pub(super) fn round_trip_to(&self, side: Side) -> Option<Span> {
        match self.connection.opener()? == side {
            true => self.connection.originator_rtt(),
            false => self.connection.responder_rtt(),
        }
    }

    /// The side that sends the same again and again in vain, and what.
    pub(super) fn stuck(&self) -> Option<(Side, &Stuck)> {
        Side::BOTH.into_iter().find_map(|side| Some((side, self.connection.stuck(side)?)))
    }

    /// The connection was made, or is older than the capture.
    pub(super) fn made(&self) -> bool {
        self.connection.established()
    }

    /// Both sides were captured.
    pub(super) fn both_directions(&self) -> bool {
        Side::BOTH.into_iter().all(|side| {
            let half = &self.connection.halves[side.index()];
            half.spoke() || self.connection.rst(side).is_some()
        })
    }

    /// Octets of that side which its own or its peer's numbers prove but which were never captured.
    pub(super) fn unseen(&self, side: Side) -> i32 {
        self.connection.halves[side.index()].unseen_octets()
    }

    /// Its service is known to go on after its client's FIN, and that is its side.
    pub(super) fn holds_half_closed(&self, side: Side) -> bool {
        self.grace.half_close && side == self.roles.server()
    }

    /// A RST of either side has ended it.
    pub(super) fn ended_by_rst(&self) -> bool {
        Side::BOTH.into_iter().any(|side| self.connection.ended_by_rst(side))
    }

    /// No FIN of that side passed, and no RST ended it.
    pub(super) fn unclosed(&self, side: Side) -> bool {
        self.connection.fin(side).is_none() && !self.ended_by_rst()
    }
}
