//! `dead-after-idle`: after a silence, nothing that one side sends is answered any more.

use super::words;
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use crate::tcp::{Outcome, Silence};
use crate::wire::Span;

pub(super) struct DeadAfterIdle;

impl DeadAfterIdle {
    pub(super) const ATTEMPTS: u16 = 3;
    pub(super) const OVER: Span = Span::secs(3);
}

impl Rule for DeadAfterIdle {
    fn name(&self) -> &'static str {
        "dead-after-idle"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let Some((silence, outcome)) = case.connection.silences().and_then(|silences| silences.broken())
        else {
            return Answer::No("every silence was survived");
        };
        let Outcome::Pending { attempts, heard, .. } = outcome else {
            return Answer::No("a RST answered");
        };
        if heard {
            return Answer::No("the other side was heard after the silence");
        }
        if case.connection.ended_by_rst(silence.by.peer()) {
            return Answer::No("a RST answered");
        }
        if !is_long(case, &silence) {
            return Answer::No(
                "the silence is too short against the round trip, or the clock ran back since",
            );
        }
        if attempts < DeadAfterIdle::ATTEMPTS || waited(case, &silence) < DeadAfterIdle::OVER {
            return Answer::undecided(
                silence.by,
                format!(
                    "after {} of silence it sent {} without an answer, too few to tell before the end",
                    silence.span(),
                    words::count(attempts.into(), "segment")
                ),
            );
        }
        if case.answered_unseen(&silence, attempts) {
            return Answer::undecided(
                silence.by,
                format!(
                    "{} and no answer were captured since {} of silence, and it goes on: the other direction may not pass \
                     here any more",
                    words::count(attempts.into(), "keep-alive probe"),
                    silence.span()
                ),
            );
        }
        let mut finding = Finding::new(self.name(), Some(silence.by), Weight::Fixed(Severity::Warning));
        finding.since = Some(silence.resumed);
        finding.lasted = Some(Lasted { span: silence.span(), at_least: false });
        let silent = silence.by.peer();
        let heard_later = case.hosts[silent.index()].last.at > silence.resumed.at;
        let (certainty, because) = match (heard_later, silent == case.roles.client) {
            (true, false) => (Certainty::Likely, "the other host was heard on other connections later"),
            (true, true) => (
                Certainty::Possible,
                "the other host was heard on other connections later; a client may have been asleep meanwhile",
            ),
            (false, _) => {
                (Certainty::Possible, "the other host was not heard elsewhere either: it may be down")
            }
        };
        finding.cause = Some(Cause { what: "the path", certainty, because: vec![because.into()] });
        let role = case.role(silence.by);
        Answer::found(
            finding
                .shows(
                    crate::wire::Stamp { frame: silence.from_frame, at: silence.resumed.at - silence.span() },
                    "last segment before the silence",
                )
                .shows(
                    silence.resumed,
                    format!(
                        "the {role} speaks after {}; sent {}, no answer",
                        silence.span(),
                        words::times(attempts.into())
                    ),
                ),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let shortest =
            group.members.iter().filter_map(|(_, finding)| finding.lasted).map(|lasted| lasted.span).min();
        Words {
            headline: format!(
                "{} died after a silence on {}",
                words::connections(group.members.len()),
                group.place
            ),
            says: format!(
                "After {} of silence or more, nothing sent was answered, however often it was repeated ({}): state was \
                 lost on the path, or the host is gone.",
                shortest.unwrap_or_default(),
                finding.evidence.last().map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![format!(
                "Keep the connection warm: SO_KEEPALIVE with an idle time well below {}. A capture on the other side, put \
                 beside this one by 'cwait-pcap compare', tells where it died.",
                shortest.unwrap_or_default()
            )],
            next: Vec::new(),
        }
    }
}

/// How long an answer could have come: to the end of the capture, or until the side that asks gave up by its own RST.
pub(super) fn waited(case: &Case<'_>, silence: &Silence) -> Span {
    let gave_up = case.connection.rst(silence.by).map(|rst| rst.seen.at - silence.resumed.at);
    let to_the_end = case.until_end(silence.resumed);
    gave_up.filter(|&span| span >= Span::ZERO).map_or(to_the_end, |span| span.min(to_the_end))
}

/// Longer than a second and than twenty round trips: no path is that slow. A clock that has run back since measures nothing.
pub(super) fn is_long(case: &Case<'_>, silence: &Silence) -> bool {
    const BACK: Span = Span::secs(1);
    let rtt = case.connection.rtt().unwrap_or_default();
    let ran_back = silence.resumed.at - case.connection.last().at >= BACK;
    !ran_back && silence.span() >= Span::secs(1).max(rtt.times(20))
}
