//! What one frame costs: the bare walk over the records of a file, the walk with decoding, and the whole analysis.
//!
//! `cargo bench --bench analyze` prints nanoseconds a frame for each of the three and each number of open connections; the
//! difference between two is the cost of the step between them. Packets are 66 to 90 octets, flows in random order, 1 %
//! of the data sent again, 30 % IPv6, 6 % with a VLAN tag; the files lie in the page cache. Each figure is the least and
//! the median of a few runs: others use the machine, too, and can only make a run slower.

#[path = "load.rs"]
mod load;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use cwait_pcap::analysis::{Analysis, Options};
use cwait_pcap::capture::{Limits, Reader, Record};
use cwait_pcap::decode::Decoder;
use cwait_pcap::wire::{FlowKey, Segment};

/// Connections open at once, and frames: enough for each connection to say something.
const LOADS: [(usize, u64); 3] = [(5_000, 2_000_000), (100_000, 4_000_000), (1_000_000, 10_000_000)];
const RUNS: usize = 5;

fn read(path: &Path, mut sink: impl FnMut(&Record<'_>)) {
    let mut reader = Reader::open(path, &Limits::default()).expect("a capture");
    while reader.next_batch(&mut sink).expect("readable") {}
}

fn walk(path: &Path) -> u64 {
    let mut octets = 0;
    read(path, |record| octets += u64::from(record.wire_len) + u64::from(record.data[0]));
    octets
}

fn walk_and_decode(path: &Path) -> u64 {
    let decoder = Decoder::default();
    let mut found = (FlowKey::BLANK, Segment::BLANK);
    let mut octets = 0;
    read(path, |record| {
        if decoder.decode_common(record, &mut found) {
            octets += u64::from(found.1.len);
        }
    });
    octets
}

fn analyze(path: &Path) -> u64 {
    let mut analysis = Analysis::new(Options::default());
    read(path, |record| analysis.observe(record));
    analysis.finish().totals.connections
}

/// The least and the median of some runs, in nanoseconds.
fn time(run: impl Fn() -> u64) -> (f64, f64) {
    let mut taken: Vec<_> = (0..RUNS)
        .map(|_| {
            let begin = Instant::now();
            std::hint::black_box(run());
            begin.elapsed().as_nanos() as f64
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    (taken[0], taken[RUNS / 2])
}

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    println!("ns a frame, least (median) of {RUNS}:        walk    walk + decode          analyze");
    for (concurrency, packets) in LOADS {
        let path = folder.path().join("load.pcap");
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        load::write(&load::Load { packets, concurrency, ..load::Load::default() }, &mut out)?;
        out.flush()?;
        print!("{concurrency:>9} connections open");
        for run in [walk, walk_and_decode, analyze] {
            let (least, median) = time(|| run(&path));
            print!("{:>9.1} ({:.1})", least / packets as f64, median / packets as f64);
            io::stdout().flush()?;
        }
        println!();
    }
    Ok(())
}
