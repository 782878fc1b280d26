//! `epipe`: the program wrote to a connection that its peer had left, and learned it from the error.

use super::super::words;
use super::super::{Answer, Case, Cause, Certainty, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::wire::Side;

pub(crate) struct Epipe;

impl Rule for Epipe {
    fn name(&self) -> &'static str {
        "epipe"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let found = Side::BOTH.into_iter().find_map(|side| {
            let traced = case.traced(side)?;
            let fin = case.connection.fin(side.peer())?;
            let at = traced.life.failures.iter().position(|(error, _)| error == "EPIPE")?;
            // After its own shutdown, or after ECONNRESET, EPIPE says nothing of who closed first.
            let first = traced.life.failures[..at].iter().all(|(error, _)| error != "ECONNRESET");
            (first && traced.life.shutdown.is_none()).then_some((
                side,
                fin,
                traced,
                &traced.life.failures[at].1,
            ))
        });
        let Some((side, fin, traced, quote)) = found else {
            return Answer::No("no log shows EPIPE after the peer's FIN");
        };
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
        finding.since = Some(fin.seen);
        if traced.by_order {
            finding.fact = Certainty::Likely;
        }
        finding.cause = Some(Cause {
            what: "the program",
            certainty: if traced.by_order { Certainty::Likely } else { Certainty::Certain },
            because: vec![format!("line {} of {}", quote.line, traced.file())],
        });
        finding.against.extend(traced.by_order.then(|| super::BY_ORDER.to_owned()));
        finding.proof.push(traced.proof(quote));
        Answer::found(finding.shows(fin.seen, format!("FIN of the {}", case.role(side.peer()))))
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        Words {
            headline: format!(
                "the program at {} wrote after its peer had left, on {}",
                group.place,
                words::of_its(group)
            ),
            says: format!(
                "A write failed with EPIPE and no ECONNRESET came before: the peer had closed first ({}), and a read would \
                 have returned 0.",
                finding.evidence.first().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec!["Read, or poll for reading, also where the program only writes.".into()],
            next: Vec::new(),
        }
    }
}
