//! IP datagrams that lie across the seam of two captures: one holds some of their fragments, a later one the others.

use std::collections::BTreeMap;

use etherparse::IpNumber;
use serde::{Deserialize, Serialize};

use super::fragments::{Datagram, HEAD, Key, LIFETIME, MOST_DATAGRAMS, MOST_RANGES};
use super::ip::{Ip, Packet};
use super::{Decoded, Decoder, FragmentCounts, Frame, Options};
use crate::wire::{Stamp, Timestamp};

/// A datagram of which octets are missing where a capture ends, with all that it takes to complete it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Unfinished {
    source: [u8; 16],
    destination: [u8; 16],
    id: u32,
    interface: u32,
    protocol_of_key: u8,
    /// Time of its first fragment.
    since: Timestamp,
    /// Its latest fragment: where, and in what wrapping.
    latest: (Timestamp, u64),
    zone: u32,
    depth: u8,
    hop_limit: u8,
    ip_id: u16,
    protocol: Option<u8>,
    len: Option<u32>,
    /// Octets that passed, from and up to.
    passed: Vec<(u32, u32)>,
    /// Its first octets, and which of them were captured, one bit each.
    head: Vec<u8>,
    captured: [u64; 2],
}

/// Joins what the captures of one capture point left unfinished, one capture after the other.
pub struct Seams {
    decoder: Decoder,
    waiting: BTreeMap<Key, Datagram>,
}

impl Decoder {
    /// Datagrams of which octets are missing so far, the oldest first.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let mut all: Vec<_> = self.fragments.waiting().collect();
        all.sort_by_key(|(_, datagram)| datagram.serial);
        all.into_iter().map(|(key, datagram)| Unfinished::new(key, datagram)).collect()
    }
}

impl Seams {
    /// Nothing was left so far.
    pub fn new(options: Options) -> Seams {
        Seams { decoder: Decoder::new(options), waiting: BTreeMap::new() }
    }

    /// Takes what the next capture left, of whose frames `before` come before it. What the datagrams hold that are
    /// complete now, each as of the frame that completed it; `counts` are set right.
    pub fn add(&mut self, left: &[Unfinished], before: u64, counts: &mut FragmentCounts) -> Vec<Decoded> {
        let mut whole = Vec::new();
        for left in left {
            let Some((key, mut later)) = left.datagram(before) else { continue };
            if let Some(mut earlier) = self.waiting.remove(&key)
                && later.since - earlier.since <= LIFETIME
            {
                counts.incomplete = counts.incomplete.saturating_sub(1);
                counts.overlapping += earlier.go_on(&later);
                if earlier.is_complete() {
                    counts.incomplete = counts.incomplete.saturating_sub(1);
                    counts.completed += 1;
                    whole.push(self.decoder.finish(&earlier));
                    continue;
                }
                later = earlier;
            }
            if later.passed.len() <= MOST_RANGES && self.waiting.len() < MOST_DATAGRAMS {
                self.waiting.insert(key, later);
            }
        }
        whole
    }
}

impl Decoder {
    fn finish(&mut self, datagram: &Datagram) -> Decoded {
        let (frame, ip) = datagram.latest;
        let protocol = datagram.protocol();
        let packet = Packet { ip, protocol, piece: Default::default(), payload: datagram.payload() };
        self.packet(frame, packet).unwrap_or_else(Decoded::Skip)
    }
}

impl Datagram {
    /// Adds what a later capture holds of it; how many stretches of that had passed before.
    fn go_on(&mut self, later: &Datagram) -> u64 {
        let fits = |end: u32| self.len.is_none_or(|len| end <= len);
        let (inside, beyond): (Vec<_>, Vec<_>) = later.passed.iter().cloned().partition(|it| fits(it.end));
        self.len = self.len.or(later.len);
        self.protocol = self.protocol.or(later.protocol);
        for at in (0..HEAD).filter(|at| later.captured & !self.captured & 1 << at != 0) {
            self.head[at] = later.head[at];
        }
        self.captured |= later.captured;
        self.latest = later.latest;
        let overlapping = inside.into_iter().filter(|range| !self.pass(range.clone())).count();
        (overlapping + beyond.len()) as u64
    }
}

impl Unfinished {
    fn new(key: &Key, datagram: &Datagram) -> Unfinished {
        let (frame, ip) = datagram.latest;
        let captured = 128 - datagram.captured.leading_zeros() as usize;
        Unfinished {
            source: key.source,
            destination: key.destination,
            id: key.id,
            interface: key.interface,
            protocol_of_key: key.protocol,
            since: datagram.since,
            latest: (frame.seen.at, frame.seen.frame),
            zone: frame.zone,
            depth: frame.depth,
            hop_limit: ip.hop_limit,
            ip_id: ip.id,
            protocol: datagram.protocol.map(|protocol| protocol.0),
            len: datagram.len,
            passed: datagram.passed.iter().map(|range| (range.start, range.end)).collect(),
            head: datagram.head[..captured.min(HEAD)].to_vec(),
            captured: [datagram.captured as u64, (datagram.captured >> 64) as u64],
        }
    }

    /// The datagram again; none if that is not possible.
    fn datagram(&self, before: u64) -> Option<(Key, Datagram)> {
        let key = Key {
            source: self.source,
            destination: self.destination,
            id: self.id,
            interface: self.interface,
            protocol: self.protocol_of_key,
        };
        let seen = Stamp { at: self.latest.0, frame: self.latest.1 + before };
        let frame = Frame { seen, interface: self.interface, zone: self.zone, depth: self.depth };
        let ip = Ip {
            source: self.source,
            destination: self.destination,
            hop_limit: self.hop_limit,
            id: self.ip_id,
        };
        let mut datagram = Datagram::new(0, self.since, (frame, ip));
        datagram.head.get_mut(..self.head.len())?.copy_from_slice(&self.head);
        datagram.captured = u128::from(self.captured[1]) << 64 | u128::from(self.captured[0]);
        datagram.protocol = self.protocol.map(IpNumber);
        datagram.len = self.len;
        let sorted = self.passed.windows(2).all(|two| two[0].1 < two[1].0);
        let possible = sorted && self.passed.iter().all(|&(from, upto)| from < upto);
        datagram.passed = self.passed.iter().map(|&(from, upto)| from..upto).collect();
        possible.then_some((key, datagram))
    }
}
