//! Packets: where the TCP header of a frame lies, and the same segment in a packet with other addresses.
//!
//! An anonymous packet is built anew from what was followed, not patched: what nobody looked at (tunnels around it,
//! options of IP, unknown options of TCP, payload) is not carried over and cannot tell anything.

use std::net::IpAddr;

use super::Names;
use crate::capture::{LinkType, Record};
use crate::decode::tcp_header;
use crate::wire::{Endpoint, FlowKey, Multipath, Segment};

/// Octets of a TCP header without options.
const SHORTEST: usize = 20;

/// A packet with other addresses.
pub struct Anonymous {
    /// How it begins.
    pub link: LinkType,
    /// Up to the end of the TCP header.
    pub data: Vec<u8>,
    /// Its length on the wire, payload included.
    pub wire_len: u32,
}

/// Octets of the record up to the end of the TCP header and so many of the payload; none for a fragment, since
/// its segment lies in several records.
pub fn cut_after_tcp_header(record: &Record<'_>, payload: usize) -> Option<usize> {
    let header = tcp_header(record)?;
    Some(header.end.saturating_add(payload).min(record.data.len()))
}

impl Anonymous {
    /// The segment in a packet of its own, with its own addresses.
    pub fn rebuilt(key: &FlowKey, s: &Segment) -> Anonymous {
        let [from, to] = ends(key, s);
        let tcp = written(key, s);
        let (data, wire_len) = packet(from.addr(), to.addr(), s, &tcp, usize::from(tcp[12] >> 4) * 4);
        Anonymous { link: LinkType::RAW, data, wire_len }
    }

    /// The segment in a packet of its own, with the addresses that `names` gives. The checksum of TCP is repaired: it is
    /// as right or wrong as it was.
    pub fn of(record: &Record<'_>, key: &FlowKey, s: &Segment, names: &Names) -> Anonymous {
        let [from, to] = ends(key, s).map(|end| end.addr());
        let old_tcp = match tcp_header(record) {
            Some(header) => record.data[header].to_vec(),
            None => written(key, s),
        };
        let mut tcp = old_tcp.clone();
        forget_unknown_options(&mut tcp);
        let [new_from, new_to] = [from, to].map(|address| names.address(address));
        let before = [octets(from), octets(to), old_tcp.clone()].concat();
        let after = [octets(new_from), octets(new_to), tcp.clone()].concat();
        if let Some(field) = tcp.get_mut(16..18) {
            field.copy_from_slice(&repaired(s.checksum, &before, &after).to_be_bytes());
        }
        let header_len = old_tcp.get(12).map_or(SHORTEST, |offset| usize::from(offset >> 4) * 4);
        let (packet, packet_len) = packet(new_from, new_to, s, &tcp, header_len);
        let frame =
            if record.link == LinkType::ETHERNET { ethernet(record.data, &packet, names) } else { None };
        match frame {
            Some(mut data) => {
                let wire_len = packet_len + data.len() as u32;
                data.extend(packet);
                Anonymous { link: LinkType::ETHERNET, data, wire_len }
            }
            None => Anonymous { link: LinkType::RAW, data: packet, wire_len: packet_len },
        }
    }
}

fn ends(key: &FlowKey, s: &Segment) -> [Endpoint; 2] {
    [key.endpoint(s.side), key.endpoint(s.side.peer())]
}

/// The header without options, as far as it is known.
fn head(key: &FlowKey, s: &Segment) -> [u8; SHORTEST] {
    let [from, to] = ends(key, s);
    let mut head = [0; SHORTEST];
    head[0..2].copy_from_slice(&from.port().to_be_bytes());
    head[2..4].copy_from_slice(&to.port().to_be_bytes());
    head[4..8].copy_from_slice(&s.seq.0.to_be_bytes());
    head[8..12].copy_from_slice(&s.ack.0.to_be_bytes());
    head[12] = (SHORTEST as u8 / 4) << 4;
    head[13] = s.flags.0;
    head[14..16].copy_from_slice(&s.window.to_be_bytes());
    head[16..18].copy_from_slice(&s.checksum.to_be_bytes());
    head
}

/// The header with the options that are known.
fn written(key: &FlowKey, s: &Segment) -> Vec<u8> {
    let mut tcp = head(key, s).to_vec();
    if s.has_timestamps {
        tcp.extend([1, 1, 8, 10]);
        tcp.extend(s.timestamps.val.to_be_bytes());
        tcp.extend(s.timestamps.ecr.to_be_bytes());
    }
    if s.window_scale != Segment::NO_SCALE {
        tcp.extend([1, 3, 3, s.window_scale]);
    }
    tcp[12] = (tcp.len() as u8 / 4) << 4;
    tcp
}

/// Options may hold addresses (MPTCP's ADD_ADDR), keys or anything else: only those that are known to hold none stay.
fn forget_unknown_options(tcp: &mut [u8]) {
    const NO_OPERATION: u8 = 1;
    let len = tcp.len();
    let mut at = SHORTEST;
    while at < len {
        let kind = tcp[at];
        let size = match kind {
            0 => {
                tcp[at..].fill(0);
                return;
            }
            NO_OPERATION => 1,
            _ => usize::from(tcp.get(at + 1).copied().unwrap_or(0)).max(2),
        };
        let end = (at + size).min(len);
        // Maximum segment size, window scale, SACK permitted, SACK, timestamps.
        let plain = matches!((kind, size), (NO_OPERATION, _) | (2, 4) | (3, 3) | (4, 2) | (5, _) | (8, 10));
        // Of Multipath TCP, what holds numbers: without them a leak would be none.
        let known =
            plain || kind == Multipath::KIND && Multipath::read(&tcp[at..end]).0 != Multipath::Nothing;
        if !known || at + size > len {
            tcp[at..end].fill(NO_OPERATION);
        }
        at = end;
    }
}

/// The checksum after `before` became `after` (RFC 1624, equation 3); both are whole words.
pub(super) fn repaired(checksum: u16, before: &[u8], after: &[u8]) -> u16 {
    let words = |octets: &[u8]| -> u64 {
        octets.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0))).sum()
    };
    let inverse: u64 = before
        .chunks(2)
        .map(|word| 0xffff - (u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0))))
        .sum();
    folded(u64::from(!checksum) + inverse + words(after))
}

/// The complement of the sum in ones' complement.
fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An IP packet around a TCP header, and its length on the wire.
fn packet(from: IpAddr, to: IpAddr, s: &Segment, tcp: &[u8], header_len: usize) -> (Vec<u8>, u32) {
    let inside = (header_len as u32).saturating_add(s.len);
    // A length that the field cannot hold is written as 0, as segmentation offload does.
    let field = |len: u32| u16::try_from(len).unwrap_or(0).to_be_bytes();
    let (mut data, len) = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let len = inside.saturating_add(20);
            let [l0, l1] = field(len);
            let [i0, i1] = s.ip_id.to_be_bytes();
            let mut ip = vec![0x45, 0, l0, l1, i0, i1, 0x40, 0, s.hop_limit, 6, 0, 0];
            ip.extend(from.octets());
            ip.extend(to.octets());
            let sum = repaired(0xffff, &[], &ip);
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
            (ip, len)
        }
        (from, to) => {
            let [l0, l1] = field(inside);
            let mut ip = vec![0x60, 0, 0, 0, l0, l1, 6, s.hop_limit];
            ip.extend(in_v6(from));
            ip.extend(in_v6(to));
            (ip, inside.saturating_add(40))
        }
    };
    data.extend(tcp);
    (data, len)
}

/// The link header with other addresses, in front of that IP packet; none if anything but VLAN tags lies between.
fn ethernet(data: &[u8], packet: &[u8], names: &Names) -> Option<Vec<u8>> {
    let mut header = Vec::with_capacity(18);
    for at in [0, 6] {
        header.extend(names.mac(*data.get(at..)?.first_chunk()?));
    }
    let mut at = 12;
    while let [0x81, 0x00] | [0x88, 0xa8] | [0x91, 0x00] = data.get(at..at + 2)? {
        header.extend(data.get(at..at + 4)?);
        at += 4;
        if at > 24 {
            return None;
        }
    }
    let ether_type: [u8; 2] = *data.get(at..)?.first_chunk()?;
    if !matches!(ether_type, [0x08, 0x00] | [0x86, 0xdd]) {
        return None;
    }
    // What was IPv6 may have become IPv4, where both addresses are mapped ones.
    header.extend(if packet.first()? >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] });
    Some(header)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn in_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
