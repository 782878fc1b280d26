//! A hole in a capture: what lies across it is less sure than it would be, and the hole is told.

use std::io::Cursor;

use cwait_pcap::analysis::{Analysis, Options, Outcome};
use cwait_pcap::capture::{Limits, Reader};
use cwait_pcap::findings::Certainty;
use cwait_pcap::report::{self, Listed, Report, Request};

use crate::packets::{ACK, End, FIN, SECOND, START, SYN, Tcp};
use crate::write::{self, Kind, Order, Packet};

const CLIENT: End = End(1, 40_000);
const SERVER: End = End(2, 443);
/// Records begin behind the file header, each of 16 octets and an Ethernet frame of headers.
const RECORD: usize = 16 + 54;

/// A client that closes, a server that does not and answers keep-alives for five minutes; a frame of others a second.
fn leak() -> Vec<Packet> {
    let segment = |at: i64, from, to, flags, seq, ack, len| {
        Tcp::new(from, to, flags, seq, ack, len).packet(START + at * SECOND / 10)
    };
    let mut all = vec![
        segment(0, CLIENT, SERVER, SYN, 100, 0, 0),
        segment(1, SERVER, CLIENT, SYN | ACK, 500, 101, 0),
        segment(2, CLIENT, SERVER, ACK, 101, 501, 0),
        segment(3, CLIENT, SERVER, ACK, 101, 501, 100),
        segment(4, SERVER, CLIENT, ACK, 501, 201, 100),
        segment(5, CLIENT, SERVER, FIN | ACK, 201, 601, 0),
        segment(6, SERVER, CLIENT, ACK, 601, 202, 0),
    ];
    for second in 1..300 {
        let at = second * 10;
        let (from, to) =
            if second % 2 == 0 { (End(3, 5_000), End(4, 80)) } else { (End(4, 80), End(3, 5_000)) };
        all.push(segment(at, from, to, ACK, second as u32, second as u32, 1));
        if second % 60 == 0 && second <= 240 {
            all.push(segment(at + 1, CLIENT, SERVER, ACK, 201, 601, 0));
            all.push(segment(at + 2, SERVER, CLIENT, ACK, 601, 202, 0));
        }
    }
    all
}

/// The outcome if the length of that record is destroyed; the records behind it are found again.
fn judged(packets: &[Packet], hole: Option<usize>) -> Outcome {
    let mut bytes = write::pcap(Kind::Nanos, Order::Little, 1, packets);
    if let Some(record) = hole {
        let at = 24 + record * RECORD;
        bytes[at + 8..at + 12].fill(0x7f);
    }
    let options = Options::default();
    let mut reader = Reader::from_read(Box::new(Cursor::new(bytes)), &Limits::default()).unwrap();
    let mut analysis = Analysis::new(options);
    while reader.next_batch(&mut |record| analysis.observe(record)).unwrap() {}
    assert_eq!(reader.summary().damage_count, u64::from(hole.is_some()));
    analysis.unreadable(reader.summary().holes());
    // As a format does that counts what was dropped.
    analysis.dropped(0, []);
    analysis.finish()
}

fn place(packets: &[Packet], at: i64) -> usize {
    packets.iter().position(|packet| packet.at >= START + at * SECOND).unwrap()
}

fn missing_fin(outcome: &Outcome) -> &cwait_pcap::findings::Finding {
    let all = outcome.connections.iter().flat_map(|judged| &judged.verdict.findings);
    let [finding] = all.filter(|finding| finding.name == "missing-fin").collect::<Vec<_>>()[..] else {
        panic!("one server owes its FIN")
    };
    finding
}

#[test]
fn a_fin_that_may_lie_in_a_hole_is_not_missed_with_confidence() {
    let packets = leak();
    let whole = judged(&packets, None);
    assert_eq!(missing_fin(&whole).fact, Certainty::Certain);
    let last_word = place(&packets, 240) + 2;
    for (hole, fact) in [
        // Before its FIN was due, the hole says nothing.
        (place(&packets, 0) + 2, Certainty::Certain),
        // Heard behind the hole without a FIN: a little less sure.
        (place(&packets, 100), Certainty::Likely),
        // Silent behind it: the FIN may have been its last word.
        (last_word + 10, Certainty::Possible),
    ] {
        let outcome = judged(&packets, Some(hole));
        let finding = missing_fin(&outcome);
        assert_eq!(finding.fact, fact, "hole at record {hole}");
        if fact < Certainty::Certain {
            let cause = finding.cause.as_ref().map(|cause| cause.certainty);
            assert!(cause.is_none_or(|cause| cause == Certainty::Possible), "{cause:?}");
            assert!(finding.against[0].contains("could not be read"), "{:?}", finding.against);
        }
    }
}

#[test]
fn a_hole_is_told_beside_what_it_weakens() {
    let packets = leak();
    let outcome = judged(&packets, Some(place(&packets, 100)));
    let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
    let report = Report::build(&outcome, &request);
    let gap = report.findings.iter().find(|finding| finding.name == "capture-gap").expect("the hole");
    assert!(gap.says.contains("damaged"), "{}", gap.says);
    let missing = report.findings.iter().find(|finding| finding.name == "missing-fin").unwrap();
    assert!(missing.fact < report::Certainty::Certain);
}

#[test]
fn a_silence_across_a_hole_is_no_silence() {
    // Two ends that fall silent, and one that then repeats in vain; the frames between may have held a word.
    let client =
        |at: i64, flags, len| Tcp::new(CLIENT, SERVER, flags, 201, 601, len).packet(START + at * SECOND);
    let other =
        |at: i64| Tcp::new(End(3, 5_000), End(4, 80), ACK, at as u32, 1, 1).packet(START + at * SECOND);
    let mut packets = leak();
    packets.truncate(5);
    packets.push(client(1, ACK, 0));
    packets.extend((2..200).map(other));
    packets.extend([201, 202, 204, 208, 216].map(|at| client(at, ACK, 100)));
    packets.extend((230..250).map(other));
    let dead = |outcome: &Outcome| {
        let mut all = outcome.connections.iter().flat_map(|judged| judged.verdict.findings.clone());
        all.find(|finding| finding.name == "dead-after-idle").expect("a connection that died").fact
    };
    assert_eq!(dead(&judged(&packets, None)), Certainty::Certain);
    assert_eq!(dead(&judged(&packets, Some(100))), Certainty::Possible);
}
