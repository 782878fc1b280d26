//! What a subflow tells of the Multipath TCP connection that it belongs to (RFC 8684).
//!
//! Programs close a connection of Multipath TCP by a DATA_FIN, an option. FINs of its subflows are sent by the systems
//! themselves, once both DATA_FINs passed or when a subflow is given up: they tell nothing of programs.

use super::connection::Connection;
use crate::wire::{Multipath, Segment, SeqNum, Side, Stamp};

/// A segment with a number of the data level, the low 32 bits of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DataMark {
    /// The segment.
    pub seen: Stamp,
    /// The number.
    pub number: SeqNum,
}

impl DataMark {
    fn earlier(self, other: DataMark) -> DataMark {
        if other.seen.frame < self.seen.frame { other } else { self }
    }

    fn higher(self, other: DataMark) -> DataMark {
        match self.number == other.number {
            true => self.earlier(other),
            false if other.number.after(self.number) => other,
            false => self,
        }
    }
}

/// What one subflow showed, by [`Side::index`]. Nothing of it depends on what came before, so two parts join by the same rule
/// by which a segment is noted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DataLevel {
    /// The first DATA_FIN; its number is the one that acknowledges it.
    pub fin: [Option<DataMark>; 2],
    /// The highest DATA_ACK, and the segment that first carried it.
    pub ack: [Option<DataMark>; 2],
    /// It became plain TCP on the way (§3.7): its FINs are the programs' again.
    pub fell_back: bool,
}

impl DataLevel {
    fn note(&mut self, s: &Segment) {
        let (x, mark) = (s.side.index(), Some(DataMark { seen: s.seen, number: s.data_number }));
        let mut noted = DataLevel::default();
        match s.multipath {
            Multipath::Nothing => {}
            Multipath::DataAck => noted.ack[x] = mark,
            Multipath::DataFin => noted.fin[x] = mark,
            Multipath::Fallback => noted.fell_back = true,
        }
        *self = self.then(&noted);
    }

    pub(super) fn then(&self, later: &DataLevel) -> DataLevel {
        let join =
            |own: Option<DataMark>, other: Option<DataMark>, which: fn(DataMark, DataMark) -> DataMark| {
                own.zip(other).map(|(own, other)| which(own, other)).or(own).or(other)
            };
        DataLevel {
            fin: [0, 1].map(|x| join(self.fin[x], later.fin[x], DataMark::earlier)),
            ack: [0, 1].map(|x| join(self.ack[x], later.ack[x], DataMark::higher)),
            fell_back: self.fell_back | later.fell_back,
        }
    }
}

impl Connection {
    #[cold]
    pub(super) fn note_data_level(&mut self, s: &Segment) {
        self.extra_mut().seldom.get_or_insert_default().data_level.get_or_insert_default().note(s);
    }

    pub(super) fn any_data_level(&self) -> Option<&DataLevel> {
        self.extra.as_ref()?.seldom.as_ref()?.data_level.as_deref()
    }

    /// What it showed as a subflow of Multipath TCP, if it is one: both sides spoke of data numbers, and did not fall back to
    /// plain TCP. That both SYNs offered it is less: a box on the way may remove the options of what follows.
    pub fn data_level(&self) -> Option<&DataLevel> {
        let level = self.any_data_level().filter(|level| !level.fell_back)?;
        let speaks = |x: usize| level.fin[x].is_some() || level.ack[x].is_some();
        (speaks(0) && speaks(1)).then_some(level)
    }

    /// The first DATA_FIN of that side, if this is a subflow of Multipath TCP.
    pub fn data_fin(&self, side: Side) -> Option<&DataMark> {
        self.data_level()?.fin[side.index()].as_ref()
    }

    /// The segment with which the peer of that side acknowledged its DATA_FIN, as far as it was captured here: nothing
    /// lies behind a DATA_FIN, so no acknowledgment is higher.
    pub fn data_fin_acked(&self, side: Side) -> Option<Stamp> {
        let level = self.data_level()?;
        let (fin, ack) = (level.fin[side.index()]?, level.ack[side.peer().index()]?);
        ack.number.at_or_after(fin.number).then_some(ack.seen)
    }
}

const _: () = assert!(size_of::<DataLevel>() == 136);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::laws::{first, part};
    use crate::tcp::traffic::segment;
    use crate::wire::TcpFlags;

    /// Signs of both sides, a frame each, on segments that go straight on.
    fn signs(all: &[(Side, Multipath, u32)]) -> Vec<Segment> {
        let sign = |(frame, &(side, multipath, number)): (u64, &(Side, Multipath, u32))| {
            let mut s = segment(side, TcpFlags::ACK, 100, 100, 0);
            s.seen.frame = frame;
            Segment { multipath, data_number: SeqNum(number), checksum: frame as u16, ..s }
        };
        (1..).zip(all).map(sign).collect()
    }

    #[test]
    fn the_first_data_fin_and_the_segment_that_first_carried_the_highest_data_ack() {
        use Multipath::{DataAck, DataFin, Nothing};
        use Side::{Hi, Lo};
        let all = signs(&[
            (Lo, DataAck, u32::MAX),
            (Hi, DataAck, 7),
            (Hi, DataFin, 1),
            (Lo, DataAck, 0),
            (Hi, DataFin, 1),
            (Lo, DataAck, 1),
            (Lo, Nothing, 0),
            (Lo, DataAck, u32::MAX),
            (Lo, DataAck, 1),
        ]);
        for cut in 0..=all.len() {
            let joined = first(&all[..cut]).then(&part(&all[cut..]));
            let frame = |stamp: Option<Stamp>| stamp.map(|stamp| stamp.frame);
            assert_eq!(frame(joined.data_fin(Hi).map(|fin| fin.seen)), Some(3), "{cut}");
            assert_eq!(frame(joined.data_fin_acked(Hi)), Some(6), "{cut}");
            assert_eq!((joined.data_fin(Lo), joined.data_fin_acked(Lo)), (None, None));
        }
        assert_eq!(first(&all[..5]).data_fin_acked(Hi), None, "one octet is missing");
    }

    #[test]
    fn plain_tcp_is_no_subflow() {
        use Multipath::{DataAck, Fallback, Nothing};
        use Side::{Hi, Lo};
        let is_subflow = |all| first(&signs(all)).data_level().is_some();
        assert!(is_subflow(&[(Lo, DataAck, 1), (Hi, DataAck, 2)]));
        assert!(!is_subflow(&[(Lo, DataAck, 1), (Hi, Nothing, 0)]), "its options do not arrive");
        assert!(!is_subflow(&[(Lo, DataAck, 1), (Hi, DataAck, 2), (Hi, Fallback, 0)]));
    }
}
