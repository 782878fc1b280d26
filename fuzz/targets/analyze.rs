//! Any octets as a capture, judged and reported: every frame is accounted for, and no report can act on its reader.
#![cfg_attr(fuzzing, no_main)]

use std::io::Cursor;

use cwait_pcap::analysis::{Analysis, Options};
use cwait_pcap::capture::Reader;
use cwait_pcap::report::{Detail, FORMATS, Listed, Report, Request, Style};

#[cfg(fuzzing)]
mod harmless;

pub fn run(data: &[u8]) {
    let options = Options { keep_all: data.len().is_multiple_of(2), ..Options::default() };
    let Ok(mut reader) = Reader::from_read(Box::new(Cursor::new(data.to_vec())), &options.read) else {
        return;
    };
    let mut analysis = Analysis::new(options);
    while reader.next_batch(&mut |record| analysis.observe(record)).is_ok_and(|more| more) {}
    analysis.add_context(&reader.summary().comments);
    let outcome = analysis.finish();
    let request = Request { command_line: Vec::new(), listed: Listed::All, limit: Some(1) };
    let report = Report::build(&outcome, &request);
    let skipped: u64 = report.capture.skipped.iter().map(|skipped| skipped.frames).sum();
    assert_eq!(report.capture.frames, report.capture.tcp + skipped, "every frame is told once");
    for format in FORMATS.iter().filter(|format| !format.is_binary()) {
        let mut out = Vec::new();
        let style = Style { detail: Detail::Full, ..Style::plain() };
        format.write(&report, &style, &mut out).expect("memory can be written");
        crate::harmless::check(format.name(), &String::from_utf8(out).expect("text"));
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
