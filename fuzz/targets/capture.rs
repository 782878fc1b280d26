//! Any octets as a capture: whatever road they take, the same records come out, and every octet is accounted for.
#![cfg_attr(fuzzing, no_main)]

use std::io::{self, Read};

use cwait_pcap::capture::{Limits, Reader, Summary};

const LIMITS: Limits = Limits {
    buffer: 4_096,
    max_record: 2_048,
    max_block: 8_192,
    max_decompressed: Some(1 << 22),
    max_ratio: None,
    max_interfaces: 8,
    max_names: 8,
    max_listed: 8,
};

/// Lends a few octets at a time, as a slow pipe does.
struct Drip(io::Cursor<Vec<u8>>, usize);

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(self.1);
        self.0.read(&mut buffer[..room])
    }
}

type Seen = (Vec<(i64, u32, u32, Vec<u8>)>, Summary, Option<String>);

fn read(data: &[u8], at_once: usize, limits: &Limits) -> Result<Seen, String> {
    let input = Box::new(Drip(io::Cursor::new(data.to_vec()), at_once));
    let mut reader = Reader::from_read(input, limits).map_err(|error| error.to_string())?;
    let mut records = Vec::new();
    let error = loop {
        let batch = reader.next_batch(&mut |record| {
            assert_eq!(record.frame, records.len() as u64 + 1, "frames are counted without a gap");
            assert!(record.data.len() <= limits.max_record as usize);
            records.push((record.at.0, record.interface, record.wire_len, record.data.to_vec()));
        });
        match batch {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let summary = reader.summary().clone();
    assert_eq!(summary.frames, records.len() as u64);
    assert!(summary.interfaces.len() <= limits.max_interfaces && summary.names.len() <= limits.max_names);
    assert!(summary.damage.len() <= limits.max_listed && summary.drops.len() <= limits.max_listed);
    Ok((records, summary, error))
}

/// How much of a damaged stream is unfolded before the damage is noticed depends on how much of it came at once.
fn is_packed(seen: &Result<Seen, String>) -> bool {
    match seen {
        Ok((_, summary, _)) => !summary.compression.is_empty(),
        Err(why) => why.contains(" stream"),
    }
}

pub fn run(data: &[u8]) {
    let whole = read(data, usize::MAX, &LIMITS);
    // Octet by octet where that is soon done; a few at a time shows most of the same.
    let at_once = if data.len() < 600 { 1 } else { 61 };
    let dripped = read(data, at_once, &Limits { buffer: 64, ..LIMITS });
    if is_packed(&whole) || is_packed(&dripped) {
        return;
    }
    match (&whole, &dripped) {
        (Ok(whole), Ok(dripped)) => {
            assert_eq!(whole.0, dripped.0, "records, {at_once} octets at once");
            assert_eq!(whole.2, dripped.2, "error, {at_once} octets at once");
            if whole.2.is_none() {
                assert_eq!(whole.1, dripped.1, "summary, {at_once} octets at once");
            }
        }
        // What a refused input looks like is said of as much as had come.
        (whole, dripped) => assert_eq!(whole.is_err(), dripped.is_err()),
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
