//! Firewalls that forget, that say so, that eat FINs and that translate, captured on both sides: what is said of each connection
//! is what the kernels of both hosts recorded, also if the capture of one side is translated, hours off and merged.

use std::path::{Path, PathBuf};

use cwait_pcap::compare::{Comparison, End, How, Kind, Ruling};
use cwait_pcap::findings::Certainty;
use cwait_pcap::wire::Span;

use super::{bundled, client_port, compare};
use crate::alter::Capture;

/// Captured on both hosts, with the port of the service and how many connections have something to tell.
const PAIRS: [(&str, u16, usize); 4] = [
    ("masquerade", 7300, 5),
    ("keepalive-firewall", 7400, 6),
    ("firewall-says-so", 7450, 5),
    ("fin-lost-on-the-way", 7203, 15),
];

const HOURS: i64 = 3 * 3_600 * 1_000_000_000;

fn pair(scenario: &str) -> [PathBuf; 2] {
    ["client-side.pcap", "server-side.pcap"].map(|file| bundled(scenario, file))
}

/// What the truth says of each connection, as [`told`] says it.
fn truth(scenario: &str) -> Vec<String> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(scenario).join("truth.json");
    let truth: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut all = Vec::new();
    for known in truth["connections"].as_array().unwrap() {
        let port = known["client"].as_str().unwrap().rsplit(':').next().unwrap();
        let side = known["expected"]["side"].as_str().unwrap_or("nobody");
        all.push(match known["expected"]["verdict"].as_str().unwrap() {
            "idle_drop_silent" => format!("{port}: SessionForgotten, {side}"),
            "fin_unanswered" => format!("{port}: FinLost, {side}"),
            "never_closed" => format!("{port}: owed by the {side}"),
            _ => format!("{port}: nothing"),
        });
    }
    all.sort();
    all
}

/// What is said of each connection, all of it certain.
fn told(comparison: &Comparison) -> Vec<String> {
    let mut all = Vec::new();
    for story in &comparison.stories {
        let port = client_port(comparison, &story.shared);
        let mut said: Vec<String> = Vec::new();
        for matter in &story.matters {
            assert_eq!(matter.certainty, Certainty::Certain, "{port}: {matter:?}");
            let between = if matter.end == End::Client { (0, 1) } else { (1, 0) };
            assert_eq!(matter.between, between, "{port}: {matter:?}");
            said.push(format!("{port}: {:?}, {}", matter.kind, matter.end.name()));
        }
        let owed = story.opinions.iter().find(|opinion| {
            opinion.finding == "missing-fin" && !opinion.was_undecided && opinion.ruling == Ruling::Confirmed
        });
        if let Some(owed) = owed {
            assert_eq!(owed.certainty, Certainty::Certain, "{port}: {owed:?}");
            said.push(format!("{port}: owed by the {}", owed.end.name()));
        }
        if said.is_empty() {
            said.push(format!("{port}: nothing"));
        }
        all.extend(said);
    }
    all.sort();
    all
}

#[test]
fn both_sides_say_what_the_kernels_recorded() {
    for (scenario, _, something) in PAIRS {
        let truth = truth(scenario);
        let comparison = compare(&pair(scenario));
        assert_eq!(told(&comparison), truth, "{scenario}");
        assert_eq!(truth.iter().filter(|what| !what.ends_with("nothing")).count(), something, "{scenario}");
    }
    let masqueraded = compare(&pair("masquerade"));
    assert!(masqueraded.stories.iter().all(|story| story.shared.how == Some(How::Isns)));
    assert_eq!(masqueraded.stretches[0].translated, 14);
}

#[test]
fn translated_hours_off_and_merged_they_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (scenario, port, _) in PAIRS {
        let (paths, truth) = (pair(scenario), truth(scenario));
        let far = folder.path().join("far.pcap");
        let altered: [(&str, Capture); 3] = [
            ("merged", Capture::read(&paths[1]).merged()),
            ("translated", Capture::read(&paths[1]).translated(port)),
            ("all of it", Capture::read(&paths[1]).merged().translated(port).later(HOURS)),
        ];
        for (what, capture) in altered {
            // Three services, of which one alone would be taken for it.
            if scenario == "fin-lost-on-the-way" && what != "merged" {
                continue;
            }
            capture.write(&far);
            let comparison = compare(&[paths[0].clone(), far.clone()]);
            assert_eq!(told(&comparison), truth, "{scenario}, {what}");
            let clock = comparison.views[1].clock.clone().unwrap();
            let offset = if what == "all of it" { HOURS } else { 0 };
            assert!(
                clock.bound.is_some_and(|bound| Span((clock.offset.0 - offset).abs()) <= bound),
                "{clock:?}"
            );
        }
    }
}

#[test]
fn a_silent_firewall_is_seen_by_a_capture_with_a_short_snap_length_and_one_that_began_late() {
    let folder = tempfile::tempdir().unwrap();
    let paths = pair("keepalive-firewall");
    let far = folder.path().join("far.pcap");
    Capture::read(&paths[1]).cut(70).write(&far);
    let whole = compare(&paths);
    let forgotten = |comparison: &Comparison| super::count(comparison, Kind::SessionForgotten);
    assert_eq!(forgotten(&compare(&[paths[0].clone(), far.clone()])), forgotten(&whole));
    // Seconds before the first silence ends; the sessions are all open then.
    let begins = Capture::read(&paths[1]).0[0].at + 1_500_000_000;
    Capture::read(&paths[1]).only(|packet, _| packet.at > begins).write(&far);
    let late = compare(&[paths[0].clone(), far]);
    assert!(forgotten(&late) <= forgotten(&whole));
    for story in &late.stories {
        for matter in &story.matters {
            assert_eq!(matter.kind, Kind::SessionForgotten, "what passed before was not lost: {matter:?}");
        }
    }
}
