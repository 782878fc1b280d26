//! What one frame costs, from bytes in memory to facts, beside the bare walk over the same records.
//!
//! `cargo bench --bench analyze` prints frames and octets a second for each step and number of open connections; the
//! difference between two rows is the cost of the step between them.

#[path = "load.rs"]
mod load;

use std::io::Cursor;
use std::sync::OnceLock;

use cwait_pcap::analysis::{Analysis, Options};
use cwait_pcap::capture::{Limits, Reader, Record};
use cwait_pcap::decode::{Decoded, Decoder};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

const FRAMES: u64 = 2_000_000;
const OPEN: &[usize] = &[5_000, 100_000];

/// Small packets with that many connections open; made once.
fn small(open: usize) -> &'static [u8] {
    static MADE: [OnceLock<Vec<u8>>; 2] = [OnceLock::new(), OnceLock::new()];
    let at = OPEN.iter().position(|&known| known == open).unwrap_or(0);
    MADE[at].get_or_init(|| {
        let mut bytes = Vec::new();
        let load = load::Load { packets: FRAMES, concurrency: open, ..load::Load::default() };
        load::write(&load, &mut bytes).expect("memory takes every byte");
        bytes
    })
}

fn read(bytes: &'static [u8], mut sink: impl FnMut(&Record<'_>)) {
    let mut reader = Reader::from_read(Box::new(Cursor::new(bytes)), &Limits::default()).expect("a capture");
    while reader.next_batch(&mut sink).expect("readable") {}
}

#[divan::bench(args = OPEN, sample_count = 7)]
fn a_walk(bencher: Bencher, open: usize) {
    let bytes = small(open);
    bencher.counter(ItemsCount::new(FRAMES)).counter(BytesCount::of_slice(bytes)).bench(|| {
        let mut octets = 0_u64;
        read(bytes, |record| octets += u64::from(record.wire_len) + u64::from(record.data[0]));
        octets
    });
}

#[divan::bench(args = OPEN, sample_count = 7)]
fn b_decode(bencher: Bencher, open: usize) {
    let bytes = small(open);
    bencher.counter(ItemsCount::new(FRAMES)).counter(BytesCount::of_slice(bytes)).bench(|| {
        let mut decoder = Decoder::default();
        let mut octets = 0_u64;
        read(bytes, |record| {
            if let Decoded::Segment(_, segment) = decoder.decode(record) {
                octets += u64::from(segment.len);
            }
        });
        octets
    });
}

#[divan::bench(args = OPEN, sample_count = 7)]
fn c_analyze(bencher: Bencher, open: usize) {
    let bytes = small(open);
    bencher.counter(ItemsCount::new(FRAMES)).counter(BytesCount::of_slice(bytes)).bench(|| {
        let mut analysis = Analysis::new(Options::default());
        read(bytes, |record| analysis.observe(record));
        analysis.finish().totals.connections
    });
}

fn main() {
    divan::main();
}
