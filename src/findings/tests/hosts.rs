//! What the records of the server's host add to a connection, and where they say too little.
//!
//! A listing is one line, `SECONDS STATE KEY...`: `-` for the seconds if it is undated, `missed` for the state if the table
//! of that host is whole and lacks the socket. `by=NAME` and `nobody` are its owners; `recv`, `send`, `inode` what is
//! printed; `via` the command. A line of a log is `SECONDS CALL`, and descriptor 7 is the connection.

use super::super::host::{close_wait, read_the_end};
use super::*;
use crate::sockets::{Process, Socket, SocketState};
use crate::trace::{Clock, Life, Reading, SocketKind, TraceFacts, TraceLog};

/// The client's FIN is acknowledged at 1.21, the server owes its own.
const OWED: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n 20 end";
/// The server has sent it.
const CLOSED: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n 1.3 < FA\n 1.31 > A\n 20 end";
/// The server has reset the connection.
const RESET: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n 1.3 < RA opt\n 20 end";
/// The server's program never said a word.
const MUTE: &str = "1 > PA +100\n 1.01 < A\n 20 end";

/// The log's clock counts from another second than the capture's.
const AHEAD: Span = Span::secs(1_700_000_000 - 1_000);

#[derive(Default)]
struct Records {
    listings: Vec<(Look<'static>, Socket)>,
    missed: Option<Look<'static>>,
    log: Option<TraceFacts>,
    by_order: bool,
}

fn second(text: &str) -> Timestamp {
    Timestamp::new(1_000, 0) + Span((text.parse::<f64>().unwrap() * 1e9) as i64)
}

impl Records {
    fn sockets(text: &'static str) -> Records {
        let mut records = Records::default();
        for line in text.lines().map(str::trim) {
            let mut words = line.split_whitespace();
            let at = Some(words.next().unwrap()).filter(|&at| at != "-").map(second);
            let mut look = Look { at, file: "/var/tmp/table.txt", format: "ss" };
            let state = words.next().unwrap();
            if state == "missed" {
                records.missed = Some(look);
                continue;
            }
            let mut socket = Socket { state: SocketState::read(state).unwrap(), ..Socket::default() };
            for word in words {
                let number = |text: &str| Some(text.parse().unwrap());
                match word.split_once('=') {
                    None if word == "nobody" => socket.owners = Some(Vec::new()),
                    Some(("by", name)) => {
                        let process = Process { name: Some(name.into()), pid: Some(9), fd: Some(7) };
                        socket.owners.get_or_insert_default().push(process);
                    }
                    Some(("recv", n)) => socket.recv_q = number(n),
                    Some(("send", n)) => socket.send_q = number(n),
                    Some(("inode", n)) => socket.inode = number(n),
                    Some(("via", format)) => look.format = format,
                    _ => panic!("unknown word {word}"),
                }
            }
            records.listings.push((look, socket));
        }
        records
    }

    /// It accepts the connection and another one, which it closes; then come these lines.
    fn log(lines: &str) -> Records {
        let mut text = String::new();
        let accept = |port: u16, fd: u8| {
            format!(
                "accept(3, {{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr(\"192.0.2.1\")}}, [16]) = {fd}"
            )
        };
        let head =
            format!("0.01 {}\n0.5 {}\n0.6 close(8) = 0\n{lines}", accept(40_000, 7), accept(40_001, 8));
        for line in head.lines().map(str::trim) {
            let (at, call) = line.split_once(' ').unwrap();
            let thread = if call.ends_with("<unfinished ...>") { 8 } else { 7 };
            text += &format!("{thread} {:.6} {call}\n", (second(at) + AHEAD).0 as f64 / 1e9);
        }
        let facts = crate::trace::examine("/var/tmp/calls.txt", &mut text.as_bytes()).unwrap();
        Records { log: Some(facts), ..Records::default() }
    }

    fn with(mut self, change: impl FnOnce(&mut TraceFacts)) -> Records {
        change(self.log.as_mut().unwrap());
        self
    }

    fn by_order(mut self) -> Records {
        self.by_order = true;
        self
    }

    /// What is known beside the capture, at the server.
    fn evidence(&self, server: Side) -> HostEvidence<'_> {
        let mut evidence = HostEvidence::default();
        let sighting = |(look, socket)| Sighting { look, socket };
        let sightings = self.listings.iter().map(|(look, socket)| sighting((*look, socket))).collect();
        evidence.listed[server.index()] = Listed { sightings, missed: self.missed };
        evidence.traced[server.index()] = self.log.as_ref().map(|facts| {
            let lists = [&facts.eof_not_closed, &facts.eof_unknown_kind, &facts.closed, &facts.open];
            let life: &Life = lists.into_iter().flatten().find(|life| life.fd == 7).unwrap();
            let since = Timestamp::new(1_700_000_000, 0);
            let clock = Some(LogClock { zero: None, ahead: AHEAD, since, drift: 0, events: 2 });
            Traced { facts, life, clock, by_order: self.by_order }
        });
        evidence
    }

    fn asked<T>(&self, script: &str, ask: impl FnOnce(&Case<'_>) -> T) -> T {
        let scene = scene(script);
        let server = scene.client.peer();
        scene.beside(self.evidence(server), ask)
    }

    /// The finding of that name beside these records.
    fn finds(&self, name: &str, script: &str) -> Option<Finding> {
        self.asked(script, |case| {
            let finding = judge(case).findings.into_iter().find(|finding| finding.name == name)?;
            let words = told_of(case, &finding, 1);
            assert!(!words.headline.is_empty() && words.says.ends_with('.'), "{words:?}");
            assert!(!words.advice.is_empty(), "{name} does not say what helps");
            Some(finding)
        })
    }

    /// How sure the finding of that name is; or that it is undecided; or nothing.
    fn verdict(&self, name: &str, script: &str) -> &'static str {
        match self.finds(name, script).map(|finding| finding.fact) {
            Some(Certainty::Certain) => "certain",
            Some(Certainty::Likely) => "likely",
            Some(Certainty::Possible) => "possible",
            None => self.asked(script, |case| {
                let undecided = judge(case).undecided.iter().any(|(of, _)| *of == name);
                if undecided { "undecided" } else { "" }
            }),
        }
    }
}

fn told_of(case: &Case<'_>, finding: &Finding, members: usize) -> Words {
    let members = vec![(case, finding); members];
    let group = Group { place: "there".into(), members, of: 0, capture: case.capture };
    rule(finding.name).unwrap().words(&group)
}

#[test]
fn what_a_log_tells_is_placed_on_the_clock_of_the_capture() {
    let log = TraceLog { clock: Clock::Unix, ..TraceLog::default() };
    let facts = TraceFacts { log, ..TraceFacts::default() };
    let since = Timestamp::new(2_000, 0);
    let reading = Reading((since + Span::secs(1_000)).0);
    for (ahead, drift, placed) in [
        (0, 0, Span::secs(1_000)),
        (5, 0, Span::secs(995)),
        (-5, 0, Span::secs(1_005)),
        (0, 3_000, Span::millis(999_997)),
        (0, -3_000, Span::millis(1_000_003)),
    ] {
        let clock = LogClock { zero: None, ahead: Span::secs(ahead), since, drift, events: 2 };
        assert_eq!(clock.place(&facts, reading), Some(since + placed), "{ahead} s ahead, gains {drift} ns/s");
    }
}

#[test]
fn a_listing_confirms_close_wait_if_it_is_of_then_and_nothing_denies_it() {
    for (listings, confirms, why) in [
        ("5 CLOSE-WAIT", true, "made while the capture ran"),
        ("30 CLOSE-WAIT", true, "made later, and still so"),
        ("- CLOSE-WAIT", true, "undated"),
        ("0.5 CLOSE-WAIT", true, "within a second of the acknowledgment: clocks differ by as much"),
        ("0.1 CLOSE-WAIT", false, "made before"),
        ("5 ESTABLISHED", false, "another state"),
        ("5 ESTABLISHED\n 30 CLOSE-WAIT", true, "the later one counts"),
        ("5 CLOSE-WAIT\n 9 LAST-ACK", false, "it has closed since"),
        ("5 CLOSE-WAIT\n 30 LAST-ACK", true, "it closed behind the capture"),
        ("- CLOSE-WAIT\n - LAST-ACK", true, "nobody knows which came first"),
        ("5 CLOSE-WAIT\n 9 missed", false, "it is gone since"),
    ] {
        let records = Records::sockets(listings);
        let confirmed = records.asked(OWED, |case| {
            let server = case.roles.server();
            let acked = case.connection.fin(server.peer()).unwrap().acked;
            close_wait(case, server, acked).is_some()
        });
        assert_eq!(confirmed, confirms, "{listings}: {why}");
    }
}

#[test]
fn the_owners_are_those_of_the_last_listing_that_names_any() {
    for (listings, owners) in [
        ("5 CLOSE-WAIT", None),
        ("5 CLOSE-WAIT nobody", Some(vec![])),
        ("5 CLOSE-WAIT by=web\n 9 CLOSE-WAIT", Some(vec!["web"])),
        ("5 CLOSE-WAIT by=web\n 9 CLOSE-WAIT nobody", Some(vec!["web"])),
        ("5 CLOSE-WAIT nobody\n 9 CLOSE-WAIT by=web", Some(vec!["web"])),
        ("5 CLOSE-WAIT by=old\n 9 CLOSE-WAIT by=new by=newer", Some(vec!["new", "newer"])),
    ] {
        let records = Records::sockets(listings);
        let evidence = records.evidence(Side::Lo);
        let names = |owners: &'_ [Process]| -> Vec<_> {
            owners.iter().map(|owner| owner.name.as_deref().unwrap().to_owned()).collect()
        };
        let told = evidence.listed[Side::Lo.index()].owners().map(names);
        assert_eq!(told, owners.map(|owners| owners.into_iter().map(str::to_owned).collect()), "{listings}");
    }
}

#[test]
fn missing_fin_is_as_sure_as_what_its_host_has_seen() {
    let later = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n 5 < A seq=1\n 20 end";
    for (listing, verdict) in [
        ("3 CLOSE-WAIT", "undecided"),
        ("5 CLOSE-WAIT", "certain"),
        ("9 CLOSE-WAIT", "certain"),
        ("- CLOSE-WAIT", "certain"),
    ] {
        let records = Records::sockets(listing);
        assert_eq!(records.verdict("missing-fin", later), verdict, "{listing}: a lost FIN before it?");
    }
}

#[test]
fn a_log_proves_that_the_end_was_read_only_if_nothing_of_it_can_be_missing() {
    let told = || Records::log("1.3 read(7, \"\", 4096) = 0\n 15 nanosleep() = 0");
    let proves = |records: &Records| records.asked(OWED, |case| read_the_end(case, case.roles.server()));
    assert!(proves(&told()));
    assert!(!proves(&told().with(|facts| facts.close_calls = 0)), "the trace may leave closes out");
    assert!(!proves(&told().with(|facts| facts.lost = 1)), "it lacks a close elsewhere");
    assert!(!proves(&told().by_order()), "it names no peer");
}

#[test]
fn never_accepted() {
    let verdict = |listings| Records::sockets(listings).verdict("never-accepted", MUTE);
    for (listings, expected) in [
        ("5 ESTABLISHED nobody", "likely"),
        ("5 CLOSE-WAIT nobody recv=11", "likely"),
        ("5 ESTABLISHED nobody inode=0", "certain"),
        ("5 ESTABLISHED nobody\n 9 ESTABLISHED", "likely"),
        ("- ESTABLISHED nobody", "likely"),
        ("0.9 ESTABLISHED nobody", "undecided"),
        ("5 ESTABLISHED nobody inode=4711", ""),
        ("5 ESTABLISHED by=web\n 9 ESTABLISHED nobody", ""),
        ("5 ESTABLISHED", ""),
        ("5 LAST-ACK nobody", ""),
    ] {
        assert_eq!(verdict(listings), expected, "{listings}");
    }
    let against = |listings| Records::sockets(listings).finds("never-accepted", MUTE).unwrap().against;
    assert_eq!(against("5 ESTABLISHED nobody inode=0"), [""; 0]);
    assert!(against("5 ESTABLISHED nobody")[0].contains("without root"));
}

#[test]
fn eof_not_read() {
    let verdict = |listings, script| Records::sockets(listings).verdict("eof-not-read", script);
    for (listings, expected) in [
        ("15 CLOSE-WAIT recv=1 by=web", "certain"),
        ("15 CLOSE-WAIT recv=1", "certain"),
        ("15 CLOSE-WAIT recv=1\n 16 CLOSE-WAIT", "certain"),
        ("15 CLOSE-WAIT recv=0", ""),
        ("15 CLOSE-WAIT", ""),
        ("15 CLOSE-WAIT recv=1 nobody", ""),
        ("2 CLOSE-WAIT recv=1", ""),
        ("5 ESTABLISHED recv=1\n 30 CLOSE-WAIT", ""),
        ("- ESTABLISHED recv=5", ""),
    ] {
        assert_eq!(verdict(listings, OWED), expected, "{listings}");
    }
    let unread = "15 CLOSE-WAIT recv=1";
    assert_eq!([verdict(unread, CLOSED), verdict(unread, RESET)], ["", ""], "it has ended by the wire");
    let found = |listings| Records::sockets(listings).finds("eof-not-read", OWED).unwrap();
    assert_eq!(found(unread).severity(1), Severity::Warning, "a listening side's, for 14 s");
    for (queue, said) in [
        ("15 CLOSE-WAIT recv=1", "is the FIN itself"),
        ("15 CLOSE-WAIT recv=2", "2: 1 octet and the FIN"),
        ("15 CLOSE-WAIT recv=11", "11: 10 octets and the FIN"),
        ("15 CLOSE-WAIT recv=1 via=netstat-solaris", "1: 1 octet unread, and the FIN"),
        ("15 CLOSE-WAIT recv=11 via=netstat-solaris", "11: 11 octets unread, and the FIN"),
    ] {
        let because = found(queue).cause.unwrap().because;
        assert!(because[0].contains(said), "{because:?}");
    }
}

#[test]
fn fd_not_closed() {
    let told = || Records::log("1.3 read(7, \"\", 4096) = 0\n 15 nanosleep() = 0");
    let verdict = |records: Records| records.verdict("fd-not-closed", OWED);
    assert_eq!(verdict(told()), "certain");
    assert_eq!(verdict(told().with(|facts| facts.close_calls = 0)), "possible");
    let unsure = |facts: &mut TraceFacts| facts.eof_not_closed[0].kind = SocketKind::Unknown;
    assert_eq!(verdict(told().with(unsure)), "possible");
    assert_eq!(verdict(told().with(|facts| facts.lost = 1)), "likely");
    assert_eq!(verdict(told().with(|facts| facts.not_followed = 1)), "likely");
    assert_eq!(verdict(told().with(|facts| facts.log.span = None)), "likely", "it has no times");
    assert_eq!(verdict(told().by_order()), "likely");
    assert_eq!(verdict(Records::log("1.3 read(7, \"\", 4096) = 0\n 2 nanosleep() = 0")), "", "ends too soon");
    assert_eq!(verdict(told().with(|facts| facts.eof_not_closed[0].writes_after_eof = 1)), "", "it goes on");
    assert_eq!(told().verdict("fd-not-closed", CLOSED), "", "a FIN passed all the same");
    assert_eq!(told().verdict("fd-not-closed", RESET), "");
    let found = told().with(|facts| facts.lost = 1).finds("fd-not-closed", OWED).unwrap();
    assert_eq!(found.severity(1), Severity::Warning, "a listening side's, for 14 s");
    assert_eq!(found.against, ["the log lacks the close of 1 other descriptor"]);
    assert_eq!(told().finds("fd-not-closed", OWED).unwrap().against, [""; 0]);
    let descriptors = |members| {
        told().asked(OWED, |case| {
            let found = judge(case).findings.into_iter().find(|finding| finding.name == "fd-not-closed");
            told_of(case, &found.unwrap(), members).says
        })
    };
    for (members, all) in [(1, ": 7."), (12, ", 7."), (13, ", 7, ...")] {
        assert!(descriptors(members).contains(all), "{members} members: {}", descriptors(members));
    }
}

#[test]
fn close_called() {
    let closes = |at: &str| Records::log(&format!("1.3 read(7, \"\", 4096) = 0\n {at} close(7) = 0"));
    let verdict = |records: Records| records.verdict("close-called", OWED);
    assert_eq!(verdict(closes("5")), "likely");
    assert_eq!(verdict(closes("19.5")), "", "its FIN may pass a moment later");
    assert_eq!(verdict(closes("25")), "", "behind the capture");
    let early = |facts: &mut TraceFacts| {
        let crate::trace::Ended::Closed(quote) =
            &mut facts.closed.iter_mut().find(|life| life.fd == 7).unwrap().ended
        else {
            unreachable!()
        };
        quote.at = quote.at.map(|at| Reading(at.0 - Span::secs(60).0));
    };
    assert_eq!(verdict(closes("5").with(early)), "", "before the connection began");
    assert_eq!(verdict(closes("5").by_order()), "");
    assert_eq!(closes("5").verdict("close-called", CLOSED), "");
    assert_eq!(closes("5").verdict("close-called", RESET), "");
    let full = "1 > PA +100\n 1.1 < PA +100\n 1.11 > A win=0\n";
    for (rest, blamed) in [
        ("20 end", "the reader"),
        ("9 > A\n 20 end", "the path"),
        ("1.2 > A\n 1.3 < A win=0\n 20 end", "the path"),
    ] {
        let found = closes("5").finds("close-called", &format!("{full} {rest}"));
        assert_eq!(found.unwrap().cause.unwrap().what, blamed, "{rest}");
    }
}

#[test]
fn no_wake_up() {
    let waits =
        || Records::log("1.15 poll([{fd=7, events=POLLIN}], 1, -1 <unfinished ...>\n 15 nanosleep() = 0");
    let verdict = |script| waits().verdict("no-wake-up", script);
    assert_eq!([verdict(OWED), verdict(CLOSED), verdict(RESET)], ["possible", "", ""]);
}

#[test]
fn socket_mismatch() {
    let verdict = |listings, script| Records::sockets(listings).verdict("socket-mismatch", script);
    assert_eq!(verdict("9 missed", OWED), "likely");
    assert_eq!(
        [verdict("9 missed", CLOSED), verdict("9 missed", RESET)],
        ["", ""],
        "it has ended by the wire"
    );
    let what = |listing| {
        let finding = Records::sockets(listing).finds("socket-mismatch", OWED).unwrap();
        finding.cause.unwrap().what
    };
    assert_eq!(what("9 LAST-ACK send=1"), "the path", "what waits is the FIN alone");
    assert_eq!(what("9 LAST-ACK send=2"), "the reader");
    assert_eq!(what("9 TIME-WAIT send=2"), "the path", "nothing waits any more");
    let half = Scene::of("0 > A +100\n 1 > A +100 ack=50\n 2 > A ack=90\n 20 end");
    let (records, server) = (Records::sockets("9 CLOSE-WAIT"), half.client.peer());
    half.beside(records.evidence(server), |case| {
        assert!(case.made() && !case.both_directions());
        let differs = judge(case).findings.iter().any(|finding| finding.name == "socket-mismatch");
        assert!(!differs, "the FIN may have passed in the other direction");
    });
}

#[test]
fn a_group_says_who_holds_its_sockets_and_in_which_state_they_are() {
    let holders = |n: u64| Holders((1..=n).map(|n| (format!("web{n}"), n)).collect()).to_string();
    assert_eq!(holders(1), "web1");
    assert_eq!(holders(4), "1 by web1, 2 by web2, 3 by web3, 4 by web4");
    assert_eq!(holders(5), "1 by web1, 2 by web2, 3 by web3, 4 by web4 and 1 more");

    let told = |listings: [&'static str; 3], name: &str| {
        let [one, two, three] = listings.map(Records::sockets);
        one.asked(OWED, |one| {
            two.asked(OWED, |two| {
                three.asked(OWED, |three| {
                    let server = one.roles.server();
                    let finding = Finding::new("missing-fin", Some(server), Weight::Fixed(Severity::Note));
                    let members = [one, two, three].map(|case| (case, &finding)).into();
                    let group = Group { place: "there".into(), members, of: 3, capture: one.capture };
                    says(&group, name).unwrap()
                })
            })
        })
    };
    let held = ["5 CLOSE-WAIT by=web", "9 CLOSE-WAIT nobody", "7 LAST-ACK by=web"];
    let (said, speaks_for) = told(held, "missing-fin");
    assert_eq!(
        said,
        "its socket table (table.txt at 00:16:49) lists 2 of 3 in CLOSE-WAIT, 1 of 3 in LAST-ACK, held by 2 by web (pid 9), 1 by no process"
    );
    assert!(speaks_for);
    let closed = ["5 LAST-ACK", "9 LAST-ACK", "7 LAST-ACK"];
    assert!(!told(closed, "missing-fin").1, "none of them is in CLOSE-WAIT");
    assert!(told(closed, "no-keepalive").1);
}
