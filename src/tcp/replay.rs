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

/// Runs the RFC's machine over the facts of one side, under both assumptions.
pub fn replay(connection: &Connection, side: Side) -> EndpointState {
    let [proven, expected] =
        [Delivery::Proven, Delivery::Expected].map(|delivery| Run::over(connection, side, delivery));
    let decided_by = if proven.state == expected.state { None } else { expected.shown_by };
    EndpointState { proven: proven.state, expected: expected.state, decided_by }
}

/// The machine, fed with what happened to one side in an order that the facts allow.
struct Run {
    state: State,
    /// The frame that shows what moved it last.
    shown_by: Option<Stamp>,
}

impl Run {
    fn over(connection: &Connection, side: Side, delivery: Delivery) -> Run {
        let mut run = Run { state: State::Closed, shown_by: None };
        opening(connection, side, delivery, &mut run);
        closing(connection, side, delivery, &mut run);
        let by_itself = connection.rst(side).filter(|_| connection.ended_by_rst(side));
        let by_peer = connection.rst(side.peer()).filter(|_| connection.ended_by_rst(side.peer()));
        let delivered = by_peer.filter(|_| delivery == Delivery::Expected);
        if let Some(rst) = by_itself.or(delivered) {
            run.take(Event::Reset, rst.seen);
        }
        run
    }

    fn take(&mut self, event: Event, shown_by: Stamp) {
        if let Some(next) = self.state.next(event) {
            self.state = next;
            self.shown_by = Some(shown_by);
        }
    }
}

fn opening(connection: &Connection, side: Side, delivery: Delivery, run: &mut Run) {
    let half = &connection.halves[side.index()];
    let peer = &connection.halves[side.peer().index()];
    let first = connection.first;
    let Some(opener) = connection.opener() else {
        // Older than the capture: at least ESTABLISHED.
        for event in [Event::Listens, Event::ReceivesSyn, Event::SynAcked] {
            run.take(event, first);
        }
        return;
    };
    let expected = delivery == Delivery::Expected;
    if side == opener {
        run.take(Event::SendsSyn, first);
        let answered = peer.flags.all(TcpFlags::SYN | TcpFlags::ACK);
        if connection.established() || expected && answered {
            run.take(Event::ReceivesSynAck, peer.last);
        }
        return;
    }
    // Its answer was seen, or the opener acts upon it.
    let answered = half.synchronised() || connection.established();
    if !answered && connection.ended_by_rst(side) {
        // Nobody listens.
        return;
    }
    run.take(Event::Listens, first);
    if answered || expected && peer.synchronised() && half.spoke() {
        run.take(Event::ReceivesSyn, first);
    }
    let beyond_handshake = half.has_payload()
        || connection.fin(side).is_some()
        || half.has_ack() && half.ack.after(connection.tallies[side.peer().index()].isn + 1);
    if beyond_handshake || expected && connection.established() {
        run.take(Event::SynAcked, peer.last);
    }
}

fn closing(connection: &Connection, side: Side, delivery: Delivery, run: &mut Run) {
    let own = connection.fin(side);
    let other = connection.fin(side.peer());
    let sent = own.map(|fin| (Event::SendsFin, fin.seen));
    let received = match delivery {
        Delivery::Proven => other.and_then(|fin| fin.acked),
        Delivery::Expected => other.map(|fin| fin.seen),
    }
    .map(|shown_by| (Event::ReceivesFin, shown_by));
    // That the acknowledgment of its FIN was heard is proven only where it came with the peer's FIN, which this side
    // has acknowledged in turn.
    let heard = other.filter(|fin| fin.acked.is_some()).and_then(|fin| fin.ack).zip(own);
    let heard = heard.is_some_and(|(ack, own): (SeqNum, _)| ack.at_or_after(own.end));
    let acked = own
        .and_then(|fin| fin.acked)
        .filter(|_| delivery == Delivery::Expected || heard)
        .map(|shown_by| (Event::FinAcked, shown_by));
    let closes_second = own.is_some_and(|fin| fin.closes_second);
    let acked_first = match (&acked, &received) {
        (Some((_, acked)), Some((_, received))) => acked.frame <= received.frame,
        _ => true,
    };
    let order = match (closes_second, acked_first) {
        (true, _) => [received, sent, acked],
        (false, true) => [sent, acked, received],
        (false, false) => [sent, received, acked],
    };
    for (event, shown_by) in order.into_iter().flatten() {
        run.take(event, shown_by);
    }
}
