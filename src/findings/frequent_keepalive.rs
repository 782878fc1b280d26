//! `frequent-keepalive`: keep-alive probes far more often than any timer asks for. A setting gone wrong, most likely.

use super::words;
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::tcp::{Connection, Outcome};
use crate::wire::{Side, Span};

pub(super) struct FrequentKeepalive;

impl FrequentKeepalive {
    /// The least that illumos takes as an interval; no box on the path has a shorter timer.
    const OFTEN: Span = Span::secs(10);
    /// Fewer say nothing of an interval.
    const FEWEST: u16 = 10;
}

impl Rule for FrequentKeepalive {
    fn name(&self) -> &'static str {
        "frequent-keepalive"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let most = Side::BOTH.into_iter().max_by_key(|&side| answered(connection, side));
        let Some(side) = most.filter(|&side| answered(connection, side) >= FrequentKeepalive::FEWEST) else {
            return Answer::No("few keep-alive probes, or none");
        };
        let lasted = connection.halves[side.index()].last.at - connection.first.at;
        if interval(connection, side) >= FrequentKeepalive::OFTEN {
            return Answer::No("its keep-alive probes are no nuisance");
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        finding.lasted = Some(Lasted { span: lasted, at_least: false });
        finding.cause = Some(Cause {
            what: "the host",
            certainty: Certainty::Likely,
            because: vec!["the interval is a setting of its system or of its program".into()],
        });
        let probes = words::thousands(connection.tallies[side.index()].keepalives.into());
        Answer::found(finding.shows(connection.first, "the connection begins").shows(
            connection.halves[side.index()].last,
            format!("{probes} keep-alive probes of the {} until then", case.role(side)),
        ))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let each = |(case, finding): &(&Case<'_>, &Finding)| {
            finding.side.map(|side| interval(case.connection, side))
        };
        let shortest = group.members.iter().filter_map(each).min().unwrap_or_default();
        let (case, finding) = group.members[0];
        Words {
            headline: format!(
                "{} sends a keep-alive probe every {shortest} or more often on {}",
                group.place,
                words::of_its(group)
            ),
            says: format!(
                "That is the mean over the life of a connection ({}). Probes so close keep no timer from expiring that \
                 slower ones would not, and a short outage ends every idle connection.",
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![
                "Look for an interval given in the wrong unit (1500 ms for 1500 s), in ndd, sysctl or the program; \
                 cwait-pcap advise --settings reads such files. A minute or more is usual."
                    .into(),
            ],
            next: Vec::new(),
        }
    }
}

/// Probes that were not sent into a silence which nobody answers: those come faster on purpose.
fn answered(connection: &Connection, side: Side) -> u16 {
    let vain = match connection.silences().and_then(|silences| silences.broken()) {
        Some((silence, Outcome::Pending { attempts, .. })) if silence.by == side && silence.probe => attempts,
        _ => 0,
    };
    connection.tallies[side.index()].keepalives.saturating_sub(vain)
}

/// The mean over the connection's life: at most so long.
fn interval(connection: &Connection, side: Side) -> Span {
    let life = connection.halves[side.index()].last.at - connection.first.at;
    Span(life.0 / i64::from(answered(connection, side).max(1)))
}
