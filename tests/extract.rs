//! Extracts and other names: what is kept is judged as the whole was, what is hidden is hidden.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use cwait_pcap::report::{Connection, Report};

/// A snoop capture and a compressed pcap.
const CAPTURES: [&str; 2] =
    ["testdata/captures/file-formats/solaris.snoop", "testdata/captures/file-formats/plain.pcap.gz"];

fn run(args: &[&str]) -> Vec<u8> {
    let done = Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

fn report(capture: &str, more: &[&str]) -> Report {
    let args = [&["analyze", capture, "--format", "json", "--connections", "all"], more].concat();
    serde_json::from_slice(&run(&args)).unwrap()
}

/// Everything that must not change, whatever the addresses and frame numbers are.
fn judged(c: &Connection) -> impl PartialEq + std::fmt::Debug + use<> {
    let side = |side: &cwait_pcap::report::Endpoint| {
        (side.proven.clone(), side.segments, side.payload, side.retransmissions, side.hop_limits.clone())
    };
    (
        (c.first.time, c.last.time, c.history.clone(), c.ending.clone()),
        (c.finding.clone(), c.notes.clone(), c.undecided.clone(), c.side.clone(), c.silence_failed),
        (side(&c.client_side), side(&c.server_side)),
    )
}

fn extracted(folder: &Path, capture: &str, more: &[&str]) -> String {
    let out = folder.join("extract.pcapng").to_str().unwrap().to_owned();
    run(&[&["extract", capture, "-q", "--all", "-o", &out], more].concat());
    out
}

#[test]
fn an_extract_is_judged_as_the_whole_was() {
    let folder = tempfile::tempdir().unwrap();
    for capture in CAPTURES {
        let whole = report(capture, &[]);
        assert!(!whole.connections.is_empty(), "{capture}");
        for more in [&[][..], &["--anonymize", "a key"]] {
            let extract = report(&extracted(folder.path(), capture, more), &[]);
            let of = |report: &Report| report.connections.iter().map(judged).collect::<Vec<_>>();
            assert_eq!(of(&whole), of(&extract), "{capture} {more:?}");
            let told = |report: &Report| {
                let of = |f: &cwait_pcap::report::Finding| (f.name.clone(), f.severity, f.count, f.fact);
                report.findings.iter().map(of).collect::<Vec<_>>()
            };
            assert_eq!(told(&whole), told(&extract), "{capture} {more:?}");
        }
    }
}

/// All texts of a table, and the whole file, too: compressed pages hide what they hold.
fn unpacked(table: Vec<u8>) -> Vec<u8> {
    use arrow_array::{Array, StringArray};
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&table).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut octets = table;
    let mut texts = 0;
    for batch in reader.build().unwrap() {
        for column in batch.unwrap().columns() {
            let Some(column) = column.as_any().downcast_ref::<StringArray>() else { continue };
            column.iter().flatten().for_each(|text| octets.extend(text.as_bytes()));
            texts += column.len();
        }
    }
    assert!(texts > 0);
    octets
}

#[test]
fn nothing_of_the_addresses_remains() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    fs::write(&key_file, "a key\n").unwrap();
    let key = ["--anonymize-key-file", key_file.to_str().unwrap()];
    for capture in CAPTURES {
        let whole = report(capture, &[]);
        let addresses: Vec<IpAddr> = whole
            .connections
            .iter()
            .flat_map(|c| [&c.client, &c.server])
            .map(|end| end.parse::<std::net::SocketAddr>().unwrap().ip())
            .collect();
        let names: Vec<String> = whole.connections.iter().map(|c| c.id.clone()).collect();
        let mut outputs = vec![fs::read(extracted(folder.path(), capture, &key)).unwrap()];
        for format in cwait_pcap::report::FORMATS {
            let args = [
                "analyze",
                capture,
                "--format",
                format.name(),
                "--connections",
                "all",
                "--title",
                "10.0.0.1",
            ];
            let written = run(&[&args, &key[..]].concat());
            outputs.push(if format.is_binary() { unpacked(written) } else { written });
        }
        for output in &outputs {
            let has = |bytes: &[u8]| output.windows(bytes.len()).any(|window| window == bytes);
            for address in &addresses {
                assert!(!has(address.to_string().as_bytes()), "{capture}: {address} as text");
                match address {
                    IpAddr::V4(address) => assert!(!has(&address.octets()), "{capture}: {address}"),
                    IpAddr::V6(address) => assert!(!has(&address.octets()), "{capture}: {address}"),
                }
            }
            assert!(names.iter().all(|name| !has(name.as_bytes())), "{capture}: the name of a connection");
            assert!(!has(b"file-formats"), "{capture}: the path");
        }
    }
}

#[test]
fn one_key_gives_the_same_names_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let key = ["--anonymise", "a key"];
    let named = |report: &Report| {
        let of = |c: &Connection| (c.id.clone(), c.client.clone(), c.server.clone());
        report.connections.iter().map(of).collect::<Vec<_>>()
    };
    for capture in CAPTURES {
        let in_report = report(capture, &key);
        let in_extract = report(&extracted(folder.path(), capture, &key), &[]);
        assert_eq!(named(&in_report), named(&in_extract), "{capture}");
        assert_ne!(named(&in_report), named(&report(capture, &["--anonymise", "another key"])), "{capture}");
    }
}

#[test]
fn what_there_is_nothing_of_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    let out = out.to_str().unwrap();
    for (args, says) in [
        (&["--finding", "no-such"][..], "no finding is called 'no-such'"),
        (&["--stream", "9999"], "no connection is called '9999'"),
        (&["--anonymize", ""], "--anonymize"),
    ] {
        let args = [&["extract", CAPTURES[0], "-o", out], args].concat();
        let done = Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).args(&args).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(told.contains(says), "{told}");
        assert!(!Path::new(out).exists());
    }
}

/// Captures with long connections, silences survived and not, losses, a half-close, options of Multipath TCP.
const CUT: [&str; 8] = [
    "testdata/captures/idle-gap-ladder-15min/client-side.pcap.zst",
    "testdata/captures/firewall-forgets-with-reset/client-side.pcap.zst",
    "testdata/captures/rough-network/server-side.pcap.zst",
    "testdata/captures/half-close-download/server-side.pcap.zst",
    "testdata/captures/leak-over-time-x300/server-side.pcap.zst",
    "testdata/captures/needle-in-haystack/server-side.pcap.zst",
    "testdata/captures/multipath-tcp/server-side.pcap.zst",
    "testdata/captures/multipath-tcp-given-up/server-side.pcap.zst",
];

/// Nothing is asked for but few frames: what the findings rest on comes along, and what is cut out is no hole.
#[test]
fn what_is_left_out_is_not_missing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cut.pcapng").to_str().unwrap().to_owned();
    let mut left_out = 0;
    for capture in CUT {
        let whole = report(capture, &[]);
        for more in [&[][..], &["--anonymize", "a key"]] {
            let args = [&["extract", capture, "-q", "--frames", "8", "-o", &out], more].concat();
            run(&args);
            let cut = report(&out, &[]);
            left_out += whole.capture.tcp - cut.capture.tcp;
            // Pauses of less than a second are none of its key frames.
            let silence = |c: &Connection| {
                let span = c.longest_silence_survived?.0;
                (span >= cwait_pcap::wire::Span::secs(1)).then_some(span)
            };
            let of = |c: &Connection| {
                let numbers = |side: &cwait_pcap::report::Endpoint| {
                    (side.proven.clone(), side.payload, side.last.clone().map(|last| last.time))
                };
                (
                    (c.first.time, c.last.time, c.ending.clone(), silence(c)),
                    (c.finding.clone(), c.notes.clone(), c.undecided.clone(), c.silence_failed),
                    (numbers(&c.client_side), numbers(&c.server_side)),
                )
            };
            for connection in &cut.connections {
                let same = |c: &&Connection| c.first.time == connection.first.time;
                let original = whole.connections.iter().find(same).unwrap();
                assert_eq!(of(connection), of(original), "{capture} {more:?}");
            }
            let flagged = |report: &Report| report.connections.iter().filter(|c| c.finding.is_some()).count();
            assert_eq!(flagged(&cut), flagged(&whole), "{capture} {more:?}");
            let told = |report: &Report| {
                let of = |f: &cwait_pcap::report::Finding| {
                    let bounds = match &f.data {
                        Some(cwait_pcap::report::Drawing::TimerInterval(timer)) => {
                            Some((timer.above, timer.at_most, timer.survived.len(), timer.failed.len()))
                        }
                        _ => None,
                    };
                    // Connections that ended well are counted where they are kept: of them an extract has none.
                    let count = if f.name == "lossy-path" { 0 } else { f.count };
                    format!("{} {:?} {:?} {count}/{} {bounds:?}", f.name, f.severity, f.fact, f.of)
                };
                let mut all: Vec<_> = report.findings.iter().map(of).collect();
                all.sort();
                all
            };
            assert_eq!(told(&cut), told(&whole), "{capture} {more:?}");
        }
    }
    assert!(left_out > 1_000, "only {left_out} segments were left out: nothing was tried");
}

/// Frame, time, length on the wire and comments of each packet, by a reader that is not ours.
fn packets(file: &[u8]) -> Vec<(u64, u64, u32, Vec<String>)> {
    use pcap_parser::pcapng::{Block, OptionCode, parse_block_le};
    let mut all = Vec::new();
    let mut rest = file;
    while let Ok((after, block)) = parse_block_le(rest) {
        rest = after;
        let Block::EnhancedPacket(packet) = block else { continue };
        let comments = packet.options.iter().filter(|option| option.code == OptionCode::Comment);
        let comments: Vec<String> =
            comments.map(|option| String::from_utf8_lossy(option.as_bytes().unwrap()).into_owned()).collect();
        let frame = comments[0].strip_prefix("frame ").unwrap().split(' ').next().unwrap().parse().unwrap();
        let nanoseconds = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
        all.push((frame, nanoseconds, packet.origlen, comments));
    }
    assert!(rest.is_empty(), "{} octets are no block", rest.len());
    all
}

#[test]
fn packets_keep_their_order_times_and_lengths_and_say_what_they_show() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cut.pcapng").to_str().unwrap().to_owned();
    for capture in CUT {
        run(&["extract", capture, "-q", "--frames", "8", "-o", &out]);
        let mut reader = cwait_pcap::capture::Reader::open(Path::new(capture), &Default::default()).unwrap();
        let mut original = Vec::new();
        while reader.next_batch(&mut |record| original.push((record.at.0 as u64, record.wire_len))).unwrap() {
        }
        let packets = packets(&fs::read(&out).unwrap());
        assert!(packets.windows(2).all(|pair| pair[0].0 < pair[1].0), "{capture}: not in order");
        for (frame, at, length, _) in &packets {
            assert_eq!((*at, *length), original[*frame as usize - 1], "{capture}: frame {frame}");
        }
        let said =
            |words: &str| packets.iter().flat_map(|(.., comments)| comments).any(|said| said.contains(words));
        let whole = report(capture, &[]);
        let finding = whole.findings.iter().find(|finding| finding.data.is_none()).unwrap();
        let evidence = &finding.evidence[0];
        let shows = &packets.iter().find(|(frame, ..)| *frame == evidence.frame).unwrap().3;
        assert!(shows.contains(&format!("{}: {}", finding.name, evidence.label)), "{capture}: {shows:?}");
        assert!(said(" of this connection left out before this one"), "{capture}");
    }
}
