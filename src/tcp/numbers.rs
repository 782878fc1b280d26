//! One order of streams where a capture's flows are shared out over several tables: Wireshark's number is the rank of
//! the frame in which a stream began, over all of them.

use super::connection::Connection;
use super::streams::Begun;
use super::table::Table;

/// When the streams of several tables began; see [`Table::shared`].
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    tables: Vec<Begun>,
    /// From this frame on numbers are unknown.
    lost: Option<u64>,
}

impl Numbers {
    /// What these tables know, in the order of their places.
    pub fn of<'a>(tables: impl IntoIterator<Item = &'a Table>) -> Self {
        let mut numbers = Numbers::default();
        for streams in tables.into_iter().map(Table::streams) {
            numbers.tables.push(streams.begun().clone());
            numbers.lost = [numbers.lost, streams.lost()].into_iter().flatten().min();
        }
        numbers
    }

    /// Puts Wireshark's numbers in the place of those that the tables gave; [`Connection::NO_STREAM`] where they are
    /// unknown. Numbers that no table gave stay as they are.
    pub fn resolve<'a>(&self, given: impl IntoIterator<Item = &'a mut u32>) {
        let shares = self.tables.len().max(1) as u32;
        let known = given.into_iter().filter(|given| **given != Connection::NO_STREAM);
        let mut asked: Vec<_> = known.map(|given| (*given % shares, *given / shares, given)).collect();
        asked.sort_unstable_by_key(|&(place, ordinal, _)| (place, ordinal));
        let mut began = Vec::with_capacity(asked.len());
        for of_one in asked.chunk_by_mut(|one, next| one.0 == next.0) {
            let table = self.tables.get(of_one[0].0 as usize);
            let Some(table) = table.filter(|table| !table.is_empty()) else { continue };
            let mut frames = (0_u32..).zip(table.frames()).peekable();
            for (_, ordinal, given) in of_one {
                while frames.next_if(|(n, _)| n < ordinal).is_some() {}
                began.push((frames.peek().map_or(u64::MAX, |&(_, frame)| frame), given));
            }
        }
        began.sort_unstable_by_key(|&(frame, _)| frame);
        let mut all: Vec<_> = self.tables.iter().map(|table| table.frames().peekable()).collect();
        let mut rank = 0;
        for (frame, given) in began {
            for frames in &mut all {
                while frames.next_if(|&other| other < frame).is_some() {
                    rank += 1;
                }
            }
            let is_known = self.lost.is_none_or(|lost| frame < lost);
            **given = if is_known { rank } else { Connection::NO_STREAM };
        }
    }

    /// All numbers at once, four octets for each stream.
    pub fn ranks(&self) -> Ranks {
        let mut ranks = vec![Vec::new(); self.tables.len()];
        let mut frames: Vec<_> = self.tables.iter().map(|table| table.frames().peekable()).collect();
        for rank in 0.. {
            let next = (0..).zip(&mut frames).filter_map(|(at, frames)| Some((*frames.peek()?, at))).min();
            let Some((frame, at)) = next else { break };
            let at: usize = at;
            frames[at].next();
            let is_known = self.lost.is_none_or(|lost| frame < lost);
            ranks[at].push(if is_known { rank } else { Connection::NO_STREAM });
        }
        Ranks(ranks)
    }
}

/// Wireshark's number of every stream.
#[derive(Clone, Debug)]
pub struct Ranks(Vec<Vec<u32>>);

impl Ranks {
    /// In the place of one that a table gave; [`Connection::NO_STREAM`] where it is unknown.
    pub fn of(&self, given: u32) -> u32 {
        let shares = self.0.len().max(1) as u32;
        let of_table = self.0.get((given % shares) as usize);
        let rank = of_table.and_then(|ranks| ranks.get((given / shares) as usize));
        rank.copied().unwrap_or(Connection::NO_STREAM)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Limits;
    use super::*;
    use crate::wire::{Endpoint, FlowKey, Segment, SeqNum, Side, Stamp, TcpFlags, TcpTimestamps, Timestamp};

    fn syn(flow: u8, frame: u64) -> (FlowKey, Segment) {
        let (key, _) =
            FlowKey::of(Endpoint::v4([10, 0, 0, flow], 40_000), Endpoint::v4([10, 0, 1, 1], 80), 0);
        let segment = Segment {
            seen: Stamp { at: Timestamp::new(frame as i64, 0), frame },
            seq: SeqNum(1),
            ack: SeqNum(0),
            len: 0,
            timestamps: TcpTimestamps::default(),
            window: 1_000,
            checksum: 0,
            ip_id: 0,
            interface: 0,
            flags: TcpFlags::SYN,
            hop_limit: 64,
            side: Side::Lo,
            has_timestamps: false,
            has_options: false,
            ..Segment::BLANK
        };
        (key, segment)
    }

    #[test]
    fn ranks_are_those_of_one_table() {
        // Which of three tables begins a stream in each frame.
        let places = [0, 2, 2, 1, 0, 1, 1, 2, 0, 0];
        let mut one = Table::new(Limits::default());
        let mut shared: Vec<Table> = (0..3).map(|place| Table::shared(Limits::default(), place, 3)).collect();
        for (n, &place) in places.iter().enumerate() {
            let (key, segment) = syn(n as u8, n as u64 + 1);
            one.observe_all(&[(key, segment)]);
            shared[place].observe_all(&[(key, segment)]);
        }
        let given = |frame: u64| {
            let mut all = shared.iter().flat_map(Table::iter);
            all.find(|connection| connection.first.frame == frame).unwrap().stream
        };
        let mut asked: Vec<u32> = [10, 1, 7, 4, 7].into_iter().map(given).collect();
        asked.push(Connection::NO_STREAM);
        Numbers::of(&shared).resolve(&mut asked);
        assert_eq!(asked, [9, 0, 6, 3, 6, Connection::NO_STREAM]);
        let ranks = Numbers::of(&shared).ranks();
        for frame in 1..=10 {
            assert_eq!(u64::from(ranks.of(given(frame))) + 1, frame);
        }
        assert_eq!(ranks.of(Connection::NO_STREAM), Connection::NO_STREAM);
        let half_lost = Numbers { lost: Some(4), ..Numbers::of(&shared) };
        let mut asked = [3, 4, 5].map(given);
        half_lost.resolve(&mut asked);
        assert_eq!(asked, [2, Connection::NO_STREAM, Connection::NO_STREAM], "known before that frame only");
        assert_eq!([3, 4, 5].map(|frame| half_lost.ranks().of(given(frame))), asked);
        let (mut asked, none) = ([7], Table::new(Limits::default()));
        Numbers::of([&none]).resolve(&mut asked);
        assert_eq!(asked, [7], "no table gave it");
        shared[2].lose_streams();
        assert_eq!(Numbers::of(&shared).ranks().of(0), Connection::NO_STREAM);
        for connection in one.iter() {
            assert_eq!(u64::from(connection.stream) + 1, connection.first.frame);
        }
    }
}
