//! Every finding that rests on host records: a case where it speaks, one where it must be quiet, one with too little evidence.
//!
//! The wire is one conversation as tcpdump prints it, beside a healthy one by which clocks can be compared. The client closes
//! at second 2; what its server does is the case. Listings and logs are written down beside it.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

/// A request that is answered, then the client's FIN, which the server acknowledges.
const OPENING: &str = "0.000 > S seq 1000\n0.001 < S. seq 5000, ack 1001\n0.002 > . ack 5001\n\
                       0.010 > P. seq 1001:1011, ack 5001 10\n0.011 < P. seq 5001:5021, ack 1011 20\n0.012 > . ack 5021\n\
                       2.000 > F. seq 1011, ack 5021\n2.0005 < . ack 1012\n";
/// The server sends nothing more.
const OWED: [&str; 2] = [OPENING, ""];
/// The server closes at once.
const CLOSED: [&str; 2] = [OPENING, "2.001 < F. seq 5021, ack 1012\n2.002 > . ack 5022\n"];
/// The server goes on writing, and the client's host refuses it.
const REFUSED: [&str; 2] = [OPENING, "3.000 < P. seq 5021:5031, ack 1012 10\n3.001 > R seq 1012 0\n"];
/// The server's program never said a word.
const MUTE: [&str; 2] = [
    "0.000 > S seq 1000\n0.001 < S. seq 5000, ack 1001\n0.002 > . ack 5001\n\
     0.010 > P. seq 1001:1011, ack 5001 10\n0.011 < . ack 1011\n",
    "",
];

/// `SECONDS > FLAGS NUMBERS OCTETS` as lines of tcpdump, `>` from the client of that port.
fn lines(port: u16, script: &str) -> String {
    let (client, server) = (format!("192.0.2.10.{port}"), "198.51.100.5.80".to_owned());
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap();
        let (at, way, flags, rest) = (word(), word(), word(), word());
        let (numbers, octets) = match rest.rsplit_once(' ') {
            Some((numbers, octets)) if !numbers.ends_with(|c: char| c.is_alphabetic()) => (numbers, octets),
            _ => (rest, "0"),
        };
        let (from, to) = if way == ">" { (&client, &server) } else { (&server, &client) };
        let at: f64 = at.parse().unwrap();
        format!(
            "{:.6} IP {from} > {to}: Flags [{flags}], {numbers}, win 512, length {octets}\n",
            1_700_000_000.0 + at
        )
    };
    script.lines().map(line).collect()
}

fn capture(wire: [&str; 2]) -> String {
    let healthy = "0.500 > S seq 1000\n0.501 < S. seq 5000, ack 1001\n0.502 > . ack 5001\n0.600 > F. seq 1001, ack 5001\n\
                   0.601 < F. seq 5001, ack 1002\n0.602 > . ack 5002\n";
    let text = lines(40_001, &wire.concat()) + &lines(40_002, healthy);
    let mut all: Vec<_> = text.lines().collect();
    all.sort_unstable();
    all.push("1700000020.000000 ARP, Request who-has 192.0.2.1 tell 192.0.2.10, length 28");
    all.join("\n")
}

/// The story of the healthy connection, which puts the clocks of log and capture together.
const CLOCK: &str = "\
7 1700000000.502 accept(3, {sa_family=AF_INET, sin_port=htons(40002), sin_addr=inet_addr(\"192.0.2.10\")}, [16]) = 8
7 1700000000.601 read(8, \"\", 4096) = 0
7 1700000000.601 close(8) = 0
";
/// The other one is accepted, read and answered.
const SERVED: &str = "\
7 1700000000.003 accept(3, {sa_family=AF_INET, sin_port=htons(40001), sin_addr=inet_addr(\"192.0.2.10\")}, [16]) = 7
7 1700000000.010 read(7, \"GET / HTTP\"..., 4096) = 10
7 1700000000.011 write(7, \"HTTP/1.1 200 OK\\r\\n\\r\\n\"..., 20) = 20
";

fn log(rest: &str) -> String {
    [SERVED, CLOCK, rest].concat()
}

/// Without its column of times.
fn blind(log: &str) -> String {
    log.lines().map(|line| format!("{} {}\n", &line[..1], line.splitn(3, ' ').nth(2).unwrap())).collect()
}

/// A listing made at that second; the other row and the owner of the listener make it whole.
fn ss(at: u32, row: &str) -> String {
    format!(
        "17000000{at:02}\nState Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n\
         LISTEN 0 5 198.51.100.5:80 0.0.0.0:* users:((\"web\",pid=9,fd=3))\n{row}\n"
    )
}

fn row(state: &str, recv_q: u32, owner: &str) -> String {
    format!("{state} {recv_q} 0 198.51.100.5:80 192.0.2.10:40001 {owner}")
}

const HELD: &str = "users:((\"web\",pid=9,fd=7))";

/// What a host says beside the wire.
enum Beside {
    Sockets(String),
    Trace(String),
}
use Beside::{Sockets, Trace};

fn analyze(wire: [&str; 2], beside: &Beside) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &'static str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        name
    };
    let (option, text) = match beside {
        Sockets(text) => ("--sockets", text),
        Trace(text) => ("--trace", text),
    };
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap"))
        .current_dir(&folder)
        .args(["analyze", "--connections", "all", "--format", "json"])
        .arg(file("wire.txt", &capture(wire)))
        .arg(option)
        .arg(file("beside.txt", text))
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// `certain`, `likely` or `possible` if it is found; `undecided`; or nothing.
fn verdict(name: &str, wire: [&str; 2], beside: &Beside) -> String {
    let report = analyze(wire, beside);
    let named = |list: &str| report[list].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    match (named("findings"), named("undecided")) {
        (Some(found), _) => found["fact"].as_str().unwrap().to_owned(),
        (None, Some(_)) => "undecided".to_owned(),
        (None, None) => String::new(),
    }
}

/// Text allows nothing better than likely.
fn check(name: &str, speaks: &str, too_little: &str, cases: [([&str; 2], Beside); 3]) {
    let told = cases.each_ref().map(|(wire, beside)| verdict(name, *wire, beside));
    assert_eq!(told, [speaks, "", too_little], "{name}: speaks, is quiet, has too little");
}

/// Everything that is found, with words, reasons and proof.
#[test]
fn what_host_records_say_in_full() {
    let told = "7 1700000002.001 read(7, \"\", 4096) = 0\n";
    let waits = "7 1700000009.000 nanosleep({tv_sec=1, tv_nsec=0}, NULL) = 0\n";
    let closes = "7 1700000002.002 close(7) = 0\n";
    let ends = "7 1700000008.000 +++ exited with 0 +++\n";
    let polls = "7 1700000000.012 poll([{fd=7, events=POLLIN}], 1, -1 <unfinished ...>\n\
                 9 1700000012.000 nanosleep({tv_sec=1, tv_nsec=0}, NULL) = 0\n";
    let writes = "7 1700000003.000 write(7, \"more\"..., 10) = 10\n\
                  7 1700000004.000 write(7, \"more\"..., 10) = -1 EPIPE (Broken pipe)\n";
    let two = [ss(5, &row("ESTAB", 0, HELD)), ss(9, &row("CLOSE-WAIT", 1, HELD))].concat();
    let cases = [
        ("LAST-ACK, and no FIN", OWED, Sockets(ss(9, &row("LAST-ACK", 0, "")))),
        ("CLOSE-WAIT, held", OWED, Sockets(ss(9, &row("CLOSE-WAIT", 1, HELD)))),
        ("CLOSE-WAIT, all of it unread", OWED, Sockets(ss(9, &row("CLOSE-WAIT", 11, HELD)))),
        ("CLOSE-WAIT, all of it read", OWED, Sockets(ss(9, &row("CLOSE-WAIT", 0, HELD)))),
        ("CLOSE-WAIT, nobody's", MUTE, Sockets(ss(9, &row("CLOSE-WAIT", 11, "")))),
        ("CLOSE-WAIT after the capture", OWED, Sockets(ss(60, &row("CLOSE-WAIT", 1, HELD)))),
        ("ESTABLISHED long after the FIN", OWED, Sockets(ss(9, &row("ESTAB", 0, HELD)))),
        ("ESTABLISHED, then CLOSE-WAIT", OWED, Sockets(two)),
        ("ESTABLISHED, nobody's", MUTE, Sockets(ss(9, &row("ESTAB", 10, "")))),
        ("ESTABLISHED, nobody's, nothing unread", MUTE, Sockets(ss(9, &row("ESTAB", 0, "")))),
        ("CLOSE-WAIT, and a FIN passed", CLOSED, Sockets(ss(9, &row("CLOSE-WAIT", 1, HELD)))),
        ("CLOSE-WAIT, and a RST passed", REFUSED, Sockets(ss(9, &row("CLOSE-WAIT", 1, HELD)))),
        ("CLOSE-WAIT, and no FIN came", MUTE, Sockets(ss(9, &row("CLOSE-WAIT", 11, HELD)))),
        ("not listed", OWED, Sockets(ss(9, ""))),
        ("read 0, not closed", OWED, Trace(log(&[told, waits].concat()))),
        ("read 0, not closed, no times", OWED, Trace(blind(&log(&[told, waits].concat())))),
        ("read 0, not closed, ended", OWED, Trace(log(&[told, ends].concat()))),
        ("read 0, not closed, ends at once", OWED, Trace(log(told))),
        ("read 0, closed, and no FIN", OWED, Trace(log(&[told, closes, waits].concat()))),
        ("read 0, closed, and a FIN", CLOSED, Trace(log(&[told, closes, waits].concat()))),
        ("waits in poll", OWED, Trace(log(polls))),
        ("writes on", REFUSED, Trace(log(writes))),
    ];
    let mut text = String::new();
    for (what, wire, beside) in &cases {
        let report = analyze(*wire, beside);
        let found = serde_json::to_string_pretty(&report["findings"]).unwrap();
        let undecided = serde_json::to_string(&report["undecided"]).unwrap();
        text += &format!("# {what}\n{found}\nundecided {undecided}\n\n");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn socket_mismatch() {
    check(
        "socket-mismatch",
        "likely",
        "",
        [
            (OWED, Sockets(ss(9, &row("LAST-ACK", 0, "")))),
            (OWED, Sockets(ss(9, &row("CLOSE-WAIT", 1, HELD)))),
            // Made within a second of the FIN: clocks of listing and capture may differ by as much.
            (OWED, Sockets(ss(2, &row("ESTAB", 0, HELD)))),
        ],
    );
    assert_eq!(verdict("missing-fin", OWED, &Sockets(ss(9, &row("LAST-ACK", 0, "")))), "", "acquitted");
}

#[test]
fn never_accepted() {
    check(
        "never-accepted",
        "likely",
        "undecided",
        [
            (MUTE, Sockets(ss(9, &row("ESTAB", 10, "")))),
            (MUTE, Sockets(ss(9, &row("ESTAB", 10, HELD)))),
            (MUTE, Sockets(ss(0, &row("ESTAB", 10, "")))),
        ],
    );
    assert_eq!(
        verdict("never-accepted", OWED, &Sockets(ss(9, &row("CLOSE-WAIT", 1, "")))),
        "",
        "it has answered"
    );
}

#[test]
fn eof_not_read() {
    check(
        "eof-not-read",
        "likely",
        "",
        [
            (OWED, Sockets(ss(9, &row("CLOSE-WAIT", 1, HELD)))),
            (OWED, Sockets(ss(9, &row("CLOSE-WAIT", 0, HELD)))),
            // lsof shows the state and no queue.
            (
                OWED,
                Sockets(
                    "1700000009\nCOMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\n\
            web 9 www 7u IPv4 4711 0t0 TCP 198.51.100.5:80->192.0.2.10:40001 (CLOSE_WAIT)\n"
                        .to_owned(),
                ),
            ),
        ],
    );
}

#[test]
fn fd_not_closed() {
    let told = "7 1700000002.001 read(7, \"\", 4096) = 0\n";
    let waits = "7 1700000009.000 nanosleep({tv_sec=1, tv_nsec=0}, NULL) = 0\n";
    let closes = "7 1700000002.002 close(7) = 0\n";
    check(
        "fd-not-closed",
        "likely",
        "possible",
        [
            (OWED, Trace(log(&[told, waits].concat()))),
            (CLOSED, Trace(log(&[told, closes, waits].concat()))),
            // Not one close in the whole log: the trace may leave them out.
            (OWED, Trace(log(&[told, waits].concat()).replace("7 1700000000.601 close(8) = 0\n", ""))),
        ],
    );
}

#[test]
fn close_called() {
    let closes = "7 1700000002.001 read(7, \"\", 4096) = 0\n7 1700000002.002 close(7) = 0\n";
    check(
        "close-called",
        "likely",
        "",
        [(OWED, Trace(log(closes))), (CLOSED, Trace(log(closes))), (OWED, Trace(blind(&log(closes))))],
    );
    assert_eq!(verdict("missing-fin", OWED, &Trace(log(closes))), "", "acquitted");
}

/// A thread waits in poll on the descriptor, and the FIN was acknowledged long before the log ends.
#[test]
fn no_wake_up() {
    let waits = "7 1700000000.012 poll([{fd=7, events=POLLIN}], 1, -1 <unfinished ...>\n\
                 9 1700000012.000 nanosleep({tv_sec=1, tv_nsec=0}, NULL) = 0\n";
    let wakes = "7 1700000002.001 poll([{fd=7, events=POLLIN}], 1, -1) = 1 ([{fd=7, revents=POLLIN|POLLHUP}])\n\
                 7 1700000002.002 read(7, \"\", 4096) = 0\n9 1700000012.000 nanosleep({tv_sec=1, tv_nsec=0}, NULL) = 0\n";
    check(
        "no-wake-up",
        "possible",
        "",
        [(OWED, Trace(log(waits))), (OWED, Trace(log(wakes))), (OWED, Trace(blind(&log(waits))))],
    );
    let other = waits.replace("fd=7", "fd=9");
    assert_eq!(verdict("no-wake-up", OWED, &Trace(log(&other))), "", "it waits for another descriptor");
    let soon = waits.replace("1700000012", "1700000003");
    assert_eq!(verdict("no-wake-up", OWED, &Trace(log(&soon))), "", "the log ends a second after the FIN");
}

/// EPIPE on a write after the peer's FIN; ECONNRESET before it, or an own shutdown, says nothing of who closed first.
#[test]
fn epipe() {
    let writes = "7 1700000003.000 write(7, \"more\"..., 10) = 10\n\
                  7 1700000004.000 write(7, \"more\"..., 10) = -1 EPIPE (Broken pipe)\n";
    let reset = "7 1700000003.500 read(7, 0x7f, 4096) = -1 ECONNRESET (Connection reset by peer)\n";
    let (first, second) = writes.split_at(writes.find('\n').unwrap() + 1);
    check(
        "epipe",
        "likely",
        "",
        [
            (REFUSED, Trace(log(writes))),
            (REFUSED, Trace(log(&[first, reset, second].concat()))),
            // The log does not say whose socket it is, and the capture shows one handshake less than it accepts.
            (
                REFUSED,
                Trace(
                    log(&[writes, "7 1700000005.000 accept(3, NULL, NULL) = 9\n"].concat())
                        .replace("inet_addr", ""),
                ),
            ),
        ],
    );
    let own = [first, "7 1700000003.500 shutdown(7, SHUT_WR) = 0\n", second].concat();
    assert_eq!(verdict("epipe", REFUSED, &Trace(log(&own))), "", "it has shut down itself");
}

#[test]
fn lock_wait() {
    let sleeper = |lwp: u32, call: &str| format!("1581/{lwp}:\t{call}\t(sleeping...)\n");
    let locks = sleeper(1, "lwp_sema_wait(0xFEE0BE78)") + &sleeper(2, "semop(5, 0x00032124, 1)");
    check(
        "lock-wait",
        "likely",
        "",
        [
            (OWED, Trace(locks.clone())),
            (OWED, Trace(locks + &sleeper(3, "poll(0xFE80FC50, 1, 30000)"))),
            // Threads of the system's libraries sleep like this all their life.
            (
                OWED,
                Trace(
                    sleeper(1, "signotifywait()") + &sleeper(2, "door_return(0x00000000, 0, 0x00000000, 0)"),
                ),
            ),
        ],
    );
}

#[test]
fn listen_overflow() {
    let twice = |first: u32, last: u32| {
        let once = |at: u32, n: u32| {
            format!("17000000{at:02}\nTcpExtListenOverflows {n} 0.0\nTcpExtListenDrops {n} 0.0\n")
        };
        once(1, first) + &once(9, last)
    };
    check(
        "listen-overflow",
        "likely",
        "possible",
        [
            (OWED, Sockets(twice(3, 9))),
            (OWED, Sockets(twice(0, 0))),
            // Counted at some time since the host came up.
            (OWED, Sockets(twice(3, 3))),
        ],
    );
}

#[test]
fn interface_errors() {
    let twice = |errors: [u32; 2]| {
        let once = |at: u32, n: u32| {
            format!(
                "17000000{at:02}\nKernel Interface table\n\
                 Iface MTU RX-OK RX-ERR RX-DRP RX-OVR TX-OK TX-ERR TX-DRP TX-OVR Flg\n\
                 eth0 1500 1000 {n} 0 0 1000 0 0 0 BMRU\n"
            )
        };
        once(1, errors[0]) + &once(9, errors[1])
    };
    check(
        "interface-errors",
        "likely",
        "possible",
        [(OWED, Sockets(twice([0, 40]))), (OWED, Sockets(twice([0, 0]))), (OWED, Sockets(twice([40, 40])))],
    );
}

/// Data numbers of both, then the client's DATA_FIN, as tcpdump prints them.
const MULTIPATH: [&str; 2] = [
    "0.000 > S seq 1000\n0.001 < S. seq 5000, ack 1001\n0.002 > . ack 5001\n\
     0.010 > P. seq 1001:1011, ack 5001, options [mptcp 26 dss ack 77 seq 20 subseq 1 len 10] 10\n\
     0.011 < P. seq 5001:5021, ack 1011, options [mptcp 26 dss ack 30 seq 77 subseq 1 len 20] 20\n\
     2.000 > . ack 5021, options [mptcp 26 dss fin ack 97 seq 30 subseq 0 len 1] 0\n\
     2.001 < . ack 1011, options [mptcp 12 dss ack 31] 0\n",
    "",
];

/// Subflows and sockets of Multipath TCP stand in one listing under the same addresses.
#[test]
fn missing_data_fin() {
    let rows = |states: [&str; 2]| {
        let row = |net: &str, state: &str| {
            format!("{net} {state} 0 0 198.51.100.5:80 192.0.2.10:40001 users:((\"web\",pid=9,fd=7))")
        };
        let listed = [row("tcp", states[0]), row("mptcp", states[1])].join("\n");
        Sockets(format!(
            "1700000009\nNetid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n{listed}\n"
        ))
    };
    let said = |beside: &Beside| {
        let report = analyze(MULTIPATH, beside);
        let findings = report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["name"] == "missing-data-fin").unwrap();
        ["cause", "against"].map(|field| finding[field].to_string())
    };
    let [cause, against] = said(&rows(["ESTAB", "CLOSE-WAIT"]));
    assert!(cause.contains("CLOSE-WAIT, held by web (pid 9)"), "{cause}");
    assert!(!cause.contains("in ESTABLISHED") && !against.contains("in ESTABLISHED"), "{cause} {against}");
    let [cause, against] = said(&rows(["ESTAB", "ESTAB"]));
    assert!(against.contains("in ESTABLISHED") && !cause.contains("in ESTABLISHED"), "{cause} {against}");
    let unheard = MULTIPATH[0].split_once("2.001").unwrap().0;
    let undecided = analyze([unheard, ""], &rows(["ESTAB", "ESTAB"]))["undecided"][0].clone();
    assert_eq!(undecided["name"], "missing-data-fin");
    assert!(
        undecided["next"][0]["command"].as_str().unwrap().starts_with("ss -tanoepM state all"),
        "{undecided}"
    );
    for beside in [rows(["ESTAB", "CLOSE-WAIT"]), rows(["ESTAB", "ESTAB"])] {
        assert_eq!(verdict("socket-mismatch", MULTIPATH, &beside), "", "a subflow is ESTAB, and rightly so");
    }
}
