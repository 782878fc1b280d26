//! From a judged capture to a report: grouping, ordering, naming. No judgement is made here.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use super::evidence::{self, Quote};
use super::text::count;
use super::{
    Capture, Cause, Certainty, Connection, Drawing, Endpoint, Evidence, Fin, Finding, Input, Lasted, Length,
    Listed, Moment, Place, Report, SCHEMA, SCHEMA_VERSION, Service, Severity, Skipped, Slowest, Step,
    TextInput, Time, Tool, Totals, Undecided, UnreadLine, Verdict,
};
use crate::analysis::{InputFacts, Judged, Longest, Outcome};
use crate::findings::{self, Case, Group, Scope, rule};
use crate::patterns::{self, PatternFinding};
use crate::tcp::{self, Clock, Ending};
use crate::transcript::{Facts, Reason, Times};
use crate::wire::{Side, Span, Stamp};

/// What the report should hold, and how it came to be.
#[derive(Clone, Debug)]
pub struct Request {
    /// The arguments, the program's name first.
    pub command_line: Vec<String>,
    /// Which connections to list.
    pub listed: Listed,
    /// `--limit`: this many connections owing their FIN at one service raise the finding to an error.
    pub limit: Option<u64>,
}

impl Report {
    /// The report on an outcome.
    pub fn build(outcome: &Outcome, request: &Request) -> Report {
        let streams = outcome.inputs.len() <= 1;
        let builder = Builder { outcome, request, streams };
        let findings = builder.findings();
        let undecided = builder.undecided();
        Report {
            schema: SCHEMA.into(),
            schema_version: SCHEMA_VERSION.into(),
            tool: Tool {
                name: env!("CARGO_PKG_NAME").into(),
                version: env!("CARGO_PKG_VERSION").into(),
                command_line: request.command_line.clone(),
            },
            title: None,
            notes: Vec::new(),
            against: None,
            host_records: evidence::records(outcome),
            host_joined: evidence::joined(outcome),
            inputs: outcome.inputs.iter().map(input).collect(),
            capture: builder.capture(),
            verdict: verdict(&findings, &undecided, outcome),
            totals: builder.totals(),
            services: builder.services(&findings),
            connections_listed: request.listed,
            connections: builder.connections(),
            findings,
            undecided,
        }
    }
}

struct Builder<'a> {
    outcome: &'a Outcome,
    request: &'a Request,
    /// Stream numbers mean something: one file.
    streams: bool,
}

/// Findings that say that a silence was not survived.
const SILENCE_FAILED: [&str; 3] = ["keepalive-gave-up", "dead-after-idle", "reset-after-idle"];

/// Findings of one rule at one place, before they are put into words.
type Alike<'a> = BTreeMap<(usize, String), Vec<(&'a Judged, &'a findings::Finding)>>;

impl<'a> Builder<'a> {
    fn findings(&self) -> Vec<Finding> {
        let mut alike: Alike<'a> = BTreeMap::new();
        for judged in &self.outcome.connections {
            for (at, finding) in judged.verdict.findings.iter().enumerate() {
                // A connection is told once, under its main finding; what weakens verdicts is told for itself.
                if at > 0 && finding.name != "capture-gap" && !findings::tells_why(finding.name) {
                    continue;
                }
                let place = place_of(judged, finding);
                let order = rank(finding.name);
                alike.entry((order, place)).or_default().push((judged, finding));
            }
        }
        let mut findings: Vec<_> =
            alike.into_iter().map(|((_, place), members)| self.finding(place, members)).collect();
        let patterns = patterns::judge(self.outcome, self.request.limit);
        findings.extend(patterns.into_iter().map(|found| self.pattern(found)));
        findings.sort_by(|a, b| {
            let owed = |finding: &Finding| OWED_OR_DEAD.contains(&finding.name.as_str());
            let order = b.severity.cmp(&a.severity).then(owed(b).cmp(&owed(a)));
            order.then(rank(&a.name).cmp(&rank(&b.name))).then(b.count.cmp(&a.count))
        });
        findings
    }

    fn finding(&self, place: String, mut members: Vec<(&'a Judged, &'a findings::Finding)>) -> Finding {
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
            of: of.max(members.len() as u64),
            capture: &self.outcome.capture,
        };
        let words = rule(name).map(|rule| rule.words(&group)).unwrap_or_default();
        // The rules over host records say themselves what the listing shows.
        let said = findings::says(&group).filter(|_| !findings::tells_why(name));
        let over_limit = self.request.limit.is_some_and(|limit| members.len() as u64 >= limit);
        let severity = members.iter().map(|(_, finding)| finding.severity(members.len())).max();
        let severity = match severity {
            Some(_) if over_limit && name == "missing-fin" => Severity::Error,
            Some(severity) => severity.into(),
            None => Severity::Note,
        };
        let surest = members
            .iter()
            .rev()
            .max_by_key(|(_, finding)| finding.fact)
            .map_or(first, |(_, finding)| *finding);
        let longest =
            members.iter().filter_map(|(_, finding)| finding.lasted).max_by_key(|lasted| lasted.span);
        let mut against: Vec<String> = Vec::new();
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
            of: group.of,
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
            data: found.data.as_ref().map(|data| Drawing::of(data, &id)),
        }
    }

    /// What kind of place it is, and how many connections it has in all.
    fn role_and_count(&self, judged: &Judged, finding: &findings::Finding) -> (&'static str, u64) {
        let service = judged.connection.key.endpoint(judged.roles.server());
        let of_service = self.outcome.services.get(&service).map_or(0, |service| service.connections);
        match rule(finding.name).map(|rule| rule.scope()) {
            Some(Scope::Side) if finding.side == Some(judged.roles.server()) => ("service", of_service),
            Some(Scope::Side | Scope::Client) => ("client", 0),
            Some(Scope::Path) => ("path", 0),
            Some(Scope::Capture) | None => ("capture", 0),
        }
    }

    fn undecided(&self) -> Vec<Undecided> {
        let mut alike: BTreeMap<(&'static str, String), Vec<(&Judged, &findings::Undecided)>> =
            BTreeMap::new();
        for judged in &self.outcome.connections {
            // What is found needs no second opinion.
            let Some((name, undecided)) = judged.undecided() else { continue };
            let key = &judged.connection.key;
            let side = undecided.side.unwrap_or(judged.roles.server());
            let place = if side == judged.roles.server() {
                key.endpoint(side).to_string()
            } else {
                key.endpoint(side).addr().to_string()
            };
            alike.entry((name, place)).or_default().push((judged, undecided));
        }
        let mut all: Vec<_> = alike
            .into_iter()
            .map(|((name, place), members)| {
                let (judged, first) = members[0];
                let server = first.side == Some(judged.roles.server());
                let port = judged.connection.key.endpoint(judged.roles.server()).port();
                Undecided {
                    name: name.into(),
                    at: Place {
                        role: if server { "service" } else { "client" }.into(),
                        name: place.clone(),
                        assumed: judged.roles.assumed,
                    },
                    count: members.len() as u64,
                    says: format!("{place}: {}", first.why),
                    next: vec![Step {
                        on: judged
                            .connection
                            .key
                            .endpoint(first.side.unwrap_or(judged.roles.server()))
                            .addr()
                            .to_string(),
                        os: "Linux".into(),
                        command: format!("ss -tanoep state all '( sport = :{port} or dport = :{port} )'"),
                    }],
                    connections: members
                        .iter()
                        .take(Finding::LISTED)
                        .map(|(judged, _)| judged.id())
                        .collect(),
                }
            })
            .collect();
        all.sort_by_key(|undecided| std::cmp::Reverse(undecided.count));
        all
    }

    fn capture(&self) -> Capture {
        let Outcome { capture, frames, totals, inputs, .. } = self.outcome;
        let mut skipped: Vec<_> = frames
            .skips
            .iter()
            .map(|(skip, frames)| Skipped { reason: skip.name().into(), frames })
            .collect();
        skipped.extend(unread_lines(inputs));
        skipped.sort_by_key(|skipped| std::cmp::Reverse(skipped.frames));
        let seen = capture.frames > 0;
        let back = inputs.iter().map(|input| input.summary.step_back).max().unwrap_or_default();
        Capture {
            frames: capture.frames,
            tcp: frames.tcp,
            skipped,
            first: seen.then(|| capture.first.at.into()),
            last: seen.then(|| capture.last.at.into()),
            duration: seen.then(|| capture.duration().into()),
            drops: capture.drops,
            captured_twice: totals.captured_twice,
            one_direction: totals.one_direction,
            largest_step_back: (back > Span::ZERO).then(|| back.into()),
        }
    }

    fn totals(&self) -> Totals {
        let totals = &self.outcome.totals;
        let named = |name: &str| {
            let named =
                |judged: &&Judged| judged.verdict.primary().is_some_and(|finding| finding.name == name);
            self.outcome.connections.iter().filter(named).count() as u64
        };
        let slowest = |longest: Option<Longest>| {
            longest.map(|longest| Slowest {
                length: longest.span.into(),
                connection: format!("{:08x}", longest.id),
                stream: self.stream(longest.stream),
            })
        };
        Totals {
            connections: totals.connections,
            closed_by_both: totals.closed_by_both,
            open: totals.open,
            reset: totals.reset,
            half_closed: totals.half_closed,
            unanswered: totals.unanswered,
            refused: totals.refused,
            midstream: totals.midstream,
            probes: named("probe"),
            slowest_close: slowest(totals.slowest_close),
            longest_silence_survived: slowest(totals.longest_silence),
            silences_failed: SILENCE_FAILED.into_iter().map(named).sum(),
            retransmissions: totals.retransmissions,
            given_up: self.outcome.frames.given_up,
        }
    }

    fn services(&self, findings: &[Finding]) -> Vec<Service> {
        let owes: BTreeMap<&str, u64> = findings
            .iter()
            .filter(|finding| finding.name == "missing-fin")
            .map(|finding| (finding.at.name.as_str(), finding.count))
            .collect();
        let assumed: HashSet<_> = self.outcome.assumed_services.iter().collect();
        let mut services: Vec<_> = self
            .outcome
            .services
            .iter()
            .map(|(endpoint, facts)| {
                let name = endpoint.to_string();
                Service {
                    owes_fin: owes.get(name.as_str()).copied().unwrap_or(0),
                    endpoint: name,
                    assumed: assumed.contains(endpoint),
                    connections: facts.connections,
                    closed_by_both: facts.closed_by_both,
                    reset: facts.reset,
                    close_p50: facts.closes.percentile(50).map(Length::from),
                    close_p99: facts.closes.percentile(99).map(Length::from),
                    answer_p99: facts.answers.percentile(99).map(Length::from),
                }
            })
            .collect();
        services.sort_by(|a, b| {
            (b.owes_fin, b.connections).cmp(&(a.owes_fin, a.connections)).then(a.endpoint.cmp(&b.endpoint))
        });
        services.truncate(Service::LISTED);
        services
    }

    fn connections(&self) -> Vec<Connection> {
        let wanted = |judged: &&Judged| match self.request.listed {
            Listed::None => false,
            Listed::Flagged => judged.is_flagged(),
            Listed::All => true,
        };
        self.outcome.connections.iter().filter(wanted).map(|judged| self.connection(judged)).collect()
    }

    fn connection(&self, judged: &Judged) -> Connection {
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

    fn evidence(&self, judged: &Judged, stamp: Stamp, label: &str) -> Evidence {
        Evidence {
            connection: judged.id(),
            stream: self.stream(judged.connection.stream),
            frame: stamp.frame,
            time: stamp.at.into(),
            label: label.into(),
        }
    }

    fn stream(&self, stream: u32) -> Option<u32> {
        (self.streams && stream != tcp::Connection::NO_STREAM).then_some(stream)
    }

    fn filter(&self, connection: &tcp::Connection) -> String {
        // Numbers that count connections of a text say nothing to Wireshark.
        let is_text = self.outcome.capture.from_text;
        if let Some(stream) = self.stream(connection.stream).filter(|_| !is_text) {
            return format!("tcp.stream eq {stream}");
        }
        let [lo, hi] = [connection.key.lo, connection.key.hi];
        let family = if lo.addr().is_ipv4() { "ip" } else { "ipv6" };
        format!(
            "({family}.addr eq {} and tcp.port eq {} and {family}.addr eq {} and tcp.port eq {})",
            lo.addr(),
            lo.port(),
            hi.addr(),
            hi.port()
        )
    }
}

impl Service {
    /// How many services a report lists.
    pub const LISTED: usize = 1_000;
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

/// The place a finding is told under.
fn place_of(judged: &Judged, finding: &findings::Finding) -> String {
    let key = &judged.connection.key;
    let service = key.endpoint(judged.roles.server());
    let client = key.endpoint(judged.roles.client).addr();
    match rule(finding.name).map(|rule| rule.scope()) {
        Some(Scope::Side) if finding.side == Some(judged.roles.server()) => service.to_string(),
        Some(Scope::Side | Scope::Client) => client.to_string(),
        Some(Scope::Path) => format!("{client} - {service}"),
        Some(Scope::Capture) | None => "the capture".into(),
    }
}

/// Rules on single connections first, then patterns, each in the order of its list.
fn rank(name: &str) -> usize {
    let rule = findings::RULES.iter().position(|rule| rule.name() == name);
    let pattern = || patterns::rank(name).map(|rank| findings::RULES.len() + rank);
    rule.or_else(pattern).unwrap_or(usize::MAX)
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

/// What the OK of a report denies, however slight it is.
const OWED_OR_DEAD: &[&str] = &[
    "missing-fin",
    "late-fin",
    "close-wait-aborted",
    "dead-after-idle",
    "reset-after-idle",
    "close-wait-buildup",
];

fn verdict(findings: &[Finding], undecided: &[Undecided], outcome: &Outcome) -> Verdict {
    let worst = findings.iter().map(|finding| finding.severity).max();
    let headline = match findings.first().filter(|finding| finding.severity > Severity::Note) {
        Some(first) => format!("{}: {}", first.name, first.headline),
        None if outcome.frames.tcp == 0 => "no TCP segment in this capture".into(),
        None if !undecided.is_empty() => {
            let count: u64 = undecided.iter().map(|undecided| undecided.count).sum();
            format!("UNDECIDED: {count} connection(s) cannot be judged from this capture")
        }
        None => match findings.iter().find(|finding| OWED_OR_DEAD.contains(&finding.name.as_str())) {
            Some(slight) => format!("OK, nothing worse than a note: {}", slight.headline),
            None => "OK: no connection owes a FIN, none died after a silence".into(),
        },
    };
    Verdict { severity: worst, headline }
}

/// Lines of text that are no packet, by reason, added over all inputs.
fn unread_lines(inputs: &[InputFacts]) -> impl Iterator<Item = Skipped> + '_ {
    let lines = |reason| {
        let of = |text: &Facts| {
            text.unread().filter(|(other, _)| *other == reason).map(|(_, lines)| lines).sum::<u64>()
        };
        inputs.iter().filter_map(|input| input.text.as_ref()).map(of).sum()
    };
    let all = Reason::ALL.into_iter().map(move |reason| (reason, lines(reason)));
    all.filter(|(_, lines)| *lines > 0)
        .map(|(reason, frames)| Skipped { reason: format!("lines {}", reason.name()), frames })
}

fn text_input(facts: &Facts) -> TextInput {
    let times = match facts.times {
        Times::None => "none",
        Times::Instants => "instants",
        Times::NoZone => "no zone",
        Times::OfDay => "no date",
        Times::Elapsed => "elapsed",
    };
    let unread = facts.examples.iter().map(|(line, reason, text)| UnreadLine {
        line: u32::try_from(*line).unwrap_or(u32::MAX),
        text: format!("{}: {text}", reason.name()),
    });
    TextInput {
        tools: facts.tools.iter().map(|tool| tool.to_string()).collect(),
        times: times.into(),
        lost: facts.lost(),
        unread_lines: unread.collect(),
    }
}

/// What a reader of the report has to know of a text.
fn text_notes(facts: &Facts, names: &[(IpAddr, String)]) -> Vec<String> {
    let times = match facts.times {
        Times::None => "there are no times, so nothing is said of how long anything lasted",
        Times::Instants => "",
        Times::NoZone => "times name no zone and are taken to be in that of the report",
        Times::OfDay => "times have no date and no zone",
        Times::Elapsed => "times count from the first packet",
    };
    let frames = "frame numbers are line numbers; hop limits and other header fields are known as far as it prints them";
    let mut notes =
        vec![[frames, times].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")];
    let lost = facts.examples.iter().filter(|(_, reason, _)| reason.is_loss());
    if facts.lost() > 0 {
        let lines: Vec<String> = lost.map(|(line, ..)| line.to_string()).take(8).collect();
        let more = if facts.lost() > lines.len() as u64 { " ..." } else { "" };
        notes.push(format!(
            "{} could not be read and count as dropped: line {}{more}",
            count(facts.lost(), "packet"),
            lines.join(", ")
        ));
    }
    if !facts.services.is_empty() {
        let shown: Vec<String> =
            facts.services.iter().take(20).map(|(port, name)| format!("{port} = {name}")).collect();
        notes.push(format!("port names stand in it, for which no number is known: {}", shown.join(", ")));
    }
    if !names.is_empty() {
        let shown: Vec<String> =
            names.iter().take(20).map(|(addr, name)| format!("{addr} = {name}")).collect();
        notes.push(format!("host names stand in it, for which no address is known: {}", shown.join(", ")));
    }
    notes
}

fn input(facts: &InputFacts) -> Input {
    let summary = &facts.summary;
    let compression = summary.compression.iter().map(|compression| compression.to_string());
    let compression = compression.collect::<Vec<_>>().join(" in ");
    let mut problems: Vec<_> = summary.damage.iter().map(|damage| damage.to_string()).collect();
    problems.extend(facts.trouble.iter().map(|trouble| trouble.what.clone()));
    Input {
        path: facts.path.display().to_string(),
        format: match &facts.text {
            Some(text) => format!("text of {}", text.tools.join(", ")),
            None => summary.format.into(),
        },
        compression: (!compression.is_empty()).then_some(compression),
        bytes: summary.file_bytes,
        hash: facts.hash.clone(),
        frames: summary.frames,
        first_frame: facts.first_frame,
        first: summary.times.map(|(first, _)| first.into()),
        last: summary.times.map(|(_, last)| last.into()),
        link_types: summary.links().into_iter().map(|(link, _)| link.to_string()).collect(),
        snap_length: summary.snaplen,
        drops: summary.dropped,
        problems,
        notes: (summary.tail.iter().map(|cut| cut.to_string()))
            .chain(facts.text.iter().flat_map(|text| text_notes(text, &summary.names)))
            .collect(),
        text: facts.text.as_ref().map(text_input),
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
