//! Hosts in columns, those who are only asked to the right; a line between two with how many connections are in trouble.

use std::collections::BTreeMap;

use super::{Canvas, WIDTH};
use crate::report::text::{count, number};
use crate::report::{Graph, GraphEdge};

/// A larger graph is left to DOT.
const HOSTS: usize = 24;
/// Columns: chains are short.
const COLUMNS: usize = 4;
const ROW: f64 = 46.0;
const BOX: f64 = 160.0;
/// A longer name loses its middle.
const NAME: usize = 23;

pub(super) fn draw(graph: &Graph) -> Option<String> {
    let hosts = graph.nodes.len();
    if hosts == 0 || hosts > HOSTS {
        return None;
    }
    let edges: Vec<&GraphEdge> = graph
        .edges
        .iter()
        .filter(|edge| edge.from < hosts && edge.to < hosts && edge.from != edge.to)
        .collect();
    // Longest way from anybody who is not asked; circles end with the columns.
    let mut column = vec![0; hosts];
    for _ in 1..COLUMNS {
        for edge in &edges {
            column[edge.to] = column[edge.to].max(column[edge.from] + 1).min(COLUMNS - 1);
        }
    }
    let used = column.iter().max().map_or(1, |most| most + 1);
    let mut rows = [0; COLUMNS];
    let places: Vec<(f64, f64)> = column
        .iter()
        .map(|&column| {
            let row = rows[column];
            rows[column] += 1;
            let gap = if used > 1 { (WIDTH - BOX) / (used - 1) as f64 } else { 0.0 };
            (column as f64 * gap, 8.0 + row as f64 * ROW)
        })
        .collect();
    let height = 8.0 + rows.iter().max().copied().unwrap_or(1) as f64 * ROW;
    let cause: Vec<&str> =
        graph.nodes.iter().filter(|node| node.cause).map(|node| node.name.as_str()).collect();
    let root = match cause.is_empty() {
        true => String::new(),
        false => format!("; the likely root: {}", cause.join(", ")),
    };
    let words = format!("{} and who connects to whom{root}", count(hosts as u64, "host"));
    let mut canvas = Canvas::new(height, &words);
    // Ports of the same two hosts share a line.
    let mut ways: BTreeMap<(usize, usize), Vec<&GraphEdge>> = BTreeMap::new();
    for edge in &edges {
        ways.entry((edge.from, edge.to)).or_default().push(edge);
    }
    for ((from, to), ports) in ways {
        let ((x1, y1), (x2, y2)) = (places[from], places[to]);
        let all =
            |of: fn(&GraphEdge) -> u64| ports.iter().fold(0, |sum: u64, edge| sum.saturating_add(of(edge)));
        let (troubled, connections) = (all(|edge| edge.troubled), number(all(|edge| edge.connections)));
        let class = if troubled > 0 { "edge troubled" } else { "edge" };
        canvas.line(class, (x1 + BOX, y1 + 12.0), (x2, y2 + 12.0));
        let head = if troubled > 0 { "tip troubled" } else { "tip" };
        canvas.dot(head, x2 - 4.0, y2 + 12.0);
        let ports = match ports[..] {
            [only] => format!(":{}", only.port),
            _ => count(ports.len() as u64, "port"),
        };
        let label = match troubled {
            0 => format!("{ports}, {connections}"),
            troubled => format!("{ports}, {} of {connections} in trouble", number(troubled)),
        };
        canvas.say("axis middle", (x1 + BOX + x2) / 2.0, (y1 + y2) / 2.0 + 6.0, &label);
    }
    for (node, (x, y)) in graph.nodes.iter().zip(&places) {
        canvas.rect(if node.cause { "host cause" } else { "host" }, *x, *y, BOX, 24.0);
        canvas.say("axis middle", x + BOX / 2.0, y + 16.0, &shortened(&node.name));
    }
    Some(canvas.done())
}

fn shortened(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= NAME {
        return name.to_owned();
    }
    let half = (NAME - 1) / 2;
    let [head, tail] =
        [&chars[..half], &chars[chars.len() - half..]].map(|part| part.iter().collect::<String>());
    format!("{head}\u{2026}{tail}")
}
