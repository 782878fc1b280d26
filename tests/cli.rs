//! Whole commands: what they print, what they write, how they end.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// A kept report with an error, a warning and a note; 192.0.2.9:8080 owes ten FINs.
const LEAK: &str = "testdata/reports/leak.json";

fn run(args: &[&str]) -> (i32, String, String) {
    let out =
        Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).env_remove("NO_COLOR").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

/// Exit status, and what standard error starts with.
#[test]
fn exit_statuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let leak = fs::read_to_string(LEAK).unwrap();
    let partial = path("partial.json", &leak.replace("\"problems\": []", "\"problems\": [\"frame 7\"]"));
    let text = path("text.json", "hello");
    let taken = path("taken.json", &leak);
    let table: &[(i32, &[&str], &str)] = &[
        (0, &["report", LEAK], ""),
        (1, &["report", LEAK, "--fail-on", "error"], ""),
        (1, &["report", LEAK, "--fail-on", "note"], ""),
        (0, &["report", LEAK, "--limit", "11"], ""),
        (1, &["report", LEAK, "--limit", "10"], ""),
        (3, &["report", &partial], ""),
        (1, &["report", &partial, "--fail-on", "warning"], ""),
        (2, &["report", &text], "cwait-pcap: "),
        (2, &["report", "no-such.json"], "cwait-pcap: no-such.json: "),
        (2, &["report", LEAK, "--tz", "Mars/Olympus"], "cwait-pcap: --tz Mars/Olympus: "),
        (2, &["report", LEAK, "--limit", "0"], "error: "),
        (2, &["report", LEAK, "-o", "report.docx"], "cwait-pcap: report.docx: no format has that extension"),
        (
            2,
            &["report", LEAK, "-o", "no/such/folder/report.json"],
            "cwait-pcap: no/such/folder/report.json: ",
        ),
        (2, &["report", &taken, "-o", &taken], "cwait-pcap: "),
        (
            2,
            &["report", LEAK, "-o", "-", "-o", "-"],
            "cwait-pcap: standard output: two reports would go there",
        ),
        (0, &["report", LEAK, "--against", LEAK], ""),
        (2, &["report", LEAK, "--against", &text], "cwait-pcap: "),
        (2, &["analyze"], "error: "),
        (2, &["analyze", "no-such.pcap"], "cwait-pcap: no-such.pcap: "),
        (2, &["analyze", "Cargo.toml"], "cwait-pcap: Cargo.toml: not a capture"),
        (2, &["analyze", "x.pcap", "--grace", "90"], "error: "),
        (2, &["analyze", "x.pcap", "--from", "noon"], "cwait-pcap: 'noon' is no time"),
        (2, &["show", "no-such.pcap", "3"], "cwait-pcap: no-such.pcap: "),
        (0, &["explain"], ""),
        (0, &["explain", "missing-fin"], ""),
        (0, &["explain", "CLOSE_WAIT"], ""),
        (2, &["explain", "missing-fun"], "cwait-pcap: no finding or topic is called 'missing-fun'"),
        (2, &["advise"], "error: "),
        (0, &["advise", "--capture-recipe", "solaris"], ""),
        (2, &["advise", "--capture-recipe", "cp/m"], "cwait-pcap: no operating system is called 'cp/m'"),
        (2, &["advise", "--settings", "no-such.conf"], "cwait-pcap: no-such.conf: "),
        (0, &["schema"], ""),
        (0, &["completions", "bash"], ""),
        (0, &["man"], ""),
        (0, &["--version"], ""),
        (0, &["analyze", "--help"], ""),
    ];
    for (status, args, begins) in table {
        let (code, _, stderr) = run(args);
        assert_eq!(code, *status, "{args:?}: {stderr}");
        assert!(stderr.starts_with(begins) && stderr.is_empty() == begins.is_empty(), "{args:?}: {stderr}");
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), leak);
}

#[test]
fn a_full_disk_asks_for_another_try() {
    if Path::new("/dev/full").exists() {
        let (code, _, stderr) = run(&["report", LEAK, "-o", "/dev/full", "--format", "json"]);
        assert_eq!(code, 75, "{stderr}");
        assert!(stderr.starts_with("cwait-pcap: /dev/full: "), "{stderr}");
        assert!(!Path::new("/dev/full").metadata().unwrap().is_file());
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn one_run_writes_several_formats_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, text) = (path("out.json"), path("out.txt"));
    let (code, stdout, stderr) = run(&["report", LEAK, "-o", &json, "-o", &text, "--tz", "UTC"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    assert!(fs::read_to_string(&text).unwrap().contains("\nERROR missing-fin: "));
    // What was written is the report again, whole.
    assert_eq!(fs::read_to_string(&json).unwrap(), fs::read_to_string(LEAK).unwrap());
    let (code, flagged, _) = run(&["report", &json, "--format", "csv", "--connections", "flagged"]);
    assert_eq!((code, flagged.lines().count()), (0, 3));
}

#[test]
fn colours_are_for_those_who_ask() {
    let escapes = |args: &[&str]| run(&[&["report", LEAK], args].concat()).1.contains('\u{1b}');
    assert!(!escapes(&[]));
    assert!(!escapes(&["--color", "never"]));
    assert!(escapes(&["--color", "always"]));
}

#[test]
fn the_report_on_the_terminal() {
    let (_, stdout, _) = run(&["report", LEAK, "--connections", "flagged", "--sort", "idle"]);
    insta::assert_snapshot!(stdout);
}

/// Ten connections of a server that never closes.
const CAPTURE: &str = "testdata/captures/file-formats/plain.pcap.gz";

#[test]
fn a_capture_analysed() {
    let (code, stdout, stderr) = run(&["analyze", CAPTURE, "--fail-on", "error"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    insta::assert_snapshot!(stdout);
}

#[test]
fn a_connection_shown_by_stream_id_or_addresses() {
    let (code, by_stream, stderr) = run(&["show", CAPTURE, "1", "--why"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    insta::assert_snapshot!(by_stream);
    let ends: Vec<&str> = by_stream.split_whitespace().filter(|word| word.contains(':')).take(2).collect();
    let (_, json, _) = run(&["analyze", CAPTURE, "--connections", "all", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let id = json["connections"][1]["id"].as_str().unwrap();
    for name in [id, &format!("{}-{}", ends[0], ends[1]), &format!("{}-{}", ends[1], ends[0])] {
        assert_eq!(run(&["show", CAPTURE, name, "--why"]).1, by_stream, "{name}");
    }
    let flow = format!("{}-{}", ends[1], ends[0]);
    assert_eq!(run(&["show", CAPTURE, "--flow", &flow, "--why"]).1, by_stream);
    assert_eq!(run(&["show", CAPTURE, "1", "--flow", &flow]).0, 2);
    assert_eq!(run(&["show", CAPTURE]).0, 2);
    assert_eq!(run(&["show", CAPTURE, "99"]).0, 2);
}

#[test]
fn selected_connections_in_every_order() {
    let list = |args: &[&str]| {
        let args = [&["analyze", CAPTURE, "--connections", "all", "--format", "csv"], args].concat();
        let (code, csv, stderr) = run(&args);
        assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
        csv.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect::<Vec<u32>>()
    };
    let all = list(&[]);
    assert_eq!(all.len(), 23);
    assert_eq!(list(&["--port", "80"]), all);
    assert!(list(&["--port", "81"]).is_empty() && list(&["--host", "192.0.2.1"]).is_empty());
    assert!(list(&["--until", "2001-01-01"]).is_empty() && list(&["--from", "2101-01-01"]).is_empty());
    for sort in ["duration", "bytes", "frames", "close", "rtt", "answer"] {
        let mut sorted = list(&["--sort", sort]);
        assert_ne!(sorted, all, "{sort}");
        sorted.sort_unstable();
        assert_eq!(sorted, all, "{sort}");
    }
}

#[test]
fn times_in_the_zone_asked_for() {
    let (_, stdout, _) = run(&["report", LEAK, "--tz", "Europe/Berlin"]);
    assert!(stdout.contains("09:12:44 CET"), "{stdout}");
}

#[test]
fn manual_pages_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(&["man", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{stderr}");
    let page = fs::read_to_string(folder.path().join("cwait-pcap-analyze.1")).unwrap();
    assert!(page.contains("grace"));
}

/// A client that owes FINs is told with all its connections, not with those on which it owes one.
#[test]
fn a_client_is_told_with_all_its_connections() {
    let capture = "testdata/captures/client-never-closes/server-side.pcap.zst";
    let (_, report, _) = run(&["analyze", capture, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let finding = report["findings"].as_array().unwrap().iter().find(|found| found["name"] == "missing-fin");
    let finding = finding.unwrap();
    assert_eq!((&finding["at"]["role"], &finding["count"]), (&"client".into(), &5.into()));
    assert_eq!(finding["of"], report["totals"]["connections"], "{}", finding["headline"]);
}
