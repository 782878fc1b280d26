//! Any octets as a packet that goes into an extract: cut, or with other names, it is the same segment still.
//!
//! Input: link type as an index into the registry, octets of payload to keep, the packet.
#![cfg_attr(fuzzing, no_main)]

use cwait_pcap::anonymise::{Anonymous, Names, cut_after_tcp_header};
use cwait_pcap::capture::{LinkType, Record};
use cwait_pcap::decode::{Decoded, Decoder, LINKS, Options};
use cwait_pcap::wire::{FlowKey, Segment, Timestamp};

#[cfg(fuzzing)]
mod bytes;

fn decoded(link: LinkType, data: &[u8], wire_len: u32) -> Option<(FlowKey, Segment)> {
    let record = Record { frame: 1, at: Timestamp(1), link, interface: 0, wire_len, data };
    match Decoder::new(Options::default()).decode(&record) {
        Decoded::Segment(key, segment) => Some((key, segment)),
        _ => None,
    }
}

/// What a rule can see of a segment.
fn facts(s: &Segment) -> impl PartialEq + std::fmt::Debug {
    (s.seq, s.ack, s.len, s.flags, s.window, s.hop_limit, (s.has_timestamps, s.timestamps), s.window_scale)
}

pub fn run(data: &[u8]) {
    let mut bytes = crate::bytes::Bytes(data);
    let link = LINKS.get(bytes.number(1) as usize).map_or(LinkType(1), |(link, _)| *link);
    let payload = bytes.number(1) as usize;
    if bytes.is_empty() {
        return;
    }
    let wire_len = bytes.0.len() as u32;
    let Some((key, segment)) = decoded(link, bytes.0, wire_len) else { return };
    let record = Record { frame: 1, at: Timestamp(1), link, interface: 0, wire_len, data: bytes.0 };
    if let Some(upto) = cut_after_tcp_header(&record, payload) {
        assert!(upto <= bytes.0.len());
    }
    let names = Names::new(b"a key");
    for (packet, renamed) in
        [(Anonymous::rebuilt(&key, &segment), false), (Anonymous::of(&record, &key, &segment, &names), true)]
    {
        let Some((new_key, new)) = decoded(packet.link, &packet.data, packet.wire_len) else {
            panic!("{:?} is no segment any more", packet.data);
        };
        assert_eq!(facts(&new), facts(&segment));
        let ends = [key.endpoint(segment.side), key.endpoint(segment.side.peer())];
        let expected = ends.map(|end| if renamed { names.endpoint(end) } else { end });
        assert_eq!([new_key.endpoint(new.side), new_key.endpoint(new.side.peer())], expected);
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
