//! Memory is decided by open connections alone, and under a limit by the limit: whatever comes, and however long. All of it
//! is counted, findings and the report as well.

#[path = "hostile/packets.rs"]
mod packets;
#[path = "support/write.rs"]
mod write;

use std::alloc::System;
use std::io;

use cap::Cap;
use cwait_pcap::analysis::{Analysis, Options};
use cwait_pcap::capture::{LinkType, Record};
use cwait_pcap::report::{Listed, Report, Request, Style, by_name};
use cwait_pcap::wire::Timestamp;
use packets::{ACK, End, FIN, SYN, Tcp};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const SERVER: End = End(0x00_0001, 443);

/// Feeds segments, one each 0.1 ms.
struct Feed {
    analysis: Analysis,
    frame: u64,
    /// Nanoseconds in which nothing passed.
    paused: i64,
}

impl Feed {
    fn new(max_memory: Option<u64>) -> Feed {
        Feed { analysis: Analysis::new(Options { max_memory, ..Options::default() }), frame: 0, paused: 0 }
    }

    fn see(&mut self, from: End, to: End, flags: u8, seq: u32, ack: u32, len: u16) {
        let data = Tcp::new(from, to, flags, seq, ack, len).ethernet();
        self.frame += 1;
        self.analysis.observe(&Record {
            frame: self.frame,
            at: Timestamp(packets::START + self.paused + self.frame as i64 * 100_000),
            link: LinkType::ETHERNET,
            interface: 0,
            wire_len: data.len() as u32 + u32::from(len),
            data: &data,
        });
    }

    /// A connection with a request and its answer.
    fn open(&mut self, client: End) {
        self.see(client, SERVER, SYN, 100, 0, 0);
        self.see(SERVER, client, SYN | ACK, 900, 101, 0);
        self.see(client, SERVER, ACK, 101, 901, 50);
        self.see(SERVER, client, ACK, 901, 151, 500);
    }

    /// Its client asks again, and is answered.
    fn speak(&mut self, client: End) {
        self.see(client, SERVER, ACK, 151, 1_401, 50);
        self.see(SERVER, client, ACK, 1_401, 201, 500);
    }

    /// Its client closes, and its server never does.
    fn half_close(&mut self, client: End, seq: u32, ack: u32) {
        self.see(client, SERVER, FIN | ACK, seq, ack, 0);
        self.see(SERVER, client, ACK, ack, seq + 1, 0);
    }

    /// SYNs to these addresses; every other one is refused.
    fn scan(&mut self, addresses: std::ops::Range<u32>) {
        for n in addresses {
            let target = End(0x10_0000 + n, 22);
            self.see(End(0x00_0002, 40_000), target, SYN, n, 0, 0);
            if n % 2 == 0 {
                self.see(target, End(0x00_0002, 40_000), 4 | ACK, 0, n + 1, 0);
            }
        }
    }
}

const CLIENTS: u32 = 50;
const ADDRESSES: u32 = 200_000;

fn client(n: u32) -> End {
    End(0x01_0000 + n / 20_000, 20_000 + (n % 20_000) as u16)
}

/// A scan with some connections in it whose server owes its FIN.
fn scanned(max_memory: Option<u64>) -> Analysis {
    let mut feed = Feed::new(max_memory);
    (0..CLIENTS).for_each(|n| feed.open(client(n)));
    feed.scan(0..ADDRESSES / 2);
    (0..CLIENTS).for_each(|n| feed.half_close(client(n), 151, 1_401));
    feed.scan(ADDRESSES / 2..ADDRESSES);
    feed.analysis
}

/// One test, since the allocator counts for all threads.
#[test]
fn what_is_open_or_the_limit_decides() {
    connections_cost_what_they_may();
    judging_costs_what_it_may();
    a_scan_stays_inside_the_limit();
}

/// What connections did before the capture ends.
#[derive(Clone, Copy, Debug)]
struct Did {
    speak_after_a_minute: bool,
    half_close: bool,
}

const NOTHING: Did = Did { speak_after_a_minute: false, half_close: false };
const SPEAK: Did = Did { speak_after_a_minute: true, ..NOTHING };
const CLOSE: Did = Did { half_close: true, ..NOTHING };
const BOTH: Did = Did { speak_after_a_minute: true, half_close: true };

const MINUTE: i64 = 60_000_000_000;

fn connections(count: u32, did: Did) -> Analysis {
    let mut feed = Feed::new(None);
    for n in 0..count {
        feed.open(client(n));
        if did.half_close && !did.speak_after_a_minute {
            feed.half_close(client(n), 151, 1_401);
        }
    }
    if did.speak_after_a_minute {
        feed.paused += MINUTE;
        for n in 0..count {
            feed.speak(client(n));
            if did.half_close {
                feed.half_close(client(n), 201, 1_901);
            }
        }
    }
    // Something passes long after.
    feed.paused += 10 * MINUTE;
    feed.see(SERVER, End(0x00_0003, 99), ACK, 1, 1, 0);
    feed.analysis
}

/// Octets for each of many connections; what is there once does not count.
fn octets_each(of: impl Fn(u32) -> u64) -> u64 {
    const FEW: u32 = 10_000;
    const MANY: u32 = 60_000;
    let (few, many) = (of(FEW), of(MANY));
    (many - few) / u64::from(MANY - FEW)
}

/// Octets held at once in the course of something.
fn most_held(work: impl FnOnce()) -> u64 {
    // The most so far is known, so it has to be there from the beginning; nothing is written to it.
    let ballast: Vec<u8> = Vec::with_capacity(MEMORY.max_allocated() - MEMORY.allocated());
    let before = MEMORY.max_allocated();
    work();
    drop(ballast);
    (MEMORY.max_allocated() - before) as u64
}

fn connections_cost_what_they_may() {
    // 288 for the facts; the rest is its place in the index, which doubles when it is full.
    for (did, most) in [(NOTHING, 288 + 32), (CLOSE, 640), (SPEAK, 640), (BOTH, 720)] {
        let each = octets_each(|count| {
            let before = MEMORY.allocated();
            let analysis = connections(count, did);
            let held = (MEMORY.allocated() - before) as u64;
            drop(analysis);
            held
        });
        println!("{each} octets a connection, {did:?}");
        assert!(each <= most, "{each} octets a connection, {did:?}");
    }
}

/// Of each connection that is not over, judging and reporting keep its facts and what was made of them: states and a verdict,
/// and words where it is at fault. That is more than once holds for the lists that patterns make, one at a time.
fn judging_costs_what_it_may() {
    for (did, most) in [(NOTHING, 1_100), (SPEAK, 1_350), (BOTH, 2_200)] {
        let each = octets_each(|count| {
            most_held(|| {
                let outcome = connections(count, did).finish();
                let request = Request { command_line: Vec::new(), listed: Listed::None, limit: None };
                drop(Report::build(&outcome, &request));
            })
        });
        println!("{each} octets a connection at most while they are judged, {did:?}");
        assert!(each <= most, "{each} octets a connection while they are judged, {did:?}");
    }
}

fn a_scan_stays_inside_the_limit() {
    const LIMIT: usize = 128 << 20;
    /// What the limit takes to be spent elsewhere: buffers, threads, the program.
    const ELSEWHERE: usize = 64 << 20;
    let mut outcome = None;
    let mut report = None;
    let most = most_held(|| {
        let judged = outcome.insert(scanned(Some(LIMIT as u64)).finish());
        let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
        let written = report.insert(Report::build(judged, &request));
        by_name("json").unwrap().write(written, &Style::plain(), &mut io::sink()).unwrap();
    }) as usize;
    let report = report.unwrap();
    println!("{} MB at most", most >> 20);
    assert!(most <= LIMIT - ELSEWHERE, "{most} octets");

    let totals = &report.totals;
    assert_eq!(totals.connections, u64::from(CLIENTS + ADDRESSES));
    assert_eq!(totals.refused + totals.unanswered, u64::from(ADDRESSES));
    assert!(totals.given_up > totals.connections / 2, "{totals:?}");
    assert!(totals.unplaced > 0, "{totals:?}");
    let owed = report.findings.iter().find(|finding| finding.name == "missing-fin").unwrap();
    assert_eq!((owed.count, owed.of), (CLIENTS.into(), CLIENTS.into()), "none of them had to go");
    drop((outcome, report));

    let before = MEMORY.allocated();
    let unlimited = scanned(None);
    assert!(MEMORY.allocated() - before > most, "so many would not fit");
    drop(unlimited);
}
