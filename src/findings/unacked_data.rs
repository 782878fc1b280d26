//! `unacked-data`: a connection in use on which what one side sends is suddenly taken no more, however often it is repeated.

use super::words;
use super::{Answer, Case, Cause, Certainty, Finding, Group, Lasted, Rule, Scope, Severity, Weight, Words};
use super::{dead_after_idle::DeadAfterIdle, large_segments_lost::LargeSegmentsLost};
use crate::tcp::Stuck;
use crate::wire::{Side, Span};

pub(super) struct UnackedData;

impl UnackedData {
    /// Further repetitions over this time make it more than a burst of losses.
    const OVER: Span = Span::secs(1);
}

impl Rule for UnackedData {
    fn name(&self) -> &'static str {
        "unacked-data"
    }

    fn scope(&self) -> Scope {
        Scope::Path
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let Some((side, stuck)) = case.stuck() else {
            return Answer::No("nothing was sent again and again in vain");
        };
        let peer = side.peer();
        if connection.fin(side).is_some() {
            return Answer::No("its FIN is not acknowledged either, or what is repeated was said before it");
        }
        if stuck.seen.at - stuck.since.at < UnackedData::OVER {
            return Answer::No("it was sent again and again for a moment only");
        }
        if connection.ended_by_rst(peer) || !case.both_directions() {
            return Answer::No("a RST answered, or one direction only was captured");
        }
        if connection.zero_window(peer).is_some_and(|zero| zero.since.is_some()) {
            return Answer::No("the window is closed");
        }
        if case.broken().is_some() || matches!(DeadAfterIdle.judge(case), Answer::Undecided(_)) {
            return Answer::No("a silence came before it, which may have ended it");
        }
        if !matches!(LargeSegmentsLost.judge(case), Answer::No(_)) {
            return Answer::No("what is lost is large, and small segments pass");
        }
        let mut finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Warning));
        finding.since = Some(stuck.since);
        finding.lasted = Some(Lasted { span: case.until_end(stuck.since), at_least: true });
        finding.cause = Some(cause(case, peer, stuck));
        let heard = connection.halves[peer.index()].last;
        Answer::found(
            finding
                .shows(heard, format!("last segment of the {}", case.role(peer)))
                .shows(stuck.since, format!("data of the {} sent for the fourth time", case.role(side)))
                .shows(stuck.seen, "and for the last time, not acknowledged"),
        )
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let since = || group.members.iter().filter_map(|(_, finding)| finding.since).map(|since| since.at);
        let together = match (since().min(), since().max()) {
            (Some(first), Some(last)) if group.members.len() > 2 && last - first <= TOGETHER => format!(
                " All {} within {}: something happened at that moment.",
                words::thousands(group.members.len() as u64),
                last - first
            ),
            _ => String::new(),
        };
        let what = match repeats_its_syn(case, finding.side.unwrap_or(case.roles.client).peer()) {
            true => "came to nothing after the handshake",
            false => "went dead while in use",
        };
        Words {
            headline: format!("{} {what} on {}", words::connections(group.members.len()), group.place),
            says: format!(
                "What one side sent was repeated until the end and never acknowledged ({}). No silence came before, so no \
                 idle timer did it: the path lost its state or changed its route, or the host is gone.{together}",
                finding.evidence.get(1).map_or(String::new(), |(stamp, _)| words::frame(case, *stamp)),
            ),
            advice: vec![
                "Look what happened on the way at that moment: a firewall restarted, failed over or given new rules, a \
                 session table cleared, a route changed, a link down. 'cwait-pcap compare' with a capture of the other \
                 side tells where it is lost. Keep-alive does not help."
                    .into(),
            ],
            next: Vec::new(),
        }
    }
}

fn repeats_its_syn(case: &Case<'_>, side: Side) -> bool {
    case.connection.tallies[side.index()].syns > 1
}

/// What fails within this time of each other may fail of one event: repetitions double their distance.
const TOGETHER: Span = Span::secs(10);

fn cause(case: &Case<'_>, silent: Side, stuck: &Stuck) -> Cause {
    let role = case.role(silent);
    let here = case.connection.halves[silent.index()].last.frame > stuck.since.frame;
    let again = repeats_its_syn(case, silent);
    let alive = case.hosts[silent.index()].last.at > stuck.since.at;
    let (what, certainty, because) = match (here, again) {
        (true, true) => (
            "the path",
            Certainty::Possible,
            format!(
                "the {role} repeats its SYN-ACK: the end of the handshake does not reach it, or its listen queue is full"
            ),
        ),
        (true, false) => {
            ("the path", Certainty::Possible, format!("the {role} is heard and takes none of it"))
        }
        (false, _) if alive => {
            ("the path", Certainty::Likely, "the other host was heard on other connections later".to_owned())
        }
        (false, _) => (
            "the host",
            Certainty::Possible,
            "the other host was not heard elsewhere either: it may be down".to_owned(),
        ),
    };
    Cause { what, certainty, because: vec![because] }
}
