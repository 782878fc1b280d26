//! Time of a pcapng interface: ticks of `if_tsresol`, moved by `if_tsoffset`, become nanoseconds.

use crate::wire::Timestamp;

/// How an interface counts time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    unit: Unit,
    /// Nanoseconds to add.
    offset: i64,
}

/// Length of a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    /// That many nanoseconds: 10^-9 s and everything coarser.
    Nanos(u64),
    /// That part of a nanosecond; finer than 10^-9 s. What is below a nanosecond is cut off.
    PartOfNano(u64),
    /// 2^-n seconds.
    Binary(u8),
    /// So fine that 2^64 ticks are less than a nanosecond.
    Nothing,
}

impl Clock {
    /// From the option values; without `if_tsresol` a tick is a microsecond. The top bit of `if_tsresol` says
    /// whether the rest is a negative power of 2 or of 10.
    pub fn new(tsresol: Option<u8>, offset_s: i64) -> Clock {
        const TEN_TO: fn(u32) -> Option<u64> = |power| 10u64.checked_pow(power);
        let resolution = tsresol.unwrap_or(6);
        let power = resolution & 0x7f;
        let unit = if resolution & 0x80 != 0 {
            Unit::Binary(power)
        } else if power <= 9 {
            TEN_TO(u32::from(9 - power)).map_or(Unit::Nothing, Unit::Nanos)
        } else {
            TEN_TO(u32::from(power - 9)).map_or(Unit::Nothing, Unit::PartOfNano)
        };
        Clock { unit, offset: offset_s.saturating_mul(1_000_000_000) }
    }

    /// The time of that many ticks; saturates at the end of the range.
    #[inline(always)]
    pub fn at(&self, ticks: u64) -> Timestamp {
        let nanos = match self.unit {
            Unit::Nanos(nanos) => i64::try_from(ticks.saturating_mul(nanos)).unwrap_or(i64::MAX),
            _ => self.fine(ticks),
        };
        Timestamp(nanos.saturating_add(self.offset))
    }

    fn fine(&self, ticks: u64) -> i64 {
        let nanos = match self.unit {
            Unit::Nanos(nanos) => u128::from(ticks) * u128::from(nanos),
            Unit::PartOfNano(part) => u128::from(ticks / part),
            Unit::Binary(power) => (u128::from(ticks) * 1_000_000_000) >> power,
            Unit::Nothing => 0,
        };
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_resolution() {
        let day = 86_400_000_000_000;
        let cases = [
            (None, 0, 1_500_000, 1_500_000_000),
            (Some(6), 0, 1_500_000, 1_500_000_000),
            (Some(0), 0, 3, 3_000_000_000),
            (Some(3), 0, 1_500, 1_500_000_000),
            (Some(9), 0, 1_500_000_001, 1_500_000_001),
            (Some(12), 0, 1_500_000_001_999, 1_500_000_001),
            (Some(28), 0, 10_000_000_000_000_000_000, 1),
            (Some(29), 0, u64::MAX, 0),
            (Some(127), 0, u64::MAX, 0),
            (Some(0x80), 0, 3, 3_000_000_000),
            (Some(0x8a), 0, 1_536, 1_500_000_000),
            (Some(0x94), 0, 3 << 19, 1_500_000_000),
            (Some(0xa0), 0, 3 << 31, 1_500_000_000),
            (Some(0xff), 0, u64::MAX, 0),
            (Some(6), 86_400, 0, day),
            (Some(6), -86_400, 0, -day),
            (Some(0), 0, u64::MAX, i64::MAX),
            (Some(6), 0, u64::MAX, i64::MAX),
            (Some(0x80), 0, u64::MAX, i64::MAX),
            (Some(6), i64::MIN, 0, i64::MIN),
        ];
        for (tsresol, offset, ticks, nanos) in cases {
            let at = Clock::new(tsresol, offset).at(ticks);
            assert_eq!(at.0, nanos, "{tsresol:x?} {offset} {ticks}");
        }
    }
}
