//! What the hosts' own records say of one connection: its lines in socket listings and its story in system call logs.
//! The rules that read them are in the files below; joining records with connections is the analysis's business.

mod close_called;
mod eof_not_read;
mod epipe;
mod fd_not_closed;
mod never_accepted;
mod no_wake_up;
mod said;
mod socket_mismatch;

pub(super) use close_called::CloseCalled;
pub(super) use eof_not_read::EofNotRead;
pub(super) use epipe::Epipe;
pub(super) use fd_not_closed::FdNotClosed;
pub(super) use never_accepted::NeverAccepted;
pub(super) use no_wake_up::NoWakeUp;
pub use said::{Holders, holders, says};
pub(super) use socket_mismatch::SocketMismatch;

use super::Case;
use crate::sockets::{Process, Socket, SocketState};
use crate::trace::{Life, Quote, TraceFacts};
use crate::wire::{Endpoint, Side, Span, Stamp, Timestamp};

/// What the hosts say of one connection, by [`Side::index`].
#[derive(Clone, Debug, Default)]
pub struct HostEvidence<'a> {
    /// From socket listings.
    pub listed: [Listed<'a>; 2],
    /// From system call logs.
    pub traced: [Option<Traced<'a>>; 2],
}

/// One end of a connection in the listings of its host.
#[derive(Clone, Debug, Default)]
pub struct Listed<'a> {
    /// Every time it stands in one while the connection lives or after, in the order of time; undated ones last.
    pub sightings: Vec<Sighting<'a>>,
    /// The last listing of its host within the capture, if it does not stand in it though the listing is whole.
    pub missed: Option<Look<'a>>,
}

/// One listing.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// When it was made, if anything says so.
    pub at: Option<Timestamp>,
    /// The file.
    pub file: &'a str,
    /// The command that printed it.
    pub format: &'static str,
}

/// A socket in a listing.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// The listing.
    pub look: Look<'a>,
    /// The socket.
    pub socket: &'a Socket,
}

/// One end of a connection in a system call log of its host.
#[derive(Clone, Copy, Debug)]
pub struct Traced<'a> {
    /// The log.
    pub facts: &'a TraceFacts,
    /// The socket's story.
    pub life: &'a Life,
    /// What the log's clock is ahead of the capture's, if that is known.
    pub clock: Option<LogClock>,
    /// The log does not say who its peer is: it was found by the order of the accepts alone.
    pub by_order: bool,
}

/// What came of the accepts of one listening socket that name no peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderJoin {
    /// The n-th accept took the n-th connection of that service.
    Joined {
        /// The service.
        service: Endpoint,
        /// How many there are.
        connections: u64,
    },
    /// They are joined with nothing.
    Refused {
        /// How many there are.
        accepts: u64,
        /// Why.
        why: OrderDoubt,
    },
}

/// Why order does not tell which accept took which connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderDoubt {
    /// The log lacks calls, or more than is followed.
    LogIncomplete,
    /// Several sockets listen, and the log does not say where.
    SeveralListeners,
    /// Several services of the capture fit.
    SeveralServices,
    /// No service of the capture fits.
    NoService,
    /// The capture shows another number of handshakes.
    Counts {
        /// That number.
        connections: u64,
    },
    /// In that order the log tells what the wire denies.
    Contradicted,
}

/// How a log's clock relates to the capture's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogClock {
    /// The instant from which readings without a date count.
    pub zero: Option<Timestamp>,
    /// What the log's clock is ahead, at `since`.
    pub ahead: Span,
    /// An instant of the log's clock.
    pub since: Timestamp,
    /// What it gains from then on, in nanoseconds per second; negative if it loses.
    pub drift: i64,
    /// From how many matched events that follows.
    pub events: usize,
}

/// A system call log with its clock, as the whole capture sees it.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// What it says.
    pub facts: &'a TraceFacts,
    /// Its clock, if events could be matched.
    pub clock: Option<LogClock>,
    /// What came of accepts that name no peer.
    pub order: &'a [OrderJoin],
}

/// Listing and capture may be that far apart in their clocks before the difference is a contradiction.
const SLACK: Span = Span::secs(1);

/// Against whatever rests on [`Traced::by_order`].
const BY_ORDER: &str = "the log names no peer: it was taken by the order of the accepts, whose number agrees";

impl Sighting<'_> {
    /// Names the listing as a reason: `ss-server.txt at 04:35:51 UTC`.
    pub(super) fn place(&self) -> String {
        self.look.place()
    }
}

impl Look<'_> {
    fn place(&self) -> String {
        let file = self.file.rsplit(['/', '\\']).next().unwrap_or(self.file);
        match self.at {
            Some(at) => format!("{file} at {}", super::words::clock(at)),
            None => format!("{file}, undated"),
        }
    }
}

impl<'a> Listed<'a> {
    /// The last time it stands in a listing.
    pub fn last(&self) -> Option<&Sighting<'a>> {
        self.sightings.last()
    }

    /// The last listing that names its owners: another command may have printed the last one of all.
    pub fn owners(&self) -> Option<&'a [Process]> {
        let told = self.sightings.iter().rev().filter_map(|sighting| sighting.socket.owners.as_deref());
        told.clone().find(|owners| !owners.is_empty()).or_else(|| told.into_iter().next())
    }

    /// The state it had at last in the capture: the last sighting not after its end; an undated one stands for then.
    fn in_capture(&self, end: Timestamp) -> Option<&Sighting<'a>> {
        self.sightings.iter().rev().find(|sighting| sighting.look.at.is_none_or(|at| at <= end))
    }
}

impl Traced<'_> {
    /// When a quoted call returned, on the capture's clock.
    pub fn time(&self, quote: &Quote) -> Option<Timestamp> {
        self.clock?.place(self.facts, quote.at?)
    }

    /// When the log ends, on the capture's clock.
    pub fn end(&self) -> Option<Timestamp> {
        self.clock?.place(self.facts, self.facts.log.span?.1)
    }

    /// From a call to the end of the log; none if the log has no times.
    fn until_end(&self, quote: &Quote) -> Option<Span> {
        Some(Span(self.facts.log.span?.1.0.saturating_sub(quote.at?.0)))
    }

    /// The line of a call as proof.
    fn proof(&self, quote: &Quote) -> super::Proof {
        super::Proof { file: self.facts.log.name.clone(), line: quote.line, text: quote.text.clone() }
    }

    fn file(&self) -> &str {
        let name = self.facts.log.name.as_str();
        name.rsplit(['/', '\\']).next().unwrap_or(name)
    }
}

impl LogClock {
    /// What the clock has gained since `since`, at an instant of its own.
    pub fn gained(&self, at: Timestamp) -> Span {
        Span((i128::from((at - self.since).0) * i128::from(self.drift) / 1_000_000_000) as i64)
    }

    /// A reading of the log on the capture's clock.
    pub fn place(&self, facts: &TraceFacts, reading: crate::trace::Reading) -> Option<Timestamp> {
        let at = facts.log.clock.place(reading, self.zero)?;
        Some(at - self.ahead - self.gained(at))
    }
}

/// The socket table proves that a side has reached CLOSE-WAIT and not closed.
pub(super) struct CloseWait<'a> {
    pub(super) sighting: Sighting<'a>,
}

/// The last listing of `side` shows CLOSE-WAIT, and shows it after the side has acknowledged its peer's FIN.
pub(super) fn close_wait<'a>(case: &Case<'a>, side: Side, acked: Option<Stamp>) -> Option<CloseWait<'a>> {
    let listed = case.listed(side);
    let later = |at: Timestamp| acked.is_none_or(|acked| at + SLACK >= acked.at);
    let of_it = |sighting: &&Sighting<'a>| {
        sighting.socket.state == SocketState::CloseWait && sighting.look.at.is_none_or(later)
    };
    let sighting = *listed.sightings.iter().rev().find(of_it)?;
    // What the capture's own time says otherwise later is a contradiction, not a confirmation.
    let in_capture = listed.in_capture(case.capture.last.at);
    let denied = in_capture.is_some_and(|last| {
        last.socket.state != SocketState::CloseWait
            && last.look.at >= sighting.look.at
            && last.look.at.is_some()
    });
    (!denied && listed.missed.is_none()).then_some(CloseWait { sighting })
}

/// A log shows that the program of `side` was told of the end of the stream and did not close, beyond doubt.
pub(super) fn read_the_end(case: &Case<'_>, side: Side) -> bool {
    fd_not_closed::of(case, side)
        .is_some_and(|traced| traced.facts.close_calls > 0 && traced.facts.lost == 0 && !traced.by_order)
}

/// The host's own records say that `side` did close, though no FIN of it passed.
pub(super) fn has_closed(case: &Case<'_>, side: Side) -> Option<&'static str> {
    if socket_mismatch::of(case, side).is_some_and(|mismatch| mismatch.denies_close_wait) {
        return Some("the socket table of its host says otherwise");
    }
    close_called::of(case, side).map(|_| "the log of its program shows that it did close")
}

/// The rules below say why; what they find is told beside the connection's main finding.
pub fn tells_why(name: &str) -> bool {
    matches!(
        name,
        "socket-mismatch"
            | "never-accepted"
            | "eof-not-read"
            | "fd-not-closed"
            | "no-wake-up"
            | "epipe"
            | "close-called"
    )
}
