//! Who holds a socket, as far as only the whole listing shows: several rows of one socket, and sockets that nobody holds.

use std::collections::HashMap;

use super::socket::{Socket, SocketState};

/// Where the listing names the owner of every listening socket, a socket without one has none. Otherwise it may have been made
/// without the right to see every process, and absence says nothing.
pub(super) fn settle_owners(sockets: &mut [Socket]) {
    let owned = |socket: &Socket| socket.owners.as_ref().is_some_and(|owners| !owners.is_empty());
    let mut listening = sockets.iter().filter(|socket| socket.state == SocketState::Listen).peekable();
    if listening.peek().is_some() && listening.all(owned) {
        for socket in sockets.iter_mut() {
            socket.owners.get_or_insert_default();
        }
    }
}

/// Rows with the same kernel identity and the same ends are one socket.
pub(super) fn merge(sockets: &mut Vec<Socket>) {
    let mut first_of = HashMap::with_capacity(sockets.len());
    let mut kept: Vec<Socket> = Vec::with_capacity(sockets.len());
    for mut socket in sockets.drain(..) {
        socket.forget_queues_of_listener();
        if socket.inode.is_none() && socket.peer.is_none() {
            kept.push(socket);
            continue;
        }
        let key = (socket.inode, socket.local.clone(), socket.peer.clone());
        let at = *first_of.entry(key).or_insert(kept.len());
        match (kept.get_mut(at), socket.owners.as_mut()) {
            (Some(first), Some(owners)) => first.owners.get_or_insert_default().append(owners),
            (Some(_), None) => {}
            (None, _) => kept.push(socket),
        }
    }
    *sockets = kept;
}
