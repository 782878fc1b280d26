//! Clocks that are seconds or hours off and that drift, in real pairs.

use cwait_pcap::report::{CompareFormat, CompareReport, Style};
use cwait_pcap::wire::Span;

use super::{bundled, compare, matters};
use crate::alter::Capture;

/// A clock that gains so many microseconds a second.
fn drifting(mut capture: Capture, gains: i64) -> Capture {
    let first = capture.0[0].at;
    capture.0.iter_mut().for_each(|packet| packet.at += (packet.at - first) / 1_000_000 * gains);
    capture
}

#[test]
fn shifts_of_seconds_and_hours_are_found_within_half_the_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    for scenario in
        ["both-sides-of-lossy-firewall", "firewall-forgets-silently", "masquerade", "keepalive-firewall"]
    {
        let [near, far] = ["client-side.pcap", "server-side.pcap"].map(|file| bundled(scenario, file));
        let plain = compare(&[near.clone(), far.clone()]).views[1].clock.clone().unwrap();
        for seconds in [-7_i64, 2, 61, 3 * 3_600, -26 * 3_600] {
            let shift = seconds * 1_000_000_000 + 123_456_000;
            let shifted = folder.path().join("shifted.pcap");
            Capture::read(&far).later(shift).write(&shifted);
            let clock = compare(&[near.clone(), shifted]).views[1].clock.clone().unwrap();
            let (bound, round_trip) = (clock.bound.unwrap(), clock.round_trip.unwrap());
            assert!(Span((clock.offset.0 - shift).abs()) <= bound, "{scenario} {seconds} s: {clock:?}");
            assert!(bound <= Span(round_trip.0 / 2 + 1_000), "{scenario} {seconds} s: {clock:?}");
            assert_eq!((bound, clock.drift), (plain.bound.unwrap(), plain.drift), "{scenario} {seconds} s");
        }
    }
}

#[test]
fn a_drift_is_found_stated_and_changes_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    // Hours long, so that a drift of an ordinary clock outgrows the delays many times over.
    let [near, far] =
        ["client-side.pcap", "server-side.pcap"].map(|file| bundled("idle-gap-ladder-15min", file));
    let expected = matters(&compare(&[near.clone(), far.clone()]));
    for gains in [40, -25] {
        let drifted = folder.path().join("drifted.pcap");
        drifting(Capture::read(&far), gains).write(&drifted);
        let comparison = compare(&[near.clone(), drifted]);
        assert_eq!(matters(&comparison), expected, "{gains} us a second");
        let clock = comparison.views[1].clock.clone().unwrap();
        assert!((clock.drift / 1e3 - gains as f64).abs() < 0.5, "{gains}: {clock:?}");
        let report = CompareReport::build(&comparison, &[]);
        let mut text = Vec::new();
        report.write(CompareFormat::Terminal, &Style::plain(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let stated = text.split("and gains ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        assert!((stated.parse::<f64>().unwrap() - gains as f64).abs() < 0.5, "{stated}");
    }
}
