//! `fd-not-closed`: the log shows the read that returned 0, and no close of that descriptor after it.

use super::super::words;
use super::super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Weight, Words};
use super::Traced;
use crate::trace::{Ended, SocketKind};
use crate::wire::{Side, Span};

pub(crate) struct FdNotClosed;

impl FdNotClosed {
    /// A program is given that long between the read and its close.
    const AT_LEAST: Span = Span::secs(1);
}

/// The log proves that the program of `side` was told of the end and did not close.
pub(super) fn of<'a>(case: &Case<'a>, side: Side) -> Option<Traced<'a>> {
    let traced = case.traced(side).filter(|traced| traced.life.eof_not_closed())?;
    let eof = traced.life.eof.as_ref()?;
    let long = traced.until_end(eof).is_none_or(|span| span >= FdNotClosed::AT_LEAST);
    (long && case.unclosed(side) && traced.life.writes_after_eof == 0).then_some(traced)
}

impl Rule for FdNotClosed {
    fn name(&self) -> &'static str {
        "fd-not-closed"
    }

    fn scope(&self) -> Scope {
        Scope::Side
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let found = Side::BOTH.into_iter().find_map(|side| Some((side, of(case, side)?)));
        let Some((side, traced)) = found else {
            return Answer::No("no log shows a read of 0 octets without a close after it");
        };
        let Some(eof) = &traced.life.eof else { return Answer::No("the log shows no read of 0 octets") };
        let mut finding =
            Finding::new(self.name(), Some(side), Weight::Owed { listening: side == case.roles.server() });
        finding.since = case.connection.fin(side.peer()).map(|fin| fin.acked.unwrap_or(fin.seen));
        finding.lasted = traced.until_end(eof).map(|span| Lasted { span, at_least: true });
        let facts = traced.facts;
        finding.fact = match () {
            () if facts.close_calls == 0 || traced.life.kind == SocketKind::Unknown => Certainty::Possible,
            () if facts.lost > 0 || facts.not_followed > 0 || traced.by_order => Certainty::Likely,
            () if traced.until_end(eof).is_none() => Certainty::Likely,
            () => Certainty::Certain,
        };
        if facts.close_calls == 0 {
            finding
                .against
                .push("the log holds no close call at all: the trace may have left them out".into());
        }
        finding.against.extend(traced.by_order.then(|| super::BY_ORDER.to_owned()));
        if facts.lost > 0 {
            let others = words::count(facts.lost, "other descriptor");
            finding.against.push(format!("the log lacks the close of {others}"));
        }
        let mut because = vec![format!("read() returned 0 on line {} of {}", eof.line, traced.file())];
        let after = match &traced.life.ended {
            Ended::Exit { line, .. } => {
                format!("no close or shutdown until its process ended on line {line}")
            }
            _ => {
                let after = words::count(facts.log.lines.saturating_sub(eof.upto), "line");
                format!("no close or shutdown of it on the {after} after")
            }
        };
        because.push(after);
        finding.cause = Some(Cause { what: "the program", certainty: finding.fact, because });
        finding.proof.extend(traced.life.opened.as_ref().map(|opened| traced.proof(opened)));
        finding.proof.push(traced.proof(eof));
        if let Some(fin) = case.connection.fin(side.peer()) {
            finding = finding.shows(fin.seen, format!("FIN of the {}", case.role(side.peer())));
        }
        Answer::found(finding)
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let side = finding.side.unwrap_or(case.roles.server());
        let fds: Vec<String> = group
            .members
            .iter()
            .filter_map(|(case, _)| case.traced(side))
            .map(|traced| traced.life.fd.to_string())
            .take(12)
            .collect();
        let more = if group.members.len() > fds.len() { ", ..." } else { "" };
        let host = case.endpoint(side).addr().to_string();
        Words {
            headline: format!("the program at {} read the end of {} and did not close", group.place, words::of_its(group)),
            says: format!(
                "read() returned 0: it was told that its peer is gone. No close() or shutdown() followed. Descriptors: {}{more}.",
                fds.join(", "),
            ),
            advice: vec![
                "The fault is in the program, after that read: the path that handles the end of the stream must close the \
                 descriptor, on errors and time-outs too."
                    .into(),
            ],
            next: vec![
                (host.clone(), "Linux", "ls -l /proc/PID/fd; gdb -p PID -batch -ex 'thread apply all bt'".into()),
                (host, "Solaris", "pfiles PID; pstack PID".into()),
            ],
        }
    }
}
