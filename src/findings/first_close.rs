//! What the first closer called: close() or shutdown(). Both send the same FIN; what comes later may tell.
//!
//! The marks are those of Linux over IPv4: a closed socket is replaced by a small one that answers with IP identification
//! 0, while a socket that a program still holds goes on counting.

use super::Case;
use super::rst::{Form, Sender};
use crate::wire::Side;

/// How a side ended its sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FirstClose {
    /// close(): nobody is left to read what still comes.
    Closed,
    /// shutdown(SHUT_WR): it still reads.
    Shut,
}

/// What `side`, whose FIN came first, most likely called, and the mark of it.
pub(super) fn first_close(case: &Case<'_>, side: Side) -> Option<(FirstClose, &'static str)> {
    let connection = case.connection;
    let fin = connection.fin(side).filter(|fin| !fin.closes_second)?;
    let acked = fin.acked?;
    let half = &connection.halves[side.index()];
    let other = connection.fin(side.peer());
    let took =
        fin.ack.is_some_and(|ack| half.ack.after(ack)) && connection.payload_after_peer_fin(side.peer()) > 0;
    if let Some(rst) = connection.rst(side).filter(|rst| rst.seen.frame > acked.frame) {
        let by_box = case.reset_origin(side).is_some_and(|origin| origin.sender == Sender::Box);
        let no_socket = Form::of(rst) == Form::NoSocket && !by_box;
        return no_socket.then_some((FirstClose::Closed, "what came later found no socket"));
    }
    if took {
        return Some((FirstClose::Shut, "it acknowledged payload after its FIN"));
    }
    // In TIME-WAIT every socket answers like a closed one: only what came before the other FIN counts.
    let answered =
        half.last.frame > acked.frame && other.is_none_or(|other| half.last.frame < other.seen.frame);
    if !answered || !case.endpoint(side).addr().is_ipv4() || fin.ip_id == 0 {
        return None;
    }
    Some(match half.last_identification_is_zero() {
        true => {
            (FirstClose::Closed, "it answers with IP identification 0, as Linux does for a closed socket")
        }
        false => (
            FirstClose::Shut,
            "its answers count on in IP identification, which on Linux means that its socket is still held",
        ),
    })
}
