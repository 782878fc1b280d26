//! A capture that is still being written, judged while it grows.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cwait_pcap::analysis::{Analysis, Options, Outcome};
use cwait_pcap::capture::{self, Reader, Unpacked};
use cwait_pcap::report::{Listed, Report, Request};
use cwait_pcap::wire::Timestamp;
use serde_json::Value;

fn reader(scenario: &str) -> Reader {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(scenario);
    Reader::open(&path, &capture::Limits::default()).unwrap()
}

fn frames_of(scenario: &str) -> u64 {
    let mut reader = reader(scenario);
    while reader.next_batch(&mut |_| ()).unwrap() {}
    reader.summary().frames
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

/// A bundled capture, unfolded.
fn plain(scenario: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(scenario);
    let mut bytes = Vec::new();
    Unpacked::open(&path, &capture::Limits::default()).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// `analyze` with these options, reading on while the test goes on.
fn start(args: &[&str], stdin: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .arg("analyze")
        .args(args)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the file holds the text; the limit is only there for a test that fails.
fn wait_for(file: &Path, text: &str) -> String {
    for _ in 0..1_200 {
        let content = fs::read_to_string(file).unwrap_or_default();
        if content.contains(text) {
            return content;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{} never held {text:?}", file.display());
}

fn interrupt(child: Child) -> (Option<i32>, String, String) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    end(child)
}

fn end(child: Child) -> (Option<i32>, String, String) {
    let out = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

/// The findings and totals of a JSON report: what does not depend on how its files are called.
fn judged(report: &str) -> Value {
    let report: Value = serde_json::from_str(report).unwrap();
    serde_json::json!([report["findings"], report["undecided"], report["totals"], report["capture"]])
}

#[test]
fn a_file_is_followed_while_it_grows_and_ctrl_c_writes_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let [growing, alerts, metrics, whole] =
        ["growing.pcap", "alerts", "metrics", "whole.pcap"].map(|name| folder.path().join(name));
    let capture = plain("late-close-x60/server-side.pcap.zst");
    fs::write(&whole, &capture).unwrap();
    // Ends inside a record: what a capture program has not written yet is no damage.
    let (first, rest) = capture.split_at(capture.len() * 85 / 100);
    fs::write(&growing, first).unwrap();
    let [growing_arg, alerts_arg, metrics_arg] =
        [&growing, &alerts, &metrics].map(|path| path.to_str().unwrap());
    let args =
        ["--follow", growing_arg, "--every", "100ms", "--alerts", alerts_arg, "--metrics", metrics_arg];
    let child = start(&[&args[..], &["--format", "json"]].concat(), Stdio::null());
    let opened = wait_for(&alerts, r#""alert":"opened""#);
    let line: Value = serde_json::from_str(opened.lines().next().unwrap()).unwrap();
    assert_eq!(line["schema"], "cwait-pcap/alert 1.0");
    assert!(line["id"].as_str().unwrap().contains('@'), "{line}");
    OpenOptions::new().append(true).open(&growing).unwrap().write_all(rest).unwrap();
    // The FINs that were owed came in the rest.
    wait_for(&alerts, r#""alert":"closed","id":"missing-fin@"#);
    let frames = format!("cwait_frames_total {}\n", frames_of("late-close-x60/server-side.pcap.zst"));
    let page = wait_for(&metrics, &frames);
    assert!(page.ends_with("# EOF\n"));
    let (status, out, err) = interrupt(child);
    assert_eq!(status, Some(130), "{err}");
    let once = start(&[whole.to_str().unwrap(), "--format", "json"], Stdio::null());
    assert_eq!(judged(&out), judged(&end(once).1));
    assert!(err.contains("opened") && err.contains("closed missing-fin"), "{err}");
}

#[test]
fn a_ring_is_followed_from_file_to_file() {
    let folder = tempfile::tempdir().unwrap();
    let name =
        |n: usize| folder.path().join(if n == 0 { "ring.pcap".into() } else { format!("ring.pcap{n}") });
    let parts: Vec<_> = (0..5).map(|n| plain(&format!("rotated-files/part.pcap{n}.zst"))).collect();
    fs::write(name(0), &parts[0]).unwrap();
    let metrics = folder.path().join("metrics");
    let first = name(0);
    let args = ["-f", first.to_str().unwrap(), "--every", "100ms", "--metrics", metrics.to_str().unwrap()];
    let child = start(&[&args[..], &["--format", "json"]].concat(), Stdio::null());
    let mut frames = 0;
    for (n, part) in parts.iter().enumerate() {
        fs::write(name(n), part).unwrap();
        frames += frames_of(&format!("rotated-files/part.pcap{n}.zst"));
        wait_for(&metrics, &format!("cwait_frames_total {frames}\n"));
    }
    let (status, out, err) = interrupt(child);
    assert_eq!(status, Some(130), "{err}");
    let set: Vec<_> = (0..5).map(|n| name(n).to_str().unwrap().to_owned()).collect();
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let once = start(&[&set[..], &["--format", "json"]].concat(), Stdio::null());
    assert_eq!(judged(&out), judged(&end(once).1));
}

#[test]
fn a_pipe_is_looked_at_while_it_is_fed_and_its_end_is_an_ordinary_end() {
    let folder = tempfile::tempdir().unwrap();
    let alerts = folder.path().join("alerts");
    let args = ["-", "--every", "100ms", "--alerts", alerts.to_str().unwrap(), "--limit", "4"];
    let mut child = start(&args, Stdio::piped());
    let mut pipe = child.stdin.take().unwrap();
    let capture = plain("server-never-closes/server-side.pcap.zst");
    let (most, rest) = capture.split_at(capture.len() - 100);
    for piece in most.chunks(5_000) {
        pipe.write_all(piece).unwrap();
    }
    wait_for(&alerts, "missing-fin@");
    pipe.write_all(rest).unwrap();
    drop(pipe);
    let (status, out, err) = end(child);
    assert_eq!((status, err.as_str()), (Some(1), ""));
    assert!(out.contains("  opened ERROR missing-fin: "), "{out}");
    assert!(out.contains("\nERROR missing-fin: "), "the report comes last:\n{out}");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    for (args, why) in [
        (&["--follow", "no-such.pcap"][..], "no-such.pcap: "),
        (&["--follow", "Cargo.toml"], "not a capture"),
        (&["--follow", "a.pcap", "b.pcap"], "--follow reads one file"),
        (&["Cargo.toml", "--metrics", "Cargo.toml"], "is an input"),
    ] {
        let (status, out, err) = end(start(args, Stdio::null()));
        assert_eq!((status, out.as_str()), (Some(2), ""), "{args:?}");
        assert!(err.contains(why), "{args:?}: {err}");
    }
}
