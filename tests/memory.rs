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
}

impl Feed {
    fn new(max_memory: Option<u64>) -> Feed {
        Feed { analysis: Analysis::new(Options { max_memory, ..Options::default() }), frame: 0 }
    }

    fn see(&mut self, from: End, to: End, flags: u8, seq: u32, ack: u32, len: u16) {
        let data = Tcp::new(from, to, flags, seq, ack, len).ethernet();
        self.frame += 1;
        self.analysis.observe(&Record {
            frame: self.frame,
            at: Timestamp(packets::START + self.frame as i64 * 100_000),
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

    /// Its client closes, and its server never does.
    fn half_close(&mut self, client: End) {
        self.see(client, SERVER, FIN | ACK, 151, 1_401, 0);
        self.see(SERVER, client, ACK, 1_401, 152, 0);
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
    (0..CLIENTS).for_each(|n| feed.half_close(client(n)));
    feed.scan(ADDRESSES / 2..ADDRESSES);
    feed.analysis
}

/// One test, since the allocator counts for all threads.
#[test]
fn what_is_open_or_the_limit_decides() {
    connections_cost_what_they_may();
    a_scan_stays_inside_the_limit();
}

fn connections_cost_what_they_may() {
    /// What is there once counts for neither.
    const OPEN: (u32, u32) = (10_000, 60_000);
    let held = |connections, close| {
        let before = MEMORY.allocated();
        let mut feed = Feed::new(None);
        for n in 0..connections {
            feed.open(client(n));
            if close {
                feed.half_close(client(n));
            }
        }
        (MEMORY.allocated() - before) as u64
    };
    // 288 for the facts; the rest is its place in the index, which doubles when it is full.
    for (close, most) in [(false, 288 + 32), (true, 640)] {
        let each = (held(OPEN.1, close) - held(OPEN.0, close)) / u64::from(OPEN.1 - OPEN.0);
        println!("{each} octets a connection, half closed: {close}");
        assert!(each <= most, "{each} octets a connection, half closed: {close}");
    }
}

fn a_scan_stays_inside_the_limit() {
    const LIMIT: usize = 128 << 20;
    /// What the limit takes to be spent elsewhere: buffers, threads, the program.
    const ELSEWHERE: usize = 64 << 20;
    let before = MEMORY.allocated();
    let outcome = scanned(Some(LIMIT as u64)).finish();
    let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
    let report = Report::build(&outcome, &request);
    by_name("json").unwrap().write(&report, &Style::plain(), &mut io::sink()).unwrap();
    let most = MEMORY.max_allocated() - before;
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

    let unlimited = scanned(None);
    assert!(MEMORY.allocated() - before > most, "so many would not fit");
    drop(unlimited);
}
