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
        fs::write(&late, Records::of(&plain(&paths[0])).between(share, 1.0)).unwrap();
        let options = Options { keep_all: true, ..Options::default() };
        let outcome = analysis::run(&[late], &options, &mut |_| {}).unwrap();
        let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
        let report = Report::build(&outcome, &request);
        let place = format!("{}/{} from {share}", scenario.name, capture.file);
        Vantage::new(scenario, capture, &outcome, &report, place).verdicts(verdicts, matrix);
    }
}

pub fn plain(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "zst") {
        return zstd::decode_all(&bytes[..]).unwrap();
    }
    bytes
}

/// A plain pcap file in its pieces, from which others are made.
pub struct Records<'a> {
    header: &'a [u8],
    /// Time in seconds, and the record with its header.
    all: Vec<(f64, &'a [u8])>,
}

impl<'a> Records<'a> {
    pub fn of(pcap: &'a [u8]) -> Records<'a> {
        let number = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
        let mut all = Vec::new();
        let mut at = 24;
        while at + 16 <= pcap.len() {
            let end = (at + 16 + number(at + 8) as usize).min(pcap.len());
            all.push((f64::from(number(at)) + f64::from(number(at + 4)) / 1e6, &pcap[at..end]));
            at = end;
        }
        Records { header: &pcap[..24], all }
    }

    /// Those whose time lies between these shares of the whole.
    pub fn between(&self, from: f64, upto: f64) -> Vec<u8> {
        let times = || self.all.iter().map(|(time, _)| *time);
        let (first, last) = (times().fold(f64::MAX, f64::min), times().fold(0.0, f64::max));
        let at = |share: f64| first + share * (last - first);
        self.kept(|_, time, _| time >= at(from) && time <= at(upto))
    }

    /// Those of the station that sent the first one, or of all others; Ethernet only, elsewhere it is some of them.
    pub fn of_direction(&self, first: bool) -> Vec<u8> {
        let station = |record: &'a [u8]| record.get(16 + 6..16 + 12);
        let own = self.all.first().and_then(|(_, record)| station(record));
        self.kept(|_, _, record| (station(record) == own) == first)
    }

    /// All but every `n`-th.
    pub fn thinned(&self, n: usize) -> Vec<u8> {
        self.kept(|place, _, _| place % n != n - 1)
    }

    fn kept(&self, keep: impl Fn(usize, f64, &'a [u8]) -> bool) -> Vec<u8> {
        let kept = self.all.iter().enumerate().filter(|(place, (time, record))| keep(*place, *time, record));
        std::iter::once(self.header).chain(kept.map(|(_, (_, record))| *record)).collect::<Vec<_>>().concat()
    }
}
