//! Key segments of the second look, put into a report whose connections were judged in the first.

use std::collections::HashMap;

use super::{KeySegment, Moment, Party};
use crate::analysis::{Judged, Options, Outcome};
use crate::capture::CaptureError;
use crate::detail::{self, Collector, Event};
use crate::findings::Roles;
use crate::report::{Connection, Listed, Report};
use crate::wire::Stamp;

impl Report {
    /// So many flagged connections get their key segments.
    pub const WITH_SEGMENTS: usize = 50;
    /// So many key segments a connection has in a report.
    const SEGMENTS: usize = 32;

    /// Reads the inputs again for the key segments of the flagged connections that come first, by the connections' ids.
    /// None where no connection is listed or an input cannot be read twice.
    ///
    /// # Errors
    /// If an input cannot be opened any more.
    pub fn key_segments(
        &self,
        outcome: &Outcome,
        options: &Options,
    ) -> Result<HashMap<String, Vec<KeySegment>>, CaptureError> {
        let rank = |name: &str| self.findings.iter().position(|finding| finding.name == name);
        let flagged =
            outcome.connections.iter().filter_map(|judged| Some((judged, judged.verdict.primary()?.name)));
        let mut flagged: Vec<_> =
            flagged.map(|(judged, name)| (rank(name).unwrap_or(usize::MAX), judged)).collect();
        flagged.sort_by_key(|&(rank, _)| rank);
        let first = flagged.into_iter().take(Report::WITH_SEGMENTS);
        let wanted: Vec<&Judged> = first.map(|(_, judged)| judged).collect();
        if wanted.is_empty()
            || self.connections_listed == Listed::None
            || !detail::can_read_again(&outcome.inputs)
        {
            return Ok(HashMap::new());
        }
        let kept = key_segments(outcome, options, &wanted, Report::SEGMENTS)?;
        Ok(wanted.iter().map(|judged| judged.id()).zip(kept).collect())
    }

    /// The same, for the connections that the report holds.
    ///
    /// # Errors
    /// If an input cannot be opened any more.
    pub fn add_key_segments(&mut self, outcome: &Outcome, options: &Options) -> Result<(), CaptureError> {
        let mut kept = self.key_segments(outcome, options)?;
        for connection in &mut self.connections {
            if let Some(segments) = kept.remove(&connection.id) {
                connection.key_segments = segments;
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Reads the inputs again for the key segments of this connection, at most `room`.
    ///
    /// # Errors
    /// If an input cannot be opened any more.
    pub fn add_key_segments(
        &mut self,
        outcome: &Outcome,
        options: &Options,
        judged: &Judged,
        room: usize,
    ) -> Result<(), CaptureError> {
        if detail::can_read_again(&outcome.inputs) {
            self.key_segments = key_segments(outcome, options, &[judged], room)?.pop().unwrap_or_default();
        }
        Ok(())
    }
}

fn key_segments(
    outcome: &Outcome,
    options: &Options,
    wanted: &[&Judged],
    room: usize,
) -> Result<Vec<Vec<KeySegment>>, CaptureError> {
    let connections: Vec<_> = wanted.iter().map(|judged| &*judged.connection).collect();
    let mut collectors = vec![Collector::new(room); wanted.len()];
    detail::read_again(&outcome.inputs, options, &connections, &mut |hit| {
        collectors[hit.which].take(&hit.segment);
    })?;
    let told = |(collector, judged): (Collector, &&Judged)| {
        collector.finish().iter().map(|event| key_segment(event, &judged.roles)).collect()
    };
    Ok(collectors.into_iter().zip(wanted).map(told).collect())
}

fn key_segment(event: &Event, roles: &Roles) -> KeySegment {
    let moment = |stamp: Stamp| Moment { frame: stamp.frame, time: stamp.at.into() };
    KeySegment {
        moment: Some(moment(event.first)),
        from: if event.side == roles.client { Party::Client } else { Party::Server },
        act: event.act,
        payload: event.payload,
        sent: event.sent,
        segments: event.segments,
        until: (event.last != event.first).then(|| moment(event.last)),
    }
}
