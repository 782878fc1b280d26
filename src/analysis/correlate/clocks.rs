//! How far a log's clock runs ahead of the capture's, from events that both show. Nothing is assumed: without matched
//! events the answer is none, and nobody may conclude anything from the order of the two.

use crate::findings::LogClock;
use crate::tcp::Connection;
use crate::trace::{Clock, Ended, Life, TraceFacts, first_midnight};
use crate::wire::{Side, Span, Timestamp};

/// Bounds that contradict each other by more than this show that the events do not belong together.
const TOLERATED: Span = Span::secs(1);

/// The clock of a log. `begin`: of the capture; a log without dates is placed near it first.
pub(super) fn of(
    facts: &TraceFacts,
    begin: Timestamp,
    pairs: &[(&Life, &Connection, Side)],
) -> Option<LogClock> {
    let (first, _) = facts.log.span?;
    let zero = match facts.log.clock {
        Clock::None => return None,
        Clock::Unix => None,
        Clock::TimeOfDay => Some(first_midnight(first, begin, Span::ZERO)),
        Clock::SinceStart => Some(begin),
    };
    let place = |quote: &crate::trace::Quote| facts.log.clock.place(quote.at?, zero);
    // A read that returns 0 comes after the FIN; a FIN comes after its close began, and close returns at once. So each
    // read bounds what the log is ahead from above, each close from below.
    let (mut above, mut below): (Vec<Span>, Vec<Span>) = (Vec::new(), Vec::new());
    for (life, connection, side) in pairs {
        if let (Some(eof), Some(fin)) = (&life.eof, connection.fin(side.peer()))
            && let Some(at) = place(eof)
        {
            above.push(at - fin.seen.at);
        }
        let closed = match &life.ended {
            Ended::Closed(quote) => life.shutdown.as_ref().or(Some(quote)),
            _ => life.shutdown.as_ref(),
        };
        if let (Some(quote), Some(fin)) = (closed, connection.fin(*side))
            && let Some(at) = place(quote)
        {
            below.push(at - fin.seen.at);
        }
    }
    let events = above.len() + below.len();
    let (high, low) = (above.iter().min().copied(), below.iter().max().copied());
    let ahead = match (high, low) {
        // A close returns a moment after its FIN has left, so its bound is the closer one and may be a little too high.
        (Some(high), Some(low)) if low <= high + TOLERATED => low.min(high),
        (Some(_), Some(_)) => return None,
        (Some(high), None) => high,
        (None, Some(low)) => low,
        (None, None) => return None,
    };
    Some(LogClock { zero, ahead, events })
}
