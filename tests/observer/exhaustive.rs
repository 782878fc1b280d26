//! A small world, walked through from end to end: two ends close, repeat and acknowledge, the network delays and loses,
//! and after every step the observer is asked.

use std::collections::{BTreeMap, HashSet};

use cwait_pcap::tcp::{Connection, EndpointState, State, replay};
use cwait_pcap::wire::{Side, TcpFlags};

use super::{Teardown, key, leads_to, segment, shows_a_hole};

/// A segment of the closing: numbers count from the octet that the FIN takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Passing {
    side: Side,
    fin: bool,
    seq: u8,
    ack: u8,
}

/// What can go wrong.
#[derive(Clone, Copy, Default)]
struct Network {
    delay_before: bool,
    loss_before: bool,
    capture_drops: bool,
    /// How often each end may repeat its FIN, and acknowledge unasked.
    repeats: [u8; 2],
    spontaneous: [u8; 2],
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    ends: [Teardown; 2],
    repeats: [u8; 2],
    spontaneous: [u8; 2],
    /// On the way to the capture point, and from it, by sender.
    before: [Vec<Passing>; 2],
    after: [Vec<Passing>; 2],
    seen: Vec<Passing>,
}

#[derive(Default, Debug)]
struct Counts {
    views: u64,
    holes: u64,
    sure: u64,
    proven_wrong: u64,
    past_expected: u64,
    past_expected_at_rest: u64,
    never_waited: u64,
    /// Claimed and true state, where the claim was proven and wrong.
    wrong: BTreeMap<(State, State), u64>,
}

impl World {
    fn new(network: Network) -> World {
        World {
            ends: Default::default(),
            repeats: network.repeats,
            spontaneous: network.spontaneous,
            before: Default::default(),
            after: Default::default(),
            seen: Vec::new(),
        }
    }

    /// All worlds one step on.
    fn onward(&self, network: Network) -> Vec<World> {
        let mut all = Vec::new();
        for side in Side::BOTH {
            let x = side.index();
            let end = self.ends[x];
            if !end.sent {
                let mut next = self.clone();
                next.ends[x].sent = true;
                next.sends(side, true, network, &mut all);
            }
            if end.sent && !end.acked && self.repeats[x] > 0 {
                let mut next = self.clone();
                next.repeats[x] -= 1;
                next.sends(side, true, network, &mut all);
            }
            if self.spontaneous[x] > 0 && end.state() != State::Closed {
                let mut next = self.clone();
                next.spontaneous[x] -= 1;
                next.sends(side, false, network, &mut all);
            }
            if let Some((&segment, rest)) = self.before[x].split_first() {
                let mut next = self.clone();
                next.before[x] = rest.to_vec();
                next.passes(segment, network, &mut all);
            }
            if let Some((&segment, rest)) = self.after[x].split_first() {
                let mut next = self.clone();
                next.after[x] = rest.to_vec();
                all.push(next.clone());
                next.arrives(segment, network, &mut all);
            }
        }
        all
    }

    fn sends(mut self, side: Side, fin: bool, network: Network, all: &mut Vec<World>) {
        let end = self.ends[side.index()];
        let seq = u8::from(end.sent && !fin);
        let segment = Passing { side, fin, seq, ack: u8::from(end.received) };
        if network.delay_before {
            self.before[side.index()].push(segment);
            all.push(self);
        } else {
            self.passes(segment, network, all);
        }
    }

    fn passes(mut self, segment: Passing, network: Network, all: &mut Vec<World>) {
        if network.loss_before {
            all.push(self.clone());
        }
        self.after[segment.side.index()].push(segment);
        if network.capture_drops {
            all.push(self.clone());
        }
        self.seen.push(segment);
        all.push(self);
    }

    fn arrives(mut self, segment: Passing, network: Network, all: &mut Vec<World>) {
        let receiver = segment.side.peer();
        let end = &mut self.ends[receiver.index()];
        if end.state() == State::Closed {
            all.push(self);
            return;
        }
        end.receive(segment.fin, segment.ack > 0);
        let open = end.state() != State::Closed;
        // The answer may come at once, or ride on something later.
        all.push(self.clone());
        if segment.fin && open {
            self.sends(receiver, false, network, all);
        }
    }

    fn observed(&self, isn: u32) -> Connection {
        let mut connection = handshake(isn);
        for (n, passing) in self.seen.iter().enumerate() {
            let flags = if passing.fin { TcpFlags::FIN | TcpFlags::ACK } else { TcpFlags::ACK };
            let number = |offset: u8| isn.wrapping_add(1 + u32::from(offset));
            connection.observe(&segment(
                n as u64 + 4,
                passing.side,
                flags,
                number(passing.seq),
                number(passing.ack),
                0,
            ));
        }
        connection
    }

    fn check(&self, isn: u32, counts: &mut Counts) {
        let connection = self.observed(isn);
        if Side::BOTH.into_iter().any(|side| shows_a_hole(&connection, side)) {
            counts.holes += 2;
            return;
        }
        for side in Side::BOTH {
            let end = self.ends[side.index()];
            let truth = end.state();
            let said: EndpointState = replay(&connection, side);
            counts.views += 1;
            counts.sure += u64::from(said.is_sure());
            if !leads_to(said.proven, truth) {
                counts.proven_wrong += 1;
                *counts.wrong.entry((said.proven, truth)).or_default() += 1;
            }
            if !leads_to(truth, said.expected) {
                counts.past_expected += 1;
                counts.past_expected_at_rest += u64::from(self.before.iter().all(Vec::is_empty));
            }
            let waited = end.received && end.waited;
            counts.never_waited += u64::from(said.proven == State::CloseWait && !waited);
        }
    }
}

fn handshake(isn: u32) -> Connection {
    let mut connection = Connection::new(key());
    let one = isn.wrapping_add(1);
    connection.observe(&segment(1, Side::Lo, TcpFlags::SYN, isn, 0, 0));
    connection.observe(&segment(2, Side::Hi, TcpFlags::SYN | TcpFlags::ACK, isn, one, 0));
    connection.observe(&segment(3, Side::Lo, TcpFlags::ACK, one, one, 0));
    connection
}

/// Walks through every world that can come about.
fn walk(name: &str, network: Network, isn: u32) -> Counts {
    let mut counts = Counts::default();
    let mut known = HashSet::new();
    let mut open = vec![World::new(network)];
    known.insert(open[0].clone());
    while let Some(world) = open.pop() {
        world.check(isn, &mut counts);
        for next in world.onward(network) {
            if known.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    println!("{name}: {} worlds, {counts:?}", known.len());
    counts
}

#[test]
fn loss_after_the_capture_point_proves_nothing_false() {
    let quiet = Network { repeats: [1, 1], ..Network::default() };
    let talkative = Network { spontaneous: [1, 0], ..quiet };
    // The FIN takes the last number before the wrap, the first after it, or one far from it.
    for (network, isn) in [(quiet, u32::MAX - 1), (quiet, u32::MAX), (talkative, 4711)] {
        let counts = walk("loss after", network, isn);
        assert!(counts.views > 5_000);
        assert_eq!((counts.proven_wrong, counts.past_expected, counts.holes), (0, 0, 0));
    }
}

#[test]
fn delay_before_the_capture_point_proves_nothing_false() {
    let network = Network { delay_before: true, repeats: [1, 1], ..Network::default() };
    let counts = walk("delay before", network, u32::MAX - 1);
    assert!(counts.views > 5_000);
    assert_eq!((counts.proven_wrong, counts.past_expected_at_rest, counts.holes), (0, 0, 0));
    assert!(counts.past_expected > 0, "what is still on its way to the capture point is not known there");
}

#[test]
fn loss_before_the_capture_point_mistakes_only_the_role() {
    let network = Network { loss_before: true, repeats: [1, 1], ..Network::default() };
    let counts = walk("loss before", network, u32::MAX);
    assert!(counts.views > 5_000 && counts.holes > 0);
    assert_eq!(counts.never_waited, 0);
    for &(claimed, truth) in counts.wrong.keys() {
        let only_the_role = claimed == State::LastAck && matches!(truth, State::Closing | State::TimeWait);
        assert!(only_the_role, "{claimed} claimed of {truth}");
    }
}

#[test]
fn frames_the_capture_dropped_never_make_a_close_wait() {
    let network = Network { capture_drops: true, repeats: [1, 0], ..Network::default() };
    let counts = walk("capture drops", network, 4711);
    assert!(counts.views > 5_000 && counts.holes > 0);
    assert_eq!(counts.never_waited, 0);
    for &(claimed, truth) in counts.wrong.keys() {
        let known = match claimed {
            State::LastAck => matches!(truth, State::Closing | State::TimeWait),
            State::TimeWait => truth == State::Closing,
            _ => false,
        };
        assert!(known, "{claimed} claimed of {truth}");
    }
}
