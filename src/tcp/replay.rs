//! The states of both ends, computed from the facts: what is proven, and what is expected.

use super::connection::Connection;
use super::state::{Event, State};
use crate::wire::{SeqNum, Side, Stamp, TcpFlags};

/// What is assumed of segments that passed the capture point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Delivery {
    /// The endpoint received only what its own segments prove.
    Proven,
    /// Everything was delivered.
    Expected,
}

/// What can be said of one endpoint's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndpointState {
    /// It has been at least here.
    pub proven: State,
    /// It is here if everything that passed was delivered.
    pub expected: State,
    /// The frame whose delivery would make the difference.
    pub decided_by: Option<Stamp>,
}

impl EndpointState {
    /// Whether both assumptions lead to one state.
    pub fn is_sure(&self) -> bool {
        self.proven == self.expected
    }
}

/// Something that happened to an endpoint, with the frame that shows it.
struct Happening {
    event: Event,
    shown_by: Stamp,
}

/// Runs the RFC's machine over the facts of one side, under both assumptions.
pub fn replay(connection: &Connection, side: Side) -> EndpointState {
    let (proven, _) = run(connection, side, Delivery::Proven);
    let (expected, last) = run(connection, side, Delivery::Expected);
    let decided_by = if proven == expected { None } else { last };
    EndpointState { proven, expected, decided_by }
}

fn run(connection: &Connection, side: Side, delivery: Delivery) -> (State, Option<Stamp>) {
    let mut state = State::Closed;
    let mut shown_by = None;
    for happening in happenings(connection, side, delivery) {
        if let Some(next) = state.next(happening.event) {
            state = next;
            shown_by = Some(happening.shown_by);
        }
    }
    (state, shown_by)
}

/// Everything that happened to this side, in an order that the facts allow.
fn happenings(connection: &Connection, side: Side, delivery: Delivery) -> Vec<Happening> {
    let mut all = Vec::with_capacity(8);
    opening(connection, side, delivery, &mut all);
    closing(connection, side, delivery, &mut all);
    let by_itself = connection.rst(side).filter(|_| connection.ended_by_rst(side));
    let by_peer = connection.rst(side.peer()).filter(|_| connection.ended_by_rst(side.peer()));
    let delivered = by_peer.filter(|_| delivery == Delivery::Expected);
    if let Some(rst) = by_itself.or(delivered) {
        all.push(Happening { event: Event::Reset, shown_by: rst.seen });
    }
    all
}

fn opening(connection: &Connection, side: Side, delivery: Delivery, all: &mut Vec<Happening>) {
    let half = &connection.halves[side.index()];
    let peer = &connection.halves[side.peer().index()];
    let first = connection.first;
    let mut push = |event, shown_by| all.push(Happening { event, shown_by });
    let Some(opener) = connection.opener() else {
        // Older than the capture: at least ESTABLISHED.
        for event in [Event::Listens, Event::ReceivesSyn, Event::SynAcked] {
            push(event, first);
        }
        return;
    };
    let expected = delivery == Delivery::Expected;
    if side == opener {
        push(Event::SendsSyn, first);
        let answered = peer.flags.all(TcpFlags::SYN | TcpFlags::ACK);
        if connection.established() || expected && answered {
            push(Event::ReceivesSynAck, peer.last);
        }
        return;
    }
    // Its answer was seen, or the opener acts upon it.
    let answered = half.synchronised() || connection.established();
    if !answered && connection.ended_by_rst(side) {
        // Nobody listens.
        return;
    }
    push(Event::Listens, first);
    if answered || expected && peer.synchronised() && half.spoke() {
        push(Event::ReceivesSyn, first);
    }
    let beyond_handshake = half.has_payload()
        || connection.fin(side).is_some()
        || half.has_ack() && half.ack.after(connection.tallies[side.peer().index()].isn + 1);
    if beyond_handshake || expected && connection.established() {
        push(Event::SynAcked, peer.last);
    }
}

fn closing(connection: &Connection, side: Side, delivery: Delivery, all: &mut Vec<Happening>) {
    let own = connection.fin(side);
    let other = connection.fin(side.peer());
    let sent = own.map(|fin| Happening { event: Event::SendsFin, shown_by: fin.seen });
    let received = match delivery {
        Delivery::Proven => other.and_then(|fin| fin.acked),
        Delivery::Expected => other.map(|fin| fin.seen),
    }
    .map(|shown_by| Happening { event: Event::ReceivesFin, shown_by });
    // That the acknowledgment of its FIN was heard is proven only where it came with the peer's FIN, which this side
    // has acknowledged in turn.
    let heard = other.filter(|fin| fin.acked.is_some()).and_then(|fin| fin.ack).zip(own);
    let heard = heard.is_some_and(|(ack, own): (SeqNum, _)| ack.at_or_after(own.end));
    let acked = own
        .and_then(|fin| fin.acked)
        .filter(|_| delivery == Delivery::Expected || heard)
        .map(|shown_by| Happening { event: Event::FinAcked, shown_by });
    let closes_second = own.is_some_and(|fin| fin.closes_second);
    let acked_first = match (&acked, &received) {
        (Some(acked), Some(received)) => acked.shown_by.frame <= received.shown_by.frame,
        _ => true,
    };
    let order = match (closes_second, acked_first) {
        (true, _) => [received, sent, acked],
        (false, true) => [sent, acked, received],
        (false, false) => [sent, received, acked],
    };
    all.extend(order.into_iter().flatten());
}
