//! How fast reports are written with every connection in them, from judged facts to the last octet.
//!
//! `cargo bench --bench report` prints seconds, connections and octets a second for each format that takes connections
//! one at a time; each figure is of the fastest and the median of a few runs. A million connections are analysed first,
//! of eleven segments each; with `-- N`, N of them. What is written goes nowhere, since disks differ.

#[path = "load.rs"]
mod load;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use cwait_pcap::analysis::{self, Options, Outcome};
use cwait_pcap::report::{FORMATS, Listed, Report, Request};

const CONNECTIONS: u64 = 1_000_000;
const RUNS: usize = 5;

/// Counts what is written.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 += std::hint::black_box(octets).len() as u64;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn analysed(connections: u64) -> io::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("load.pcap");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    let load = load::Load { packets: connections * 11, exchanges: 2, ..load::Load::default() };
    load::write(&load, &mut out)?;
    out.flush()?;
    let options = Options { keep_all: true, ..Options::default() };
    analysis::run(&[path], &options, &mut |_| {}).map_err(io::Error::other)
}

fn main() -> io::Result<()> {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let outcome = analysed(asked.unwrap_or(CONNECTIONS))?;
    let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
    let (report, rows) = Report::and_rows(&outcome, &request);
    let connections = outcome.connections.len() as f64;
    println!(
        "{connections} connections, {RUNS} runs     octets       s: least (median)   MB/s  million rows/s"
    );
    for format in FORMATS {
        let Some(by_row) = format.by_row() else { continue };
        let mut octets = 0;
        let mut taken = Vec::new();
        for _ in 0..RUNS {
            let begin = Instant::now();
            let mut count = Count(0);
            by_row.write_rows(&report, &mut rows.iter().map(Cow::Owned), &mut count)?;
            taken.push(begin.elapsed().as_secs_f64());
            octets = count.0;
        }
        taken.sort_by(f64::total_cmp);
        let (least, median) = (taken[0], taken[RUNS / 2]);
        println!(
            "{:>30} {octets:>12} {least:>12.2} ({median:.2}) {:>12.0} {:>12.2}",
            format.name(),
            octets as f64 / least / 1e6,
            connections / least / 1e6
        );
    }
    Ok(())
}
