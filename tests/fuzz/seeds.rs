//! What each target starts from: made from the test data, in the target's own form.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use cwait_pcap::capture::{Limits, LinkType, Reader, Unpacked};
use cwait_pcap::decode::LINKS;

use crate::write::{self, Packet};

/// Seeds are short: what they show, they show at their beginning, and damage hits it more often.
const LONGEST: usize = 6_000;

fn files(folder: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("test data") {
            let path = entry.expect("test data").path();
            if path.is_dir() { open.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}

fn is_capture(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    [".pcap", ".pcapng", ".snoop"].iter().any(|kind| name.contains(kind))
}

fn unpacked(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut all = Vec::new();
    if let Ok(text) = Unpacked::open(path, &Limits::default()) {
        // A stream that is cut gives what came before.
        _ = text.take(LONGEST as u64).read_to_end(&mut all);
    }
    all
}

pub fn captures() -> Vec<Vec<u8>> {
    let bundled = files("captures").into_iter().filter(|path| is_capture(path));
    let mut all: Vec<_> = bundled.map(|path| unpacked(&path)).collect();
    for order in write::ORDERS {
        all.push(everything(order));
    }
    // More records than are looked for at once.
    let many: Vec<_> = (0..300).map(|n| Packet::new(n * 1_000, &[0; 14])).collect();
    all.push(write::pcap(write::Kind::Micros, write::Order::Big, 1, &many));
    let others: [&[u8]; 7] = [
        b"PK\x03\x04 an archive",
        b"\x7fELF a program",
        b"GMBU\x00\x00\x00\x02 of Network Monitor",
        b"<!DOCTYPE html><html>",
        b"<?xml version=\"1.0\"?><packets/>",
        b"{\"a\": 1}",
        b"no capture at all",
    ];
    all.extend(others.map(<[u8]>::to_vec));
    all.push([&[0; 257][..], b"ustar\x0000", &[0; 300]].concat());
    all
}

/// Every kind of block that a pcapng file may have, and one that is longer than what is read at once.
fn everything(order: write::Order) -> Vec<u8> {
    let packet = |at: i64| Packet::new(at * 1_000_000, &ethernet(6, &inside_of_everything()[26..]));
    let names: [(&[u8], &str); 2] = [(&[192, 0, 2, 1], "one"), (&[0x20; 16], "another")];
    write::PcapNg::new(order)
        .interface(1)
        .interface_with(113, 96, Some(9), 3_600, "eth0")
        .names(&names)
        .enhanced(0, &packet(1))
        .enhanced_with(1, &packet(2), Some(7))
        .simple(&packet(3))
        .obsolete(0, 3, &packet(4))
        .statistics(0, 5, Some(2))
        .enhanced(0, &packet(5))
        .statistics(0, 9, None)
        .block(0x0bad, &[1; 9_000])
        .block(0x0bad, &[1; 6_000])
        .section(if order == write::Order::Big { write::Order::Little } else { write::Order::Big })
        .interface(276)
        .enhanced(0, &packet(6))
        .bytes()
}

pub fn compressed() -> Vec<Vec<u8>> {
    let packed = |path: &PathBuf| {
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        ["gz", "zst", "lz4", "xz", "bz2"].contains(&kind)
    };
    let mut all: Vec<_> = files("captures").into_iter().filter(packed).collect();
    all.sort_by_key(|path| fs::metadata(path).map_or(0, |meta| meta.len()));
    let small = all.iter().take(12).chain(all.iter().filter(|path| path.starts_with(formats())));
    let mut seeds: Vec<Vec<u8>> = small.map(|path| fs::read(path).expect("test data")).collect();
    seeds.push(zstd::stream::encode_all(&vec![0; 3 << 20][..], 1).expect("memory"));
    seeds
}

fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures/file-formats")
}

/// The first packets of each capture, with their link type as an index into the registry.
fn first_packets(most: usize) -> Vec<Vec<(u8, Vec<u8>)>> {
    let first = |bytes: Vec<u8>| {
        let mut packets = Vec::new();
        if let Ok(mut reader) = Reader::from_read(Box::new(Cursor::new(bytes)), &Limits::default()) {
            let mut take = |record: &cwait_pcap::capture::Record<'_>| {
                let link = LINKS.iter().position(|(link, _)| *link == record.link).unwrap_or(255);
                if packets.len() < most {
                    packets.push((link as u8, record.data.to_vec()));
                }
            };
            while reader.next_batch(&mut take).is_ok_and(|more| more) {}
        }
        packets
    };
    captures().into_iter().map(first).filter(|packets| !packets.is_empty()).collect()
}

pub fn packets() -> Vec<Vec<u8>> {
    let together = |packets: Vec<(u8, Vec<u8>)>| {
        let mut seed = vec![0];
        for (link, data) in packets {
            seed.push(link);
            seed.extend((data.len() as u16).to_le_bytes());
            seed.extend(data);
        }
        seed
    };
    let mut all: Vec<_> = first_packets(12).into_iter().map(together).collect();
    all.extend((0..LINKS.len()).map(|link| [&[4, link as u8, 80, 0][..], &inside_of_everything()].concat()));
    let ethernet = LINKS.iter().position(|(link, _)| *link == LinkType::ETHERNET).expect("Ethernet") as u8;
    let framed = |frame: &Vec<u8>| [&[ethernet][..], &(frame.len() as u16).to_le_bytes(), frame].concat();
    all.extend(tunnels().iter().map(|frame| [&[0][..], &framed(frame)].concat()));
    all.extend(
        [fragments(), unusual()].map(|frames| [vec![0], frames.iter().flat_map(framed).collect()].concat()),
    );
    all
}

/// A datagram in more pieces than are followed, and one whose second half comes too late.
fn fragments() -> Vec<Vec<u8>> {
    let piece = |id: u8, offset: u16, more: bool| {
        let mut frame = self::ethernet(6, &inside_of_everything()[26..34]);
        frame[19] = id;
        frame[20..22].copy_from_slice(&(offset | if more { 0x2000 } else { 0 }).to_be_bytes());
        frame
    };
    let first = std::iter::once(piece(1, 0, true));
    first.chain((0..70).map(|n| piece(2, 3 * n, true))).chain([piece(1, 1, false)]).collect()
}

/// Frames whose type is a length (IEEE 802.3), with what may follow.
fn unusual() -> Vec<Vec<u8>> {
    let ip = &inside_of_everything()[6..];
    let frame = |head: &[u8]| {
        let len = ((head.len() + ip.len()) as u16).to_be_bytes();
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &len, head, ip].concat()
    };
    [
        &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..],
        &[0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0],
        &[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0],
        &[0xaa, 0xaa, 3, 1, 2, 3, 8, 0],
        &[0x42, 0x42, 3],
        &[0xfe, 0xfe, 3],
        &[0xff, 0xff],
        &[6, 6, 3],
    ]
    .map(frame)
    .to_vec()
}

/// An Ethernet frame of an IPv4 packet.
fn ethernet(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((20 + payload.len() as u16).to_be_bytes());
    frame.extend([0, 7, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend(payload);
    frame
}

/// The same segment inside of each tunnel, with what is optional in its header.
fn tunnels() -> Vec<Vec<u8>> {
    let inner = inside_of_everything()[6..].to_vec();
    let framed = ethernet(6, &inner[20..]);
    let udp = |port: u16, shim: &[u8], inner: &[u8]| {
        let len = (8 + shim.len() + inner.len()) as u16;
        let header =
            [&40_000_u16.to_be_bytes()[..], &port.to_be_bytes(), &len.to_be_bytes(), &[0, 0]].concat();
        ethernet(17, &[&header[..], shim, inner].concat())
    };
    let gre = |header: &[u8], inner: &[u8]| ethernet(47, &[header, inner].concat());
    vec![
        udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &framed),
        udp(8472, &[0, 0, 0, 0, 0, 0, 1, 0], &framed),
        udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &framed),
        udp(6081, &[0x40, 0, 8, 0, 0, 0, 1, 0], &inner),
        udp(2152, &[0x30, 255, 0, 0, 0, 0, 0, 1], &inner),
        udp(2152, &[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0x85, 1, 0, 0, 0], &inner),
        udp(2152, &[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0x85, 0, 0, 0, 0], &inner),
        udp(2152, &[0x30, 1, 0, 0, 0, 0, 0, 1], &inner),
        gre(&[0, 0, 8, 0], &inner),
        gre(&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1], &inner),
        gre(&[0x40, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0], &inner),
        gre(&[0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21], &inner),
        gre(&[0, 0, 0x88, 0xbe], &framed),
        gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &framed),
        gre(
            &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            &framed,
        ),
        gre(&[0, 0, 0x65, 0x58], &framed),
        ethernet(4, &inner),
    ]
}

pub fn packet() -> Vec<Vec<u8>> {
    let one = |(link, data): (u8, Vec<u8>)| [vec![link, 0], data].concat();
    first_packets(3).into_iter().flatten().map(one).collect()
}

/// An IPv4 packet with a segment in it, for link types that no capture has.
fn inside_of_everything() -> Vec<u8> {
    let ip = [0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1];
    let tcp = [0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3, 4];
    [&[0; 4][..], &[8, 0], &ip, &tcp, &[0; 16]].concat()
}

/// A handshake, payload, both FINs, silences and resets, in the form of the target.
pub fn segments() -> Vec<Vec<u8>> {
    let segment = |who: u8, seq: u8, ack: u8, len: u8, flags: u8| {
        let mut octets = vec![who, seq, 0, 0, ack, 0, 0, len, flags, 255, 1, 1, seq, ack, 64];
        octets.truncate(15);
        octets
    };
    let opened = [segment(0, 0, 0, 0, 2), segment(1, 0, 1, 0, 0x12), segment(0, 1, 1, 0, 0x10)].concat();
    let asked = [segment(0x08, 1, 1, 3, 0x18), segment(0x09, 1, 101, 3, 0x18)].concat();
    let closed =
        [segment(0x0c, 101, 101, 0, 0x11), segment(1, 101, 102, 0, 0x11), segment(0, 102, 102, 0, 0x10)]
            .concat();
    let leaked =
        [segment(0x0c, 101, 101, 0, 0x11), segment(1, 101, 102, 0, 0x10), segment(0x15, 101, 102, 0, 0x10)]
            .concat();
    let forgot =
        [segment(0x18, 101, 101, 3, 0x18), segment(0x10, 101, 101, 3, 0x18), segment(0x11, 101, 0, 0, 4)]
            .concat();
    let again = [&opened[..], &asked, &closed, &opened, &leaked].concat();
    [
        [&opened[..], &asked, &closed].concat(),
        [&opened[..], &asked, &leaked].concat(),
        [&opened[..], &forgot].concat(),
        again,
    ]
    .into_iter()
    .flat_map(|seed| [4_u8, 7].map(|cut| [&[cut][..], &seed].concat()))
    .collect()
}

pub fn listings() -> Vec<Vec<u8>> {
    let text = |path: &PathBuf| path.extension().is_none_or(|kind| kind != "expected" && kind != "md");
    let all = [files("sockets"), files("evidence")].concat();
    all.iter().filter(|path| text(path)).map(|path| unpacked(path)).collect()
}

pub fn logs() -> Vec<Vec<u8>> {
    files("traces").iter().map(|path| unpacked(path)).collect()
}

pub fn reports() -> Vec<Vec<u8>> {
    let whole = fs::read(formats().with_file_name("../reports/leak.json"));
    let whole =
        whole.or_else(|_| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/reports/leak.json")));
    let mut value: serde_json::Value = serde_json::from_slice(&whole.expect("test data")).expect("JSON");
    let mut seeds = vec![serde_json::to_vec(&value).expect("JSON")];
    for left_out in ["findings", "connections", "services", "undecided", "inputs"] {
        value[left_out] = serde_json::json!([]);
        seeds.push(serde_json::to_vec(&value).expect("JSON"));
    }
    seeds
}

pub fn texts() -> Vec<Vec<u8>> {
    [
        "10.1.0.9:8080",
        "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&",
        "\u{1b}[31m\u{9b}\u{202e}\u{feff}\u{200b}\u{7f}",
        "=HYPERLINK(\"x\")\u{ff}@SUM(A1)\u{ff}+1\u{ff}-1\t=1",
        "|*_[x](javascript:1) {code}{noformat}``` --> ]]> \n# heading\r\nh1. heading",
        "\\\"}],\u{0}\\u0000",
        "1700000000000000000",
    ]
    .map(|text| text.replace('\u{ff}', "\0").into_bytes())
    .map(|text| text.into_iter().map(|octet| if octet == 0 { 255 } else { octet }).collect())
    .to_vec()
}

/// Inputs that once were taken wrongly, by target; their names in `found/` say why.
pub fn found(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/found").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|path| fs::read(path).expect("a file")).collect()
}
