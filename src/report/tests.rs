//! All formats write the same reports; what they write is kept side by side in `snapshots/`.

use super::sample::{quiet, sample};
use super::*;

fn written(format: &dyn Format, report: &Report, style: &Style) -> String {
    let mut out = Vec::new();
    format.write(report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The formats that people can read.
fn texts() -> impl Iterator<Item = &'static &'static dyn Format> {
    FORMATS.iter().filter(|format| !format.is_binary())
}

#[test]
fn every_format_writes_the_sample() {
    for format in texts() {
        insta::assert_snapshot!(format.name(), written(*format, &sample(), &Style::plain()));
    }
}

#[test]
fn every_format_writes_a_report_without_findings() {
    for format in texts() {
        insta::assert_snapshot!(
            format!("{}-quiet", format.name()),
            written(*format, &quiet(), &Style::plain())
        );
    }
}

/// The report with its connections apart, and with them in it, are the same to the octet.
#[test]
fn connections_that_come_one_at_a_time_are_written_as_those_held() {
    for format in FORMATS {
        let Some(by_row) = format.by_row() else { continue };
        for mut report in [sample(), quiet()] {
            let mut held = Vec::new();
            format.write(&report, &Style::plain(), &mut held).unwrap();
            let connections = std::mem::take(&mut report.connections);
            let mut streamed = Vec::new();
            by_row
                .write_rows(&report, &mut connections.into_iter().map(std::borrow::Cow::Owned), &mut streamed)
                .unwrap();
            assert!(held == streamed, "{}", format.name());
        }
    }
}

#[test]
fn a_report_with_connections_of_its_own_takes_no_others() {
    let json = by_name("json").unwrap().by_row().unwrap();
    let failed = json.write_rows(&sample(), &mut std::iter::empty(), &mut std::io::sink());
    assert!(failed.unwrap_err().to_string().contains("connections of its own"));
}

#[test]
fn brief_and_full() {
    for (name, detail) in [("brief", Detail::Brief), ("full", Detail::Full)] {
        let style = Style { detail, ..Style::plain() };
        insta::assert_snapshot!(
            format!("terminal-{name}"),
            written(by_name("terminal").unwrap(), &sample(), &style)
        );
    }
}

#[test]
fn markups_have_a_short_form_for_comments() {
    let style = Style { detail: Detail::Brief, ..Style::plain() };
    for name in ["markdown", "jira"] {
        insta::assert_snapshot!(format!("{name}-brief"), written(by_name(name).unwrap(), &sample(), &style));
    }
}

#[test]
fn what_changed_is_told_in_every_format() {
    let mut report = quiet();
    report.against = Some(Against::compare(&sample(), &quiet()));
    for format in texts().filter(|format| !["csv", "dot"].contains(&format.name())) {
        let text = written(*format, &report, &Style::plain());
        assert!(text.contains("missing-fin") || text.contains("missing\\-fin"), "{}", format.name());
    }
}

/// Every text in a report that a capture, a path or a user can shape, made as nasty as it gets.
fn hostile() -> Report {
    const NASTY: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\\ \u{1b}[31m\u{9b}\u{202e}\u{feff}|*_[x](javascript:1) \
                         {code}{noformat}``` --> ]]> \n# heading\r\nh1. heading\t,=1+1 @me \u{2028}\u{7f}";
    fn poison(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = NASTY.into(),
            serde_json::Value::Array(items) => items.iter_mut().for_each(poison),
            serde_json::Value::Object(fields) => {
                let kept =
                    ["severity", "fact", "certainty", "connections_listed", "from", "act", "ns", "kind"];
                fields
                    .iter_mut()
                    .filter(|(name, _)| !kept.contains(&name.as_str()))
                    .for_each(|(_, v)| poison(v));
            }
            _ => {}
        }
    }
    let mut report = sample();
    report.against = Some(Against::compare(&quiet(), &report));
    let mut value = serde_json::to_value(report).unwrap();
    poison(&mut value);
    serde_json::from_value(value).unwrap()
}

#[test]
fn hostile_text_stays_text_in_every_format() {
    let quotes = |line: &str| line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
    for format in texts() {
        for detail in [Detail::Brief, Detail::Usual, Detail::Full] {
            let text = written(*format, &hostile(), &Style { detail, ..Style::plain() });
            let name = format.name();
            for c in text.chars() {
                assert!(matches!(c, '\n' | '\r') || !text::is_treacherous(c), "{name} holds {c:?}");
            }
            match name {
                "html" => {
                    assert_eq!(text.matches("<script").count(), 1);
                    assert!(!text.contains("<img"));
                }
                "json" => assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), hostile()),
                "ndjson" => {
                    text.lines()
                        .for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
                }
                "csv" => assert!(text.lines().all(|line| quotes(line) % 2 == 0)),
                "dot" => assert!(text.lines().all(|line| quotes(line) % 2 == 0), "{text}"),
                // Lines are broken at blanks there, and nothing at their beginning means anything.
                "terminal" => {}
                _ => {
                    let heading =
                        |line: &&str| line.starts_with("# heading") || line.starts_with("h1. heading");
                    assert_eq!(text.lines().find(heading), None, "{name}");
                }
            }
        }
    }
}

#[test]
fn a_capture_without_tcp_says_what_it_held() {
    let mut report = quiet();
    report.capture.tcp = 0;
    for (frames, said) in [(12, "10 ARP, 2 cut before the ports"), (0, "no frame at all")] {
        report.capture.frames = frames;
        for name in ["terminal", "html", "markdown", "jira"] {
            let text = written(by_name(name).unwrap(), &report, &Style::plain());
            assert!(text.contains(said), "{name}: {text}");
        }
    }
}

#[test]
fn both_directions_are_claimed_only_where_one_connection_shows_them() {
    let claims = |closed_by_both, unanswered, midstream| {
        let mut report = quiet();
        report.totals =
            Totals { connections: 3, closed_by_both, unanswered, midstream, ..report.totals.clone() };
        written(by_name("terminal").unwrap(), &report, &Style::plain()).contains("both directions")
    };
    assert!(!claims(0, 1, 2), "nobody answered, or what came before the capture is not known");
    assert!(claims(0, 1, 1));
    assert!(claims(1, 0, 3), "both FINs passed");
}

#[test]
fn many_notes_alike_are_folded() {
    let mut report = quiet();
    let note = Finding { accepted: None, ..sample().findings[2].clone() };
    let named = |name: &str| Finding { name: name.into(), headline: "x".into(), ..note.clone() };
    report.findings = ["a", "b", "b", "b", "b", "b", "c"].map(named).to_vec();
    let text = written(by_name("terminal").unwrap(), &report, &Style::plain());
    let notes: Vec<&str> = text.lines().filter(|line| line.starts_with("NOTE")).collect();
    assert_eq!(
        notes,
        [
            "NOTE a: x",
            "NOTE b: x",
            "NOTE b: x",
            "NOTE b: x",
            "NOTE b: 2 more like these (-v lists them)",
            "NOTE c: x"
        ]
    );
}

#[test]
fn frames_that_the_sentence_names_are_not_told_again() {
    let mut report = sample();
    let finding = &mut report.findings[0];
    finding.says = "It acked the FIN (frame 1931, ACK 12) on 1,931 connections, 7,931 octets.".into();
    let shows = |frame, label: &str| Evidence { frame, label: label.into(), ..finding.evidence[0].clone() };
    finding.evidence = vec![shows(1_931, "a"), shows(12, "b"), shows(931, "c"), shows(20_000, "d")];
    let told = |detail| {
        let text = written(by_name("terminal").unwrap(), &report, &Style { detail, ..Style::plain() });
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(told(Detail::Usual).contains("frame 931 (c), 20000 (d)."));
    assert!(told(Detail::Full).contains("frame 1931 (a), 12 (b), 931 (c), 20000 (d)."));
}

#[test]
fn commands_that_are_not_shown_are_said_to_be_of_a_system_or_of_another_host() {
    let mut report = sample();
    let step = |on: &str, os: &str| Step { on: on.into(), os: os.into(), command: "true".into() };
    report.findings[0].next = vec![
        step("a", "Linux"),
        step("a", "Solaris"),
        step("a", "BSD"),
        step("b", "Linux"),
        step("b", "BSD"),
    ];
    let text = written(by_name("terminal").unwrap(), &report, &Style::plain());
    assert!(text.contains("        on BSD, b: -v\n"), "{text}");
}

#[test]
fn the_terminal_report_fits_eighty_columns() {
    let mut report = sample();
    report.services[2].endpoint = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535".into();
    report.services[2].close_p99 = Some(crate::wire::Span::secs(86_400).into());
    // A finding's first line, a command, a quote, a filter and a connection's addresses are never broken.
    let whole = [
        "ERROR",
        "WARNING",
        "NOTE",
        "ACCEPTED",
        "UNDECIDED",
        "  Next",
        "  Wireshark",
        "  ss-app.txt:42:",
        "     ",
    ];
    for detail in [Detail::Brief, Detail::Usual, Detail::Full] {
        let text = written(by_name("terminal").unwrap(), &report, &Style { detail, ..Style::plain() });
        for line in text.lines().filter(|line| !whole.iter().any(|start| line.starts_with(start))) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn names_and_extensions_choose_one_format_each() {
    for format in FORMATS {
        assert_eq!(by_name(format.name()).unwrap().name(), format.name());
        assert!(!format.about().is_empty());
        for extension in format.extensions() {
            assert_eq!(by_extension(&extension.to_uppercase()).unwrap().name(), format.name());
        }
    }
    assert!(by_name("papyrus").is_none() && by_extension("docx").is_none());
}

#[test]
fn json_is_valid_by_the_schema_and_reads_back() {
    let schema = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [sample(), quiet()] {
        let json = written(by_name("json").unwrap(), &report, &Style::plain());
        let mut value = serde_json::from_str(&json).unwrap();
        assert!(validator.is_valid(&value), "{:?}", validator.iter_errors(&value).next());
        assert_eq!(read(json.as_bytes()).unwrap(), report);
        value["findings"] = "many".into();
        assert!(!validator.is_valid(&value));
    }
}

/// The tests of the command line read it.
#[test]
fn the_kept_report_is_the_sample() {
    let kept = include_bytes!("../../testdata/reports/leak.json");
    let same = read(kept).unwrap() == sample();
    assert!(same, "testdata/reports/leak.json is not the snapshot of the JSON format any more");
}

#[test]
fn other_json_is_refused() {
    let check = |change: fn(&mut Report), expected: &str| {
        let mut report = quiet();
        change(&mut report);
        let json = written(by_name("json").unwrap(), &report, &Style::plain());
        assert_eq!(read(json.as_bytes()).unwrap_err().to_string(), expected);
    };
    check(|r| r.schema = "shopping/list".into(), "not a cwait-pcap/report, but 'shopping/list'");
    check(|r| r.schema_version = "9.0".into(), "a report of schema version 9.0; this program reads 1.0");
    assert!(read(b"{\"schema\":").unwrap_err().to_string().starts_with("not a cwait-pcap/report: EOF"));
}

#[test]
fn connections_are_sorted_as_asked() {
    let orders: Vec<String> = SORTS
        .iter()
        .map(|sort| {
            let mut report = sample();
            report.connections.reverse();
            report.sort_connections(sort);
            let streams: Vec<String> =
                report.connections.iter().map(|c| c.stream.unwrap().to_string()).collect();
            format!("{}: {}", sort.name, streams.join(" "))
        })
        .collect();
    insta::assert_snapshot!(orders.join("\n"), @r#"
first: 0 7 17
last: 0 7 17
duration: 17 7 0
bytes: 0 7 17
frames: 0 7 17
idle: 7 17 0
close: 17 0 7
rtt: 17 0 7
answer: 0 17 7
repeats: 7 0 17
"#);
    assert!(Sort::by_name("colour").is_none());
}
