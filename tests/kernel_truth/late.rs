//! Captures that were begun late: the same packets without the first part. What a connection owed before is not known
//! then, and nobody may be accused for it.

use std::fs;
use std::path::Path;

use cwait_pcap::analysis::{self, Options};
use cwait_pcap::report::{Listed, Report, Request};

use crate::judged::Vantage;
use crate::matrix::Matrix;
use crate::truth::Scenario;
use crate::verdicts::Verdicts;

/// Judges every plain pcap of a scenario as if its capture had begun when that share of its time had passed.
pub fn compare(scenario: &Scenario, share: f64, verdicts: &Verdicts, matrix: &mut Matrix) {
    let folder = tempfile::tempdir().unwrap();
    for capture in &scenario.truth.captures {
        let paths = scenario.paths(capture);
        if paths.len() != 1 || !capture.file.ends_with(".pcap") || capture.readable.is_some() {
            continue;
        }
        let late = folder.path().join("late.pcap");
        fs::write(&late, begun_late(&plain(&paths[0]), share)).unwrap();
        let options = Options { keep_all: true, ..Options::default() };
        let outcome = analysis::run(&[late], &options, &mut |_| {}).unwrap();
        let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
        let report = Report::build(&outcome, &request);
        let place = format!("{}/{} from {share}", scenario.name, capture.file);
        Vantage::new(scenario, capture, &outcome, &report, place).verdicts(verdicts, matrix);
    }
}

fn plain(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "zst") {
        return zstd::decode_all(&bytes[..]).unwrap();
    }
    bytes
}

/// The file header, and the records whose time lies in the rest.
fn begun_late(pcap: &[u8], share: f64) -> Vec<u8> {
    let number = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
    let mut records = Vec::new();
    let mut at = 24;
    while at + 16 <= pcap.len() {
        let end = (at + 16 + number(at + 8) as usize).min(pcap.len());
        records.push((f64::from(number(at)) + f64::from(number(at + 4)) / 1e6, &pcap[at..end]));
        at = end;
    }
    let times = || records.iter().map(|(time, _)| *time);
    let (first, last) = (times().fold(f64::MAX, f64::min), times().fold(0.0, f64::max));
    let from = first + share * (last - first);
    let kept = records.iter().filter(|(time, _)| *time >= from).map(|(_, bytes)| *bytes);
    std::iter::once(&pcap[..24]).chain(kept).collect::<Vec<_>>().concat()
}
