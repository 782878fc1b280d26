//! Conversations as text: one situation a file, what the library says of it below the line.
//!
//! Every file takes every road: straight into the table; cut in two and in three at every place; written as bytes in
//! every capture format and byte order and read back, through a large buffer and a tiny one. All must tell the same.
//! `UPDATE=1 cargo test --test conversations` rewrites what stands below the line; the difference is for a reviewer.

mod describe;
mod frames;
mod script;
#[path = "../support/write.rs"]
mod write;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use cwait_pcap::analysis::{Analysis, Options};
use cwait_pcap::capture::{Limits as ReadLimits, Reader};
use cwait_pcap::decode::{Decoded, Decoder};
use cwait_pcap::tcp::{Limits, Table};
use cwait_pcap::wire::{FlowKey, Segment};

use script::Script;
use write::{KINDS, ORDERS, Packet, PcapNg};

const LINE: &str = "----\n";

#[test]
fn every_conversation_through_every_road() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/conversations");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    paths.sort();
    assert!(paths.len() >= 40, "{}", paths.len());
    let wrong: Vec<String> = paths.iter().filter_map(|path| check(path).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).unwrap();
    let (script, expected) = text.split_once(LINE).unwrap_or((&text, ""));
    let name = path.file_name().unwrap().to_string_lossy();
    let script = Script::parse(script).map_err(|error| format!("{name}: {error}"))?;
    let same = |road: &str, said: &str, told: &str| {
        if said == told { Ok(()) } else { Err(format!("{name}, {road}:\n{said}\ninstead of\n{told}")) }
    };
    let told = describe::table(table(&script.segments, &[]), &script);
    for one in 0..=script.segments.len() {
        same(&format!("cut at {one}"), &describe::table(table(&script.segments, &[one]), &script), &told)?;
        for two in one..=script.segments.len() {
            let said = describe::table(table(&script.segments, &[one, two]), &script);
            same(&format!("cut at {one} and {two}"), &said, &told)?;
        }
    }
    let mut judged = None;
    for (road, bytes) in captures(&script) {
        for buffer in [1 << 20, 4096] {
            let road = format!("{road}, buffer of {buffer}");
            let (segments, findings) = read(&bytes, buffer, &script);
            same(&road, &describe::table(table(&segments, &[]), &script), &told)?;
            same(&road, &findings, judged.get_or_insert_with(|| findings.clone()))?;
        }
    }
    let said = told + &judged.unwrap_or_default();
    if std::env::var_os("UPDATE").is_some() {
        let kept = text.split_once(LINE).map_or(text.as_str(), |(script, _)| script);
        fs::write(path, format!("{kept}{LINE}{said}")).unwrap();
        return Ok(());
    }
    same("whole", &said, expected)
}

/// The parts that begin at those places, each read alone and then joined.
fn table(segments: &[(FlowKey, Segment)], cuts: &[usize]) -> Table {
    let limits = Limits::default();
    let mut whole = Table::new(limits);
    let mut rest = segments;
    let mut done = 0;
    for (n, end) in cuts.iter().copied().chain([segments.len()]).enumerate() {
        let (part, later) = rest.split_at(end - done);
        if n == 0 {
            whole.observe_all(part);
        } else {
            let mut table = Table::of_part(limits);
            table.observe_all(part);
            whole = whole.then(table);
        }
        (rest, done) = (later, end);
    }
    whole
}

/// The conversation as files.
fn captures(script: &Script) -> Vec<(String, Vec<u8>)> {
    let packets: Vec<Packet> = script
        .segments
        .iter()
        .map(|(key, segment)| {
            let (data, wire_len) = frames::ethernet(key, segment);
            Packet { at: segment.seen.at.0, wire_len, data }
        })
        .collect();
    let mut all = Vec::new();
    for order in ORDERS {
        for kind in KINDS {
            all.push((format!("pcap {kind:?} {order:?}"), write::pcap(kind, order, 1, &packets)));
        }
        let mut file = PcapNg::new(order).interface(1).interface(1);
        for (packet, (_, segment)) in packets.iter().zip(&script.segments) {
            file = file.enhanced(u32::from(segment.interface), packet);
        }
        all.push((format!("pcapng {order:?}"), file.bytes()));
    }
    all.push(("snoop".into(), write::snoop(4, &packets, &[])));
    all
}

/// Reads a capture back: its segments, and what the rules say.
fn read(bytes: &[u8], buffer: usize, script: &Script) -> (Vec<(FlowKey, Segment)>, String) {
    let limits = ReadLimits { buffer, ..ReadLimits::default() };
    let mut reader = Reader::from_read(Box::new(Cursor::new(bytes.to_vec())), &limits).unwrap();
    let mut decoder = Decoder::default();
    let mut segments = Vec::new();
    let mut analysis = Analysis::new(Options { keep_all: true, ..Options::default() });
    let mut sink = |record: &cwait_pcap::capture::Record<'_>| {
        analysis.observe(record);
        match decoder.decode(record) {
            Decoded::Segment(key, segment) => segments.push((key, segment)),
            other => panic!("{other:?} instead of a segment"),
        }
    };
    while reader.next_batch(&mut sink).unwrap() {}
    // In every format, as if it had told.
    analysis.dropped(0, []);
    let findings = describe::findings(&analysis.finish(), script);
    (segments, findings)
}
