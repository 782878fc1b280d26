//! Any octets as a capture: whatever road they take, the same records come out, and every octet is accounted for.
#![cfg_attr(fuzzing, no_main)]

use std::io::{self, Read};

use cwait_pcap::capture::{Interrupt, Limits, LinkType, PcapNgWriter, Reader, Record, Summary};
use cwait_pcap::wire::Timestamp;

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

/// Time, interface, link type, length on the wire, octets.
type Seen = (Vec<(i64, u32, LinkType, u32, Vec<u8>)>, Summary, Option<String>);

/// `ahead`: in blocks, while a thread reads on.
fn read(data: &[u8], at_once: usize, limits: &Limits, ahead: bool) -> Result<Seen, String> {
    let input: Box<dyn Read + Send> = Box::new(Drip(io::Cursor::new(data.to_vec()), at_once));
    let input = if ahead { Interrupt::armed().watch(input) } else { input };
    let mut reader = Reader::from_read(input, limits).map_err(|error| error.to_string())?;
    let mut records = Vec::new();
    let mut take = |record: &Record<'_>| {
        assert_eq!(record.frame, records.len() as u64 + 1, "frames are counted without a gap");
        assert!(record.data.len() <= limits.max_record as usize);
        records.push((record.at.0, record.interface, record.link, record.wire_len, record.data.to_vec()));
    };
    if ahead {
        reader.read_ahead();
    }
    let error = loop {
        let batch = if ahead {
            reader
                .next_block()
                .map(|block| block.map(|block| block.records().for_each(|r| take(&r))).is_some())
        } else {
            reader.next_batch(&mut take)
        };
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
    assert!(summary.holes().iter().all(|(from, upto)| from <= upto));
    assert_eq!(summary.links().iter().map(|(_, frames)| frames).sum::<u64>(), summary.frames);
    let words = summary.damage.iter().map(|damage| damage.to_string());
    let words = words.chain(summary.tail.iter().map(|tail| tail.to_string()));
    let words = words.chain(summary.links().iter().map(|(link, _)| link.to_string()).collect::<Vec<_>>());
    words.chain(error.clone()).for_each(|words| assert!(!words.chars().any(char::is_control), "{words:?}"));
    Ok((records, summary, error))
}

/// What was read, written and read again.
fn written((records, summary, _): &Seen) -> Seen {
    let mut writer = PcapNgWriter::new(Vec::new(), "fuzz", &summary.comments).expect("memory");
    writer.names(&summary.names).expect("memory");
    let links = summary.interfaces.iter().map(|interface| (interface.link, interface.name.as_deref()));
    let links = links.map(|(link, name)| writer.interface(link, name)).collect::<Result<Vec<_>, _>>();
    let links = links.expect("memory");
    for (at, interface, _, wire_len, data) in records {
        let at = Timestamp(*at);
        writer.packet(links[*interface as usize], at, data, *wire_len, &[]).expect("memory");
    }
    let octets = writer.finish().expect("memory");
    read(&octets, usize::MAX, &Limits { max_block: 1 << 24, ..LIMITS }, false).expect("a capture")
}

/// How much of a damaged stream is unfolded before the damage is noticed depends on how much of it came at once.
fn is_packed(seen: &Result<Seen, String>) -> bool {
    match seen {
        Ok((_, summary, _)) => !summary.compression.is_empty(),
        Err(why) => why.contains(" stream"),
    }
}

pub fn run(data: &[u8]) {
    let whole = read(data, usize::MAX, &LIMITS, false);
    // Octet by octet where that is soon done; a few at a time shows most of the same.
    let at_once = if data.len() < 600 { 1 } else { 61 };
    let dripped = read(data, at_once, &Limits { buffer: 64, ..LIMITS }, false);
    if is_packed(&whole) || is_packed(&dripped) {
        return;
    }
    if let Ok(whole) = &whole {
        let ahead = read(data, usize::MAX, &LIMITS, true).expect("a capture");
        assert_eq!((&whole.0, &whole.2), (&ahead.0, &ahead.2), "records, in blocks");
        let same = |one: &Seen| {
            let record = |r: &(i64, u32, LinkType, u32, Vec<u8>)| {
                (r.0.max(0), r.2, r.3.max(r.4.len() as u32), r.4.clone())
            };
            one.0.iter().map(record).collect::<Vec<_>>()
        };
        assert_eq!(same(whole), same(&written(whole)), "records, written and read again");
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
