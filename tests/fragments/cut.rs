//! Captures in pieces, as rotating capture programs leave them.

use std::fs;
use std::path::{Path, PathBuf};

use cwait_pcap::capture::{Limits, Reader};

use crate::write::{Kind, Order, Packet, pcap};

/// The records of a capture of one link type.
pub struct Records {
    link: u16,
    packets: Vec<Packet>,
}

impl Records {
    /// None if the capture cannot be read or has several link types.
    pub fn of(path: &Path) -> Option<Records> {
        let mut reader = Reader::open(path, &Limits::default()).ok()?;
        let (mut packets, mut links) = (Vec::new(), Vec::new());
        while reader
            .next_batch(&mut |record| {
                links.push(record.link.0);
                let wire_len = record.wire_len;
                packets.push(Packet { wire_len, ..Packet::new(record.at.0, record.data) });
            })
            .ok()?
        {}
        links.dedup();
        let &[link] = &links[..] else { return None };
        Some(Records { link, packets })
    }

    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// One file for each stretch between these places, named so that their order shows.
    pub fn cut(&self, places: &[usize], folder: &Path) -> Vec<PathBuf> {
        let mut places = places.to_vec();
        places.extend([0, self.packets.len()]);
        places.sort_unstable();
        places.dedup();
        let pieces = places.windows(2).enumerate().map(|(at, place)| {
            let path = folder.join(format!("piece-{at:03}.pcap"));
            let packets = &self.packets[place[0]..place[1]];
            fs::write(&path, pcap(Kind::Nanos, Order::Little, self.link.into(), packets)).unwrap();
            path
        });
        pieces.collect()
    }
}

/// splitmix64, so that a seed names a test for ever.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }
}
