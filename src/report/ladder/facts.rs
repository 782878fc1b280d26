//! What there is to draw of a connection: its key segments, or what its facts say must have passed.

use super::{Act, Arrow, KeySegment, Party, Pause, What};
use crate::report::text::{count, octets};
use crate::report::{Connection, Endpoint, Moment};

/// One thing to draw.
pub(super) enum Step {
    /// A segment.
    Segment(KeySegment),
    /// Anything else.
    Other(What),
}

/// What stands on the arrow of a FIN that is owed.
const NO_FIN: &str = "no FIN passed here";
/// The same of a DATA_FIN.
const NO_DATA_FIN: &str = "no DATA_FIN passed here";

impl Step {
    /// A FIN or DATA_FIN that should have come.
    pub(super) fn owes_fin(&self) -> bool {
        matches!(self, Step::Other(What::Missing(_, label)) if label == NO_FIN || label == NO_DATA_FIN)
    }

    pub(super) fn what(&self) -> What {
        match self {
            Step::Segment(segment) if segment.act == Act::Others => {
                let payload = match segment.payload {
                    0 => String::new(),
                    payload => format!(", {}", octets(payload)),
                };
                What::Traffic(segment.label() + &payload)
            }
            Step::Segment(segment) => What::Arrow(Arrow {
                from: segment.from,
                label: segment.label(),
                moment: segment.moment.clone(),
            }),
            Step::Other(what) => what.clone(),
        }
    }
}

/// Everything to draw, from top to bottom.
pub(super) fn steps(c: &Connection) -> Vec<Step> {
    let mut steps: Vec<Step> = if c.key_segments.is_empty() {
        let mut steps = opening(c);
        steps.extend(traffic(c));
        steps.extend(closing(c).into_iter().map(Step::Segment));
        steps
    } else {
        let kept = c.key_segments.iter().cloned().map(Step::Segment);
        began_before(c).into_iter().chain(kept).collect()
    };
    steps.extend(missing(c));
    steps
}

fn opening(c: &Connection) -> Vec<Step> {
    let segment = |act, from, moment| Step::Segment(KeySegment::sent(1, act, from, moment));
    // Zeek's letters: capitals are the client's.
    let seen = |letter| c.history.contains(letter);
    let mut steps = Vec::new();
    steps.extend(began_before(c));
    if !c.midstream && seen('S') {
        steps.push(segment(Act::Syn, Party::Client, Some(c.first.clone())));
    }
    if seen('h') {
        steps.push(segment(Act::SynAck, Party::Server, None));
    }
    steps
}

fn began_before(c: &Connection) -> Option<Step> {
    c.midstream.then(|| Step::Other(What::Traffic("began before the capture".into())))
}

fn traffic(c: &Connection) -> Option<Step> {
    if c.payload() == 0 {
        return None;
    }
    let (client, server) = (octets(c.client_side.payload), octets(c.server_side.payload));
    let segments = count(c.segments(), "segment");
    Some(Step::Other(What::Traffic(format!("{client} > < {server}, {segments}"))))
}

/// FINs, their acknowledgments, RSTs and each side's last word, in time order.
fn closing(c: &Connection) -> Vec<KeySegment> {
    let mut all: Vec<KeySegment> = Vec::new();
    for (party, side) in sides(c) {
        let peer = side_of(c, party.peer());
        let mut push = |act, from, moment: &Moment, sent| {
            all.push(KeySegment::sent(sent, act, from, Some(moment.clone())));
        };
        if let Some(fin) = &side.fin {
            // A FIN in the very frame that acknowledges the peer's is one segment.
            let also_ack = peer.fin.as_ref().and_then(|fin| fin.acked.as_ref()).map(|acked| acked.frame);
            let act = if also_ack == Some(fin.first.frame) { Act::FinAndAck } else { Act::Fin };
            push(act, party, &fin.first, fin.sent);
            let answer = peer.fin.as_ref().map(|fin| fin.first.frame);
            if let Some(acked) = fin.acked.as_ref().filter(|acked| Some(acked.frame) != answer) {
                push(Act::AckOfFin, party.peer(), acked, 1);
            }
        }
        if let Some(rst) = &side.rst {
            push(Act::Rst, party, rst, 1);
        }
    }
    for (party, side) in sides(c) {
        let told = all.iter().filter_map(|s| s.moment.as_ref()).map(|m| m.frame).max().unwrap_or(0);
        if let Some(last) = side.last.as_ref().filter(|last| last.frame > told && told > 0) {
            let act = if side.keepalives > 0 { Act::KeepAlive } else { Act::Ack };
            all.push(KeySegment::sent(side.keepalives.max(1), act, party, Some(last.clone())));
        }
    }
    all.sort_by_key(|segment| segment.moment.as_ref().map(|moment| moment.frame));
    all
}

/// What should have come: a FIN that is owed, the answer after a silence.
fn missing(c: &Connection) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(silence) = &c.silence_failed {
        let silence = silence.0;
        let last_spoke = |side: &Endpoint| side.last.as_ref().map_or(0, |last| last.frame);
        let speaker = if last_spoke(&c.client_side) >= last_spoke(&c.server_side) {
            Party::Client
        } else {
            Party::Server
        };
        let side = side_of(c, speaker);
        if c.key_segments.is_empty() {
            steps.push(Step::Other(What::Break(silence, Pause::Silence)));
        }
        if side.rst.is_none() && side_of(c, speaker.peer()).rst.is_none() {
            if c.key_segments.is_empty() {
                let sent = side.retransmissions.max(side.keepalives) + 1;
                steps.push(Step::Segment(KeySegment::sent(sent, Act::Ack, speaker, side.last.clone())));
            }
            steps.push(Step::Other(What::Missing(speaker.peer(), "no answer".into())));
        }
    }
    let reset = c.client_side.rst.is_some() || c.server_side.rst.is_some();
    for (party, side) in sides(c) {
        let peer_fin_acked = side_of(c, party.peer()).fin.as_ref().is_some_and(|fin| fin.acked.is_some());
        let name = match party {
            Party::Client => "client",
            Party::Server => "server",
        };
        let owes_data_fin =
            [c.finding.as_deref(), c.side.as_deref()] == [Some("missing-data-fin"), Some(name)];
        if owes_data_fin && !reset {
            steps.push(Step::Other(What::Missing(party, NO_DATA_FIN.into())));
        } else if side.fin.is_none() && peer_fin_acked && !reset {
            steps.push(Step::Other(What::Missing(party, NO_FIN.into())));
        }
    }
    steps
}

fn sides(c: &Connection) -> [(Party, &Endpoint); 2] {
    [(Party::Client, &c.client_side), (Party::Server, &c.server_side)]
}

fn side_of(c: &Connection, party: Party) -> &Endpoint {
    match party {
        Party::Client => &c.client_side,
        Party::Server => &c.server_side,
    }
}
