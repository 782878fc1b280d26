//! Whole logs through every step, against what is known of them; and hostile text.

use std::fmt::Write;

use super::*;
use crate::wire::Timestamp;

fn load(file: &str) -> Vec<u8> {
    let path = format!("{}/testdata/traces/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn facts(log: &[u8]) -> TraceFacts {
    examine("log", &mut &log[..]).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(log)))
}

/// The peers' ports of some lives, sorted.
fn ports(lives: &[Life]) -> Vec<u16> {
    let mut ports: Vec<_> = lives.iter().filter_map(|life| Some(life.peer?.0.port())).collect();
    ports.sort_unstable();
    ports
}

/// The facts as text: what was read, then one line per fact.
fn summary(facts: &TraceFacts) -> String {
    let mut text = String::new();
    let log = &facts.log;
    writeln!(text, "{} {:?}, {} of {} lines unread", log.format, log.clock, log.unread, log.lines).unwrap();
    let peer =
        |life: &Life| life.peer.map_or("-".to_owned(), |(peer, source)| format!("{peer} by {source:?}"));
    for life in facts.eof_not_closed.iter().chain(&facts.eof_unknown_kind) {
        let eof = life.eof.as_ref().map_or(0, |quote| quote.upto);
        let held: Vec<_> = life.held_by.iter().map(|(_, fd)| fd).collect();
        let written = life.writes_after_eof;
        writeln!(text, "not closed {:?} {} eof {eof} written {written} held {held:?}", life.kind, peer(life))
            .unwrap();
    }
    for life in &facts.closed {
        writeln!(text, "closed {}", peer(life)).unwrap();
    }
    for life in facts.open.iter().filter(|life| life.shutdown.is_some()) {
        writeln!(text, "shut down {}", peer(life)).unwrap();
    }
    for failure in &facts.failures {
        writeln!(text, "{} in line {}, {}", failure.error, failure.call.upto, peer(&failure.life)).unwrap();
    }
    for armed in &facts.armed {
        let on: Vec<_> = armed.on.iter().map(|(fd, life)| format!("{fd} {}", peer(life))).collect();
        writeln!(text, "armed in line {} on {on:?}", armed.call.line).unwrap();
    }
    let Threads { in_locks, watching, service, otherwise, running, .. } = &facts.threads;
    let (locks, watching, service, otherwise) =
        (in_locks.len(), watching.len(), service.len(), otherwise.len());
    let total = facts.threads.of_the_program();
    writeln!(text, "{locks} of {total} in locks, {watching} watching, {otherwise} otherwise, {running} running, {service} service").unwrap();
    for (lock, threads) in facts.threads.shared_locks() {
        writeln!(text, "{threads} at {lock}").unwrap();
    }
    if facts.threads.nobody_can_see_eof() {
        text.push_str("nobody can see an end of file\n");
    }
    text
}

#[track_caller]
fn check(log: &[u8], expected: &str) {
    let found = summary(&facts(log));
    assert_eq!(found.trim_end(), expected.trim(), "\n{found}");
}

/// What the kernel's own records (truth.json of the captures) say of these servers.
#[test]
fn recorded_servers() {
    let check = |file: &str, never_closed: &[u16], closed: usize| {
        let facts = facts(&load(file));
        assert_eq!(facts.log.unread, 0, "{file}");
        assert_eq!(ports(&facts.eof_not_closed), never_closed, "{file}");
        assert_eq!(facts.closed.len(), closed, "{file}");
        assert!(facts.eof_unknown_kind.is_empty() && facts.lost == 0, "{file}");
        let all = facts.eof_not_closed.iter().chain(&facts.closed);
        for life in all {
            assert_eq!(
                (life.kind, life.peer.map(|(_, s)| s)),
                (SocketKind::Tcp, Some(AddressSource::Note)),
                "{file}"
            );
        }
    };
    let leaked = [37570, 37582, 37602, 37618, 37654, 37670, 37702, 37716, 37740, 37760];
    check("strace-server-never-closes.txt", &leaked, 11);
    check("strace-client-never-closes.txt", &[], 14);
    check("strace-late-close.txt", &[], 15);
    check("strace-clean-closes.txt", &[], 24);
    // 56152 is a download that goes on after the client's FIN: its writes tell it from a leak.
    check("strace-half-close-download.txt", &[56152], 5);
    let download = facts(&load("strace-half-close-download.txt"));
    assert!(download.eof_not_closed[0].writes_after_eof > 1);
}

#[test]
fn a_missing_close_is_quoted_line_by_line() {
    let facts = facts(&load("strace-server-never-closes.txt"));
    let life = &facts.eof_not_closed[0];
    let opened = life.opened.as_ref().unwrap();
    assert_eq!((opened.line, opened.upto, life.how), (6, 23, Opened::Accept));
    assert!(opened.text.starts_with("4833  1795408543.256190 accept4(3<TCP:"), "{}", opened.text);
    assert!(opened.text.ends_with("<0.169715>"), "{}", opened.text);
    let eof = life.eof.as_ref().unwrap();
    assert_eq!((eof.line, eof.task.thread), (27, Some(4833)));
    assert!(eof.text.ends_with("\"\", 4096, 0, NULL, NULL) = 0 <0.024208>"), "{}", eof.text);
    // Begun at .427303, returned 24.208 ms later.
    assert_eq!(
        eof.at.and_then(|at| facts.log.clock.place(at, None)),
        Some(Timestamp(1_795_408_543_451_511_000))
    );
    assert!(matches!(life.ended, Ended::Exit { line: 150, killed: true, .. }));
}

/// One thread leaks, one closes, a child closes but its parent does not, a peer resets, and four threads sleep.
#[test]
fn forks_resets_and_sleepers() {
    check(
        &load("strace-epoll-select-futex.txt"),
        "
strace Unix, 0 of 202 lines unread
not closed Tcp 127.0.0.1:43858 by Accept eof 70 written 0 held [4]
not closed Tcp 127.0.0.1:43878 by Accept eof 122 written 0 held [6]
closed 127.0.0.1:41751 by Connect
closed 127.0.0.1:41751 by Connect
closed 127.0.0.1:43872 by Accept
closed 127.0.0.1:41751 by Connect
closed 127.0.0.1:41751 by Connect
ECONNRESET in line 135, 127.0.0.1:43888 by Accept
EPIPE in line 136, 127.0.0.1:43888 by Accept
armed in line 165 on [\"8 127.0.0.1:43890 by Accept\"]
armed in line 169 on [\"12 127.0.0.1:43898 by Accept\"]
armed in line 187 on [\"12 127.0.0.1:43898 by Accept\"]
1 of 5 in locks, 3 watching, 0 otherwise, 1 running, 0 service",
    );
}

#[test]
fn the_thread_that_asked() {
    check(
        &load("truss-sleeping-thread.txt"),
        "
truss None, 0 of 14 lines unread
12 of 12 in locks, 0 watching, 0 otherwise, 0 running, 2 service
2 at semop 5
nobody can see an end of file",
    );
}

#[test]
fn other_tracers() {
    check(
        &load("truss-laef-vall.txt"),
        "
truss None, 0 of 33 lines unread
not closed Tcp 192.0.2.31:40312 by Accept eof 18 written 0 held [7]
closed 192.0.2.32:40313 by Accept
EPIPE in line 28, -
4 of 4 in locks, 0 watching, 0 otherwise, 0 running, 1 service
2 at semop 5
nobody can see an end of file",
    );
    check(
        &load("truss-d-D.txt"),
        "
truss Unix, 0 of 10 lines unread
not closed Tcp 192.0.2.32:40313 by Accept eof 9 written 0 held [8]
shut down 192.0.2.31:40312 by Accept
1 of 1 in locks, 0 watching, 0 otherwise, 0 running, 0 service
nobody can see an end of file",
    );
    check(
        &load("truss-E.txt"),
        "
truss None, 0 of 4 lines unread
not closed Socket - eof 2 written 0 held [7]
ECONNRESET in line 4, -
0 of 2 in locks, 1 watching, 0 otherwise, 1 running, 0 service",
    );
    check(
        &load("truss-freebsd.txt"),
        "
truss None, 0 of 6 lines unread
not closed Tcp 192.0.2.1:80 by Connect eof 6 written 0 held [3]
0 of 1 in locks, 0 watching, 0 otherwise, 1 running, 0 service",
    );
    check(
        &load("kdump-H-T.txt"),
        "
kdump Unix, 0 of 26 lines unread
not closed Tcp 192.0.2.31:40312 by Accept eof 18 written 0 held [6]
EPIPE in line 24, 192.0.2.31:40312 by Accept
1 of 2 in locks, 1 watching, 0 otherwise, 0 running, 0 service",
    );
    check(
        &load("tusc-f-l-T.txt"),
        "
tusc Unix, 0 of 9 lines unread
not closed Socket - eof 6 written 1 held [5]
EPIPE in line 8, -
2 of 2 in locks, 0 watching, 0 otherwise, 0 running, 0 service
nobody can see an end of file",
    );
}

/// A time of `truss -d` is the base line plus the column.
#[test]
fn truss_counts_from_its_base_line() {
    let facts = facts(&load("truss-d-D.txt"));
    let at = facts.eof_not_closed[0].eof.as_ref().and_then(|eof| facts.log.clock.place(eof.at?, None));
    assert_eq!(at, Some(Timestamp(951_735_182_423_400_000)));
}

#[test]
fn what_lets_a_socket_go() {
    let accept =
        "1 accept(3, {sa_family=AF_INET, sin_port=htons(7), sin_addr=inet_addr(\"192.0.2.9\")}, [16]) = 4\n";
    let eof = "1 read(4, \"\", 9) = 0\n";
    let check = |calls: &str, leaked: usize, closed: usize, lost: u64| {
        let log = format!("{accept}{eof}{calls}");
        let facts = facts(log.as_bytes());
        assert_eq!(
            (facts.eof_not_closed.len(), facts.closed.len(), facts.lost),
            (leaked, closed, lost),
            "{calls}"
        );
    };
    check("", 1, 0, 0);
    check("1 close(4) = 0\n", 0, 1, 0);
    check("1 close(4 <unfinished ...>\n2 accept(3, NULL, NULL) = 4\n1 <... close resumed>) = 0\n", 0, 1, 0);
    check("1 close(4) = -1 EBADF (Bad file descriptor)\n", 1, 0, 0);
    check("1 shutdown(4, SHUT_WR) = 0\n", 0, 0, 0);
    check("1 shutdown(4, SHUT_RD) = 0\n", 1, 0, 0);
    check("1 dup(4) = 9\n1 close(4) = 0\n", 1, 0, 0);
    check("1 dup2(5, 4) = 4\n", 0, 1, 0);
    check("1 close_range(3, 4294967295, 0) = 0\n", 0, 1, 0);
    check("1 close_range(5, 9, 0) = 0\n", 1, 0, 0);
    check("1 fcntl(4, F_SETFD, FD_CLOEXEC) = 0\n1 execve(\"/bin/true\", [], 0x7) = 0\n", 0, 1, 0);
    check("1 execve(\"/bin/true\", [], 0x7) = 0\n", 1, 0, 0);
    // The child closes its copy, the parent keeps its own; and the other way round.
    check("1 clone(child_stack=NULL, flags=SIGCHLD) = 2\n2 close(4) = 0\n", 1, 0, 0);
    check("1 clone(child_stack=NULL, flags=SIGCHLD) = 2\n1 close(4) = 0\n2 close(4) = 0\n", 0, 1, 0);
    check("1 clone(flags=SIGCHLD <unfinished ...>\n2 close(4) = 0\n1 <... clone resumed>) = 2\n", 1, 0, 0);
    // Threads share.
    check("1 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD}, 88) = 2\n2 close(4) = 0\n", 0, 1, 0);
    // The number comes again: the close was not logged, and nothing is claimed.
    check("1 openat(AT_FDCWD, \"x\", O_RDONLY) = 4\n", 0, 0, 1);
    check("1 +++ exited with 0 +++\n", 1, 0, 0);
}

#[test]
fn what_is_no_end_of_file() {
    let check = |calls: &str| {
        let facts = facts(calls.as_bytes());
        assert_eq!((facts.eof_not_closed.len(), facts.eof_unknown_kind.len()), (0, 0), "{calls}");
    };
    check("1 socket(AF_INET, SOCK_STREAM, 0) = 4\n1 read(4, \"\", 0) = 0\n");
    check("1 openat(AT_FDCWD, \"x\", O_RDONLY) = 4\n1 read(4, \"\", 9) = 0\n");
    check("1 read(4</etc/hosts>, \"\", 9) = 0\n1 fcntl(4, F_GETFD) = 0x1 (flags FD_CLOEXEC)\n");
    check("1 socket(AF_INET, SOCK_DGRAM, 0) = 4\n1 recv(4, \"\", 9, 0) = 0\n");
    check("1 socket(AF_UNIX, SOCK_STREAM, 0) = 4\n1 recv(4, \"\", 9, 0) = 0\n");
    check("1 pipe2([4, 5], O_CLOEXEC) = 0\n1 read(4, \"\", 9) = 0\n");
    check("1 read(0, \"\", 9) = 0\n");
}

#[test]
fn a_call_cut_by_straces_own_message_is_one_call() {
    let log =
        "clone(flags=SIGCHLDstrace: Process 7 attached\n, child_tidptr=0x7f) = 7\n[pid 7] close(4) = 0\n";
    let log = facts(log.as_bytes()).log;
    assert_eq!((log.calls, log.unread), (2, 0));
}

#[test]
fn a_log_is_taken_for_what_it_is() {
    let check = |line: &str, expected: Option<(&str, Clock)>| {
        let found =
            examine("log", &mut line.as_bytes()).ok().map(|facts| (facts.log.format, facts.log.clock));
        assert_eq!(found, expected, "{line}");
    };
    check("17:09:54.582727 read(8, \"\", 15356) = 0\n", Some(("strace", Clock::TimeOfDay)));
    check("4828  1795408543.251648 close(3) = 0\n", Some(("strace", Clock::Unix)));
    check("     0.000009 close(3) = 0\n", Some(("strace", Clock::SinceStart)));
    check("close(3)                = 0\n", Some(("strace", Clock::None)));
    check("close(3)\t\t\t\t\t= 0\nread(4, 0x80, 9)\t\tErr#11 EAGAIN\n", Some(("truss", Clock::None)));
    check("/2:     pollsys(0xE517AD88, 1, 0xE517AE30, 0x00000000)  = 0\n", Some(("truss", Clock::None)));
    check(" 51409 test     CALL  recvmsg(0x5,0x7fffffffe950,0)\n", Some(("kdump", Clock::None)));
    check("1388730765.780235 [2766] close(3) .... = 0\n", Some(("tusc", Clock::Unix)));
    check("[pid  2766] close(3)    = 0\n", Some(("strace", Clock::None)));
}

#[test]
fn a_log_without_newline_ends_in_a_waiting_thread() {
    check(
        b"1 listen(3, 9) = 0\n1 accept(3, ",
        "
strace None, 0 of 2 lines unread
0 of 1 in locks, 1 watching, 0 otherwise, 0 running, 0 service",
    );
}

#[test]
fn what_is_no_log_is_refused() {
    for text in [
        "",
        "\n\n\n",
        "hello world\n",
        "\u{feff}{\"a\": [1, 2]}\n",
        "tcp 0 0 192.0.2.1:80 192.0.2.9:7 CLOSE_WAIT\n",
    ] {
        let found = examine("x.txt", &mut text.as_bytes()).map(|facts| facts.log.format);
        assert!(matches!(found, Err(TraceError::NotATrace { .. })), "{text:?}: {found:?}");
    }
}

/// Every recorded log, cut anywhere, with CR LF, and with any one octet damaged: read to its end without panic.
#[test]
fn damaged_logs() {
    let files = [
        "strace-epoll-select-futex.txt",
        "truss-laef-vall.txt",
        "truss-d-D.txt",
        "truss-sleeping-thread.txt",
        "truss-freebsd.txt",
        "kdump-H-T.txt",
        "tusc-f-l-T.txt",
    ];
    for file in files {
        let whole = load(file);
        let expected = summary(&facts(&whole));
        let crlf = String::from_utf8(whole.clone()).unwrap().replace('\n', "\r\n");
        assert_eq!(summary(&facts(crlf.as_bytes())), expected, "{file} with CR LF");
        let few = &whole[..whole.len().min(6_000)];
        // Every third octet; which damage it takes goes round.
        for at in (0..few.len()).step_by(3) {
            let cut = examine("cut", &mut &few[..at]);
            assert!(cut.is_ok_and(|facts| facts.log.lines <= 200) || at < 160, "{file} cut at {at}");
            let mut damaged = few.to_vec();
            damaged[at] = [b'\n', b'(', b')', b'<', b'9', b'"', 0xff][at / 3 % 7];
            let lines = examine("damaged", &mut &damaged[..]).map(|facts| facts.log.lines);
            assert!(lines.is_ok_and(|lines| lines > 0), "{file} damaged at {at}");
        }
    }
}

#[test]
fn hostile_logs_stay_small() {
    let head = "1 close(9) = 0\n".to_owned();
    let mut endless = head.clone().into_bytes();
    endless.extend(b"1 read(3, \"".iter().chain(&vec![b'x'; 3 << 20]));
    assert_eq!(facts(&endless).log.unread, 1);

    // More threads in unfinished calls, more descriptors and more forks than are followed.
    let mut crowd = head.clone();
    for n in 10..90_000u32 {
        writeln!(crowd, "{n} accept(3, <unfinished ...>").unwrap();
    }
    let found = facts(crowd.as_bytes());
    assert!(found.not_followed > 0 && found.log.unread == 0);
    assert!(found.threads.of_the_program() <= 65_536);

    let mut leaks = head.clone();
    for n in 10..90_000u32 {
        writeln!(leaks, "1 accept(3, NULL, NULL) = {n}").unwrap();
        writeln!(leaks, "1 read({n}, \"\", 9) = 0").unwrap();
    }
    let found = facts(leaks.as_bytes());
    assert!(found.not_followed > 0 && found.eof_not_closed.len() < 65_536);

    let mut forks = leaks;
    for n in 100_000..120_000u32 {
        writeln!(forks, "1 fork() = {n}").unwrap();
        writeln!(forks, "{n} +++ exited with 0 +++").unwrap();
    }
    assert!(facts(forks.as_bytes()).not_followed > 0);

    let deep = format!("{head}1 poll({}, 1, 9) = {}", "[{fd=4, ".repeat(50_000), ")".repeat(50_000));
    assert_eq!(facts(deep.as_bytes()).log.lines, 2);
}
