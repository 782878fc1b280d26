//! The judgement over a whole capture.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use super::context::Context;
use super::correlate::{Evidence, Joined};
use super::folded::{By, Folded, Totals};
use super::heard::Heard;
use super::lane::is_only_summed_up;
use super::roles::Cast;
use super::run::InputFacts;
use super::{Options, threads};
use crate::decode::{FragmentCounts, Skips};
use crate::findings::{self, CaptureFacts, Case, Graces, HostFacts, Roles, ServiceFacts, Verdict};
use crate::tcp::{Closure, Connection, Ending, EndpointState, Numbers, replay};
#[cfg(test)]
use crate::wire::Stamp;
use crate::wire::{Endpoint, FlowKey, Side, Span, Timestamp};

/// A connection with everything derived from its facts.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The facts. Boxed: what is judged then takes the room that the table gives back at the same time, and is not copied
    /// about while lists of it grow.
    pub connection: Box<Connection>,
    /// Who is who.
    pub roles: Roles,
    /// States of both sides, by [`Side::index`].
    pub states: [EndpointState; 2],
    /// How it ended.
    pub closure: Closure,
    /// What the rules say.
    pub verdict: Verdict,
}

impl Judged {
    /// Our own name for the connection: the same in every run over the same packets.
    pub fn id(&self) -> String {
        format!("{:08x}", short_id(&self.connection))
    }

    /// Whether it says something about others: it was silent, has begun to close, or waits for an answer at the end.
    fn is_witness(&self, end: Timestamp) -> bool {
        let closing = Side::BOTH.into_iter().any(|side| self.connection.fin(side).is_some());
        self.connection.silences().is_some()
            || closing && !self.connection.closed_by_both()
            || self.waits_since().is_some_and(|asked| end - asked >= Judged::WAITS)
    }

    /// Who waits as long as that for an answer may wait for ever.
    const WAITS: Span = Span::secs(3);

    /// When the client asked what was not answered yet.
    pub fn waits_since(&self) -> Option<Timestamp> {
        let [asker, answerer] =
            [self.roles.client, self.roles.server()].map(|side| &self.connection.halves[side.index()]);
        (asker.spoke_last(answerer) && !self.connection.is_over()).then_some(asker.last_payload_at)
    }

    /// Whether it is worth listing: found or undecided.
    pub fn is_flagged(&self) -> bool {
        !self.verdict.findings.is_empty() || !self.verdict.undecided.is_empty()
    }
}

/// Our own name for the connection between these ends that began then.
pub fn connection_id(ends: [Endpoint; 2], first: Timestamp) -> String {
    let (key, _) = FlowKey::of(ends[0], ends[1], 0);
    format!("{:08x}", short_id_of(&key, first))
}

pub(super) fn short_id(connection: &Connection) -> u32 {
    short_id_of(&connection.key, connection.first.at)
}

/// 32 bits of a hash over addresses, ports and the time of the first frame.
fn short_id_of(key: &FlowKey, first: Timestamp) -> u32 {
    let mut hasher = blake3::Hasher::new();
    for side in Side::BOTH {
        let endpoint = key.endpoint(side);
        hasher.update(&endpoint.octets());
        hasher.update(&endpoint.port().to_be_bytes());
    }
    hasher.update(&first.0.to_be_bytes());
    let hash = hasher.finalize();
    u32::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1], hash.as_bytes()[2], hash.as_bytes()[3]])
}

/// Frames by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames {
    /// TCP segments.
    pub tcp: u64,
    /// Everything else, by reason.
    pub skips: Skips,
    /// IP fragments.
    pub fragments: FragmentCounts,
    /// Connections only summed up, for the memory limit.
    pub given_up: u64,
    /// Connections whose service or host is not among those told apart, for the same.
    pub unplaced: u64,
}

/// Everything known at the end.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Connections with findings, undecided ones and witnesses, or all that were kept if all are asked for; by first frame.
    pub connections: Vec<Judged>,
    /// Services by endpoint.
    pub services: By<Endpoint, ServiceFacts>,
    /// Services of which no handshake was seen.
    pub assumed_services: HashSet<Endpoint>,
    /// Hosts by address.
    pub hosts: By<IpAddr, HostFacts>,
    /// When each host was heard.
    pub heard: By<IpAddr, Heard>,
    /// Counts over all connections.
    pub totals: Totals,
    /// The capture as a whole.
    pub capture: CaptureFacts,
    /// Frames by what became of them.
    pub frames: Frames,
    /// When waiting becomes owing.
    pub grace: Graces,
    /// The files, in time order.
    pub inputs: Vec<InputFacts>,
    /// What the hosts themselves say.
    pub evidence: std::sync::Arc<Evidence>,
    /// How that joins with the connections.
    pub joined: Joined,
}

/// What an analysis has summed up on its way.
#[derive(Clone, Default)]
pub(super) struct Sums {
    pub(super) folded: Folded,
    pub(super) capture: CaptureFacts,
    pub(super) frames: Frames,
}

/// What all connections say together, before any of them is judged.
///
/// Judging goes over all connections twice. The second time each can be let go as soon as it is judged, so that memory
/// never holds more than the facts themselves.
pub(super) struct Survey<'o> {
    outcome: Outcome,
    cast: Cast,
    options: &'o Options,
}

/// What came of judging a share of all connections.
#[derive(Default)]
struct Share {
    /// Those that are told of.
    listed: Vec<Judged>,
    one_direction: u64,
}

impl<'o> Survey<'o> {
    /// The first time over all of them.
    pub(super) fn new<'a, I>(
        sums: Sums,
        context: &Context,
        options: &'o Options,
        each: impl Fn() -> I,
    ) -> Self
    where
        I: Iterator<Item = &'a Connection>,
    {
        let Sums { mut folded, mut capture, mut frames } = sums;
        let all = || each().filter(|connection| options.select.takes(connection));
        let known = folded.services.keys().copied().collect::<Vec<_>>();
        let mut servers = options.servers.clone();
        servers.extend(options.evidence.listeners());
        let cast = Cast::new(&servers, &options.serving, known, all());
        let joined = options.evidence.join(all(), capture.first.at);
        let mut assumed_services = HashSet::new();
        for connection in all() {
            let roles = cast.roles(connection);
            folded.add(connection, roles, Ending::of(connection, roles.client));
            let service = connection.key.endpoint(roles.server());
            if roles.assumed && !cast.is_listening(&service) && folded.services.contains_key(&service) {
                assumed_services.insert(service);
            }
        }
        frames.unplaced = folded.unplaced;
        context.replace(&mut folded, &mut capture);
        let outcome = Outcome {
            connections: Vec::new(),
            services: folded.services,
            assumed_services,
            hosts: folded.hosts,
            heard: folded.heard,
            totals: folded.totals,
            capture,
            frames,
            grace: options.grace.clone(),
            inputs: Vec::new(),
            evidence: std::sync::Arc::clone(&options.evidence),
            joined,
        };
        Survey { outcome, cast, options }
    }

    /// The second time: each judged in the light of all, on all threads. Streams have the numbers their lanes gave until the
    /// end.
    pub(super) fn judge<I>(self, shares: Vec<I>, numbers: &Numbers) -> Outcome
    where
        I: Iterator<Item = Connection> + Send,
    {
        let Survey { mut outcome, cast, options } = self;
        let threads = threads::worth(options.threads, outcome.totals.connections);
        let shares = threads::each(threads, shares, |share| outcome.judge_share(share, &cast, options));
        outcome.connections.reserve_exact(shares.iter().map(|share| share.listed.len()).sum());
        for share in shares {
            outcome.totals.one_direction += share.one_direction;
            outcome.connections.extend(share.listed);
        }
        // Keys apart: what is moved at each step of sorting is large.
        outcome.connections.sort_by_cached_key(|judged| judged.connection.first.frame);
        let Totals { slowest_close, longest_silence, .. } = &mut outcome.totals;
        let longest =
            [slowest_close, longest_silence].into_iter().flatten().map(|longest| &mut longest.stream);
        let listed = outcome.connections.iter_mut().map(|judged| &mut judged.connection.stream);
        numbers.resolve(longest.chain(listed));
        outcome
    }
}

impl Outcome {
    /// Of connections made by a test, in a capture from the epoch to `end`.
    #[cfg(test)]
    pub(crate) fn of(connections: Vec<Connection>, end: Timestamp) -> Outcome {
        let last = Stamp { at: end, frame: u64::MAX };
        let capture = CaptureFacts { last, frames: 1, ..CaptureFacts::default() };
        let sums = Sums { capture, ..Sums::default() };
        Survey::new(sums, &Context::default(), &Options::default(), || connections.iter())
            .judge(vec![connections.iter().cloned()], &Numbers::default())
    }

    fn judge_share(&self, share: impl Iterator<Item = Connection>, cast: &Cast, options: &Options) -> Share {
        let mut judged_all = Share::default();
        for connection in share.filter(|connection| options.select.takes(connection)) {
            if is_only_summed_up(&connection, options) {
                continue;
            }
            let judged = self.judge_one(connection, cast);
            judged_all.one_direction +=
                u64::from(judged.verdict.findings.iter().any(|finding| finding.name == "one-direction"));
            if options.keep_all || judged.is_flagged() || judged.is_witness(self.capture.last.at) {
                judged_all.listed.push(judged);
            }
        }
        judged_all
    }

    fn judge_one(&self, connection: Connection, cast: &Cast) -> Judged {
        let roles = cast.roles(&connection);
        let mut judged = Judged {
            states: Side::BOTH.map(|side| replay(&connection, side)),
            closure: Closure::of(&connection, roles.client),
            roles,
            connection: Box::new(connection),
            verdict: Verdict::default(),
        };
        judged.verdict = findings::judge(&self.case(&judged));
        judged
    }

    /// The connection in its surroundings, as rules see it.
    pub fn case<'a>(&'a self, judged: &'a Judged) -> Case<'a> {
        static UNKNOWN: LazyLock<(ServiceFacts, HostFacts)> = LazyLock::new(Default::default);
        let (no_service, no_host) = &*UNKNOWN;
        let key = &judged.connection.key;
        let host = |side: Side| self.hosts.get(&key.endpoint(side).addr()).unwrap_or(no_host);
        Case {
            connection: &judged.connection,
            roles: judged.roles,
            states: &judged.states,
            closure: &judged.closure,
            service: self.services.get(&key.endpoint(judged.roles.server())).unwrap_or(no_service),
            hosts: Side::BOTH.map(host),
            capture: &self.capture,
            grace: self.grace.at(key.endpoint(judged.roles.server())),
            host: self.evidence.of(judged, &self.joined, self.capture.last.at),
        }
    }
}
