//! Extracts and other names: what is kept is judged as the whole was, what is hidden is hidden.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use cwait_pcap::report::{Connection, Report};

/// A snoop capture and a compressed pcap.
const CAPTURES: [&str; 2] =
    ["testdata/captures/file-formats/solaris.snoop", "testdata/captures/file-formats/plain.pcap.gz"];

fn run(args: &[&str]) -> Vec<u8> {
    let done = Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

fn report(capture: &str, more: &[&str]) -> Report {
    let args = [&["analyze", capture, "--format", "json", "--connections", "all"], more].concat();
    serde_json::from_slice(&run(&args)).unwrap()
}

/// Everything that must not change, whatever the addresses and frame numbers are.
fn judged(c: &Connection) -> impl PartialEq + std::fmt::Debug + use<> {
    let side = |side: &cwait_pcap::report::Endpoint| {
        (side.proven.clone(), side.segments, side.payload, side.retransmissions, side.hop_limits.clone())
    };
    (
        (c.first.time.clone(), c.last.time.clone(), c.history.clone(), c.ending.clone()),
        (c.finding.clone(), c.notes.clone(), c.undecided.clone(), c.side.clone(), c.silence_failed.clone()),
        (side(&c.client_side), side(&c.server_side)),
    )
}

fn extracted(folder: &Path, capture: &str, more: &[&str]) -> String {
    let out = folder.join("extract.pcapng").to_str().unwrap().to_owned();
    run(&[&["extract", capture, "-q", "--all", "-o", &out], more].concat());
    out
}

#[test]
fn an_extract_is_judged_as_the_whole_was() {
    let folder = tempfile::tempdir().unwrap();
    for capture in CAPTURES {
        let whole = report(capture, &[]);
        assert!(!whole.connections.is_empty(), "{capture}");
        for more in [&[][..], &["--anonymize", "a key"]] {
            let extract = report(&extracted(folder.path(), capture, more), &[]);
            let of = |report: &Report| report.connections.iter().map(judged).collect::<Vec<_>>();
            assert_eq!(of(&whole), of(&extract), "{capture} {more:?}");
            let told = |report: &Report| {
                let of = |f: &cwait_pcap::report::Finding| (f.name.clone(), f.severity, f.count, f.fact);
                report.findings.iter().map(of).collect::<Vec<_>>()
            };
            assert_eq!(told(&whole), told(&extract), "{capture} {more:?}");
        }
    }
}

#[test]
fn nothing_of_the_addresses_remains() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    fs::write(&key_file, "a key\n").unwrap();
    let key = ["--anonymize-key-file", key_file.to_str().unwrap()];
    for capture in CAPTURES {
        let whole = report(capture, &[]);
        let addresses: Vec<IpAddr> = whole
            .connections
            .iter()
            .flat_map(|c| [&c.client, &c.server])
            .map(|end| end.parse::<std::net::SocketAddr>().unwrap().ip())
            .collect();
        let names: Vec<String> = whole.connections.iter().map(|c| c.id.clone()).collect();
        let mut outputs = vec![fs::read(extracted(folder.path(), capture, &key)).unwrap()];
        for format in ["terminal", "json", "ndjson", "markdown", "jira", "html", "csv", "dot"] {
            let args =
                ["analyze", capture, "--format", format, "--connections", "all", "--title", "10.0.0.1"];
            outputs.push(run(&[&args, &key[..]].concat()));
        }
        for output in &outputs {
            let has = |bytes: &[u8]| output.windows(bytes.len()).any(|window| window == bytes);
            for address in &addresses {
                assert!(!has(address.to_string().as_bytes()), "{capture}: {address} as text");
                match address {
                    IpAddr::V4(address) => assert!(!has(&address.octets()), "{capture}: {address}"),
                    IpAddr::V6(address) => assert!(!has(&address.octets()), "{capture}: {address}"),
                }
            }
            assert!(names.iter().all(|name| !has(name.as_bytes())), "{capture}: the name of a connection");
            assert!(!has(b"file-formats"), "{capture}: the path");
        }
    }
}

#[test]
fn one_key_gives_the_same_names_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let key = ["--anonymise", "a key"];
    let named = |report: &Report| {
        let of = |c: &Connection| (c.id.clone(), c.client.clone(), c.server.clone());
        report.connections.iter().map(of).collect::<Vec<_>>()
    };
    for capture in CAPTURES {
        let in_report = report(capture, &key);
        let in_extract = report(&extracted(folder.path(), capture, &key), &[]);
        assert_eq!(named(&in_report), named(&in_extract), "{capture}");
        assert_ne!(named(&in_report), named(&report(capture, &["--anonymise", "another key"])), "{capture}");
    }
}

#[test]
fn what_there_is_nothing_of_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    let out = out.to_str().unwrap();
    for (args, says) in [
        (&["--finding", "no-such"][..], "no finding is called 'no-such'"),
        (&["--stream", "9999"], "no connection is called '9999'"),
        (&["--anonymize", ""], "--anonymize"),
    ] {
        let args = [&["extract", CAPTURES[0], "-o", out], args].concat();
        let done = Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).args(&args).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(told.contains(says), "{told}");
        assert!(!Path::new(out).exists());
    }
}
