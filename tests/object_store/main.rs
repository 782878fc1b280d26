//! Captures in object stores, as users name them: the same answer as from files, range by range, through failures that pass,
//! and an exit status that tells those that do not.

#[path = "../../benches/load.rs"]
mod load;
mod server;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use server::{Mood, Server};

/// Octets of a part, as the program asks for them.
const PART: u64 = 4 << 20;

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(name)
}

/// The program, with credentials that lead to the server and nowhere else.
fn cwait(port: u16) -> Command {
    let mut command = Command::cargo_bin("cwait-pcap").unwrap();
    let here = format!("http://127.0.0.1:{port}");
    let google = format!(
        r#"{{"gcs_base_url": "{here}", "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}}"#
    );
    command
        .env("NO_COLOR", "1")
        .env("NO_PROXY", "127.0.0.1")
        .envs([("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ENDPOINT", here.as_str()), ("AWS_ALLOW_HTTP", "true")])
        .envs([("GOOGLE_SERVICE_ACCOUNT_KEY", google.as_str()), ("GOOGLE_ALLOW_HTTP", "true")])
        .envs([("AZURE_STORAGE_USE_EMULATOR", "true"), ("AZURITE_BLOB_STORAGE_URL", here.as_str())]);
    command
}

/// Runs it; what it wrote on both streams.
fn run(server: &Server, status: i32, args: &[&str]) -> (String, String) {
    let output = cwait(server.port).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(status), "{args:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

/// A report of `analyze`, without what names its input.
fn report(server: &Server, input: &str) -> Value {
    let (json, _) = run(server, 0, &["analyze", input, "-q", "--format", "json", "--connections", "all"]);
    let mut report: Value = serde_json::from_str(&json).unwrap();
    let path = report["inputs"][0]["path"].take();
    assert_eq!(path, Value::String(input.to_owned()), "named as given");
    report["tool"].take();
    report
}

#[test]
fn every_store_gives_the_same_report_as_the_file() {
    let server = Server::start();
    for name in ["firewall-forgets-silently/client-side.pcap.zst", "file-formats/wireshark.pcapng"] {
        let file = capture(name);
        server.put("some folder/100%.pcap", std::fs::read(&file).unwrap(), Mood::Good);
        let expected = report(&server, file.to_str().unwrap());
        for scheme in ["s3", "gs", "az"] {
            let uri = format!("{scheme}://bucket/some folder/100%.pcap");
            assert!(report(&server, &uri) == expected, "{uri}");
        }
    }
}

#[test]
fn large_objects_are_read_range_by_range_through_failures_that_pass() {
    let server = Server::start();
    let wanted = load::Load { packets: 130_000, concurrency: 200, payload: 24, ..load::Load::default() };
    let mut octets = Vec::new();
    load::write(&wanted, &mut octets).unwrap();
    assert!(octets.len() as u64 > 2 * PART, "{} octets are too few for this test", octets.len());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("load.pcap");
    std::fs::write(&file, &octets).unwrap();
    let expected = report(&server, file.to_str().unwrap());
    server.put("flaky.pcap", octets.clone(), Mood::Flaky);
    assert!(report(&server, "s3://bucket/flaky.pcap") == expected);
    let asked = server.asked();
    let ranges: Vec<(u64, u64)> =
        asked.iter().filter(|(method, ..)| method == "GET").map(|(.., range)| range.unwrap()).collect();
    assert!(ranges.iter().all(|(from, upto)| upto - from < PART), "{ranges:?}");
    let parts = (octets.len() as u64).div_ceil(PART) as usize;
    assert!(ranges.len() > parts, "nothing had to be asked for again: {ranges:?}");
}

#[test]
fn map_names_a_fragment_by_the_content_wherever_it_lies() {
    let server = Server::start();
    let file = capture("idle-gap-ladder/client-side.pcap.zst");
    server.put("client-side.pcap.zst", std::fs::read(&file).unwrap(), Mood::Good);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let uri = "s3://bucket/client-side.pcap.zst";
    let (_, said) = run(&server, 0, &["map", uri, "--out", out]);
    let fragment = said.trim().strip_prefix(&format!("{uri} -> ")).unwrap().to_owned();
    let (_, again) = run(&server, 0, &["map", file.to_str().unwrap(), "--out", out]);
    assert!(again.contains(&format!("{fragment}, there already")), "{again}");
    let (told, _) = run(&server, 0, &["report", &fragment, "--format", "json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["inputs"][0]["path"], uri);
    let drawn = |connection: &Value| !connection["key_segments"].as_array().unwrap().is_empty();
    assert!(told["connections"].as_array().unwrap().iter().any(drawn), "nothing was read again to be drawn");
}

#[test]
fn compare_and_batch_take_objects_and_files_alike() {
    let server = Server::start();
    let scenario = "firewall-forgets-with-reset";
    let near = capture(&format!("{scenario}/client-side.pcap.zst"));
    let far = capture(&format!("{scenario}/server-side.pcap.zst"));
    server.put("near.pcap", std::fs::read(&near).unwrap(), Mood::Good);
    server.put("far.pcap", std::fs::read(&far).unwrap(), Mood::Good);
    let compared = |a: &str, b: &str| {
        let (json, _) = run(&server, 0, &["compare", a, b, "--name", "a", "--name", "b", "--format", "json"]);
        let mut report: Value = serde_json::from_str(&json).unwrap();
        report["tool"].take();
        let captures: Vec<Value> = (0..2).map(|at| report["vantages"][at]["captures"].take()).collect();
        (report, captures)
    };
    let (expected, _) = compared(near.to_str().unwrap(), far.to_str().unwrap());
    let (told, captures) = compared("s3://bucket/near.pcap", "gs://bucket/far.pcap");
    assert!(told == expected);
    assert_eq!(
        captures,
        [serde_json::json!(["s3://bucket/near.pcap"]), serde_json::json!(["gs://bucket/far.pcap"])]
    );
    let same = ["compare", "s3://bucket/near.pcap", "s3://bucket/near.pcap"];
    assert!(run(&server, 2, &same).1.contains("are the same capture"));

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let args =
        ["batch", "s3://bucket/near.pcap", far.to_str().unwrap(), "s3://bucket/missing.pcap", "--out", out];
    let (told, said) = run(&server, 2, &args);
    assert!((told + &said).contains("s3://bucket/missing.pcap"), "{said}");
    let index = std::fs::read_to_string(folder.path().join("index.json")).unwrap();
    assert!(index.contains("s3://bucket/near.pcap") && index.contains("server-side.pcap.zst"), "{index}");
}

#[test]
fn the_exit_status_tells_what_may_pass() {
    let server = Server::start();
    let octets = std::fs::read(capture("ipv6/server-side.pcap.zst")).unwrap();
    for (key, mood, status, says) in [
        ("down.pcap", Mood::Always(503), 75, "503"),
        ("busy.pcap", Mood::Always(429), 75, "429"),
        ("denied.pcap", Mood::Always(403), 2, "the store denies access"),
        ("unknown.pcap", Mood::Always(401), 2, "the store denies access"),
        ("wrong.pcap", Mood::Always(400), 2, "400"),
        ("replaced.pcap", Mood::Replaced, 75, "replaced while it was read"),
        ("missing.pcap", Mood::Always(404), 2, "no such object or bucket"),
    ] {
        server.put(key, octets.clone(), mood);
        let uri = format!("s3://bucket/{key}");
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap();
        for args in [vec!["analyze", &uri], vec!["map", &uri, "--out", out]] {
            let (_, said) = run(&server, status, &args);
            assert!(said.starts_with(&format!("cwait-pcap: {uri}: ")) && said.contains(says), "{said}");
        }
        assert_eq!(std::fs::read_dir(out).unwrap().count(), 0, "no half of a fragment: {key}");
    }
    for uri in ["s3://bucket", "s3://bucket/", "s3:///key"] {
        let (_, said) = run(&server, 2, &["analyze", uri]);
        assert!(said.starts_with(&format!("cwait-pcap: {uri}: ")), "{said}");
    }
    let (_, said) = run(&server, 2, &["analyze", "--follow", "s3://bucket/down.pcap"]);
    assert!(said.contains("does not grow"), "{said}");
}

#[test]
fn a_store_that_nobody_answers_for_may_come_back() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = cwait(nobody).args(["analyze", "s3://bucket/a.pcap"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.starts_with("cwait-pcap: s3://bucket/a.pcap: ") && said.contains("refused"), "{said}");
}
