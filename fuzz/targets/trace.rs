//! Any text as a log of system calls: read the same twice, and bounded.
#![cfg_attr(fuzzing, no_main)]

use cwait_pcap::trace::examine;

pub fn run(data: &[u8]) {
    let once = examine("log", &mut &data[..]);
    let twice = examine("log", &mut &data[..]);
    match (once, twice) {
        (Ok(once), Ok(twice)) => {
            assert_eq!(format!("{once:?}"), format!("{twice:?}"));
            for life in once.open.iter().chain(&once.closed).chain(&once.eof_not_closed) {
                for quote in life.opened.iter().chain(&life.eof) {
                    assert!(quote.text.len() <= 4_096, "a quote of {} octets", quote.text.len());
                    assert!(!quote.text.chars().any(char::is_control), "{:?}", quote.text);
                }
            }
        }
        (once, twice) => assert_eq!(once.err().map(|e| e.to_string()), twice.err().map(|e| e.to_string())),
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
