//! Kernel truth beside host evidence: for every bundled capture with the listings of its hosts, each connection that was
//! never closed is found with its process and state, and nothing is claimed of the healthy ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// Findings about single connections that rest on host records.
const FROM_HOSTS: [&str; 7] = [
    "socket-mismatch",
    "close-called",
    "never-accepted",
    "fd-not-closed",
    "eof-not-read",
    "no-wake-up",
    "epipe",
];

fn sorted(folder: &str) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// The capture nearest to the server.
fn capture_of(name: &str) -> String {
    let files = sorted(&format!("testdata/captures/{name}"));
    let mut captures = files.iter().map(|file| file.to_str().unwrap()).filter(|file| file.ends_with(".zst"));
    let first = captures.clone().next().unwrap();
    captures.find(|file| file.contains("/server-side.pcap")).unwrap_or(first).to_owned()
}

/// The connections of a report by both ends, in the order in which they began.
fn connections(name: &str, folder: &Path) -> BTreeMap<(String, String), Vec<Value>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"));
    command.args(["analyze", &capture_of(name), "--connections", "all", "--format", "json"]);
    for listing in sorted(folder.to_str().unwrap()) {
        command.arg("--sockets").arg(listing);
    }
    let trace = format!("testdata/traces/strace-{name}.txt");
    if Path::new(&trace).exists() {
        command.args(["--trace", &trace]);
    }
    let out = command.output().unwrap();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    for record in report["host_records"].as_array().unwrap() {
        assert_eq!(record["unread"], 0, "{name}: {record}");
    }
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for connection in report["connections"].as_array().unwrap() {
        let end = |side: &str| connection[side].as_str().unwrap().to_owned();
        all.entry((end("client"), end("server"))).or_default().push(connection.clone());
    }
    all
}

/// Everything that was found on it.
fn found(connection: &Value) -> Vec<&str> {
    let notes = connection["notes"].as_array().unwrap().iter();
    notes.chain([&connection["finding"]]).filter_map(Value::as_str).collect()
}

#[test]
fn what_the_kernels_recorded_is_found_and_no_more() {
    let (mut never_closed, mut healthy, mut listed) = (0, 0, 0);
    for folder in sorted("testdata/evidence") {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let truth = fs::read_to_string(format!("testdata/captures/{name}/truth.json")).unwrap();
        let truth: Value = serde_json::from_str(&truth).unwrap();
        let told = connections(name, &folder);
        for known in truth["connections"].as_array().unwrap() {
            let text = |key: &str| known[key].as_str().map(str::to_owned);
            let server = text("server").unwrap();
            let client = [text("client_as_server_sees"), text("client")].into_iter().flatten();
            let mut uses = client.filter_map(|client| told.get(&(client, server.clone())));
            // A capture that was cut short lacks the last ones.
            let Some(uses) = uses.next() else { continue };
            let nth = known["use_of_these_ports"].as_u64().unwrap() as usize - 1;
            let Some(connection) = uses.get(nth) else { continue };
            let at = format!("{name}, {}: {connection}", known["id"]);
            let processes = connection["processes"].as_array().unwrap();
            let of = |side: &Value| processes.iter().find(|process| process["side"] == *side);

            listed += processes.len();
            let from_hosts: Vec<_> =
                found(connection).into_iter().filter(|name| FROM_HOSTS.contains(name)).collect();
            match known["expected"]["verdict"].as_str().unwrap() {
                "never_closed" => {
                    let holder = of(&known["expected"]["side"]).unwrap_or_else(|| panic!("{at}: not listed"));
                    assert_eq!(
                        (&holder["state"], &holder["name"]),
                        (&"CLOSE-WAIT".into(), &"python3".into()),
                        "{at}"
                    );
                    assert!(
                        matches!(connection["finding"].as_str(), Some("missing-fin" | "eof-not-read")),
                        "{at}"
                    );
                    never_closed += 1;
                }
                // The program of these two is so busy that it never accepted them: they are open, and nobody's.
                "open" if known["id"].as_str().unwrap().starts_with("starved") => {
                    assert_eq!(from_hosts, ["never-accepted"], "{at}");
                }
                "closed_clean" | "open" => {
                    assert!(from_hosts.is_empty(), "{at}");
                    assert!(!found(connection).contains(&"missing-fin"), "{at}");
                    healthy += 1;
                }
                _ => {}
            }
        }
    }
    assert!(never_closed >= 140 && healthy >= 900 && listed >= 400, "{never_closed}, {healthy}, {listed}");
}
