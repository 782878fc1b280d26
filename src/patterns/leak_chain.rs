//! `leak-chain`: a service that does not close because its own upstream hangs. The graph of hosts says who waits for
//! whom; the deepest is the likely cause, all others are symptoms.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};
use petgraph::visit::EdgeRef;

use super::data::{Data, Graph, GraphEdge, GraphNode};
use super::proxy_legs::{Paired, proxy_legs};
use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::analysis::Judged;
use crate::findings::words::{count, thousands};
use crate::findings::{Cause, Certainty, Severity, Words, is_owed};
use crate::wire::{Span, Stamp, Timestamp};

pub(super) struct LeakChain;

/// So many hosts in front of one that hangs are told, with a drawing each; there may be any number, and each is looked at
/// with all of its upstreams.
const TOLD: usize = 20;
/// A chain is followed over so many hosts.
const DEEPEST: usize = 16;

/// What says that the serving side hangs, or is not reached any more.
const HANGS: [&str; 11] = [
    "missing-fin",
    "missing-data-fin",
    "late-fin",
    "no-answer",
    "dead-after-idle",
    "reset-after-idle",
    "client-gave-up",
    "zero-window-stall",
    "unacked-data",
    "unacked-fin",
    "syn-unanswered",
];

/// The connections of one host to one port of another.
#[derive(Clone, Default)]
pub(super) struct Leg {
    port: u16,
    connections: u64,
    /// Those that hang, with the moment from which they did, in order of time.
    pub(super) troubled: Vec<(usize, Stamp)>,
}

/// By client, server and port.
pub(super) type Legs = BTreeMap<(IpAddr, IpAddr, u16), Leg>;

type Hosts = DiGraph<IpAddr, Leg>;

impl Pattern for LeakChain {
    fn name(&self) -> &'static str {
        "leak-chain"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        // The graph has a place for every connection of a flood, of which nobody owes anything.
        if !scene.outcome.connections.iter().any(owes_fin) {
            return Vec::new();
        }
        let (hosts, paired) = graph(scene);
        let behind = first_trouble_behind(&hosts);
        let fronts = hosts.edge_indices().filter(|&edge| leaks(scene, &hosts[edge]));
        let mut told: HashSet<NodeIndex> = HashSet::new();
        let (mut findings, mut edges) = (Vec::new(), None);
        for front in fronts {
            let Some((_, host)) = hosts.edge_endpoints(front) else { continue };
            // One of its upstreams that hung before the last of its own did.
            let last = hosts[front].troubled.last().map(|(_, since)| since.at);
            if behind.get(&host).is_none_or(|first| Some(*first) > last) || !told.insert(host) {
                continue;
            }
            if told.len() > TOLD {
                continue;
            }
            let Some(chain) = chain(&hosts, host, &hosts[front]) else { continue };
            let pairing = paired.iter().find(|pair| pair.serves_as == hosts[host]);
            let edges = edges.get_or_insert_with(|| worst_edges(&hosts));
            findings.push(self.finding(scene, &hosts, front, &chain, pairing, edges));
        }
        if let (Some(last), Some(more @ 1..)) = (findings.last_mut(), told.len().checked_sub(TOLD)) {
            let left_out =
                format!("not told: {} in front of one that hangs", count(more as u64, "more host"));
            last.against.push(left_out);
        }
        findings
    }
}

impl LeakChain {
    fn finding(
        &self,
        scene: &Scene<'_>,
        hosts: &Hosts,
        front: EdgeIndex,
        chain: &[EdgeIndex],
        pairing: Option<&Paired>,
        edges: &[EdgeIndex],
    ) -> PatternFinding {
        let target = |edge: EdgeIndex| {
            let addr = hosts.edge_endpoints(edge).map(|(_, to)| hosts[to]);
            addr.map_or(String::new(), |addr| std::net::SocketAddr::new(addr, hosts[edge].port).to_string())
        };
        let symptom = target(front);
        let deepest = chain.last().copied().unwrap_or(front);
        let (cause, leg) = (target(deepest), &hosts[deepest]);
        let way: Vec<String> = std::iter::once(front).chain(chain.iter().copied()).map(target).collect();
        let mut members: Vec<usize> = hosts[front].troubled.iter().map(|(member, _)| *member).collect();
        members.extend(chain.iter().flat_map(|&edge| hosts[edge].troubled.iter().map(|(member, _)| *member)));
        let mut evidence = Vec::new();
        for (edge, what) in [(front, "in front"), (deepest, "behind")] {
            if let Some(&(member, since)) = hosts[edge].troubled.first() {
                let name = scene.judged(member).verdict.primary().map_or("waits", |finding| finding.name);
                evidence.push((member, since, format!("{what}, {}: {name}", target(edge))));
            }
        }
        PatternFinding {
            fact: Certainty::Possible,
            cause: Some(Cause {
                what: "the host",
                certainty: Certainty::Possible,
                because: std::iter::once(format!(
                    "{} hung first, on {} of {} connections looked at",
                    cause,
                    thousands(leg.troubled.len() as u64),
                    thousands(leg.connections)
                ))
                .chain(pairing.map(Paired::because))
                .collect(),
            }),
            members,
            words: Words {
                headline: format!("{symptom} leaks while its own upstream {cause} hangs"),
                says: format!(
                    "{symptom} owes {}, and at the same time its host waits for {cause} on {} ({}). The one \
                     in front is then a symptom: ask at {cause} first.",
                    count(hosts[front].troubled.len() as u64, "FIN"),
                    count(leg.troubled.len() as u64, "connection"),
                    way.join(" -> "),
                ),
                advice: vec![format!(
                    "A time limit on the calls to {cause} lets {symptom} give up and close; why {cause} hangs is to be found \
                     there."
                )],
                next: Vec::new(),
            },
            against: vec![
                "which request behind belongs to which in front is not on the wire; times and numbers agree"
                    .into(),
                "what lies behind the last host was not captured".into(),
            ],
            since: hosts[deepest].troubled.first().map(|(_, since)| since.at),
            evidence,
            data: Some(Data::Graph(drawing(hosts, deepest, edges))),
            ..PatternFinding::at(self.name(), Severity::Warning, "service", cause.clone())
        }
    }
}

/// Hosts by address, connected by what was kept of their connections; and what is taken for two addresses of one proxy.
fn graph(scene: &Scene<'_>) -> (Hosts, Vec<Paired>) {
    let mut legs = Legs::new();
    // A box that translates addresses waits for nobody: behind it is the same connection once more.
    let translated: HashSet<usize> = scene.copies.iter().map(|&[_, again]| again).collect();
    for (member, judged) in scene.outcome.connections.iter().enumerate() {
        if translated.contains(&member) {
            continue;
        }
        let (client, service) = scene.path(member);
        let port = service.port();
        let leg =
            legs.entry((client, service.addr(), port)).or_insert_with(|| Leg { port, ..Leg::default() });
        leg.connections += 1;
        if let Some(since) = hangs(scene, judged) {
            leg.troubled.push((member, since));
        }
    }
    let fronts = legs.iter().filter(|(_, leg)| leaks(scene, leg));
    let paired = proxy_legs(scene, fronts, &legs);
    let names: HashMap<IpAddr, IpAddr> = paired.iter().map(|pair| (pair.asks_as, pair.serves_as)).collect();
    let host = |addr: IpAddr| names.get(&addr).copied().unwrap_or(addr);
    let mut hosts = Hosts::new();
    let mut nodes: BTreeMap<IpAddr, NodeIndex> = BTreeMap::new();
    for ((client, server, _), mut leg) in legs {
        leg.troubled.sort_unstable_by_key(|(_, since)| (since.at, since.frame));
        let [from, to] =
            [host(client), server].map(|addr| *nodes.entry(addr).or_insert_with(|| hosts.add_node(addr)));
        hosts.add_edge(from, to, leg);
    }
    (hosts, paired)
}

/// Since when the serving side hangs: it owes its FIN or an answer, or is out of reach.
fn hangs(scene: &Scene<'_>, judged: &Judged) -> Option<Stamp> {
    if let Some(finding) = judged.verdict.primary()
        && HANGS.contains(&finding.name)
    {
        // What the client owes is no fault of its upstream.
        let by_client = finding.side == Some(judged.roles.client) && finding.name.ends_with("-fin");
        return if by_client { None } else { finding.since };
    }
    // A request that is still waiting.
    let asked = judged.waits_since().filter(|&asked| scene.end() - asked >= Span::secs(10))?;
    Some(Stamp { at: asked, frame: judged.connection.first.frame })
}

/// A service that owes FINs.
fn leaks(scene: &Scene<'_>, leg: &Leg) -> bool {
    leg.troubled.iter().any(|(member, _)| owes_fin(scene.judged(*member)))
}

fn owes_fin(judged: &Judged) -> bool {
    judged.verdict.primary().is_some_and(|finding| is_owed(finding.name) || finding.name == "late-fin")
}

/// Of each host, when the first of its upstreams hung.
fn first_trouble_behind(hosts: &Hosts) -> HashMap<NodeIndex, Timestamp> {
    let mut first = HashMap::new();
    for edge in hosts.edge_references().filter(|edge| edge.source() != edge.target()) {
        if let Some((_, since)) = edge.weight().troubled.first() {
            let known = first.entry(edge.source()).or_insert(since.at);
            *known = since.at.min(*known);
        }
    }
    first
}

/// From a host down to the deepest one that hangs, each step having begun before the last trouble of the step in front;
/// every host once, so that circles end.
fn chain(hosts: &Hosts, host: NodeIndex, front: &Leg) -> Option<Vec<EdgeIndex>> {
    let mut seen = HashSet::from([host]);
    let mut chain = Vec::new();
    let (mut at, mut leg) = (host, front);
    while chain.len() < DEEPEST {
        let last = leg.troubled.last().map(|(_, since)| since.at);
        let next = hosts
            .edges(at)
            .filter(|edge| !seen.contains(&edge.target()))
            .filter(|edge| edge.weight().troubled.first().is_some_and(|(_, since)| Some(since.at) <= last))
            .max_by_key(|edge| edge.weight().troubled.len());
        let Some(edge) = next else { break };
        seen.insert(edge.target());
        chain.push(edge.id());
        (at, leg) = (edge.target(), edge.weight());
    }
    (!chain.is_empty()).then_some(chain)
}

/// The troubled edges first, then the busiest: as many as can be drawn.
fn worst_edges(hosts: &Hosts) -> Vec<EdgeIndex> {
    let mut edges: Vec<_> = hosts.edge_references().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.weight().troubled.len(), edge.weight().connections)));
    edges.truncate(Graph::EDGES);
    edges.into_iter().map(|edge| edge.id()).collect()
}

fn drawing(hosts: &Hosts, deepest: EdgeIndex, edges: &[EdgeIndex]) -> Graph {
    let cause = hosts.edge_endpoints(deepest).map(|(_, to)| to);
    let mut nodes: Vec<NodeIndex> = Vec::new();
    let mut place: BTreeMap<NodeIndex, usize> = BTreeMap::new();
    let mut index = |node: NodeIndex| {
        *place.entry(node).or_insert_with(|| {
            nodes.push(node);
            nodes.len() - 1
        })
    };
    let edges = edges
        .iter()
        .filter_map(|&edge| {
            let (source, target) = hosts.edge_endpoints(edge)?;
            let leg = &hosts[edge];
            Some(GraphEdge {
                from: index(source),
                to: index(target),
                port: leg.port,
                connections: leg.connections,
                troubled: leg.troubled.len() as u64,
            })
        })
        .collect();
    let nodes =
        nodes.into_iter().map(|node| GraphNode { name: hosts[node].to_string(), cause: Some(node) == cause });
    Graph { nodes: nodes.collect(), edges }
}
