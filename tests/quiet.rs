//! What is ordinary must stay quiet: real captures of long polling, WebSocket, idle logins, `nc -N`, health checks that
//! reset, HTTP/1.0 servers that close first, TLS farewells and uploads without answer. Nothing there is worse than a note,
//! and what is a fault is found beside it.

use std::path::{Path, PathBuf};

use cwait_pcap::analysis::{self, Options, Outcome};
use cwait_pcap::report::{Listed, Report, Request, Severity};

fn capture(scenario: &str, file: &str) -> Outcome {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "testdata/captures", scenario, file].iter().collect();
    analysis::run(&[path], &Options { keep_all: true, ..Options::default() }, &mut |_| {}).unwrap()
}

fn report(outcome: &Outcome) -> Report {
    Report::build(outcome, &Request { command_line: Vec::new(), listed: Listed::All, limit: None })
}

/// Every bundled capture of a scenario.
fn captures(scenario: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(scenario);
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".zst")).collect()
}

#[test]
fn nothing_ordinary_is_worse_than_a_note() {
    let ordinary = [
        "long-polling",
        "websocket",
        "idle-ssh",
        "nc-half-close",
        "health-checks",
        "http10",
        "tls-close",
        "upload-sink",
        "frequent-keepalive",
    ];
    for scenario in ordinary {
        for file in captures(scenario) {
            let report = report(&capture(scenario, &file));
            for finding in &report.findings {
                assert_eq!(finding.severity, Severity::Note, "{scenario}/{file}: {}", finding.name);
            }
        }
    }
}

/// Connections that ended well are not judged unless all are asked for. Judged, they have nothing to say: both ways the
/// same connections are told of, and the sums are the same.
#[test]
fn what_is_not_judged_would_have_nothing_to_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures");
    let (mut left_out, mut told) = (0, 0);
    for scenario in std::fs::read_dir(root).unwrap() {
        let scenario = scenario.unwrap().path();
        let Some(name) = scenario.file_name().filter(|_| scenario.is_dir()).and_then(|name| name.to_str())
        else {
            continue;
        };
        for file in captures(name) {
            let all = capture(name, &file);
            let some = analysis::run(&[scenario.join(&file)], &Options::default(), &mut |_| {}).unwrap();
            let flagged = |outcome: &Outcome| {
                let flagged = outcome.connections.iter().filter(|judged| judged.is_flagged());
                flagged.map(|judged| (judged.id(), judged.verdict.clone())).collect::<Vec<_>>()
            };
            assert_eq!(flagged(&all), flagged(&some), "{name}/{file}");
            assert_eq!(all.totals, some.totals, "{name}/{file}");
            left_out += all.connections.len() - some.connections.len();
            told += flagged(&some).len();
        }
    }
    assert!(left_out > 1_000 && told > 100, "{left_out} left out, {told} told of");
}

/// The names of all findings on single connections, as notes or otherwise, with how many connections have each.
fn found(scenario: &str, file: &str, name: &str) -> usize {
    let outcome = capture(scenario, file);
    let has = |judged: &&analysis::Judged| judged.verdict.findings.iter().any(|finding| finding.name == name);
    outcome.connections.iter().filter(has).count()
}

#[test]
fn faults_are_found_in_captures_of_real_hosts() {
    let cases = [
        ("mtu-black-hole", "client-side.pcap.zst", "large-segments-lost", 4),
        ("clients-give-up", "server-side.pcap.zst", "client-gave-up", 9),
        ("clients-give-up", "server-side.pcap.zst", "no-answer", 9),
        ("frequent-keepalive", "server-side.pcap.zst", "frequent-keepalive", 6),
        ("pool-reuse", "server-side.pcap.zst", "stale-connection-reused", 4),
        ("reboot", "client-side.pcap.zst", "peer-forgot", 6),
        ("keepalive-firewall", "client-side.pcap.zst", "keepalive-gave-up", 0),
        ("linger-zero", "client-side.pcap.zst", "close-wait-aborted", 7),
        ("long-polling", "client-side.pcap.zst", "late-answer", 1),
        ("backlog-full", "server-side.pcap.zst", "syn-unanswered", 3),
        ("session-table-cleared", "client-side.pcap.zst", "unacked-data", 5),
        ("session-table-cleared", "server-side.pcap.zst", "unacked-data", 0),
        ("firewall-any-device", "firewall-any.pcap.zst", "reset-after-idle", 5),
        ("firewall-any-device", "firewall-any.pcap.zst", "peer-forgot", 3),
        ("firewall-any-device", "firewall-any.pcap.zst", "late-answer", 0),
    ];
    for (scenario, file, name, times) in cases {
        assert_eq!(found(scenario, file, name), times, "{scenario}/{file}: {name}");
    }
}
