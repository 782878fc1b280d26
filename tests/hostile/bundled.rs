//! Every bundled capture, cut short and damaged: it is judged and reported all the same, or refused with a reason.
//!
//! `HOSTILE_STEP` is the distance from one cut to the next (1: every prefix), `HOSTILE_FOLDER` another folder.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use cwait_pcap::analysis::{Analysis, Options};
use cwait_pcap::capture::{Limits, Reader, Unpacked};
use cwait_pcap::report::{Listed, Report, Request, Style, by_name};

/// Octets of each capture that are cut and damaged: its headers and first records.
const LONGEST: u64 = 2_000;
/// Octets of the file header and the first record's or block's.
const HEADERS: usize = 64;

fn captures() -> Vec<PathBuf> {
    let folder = std::env::var_os("HOSTILE_FOLDER")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures"), PathBuf::from);
    let (mut all, mut open) = (Vec::new(), vec![folder]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("captures") {
            let path = entry.expect("captures").path();
            if path.is_dir() { open.push(path) } else { all.push(path) }
        }
    }
    all.retain(|path| path.extension().is_none_or(|kind| kind != "json" && kind != "md"));
    all.sort();
    all
}

/// Reads, judges and reports; the frames it holds, none if it is refused.
fn reported(bytes: &[u8]) -> Option<u64> {
    let options = Options { keep_all: true, ..Options::default() };
    let mut reader = Reader::from_read(Box::new(Cursor::new(bytes.to_vec())), &Limits::default()).ok()?;
    let mut analysis = Analysis::new(options);
    while reader.next_batch(&mut |record| analysis.observe(record)).is_ok_and(|more| more) {}
    analysis.unreadable(reader.summary().holes());
    let outcome = analysis.finish();
    let report =
        Report::build(&outcome, &Request { command_line: Vec::new(), listed: Listed::All, limit: Some(1) });
    let skipped: u64 = report.capture.skipped.iter().map(|skipped| skipped.frames).sum();
    assert_eq!(report.capture.frames, report.capture.tcp + skipped);
    let mut text = Vec::new();
    by_name("terminal").expect("a format").write(&report, &Style::plain(), &mut text).expect("memory");
    assert!(!text.is_empty());
    Some(report.capture.frames)
}

#[test]
fn every_cut_and_every_damaged_header_is_judged_or_refused() {
    let step = std::env::var("HOSTILE_STEP").map_or(397, |step| step.parse().expect("a number"));
    let (mut files, mut cuts, mut damaged, mut refused) = (0, 0, 0, 0);
    for path in captures() {
        let mut whole = Vec::new();
        // A compressed capture that is cut gives what came before.
        let Ok(text) = Unpacked::open(&path, &Limits::default()) else { continue };
        _ = text.take(LONGEST).read_to_end(&mut whole);
        let frames = reported(&whole).unwrap_or(0);
        files += 1;
        for cut in (0..whole.len()).step_by(step) {
            let seen = reported(&whole[..cut]);
            assert!(seen.unwrap_or(0) <= frames, "{}: cut at {cut}", path.display());
            refused += u64::from(seen.is_none());
            cuts += 1;
        }
        for at in 0..HEADERS.min(whole.len()) {
            // One way of breaking it each, all of them if every cut is asked for.
            let flips = if step == 1 { &[0x01, 0x80, 0xff][..] } else { &[[0x01, 0x80, 0xff][at % 3]] };
            for flip in flips {
                let mut broken = whole.clone();
                broken[at] ^= flip;
                // Shorter records than there were may be found in what is left, never more than it holds.
                let seen = reported(&broken);
                assert!(seen.unwrap_or(0) <= LONGEST / 16, "{}: byte {at}", path.display());
                refused += u64::from(seen.is_none());
                damaged += 1;
            }
        }
    }
    println!("{files} files, {cuts} cuts, {damaged} damaged headers, {refused} refused");
    assert!(files > 20 && cuts > files && damaged > files);
}
