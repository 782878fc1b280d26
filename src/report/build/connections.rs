//! A judged connection as a row of the report.

use super::totals::SILENCE_FAILED;
use super::{Builder, evidence};
use crate::analysis::Judged;
use crate::report::{Connection, Endpoint, Fin, Length, Moment, Time};
use crate::tcp::{Clock, Ending};
use crate::wire::{Side, Span, Stamp};

impl Builder<'_> {
    pub(super) fn connection(&self, judged: &Judged) -> Connection {
        let connection = &judged.connection;
        let roles = judged.roles;
        let (client, server) = (roles.client, roles.server());
        let first_byte = connection
            .first_payload_after(server)
            .zip(connection.first_payload_after(client))
            .map(|(answer, question)| Span(answer.0 - question.0))
            .filter(|span| *span >= Span::ZERO);
        let silences = connection.silences();
        let primary = judged.verdict.primary();
        Connection {
            id: judged.id(),
            stream: self.stream(connection.stream),
            client: connection.key.endpoint(client).to_string(),
            server: connection.key.endpoint(server).to_string(),
            client_name: None,
            server_name: None,
            roles_assumed: roles.assumed,
            first: moment(connection.first),
            last: moment(connection.last()),
            conn_state: judged.closure.conn_state.into(),
            history: judged.closure.history.clone(),
            midstream: connection.midstream(),
            replaced: connection.replaced(),
            counts_are_about: connection.counts_are_about(),
            ending: ending(judged),
            handshake_rtt: connection.rtt().map(Length::from),
            time_to_first_byte: first_byte.map(Length::from),
            client_side: endpoint(judged, client),
            server_side: endpoint(judged, server),
            longest_silence_survived: silences
                .and_then(|silences| silences.survived(Clock::Any))
                .map(|witness| witness.span.into()),
            silence_failed: primary
                .filter(|finding| SILENCE_FAILED.contains(&finding.name))
                .and_then(|finding| finding.lasted)
                .map(|lasted| lasted.span.into()),
            finding: primary.map(|finding| finding.name.into()),
            notes: judged.verdict.findings.iter().skip(1).map(|finding| finding.name.into()).collect(),
            undecided: judged.undecided().map(|(name, undecided)| format!("{name}: {}", undecided.why)),
            side: primary.and_then(|finding| finding.side).map(|side| roles.name(side).into()),
            filter: self.filter(connection),
            processes: evidence::processes(judged, &self.outcome.case(judged)),
            key_segments: Vec::new(),
        }
    }
}

fn ending(judged: &Judged) -> String {
    let name = |side: Side| judged.roles.name(side);
    match judged.closure.ending {
        Ending::Orderly => "orderly".into(),
        Ending::Reset(side) => format!("reset by {}", name(side)),
        Ending::Unanswered => "unanswered".into(),
        Ending::Refused => "refused".into(),
        Ending::HalfClosed(side) => format!("half-closed by {}", name(side)),
        Ending::LastAck => "last FIN not acknowledged".into(),
        Ending::Open => "open".into(),
    }
}

fn endpoint(judged: &Judged, side: Side) -> Endpoint {
    let connection = &judged.connection;
    let half = &connection.halves[side.index()];
    let tally = &connection.tallies[side.index()];
    let state = &judged.states[side.index()];
    Endpoint {
        proven: state.proven.to_string(),
        expected: state.expected.to_string(),
        decided_by: state.decided_by.map(|stamp| stamp.frame),
        segments: half.segments.into(),
        payload: half.payload,
        last: half.spoke().then(|| moment(half.last)),
        fin: connection.fin(side).map(|fin| Fin {
            first: moment(fin.seen),
            sent: fin.sent.into(),
            acked: fin.acked.map(moment),
        }),
        rst: connection.rst(side).map(|rst| moment(rst.seen)),
        payload_after_peer_fin: connection.payload_after_peer_fin(side),
        retransmissions: tally.retransmissions.into(),
        keepalives: tally.keepalives.into(),
        zero_windows: connection.zero_window(side).map_or(0, |zero| zero.spells.into()),
        hop_limits: tally.hop_limits.iter().collect(),
    }
}

fn moment(stamp: Stamp) -> Moment {
    Moment { frame: stamp.frame, time: Time::from(stamp.at) }
}
