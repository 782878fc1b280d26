//! Findings about a whole host, from its own records: threads that all wait for locks, accept queues that ran over,
//! interfaces with errors. They need no connection, but say what they mean for those of the capture.

use std::collections::BTreeMap;

use super::scene::Scene;
use super::{Pattern, PatternFinding};
use crate::findings::words::{connections, count, thousands};
use crate::findings::{Cause, Certainty, Proof, Severity, Words};
use crate::sockets::{Duplex, HostFact, Listing};
use crate::trace::Sleeper;

/// Names of files in words.
fn base(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Connections of the capture with a finding of that name.
fn with(scene: &Scene<'_>, names: &[&str]) -> Vec<usize> {
    let named = |member: &usize| {
        let verdict = &scene.outcome.connections[*member].verdict;
        verdict.findings.iter().any(|finding| names.contains(&finding.name))
    };
    (0..scene.outcome.connections.len()).filter(named).collect()
}

/// `lock-wait`: every thread of the program waits for a lock, so nobody can see that a peer has closed.
pub(super) struct LockWait;

impl Pattern for LockWait {
    fn name(&self) -> &'static str {
        "lock-wait"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let logs = scene.outcome.evidence.logs(&scene.outcome.joined);
        logs.filter(|log| log.facts.threads.nobody_can_see_eof())
            .map(|log| {
                let threads = &log.facts.threads;
                let (name, n) = (&log.facts.log.name, threads.in_locks.len());
                // Idle workers wait in the same calls: it matters if there is work that nobody does.
                let members = with(scene, &["missing-fin", "missing-data-fin", "no-answer"]);
                let severity = match (members.is_empty(), n) {
                    (false, _) => Severity::Error,
                    (true, 1) => Severity::Note,
                    (true, _) => Severity::Warning,
                };
                let mut finding = PatternFinding::at(self.name(), severity, "program", base(name).to_owned());
                finding.fact = Certainty::Certain;
                let shared: Vec<String> =
                    threads.shared_locks().iter().map(|(lock, n)| format!("{lock} by {}", count(*n as u64, "thread"))).collect();
                let calls = tally(&threads.in_locks);
                let mut because = vec![format!("they wait in {calls}")];
                if !shared.is_empty() {
                    because.push(format!("the same lock: {}", shared.join(", ")));
                }
                if !threads.service.is_empty() {
                    let others = count(threads.service.len() as u64, "thread");
                    because.push(format!("not counted: {others} of the system's libraries"));
                }
                finding.cause = Some(Cause {
                    what: "the program",
                    certainty: if members.is_empty() { Certainty::Possible } else { Certainty::Likely },
                    because,
                });
                finding.against.push("idle workers wait for work in the same calls".into());
                finding.words = Words {
                    headline: match n {
                        1 => format!("the only thread waits for a lock in {}", base(name)),
                        _ => format!("{n} of {n} threads wait for locks in {}", base(name)),
                    },
                    says: format!(
                        "None of them is in read, poll or accept: nobody can see that a peer has closed, and nobody can close.{}",
                        match members.len() {
                            0 => String::new(),
                            n => format!(" In the capture {} wait for this or another program.", connections(n)),
                        }
                    ),
                    advice: vec![
                        "A deadlock, or a lock whose holder is gone. Take the stacks of all threads and look for the holder; a \
                         semaphore shared with other processes (semop) may be held outside."
                            .into(),
                    ],
                    next: vec![
                        ("the host".into(), "Linux", "gdb -p PID -batch -ex 'thread apply all bt'; ipcs -s -p".into()),
                        ("the host".into(), "Solaris", "pstack PID; ipcs -sp".into()),
                    ],
                };
                finding.proof = threads
                    .in_locks
                    .iter()
                    .take(4)
                    .map(|sleeper| Proof {
                        file: name.clone(),
                        line: sleeper.call.line,
                        text: sleeper.call.text.clone(),
                    })
                    .collect();
                finding.members = members;
                finding
            })
            .collect()
    }
}

/// `lwp_sema_wait (9), semop (2)`.
fn tally(sleepers: &[Sleeper]) -> String {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    sleepers.iter().for_each(|sleeper| *count.entry(&sleeper.name).or_default() += 1);
    count.iter().map(|(name, n)| format!("{name} ({n})")).collect::<Vec<_>>().join(", ")
}

/// `listen-overflow`: an accept queue is full, or the host's counters of refused connections grow.
pub(super) struct ListenOverflow;

impl Pattern for ListenOverflow {
    fn name(&self) -> &'static str {
        "listen-overflow"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        let mut findings = Vec::new();
        for listing in scene.outcome.evidence.listings() {
            let full = full_queue(listing);
            let grown = grown(listing, &[HostFact::ListenOverflows, HostFact::ListenDrops]);
            if full.is_none() && grown.iter().all(|grown| grown.last == 0) {
                continue;
            }
            let now = full.is_some() || grown.iter().any(|grown| grown.by() > 0);
            let severity = if now { Severity::Warning } else { Severity::Note };
            let place =
                full.as_ref().map_or_else(|| base(&listing.name).to_owned(), |(port, _)| port.clone());
            let mut finding = PatternFinding::at(self.name(), severity, "host", place.clone());
            finding.fact = if now { Certainty::Certain } else { Certainty::Possible };
            let mut says: Vec<String> = full.into_iter().map(|(_, says)| says).collect();
            says.extend(grown.iter().filter(|grown| grown.last > 0).map(Grown::says));
            if !now {
                finding.against.push("counters run since the host came up: only growth counts".into());
            }
            finding.cause = Some(Cause {
                what: "the program",
                certainty: if now { Certainty::Likely } else { Certainty::Possible },
                because: vec!["it accepts more slowly than connections come".into()],
            });
            finding.words = Words {
                headline: match now {
                    true => format!("{place}: the queue of connections that wait for accept() runs over"),
                    false => format!("{place}: the host has dropped connections for a full queue at some time"),
                },
                says: says.join(" "),
                advice: vec!["Clients see slow or failing connects. A longer queue only holds more of them; find what keeps \
                              the program from accept()."
                    .into()],
                next: vec![
                    ("the host".into(), "Linux", "ss -ltn; nstat -az TcpExtListenOverflows TcpExtListenDrops".into()),
                    ("the host".into(), "Solaris", "netstat -s -P tcp | egrep 'tcpListenDrop|tcpListenDropQ0'".into()),
                ],
            };
            findings.push(finding);
        }
        findings
    }
}

/// The last listening socket whose queue is at its limit, and how that is said.
fn full_queue(listing: &Listing) -> Option<(String, String)> {
    let sockets = listing.snapshots.iter().rev().flat_map(|snapshot| &snapshot.sockets);
    sockets
        .filter_map(|socket| {
            let backlog = socket.backlog()?;
            let limit = backlog.limit.filter(|&limit| backlog.waiting >= limit)?;
            let local = socket.local.as_ref()?.to_string();
            let says = format!(
                "Waiting for accept() at {local}: {}; room is for {} (line {} of {}).",
                count(backlog.waiting, "connection"),
                thousands(limit),
                socket.line,
                base(&listing.name)
            );
            Some((local, says))
        })
        .next()
}

/// `interface-errors`: the host's own counters show errors, drops or a duplex that does not fit.
pub(super) struct InterfaceErrors;

impl Pattern for InterfaceErrors {
    fn name(&self) -> &'static str {
        "interface-errors"
    }

    fn judge(&self, scene: &Scene<'_>) -> Vec<PatternFinding> {
        use HostFact::{Collisions, RxDrops, RxErrors, TxDrops, TxErrors};
        let mut findings = Vec::new();
        for listing in scene.outcome.evidence.listings() {
            let errors = grown(listing, &[RxErrors, TxErrors, Collisions, RxDrops, TxDrops]);
            let half: Vec<String> = listing
                .snapshots
                .iter()
                .flat_map(|snapshot| &snapshot.counters.links)
                .filter(|link| link.duplex == Some(Duplex::Half))
                .map(|link| {
                    let fixed = if link.negotiated == Some(false) { ", not negotiated" } else { "" };
                    format!("{} runs at half duplex{fixed}.", link.of.as_deref().unwrap_or("a link"))
                })
                .take(1)
                .collect();
            let growing = errors.iter().any(|grown| grown.by() > 0);
            // Drops alone, once, are full buffers somewhere in the host's past.
            let said: Vec<&Grown> = errors
                .iter()
                .filter(|grown| grown.by() > 0 || grown.last > 0 && !matches!(grown.fact, RxDrops | TxDrops))
                .collect();
            if said.is_empty() && half.is_empty() {
                continue;
            }
            let now = growing || !half.is_empty();
            let severity = if now { Severity::Warning } else { Severity::Note };
            let mut finding =
                PatternFinding::at(self.name(), severity, "host", base(&listing.name).to_owned());
            finding.fact = if now { Certainty::Certain } else { Certainty::Possible };
            if !growing {
                finding.against.push("counters run since the interface came up: only growth counts".into());
            }
            let says: Vec<String> =
                half.into_iter().chain(said.into_iter().take(6).map(Grown::says)).collect();
            finding.words = Words {
                headline: format!("{}: the host's interface counts trouble on the wire", base(&listing.name)),
                says: says.join(" "),
                advice: vec!["Lost packets make connections slow and leave FINs unacknowledged; they do not leave CLOSE-WAIT, \
                              which needs a FIN that arrived. Set both ends of the link to negotiate."
                    .into()],
                next: vec![
                    ("the host".into(), "Linux", "ip -s -s link; ethtool eth0; ethtool -S eth0".into()),
                    ("the host".into(), "Solaris", "netstat -i; dladm show-phys; kstat -p -c net | grep -i err".into()),
                ],
            };
            findings.push(finding);
        }
        findings
    }
}

/// A counter over the snapshots of one file.
struct Grown {
    fact: HostFact,
    of: Option<Box<str>>,
    first: u64,
    last: u64,
}

impl Grown {
    fn by(&self) -> u64 {
        self.last.saturating_sub(self.first)
    }

    fn says(&self) -> String {
        let what = match self.fact {
            HostFact::ListenOverflows => "accept queue overflows",
            HostFact::ListenDrops => "connections dropped by listeners",
            HostFact::RxErrors => "receive errors",
            HostFact::TxErrors => "send errors",
            HostFact::RxDrops => "receive drops",
            HostFact::TxDrops => "send drops",
            HostFact::Collisions => "collisions",
            _ => "events",
        };
        let of = self.of.as_deref().map(|of| format!("{of}: ")).unwrap_or_default();
        match self.by() {
            0 => format!("{of}{} {what}.", thousands(self.last)),
            by => {
                format!("{of}{} {what}, {} more between the listings.", thousands(self.last), thousands(by))
            }
        }
    }
}

/// Counters of these kinds, first and last value; those that never were above zero are left out.
fn grown(listing: &Listing, facts: &[HostFact]) -> Vec<Grown> {
    let mut all: BTreeMap<(HostFact, Option<Box<str>>), Grown> = BTreeMap::new();
    for count in listing.snapshots.iter().flat_map(|snapshot| &snapshot.counters.counts) {
        if !facts.contains(&count.fact) {
            continue;
        }
        let (fact, of) = (count.fact, count.of.clone());
        all.entry((fact, of.clone())).and_modify(|grown| grown.last = count.value).or_insert(Grown {
            fact,
            of,
            first: count.value,
            last: count.value,
        });
    }
    all.into_values().filter(|grown| grown.last > 0).collect()
}
