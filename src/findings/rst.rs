//! Who sent a RST: the host whose address it bears, or something on the path. Every conclusion comes with its reason.
//!
//! An equal hop limit proves nothing: a box beside the host, a bridge, or one that copies the value look the same.

use super::hop_limits::hops;
use super::missing_fin::near_an_initial_hop_limit;
use super::reset_after_idle::own_hop_limit;
use super::{Case, Cause, Certainty};
use crate::tcp::{Rst, Silence};
use crate::wire::{Side, Span, Stamp, TcpFlags};

/// Who sent it, as far as can be told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sender {
    /// The host itself.
    Host,
    /// A box on the path, or another network namespace.
    Box,
    /// Cannot be told from this side.
    Unknown,
}

/// Who sent a RST, and why that is believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Who.
    pub sender: Sender,
    /// The reason for it, or why nothing can be told.
    pub because: String,
    /// What its form says, and further hints that prove nothing by themselves.
    pub hints: Vec<String>,
}

impl Origin {
    /// As the cause of a finding.
    pub(super) fn cause(&self) -> Cause {
        let (what, certainty) = match self.sender {
            Sender::Host => ("the host", Certainty::Likely),
            Sender::Box => ("the path", Certainty::Likely),
            Sender::Unknown => ("the host", Certainty::Possible),
        };
        let because = std::iter::once(&self.because).chain(&self.hints).cloned().collect();
        Cause { what, certainty, because }
    }
}

/// What a RST looks like (RFC 9293 §3.10.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// RST,ACK that goes on in its side's numbers: a socket was aborted.
    Aborts,
    /// A bare RST at the number that was just acknowledged to it: nobody has such a socket.
    NoSocket,
    /// Anything else.
    Other,
}

impl Form {
    pub(super) fn of(rst: &Rst) -> Form {
        let bare = !rst.flags.any(TcpFlags::ACK);
        let in_sequence = rst.expected == Some(rst.seq);
        let as_asked = rst.after.is_some_and(|(_, ack)| ack == rst.seq);
        match bare {
            true if as_asked && rst.window == 0 => Form::NoSocket,
            false if in_sequence => Form::Aborts,
            _ => Form::Other,
        }
    }

    fn says(self) -> Option<&'static str> {
        match self {
            Form::Aborts => Some(
                "RST,ACK at its next number, as of a program that closes with data unread, with SO_LINGER 0, or is killed",
            ),
            Form::NoSocket => Some(
                "a bare RST at the number it was sent, window 0: so answers a host without such a socket, and so does a \
                 firewall's reject",
            ),
            Form::Other => None,
        }
    }
}

impl Case<'_> {
    /// The segment of the other side that drew the first RST of `side`: the last one before it, if it came that soon.
    pub(super) fn drew_reset(&self, side: Side) -> Option<Stamp> {
        let rst = self.connection.rst(side)?;
        let (provoked, _) = rst.after?;
        let way = self.round_trip_to(side).unwrap_or_default();
        (rst.seen.at - provoked.at <= DRAWN_WITHIN + way.times(3)).then_some(provoked)
    }

    /// The RST that answered the segment which ended that silence; none if that side had sent its first RST before.
    pub(super) fn reset_after(&self, silence: &Silence) -> Option<&Rst> {
        self.connection.rst(silence.by.peer()).filter(|rst| rst.seen.frame > silence.resumed.frame)
    }

    /// Who sent the first RST that bears the address of `side`.
    pub fn reset_origin(&self, side: Side) -> Option<Origin> {
        let rst = self.connection.rst(side)?;
        let (sender, because) = self.sender(side, rst);
        let form = Form::of(rst).says().map(str::to_owned);
        let hints =
            [form, self.reaction(side, rst), self.no_router(side, rst)].into_iter().flatten().collect();
        Some(Origin { sender, because, hints })
    }

    fn sender(&self, side: Side, rst: &Rst) -> (Sender, String) {
        let half = &self.connection.halves[side.index()];
        let role = self.role(side);
        let seen: Vec<_> = self.connection.tallies[side.index()].hop_limits.iter().collect();
        let listed = || seen.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let marked = match half.has_timestamps() {
            true => rst.has_options,
            // Whoever answers for another does not know the window.
            false => rst.window != 0 && rst.window == half.window,
        };
        let live = Form::of(rst) == Form::Aborts && marked;
        match (own_hop_limit(self, side, rst), live) {
            _ if self.made_here(side, rst) => (
                Sender::Box,
                format!(
                    "every other segment of the {role} was captured twice, its RST and what it answers once: the machine \
                     that was captured on, which passes on the rest, made it itself"
                ),
            ),
            _ if rst.hop_limit == 0 => (
                Sender::Unknown,
                "the hop limit of its RST is not known: the host, or a box on the path; the far side's capture decides"
                    .into(),
            ),
            _ if seen.is_empty() => self.by_other_connections(side, rst),
            _ if seen.len() == MOST_HOP_LIMITS => {
                (Sender::Unknown, format!("the {role}'s segments came with many hop limits: {}", listed()))
            }
            (true, true) => (
                Sender::Host,
                format!(
                    "its RST goes on in the {role}'s numbers and carries {} as a live socket's segments do",
                    if half.has_timestamps() { "options" } else { "its window" }
                ),
            ),
            (true, false) => (
                Sender::Unknown,
                format!(
                    "its RST came with the hop limit {} of the {role}'s own segments: the host, or a box that cannot be \
                     told from it; the far side's capture decides",
                    rst.hop_limit
                ),
            ),
            (false, true) => (
                Sender::Unknown,
                format!(
                    "its RST came with hop limit {}, the {role}'s own segments with {}, and yet with the marks of a live \
                     socket: the route may have changed",
                    rst.hop_limit,
                    listed()
                ),
            ),
            (false, false) if seen.iter().any(|&own| hops(own).is_none()) => (
                Sender::Unknown,
                format!(
                    "its RST came with hop limit {}, the {role}'s own segments with {}, which a program must have set: the \
                     host, or a box beside it",
                    rst.hop_limit,
                    listed()
                ),
            ),
            (false, false) if seen.iter().any(|&own| hops(own) == hops(rst.hop_limit)) => (
                Sender::Unknown,
                format!(
                    "its RST came with hop limit {}, the {role}'s own segments with {}, both as many hops from an initial \
                     one: the host, where the socket had another than its system, or a box beside it",
                    rst.hop_limit,
                    listed()
                ),
            ),
            (false, false) => (
                Sender::Box,
                format!(
                    "its RST came with hop limit {}, the {role}'s own segments with {}: another machine sent it",
                    rst.hop_limit,
                    listed()
                ),
            ),
        }
    }

    /// On a capture that shows all that passes twice (every interface of a router), what is made there shows once. What
    /// the host sends and a filter drops there shows once, too; but then the host had been asked, twice.
    fn made_here(&self, side: Side, rst: &Rst) -> bool {
        let shown_once = |side: Side| {
            let seen = self.connection.halves[side.index()].segments;
            let again = u32::from(self.connection.tallies[side.index()].captured_twice);
            seen.checked_sub(again).filter(|_| again >= 2)
        };
        shown_once(side) == Some(rst.sent.into()) && matches!(shown_once(side.peer()), Some(1..))
    }

    /// Nothing else of that side was captured on this connection, but perhaps on others of its host.
    fn by_other_connections(&self, side: Side, rst: &Rst) -> (Sender, String) {
        let role = self.role(side);
        let others = self.hosts[side.index()].hop_limits;
        let values: Vec<_> = others.iter().map(|value| value.to_string()).collect();
        let nearer = |own: u8| hops(own).zip(hops(rst.hop_limit)).is_some_and(|(own, other)| other < own);
        if values.is_empty() {
            return (
                Sender::Unknown,
                format!("no other segment of the {role} was captured to compare its RST with"),
            );
        }
        let elsewhere = format!(
            "its RST, all of the {role} here, came with hop limit {}, its host's segments on other connections with {}",
            rst.hop_limit,
            values.join(", ")
        );
        if others.connections() >= HEARD_ENOUGH && others.iter().all(nearer) {
            return (Sender::Box, format!("{elsewhere}: a machine nearer to here sent it"));
        }
        let doubt = match others.contains(rst.hop_limit) {
            true => "the host, or a box that cannot be told from it; the far side's capture decides",
            false => {
                "the host, where its system has another than its programs, or a machine that shares its address"
            }
        };
        (Sender::Unknown, format!("{elsewhere}: {doubt}"))
    }

    /// No router lies between here and that side, so that only a bridge could have sent it instead.
    fn no_router(&self, side: Side, rst: &Rst) -> Option<String> {
        let near = near_an_initial_hop_limit(self, side) && own_hop_limit(self, side, rst);
        near.then(|| {
            format!(
                "{} is an initial hop limit: no router lies between here and the {}, at most a bridge",
                rst.hop_limit,
                self.role(side)
            )
        })
    }

    /// It came back sooner than that side can have answered. A hint only: the handshake may have been slow once.
    fn reaction(&self, side: Side, rst: &Rst) -> Option<String> {
        let path = self.round_trip_to(side)?;
        let (provoked, _) = rst.after?;
        let took = rst.seen.at - provoked.at;
        let sooner = path >= Span::millis(2) && took >= Span::ZERO && took.times(3) < path;
        sooner.then(|| {
            format!(
                "it came {took} after the segment before it, though the {}'s way there and back took {path}",
                self.role(side)
            )
        })
    }
}

/// More different hop limits are not remembered, so an unknown one proves nothing.
const MOST_HOP_LIMITS: usize = 4;

/// On so many connections a host was heard that paths of several lengths would have shown.
const HEARD_ENOUGH: u64 = 3;

/// What comes back later than a few round trips and this was not drawn.
const DRAWN_WITHIN: Span = Span::millis(500);
