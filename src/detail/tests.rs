//! What is worth telling of a conversation: segments in, a line per event out.

use super::*;
use crate::wire::{Multipath, SeqNum, Side, Span, Stamp, TcpFlags, TcpTimestamps, Timestamp};

/// `ms side flags seq len ack [window]`; flags as letters.
fn segment(frame: u64, line: &str) -> Segment {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize, default: u32| words.get(at).map_or(default, |word| word.parse().unwrap());
    let flag = |letter, flag| if words[2].contains(letter) { flag } else { TcpFlags::default() };
    Segment {
        seen: Stamp { at: Timestamp(0) + Span::millis(i64::from(number(0, 0))), frame },
        seq: SeqNum(number(3, 0)),
        ack: SeqNum(number(5, 0)),
        len: number(4, 0),
        timestamps: TcpTimestamps::default(),
        window: number(6, 1_000) as u16,
        checksum: 0,
        ip_id: frame as u16,
        interface: 0,
        flags: flag('S', TcpFlags::SYN)
            | flag('F', TcpFlags::FIN)
            | flag('R', TcpFlags::RST)
            | flag('A', TcpFlags::ACK),
        hop_limit: 64,
        side: if words[1] == "C" { Side::Lo } else { Side::Hi },
        has_timestamps: false,
        has_options: false,
        ..Segment::BLANK
    }
}

fn told(room: usize, lines: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut collector = Collector::new(room);
    for (frame, line) in (1..).zip(lines) {
        collector.take(&segment(frame, line.as_ref()));
    }
    let line = |e: Event| {
        let side = if e.act == Act::Others { "-" } else { ["C", "S"][e.side.index()] };
        let span = format!("{}-{}", e.first.frame, e.last.frame);
        format!("{side} {:?} {span} {} octets, {} segments, {} times\n", e.act, e.payload, e.segments, e.sent)
    };
    collector.finish().into_iter().map(line).collect()
}

const OPENING: [&str; 3] = ["0 C S 0 0 0", "1 S SA 0 0 1", "2 C A 1 0 1"];

fn with_opening(rest: &[&str]) -> Vec<String> {
    OPENING.iter().chain(rest).map(|line| (*line).to_owned()).collect()
}

#[test]
fn repetitions_are_folded_and_acknowledgments_left_out() {
    let lines = with_opening(&[
        "10 C A 1 100 1",
        "11 S A 1 0 101",
        "20 S A 1 1000 101",
        "20 S A 1001 1000 101",
        "21 C A 101 0 2001",
        "30 C FA 101 0 2001",
        "31 S A 2001 0 102",
        "600 C A 102 0 2001",
    ]);
    insta::assert_snapshot!(told(32, lines), @r#"
    C Syn 1-1 0 octets, 1 segments, 1 times
    S SynAck 2-2 0 octets, 1 segments, 1 times
    C Ack 3-3 0 octets, 1 segments, 1 times
    C Data 4-4 100 octets, 1 segments, 1 times
    S Data 6-7 2000 octets, 2 segments, 1 times
    C Fin 9-9 0 octets, 1 segments, 1 times
    S AckOfFin 10-10 0 octets, 1 segments, 1 times
    C Ack 11-11 0 octets, 1 segments, 1 times
    "#);
}

#[test]
fn edges_of_a_silence_are_told_one_by_one() {
    let lines = with_opening(&[
        "10 S A 1 1000 1",
        "10 S A 1001 1000 1",
        "10 S A 2001 1000 1",
        "90000 C A 1 50 3001",
        "90300 C A 1 50 3001",
        "90900 C A 1 50 3001",
        "92100 C A 1 50 3001",
    ]);
    insta::assert_snapshot!(told(32, lines), @r#"
    C Syn 1-1 0 octets, 1 segments, 1 times
    S SynAck 2-2 0 octets, 1 segments, 1 times
    C Ack 3-3 0 octets, 1 segments, 1 times
    S Data 4-5 2000 octets, 2 segments, 1 times
    S Data 6-6 1000 octets, 1 segments, 1 times
    C Data 7-10 50 octets, 1 segments, 4 times
    "#);
}

#[test]
fn probes_are_folded_whatever_the_time_between() {
    let lines = with_opening(&[
        "10 C A 1 10 1",
        "11 S A 1 0 11 0",
        "75000 C A 10 0 1",
        "75001 S A 1 0 11 0",
        "150000 C A 10 0 1",
        "150001 S A 1 0 11 0",
        "160000 S R 1 0 0",
    ]);
    insta::assert_snapshot!(told(32, lines), @r#"
    C Syn 1-1 0 octets, 1 segments, 1 times
    S SynAck 2-2 0 octets, 1 segments, 1 times
    C Ack 3-3 0 octets, 1 segments, 1 times
    C Data 4-4 10 octets, 1 segments, 1 times
    S ZeroWindow 5-9 0 octets, 1 segments, 3 times
    C WindowProbe 6-8 0 octets, 1 segments, 2 times
    S Rst 10-10 0 octets, 1 segments, 1 times
    "#);
}

#[test]
fn what_is_too_long_loses_its_middle_but_never_its_end() {
    let talk = (0..5_000_u32).flat_map(|n| {
        let at = 10 + n * 20;
        [
            format!("{at} C A {} 10 {}", 1 + n * 10, 1 + n * 100),
            format!("{} S A {} 100 {}", at + 5, 1 + n * 100, 11 + n * 10),
        ]
    });
    let end = ["200000 C FA 50001 0 500001", "200001 S A 500001 0 50002"];
    let lines = with_opening(&[]).into_iter().chain(talk).chain(end.map(str::to_owned));
    insta::assert_snapshot!(told(12, lines), @r#"
    C Syn 1-1 0 octets, 1 segments, 1 times
    S SynAck 2-2 0 octets, 1 segments, 1 times
    C Ack 3-3 0 octets, 1 segments, 1 times
    - Others 4-10002 549900 octets, 9999 segments, 1 times
    S Data 10003-10003 100 octets, 1 segments, 1 times
    C Fin 10004-10004 0 octets, 1 segments, 1 times
    S AckOfFin 10005-10005 0 octets, 1 segments, 1 times
    "#);
}

#[test]
fn data_fins_and_their_acknowledgments() {
    let mut acts = Acts::default();
    let mut act = |line: &str, multipath, number| {
        acts.next(&Segment { multipath, data_number: SeqNum(number), ..segment(1, line) }).unwrap()
    };
    assert_eq!(act("0 S A 900 0 108", Multipath::DataAck, 8), (Act::Ack, false));
    assert_eq!(act("10 C A 108 0 900", Multipath::DataFin, 9), (Act::DataFin, false));
    assert_eq!(act("20 S A 900 9 108", Multipath::DataAck, 9), (Act::Data, false));
    assert_eq!(act("30 C A 108 0 909", Multipath::DataFin, 9), (Act::DataFin, true));
    assert_eq!(act("40 S A 909 0 108", Multipath::DataAck, 9), (Act::AckOfDataFin, false));
    assert_eq!(act("50 S A 909 0 108", Multipath::DataAck, 9), (Act::Ack, false));
    assert_eq!(act("60 S A 909 0 108", Multipath::DataFin, 10), (Act::DataFin, false));
    assert_eq!(act("70 C A 108 0 909", Multipath::DataAck, 10), (Act::AckOfDataFin, false));
}
