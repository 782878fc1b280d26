//! Who talks to whom: the hosts of the listed connections, those in trouble first.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::plots::plot;
use super::{Page, text};
use crate::report::text::count;
use crate::report::{Drawing, Graph, GraphEdge, GraphNode, Listed, Report, Severity};

/// More hosts would be a thicket; the others are counted.
const HOSTS: usize = 20;

impl Page<'_> {
    pub(super) fn endpoints(&mut self) {
        let (graph, left_out) = graph(self.report);
        if graph.edges.is_empty() {
            return;
        }
        self.section("endpoints", "Who talks to whom");
        let which = if self.report.connections_listed == Listed::Flagged { "flagged " } else { "listed " };
        let total = count(self.report.connections.len() as u64, &format!("{which}connection"));
        self.put(format!("<p class=\"left-out\">From {}.</p>\n", text(&total)));
        self.put(plot(&Drawing::Graph(graph), None, self.style));
        if left_out > 0 {
            let hosts = count(left_out as u64, "host");
            self.put(format!("<p class=\"left-out\">{hosts} with fewer connections are not drawn.</p>\n"));
        }
        self.end_section();
    }
}

/// The graph, and how many hosts are not in it.
fn graph(report: &Report) -> (Graph, usize) {
    let serious: BTreeSet<&str> = (report.findings.iter())
        .filter(|finding| finding.weight() > Some(Severity::Note))
        .map(|finding| finding.name.as_str())
        .collect();
    // Connections and those in trouble, by client, server and port.
    let mut edges: BTreeMap<(String, String, u16), (u64, u64)> = BTreeMap::new();
    for c in &report.connections {
        let (Ok(client), Ok(server)) = (c.client.parse::<SocketAddr>(), c.server.parse::<SocketAddr>())
        else {
            continue;
        };
        let key = (client.ip().to_string(), server.ip().to_string(), server.port());
        let (all, troubled) = edges.entry(key).or_default();
        *all += 1;
        *troubled += u64::from(c.finding.as_deref().is_some_and(|finding| serious.contains(finding)));
    }
    let mut order: Vec<_> = edges.into_iter().collect();
    order.sort_by_key(|(_, (all, troubled))| std::cmp::Reverse((*troubled, *all)));
    let mut graph = Graph { nodes: Vec::new(), edges: Vec::new() };
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut left_out = BTreeSet::new();
    for ((client, server, port), (connections, troubled)) in order {
        let fresh = [&client, &server].into_iter().filter(|host| !places.contains_key(*host)).count();
        if graph.nodes.len() + fresh > HOSTS {
            left_out.extend([client, server].into_iter().filter(|host| !places.contains_key(host)));
            continue;
        }
        let mut place = |host: String| {
            *places.entry(host.clone()).or_insert_with(|| {
                let name = report.name_of(&host).map_or_else(|| host.clone(), str::to_owned);
                graph.nodes.push(GraphNode { name, cause: false });
                graph.nodes.len() - 1
            })
        };
        let (from, to) = (place(client), place(server));
        graph.edges.push(GraphEdge { from, to, port, connections, troubled });
    }
    left_out.retain(|host| !places.contains_key(host));
    (graph, left_out.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Connection;
    use crate::report::sample::{sample, stuck};

    #[test]
    fn hosts_in_trouble_come_first_and_the_others_are_counted() {
        let mut report = sample();
        report.host_names.clear();
        let from = |n: usize, finding: Option<&str>| Connection {
            client: format!("198.51.100.{n}:40000"),
            finding: finding.map(str::to_owned),
            ..stuck()
        };
        report.connections = (1..=30).map(|n| from(n, (n == 30).then_some("missing-fin"))).collect();
        let (graph, left_out) = graph(&report);
        assert_eq!((graph.nodes.len(), graph.edges.len(), left_out), (HOSTS, HOSTS - 1, 30 - (HOSTS - 1)));
        assert_eq!(graph.nodes[graph.edges[0].from].name, "198.51.100.30");
        assert_eq!((graph.edges[0].troubled, graph.edges[1].troubled), (1, 0));
    }
}
