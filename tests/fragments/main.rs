//! Captures in parts: mapped each on its own, merged in any order and grouping, and judged, they tell the same as when
//! they are read in one go.

mod cut;
#[path = "../support/write.rs"]
mod write;

#[path = "../../benches/load.rs"]
mod load;

use std::fs;
use std::path::{Path, PathBuf};

use cwait_pcap::analysis::{self, Options, Outcome};
use cwait_pcap::fragment::{self, Joining, Merged};
use cwait_pcap::report::{self, Listed, Report, Request};
use serde_json::Value;

use cut::{Dice, Records};

fn options() -> Options {
    Options { keep_all: true, ..Options::default() }
}

/// Everything that is told of the traffic itself.
fn told(outcome: &Outcome) -> Value {
    let request = Request { command_line: Vec::new(), listed: Listed::All, limit: Some(3) };
    let report = Report::build(outcome, &request);
    let format = report::by_name("json").unwrap();
    let mut json = Vec::new();
    format.write(&report, &report::Style::plain(), &mut json).unwrap();
    let mut told: Value = serde_json::from_slice(&json).unwrap();
    for left_out in ["inputs", "tool"] {
        told.as_object_mut().unwrap().remove(left_out);
    }
    told
}

/// Takes out what may differ where counts are *about*; says whether they are.
fn without_counts(told: &mut Value) -> bool {
    const COUNTS: [&str; 8] = [
        "counts_are_about",
        "retransmissions",
        "keepalives",
        "zero_windows",
        "longest_silence_survived",
        "silence_failed",
        "history",
        "payload_after_peer_fin",
    ];
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !COUNTS.contains(&name.as_str()));
                fields.values_mut().for_each(strip);
            }
            Value::Array(all) => all.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let about = |connection: &Value| connection["counts_are_about"] == true;
    let any = told["connections"].as_array().unwrap().iter().any(about);
    strip(told);
    // Sums of such counts, in words.
    told["findings"].as_array_mut().unwrap().retain(|finding| finding["name"] != "lossy-path");
    told["totals"].as_object_mut().unwrap().remove("longest_silence_survived");
    any
}

/// Where two reports differ first.
fn difference(at: &str, one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.iter().find_map(|(key, value)| difference(&format!("{at}.{key}"), value, &other[key]))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => (one.iter().zip(other))
            .enumerate()
            .find_map(|(n, (one, other))| difference(&format!("{at}[{n}]"), one, other)),
        _ if one == other => None,
        _ => Some(format!("{at}: {one} | {other}")),
    }
}

fn map_all(files: &[PathBuf], folder: &Path) -> Vec<PathBuf> {
    let map = |file: &PathBuf| {
        fragment::map(file, folder, None, &Options::default(), &mut |_| ()).unwrap().fragment
    };
    files.iter().map(map).collect()
}

fn report_of(fragment: &Path) -> Value {
    let mut merged = Merged::open(&[fragment.to_owned()]).unwrap();
    let sets = fragment::sets(merged.captures(), Joining::Auto);
    assert_eq!(sets.len(), 1, "{sets:?}");
    told(&fragment::joined(&mut merged, &sets[0], &options()).unwrap())
}

#[test]
fn a_load_cut_anywhere_tells_the_same() {
    let mut dice = Dice(5);
    for pieces in [2, 9] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("load.pcap");
        let wanted =
            load::Load { packets: 20_000, concurrency: 300, leak_every: 20, ..load::Load::default() };
        let mut bytes = Vec::new();
        load::write(&wanted, &mut bytes).unwrap();
        fs::write(&file, bytes).unwrap();
        let records = Records::of(&file).unwrap();
        let places: Vec<_> = (1..pieces).map(|_| dice.roll(records.len())).collect();
        let pieces = records.cut(&places, folder.path());
        let whole = analysis::run(&pieces, &options(), &mut |_| ()).unwrap();
        let merged = merge_somehow(map_all(&pieces, folder.path()), folder.path(), &mut dice);
        assert_eq!(difference("", &report_of(&merged), &told(&whole)), None);
    }
}

/// Merges in random pairs until one is left.
fn merge_somehow(mut parts: Vec<PathBuf>, folder: &Path, dice: &mut Dice) -> PathBuf {
    let mut merged = 0;
    while parts.len() > 1 {
        let count = 2 + dice.roll(3).min(parts.len() - 2);
        let some: Vec<_> = (0..count).map(|_| parts.swap_remove(dice.roll(parts.len()))).collect();
        let out = folder.join(format!("merged-{merged}.parquet"));
        merged += 1;
        fragment::merge(&some, &out, false).unwrap();
        parts.push(out);
    }
    parts.remove(0)
}

fn bundled() -> Vec<PathBuf> {
    let elsewhere = std::env::var_os("CWAIT_CAPTURES").map(PathBuf::from);
    let folder = elsewhere.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures"));
    let mut files = Vec::new();
    for scenario in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if scenario.is_dir() {
            files.extend(fs::read_dir(scenario).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    files.retain(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        [".pcap", ".pcapng", ".snoop"].iter().any(|ending| name.contains(ending))
    });
    files.sort();
    files
}

#[test]
fn a_capture_through_a_fragment_tells_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for file in bundled() {
        let Ok(whole) = analysis::run(std::slice::from_ref(&file), &options(), &mut |_| ()) else { continue };
        let fragments = map_all(std::slice::from_ref(&file), folder.path());
        let different = difference("", &report_of(&fragments[0]), &told(&whole));
        assert_eq!(different, None, "{}", file.display());
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn captures_cut_anywhere_and_merged_somehow_tell_the_same() {
    let mut dice = Dice(3);
    let (mut compared, mut about) = (0, 0);
    // Every second one, so that the test stays short; another folder is looked at whole.
    let step = if std::env::var_os("CWAIT_CAPTURES").is_some() { 1 } else { 2 };
    for file in bundled().into_iter().step_by(step) {
        let Some(records) = Records::of(&file).filter(|records| records.len() > 10) else { continue };
        let folder = tempfile::tempdir().unwrap();
        // IP fragments on both sides of a cut make no datagram: they are counted, and their octets are missing.
        if file.to_string_lossy().contains("ipv4-fragments") {
            continue;
        }
        let many = compared % 8 == 0;
        let pieces = 2 + dice.roll(if many { 49 } else { 6 }).min(records.len() / 2);
        let places: Vec<_> = (1..pieces).map(|_| dice.roll(records.len())).collect();
        let pieces = records.cut(&places, folder.path());
        let whole = analysis::run(&pieces, &options(), &mut |_| ());
        // Records that go back in time by more than a second cannot be cut there.
        let Ok(whole) = whole else { continue };
        let parts = map_all(&pieces, folder.path());
        let merged = merge_somehow(parts, folder.path(), &mut dice);
        let (mut joined, mut whole) = (report_of(&merged), told(&whole));
        if without_counts(&mut joined.clone()) {
            without_counts(&mut joined);
            without_counts(&mut whole);
            about += 1;
        }
        let different = difference("", &joined, &whole);
        assert_eq!(different, None, "{} in {} pieces", file.display(), pieces.len());
        compared += 1;
    }
    println!("{compared} captures cut, counts are about in {about}");
    assert!(compared > 20 && about < compared / 4, "{compared}, {about}");
}
