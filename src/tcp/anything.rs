//! Connections with something in every field, for what has to take any connection: no conversation leads to most of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::closing::{Fin, IcmpError, Rst, Stuck, ZeroWindow};
use super::connection::{Connection, Empties, Empty, Extra, Recent, Seldom};
use super::data_level::{DataLevel, DataMark};
use super::half::{Half, HopLimits, Tally};
use super::history::History;
use super::join::Head;
use super::silence::{Episode, Inherited, Rare, Silence, Silences, Witness};
use super::traffic::{Dice, flow};
use super::waits::{Answers, Waits};
use crate::wire::{Multipath, Segment, SeqNum, Side, Span, Stamp, TcpFlags, TcpTimestamps, Timestamp};

/// What is drawn from. Values of a connection are often one another, or near: so stamps and numbers come from few.
struct Pool {
    dice: Dice,
    stamps: [Stamp; 6],
    numbers: [u32; 4],
}

/// One of many.
pub(super) fn connection(seed: u64) -> Connection {
    let mut dice = Dice(seed);
    let base = dice.roll(2_000_000_000) as i64 * 1_000_000_000;
    let stamps = std::array::from_fn(|n| Stamp {
        at: Timestamp(base + dice.roll(1 << (10 * n)) as i64),
        frame: 1 + dice.roll(1 << (4 * n)),
    });
    let numbers = std::array::from_fn(|_| dice.next() as u32);
    Pool { dice, stamps, numbers }.connection()
}

impl Pool {
    fn chance(&mut self) -> bool {
        self.dice.permille(500)
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Pool) -> T) -> Option<T> {
        self.chance().then(|| value(self))
    }

    /// Nothing, little, or any of that many bits.
    fn number(&mut self, bits: u32) -> u64 {
        match self.dice.roll(4) {
            0 => 0,
            1 => self.dice.roll(4),
            _ => self.dice.next() >> (64 - bits),
        }
    }

    fn octet(&mut self) -> u8 {
        self.number(8) as u8
    }

    fn short(&mut self) -> u16 {
        self.number(16) as u16
    }

    fn long(&mut self) -> u32 {
        self.number(32) as u32
    }

    fn seq(&mut self) -> SeqNum {
        let near = self.numbers[self.dice.roll(4) as usize];
        SeqNum(near.wrapping_add(self.dice.roll(5) as u32).wrapping_sub(2))
    }

    fn span(&mut self) -> Span {
        let unit = if self.chance() { 1_000 } else { 1 };
        Span(self.number(40) as i64 * unit)
    }

    fn stamp(&mut self) -> Stamp {
        let mut stamp = self.stamps[self.dice.roll(6) as usize];
        if self.dice.permille(300) {
            stamp.at = stamp.at + self.span();
            stamp.frame += self.number(20);
        }
        stamp
    }

    fn side(&mut self) -> Side {
        Side::BOTH[self.dice.roll(2) as usize]
    }

    fn connection(&mut self) -> Connection {
        let mut connection = Connection {
            halves: [self.half(), self.half()],
            history: History { seen: self.long(), order: [self.long(), self.long()] },
            bits: self.dice.next() as u32 & !Connection::HAS_RST,
            longest_answer_us: self.long(),
            stream: self.long(),
            extra: None,
            tallies: [self.tally(), self.tally()],
            first: self.stamps[0],
            responder_rtt_us: self.long(),
            originator_rtt_us: self.long(),
            ..Connection::new(flow(self.dice.next() as u8))
        };
        connection.extra = self.maybe(|pool| Box::new(pool.extra(&connection)));
        if Side::BOTH.into_iter().any(|side| connection.rst(side).is_some()) {
            connection.bits |= Connection::HAS_RST;
        }
        connection
    }

    fn half(&mut self) -> Half {
        Half {
            last: if self.chance() { self.stamp() } else { Stamp::default() },
            last_payload_at: if self.chance() { self.stamp().at } else { Timestamp(0) },
            payload: self.number(40),
            nxt: self.seq(),
            data_end: self.seq(),
            ack: self.seq(),
            segments: self.long(),
            signature: self.long(),
            ts_val: self.long(),
            window: self.short(),
            flags: TcpFlags(self.octet()),
            largest_step: self.octet(),
            has: self.octet(),
            interface: self.octet(),
            hop_limit: self.octet(),
            repeats: self.octet(),
        }
    }

    fn tally(&mut self) -> Tally {
        Tally {
            isn: self.seq(),
            retransmissions: self.long(),
            first_payload_us: self.long(),
            captured_twice: self.short(),
            keepalives: self.short(),
            window_probes: self.short(),
            out_of_order: self.short(),
            holes: self.short(),
            acked_unseen: self.short(),
            syns: self.octet(),
            open_holes: self.octet(),
            window_scale: self.octet(),
            hop_limits: HopLimits(std::array::from_fn(|_| self.octet())),
        }
    }

    fn extra(&mut self, around: &Connection) -> Extra {
        Extra {
            fin: [0, 1].map(|_| self.maybe(|pool| Box::new(pool.fin()))),
            rst: [0, 1].map(|_| self.maybe(|pool| Box::new(pool.rst()))),
            silences: self.maybe(|pool| Box::new(pool.silences())),
            zero: self.maybe(|pool| Box::new([pool.zero_window(), pool.zero_window()])),
            stuck: [0, 1].map(|_| self.maybe(|pool| Box::new(pool.stuck()))),
            seldom: self.maybe(|pool| Box::new(pool.seldom())),
            recent: self.maybe(|pool| Box::new(pool.recent())),
            head: self.maybe(|pool| Box::new(pool.head(around))),
            empties: self.maybe(|pool| Box::new([pool.empties(), pool.empties()])),
        }
    }

    fn fin(&mut self) -> Fin {
        Fin {
            seen: self.stamp(),
            end: self.seq(),
            ack: self.maybe(Pool::seq),
            peer_payload_before: self.number(40),
            last_sent: self.stamp(),
            acked: self.maybe(Pool::stamp),
            close_wait: self.maybe(Pool::stamp),
            perhaps_close_wait: self.maybe(|pool| (pool.stamp(), pool.seq())),
            answer_owed: self.chance(),
            closes_second: self.chance(),
            sent: self.short(),
            ip_id: self.short(),
            hop_limit: self.octet(),
            with_data: self.chance(),
        }
    }

    fn rst(&mut self) -> Rst {
        Rst {
            seen: self.stamp(),
            seq: self.seq(),
            ack: self.maybe(Pool::seq),
            expected: self.maybe(Pool::seq),
            peer_ack: self.maybe(Pool::seq),
            after: self.maybe(|pool| (pool.stamp(), pool.seq())),
            window: self.short(),
            ip_id: self.short(),
            last_sent: self.stamp(),
            sent: self.short(),
            hop_limit: self.octet(),
            flags: TcpFlags(self.octet()),
            has_options: self.chance(),
            unread: self.chance(),
        }
    }

    fn zero_window(&mut self) -> ZeroWindow {
        ZeroWindow {
            since: self.maybe(Pool::stamp),
            spells: self.long(),
            longest: self.span(),
            longest_from: self.stamp(),
            inherited: self.chance(),
            inherited_end: self.maybe(|pool| pool.stamp().at),
        }
    }

    fn stuck(&mut self) -> Stuck {
        Stuck {
            since: self.stamp(),
            seen: self.stamp(),
            seq: self.seq(),
            len: self.long(),
            after_another: self.chance(),
        }
    }

    fn seldom(&mut self) -> Seldom {
        let icmp = [0, 1].map(|_| self.maybe(Pool::icmp));
        let mark = |pool: &mut Pool| DataMark { seen: pool.stamp(), number: pool.seq() };
        let data_level = self.maybe(|pool| {
            let [fin, ack] = [0, 1].map(|_| [0, 1].map(|_| pool.maybe(mark)));
            Box::new(DataLevel { fin, ack, fell_back: pool.chance() })
        });
        Seldom { icmp, data_level }
    }

    fn icmp(&mut self) -> IcmpError {
        let address = u128::from(self.dice.next()) << 64 | u128::from(self.dice.next());
        let from = match self.chance() {
            true => IpAddr::V4(Ipv4Addr::from_bits(address as u32)),
            false => IpAddr::V6(Ipv6Addr::from_bits(address)),
        };
        let [kind, code] = [self.octet(), self.octet()];
        IcmpError { seen: self.stamp(), from, kind, code, count: self.short() }
    }

    fn recent(&mut self) -> Recent {
        let mut one = || match self.chance() {
            true => (self.long(), self.stamp().at, self.octet()),
            false => (0, Timestamp(0), 0),
        };
        Recent {
            ring: std::array::from_fn(|_| std::array::from_fn(|_| one())),
            next: [self.octet(), self.octet()],
        }
    }

    fn empties(&mut self) -> Empties {
        let empty = |pool: &mut Pool| Empty { seen: pool.stamp(), seq: pool.seq(), ack: pool.seq() };
        Empties { perhaps: self.maybe(empty), behind_data: self.maybe(empty) }
    }

    fn head(&mut self, around: &Connection) -> Head {
        let count = [0, 1, 15, 16, Head::MOST][self.dice.roll(5) as usize];
        let mut segments: Vec<_> = (0..count).map(|_| self.segment()).collect();
        segments.iter_mut().take(1).for_each(|segment| segment.seen = around.first);
        let closed = self.maybe(|_| Box::new(Connection::after_head(around.key, around.first, &segments)));
        Head { segments, closed }
    }

    fn segment(&mut self) -> Segment {
        let multipath = Multipath::ALL[self.dice.roll(4) as usize];
        Segment {
            seen: self.stamp(),
            seq: self.seq(),
            ack: self.seq(),
            len: self.number(16) as u32,
            timestamps: TcpTimestamps { val: self.long(), ecr: self.long() },
            window: self.short(),
            checksum: self.short(),
            ip_id: self.short(),
            interface: self.octet(),
            flags: TcpFlags(self.octet()),
            hop_limit: self.octet(),
            side: self.side(),
            has_timestamps: self.chance(),
            has_options: self.chance(),
            window_scale: self.octet(),
            multipath,
            data_number: if multipath == Multipath::Nothing { SeqNum(0) } else { self.seq() },
        }
    }

    fn silences(&mut self) -> Silences {
        use Inherited::{Answered, Nothing, Reset, Waiting};
        Silences {
            pending: self.maybe(|pool| {
                Box::new(Episode {
                    silence: pool.silence(),
                    target: pool.seq(),
                    attempts: pool.short(),
                    last_attempt: pool.stamp().at,
                    heard: pool.chance(),
                })
            }),
            survived: std::array::from_fn(|_| self.witness()),
            rare: self.maybe(|pool| {
                Box::new(Rare {
                    after_fin: pool.witness(),
                    since_first: pool.witness(),
                    reset: pool.maybe(Pool::silence),
                    waits: [0, 1].map(|_| {
                        let count = pool.dice.roll(Waits::ROOM as u64 + 1);
                        Waits((0..count).map(|_| pool.witness()).collect())
                    }),
                    perhaps_wait: pool.maybe(|pool| (pool.side(), pool.witness())),
                })
            }),
            inherited: [Nothing, Waiting, Answered, Reset][self.dice.roll(4) as usize],
            survived_count: self.long(),
            blurred_count: self.long(),
        }
    }

    fn silence(&mut self) -> Silence {
        Silence {
            spans: std::array::from_fn(|_| self.span()),
            from_frame: self.stamp().frame,
            resumed: self.stamp(),
            by: self.side(),
            after_fin: self.chance(),
            probe: self.chance(),
            no_payload: self.chance(),
            answers: [Answers::No, Answers::Perhaps, Answers::Yes][self.dice.roll(3) as usize],
        }
    }

    /// Of no length is only what there was none of.
    fn witness(&mut self) -> Witness {
        let ([from, to], span) = ([self.stamp(), self.stamp()], self.span());
        if span == Span::ZERO {
            return Witness::default();
        }
        Witness { span, from_frame: from.frame, to_frame: to.frame, at: to.at }
    }
}
