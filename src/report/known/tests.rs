//! What the user told is told again, in the right places, once.

use super::*;
use crate::report::sample::sample;

fn hosts() -> Hosts {
    Hosts::read("names", b"192.0.2.9 = app-server role server\n198.51.100.7 = web\n203.0.113.1 = elsewhere")
        .unwrap()
}

#[test]
fn hosts_are_called_by_name_once() {
    let mut report = sample();
    report.host_names.clear();
    report.connections.iter_mut().for_each(|c| c.server_name = None);
    report.findings[0].headline = "192.0.2.9:8080 owes its FIN on 10 of its 10 connections".into();
    report.call_hosts(&hosts());
    let once = report.clone();
    report.call_hosts(&hosts());
    assert_eq!(report, once);
    assert_eq!(
        report.findings[0].headline,
        "192.0.2.9:8080 (app-server) owes its FIN on 10 of its 10 connections"
    );
    assert_eq!(report.connections[0].server_name.as_deref(), Some("app-server"));
    let said: Vec<String> = report.host_names.iter().map(HostName::says).collect();
    assert_eq!(
        said,
        ["192.0.2.9 app-server (server)", "198.51.100.7 web"],
        "only hosts of the capture are listed"
    );
    assert_eq!(report.name_of("192.0.2.9:1"), Some("app-server"));
}

#[test]
fn punctuation_stays_behind_the_name() {
    let mut name = |end: &str| (end == "192.0.2.9" || end == "192.0.2.9:80").then(|| "app".to_owned());
    for (text, said) in [
        ("192.0.2.9: slow", "192.0.2.9 (app): slow"),
        ("from 192.0.2.9:80, 192.0.2.9", "from 192.0.2.9:80 (app), 192.0.2.9"),
        ("(192.0.2.9)", "(192.0.2.9)"),
        ("no  address", "no  address"),
        ("", ""),
    ] {
        assert_eq!(called(text, &mut name), said);
    }
}

#[test]
fn accepted_findings_come_last_and_decide_nothing() {
    let config = |until: &str| {
        let text = format!("[[accept]]\nfinding='missing-fin'\nat=':8080'\nreason='known'\n{until}");
        Config::read("c", text.as_bytes(), |_| true).unwrap()
    };
    let mut report = sample();
    report.configure(&config("until=2999-01-01"));
    let last = report.findings.last().unwrap();
    assert_eq!((last.name.as_str(), last.word(), last.weight()), ("missing-fin", "ACCEPTED", None));
    assert!(report.verdict.headline.starts_with("path-idle-timeout: "), "{}", report.verdict.headline);
    assert_eq!(
        report.config.as_ref().unwrap().lines(),
        ["missing-fin at :8080 is accepted until 2999-01-01: known; 1 finding here (line 1)"]
    );

    report.configure(&config("until=2020-01-01"));
    assert!(report.findings.iter().all(|finding| finding.accepted.is_none()));
    assert_eq!(
        report.config.unwrap().lines(),
        ["missing-fin at :8080 was accepted until 2020-01-01, before this capture ended: known (line 1)"]
    );

    let mut only = sample();
    only.findings.truncate(1);
    only.undecided.clear();
    only.configure(&config(""));
    assert_eq!(only.verdict.severity, None);
    assert!(
        only.verdict.headline.starts_with("OK, nothing that is not accepted: "),
        "{}",
        only.verdict.headline
    );
}
