//! All formats write the same reports; what they write is kept side by side in `snapshots/`.

use super::sample::{quiet, sample};
use super::*;

fn written(format: &dyn Format, report: &Report, style: &Style) -> String {
    let mut out = Vec::new();
    format.write(report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_format_writes_the_sample() {
    for format in FORMATS {
        insta::assert_snapshot!(format.name(), written(*format, &sample(), &Style::plain()));
    }
}

#[test]
fn every_format_writes_a_report_without_findings() {
    for format in FORMATS {
        insta::assert_snapshot!(
            format!("{}-quiet", format.name()),
            written(*format, &quiet(), &Style::plain())
        );
    }
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
    assert_eq!(read(kept).unwrap(), sample());
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
