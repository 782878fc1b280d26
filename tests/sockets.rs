//! `cwait-pcap sockets` as a whole command: what it prints, how it ends, what it does with text it cannot read.

use std::fs;
use std::io::Write;

use assert_cmd::Command;

const SS: &str = "testdata/sockets/linux-ss-server-never-closes.txt";
const PASTE: &str = "testdata/sockets/mixed-paste.txt";

fn run(args: &[&str]) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).arg("sockets").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

#[test]
fn growth_owners_and_unread_lines_are_told() {
    insta::assert_snapshot!(format!("{}\n\n{}", run(&[SS]).1, run(&[PASTE]).1));
}

#[test]
fn exit_statuses() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let empty = file("grep-found-nothing.txt", b"");
    let prose = file("prose.txt", b"all is well\nno sockets here\n");
    let most = close_wait(&["--format", "json", SS]).into_iter().max().unwrap();
    let (reached, above) = (most.to_string(), (most + 1).to_string());
    for (status, args, begins) in [
        (0, &[SS][..], ""),
        (1, &[SS, "--limit", &reached], ""),
        (0, &[SS, "--limit", &above], ""),
        (1, &[SS, "--limit", "1", "--port", "80"], ""),
        (0, &[SS, "--limit", "1", "--port", "81"], ""),
        (0, &[&empty, "--limit", "1"], ""),
        (2, &[&prose], "cwait-pcap: "),
        (2, &["no-such.txt"], "cwait-pcap: no-such.txt: "),
        (2, &[SS, "--at", "noon"], "cwait-pcap: 'noon' is no time"),
        (2, &[], "error: "),
    ] {
        let (code, _, stderr) = run(args);
        assert_eq!(code, status, "{args:?}: {stderr}");
        assert!(stderr.starts_with(begins) && stderr.is_empty() == begins.is_empty(), "{args:?}: {stderr}");
    }
}

/// Sockets in CLOSE-WAIT at each moment.
fn close_wait(args: &[&str]) -> Vec<u64> {
    let report: serde_json::Value = serde_json::from_str(&run(args).1).unwrap();
    let moments = report["moments"].as_array().unwrap();
    moments.iter().map(|moment| moment["close_wait"].as_u64().unwrap()).collect()
}

#[test]
fn compressed_listings_and_standard_input_are_read_alike() {
    let text = fs::read(SS).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&text).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .args(["sockets", "-", "--format", "json"])
        .write_stdin(packed.finish().unwrap())
        .output()
        .unwrap();
    let read: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let plain: serde_json::Value = serde_json::from_str(&run(&[SS, "--format", "json"]).1).unwrap();
    assert_eq!((&read["moments"], &read["rows"]), (&plain["moments"], &plain["rows"]));
}

#[test]
fn an_undated_listing_takes_the_time_it_is_given() {
    let undated = "testdata/sockets/linux-netstat-wide-user.txt";
    let (_, stdout, _) =
        run(&[undated, "--format", "json", "--at", "2026-11-23 09:12:44", "--tz", "Europe/Berlin"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["moments"][0]["time"]["rfc3339"], "2026-11-23T08:12:44.000000000Z");
    assert_eq!(report["moments"][0]["dated_by"], "--at");
}
