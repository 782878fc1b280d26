//! Captures that come through a pipe, and can be read only once.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;

use crate::{Bench, capture, run, text};

const CAPTURE: &str = "leak-over-time-x300/server-side.pcap.zst";

fn start(out: &str) -> Child {
    let mut command = Command::new(cargo_bin("cwait-pcap"));
    command.args(["map", "-", "--out", out]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Its exit status and what it told.
fn end(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_pipe_that_is_fed_slowly_makes_the_fragment_that_its_file_makes() {
    let bench = Bench::new();
    let [piped, mapped] = ["piped", "mapped"].map(|name| bench.at(name));
    let packed = fs::read(capture(CAPTURE)).unwrap();
    let plain = zstd::decode_all(&packed[..]).unwrap();
    for (bytes, told) in [(&plain, "standard input -> "), (&packed, "there already")] {
        let mut child = start(&piped);
        let mut pipe = child.stdin.take().unwrap();
        for piece in bytes.chunks(bytes.len() / 7) {
            pipe.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        drop(pipe);
        let (status, err) = end(child);
        assert!(status == Some(0) && err.contains(told), "{err}");
    }
    run(0, &["map", text(&capture(CAPTURE)), "--out", &mapped, "-q"]);
    assert_eq!(bench.names("piped"), bench.names("mapped"));
    // Ladders aside, which are read from the file, the two say the same.
    let [one, other] = [&piped, &mapped].map(|folder| {
        let merged = bench.at("merged.parquet");
        run(0, &["merge", folder, "--out", &merged, "-q"]);
        let (json, _) = run(0, &["report", &merged, "--format", "json", "--connections", "all", "-q"]);
        let mut report: serde_json::Value = serde_json::from_str(&json).unwrap();
        for connection in report["connections"].as_array_mut().unwrap() {
            connection.as_object_mut().unwrap().remove("key_segments");
        }
        ["connections", "services", "totals"].map(|what| report[what].clone())
    });
    assert!(one == other && one[0].as_array().unwrap().len() > 10);
}

#[test]
fn an_interrupted_pipe_makes_a_fragment_of_what_came() {
    let bench = Bench::new();
    let out = bench.at("out");
    let plain = zstd::decode_all(&fs::read(capture(CAPTURE)).unwrap()[..]).unwrap();
    let mut child = start(&out);
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&plain[..plain.len() / 2]).unwrap();
    thread::sleep(Duration::from_millis(300));
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let (status, err) = end(child);
    drop(pipe);
    assert_eq!(status, Some(130), "{err}");
    let names = bench.names("out");
    assert!(names.len() == 1 && names[0].ends_with(".parquet"), "{names:?}\n{err}");
    let (told, _) = run(3, &["report", &bench.at(&format!("out/{}", names[0])), "-q"]);
    assert!(told.contains("interrupted"), "{told}");
}

#[test]
fn nothing_is_left_of_a_pipe_that_brings_nothing() {
    let bench = Bench::new();
    let out = bench.at("out");
    let mut child = start(&out);
    drop(child.stdin.take());
    let (status, err) = end(child);
    assert!(status == Some(2) && err.contains("standard input: "), "{err}");
    assert!(bench.names("out").is_empty());
}
