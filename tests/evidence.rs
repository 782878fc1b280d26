//! `analyze --sockets --trace` as a whole command: captures of known outcome judged beside what their hosts said, and
//! the same records altered so that they contradict the wire, lose their dates or run by another clock.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

const LEAK: &str = "testdata/captures/server-never-closes/server-side.pcap.zst";
const LEAK_SS: &str = "testdata/evidence/server-never-closes/ss-server.txt.gz";
const LEAK_TRACE: &str = "testdata/traces/strace-server-never-closes.txt";

/// Findings about single connections that rest on host records.
const FROM_HOSTS: &[&str] = &[
    "socket-mismatch",
    "close-called",
    "never-accepted",
    "fd-not-closed",
    "eof-not-read",
    "no-wake-up",
    "epipe",
];

fn analyze(capture: &str, args: &[&str]) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .args(["analyze", capture, "--connections", "all", "--format", "json"])
        .args(args)
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Connections per finding, of those asked for.
fn counts(report: &Value, names: &[&str]) -> BTreeMap<String, u64> {
    let findings = report["findings"].as_array().unwrap().iter();
    let named = findings.filter(|finding| names.contains(&finding["name"].as_str().unwrap()));
    let mut counts = BTreeMap::new();
    for finding in named {
        *counts.entry(finding["name"].as_str().unwrap().to_owned()).or_default() +=
            finding["count"].as_u64().unwrap();
    }
    counts
}

fn from_hosts(report: &Value) -> BTreeMap<String, u64> {
    counts(report, FROM_HOSTS)
}

fn finding<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut findings = report["findings"].as_array().unwrap().iter();
    findings.find(|finding| finding["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn expect(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// A record with every line changed, in a file of its own.
struct Altered {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Altered {
    fn of(path: &str, change: impl Fn(&str) -> String) -> Altered {
        let bytes = fs::read(path).unwrap();
        let mut text = String::new();
        match path.ends_with(".gz") {
            true => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
            false => bytes.as_slice().read_to_string(&mut text).unwrap(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("altered");
        fs::write(&path, text.lines().map(change).collect::<Vec<_>>().join("\n")).unwrap();
        Altered { path, _folder: folder }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

#[test]
fn a_leak_is_confirmed_and_explained() {
    let report = analyze(LEAK, &["--sockets", LEAK_SS, "--trace", LEAK_TRACE]);
    assert_eq!(from_hosts(&report), expect(&[("fd-not-closed", 10), ("never-accepted", 2)]));
    let missing = finding(&report, "missing-fin");
    assert_eq!((&missing["count"], &missing["fact"]), (&10.into(), &"certain".into()));
    assert_eq!(missing["cause"]["certainty"], "certain");
    assert_eq!(missing["process"], "python3 (pid 4828)");
    let closed = finding(&report, "fd-not-closed");
    let quote = closed["quotes"].as_array().unwrap().last().unwrap();
    let line = quote["line"].as_u64().unwrap() as usize;
    let text = fs::read_to_string(LEAK_TRACE).unwrap();
    let line = text.lines().nth(line - 1).unwrap();
    assert!(line.contains("recvfrom(") || line.contains("accept4("), "{line}");
    // What the kernels recorded of each: its state, and whether a process holds it.
    let truth = fs::read_to_string("testdata/captures/server-never-closes/truth.json").unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let mut checked = 0;
    for known in truth["connections"].as_array().unwrap() {
        let ends = (&known["client"], &known["server"]);
        let all = report["connections"].as_array().unwrap();
        let told = all.iter().find(|c| (&c["client"], &c["server"]) == ends).unwrap();
        let server = told["processes"].as_array().unwrap().iter().find(|process| process["side"] == "server");
        let told = server.map(|server| (server["state"].as_str().unwrap(), server["name"].as_str()));
        match known["expected"]["verdict"].as_str().unwrap() {
            "never_closed" => assert_eq!(told, Some(("CLOSE-WAIT", Some("python3"))), "{ends:?}"),
            "open" => assert_eq!(told, Some(("ESTABLISHED", None)), "{ends:?}"),
            "closed_clean" => {
                assert!(told.is_none_or(|told| told == ("TIME-WAIT", None)), "{ends:?}: {told:?}")
            }
            other => panic!("{ends:?}: {other}"),
        }
        checked += 1;
    }
    assert_eq!(checked, 23);
}

#[test]
fn what_the_reader_has_not_read_is_told() {
    let ss = |side: &str| format!("testdata/evidence/reader-stopped/ss-{side}.txt.gz");
    let (client, server) = (ss("client"), ss("server"));
    let lsof = "testdata/evidence/reader-stopped/lsof-server.txt";
    let report = analyze(
        "testdata/captures/reader-stopped/server-side.pcap.zst",
        &["--sockets", &client, "--sockets", &server, "--sockets", lsof],
    );
    assert_eq!(from_hosts(&report), expect(&[("eof-not-read", 5), ("socket-mismatch", 3)]));
    let reason = finding(&report, "eof-not-read")["cause"]["because"].to_string();
    assert!(reason.contains("Recv-Q 101: 100 octets and the FIN"), "{reason}");
    // The FIN of the three is queued behind a closed window: closed by the program, not on the wire.
    let mismatch = finding(&report, "socket-mismatch").to_string();
    assert!(mismatch.contains("FIN-WAIT-1") && mismatch.contains("waits behind data"), "{mismatch}");
}

#[test]
fn nothing_is_claimed_for_healthy_connections() {
    for name in ["clean-closes", "late-close", "half-close-download", "client-never-closes"] {
        let capture = format!("testdata/captures/{name}/server-side.pcap.zst");
        let trace = format!("testdata/traces/strace-{name}.txt");
        let report = analyze(&capture, &["--trace", &trace]);
        let before = analyze(&capture, &[]);
        assert_eq!(from_hosts(&report), expect(&[]), "{name}");
        assert!(report["host_joined"].as_u64().unwrap() > 5, "{name}: nothing was joined");
        assert_eq!(counts(&report, &["missing-fin"]), counts(&before, &["missing-fin"]), "{name}");
    }
}

#[test]
fn a_table_that_contradicts_the_wire_wins() {
    let altered = Altered::of(LEAK_SS, |line| line.replace("CLOSE-WAIT", "LAST-ACK  "));
    let report = analyze(LEAK, &["--sockets", altered.path()]);
    assert_eq!(counts(&report, &["missing-fin", "socket-mismatch"]), expect(&[("socket-mismatch", 10)]));
    let altered = Altered::of(LEAK_SS, |line| line.replace("CLOSE-WAIT", "ESTAB     "));
    let report = analyze(LEAK, &["--sockets", altered.path()]);
    assert!(counts(&report, &["socket-mismatch"])["socket-mismatch"] >= 1, "acknowledged, yet ESTABLISHED");
}

#[test]
fn an_undated_listing_is_compared_with_the_end() {
    let altered =
        Altered::of(LEAK_SS, |line| if line.starts_with("# 2026") { String::new() } else { line.into() });
    let report = analyze(LEAK, &["--sockets", altered.path()]);
    assert_eq!(counts(&report, &["missing-fin", "socket-mismatch"]), expect(&[("missing-fin", 10)]));
    assert_eq!(finding(&report, "missing-fin")["fact"], "certain");
    let said = report["host_records"][0]["says"].as_str().unwrap();
    assert!(said.contains("without a date"), "{said}");
}

/// The log an hour ahead, and without any clock.
#[test]
fn the_clock_of_a_log_is_estimated_or_not_used() {
    let ahead = Altered::of(LEAK_TRACE, |line| line.replace(" 17954085", " 17954121"));
    let report = analyze(LEAK, &["--trace", ahead.path()]);
    let said = report["host_records"][0]["says"].as_str().unwrap();
    assert!(said.contains("its clock is 59 min 59 s ahead") || said.contains("its clock is 1 h"), "{said}");
    assert_eq!(from_hosts(&report), expect(&[("fd-not-closed", 10)]));

    let blind = Altered::of(LEAK_TRACE, without_time);
    let report = analyze(LEAK, &["--trace", blind.path()]);
    let said = report["host_records"][0]["says"].as_str().unwrap();
    assert!(said.contains("cannot be compared"), "{said}");
    assert_eq!(finding(&report, "fd-not-closed")["fact"], "likely");
}

/// A listing whose host lives an hour east or west: it may confirm what lasts, contradicts nothing, and the report asks.
#[test]
fn a_listing_from_another_zone_is_noticed() {
    for (instead, confirms, way) in [
        ("# 2026-11-23 05:", true, "after the capture ends"),
        ("# 2026-11-23 03:", false, "before the capture begins"),
    ] {
        let shifted = Altered::of(LEAK_SS, |line| {
            line.replace("# 2026-11-23 04:", instead).split("  epoch ").next().unwrap_or_default().to_owned()
        });
        let report = analyze(LEAK, &["--sockets", shifted.path()]);
        let said = report["host_records"][0]["says"].as_str().unwrap();
        assert!(said.contains(way) && said.contains("--tz"), "{said}");
        let names = ["missing-fin", "socket-mismatch"];
        assert_eq!(counts(&report, &names), expect(&[("missing-fin", 10)]), "{way}");
        assert_eq!(finding(&report, "missing-fin")["cause"]["certainty"] == "certain", confirms, "{way}");
    }
    let report = analyze(LEAK, &["--sockets", LEAK_SS]);
    assert!(!report["host_records"][0]["says"].as_str().unwrap().contains("--tz"));
}

fn without_time(line: &str) -> String {
    let mut words = line.split_whitespace();
    let pid = words.next().unwrap_or_default();
    format!("{pid} {}", words.skip(1).collect::<Vec<_>>().join(" "))
}

/// A close in the log whose FIN never passed: the path, not the program. Without a clock the close may have come after
/// the capture, so nothing is concluded.
#[test]
fn a_close_in_the_log_acquits_the_program() {
    let closing = |line: &str| match line.strip_prefix("4833  1795408543.427303 ") {
        Some(_) => format!("{line}\n4833  1795408543.470000 close(5) = 0 <0.000100>"),
        None => line.to_owned(),
    };
    let altered = Altered::of(LEAK_TRACE, closing);
    let report = analyze(LEAK, &["--trace", altered.path()]);
    let names = ["missing-fin", "close-called", "fd-not-closed"];
    assert_eq!(
        counts(&report, &names),
        expect(&[("missing-fin", 9), ("close-called", 1), ("fd-not-closed", 9)])
    );
    let blind = Altered::of(altered.path(), without_time);
    let report = analyze(LEAK, &["--trace", blind.path()]);
    assert_eq!(counts(&report, &names), expect(&[("missing-fin", 10), ("fd-not-closed", 9)]));
}

#[test]
fn whole_hosts_are_told_too() {
    let folder = tempfile::tempdir().unwrap();
    let counters = folder.path().join("counters.txt");
    let once = |at: &str, overflows: u64, errors: u64| {
        format!(
            "# {at}\nState Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 129 128 0.0.0.0:8080 0.0.0.0:*\n\
             TcpExtListenOverflows {overflows} 0.0\nKernel Interface table\n\
             Iface MTU RX-OK RX-ERR RX-DRP RX-OVR TX-OK TX-ERR TX-DRP TX-OVR Flg\n\
             eth0 1500 1000 {errors} 0 0 1000 0 0 0 BMRU\n"
        )
    };
    fs::write(&counters, once("2026-11-23T04:35:43Z", 3, 0) + &once("2026-11-23T04:36:43Z", 9, 40)).unwrap();
    let report = analyze(
        LEAK,
        &["--trace", "testdata/traces/truss-sleeping-thread.txt", "--sockets", counters.to_str().unwrap()],
    );
    let locks = finding(&report, "lock-wait");
    assert_eq!(locks["severity"], "error");
    assert!(locks["headline"].as_str().unwrap().starts_with("12 of 12 threads wait for locks"), "{locks}");
    let overflow = finding(&report, "listen-overflow").to_string();
    assert!(
        overflow.contains(": 129 connections; room is for 128") && overflow.contains("6 more between"),
        "{overflow}"
    );
    let errors = finding(&report, "interface-errors").to_string();
    assert!(errors.contains("eth0: 40 receive errors"), "{errors}");
}

#[test]
fn what_cannot_be_read_is_an_error_or_shown() {
    let status = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
            .args(["analyze", LEAK])
            .args(args)
            .output()
            .unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    for args in [
        ["--sockets", "no-such-file"],
        ["--trace", "no-such-file"],
        ["--trace", LEAK],
        ["--sockets", "Cargo.toml"],
        ["--sockets-at", "noon"],
    ] {
        let (code, stderr) = status(&args);
        assert!(code == 2 && stderr.starts_with("cwait-pcap: "), "{args:?}: {code} {stderr}");
    }
    let paste = "testdata/sockets/mixed-paste.txt";
    assert!(Path::new(paste).exists());
    let report = analyze(LEAK, &["--sockets", paste]);
    assert_eq!(report["host_records"][0]["unread"], 5);
    assert_eq!(report["host_joined"], 0);
}
