//! Timers of boxes on the path, told from captures that are not whole: begun late, ended early, of one direction, or of both
//! places in one file. Whatever is left must never tell a wrong interval, nor a timer where none was.

use std::fs;

use cwait_pcap::analysis::{self, Options};
use cwait_pcap::patterns::{self, Data};

use crate::late::{Records, plain};
use crate::truth::Scenario;

/// A way to take something away.
type Cut = fn(&Records<'_>) -> Vec<u8>;

const CUTS: &[(&str, Cut)] = &[
    ("all of it", |records| records.between(0.0, 1.0)),
    ("from 0.2 on", |records| records.between(0.2, 1.0)),
    ("from 0.5 on", |records| records.between(0.5, 1.0)),
    ("up to 0.5", |records| records.between(0.0, 0.5)),
    ("up to 0.8", |records| records.between(0.0, 0.8)),
    ("between 0.2 and 0.8", |records| records.between(0.2, 0.8)),
    ("one direction", |records| records.of_direction(true)),
    ("the other direction", |records| records.of_direction(false)),
    ("without every fourth record", |records| records.thinned(4)),
    ("without every ninth record", |records| records.thinned(9)),
];

/// What is told of timers that contradicts what was configured, and how much was told rightly.
pub fn compare(scenario: &Scenario, wrong: &mut Vec<String>) -> usize {
    let configured = scenario.truth.timers();
    let folder = tempfile::tempdir().unwrap();
    let mut right = 0;
    let plain_ones = scenario.truth.captures.iter().filter(|capture| capture.file.ends_with(".pcap"));
    for capture in plain_ones.filter(|capture| capture.readable.is_none()) {
        let paths = scenario.paths(capture);
        let [path] = paths.as_slice() else { continue };
        let bytes = plain(path);
        let records = Records::of(&bytes);
        for (how, cut) in CUTS {
            let part = folder.path().join("part.pcap");
            fs::write(&part, cut(&records)).unwrap();
            let outcome = analysis::run(&[part], &Options::default(), &mut |_| {}).unwrap();
            for finding in patterns::judge(&outcome, None) {
                let (Some(Data::Interval(interval)), "path-idle-timeout") = (&finding.data, finding.name)
                else {
                    continue;
                };
                let (above, at_most) = (interval.above, interval.at_most);
                let holds = |timer: f64| {
                    above.is_none_or(|above| above.as_secs_f64() <= timer)
                        && at_most.is_none_or(|at_most| timer <= at_most.as_secs_f64() + 0.5)
                };
                match configured.iter().any(|&timer| holds(timer)) {
                    true => right += 1,
                    false => wrong.push(format!(
                        "{}/{} {how}: {above:?}..{at_most:?}, configured {configured:?}",
                        scenario.name, capture.file
                    )),
                }
            }
        }
    }
    right
}
