//! One segment in every wrapping that is decoded, whole, cut and damaged; fragments; quotes; and the short
//! cut against the walk.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::wire::{Endpoint, Multipath, SeqNum, Side, TcpFlags, TcpTimestamps, Timestamp};

const CLIENT: [u8; 4] = [192, 0, 2, 7];
const SERVER: [u8; 4] = [198, 51, 100, 9];
const CLIENT6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const SERVER6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const MAC: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

/// Options of a SYN, one of them unknown to most parsers and in front of those that matter.
const OPTIONS: [u8; 24] = [
    2, 4, 5, 0xb4, // maximum segment size
    30, 4, 0, 0x81, // MPTCP, as its length goes
    8, 10, 0, 0, 1, 2, 0, 0, 3, 4, // timestamps
    1, 3, 3, 7, // no operation, window scale
    1, 1,
];

fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn tcp_bytes(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let offset = (((20 + options.len()) / 4) << 4) as u8;
    let head =
        [0x9d, 0x78, 0x1f, 0x90, 0, 0, 0x10, 1, 0, 0, 0x20, 2, offset, flags, 0xfa, 0xf0, 0xbe, 0xef, 0, 0];
    cat(&[&head, options, payload])
}

fn ipv4_bytes(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let total = ((20 + payload.len()) as u16).to_be_bytes();
    let fragment = fragment.to_be_bytes();
    let head = [0x45, 0, total[0], total[1], 0x12, 0x34, fragment[0], fragment[1], 61, protocol, 0, 0];
    cat(&[&head, &CLIENT, &SERVER, payload])
}

fn ipv6_bytes(next: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).to_be_bytes();
    cat(&[&[0x60, 0, 0, 0, len[0], len[1], next, 61], &CLIENT6, &SERVER6, payload])
}

fn udp_bytes(port: u16, payload: &[u8]) -> Vec<u8> {
    let len = ((8 + payload.len()) as u16).to_be_bytes();
    cat(&[&[0xc0, 0], &port.to_be_bytes(), &len, &[0, 0], payload])
}

fn ether_bytes(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[&MAC, &ether_type.to_be_bytes(), payload])
}

fn record(link: u16, data: &[u8]) -> Record<'_> {
    let wire_len = data.len() as u32;
    Record { frame: 5, at: Timestamp(99), link: LinkType(link), interface: 3, wire_len, data }
}

fn decode(link: u16, data: &[u8]) -> Decoded {
    Decoder::default().decode(&record(link, data))
}

fn syn() -> Vec<u8> {
    tcp_bytes(0xc2, &OPTIONS, b"hello")
}

fn key(is_v6: bool) -> FlowKey {
    let ends = match is_v6 {
        false => (Endpoint::v4(CLIENT, 40_312), Endpoint::v4(SERVER, 8_080)),
        true => (Endpoint::v6(CLIENT6, 40_312), Endpoint::v6(SERVER6, 8_080)),
    };
    FlowKey::of(ends.0, ends.1, 0).0
}

/// What [`syn`] is in any wrapping.
fn expected(is_v6: bool) -> Decoded {
    let segment = Segment {
        seen: Stamp { at: Timestamp(99), frame: 5 },
        seq: SeqNum(0x1001),
        ack: SeqNum(0x2002),
        len: 5,
        timestamps: TcpTimestamps { val: 0x102, ecr: 0x304 },
        window: 0xfaf0,
        checksum: 0xbeef,
        ip_id: if is_v6 { 0 } else { 0x1234 },
        interface: 3,
        flags: TcpFlags::SYN | TcpFlags::ECE | TcpFlags::CWR,
        hop_limit: 61,
        side: Side::Lo,
        has_timestamps: true,
        has_options: true,
        window_scale: 7,
        ..Segment::BLANK
    };
    Decoded::Segment(key(is_v6), segment)
}

struct Sample {
    name: String,
    link: u16,
    bytes: Vec<u8>,
    is_v6: bool,
}

/// The ways to put an IP packet behind each EtherType of the registry.
fn behind_ether_type(number: u16, ether_type: u16, ip: &[u8]) -> Vec<Vec<u8>> {
    let ty = ether_type.to_be_bytes();
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ty, ip]);
    let ppp: [u8; 2] = if ether_type == 0x0800 { [0, 0x21] } else { [0, 0x57] };
    match number {
        0x6558 => vec![ether_bytes(ether_type, ip)],
        0x8847 | 0x8848 => vec![
            cat(&[&[0, 1, 0x41, 64], ip]),
            cat(&[&[0, 1, 0x40, 64, 0, 2, 0x40, 63, 0, 3, 0x41, 62], ip]),
            cat(&[&[0, 1, 0x41, 64, 0, 0, 0, 0], &ether_bytes(ether_type, ip)]),
            cat(&[&[0, 1, 0x41, 64], &ether_bytes(0x8100, &cat(&[&[0, 9], &ty, ip]))]),
        ],
        0x8864 => {
            let len = ((2 + ip.len()) as u16).to_be_bytes();
            vec![cat(&[&[0x11, 0, 0, 1], &len, &ppp, ip])]
        }
        0x880b => vec![cat(&[&ppp, ip]), cat(&[&[0xff, 3], &ppp, ip]), cat(&[&ppp[1..], ip])],
        4 | 0x8870 => vec![snap],
        0x8926 => vec![cat(&[&[0, 0, 0, 0], &ty, ip])],
        0x893f => vec![cat(&[&[0; 6], &ty, ip])],
        0x892f => vec![cat(&[&[0, 60, 0, 1], &ty, ip])],
        _ => panic!("no sample for EtherType {number:#06x}"),
    }
}

/// The ways to put an IP packet behind each link type of the registry.
fn behind_link(link: u16, ether_type: u16, ip: &[u8]) -> Vec<Vec<u8>> {
    let ty = ether_type.to_be_bytes();
    let is_v6 = ether_type == 0x86dd;
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ty, ip]);
    let ppp: [u8; 2] = if is_v6 { [0, 0x57] } else { [0, 0x21] };
    let ether = ether_bytes(ether_type, ip);
    match link {
        1 => vec![
            ether,
            cat(&[&MAC, &(snap.len() as u16).to_be_bytes(), &snap, &[0; 20]]),
            ether_bytes(0x8100, &cat(&[&[0xe0, 9], &ty, ip])),
            ether_bytes(0x88a8, &cat(&[&[0, 8, 0x81, 0, 0, 9], &ty, ip])),
            ether_bytes(0x9100, &cat(&[&[0, 7, 0x81, 0, 0, 8, 0x81, 0, 0, 9, 0x81, 0, 0, 10], &ty, ip])),
            cat(&[&ether_bytes(ether_type, ip), &[0xee; 18]]),
        ],
        113 => vec![
            cat(&[&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &ty, ip]),
            cat(&[&[0, 4, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0], &ty, ip]),
            cat(&[&[0, 4, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &ty, ip]),
            cat(&[&[0; 14], &[0x81, 0, 0, 9], &ty, ip]),
            cat(&[&[0; 14], &[0, 4], &snap]),
        ],
        276 => vec![cat(&[&ty, &[0, 0, 0, 0, 0, 2, 3, 4, 0, 6, 0, 0, 0, 0, 0, 1, 0, 0], ip])],
        0 | 108 => {
            let families: &[u8] = if is_v6 { &[10, 23, 24, 26, 28, 30] } else { &[2] };
            let orders = |&family: &u8| [cat(&[&[family, 0, 0, 0], ip]), cat(&[&[0, 0, 0, family], ip])];
            families.iter().flat_map(orders).collect()
        }
        101 | 12 | 14 | 228 | 229 => vec![ip.to_vec()],
        9 | 50 => vec![
            cat(&[&ppp, ip]),
            cat(&[&[0xff, 3], &ppp, ip]),
            cat(&[&[0xff, 3], &ppp[1..], ip]),
            cat(&[&[0x0f, 0], &ty, ip]),
        ],
        166 => vec![cat(&[&[0, 3], &ppp, ip])],
        204 => vec![cat(&[&[1, 0xff, 3], &ppp, ip])],
        51 => behind_ether_type(0x8864, ether_type, ip),
        104 => vec![cat(&[&[0x0f, 0], &ty, ip])],
        6 => vec![
            cat(&[&[0x10, 0x40], &MAC, &snap]),
            cat(&[&[0x10, 0x40], &MAC[..6], &[0x82, 0, 0, 0, 0, 2], &[6, 0x30, 0, 0x1f, 0, 0x20], &snap]),
        ],
        10 => vec![cat(&[&[0x50], &MAC, &snap])],
        105 => vec![
            cat(&[&[0x08, 1], &[0; 22], &snap]),
            cat(&[&[0x08, 3], &[0; 28], &snap]),
            cat(&[&[0x88, 0x82], &[0; 28], &snap]),
        ],
        127 => vec![cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], &[0x88, 1], &[0; 24], &snap])],
        129 if is_v6 => vec![cat(&[&[1, 2, 0, 0, 196, 0, 0, 1], ip])],
        129 => vec![cat(&[&[1, 2, 0, 0, 212, 0, 0, 1], ip]), cat(&[&[1, 2, 0, 0, 240], ip])],
        197 => {
            let erf = |kind: u8, rest: &[u8]| cat(&[&[0; 8], &[kind, 4, 0, 0, 0, 0, 0, 0], rest]);
            vec![
                erf(2, &cat(&[&[0, 0], &ether])),
                erf(0x82, &cat(&[&[0x83, 0, 0, 0, 0, 0, 0, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0], &ether])),
                erf(1, &cat(&[&[0x0f, 0], &ty, ip])),
                erf(22, ip),
            ]
        }
        226 => vec![cat(&[&[1, if is_v6 { 26 } else { 2 }], &[0; 22], ip])],
        239 => {
            let len = ((4 + ip.len()) as u16).to_le_bytes();
            let swapped = ((4 + ip.len()) as u16).to_be_bytes();
            vec![
                cat(&[&[2, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0], &len, &[9, 0], ip]),
                cat(&[&[2, 0, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0], &swapped, &[0, 9], ip]),
            ]
        }
        _ => panic!("no sample for link type {link}"),
    }
}

/// The ways to put an IP packet behind another one, as IP packets.
fn behind_ip(is_v6: bool, ip: &[u8]) -> Vec<Vec<u8>> {
    let ty: [u8; 2] = if is_v6 { [0x86, 0xdd] } else { [0x08, 0] };
    let ether = ether_bytes(u16::from_be_bytes(ty), ip);
    let same = if is_v6 { 41 } else { 4 };
    let ppp = [0, if is_v6 { 0x57 } else { 0x21 }];
    let gre = |head: &[u8], rest: &[u8]| ipv4_bytes(47, 0, &cat(&[head, rest]));
    let vxlan = cat(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ether]);
    vec![
        ipv4_bytes(same, 0x4000, ip),
        ipv6_bytes(same, ip),
        ipv4_bytes(same, 0, &ipv6_bytes(same, ip)[if same == 4 { 40 } else { 0 }..]),
        gre(&[0, 0, ty[0], ty[1]], ip),
        gre(&[0xb0, 0, ty[0], ty[1], 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], ip),
        gre(&[0x40, 0, ty[0], ty[1], 0, 0, 0, 0, 8, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0], ip),
        gre(&[0x20, 0, 0x65, 0x58, 0, 0, 5, 0], &ether),
        gre(&[0x30, 0x81, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2], &cat(&[&ppp, ip])),
        gre(&[0, 0, 0x88, 0xbe], &ether),
        gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &cat(&[&[0x10; 8], &ether])),
        gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &cat(&[&[0x20; 11], &[0], &ether])),
        gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &cat(&[&[0x20; 11], &[1], &[0; 8], &ether])),
        ipv4_bytes(137, 0, &cat(&[&[0, 1, 0x41, 64], ip])),
        ipv4_bytes(17, 0, &udp_bytes(4789, &vxlan)),
        ipv6_bytes(17, &udp_bytes(8472, &vxlan)),
        ipv4_bytes(17, 0, &udp_bytes(6081, &cat(&[&[1, 0, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 3, 0], &ether]))),
        ipv4_bytes(17, 0, &udp_bytes(6081, &cat(&[&[0, 0, ty[0], ty[1], 0, 0, 5, 0], ip]))),
        ipv4_bytes(17, 0, &udp_bytes(2152, &cat(&[&[0x30, 255, 0, 9, 0, 0, 0, 1], ip]))),
        ipv4_bytes(
            17,
            0,
            &udp_bytes(2152, &cat(&[&[0x34, 255, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 0, 0], ip])),
        ),
        // Five packets in each other.
        (0..4).fold(ip.to_vec(), |inside, _| match inside[0] >> 4 {
            4 => ipv4_bytes(4, 0, &inside),
            _ => ipv6_bytes(41, &inside),
        }),
    ]
}

fn samples() -> Vec<Sample> {
    let mut all = Vec::new();
    for (is_v6, ether_type, ip) in
        [(false, 0x0800, ipv4_bytes(6, 0x4000, &syn())), (true, 0x86dd, ipv6_bytes(6, &syn()))]
    {
        let mut add = |name: String, link: u16, frames: Vec<Vec<u8>>| {
            for (nth, bytes) in frames.into_iter().enumerate() {
                all.push(Sample { name: format!("{name} #{nth} {ether_type:#06x}"), link, bytes, is_v6 });
            }
        };
        for (link, _) in LINKS {
            // Numbers that promise one version of IP still carry what they carry.
            add(format!("link type {}", link.0), link.0, behind_link(link.0, ether_type, &ip));
        }
        for (number, _) in ETHER_TYPES {
            // The name for "an LLC header follows" is no number on the wire, except in Linux cooked captures.
            if number.0 >= 0x600 {
                let frames = behind_ether_type(number.0, ether_type, &ip);
                let frames = frames.iter().map(|rest| ether_bytes(number.0, rest)).collect();
                add(format!("EtherType {number:?}"), 1, frames);
            }
        }
        add("tunnel".into(), 101, behind_ip(is_v6, &ip));
    }
    let v6 = |next, headers: &[u8]| ipv6_bytes(next, &cat(&[headers, &syn()]));
    for (name, bytes) in [
        ("hop-by-hop, routing", v6(0, &[43, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0])),
        ("destination options of two units", v6(60, &[6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        ("atomic fragment", v6(44, &[6, 0, 0, 0, 0, 0, 0, 1])),
        ("authentication header", v6(51, &[6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1])),
    ] {
        all.push(Sample { name: name.into(), link: 101, bytes, is_v6: true });
    }
    let mut options = ipv4_bytes(6, 0, &cat(&[&[7, 8, 4, 0, 0, 0, 0, 0], &syn()]));
    options[0] = 0x47;
    all.push(Sample { name: "IPv4 options".into(), link: 101, bytes: options, is_v6: false });
    all
}

#[test]
fn one_segment_in_every_wrapping() {
    for sample in samples() {
        assert_eq!(decode(sample.link, &sample.bytes), expected(sample.is_v6), "{}", sample.name);
    }
}

#[test]
fn every_tunnel_port_has_a_sample() {
    let with_port = |port: &u16| {
        samples().iter().any(|sample| {
            sample.name.starts_with("tunnel") && sample.bytes.windows(2).any(|two| two == port.to_be_bytes())
        })
    };
    assert!(UDP_TUNNELS.iter().all(|(port, _)| with_port(port)));
}

/// A cut packet is either the same segment, fewer options aside, or cut; never another segment, and never
/// called malformed.
#[test]
fn every_prefix_of_every_wrapping() {
    for sample in samples() {
        let Decoded::Segment(key, whole) = expected(sample.is_v6) else { unreachable!() };
        let mut found = 0;
        for upto in 0..=sample.bytes.len() {
            let cut = Record {
                data: &sample.bytes[..upto],
                wire_len: sample.bytes.len() as u32,
                ..record(sample.link, &[])
            };
            match Decoder::default().decode(&cut) {
                Decoded::Segment(cut_key, cut) => {
                    found += 1;
                    let whole = Segment {
                        timestamps: cut.timestamps,
                        has_timestamps: cut.has_timestamps,
                        window_scale: cut.window_scale,
                        ..whole
                    };
                    assert_eq!((cut_key, cut), (key, whole), "{} at {upto}", sample.name);
                }
                Decoded::Skip(skip) => {
                    let is_bad = matches!(skip, Skip::BadLink | Skip::BadIp | Skip::BadTcp);
                    assert!(!is_bad && found == 0, "{} at {upto}: {skip}", sample.name);
                }
                Decoded::Quote(quote) => panic!("{quote:?}"),
            }
        }
        // Options, payload and the urgent pointer may go.
        assert!(found > 2 + OPTIONS.len() + 5, "{}: {found}", sample.name);
    }
}

#[test]
fn what_is_no_segment_says_why() {
    let tcp = |bytes: &[u8]| ether_bytes(0x0800, &ipv4_bytes(6, 0, bytes));
    let ip = |protocol| ether_bytes(0x0800, &ipv4_bytes(protocol, 0, &[0; 40]));
    let mut bad_total = ipv4_bytes(6, 0, &syn());
    bad_total[3] = 19;
    let mut bad_offset = syn();
    bad_offset[12] = 0x40;
    let mut long_offset = tcp_bytes(0x10, &[], &[]);
    long_offset[12] = 0x60;
    let six = (0..5).fold(ipv4_bytes(6, 0, &syn()), |inside, _| ipv4_bytes(4, 0, &inside));
    let tags = [0, 1, 0x81, 0].repeat(40);
    for (link, bytes, skip) in [
        (1, vec![], Skip::Empty),
        (147, vec![1], Skip::UnknownLink),
        (1, vec![1; 13], Skip::BadLink),
        (127, vec![0, 0, 8, 0, 0, 0, 0, 0, 0x80, 0], Skip::Wireless),
        (127, vec![0, 0, 8, 0, 0, 0, 0, 0, 0x88, 0x41], Skip::Encrypted),
        (1, ether_bytes(0x0806, &[0; 28]), Skip::Arp),
        (1, ether_bytes(0x88cc, &[0; 28]), Skip::LinkControl),
        (1, ether_bytes(0x88e5, &[0; 28]), Skip::Encrypted),
        (1, ether_bytes(38, &[0x42, 0x42, 3, 0, 0]), Skip::LinkControl),
        (1, ether_bytes(0x1234, &[0; 28]), Skip::OtherEther),
        (0, vec![7, 0, 0, 0, 1], Skip::OtherEther),
        (9, vec![0xff, 3, 0xc0, 0x21, 1], Skip::LinkControl),
        (101, vec![0x10; 40], Skip::BadIp),
        (101, bad_total, Skip::BadIp),
        (1, ip(17), Skip::Udp),
        (1, ip(1), Skip::Icmp),
        (1, ip(132), Skip::OtherIp),
        (1, ip(50), Skip::Encrypted),
        (1, tcp(&bad_offset), Skip::BadTcp),
        (1, tcp(&long_offset), Skip::BadTcp),
        (1, tcp(&[0; 19]), Skip::BadTcp),
        (1, ether_bytes(0x8100, &tags), Skip::TooDeep),
        (101, six, Skip::TooDeep),
        (101, ipv4_bytes(6, 0x2000, &[0; 24]), Skip::Fragment),
        (101, ipv4_bytes(6, 0x00b9, &[0; 24]), Skip::Fragment),
        (101, ipv4_bytes(17, 0, &udp_bytes(4789, &[0; 60])), Skip::Udp),
    ] {
        assert_eq!(decode(link, &bytes), Decoded::Skip(skip), "{link} {bytes:02x?}");
    }
}

#[test]
fn lengths_are_those_of_the_ip_header() {
    let len = |record: &Record<'_>| match Decoder::default().decode(record) {
        Decoded::Segment(_, segment) => segment.len,
        other => panic!("{other:?}"),
    };
    // A short segment is padded to 60 octets.
    let padded = cat(&[&ether_bytes(0x0800, &ipv4_bytes(6, 0, &tcp_bytes(0x10, &[], &[]))), &[0; 6]]);
    assert_eq!(len(&record(1, &padded)), 0);
    // 54 octets of a large segment, and fewer: all that is kept ends two octets before the header does.
    let large = ether_bytes(0x0800, &ipv4_bytes(6, 0, &tcp_bytes(0x10, &[], &[1; 1448])));
    for (upto, wire_len) in [(54, 1502), (53, 1502), (52, 1502), (54, 54)] {
        assert_eq!(len(&Record { wire_len, ..record(1, &large[..upto]) }), 1448);
    }
    let cut = Record { wire_len: 1502, ..record(1, &large[..51]) };
    assert_eq!(Decoder::default().decode(&cut), Decoded::Skip(Skip::CutShort));
    // Segmentation offload leaves the length 0, in either version.
    let mut offload = large.clone();
    offload[16..18].fill(0);
    assert_eq!(len(&Record { wire_len: 80_054, ..record(1, &offload[..60]) }), 80_000);
    let mut offload = ether_bytes(0x86dd, &ipv6_bytes(6, &tcp_bytes(0x10, &[], &[1; 99])));
    offload[18..20].fill(0);
    assert_eq!(len(&record(1, &offload)), 99);
    // A jumbogram has the same 0 there, and its length in an option.
    let jumbo = cat(&[&[6, 0, 0xc2, 4, 0, 1, 0x38, 0x80], &tcp_bytes(0x10, &[], &[1; 99])]);
    let mut jumbo = ether_bytes(0x86dd, &ipv6_bytes(0, &jumbo));
    jumbo[18..20].fill(0);
    assert_eq!(len(&Record { wire_len: 14 + 40 + 80_000, ..record(1, &jumbo) }), 80_000 - 8 - 20);
}

#[test]
fn the_window_is_only_scaled_by_a_syn() {
    let ack = ether_bytes(0x0800, &ipv4_bytes(6, 0, &tcp_bytes(0x10, &[3, 3, 7, 0], &[])));
    let large = ether_bytes(0x0800, &ipv4_bytes(6, 0, &tcp_bytes(0x02, &[3, 3, 99, 0], &[])));
    for (bytes, scale) in [(ack, Segment::NO_SCALE), (large, 14)] {
        let Decoded::Segment(_, segment) = decode(1, &bytes) else { panic!() };
        assert_eq!((segment.window_scale, segment.has_options), (scale, true));
    }
}

#[test]
fn signs_of_multipath_tcp_stand_beside_the_timestamps_and_do_not_stay() {
    let stamps = [1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4];
    let data_fin = [30, 18, 0x20, 0x15, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 0, 0, 1];
    let add_addr = [30, 4, 0x30, 1];
    let options = cat(&[&stamps, &data_fin, &add_addr, &[1, 1]]);
    let marked = ether_bytes(0x0800, &ipv4_bytes(6, 0, &tcp_bytes(0x10, &options, &[])));
    let [usual, bare] = [&stamps[..], &[]]
        .map(|options| ether_bytes(0x0800, &ipv4_bytes(6, 0, &tcp_bytes(0x10, options, &[]))));
    let mut slot = (key(false), Segment::BLANK);
    for (bytes, sign) in [
        (&marked, (Multipath::DataFin, SeqNum(8))),
        (&usual, Default::default()),
        (&marked, (Multipath::DataFin, SeqNum(8))),
        (&bare, Default::default()),
    ] {
        let of = |segment: &Segment| (segment.multipath, segment.data_number);
        fast::segment(&record(1, bytes), 0, false, &mut slot).unwrap();
        assert_eq!(of(&slot.1), sign);
        let Decoded::Segment(_, segment) = decode(1, bytes) else { panic!() };
        assert_eq!(of(&segment), sign);
    }
}

#[test]
fn zones() {
    let tagged = ether_bytes(0x88a8, &cat(&[&[0, 8, 0x81, 0, 0xe0, 9, 8, 0], &ipv4_bytes(6, 0, &syn())]));
    let plain = ether_bytes(0x0800, &ipv4_bytes(6, 0, &syn()));
    let inside = ether_bytes(0x0800, &ipv4_bytes(47, 0, &cat(&[&[0, 0, 0x65, 0x58], &tagged])));
    for (zone, bytes, expected) in [
        (Zone::None, &tagged, 0),
        (Zone::Vlan, &tagged, 8 << 12 | 9),
        (Zone::Vlan, &plain, 0),
        (Zone::Vlan, &inside, 0),
        (Zone::Interface, &tagged, 3),
        (Zone::Interface, &plain, 3),
    ] {
        let mut decoder = Decoder::new(Options { zone, ..Options::default() });
        let Decoded::Segment(key, _) = decoder.decode(&record(1, bytes)) else { panic!() };
        assert_eq!(key.zone, expected, "{zone:?}");
    }
}

#[test]
fn closed_tunnels() {
    let mut decoder = Decoder::new(Options { tunnel: Tunnel::Outer, ..Options::default() });
    for sample in samples() {
        let found = decoder.decode(&record(sample.link, &sample.bytes));
        if sample.name.starts_with("tunnel") {
            assert_eq!(found, Decoded::Skip(Skip::Tunnelled), "{}", sample.name);
        } else {
            assert_eq!(found, expected(sample.is_v6), "{}", sample.name);
        }
    }
}

#[test]
fn icmp_errors_quote_segments() {
    let sent = ipv4_bytes(6, 0x4000, &syn());
    let mut error = ipv4_bytes(1, 0, &cat(&[&[3, 13, 0, 0, 0, 0, 0, 0], &sent[..28]]));
    error[12..16].copy_from_slice(&[203, 0, 113, 1]);
    let expected = Quote {
        seen: Stamp { at: Timestamp(99), frame: 5 },
        from: [203, 0, 113, 1].into(),
        kind: 3,
        code: 13,
        hop_limit: 61,
        key: key(false),
        side: Side::Lo,
        seq: SeqNum(0x1001),
    };
    assert_eq!(decode(101, &error), Decoded::Quote(expected));
    let error6 = ipv6_bytes(58, &cat(&[&[1, 4, 0, 0, 0, 0, 0, 0], &ipv6_bytes(6, &syn())]));
    let expected6 = Quote { from: CLIENT6.into(), kind: 1, code: 4, key: key(true), ..expected };
    assert_eq!(decode(101, &error6), Decoded::Quote(expected6));
    // An echo, a quote of UDP, a quote of a later fragment, a quote cut before the sequence number.
    let echo = ipv4_bytes(1, 0, &cat(&[&[8, 0, 0, 0, 0, 0, 0, 0], &sent]));
    let udp = ipv4_bytes(1, 0, &cat(&[&[3, 3, 0, 0, 0, 0, 0, 0], &ipv4_bytes(17, 0, &[0; 8])]));
    let later = ipv4_bytes(1, 0, &cat(&[&[11, 1, 0, 0, 0, 0, 0, 0], &ipv4_bytes(6, 9, &[0; 8])]));
    for bytes in [echo, udp, later, error[..error.len() - 1].to_vec()] {
        assert_eq!(decode(101, &bytes), Decoded::Skip(Skip::Icmp));
    }
}

/// Splits a payload at multiples of eight and sends the pieces in every order: the last one to come is the
/// segment, the others are fragments.
fn check_fragments(upper: &[u8], is_v6: bool, protocol: u8) {
    let cuts = [0, 8, 24, upper.len()];
    let piece = |n: usize| {
        let (from, upto) = (cuts[n], cuts[n + 1]);
        let more = upto < upper.len();
        let field = (from / 8) as u16;
        match is_v6 {
            false => ipv4_bytes(protocol, field | if more { 0x2000 } else { 0 }, &upper[from..upto]),
            true => {
                let field = (field << 3 | u16::from(more)).to_be_bytes();
                let header = [protocol, 0, field[0], field[1], 0, 0, 0, 77];
                // Extension headers in front of the fragment header come with every piece.
                ipv6_bytes(60, &cat(&[&[44, 0, 1, 4, 0, 0, 0, 0], &header, &upper[from..upto]]))
            }
        }
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut decoder = Decoder::default();
        let found = order.map(|n| decoder.decode(&record(101, &piece(n))));
        let waiting = Decoded::Skip(Skip::Fragment);
        assert_eq!(found, [waiting, waiting, expected(is_v6)], "{order:?}");
        let counts = FragmentCounts { fragments: 3, completed: 1, ..FragmentCounts::default() };
        assert_eq!(decoder.fragments(), counts);
    }
}

#[test]
fn fragments_make_a_segment() {
    check_fragments(&syn(), false, 6);
    check_fragments(&syn(), true, 6);
    // Destination options behind the fragment header are part of what is split.
    check_fragments(&cat(&[&[6, 0, 1, 4, 0, 0, 0, 0], &syn()]), true, 60);
    // So are tunnels.
    let inside = ether_bytes(0x0800, &ipv4_bytes(6, 0, &syn()));
    check_fragments(&udp_bytes(4789, &cat(&[&[8, 0, 0, 0, 0, 0, 5, 0], &inside])), false, 17);
}

#[test]
fn a_fragmented_segment_counts_with_its_full_length() {
    let segment = tcp_bytes(0x18, &[], &[9; 5_000]);
    let first = ipv4_bytes(6, 0x2000, &segment[..1_480]);
    let last = ipv4_bytes(6, 185, &segment[1_480..]);
    let mut decoder = Decoder::default();
    assert_eq!(decoder.decode(&record(101, &first)), Decoded::Skip(Skip::Fragment));
    // The snap length leaves nothing of the last one but its header.
    let last = Record { wire_len: last.len() as u32, ..record(101, &last[..20]) };
    let Decoded::Segment(_, found) = decoder.decode(&last) else { panic!() };
    assert_eq!(found.len, 5_000);
}

/// The four shapes that the short cut takes, around the same TCP segment.
fn common(shape: usize, fragment: u16, tcp: &[u8]) -> Vec<u8> {
    let (ether_type, packet) = match shape % 2 {
        0 => (0x0800, ipv4_bytes(6, fragment, tcp)),
        _ => (0x86dd, ipv6_bytes(6, tcp)),
    };
    match shape / 2 {
        0 => ether_bytes(ether_type, &packet),
        _ => ether_bytes(0x8100, &cat(&[&[0, 7], &u16::to_be_bytes(ether_type), &packet])),
    }
}

/// Such a frame, then damaged here and there and cut.
fn nearly_common() -> impl Strategy<Value = (Vec<u8>, u32)> {
    let options = prop::collection::vec(any::<u8>(), 0..=10);
    let damage = prop::collection::vec((12usize..80, any::<u8>()), 0..4);
    (options, damage, 0usize..40, 40usize..140, any::<u8>(), 0usize..4).prop_map(
        |(options, damage, payload, upto, flags, shape)| {
            let options: Vec<u8> = options.iter().flat_map(|&kind| [kind, 2 + (kind & 1), 1, 1]).collect();
            let mut bytes = common(shape, 0, &tcp_bytes(flags, &options, &vec![0; payload]));
            for (at, octet) in damage {
                if let Some(place) = bytes.get_mut(at) {
                    *place = octet;
                }
            }
            let wire_len = bytes.len() as u32;
            bytes.truncate(upto);
            (bytes, wire_len)
        },
    )
}

proptest! {
    #[test]
    fn the_short_cut_finds_what_the_walk_finds((data, wire_len) in nearly_common(), by_interface: bool) {
        let zone = if by_interface { Zone::Interface } else { Zone::None };
        let record = Record { wire_len, ..record(1, &data) };
        let mut found = (FlowKey::BLANK, Segment::BLANK);
        if fast::segment(&record, if by_interface { 3 } else { 0 }, false, &mut found).is_some() {
            let (key, segment) = found;
            let walked = Decoder::new(Options { zone, ..Options::default() }).walk(&record);
            prop_assert_eq!(walked, Decoded::Segment(key, segment));
        }
    }

    #[test]
    fn ports_are_those_of_the_segment_or_there_is_none((data, wire_len) in nearly_common()) {
        let record = Record { wire_len, ..record(1, &data) };
        match (Decoder::default().decode(&record), ports(&record)) {
            (Decoded::Segment(key, segment), Some(ports)) => {
                let ends = [segment.side, segment.side.peer()];
                prop_assert_eq!(ends.map(|side| key.endpoint(side).port()), ports);
            }
            (Decoded::Quote(_), ports) => prop_assert_eq!(ports, None),
            _ => {}
        }
    }

    #[test]
    fn any_bytes_under_any_link_type(data in prop::collection::vec(any::<u8>(), 0..200), wire_len: u32) {
        for link in LINKS.iter().map(|(link, _)| link.0).chain([147, u16::MAX]) {
            let found = Decoder::default().decode(&Record { wire_len, ..record(link, &data) });
            prop_assert_eq!(matches!(found, Decoded::Skip(Skip::Empty)), data.is_empty() );
        }
    }

    #[test]
    fn any_damage_to_any_wrapping(damage in prop::collection::vec((0usize..150, any::<u8>()), 1..5), upto in 0usize..250) {
        let mut decoder = Decoder::default();
        let mut skips = Skips::default();
        for mut sample in samples() {
            for &(at, octet) in &damage {
                if let Some(place) = sample.bytes.get_mut(at) {
                    *place = octet;
                }
            }
            sample.bytes.truncate(upto);
            if let Decoded::Skip(skip) = decoder.decode(&record(sample.link, &sample.bytes)) {
                skips.count(skip);
            }
        }
        prop_assert!(skips.total() <= samples().len() as u64);
    }
}

#[test]
fn the_short_cut_takes_the_common_shape() {
    let segment = |data: &[u8], tags_matter| {
        let mut found = (FlowKey::BLANK, Segment::BLANK);
        fast::segment(&record(1, data), 0, tags_matter, &mut found).map(|()| found)
    };
    for shape in 0..4 {
        let taken = segment(&common(shape, 0x4000, &syn()), false)
            .map(|(key, segment)| Decoded::Segment(key, segment));
        assert_eq!(taken, Some(expected(shape % 2 == 1)), "shape {shape}");
    }
    for rare in [
        ether_bytes(0x0800, &ipv4_bytes(6, 0x2000, &syn())),
        ether_bytes(0x0800, &ipv4_bytes(6, 1, &syn())),
        ether_bytes(0x0800, &ipv4_bytes(17, 0, &syn())),
        ether_bytes(0x86dd, &ipv6_bytes(44, &syn())),
    ] {
        assert_eq!(segment(&rare, false), None);
    }
    assert_eq!(segment(&common(2, 0, &syn()), true), None, "where tags name the zone the walk reads them");
}

#[test]
fn ports_are_told_of_common_shapes_and_of_no_other() {
    for shape in 0..4 {
        let Decoded::Segment(key, segment) = expected(shape % 2 == 1) else { unreachable!() };
        let ends = [segment.side, segment.side.peer()].map(|side| key.endpoint(side).port());
        assert_eq!(ports(&record(1, &common(shape, 0x4000, &syn()))), Some(ends), "shape {shape}");
    }
    let fragment = ether_bytes(0x0800, &ipv4_bytes(6, 0x2000, &syn()));
    let rest = ether_bytes(0x0800, &ipv4_bytes(6, 1, &syn()));
    let tunnel = ether_bytes(0x0800, &ipv4_bytes(4, 0, &ipv4_bytes(6, 0, &syn())));
    for other in [fragment, rest, tunnel, ether_bytes(0x86dd, &ipv6_bytes(44, &syn()))] {
        assert_eq!(ports(&record(1, &other)), None);
    }
    assert_eq!(ports(&record(113, &common(0, 0, &syn()))), None, "another link type");
}

#[test]
fn link_types_have_samples_of_both_versions() {
    let sampled: BTreeSet<_> = samples().iter().map(|sample| (sample.link, sample.is_v6)).collect();
    for (link, _) in LINKS {
        assert!(sampled.contains(&(link.0, false)) && sampled.contains(&(link.0, true)), "{link:?}");
    }
}
