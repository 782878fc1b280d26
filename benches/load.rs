//! A generated load: many TCP connections at once, their packets in random order, as a classic pcap.
//!
//! Every connection opens, talks and closes by the book; what varies is written in [`Load`]. The same numbers give the
//! same bytes. Used by the benchmarks, and by `examples/generate.rs` to make files for other programs.

use std::io::{self, Write};

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Packets in all.
    pub packets: u64,
    /// Connections open at once.
    pub concurrency: usize,
    /// Payload octets of a data segment: up to 24 for small packets, 1448 for full ones.
    pub payload: usize,
    /// Data segments of a connection before it closes.
    pub exchanges: u32,
    /// One in so many connections never gets the server's FIN; 0: none.
    pub leak_every: u32,
    /// Where the random numbers start.
    pub seed: u64,
    /// Number of the first connection: loads of other numbers are of other clients.
    pub first: u32,
    /// Time of the first packet, seconds since 1970.
    pub begins: u64,
    /// Mean time between packets in nanoseconds; 0: what the number of connections gives.
    pub apart_ns: u64,
}

impl Default for Load {
    fn default() -> Self {
        Load {
            packets: 1_000_000,
            concurrency: 5_000,
            payload: 24,
            exchanges: 24,
            leak_every: 200,
            seed: 1,
            first: 0,
            begins: 1_700_000_000,
            apart_ns: 0,
        }
    }
}

/// Step by step through one connection.
#[derive(Clone, Copy)]
struct Talk {
    number: u32,
    step: u32,
    client: u32,
    server: u32,
    lost: bool,
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const PSH: u8 = 8;
const FIN: u8 = 1;

/// Writes the capture; one percent of the data segments are repeated, 30 percent of the connections are IPv6, 6 percent
/// of them carry a VLAN tag.
pub fn write(load: &Load, out: &mut impl Write) -> io::Result<()> {
    let mut random = Random(load.seed | 1);
    let mut header = Vec::with_capacity(24);
    header.extend(0xa1b2_c3d4_u32.to_le_bytes());
    for (number, octets) in [(2, 2), (4, 2), (0, 4), (0, 4), (262_144, 4), (1_u32, 4)] {
        header.extend(&number.to_le_bytes()[..octets]);
    }
    out.write_all(&header)?;
    let mut next = load.first;
    let mut fresh = |random: &mut Random| {
        let talk = Talk {
            number: next,
            step: 0,
            client: random.next() as u32,
            server: random.next() as u32,
            lost: false,
        };
        next += 1;
        talk
    };
    let mut talks: Vec<_> = (0..load.concurrency).map(|_| fresh(&mut random)).collect();
    // A tenth of a second between two packets of one connection, as on a busy service; never slower than 3 us a packet.
    let step_ns = match load.apart_ns {
        0 => (100_000_000 / load.concurrency.max(1) as u64).min(3_000),
        apart => apart,
    };
    let mut at_ns = load.begins * 1_000_000_000;
    let mut packet = Vec::with_capacity(2_048);
    for _ in 0..load.packets {
        at_ns += random.below(2 * step_ns + 1);
        let at_us = at_ns / 1_000;
        let slot = random.below(talks.len() as u64) as usize;
        let talk = &mut talks[slot];
        packet.clear();
        talk.say(load, &mut random, &mut packet, (at_us / 1_000) as u32);
        let done = talk.over(load);
        for number in
            [(at_us / 1_000_000) as u32, (at_us % 1_000_000) as u32, packet.len() as u32, packet.len() as u32]
        {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(&packet)?;
        if done {
            talks[slot] = fresh(&mut random);
        }
    }
    Ok(())
}

impl Talk {
    fn leaks(&self, load: &Load) -> bool {
        load.leak_every != 0 && self.number.is_multiple_of(load.leak_every)
    }

    fn over(&self, load: &Load) -> bool {
        self.step == 3 + load.exchanges * 2 + if self.leaks(load) { 2 } else { 4 }
    }

    /// The next packet: handshake, then data and acknowledgment in turn, then FIN, ACK, FIN, ACK.
    fn say(&mut self, load: &Load, random: &mut Random, packet: &mut Vec<u8>, ms: u32) {
        let data_until = 3 + load.exchanges * 2;
        let (from_client, flags, len) = match self.step {
            0 => (true, SYN, 0),
            1 => (false, SYN | ACK, 0),
            2 => (true, ACK, 0),
            step if step < data_until => {
                let asks = (step / 2) % 2 == 1;
                if step % 2 == 1 { (asks, ACK | PSH, load.payload) } else { (!asks, ACK, 0) }
            }
            step if step == data_until => (true, FIN | ACK, 0),
            step if step == data_until + 1 => (false, ACK, 0),
            step if step == data_until + 2 => (false, FIN | ACK, 0),
            _ => (true, ACK, 0),
        };
        let (seq, ack) = if from_client { (self.client, self.server) } else { (self.server, self.client) };
        let ack = if flags & ACK == 0 { 0 } else { ack };
        self.frame(packet, from_client, flags, seq, ack, len, ms);
        let consumed = len as u32 + u32::from(flags & (SYN | FIN) != 0);
        let repeat = len > 0 && !self.lost && random.below(100) == 0;
        self.lost = repeat;
        if repeat {
            return;
        }
        if from_client {
            self.client = self.client.wrapping_add(consumed);
        } else {
            self.server = self.server.wrapping_add(consumed);
        }
        self.step += 1;
    }

    #[allow(clippy::too_many_arguments)]
    fn frame(
        &self,
        out: &mut Vec<u8>,
        from_client: bool,
        flags: u8,
        seq: u32,
        ack: u32,
        len: usize,
        ms: u32,
    ) {
        let v6 = self.number % 10 < 3;
        let tagged = self.number % 50 < 3;
        out.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        if tagged {
            out.extend([0x81, 0, 0, 7]);
        }
        out.extend(if v6 { [0x86, 0xdd] } else { [0x08, 0x00] });
        let tcp_len = 32 + len;
        let client = 0x0a00_0000 | (self.number >> 14 & 0xff_ffff);
        let server = 0xc0a8_0100 | (self.number % 20);
        let (source, destination) = if from_client { (client, server) } else { (server, client) };
        if v6 {
            out.extend([0x60, 0, 0, 0]);
            out.extend((tcp_len as u16).to_be_bytes());
            out.extend([6, 64]);
            for address in [source, destination] {
                out.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
                out.extend(address.to_be_bytes());
            }
        } else {
            out.extend([0x45, 0]);
            out.extend(((20 + tcp_len) as u16).to_be_bytes());
            out.extend((seq as u16).to_be_bytes());
            out.extend([0x40, 0, 64, 6, 0, 0]);
            out.extend(source.to_be_bytes());
            out.extend(destination.to_be_bytes());
        }
        let (client_port, server_port) = (1024 + (self.number & 0x3fff) as u16, 8080);
        let (source, destination) =
            if from_client { (client_port, server_port) } else { (server_port, client_port) };
        out.extend(source.to_be_bytes());
        out.extend(destination.to_be_bytes());
        out.extend(seq.to_be_bytes());
        out.extend(ack.to_be_bytes());
        out.extend([0x80, flags, 0xff, 0xff]);
        out.extend((seq as u16 ^ ms as u16).to_be_bytes());
        out.extend([0, 0, 1, 1, 8, 10]);
        out.extend(ms.to_be_bytes());
        out.extend(ms.to_be_bytes());
        out.resize(out.len() + len, 0x78);
    }
}

/// xorshift64*: small, fast, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}
