//! Any text in every place of a report that a capture, a path or a user can shape.
//!
//! Input: texts, apart by octets of 255; the report is the sample of the test data.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use cwait_pcap::report::{Detail, FORMATS, Report, Style};
use serde_json::Value;

#[cfg(fuzzing)]
mod harmless;

static SAMPLE: LazyLock<Value> = LazyLock::new(|| {
    let sample = include_str!("../../testdata/reports/leak.json");
    serde_json::from_str(sample).expect("the sample")
});

/// Words that the format itself fixes.
const FIXED: [&str; 9] =
    ["severity", "fact", "certainty", "connections_listed", "from", "act", "kind", "schema", "ns"];

fn fill(value: &mut Value, texts: &mut impl Iterator<Item = String>) {
    match value {
        Value::String(text) => *text = texts.next().unwrap_or_default(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, texts)),
        Value::Object(fields) => {
            let shaped = fields.iter_mut().filter(|(name, _)| !FIXED.contains(&name.as_str()));
            shaped.for_each(|(_, field)| fill(field, texts));
        }
        _ => {}
    }
}

pub fn run(data: &[u8]) {
    let texts: Vec<String> =
        data.split(|&octet| octet == 255).map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    let mut value = SAMPLE.clone();
    fill(&mut value, &mut texts.iter().cycle().cloned());
    let report: Report = serde_json::from_value(value).expect("the sample with other texts");
    for format in FORMATS.iter().filter(|format| !format.is_binary()) {
        let mut out = Vec::new();
        let detail = if data.len().is_multiple_of(2) { Detail::Brief } else { Detail::Full };
        format.write(&report, &Style { detail, ..Style::plain() }, &mut out).expect("memory can be written");
        let text = String::from_utf8(out).expect("text");
        crate::harmless::check(format.name(), &text);
        if format.name() == "json" {
            assert_eq!(serde_json::from_str::<Report>(&text).expect("a report"), report);
        }
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
