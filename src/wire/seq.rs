//! Sequence numbers: 32 bits that wrap (RFC 9293 §3.4).

use std::fmt;
use std::ops::{Add, Sub};

/// A TCP sequence number.
///
/// There is no `Ord`: which of two numbers is later only means something when they lie within 2³¹ of each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct SeqNum(pub u32);

impl SeqNum {
    /// Whether `self` comes after `other`, for numbers within 2³¹ of each other.
    #[inline]
    pub const fn after(self, other: SeqNum) -> bool {
        (self.0.wrapping_sub(other.0) as i32) > 0
    }

    /// Whether `self` is `other` or comes after it.
    #[inline]
    pub const fn at_or_after(self, other: SeqNum) -> bool {
        (self.0.wrapping_sub(other.0) as i32) >= 0
    }

    /// Whether `self` comes before `other`.
    #[inline]
    pub const fn before(self, other: SeqNum) -> bool {
        other.after(self)
    }

    /// The later of the two.
    #[inline]
    pub const fn max(self, other: SeqNum) -> SeqNum {
        if other.after(self) { other } else { self }
    }
}

/// Octets further on, wrapping.
impl Add<u32> for SeqNum {
    type Output = SeqNum;
    #[inline]
    fn add(self, octets: u32) -> SeqNum {
        SeqNum(self.0.wrapping_add(octets))
    }
}

/// Octets further back, wrapping.
impl Sub<u32> for SeqNum {
    type Output = SeqNum;
    #[inline]
    fn sub(self, octets: u32) -> SeqNum {
        SeqNum(self.0.wrapping_sub(octets))
    }
}

/// The distance in octets, negative if `self` is the earlier one.
impl Sub for SeqNum {
    type Output = i32;
    #[inline]
    fn sub(self, other: SeqNum) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeqNum({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_across_the_wrap() {
        let before = SeqNum(u32::MAX - 1);
        let after = before + 5;
        assert_eq!(after, SeqNum(3));
        assert!(after.after(before) && before.before(after));
        assert_eq!(after - before, 5);
        assert_eq!(before - after, -5);
        assert_eq!(before.max(after), after);
        assert_eq!(after - 5, before);
    }
}
