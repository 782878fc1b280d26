//! Plots: what is drawn where, and that odd numbers draw nothing odd.

use super::*;
use crate::report::*;
use crate::wire::{Span, Timestamp};

fn interval(above: Option<i64>, at_most: Option<i64>, survived: &[i64], failed: &[i64]) -> Drawing {
    let point = |&seconds: &i64| SilencePoint {
        length: Span::secs(seconds).into(),
        time: Timestamp::new(0, 0).into(),
        frame: 1,
        connection: "c".into(),
    };
    Drawing::TimerInterval(TimerInterval {
        clock: "any segment".into(),
        above: above.map(|s| Span::secs(s).into()),
        at_most: at_most.map(|s| Span::secs(s).into()),
        survived: survived.iter().map(point).collect(),
        failed: failed.iter().map(point).collect(),
        candidates: vec![Candidate {
            name: "IPVS <tcp>".into(),
            value: Span::secs(900).into(),
            source: "its manual".into(),
        }],
        chance: 0.01,
    })
}

fn curve(points: &[(i64, u64, u64)]) -> Drawing {
    let point = |&(seconds, close_wait, fin_wait_2): &(i64, u64, u64)| CurvePoint {
        time: Timestamp::new(seconds, 0).into(),
        close_wait,
        fin_wait_2,
    };
    Drawing::Curve(Curve {
        place: "192.0.2.9:8080".into(),
        points: points.iter().map(point).collect(),
        peak: points.iter().max_by_key(|(_, n, _)| *n).map_or(point(&(0, 0, 0)), point),
        growth_per_hour: Some(5.4),
        limit: Some(4),
        exceeded: None,
    })
}

fn graph(edges: &[(usize, usize)]) -> Drawing {
    let node = |name: &str| GraphNode { name: name.into(), cause: name == "c" };
    Drawing::Graph(Graph {
        nodes: ["a", "b", "c"].map(node).to_vec(),
        edges: edges
            .iter()
            .map(|&(from, to)| GraphEdge { from, to, port: 80, connections: 9, troubled: 2 })
            .collect(),
    })
}

#[test]
fn drawings() {
    let drawings = [
        interval(Some(744), Some(959), &[60, 300, 744], &[959, 1_200]),
        curve(&[(0, 0, 0), (600, 3, 1), (3_600, 10, 0)]),
        graph(&[(0, 1), (1, 2)]),
    ];
    let end = Timestamp::new(4_000, 0).into();
    let plots: Vec<String> =
        drawings.iter().map(|drawing| plot(drawing, Some(end), &Style::plain())).collect();
    insta::assert_snapshot!(plots.join("\n"));
}

#[test]
fn ports_of_the_same_two_hosts_share_a_line() {
    let drawn = |edges| plot(&graph(edges), None, &Style::plain());
    assert!(drawn(&[(0, 1)]).contains(">:80, 2 of 9 in trouble<"));
    let both = drawn(&[(0, 1), (0, 1), (1, 2)]);
    assert!(
        both.contains(">2 ports, 4 of 18 in trouble<") && both.contains(">:80, 2 of 9 in trouble<"),
        "{both}"
    );
    assert_eq!(both.matches("in trouble<").count(), 2);
}

#[test]
fn odd_numbers_draw_nothing_odd() {
    for drawing in [
        interval(None, None, &[], &[]),
        interval(None, None, &[5], &[]),
        interval(None, Some(5), &[], &[5]),
        interval(Some(0), Some(0), &[0], &[0]),
        interval(Some(i64::MAX), Some(1), &[i64::MAX, i64::MIN], &[1]),
        curve(&[]),
        curve(&[(7, 0, 0)]),
        curve(&[(7, u64::MAX, u64::MAX), (3, 1, 1)]),
        graph(&[(0, 1), (1, 0), (2, 2), (7, 9)]),
    ] {
        let svg = plot(&drawing, None, &Style::plain());
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
