//! A capture that is still being written, judged while it grows.

use std::path::Path;

use cwait_pcap::analysis::{Analysis, Options, Outcome};
use cwait_pcap::capture::{self, Reader};
use cwait_pcap::report::{Listed, Report, Request};
use cwait_pcap::wire::Timestamp;

fn reader(scenario: &str) -> Reader {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(scenario);
    Reader::open(&path, &capture::Limits::default()).unwrap()
}

/// Shows an analysis the first `frames` of a capture, calling `at` before each.
fn feed(scenario: &str, frames: u64, analysis: &mut Analysis, mut at: impl FnMut(&mut Analysis, u64)) {
    let mut reader = reader(scenario);
    let mut seen = 0;
    while seen < frames
        && reader
            .next_batch(&mut |record| {
                if seen < frames {
                    at(analysis, seen);
                    analysis.observe(record);
                    seen += 1;
                }
            })
            .unwrap()
    {}
}

fn report(outcome: &Outcome) -> Report {
    Report::build(outcome, &Request { command_line: Vec::new(), listed: Listed::Flagged, limit: None })
}

#[test]
fn a_look_in_between_says_what_the_capture_up_to_there_says_and_changes_nothing() {
    for scenario in [
        "server-never-closes/server-side.pcap.zst",
        "firewall-forgets-with-reset/client-side.pcap.zst",
        "late-close/server-side.pcap.zst",
        "same-port-again/server-side.pcap.zst",
    ] {
        let mut looks = Vec::new();
        let mut growing = Analysis::new(Options::default());
        feed(scenario, u64::MAX, &mut growing, |analysis, seen| {
            if seen % 40 == 39 {
                looks.push((seen, report(&analysis.as_of(Timestamp(i64::MIN)))));
            }
        });
        assert!(looks.len() > 2, "{scenario}");
        for (frames, look) in looks {
            let mut prefix = Analysis::new(Options::default());
            feed(scenario, frames, &mut prefix, |_, _| {});
            assert_eq!(look, report(&prefix.finish()), "{scenario} after {frames} frames");
        }
        let mut whole = Analysis::new(Options::default());
        feed(scenario, u64::MAX, &mut whole, |_, _| {});
        assert_eq!(report(&growing.finish()), report(&whole.finish()), "{scenario}");
    }
}

#[test]
fn silence_counts_up_to_the_moment_of_the_look() {
    let mut analysis = Analysis::new(Options::default());
    feed("server-never-closes/server-side.pcap.zst", 60, &mut analysis, |_, _| {});
    let owes = |report: &Report| report.services.iter().map(|service| service.owes_fin).sum::<u64>();
    let now = report(&analysis.as_of(Timestamp(i64::MIN)));
    let later = report(&analysis.as_of(analysis.last().at + cwait_pcap::wire::Span::secs(300)));
    assert!(owes(&now) < owes(&later), "{} {}", owes(&now), owes(&later));
}
