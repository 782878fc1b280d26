//! A large world, sampled: the ends send data too, the network loses, doubles and reorders on both sides of the capture
//! point, and the capture drops frames, begins late, or shows what a network card has put together.
//!
//! `OBSERVER_CONVERSATIONS` asks for more than continuous integration has time for, `OBSERVER_SEED` for others.

use std::collections::{BTreeMap, VecDeque};

use cwait_pcap::tcp::{Connection, State, replay};
use cwait_pcap::wire::{Segment, Side, Span, Stamp, TcpFlags, Timestamp};

use super::{Teardown, key, leads_to, segment, shows_a_hole};

/// Numbers from a seed (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }

    pub(super) fn percent(&mut self, chances: u64) -> bool {
        self.roll(100) < chances
    }
}

/// What disturbs one conversation, in per cent of its segments.
#[derive(Clone, Copy, Default)]
pub(super) struct Network {
    pub(super) name: &'static str,
    loss_before: u64,
    delay_before: bool,
    reorder_before: u64,
    loss_after: u64,
    reorder_after: u64,
    doubled: u64,
    captured_twice: u64,
    capture_drops: u64,
    offload: u64,
    midstream: bool,
    /// Now and then everybody is silent for seconds or minutes.
    pauses: bool,
}

impl Network {
    pub(super) fn with_pauses(self) -> Network {
        Network { pauses: true, ..self }
    }
}

pub(super) const NETWORKS: [Network; 6] = {
    let none = Network {
        name: "loss after",
        loss_before: 0,
        delay_before: false,
        reorder_before: 0,
        loss_after: 15,
        reorder_after: 15,
        doubled: 10,
        captured_twice: 5,
        capture_drops: 0,
        offload: 0,
        midstream: false,
        pauses: false,
    };
    [
        none,
        Network { name: "delay before", delay_before: true, ..none },
        Network {
            name: "loss and reordering before",
            delay_before: true,
            reorder_before: 15,
            loss_before: 15,
            ..none
        },
        Network { name: "capture drops", capture_drops: 15, ..none },
        Network { name: "offload", offload: 50, delay_before: true, ..none },
        Network {
            name: "everything",
            delay_before: true,
            reorder_before: 10,
            loss_before: 10,
            capture_drops: 10,
            offload: 30,
            midstream: true,
            ..none
        },
    ]
};

/// One end. Offsets count from its SYN, so that they never wrap.
#[derive(Clone, Default)]
pub(super) struct End {
    isn: u32,
    nxt: u64,
    una: u64,
    rcv: u64,
    /// Where its FIN lies.
    fin: Option<u64>,
    pub(super) teardown: Teardown,
    ever_waited: bool,
    /// Payload as it was cut into segments.
    sent: Vec<(u64, u32)>,
}

#[derive(Clone, Copy)]
struct Passing {
    side: Side,
    fin: bool,
    seq: u64,
    ack: u64,
    len: u32,
    id: u16,
    probe: bool,
}

pub(super) struct World {
    dice: Dice,
    network: Network,
    pub(super) ends: [End; 2],
    before: [VecDeque<Passing>; 2],
    after: [VecDeque<Passing>; 2],
    ids: u16,
    frame: u64,
    /// Frames that passed before the capture began.
    unseen: u64,
    waiting: Option<Passing>,
    pub(super) connection: Connection,
    /// Now.
    pub(super) clock: Timestamp,
    /// Frames that the capture dropped.
    pub(super) dropped: u64,
    /// What passed the capture point, captured or not.
    pub(super) passed: Vec<Passed>,
}

/// A segment that passed the capture point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub(super) at: Timestamp,
    pub(super) side: Side,
    pub(super) fin: bool,
    /// It acknowledges the other side's FIN.
    pub(super) acks_fin: bool,
}

#[derive(Default, Debug)]
struct Counts {
    views: u64,
    holes: u64,
    sure: u64,
    proven_wrong: u64,
    past_expected: u64,
    close_waits: u64,
    /// Claimed and true state, where the claim was proven and wrong.
    wrong: BTreeMap<(State, State), u64>,
}

impl World {
    pub(super) fn new(seed: u64, network: Network) -> World {
        let mut dice = Dice(seed);
        let mut ends: [End; 2] = Default::default();
        for end in &mut ends {
            // Half of them wrap within the conversation.
            let any = dice.next() as u32;
            end.isn = if any & 1 == 0 { any } else { 0_u32.wrapping_sub(any >> 20) };
            (end.nxt, end.una, end.rcv) = (1, 1, 1);
        }
        let unseen = if network.midstream && dice.percent(50) { 3 + dice.roll(12) } else { 0 };
        let mut world = World {
            dice,
            network,
            ends,
            before: Default::default(),
            after: Default::default(),
            ids: 0,
            frame: 0,
            unseen,
            waiting: None,
            connection: Connection::new(key()),
            clock: segment(0, Side::Lo, TcpFlags::ACK, 0, 0, 0).seen.at,
            dropped: 0,
            passed: Vec::new(),
        };
        world.handshake();
        world
    }

    fn handshake(&mut self) {
        let [lo, hi] = [self.ends[0].isn, self.ends[1].isn];
        let ack = TcpFlags::ACK;
        for (side, flags, seq, acked) in [
            (Side::Lo, TcpFlags::SYN, lo, 0),
            (Side::Hi, TcpFlags::SYN | ack, hi, lo.wrapping_add(1)),
            (Side::Lo, ack, lo.wrapping_add(1), hi.wrapping_add(1)),
        ] {
            self.record(segment(0, side, flags, seq, acked, 0));
        }
    }

    pub(super) fn step(&mut self) {
        if self.network.pauses && self.dice.percent(4) {
            self.settle();
            let seconds = [1, 3, 20, 70, 400][self.dice.roll(5) as usize];
            self.clock = self.clock + Span::millis(seconds * 1_000 + self.dice.roll(1_000) as i64);
        }
        let side = Side::BOTH[self.dice.roll(2) as usize];
        let x = side.index();
        match self.dice.roll(100) {
            0..=14 => self.send_data(side),
            15..=22 => self.close(side),
            23..=30 => self.repeat(side),
            31..=34 => self.send(side, false, self.ends[x].nxt, 0),
            35..=36 => self.probe(side),
            37..=67 => self.reach_capture(side),
            _ => self.reach_other_end(side),
        }
    }

    /// A card holds nothing back for longer than an instant.
    pub(super) fn settle(&mut self) {
        if let Some(held) = self.waiting.take() {
            self.note(held);
        }
    }

    fn send_data(&mut self, side: Side) {
        let len = [1, 10, 100, 1448][self.dice.roll(4) as usize];
        let end = &mut self.ends[side.index()];
        if end.fin.is_none() && end.sent.len() < 8 {
            let seq = end.nxt;
            end.nxt += u64::from(len);
            end.sent.push((seq, len));
            self.send(side, false, seq, len);
        }
    }

    fn close(&mut self, side: Side) {
        let with_data = self.dice.percent(30);
        let end = &mut self.ends[side.index()];
        if end.fin.is_none() {
            let (seq, len) = (end.nxt, if with_data { 50 } else { 0 });
            if len > 0 {
                end.sent.push((seq, len));
            }
            end.fin = Some(seq + u64::from(len));
            end.nxt = seq + u64::from(len) + 1;
            end.teardown.sent = true;
            self.send(side, true, seq, len);
        }
    }

    /// The oldest that is not acknowledged, or all of it at once; a FIN may ride on what comes before it.
    fn repeat(&mut self, side: Side) {
        let at_once = self.dice.percent(40);
        let end = &self.ends[side.index()];
        if end.una == end.nxt {
            return;
        }
        let first = end.sent.iter().find(|&&(seq, len)| seq + u64::from(len) > end.una).copied();
        let (seq, mut len) = first.unwrap_or((end.fin.unwrap_or(end.nxt), 0));
        let data_end = end.fin.unwrap_or(end.nxt);
        if at_once {
            len = (data_end - seq) as u32;
        }
        let fin = end.fin == Some(seq + u64::from(len));
        self.send(side, fin, seq, len);
    }

    /// A keep-alive with one octet: after a FIN it has the FIN's number.
    fn probe(&mut self, side: Side) {
        let end = &self.ends[side.index()];
        let alive = matches!(end.teardown.state(), State::Established | State::CloseWait | State::FinWait2);
        if alive && end.una == end.nxt {
            self.send(side, false, end.nxt - 1, 1);
        }
    }

    fn send(&mut self, side: Side, fin: bool, seq: u64, len: u32) {
        let end = &self.ends[side.index()];
        if end.teardown.state() == State::Closed {
            return;
        }
        self.ids = self.ids.wrapping_add(1);
        let probe = len == 1 && seq + 1 == end.nxt && end.una == end.nxt;
        let passing = Passing { side, fin, seq, ack: end.rcv, len, id: self.ids, probe };
        self.before[side.index()].push_back(passing);
        if !self.network.delay_before {
            self.reach_capture(side);
        }
    }

    fn take(queue: &mut VecDeque<Passing>, dice: &mut Dice, reorder: u64) -> Option<Passing> {
        let at = if queue.len() > 1 && dice.percent(reorder) { 1 } else { 0 };
        queue.remove(at)
    }

    fn reach_capture(&mut self, side: Side) {
        let x = side.index();
        let network = self.network;
        let taken = World::take(&mut self.before[x], &mut self.dice, network.reorder_before);
        let Some(passing) = taken else { return };
        if self.dice.percent(network.loss_before) {
            return;
        }
        self.after[x].push_back(passing);
        let acks_fin = self.ends[side.peer().index()].fin.is_some_and(|fin| passing.ack > fin);
        self.passed.push(Passed { at: self.clock, side, fin: passing.fin, acks_fin });
        if self.dice.percent(network.doubled) {
            self.after[x].push_back(passing);
        }
        if self.dice.percent(network.capture_drops) {
            self.dropped += 1;
        } else {
            self.capture(passing);
        }
    }

    /// A card may hold a segment back to put the next one behind it.
    fn capture(&mut self, passing: Passing) {
        if let Some(held) = self.waiting.take() {
            let follows = held.side == passing.side
                && !held.fin
                && held.seq + u64::from(held.len) == passing.seq
                && held.ack == passing.ack
                && passing.len > 0;
            if follows {
                let len = held.len + passing.len;
                return self.note(Passing { seq: held.seq, len, ..passing });
            }
            self.note(held);
        }
        if passing.len > 0 && self.dice.percent(self.network.offload) {
            self.waiting = Some(passing);
        } else {
            self.note(passing);
        }
    }

    fn note(&mut self, passing: Passing) {
        let mut flags = if passing.fin { TcpFlags::FIN | TcpFlags::ACK } else { TcpFlags::ACK };
        if passing.len > 0 && !passing.probe {
            flags |= TcpFlags::PSH;
        }
        let [own, peer] = [passing.side, passing.side.peer()].map(|side| self.ends[side.index()].isn);
        let number = |isn: u32, offset: u64| isn.wrapping_add(offset as u32);
        let (seq, ack) = (number(own, passing.seq), number(peer, passing.ack));
        let mut seen = segment(0, passing.side, flags, seq, ack, passing.len);
        seen.ip_id = passing.id;
        self.record(seen);
        if self.dice.percent(self.network.captured_twice) {
            seen.interface = 1;
            self.record(seen);
        }
    }

    fn record(&mut self, mut seen: Segment) {
        self.frame += 1;
        self.clock = self.clock + Span::millis(10);
        if self.frame > self.unseen {
            let id = seen.ip_id;
            let stamped = segment(self.frame, seen.side, seen.flags, seen.seq.0, seen.ack.0, seen.len);
            let now = Stamp { at: self.clock, frame: self.frame };
            seen = Segment { seen: now, interface: seen.interface, ip_id: id, checksum: id, ..stamped };
            self.connection.observe(&seen);
        }
    }

    fn reach_other_end(&mut self, side: Side) {
        let network = self.network;
        let taken = World::take(&mut self.after[side.index()], &mut self.dice, network.reorder_after);
        let Some(passing) = taken else { return };
        if !self.dice.percent(network.loss_after) {
            self.arrive(passing);
        }
    }

    fn arrive(&mut self, passing: Passing) {
        let receiver = passing.side.peer();
        let end = &mut self.ends[receiver.index()];
        if end.teardown.state() == State::Closed {
            return;
        }
        end.una = end.una.max(passing.ack);
        let acks_fin = end.fin.is_some_and(|fin| passing.ack > fin);
        let data_end = passing.seq + u64::from(passing.len);
        let in_order = passing.seq <= end.rcv;
        let fin_now = passing.fin && in_order && data_end >= end.rcv;
        if in_order {
            end.rcv = end.rcv.max(data_end + u64::from(passing.fin));
        }
        end.teardown.receive(fin_now, acks_fin);
        end.ever_waited |= end.teardown.received && end.teardown.waited;
        if (passing.len > 0 || passing.fin) && self.dice.percent(70) {
            let nxt = self.ends[receiver.index()].nxt;
            self.send(receiver, false, nxt, 0);
        }
    }

    /// What is claimed as certain must be true, whatever the network did; the rest is counted.
    fn check(&self, counts: &mut Counts) {
        let connection = &self.connection;
        for side in Side::BOTH {
            let end = &self.ends[side.index()];
            let peer = &self.ends[side.peer().index()];
            if let Some(fin) = connection.fin(side) {
                let number = |offset: u64| end.isn.wrapping_add(offset as u32);
                assert_eq!(Some(fin.end.0), end.fin.map(|fin| number(fin + 1)), "a FIN that was sent");
                assert!(fin.acked.is_none() || peer.teardown.received, "a FIN that was received");
                if let Some(shown) = fin.close_wait {
                    counts.close_waits += 1;
                    assert!(peer.ever_waited, "frame {}: it was never in CLOSE-WAIT", shown.frame);
                }
            }
            if connection.closed_by_both() {
                assert!(end.teardown.received && peer.teardown.received);
            }
        }
        if Side::BOTH.into_iter().any(|side| shows_a_hole(connection, side)) {
            counts.holes += 2;
            return;
        }
        for side in Side::BOTH {
            let truth = self.ends[side.index()].teardown.state();
            let said = replay(connection, side);
            counts.views += 1;
            counts.sure += u64::from(said.is_sure());
            if !leads_to(said.proven, truth) {
                counts.proven_wrong += 1;
                *counts.wrong.entry((said.proven, truth)).or_default() += 1;
            }
            counts.past_expected += u64::from(!leads_to(truth, said.expected));
        }
    }
}

/// A number from the environment.
pub(super) fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
}

#[test]
fn what_is_certain_is_true() {
    let conversations = number("OBSERVER_CONVERSATIONS", 60_000);
    let seed = number("OBSERVER_SEED", 1);
    for (n, network) in NETWORKS.into_iter().enumerate() {
        let mut counts = Counts::default();
        let mut dice = Dice(seed ^ (n as u64) << 32);
        for _ in 0..conversations / NETWORKS.len() as u64 {
            let mut world = World::new(dice.next(), network);
            let steps = 20 + dice.roll(100);
            for step in 0..steps {
                world.step();
                if step % 8 == 7 {
                    world.check(&mut counts);
                }
            }
        }
        println!("{}: {counts:?}", network.name);
        assert!(counts.close_waits > 0);
        if network.loss_before == 0 && network.capture_drops == 0 && network.offload == 0 {
            assert_eq!(counts.proven_wrong, 0, "{}", network.name);
            assert!(network.delay_before || counts.past_expected == 0);
        }
    }
}
