//! Logs that do not say from whom a socket was accepted, as the thread's own `truss` invocation writes them: joined with the
//! capture by the order of the accepts where both records are whole, and refused wherever they need not be.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// A conversation with port 80 or another one, printed as tcpdump prints it: a request of so many octets, the client's FIN,
/// and the server's own if it closes.
struct Talk {
    port: u16,
    octets: u32,
    closes: bool,
}

const fn talk(port: u16, octets: u32, closes: bool) -> Talk {
    Talk { port, octets, closes }
}

const THREE: [Talk; 3] = [talk(80, 11, true), talk(80, 20, false), talk(80, 30, true)];

fn capture(talks: &[Talk]) -> String {
    let mut text = String::new();
    for (n, talk) in (0_u32..).zip(talks) {
        let ends = [format!("192.0.2.10.{}", 40_001 + n), format!("198.51.100.5.{}", talk.port)];
        let mut frames = 0;
        let mut line = |from: usize, flags: &str, numbers: String, length: u32| {
            let (own, peer) = (&ends[from], &ends[1 - from]);
            _ = writeln!(
                text,
                "17000000{n:02}.{frames:02}0000 IP {own} > {peer}: Flags [{flags}], {numbers}, win 512, length {length}"
            );
            frames += 1;
        };
        let (fin, octets) = (1_001 + talk.octets, talk.octets);
        line(0, "S", "seq 1000".into(), 0);
        line(1, "S.", "seq 5000, ack 1001".into(), 0);
        line(0, ".", "ack 5001".into(), 0);
        line(0, "P.", format!("seq 1001:{fin}, ack 5001"), octets);
        line(1, ".", format!("ack {fin}"), 0);
        line(0, "F.", format!("seq {fin}, ack 5001"), 0);
        line(1, ".", format!("ack {}", fin + 1), 0);
        if talk.closes {
            line(1, "F.", format!("seq 5001, ack {}", fin + 1), 0);
            line(0, ".", "ack 5002".into(), 0);
        }
    }
    text + "1700000099.000000 ARP, Request who-has 192.0.2.1 tell 192.0.2.10, length 28\n"
}

/// What one worker does with one connection: accepts it on that descriptor, reads it to its end, closes it or not.
fn handled(listener: u32, fd: u32, octets: u32, closes: bool) -> String {
    let mut text = format!(
        "1581/5:\taccept({listener}, 0x00000000, 0x00000000, SOV_DEFAULT)\t= {fd}\n\
         1581/5:\tread({fd}, 0xFE80ED00, 4096)\t\t\t= {octets}\n1581/5:\tread({fd}, 0xFE80ED00, 4096)\t\t\t= 0\n"
    );
    if closes {
        _ = writeln!(text, "1581/5:\tclose({fd})\t\t\t\t\t= 0");
    }
    text
}

fn three() -> [String; 3] {
    [handled(4, 7, 11, true), handled(4, 7, 20, false), handled(4, 8, 30, true)]
}

fn analyze(capture: &Path, log: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truss.out");
    fs::write(&path, log).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .args(["analyze", "--connections", "all", "--format", "json"])
        .arg(capture)
        .arg("--trace")
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn told(talks: &[Talk], log: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snoop.txt");
    fs::write(&path, capture(talks)).unwrap();
    analyze(&path, log)
}

fn says(report: &Value) -> &str {
    report["host_records"][0]["says"].as_str().unwrap()
}

/// Nothing is joined, for that reason, and nothing is claimed.
fn refused(report: &Value, why: &str) {
    assert!(says(report).contains(&format!("not joined: {why}")), "{}", says(report));
    assert_eq!(report["host_joined"], 0, "{why}");
    let from_logs = ["fd-not-closed", "close-called", "epipe", "no-wake-up"];
    let mut found =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["name"].as_str().unwrap());
    assert!(!found.any(|name| from_logs.contains(&name)), "{why}");
}

#[test]
fn the_nth_accept_takes_the_nth_connection() {
    let report = told(&THREE, &three().concat());
    assert!(
        says(&report)
            .contains("3 accepts without a peer's address, joined with the connections of 198.51.100.5:80 by their order alone"),
        "{}",
        says(&report)
    );
    assert_eq!(report["host_joined"], 3);
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["name"] == "fd-not-closed").unwrap();
    assert_eq!(
        (&found["count"], &found["fact"], &found["cause"]["certainty"]),
        (&1.into(), &"likely".into(), &"likely".into())
    );
    assert!(found.to_string().contains("by the order of the accepts"), "{found}");
    assert!(found.to_string().contains("read(7, 0xFE80ED00, 4096)"), "the lines are quoted: {found}");
    let connections = report["connections"].as_array().unwrap();
    let leaked: Vec<_> = connections.iter().filter(|c| c.to_string().contains("fd-not-closed")).collect();
    assert_eq!((leaked.len(), &leaked[0]["client"]), (1, &"192.0.2.10:40002".into()));
}

#[test]
fn one_record_too_few_refuses() {
    let [first, second, third] = three();
    refused(&told(&THREE, &[&*first, &second].concat()), "the capture shows 3 handshakes");
    refused(&told(&THREE, &[&*second, &third].concat()), "the capture shows 3 handshakes");
    refused(&told(&THREE[..2], &three().concat()), "the capture shows 2 handshakes");
}

/// A log that began one accept late and ended one late has the right number of accepts. What they read tells.
#[test]
fn a_log_that_began_late_is_found_out_by_what_was_read() {
    let [_, second, third] = three();
    let later = handled(4, 9, 40, true);
    let report = told(&THREE, &[second, third, later].concat());
    refused(&report, "in their order they tell what the wire denies");
    let swapped = [handled(4, 7, 20, false), handled(4, 8, 11, true), handled(4, 9, 30, true)];
    refused(&told(&THREE, &swapped.concat()), "in their order they tell what the wire denies");
}

#[test]
fn two_listeners_are_told_apart_only_by_their_ports() {
    let talks = [talk(80, 11, true), talk(81, 20, false)];
    let both = [handled(4, 7, 11, true), handled(6, 8, 20, false)].concat();
    refused(&told(&talks, &both), "several sockets listen");
    refused(&told(&talks, &handled(4, 7, 11, true)), "several services of the capture fit");

    let bind = |fd: u32, port: u16| {
        format!(
            "1581/1:\tso_socket(PF_INET, SOCK_STREAM, IPPROTO_IP, \"\", SOV_DEFAULT) = {fd}\n\
             1581/1:\tbind({fd}, 0x00022F50, 16, SOV_SOCKBSD)\t\t= 0\n\
             1581/1:\t\tAF_INET  name = 0.0.0.0  port = {port}\n1581/1:\tlisten({fd}, 5, SOV_DEFAULT)\t\t\t= 0\n"
        )
    };
    let report = told(&talks, &(bind(4, 80) + &bind(6, 81) + &both));
    assert_eq!(report["host_joined"], 2, "{}", says(&report));
    assert!(says(&report).contains("connections of 198.51.100.5:81"), "{}", says(&report));
    refused(&told(&talks, &(bind(4, 443) + &handled(4, 7, 11, true))), "no service of the capture fits");
}

/// The real logs, without the addresses that `-yy` and accept's argument show: all sockets of the healthy captures are
/// found, and nothing is claimed; where two connections were never accepted, the number of accepts refuses.
#[test]
fn real_logs_without_addresses() {
    for (name, joins) in [("clean-closes", true), ("late-close", true), ("server-never-closes", false)] {
        let log = fs::read_to_string(format!("testdata/traces/strace-{name}.txt")).unwrap();
        let log: String = log.lines().map(|line| without_addresses(line) + "\n").collect();
        let capture = format!("testdata/captures/{name}/server-side.pcap.zst");
        let report = analyze(Path::new(&capture), &log);
        if joins {
            assert!(says(&report).contains("by their order alone"), "{name}: {}", says(&report));
            assert!(report["host_joined"].as_u64().unwrap() >= 15, "{name}: {}", report["host_joined"]);
            let findings = report["findings"].to_string();
            assert!(!findings.contains("fd-not-closed") && !findings.contains("close-called"), "{name}");
            assert!(says(&report).contains("its clock"), "{name}");
        } else {
            refused(&report, "the capture shows 23 handshakes");
        }
    }
}

fn without_addresses(line: &str) -> String {
    let mut plain = line.to_owned();
    for (begin, end, instead) in [("<TCP:[", "]>", ""), ("{sa_family=", "}", "NULL")] {
        while let Some(at) = plain.find(begin)
            && let Some(length) = plain[at..].find(end)
        {
            plain.replace_range(at..at + length + end.len(), instead);
        }
    }
    plain
}
