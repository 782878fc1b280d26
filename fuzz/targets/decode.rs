//! Any octets as packets of any link type: each becomes one thing, and the same thing every time.
//!
//! Input: a byte of options, then packets: link type (an index into the registry, 255 for one that nobody knows), length
//! in two octets, octets.
#![cfg_attr(fuzzing, no_main)]

use cwait_pcap::capture::{LinkType, Record};
use cwait_pcap::decode::{
    Decoded, Decoder, LINKS, Options, Seams, Tunnel, Zone, maximum_segment_size, ports, tcp_header,
};
use cwait_pcap::wire::Timestamp;

#[cfg(fuzzing)]
mod bytes;

pub fn run(data: &[u8]) {
    let mut bytes = crate::bytes::Bytes(data);
    let how = bytes.number(1);
    let options = Options {
        tunnel: if how & 1 == 0 { Tunnel::Inner } else { Tunnel::Outer },
        zone: [Zone::None, Zone::Vlan, Zone::Interface, Zone::None][how as usize >> 1 & 3],
    };
    let (mut decoder, mut again) = (Decoder::new(options), Decoder::new(options));
    // As if the capture had been cut at every fourth frame: what is fragmented across the seams is put together there.
    let (mut seams, mut part) = (Seams::new(options), Decoder::new(options));
    let mut lone = Decoder::without_fragments(options);
    let mut frame = 0;
    while !bytes.is_empty() {
        frame += 1;
        let link = LINKS.get(bytes.number(1) as usize).map_or(LinkType(60_000), |(link, _)| *link);
        let len = bytes.number(2) as usize;
        let data = bytes.take(len);
        let record = Record {
            frame,
            at: Timestamp(frame as i64 * 1_000_000),
            link,
            interface: frame as u32 & 1,
            wire_len: len as u32,
            data,
        };
        let decoded = decoder.decode(&record);
        assert_eq!(decoded, again.decode(&record));
        // On the other roads it is the same, or none of theirs.
        let alone = lone.decode_alone(&record);
        assert!(alone.is_none_or(|alone| alone == decoded), "decoded alone");
        if let (Some([from, to]), Decoded::Segment(key, segment)) = (ports(&record), decoded)
            && options.tunnel == Tunnel::Outer
        {
            let ends = [key.endpoint(segment.side).port(), key.endpoint(segment.side.peer()).port()];
            assert_eq!([from, to], ends, "ports");
        }
        part.decode(&record);
        if frame % 4 == 0 {
            let mut counts = part.fragments();
            for whole in seams.add(&part.unfinished(), 0, &mut counts) {
                assert!(!matches!(whole, Decoded::Segment(key, _) if key.lo > key.hi));
            }
            part = Decoder::new(options);
        }
        if let Decoded::Skip(skip) = decoded {
            assert!(!skip.name().is_empty());
        }
        if let Decoded::Segment(key, segment) = decoded {
            if let Some(header) = tcp_header(&record).map(|header| &data[header]) {
                assert!((18..=60).contains(&header.len()));
                assert_eq!(header[4..8], segment.seq.0.to_be_bytes(), "the header of this segment");
                maximum_segment_size(header);
            }
            assert_eq!((segment.seen.frame, segment.seen.at), (frame, record.at));
            assert!(key.lo <= key.hi);
            assert!(segment.len <= 1 << 20, "{} octets of payload", segment.len);
        }
    }
    assert_eq!(decoder.fragments(), again.fragments());
    assert_eq!(decoder.fragments() + again.fragments(), again.fragments() + decoder.fragments());
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
