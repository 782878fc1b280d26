//! Wire types of one connection as all vantage points saw it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Act, Certainty, Moment, Party, Time};

/// One connection as all vantage points saw it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ComparedConnection {
    /// Its name at the first vantage point that shows it.
    pub id: String,
    /// As each vantage point shows it, from the client to the server.
    pub seen: Vec<SeenAt>,
    /// What the match rests on; null if one vantage point alone shows it.
    pub matched_by: Option<String>,
    /// How sure the match is.
    pub certainty: Option<Certainty>,
    /// What happened to it, by name.
    pub findings: Vec<String>,
    /// The verdicts of single vantage points, and what the others make of them.
    pub verdicts: Vec<RuledVerdict>,
    /// Segments that one vantage point shows and its neighbour does not.
    pub fates: Vec<SegmentFate>,
    /// What was changed in its segments.
    pub changes: Vec<String>,
    /// Its segments worth drawing, in order of time.
    pub ladder: Vec<LadderRow>,
}

/// A connection at one vantage point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SeenAt {
    /// The vantage point.
    pub at: usize,
    /// Our own name for it there; null if it is not seen there though it should be.
    pub id: Option<String>,
    /// Wireshark's stream number there.
    pub stream: Option<u32>,
    /// The client's address and port there.
    pub client: Option<String>,
    /// The server's.
    pub server: Option<String>,
    /// Its main finding there.
    pub finding: Option<String>,
}

/// A verdict and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RuledVerdict {
    /// The vantage point whose verdict it is.
    pub at: usize,
    /// The finding.
    pub finding: String,
    /// The vantage point could not tell by itself whether it is so.
    pub was_undecided: bool,
    /// `client` or `server`.
    pub end: Party,
    /// `confirmed`, `overturned` or `cannot tell`.
    pub ruling: String,
    /// How sure that is; `possible` where it cannot be told.
    pub certainty: Certainty,
    /// Why.
    pub says: String,
}

/// A segment that one vantage point shows and its neighbour does not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SegmentFate {
    /// Whose address it bears.
    pub from: Party,
    /// What it does.
    pub act: Act,
    /// Payload octets.
    pub payload: u32,
    /// `lost`, `made between` or `cannot tell`.
    pub fate: String,
    /// Between these vantage points, the one nearer to its sender first.
    pub between: [usize; 2],
    /// The one of them that shows it.
    pub shown_at: usize,
    /// How often that one shows it.
    pub sent: u32,
    /// How often of these the other one does not.
    pub missing: u32,
    /// The first time it is missing.
    pub first: Moment,
    /// The last time.
    pub last: Moment,
    /// Why it cannot be told.
    pub why: Option<String>,
}

/// A segment on its way along the path, or several alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LadderRow {
    /// Whose address it bears.
    pub from: Party,
    /// What it does.
    pub act: Act,
    /// In words: `FIN, 6 times`.
    pub label: String,
    /// When it was first seen, by the clock of the first vantage point.
    pub time: Time,
    /// When the last of them was.
    pub until: Time,
    /// Its frame at each vantage point, in the order of [`ComparedConnection::seen`].
    pub frames: Vec<Option<u64>>,
    /// It did not come through to the next vantage point in its direction.
    pub lost: Option<Told>,
    /// It does not come from the vantage point before.
    pub born: Option<Told>,
}

/// Whether something can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It can.
    Certain,
    /// It cannot.
    CannotTell,
}

impl ComparedConnection {
    /// `10.1.0.9:40000 > 10.1.0.7:80`, and what translation made of it.
    pub(super) fn ends(&self) -> String {
        let mut told: Vec<String> = Vec::new();
        for seen in &self.seen {
            if let (Some(client), Some(server)) = (&seen.client, &seen.server) {
                let ends = format!("{client} > {server}");
                if told.last() != Some(&ends) {
                    told.push(ends);
                }
            }
        }
        told.join(", then ")
    }
}
