//! Counters of a host that stand beside socket listings: `netstat -s`, `netstat -i`, `nstat`, `kstat`, `ethtool`, `dladm`.
//!
//! Only the facts that bear on lost segments and refused connections are kept; the other lines of these commands are
//! recognised and passed over.

mod reader;
#[cfg(test)]
mod tests;

pub(super) use reader::CounterReader;

/// The counters of one snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostCounters {
    /// Counters in the order of the text.
    pub counts: Vec<Count>,
    /// What the host says of its links.
    pub links: Vec<Link>,
}

impl HostCounters {
    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.links.is_empty()
    }

    /// A fact of the whole host: as last printed for it, else the sum over its interfaces; `None` if no line tells.
    pub fn total(&self, fact: HostFact) -> Option<u64> {
        let told = || self.counts.iter().filter(|count| count.fact == fact);
        let of_host = told().rfind(|count| count.of.is_none()).map(|count| count.value);
        of_host.or_else(|| told().map(|count| count.value).reduce(u64::saturating_add))
    }
}

/// One counter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    /// What is counted, since the host or interface came up.
    pub fact: HostFact,
    /// The interface, if it is not the whole host.
    pub of: Option<Box<str>>,
    /// How often.
    pub value: u64,
    /// The line it stands on, counted from 1.
    pub line: u32,
}

/// What a counter counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HostFact {
    /// Connections that found a full accept queue.
    ListenOverflows,
    /// SYNs or connections dropped by listening sockets for any reason.
    ListenDrops,
    /// Segments retransmitted.
    Retransmitted,
    /// Segments sent.
    Sent,
    /// RSTs sent.
    ResetsSent,
    /// Connections given up after unanswered retransmissions.
    GaveUp,
    /// Connections that keep-alive ended.
    KeepAliveDrops,
    /// Frames received with errors.
    RxErrors,
    /// Frames received and dropped.
    RxDrops,
    /// Frames that could not be sent.
    TxErrors,
    /// Frames dropped before sending.
    TxDrops,
    /// Collisions: normal at half duplex, impossible at full.
    Collisions,
}

/// What a host says of a link.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// Name of the interface, where the text has one.
    pub of: Option<Box<str>>,
    /// Its duplex.
    pub duplex: Option<Duplex>,
    /// Speed in Mbit/s.
    pub speed_mbit: Option<u64>,
    /// Whether speed and duplex are negotiated.
    pub negotiated: Option<bool>,
    /// The line that says so, counted from 1.
    pub line: u32,
}

/// Whether both ends of a link may send at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Duplex {
    /// One at a time.
    Half,
    /// Both.
    Full,
}
