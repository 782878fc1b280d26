//! A segment as the bytes of an Ethernet frame, headers only: what a capture with a short snap length holds.

use std::net::IpAddr;

use cwait_pcap::wire::{FlowKey, Segment};

/// The bytes captured, and how many there were on the wire.
pub fn ethernet(key: &FlowKey, segment: &Segment) -> (Vec<u8>, u32) {
    let options = options(segment);
    let (source, destination) = (key.endpoint(segment.side), key.endpoint(segment.side.peer()));
    let total = 40 + options.len() as u32 + segment.len;
    let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00];
    frame.extend([0x45, 0]);
    frame.extend((total as u16).to_be_bytes());
    frame.extend(segment.ip_id.to_be_bytes());
    frame.extend([0x40, 0, segment.hop_limit, 6, 0, 0]);
    for end in [source, destination] {
        let IpAddr::V4(address) = end.addr() else { panic!("conversations are written in IPv4") };
        frame.extend(address.octets());
    }
    frame.extend(source.port().to_be_bytes());
    frame.extend(destination.port().to_be_bytes());
    frame.extend(segment.seq.0.to_be_bytes());
    frame.extend(segment.ack.0.to_be_bytes());
    frame.extend([((5 + options.len() / 4) as u8) << 4, segment.flags.0]);
    frame.extend(segment.window.to_be_bytes());
    frame.extend(segment.checksum.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(options);
    (frame, 14 + total)
}

/// Window scale and timestamps, padded to whole words with no-operations.
fn options(segment: &Segment) -> Vec<u8> {
    let mut options = Vec::new();
    if segment.window_scale != Segment::NO_SCALE {
        options.extend([1, 3, 3, segment.window_scale]);
    }
    if segment.has_timestamps {
        options.extend([1, 1, 8, 10]);
        options.extend(segment.timestamps.val.to_be_bytes());
        options.extend(segment.timestamps.ecr.to_be_bytes());
    }
    options
}
