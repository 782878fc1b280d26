//! Captures in parts: mapped each on its own, merged in any order and grouping, and judged, they tell the same as when
//! they are read in one go.

mod cut;
mod size;
#[path = "../support/write.rs"]
mod write;

#[path = "../../benches/load.rs"]
mod load;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cwait_pcap::analysis::{self, Options, Outcome};
use cwait_pcap::capture::Interrupt;
use cwait_pcap::fragment::{self, FragmentError, Joining, Merged};
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

/// Connections whose counts are *about*.
fn about(told: &Value) -> BTreeSet<String> {
    let connections = told["connections"].as_array().unwrap().iter();
    let about = connections.filter(|connection| connection["counts_are_about"] == true);
    about.map(|connection| connection["id"].as_str().unwrap().to_owned()).collect()
}

/// Takes out what may differ for these connections: how often they repeated themselves, that they did (`T` in their
/// histories), and the sums of that.
fn without_counts(told: &mut Value, about: &BTreeSet<String>) {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !["counts_are_about", "retransmissions"].contains(&name.as_str()));
                for (name, value) in fields.iter_mut() {
                    match value {
                        Value::String(text) if name == "history" => {
                            text.retain(|it| !matches!(it, 'T' | 't'))
                        }
                        _ => strip(value),
                    }
                }
            }
            Value::Array(all) => all.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let connections = told["connections"].as_array_mut().unwrap().iter_mut();
    connections.filter(|it| about.contains(it["id"].as_str().unwrap())).for_each(strip);
    for sums in ["services", "totals"] {
        strip(&mut told[sums]);
    }
    told["findings"].as_array_mut().unwrap().retain(|finding| finding["name"] != "lossy-path");
}

/// Where two reports differ first.
fn difference(at: &str, one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one.keys().chain(other.keys()).find_map(|key| {
            let [one, other] = [one, other].map(|it| it.get(key).unwrap_or(&Value::Null));
            difference(&format!("{at}.{key}"), one, other)
        }),
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
    told(&outcome_of(fragment, Joining::Auto))
}

fn outcome_of(fragment: &Path, joining: Joining) -> Outcome {
    let mut merged = Merged::open(&[fragment.to_owned()]).unwrap();
    let sets = fragment::sets(merged.captures(), joining);
    assert_eq!(sets.len(), 1, "{sets:?}");
    fragment::joined(&mut merged, &sets[0], &options()).unwrap()
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
        fragment::merge(&some, &out, false, &Interrupt::default()).unwrap();
        parts.push(out);
    }
    parts.remove(0)
}

fn bundled_folder() -> PathBuf {
    let elsewhere = std::env::var_os("CWAIT_CAPTURES").map(PathBuf::from);
    elsewhere.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures"))
}

/// Captures in folders, one for each scenario; elsewhere also those that lie beside these, whatever they are called.
fn bundled() -> Vec<PathBuf> {
    let inside = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (scenarios, mut files): (Vec<_>, Vec<_>) = inside(&bundled_folder()).partition(|path| path.is_dir());
    let of_scenarios = scenarios.iter().flat_map(|scenario| inside(scenario)).filter(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        [".pcap", ".pcapng", ".snoop"].iter().any(|ending| name.contains(ending))
    });
    files.extend(of_scenarios);
    files.sort();
    files
}

#[test]
fn a_capture_through_a_fragment_tells_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (mut compared, mut different) = (0, Vec::new());
    for file in bundled() {
        let Ok(whole) = analysis::run(std::slice::from_ref(&file), &options(), &mut |_| ()) else { continue };
        let fragments = map_all(std::slice::from_ref(&file), folder.path());
        let (mut joined, mut whole) = (report_of(&fragments[0]), told(&whole));
        if is_garbage(&file) {
            (joined, whole) = (outlines(&joined), outlines(&whole));
        }
        let what = difference("", &joined, &whole);
        different.extend(what.map(|what| format!("{}: {what}", file.display())));
        compared += 1;
    }
    println!("{compared} captures through a fragment");
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(std::env::var_os("CWAIT_CAPTURES").is_some() || compared > 50, "{compared}");
}

/// A capture elsewhere whose headers are garbage here and there: a flag or a number that no system sent ends a connection for
/// a part that knows nothing else of it, and not for the whole.
const GARBAGE: [&str; 1] = ["linux_sll_oversized_addr"];

fn is_garbage(file: &Path) -> bool {
    GARBAGE.iter().any(|name| file.to_string_lossy().contains(name))
}

/// Who spoke with whom, from when until when and how much: what is exact in garbage, too.
fn outlines(told: &Value) -> Value {
    let outline = |connection: &Value| -> Value {
        let side = |side: &str| ["segments", "payload", "last"].map(|what| connection[side][what].clone());
        let of = ["client", "server", "first", "last"].map(|what| connection[what].clone());
        serde_json::json!([of, side("client_side"), side("server_side")])
    };
    told["connections"].as_array().unwrap().iter().map(outline).collect()
}

/// Where the report of a capture that is cut into pieces and joined again differs from that of the whole, counts that are
/// *about* aside; and whether any was. None if it cannot be cut there.
fn cut_and_joined(
    records: &Records,
    garbage: bool,
    pieces: usize,
    dice: &mut Dice,
) -> Option<(Option<String>, bool)> {
    let folder = tempfile::tempdir().unwrap();
    let places: Vec<_> = (1..pieces).map(|_| dice.roll(records.len())).collect();
    let pieces = records.cut(&places, folder.path());
    // Files of the same content are one capture, which counts once.
    let contents: BTreeSet<_> = pieces.iter().map(|piece| fs::read(piece).unwrap()).collect();
    if contents.len() < pieces.len() {
        return None;
    }
    // Records that go back in time by more than a second cannot be cut there.
    let whole = analysis::run(&pieces, &options(), &mut |_| ()).ok()?;
    let merged = merge_somehow(map_all(&pieces, folder.path()), folder.path(), dice);
    // Names count up otherwise than time goes on where a clock was set back a little: in order of time, as the whole is read.
    let (mut joined, mut whole) = (told(&outcome_of(&merged, Joining::All)), told(&whole));
    let inexact = about(&joined);
    if garbage && !inexact.is_empty() {
        (joined, whole) = (outlines(&joined), outlines(&whole));
    } else if !inexact.is_empty() {
        without_counts(&mut joined, &inexact);
        without_counts(&mut whole, &inexact);
    }
    Some((difference("", &joined, &whole), !inexact.is_empty()))
}

#[test]
fn captures_cut_anywhere_and_merged_somehow_tell_the_same() {
    let mut dice = Dice(3);
    let (mut compared, mut captures_about, mut different) = (0, 0, Vec::new());
    // Every second one, so that the test stays short; another folder is looked at whole, as often as wanted.
    let elsewhere = std::env::var_os("CWAIT_CAPTURES").is_some();
    let rounds = std::env::var("CWAIT_CUTS").map_or(1, |rounds| rounds.parse().unwrap());
    for file in bundled().into_iter().step_by(if elsewhere { 1 } else { 2 }) {
        let Some(records) = Records::of(&file).filter(|records| records.len() > 10) else { continue };
        for _ in 0..rounds {
            let many = compared % 8 == 0;
            let pieces = 2 + dice.roll(if many { 49 } else { 6 }).min(records.len() / 2);
            let Some((difference, about)) = cut_and_joined(&records, is_garbage(&file), pieces, &mut dice)
            else {
                continue;
            };
            different.extend(difference.map(|what| format!("{} in {pieces} pieces: {what}", file.display())));
            captures_about += usize::from(about);
            compared += 1;
        }
    }
    println!("{compared} captures cut, counts are about in {captures_about}");
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(elsewhere || compared > 20 && captures_about < compared / 4, "{compared}, {captures_about}");
}

#[test]
fn datagrams_whose_fragments_lie_in_several_files_are_whole_when_these_are_joined() {
    let wanted = |file: &PathBuf| file.to_string_lossy().contains("ipv4-fragments/server-side");
    let file = bundled().into_iter().find(wanted).unwrap();
    let records = Records::of(&file).unwrap();
    let (mut dice, mut across, mut inexact) = (Dice(7), 0, 0);
    for round in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let places: Vec<_> = (1..25).map(|_| dice.roll(records.len())).collect();
        let pieces = records.cut(&places, folder.path());
        let whole = analysis::run(&pieces, &options(), &mut |_| ()).unwrap();
        let datagrams = whole.frames.fragments.completed;
        let parts = map_all(&pieces, folder.path());
        let alone: u64 =
            parts.iter().map(|part| outcome_of(part, Joining::Auto).frames.fragments.completed).sum();
        across += datagrams - alone;
        let joined = outcome_of(&merge_somehow(parts, folder.path(), &mut dice), Joining::Auto);
        assert_eq!(format!("{:?}", joined.frames), format!("{:?}", whole.frames), "round {round}");
        let (mut joined, mut whole) = (told(&joined), told(&whole));
        let about = about(&joined);
        if !about.is_empty() {
            inexact += 1;
            without_counts(&mut joined, &about);
            without_counts(&mut whole, &about);
        }
        assert_eq!(difference("", &joined, &whole), None, "round {round}");
    }
    assert!(across > 5 && inexact < 6, "{across} datagrams were cut, counts are about {inexact} times");
}

#[test]
fn more_fragments_than_are_opened_at_once_are_merged_as_a_tree() {
    let wanted = |file: &PathBuf| file.to_string_lossy().contains("rotated-files/one-file");
    let records = Records::of(&bundled().into_iter().find(wanted).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let places: Vec<_> = (1..40).map(|at| records.len() * at / 40).collect();
    let mut parts = map_all(&records.cut(&places, folder.path()), folder.path());
    let out = tempfile::tempdir().unwrap();
    let merge = |parts: &[PathBuf], name: &str, interrupt: &Interrupt| {
        let path = out.path().join(name);
        fragment::merge(parts, &path, false, interrupt).map(|told| (path, told))
    };
    let never = Interrupt::default();
    let (one, _) = merge(&parts[..20], "one", &never).unwrap();
    let (other, _) = merge(&parts[20..], "other", &never).unwrap();
    let (both, _) = merge(&[other, one], "both", &never).unwrap();
    parts.push(parts[7].clone());
    let (tree, told) = merge(&parts, "tree", &never).unwrap();
    assert!(fs::read(tree).unwrap() == fs::read(both).unwrap());
    assert_eq!((told.captures, told.twice.len()), (40, 1));
    let raised = Interrupt::armed();
    raised.raise();
    assert!(matches!(merge(&parts, "none", &raised), Err(FragmentError::Interrupted(_))));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 4, "nothing is left on the way");
}

#[test]
fn rotated_files_joined_from_fragments_tell_what_the_kernel_recorded() {
    let folder = bundled_folder().join("rotated-files");
    let truth: Value = serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut parts: Vec<_> =
        bundled().into_iter().filter(|it| it.to_string_lossy().contains("rotated-files/part")).collect();
    assert_eq!(parts.len(), 5);
    parts.reverse();
    let merged = merge_somehow(map_all(&parts, out.path()), out.path(), &mut Dice(11));
    let joined = report_of(&merged);
    let ends = |it: &Value| ["client", "server"].map(|end| it[end].as_str().unwrap().to_owned());
    let mut owed: Vec<_> = (joined["connections"].as_array().unwrap().iter())
        .filter(|it| it["finding"] == "missing-fin")
        .map(|it| (ends(it), it["side"].as_str().unwrap().to_owned()))
        .collect();
    let mut true_ones: Vec<_> = (truth["connections"].as_array().unwrap().iter())
        .filter(|it| it["expected"]["verdict"] == "never_closed")
        .map(|it| (ends(it), it["expected"]["side"].as_str().unwrap().to_owned()))
        .collect();
    owed.sort();
    true_ones.sort();
    assert!(owed.len() > 5);
    assert_eq!(owed, true_ones);
    assert_eq!(joined["totals"]["connections"], truth["connections"].as_array().unwrap().len());
}
