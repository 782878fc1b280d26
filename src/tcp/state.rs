//! The state machine of RFC 9293: one table, and the only code that moves a state.

use std::fmt;

/// A connection state of one endpoint (RFC 9293 §3.3.2), printed as the RFC writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// No connection.
    Closed,
    /// Waiting for a request.
    Listen,
    /// Sent a SYN.
    SynSent,
    /// Received and sent a SYN.
    SynReceived,
    /// Open.
    Established,
    /// Sent its FIN.
    FinWait1,
    /// Its FIN was acknowledged.
    FinWait2,
    /// Received the peer's FIN; its own program has yet to close.
    CloseWait,
    /// Both sent FIN, each before it had the other's.
    Closing,
    /// Closed second; waits for the acknowledgment of its FIN.
    LastAck,
    /// Closed first; waits for stray segments to die.
    TimeWait,
}

/// What happens to an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Passive open.
    Listens,
    /// Active open: sends SYN.
    SendsSyn,
    /// Receives a SYN.
    ReceivesSyn,
    /// Receives SYN and the acknowledgment of its own.
    ReceivesSynAck,
    /// Receives the acknowledgment of its SYN.
    SynAcked,
    /// Its program closes: sends FIN.
    SendsFin,
    /// Receives the peer's FIN and acknowledges it.
    ReceivesFin,
    /// Receives the acknowledgment of its FIN.
    FinAcked,
    /// Two maximum segment lifetimes passed.
    TwoMsl,
    /// Sends or receives an acceptable RST.
    Reset,
}

impl State {
    /// All states, in the order of the RFC's list of a connection's life.
    pub const ALL: [State; 11] = [
        State::Closed,
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
    ];

    /// One arrow of RFC 9293 figure 5; none if the figure has no such arrow.
    pub fn next(self, event: Event) -> Option<State> {
        use Event::*;
        use State::*;
        Some(match (self, event) {
            // §3.5: opening.
            (Closed, Listens) => Listen,
            (Closed | Listen, SendsSyn) => SynSent,
            (Listen, ReceivesSyn) => SynReceived,
            // Both open at once (§3.5, figure 7).
            (SynSent, ReceivesSyn) => SynReceived,
            (SynSent, ReceivesSynAck) => Established,
            (SynReceived, SynAcked) => Established,
            // §3.6: closing first.
            (SynReceived | Established, SendsFin) => FinWait1,
            (FinWait1, FinAcked) => FinWait2,
            (FinWait2, ReceivesFin) => TimeWait,
            // Closing at once (§3.6, case 3).
            (FinWait1, ReceivesFin) => Closing,
            (Closing, FinAcked) => TimeWait,
            // Closing second (§3.6, case 2). Only the program leads out of CLOSE-WAIT; no timer does.
            (Established, ReceivesFin) => CloseWait,
            // A FIN may follow the SYN at once (§3.10.7.4, eighth step: SYN-RECEIVED counts as ESTABLISHED here).
            (SynReceived, ReceivesFin) => CloseWait,
            (CloseWait, SendsFin) => LastAck,
            (LastAck, FinAcked) => Closed,
            (TimeWait, TwoMsl) => Closed,
            // §3.5.3: a RST ends every state but CLOSED and LISTEN.
            (Closed | Listen, Reset) => return None,
            (_, Reset) => Closed,
            _ => return None,
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Closed => "CLOSED",
            State::Listen => "LISTEN",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECEIVED",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole matrix, to be compared with RFC 9293 figure 5 by a reviewer.
    #[test]
    fn matrix() {
        use Event::*;
        let events = [
            Listens,
            SendsSyn,
            ReceivesSyn,
            ReceivesSynAck,
            SynAcked,
            SendsFin,
            ReceivesFin,
            FinAcked,
            TwoMsl,
            Reset,
        ];
        let mut text = String::new();
        for state in State::ALL {
            for event in events {
                if let Some(next) = state.next(event) {
                    text += &format!("{state:<12} {:<14} {next}\n", format!("{event:?}"));
                }
            }
        }
        insta::assert_snapshot!(text);
    }

    /// Sent, received, acknowledged, in every order that can happen, against the table that people know.
    #[test]
    fn teardown() {
        use Event::*;
        let orders: [&[Event]; 11] = [
            &[],
            &[SendsFin],
            &[ReceivesFin],
            &[SendsFin, FinAcked],
            &[SendsFin, ReceivesFin],
            &[ReceivesFin, SendsFin],
            &[SendsFin, FinAcked, ReceivesFin],
            &[SendsFin, ReceivesFin, FinAcked],
            &[ReceivesFin, SendsFin, FinAcked],
            &[SendsFin, FinAcked, ReceivesFin, TwoMsl],
            &[ReceivesFin, SendsFin, FinAcked, ReceivesFin],
        ];
        for order in orders {
            let place = |event| order.iter().position(|&other| other == event);
            let (sent, received, acked) = (place(SendsFin), place(ReceivesFin), place(FinAcked));
            let passive = received.is_some() && (sent.is_none() || received < sent);
            let expected = match (sent.is_some(), received.is_some(), acked.is_some(), passive) {
                (false, false, ..) => State::Established,
                (false, true, ..) => State::CloseWait,
                (true, false, false, _) => State::FinWait1,
                (true, false, true, _) => State::FinWait2,
                (true, true, false, false) => State::Closing,
                (true, true, false, true) => State::LastAck,
                (true, true, true, false) if place(TwoMsl).is_none() => State::TimeWait,
                (true, true, true, _) => State::Closed,
            };
            let state =
                order.iter().fold(State::Established, |state, &event| state.next(event).unwrap_or(state));
            assert_eq!(state, expected, "{order:?}");
        }
    }
}
