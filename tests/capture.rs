//! The capture room as a black box: bytes go in, records and a summary come out, whatever road the bytes take.

#[path = "support/write.rs"]
mod write;

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cwait_pcap::capture::{
    ByteOrder, CaptureError, Compression, DamageKind, Limits, LinkType, Looks, Reader, Summary,
};
use write::{KINDS, Kind, ORDERS, Order, Packet, PcapNg};

/// A record as tests compare it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Got {
    frame: u64,
    at: i64,
    link: u16,
    interface: u32,
    wire_len: u32,
    data: Vec<u8>,
}

/// What one reading brought, up to its end or the error that stopped it.
struct Outcome {
    records: Vec<Got>,
    summary: Summary,
    error: Option<CaptureError>,
}

/// Small limits for the tests that read the same few records thousands of times.
const SMALL: Limits = Limits {
    buffer: 4_096,
    max_record: 2_000,
    max_block: 10_000,
    max_decompressed: None,
    max_ratio: None,
    max_interfaces: 10,
    max_names: 10,
    max_listed: 100,
};

fn read_from(input: impl Read + Send + 'static, limits: &Limits) -> Result<Outcome, CaptureError> {
    let mut reader = Reader::from_read(Box::new(input), limits)?;
    let mut records = Vec::new();
    let error = loop {
        let batch = reader.next_batch(&mut |record| {
            records.push(Got {
                frame: record.frame,
                at: record.at.0,
                link: record.link.0,
                interface: record.interface,
                wire_len: record.wire_len,
                data: record.data.to_vec(),
            });
        });
        match batch {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
    };
    Ok(Outcome { records, summary: reader.summary().clone(), error })
}

/// Who reads.
#[derive(Clone, Copy, Debug)]
enum By {
    Caller,
    /// A thread beside the caller.
    Another,
    /// The caller, and others that fetch chunks meanwhile.
    All,
}

/// The same block by block.
fn read_blocks(mut reader: Reader, by: By) -> Outcome {
    let shared = match by {
        By::Caller => None,
        By::Another => {
            reader.read_ahead();
            None
        }
        By::All => reader.share_reading(3),
    };
    let Some(shared) = shared else { return take_blocks(reader) };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    shared.fetch();
                }
            });
        }
        let outcome = take_blocks(reader);
        done.store(true, Ordering::Relaxed);
        outcome
    })
}

fn take_blocks(mut reader: Reader) -> Outcome {
    let mut records = Vec::new();
    let error = loop {
        match reader.next_block() {
            Ok(Some(block)) => {
                let before = records.len();
                records.extend(block.records().map(|record| Got {
                    frame: record.frame,
                    at: record.at.0,
                    link: record.link.0,
                    interface: record.interface,
                    wire_len: record.wire_len,
                    data: record.data.to_vec(),
                }));
                assert_eq!(records.len() - before, block.len());
                assert!(!block.is_empty());
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    Outcome { records, summary: reader.summary().clone(), error }
}

/// Lends at most so many bytes at a time.
struct Drip {
    bytes: io::Cursor<Vec<u8>>,
    at_once: usize,
}

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(self.at_once);
        self.bytes.read(&mut buffer[..room])
    }
}

/// Reads by every road, demands that all agree, and returns the one result.
fn read(bytes: &[u8]) -> Outcome {
    let whole = read_from(io::Cursor::new(bytes.to_vec()), &Limits::default()).expect("a capture");
    for at_once in [1, 7, 4_096] {
        for buffer in [0, 100, 4_096] {
            let drip = Drip { bytes: io::Cursor::new(bytes.to_vec()), at_once };
            let dripped = read_from(drip, &Limits { buffer, ..Limits::default() }).expect("a capture");
            assert_eq!(dripped.records, whole.records, "{at_once} bytes at once, buffer of {buffer}");
            assert_eq!(dripped.summary, whole.summary, "{at_once} bytes at once, buffer of {buffer}");
        }
    }
    for buffer in [0, 100, 4_096, 1 << 20] {
        let limits = Limits { buffer, ..Limits::default() };
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), bytes).expect("a temporary file");
        for by in [By::Caller, By::Another, By::All] {
            let piped = Reader::from_read(Box::new(io::Cursor::new(bytes.to_vec())), &limits);
            let opened = Reader::open(file.path(), &limits);
            for reader in [piped, opened] {
                let blocks = read_blocks(reader.expect("a capture"), by);
                assert_eq!(blocks.records, whole.records, "blocks of {buffer}, read by {by:?}");
                assert_eq!(blocks.summary, whole.summary, "blocks of {buffer}, read by {by:?}");
                assert_eq!(blocks.error.is_some(), whole.error.is_some());
            }
        }
    }
    whole
}

fn refuse(bytes: &[u8]) -> CaptureError {
    match read_from(io::Cursor::new(bytes.to_vec()), &Limits::default()) {
        Ok(read) => panic!("read {} frames", read.records.len()),
        Err(error) => error,
    }
}

/// Packets of different lengths, one of them cut by a snap length, a millisecond and a bit apart.
fn packets(count: usize) -> Vec<Packet> {
    (0..count)
        .map(|n| {
            let at = 1_700_000_000_000_000_000 + n as i64 * 1_001_000;
            let data: Vec<u8> = (0..40 + n % 7 * 11).map(|byte| (byte * 31 + n) as u8).collect();
            let cut = if n % 3 == 1 { 100 } else { 0 };
            Packet { wire_len: data.len() as u32 + cut, ..Packet::new(at, &data) }
        })
        .collect()
}

fn expect(packets: &[Packet], link: LinkType) -> Vec<Got> {
    (1..)
        .zip(packets)
        .map(|(frame, packet)| Got {
            frame,
            at: packet.at,
            link: link.0,
            interface: 0,
            wire_len: packet.wire_len,
            data: packet.data.clone(),
        })
        .collect()
}

fn pcapng(order: Order, packets: &[Packet]) -> Vec<u8> {
    packets.iter().fold(PcapNg::new(order).interface(1), |file, packet| file.enhanced(0, packet)).bytes()
}

/// The same packets in every format: name, bytes, octets of the file header.
fn every_format(packets: &[Packet]) -> Vec<(String, Vec<u8>, usize)> {
    let mut all = Vec::new();
    for order in ORDERS {
        for kind in KINDS {
            all.push((format!("{kind:?} {order:?} pcap"), write::pcap(kind, order, 1, packets), 24));
        }
        all.push((format!("{order:?} pcapng"), pcapng(order, packets), 28));
    }
    all.push(("snoop".to_owned(), write::snoop(4, packets, &[]), 16));
    all
}

/// Where the records of a sound file begin, and its end: read off a reader that is given one more byte at a time.
fn boundaries(bytes: &[u8], header: usize) -> Vec<usize> {
    let mut ends = vec![header];
    let mut seen = 0;
    for end in header..=bytes.len() {
        if let Ok(read) = read_from(io::Cursor::new(bytes[..end].to_vec()), &SMALL)
            && read.records.len() > seen
        {
            seen = read.records.len();
            ends.push(end);
        }
    }
    ends
}

#[test]
fn every_format_gives_the_same_records_by_every_road() {
    let packets = packets(300);
    for (name, bytes, _) in every_format(&packets) {
        let read = read(&bytes);
        assert_eq!(read.records, expect(&packets, LinkType::ETHERNET), "{name}");
        let summary = read.summary;
        assert_eq!((summary.frames, summary.damage_count, summary.tail), (300, 0, None), "{name}");
        assert_eq!(summary.links(), [(LinkType::ETHERNET, 300)], "{name}");
        assert_eq!(summary.capture_bytes, bytes.len() as u64, "{name}");
        assert_eq!(summary.file_bytes, bytes.len() as u64, "{name}");
        let (earliest, latest) = summary.times.expect("times");
        assert_eq!((earliest.0, latest.0), (packets[0].at, packets[299].at), "{name}");
    }
}

/// ERF keeps no captured length, only records padded to eight octets, so its packets are written whole.
#[test]
fn erf_is_told_by_its_records() {
    let whole: Vec<_> = packets(12).iter().map(|packet| Packet::new(packet.at, &packet.data)).collect();
    let bytes = write::erf(&whole);
    let all = read(&bytes);
    assert_eq!(all.records, expect(&whole, LinkType::ETHERNET));
    assert_eq!((all.summary.format, all.summary.byte_order), ("ERF", Some(ByteOrder::Big)));
    assert_eq!(all.summary.dropped, Some(0));
    let cut = read(&bytes[..bytes.len() - 1]);
    assert_eq!(cut.records, expect(&whole[..11], LinkType::ETHERNET));
    assert!(cut.summary.tail.is_some());
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        if let Ok(read) = read_from(io::Cursor::new(damaged), &SMALL) {
            assert!(read.error.is_none() && read.records.len() <= whole.len() + 1, "byte {at}");
        }
    }
    // 5 lost before the second record; a record that is no packet has an unknown link.
    let mut told = bytes.clone();
    let second = u16::from_be_bytes([bytes[10], bytes[11]]) as usize;
    told[second + 13] = 5;
    let fourth = (0..3).fold(0, |at, _| at + u16::from_be_bytes([bytes[at + 10], bytes[at + 11]]) as usize);
    told[fourth + 8] = 21;
    let told = read(&told);
    assert_eq!(told.summary.dropped, Some(5));
    let [drop] = told.summary.drops[..] else { panic!("{:?}", told.summary.drops) };
    assert_eq!((drop.after_frame, drop.before_frame, drop.count), (1, 2, 5));
    assert_eq!(told.summary.links(), [(LinkType::ETHERNET, 11), (LinkType::UNKNOWN, 1)]);
    // Records and interfaces beyond the limits are damage.
    let longest = whole.iter().map(|packet| packet.data.len() as u32).max().expect("packets");
    for (limits, what) in [
        (Limits { max_record: longest - 1, ..SMALL }, "exceeds"),
        (Limits { max_interfaces: 0, ..SMALL }, "interface 0"),
    ] {
        let read = read_from(io::Cursor::new(bytes.clone()), &limits).expect("a capture");
        assert!(read.records.iter().all(|record| (record.data.len() as u32) < longest), "{what}");
        assert!(read.records.len() < 12 && read.summary.interfaces.len() <= limits.max_interfaces, "{what}");
        assert!(read.summary.damage[0].to_string().contains(what), "{:?}", read.summary.damage);
    }
}

#[test]
fn formats_are_named() {
    let packets = packets(4);
    let named: Vec<_> = every_format(&packets)
        .iter()
        .map(|(_, bytes, _)| read(bytes).summary)
        .map(|s| (s.format, s.byte_order))
        .collect();
    let (little, big) = (Some(ByteOrder::Little), Some(ByteOrder::Big));
    let expected = [
        ("pcap", little),
        ("nanosecond pcap", little),
        ("modified pcap", little),
        ("pcapng", little),
        ("pcap", big),
        ("nanosecond pcap", big),
        ("modified pcap", big),
        ("pcapng", big),
        ("snoop", big),
    ];
    assert_eq!(named, expected);
}

#[test]
fn old_pcap_versions_have_their_lengths_the_other_way_round() {
    let packets = packets(9);
    for order in ORDERS {
        for minor in [0, 1, 2, 3, 4] {
            let bytes = write::pcap_of_version(minor, Kind::Micros, order, 1, &packets);
            assert_eq!(read(&bytes).records, expect(&packets, LinkType::ETHERNET), "2.{minor} {order:?}");
        }
        // Version 2.3 was written both ways.
        let mut swapped = write::pcap_of_version(2, Kind::Micros, order, 1, &packets);
        swapped[6..8].copy_from_slice(&order.u16(3));
        assert_eq!(read(&swapped).records, expect(&packets, LinkType::ETHERNET), "2.3 swapped {order:?}");
    }
    let future = write::pcap_of_version(4, Kind::Micros, Order::Little, 1, &packets);
    let mut future = future;
    future[4] = 3;
    assert_eq!(refuse(&future).to_string(), "pcap version 3.4 is not supported");
}

#[test]
fn frame_check_sequence_bits_are_no_part_of_the_link_type() {
    let packets = packets(2);
    let bytes = write::pcap(Kind::Micros, Order::Big, 0x5400_0001, &packets);
    assert_eq!(read(&bytes).records, expect(&packets, LinkType::ETHERNET));
}

#[test]
fn snoop_datalinks() {
    let packets = packets(2);
    let cases = [
        (0, 0, LinkType::ETHERNET),
        (4, 0, LinkType::ETHERNET),
        (8, 0, LinkType::FDDI),
        (14, 0, LinkType::NULL),
        (18, 0, LinkType::SUN_ATM),
        (0x8000_0001, 0, LinkType::RAW),
        (0x8000_0005, 0, LinkType::IPNET),
        (77, 0, LinkType::UNKNOWN),
        (12, 0, LinkType::UNKNOWN),
        // With Shomiti's trailer the numbers mean something else.
        (12, 16, LinkType::ETHERNET),
        (14, 16, LinkType::TOKEN_RING),
    ];
    for (datalink, pad, link) in cases {
        let bytes = write::snoop_with_pad(datalink, &packets, &[], pad);
        let read = read(&bytes);
        assert_eq!(read.records, expect(&packets, link), "{datalink:#x}");
        assert_eq!(read.summary.format, if pad == 0 { "snoop" } else { "Shomiti snoop" });
    }
}

#[test]
fn snoop_drops_are_cumulative() {
    let packets = packets(6);
    // The counter starts at 2, rises twice, and begins anew as where two files were put together.
    let summary = read(&write::snoop(4, &packets, &[2, 2, 5, 5, 1, 1])).summary;
    let drops: Vec<_> = summary.drops.iter().map(|d| (d.after_frame, d.before_frame, d.count)).collect();
    assert_eq!(drops, [(0, 1, 2), (2, 3, 3), (4, 5, 1)]);
    assert_eq!(summary.dropped, Some(6));
    assert_eq!(read(&write::snoop(4, &packets, &[])).summary.dropped, Some(0));
    let pcap = write::pcap(Kind::Micros, Order::Little, 1, &packets);
    assert_eq!(read(&pcap).summary.dropped, None, "pcap does not tell");
}

#[test]
fn pcapng_sections_and_interfaces() {
    let packets = packets(6);
    let bytes = PcapNg::new(Order::Little)
        .interface_with(1, 96, Some(9), 0, "eth0")
        .interface_with(113, 0, Some(0xa0), 0, "any")
        .enhanced(1, &packets[0])
        .enhanced(0, &packets[1])
        .section(Order::Big)
        .interface_with(101, 200, Some(6), 0, "tun0")
        .enhanced(0, &packets[2])
        .block(0x0000_0bad, b"some custom block")
        .obsolete(0, 0xffff, &packets[3])
        .section(Order::Little)
        .interface(276)
        .enhanced(0, &packets[4])
        .simple(&packets[5])
        .bytes();
    let read = read(&bytes);
    let got: Vec<_> = read.records.iter().map(|r| (r.frame, r.link, r.interface)).collect();
    assert_eq!(got, [(1, 113, 1), (2, 1, 0), (3, 101, 2), (4, 101, 2), (5, 276, 3), (6, 276, 3)]);
    for (got, packet) in read.records.iter().zip(&packets[..5]) {
        assert_eq!((got.at, got.wire_len, &got.data), (packet.at, packet.wire_len, &packet.data));
    }
    assert_eq!(read.records[5].at, packets[4].at, "a simple packet has the time of the one before it");
    assert_eq!(read.records[5].data, packets[5].data);
    let interfaces: Vec<_> =
        read.summary.interfaces.iter().map(|i| (i.name.as_deref(), i.link.0, i.snaplen, i.frames)).collect();
    let expected = [
        (Some("eth0"), 1, Some(96), 1),
        (Some("any"), 113, None, 1),
        (Some("tun0"), 101, Some(200), 2),
        (None, 276, None, 2),
    ];
    assert_eq!(interfaces, expected);
    assert_eq!(read.summary.snaplen, Some(200));
    assert_eq!(read.summary.damage_count, 0);
}

#[test]
fn pcapng_time_offsets_in_both_orders() {
    let packet = &packets(1)[0];
    for order in ORDERS {
        for offset in [3_600, -3_600] {
            let bytes =
                PcapNg::new(order).interface_with(1, 0, Some(9), offset, "").enhanced(0, packet).bytes();
            let read = read(&bytes);
            assert_eq!(read.records[0].at, packet.at + offset * 1_000_000_000, "{order:?}");
            assert_eq!(read.summary.interfaces[0].offset_s, offset, "{order:?}");
        }
    }
}

#[test]
fn pcapng_simple_packets_are_cut_by_the_snap_length() {
    let mut packet = Packet::new(0, &[7; 60]);
    packet.wire_len = 1_500;
    let bytes = PcapNg::new(Order::Big).interface_with(1, 60, None, 0, "").simple(&packet).bytes();
    let record = &read(&bytes).records[0];
    assert_eq!((record.wire_len, &record.data), (1_500, &packet.data));
}

#[test]
fn pcapng_drops_are_told_once() {
    let packets = packets(4);
    for order in ORDERS {
        let summary = read(
            &PcapNg::new(order)
                .interface(1)
                .enhanced_with(0, &packets[0], Some(3))
                .enhanced(0, &packets[1])
                .statistics(0, 5, Some(2))
                .obsolete(0, 4, &packets[2])
                .statistics(0, 11, None)
                .enhanced(0, &packets[3])
                .statistics(0, 20, None)
                .bytes(),
        )
        .summary;
        let drops: Vec<_> = summary.drops.iter().map(|d| (d.after_frame, d.before_frame, d.count)).collect();
        assert_eq!(drops, [(0, 1, 3), (0, 3, 4), (2, 3, 4), (3, 5, 9)], "{order:?}");
        assert_eq!(summary.dropped, Some(20), "{order:?}");
    }
}

#[test]
fn pcapng_names_are_kept_up_to_a_limit() {
    let v6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    for order in ORDERS {
        let bytes = PcapNg::new(order)
            .names(&[(&[192, 0, 2, 1], "web.example"), (&v6, "db.example")])
            .interface(1)
            .bytes();
        let names = read(&bytes).summary.names;
        let expected = [("192.0.2.1", "web.example"), ("2001:db8::1", "db.example")]
            .map(|(address, name)| (address.parse().expect("address"), name.to_owned()));
        assert_eq!(names, expected);
        let limited = read_from(io::Cursor::new(bytes), &Limits { max_names: 1, ..Limits::default() });
        assert_eq!(limited.expect("a capture").summary.names, expected[..1]);
    }
}

#[test]
fn steps_back_in_time_are_measured() {
    let mut packets = packets(5);
    packets[3].at -= 2_000_000_000;
    let summary = read(&write::pcap(Kind::Nanos, Order::Little, 1, &packets)).summary;
    assert_eq!(summary.step_back.0, 2_000_000_000 - 1_001_000);
    assert_eq!(
        summary.times.map(|(earliest, latest)| (earliest.0, latest.0)),
        Some((packets[3].at, packets[4].at))
    );
}

#[test]
fn every_prefix_gives_the_records_before_the_cut() {
    let packets = packets(5);
    for (name, bytes, header) in every_format(&packets) {
        let ends = boundaries(&bytes, header);
        assert_eq!(ends.len(), packets.len() + 1, "{name}");
        for cut in 0..bytes.len() {
            let Ok(read) = read_from(io::Cursor::new(bytes[..cut].to_vec()), &SMALL) else {
                assert!(cut < ends[1] + header, "{name} cut at {cut} is refused");
                continue;
            };
            let whole = ends[1..].iter().filter(|&&end| end <= cut).count();
            assert_eq!(read.records, expect(&packets[..whole], LinkType::ETHERNET), "{name} cut at {cut}");
            assert_eq!(read.summary.damage_count, 0, "{name} cut at {cut}");
            let on_boundary = ends.contains(&cut);
            // pcapng has an interface block between its header and the first packet.
            if whole > 0 {
                assert_eq!(read.summary.tail.is_some(), !on_boundary, "{name} cut at {cut}");
            }
        }
    }
}

#[test]
fn every_damaged_byte_leaves_a_reader_that_ends() {
    let packets = packets(12);
    for (name, bytes, _) in every_format(&packets) {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                let Ok(read) = read_from(io::Cursor::new(damaged), &SMALL) else { continue };
                assert!(read.error.is_none(), "{name} byte {at}");
                let frames: Vec<u64> = read.records.iter().map(|record| record.frame).collect();
                let expected: Vec<u64> = (1..=frames.len() as u64).collect();
                assert_eq!(frames, expected, "{name} byte {at}");
                assert!(frames.len() <= packets.len() + 1, "{name} byte {at}: {} frames", frames.len());
                assert_eq!(
                    read.summary.capture_bytes,
                    bytes.len() as u64 - read.summary.tail.map_or(0, |cut| cut.have)
                );
            }
        }
    }
}

#[test]
fn a_record_of_impossible_length_is_a_hole_of_one_record() {
    let packets = packets(12);
    for (name, bytes, header) in every_format(&packets) {
        let ends = boundaries(&bytes, header);
        // The captured length of the fifth record, wherever its format keeps it.
        let length_at = ends[4] + if name.ends_with(" pcap") { 8 } else { 4 };
        let mut damaged = bytes.clone();
        damaged[length_at..length_at + 4].fill(0x7f);
        let read = read(&damaged);
        let data: Vec<_> = read.records.iter().map(|record| &record.data).collect();
        let expected: Vec<_> = packets[..4].iter().chain(&packets[5..]).map(|packet| &packet.data).collect();
        assert_eq!(data, expected, "{name}");
        let [hole] = &read.summary.damage[..] else { panic!("{name}: {:?}", read.summary.damage) };
        assert_eq!((hole.frame, hole.at_byte, hole.resumed), (5, ends[4] as u64, true), "{name}");
        assert_eq!(hole.skipped, (ends[5] - ends[4]) as u64, "{name}");
    }
}

#[test]
fn garbage_and_zeros_behind_a_capture_end_it() {
    let packets = packets(5);
    for filler in [vec![0xff; 100], vec![0; 5_000], b"GET / HTTP/1.1\r\n".repeat(40)] {
        for (name, mut bytes, _) in every_format(&packets) {
            let sound = bytes.len();
            bytes.extend(&filler);
            let read = read(&bytes);
            assert_eq!(read.records, expect(&packets, LinkType::ETHERNET), "{name} {:x}", filler[0]);
            let [hole] = &read.summary.damage[..] else { continue };
            assert_eq!((hole.frame, hole.at_byte, hole.resumed), (6, sound as u64, false), "{name}");
            assert_eq!(hole.skipped, filler.len() as u64, "{name}");
        }
    }
}

#[test]
fn garbage_in_the_middle_is_passed() {
    let packets = packets(12);
    for order in ORDERS {
        for (name, bytes, header) in every_format(&packets) {
            let ends = boundaries(&bytes, header);
            let mut damaged = bytes[..ends[6]].to_vec();
            damaged.extend([0xff; 3_001]);
            damaged.extend(&bytes[ends[6]..]);
            let read = read(&damaged);
            let data: Vec<_> = read.records.iter().map(|record| &record.data).collect();
            assert_eq!(
                data,
                packets.iter().map(|packet| &packet.data).collect::<Vec<_>>(),
                "{name} {order:?}"
            );
            assert_eq!(read.summary.damaged_bytes, 3_001, "{name}");
        }
    }
}

#[test]
fn a_capture_inside_a_packet_of_another_time_is_no_place_to_go_on() {
    let mut packets = packets(4);
    let old: Vec<Packet> =
        packets.iter().map(|p| Packet { at: p.at - 90_000_000_000_000_000, ..p.clone() }).collect();
    let inner = write::pcap(Kind::Micros, Order::Little, 1, &[old.clone(), old].concat());
    packets.insert(2, Packet::new(packets[2].at, &inner));
    let mut bytes = write::pcap(Kind::Micros, Order::Little, 1, &packets);
    let ends = boundaries(&bytes, 24);
    bytes[ends[2] + 8..ends[2] + 12].fill(0x7f);
    let read = read(&bytes);
    let data: Vec<_> = read.records.iter().map(|record| &record.data).collect();
    assert_eq!(data, [&packets[0].data, &packets[1].data, &packets[3].data, &packets[4].data]);
}

#[test]
fn pcapng_interfaces_behind_a_hole_are_not_guessed() {
    let packets = packets(8);
    let file = PcapNg::new(Order::Little).interface(1).enhanced(0, &packets[0]);
    let hole = file.position();
    let file = packets[1..3]
        .iter()
        .fold(file.block(6, &[0; 40]).interface(101), |file, packet| file.enhanced(0, packet))
        .section(Order::Little)
        .interface(101);
    let mut bytes = packets[3..].iter().fold(file, |file, packet| file.enhanced(0, packet)).bytes();
    // The hole may have hidden a section header, so the interface described behind it may be number 0 or 1.
    bytes[hole + 4..hole + 8].fill(0xff);
    let read = read(&bytes);
    let links: Vec<_> = read.records.iter().map(|record| (record.link, record.data.clone())).collect();
    let mut expected = vec![(1, packets[0].data.clone())];
    expected.extend(packets[3..].iter().map(|packet| (101, packet.data.clone())));
    assert_eq!(links, expected);
    assert!(read.summary.damage.iter().any(|hole| hole.what == DamageKind::UnknownInterface(0)));
}

fn compress(kind: Compression, bytes: &[u8]) -> Vec<u8> {
    match kind {
        Compression::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(bytes).expect("memory");
            writer.finish().expect("memory")
        }
        Compression::Zstd => zstd::stream::encode_all(bytes, 1).expect("memory"),
        Compression::Lz4 => {
            // Blocks as the lz4 tool's smallest, so that a cut stream still has whole ones.
            let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
            let mut writer = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            writer.write_all(bytes).expect("memory");
            writer.finish().expect("memory")
        }
        Compression::Xz => {
            let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 1);
            writer.write_all(bytes).expect("memory");
            writer.finish().expect("memory")
        }
        Compression::Bzip2 => {
            let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            writer.write_all(bytes).expect("memory");
            writer.finish().expect("memory")
        }
    }
}

const COMPRESSIONS: [Compression; 5] =
    [Compression::Gzip, Compression::Zstd, Compression::Lz4, Compression::Xz, Compression::Bzip2];

#[test]
fn compressed_captures_are_recognised_by_content() {
    let packets = packets(300);
    for kind in COMPRESSIONS {
        for (name, bytes, _) in every_format(&packets) {
            let read = read(&compress(kind, &bytes));
            assert_eq!(read.records, expect(&packets, LinkType::ETHERNET), "{name} in {kind}");
            assert_eq!(read.summary.compression, [kind], "{name}");
            assert_eq!((read.summary.tail, read.summary.damage_count), (None, 0), "{name} in {kind}");
        }
    }
    let nested = compress(Compression::Gzip, &compress(Compression::Zstd, &pcapng(Order::Little, &packets)));
    let read = read(&nested);
    assert_eq!(read.summary.compression, [Compression::Gzip, Compression::Zstd]);
    assert_eq!(read.records, expect(&packets, LinkType::ETHERNET));
}

#[test]
fn several_gzip_members_are_one_capture() {
    let packets = packets(30);
    let bytes = write::snoop(4, &packets, &[]);
    let (first, second) = bytes.split_at(333);
    let both = [compress(Compression::Gzip, first), compress(Compression::Gzip, second)].concat();
    assert_eq!(read(&both).records, expect(&packets, LinkType::ETHERNET));
}

#[test]
fn a_cut_compressed_stream_gives_what_came_before() {
    // Octets that do not compress, so that a cut in the middle is one in the middle of the records.
    let mut state = 1u32;
    let packets: Vec<Packet> = packets(4_000)
        .into_iter()
        .map(|mut packet| {
            for byte in &mut packet.data {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            packet
        })
        .collect();
    let bytes = write::pcap(Kind::Micros, Order::Little, 1, &packets);
    for kind in COMPRESSIONS {
        let whole = compress(kind, &bytes);
        let read = read_from(io::Cursor::new(whole[..whole.len() * 3 / 4].to_vec()), &Limits::default());
        let read = read.expect("a capture");
        assert!(read.error.is_none(), "{kind}");
        assert_eq!(read.records, expect(&packets[..read.records.len()], LinkType::ETHERNET), "{kind}");
        // bzip2 blocks are 100 kB at least; all others give more.
        assert!(read.records.len() > 1_000, "{kind} gave {} records", read.records.len());
        let tail = read.summary.tail.expect("a note");
        assert_eq!(tail.stream, Some(kind));
        assert_eq!(tail.frame, read.records.len() as u64 + 1);
    }
}

#[test]
fn every_prefix_of_a_compressed_capture_ends() {
    let packets = packets(20);
    for kind in COMPRESSIONS {
        let whole = compress(kind, &write::pcap(Kind::Micros, Order::Little, 1, &packets));
        for cut in 0..whole.len() {
            match read_from(io::Cursor::new(whole[..cut].to_vec()), &SMALL) {
                Ok(read) => {
                    let expected = expect(&packets[..read.records.len()], LinkType::ETHERNET);
                    assert_eq!(read.records, expected, "{kind} cut at {cut}");
                    let noted = read.summary.tail.is_some() || read.summary.damage_count > 0;
                    assert!(noted || read.records.len() == packets.len(), "{kind} cut at {cut}");
                }
                Err(error) => {
                    assert!(!error.is_temporary(), "{kind} cut at {cut}: {error}");
                }
            }
        }
    }
}

#[test]
fn decompression_bombs_are_stopped() {
    let mut bytes = write::pcap(Kind::Micros, Order::Little, 1, &packets(3));
    bytes.resize(80 << 20, 0);
    for kind in [Compression::Zstd, Compression::Bzip2] {
        let bomb = compress(kind, &bytes);
        let limits = Limits { max_ratio: Some(1_000), ..Limits::default() };
        let read = read_from(io::Cursor::new(bomb.clone()), &limits).expect("a capture");
        assert_eq!(read.records.len(), 3, "{kind}");
        let error = read.error.expect("an error");
        assert!(matches!(error, CaptureError::TooDense { limit: 1_000, .. }), "{kind}: {error}");
        let limits = Limits { max_decompressed: Some(1 << 20), ..Limits::default() };
        let error = match read_from(io::Cursor::new(bomb), &limits) {
            Ok(read) => read.error.expect("an error"),
            Err(error) => error,
        };
        assert!(matches!(error, CaptureError::TooLarge { limit: 0x10_0000, .. }), "{kind}: {error}");
        assert!(!error.is_temporary());
    }
}

#[test]
fn what_is_no_capture_says_what_it_looks_like() {
    let cases: [(&[u8], &str); 10] = [
        (b"", "empty file"),
        (b"hello, world\n", "not a capture: it is text"),
        (b"\n\n  <!DOCTYPE html><title>Log in</title>", "not a capture: it is a web page"),
        (b"<?xml version=\"1.0\"?><pdml>", "not a capture: it is XML"),
        (b"{\"frames\": []}", "not a capture: it is JSON"),
        (b"PK\x03\x04\x14\0", "not a capture: it is a zip archive; unpack it first"),
        (b"\x7fELF\x02\x01", "not a capture: it is a program"),
        (b"GMBU\0\x02", "not a capture: it is a Network Monitor file; convert it with editcap"),
        (&[0; 512], "not a capture: it is all zeros"),
        (&[0xfe; 512], "not a capture: its first bytes are of no known format"),
    ];
    for (bytes, message) in cases {
        assert_eq!(refuse(bytes).to_string(), message);
    }
    let packed = refuse(&compress(Compression::Gzip, b"a log file\n"));
    let CaptureError::NotACapture { looks, compression } = &packed else { panic!("{packed}") };
    assert_eq!((looks, &compression[..]), (&Looks::Text, &[Compression::Gzip][..]));
    let header = write::pcap(Kind::Micros, Order::Little, 1, &[]);
    assert_eq!(refuse(&header[..20]).to_string(), "pcap file ends inside its header, 20 of 24 bytes");
    assert_eq!(refuse(b"snoop\0\0\0\0\0\0\x09\0\0\0\x04").to_string(), "snoop version 9 is not supported");
}

#[test]
fn records_arrive_before_a_pipe_is_closed() {
    let packets = packets(3);
    for (name, bytes, header) in every_format(&packets) {
        let ends = boundaries(&bytes, header);
        let (mut writer, pipe) = pipe();
        writer.send(bytes[..ends[1]].to_vec()).expect("a reader");
        let mut reader = Reader::from_read(Box::new(pipe), &Limits::default()).expect("a capture");
        let mut seen = 0;
        // Would wait for ever if the reader wanted more than one record before it lends it.
        assert!(reader.next_batch(&mut |_| seen += 1).expect("records"), "{name}");
        assert_eq!(seen, 1, "{name}");
        writer.send(bytes[ends[1]..].to_vec()).expect("a reader");
        writer.close();
        while reader.next_batch(&mut |_| seen += 1).expect("records") {}
        assert_eq!(seen, 3, "{name}");
    }
}

/// A pipe in memory that blocks while it is empty and open.
struct Pipe {
    pieces: std::sync::mpsc::Receiver<Vec<u8>>,
    rest: io::Cursor<Vec<u8>>,
}

struct PipeWriter(Option<std::sync::mpsc::Sender<Vec<u8>>>);

impl PipeWriter {
    fn send(&mut self, bytes: Vec<u8>) -> Option<()> {
        self.0.as_ref()?.send(bytes).ok()
    }

    fn close(&mut self) {
        self.0 = None;
    }
}

fn pipe() -> (PipeWriter, Pipe) {
    let (sender, pieces) = std::sync::mpsc::channel();
    (PipeWriter(Some(sender)), Pipe { pieces, rest: io::Cursor::default() })
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.rest.read(buffer)? {
                0 => match self.pieces.recv() {
                    Ok(piece) => self.rest = io::Cursor::new(piece),
                    Err(_) => return Ok(0),
                },
                n => return Ok(n),
            }
        }
    }
}

#[test]
fn a_file_that_grows_is_read_on() {
    let packets = packets(4);
    let bytes = write::pcap(Kind::Micros, Order::Little, 1, &packets);
    let path = tempfile::NamedTempFile::new().expect("a temporary file");
    let (mut begin, rest) = (path.reopen().expect("the file"), bytes.len() - 70);
    begin.write_all(&bytes[..rest]).expect("the file");
    let mut reader = Reader::open(path.path(), &Limits::default()).expect("a capture");
    assert_eq!(reader.position().1, Some(rest as u64));
    let mut seen = 0;
    while reader.next_batch(&mut |_| seen += 1).expect("records") {}
    assert_eq!(seen, 3 - u64::from(packets[3].data.len() + 16 < 70));
    assert!(reader.summary().tail.is_some());
    begin.write_all(&bytes[rest..]).expect("the file");
    while reader.next_batch(&mut |_| seen += 1).expect("records") {}
    assert_eq!((seen, reader.summary().tail), (4, None));
    assert_eq!(reader.position().0, bytes.len() as u64);
}

/// Fails once in the middle, as a network file system does.
struct Flaky {
    bytes: io::Cursor<Vec<u8>>,
    fail_at: u64,
    error: Option<io::Error>,
}

impl Read for Flaky {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.position() >= self.fail_at
            && let Some(error) = self.error.take()
        {
            return Err(error);
        }
        let room = buffer.len().min(100);
        self.bytes.read(&mut buffer[..room])
    }
}

#[test]
fn a_passing_failure_can_be_told_and_outlived() {
    let packets = packets(12);
    let sound = write::pcap(Kind::Micros, Order::Little, 1, &packets);
    // Once while records are read, once while a place behind damage is searched for.
    let mut damaged = sound.clone();
    damaged[24 + 8..24 + 12].fill(0x7f);
    for (bytes, frames) in [(sound, 12), (damaged, 11)] {
        let error = Some(io::Error::from(io::ErrorKind::TimedOut));
        let flaky = Flaky { bytes: io::Cursor::new(bytes), fail_at: 300, error };
        let mut reader = Reader::from_read(Box::new(flaky), &Limits::default()).expect("a capture");
        let (mut seen, mut failures) = (0, 0);
        loop {
            match reader.next_batch(&mut |_| seen += 1) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    assert!(error.is_temporary(), "{error}");
                    assert_eq!(error.place().map(|(frame, _)| frame), Some(seen + 1));
                    failures += 1;
                }
            }
        }
        assert_eq!((seen, failures), (frames, 1));
    }
    let lost = CaptureError::Open(io::Error::from(io::ErrorKind::NotFound));
    assert!(!lost.is_temporary());
    #[cfg(unix)]
    assert!(CaptureError::Open(io::Error::from_raw_os_error(5)).is_temporary(), "EIO");
}

#[test]
fn a_failure_below_a_decompressor_is_no_damage() {
    let bytes = compress(Compression::Gzip, &write::pcap(Kind::Micros, Order::Little, 1, &packets(2_000)));
    let flaky =
        Flaky { fail_at: 5_000, error: Some(io::Error::from_raw_os_error(5)), bytes: io::Cursor::new(bytes) };
    let failure = match read_from(flaky, &Limits::default()) {
        Ok(read) => {
            assert_eq!(read.summary.damage_count, 0);
            read.error.expect("an error")
        }
        Err(error) => error,
    };
    assert!(matches!(failure, CaptureError::Read { .. }), "{failure}");
}

#[test]
fn limits_hold() {
    let packets = packets(8);
    let file = (0..5).fold(PcapNg::new(Order::Little), |file, _| file.interface(1));
    let bytes = (0..5).fold(file, |file, n| file.enhanced(n, &packets[n as usize])).bytes();
    let limits = Limits { max_interfaces: 3, max_listed: 1, ..Limits::default() };
    let summary = read_from(io::Cursor::new(bytes), &limits).expect("a capture").summary;
    assert_eq!((summary.frames, summary.interfaces.len()), (3, 3));
    assert_eq!(summary.damage.len(), 1);
    assert!(summary.damage_count >= 1 && summary.damaged_bytes > 0);

    let long = Packet::new(packets[0].at, &[1; 3_000]);
    for (name, bytes, _) in every_format(&[&packets[..6], &[long], &packets[6..]].concat()) {
        let limits = Limits { max_record: 2_000, ..Limits::default() };
        let read = read_from(io::Cursor::new(bytes), &limits).expect("a capture");
        assert!(read.records.iter().all(|record| record.data.len() <= 2_000), "{name}");
        assert_eq!(read.records[..6], expect(&packets[..6], LinkType::ETHERNET), "{name}");
        assert!(read.summary.damage_count > 0, "{name}");
    }
}

/// One capture in many formats, and damaged files: `file-formats` of the test data.
#[test]
fn real_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures/file-formats");
    let mut listing = String::new();
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("test data")
        .map(|entry| entry.expect("test data").file_name().into_string().expect("a plain name"))
        .collect();
    names.sort();
    for name in names {
        let line = match Reader::open(&folder.join(&name), &Limits::default()) {
            Err(error) => format!("{name}: {error}"),
            Ok(mut reader) => {
                while reader.next_batch(&mut |_| {}).expect("records") {}
                let summary = reader.summary();
                let packed: Vec<_> = summary.compression.iter().map(|kind| format!(" in {kind}")).collect();
                let damage: Vec<_> = summary
                    .damage
                    .iter()
                    .map(|hole| {
                        format!("; {hole}, {} bytes skipped, resumed: {}", hole.skipped, hole.resumed)
                    })
                    .collect();
                let tail = summary.tail.map_or(String::new(), |cut| format!("; {cut}"));
                let (frames, format) = (summary.frames, summary.format);
                format!("{name}: {frames} frames, {format}{}{}{tail}", packed.concat(), damage.concat())
            }
        };
        listing += &line;
        listing.push('\n');
    }
    insta::assert_snapshot!(listing);
}
