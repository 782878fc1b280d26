//! IP fragments: which octets of a datagram have passed, and its first ones. No payload is kept, so this is
//! enough to find the segment (or the tunnel) in a datagram and its length, and bounded whatever comes.

use std::collections::{HashMap, VecDeque};
use std::ops::{Add, AddAssign, Range};

use etherparse::IpNumber;
use foldhash::fast::RandomState;

use super::ip::{Ip, Piece};
use super::{Frame, Payload};
use crate::wire::{Span, Timestamp};

/// Datagrams that may wait at once; beyond it the oldest gives way. All together stay below 2 MiB.
pub(super) const MOST_DATAGRAMS: usize = 4_096;
/// Holes that a datagram may have at once; with more it is not followed further.
pub(super) const MOST_RANGES: usize = 16;
/// First octets kept: enough for TCP with all options behind VXLAN, Ethernet and IP.
pub(super) const HEAD: usize = 128;
/// What comes later than this after the first piece is another datagram (RFC 8200 §4.5; RFC 1122 §3.3.2).
pub(super) const LIFETIME: Span = Span::secs(60);
/// No IP datagram is longer (RFC 791 §3.1).
const LONGEST: u32 = 65_535;

/// What became of IP fragments. Two of them add up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FragmentCounts {
    /// Frames that were fragments.
    pub fragments: u64,
    /// Datagrams of which every octet passed.
    pub completed: u64,
    /// Datagrams of which octets are missing, those that still wait included.
    pub incomplete: u64,
    /// Of the incomplete ones, those that gave way to newer datagrams.
    pub evicted: u64,
    /// Fragments with octets that had passed already, or beyond the datagram's end; the first ones count.
    pub overlapping: u64,
}

impl AddAssign for FragmentCounts {
    fn add_assign(&mut self, other: FragmentCounts) {
        self.fragments += other.fragments;
        self.completed += other.completed;
        self.incomplete += other.incomplete;
        self.evicted += other.evicted;
        self.overlapping += other.overlapping;
    }
}

impl Add for FragmentCounts {
    type Output = FragmentCounts;
    fn add(mut self, other: FragmentCounts) -> FragmentCounts {
        self += other;
        self
    }
}

/// The datagrams that wait for fragments.
///
/// Cost of a fragment: two look-ups, one pass over at most [`MOST_RANGES`].
#[derive(Default)]
pub struct Fragments {
    waiting: HashMap<Key, Box<Datagram>, RandomState>,
    /// The same datagrams by age, among others that are gone; at most as many again as may wait.
    by_age: VecDeque<(u64, Key)>,
    begun: u64,
    counts: FragmentCounts,
}

/// RFC 791 §3.2, RFC 8200 §4.5; the interface keeps apart what was captured in two places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub source: [u8; 16],
    pub destination: [u8; 16],
    pub id: u32,
    pub interface: u32,
    /// Of IPv4; 0 for IPv6, where only the first fragment tells.
    pub protocol: u8,
}

/// A datagram that is not complete.
pub struct Datagram {
    pub(super) serial: u64,
    pub(super) since: Timestamp,
    /// Around its latest fragment.
    pub(super) latest: (Frame, Ip),
    /// What the fragment at offset 0 carries, if it passed.
    pub(super) protocol: Option<IpNumber>,
    /// Payload octets, known from the last fragment.
    pub(super) len: Option<u32>,
    /// Octets that passed: sorted, apart from each other.
    pub(super) passed: Vec<Range<u32>>,
    pub(super) head: [u8; HEAD],
    /// Which octets of `head` were captured, one bit each.
    pub(super) captured: u128,
}

impl Fragments {
    /// Takes a fragment. The datagram comes back when this was the last octet missing.
    pub fn take(
        &mut self,
        frame: &Frame,
        ip: &Ip,
        protocol: IpNumber,
        piece: Piece,
        payload: Payload<'_>,
    ) -> Option<Box<Datagram>> {
        self.counts.fragments += 1;
        let range = range(piece, payload)?;
        let key = Key {
            source: ip.source,
            destination: ip.destination,
            id: piece.id,
            interface: frame.interface,
            protocol: if ip.source().is_ipv4() { protocol.0 } else { 0 },
        };
        let at = frame.seen.at;
        match self.waiting.get(&key).map(|datagram| at - datagram.since > LIFETIME) {
            None => self.begin(key, (*frame, *ip)),
            Some(true) => {
                self.waiting.remove(&key);
                self.begin(key, (*frame, *ip));
            }
            Some(false) => {}
        }
        let datagram = self.waiting.get_mut(&key)?;
        datagram.latest = (*frame, *ip);
        let is_fresh = datagram.add(range.clone(), piece.more, protocol, payload.data);
        let is_broken = datagram.passed.len() > MOST_RANGES;
        let is_complete = datagram.is_complete();
        if !is_fresh {
            self.counts.overlapping += 1;
        }
        if is_broken {
            self.waiting.remove(&key);
            return None;
        }
        if !is_complete {
            return None;
        }
        self.counts.completed += 1;
        self.waiting.remove(&key)
    }

    /// The counts so far.
    pub fn counts(&self) -> FragmentCounts {
        FragmentCounts { incomplete: self.begun - self.counts.completed, ..self.counts }
    }

    /// Those of which octets are missing.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&Key, &Datagram)> {
        self.waiting.iter().map(|(key, datagram)| (key, &**datagram))
    }

    fn begin(&mut self, key: Key, first: (Frame, Ip)) {
        if self.waiting.len() >= MOST_DATAGRAMS {
            self.evict();
        }
        if self.by_age.len() >= 2 * MOST_DATAGRAMS {
            let waiting = &self.waiting;
            self.by_age.retain(|(serial, key)| is_waiting(waiting, *serial, key));
        }
        let serial = self.begun;
        self.begun += 1;
        self.by_age.push_back((serial, key));
        self.waiting.insert(key, Box::new(Datagram::new(serial, first.0.seen.at, first)));
    }

    /// The oldest gives way.
    fn evict(&mut self) {
        while let Some((serial, key)) = self.by_age.pop_front() {
            if is_waiting(&self.waiting, serial, &key) {
                self.waiting.remove(&key);
                self.counts.evicted += 1;
                return;
            }
        }
    }
}

/// Whether it still waits, and not another one of the same name.
fn is_waiting(waiting: &HashMap<Key, Box<Datagram>, RandomState>, serial: u64, key: &Key) -> bool {
    waiting.get(key).is_some_and(|datagram| datagram.serial == serial)
}

/// The octets of the datagram that a fragment holds; none if it is not possible (RFC 8200 §4.5: all but the
/// last are multiples of eight octets, none is empty, nothing lies beyond the longest datagram).
fn range(piece: Piece, payload: Payload<'_>) -> Option<Range<u32>> {
    let len = u32::try_from(payload.len).ok()?;
    let end = piece.offset.checked_add(len)?;
    let is_possible = len > 0 && end <= LONGEST && (!piece.more || len.is_multiple_of(8));
    is_possible.then_some(piece.offset..end)
}

impl Datagram {
    pub(super) fn new(serial: u64, since: Timestamp, latest: (Frame, Ip)) -> Self {
        Datagram {
            serial,
            since,
            latest,
            protocol: None,
            len: None,
            passed: Vec::new(),
            head: [0; HEAD],
            captured: 0,
        }
    }

    /// What it carries.
    pub fn protocol(&self) -> IpNumber {
        self.protocol.unwrap_or(IpNumber::IPV6_NO_NEXT_HEADER)
    }

    /// Its beginning, as far as captured without a hole, with its full length.
    pub fn payload(&self) -> Payload<'_> {
        let len = self.len.unwrap_or(0) as usize;
        let captured = self.captured.trailing_ones() as usize;
        Payload { data: &self.head[..captured.min(len)], len }
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!((self.len, self.passed.as_slice()), (Some(len), [all]) if *all == (0..len))
    }

    /// Adds octets; `false` if some had passed before or lie where the datagram has ended already.
    fn add(&mut self, range: Range<u32>, more: bool, protocol: IpNumber, data: &[u8]) -> bool {
        if self.len.is_some_and(|len| range.end > len) {
            return false;
        }
        if !more {
            self.len.get_or_insert(range.end);
        }
        if range.start == 0 {
            self.protocol.get_or_insert(protocol);
        }
        self.keep(range.start as usize, data);
        self.pass(range)
    }

    /// Keeps of the octets at `from` what belongs to the head and was not captured before.
    fn keep(&mut self, from: usize, data: &[u8]) {
        let Some(room) = HEAD.checked_sub(from).filter(|&room| room > 0 && !data.is_empty()) else { return };
        let octets = data.len().min(room);
        let bits = (u128::MAX >> (HEAD - octets)) << from;
        if self.captured & bits == 0 {
            self.head[from..from + octets].copy_from_slice(&data[..octets]);
        } else {
            for (at, octet) in (from..HEAD).zip(data).filter(|(at, _)| self.captured & (1 << at) == 0) {
                self.head[at] = *octet;
            }
        }
        self.captured |= bits;
    }

    /// Joins a range with those that passed; `false` if it overlaps one of them.
    pub(super) fn pass(&mut self, mut range: Range<u32>) -> bool {
        let touches = |old: &Range<u32>, new: &Range<u32>| old.start <= new.end && new.start <= old.end;
        let is_fresh = !self.passed.iter().any(|old| old.start < range.end && range.start < old.end);
        let from = self.passed.partition_point(|old| old.end < range.start);
        let mut upto = from;
        while let Some(old) = self.passed.get(upto).filter(|old| touches(old, &range)) {
            range = range.start.min(old.start)..range.end.max(old.end);
            upto += 1;
        }
        self.passed.splice(from..upto, [range]);
        is_fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Stamp;

    const IP: Ip = Ip { source: [1; 16], destination: [2; 16], hop_limit: 64, id: 0 };

    /// Feeds `(second, id, offset, octets, more)` and says after which of them datagrams completed, with their
    /// lengths.
    fn check(pieces: &[(i64, u32, u32, usize, bool)], completed: &[(usize, usize)], counts: [u64; 5]) {
        let mut fragments = Fragments::default();
        let mut seen = Vec::new();
        for (n, &(second, id, offset, octets, more)) in pieces.iter().enumerate() {
            let stamp = Stamp { at: Timestamp::new(second, 0), frame: n as u64 + 1 };
            let frame = Frame { seen: stamp, interface: 0, zone: 0, depth: 0 };
            let data = vec![7; octets.min(40)];
            let payload = Payload { data: &data, len: octets };
            let piece = Piece { id, offset, more };
            if let Some(datagram) = fragments.take(&frame, &IP, IpNumber::TCP, piece, payload) {
                seen.push((n, datagram.payload().len));
            }
        }
        assert_eq!(seen, completed, "{pieces:?}");
        let [fragments_, completed, incomplete, evicted, overlapping] = counts;
        let expected = FragmentCounts { fragments: fragments_, completed, incomplete, evicted, overlapping };
        assert_eq!(fragments.counts(), expected, "{pieces:?}");
        let aged = fragments.by_age.len();
        assert!((fragments.waiting.len()..=2 * MOST_DATAGRAMS).contains(&aged), "{aged}");
    }

    #[test]
    fn datagrams_complete_in_any_order() {
        check(&[(0, 1, 0, 16, true), (0, 1, 16, 5, false)], &[(1, 21)], [2, 1, 0, 0, 0]);
        check(&[(0, 1, 16, 5, false), (0, 1, 0, 16, true)], &[(1, 21)], [2, 1, 0, 0, 0]);
        check(
            &[
                (0, 1, 32, 8, false),
                (0, 1, 0, 8, true),
                (0, 2, 0, 8, true),
                (0, 1, 16, 16, true),
                (0, 1, 8, 8, true),
            ],
            &[(4, 40)],
            [5, 1, 1, 0, 0],
        );
    }

    #[test]
    fn the_first_octets_win() {
        check(&[(0, 1, 0, 16, true), (0, 1, 8, 16, true), (0, 1, 24, 8, false)], &[(2, 32)], [3, 1, 0, 0, 1]);
        // A second end beyond the first one is not believed.
        check(&[(0, 1, 8, 8, false), (0, 1, 8, 24, false), (0, 1, 0, 8, true)], &[(2, 16)], [3, 1, 0, 0, 1]);
    }

    #[test]
    fn the_oldest_gives_way_however_many_came_and_went() {
        let most = MOST_DATAGRAMS as u32;
        // One waits, the others complete.
        let mut pieces = vec![(0, 0, 0, 8, true)];
        let mut completed = Vec::new();
        for id in 1..=3 * most {
            pieces.extend([(0, id, 0, 8, true), (0, id, 8, 8, false)]);
            completed.push((2 * id as usize, 16));
        }
        let all = u64::from(3 * most);
        check(&pieces, &completed, [2 * all + 1, all, 1, 0, 0]);
        // Then too many wait, and what was the first comes too late.
        pieces.extend((1..=most).map(|id| (0, 4 * most + id, 0, 8, true)));
        pieces.push((0, 0, 8, 8, false));
        check(&pieces, &completed, [2 * all + 2 + u64::from(most), all, u64::from(most) + 2, 2, 0]);
    }

    #[test]
    fn identifications_are_used_again() {
        check(&[(0, 1, 0, 8, true), (61, 1, 8, 8, false)], &[], [2, 0, 2, 0, 0]);
        check(&[(0, 1, 0, 8, true), (60, 1, 8, 8, false)], &[(1, 16)], [2, 1, 0, 0, 0]);
        // A clock that runs backwards expires nothing.
        check(&[(90, 1, 0, 8, true), (0, 1, 8, 8, false)], &[(1, 16)], [2, 1, 0, 0, 0]);
    }

    #[test]
    fn impossible_fragments_begin_nothing() {
        check(&[(0, 1, 0, 9, true), (0, 1, 8, 0, false), (0, 1, 65_528, 8, false)], &[], [3, 0, 0, 0, 0]);
    }

    #[test]
    fn memory_is_bounded() {
        let flood: Vec<_> = (0..MOST_DATAGRAMS as u32 + 10).map(|id| (0, id, 0, 8, true)).collect();
        let all = flood.len() as u64;
        check(&flood, &[], [all, 0, all, 10, 0]);
        let sparse: Vec<_> = (0..40).map(|n| (0, 1, n * 16, 8, true)).collect();
        let mut fragments = Fragments::default();
        for &(_, id, offset, octets, more) in &sparse {
            let frame = Frame { seen: Stamp::default(), interface: 0, zone: 0, depth: 0 };
            let data = vec![0; octets];
            let payload = Payload { data: &data, len: octets };
            fragments.take(&frame, &IP, IpNumber::TCP, Piece { id, offset, more }, payload);
            assert!(fragments.waiting.values().all(|datagram| datagram.passed.len() <= MOST_RANGES));
        }
        // A million datagrams of 1 MiB in all: boxes, ranges and keys together.
        let each =
            size_of::<Datagram>() + MOST_RANGES.min(4) * size_of::<Range<u32>>() + 4 * size_of::<Key>();
        assert!(each * MOST_DATAGRAMS < 2 << 20, "{each}");
    }
}
