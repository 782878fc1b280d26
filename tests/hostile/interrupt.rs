//! Ctrl-C, from a pipe and from a file.
#![cfg(unix)]

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use crate::packets::{ACK, End, SECOND, START, Tcp};
use crate::write::{self, Kind, Order};

const FRAMES: usize = 40_000;

/// A capture that no pipe and no queue holds at once.
fn long_capture() -> Vec<u8> {
    let packet = |n: usize| {
        let (from, to) =
            if n.is_multiple_of(2) { (End(1, 4_000), End(2, 80)) } else { (End(2, 80), End(1, 4_000)) };
        Tcp::new(from, to, ACK, n as u32, n as u32, 1).packet(START + n as i64 * SECOND / 100)
    };
    write::pcap(Kind::Nanos, Order::Little, 1, &(0..FRAMES).map(packet).collect::<Vec<_>>())
}

/// Analyses a pipe that stays open, and sends that a signal once the capture is in it.
fn interrupted(signal: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut child: Child = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .args(["analyze", "-", "--quiet"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&long_capture()).unwrap();
    stdin.flush().unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    drop(stdin);
    let mut text = [String::new(), String::new()];
    child.stdout.take().unwrap().read_to_string(&mut text[0]).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut text[1]).unwrap();
    let [stdout, stderr] = text;
    (status.code(), stdout, stderr)
}

#[test]
fn what_is_known_so_far_is_reported_if_asked_for() {
    let (status, json, stderr) = interrupted("-INT", &["--on-interrupt", "report", "--format", "json"]);
    assert_eq!((status, stderr.as_str()), (Some(130), ""));
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let frames = report["capture"]["frames"].as_u64().unwrap() as usize;
    // What waited in the pipe or the queue may be missing.
    assert!(frames > FRAMES / 2 && frames <= FRAMES, "{frames} frames");
    assert_eq!(report["totals"]["connections"], 1);
    let problem = report["inputs"][0]["problems"][0].as_str().unwrap();
    assert!(problem.starts_with(&format!("frame {}", frames + 1)), "{problem}");
    assert!(problem.contains("interrupted"), "{problem}");
}

#[test]
fn otherwise_the_program_ends_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.json");
    // Nothing is at stake yet, so that the signal itself ends it. Not SIGINT: a shell has its background jobs ignore that,
    // and what they start ignores it, too.
    let (status, stdout, stderr) = interrupted("-TERM", &["-o", out.to_str().unwrap()]);
    assert_eq!((status, stdout.as_str(), stderr.as_str()), (None, "", ""));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_interrupted_extract_leaves_no_half_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("long.pcap");
    fs::write(&capture, long_capture()).unwrap();
    let out = folder.path().join("extract.pcapng");
    // Interrupted at another moment each time: whenever it is, the extract is there whole or not at all.
    for delay in [0, 5, 20, 60, 150] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
            .args(["extract", "--all", "--quiet", "-o"])
            .args([&out, &capture])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
        let status = child.wait().unwrap();
        let names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        match status.code() {
            Some(0) => assert!(names.contains(&"extract.pcapng".to_owned())),
            // Before it listens for Ctrl-C, that ends it as it ends any program.
            code => {
                assert!(matches!(code, Some(130) | None) && names == ["long.pcap"], "{code:?}: {names:?}")
            }
        }
        _ = fs::remove_file(&out);
    }
}
