//! One connection as all places saw it: its segments worth drawing, each with the moment at which it passed each place.

use super::End;
use super::fates::Event;
use super::journey::Journey;
use super::trace::Pass;
use super::transit::Onward;
use super::watch::Doubt;
use crate::detail::Act;
use crate::wire::{Span, Stamp, Timestamp};

/// A segment, or several alike, on their way along the path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Whose address it bears.
    pub from: End,
    /// What it does.
    pub act: Act,
    /// Payload octets of all of them; those of one where it was sent several times.
    pub payload: u64,
    /// How often it was sent.
    pub sent: u32,
    /// How many different segments it stands for.
    pub segments: u32,
    /// When the first of them passed each place, by place as given; none where it was not seen.
    pub seen: Vec<Option<Stamp>>,
    /// When it was first seen, by the clock of the first place.
    pub at: Timestamp,
    /// When the last of them was.
    pub until: Timestamp,
    /// It came that far: between these places it was lost, unless that cannot be told.
    pub lost: Option<((usize, usize), Option<Doubt>)>,
    /// It came from between these places, unless that cannot be told.
    pub born: Option<((usize, usize), Option<Doubt>)>,
    end: i64,
}

/// So many rows tell of one connection; the middle is left out.
const ROWS: usize = 40;
/// So many at both ends are kept whatever they are.
const ENDS: usize = 5;
/// A longer time between two rows keeps them apart.
const SILENCE: Span = Span::secs(1);

/// The rows of a connection, in order of time. `common` turns times of a place into those of the first.
pub(super) fn rows(
    journeys: &[Journey<'_>; 2],
    places: usize,
    common: &dyn Fn(usize, Timestamp) -> Timestamp,
) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::new();
    for journey in journeys {
        for (stop, here) in journey.stops.iter().enumerate() {
            for (which, pass) in here.passes.iter().enumerate() {
                let before = stop.checked_sub(1).and_then(|before| journey.transits.get(before));
                if before.is_none_or(|transit| transit.origin[which].is_none()) {
                    all.push(row(journey, stop, which, pass, before.is_some(), places, common));
                }
            }
        }
    }
    all.sort_by_key(|row| row.at);
    let mut rows: Vec<Row> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for (at, row) in all.iter().enumerate() {
        let quiet = last.is_some_and(|last| row.at - last >= SILENCE)
            || all.get(at + 1).is_none_or(|next| next.at - row.at >= SILENCE);
        last = Some(row.at);
        let plain = row.act == Act::Ack && row.lost.is_none() && row.born.is_none();
        if plain && !quiet {
            continue;
        }
        let repeated = rows.iter_mut().rev().take(8).find(|known| known.repeats(row));
        if let Some(known) = repeated {
            known.sent += 1;
            known.until = row.until;
        } else if let Some(known) = rows.last_mut().filter(|known| known.goes_on(row)) {
            known.payload += row.payload;
            known.segments += 1;
            known.until = row.until;
            known.end = row.end;
        } else {
            rows.push(row.clone());
        }
    }
    shortened(rows)
}

fn row(
    journey: &Journey<'_>,
    stop: usize,
    which: usize,
    pass: &Pass,
    born: bool,
    places: usize,
    common: &dyn Fn(usize, Timestamp) -> Timestamp,
) -> Row {
    let mut seen = vec![None; places];
    let (mut at, mut current) = (stop, which);
    let mut lost = None;
    loop {
        let here = &journey.stops[at];
        seen[here.at] = Some(here.passes[current].seen);
        let Some(transit) = journey.transits.get(at) else { break };
        match transit.onward[current] {
            Onward::Whole(next) => (at, current) = (at + 1, next),
            Onward::Part(_) | Onward::Nothing => {
                let doubt = journey.doubt(at, here.passes[current], at + 1);
                lost = Some(((here.at, journey.stops[at + 1].at), doubt));
                break;
            }
        }
    }
    let first = common(journey.stops[stop].at, pass.seen.at);
    Row {
        from: journey.from,
        act: pass.act,
        payload: u64::from(pass.len),
        sent: 1,
        segments: 1,
        seen,
        at: first,
        until: first,
        lost,
        born: born.then(|| {
            let between = (journey.stops[stop - 1].at, journey.stops[stop].at);
            (between, journey.doubt(stop, pass, stop - 1))
        }),
        end: pass.end,
    }
}

impl Row {
    /// What happened to it, if it did not simply pass.
    pub fn event(&self) -> Option<(Event, (usize, usize), Option<Doubt>)> {
        let born = self.born.map(|(between, doubt)| (Event::Born, between, doubt));
        born.or(self.lost.map(|(between, doubt)| (Event::Lost, between, doubt)))
    }

    /// The same fate, apart from why it may not be told.
    fn fares_like(&self, other: &Row) -> bool {
        let places = |row: &Row| (row.lost.map(|(between, _)| between), row.born.map(|(between, _)| between));
        let seen = |row: &Row| row.seen.iter().map(Option::is_some).collect::<Vec<_>>();
        places(self) == places(other) && seen(self) == seen(other)
    }

    fn repeats(&self, other: &Row) -> bool {
        let empty = matches!(other.act, Act::Ack | Act::ZeroWindow);
        let same = self.act == other.act && (self.end == other.end || self.act == Act::Rst);
        same && self.from == other.from && self.segments == 1 && !empty && self.fares_like(other)
    }

    fn goes_on(&self, other: &Row) -> bool {
        let data = self.act == Act::Data && other.act == Act::Data && self.sent == 1;
        let near = other.at - self.until < SILENCE;
        data && near && self.from == other.from && self.fares_like(other) && other.end > self.end
    }
}

/// Leaves out the middle, plain traffic first; what is left out is told as one row wherever it stood.
fn shortened(rows: Vec<Row>) -> Vec<Row> {
    if rows.len() <= ROWS {
        return rows;
    }
    let last = rows.len() - 1;
    let class = |at: usize| match &rows[at] {
        _ if at.min(last - at) < ENDS => 0,
        row if row.event().is_some() || !matches!(row.act, Act::Data | Act::Ack | Act::KeepAlive) => 1,
        _ => 2,
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&at| (class(at), at.min(last - at)));
    // Each row that stays may have one beside it that tells what is gone.
    let mut keep = vec![false; rows.len()];
    order.iter().take(ROWS / 2).for_each(|&at| keep[at] = true);
    let mut short: Vec<Row> = Vec::with_capacity(ROWS);
    for (row, keep) in rows.into_iter().zip(keep) {
        match short.last_mut() {
            _ if keep => short.push(row),
            Some(others) if others.act == Act::Others => {
                others.payload += row.payload * u64::from(row.sent);
                others.segments += row.segments * row.sent;
                others.until = row.until;
            }
            _ => {
                let (payload, segments) = (row.payload * u64::from(row.sent), row.segments * row.sent);
                short.push(Row {
                    act: Act::Others,
                    payload,
                    segments,
                    sent: 1,
                    lost: None,
                    born: None,
                    ..row
                });
            }
        }
    }
    short
}
