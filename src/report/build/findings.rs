//! Findings alike at one place become one; so do those that cannot be judged. The worst are put into words, the others
//! counted.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use super::Builder;
use crate::analysis::Judged;
use crate::findings::{self, Case, Group, RULES, Scope, rule};
use crate::patterns::{self, PatternFinding};
use crate::report::text::number;
use crate::report::{
    Cause, Certainty, Drawing, Finding, Lasted, LeftOut, Place, Quote, Severity, Step, Time, Undecided,
    Verdict,
};
use crate::wire::Endpoint;

/// What was found of a connection.
type Member<'a, T = findings::Finding> = (&'a Judged, &'a T);
/// The same with what it has in common with others.
type Placed<'a, K, T> = ((K, Whose), Member<'a, T>);

/// What findings are told under. In words only where there is room for them: there may be a place for each frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Capture,
    Host(IpAddr),
    Service(Endpoint),
    Path(IpAddr, Endpoint),
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Capture => write!(f, "the capture"),
            Whose::Host(host) => write!(f, "{host}"),
            Whose::Service(service) => write!(f, "{service}"),
            Whose::Path(client, service) => write!(f, "{client} - {service}"),
        }
    }
}

/// Those that are told as one, one after the other.
fn together<'s, 'a, K: Ord + Copy, T>(
    all: &'s mut [Placed<'a, K, T>],
) -> impl Iterator<Item = &'s [Placed<'a, K, T>]> {
    all.sort_by_key(|(place, _)| *place);
    all.chunk_by(|(one, _), (next, _)| one == next)
}

/// What will be one finding of the report.
enum Found<'a> {
    Alike(Whose, Vec<Member<'a>>),
    Pattern(Box<PatternFinding>),
}

impl Found<'_> {
    fn name(&self) -> &'static str {
        match self {
            Found::Alike(_, members) => members[0].1.name,
            Found::Pattern(pattern) => pattern.name,
        }
    }

    fn count(&self) -> usize {
        match self {
            Found::Alike(_, members) => members.len(),
            Found::Pattern(pattern) => pattern.members.len(),
        }
    }

    fn severity(&self, limit: Option<u64>) -> Severity {
        let Found::Alike(_, members) = self else {
            let Found::Pattern(pattern) = self else { return Severity::Note };
            return pattern.severity.into();
        };
        let over_limit = limit.is_some_and(|limit| members.len() as u64 >= limit);
        match members.iter().map(|(_, finding)| finding.severity(members.len())).max() {
            Some(_) if over_limit && findings::is_owed(self.name()) => Severity::Error,
            Some(severity) => severity.into(),
            None => Severity::Note,
        }
    }
}

impl<'a> Builder<'a> {
    /// The worst first, and what there was no room for.
    pub(super) fn findings(&self) -> (Vec<Finding>, LeftOut) {
        let ranks = Ranks::new();
        let mut alike: Vec<Placed<'a, usize, findings::Finding>> = Vec::new();
        for judged in &self.outcome.connections {
            for (at, finding) in judged.verdict.findings.iter().enumerate() {
                // A connection is told once, under its main finding; what weakens verdicts is told for itself.
                if at > 0 && finding.name != "capture-gap" && !findings::tells_why(finding.name) {
                    continue;
                }
                let (rank, scope) = ranks.of(finding.name);
                alike.push(((rank, whose(judged, finding, scope)), (judged, finding)));
            }
        }
        let mut found: Vec<Found<'_>> = together(&mut alike)
            .map(|same| Found::Alike(same[0].0.1, same.iter().map(|(_, member)| *member).collect()))
            .collect();
        drop(alike);
        let patterns = patterns::judge(self.outcome, self.request.limit);
        found.extend(patterns.into_iter().map(|pattern| Found::Pattern(Box::new(pattern))));
        let mut found: Vec<_> =
            found.into_iter().map(|found| (found.severity(self.request.limit), found)).collect();
        found.sort_by_cached_key(|(severity, found)| {
            let owed = Verdict::DENIES.contains(&found.name());
            (Reverse((*severity, owed)), ranks.of(found.name()).0, Reverse(found.count()))
        });
        let beyond = found.split_off(found.len().min(Finding::AT_MOST));
        let left_out = LeftOut {
            findings: beyond.len() as u64,
            severity: beyond.first().map(|(severity, _)| *severity),
            ..LeftOut::default()
        };
        let worded = |(severity, found)| match found {
            Found::Alike(whose, members) => self.finding(whose.to_string(), members, severity),
            Found::Pattern(pattern) => self.pattern(*pattern),
        };
        (found.into_iter().map(worded).collect(), left_out)
    }

    /// The FINs that services owe, by their main findings.
    pub(super) fn owed(&self) -> HashMap<Endpoint, u64> {
        let mut owed = HashMap::new();
        for judged in &self.outcome.connections {
            let server = judged.roles.server();
            let primary = judged.verdict.primary();
            if primary.is_some_and(|finding| findings::is_owed(finding.name) && finding.side == Some(server))
            {
                *owed.entry(judged.connection.key.endpoint(server)).or_default() += 1;
            }
        }
        owed
    }

    fn finding(&self, place: String, mut members: Vec<Member<'a>>, severity: Severity) -> Finding {
        members.sort_by_key(|(judged, finding)| {
            (finding.since.map_or(u64::MAX, |since| since.frame), judged.connection.first.frame)
        });
        let name = members[0].1.name;
        let cases: Vec<Case<'_>> = members.iter().map(|(judged, _)| self.outcome.case(judged)).collect();
        let (judged, first) = members[0];
        let (role, of) = self.role_and_count(judged, first);
        let group = Group {
            place: place.clone(),
            members: cases.iter().zip(members.iter().map(|(_, finding)| *finding)).collect(),
            of,
            capture: &self.outcome.capture,
        };
        let words = rule(name).map(|rule| rule.words(&group)).unwrap_or_default();
        // The rules over host records say themselves what the listing shows.
        let said = findings::says(&group, name).filter(|_| !findings::tells_why(name));
        let surest = members
            .iter()
            .rev()
            .max_by_key(|(_, finding)| finding.fact)
            .map_or(first, |(_, finding)| *finding);
        let longest =
            members.iter().filter_map(|(_, finding)| finding.lasted).max_by_key(|lasted| lasted.span);
        let mut against: Vec<String> = Vec::new();
        let said = said.and_then(|(text, speaks_for)| match speaks_for {
            true => Some(text),
            false => {
                against.push(text);
                None
            }
        });
        for text in members.iter().flat_map(|(_, finding)| &finding.against) {
            if !against.contains(text) && against.len() < 3 {
                against.push(text.clone());
            }
        }
        Finding {
            name: name.into(),
            severity,
            fact: surest.fact.into(),
            process: findings::holders(&group).map(|holders| holders.to_string()),
            quotes: (members.iter().flat_map(|(_, finding)| &finding.proof))
                .take(Finding::QUOTED)
                .map(Quote::from)
                .collect(),
            cause: surest.cause.clone().map(|found| Cause {
                because: said.into_iter().chain(found.because.clone()).collect(),
                ..cause(found)
            }),
            at: Place { role: role.into(), name: place, assumed: judged.roles.assumed },
            count: members.len() as u64,
            of: of.max(members.len() as u64),
            headline: words.headline,
            says: words.says,
            against,
            advice: words.advice,
            next: steps(words.next),
            since: members
                .iter()
                .filter_map(|(_, finding)| finding.since)
                .min_by_key(|since| since.at)
                .map(|s| s.at.into()),
            lasted: longest.map(lasted),
            evidence: first
                .evidence
                .iter()
                .map(|(stamp, label)| self.evidence(judged, *stamp, label))
                .collect(),
            connections: members.iter().take(Finding::LISTED).map(|(judged, _)| judged.id()).collect(),
            filter: filter_of_all(members.iter().map(|(judged, _)| self.filter(&judged.connection))),
            accepted: None,
            data: None,
        }
    }

    fn pattern(&self, found: PatternFinding) -> Finding {
        let member = |member: &usize| &self.outcome.connections[*member];
        let id = |at: usize| member(&at).id();
        Finding {
            name: found.name.into(),
            severity: found.severity.into(),
            fact: found.fact.into(),
            cause: found.cause.map(cause),
            at: Place { role: found.role.into(), name: found.place, assumed: found.assumed },
            count: found.members.len() as u64,
            of: found.of.max(found.members.len() as u64),
            headline: found.words.headline,
            says: found.words.says,
            against: found.against,
            advice: found.words.advice,
            next: steps(found.words.next),
            since: found.since.map(Time::from),
            lasted: found.lasted.map(lasted),
            evidence: (found.evidence.iter())
                .map(|(at, stamp, label)| self.evidence(member(at), *stamp, label))
                .collect(),
            connections: found.members.iter().take(Finding::LISTED).map(|at| id(*at)).collect(),
            filter: filter_of_all(found.members.iter().map(|at| self.filter(&member(at).connection))),
            process: None,
            quotes: found.proof.iter().map(Quote::from).collect(),
            accepted: None,
            data: found.data.as_ref().map(|data| Drawing::of(data, &id)),
        }
    }

    /// What kind of place it is, and how many connections it has in all; 0 if that is not known.
    fn role_and_count(&self, judged: &Judged, finding: &findings::Finding) -> (&'static str, u64) {
        let service = judged.connection.key.endpoint(judged.roles.server());
        let of_service = self.outcome.services.get(&service).map_or(0, |service| service.connections);
        match rule(finding.name).map(|rule| rule.scope()) {
            Some(Scope::Side) if finding.side == Some(judged.roles.server()) => ("service", of_service),
            Some(Scope::Side | Scope::Client) => {
                let client = judged.connection.key.endpoint(judged.roles.client).addr();
                ("client", self.outcome.hosts.get(&client).map_or(0, |host| host.hop_limits.connections()))
            }
            Some(Scope::Path) => ("path", 0),
            Some(Scope::Capture) | None => ("capture", 0),
        }
    }

    /// Those of most connections first; counts what there was no room for.
    pub(super) fn undecided(&self, left_out: &mut LeftOut) -> Vec<Undecided> {
        let mut alike: Vec<Placed<'_, &'static str, findings::Undecided>> = Vec::new();
        for judged in &self.outcome.connections {
            // What is found needs no second opinion.
            let Some((name, undecided)) = judged.undecided() else { continue };
            let server = judged.roles.server();
            let side = undecided.side.unwrap_or(server);
            let end = judged.connection.key.endpoint(side);
            let whose = if side == server { Whose::Service(end) } else { Whose::Host(end.addr()) };
            alike.push(((name, whose), (judged, undecided)));
        }
        let mut alike: Vec<_> = together(&mut alike).collect();
        alike.sort_by_key(|same| Reverse(same.len()));
        let beyond = alike.split_off(alike.len().min(Undecided::AT_MOST));
        left_out.undecided = beyond.len() as u64;
        left_out.undecided_connections = beyond.iter().map(|same| same.len() as u64).sum();
        alike
            .into_iter()
            .map(|same| {
                let ((name, whose), (judged, first)) = same[0];
                let place = whose.to_string();
                let server = first.side == Some(judged.roles.server());
                let port = judged.connection.key.endpoint(judged.roles.server()).port();
                // Sockets of Multipath TCP are listed if asked for.
                let list = if judged.connection.data_level().is_some() { "-tanoepM" } else { "-tanoep" };
                Undecided {
                    name: name.into(),
                    at: Place {
                        role: if server { "service" } else { "client" }.into(),
                        name: place.clone(),
                        assumed: judged.roles.assumed,
                    },
                    count: same.len() as u64,
                    says: match same.iter().all(|(_, (_, other))| other.why == first.why) {
                        true => format!("{place}: {}", first.why),
                        false => {
                            format!("{place}, the first of {}: {}", number(same.len() as u64), first.why)
                        }
                    },
                    next: vec![Step {
                        on: judged
                            .connection
                            .key
                            .endpoint(first.side.unwrap_or(judged.roles.server()))
                            .addr()
                            .to_string(),
                        os: "Linux".into(),
                        command: format!("ss {list} state all '( sport = :{port} or dport = :{port} )'"),
                    }],
                    connections: same
                        .iter()
                        .take(Finding::LISTED)
                        .map(|(_, (judged, _))| judged.id())
                        .collect(),
                }
            })
            .collect()
    }
}

impl Judged {
    /// What is undecided about it, unless something was found that explains it.
    pub fn undecided(&self) -> Option<(&'static str, &findings::Undecided)> {
        let noted = |name: &str| matches!(name, "capture-gap" | "frequent-keepalive" | "no-keepalive");
        if self.verdict.primary().is_some_and(|finding| !noted(finding.name)) {
            return None;
        }
        self.verdict.undecided.first().map(|(name, undecided)| (*name, undecided))
    }
}

/// What a finding is told under.
fn whose(judged: &Judged, finding: &findings::Finding, scope: Option<Scope>) -> Whose {
    let key = &judged.connection.key;
    let service = key.endpoint(judged.roles.server());
    let client = key.endpoint(judged.roles.client).addr();
    match scope {
        Some(Scope::Side) if finding.side == Some(judged.roles.server()) => Whose::Service(service),
        Some(Scope::Side | Scope::Client) => Whose::Host(client),
        Some(Scope::Path) => Whose::Path(client, service),
        Some(Scope::Capture) | None => Whose::Capture,
    }
}

/// Rules on single connections first, then patterns, each in the order of its list; and whose their findings are.
struct Ranks(HashMap<&'static str, (usize, Option<Scope>)>);

impl Ranks {
    fn new() -> Ranks {
        let rules = RULES.iter().map(|rule| (rule.name(), Some(rule.scope())));
        let all = rules.chain(patterns::PATTERNS.iter().map(|pattern| (pattern.name(), None)));
        Ranks(all.enumerate().map(|(rank, (name, scope))| (name, (rank, scope))).collect())
    }

    fn of(&self, name: &str) -> (usize, Option<Scope>) {
        self.0.get(name).copied().unwrap_or((usize::MAX, None))
    }
}

fn cause(cause: findings::Cause) -> Cause {
    let findings::Cause { what, certainty, because } = cause;
    Cause { what: what.into(), certainty: certainty.into(), because }
}

fn lasted(lasted: findings::Lasted) -> Lasted {
    Lasted { length: lasted.span.into(), at_least: lasted.at_least }
}

fn steps(next: Vec<(String, &'static str, String)>) -> Vec<Step> {
    next.into_iter().map(|(on, os, command)| Step { on, os: os.into(), command }).collect()
}

/// `tcp.stream in {1, 2}` or `a or b`, to be pasted into Wireshark; at most two hundred connections.
fn filter_of_all(filters: impl Iterator<Item = String>) -> String {
    let all: Vec<_> = filters.take(200).collect();
    let streams: Option<Vec<_>> = all.iter().map(|filter| filter.strip_prefix("tcp.stream eq ")).collect();
    match streams {
        Some(streams) if streams.len() > 1 => format!("tcp.stream in {{{}}}", streams.join(", ")),
        _ => all.join(" or "),
    }
}

impl From<findings::Severity> for Severity {
    fn from(severity: findings::Severity) -> Severity {
        match severity {
            findings::Severity::Note => Severity::Note,
            findings::Severity::Warning => Severity::Warning,
            findings::Severity::Error => Severity::Error,
        }
    }
}

impl From<findings::Certainty> for Certainty {
    fn from(certainty: findings::Certainty) -> Certainty {
        match certainty {
            findings::Certainty::Possible => Certainty::Possible,
            findings::Certainty::Likely => Certainty::Likely,
            findings::Certainty::Certain => Certainty::Certain,
        }
    }
}
