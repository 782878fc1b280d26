//! How far a log's clock runs ahead of the capture's, and what it gains, from events that both show. Nothing is assumed:
//! without matched events, or with events that no clock explains, the answer is none, and nobody may conclude anything from
//! the order of the two.

use crate::findings::LogClock;
use crate::tcp::Connection;
use crate::trace::{Clock, Ended, Life, Quote, TraceFacts, first_midnight};
use crate::wire::{Side, Span, Timestamp};

/// Bounds that contradict each other by more than this show that the events do not belong together.
const TOLERATED: Span = Span::secs(1);
/// Two groups of closes, each of so many, tell what a clock gains from one to the other.
const GROUP: usize = 3;
/// They must lie that far apart,
const APART: Span = Span::secs(60);
/// and differ by more than closes are late.
const NOTICEABLE: Span = Span::millis(20);
/// A clock gains or loses at most so many nanoseconds per second; more is no drift.
const FASTEST: i64 = 1_000_000;

/// An event that both show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Event {
    /// When, by the log's clock.
    at: Timestamp,
    /// What that is later than the capture's time of the FIN.
    later: Span,
    /// A close: its FIN leaves with it. Otherwise a read, which comes some time after the FIN.
    close: bool,
}

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
    let place = |quote: &Quote| facts.log.clock.place(quote.at?, zero);
    let mut events = Vec::new();
    for (life, connection, side) in pairs {
        let mut take = |quote: Option<&Quote>, of: Side, close| {
            if let Some(at) = quote.and_then(place)
                && let Some(fin) = connection.fin(of)
            {
                events.push(Event { at, later: at - fin.seen.at, close });
            }
        };
        take(life.eof.as_ref(), side.peer(), false);
        let closed = match &life.ended {
            Ended::Closed(quote) => life.shutdown.as_ref().or(Some(quote)),
            _ => life.shutdown.as_ref(),
        };
        take(closed, *side, true);
    }
    let (since, ahead, drift) = fit(&mut events)?;
    Some(LogClock { zero, ahead, since, drift, events: events.len() })
}

/// What the clock is ahead at an instant, and what it gains in nanoseconds per second.
fn fit(events: &mut [Event]) -> Option<(Timestamp, Span, i64)> {
    events.sort_by_key(|event| event.at);
    let since = events.first()?.at;
    let drift = drift(events)?;
    let steady = |event: &Event| {
        let gained = i128::from((event.at - since).0) * i128::from(drift) / 1_000_000_000;
        Span(event.later.0 - gained as i64)
    };
    // A read that returns 0 comes after the FIN; a FIN comes after its close began, and close returns at once. So each read
    // bounds what the log is ahead from above, each close from below.
    let high = events.iter().filter(|event| !event.close).map(steady).min();
    let low = events.iter().filter(|event| event.close).map(steady).max();
    let ahead = match (high, low) {
        // A close returns a moment after its FIN has left, so its bound is the closer one and may be a little too high.
        (Some(high), Some(low)) if low <= high + TOLERATED => low.min(high),
        (Some(_), Some(_)) => return None,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return None,
    };
    Some((since, ahead, drift))
}

/// What the clock gains, by the closes: 0 where they are too few or too near each other to tell, none where it cannot be one
/// clock. Events in the order of time.
fn drift(events: &[Event]) -> Option<i64> {
    let closes: Vec<&Event> = events.iter().filter(|event| event.close).collect();
    let group = (closes.len() / 3).max(GROUP);
    if closes.len() < 2 * group {
        return Some(0);
    }
    let [early, late] = [&closes[..group], &closes[closes.len() - group..]];
    let apart = late[group / 2].at - early[group / 2].at;
    if apart < APART {
        return Some(0);
    }
    let median = |of: &[&Event]| {
        let mut all: Vec<Span> = of.iter().map(|event| event.later).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    let gained = median(late).0 - median(early).0;
    if gained.abs() <= NOTICEABLE.0 {
        return Some(0);
    }
    let rate = i64::try_from(i128::from(gained) * 1_000_000_000 / i128::from(apart.0)).ok()?;
    (rate.abs() <= FASTEST).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: i64 = 1_000_000;

    /// An event so many seconds after the start and so many milliseconds later than the wire.
    fn event(seconds: i64, later: i64, close: bool) -> Event {
        Event { at: Timestamp::new(1_000 + seconds, 0), later: Span(later * MILLI), close }
    }

    fn fitted(mut events: Vec<Event>) -> Option<(i64, i64)> {
        let (_, ahead, drift) = fit(&mut events)?;
        Some((ahead.0 / MILLI, drift / 1_000))
    }

    #[test]
    fn an_offset_alone() {
        assert_eq!(fitted(vec![]), None);
        assert_eq!(fitted(vec![event(1, 90, false), event(2, 70, false)]), Some((70, 0)), "reads come late");
        assert_eq!(fitted(vec![event(1, 50, true), event(2, 60, true)]), Some((60, 0)), "FINs come late");
        assert_eq!(fitted(vec![event(1, 90, false), event(2, 60, true)]), Some((60, 0)));
        let hour = 3_600_000;
        assert_eq!(
            fitted(vec![event(1, hour + 5, false), event(2, hour, true)]),
            Some((hour, 0)),
            "another zone"
        );
    }

    #[test]
    fn a_clock_that_gains_or_loses() {
        let line =
            |ppm: i64| (0..30).map(|n| event(n * 120, n * 120 * ppm / 1_000, true)).collect::<Vec<_>>();
        assert_eq!(fitted(line(50)), Some((0, 50)));
        assert_eq!(fitted(line(-200)), Some((0, -200)));
        assert_eq!(fitted(line(2)), Some((6, 0)), "too little to be told from late closes");
        // A read half way, late by 3 s by a clock that gains nothing, is on time by this one.
        let mut with_read = line(900);
        with_read.push(event(3_400, 3_100, false));
        assert_eq!(fitted(with_read), Some((0, 900)));
    }

    #[test]
    fn what_no_clock_explains_is_refused() {
        assert_eq!(
            fitted(vec![event(1, 1_000, false), event(2, 2_500, true)]),
            None,
            "closed before it was read"
        );
        let step = |n: i64| event(n * 60, if n < 15 { 0 } else { 5_000 }, true);
        assert_eq!(fitted((0..30).map(step).collect()), None, "gains more than any clock");
        let small = |n: i64| event(n * 600, if n < 15 { 0 } else { 5_000 }, n % 2 == 0);
        assert_eq!(fitted((0..30).map(small).collect()), None, "set anew half way");
        let short = |n: i64| event(n, n * 100, true);
        assert_eq!(fitted((0..10).map(short).collect()), Some((900, 0)), "ten seconds tell nothing of drift");
    }
}
