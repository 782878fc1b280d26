//! SYN, FIN and its acknowledgment in three files: evidence and silences that no file holds alone.

use std::fs;

use crate::write::{Kind, Order, Packet, pcap};
use crate::{Bench, run};

const SYN: u8 = 2;
const ACK: u8 = 16;
const PSH: u8 = 8;
const FIN: u8 = 1;

/// A connection between 10.0.0.1 and 10.0.0.2:80, as far as its frames need it.
struct Talk {
    port: u16,
    /// Next sequence numbers of client and server.
    next: [u32; 2],
}

impl Talk {
    /// The next segment, so many milliseconds after the beginning.
    fn say(&mut self, ms: i64, by_client: bool, flags: u8, len: u16) -> Packet {
        let [own, peer] = if by_client { [0, 1] } else { [1, 0] };
        let (seq, ack) = (self.next[own], if flags & ACK == 0 { 0 } else { self.next[peer] });
        self.next[own] += u32::from(len) + u32::from(flags & (SYN | FIN) != 0);
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend((40 + len).to_be_bytes());
        frame.extend([0, 7, 0x40, 0, 64, 6, 0, 0]);
        let ends = [([10, 0, 0, 1], self.port), ([10, 0, 0, 2], 80)];
        frame.extend(ends[own].0.into_iter().chain(ends[peer].0));
        for number in [ends[own].1, ends[peer].1] {
            frame.extend(number.to_be_bytes());
        }
        frame.extend(seq.to_be_bytes().into_iter().chain(ack.to_be_bytes()));
        frame.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        frame.resize(frame.len() + usize::from(len), b'x');
        Packet::new(1_700_000_000_000_000_000 + ms * 1_000_000, &frame)
    }
}

/// Three stretches: two connections open and talk; one client closes; that is acknowledged, and the other connection is
/// used again after a quarter of an hour.
fn stretches() -> [Vec<Packet>; 3] {
    let mut closing = Talk { port: 40_001, next: [1_000, 9_000] };
    let mut silent = Talk { port: 40_002, next: [5_000, 7_000] };
    let mut opened = Vec::new();
    for (talk, ms) in [(&mut closing, 0), (&mut silent, 100)] {
        opened.push(talk.say(ms, true, SYN, 0));
        opened.push(talk.say(ms + 1, false, SYN | ACK, 0));
        opened.push(talk.say(ms + 2, true, ACK, 0));
        opened.push(talk.say(ms + 3, true, ACK | PSH, 10));
        opened.push(talk.say(ms + 4, false, ACK | PSH, 20));
        opened.push(talk.say(ms + 5, true, ACK, 0));
    }
    let closed = vec![closing.say(70_000, true, FIN | ACK, 0)];
    let mut rest = vec![closing.say(70_050, false, ACK, 0)];
    for ms in [900_105, 960_105] {
        rest.push(silent.say(ms, true, ACK | PSH, 10));
        rest.push(silent.say(ms + 1, false, ACK | PSH, 20));
        rest.push(silent.say(ms + 2, true, ACK, 0));
    }
    [opened, closed, rest]
}

#[test]
fn a_fin_between_two_files_is_proven_with_the_same_frames_and_silences() {
    let bench = Bench::new();
    let file = |packets: &[Packet]| pcap(Kind::Micros, Order::Little, 1, packets);
    let names = ["x-1.pcap", "x-2.pcap", "x-3.pcap"].map(|name| bench.at(name));
    let mut fragments = Vec::new();
    for (part, packets) in names.iter().zip(&stretches()) {
        fs::write(part, file(packets)).unwrap();
        // A process each.
        let (_, told) = run(0, &["map", part, "--out", &bench.at("parts")]);
        fragments.push(told.trim().rsplit(" -> ").next().unwrap().to_owned());
    }
    let [a, b, c] = &fragments[..] else { panic!("{fragments:?}") };
    let [cb, cba] = ["cb.parquet", "cba.parquet"].map(|name| bench.at(name));
    run(0, &["merge", c, b, "--out", &cb, "-q"]);
    run(0, &["merge", &cb, a, "--out", &cba, "-q"]);
    let [joined, at_once] = ["joined.json", "at-once.json"].map(|name| bench.at(name));
    run(0, &["report", &cba, "--connections", "all", "-q", "-o", &joined]);
    let [x1, x2, x3] = &names;
    run(0, &["analyze", x1, x2, x3, "--connections", "all", "-q", "-o", &at_once]);
    let told = |name: &str| {
        let mut told = bench.json(name);
        for left_out in ["tool", "inputs"] {
            told[left_out].take();
        }
        told
    };
    let joined = told("joined.json");
    assert!(joined == told("at-once.json"));
    let connection = |port: &str| {
        let all = joined["connections"].as_array().unwrap();
        all.iter().find(|it| it["client"].as_str().unwrap().ends_with(port)).unwrap()
    };
    let [closing, silent] = [connection(":40001"), connection(":40002")];
    assert_eq!((&closing["finding"], &closing["side"]), (&"missing-fin".into(), &"server".into()));
    let fin = &closing["client_side"]["fin"];
    assert_eq!((&fin["first"]["frame"], &fin["acked"]["frame"]), (&13.into(), &14.into()));
    assert_eq!(silent["longest_silence_survived"]["ns"], "900000000000");
}
