//! `no-keepalive`: long silences, and never a keep-alive probe. Information.

use super::words;
use super::{Answer, Case, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::tcp::Clock;
use crate::wire::{Side, Span};

pub(super) struct NoKeepalive;

impl NoKeepalive {
    /// Shorter silences are nobody's concern: most boxes on the path wait longer.
    const LONG: Span = Span::secs(300);
    /// The default idle time of keep-alive everywhere (RFC 9293 §3.8.4).
    const DEFAULT: Span = Span::secs(7_200);
}

impl Rule for NoKeepalive {
    fn name(&self) -> &'static str {
        "no-keepalive"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        if Side::BOTH.into_iter().any(|side| connection.tallies[side.index()].keepalives > 0) {
            return Answer::No("keep-alive probes were seen");
        }
        if !case.made() || !case.both_directions() {
            return Answer::No("it was never made, or one direction only was captured");
        }
        let survived = connection.silences().and_then(|silences| silences.survived(Clock::Any));
        let last = connection.last();
        let lasting = if connection.is_over() { Span::ZERO } else { case.until_end(last) };
        let span = survived.map_or(lasting, |witness| witness.span.max(lasting));
        if span < NoKeepalive::LONG {
            return Answer::No("it was never silent for long");
        }
        let mut finding = Finding::new(self.name(), Some(case.roles.server()), Weight::Fixed(Severity::Note));
        finding.lasted = Some(Lasted { span, at_least: span == lasting });
        if span < NoKeepalive::DEFAULT {
            finding.fact = Certainty::Possible;
            finding
                .against
                .push("keep-alive may be on with its default of 2 h, which no silence here reached".into());
        }
        let label = match survived.filter(|witness| witness.span == span) {
            Some(witness) => format!(
                "its last segment; nothing for {span} from frame {} to frame {}",
                witness.from_frame, witness.to_frame
            ),
            None => format!("its last segment, {span} before the end"),
        };
        Answer::found(finding.shows(last, label))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (span, at_least) = words::longest(group).unwrap_or_default();
        Words {
            headline: format!("no keep-alive on {} with {}", words::connections(group.members.len()), group.place),
            says: format!(
                "Silent for {} and neither side ever probed. If the other end or a box on the path goes away in a silence, \
                 nobody notices until somebody speaks; a side that only listens keeps its socket for ever.",
                words::lasted(span, at_least)
            ),
            advice: vec![
                "SO_KEEPALIVE in the program, with an idle time of its own (TCP_KEEPIDLE), or a heartbeat of the protocol. \
                 The system-wide timers act only on sockets that asked for SO_KEEPALIVE."
                    .into(),
            ],
            next: Vec::new(),
        }
    }
}
