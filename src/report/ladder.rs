//! The ladder of one connection: what passed between its two ends, and in which states that left them. It is data;
//! `ladder/text.rs` draws it in characters, `html/` in SVG.
//!
//! States are those of an end that receives what it acknowledged: a FIN moves the receiver when its acknowledgment
//! was seen, as in the figures of RFC 9293 §3.6.

mod facts;
mod kept;
mod text;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Connection, Moment, Time};
pub use crate::detail::Act;
use crate::tcp::{self, State};
use crate::wire::Span;

/// Who sent something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The connecting end.
    Client,
    /// The listening end.
    Server,
}

/// A segment worth drawing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeySegment {
    /// Its frame and time; of the first, if it was sent several times. Null where only its existence is known.
    pub moment: Option<Moment>,
    /// Who sent it.
    pub from: Party,
    /// What it does.
    pub act: Act,
    /// Payload octets.
    pub payload: u64,
    /// How often it was sent.
    pub sent: u64,
    /// How many different segments it stands for.
    #[serde(default = "one")]
    pub segments: u64,
    /// The last of them, if it is not the first.
    #[serde(default)]
    pub until: Option<Moment>,
}

fn one() -> u64 {
    1
}

/// What passed between two ends, from top to bottom.
#[derive(Clone, PartialEq, Debug)]
pub struct Ladder {
    /// Address, port and name of the connecting end.
    pub client: String,
    /// Address, port and name of the listening end.
    pub server: String,
    /// The steps.
    pub rungs: Vec<Rung>,
    /// States at the end that are proven, client first, where they are fewer than the last rung shows.
    pub proven: Option<[String; 2]>,
}

/// One step, and the states it leaves both ends in.
#[derive(Clone, PartialEq, Debug)]
pub struct Rung {
    /// What happened.
    pub what: What,
    /// State of the client after it.
    pub client: Option<State>,
    /// State of the server after it.
    pub server: Option<State>,
}

/// What happened on a rung.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// A segment.
    Arrow(Arrow),
    /// A segment that should have come and did not.
    Missing(Party, String),
    /// Segments that are not drawn one by one.
    Traffic(String),
    /// Time without anything worth drawing.
    Break(Span, Pause),
}

/// A time in which nothing is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// Nothing at all passed.
    Silence,
    /// Nothing worth drawing passed.
    Later,
    /// The capture ended while something was still owed.
    ToTheEnd,
}

impl What {
    /// What a break says: `1 h 51 min later`.
    pub(super) fn pause(span: Span, pause: Pause) -> String {
        match pause {
            Pause::Silence => format!("{span} of silence"),
            Pause::Later => format!("{span} later"),
            Pause::ToTheEnd => format!("{span} until the capture ends"),
        }
    }
}

/// A segment on its way.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrow {
    /// Who sent it.
    pub from: Party,
    /// `FIN`, `ACK of FIN`, `RST`; how often, if more than once.
    pub label: String,
    /// Its frame and time, where known.
    pub moment: Option<Moment>,
}

/// A ladder has at most so many rungs; the middle is left out.
const RUNGS: usize = 64;
/// A longer time between two rungs is drawn as a break.
const BREAK: Span = Span::secs(1);

impl Ladder {
    /// The ladder of a connection: from its key segments if they were kept, else from its facts. With the end of the
    /// capture, it shows for how long a FIN has been owed.
    pub fn of(connection: &Connection, end: Option<&Time>) -> Ladder {
        let steps = facts::steps(connection);
        let mut states = States::before(connection);
        let mut rungs: Vec<Rung> = Vec::with_capacity(steps.len() + 4);
        let mut last: Option<&Time> = None;
        for (at, step) in steps.iter().enumerate() {
            if let facts::Step::Segment(segment) = step
                && let Some(moment) = &segment.moment
            {
                if let Some(length) = last.map(|last| between(last, &moment.time)) {
                    let told = matches!(rungs.last(), Some(Rung { what: What::Break(..), .. }));
                    if length >= BREAK && !told {
                        rungs.push(states.rung(What::Break(length, Pause::Later)));
                    }
                }
                last = Some(&segment.until.as_ref().unwrap_or(moment).time);
            }
            if let facts::Step::Segment(segment) = step {
                states.follow(segment, &steps[at + 1..]);
            }
            if step.owes_fin()
                && let Some(length) = last.zip(end).map(|(last, end)| between(last, end))
                && length >= BREAK
            {
                rungs.push(states.rung(What::Break(length, Pause::ToTheEnd)));
            }
            rungs.push(states.rung(step.what()));
        }
        leave_out_middle(&mut rungs);
        let (client, server) = (&connection.client_side.proven, &connection.server_side.proven);
        let shown = |state: Option<State>| state.map(|state| state.to_string());
        let agree =
            shown(states.client).as_ref() == Some(client) && shown(states.server).as_ref() == Some(server);
        Ladder {
            client: named(&connection.client, &connection.client_name),
            server: named(&connection.server, &connection.server_name),
            rungs,
            proven: (!agree).then(|| [client.clone(), server.clone()]),
        }
    }
}

impl Party {
    /// The other one.
    pub fn peer(self) -> Party {
        match self {
            Party::Client => Party::Server,
            Party::Server => Party::Client,
        }
    }
}

impl KeySegment {
    /// A segment without payload, sent so often.
    fn sent(sent: u64, act: Act, from: Party, moment: Option<Moment>) -> KeySegment {
        KeySegment { moment, from, act, payload: 0, sent, segments: 1, until: None }
    }

    pub(super) fn label(&self) -> String {
        let mut label = match self.act {
            Act::Syn => "SYN".to_owned(),
            Act::SynAck => "SYN, ACK".to_owned(),
            Act::Ack => "ACK".to_owned(),
            Act::Data => super::text::octets(self.payload),
            Act::Fin => "FIN".to_owned(),
            Act::FinAndAck => "FIN, ACK of FIN".to_owned(),
            Act::AckOfFin => "ACK of FIN".to_owned(),
            Act::DataFin => "DATA_FIN".to_owned(),
            Act::AckOfDataFin => "ACK of DATA_FIN".to_owned(),
            Act::Rst => "RST".to_owned(),
            Act::KeepAlive => "keep-alive".to_owned(),
            Act::WindowProbe => "window probe".to_owned(),
            Act::ZeroWindow => "zero window".to_owned(),
            Act::Others => format!("{} more", super::text::count(self.segments, "segment")),
        };
        if self.segments > 1 && self.act == Act::Data {
            label += &format!(" in {}", super::text::count(self.segments, "segment"));
        }
        if self.sent > 1 {
            label += &format!(", {}", super::text::times(self.sent));
            let lasted = self.moment.as_ref().zip(self.until.as_ref());
            if let Some(span) = lasted.map(|(first, last)| between(&first.time, &last.time))
                && span >= BREAK
            {
                label += &format!(" in {span}");
            }
        }
        label
    }
}

/// The states of both ends while the ladder is climbed; none where the beginning was not captured and nothing has
/// shown it yet.
struct States {
    client: Option<State>,
    server: Option<State>,
}

impl States {
    fn before(connection: &Connection) -> States {
        let state = |fresh| Some(if connection.midstream { State::Established } else { fresh });
        States { client: state(State::Closed), server: state(State::Listen) }
    }

    fn rung(&self, what: What) -> Rung {
        Rung { what, client: self.client, server: self.server }
    }

    fn follow(&mut self, segment: &KeySegment, later: &[facts::Step]) {
        let party = segment.from;
        // Whoever hears anything after SYN-RECEIVED has its SYN acknowledged.
        if !matches!(segment.act, Act::Syn | Act::SynAck) {
            self.moves(party.peer(), tcp::Event::SynAcked);
        }
        match segment.act {
            Act::Syn => {
                self.moves(party, tcp::Event::SendsSyn);
                self.moves(party.peer(), tcp::Event::ReceivesSyn);
            }
            Act::SynAck => self.moves(party.peer(), tcp::Event::ReceivesSynAck),
            Act::Fin | Act::FinAndAck => {
                if segment.act == Act::FinAndAck {
                    self.moves(party.peer(), tcp::Event::FinAcked);
                }
                self.moves(party, tcp::Event::SendsFin);
                let heard = |step: &facts::Step| {
                    matches!(step, facts::Step::Segment(s)
                    if s.from == party.peer() && matches!(s.act, Act::AckOfFin | Act::FinAndAck))
                };
                if later.iter().any(heard) {
                    self.moves(party.peer(), tcp::Event::ReceivesFin);
                }
            }
            Act::AckOfFin => self.moves(party.peer(), tcp::Event::FinAcked),
            Act::Rst => {
                self.moves(party, tcp::Event::Reset);
                self.moves(party.peer(), tcp::Event::Reset);
            }
            // States are those of the subflow.
            Act::DataFin | Act::AckOfDataFin => {}
            Act::Ack | Act::Data | Act::KeepAlive | Act::WindowProbe | Act::ZeroWindow | Act::Others => {}
        }
    }

    fn moves(&mut self, party: Party, event: tcp::Event) {
        let state = match party {
            Party::Client => &mut self.client,
            Party::Server => &mut self.server,
        };
        if let Some(next) = state.and_then(|state| state.next(event)) {
            *state = Some(next);
        }
    }
}

fn named(end: &str, name: &Option<String>) -> String {
    name.as_ref().map_or_else(|| end.to_owned(), |name| format!("{end} ({name})"))
}

fn between(earlier: &Time, later: &Time) -> Span {
    later.0 - earlier.0
}

fn leave_out_middle(rungs: &mut Vec<Rung>) {
    if rungs.len() <= RUNGS {
        return;
    }
    let gone = rungs.len() - RUNGS + 1;
    let from = RUNGS / 2;
    let label = format!("{} steps left out", super::text::number(gone as u64));
    let states = rungs[from + gone - 1].clone();
    rungs.splice(from..from + gone, [Rung { what: What::Traffic(label), ..states }]);
}
