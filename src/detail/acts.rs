//! What each segment of a connection does, told from those before it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{Multipath, Segment, SeqNum, Span, TcpFlags};

/// What a segment does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Opens.
    Syn,
    /// Accepts.
    SynAck,
    /// Acknowledges something that is no FIN.
    Ack,
    /// Carries payload.
    Data,
    /// Closes its direction.
    Fin,
    /// Closes its direction and acknowledges the other side's FIN.
    FinAndAck,
    /// Acknowledges the other side's FIN.
    AckOfFin,
    /// Closes its direction of a Multipath TCP connection (RFC 8684 §3.3.3).
    DataFin,
    /// Acknowledges the other side's DATA_FIN.
    AckOfDataFin,
    /// Ends the connection.
    Rst,
    /// Asks whether the other side is still there.
    KeepAlive,
    /// Asks whether the other side's window is still closed.
    WindowProbe,
    /// Says that its reader does not read.
    ZeroWindow,
    /// Segments of either side that are not listed one by one.
    Others,
}

/// Takes the segments of one connection, in order of capture, and says what each does.
#[derive(Clone, Debug, Default)]
pub struct Acts {
    sides: [Seen; 2],
}

/// What is known of one side so far.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    nxt: Option<SeqNum>,
    fin_end: Option<SeqNum>,
    fin_acked: bool,
    /// The number that acknowledges its DATA_FIN.
    data_fin: Option<SeqNum>,
    data_fin_acked: bool,
    zero_window: bool,
    last: Option<Segment>,
}

impl Acts {
    /// What the segment does, and whether its side has done the same before; none if it is the last one of its side,
    /// captured twice.
    pub fn next(&mut self, s: &Segment) -> Option<(Act, bool)> {
        let seen = &mut self.sides[s.side.index()];
        if seen.last.as_ref().is_some_and(|last| captured_twice(last, s)) {
            return None;
        }
        seen.last = Some(*s);
        Some(self.act(s))
    }

    fn act(&mut self, s: &Segment) -> (Act, bool) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let peer = self.sides[y];
        let acks_fin = s.flags.any(TcpFlags::ACK)
            && !peer.fin_acked
            && peer.fin_end.is_some_and(|end| s.ack.at_or_after(end));
        self.sides[y].fin_acked |= acks_fin;
        let own = &mut self.sides[x];
        let behind = own.nxt.map(|nxt| nxt - s.seq);
        let again = own.nxt.is_some_and(|nxt| nxt.at_or_after(s.end())) && s.span() > 0;
        if own.nxt.is_none_or(|nxt| s.end().after(nxt)) && !s.flags.any(TcpFlags::RST) {
            own.nxt = Some(s.end());
        }
        let was_zero = own.zero_window;
        own.zero_window = s.window == 0 && !s.flags.any(TcpFlags::RST | TcpFlags::SYN);
        if s.flags.any(TcpFlags::RST) {
            return (Act::Rst, true);
        }
        if s.flags.any(TcpFlags::SYN) {
            return (if s.flags.any(TcpFlags::ACK) { Act::SynAck } else { Act::Syn }, true);
        }
        if s.flags.any(TcpFlags::FIN) {
            let before = own.fin_end.replace(s.end()).is_some();
            return (if acks_fin { Act::FinAndAck } else { Act::Fin }, before);
        }
        if s.multipath == Multipath::DataFin {
            return (Act::DataFin, own.data_fin.replace(s.data_number).is_some());
        }
        let acks_data_fin = s.multipath == Multipath::DataAck
            && s.len == 0
            && !peer.data_fin_acked
            && peer.data_fin.is_some_and(|end| s.data_number.at_or_after(end));
        if acks_data_fin {
            self.sides[y].data_fin_acked = true;
            return (Act::AckOfDataFin, false);
        }
        match behind {
            _ if acks_fin => (Act::AckOfFin, false),
            Some(1) if s.len <= 1 && peer.zero_window => (Act::WindowProbe, true),
            Some(1) if s.len <= 1 => (Act::KeepAlive, true),
            _ if s.len > 0 => (Act::Data, again),
            _ if own.zero_window => (Act::ZeroWindow, was_zero),
            _ => (Act::Ack, false),
        }
    }
}

fn captured_twice(last: &Segment, s: &Segment) -> bool {
    let near = s.seen.at - last.seen.at <= Span::millis(1) || s.interface != last.interface;
    let numbers = |s: &Segment| (s.seq, s.ack, s.len, s.flags, s.window, s.checksum, s.ip_id);
    near && numbers(last) == numbers(s)
}
