//! Any octets as a kept report: what is read is written as the same report again, and in every text format as something that
//! cannot take over a terminal.
#![cfg_attr(fuzzing, no_main)]

use cwait_pcap::report::{Detail, FORMATS, Report, Style, by_name, read};

#[cfg(fuzzing)]
mod harmless;

pub fn run(data: &[u8]) {
    let Ok(report) = read(data) else { return };
    let again = read(written(&report, "json", Detail::Usual).as_bytes()).expect("a report");
    // Whatever JSON can hold comes back; a float may lose its last digit at first.
    assert_eq!(written(&again, "json", Detail::Usual), written(&report, "json", Detail::Usual));
    for format in FORMATS.iter().filter(|format| !format.is_binary()) {
        for detail in [Detail::Brief, Detail::Full] {
            crate::harmless::check(format.name(), &written(&report, format.name(), detail));
        }
    }
}

fn written(report: &Report, format: &str, detail: Detail) -> String {
    let mut out = Vec::new();
    let format = by_name(format).expect("a format");
    format.write(report, &Style { detail, ..Style::plain() }, &mut out).expect("memory can be written");
    String::from_utf8(out).expect("text")
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
