//! The second look passes over what does not matter, and finds all the same what it would find if it read everything.

#[path = "../benches/load.rs"]
#[allow(dead_code, reason = "the load has more to choose from than is chosen here")]
mod load;
#[path = "support/write.rs"]
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use cwait_pcap::analysis::{self, Judged, Options, Outcome};
use cwait_pcap::capture::{Limits, Marks, Reader};
use cwait_pcap::detail;
use write::{Kind, Order, Packet, PcapNg};

const SYN: u8 = 2;
const FIN: u8 = 1;
const RST: u8 = 4;
const ACK: u8 = 16;
const SECOND: i64 = 1_000_000_000;
/// Frames of others in each silence.
const OTHERS: usize = 6_000;

fn options(threads: usize) -> Options {
    Options {
        threads,
        keep_all: true,
        read: Limits { buffer: 4_096, ..Limits::default() },
        ..Options::default()
    }
}

/// A packet over Ethernet and IPv4 of these protocol and octets.
fn packet(at: i64, from_client: bool, protocol: u8, octets: &[u8]) -> Packet {
    let [client, server] = [[10, 0, 0, 1], [10, 0, 0, 2]];
    let mut data = [vec![0; 12], vec![8, 0, 0x45, 0]].concat();
    data.extend((20 + octets.len() as u16).to_be_bytes());
    data.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
    data.extend(if from_client { [client, server] } else { [server, client] }.concat());
    data.extend(octets);
    Packet::new(at, &data)
}

fn tcp(at: i64, from_client: bool, flags: u8, seq: u32, ack: u32, len: usize) -> Packet {
    let [client, server] = [40_000_u16, 80].map(u16::to_be_bytes);
    let mut octets = if from_client { [client, server] } else { [server, client] }.concat();
    octets.extend(seq.to_be_bytes());
    octets.extend(ack.to_be_bytes());
    octets.extend([5 << 4, flags, 0x40, 0, 0, 0, 0, 0]);
    octets.extend(vec![7; len]);
    packet(at, from_client, 6, &octets)
}

/// What others say between these times.
fn others(from: i64, upto: i64) -> impl Iterator<Item = Packet> {
    let each = (upto - from) / (OTHERS as i64 + 1);
    (1..=OTHERS as i64).map(move |n| packet(from + n * each, true, 17, &[0; 66]))
}

/// A conversation with two long silences: one that is answered, one that a RST ends. Others are heard in each.
fn with_silences() -> Vec<Packet> {
    let at = |seconds: i64| (1_700_000_000 + seconds) * SECOND;
    let mut all = vec![
        tcp(at(0), true, SYN, 0, 0, 0),
        tcp(at(0) + 1, false, SYN | ACK, 0, 1, 0),
        tcp(at(0) + 2, true, ACK, 1, 1, 0),
        tcp(at(0) + 3, true, ACK, 1, 1, 10),
        tcp(at(0) + 4, false, ACK, 1, 11, 20),
        tcp(at(0) + 5, true, ACK, 11, 21, 0),
    ];
    all.extend(others(at(1), at(600)));
    all.push(tcp(at(600), true, ACK, 11, 21, 10));
    all.push(tcp(at(600) + 1, false, ACK, 21, 21, 20));
    all.push(tcp(at(600) + 2, true, ACK, 21, 41, 0));
    all.push(tcp(at(600) + 3, true, FIN | ACK, 21, 41, 0));
    all.push(tcp(at(600) + 4, false, ACK, 41, 22, 0));
    all.extend(others(at(601), at(1_500)));
    all.push(tcp(at(1_500), false, RST | ACK, 41, 22, 0));
    all
}

type Writer = fn(&[Packet]) -> Vec<u8>;

const FORMATS: [(&str, Writer); 4] = [
    ("pcap", |packets| write::pcap(Kind::Nanos, Order::Big, 1, packets)),
    ("snoop", |packets| write::snoop(4, packets, &[])),
    ("ERF", write::erf),
    ("pcapng", |packets| {
        let file = PcapNg::new(Order::Little).interface_with(1, 0, Some(9), 0, "first");
        let file = file.interface_with(1, 0, Some(9), 0, "second");
        (0..).zip(packets).fold(file, |file, (n, packet)| file.enhanced(n % 2, packet)).bytes()
    }),
];

fn look(path: &Path, threads: usize) -> Outcome {
    analysis::run(&[path.to_owned()], &options(threads), &mut |_| {}).unwrap()
}

/// The frames of these connections that the second look meets, with their octets.
fn met(outcome: &Outcome, threads: usize, wanted: &[&Judged]) -> Vec<(usize, u64, Vec<u8>)> {
    let connections: Vec<_> = wanted.iter().map(|judged| &*judged.connection).collect();
    let mut all = Vec::new();
    detail::read_again(&outcome.inputs, &options(threads), &connections, &mut |hit| {
        assert_eq!(hit.segment.seen.frame, hit.record.frame);
        all.push((hit.which, hit.record.frame, hit.record.data.to_vec()));
    })
    .unwrap();
    all
}

fn read_whole(outcome: &Outcome) -> Outcome {
    let mut whole = Outcome { inputs: outcome.inputs.clone(), ..look_nowhere() };
    whole.inputs.iter_mut().for_each(|input| input.marks = Marks::default());
    whole
}

fn look_nowhere() -> Outcome {
    analysis::run(&[], &Options::default(), &mut |_| {}).unwrap()
}

fn file(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("capture");
    fs::write(&path, bytes).unwrap();
    path
}

/// Makes unreadable what others said, save what lies near the conversation.
fn spoil(path: &Path, writer: Writer, packets: &[Packet]) {
    let mut bytes = fs::read(path).unwrap();
    let spoken: Vec<usize> = (0..packets.len()).filter(|&n| packets[n].data[23] == 6).collect();
    for silence in spoken.windows(2).filter(|pair| pair[1] - pair[0] > OTHERS) {
        let [from, upto] = [silence[0] + 2_000, silence[1] - 2_000].map(|n| writer(&packets[..n]).len());
        bytes[from..upto].fill(0xff);
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn silences_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let packets = with_silences();
    for (name, writer) in FORMATS {
        for threads in [1, 3] {
            let path = file(&folder, &writer(&packets));
            let outcome = look(&path, threads);
            let [judged] = &outcome.connections[..] else { panic!("{name}: one connection") };
            let before = met(&outcome, threads, &[judged]);
            assert_eq!(before.len(), packets.len() - 2 * OTHERS, "{name}");
            spoil(&path, writer, &packets);
            assert!(met(&outcome, threads, &[judged]) == before, "{name} on {threads} threads");
        }
    }
}

/// A RST ends no silence: where there was another in one, all is read.
#[test]
fn a_reset_within_a_silence_is_met() {
    let folder = tempfile::tempdir().unwrap();
    let mut packets = with_silences();
    packets.insert(OTHERS / 2, tcp(packets[OTHERS / 2].at, false, RST, 9, 0, 0));
    let path = file(&folder, &FORMATS[0].1(&packets));
    let outcome = look(&path, 1);
    let judged: Vec<&Judged> = outcome.connections.iter().collect();
    assert_eq!(met(&outcome, 1, &judged).len(), packets.len() - 2 * OTHERS);
}

/// Interfaces that are described on the way have to be met before anything behind them can be read.
#[test]
fn interfaces_described_on_the_way_are_known_behind() {
    let folder = tempfile::tempdir().unwrap();
    let packets = with_silences();
    let mut writer = PcapNg::new(Order::Big).interface_with(1, 0, Some(9), 0, "first");
    for (n, packet) in packets.iter().enumerate() {
        if n == OTHERS + OTHERS / 2 {
            writer = writer.section(Order::Little).interface_with(0, 0, Some(9), 0, "of another type");
            writer = writer.interface_with(1, 0, Some(6), 0, "second");
        }
        writer = writer.enhanced(u32::from(n >= OTHERS + OTHERS / 2), packet);
    }
    let path = file(&folder, &writer.bytes());
    let outcome = look(&path, 1);
    let [judged] = &outcome.connections[..] else { panic!("one connection") };
    assert_eq!(met(&outcome, 1, &[judged]).len(), packets.len() - 2 * OTHERS);
}

/// Of many connections at once, whichever are asked for.
#[test]
fn nothing_is_missed_among_many() {
    let folder = tempfile::tempdir().unwrap();
    let load = load::Load { packets: 30_000, concurrency: 40, exchanges: 6, ..load::Load::default() };
    let mut bytes = Vec::new();
    load::write(&load, &mut bytes).unwrap();
    let path = file(&folder, &bytes);
    let outcome = look(&path, 1);
    let whole = read_whole(&outcome);
    assert!(outcome.connections.len() > 500, "{}", outcome.connections.len());
    for step in [outcome.connections.len() - 1, 190, 61] {
        for from in 0..5 {
            let wanted: Vec<&Judged> = outcome.connections.iter().skip(from).step_by(step).collect();
            let all = met(&whole, 1, &wanted);
            assert!(all.len() > 10 * wanted.len() / 2, "{} of {}", all.len(), wanted.len());
            for threads in [1, 3] {
                assert!(met(&outcome, threads, &wanted) == all, "every {step} from {from}");
            }
        }
    }
}

/// Where a reader goes on at a mark, it delivers what it would have delivered there.
#[test]
fn a_reader_goes_on_at_any_mark() {
    let folder = tempfile::tempdir().unwrap();
    let packets = with_silences();
    for (name, writer) in FORMATS {
        let path = file(&folder, &writer(&packets));
        let limits = options(1).read;
        let mut whole = Vec::new();
        let mut reader = Reader::open(&path, &limits).unwrap();
        while reader
            .next_batch(&mut |record| whole.push((record.frame, record.at, record.data.to_vec())))
            .unwrap()
        {}
        let marks = (0..=packets.len() as u64).step_by(500).filter_map(|frame| reader.marks().before(frame));
        let mut tried = 0;
        for mark in marks {
            let mut second = Reader::open(&path, &limits).unwrap();
            let mut rest = Vec::new();
            second.next_batch(&mut |_| {}).unwrap();
            if !second.skip_to(mark) {
                assert!(mark.frames <= second.summary().frames, "{name}: {mark:?}");
                continue;
            }
            while second
                .next_batch(&mut |record| rest.push((record.frame, record.at, record.data.to_vec())))
                .unwrap()
            {}
            assert!(rest == whole[mark.frames as usize..], "{name}: {mark:?}");
            assert!(!second.skip_to(mark), "back");
            tried += 1;
        }
        assert!(tried > 20, "{name}: {tried}");
    }
}

/// Of what is compressed, the way to a mark leads through all before it.
#[test]
fn what_is_compressed_is_read_through() {
    let folder = tempfile::tempdir().unwrap();
    let packets = with_silences();
    let path = file(&folder, &zstd::encode_all(&FORMATS[0].1(&packets)[..], 1).unwrap());
    let outcome = look(&path, 1);
    assert!(outcome.inputs[0].marks.last().is_some());
    let judged: Vec<&Judged> = outcome.connections.iter().collect();
    assert_eq!(met(&outcome, 1, &judged).len(), packets.len() - 2 * OTHERS);
}
