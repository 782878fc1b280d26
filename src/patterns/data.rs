//! What a pattern can draw: the timer's interval with its witnesses, a curve over time, a graph of hosts. All bounded.

use crate::knowledge::timeouts::Timeout;
use crate::wire::{Span, Timestamp};

/// One of the drawings.
#[derive(Clone, PartialEq, Debug)]
pub enum Data {
    /// A timer on the path.
    Interval(TimerInterval),
    /// Sockets in a state over time.
    Curve(Curve),
    /// Who depends on whom.
    Graph(Graph),
}

/// What keeps a timer from expiring, seen from the two roles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimerClock {
    /// Any segment in either direction.
    Any,
    /// Payload in either direction: keep-alives do not count.
    Payload,
    /// Whatever the client sends.
    FromClient,
    /// Whatever the server sends.
    FromServer,
    /// Any segment once a FIN has passed.
    AfterFin,
}

/// A timer between two hosts: longer than the longest silence survived, at most the shortest that failed.
#[derive(Clone, PartialEq, Debug)]
pub struct TimerInterval {
    /// What it counts.
    pub clock: TimerClock,
    /// Above this; none if no silence was survived.
    pub above: Option<Span>,
    /// At most this; none if no single timer explains what was seen.
    pub at_most: Option<Span>,
    /// Silences survived, the longest of each connection, longest first; at most [`TimerInterval::POINTS`].
    pub survived: Vec<SilencePoint>,
    /// Silences that failed, shortest first; at most [`TimerInterval::POINTS`].
    pub failed: Vec<SilencePoint>,
    /// Known defaults inside the interval.
    pub candidates: Vec<&'static Timeout>,
    /// How likely chance puts survivors and failures in this order.
    pub chance: f64,
}

impl TimerInterval {
    /// At most so many silences of each kind are listed.
    pub const POINTS: usize = 400;
}

/// One silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SilencePoint {
    /// Its length.
    pub span: Span,
    /// When it ended.
    pub at: Timestamp,
    /// Of which connection, by its place in the outcome.
    pub member: usize,
    /// The frame that ended it.
    pub frame: u64,
}

/// Sockets of one place in a state over time, as `netstat` there would have counted them.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Where.
    pub place: String,
    /// Changes, in time order; at most [`Curve::POINTS`], the highest of each stretch kept.
    pub points: Vec<CurvePoint>,
    /// The most in CLOSE-WAIT, and since when.
    pub peak: CurvePoint,
    /// Net growth over the capture; none where it is too short to tell.
    pub growth_per_hour: Option<f64>,
    /// The limit asked for, and when it was first exceeded.
    pub limit: Option<(u64, Option<Timestamp>)>,
}

impl Curve {
    /// At most so many points.
    pub const POINTS: usize = 400;
}

/// The count from this moment on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CurvePoint {
    /// Since when.
    pub at: Timestamp,
    /// Had received a FIN, acknowledged it, and not sent their own.
    pub close_wait: u64,
    /// Had sent a FIN that was acknowledged, and not received one.
    pub fin_wait_2: u64,
}

/// Hosts and services, and who connects to whom.
#[derive(Clone, PartialEq, Debug)]
pub struct Graph {
    /// Hosts and services.
    pub nodes: Vec<GraphNode>,
    /// Who connects to whom.
    pub edges: Vec<GraphEdge>,
}

impl Graph {
    /// At most so many edges.
    pub const EDGES: usize = 400;
}

/// A host with its services.
#[derive(Clone, PartialEq, Debug)]
pub struct GraphNode {
    /// Its address.
    pub name: String,
    /// It is the likely root of the trouble.
    pub cause: bool,
}

/// Connections of one host to a service of another.
#[derive(Clone, PartialEq, Debug)]
pub struct GraphEdge {
    /// Index of the connecting host in [`Graph::nodes`].
    pub from: usize,
    /// Index of the serving host.
    pub to: usize,
    /// The port.
    pub port: u16,
    /// Connections looked at.
    pub connections: u64,
    /// Those of them with a finding that is no note.
    pub troubled: u64,
}
