//! Files that change while they are read: what is reported is what was there, and that is said.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use cwait_pcap::analysis::{self, Options};
use cwait_pcap::report::{Listed, Report, Request};

use crate::packets::{ACK, End, FIN, SECOND, START, SYN, Tcp};
use crate::write::{self, Kind, Order, Packet};

/// A server that never closes, among frames of others that take more than one buffer.
fn capture(client: u32) -> Vec<u8> {
    let (client, server) = (End(client, 40_000), End(2, 443));
    let mut packets: Vec<Packet> = [
        Tcp::new(client, server, SYN, 100, 0, 0),
        Tcp::new(server, client, SYN | ACK, 500, 101, 0),
        Tcp::new(client, server, ACK, 101, 501, 0),
        Tcp::new(client, server, FIN | ACK, 101, 501, 0),
        Tcp::new(server, client, ACK, 501, 102, 0),
    ]
    .iter()
    .enumerate()
    .map(|(n, segment)| segment.packet(START + n as i64 * SECOND))
    .collect();
    packets.extend((0..40_000).map(|n| {
        Tcp::new(End(3, 5_000), End(4, 80), ACK, n, 1, 1).packet(START + (10 + i64::from(n) / 20) * SECOND)
    }));
    write::pcap(Kind::Nanos, Order::Little, 1, &packets)
}

fn file(folder: &tempfile::TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("a.pcap");
    fs::write(&path, content).unwrap();
    path
}

fn report(outcome: &analysis::Outcome) -> Report {
    Report::build(outcome, &Request { command_line: Vec::new(), listed: Listed::All, limit: None })
}

#[test]
fn a_file_that_shrinks_is_read_to_its_new_end_and_that_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = capture(1);
    let path = file(&folder, &bytes);
    let mut shrunk = false;
    let outcome = analysis::run(std::slice::from_ref(&path), &Options::default(), &mut |_| {
        if !shrunk {
            OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 / 2).unwrap();
            shrunk = true;
        }
    })
    .unwrap();
    let report = report(&outcome);
    assert!(report.capture.frames > 1_000 && report.capture.frames < 40_005, "{}", report.capture.frames);
    let [problem] = &report.inputs[0].problems[..] else { panic!("{:?}", report.inputs[0].problems) };
    assert!(problem.contains("shrank") && problem.starts_with("frame "), "{problem}");
}

#[test]
fn a_file_that_is_replaced_is_read_as_it_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, &capture(1));
    let other = folder.path().join("b.pcap");
    let outcome = analysis::run(std::slice::from_ref(&path), &Options::default(), &mut |_| {
        fs::write(&other, capture(9)).unwrap();
        fs::rename(&other, &path).unwrap();
    })
    .unwrap();
    assert_eq!((outcome.capture.frames, outcome.inputs[0].trouble.clone()), (40_005, None));
    let clients: Vec<String> = report(&outcome).connections.iter().map(|c| c.client.clone()).collect();
    assert!(clients.contains(&"10.0.0.1:40000".to_owned()), "{clients:?}");
    // The second look, for the drawing, meets another file and does not take it for the first.
    let again = report(&outcome).add_key_segments(&outcome, &Options::default());
    assert!(again.unwrap_err().to_string().contains("changed"));
}

#[test]
fn a_file_that_grows_is_read_to_the_end_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = capture(1);
    let path = file(&folder, &bytes[..bytes.len() / 2]);
    let mut grown = false;
    let outcome = analysis::run(std::slice::from_ref(&path), &Options::default(), &mut |_| {
        if !grown {
            fs::write(&path, &bytes).unwrap();
            grown = true;
        }
    })
    .unwrap();
    assert_eq!((outcome.capture.frames, outcome.inputs[0].trouble.clone()), (40_005, None));
    let mut report = report(&outcome);
    report.add_key_segments(&outcome, &Options::default()).unwrap();
    assert!(report.connections.iter().any(|c| !c.key_segments.is_empty()));
}
