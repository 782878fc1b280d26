//! Which connection of one vantage point is which of another.
//!
//! Addresses and ports name a connection only until a box translates them, initial sequence numbers only until a box
//! rewrites them. Each link says what it rests on, and how sure that is.

use std::collections::HashMap;

use super::End;
use super::trace::Numbering;
use crate::analysis::Outcome;
use crate::findings::{Certainty, Roles};
use crate::tcp::Connection;
use crate::wire::{FlowKey, SeqNum, Side};

/// What a match rests on; the weakest last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum How {
    /// Addresses, ports and initial sequence numbers.
    Numbers,
    /// Both initial sequence numbers; addresses or ports are translated.
    Isns,
    /// Addresses and ports; its start was not captured everywhere, its later numbers agree.
    Addresses,
    /// Sequence and acknowledgment numbers of single segments; addresses or ports are translated.
    Sequence,
    /// Addresses, ports, and the timestamps option or where payload ends; sequence numbers are rewritten.
    Renumbered,
    /// The timestamps option and payload lengths; addresses and sequence numbers are both rewritten.
    Stamps,
    /// The client's initial sequence number alone; addresses or ports are translated.
    ClientIsn,
    /// The server's initial sequence number alone; addresses or ports are translated.
    ServerIsn,
}

impl How {
    /// All, the strongest first.
    pub const ALL: [How; 8] = [
        How::Numbers,
        How::Isns,
        How::Addresses,
        How::Sequence,
        How::Renumbered,
        How::Stamps,
        How::ClientIsn,
        How::ServerIsn,
    ];

    /// In words that complete "matched by".
    pub fn words(self) -> &'static str {
        match self {
            How::Numbers => "addresses, ports and initial sequence numbers",
            How::Isns => "both initial sequence numbers, through address translation",
            How::Addresses => "addresses, ports and sequence numbers",
            How::Sequence => "sequence and acknowledgment numbers, through address translation",
            How::Renumbered => {
                "addresses, ports, and timestamps or payload lengths, through rewritten sequence numbers"
            }
            How::Stamps => {
                "the timestamps option and payload lengths, through translated addresses and rewritten sequence numbers"
            }
            How::ClientIsn => "the client's initial sequence number, through address translation",
            How::ServerIsn => {
                "the server's initial sequence number, through address translation and rewritten numbers of the client"
            }
        }
    }

    /// How sure it is that both are the same connection.
    pub fn certainty(self) -> Certainty {
        match self {
            How::Numbers | How::Isns | How::Addresses | How::Sequence => Certainty::Certain,
            How::Renumbered | How::Stamps | How::ClientIsn | How::ServerIsn => Certainty::Likely,
        }
    }

    /// Whether addresses or ports differ.
    pub fn is_translated(self) -> bool {
        matches!(self, How::Isns | How::Sequence | How::Stamps | How::ClientIsn | How::ServerIsn)
    }

    /// Whether only segments can confirm it.
    pub(super) fn is_guess(self) -> bool {
        matches!(self, How::Addresses | How::Renumbered)
    }
}

/// A connection at one vantage point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its place in [`Outcome::connections`].
    pub which: usize,
    /// How its numbers become those of the first member.
    pub numbering: Numbering,
}

/// One connection, wherever it was captured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shared {
    /// By vantage point, as given.
    pub members: Vec<Option<Member>>,
    /// What the weakest of its links rests on; none if it was seen at one place only.
    pub how: Option<How>,
}

impl Shared {
    /// The places that show it.
    pub fn seen_at(&self) -> impl Iterator<Item = usize> + '_ {
        self.members.iter().enumerate().filter_map(|(at, member)| member.map(|_| at))
    }

    /// Whether two places or more show it.
    pub fn is_shared(&self) -> bool {
        self.seen_at().nth(1).is_some()
    }

    fn first(&self) -> (usize, Member) {
        let first = self.members.iter().enumerate().find_map(|(at, member)| Some((at, (*member)?)));
        first.expect("a connection was seen somewhere")
    }

    pub(super) fn link(&mut self, at: usize, member: Member, how: How) {
        self.members[at] = Some(member);
        self.how = self.how.max(Some(how));
    }

    /// Who is client is what a place says that has seen the handshake, if there is one.
    pub(super) fn settle_roles(&mut self, outcomes: &[&Outcome]) {
        let turned = self.members.iter().zip(outcomes).any(|(member, outcome)| {
            member.is_some_and(|member| {
                let roles = outcome.connections[member.which].roles;
                !roles.assumed && roles.client != member.numbering.client
            })
        });
        if turned {
            for member in self.members.iter_mut().flatten() {
                let Numbering { client, shift: [a, b] } = member.numbering;
                member.numbering = Numbering { client: client.peer(), shift: [b, a] };
            }
        }
    }
}

/// What facts alone can tell, the surest first.
const BY_FACTS: [How; 6] =
    [How::Numbers, How::Isns, How::Addresses, How::Renumbered, How::ClientIsn, How::ServerIsn];

/// Matches by what the facts of connections tell. What is left over has one member each.
pub(super) fn by_facts(outcomes: &[&Outcome]) -> Vec<Shared> {
    let mut all: Vec<Shared> = Vec::new();
    for (at, outcome) in outcomes.iter().enumerate() {
        let mut left: Vec<usize> = (0..outcome.connections.len()).collect();
        for how in BY_FACTS {
            if at == 0 {
                break;
            }
            let mut index: HashMap<Name, Vec<usize>> = HashMap::new();
            for (group, shared) in all.iter().enumerate().filter(|(_, shared)| shared.members[at].is_none()) {
                let (place, member) = shared.first();
                let judged = &outcomes[place].connections[member.which];
                if let Some(name) = name(how, &judged.connection, judged.roles) {
                    index.entry(name).or_default().push(group);
                }
            }
            left.retain(|&which| {
                let judged = &outcome.connections[which];
                let Some(name) = name(how, &judged.connection, judged.roles) else { return true };
                let Some(candidates) = index.get_mut(&name) else { return true };
                let agrees = |group: &usize| {
                    let (place, member) = all[*group].first();
                    let other = &outcomes[place].connections[member.which].connection;
                    joins(how, other, &member.numbering, &judged.connection, judged.roles)
                };
                let fitting: Vec<_> =
                    candidates.iter().filter_map(|group| Some((*group, agrees(group)?))).collect();
                // Ports may have been used again: the first that is free is the next in time.
                let chosen = match how {
                    How::ClientIsn | How::ServerIsn | How::Isns if fitting.len() > 1 => None,
                    _ => fitting.first().copied(),
                };
                let Some((group, numbering)) = chosen else { return true };
                candidates.retain(|candidate| *candidate != group);
                all[group].link(at, Member { which, numbering }, how);
                false
            });
        }
        for which in left {
            let judged = &outcome.connections[which];
            let numbering = Numbering { client: judged.roles.client, shift: [0; 2] };
            let mut members = vec![None; outcomes.len()];
            members[at] = Some(Member { which, numbering });
            all.push(Shared { members, how: None });
        }
    }
    all
}

/// What candidates have in common.
#[derive(PartialEq, Eq, Hash)]
enum Name {
    Flow(FlowKey),
    Isns(SeqNum, SeqNum),
    Isn(SeqNum),
}

fn name(how: How, connection: &Connection, roles: Roles) -> Option<Name> {
    let isn = |side| connection.isn(side);
    Some(match how {
        How::Isns => Name::Isns(isn(roles.client)?, isn(roles.server())?),
        How::ClientIsn => Name::Isn(isn(roles.client)?),
        How::ServerIsn => Name::Isn(isn(roles.server())?),
        _ => Name::Flow(FlowKey { zone: 0, ..connection.key }),
    })
}

/// Whether a connection may be the same as one that is known, and how its numbers become the known ones.
fn joins(
    how: How,
    known: &Connection,
    numbering: &Numbering,
    connection: &Connection,
    roles: Roles,
) -> Option<Numbering> {
    let translated = how.is_translated();
    let client = if translated { roles.client } else { numbering.client };
    let here = Numbering { client, shift: [0; 2] };
    let (isns, known_isns) = (here.isns(connection), numbering.isns(known));
    let both = |end: End| Some((known_isns[end.index()]?, isns[end.index()]?));
    let shift = |end: End| both(end).map(|(known, own)| (own - known) as u32);
    let agree = End::BOTH.into_iter().filter_map(shift).all(|shift| shift == 0);
    let count = End::BOTH.into_iter().filter_map(both).count();
    let fits = match how {
        How::Numbers => count > 0 && agree,
        How::Isns | How::ClientIsn | How::ServerIsn => true,
        How::Addresses => count == 0 && near(known, connection),
        How::Renumbered => count > 0 && !agree,
        How::Sequence | How::Stamps => false,
    };
    let shift = End::BOTH.map(|end| shift(end).unwrap_or(0));
    fits.then_some(Numbering { client, shift })
}

/// Whether the numbers that each side reached do not contradict that both are one connection.
fn near(a: &Connection, b: &Connection) -> bool {
    /// One capture may have gone on for so many octets without the other.
    const FAR: u32 = 1 << 30;
    Side::BOTH.into_iter().all(|side| {
        let (a, b) = (&a.halves[side.index()], &b.halves[side.index()]);
        !a.has_seq() || !b.has_seq() || (a.nxt - b.nxt).unsigned_abs() < FAR
    })
}
