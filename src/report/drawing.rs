//! What a finding over many connections can draw, as the report carries it: a timer's interval with its witnesses, a
//! curve over time, a graph of hosts. All lists are bounded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Length, Time};
use crate::patterns::{self, TimerClock};

/// Data behind a finding, for plots.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Drawing {
    /// A timer on the path: silences survived and failed, and the interval between them.
    TimerInterval(TimerInterval),
    /// Sockets waiting at one place, over time.
    Curve(Curve),
    /// Who depends on whom.
    Graph(Graph),
}

/// A timer: longer than the longest silence survived, at most the shortest that failed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TimerInterval {
    /// What keeps it from expiring: `any segment`, `payload`, `client`, `server`; `any segment after a FIN`.
    pub clock: String,
    /// Above this; null if no silence was survived, or if no single timer fits.
    pub above: Option<Length>,
    /// At most this; null if no single timer fits.
    pub at_most: Option<Length>,
    /// Silences survived, longest first, the longest of each connection; at most 400.
    pub survived: Vec<SilencePoint>,
    /// Silences that failed, shortest first; at most 400.
    pub failed: Vec<SilencePoint>,
    /// Known defaults inside the interval: candidates, never a conclusion.
    pub candidates: Vec<Candidate>,
    /// How likely chance alone puts survivors and failures in this order.
    pub chance: f64,
}

/// One silence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SilencePoint {
    /// How long it was.
    pub length: Length,
    /// When it ended.
    pub time: Time,
    /// The frame that ended it.
    pub frame: u64,
    /// Of which connection.
    pub connection: String,
}

/// A known default timer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The product or program.
    pub name: String,
    /// The default.
    pub value: Length,
    /// Where it is documented.
    pub source: String,
}

/// Sockets of one place in CLOSE-WAIT and FIN-WAIT-2, as `netstat` there would have counted them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// Endpoint or host.
    pub place: String,
    /// Counts from each moment on; at most 400.
    pub points: Vec<CurvePoint>,
    /// The most in CLOSE-WAIT.
    pub peak: CurvePoint,
    /// What stayed, per hour; null where the capture is too short to tell.
    pub growth_per_hour: Option<f64>,
    /// The limit asked for.
    pub limit: Option<u64>,
    /// When it was first exceeded.
    pub exceeded: Option<Time>,
}

/// The counts from a moment on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Since when.
    pub time: Time,
    /// In CLOSE-WAIT.
    pub close_wait: u64,
    /// In FIN-WAIT-2.
    pub fin_wait_2: u64,
}

/// Hosts, and who connects to whom.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Graph {
    /// Hosts.
    pub nodes: Vec<GraphNode>,
    /// Who connects to whom; at most 400.
    pub edges: Vec<GraphEdge>,
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GraphNode {
    /// Its address.
    pub name: String,
    /// It is the likely root of the trouble.
    pub cause: bool,
}

/// The connections of one host to a port of another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GraphEdge {
    /// The connecting host, as an index into the nodes.
    pub from: usize,
    /// The serving host.
    pub to: usize,
    /// The port.
    pub port: u16,
    /// Connections.
    pub connections: u64,
    /// Those with a finding that is no note.
    pub troubled: u64,
}

impl Drawing {
    /// `id` names a connection by its place in the outcome.
    pub(super) fn of(data: &patterns::Data, id: &dyn Fn(usize) -> String) -> Drawing {
        match data {
            patterns::Data::Interval(interval) => Drawing::TimerInterval(timer(interval, id)),
            patterns::Data::Curve(curve) => Drawing::Curve(Curve {
                place: curve.place.clone(),
                points: curve.points.iter().map(point).collect(),
                peak: point(&curve.peak),
                growth_per_hour: curve.growth_per_hour,
                limit: curve.limit.map(|(limit, _)| limit),
                exceeded: curve.limit.and_then(|(_, when)| when).map(Time::from),
            }),
            patterns::Data::Graph(graph) => Drawing::Graph(Graph {
                nodes: (graph.nodes.iter())
                    .map(|node| GraphNode { name: node.name.clone(), cause: node.cause })
                    .collect(),
                edges: (graph.edges.iter())
                    .map(|edge| {
                        let patterns::GraphEdge { from, to, port, connections, troubled } = *edge;
                        GraphEdge { from, to, port, connections, troubled }
                    })
                    .collect(),
            }),
        }
    }
}

fn timer(interval: &patterns::TimerInterval, id: &dyn Fn(usize) -> String) -> TimerInterval {
    let silence = |point: &patterns::SilencePoint| SilencePoint {
        length: point.span.into(),
        time: point.at.into(),
        frame: point.frame,
        connection: id(point.member),
    };
    let clock = match interval.clock {
        TimerClock::Any => "any segment",
        TimerClock::Payload => "payload",
        TimerClock::FromClient => "client",
        TimerClock::FromServer => "server",
        TimerClock::AfterFin => "any segment after a FIN",
    };
    TimerInterval {
        clock: clock.into(),
        above: interval.above.map(Length::from),
        at_most: interval.at_most.map(Length::from),
        survived: interval.survived.iter().map(silence).collect(),
        failed: interval.failed.iter().map(silence).collect(),
        candidates: (interval.candidates.iter())
            .map(|timeout| Candidate {
                name: timeout.name.clone(),
                value: timeout.value.into(),
                source: timeout.source.clone(),
            })
            .collect(),
        chance: interval.chance,
    }
}

fn point(point: &patterns::CurvePoint) -> CurvePoint {
    CurvePoint { time: point.at.into(), close_wait: point.close_wait, fin_wait_2: point.fin_wait_2 }
}
