//! The orders in which connections can be listed, as one list.

use super::{Connection, Length, Report};

/// One order of connections.
pub struct Sort {
    /// The name that `--sort` takes.
    pub name: &'static str,
    /// What comes first.
    pub about: &'static str,
    /// What is compared; the smallest comes first.
    key: fn(&Connection) -> i128,
}

/// Every order there is; the first is the default.
pub static SORTS: &[Sort] = &[
    Sort { name: "first", about: "in order of their first frame", key: |c| c.first.frame.into() },
    Sort { name: "last", about: "in order of their last frame", key: |c| c.last.frame.into() },
    Sort { name: "duration", about: "the longest first", key: |c| -c.duration_ns() },
    Sort { name: "bytes", about: "most payload first", key: |c| -i128::from(c.payload()) },
    Sort { name: "frames", about: "most segments first", key: |c| -i128::from(c.segments()) },
    Sort { name: "idle", about: "the longest silence first, survived or not", key: |c| -idle_ns(c) },
    Sort {
        name: "close",
        about: "those that owe a FIN, then the slowest close first",
        key: |c| -close_ns(c),
    },
    Sort { name: "rtt", about: "the slowest handshake first", key: |c| -ns(&c.handshake_rtt) },
    Sort { name: "answer", about: "the slowest first answer first", key: |c| -ns(&c.time_to_first_byte) },
    Sort { name: "repeats", about: "most retransmissions first", key: |c| -i128::from(c.retransmissions()) },
];

impl Sort {
    /// The order of that name.
    pub fn by_name(name: &str) -> Option<&'static Sort> {
        SORTS.iter().find(|sort| sort.name == name)
    }
}

impl Report {
    /// Puts the listed connections into that order; equal ones stay in order of their first frame.
    pub fn sort_connections(&mut self, sort: &Sort) {
        self.connections.sort_by_cached_key(|c| ((sort.key)(c), c.first.frame, c.id.clone()));
    }
}

impl Report {
    /// The listed connections with a finding, the worst findings' first: what is drawn if not all can be.
    pub(super) fn flagged(&self) -> Vec<&Connection> {
        let rank = |c: &Connection| {
            self.findings
                .iter()
                .position(|finding| Some(&finding.name) == c.finding.as_ref())
                .unwrap_or(usize::MAX)
        };
        let mut flagged: Vec<&Connection> = self.connections.iter().filter(|c| c.finding.is_some()).collect();
        flagged.sort_by_cached_key(|c| rank(c));
        flagged
    }
}

impl Connection {
    /// From the first frame to the last, in nanoseconds.
    pub(super) fn duration_ns(&self) -> i128 {
        i128::from(self.last.time.0.0) - i128::from(self.first.time.0.0)
    }

    /// Payload octets of both sides, repetitions included.
    pub(super) fn payload(&self) -> u64 {
        self.client_side.payload.saturating_add(self.server_side.payload)
    }

    /// Segments of both sides.
    pub(super) fn segments(&self) -> u64 {
        self.client_side.segments.saturating_add(self.server_side.segments)
    }

    /// Segments of both sides that were sent again.
    pub(super) fn retransmissions(&self) -> u64 {
        self.client_side.retransmissions.saturating_add(self.server_side.retransmissions)
    }

    /// From the first FIN to the second, in nanoseconds; none without two.
    pub(super) fn close_ns(&self) -> Option<i128> {
        let (a, b) = (self.client_side.fin.as_ref()?, self.server_side.fin.as_ref()?);
        Some((i128::from(a.first.time.0.0) - i128::from(b.first.time.0.0)).abs())
    }
}

fn close_ns(c: &Connection) -> i128 {
    let one_fin = c.client_side.fin.is_some() != c.server_side.fin.is_some();
    let reset = c.client_side.rst.is_some() || c.server_side.rst.is_some();
    let owed = if one_fin && !reset { i128::MAX } else { -1 };
    c.close_ns().unwrap_or(owed)
}

fn idle_ns(c: &Connection) -> i128 {
    ns(&c.longest_silence_survived).max(ns(&c.silence_failed))
}

/// Unknown comes after everything known.
fn ns(length: &Option<Length>) -> i128 {
    length.map_or(-1, |length| length.0.0.into())
}
