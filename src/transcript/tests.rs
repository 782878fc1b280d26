//! Lines in, segments out.

use std::io::Cursor;

use jiff::tz::TimeZone;

use super::{Facts, Reason, Times, Transcript};
use crate::capture::{Limits, Summary, Unpacked};
use crate::decode::{Decoded, Skip};
use crate::wire::{FlowKey, Segment, TcpFlags};

struct Read {
    segments: Vec<(FlowKey, Segment)>,
    skips: Vec<Skip>,
    facts: Facts,
    summary: Summary,
}

fn read_any(text: &[u8]) -> Option<Read> {
    let input = Unpacked::from_read(Box::new(Cursor::new(text.to_vec())), &Limits::default()).unwrap();
    let mut transcript = Transcript::recognise(input, &TimeZone::UTC).unwrap()?;
    let (mut segments, mut skips) = (Vec::new(), Vec::new());
    let mut sink = |_, decoded| match decoded {
        Decoded::Segment(key, segment) => segments.push((key, segment)),
        Decoded::Skip(skip) => skips.push(skip),
        Decoded::Quote(_) => unreachable!(),
    };
    while transcript.next_batch(&mut sink).unwrap() {}
    let (facts, summary) = (transcript.facts().clone(), transcript.summary().clone());
    Some(Read { segments, skips, facts, summary })
}

fn read(text: &str) -> Read {
    read_any(text.as_bytes()).expect("a packet")
}

impl Read {
    /// One line per segment: `line seconds from>to flags seq ack len win`, numbers from the first of each side.
    fn told(&self) -> Vec<String> {
        let mut first = [None, None];
        let mut all = Vec::new();
        for (key, s) in &self.segments {
            let [own, peer] = [s.side.index(), s.side.peer().index()];
            let base = *first[own].get_or_insert(s.seq.0);
            let ack = if s.flags.any(TcpFlags::ACK) { *first[peer].get_or_insert(s.ack.0) } else { s.ack.0 };
            all.push(format!(
                "{} {:.3} {}>{} {} {} {} {} {}",
                s.seen.frame,
                s.seen.at.0 as f64 / 1e9,
                key.endpoint(s.side).port(),
                key.endpoint(s.side.peer()).port(),
                s.flags,
                s.seq.0.wrapping_sub(base) as i32,
                s.ack.0.wrapping_sub(ack) as i32,
                s.len,
                s.window
            ));
        }
        all
    }

    fn count(&self, reason: Reason) -> u64 {
        self.facts.unread().find(|(other, _)| *other == reason).map_or(0, |(_, lines)| lines)
    }
}

/// The same connection, as every tool prints it.
const TCPDUMP: &str = "\
09:12:44.000000 IP 192.0.2.1.40000 > 192.0.2.9.80: Flags [S], seq 2678347136, win 64240, options [mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7], length 0
09:12:44.001000 IP 192.0.2.9.80 > 192.0.2.1.40000: Flags [S.], seq 3526316733, ack 2678347137, win 65160, options [mss 1460,sackOK,TS val 9 ecr 5,nop,wscale 7], length 0
09:12:44.002000 IP 192.0.2.1.40000 > 192.0.2.9.80: Flags [.], ack 1, win 502, options [nop,nop,TS val 6 ecr 9], length 0
09:12:44.003000 IP 192.0.2.1.40000 > 192.0.2.9.80: Flags [P.], seq 1:10, ack 1, win 502, options [nop,nop,TS val 6 ecr 9], length 9: HTTP
09:12:44.004000 IP 192.0.2.9.80 > 192.0.2.1.40000: Flags [.], ack 10, win 510, options [nop,nop,TS val 10 ecr 6], length 0
09:12:44.005000 IP 192.0.2.1.40000 > 192.0.2.9.80: Flags [F.], seq 10, ack 1, win 502, options [nop,nop,TS val 7 ecr 10], length 0
09:12:44.006000 IP 192.0.2.9.80 > 192.0.2.1.40000: Flags [.], ack 11, win 510, options [nop,nop,TS val 11 ecr 7], length 0
";

const TOLD: [&str; 7] = [
    "1 33164.000 40000>80 SYN 0 0 0 64240",
    "2 33164.001 80>40000 SYN,ACK 0 1 0 65160",
    "3 33164.002 40000>80 ACK 1 1 0 502",
    "4 33164.003 40000>80 PSH,ACK 1 1 9 502",
    "5 33164.004 80>40000 ACK 1 10 0 510",
    "6 33164.005 40000>80 FIN,ACK 10 1 0 502",
    "7 33164.006 80>40000 ACK 1 11 0 510",
];

#[test]
fn a_connection_as_tcpdump_prints_it() {
    let read = read(TCPDUMP);
    assert_eq!(read.told(), TOLD);
    assert_eq!((read.facts.tools.as_slice(), read.facts.times), (&["tcpdump"][..], Times::OfDay));
    let (_, syn) = read.segments[0];
    assert_eq!((syn.window_scale, syn.has_timestamps, syn.timestamps.val), (7, true, 5));
    // What the text does not hold stays unknown.
    assert_eq!((syn.hop_limit, syn.ip_id, read.summary.snaplen, read.summary.dropped), (0, 0, None, None));
}

#[test]
fn absolute_numbers_come_to_the_same() {
    let absolute = TCPDUMP
        .replace("ack 1,", "ack 3526316734,")
        .replace("seq 1:10,", "seq 2678347137:2678347146,")
        .replace("seq 10,", "seq 2678347146,")
        .replace("ack 10,", "ack 2678347146,")
        .replace("ack 11,", "ack 2678347147,");
    assert_eq!(read(&absolute).told(), TOLD);
}

#[test]
fn every_form_of_time() {
    let with = |time: fn(u64) -> String| {
        let lines = TCPDUMP.lines().zip(0..).map(|(line, n)| format!("{}{}\n", time(n), &line[15..]));
        let read = read(&lines.collect::<String>());
        let at = |at: usize| read.segments[at].1.seen.at.0 / 1_000;
        (read.facts.times, at(6) - at(0), read.segments[0].1.seen.at.is_dated())
    };
    assert_eq!(with(|n| format!("1795425164.{:06}", n * 1_000)), (Times::Instants, 6_000, true));
    assert_eq!(with(|n| format!("2026-11-23 09:12:44.{:06}", n * 1_000)), (Times::NoZone, 6_000, true));
    assert_eq!(with(|n| format!("11/23/2026 09:12:44.{:06}", n * 1_000)), (Times::NoZone, 6_000, true));
    assert_eq!(with(|n| format!(" 00:00:00.{:06}", n * 1_000)), (Times::Elapsed, 6_000, false));
    // Each from the one before: 0, 7, 5, 7, 5, 7, 5 ms.
    let delta = |n: u64| if n == 0 { 0 } else { 5_000 + n % 2 * 2_000 };
    assert_eq!(
        with(|n| format!(" 00:00:00.{:06}", if n == 0 { 0 } else { 5_000 + n % 2 * 2_000 })).1,
        36_000
    );
    assert_eq!((0..7).map(delta).sum::<u64>(), 36_000);
    assert_eq!(with(|n| format!("{:06}", if n == 0 { 0 } else { 5_000 + n % 2 * 2_000 })).1, 36_000);
    assert_eq!(with(|_| String::new()), (Times::None, 0, false));
    assert_eq!(with(|n| format!("09:12:44,{:06}", n * 1_000)), (Times::OfDay, 6_000, false));
}

#[test]
fn midnight() {
    let late = TCPDUMP.replace("09:12:44.000", "23:59:59.999").replace("09:12:44", "00:00:00");
    let read = read(&late);
    assert_eq!(read.segments[1].1.seen.at - read.segments[0].1.seen.at, crate::wire::Span::millis(2));
    assert!(!read.segments[6].1.seen.at.is_dated());
}

#[test]
fn two_lines_of_verbose_output() {
    let verbose = "\
09:12:44.000000 IP (tos 0x0, ttl 64, id 4492, offset 0, flags [DF], proto TCP (6), length 60)
    192.0.2.1.40000 > 192.0.2.9.80: Flags [S], cksum 0x5248 (incorrect -> 0xb647), seq 2678347136, win 64240, options [mss 1460], length 0
09:12:44.001000 IP (tos 0x0, ttl 63, id 0, offset 0, flags [DF], proto TCP (6), length 60)
    192.0.2.9.80 > 192.0.2.1.40000: Flags [S.], cksum 0x1234 (correct), seq 3526316733, ack 2678347137, win 65160, options [mss 1460], length 0
09:12:44.002000 IP (tos 0x0, ttl 64, id 4493, offset 0, flags [DF], proto TCP (6), length 40)
    192.0.2.1.40000 > 192.0.2.9.80: Flags [.], cksum 0x0001 (correct), seq 1, ack 1, win 502, length 0
\tHTTP/1.1 200 OK
";
    let read = read(verbose);
    assert_eq!(
        read.told(),
        [
            "1 33164.000 40000>80 SYN 0 0 0 64240",
            "3 33164.001 80>40000 SYN,ACK 0 1 0 65160",
            "5 33164.002 40000>80 ACK 1 1 0 502",
        ]
    );
    let (_, syn) = read.segments[0];
    assert_eq!((syn.hop_limit, syn.ip_id, syn.checksum), (64, 4_492, 0x5248));
    assert_eq!((read.count(Reason::Continued), read.count(Reason::NoPacket)), (3, 1));
}

#[test]
fn what_an_icmp_error_quotes_is_no_packet() {
    let text = "\
09:12:44.000000 IP (tos 0xc0, ttl 64, id 1, offset 0, flags [none], proto ICMP (1), length 88)
    192.0.2.9 > 192.0.2.1: ICMP 192.0.2.9 tcp port 81 unreachable, length 68
\tIP (tos 0x0, ttl 64, id 2, offset 0, flags [DF], proto TCP (6), length 60)
    192.0.2.1.40001 > 192.0.2.9.81: Flags [S], cksum 0x0001 (correct), seq 77, win 64240, options [mss 1460], length 0
";
    let read = read(&format!("{TCPDUMP}{text}"));
    assert_eq!(read.segments.len(), 7);
    assert_eq!((read.skips.as_slice(), read.count(Reason::Quoted)), (&[Skip::Icmp][..], 2));
}

#[test]
fn link_headers_interfaces_and_tunnels_stand_before_the_ends() {
    let packet = "192.0.2.1.40000 > 192.0.2.9.80: Flags [F.], seq 10, ack 1, win 502, length 0";
    for before in [
        "09:12:44.000000 IP ",
        "09:12:44.000000 52:54:00:12:35:02 > 52:54:00:ab:cd:ef, ethertype IPv4 (0x0800), length 74: ",
        "09:12:44.000000 52:54:00:12:35:02 (oui Unknown) > Broadcast, ethertype 802.1Q (0x8100), length 78: vlan 10, p 0, ethertype IPv4 (0x0800), ",
        "09:12:44.000000 eth0  In  IP ",
        "09:12:44.000000 eth0  In  ifindex 2 00:11:22:33:44:55 ethertype IPv4 (0x0800), length 76: ",
        "09:12:44.000000 Out 6a:61:b3:af:eb:87 ethertype IPv4 (0x0800), length 76: ",
        "09:12:44.000000 (en0, proc curl:123, svc BE, out, so) IP ",
        "09:12:44.000000 IP 198.51.100.1 > 198.51.100.2: GREv0, length 84: IP ",
        "Nov 23 09:12:44 host tcpdump: IP ",
        "IP ",
        "",
    ] {
        let read = read(&format!("{before}{packet}\n"));
        let (key, segment) = read.segments[0];
        assert_eq!(key.endpoint(segment.side).to_string(), "192.0.2.1:40000", "{before}");
    }
    let ipv6 = read(
        "09:12:44.1 IP6 (flowlabel 0x1, hlim 61, next-header TCP (6) payload length: 32) 2001:db8::1.40000 > fe80::9%eth0.80: Flags [F.], cksum 0x0001 (correct), seq 10, ack 1, win 502, length 0\n",
    );
    let (key, segment) = ipv6.segments[0];
    assert_eq!(key.endpoint(segment.side).to_string(), "[2001:db8::1]:40000");
    assert_eq!(
        (key.endpoint(segment.side.peer()).to_string().as_str(), segment.hop_limit),
        ("[fe80::9]:80", 61)
    );
}

#[test]
fn old_tcpdump() {
    let old = "\
09:12:44.000000 192.0.2.1.40000 > 192.0.2.9.80: S 2678347136:2678347136(0) win 64240 <mss 1460,sackOK,timestamp 5 0,nop,wscale 7> (DF)
09:12:44.001000 IP 192.0.2.9.80 > 192.0.2.1.40000: S 3526316733:3526316733(0) ack 2678347137 win 65160 <mss 1460>
09:12:44.002000 IP 192.0.2.1.40000 > 192.0.2.9.80: . ack 1 win 502 <nop,nop,timestamp 6 9>
09:12:44.003000 IP (tos 0x0, ttl  64, id 7, offset 0, flags [DF], proto: TCP (6), length: 49) 192.0.2.1.40000 > 192.0.2.9.80: P, cksum 0x1234 (correct), 1:10(9) ack 1 win 502
09:12:44.004000 IP 192.0.2.9.80 > 192.0.2.1.40000: . [tcp sum ok] ack 10 win 510 (DF) (ttl 60, id 77, len 40)
09:12:44.005000 IP 192.0.2.1.40000 > 192.0.2.9.80: F 10:10(0) ack 1 win 502
09:12:44.006000 IP 192.0.2.9.80 > 192.0.2.1.40000: . ack 11 win 510
09:12:44.007000 IP 192.0.2.9.80 > 192.0.2.1.40000: R 3526316734:3526316734(0) win 0
";
    let read = read(old);
    assert_eq!(read.told()[..7], TOLD);
    assert_eq!(read.told()[7], "8 33164.007 80>40000 RST 1 0 0 0");
    let (_, ack) = read.segments[4];
    assert_eq!((ack.hop_limit, ack.ip_id), (60, 77));
}

#[test]
fn a_text_that_begins_in_the_middle() {
    // tcpdump's own beginning: the first segment as it is, the rest counted from it.
    let own = "\
IP 192.0.2.1.40000 > 192.0.2.9.80: Flags [P.], seq 5000000:5000100, ack 7000000, win 502, length 100
IP 192.0.2.9.80 > 192.0.2.1.40000: Flags [.], ack 100, win 510, length 0
IP 192.0.2.9.80 > 192.0.2.1.40000: Flags [F.], seq 1, ack 100, win 510, length 0
IP 192.0.2.1.40000 > 192.0.2.9.80: Flags [.], ack 2, win 502, length 0
";
    // The same, without the first line: counted from the first one on.
    let trimmed = &own[own.find('\n').unwrap() + 1..];
    assert_eq!(
        read(own).told(),
        [
            "1 0.000 40000>80 PSH,ACK 0 0 100 502",
            "2 0.000 80>40000 ACK 0 100 0 510",
            "3 0.000 80>40000 FIN,ACK 0 100 0 510",
            "4 0.000 40000>80 ACK 100 1 0 502",
        ]
    );
    assert_eq!(
        read(trimmed).told(),
        [
            "1 0.000 80>40000 ACK 0 0 0 510",
            "2 0.000 80>40000 FIN,ACK 1 0 0 510",
            "3 0.000 40000>80 ACK 0 2 0 502",
        ]
    );
    // A first segment that sends nothing has no number.
    let silent = "\
IP 192.0.2.9.80 > 192.0.2.1.40000: Flags [.], ack 5000100, win 510, length 0
IP 192.0.2.9.80 > 192.0.2.1.40000: Flags [P.], seq 0:10, ack 1, win 510, length 10
IP 192.0.2.1.40000 > 192.0.2.9.80: Flags [.], ack 10, win 502, length 0
";
    let told = read(silent).told();
    assert_eq!(told[1..], ["2 0.000 80>40000 PSH,ACK 0 0 10 510", "3 0.000 40000>80 ACK 0 10 0 502"]);
}

#[test]
fn ports_used_again() {
    let again =
        TCPDUMP.replace("2678347136", "11").replace("2678347137", "12").replace("3526316733", "999999999");
    let read = read(&format!("{TCPDUMP}{again}"));
    let seq = |at: usize| read.segments[at].1.seq.0;
    assert_eq!((seq(7), seq(9), seq(12)), (11, 12, 21), "the SYN begins a new line");
    assert_eq!(read.segments[9].1.ack.0, 1_000_000_000);
}

#[test]
fn a_keep_alive_probe_is_known_by_its_silence() {
    let probe = "09:12:54.000000 IP 192.0.2.9.80 > 192.0.2.1.40000: Flags [.], ack 11, win 510, options [nop,nop,TS val 99 ecr 7], length 0\n";
    let told = read(&format!("{TCPDUMP}{probe}")).told();
    assert_eq!(told[7], "8 33174.000 80>40000 ACK 0 11 0 510", "one before the next in line");
    let soon = probe.replace("09:12:54", "09:12:44.1");
    let told = read(&format!("{TCPDUMP}{}", soon.replace(".1.000000", ".100000"))).told();
    assert_eq!(told[7], "8 33164.100 80>40000 ACK 1 11 0 510", "a duplicate acknowledgment");
}

const TSHARK: &str = "    1   0.000000 192.0.2.1 \u{2192} 192.0.2.9 TCP 74 40000 \u{2192} 80 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=5 TSecr=0 WS=128
    2   0.001000 192.0.2.9 \u{2192} 192.0.2.1 TCP 74 80 \u{2192} 40000 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 MSS=1460 SACK_PERM TSval=9 TSecr=5 WS=128
    3   0.002000 192.0.2.1 \u{2192} 192.0.2.9 TCP 66 40000 \u{2192} 80 [ACK] Seq=1 Ack=1 Win=64256 Len=0 TSval=6 TSecr=9
    4   0.003000 192.0.2.1 \u{2192} 192.0.2.9 TCP 75 40000 \u{2192} 80 [PSH, ACK] Seq=1 Ack=1 Win=64256 Len=9 TSval=6 TSecr=9 [TCP segment of a reassembled PDU]
    5   0.004000 192.0.2.9 \u{2192} 192.0.2.1 TCP 66 80 \u{2192} 40000 [ACK] Seq=1 Ack=10 Win=65280 Len=0 TSval=10 TSecr=6
    6   0.005000 192.0.2.1 \u{2192} 192.0.2.9 TCP 66 40000 \u{2192} 80 [FIN, ACK] Seq=10 Ack=1 Win=64256 Len=0 TSval=7 TSecr=10
    7   0.006000 192.0.2.9 \u{2192} 192.0.2.1 TCP 66 [TCP Dup ACK 5#1] 80 \u{2192} 40000 [ACK] Seq=1 Ack=11 Win=65280 Len=0 TSval=11 TSecr=7
";

#[test]
fn a_connection_as_tshark_prints_it() {
    let expected = TOLD.map(|line| line.replace("33164", "0"));
    assert_eq!(read(TSHARK).told(), expected);
    assert_eq!(read(TSHARK).facts.times, Times::Elapsed);
    assert_eq!(read(&TSHARK.replace('\u{2192}', "->")).told(), expected);
    assert_eq!(read(&TSHARK.replace('\u{2192}', ">").replace("TCP 7", "TCP ")).told(), expected);
    // Without the column of times, or of numbers.
    let no_time = TSHARK.lines().map(|line| format!("{}{}\n", &line[..5], &line[16..])).collect::<String>();
    assert_eq!((read(&no_time).segments.len(), read(&no_time).facts.times), (7, Times::None));
    let no_number = TSHARK.lines().map(|line| format!("{}\n", line[5..].trim_start())).collect::<String>();
    assert_eq!(read(&no_number).told(), expected);
    // Wireshark's export of its list.
    let header = "No.     Time           Source                Destination           Protocol Length Info\n";
    let export = header.to_owned() + &TSHARK.replace(" \u{2192} 192", "             192");
    assert_eq!(read(&export).segments.len(), 7);
}

#[test]
fn tshark_times() {
    let with = |time: &str| read(&TSHARK.replace("  0.00", time)).facts.times;
    assert_eq!(with("09:12:44.00"), Times::OfDay);
    assert_eq!(with("2026-11-23 09:12:44.00"), Times::NoZone);
    assert_eq!(with("2026-11-23T09:12:44.00"), Times::NoZone);
    assert_eq!(with("1795425164.00"), Times::Instants);
}

#[test]
fn tshark_counts_from_zero_for_every_connection() {
    let twice = format!(
        "{TSHARK}{}",
        TSHARK.replace(" 0.00", " 9.00").replace("74 40000", "74 [TCP Port numbers reused] 40000")
    );
    let read = read(&twice);
    let (first, second) = (read.segments[0].1.seq, read.segments[7].1.seq);
    assert_ne!(first, second);
    assert_eq!(read.segments[12].1.seq - second, 10);
    assert_eq!(read.segments[13].1.ack - second, 11);
    // A repeated SYN is none of another connection.
    let repeated = TSHARK.replacen("    2 ", "    2   0.000500 192.0.2.1 -> 192.0.2.9 TCP 74 [TCP Retransmission] 40000 -> 80 [SYN] Seq=0 Win=64240 Len=0\n    3 ", 1);
    let read = self::read(&repeated);
    assert_eq!((read.segments.len(), read.segments[1].1.seq), (8, read.segments[0].1.seq));
}

const SNOOP: &str = "  1   0.00000    192.0.2.1 -> 192.0.2.9    TCP D=80 S=40000 Syn Seq=2678347136 Len=0 Win=64240 Options=<mss 1460,nop,wscale 7,tstamp 5 0>
  2   0.00100    192.0.2.9 -> 192.0.2.1    TCP D=40000 S=80 Syn Ack=2678347137 Seq=3526316733 Len=0 Win=65160 Options=<mss 1460>
  3   0.00200    192.0.2.1 -> 192.0.2.9    TCP D=80 S=40000 Ack=3526316734 Seq=2678347137 Len=0 Win=502
  4   0.00300    192.0.2.1 -> 192.0.2.9    TCP D=80 S=40000 Push Ack=3526316734 Seq=2678347137 Len=9 Win=502
  5   0.00400    192.0.2.9 -> 192.0.2.1    TCP D=40000 S=80 Ack=2678347146 Seq=3526316734 Len=0 Win=510
  6   0.00500    192.0.2.1 -> 192.0.2.9    TCP D=80 S=40000 Fin Ack=3526316734 Seq=2678347146 Len=0 Win=502
  7   0.00600    192.0.2.9 -> 192.0.2.1    TCP D=40000 S=80 Ack=2678347147 Seq=3526316734 Len=0 Win=510
";

#[test]
fn a_connection_as_snoop_prints_it() {
    let expected = TOLD.map(|line| line.replace("33164", "0"));
    let read = read(SNOOP);
    assert_eq!(
        (read.told().as_slice(), read.facts.tools.as_slice()),
        (&expected.map(String::from)[..], &["snoop"][..])
    );
    assert_eq!((read.segments[0].1.window_scale, read.segments[0].1.timestamps.val), (7, 5));
    let absolute = SNOOP.replace("   0.00", "  09:12:44.00");
    assert_eq!(self::read(&absolute).told(), TOLD);
    // What snoop prints while it captures: neither numbers nor times.
    let live = SNOOP.lines().map(|line| format!("{}\n", line[13..].trim_start())).collect::<String>();
    assert_eq!(self::read(&live).segments.len(), 7);
}

#[test]
fn layers_of_snoop() {
    let layers = "\
________________________________
  1   0.00000    192.0.2.1 -> 192.0.2.9    ETHER Type=0800 (IP), size = 63 bytes
  1   0.00000    192.0.2.1 -> 192.0.2.9    IP  D=192.0.2.9 S=192.0.2.1 LEN=49, ID=1234, TOS=0x0, TTL=60
  1   0.00000    192.0.2.1 -> 192.0.2.9    TCP D=80 S=40000 Push Ack=3526316734 Seq=2678347137 Len=9 Win=502
  1   0.00000    192.0.2.1 -> 192.0.2.9    HTTP GET / HTTP/1.0
________________________________
  2   0.00100    192.0.2.9 -> 192.0.2.1    ETHER Type=0800 (IP), size = 60 bytes
                 192.0.2.9 -> 192.0.2.1    IP  D=192.0.2.1 S=192.0.2.9 LEN=40, ID=7, TOS=0x0, TTL=255
                 192.0.2.9 -> 192.0.2.1    TCP D=40000 S=80 Ack=2678347146 Seq=3526316734 Len=0 Win=510
";
    let read = read(layers);
    assert_eq!(read.told(), ["2 0.000 40000>80 PSH,ACK 0 0 9 502", "7 0.001 80>40000 ACK 0 9 0 510"]);
    assert_eq!((read.segments[0].1.hop_limit, read.segments[0].1.ip_id, read.facts.lost()), (60, 1234, 0));
}

#[test]
fn names_of_hosts_and_services() {
    let named = TCPDUMP.replace("192.0.2.9.80", "web.example.com.http").replace("192.0.2.1.4", "localhost.4");
    let read = read(&named);
    assert_eq!(read.told(), TOLD);
    let [(addr, name)] = read.summary.names.as_slice() else { panic!("{:?}", read.summary.names) };
    assert_eq!((addr.to_string().as_str(), name.as_str()), ("240.0.0.1", "web.example.com"));
    let other = self::read(&format!(
        "{TCPDUMP}09:12:45.0 IP 192.0.2.1.40000 > 192.0.2.9.frobnicate: Flags [S], seq 1, win 1, length 0\n"
    ));
    assert_eq!((other.segments.len(), other.count(Reason::Service), other.summary.dropped), (8, 0, None));
    assert_eq!(other.facts.services, [(65_535, "frobnicate".into())]);
    let line = |n| format!("IP 192.0.2.1.40000 > 192.0.2.9.y{n}: Flags [S], seq 1, win 1, length 0\n");
    let many = self::read(&(0..300).map(line).collect::<String>());
    let told = (many.segments.len(), many.count(Reason::Service), many.summary.dropped);
    assert_eq!(told, (256, 44, Some(44)));
}

#[test]
fn quoted_wrapped_and_pasted_with_prose() {
    let quoted: String = TCPDUMP.lines().map(|line| format!("> > {line}\r\n")).collect();
    assert_eq!(read(&quoted).told(), TOLD);
    let prose =
        format!("Hi all,\n\nhere is the trace > see below:\n{{noformat}}\n{TCPDUMP}{{noformat}}\nThanks\n");
    let read_prose = read(&prose);
    assert_eq!(read_prose.segments.len(), 7);
    assert_eq!(read_prose.segments[0].1.seen.frame, 5, "frames are lines");
    assert_eq!((read_prose.count(Reason::NoPacket), read_prose.count(Reason::Blank)), (5, 1));
    assert_eq!(read_prose.facts.examples[0].0, 1);
    for columns in [60, 72, 80] {
        // At a space as mails do, in the middle of a word as terminals do.
        for anywhere in [false, true] {
            let mut wrapped = String::new();
            for line in TCPDUMP.lines() {
                let mut rest = line;
                while rest.len() > columns {
                    let space = rest[..columns].rfind(' ').unwrap();
                    let (head, tail) = rest.split_at(if anywhere { columns } else { space + 1 });
                    wrapped += &format!("{}\n", if anywhere { head } else { head.trim_end() });
                    rest = tail;
                }
                wrapped += &format!("{rest}\n");
            }
            let read = read(&wrapped);
            let told: Vec<_> =
                read.told().iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
            let expected = TOLD.map(|line| line.split_once(' ').unwrap().1);
            assert_eq!(told, expected, "{columns}");
        }
    }
}

#[test]
fn octets_in_hex_are_passed() {
    let dump = "\t0x0000:  4500 003c 1234 4000 4006 b1e6 c000 0201  E..<.4@.@.......\n\t0x0010:  c000 0209\n";
    let text: String = TCPDUMP.lines().map(|line| format!("{line}\n{dump}")).collect();
    let read = read(&text);
    assert_eq!((read.segments.len(), read.count(Reason::Dump), read.count(Reason::NoPacket)), (7, 14, 0));
    let text: String =
        TSHARK.lines().map(|line| format!("{line}\n\n0000  45 00 00 3c 12 34  E..<.4\n\n")).collect();
    assert_eq!(self::read(&text).count(Reason::Dump), 7);
}

#[test]
fn truncated_lines_are_read_as_far_as_they_go() {
    // `cut -c1-110`: window and options are gone, the length follows from the numbers.
    let cut: String = TCPDUMP.lines().map(|line| format!("{}\n", &line[..line.len().min(96)])).collect();
    let told = read(&cut).told();
    assert_eq!(told.len(), 7, "{told:?}");
    assert!(told[3].contains("PSH,ACK 1 1 9"), "{told:?}");
    // In the middle of a number nothing is guessed.
    let at = TCPDUMP.find("1:10,").unwrap() + 3;
    let cut = &TCPDUMP[..at];
    let read = read(cut);
    assert_eq!((read.segments.len(), read.count(Reason::Cut)), (3, 1));
}

#[test]
fn lines_numbered_by_hand_and_windows_left_out() {
    let numbered = "\
1  02:52:44.500000 IP 192.0.2.1.41038 > 192.0.2.9.80: Flags [S] , seq 3310420140,                 length 0
2  02:52:44.600000 IP 192.0.2.9.80 > 192.0.2.1.41038: Flags [S.], seq 1353235534, ack 3310420141, length 0
";
    let read = read(numbered);
    assert_eq!(
        read.told(),
        ["1 10364.500 41038>80 SYN 0 0 0 65535", "2 10364.600 80>41038 SYN,ACK 0 1 0 65535"]
    );
    assert_eq!(read.facts.times, Times::OfDay);
}

#[test]
fn packets_that_cannot_be_read_count_as_dropped() {
    let text = format!(
        "{TCPDUMP}09:12:45.000000 IP 192.0.2.1.40000 > 192.0.2.9.80: tcp 0\n\
         09:12:46.000000 ARP, Request who-has 192.0.2.1 tell 192.0.2.9, length 28\n\
         09:12:46.000000 IP 192.0.2.1.5000 > 192.0.2.9.53: 4711+ A? example.com. (29)\n\
         7 packets captured\n3 packets dropped by kernel\n"
    );
    let read = read(&text);
    assert_eq!(read.skips, [Skip::Arp, Skip::Udp]);
    assert_eq!((read.count(Reason::NoFlags), read.facts.lost(), read.summary.dropped), (1, 1, Some(4)));
    assert_eq!(read.summary.drops.len(), 1);
    let upper = format!("{TSHARK}    8   0.007000 192.0.2.9 \u{2192} 192.0.2.1 HTTP 500 HTTP/1.1 200 OK\n");
    assert_eq!(self::read(&upper).count(Reason::NoHeader), 1);
}

#[test]
fn text_without_a_packet_is_none() {
    for text in [
        "",
        "\n\n",
        "hello world\n",
        "The route 10.0.0.1 > 10.0.0.2 is slow.\nIP is fine -> really\n",
        "2026-11-23 09:12:44 ERROR connection to 10.0.0.1:80 timed out\n",
        "tcp        0      0 10.0.0.1:80      10.0.0.2:4000     CLOSE_WAIT\n",
        "4833  1795408543.256190 accept4(3, {sa_family=AF_INET}) = 5\n",
        "a.b > c.d: e\n",
    ] {
        assert!(read_any(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn every_line_is_accounted_for() {
    let all = [TCPDUMP, TSHARK, SNOOP, "x\n\n\t0x0000:  4500 003c\nIP 1.2.3.4.5 > \n"].concat();
    let lines: Vec<&str> = all.lines().collect();
    // Reordered, doubled, cut anywhere: nothing is lost and nothing panics.
    let mut dice = 7_u64;
    let mut roll = |n: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % n as u64) as usize
    };
    for _ in 0..300 {
        let mut text = TCPDUMP.to_owned();
        for _ in 0..roll(40) {
            let line = lines[roll(lines.len())];
            let mut end = roll(line.len() + 1);
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            text += &line[..end];
            text += ["\n", "\r\n", " ", "\u{0}", "\u{fffd}"][roll(5)];
        }
        let read = read(&text);
        let unread: u64 = read.facts.unread().map(|(_, lines)| lines).sum();
        let total = read.segments.len() as u64 + read.skips.len() as u64 + unread;
        assert_eq!(total, read.summary.frames, "{text}");
        assert!(read.segments.windows(2).all(|pair| pair[0].1.seen.frame < pair[1].1.seen.frame), "{text}");
    }
}

#[test]
fn bytes_of_any_kind_do_no_harm() {
    let mut bytes = TCPDUMP.as_bytes().to_vec();
    bytes.extend((0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8));
    bytes.extend(TCPDUMP.as_bytes());
    assert!(read_any(&bytes).is_some_and(|read| read.segments.len() >= 13));
    let utf16: Vec<u8> = TSHARK.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_any(&utf16).unwrap().segments.len(), 7, "as PowerShell redirects it");
    let long = format!("{TCPDUMP}IP {}", "9".repeat(300_000));
    assert_eq!(read(&long).segments.len(), 7);
}
