//! What hosts say of themselves, in the report: the files that were read, who holds a socket, the lines that prove it.
//! Wire types and their making.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::UnreadLine;
use super::text::count;
use crate::analysis::{Judged, Outcome};
use crate::findings::{self, Case, Log, OrderDoubt, OrderJoin};
use crate::sockets::{Listing, Snapshot};
use crate::wire::{FlowKey, Span};

/// A file of a host's own records.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostRecord {
    /// As given.
    pub path: String,
    /// `sockets` or `trace`.
    pub kind: String,
    /// What was read of it, in a sentence; of a log also how its clock runs against the capture's.
    pub says: String,
    /// Lines that could not be read.
    pub unread: u64,
    /// The first of them.
    pub unread_lines: Vec<UnreadLine>,
}

/// What the last listing says of one end of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Whose end: `client` or `server`.
    pub side: String,
    /// The state of the socket (RFC 9293).
    pub state: String,
    /// Name of the program; null if the listing does not tell or nobody holds the socket.
    pub name: Option<String>,
    /// Process id.
    pub pid: Option<u32>,
    /// Descriptor.
    pub fd: Option<u32>,
    /// User, by name or number.
    pub user: Option<String>,
    /// The listing names the owners of sockets, and nobody holds this one.
    pub nobody: bool,
    /// Octets in the receive queue.
    pub recv_q: Option<u64>,
    /// Octets in the send queue.
    pub send_q: Option<u64>,
}

/// A line of a host's own record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// Its text, shortened.
    pub text: String,
}

impl From<&findings::Proof> for Quote {
    fn from(proof: &findings::Proof) -> Quote {
        Quote { file: proof.file.clone(), line: proof.line, text: proof.text.clone() }
    }
}

/// Every process that holds an end of the connection, the client's first; an end that nobody holds has one entry.
pub(super) fn processes(judged: &Judged, case: &Case<'_>) -> Vec<Process> {
    let mut all = Vec::new();
    for side in [judged.roles.client, judged.roles.server()] {
        let listed = case.listed(side);
        let Some(last) = listed.last() else { continue };
        let socket = last.socket;
        let user = socket.user.as_deref().map(str::to_owned).or(socket.uid.map(|uid| uid.to_string()));
        let entry = |owner: Option<&crate::sockets::Process>| Process {
            side: judged.roles.name(side).into(),
            state: socket.state.to_string(),
            name: owner.and_then(|owner| owner.name.as_deref()).map(str::to_owned),
            pid: owner.and_then(|owner| owner.pid),
            fd: owner.and_then(|owner| owner.fd),
            user: user.clone(),
            nobody: listed.owners().is_some_and(<[_]>::is_empty),
            recv_q: socket.recv_q,
            send_q: socket.send_q,
        };
        match listed.owners() {
            Some(owners) if !owners.is_empty() => all.extend(owners.iter().map(|owner| entry(Some(owner)))),
            _ => all.push(entry(None)),
        }
    }
    all
}

/// The files, and what came of them.
pub(super) fn records(outcome: &Outcome) -> Vec<HostRecord> {
    let evidence = &outcome.evidence;
    let mut all: Vec<HostRecord> = evidence
        .listings()
        .iter()
        .map(|listing| {
            let mut formats: Vec<&str> = listing.snapshots.iter().map(|snapshot| snapshot.format).collect();
            formats.retain(|format| !format.is_empty());
            formats.dedup();
            formats.truncate(4);
            let undated = listing.snapshots.iter().filter(|snapshot| snapshot.at.is_none()).count() as u64;
            let undated = match undated {
                0 => String::new(),
                n => {
                    format!("; {} without a date, compared with the end of the capture", count(n, "snapshot"))
                }
            };
            HostRecord {
                path: listing.name.to_string(),
                kind: "sockets".into(),
                says: format!(
                    "{}, {} in {}{undated}{}",
                    formats.join(", "),
                    count(listing.counts.sockets, "socket"),
                    count(listing.snapshots.len() as u64, "snapshot"),
                    misdated(outcome, listing).unwrap_or_default(),
                ),
                unread: listing.counts.unread,
                unread_lines: (listing.unread.iter().take(5))
                    .map(|unread| UnreadLine { line: unread.line, text: unread.text.to_string() })
                    .collect(),
            }
        })
        .collect();
    all.extend(evidence.logs(&outcome.joined).map(|log| {
        HostRecord {
            path: log.facts.log.name.clone(),
            kind: "trace".into(),
            says: trace_says(&log),
            unread: log.facts.log.unread,
            unread_lines: (log.facts.log.unread_examples.iter())
                .map(|(line, text)| UnreadLine {
                    line: u32::try_from(*line).unwrap_or(u32::MAX),
                    text: text.clone(),
                })
                .collect(),
        }
    }));
    all
}

/// Where every snapshot lies far outside the capture and yet shows its connections: the host's zone or clock may differ.
fn misdated(outcome: &Outcome, listing: &Listing) -> Option<String> {
    const FAR: Span = Span::secs(600);
    let (begin, end) = (outcome.capture.first.at, outcome.capture.last.at);
    let distance = |snapshot: &Snapshot| {
        let at = snapshot.at?;
        Some(if at < begin { begin - at } else { at - end })
    };
    let nearest = listing.snapshots.iter().filter_map(distance).min()?;
    let sockets = listing.snapshots.iter().flat_map(|snapshot| &snapshot.sockets);
    let ends = sockets
        .filter_map(|socket| Some((socket.local.as_ref()?.endpoint()?, socket.peer.as_ref()?.endpoint()?)));
    let shown = ends.map(|(own, peer)| FlowKey::of(own, peer, 0).0).any(|key| outcome.joined.has(&key));
    let early = listing.snapshots.iter().filter_map(|snapshot| snapshot.at).all(|at| at < begin);
    let way = if early { "before the capture begins" } else { "after the capture ends" };
    (nearest >= FAR && shown).then(|| {
        format!("; made {nearest} {way}, yet it shows its connections: if the host's zone differs, say so with --tz")
    })
}

fn trace_says(log: &Log<'_>) -> String {
    let facts = log.facts;
    let clock = match log.clock {
        Some(clock) if clock.ahead.0.abs() < Span::millis(1).0 && clock.drift == 0 => {
            format!("its clock agrees with the capture's ({})", count(clock.events as u64, "event"))
        }
        Some(clock) => {
            let (way, by) = if clock.ahead < Span::ZERO {
                ("behind", Span(-clock.ahead.0))
            } else {
                ("ahead of", clock.ahead)
            };
            let drift = match clock.drift / 1_000 {
                0 => String::new(),
                ppm if ppm > 0 => format!(" and gains {ppm} ppm"),
                ppm => format!(" and loses {} ppm", -ppm),
            };
            format!(
                "its clock is {by} {way} the capture's{drift} ({}); corrected",
                count(clock.events as u64, "event")
            )
        }
        None => {
            "its clock cannot be compared with the capture's: nothing is concluded from the order of the two"
                .into()
        }
    };
    let order: String = log.order.iter().map(|order| format!("; {}", order_says(order))).collect();
    format!(
        "{}, {}, {}, of which {} read the end of the stream and were not closed; {clock}{order}",
        facts.log.format,
        count(facts.log.calls, "call"),
        count(facts.lives, "socket"),
        facts.eof_not_closed.len(),
    )
}

/// What came of accepts that name no peer.
fn order_says(order: &OrderJoin) -> String {
    let accepts = |n: u64| format!("{} without a peer's address", count(n, "accept"));
    match *order {
        OrderJoin::Joined { service, connections } => {
            format!("{}, joined with the connections of {service} by their order alone", accepts(connections))
        }
        OrderJoin::Refused { accepts: n, why } => {
            let why = match why {
                OrderDoubt::LogIncomplete => "the log lacks calls".to_owned(),
                OrderDoubt::SeveralListeners => {
                    "several sockets listen, and the log does not say where".to_owned()
                }
                OrderDoubt::SeveralServices => "several services of the capture fit".to_owned(),
                OrderDoubt::NoService => "no service of the capture fits".to_owned(),
                OrderDoubt::Counts { connections } => {
                    format!("the capture shows {}", count(connections, "handshake"))
                }
                OrderDoubt::Contradicted => "in their order they tell what the wire denies".to_owned(),
            };
            format!("{} not joined: {why}", accepts(n))
        }
    }
}

/// Connections of the capture that stand in the records.
pub(super) fn joined(outcome: &Outcome) -> u64 {
    outcome.joined.connections() as u64
}
