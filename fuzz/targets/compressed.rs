//! Any octets inside a sound or damaged compressed stream: limits hold, and nothing that came before is lost.
#![cfg_attr(fuzzing, no_main)]

use std::io::{BufRead, Cursor};

use cwait_pcap::capture::{Limits, Reader, Unpacked};

const MOST: u64 = 1 << 20;
const LIMITS: Limits = Limits {
    buffer: 4_096,
    max_record: 2_048,
    max_block: 8_192,
    max_decompressed: Some(MOST),
    max_ratio: Some(1_000),
    max_interfaces: 8,
    max_names: 8,
    max_listed: 8,
};

pub fn run(data: &[u8]) {
    if let Ok(mut reader) = Reader::from_read(Box::new(Cursor::new(data.to_vec())), &LIMITS) {
        let mut octets = 0;
        while reader.next_batch(&mut |record| octets += record.data.len() as u64).is_ok_and(|more| more) {}
        let summary = reader.summary();
        assert!(octets <= MOST && summary.capture_bytes <= MOST, "{octets} octets were unfolded");
        assert!(summary.compression.len() <= 2);
        assert!(summary.file_bytes <= data.len() as u64);
    }
    if let Ok(mut text) = Unpacked::from_read(Box::new(Cursor::new(data.to_vec())), &LIMITS) {
        let mut octets = 0;
        while let Ok(part) = text.fill_buf() {
            let taken = part.len();
            if taken == 0 {
                break;
            }
            octets += taken as u64;
            text.consume(taken);
        }
        assert!(octets <= MOST.max(data.len() as u64), "{octets} octets were unfolded");
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
