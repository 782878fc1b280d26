//! What a memory limit leaves for what.
//!
//! Measured where it costs most, at the end, when everything at hand is judged: a connection with a finding takes about
//! 2 kB then, its words included. What the program takes in any case is left out of the account first.

use super::lane::Lane;

/// How much one lane may hold; without a limit, anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Budget {
    /// Connections that may go on.
    pub(super) open: usize,
    /// Connections that are over and may matter.
    pub(super) kept: usize,
    /// Attempts to connect that led to nothing.
    pub(super) attempts: usize,
    /// Services, and hosts, that are told apart.
    pub(super) places: usize,
}

impl Budget {
    /// Octets for buffers, stream numbers and the program itself.
    const FIXED: u64 = 64 << 20;
    /// Octets of a connection that is held, with its place in the index; more if it has a finding in the end.
    const OPEN: u64 = 1_280;
    /// Octets of a connection that has a finding in the end.
    const JUDGED: u64 = 2_048;
    /// Octets of a service, a host, and when the host was heard.
    const PLACE: u64 = 800;

    /// Of one lane if all together may take so many octets.
    pub(super) fn of(max_memory: Option<u64>) -> Budget {
        let Some(octets) = max_memory else {
            return Budget { open: usize::MAX, kept: usize::MAX, attempts: usize::MAX, places: usize::MAX };
        };
        let octets = octets.saturating_sub(Budget::FIXED).max(octets / 4) / Lane::ALL as u64;
        let share = |eighths: u64, each: u64| {
            usize::try_from(octets * eighths / 8 / each).unwrap_or(usize::MAX).max(1)
        };
        Budget {
            open: share(4, Budget::OPEN),
            kept: share(1, Budget::JUDGED),
            attempts: share(1, Budget::JUDGED),
            places: share(2, Budget::PLACE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_stay_within_the_limit() {
        for limit in [1 << 28, 1 << 30, 1 << 34] {
            let Budget { open, kept, attempts, places } = Budget::of(Some(limit));
            let octets = open as u64 * Budget::OPEN
                + (kept + attempts) as u64 * Budget::JUDGED
                + places as u64 * Budget::PLACE;
            let all = Budget::FIXED + octets * Lane::ALL as u64;
            assert!(all <= limit && all > limit / 10 * 9, "{all} of {limit}");
        }
        assert_eq!(Budget::of(None).open, usize::MAX);
        assert_eq!(Budget::of(Some(0)).open, 1, "one connection can always be followed");
    }
}
