//! Packets of made-up conversations: Ethernet, IPv4 and TCP headers, with what payload there would be told by lengths.

#![allow(dead_code, reason = "each test that takes this in uses its own part of it")]

use crate::write::Packet;

pub const SYN: u8 = 2;
pub const ACK: u8 = 16;
pub const FIN: u8 = 1;

/// 2023-11-14, in nanoseconds.
pub const START: i64 = 1_700_000_000_000_000_000;
pub const SECOND: i64 = 1_000_000_000;

/// An address of 10/8 and a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End(pub u32, pub u16);

/// A segment from one end to another.
#[derive(Clone, Copy, Debug)]
pub struct Tcp {
    pub from: End,
    pub to: End,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub len: u16,
    pub window: u16,
}

impl Tcp {
    pub fn new(from: End, to: End, flags: u8, seq: u32, ack: u32, len: u16) -> Tcp {
        Tcp { from, to, flags, seq, ack, len, window: 64_000 }
    }

    /// From the IP header to the end of the TCP header.
    pub fn ip(&self) -> Vec<u8> {
        let total = 40 + self.len;
        let mut ip = vec![0x45, 0];
        ip.extend(total.to_be_bytes());
        // An identification of its own for each segment, so that none is taken for one captured twice.
        ip.extend((self.seq.wrapping_add(self.ack) as u16).to_be_bytes());
        ip.extend([0x40, 0, 64, 6, 0, 0]);
        for End(host, _) in [self.from, self.to] {
            ip.extend((0x0a00_0000 | host & 0xff_ffff).to_be_bytes());
        }
        ip.extend(self.from.1.to_be_bytes());
        ip.extend(self.to.1.to_be_bytes());
        ip.extend(self.seq.to_be_bytes());
        ip.extend(self.ack.to_be_bytes());
        ip.extend([0x50, self.flags]);
        ip.extend(self.window.to_be_bytes());
        ip.extend([0; 4]);
        ip
    }

    pub fn ethernet(&self) -> Vec<u8> {
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], &self.ip()].concat()
    }

    /// In a frame of its whole length on the wire.
    pub fn packet(&self, at: i64) -> Packet {
        let data = self.ethernet();
        Packet { at, wire_len: data.len() as u32 + u32::from(self.len), data }
    }
}
