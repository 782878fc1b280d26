//! Lists that whoever writes a capture could make as long as they like: they end, and it is said what they leave out.

use std::fs;

use cwait_pcap::analysis::{self, Options};
use cwait_pcap::capture::Limits;
use cwait_pcap::known::Config;
use cwait_pcap::report::{Against, Finding, Listed, Report, Request, Severity, Style, Undecided, by_name};

use crate::packets::{ACK, End, FIN, SECOND, START, SYN, Tcp};
use crate::write::{self, Kind, Order, Packet};

fn report(bytes: &[u8], options: Options) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcap");
    fs::write(&path, bytes).unwrap();
    let outcome = analysis::run(&[path], &options, &mut |_| {}).unwrap();
    Report::build(&outcome, &Request { command_line: Vec::new(), listed: Listed::Flagged, limit: None })
}

fn written(report: &Report, format: &str) -> String {
    let mut text = Vec::new();
    by_name(format).unwrap().write(report, &Style::plain(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// A connection between two hosts of its own, which the client closes; if `acknowledged`, the server has seen that.
fn left(n: u32, at: i64, acknowledged: bool) -> Vec<Packet> {
    let (client, server) = (End(0x20_0000 + n, 40_000), End(0x10_0000 + n, 443));
    let segments = [
        Tcp::new(client, server, SYN, 100, 0, 0),
        Tcp::new(server, client, SYN | ACK, 500, 101, 0),
        Tcp::new(client, server, ACK, 101, 501, 0),
        Tcp::new(client, server, FIN | ACK, 101, 501, 0),
        Tcp::new(server, client, ACK, 501, 102, 0),
    ];
    let passed = if acknowledged { &segments[..] } else { &segments[..4] };
    passed.iter().enumerate().map(|(n, segment)| segment.packet(at + n as i64 * SECOND / 1_000)).collect()
}

/// So many servers that owe their FIN, and so many of which nobody knows.
fn leaks(owing: u32, undecided: u32) -> Vec<u8> {
    let mut packets: Vec<_> = (0..owing).flat_map(|n| left(n, START, true)).collect();
    // Time goes by, and everybody else is heard.
    packets.extend(
        (1..600).map(|n| Tcp::new(End(3, 5), End(4, 80), ACK, n, 1, 1).packet(START + i64::from(n) * SECOND)),
    );
    packets.extend((owing..owing + undecided).flat_map(|n| left(n, START + 600 * SECOND, false)));
    packets.sort_by_key(|packet| packet.at);
    write::pcap(Kind::Nanos, Order::Little, 1, &packets)
}

#[test]
fn findings_and_undecided_cases_beyond_a_thousand_are_counted() {
    let few = report(&leaks(20, 10), Options::default());
    let owing =
        |report: &Report| report.findings.iter().filter(|finding| finding.name == "missing-fin").count();
    assert_eq!((owing(&few), few.undecided.len()), (20, 10));
    assert_eq!((few.left_out.findings, few.left_out.severity, few.left_out.undecided), (0, None, 0));
    for format in ["terminal", "markdown", "html"] {
        assert!(!written(&few, format).contains("a report holds"), "{format}");
    }

    let more = few.findings.len() - 20;
    let many = report(&leaks(1_050, 1_030), Options::default());
    assert_eq!(many.findings.len(), Finding::AT_MOST);
    assert_eq!(many.undecided.len(), Undecided::AT_MOST);
    assert_eq!(many.left_out.findings, 50 + more as u64);
    assert_eq!((many.left_out.undecided, many.left_out.undecided_connections), (30, 30));
    assert!(
        many.findings[Finding::AT_MOST - 1].severity >= many.left_out.severity.unwrap(),
        "the worst are held"
    );
    // What is counted for services is counted of all.
    assert_eq!(many.services.iter().filter(|service| service.owes_fin == 1).count(), 1_000);
    for format in ["terminal", "markdown", "jira", "html"] {
        let text = written(&many, format).replace('\n', " ");
        let held =
            if format == "jira" { "a report holds 1,000" } else { "a report holds 1,000, the worst ones" };
        assert!(text.contains(held), "{format}");
        assert!(text.contains("30 more undecided cases are left out, of 30 connections"), "{format}");
    }
    assert!(written(&many, "ndjson").contains(r#""left_out":{"findings":"#));
    let again: Report = serde_json::from_str(&written(&many, "json")).unwrap();
    assert_eq!(again.left_out, many.left_out);

    // What is not there may have been left out.
    let against = Against::compare(&few, &many);
    assert_eq!(against.left_out, many.left_out.findings);
    let mut compared = many.clone();
    compared.against = Some(against);
    assert!(written(&compared, "markdown").contains("may be among them"));
}

#[test]
fn what_is_left_out_is_never_taken_for_accepted() {
    let mut report = report(&leaks(3, 0), Options::default());
    report.findings.clear();
    report.left_out.findings = 2;
    report.left_out.severity = Some(Severity::Error);
    report.configure(&Config::default());
    assert_eq!(report.verdict.severity, Some(Severity::Error));
    assert!(report.verdict.headline.contains("not listed"), "{}", report.verdict.headline);
}

#[test]
fn holes_beyond_those_that_are_listed_are_counted() {
    // Every second record claims to be longer than any may be.
    let packet = |n: u32| Tcp::new(End(1, 5), End(2, 80), ACK, n, 1, 1).packet(START + i64::from(n) * SECOND);
    let packets: Vec<_> = (0..400).map(packet).collect();
    let mut bytes = write::pcap(Kind::Nanos, Order::Little, 1, &packets);
    for record in (5..400).step_by(20) {
        let at = 24 + record * (16 + 54);
        bytes[at + 8..at + 12].fill(0x7f);
    }
    let read = Limits { max_listed: 4, ..Limits::default() };
    let report = report(&bytes, Options { read, ..Options::default() });
    let [.., fourth, last] = &report.inputs[0].problems[..] else {
        panic!("{:?}", report.inputs[0].problems)
    };
    assert!(fourth.starts_with("frame "), "{fourth}");
    assert_eq!((report.inputs[0].problems.len(), last.as_str()), (5, "16 more holes not listed"));
}

#[test]
fn link_types_beyond_twenty_are_counted() {
    let capture = write::PcapNg::new(Order::Little);
    let bytes = (0..3_000).fold(capture, |capture, link| capture.interface(link)).bytes();
    let report = report(&bytes, Options::default());
    let links = &report.inputs[0].link_types;
    assert_eq!((links.len(), links[20].as_str()), (21, "2,980 more link types"));
}
