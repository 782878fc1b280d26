//! What an extract says of the capture it was taken from: findings on a connection need its service's habits, whether
//! its hosts lived on, and when the capture ended. With these, a connection is judged in the extract as it was in the
//! whole.
//!
//! It travels as comments of the section, one fact each, JSON behind a fixed word.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::folded::Folded;
use super::heard::Heard;
use super::outcome::Outcome;
use crate::findings::{CaptureFacts, HostFacts, ServiceFacts};
use crate::tcp::Connection;
use crate::wire::{Side, Stamp, Timestamp};

/// What was known around the connections of an extract.
#[derive(Clone, Debug, Default)]
pub struct Context {
    facts: Vec<Fact>,
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
    /// A host over all its connections: when it was last heard, and how many FINs of it passed.
    Host { address: IpAddr, last: Timestamp, fins: u64, heard: Vec<(Timestamp, Timestamp)> },
}

impl Context {
    /// What every comment begins with.
    const WORD: &str = "cwait-pcap context: ";
    /// So many facts are believed, and so many drops are told.
    const MOST: usize = 1_000;

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
                });
            }
        }
        facts.truncate(Context::MOST);
        Context { facts }
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
        self.facts.extend(told.filter_map(|json| serde_json::from_str::<Fact>(json).ok()).take(room));
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
                Fact::Host { address, last, fins, heard } => {
                    folded.hosts.entry(*address).and_modify(|own| {
                        let last = Stamp { at: own.last.at.max(*last), ..own.last };
                        *own = HostFacts { last, fins: *fins };
                    });
                    if let Some(own) = folded.heard.get_mut(address) {
                        heard.iter().take(Heard::MOST).for_each(|(from, upto)| own.add(*from, *upto));
                    }
                }
            }
        }
    }
}
