//! What an extract says of the capture it was taken from: findings on a connection need its service's habits, whether
//! its hosts lived on, and when the capture ended. With these, a connection is judged in the extract as it was in the
//! whole.
//!
//! It travels as comments of the section, one fact each, JSON behind a fixed word.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::folded::Folded;
use super::heard::Heard;
use super::outcome::Outcome;
use crate::findings::{CaptureFacts, HostFacts, HostHopLimits, ServiceFacts};
use crate::tcp::{Connection, LeftOut, Passed};
use crate::wire::{FlowKey, Side, Span, Stamp, Timestamp};

/// What was known around the connections of an extract, and what of them was left out.
#[derive(Clone, Debug, Default)]
pub struct Context {
    facts: Vec<Fact>,
    /// By flow, and by the time of the first segment behind the stretch.
    left_out: HashMap<(FlowKey, Timestamp), LeftOut>,
}

/// Stretches of one connection that are not in an extract.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gaps {
    ends: [SocketAddr; 2],
    /// For each: the time of the first segment behind it, and what each end sent.
    gaps: Vec<(Timestamp, [Option<Passed>; 2])>,
}

/// One fact, as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fact {
    /// The whole capture; times in nanoseconds since 1970, as everywhere here.
    Capture {
        first: Timestamp,
        last: Timestamp,
        drops: Option<u64>,
        drop_events: Vec<(Timestamp, u64)>,
        #[serde(default)]
        holes: Vec<(Timestamp, Timestamp)>,
    },
    /// A listening endpoint over all its connections.
    Service { endpoint: SocketAddr, facts: Box<ServiceFacts> },
    /// Stretches of a connection that were left out.
    LeftOut(Gaps),
    /// A host over all its connections: when it was last heard, how many FINs of it passed, and its hop limits with the
    /// number of connections that show them; the shortest silence after which it was not reached any more;
    /// and when it was known to have spoken unseen.
    Host {
        address: IpAddr,
        last: Timestamp,
        fins: u64,
        heard: Vec<(Timestamp, Timestamp)>,
        #[serde(default)]
        hop_limits: (u64, Vec<u8>),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost_after: Option<Span>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unseen: Option<Timestamp>,
    },
}

impl Context {
    /// What every comment begins with.
    const WORD: &str = "cwait-pcap context: ";
    /// So many facts are believed, and so many drops are told.
    const MOST: usize = 1_000;
    /// So many stretches are told in one comment, whose length is 16 bits.
    const GAPS: usize = 100;
    /// So many stretches are believed.
    const MOST_GAPS: usize = 20_000;

    /// What is known around some connections; `rename` is what addresses are called there.
    pub fn of<'a>(
        outcome: &Outcome,
        connections: impl Iterator<Item = (&'a Connection, Side)>,
        rename: &dyn Fn(IpAddr) -> IpAddr,
    ) -> Context {
        let capture = &outcome.capture;
        let events = capture.drop_events.iter().take(Context::MOST);
        let mut facts = vec![Fact::Capture {
            first: capture.first.at,
            last: capture.last.at,
            drops: capture.drops,
            drop_events: events.copied().collect(),
            holes: capture.holes.iter().take(Context::MOST).copied().collect(),
        }];
        let (mut services, mut hosts) = (Vec::new(), Vec::new());
        for (connection, server) in connections {
            services.push(connection.key.endpoint(server));
            hosts.extend([connection.key.lo.addr(), connection.key.hi.addr()]);
        }
        services.sort_unstable();
        services.dedup();
        hosts.sort_unstable();
        hosts.dedup();
        for service in services {
            if let Some(known) = outcome.services.get(&service) {
                let endpoint = SocketAddr::new(rename(service.addr()), service.port());
                facts.push(Fact::Service { endpoint, facts: Box::new(known.clone()) });
            }
        }
        for host in hosts {
            if let Some(known) = outcome.hosts.get(&host) {
                let heard = outcome.heard.get(&host).map(|heard| heard.stretches().to_vec());
                facts.push(Fact::Host {
                    address: rename(host),
                    last: known.last.at,
                    fins: known.fins,
                    heard: heard.unwrap_or_default(),
                    hop_limits: (known.hop_limits.connections(), known.hop_limits.iter().collect()),
                    lost_after: known.lost_after,
                    unseen: known.unseen,
                });
            }
        }
        facts.truncate(Context::MOST);
        Context { facts, left_out: HashMap::new() }
    }

    /// Adds stretches of a connection that are left out, each with the time of the first segment behind it.
    pub fn leave_out<'a>(
        &mut self,
        connection: &Connection,
        gaps: impl Iterator<Item = (Timestamp, &'a LeftOut)>,
        rename: &dyn Fn(IpAddr) -> IpAddr,
    ) {
        let ends = [connection.key.lo, connection.key.hi];
        let ends = ends.map(|end| SocketAddr::new(rename(end.addr()), end.port()));
        let gaps: Vec<_> = gaps.map(|(behind, left_out)| (behind, left_out.sides)).collect();
        let told = gaps.chunks(Context::GAPS).map(|gaps| Fact::LeftOut(Gaps { ends, gaps: gaps.to_vec() }));
        let room = Context::MOST.saturating_sub(self.facts.len());
        self.facts.extend(told.take(room));
    }

    /// As comments.
    pub fn comments(&self) -> Vec<String> {
        let json = self.facts.iter().filter_map(|fact| serde_json::to_string(fact).ok());
        json.map(|json| format!("{}{json}", Context::WORD)).collect()
    }

    /// Takes what comments tell; others are passed over.
    pub(super) fn read(&mut self, comments: &[String]) {
        let room = Context::MOST.saturating_sub(self.facts.len());
        let told = comments.iter().filter_map(|comment| comment.strip_prefix(Context::WORD));
        for fact in told.filter_map(|json| serde_json::from_str::<Fact>(json).ok()).take(room) {
            match fact {
                Fact::LeftOut(gaps) => self.note_gaps(gaps),
                fact => self.facts.push(fact),
            }
        }
    }

    fn note_gaps(&mut self, Gaps { ends: [one, other], gaps }: Gaps) {
        let (key, side) = FlowKey::of(one.into(), other.into(), 0);
        let room = Context::MOST_GAPS.saturating_sub(self.left_out.len());
        self.left_out.extend(gaps.into_iter().take(room).map(|(behind, [of_one, of_other])| {
            let sides = if side == Side::Lo { [of_one, of_other] } else { [of_other, of_one] };
            ((key, behind), LeftOut { sides })
        }));
    }

    /// Whether any stretch was left out that has not been met yet.
    #[inline]
    pub(super) fn tells_of_gaps(&self) -> bool {
        !self.left_out.is_empty()
    }

    /// What was left out before the segment of that flow and time; told once.
    pub(super) fn left_out_before(&mut self, key: &FlowKey, at: Timestamp) -> Option<LeftOut> {
        self.left_out.remove(&(FlowKey { zone: 0, ..*key }, at))
    }

    /// Puts what is known of the whole in the place of what the extract alone shows.
    pub(super) fn replace(&self, folded: &mut Folded, capture: &mut CaptureFacts) {
        for fact in &self.facts {
            match fact {
                Fact::Capture { first, last, drops, drop_events, holes } => {
                    capture.first.at = capture.first.at.min(*first);
                    capture.last.at = capture.last.at.max(*last);
                    if let Some(drops) = drops {
                        let all = capture.drops.get_or_insert(0);
                        *all = all.saturating_add(*drops);
                    }
                    capture.drop_events.extend(drop_events.iter().copied());
                    capture.drop_events.sort_unstable();
                    capture.holes.extend(holes.iter().take(Context::MOST));
                    capture.holes.sort_unstable();
                }
                Fact::Service { endpoint, facts } => {
                    let facts = ServiceFacts::clone(facts);
                    folded.services.entry((*endpoint).into()).and_modify(|own| *own = facts);
                }
                // Heeded on the way.
                Fact::LeftOut(_) => {}
                Fact::Host {
                    address,
                    last,
                    fins,
                    heard,
                    hop_limits: (connections, hop_limits),
                    lost_after,
                    unseen,
                } => {
                    folded.hosts.entry(*address).and_modify(|own| {
                        let last = Stamp { at: own.last.at.max(*last), ..own.last };
                        let hop_limits = HostHopLimits::of(*connections, hop_limits.iter().copied());
                        *own = HostFacts {
                            last,
                            fins: *fins,
                            hop_limits,
                            lost_after: *lost_after,
                            unseen: *unseen,
                        };
                    });
                    if let Some(own) = folded.heard.get_mut(address) {
                        heard.iter().take(Heard::MOST).for_each(|(from, upto)| own.add(*from, *upto));
                    }
                }
            }
        }
    }
}
