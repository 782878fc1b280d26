//! Captures of both sides of real firewalls, compared, against what the kernels of both hosts recorded, and against
//! the same captures altered as boxes, cards and clocks alter them.

mod alter;
mod bad;
mod clocks;
mod command;
mod firewalls;
#[path = "../kernel_truth/truth.rs"]
#[allow(dead_code, reason = "verdicts of single captures are another test's matter")]
mod truth;
mod verdicts;
#[path = "../support/write.rs"]
mod write;

use std::path::{Path, PathBuf};

use cwait_pcap::analysis::Options;
use cwait_pcap::compare::{self, CompareError, Comparison, Event, Kind, Shared, Vantage};
use cwait_pcap::wire::Span;

fn bundled(scenario: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(scenario).join(format!("{file}.zst"))
}

fn vantages(paths: &[PathBuf]) -> Vec<Vantage> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| Vantage { name: name(path), captures: vec![path.clone()] }).collect()
}

fn try_compare(paths: &[PathBuf]) -> Result<Comparison, CompareError> {
    compare::run(&vantages(paths), &Options::default(), &mut |_| {})
}

fn compare(paths: &[PathBuf]) -> Comparison {
    try_compare(paths).unwrap_or_else(|error| panic!("{paths:?}: {error}"))
}

/// The client's port as the first place shows it: names a connection of a pair.
fn client_port(comparison: &Comparison, shared: &Shared) -> u16 {
    let judged = comparison.judged(shared, 0).or_else(|| comparison.judged(shared, 1)).unwrap();
    judged.connection.key.endpoint(judged.roles.client).port()
}

/// What happened to each connection, so that two comparisons can be set against each other: client's port, kind, end,
/// between which places, and silence to a tenth of a second.
fn matters(comparison: &Comparison) -> Vec<String> {
    let mut told = Vec::new();
    for story in &comparison.stories {
        let port = client_port(comparison, &story.shared);
        for matter in &story.matters {
            let silence = matter.silence.unwrap_or(Span::ZERO).0 / 100_000_000;
            told.push(format!(
                "{port} {:?} {:?} {:?} {silence} {:?}",
                matter.kind, matter.end, matter.between, matter.certainty
            ));
        }
        for opinion in &story.opinions {
            told.push(format!(
                "{port} {} at {} {:?} {:?}",
                opinion.finding, opinion.at, opinion.end, opinion.ruling
            ));
        }
        for fate in &story.fates {
            told.push(format!("{port} {:?} {:?} {:?} {:?}", fate.from, fate.act, fate.event, fate.between));
        }
    }
    told.sort();
    told
}

/// Connections on which that happened.
fn count(comparison: &Comparison, kind: Kind) -> usize {
    let has = |story: &&compare::Story| story.matters.iter().any(|matter| matter.kind == kind);
    comparison.stories.iter().filter(has).count()
}

/// Segments that were lost or made between, of which it can be told.
fn told(comparison: &Comparison, event: Event) -> u32 {
    let fates = comparison.stories.iter().flat_map(|story| &story.fates);
    fates.filter(|fate| fate.event == event && fate.is_told()).map(|fate| fate.missing).sum()
}
