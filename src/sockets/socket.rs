//! A socket as a host's own listing shows it: state, ends, queues, owners. What the listing does not say is `None`.
//!
//! No text is read here but the spellings of the states; the formats beside this file do the reading.

use std::fmt;

use super::end::End;
use crate::wire::Span;

/// One TCP socket of a listing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Socket {
    /// The state that the kernel gave it.
    pub state: SocketState,
    /// Its own end; `None` where the listing names none (a descriptor whose connection is gone).
    pub local: Option<End>,
    /// The other end; `None` where there is none (`*:*`, `0.0.0.0:0`) or none is named.
    pub peer: Option<End>,
    /// Recv-Q in bytes. Linux counts an unread FIN as one. Listening sockets: see [`Socket::backlog`].
    pub recv_q: Option<u64>,
    /// Send-Q in bytes. Listening sockets: see [`Socket::backlog`].
    pub send_q: Option<u64>,
    /// The processes that hold a descriptor of it. `Some` and empty: the listing names the owners of the others and
    /// shows none here, so nobody holds it (not yet accepted, or orphaned). `None`: the listing does not tell.
    pub owners: Option<Vec<Process>>,
    /// Numeric user id of the owner.
    pub uid: Option<u32>,
    /// User name of the owner, where the listing prints names.
    pub user: Option<Box<str>>,
    /// Inode of the socket (Linux), or the kernel address by which AIX, BSD and Solaris name it.
    pub inode: Option<u64>,
    /// The timer that runs on it.
    pub timer: Option<Timer>,
    /// What `ss -i` and `ss -m` add.
    pub info: Option<Box<TcpInfo>>,
    /// The line it stands on, counted from 1.
    pub line: u32,
}

/// The queue of connections that wait for `accept`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backlog {
    /// Connections in the queue.
    pub waiting: u64,
    /// How many it may hold, where the listing says (`ss`, `netstat -L`).
    pub limit: Option<u64>,
}

impl Socket {
    /// The accept queue of a listening socket: Linux and `netstat -L` print it in place of the byte counts.
    pub fn backlog(&self) -> Option<Backlog> {
        let waiting = self.recv_q.filter(|_| self.state == SocketState::Listen)?;
        Some(Backlog { waiting, limit: self.send_q.filter(|&limit| limit > 0) })
    }

    /// Drops the queues of a listening socket, for listings in which they are neither bytes nor connections.
    pub(super) fn forget_queues_of_listener(&mut self) {
        if self.state == SocketState::Listen {
            (self.recv_q, self.send_q) = (None, None);
        }
    }

    /// The part that `ss -i` and `ss -m` fill, made when first needed.
    pub(super) fn info_mut(&mut self) -> &mut TcpInfo {
        self.info.get_or_insert_default()
    }
}

/// A process that holds a descriptor.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Process {
    /// Name of the program, as cut by the listing.
    pub name: Option<Box<str>>,
    /// Process id.
    pub pid: Option<u32>,
    /// Descriptor number in that process.
    pub fd: Option<u32>,
}

/// The state of a socket; RFC 9293 §3.3.2 and the two that only hosts know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum SocketState {
    /// Waits for connections.
    Listen,
    /// SYN sent.
    SynSent,
    /// SYN received and answered.
    SynReceived,
    /// Open both ways.
    Established,
    /// Own FIN sent, not acknowledged.
    FinWait1,
    /// Own FIN acknowledged, the peer's not seen.
    FinWait2,
    /// The peer's FIN has come, the own one is owed.
    CloseWait,
    /// Both FINs sent, crossed.
    Closing,
    /// Own FIN sent after the peer's, not acknowledged.
    LastAck,
    /// Both closed, lingering for two segment lifetimes.
    TimeWait,
    /// No connection any more, or never one.
    Closed,
    /// Has an address but neither listens nor connects (Solaris, Windows).
    Bound,
    /// Has nothing yet (Solaris).
    Idle,
    /// The listing says nothing that can be read.
    #[default]
    Unknown,
}

impl SocketState {
    /// The RFC's spelling, `CLOSE-WAIT`.
    pub fn name(self) -> &'static str {
        match self {
            SocketState::Listen => "LISTEN",
            SocketState::SynSent => "SYN-SENT",
            SocketState::SynReceived => "SYN-RECEIVED",
            SocketState::Established => "ESTABLISHED",
            SocketState::FinWait1 => "FIN-WAIT-1",
            SocketState::FinWait2 => "FIN-WAIT-2",
            SocketState::CloseWait => "CLOSE-WAIT",
            SocketState::Closing => "CLOSING",
            SocketState::LastAck => "LAST-ACK",
            SocketState::TimeWait => "TIME-WAIT",
            SocketState::Closed => "CLOSED",
            SocketState::Bound => "BOUND",
            SocketState::Idle => "IDLE",
            SocketState::Unknown => "UNKNOWN",
        }
    }

    /// Reads any spelling that an operating system prints; `None` for a word that is no state.
    ///
    /// Case, `-`, `_` and spaces do not matter. A letter outside ASCII matches whatever the code page made of it.
    pub fn read(word: &str) -> Option<SocketState> {
        const LONGEST: usize = 24;
        let mut plain = String::with_capacity(LONGEST);
        for c in word.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '(' | ')')) {
            if plain.len() == LONGEST {
                return None;
            }
            match c.is_ascii_alphanumeric() {
                true => plain.push(c.to_ascii_uppercase()),
                false if plain.ends_with('?') => {}
                false => plain.push('?'),
            }
        }
        SPELLINGS.iter().find(|(_, spellings)| spellings.contains(&plain.as_str())).map(|(state, _)| *state)
    }
}

/// Linux, Solaris, BSD, AIX, HP-UX, Windows and PowerShell; net-tools and Windows in German.
const SPELLINGS: &[(SocketState, &[&str])] = &[
    (
        SocketState::Established,
        &["ESTAB", "ESTABLISHED", "ESTABLISH", "ESTABLSH", "ESTBLSH", "VERBUNDEN", "HERGESTELLT"],
    ),
    (SocketState::CloseWait, &["CLOSEWAIT", "CLOSEWT", "CLWAIT", "SCHLIESSENWARTEN"]),
    (SocketState::TimeWait, &["TIMEWAIT", "TIMEWT", "TIMEW", "WARTEND"]),
    (SocketState::Listen, &["LISTEN", "LISTENING", "LISTE", "ABH?REN"]),
    (SocketState::FinWait1, &["FINWAIT1", "FINWT1", "FINW1", "FINWARTEN1"]),
    (SocketState::FinWait2, &["FINWAIT2", "FINWT2", "FINW2", "FINWARTEN2"]),
    (SocketState::SynSent, &["SYNSENT", "SYNGESENDET"]),
    (
        SocketState::SynReceived,
        &["SYNRECV", "SYNRCVD", "SYNRECEIVED", "SYNRECD", "NEWSYNRECV", "SYNEMPFANGEN"],
    ),
    (SocketState::LastAck, &["LASTACK", "LETZTEBEST"]),
    (SocketState::Closing, &["CLOSING", "SCHLIESSEND"]),
    (SocketState::Closed, &["CLOSED", "CLOSE", "UNCONN", "DELETETCB", "INACTIVE"]),
    (SocketState::Bound, &["BOUND"]),
    (SocketState::Idle, &["IDLE"]),
    (SocketState::Unknown, &["UNKNOWN", "UNBEKANNT"]),
];

/// The RFC's spelling.
impl fmt::Display for SocketState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The timer that a listing shows for a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    /// What it waits for.
    pub kind: TimerKind,
    /// Time until it fires; `None` where nothing runs or the text cannot be read.
    pub left: Option<Span>,
    /// How often it has fired without success.
    pub retries: Option<u32>,
}

/// What a timer waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerKind {
    /// None runs.
    Off,
    /// Retransmission.
    Retransmit,
    /// Keep-alive.
    KeepAlive,
    /// The end of TIME-WAIT, or of an orphan's FIN-WAIT-2.
    TimeWait,
    /// Zero-window probe.
    Persist,
    /// Another one.
    Other,
}

impl TimerKind {
    /// Reads the words of `ss` and of Linux netstat.
    pub(super) fn read(word: &str) -> Option<TimerKind> {
        Some(match word {
            "off" => TimerKind::Off,
            "on" => TimerKind::Retransmit,
            "keepalive" => TimerKind::KeepAlive,
            "timewait" => TimerKind::TimeWait,
            "persist" | "probe" => TimerKind::Persist,
            "unknown" => TimerKind::Other,
            _ if word.starts_with("unkn-") => TimerKind::Other,
            _ => return None,
        })
    }
}

/// What `ss -i` and `ss -m` tell of one connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpInfo {
    /// Payload bytes sent, repeats included.
    pub bytes_sent: Option<u64>,
    /// Payload bytes that the peer acknowledged (the FIN counts as one).
    pub bytes_acked: Option<u64>,
    /// Payload bytes received in order (the FIN counts as one).
    pub bytes_received: Option<u64>,
    /// Segments sent.
    pub segs_out: Option<u64>,
    /// Segments received.
    pub segs_in: Option<u64>,
    /// Segments sent and not acknowledged.
    pub unacked: Option<u64>,
    /// Segments being retransmitted now.
    pub retrans_now: Option<u64>,
    /// Segments retransmitted since the beginning.
    pub retrans_total: Option<u64>,
    /// Bytes queued and not sent even once.
    pub not_sent: Option<u64>,
    /// Retransmission timeout.
    pub rto: Option<Span>,
    /// Smoothed round-trip time.
    pub rtt: Option<Span>,
    /// Since payload was last sent.
    pub last_sent: Option<Span>,
    /// Since payload was last received.
    pub last_received: Option<Span>,
    /// Since an acknowledgment was last received.
    pub last_ack: Option<Span>,
    /// The peer's window in bytes.
    pub peer_window: Option<u64>,
    /// Packets the socket dropped (`skmem` d).
    pub drops: Option<u64>,
    /// Receive buffer in bytes (`skmem` rb).
    pub recv_buffer: Option<u64>,
    /// Send buffer in bytes (`skmem` tb).
    pub send_buffer: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operating_systems_spelling_is_read() {
        for (word, state) in [
            ("ESTAB", SocketState::Established),
            ("CLOSE_WAIT", SocketState::CloseWait),
            ("CLOSE-WAIT", SocketState::CloseWait),
            ("CloseWait", SocketState::CloseWait),
            ("FIN_WAIT_2", SocketState::FinWait2),
            ("FIN-WAIT-1", SocketState::FinWait1),
            ("FIN_WAIT2", SocketState::FinWait2),
            ("SYN_RCVD", SocketState::SynReceived),
            ("SYN_RECEIVED", SocketState::SynReceived),
            ("SYN-RECV", SocketState::SynReceived),
            ("LISTENING", SocketState::Listen),
            ("ABHÖREN", SocketState::Listen),
            ("ABH\u{fffd}REN", SocketState::Listen),
            ("ABHÃ–REN", SocketState::Listen),
            ("UNCONN", SocketState::Closed),
            ("CLOSE", SocketState::Closed),
            ("BOUND", SocketState::Bound),
            ("IDLE", SocketState::Idle),
        ] {
            assert_eq!(SocketState::read(word), Some(state), "{word}");
        }
        for word in ["", "TCP", "CLOSE_WAITING", "ESTABLISHEDESTABLISHEDESTABLISHED", "80"] {
            assert_eq!(SocketState::read(word), None, "{word}");
        }
    }

    #[test]
    fn every_printed_name_is_read_back() {
        for (state, _) in SPELLINGS {
            assert_eq!(SocketState::read(state.name()), Some(*state));
        }
    }
}
