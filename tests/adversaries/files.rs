//! Files made to be expensive before any packet is looked at: they cost what the limits allow, however long they are.

use std::alloc::System;
use std::io::{self, Read};

use cap::Cap;
use cwait_pcap::capture::{Limits, Reader, Unpacked};
use cwait_pcap::{sockets, trace};

use crate::packets::START;
use crate::write::{Order, Packet, PcapNg};

/// A beginning, and then the same part over and over.
struct Endless {
    begin: io::Cursor<Vec<u8>>,
    part: Vec<u8>,
    at: usize,
    left: usize,
}

impl Endless {
    fn new(begin: Vec<u8>, part: Vec<u8>, times: usize) -> Endless {
        Endless { begin: io::Cursor::new(begin), left: part.len() * times, part, at: 0 }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.begin.read(buffer)?;
        if read > 0 || self.left == 0 {
            return Ok(read);
        }
        let some = &self.part[self.at..];
        let taken = some.len().min(buffer.len()).min(self.left);
        buffer[..taken].copy_from_slice(&some[..taken]);
        self.at = (self.at + taken) % self.part.len();
        self.left -= taken;
        Ok(taken)
    }
}

fn times(n: usize, part: impl Fn(PcapNg) -> PcapNg) -> Vec<u8> {
    (0..n).fold(PcapNg::new(Order::Little), |file, _| part(file)).bytes()[28..].to_vec()
}

/// The most octets held at once while `work` is done, beyond those before.
fn most(memory: &Cap<System>, work: impl FnOnce()) -> usize {
    // The allocator's own high-water mark cannot be set back, so what was reached before is the floor.
    let floor = memory.max_allocated().max(memory.allocated());
    let before = memory.allocated();
    work();
    if memory.max_allocated() > floor { memory.max_allocated() - before } else { floor - before }
}

pub fn cost_no_more_than_limits_allow(memory: &Cap<System>, again: usize) {
    const TIMES: usize = 1_000;
    let packet = Packet::new(START, &[1; 60]);
    let begin = PcapNg::new(Order::Little).interface(1).bytes();
    let section = |file: PcapNg| file.section(Order::Little).interface(1).enhanced(0, &packet);
    let captures: [(&str, Vec<u8>); 6] = [
        ("interfaces", times(TIMES, |file| file.interface_with(1, 96, Some(9), 0, "eth0"))),
        ("sections", times(TIMES, section)),
        ("names", times(TIMES, |file| file.names(&[(&[192, 0, 2, 1], "a.long.name.example")]))),
        ("statistics", times(TIMES, |file| file.statistics(0, 1, Some(1)))),
        ("unknown blocks", times(TIMES, |file| file.block(0x0bad, &[7; 40]))),
        ("zeros", vec![0; 64 << 10]),
    ];
    for (name, part) in captures {
        let mut frames = 0;
        let used = most(memory, || {
            let input = Endless::new(begin.clone(), part, again);
            let mut reader = Reader::from_read(Box::new(input), &Limits::default()).expect("a capture");
            while reader.next_batch(&mut |_| frames += 1).expect("no error") {}
            assert!(reader.summary().interfaces.len() <= Limits::default().max_interfaces);
            assert!(reader.summary().damage.len() <= Limits::default().max_listed);
        });
        println!("{again} thousand {name}: {used} octets at most, {frames} frames");
        assert!(used <= 64 << 20, "{again} thousand {name} take {used} octets");
    }
    // Ten megaoctets of a line that does not end.
    let line = || Endless::new(Vec::new(), vec![b'x'; 1 << 16], 160);
    let options = sockets::Options { at: None, zone: jiff::tz::TimeZone::UTC };
    let unpacked = || Unpacked::from_read(Box::new(line()), &Limits::default()).expect("text");
    let used = most(memory, || {
        let listing = sockets::read("listing", unpacked(), &options).expect("no error");
        assert_eq!((listing.snapshots.len(), listing.counts.unread), (0, 1));
        _ = trace::examine("log", &mut unpacked());
    });
    println!("a line without an end: {used} octets at most");
    assert!(used <= 64 << 20, "a line without an end takes {used} octets");
}
