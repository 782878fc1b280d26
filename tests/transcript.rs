//! Captures as text: what real programs print of captures with known outcome is judged as the captures themselves are,
//! apart from what text cannot hold.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn analyze(input: &str, args: &[&str]) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .args(["analyze", input, "--connections", "all", "--format", "json"])
        .args(args)
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{input}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// What is found and what is undecided: name, place, count.
fn judged(report: &Value) -> BTreeSet<(String, String, u64)> {
    let lists = ["findings", "undecided"].into_iter().flat_map(|list| report[list].as_array().unwrap());
    lists
        .map(|one| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&one["name"]), text(&one["at"]["name"]), one["count"].as_u64().unwrap())
        })
        .collect()
}

fn names(judged: &BTreeSet<(String, String, u64)>) -> Vec<&str> {
    judged.iter().map(|(name, ..)| name.as_str()).collect()
}

/// The capture that a text was made of.
fn capture_of(text: &str) -> String {
    let name = text.split('.').next().unwrap();
    let side = match name {
        "client-never-closes"
        | "firewall-forgets-silently"
        | "firewall-forgets-with-reset"
        | "half-close-download"
        | "server-idle-timeout" => "client-side",
        "any-device" => "any-sll",
        "vlan-trunk" => "trunk",
        "tunnel-vxlan" => "underlay",
        _ => "server-side",
    };
    let folder = format!("testdata/captures/{name}/{side}");
    let files = [format!("{folder}.pcap.zst"), format!("{folder}.pcapng.zst")];
    files.into_iter().find(|file| Path::new(file).exists()).unwrap_or_else(|| panic!("no capture of {text}"))
}

#[test]
fn texts_are_judged_as_the_captures_they_were_made_of() {
    let mut texts: Vec<_> =
        fs::read_dir("testdata/texts").unwrap().map(|entry| entry.unwrap().path()).collect();
    texts.sort();
    assert!(texts.len() >= 35, "{texts:?}");
    for text in texts {
        let name = text.file_name().unwrap().to_str().unwrap();
        let from_packets = analyze(&capture_of(name), &[]);
        let from_text = analyze(text.to_str().unwrap(), &[]);
        let (packets, lines) = (judged(&from_packets), judged(&from_text));
        // Without hop limits nobody can tell a box that answers for a host from the host itself.
        if name.starts_with("firewall-forgets-with-reset") && !name.contains("-vv") {
            assert_eq!(names(&packets), ["path-idle-timeout", "reset-after-idle"], "{name}");
            assert_eq!(names(&lines), ["peer-forgot"], "{name}");
            let (_, _, resets) = packets.iter().find(|(rule, ..)| rule == "reset-after-idle").unwrap();
            assert_eq!(*resets, lines.first().unwrap().2, "{name}");
        } else {
            assert_eq!(packets, lines, "{name}");
        }
        for totals in
            ["connections", "closed_by_both", "open", "reset", "half_closed", "unanswered", "refused"]
        {
            assert_eq!(from_packets["totals"][totals], from_text["totals"][totals], "{name}: {totals}");
        }
        assert_eq!(from_packets["capture"]["tcp"], from_text["capture"]["tcp"], "{name}");
        let skipped = from_text["capture"]["skipped"].as_array().unwrap().iter();
        let lines = skipped.map(|skipped| skipped["frames"].as_u64().unwrap()).sum::<u64>()
            + from_text["capture"]["tcp"].as_u64().unwrap();
        assert_eq!(from_text["capture"]["frames"], lines, "{name}: every line is accounted for");
        assert_eq!(from_text["inputs"][0]["text"]["lost"], 0, "{name}");
        for finding in from_text["findings"].as_array().unwrap() {
            assert_ne!(finding["fact"], "certain", "{name}: {finding}");
            assert_ne!(finding["cause"]["certainty"], "certain", "{name}: {finding}");
            assert!(finding["against"][0].as_str().unwrap().contains("read from text"), "{name}: {finding}");
        }
    }
}

#[test]
fn frames_are_lines_and_times_without_a_date_show_none() {
    let text = "testdata/texts/server-never-closes.tcpdump.txt.gz";
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .args(["analyze", text, "--tz", "Asia/Tokyo"])
        .output()
        .unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    assert!(out.contains("216 lines: 211 TCP"), "{out}");
    assert!(out.contains("From 04:35:43 to 04:35:47."), "{out}");
    assert!(out.contains("text of tcpdump"), "{out}");
    assert!(out.contains("times have no date and no zone"), "{out}");
    assert!(!out.contains("1970") && !out.contains("JST") && !out.contains("UTC"), "{out}");
    assert!(!out.contains("tcp.stream"), "{out}");
    for format in ["json", "ndjson", "markdown", "jira", "html", "csv", "dot"] {
        let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
            .args(["analyze", text, "--format", format, "--tz", "Asia/Tokyo"])
            .output()
            .unwrap();
        let out = String::from_utf8(out.stdout).unwrap();
        assert!(format == "dot" || out.contains("04:35:43"), "{out}");
        assert!(!out.contains("1970-") && !out.contains("JST"), "{format}: {out}");
    }
    // Dates without a zone are of the zone that the report shows.
    let dated = "testdata/texts/server-never-closes.tcpdump-vv-tttt.txt.gz";
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .args(["analyze", dated, "--tz", "Asia/Tokyo"])
        .output()
        .unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    assert!(out.contains("From 2026-11-23 04:35:43 JST to 2026-11-23 04:35:47 JST"), "{out}");
}

#[test]
fn of_text_without_times_no_length_is_told() {
    let gz = fs::read("testdata/texts/server-never-closes.tcpdump.txt.gz").unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&gz[..]).read_to_string(&mut text).unwrap();
    let timeless: String = text
        .lines()
        .map(|line| format!("{}\n", line.split_once(' ').map_or(line, |(_, rest)| rest)))
        .collect();
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .args(["analyze", "-", "-v"])
        .write_stdin(timeless)
        .output()
        .unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    assert!(out.contains("UNDECIDED missing-fin: 10 connections"), "{out}");
    assert!(out.contains("the text holds no times: how long it lasted cannot"), "{out}");
    assert!(!out.contains("0 ns") && !out.contains("00:00:00"), "{out}");
}

#[test]
fn text_goes_through_standard_input_and_show_and_not_into_an_extract() {
    let program = || Command::new(env!("CARGO_BIN_EXE_cwait-pcap"));
    let text = "testdata/texts/server-never-closes.tcpdump.txt.gz";
    let piped = program()
        .args(["analyze", "-", "--format", "json"])
        .write_stdin(fs::read(text).unwrap())
        .output()
        .unwrap();
    assert_eq!(piped.status.code(), Some(0), "{}", String::from_utf8_lossy(&piped.stderr));
    let shown = program().args(["show", text, "1"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("missing-fin") && shown.contains("FIN"), "{shown}");
    let extract = program().args(["extract", text, "-o", "never-written.pcapng"]).output().unwrap();
    assert_eq!(extract.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&extract.stderr).contains("there are none in it"));
    assert!(!Path::new("never-written.pcapng").exists());
    let followed = program().args(["analyze", text, "--follow"]).output().unwrap();
    assert_eq!(followed.status.code(), Some(2));
    let says = String::from_utf8_lossy(&followed.stderr);
    assert!(says.contains("--follow reads captures only; text is read without it"), "{says}");
}

#[test]
fn text_without_a_packet_is_refused() {
    let program = |text: &'static str| {
        Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
            .args(["analyze", "-"])
            .write_stdin(text)
            .output()
            .unwrap()
    };
    for text in ["hello\n", "2026-11-23 09:12:44 ERROR 10.0.0.1:80 timed out\n"] {
        let out = program(text);
        assert_eq!(out.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&out.stderr).contains("not a capture: it is text"));
    }
}

/// `batch` judges text as `analyze` does where it is named; in a folder it is passed over.
#[test]
fn batch_takes_texts_that_are_named() {
    let out = tempfile::tempdir().unwrap();
    let batch = |paths: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
            .arg("batch")
            .args(paths)
            .args(["--format", "json", "--out"])
            .arg(out.path())
            .output()
            .unwrap()
    };
    let names = ["server-never-closes.tcpdump.txt.gz", "clean-closes.tshark.txt.gz"];
    let paths = names.map(|name| format!("testdata/texts/{name}"));
    let ended = batch(&paths.each_ref().map(String::as_str));
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    for (name, path) in names.iter().zip(&paths) {
        let report = fs::read(out.path().join(format!("{name}.json"))).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        let alone = analyze(path, &[]);
        assert_eq!(judged(&report), judged(&alone), "{name}");
        assert_eq!((&report["inputs"], &report["frames"]), (&alone["inputs"], &alone["frames"]), "{name}");
        let against = |report: &Value| report["findings"].to_string().contains("read from text");
        assert_eq!(against(&report), against(&alone), "{name}");
    }
    assert_eq!(batch(&["testdata/texts"]).status.code(), Some(2), "no capture in the folder");
}
