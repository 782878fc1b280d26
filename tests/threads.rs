//! Any number of threads and any size of blocks give the same report, to the byte.

#[path = "../benches/load.rs"]
#[allow(dead_code, reason = "the load has more to choose from than is chosen here")]
mod load;
#[path = "support/write.rs"]
mod write;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use cwait_pcap::analysis::{self, HandOn, Options};
use cwait_pcap::capture::Limits;
use cwait_pcap::report::{Listed, Report, Request, Style, by_name};
use cwait_pcap::tcp::Connection;
use write::{Kind, Order, Packet};

/// One thread with the usual blocks, then several with ever smaller ones: in the last, most records are cut by a
/// block's end.
const ROADS: [(usize, usize); 4] = [(1, 1 << 18), (2, 1 << 14), (3, 3_001), (8, 517)];

/// The JSON report with every connection.
fn report(inputs: &[PathBuf], options: &Options) -> String {
    let outcome = match analysis::run(inputs, options, &mut |_| {}) {
        Ok(outcome) => outcome,
        Err(error) => return error.to_string(),
    };
    let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
    let mut json = Vec::new();
    let format = by_name("json").unwrap();
    format.write(&Report::build(&outcome, &request), &Style::plain(), &mut json).unwrap();
    String::from_utf8(json).unwrap()
}

/// Reads by every road, demands that all agree, and returns the one report.
fn same_by_every_road(inputs: &[PathBuf], options: &Options) -> String {
    let mut reports = ROADS.map(|(threads, buffer)| {
        let read = Limits { buffer, ..options.read };
        report(inputs, &Options { threads, read, keep_all: true, ..options.clone() })
    });
    let [first, others @ ..] = &mut reports;
    for ((threads, buffer), other) in ROADS[1..].iter().zip(others) {
        let differs = first.lines().zip(other.lines()).find(|(one, other)| one != other);
        assert_eq!(differs, None, "{inputs:?} on {threads} threads in blocks of {buffer}");
        assert_eq!(first.len(), other.len(), "{inputs:?} on {threads} threads in blocks of {buffer}");
    }
    std::mem::take(first)
}

fn write_file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn generated(load: &load::Load) -> Vec<u8> {
    let mut bytes = Vec::new();
    load::write(load, &mut bytes).unwrap();
    bytes
}

fn number(json: &str, name: &str) -> u64 {
    let value = json.split(&format!("\"{name}\": ")).nth(1).unwrap_or_else(|| panic!("no {name}"));
    value.split([',', '\n']).next().unwrap().parse().unwrap()
}

#[test]
fn every_bundled_capture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures");
    let mut read = 0;
    for scenario in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(scenario.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if !["json", "md", "txt"].iter().any(|other| path.extension().is_some_and(|e| e == *other)) {
                same_by_every_road(&[path], &Options::default());
                read += 1;
            }
        }
    }
    assert!(read > 50, "{read}");
}

/// The connections of a part, whose rows carry Wireshark's numbers as they are.
#[test]
fn parts_of_a_capture() {
    let load = load::Load { packets: 6_000, concurrency: 200, exchanges: 3, ..load::Load::default() };
    let file = write_file(&generated(&load));
    let part = |(threads, buffer)| {
        let read = Limits { buffer, ..Limits::default() };
        let options = Options { threads, read, ..Options::default() };
        let kept = Arc::new(Mutex::new(Vec::new()));
        let hand_on: HandOn = Arc::new({
            let kept = Arc::clone(&kept);
            move |connection, _| kept.lock().unwrap().push(connection)
        });
        let part = analysis::read_part(file.path(), None, &options, &mut |_| {}, &hand_on).unwrap();
        let mut connections = std::mem::take(&mut *kept.lock().unwrap());
        part.numbers.resolve(connections.iter_mut().map(|connection| &mut connection.stream));
        connections.sort_unstable_by_key(|connection: &Connection| connection.first.frame);
        connections
    };
    let [first, others @ ..] = ROADS.map(part);
    assert!(first.len() > 300);
    for (stream, connection) in (0..).zip(&first) {
        assert_eq!(connection.stream, stream);
    }
    for other in others {
        assert_eq!(first, other);
    }
}

#[test]
fn several_files_are_one_capture_and_those_that_overlap_are_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures/rotated-files");
    let whole = folder.join("one-file.pcap.zst");
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    all.retain(|path| path.to_string_lossy().contains("part.pcap"));
    assert!(all.len() > 2);
    let report = same_by_every_road(&all, &Options::default());
    assert!(report.contains("\"first_frame\": 1,"), "{report}");
    let overlapping = [whole, all[0].clone()];
    assert!(same_by_every_road(&overlapping, &Options::default()).contains("overlap"));
}

#[test]
fn many_connections_and_streams_are_numbered_alike() {
    let load = load::Load { packets: 20_000, concurrency: 300, exchanges: 3, ..load::Load::default() };
    let file = write_file(&generated(&load));
    let json = same_by_every_road(&[file.path().to_owned()], &Options::default());
    // Every connection begins with a SYN here, so the streams are those of the first frames, in order.
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let connections = json["connections"].as_array().unwrap();
    assert!(connections.len() > 1_200, "{}", connections.len());
    for (n, connection) in connections.iter().enumerate() {
        assert_eq!(connection["stream"], n);
    }
}

#[test]
fn what_is_given_up_for_the_memory_limit() {
    let load = load::Load { packets: 8_000, concurrency: 1_000, ..load::Load::default() };
    let file = write_file(&generated(&load));
    let options = Options { max_memory: Some(1 << 20), ..Options::default() };
    let json = same_by_every_road(&[file.path().to_owned()], &options);
    assert!(number(&json, "given_up") > 0);
}

#[test]
fn cut_and_damaged_captures() {
    let sound = generated(&load::Load { packets: 3_000, concurrency: 40, ..load::Load::default() });
    let mut damaged = sound.clone();
    damaged[100_000..103_000].fill(0xff);
    let mut with_zeros = sound.clone();
    let upto = with_zeros.len();
    with_zeros[upto - 5_000..].fill(0);
    for (bytes, holes) in [(&sound[..sound.len() - 7], 0), (&damaged, 1), (&with_zeros, 1)] {
        let file = write_file(bytes);
        let json = same_by_every_road(&[file.path().to_owned()], &Options::default());
        assert_eq!(json.matches("at byte").count(), holes.max(1), "{}", &json[..2_000]);
    }
}

/// An Ethernet frame with an IPv4 packet.
fn ipv4(
    source: [u8; 4],
    destination: [u8; 4],
    protocol: u8,
    id: u16,
    fragment: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((20 + payload.len() as u16).to_be_bytes());
    frame.extend(id.to_be_bytes());
    frame.extend(fragment.to_be_bytes());
    frame.extend([64, protocol, 0, 0]);
    frame.extend(source);
    frame.extend(destination);
    frame.extend(payload);
    frame
}

fn tcp(ports: [u16; 2], seq: u32, ack: u32, flags: u8, len: usize) -> Vec<u8> {
    let mut segment = ports.map(u16::to_be_bytes).concat();
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.resize(20 + len, b'x');
    segment
}

/// Clients that send one request each, in two fragments with other clients' packets between them, and get an ICMP error
/// about it.
#[test]
fn fragments_and_icmp_errors_across_the_ends_of_blocks() {
    const CLIENTS: u16 = 300;
    let server = [10, 0, 1, 1];
    let client = |n: u16| [10, 0, (n >> 8) as u8 + 2, n as u8];
    let mut frames = Vec::new();
    for n in 0..CLIENTS {
        frames.push(ipv4(client(n), server, 6, n, 0, &tcp([5_000, 80], 100, 0, 2, 0)));
        frames.push(ipv4(server, client(n), 6, n, 0, &tcp([80, 5_000], 900, 101, 18, 0)));
    }
    let request = |n: u16| tcp([5_000, 80], 101, 901, 24, 60 + usize::from(n % 7));
    for n in 0..CLIENTS {
        frames.push(ipv4(client(n), server, 6, n, 0x2000, &request(n)[..40]));
    }
    for n in (0..CLIENTS).rev() {
        frames.push(ipv4(client(n), server, 6, n, 5, &request(n)[40..]));
        let quoted = &ipv4(client(n), server, 6, n, 0, &request(n)[..8])[14..];
        let error = [&[3, 1, 0, 0, 0, 0, 0, 0], quoted].concat();
        frames.push(ipv4([10, 0, 0, 254], client(n), 1, n, 0, &error));
        frames.push(ipv4(client(n), server, 6, n, 0, &tcp([5_000, 80], 161 + u32::from(n % 7), 901, 16, 0)));
    }
    let packets: Vec<_> = frames
        .iter()
        .enumerate()
        .map(|(at, frame)| Packet::new(1_700_000_000_000_000_000 + at as i64 * 1_000_000, frame))
        .collect();
    let file = write_file(&write::pcap(Kind::Nanos, Order::Big, 1, &packets));
    let json = same_by_every_road(&[file.path().to_owned()], &Options::default());
    assert_eq!(number(&json, "tcp"), u64::from(CLIENTS) * 4, "every request is whole");
    assert_eq!(number(&json, "connections"), u64::from(CLIENTS));
    // Sixty octets and some, one time each.
    let octets: u64 = (0..u64::from(CLIENTS)).map(|n| 60 + n % 7).sum();
    let payloads = json.lines().filter_map(|line| line.trim().strip_prefix("\"payload\": "));
    assert_eq!(payloads.map(|n| n.trim_end_matches(',').parse::<u64>().unwrap()).sum::<u64>(), octets);
}

#[test]
fn a_pipe_that_is_fed_slowly() {
    let bytes = generated(&load::Load { packets: 2_000, concurrency: 50, ..load::Load::default() });
    let run = |threads: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
            .args(["analyze", "-", "--format", "ndjson", "--connections", "all", "--threads", threads])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn({
            let bytes = bytes.clone();
            move || bytes.chunks(997).for_each(|piece| stdin.write_all(piece).unwrap())
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().replace(&format!("\"{threads}\""), "\"N\"")
    };
    let one = run("1");
    assert!(one.lines().count() > 50);
    assert_eq!(run("2"), one);
    assert_eq!(run("7"), one);
}
