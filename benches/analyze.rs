//! What one frame costs, on one core and on two, and what compressed input costs beside its decoder.
//!
//! `cargo bench` prints three tables. The first compares the analysis with the bare walk over the records of the same
//! file in the same process, and with the walk and decoding; the difference between two is the cost of the step between
//! them. The second runs everything, judging included, on one and on two threads in turn. The third reads compressed files
//! with the decoder alone, and with the analysis beside it. Packets are 66 to 90 octets, flows in random order, 1 % of
//! the data sent again, 30 % IPv6, 6 % with a VLAN tag; files are named after the number of connections open at once, which
//! stay open or open and close all the time, and lie in the page cache. Figures are the least and the median
//! of a few runs: others use the machine, too, and can only make a run slower. It takes a few minutes, most of them for
//! writing the files.

#[path = "forms.rs"]
mod forms;
#[path = "load.rs"]
mod load;

use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use cwait_pcap::analysis::{self, Analysis, Options};
use cwait_pcap::capture::{Limits, Reader, Record, Unpacked};
use cwait_pcap::decode::Decoder;
use cwait_pcap::wire::{FlowKey, Segment};

/// Connections that open, exchange 24 segments of data and close all the time.
const SHORT: u32 = 24;
/// Connections that stay open to the capture's end.
const LONG: u32 = 1_000;
/// Connections open at once, of which kind, and frames: enough for each connection to say something.
const LOADS: [(usize, u32, u64); 5] = [
    (5_000, SHORT, 2_000_000),
    (5_000, LONG, 2_000_000),
    (100_000, SHORT, 4_000_000),
    (100_000, LONG, 6_000_000),
    (1_000_000, SHORT, 10_000_000),
];
/// The one of them that is written in other forms, too.
const OF_FORMS: usize = 2;
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

fn observe(path: &Path) -> u64 {
    let mut analysis = Analysis::new(Options::default());
    read(path, |record| analysis.observe(record));
    analysis.finish().totals.connections
}

fn analyze(path: &Path, threads: usize) -> u64 {
    let options = Options { threads, ..Options::default() };
    analysis::run(&[path.to_owned()], &options, &mut |_| {}).expect("readable").totals.connections
}

fn unpack(path: &Path) -> u64 {
    let mut input = Unpacked::open(path, &Limits::default()).expect("compressed");
    let mut octets = 0;
    loop {
        let taken = input.fill_buf().expect("readable").len();
        if taken == 0 {
            return octets;
        }
        input.consume(taken);
        octets += taken as u64;
    }
}

/// The least and the median of some runs of each, in turn, in nanoseconds.
fn time<const N: usize>(each: [&dyn Fn() -> u64; N]) -> [(f64, f64); N] {
    let mut taken = [const { Vec::new() }; N];
    for _ in 0..RUNS {
        for (run, taken) in each.iter().zip(&mut taken) {
            let begin = Instant::now();
            std::hint::black_box(run());
            taken.push(begin.elapsed().as_nanos() as f64);
        }
    }
    taken.map(|mut taken| {
        taken.sort_by(f64::total_cmp);
        (taken[0], taken[RUNS / 2])
    })
}

fn generate(folder: &Path, (concurrency, exchanges, packets): (usize, u32, u64)) -> io::Result<PathBuf> {
    let kind = if exchanges == SHORT { "short" } else { "long" };
    let path = folder.join(format!("{concurrency}-{kind}.pcap"));
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    load::write(&load::Load { packets, concurrency, exchanges, ..load::Load::default() }, &mut out)?;
    out.flush()?;
    Ok(path)
}

fn steps(files: &[PathBuf]) {
    println!("ns a frame, least (median) of {RUNS}:        walk    walk + decode          analyze");
    for (path, (.., packets)) in files.iter().zip(LOADS) {
        print!("{:>26}", path.file_name().unwrap_or_default().to_string_lossy());
        for (least, median) in time([&|| walk(path), &|| walk_and_decode(path), &|| observe(path)]) {
            print!("{:>9.1} ({:.1})", least / packets as f64, median / packets as f64);
        }
        println!();
    }
}

fn threads(files: &[PathBuf], forms: &[PathBuf]) {
    println!("ns a frame, least (median) of {RUNS}:     one thread      two threads   times as fast");
    let loads = files.iter().zip(LOADS.map(|(.., packets)| packets));
    for (path, packets) in loads.chain(forms.iter().zip([LOADS[OF_FORMS].2; 2])) {
        print!("{:>26}", path.file_name().unwrap_or_default().to_string_lossy());
        let [one, two] = time([&|| analyze(path, 1), &|| analyze(path, 2)]);
        for (least, median) in [one, two] {
            print!("{:>9.1} ({:.1})", least / packets as f64, median / packets as f64);
        }
        println!("{:>9.2} ({:.2})", one.0 / two.0, one.1 / two.1);
    }
}

fn decoders(capture: &Path) -> io::Result<()> {
    println!("ms, least (median) of {RUNS}:                decoder      with analysis");
    for kind in ["gz", "zst", "lz4"] {
        let path = forms::compressed(capture, kind)?;
        print!("{kind:>26}");
        for (least, median) in time([&|| unpack(&path), &|| analyze(&path, 2)]) {
            print!("{:>9.0} ({:.0})", least / 1e6, median / 1e6);
        }
        println!();
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let files = LOADS.map(|load| generate(folder.path(), load));
    let files = files.into_iter().collect::<io::Result<Vec<_>>>()?;
    steps(&files);
    let capture = &files[OF_FORMS];
    threads(&files, &[forms::pcapng(capture)?, forms::snoop(capture)?]);
    decoders(capture)
}
