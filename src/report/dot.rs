//! The endpoint graph in Graphviz's DOT: clients point at services, what is wrong is red. A host that serves and is
//! itself a client of another service is joined to it by a dotted line, so that a chain of leaks can be followed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::text::{count, number, plain};
use super::{Format, Report, Service, Severity, Style};

/// A directed graph.
pub(super) struct Dot;

/// A graph with more edges than this shows nothing; the busiest are drawn.
const EDGES: usize = 300;

#[derive(Default)]
struct Edge {
    connections: u64,
    findings: BTreeMap<String, u64>,
}

impl Format for Dot {
    fn name(&self) -> &'static str {
        "dot"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["dot", "gv"]
    }

    fn about(&self) -> &'static str {
        "who talks to which service, for Graphviz; from the listed connections"
    }

    fn write(&self, report: &Report, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        let mut edges: Vec<((String, String), Edge)> = edges(report).into_iter().collect();
        edges.sort_by_key(|(_, edge)| (edge.findings.is_empty(), u64::MAX - edge.connections));
        let left_out = edges.len().saturating_sub(EDGES);
        edges.truncate(EDGES);
        edges.sort_by(|(a, _), (b, _)| a.cmp(b));
        let clients: BTreeSet<&str> = edges.iter().map(|((client, _), _)| client.as_str()).collect();
        let mut services: BTreeMap<&str, Option<&Service>> =
            edges.iter().map(|((_, service), _)| (service.as_str(), None)).collect();
        for service in &report.services {
            if services.contains_key(service.endpoint.as_str())
                || service.owes_fin > 0
                || services.len() < EDGES
            {
                services.insert(&service.endpoint, Some(service));
            }
        }
        writeln!(out, "digraph connections {{")?;
        writeln!(out, "  graph [rankdir=LR, label={}]", quoted(&label(report, left_out)))?;
        writeln!(out, "  node [shape=box, fontname=\"sans-serif\"]")?;
        for (name, service) in &services {
            let look = look(report, name);
            writeln!(out, "  {} [label={}{look}]", quoted(name), quoted(&about(report, name, *service)))?;
            let host = name.rsplit_once(':').map_or(*name, |(host, _)| host.trim_matches(['[', ']']));
            if clients.contains(host) {
                writeln!(out, "  {} -> {} [style=dotted, arrowhead=none]", quoted(name), quoted(host))?;
            }
        }
        for client in &clients {
            let label = match report.name_of(client) {
                Some(name) => format!(", label={}", quoted(&format!("{name}\n{client}"))),
                None => String::new(),
            };
            writeln!(out, "  {} [shape=ellipse{label}]", quoted(client))?;
        }
        for ((client, service), edge) in &edges {
            let mut label = count(edge.connections, "connection");
            for (finding, n) in &edge.findings {
                label += &format!("\n{} {finding}", number(*n));
            }
            let colour = if edge.findings.is_empty() { "" } else { ", color=red" };
            writeln!(out, "  {} -> {} [label={}{colour}]", quoted(client), quoted(service), quoted(&label))?;
        }
        writeln!(out, "}}")
    }
}

fn edges(report: &Report) -> BTreeMap<(String, String), Edge> {
    let mut edges: BTreeMap<(String, String), Edge> = BTreeMap::new();
    for connection in &report.connections {
        let client = connection.client.rsplit_once(':').map_or(connection.client.as_str(), |(host, _)| host);
        let client = client.trim_matches(['[', ']']).to_owned();
        let edge = edges.entry((client, connection.server.clone())).or_default();
        edge.connections += 1;
        if let Some(finding) = &connection.finding {
            *edge.findings.entry(finding.clone()).or_default() += 1;
        }
    }
    edges
}

fn label(report: &Report, left_out: usize) -> String {
    let mut label = report.verdict.headline.clone();
    if left_out > 0 {
        label += &format!("\n{} of less traffic left out", count(left_out as u64, "edge"));
    }
    label
}

fn about(report: &Report, endpoint: &str, service: Option<&Service>) -> String {
    let mut text = report.name_of(endpoint).map_or(String::new(), |name| format!("{name}\n")) + endpoint;
    let Some(service) = service else { return text };
    text += &format!("\n{}", count(service.connections, "connection"));
    if service.owes_fin > 0 {
        text += &format!("\nowes {}", count(service.owes_fin, "FIN"));
    }
    text
}

/// The colour of the worst finding there.
fn look(report: &Report, name: &str) -> &'static str {
    let worst = report.findings.iter().filter(|finding| finding.at.name == name).map(|f| f.severity).max();
    match worst {
        Some(Severity::Error) => ", color=red, penwidth=2",
        Some(Severity::Warning) => ", color=orange, penwidth=2",
        _ => "",
    }
}

/// A DOT string: quotes and backslashes are escaped, line feeds become `\n`.
fn quoted(text: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| plain(line).replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", lines.join("\\n"))
}
