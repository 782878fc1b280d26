//! What hostile traffic costs, in octets of memory: never more per frame than so many, however it is made, and nothing at
//! all that grows where one connection is at stake. `ADVERSARY_FRAMES` asks for more than the usual 6,000 of each kind. What
//! they cost in instructions: `.ci/costs`.

mod files;
mod traffic;

#[path = "../hostile/packets.rs"]
mod packets;
#[path = "../support/write.rs"]
mod write;

use std::alloc::System;

use cap::Cap;
use cwait_pcap::analysis::{Analysis, Options};
use cwait_pcap::capture::{LinkType, Record};
use cwait_pcap::wire::Timestamp;

use traffic::{ADVERSARIES, Adversary, ORDINARY};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// What so many frames cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Octets held at the end.
    held: usize,
    /// Octets that were asked for on the way.
    asked: usize,
}

fn cost(adversary: &Adversary, frames: u64) -> Cost {
    let mut packet = Vec::with_capacity(65_536);
    let mut analysis = Analysis::new(Options::default());
    let (before, asked) = (MEMORY.allocated(), MEMORY.total_allocated());
    let mut own = 0;
    for n in 0..frames {
        packet.clear();
        let at = MEMORY.total_allocated();
        let time = (adversary.frame)(n, &mut packet);
        own += MEMORY.total_allocated() - at;
        analysis.observe(&Record {
            frame: n + 1,
            at: Timestamp(packets::START + time),
            link: LinkType::ETHERNET,
            interface: 0,
            wire_len: packet.len() as u32,
            data: &packet,
        });
    }
    let cost = Cost {
        held: MEMORY.allocated().saturating_sub(before),
        asked: MEMORY.total_allocated() - asked - own,
    };
    assert_eq!(analysis.frames(), frames);
    cost
}

/// One test, since the allocator counts for all threads.
#[test]
fn hostile_traffic_costs_memory_in_proportion_at_most() {
    /// A connection with everything that can be boxed, its entry in the index, and what doubling keeps in reserve.
    const A_CONNECTION: usize = 2 * 700;
    let frames = std::env::var("ADVERSARY_FRAMES").map_or(6_000, |n| n.parse().expect("a number"));
    // First, since the allocator's high-water mark cannot be set back.
    files::cost_no_more_than_limits_allow(&MEMORY, frames as usize / 100);
    // Everything that is made once is made before it is counted.
    cost(&ORDINARY, 1_000);
    for adversary in std::iter::once(&ORDINARY).chain(ADVERSARIES) {
        let (once, twice) = (cost(adversary, frames), cost(adversary, 2 * frames));
        println!("{}: {once:?}, of twice the frames {twice:?}", adversary.name);
        let most = A_CONNECTION * frames as usize + (4 << 20);
        assert!(once.held <= most, "{} holds {} octets", adversary.name, once.held);
        assert!(
            twice.asked <= 2 * once.asked + once.asked / 2 + (4 << 20),
            "{} asks for {} octets, {} of twice the frames",
            adversary.name,
            once.asked,
            twice.asked
        );
        if adversary.one_connection {
            let grown = twice.held.saturating_sub(once.held);
            assert!(grown <= 64 << 10, "{} grows by {grown} octets on one connection", adversary.name);
        }
    }
}
