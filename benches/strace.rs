//! How fast a long strace log is read, and in how much memory: `cargo bench --bench strace`, or with a number of megabytes
//! behind `--`.
//!
//! The log is made as it is read: a block of conversations of 16 threads as `strace -f -ttt -T -yy` writes them, over and
//! over. One thread reads it; making the block is not counted.

use std::fmt::Write as _;
use std::io::{BufReader, Read, Result};
use std::time::Instant;

use cwait_pcap::trace;

/// Megabytes of the log, unless told otherwise.
const MEGABYTES: u64 = 200;
/// Conversations in the block.
const TALKS: u32 = 8_000;

/// A block, over and over, until that many octets are read.
struct Log {
    block: Vec<u8>,
    at: usize,
    left: u64,
}

impl Read for Log {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let there = &self.block[self.at..];
        let octets = there.len().min(buffer.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buffer[..octets].copy_from_slice(&there[..octets]);
        self.at = (self.at + octets) % self.block.len();
        self.left -= octets as u64;
        Ok(octets)
    }
}

/// Threads accept, read a request, answer, read the end and close; one in a hundred forgets to.
fn block() -> String {
    let mut text = String::new();
    for n in 0..TALKS {
        let (thread, fd, port) = (4_800 + n % 16, 5 + n % 500, 1_024 + n);
        let at =
            |step: u32| format!("{thread}  17954085{:02}.{:06}", n / 200 % 60, n % 200 * 5_000 + step * 40);
        let peer = format!("10.1.{}.{}", n / 250 % 250, n % 250 + 1);
        let noted = format!("{fd}<TCP:[10.142.158.141:80->{peer}:{port}]>");
        let mut line = |step: u32, what: &str| _ = writeln!(text, "{} {what}", at(step));
        line(0, "accept4(3<TCP:[10.142.158.141:80]>,  <unfinished ...>");
        line(
            1,
            "futex(0x7f92c294e6f8, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, NULL, FUTEX_BITSET_MATCH_ANY) = -1 EAGAIN (Resource temporarily unavailable) <0.000011>",
        );
        line(
            2,
            &format!(
                "<... accept4 resumed> {{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr(\"{peer}\")}}, [16], SOCK_CLOEXEC) = {noted} <0.169715>"
            ),
        );
        line(
            3,
            &format!(
                "recvfrom({noted}, \"GET /status?id={n} HTTP/1.1\\r\\nHost: www.example.org\\r\\nUser-Agent: probe\\r\\n\"..., 4096, 0, NULL, NULL) = 178 <0.000024>"
            ),
        );
        line(
            4,
            &format!(
                "sendto({noted}, \"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 24\\r\\n\\r\\n\"..., 1044, 0, NULL, 0) = 1044 <0.000031>"
            ),
        );
        line(5, &format!("recvfrom({noted}, \"\", 4096, 0, NULL, NULL) = 0 <0.024208>"));
        if n % 100 > 0 {
            line(6, &format!("close({noted}) = 0 <0.000019>"));
        }
    }
    text
}

/// The most memory this process has held so far, in megabytes; Linux tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1_000)
}

fn main() {
    let megabytes = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(MEGABYTES);
    let block = block().into_bytes();
    println!("strace log of {megabytes} MB, block of {} MB", block.len() / 1_000_000);
    let before = peak();
    for run in 1..=3 {
        let log = Log { block: block.clone(), at: 0, left: megabytes * 1_000_000 };
        let begin = Instant::now();
        let facts = trace::examine("bench", &mut BufReader::new(log)).expect("memory does not fail");
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "run {run}: {} calls, {} sockets, {} lines unread: {seconds:.3} s, {:.0} MB/s",
            facts.log.calls,
            facts.lives,
            facts.log.unread,
            megabytes as f64 / seconds
        );
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        println!("peak memory {after} MB, {before} MB of it before the log is read");
    }
}
