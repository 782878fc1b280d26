//! A report that lists every connection is written with no more than one of them in memory at a time.

#[path = "../benches/load.rs"]
mod load;

use std::alloc::System;
use std::borrow::Cow;
use std::io::{self, Write};

use cap::Cap;
use cwait_pcap::analysis::{self, Options};
use cwait_pcap::report::{ByRow, FORMATS, Listed, Report, Request, Rows, Style};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Keeps nothing, and sees how much memory is held at most while it is written to.
#[derive(Default)]
struct Watch {
    octets: usize,
    held: usize,
}

impl Write for Watch {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.octets += octets.len();
        self.held = self.held.max(MEMORY.allocated());
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The octets written, and the octets held at most on the way, with every row written so many times.
fn written(format: &dyn ByRow, report: &Report, rows: &Rows<'_>, times: usize) -> (usize, usize) {
    let mut watch = Watch::default();
    let before = MEMORY.allocated();
    let mut listing = (0..times).flat_map(|_| rows.iter()).map(Cow::Owned);
    format.write_rows(report, &mut listing, &mut watch).unwrap();
    (watch.octets, watch.held - before)
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("load.pcap");
    let load = load::Load { packets: 8_000, concurrency: 100, exchanges: 2, ..load::Load::default() };
    load::write(&load, &mut std::fs::File::create(&path).unwrap()).unwrap();
    let options = Options { keep_all: true, ..Options::default() };
    let outcome = analysis::run(&[path], &options, &mut |_| {}).unwrap();
    let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
    let (report, rows) = Report::and_rows(&outcome, &request);
    let connections = rows.iter().count();
    assert!(report.connections.is_empty() && connections > 500);

    let held = Report::build(&outcome, &request);
    let mut streaming = 0;
    for format in FORMATS {
        let Some(by_row) = format.by_row() else { continue };
        streaming += 1;
        // Both ways write the same.
        let (mut whole, mut by_rows) = (Vec::new(), Vec::new());
        format.write(&held, &Style::plain(), &mut whole).unwrap();
        by_row.write_rows(&report, &mut rows.iter().map(Cow::Owned), &mut by_rows).unwrap();
        assert!(whole == by_rows, "{}", format.name());
        // Tables are held in groups of 32,768 rows.
        let (few, many) = if format.is_binary() { (70, 140) } else { (2, 40) };
        let ((octets, held), (more, held_of_more)) =
            (written(by_row, &report, &rows, few), written(by_row, &report, &rows, many));
        assert!(more > octets + octets / 2, "{}: {octets} and {more} octets", format.name());
        // The table's own account of its groups is all that may grow.
        let further = (many - few) * connections;
        assert!(
            held_of_more < held + 4 * further,
            "{}: {held} octets held, and for {further} more rows {held_of_more}",
            format.name()
        );
    }
    assert_eq!(streaming, 4);
}
