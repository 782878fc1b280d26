//! A report made by hand: what the tests of all formats write. It has one of everything that a report can hold.

use super::*;
use crate::wire::{Span, Timestamp};

/// 2026-11-23 08:00:00 UTC, in seconds.
const START: i64 = 1_795_420_800;

fn at(millis: i64) -> Time {
    Time::from(Timestamp::new(START, 0) + Span::millis(millis))
}

fn moment(frame: u64, millis: i64) -> Moment {
    Moment { frame, time: at(millis) }
}

fn text(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn step(on: &str, os: &str, command: &str) -> Step {
    Step { on: on.into(), os: os.into(), command: command.into() }
}

fn place(role: &str, name: &str) -> Place {
    Place { role: role.into(), name: name.into(), assumed: false }
}

fn missing_fin() -> Finding {
    let evidence = |frame, millis, label: &str| Evidence {
        connection: "c-5f1e".into(),
        stream: Some(17),
        frame,
        time: at(millis),
        label: label.into(),
    };
    Finding {
        name: "missing-fin".into(),
        severity: Severity::Error,
        fact: Certainty::Certain,
        cause: Some(Cause {
            what: "the program".into(),
            certainty: Certainty::Likely,
            because: text(&[
                "host alive to the end",
                "3,120 FINs of it passed on other connections",
                "0 drops",
            ]),
        }),
        at: place("service", "192.0.2.9:8080"),
        count: 10,
        of: 10,
        headline: "192.0.2.9:8080 (app-server) owes its FIN on 10 of its 10 connections".into(),
        says: "It acknowledged the client's FIN and no FIN of its own passed here since; 5.4 more per hour."
            .into(),
        against: text(&["captured 1 hop away"]),
        advice: text(&["CLOSE-WAIT has no timer; no ndd ends it."]),
        next: vec![
            step("192.0.2.9", "Linux", "ss -tanp state close-wait '( sport = :8080 )'"),
            step("192.0.2.9", "Solaris", "pfiles PID"),
        ],
        since: Some(at(764_120)),
        lasted: Some(Lasted { length: Span::secs(6_660).into(), at_least: true }),
        evidence: vec![
            evidence(4_198, 764_118, "FIN of the client"),
            evidence(4_211, 764_120, "ACK of the server: CLOSE-WAIT reached"),
        ],
        connections: text(&["c-5f1e"]),
        filter: "tcp.stream == 17".into(),
        accepted: None,
        data: None,
        process: Some("java (pid 4828)".into()),
        quotes: vec![Quote {
            file: "ss-app.txt".into(),
            line: 42,
            text: "CLOSE-WAIT 1 0 192.0.2.9:8080 198.51.100.7:40312 users:((\"java\",pid=4828,fd=57))".into(),
        }],
    }
}

fn path_idle_timeout() -> Finding {
    Finding {
        name: "path-idle-timeout".into(),
        severity: Severity::Warning,
        fact: Certainty::Likely,
        cause: Some(Cause { what: "the path".into(), certainty: Certainty::Likely, because: vec![] }),
        at: place("path", "198.51.100.7 - [2001:db8::5]:5000"),
        count: 7,
        of: 38,
        headline: "the path to [2001:db8::5]:5000 forgets idle connections".into(),
        says: "Timer above 12 min 24 s (stream 6, frame 187 answered) and at most 15 min 59 s (stream 7, frames 197-203: \
               sent 7 times, no answer). 7 died, 31 survived."
            .into(),
        against: vec![],
        advice: text(&["SO_KEEPALIVE on the sockets and tcp_keepalive_time 300 (anything below 12 min)."]),
        next: vec![],
        since: None,
        lasted: None,
        evidence: vec![],
        connections: text(&["c-77aa"]),
        filter: "tcp.stream == 7".into(),
        accepted: None,
        data: Some(Drawing::TimerInterval(interval())),
        process: None,
        quotes: vec![],
    }
}

fn interval() -> TimerInterval {
    let silence = |seconds, frame| SilencePoint {
        length: Span::secs(seconds).into(),
        time: at(140_000 + seconds * 1_000),
        frame,
        connection: "c-77aa".into(),
    };
    TimerInterval {
        clock: "any segment".into(),
        above: Some(Span::secs(744).into()),
        at_most: Some(Span::secs(959).into()),
        survived: vec![silence(744, 187), silence(300, 120), silence(60, 99)],
        failed: vec![silence(959, 197), silence(1_800, 400)],
        candidates: vec![Candidate {
            name: "IPVS".into(),
            value: Span::secs(900).into(),
            source: "its manual".into(),
        }],
        chance: 0.1,
    }
}

fn probe() -> Finding {
    Finding {
        name: "probe".into(),
        severity: Severity::Note,
        fact: Certainty::Certain,
        cause: None,
        at: place("client", "198.51.100.2"),
        count: 20,
        of: 20,
        headline: "198.51.100.2 opened and reset 20 connections without a word: a health check".into(),
        says: "Every 5 s, to 192.0.2.9:8080.".into(),
        against: vec![],
        advice: vec![],
        next: vec![],
        since: None,
        lasted: None,
        evidence: vec![],
        connections: vec![],
        filter: "ip.addr == 198.51.100.2".into(),
        accepted: Some(Accepted {
            reason: "the load balancer's health checks".into(),
            until: Some("2027-01-31".into()),
        }),
        data: None,
        process: None,
        quotes: vec![],
    }
}

fn endpoint(proven: &str, segments: u64, payload: u64, last: Moment) -> Endpoint {
    Endpoint {
        proven: proven.into(),
        expected: proven.into(),
        decided_by: None,
        segments,
        payload,
        last: Some(last),
        fin: None,
        rst: None,
        payload_after_peer_fin: 0,
        retransmissions: 0,
        keepalives: 0,
        zero_windows: 0,
        hop_limits: vec![64],
    }
}

/// The server owes its FIN.
pub(crate) fn stuck() -> Connection {
    Connection {
        id: "c-5f1e".into(),
        stream: Some(17),
        client: "198.51.100.7:40312".into(),
        server: "192.0.2.9:8080".into(),
        client_name: Some("web-1".into()),
        server_name: Some("app-server".into()),
        roles_assumed: false,
        first: moment(4_150, 763_000),
        last: moment(18_001, 7_424_120),
        conn_state: "S2".into(),
        history: "ShADadFa".into(),
        midstream: false,
        replaced: false,
        counts_are_about: false,
        ending: "half closed by client".into(),
        handshake_rtt: Some(Span::micros(1_200).into()),
        time_to_first_byte: Some(Span::millis(8).into()),
        client_side: Endpoint {
            fin: Some(Fin { first: moment(4_198, 764_118), sent: 1, acked: Some(moment(4_211, 764_120)) }),
            hop_limits: vec![63],
            ..endpoint("FIN-WAIT-2", 6, 412, moment(4_198, 764_118))
        },
        server_side: Endpoint {
            keepalives: 3,
            ..endpoint("CLOSE-WAIT", 7, 3_799, moment(18_001, 7_424_120))
        },
        longest_silence_survived: Some(Span::secs(7).into()),
        silence_failed: None,
        finding: Some("missing-fin".into()),
        notes: vec![],
        undecided: None,
        side: Some("server".into()),
        filter: "tcp.stream == 17".into(),
        processes: vec![Process {
            side: "server".into(),
            state: "CLOSE-WAIT".into(),
            name: Some("java".into()),
            pid: Some(4_828),
            fd: Some(57),
            user: Some("shop".into()),
            nobody: false,
            recv_q: Some(1),
            send_q: Some(0),
        }],
        key_segments: vec![],
    }
}

/// A silence that the path did not survive.
pub(crate) fn dead() -> Connection {
    Connection {
        id: "c-77aa".into(),
        stream: Some(7),
        client: "198.51.100.7:40990".into(),
        server: "[2001:db8::5]:5000".into(),
        client_name: None,
        server_name: None,
        roles_assumed: true,
        first: moment(88, 12_000),
        last: moment(203, 1_100_000),
        conn_state: "OTH".into(),
        history: "DadAT".into(),
        midstream: true,
        replaced: false,
        counts_are_about: false,
        ending: "open".into(),
        handshake_rtt: None,
        time_to_first_byte: None,
        client_side: Endpoint {
            retransmissions: 6,
            ..endpoint("ESTABLISHED", 20, 9_000, moment(203, 1_100_000))
        },
        server_side: endpoint("ESTABLISHED", 11, 1_200, moment(187, 140_000)),
        longest_silence_survived: Some(Span::secs(744).into()),
        silence_failed: Some(Span::secs(959).into()),
        finding: Some("dead-after-idle".into()),
        notes: text(&["no-keepalive"]),
        undecided: None,
        side: Some("path".into()),
        filter: "tcp.stream == 7".into(),
        processes: vec![],
        key_segments: vec![],
    }
}

/// Closed by both, as it should be.
pub(crate) fn clean() -> Connection {
    Connection {
        id: "c-0001".into(),
        stream: Some(0),
        client: "198.51.100.8:51000".into(),
        server: "192.0.2.9:443".into(),
        client_name: None,
        server_name: None,
        roles_assumed: false,
        first: moment(1, 0),
        last: moment(80, 900),
        conn_state: "SF".into(),
        history: "ShADadFfa".into(),
        midstream: false,
        replaced: false,
        counts_are_about: false,
        ending: "orderly".into(),
        handshake_rtt: Some(Span::micros(900).into()),
        time_to_first_byte: Some(Span::millis(22).into()),
        client_side: Endpoint {
            fin: Some(Fin { first: moment(77, 820), sent: 2, acked: Some(moment(79, 898)) }),
            ..endpoint("TIME-WAIT", 38, 1_204_113, moment(80, 900))
        },
        server_side: Endpoint {
            fin: Some(Fin { first: moment(79, 898), sent: 1, acked: Some(moment(80, 900)) }),
            ..endpoint("CLOSED", 42, 88_000, moment(79, 898))
        },
        longest_silence_survived: None,
        silence_failed: None,
        finding: None,
        notes: vec![],
        undecided: None,
        side: None,
        filter: "tcp.stream == 0".into(),
        processes: vec![],
        key_segments: vec![],
    }
}

fn service(name: &str, connections: u64, closed_by_both: u64, owes_fin: u64) -> Service {
    Service {
        endpoint: name.into(),
        assumed: false,
        connections,
        closed_by_both,
        owes_fin,
        reset: 0,
        close_p50: (closed_by_both > 0).then(|| Span::micros(300).into()),
        close_p99: (closed_by_both > 0).then(|| Span::millis(78).into()),
        answer_p99: Some(Span::millis(120).into()),
    }
}

fn input() -> Input {
    Input {
        path: "web-2026-11-23.pcapng".into(),
        format: "pcapng".into(),
        compression: Some("zstd".into()),
        bytes: 1_934_221,
        hash: None,
        frames: 18_402,
        first_frame: 1,
        first: Some(at(0)),
        last: Some(at(7_424_120)),
        link_types: text(&["Ethernet"]),
        snap_length: Some(128),
        drops: Some(0),
        problems: vec![],
        notes: text(&["the last record is cut off after 40 of 128 octets"]),
        text: None,
    }
}

/// One of everything.
pub(crate) fn sample() -> Report {
    Report {
        schema: SCHEMA.into(),
        schema_version: SCHEMA_VERSION.into(),
        tool: Tool {
            name: "cwait-pcap".into(),
            version: "0.1.0".into(),
            command_line: text(&["cwait-pcap", "analyze", "web-2026-11-23.pcapng"]),
        },
        title: Some("Web shop hangs since the release of Monday".into()),
        notes: text(&["Taken on the load balancer."]),
        inputs: vec![input()],
        host_records: vec![HostRecord {
            path: "ss-app.txt".into(),
            kind: "sockets".into(),
            says: "ss, 112 sockets in 1 snapshot".into(),
            unread: 1,
            unread_lines: vec![UnreadLine { line: 7, text: "-- more --".into() }],
        }],
        host_joined: 10,
        host_names: vec![
            HostName {
                address: "192.0.2.9".into(),
                name: "app-server".into(),
                role: Some("server".into()),
            },
            HostName { address: "198.51.100.7".into(), name: "web-1".into(), role: None },
        ],
        config: Some(Settings {
            path: "cwait.toml".into(),
            services: vec![
                KnownHabit { at: ":514".into(), grace: None, half_close: true },
                KnownHabit {
                    at: "192.0.2.9:443".into(),
                    grace: Some(Span::secs(300).into()),
                    half_close: false,
                },
            ],
            accepted: vec![AcceptedKind {
                finding: "probe".into(),
                at: Some("198.51.100.2".into()),
                reason: "the load balancer's health checks".into(),
                until: Some("2027-01-31".into()),
                line: 9,
                over: false,
                findings: 1,
            }],
        }),
        capture: Capture {
            frames: 18_402,
            tcp: 18_390,
            skipped: vec![
                Skipped { reason: "ARP".into(), frames: 10 },
                Skipped { reason: "cut before the ports".into(), frames: 2 },
            ],
            first: Some(at(0)),
            last: Some(at(7_424_120)),
            duration: Some(Span::millis(7_424_120).into()),
            drops: Some(0),
            captured_twice: 4,
            one_direction: 0,
            largest_step_back: Some(Span::micros(12).into()),
        },
        verdict: Verdict {
            severity: Some(Severity::Error),
            headline: "missing-fin: 192.0.2.9:8080 (app-server) owes its FIN on 10 of its 10 connections".into(),
        },
        against: None,
        findings: vec![missing_fin(), path_idle_timeout(), probe()],
        undecided: vec![Undecided {
            name: "missing-fin".into(),
            at: place("service", "192.0.2.9:20001"),
            count: 3,
            says: "3 FINs were acknowledged 0.5 s before the end, no FIN yet (grace 1 s; its other closes take 0.3 ms). \
                   No claim is made."
                .into(),
            next: vec![
                step("192.0.2.9", "Linux", "ss -tanoep state close-wait '( sport = :20001 )'"),
                step("here", "any", "tcpdump -i eth0 -s 128 -w more.pcap 'tcp port 20001'"),
            ],
            connections: text(&["c-9001", "c-9002", "c-9003"]),
        }],
        totals: Totals {
            connections: 1_284,
            closed_by_both: 1_201,
            open: 48,
            reset: 22,
            half_closed: 13,
            unanswered: 0,
            refused: 0,
            midstream: 31,
            probes: 20,
            slowest_close: Some(Slowest {
                length: Span::millis(78).into(),
                connection: "c-0001".into(),
                stream: Some(0),
            }),
            longest_silence_survived: Some(Slowest {
                length: Span::secs(744).into(),
                connection: "c-77ab".into(),
                stream: Some(6),
            }),
            silences_failed: 7,
            retransmissions: 1_017,
            given_up: 0,
            unplaced: 0,
        },
        services: vec![
            service("192.0.2.9:8080", 10, 0, 10),
            service("192.0.2.9:443", 1_236, 1_201, 0),
            Service { assumed: true, ..service("[2001:db8::5]:5000", 38, 0, 0) },
        ],
        left_out: LeftOut::default(),
        connections_listed: Listed::All,
        connections: vec![clean(), dead(), stuck()],
    }
}

/// The same service after it was mended.
pub(crate) fn quiet() -> Report {
    Report {
        title: None,
        notes: vec![],
        verdict: Verdict {
            severity: None,
            headline: "OK: no connection owes a FIN, none died after a silence".into(),
        },
        findings: vec![],
        undecided: vec![],
        services: vec![service("192.0.2.9:443", 1_236, 1_201, 0)],
        connections_listed: Listed::None,
        connections: vec![],
        ..sample()
    }
}
