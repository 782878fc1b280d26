//! What hop limits tell of where a packet came from.

use crate::tcp::Connection;
use crate::wire::Side;

/// The hop limits of a host's own segments (not its RSTs), over all its connections. Adding is commutative.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HostHopLimits {
    /// One bit a value.
    seen: [u64; 4],
    /// Connections on which any was seen.
    connections: u64,
}

impl HostHopLimits {
    /// From so many connections, these values; 0 is no value.
    pub fn of(connections: u64, values: impl IntoIterator<Item = u8>) -> HostHopLimits {
        let mut all = HostHopLimits { connections, ..HostHopLimits::default() };
        for value in values.into_iter().filter(|&value| value != 0) {
            all.seen[usize::from(value / 64)] |= 1 << (value % 64);
        }
        all
    }

    /// What one connection shows of that side.
    pub fn of_side(connection: &Connection, side: Side) -> HostHopLimits {
        let mut values = connection.tallies[side.index()].hop_limits.iter().peekable();
        HostHopLimits::of(u64::from(values.peek().is_some()), values)
    }

    /// Adds those of other connections.
    pub fn merge(&mut self, other: &HostHopLimits) {
        self.seen.iter_mut().zip(other.seen).for_each(|(own, other)| *own |= other);
        self.connections += other.connections;
    }

    /// On how many connections any was seen.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Whether that value was seen.
    pub fn contains(&self, value: u8) -> bool {
        self.seen[usize::from(value / 64)] >> (value % 64) & 1 == 1
    }

    /// The values, rising.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (1..=u8::MAX).filter(|&value| self.contains(value))
    }
}

/// How many routers it has passed since a system in use sent it; none if a program must have set another initial value
/// (`IP_TTL`, as routing daemons do): no path is that long.
pub(super) fn hops(hop_limit: u8) -> Option<u8> {
    let initial = INITIAL.into_iter().find(|&initial| initial >= hop_limit)?;
    Some(initial - hop_limit).filter(|&hops| hops < NO_PATH)
}

/// Initial hop limits of the systems in use.
const INITIAL: [u8; 3] = [64, 128, 255];
/// Routers that no path passes.
const NO_PATH: u8 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_is_commutative_and_keeps_every_value() {
        let (one, other) = (HostHopLimits::of(2, [64, 0, 1]), HostHopLimits::of(1, [255, 64]));
        let (mut there, mut back) = (one, other);
        there.merge(&other);
        back.merge(&one);
        assert_eq!(there, back);
        assert_eq!(there.iter().collect::<Vec<_>>(), [1, 64, 255]);
        assert_eq!(there.connections(), 3);
        assert!(!there.contains(0) && !there.contains(63) && there.contains(255));
    }

    #[test]
    fn what_no_path_explains_was_set_by_a_program() {
        let hops = [64, 57, 33, 32, 10, 1, 128, 97, 96, 65, 255, 224, 223].map(hops);
        let expected = [
            Some(0),
            Some(7),
            Some(31),
            None,
            None,
            None,
            Some(0),
            Some(31),
            None,
            None,
            Some(0),
            Some(31),
            None,
        ];
        assert_eq!(hops, expected);
    }
}
