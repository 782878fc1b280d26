//! Any text as a socket listing: every line is counted once, lists are bounded, and its report can be written.
#![cfg_attr(fuzzing, no_main)]

use cwait_pcap::report::{SocketReport, Style};
use cwait_pcap::sockets::{Listing, Options, read};
use jiff::tz::TimeZone;

pub fn run(data: &[u8]) {
    let options = Options { at: None, zone: TimeZone::UTC };
    let listing = read("listing", data, &options).expect("memory can be read");
    assert_eq!(listing, read("listing", data, &options).expect("memory can be read"));
    assert!(listing.unread.len() <= Listing::UNREAD_KEPT);
    assert!(listing.unread.iter().all(|line| line.text.chars().count() <= Listing::UNREAD_CHARS + 3));
    let report = SocketReport::build(&[listing], Some(1), None, &["cwait-pcap".to_owned()]);
    let (mut text, mut json) = (Vec::new(), Vec::new());
    report.write_text(&Style::plain(), &mut text).expect("memory can be written");
    report.write_json(&mut json).expect("memory can be written");
    let text = String::from_utf8(text).expect("text");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    serde_json::from_slice::<serde_json::Value>(&json).expect("JSON");
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
