//! The command as it is typed.

use std::path::PathBuf;
use std::process::{Command, Output};

use cwait_pcap::compare::{How, Kind, Ruling};
use cwait_pcap::report::{CompareReport, Severity};

use super::{bundled, compare, count};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).arg("compare").args(args).output().unwrap()
}

fn path(scenario: &str, file: &str) -> String {
    // As it stands in the report, whatever the machine.
    format!("testdata/captures/{scenario}/{file}.zst")
}

/// Both sides of a real router that translates addresses.
fn translated() -> [String; 2] {
    ["inside", "outside"].map(|file| format!("testdata/vantages/address-translation/{file}.pcap.zst"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_real_translation_is_seen_through() {
    let comparison = compare(&translated().map(PathBuf::from));
    let shared: Vec<_> = comparison.stories.iter().map(|story| story.shared.how).collect();
    assert_eq!(shared, vec![Some(How::Isns); 13]);
    assert_eq!(comparison.stretches[0].translated, 13);
    assert_eq!(count(&comparison, Kind::SessionForgotten), 3);
    let owed = comparison.stories.iter().flat_map(|story| &story.opinions);
    let owed = owed.filter(|o| o.finding == "missing-fin" && o.at == 0 && o.ruling == Ruling::Confirmed);
    assert_eq!(owed.count(), 3);
}

#[test]
fn the_report_on_a_terminal() {
    let [inside, outside] = translated();
    let done = run(&[&inside, &outside]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    insta::assert_snapshot!(text(&done.stdout));
}

#[test]
fn ladders_over_four_places() {
    let files = ["client-side", "firewall-client-side", "firewall-server-side", "server-side"];
    let paths = files.map(|file| path("firewall-forgets-with-reset", &format!("{file}.pcap")));
    let names = ["--name", "client", "--name", "inside", "--name", "outside", "--name", "server"];
    let paths: Vec<&str> = paths.iter().map(String::as_str).chain(names).collect();
    let done = run(&paths);
    let told = text(&done.stdout);
    let ladder = told.split("Stream ").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
    insta::assert_snapshot!(ladder);
    assert!(told.lines().filter(|line| line.starts_with("04:36")).all(|line| line.len() <= 80), "{told}");
}

#[test]
fn json_obeys_its_schema_and_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, html, markdown) = (file("a.json"), file("a.html"), file("a.md"));
    let scenario = "firewall-forgets-with-reset";
    let (a, b) = (path(scenario, "client-side.pcap"), path(scenario, "server-side.pcap"));
    let done = run(&[&a, &b, "-o", &json, "-o", &html, "-o", &markdown, "--fail-on", "error"]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    let schema = Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).args(["schema", "compare"]).output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    let written = std::fs::read(&json).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&written).unwrap();
    let problems: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&value).map(|e| e.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let report = CompareReport::read(&written).unwrap();
    assert_eq!(report.severity(), Some(Severity::Error));
    assert_eq!(report.findings[0].name, "session-forgotten");
    assert!(report.connections.iter().any(|connection| !connection.ladder.is_empty()));
    let html = std::fs::read_to_string(html).unwrap();
    assert!(html.contains("default-src 'none'") && html.matches("<svg").count() == 9, "{}", html.len());
    let markdown = std::fs::read_to_string(markdown).unwrap();
    assert!(markdown.starts_with("**9 of 17 connections") && markdown.contains("```text\n"), "{markdown}");
}

#[test]
fn what_cannot_be_compared_ends_with_2() {
    let (a, b) = (path("late-close", "client-side.pcap"), path("ipv6", "server-side.pcap"));
    for (args, says) in [
        (vec![a.as_str(), b.as_str()], "no connection of one is in another"),
        (vec![a.as_str(), a.as_str()], "are the same capture"),
        (vec![a.as_str(), "no-such-file"], "no-such-file"),
        (vec![a.as_str()], "2 values required"),
        (vec![a.as_str(), "-"], "does not allow"),
        (vec![a.as_str(), b.as_str(), "--name", "x", "--name", "y", "--name", "z"], "3 names for 2"),
        (vec![a.as_str(), b.as_str(), "-o", "x.docx"], "no format has that extension"),
        (vec![a.as_str(), b.as_str(), "-o", a.as_str(), "--format", "json"], "will not be overwritten"),
    ] {
        let done = run(&args);
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        assert!(text(&done.stderr).contains(says), "{args:?}: {}", text(&done.stderr));
    }
}

#[test]
fn a_place_may_be_several_files_or_a_folder() {
    let scenario = "both-sides-of-lossy-firewall";
    let (a, b) = (bundled(scenario, "client-side.pcap"), path(scenario, "server-side.pcap"));
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join("ring");
    std::fs::create_dir(&ring).unwrap();
    let whole = super::alter::Capture::read(&a);
    let frames = whole.0.len();
    let cut = whole.0[frames / 2].at;
    let halves = [ring.join("1.pcap"), ring.join("2.pcap")];
    whole.only(|packet, _| packet.at < cut).write(&halves[0]);
    super::alter::Capture::read(&a).only(|packet, _| packet.at >= cut).write(&halves[1]);
    let list = halves.each_ref().map(|half| half.to_str().unwrap()).join(",");
    let report = |first: &str| -> CompareReport {
        let done = run(&[first, &b, "--format", "json"]);
        CompareReport::read(&done.stdout).unwrap_or_else(|e| panic!("{first}: {e} {}", text(&done.stderr)))
    };
    let reports = [report(a.to_str().unwrap()), report(ring.to_str().unwrap()), report(&list)];
    let told = |report: &CompareReport| {
        let fates = report.connections.iter().map(|connection| connection.fates.clone()).collect::<Vec<_>>();
        (report.vantages[0].frames, fates, report.stretches.clone(), report.shared)
    };
    assert_eq!(told(&reports[0]).0, frames as u64);
    assert!(told(&reports[0]) == told(&reports[1]) && told(&reports[0]) == told(&reports[2]));
    assert_eq!(reports[1].vantages[0].name, "ring");
}

#[test]
fn a_comparison_names_no_host_if_so_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [inside, outside] = translated();
    let outputs = ["json", "ndjson", "html", "md", "txt"].map(|extension| file(&format!("a.{extension}")));
    let asked = ["--anonymize", "a key", "--title", "Ticket 7", "--note", "seen from 10.1.1.2"];
    let mut args = vec![inside.as_str(), outside.as_str(), "--name", "office"];
    args.extend(asked);
    args.extend(outputs.iter().flat_map(|output| ["-o", output.as_str()]));
    let done = run(&args);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    for output in &outputs {
        let written = std::fs::read_to_string(output).unwrap();
        for name in
            ["10.1.1.", "192.0.2.", "address-translation", "inside.pcap", "outside.pcap", "inside >", "a key"]
        {
            assert!(!written.contains(name), "{output} tells {name}");
        }
        for said in ["Ticket 7", "seen from ", "office", "place 2", "session-forgotten"] {
            assert!(written.contains(said), "{output} does not tell {said}");
        }
    }
    let report = CompareReport::read(&std::fs::read(&outputs[0]).unwrap()).unwrap();
    assert_eq!(report.tool.command_line, ["cwait-pcap", "compare"]);
    let lines = std::fs::read_to_string(&outputs[1]).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    let expected = [
        ("comparison", 1),
        ("finding", report.findings.len()),
        ("ruling", report.rulings.len()),
        ("stretch", report.stretches.len()),
        ("connection", report.connections.len()),
    ];
    expected.iter().for_each(|(kind, many)| assert_eq!(count(kind), *many, "{kind}"));
    assert_eq!(lines.len(), expected.iter().map(|(_, many)| many).sum::<usize>());
}
