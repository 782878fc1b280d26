//! Every rule on conversations written down as text: where it speaks, where it is quiet, where it cannot tell.
//!
//! A line is `SECONDS > FLAGS +OCTETS KEY=VALUE...`: `>` from the client, `<` from the server. Numbers follow by
//! themselves; `seq` and `ack` shift them, `ttl`, `id`, `win` replace what is usual, `opt` gives a RST options and
//! `plain` takes the timestamps of any other. `dack`, `dfin` and `fallback` are what it says of Multipath TCP. `end` is
//! the end of the capture.

mod apart;
mod closing;
mod data_fin;
mod facts;
mod groups;
mod hosts;
mod in_full;
mod opening;
mod three;
mod weight;

use super::*;
use crate::tcp::{Closure, Connection, IcmpError, replay};
use crate::wire::{
    Endpoint, FlowKey, Multipath, Segment, SeqNum, Span, Stamp, TcpFlags, TcpTimestamps, Timestamp,
};

/// One connection with its surroundings.
struct Scene {
    connection: Connection,
    service: ServiceFacts,
    hosts: [HostFacts; 2],
    capture: CaptureFacts,
    client: Side,
    grace: Grace,
}

impl Scene {
    fn of(script: &str) -> Scene {
        let client = Endpoint::v4([192, 0, 2, 1], 40_000);
        let (key, side) = FlowKey::of(client, Endpoint::v4([198, 51, 100, 2], 80), 0);
        let mut scene = Scene {
            connection: Connection::new(key),
            service: ServiceFacts::default(),
            hosts: [HostFacts::default(); 2],
            capture: CaptureFacts { drops: Some(0), ..CaptureFacts::default() },
            client: side,
            grace: Grace::default(),
        };
        let mut next = [SeqNum(1_000), SeqNum(900_000)];
        let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
        for (line, frame) in lines.zip(1_u64..) {
            let mut words = line.split_whitespace();
            let at = words.next().unwrap().parse::<f64>().unwrap();
            let seen = Stamp { at: Timestamp::new(1_000, 0) + Span((at * 1e9) as i64), frame };
            let who = words.next().unwrap();
            if frame == 1 {
                scene.capture.first = seen;
            }
            scene.capture.last = seen;
            scene.capture.frames = frame;
            if who == "end" {
                break;
            }
            let sender = if who == ">" { side } else { side.peer() };
            let segment = segment(sender, seen, words, &mut next);
            scene.connection.observe(&segment);
            scene.hosts[sender.index()].last = seen;
        }
        scene
    }

    /// With another connection of the service that was answered so fast.
    fn answers(mut self, span: Span) -> Scene {
        self.service.answers.add(span);
        self
    }

    /// With so many connections whose clients gave up after that time.
    fn gave_up(mut self, times: u64, span: Span) -> Scene {
        (0..times).for_each(|_| self.service.gave_up.add(span));
        self
    }

    /// The host of that role spoke on another connection at the end, and sent a FIN there.
    fn alive(mut self, client: bool) -> Scene {
        let side = if client { self.client } else { self.client.peer() };
        self.hosts[side.index()] = HostFacts { last: self.capture.last, fins: 1, ..HostFacts::default() };
        self
    }

    /// The server's host was heard on so many other connections, with these hop limits.
    fn elsewhere(mut self, connections: u64, hop_limits: &[u8]) -> Scene {
        self.hosts[self.client.peer().index()].hop_limits =
            HostHopLimits::of(connections, hop_limits.iter().copied());
        self
    }

    /// The service goes on after its client's FIN, as configured.
    fn half_closes(mut self) -> Scene {
        self.grace.half_close = true;
        self
    }

    /// A box quotes a segment of the server.
    fn icmp(mut self, kind: u8, code: u8) -> Scene {
        let from = "203.0.113.9".parse().unwrap();
        let error = IcmpError { seen: self.capture.last, from, kind, code, count: 1 };
        self.connection.observe_icmp(self.client.peer(), error);
        self
    }

    fn with<T>(&self, ask: impl FnOnce(&Case<'_>) -> T) -> T {
        self.beside(HostEvidence::default(), ask)
    }

    fn beside<T>(&self, host: HostEvidence<'_>, ask: impl FnOnce(&Case<'_>) -> T) -> T {
        let roles = Roles { client: self.client, assumed: false };
        let closure = Closure::of(&self.connection, self.client);
        ask(&Case {
            connection: &self.connection,
            roles,
            states: &Side::BOTH.map(|side| replay(&self.connection, side)),
            closure: &closure,
            service: &self.service,
            hosts: self.hosts.each_ref(),
            capture: &self.capture,
            grace: &self.grace,
            host: Some(Box::new(host)),
        })
    }

    /// What names the connection: a finding with its side, `undecided ...`, or nothing.
    fn told(&self) -> String {
        self.with(|case| {
            let verdict = judge(case);
            let side = |side: Option<Side>| side.map_or("", |side| case.role(side)).to_owned();
            match (verdict.primary(), verdict.undecided.first()) {
                (Some(finding), _) => format!("{} {}", finding.name, side(finding.side)),
                (None, Some((name, undecided))) => format!("undecided {name} {}", side(undecided.side)),
                (None, None) => String::new(),
            }
        })
    }

    /// Whether the rule found something, as a note or otherwise; the words of its group must come without panic.
    fn finds(&self, name: &str) -> bool {
        self.with(|case| {
            let verdict = judge(case);
            let Some(finding) = verdict.findings.iter().find(|finding| finding.name == name) else {
                return false;
            };
            let group = Group {
                place: "there".into(),
                members: vec![(case, finding)],
                of: 1,
                capture: &self.capture,
            };
            let words = rule(name).unwrap().words(&group);
            assert!(!words.headline.is_empty() && words.says.ends_with('.'), "{words:?}");
            assert!(!finding.evidence.is_empty(), "{name} shows no frame");
            true
        })
    }
}

fn segment<'a>(
    side: Side,
    seen: Stamp,
    mut words: impl Iterator<Item = &'a str>,
    next: &mut [SeqNum; 2],
) -> Segment {
    let (own, peer) = (side.index(), side.peer().index());
    let mut flags = TcpFlags::default();
    for letter in words.next().unwrap().chars() {
        flags |= match letter {
            'S' => TcpFlags::SYN,
            'A' => TcpFlags::ACK,
            'F' => TcpFlags::FIN,
            'R' => TcpFlags::RST,
            'P' => TcpFlags::PSH,
            other => panic!("unknown flag {other}"),
        };
    }
    let reset = flags.any(TcpFlags::RST);
    let mut segment = Segment {
        seen,
        seq: next[own],
        ack: next[peer],
        len: 0,
        timestamps: TcpTimestamps { val: (seen.at.0 / 1_000_000) as u32, ecr: 0 },
        window: if flags == TcpFlags::RST { 0 } else { 64_000 },
        checksum: seen.frame as u16,
        ip_id: seen.frame as u16,
        interface: 0,
        flags,
        hop_limit: 64,
        side,
        has_timestamps: !reset,
        has_options: !reset,
        ..Segment::BLANK
    };
    for word in words {
        let number = |text: &str| text.parse::<i32>().unwrap();
        match word.split_once('=') {
            None if word == "plain" => segment.has_timestamps = false,
            None if word == "opt" => (segment.has_options, segment.has_timestamps) = (true, true),
            None => segment.len = word.trim_start_matches('+').parse().unwrap(),
            Some(("seq", by)) => segment.seq = segment.seq + number(by) as u32,
            Some(("ack", by)) => segment.ack = segment.ack + number(by) as u32,
            Some(("ttl", value)) => segment.hop_limit = value.parse().unwrap(),
            Some(("id", value)) => {
                segment.ip_id = value.parse().unwrap();
                segment.checksum = segment.ip_id;
            }
            Some(("win", value)) => segment.window = value.parse().unwrap(),
            Some((key @ ("dack" | "dfin" | "fallback"), value)) => {
                segment.multipath = match key {
                    "dack" => Multipath::DataAck,
                    "dfin" => Multipath::DataFin,
                    _ => Multipath::Fallback,
                };
                segment.data_number = SeqNum(value.parse().unwrap());
            }
            Some((key, _)) => panic!("unknown key {key}"),
        }
    }
    if segment.end().after(next[own]) && !reset {
        next[own] = segment.end();
    }
    segment
}

const OPEN: &str = "0.00 > S\n 0.01 < SA\n 0.02 > A\n";

/// What names a connection that was opened and went on like that.
fn told(script: &str) -> String {
    Scene::of(&format!("{OPEN}{script}")).told()
}

fn scene(script: &str) -> Scene {
    Scene::of(&format!("{OPEN}{script}"))
}

#[test]
fn ordinary_use_stays_quiet() {
    let quiet = [
        ("a request and a close by both", "1 > PA +100\n 1.1 < PA +500\n 1.2 > FA\n 1.21 < FA\n 1.22 > A"),
        ("an HTTP/1.0 server closes first", "1 > PA +100\n 1.1 < FA +500\n 1.11 > A\n 1.2 > FA\n 1.21 < A"),
        (
            "long polling: the answer comes after a minute",
            "1 > PA +100\n 1.02 < A\n 55 < PA +20\n 55.01 > A\n 55.02 > PA +100\n 55.03 < A\n 110 < PA +20\n 110.1 > FA\n \
             110.2 < FA\n 110.3 > A",
        ),
        (
            "a web socket that pings",
            "1 > PA +100\n 1.1 < PA +500\n 1.2 > A\n 30 < PA +2\n 30.01 > PA +6\n 30.02 < A\n 31 end",
        ),
        (
            "an idle login",
            "1 < PA +40\n 1.1 > PA +40\n 1.2 < A\n 200 > PA +40\n 200.1 < PA +40\n 200.2 > A\n 201 end",
        ),
        (
            "nc -N: a request, a FIN, an answer",
            "1 > PA +100\n 1.001 > FA\n 1.01 < A\n 1.3 < PA +900\n 1.31 > A\n 1.32 < FA\n 1.33 > A",
        ),
    ];
    for (what, script) in quiet {
        assert_eq!(told(script), "", "{what}");
    }
}

#[test]
fn a_health_check_is_a_note() {
    let scene = scene("0.03 > RA opt");
    assert_eq!(scene.told(), "probe client");
    scene.with(|case| assert_eq!(judge(case).primary().unwrap().severity(1), Severity::Note));
}

#[test]
fn a_long_poll_that_its_client_ends_is_a_note() {
    let scene = scene("1 > PA +100\n 1.02 < A\n 31 > FA\n 31.02 < A\n 40 < PA +20\n 40.001 < FA\n 40.01 > A");
    assert_eq!(scene.told(), "half-close-in-use server");
    scene.with(|case| assert_eq!(judge(case).primary().unwrap().severity(1), Severity::Note));
}

#[test]
fn no_keepalive() {
    let long = "1 > PA +10\n 1.1 < PA +10\n 1.2 > A\n 900 > PA +10\n 900.1 < PA +10\n 900.2 > A\n 901 end";
    assert!(scene(long).finds("no-keepalive"));
    assert_eq!(told(long), "no-keepalive server");
    let probed = "1 > PA +10\n 1.1 < PA +10\n 1.2 > A\n 400 > A seq=-1\n 400.1 < A\n 900 > PA +10\n 900.1 < A\n 901 end";
    assert_eq!(told(probed), "", "a probe was seen");
    assert_eq!(
        told("1 > PA +10\n 1.1 < PA +10\n 1.2 > A\n 200 end"),
        "",
        "too short a silence to say anything"
    );
}

#[test]
fn keepalive_gave_up() {
    let asked = "1 > PA +10\n 1.1 < PA +10\n 1.2 > A\n";
    let gave_up = format!("{asked} 100 > A seq=-1\n 110 > A seq=-1\n 120 > A seq=-1\n 130 > RA opt");
    let found = scene(&gave_up);
    assert!(found.finds("keepalive-gave-up"));
    assert_eq!(found.told(), "keepalive-gave-up client");
    let answered = format!("{asked} 100 > A seq=-1\n 100.1 < A\n 130 > RA opt");
    assert!(!scene(&answered).finds("keepalive-gave-up"));
    let still = format!("{asked} 100 > A seq=-1\n 110 > A seq=-1\n 120 > A seq=-1\n 130 end");
    assert!(!scene(&still).finds("keepalive-gave-up"), "it has not given up");
    let once = format!("{asked} 100 > A seq=-1\n 110 > RA opt");
    assert!(!scene(&once).finds("keepalive-gave-up"), "one probe may be lost");
    scene(&once).with(|case| {
        assert!(judge(case).undecided.iter().any(|(name, _)| *name == "keepalive-gave-up"));
    });
}

#[test]
fn no_answer() {
    let vain = "1 > PA +100\n 1.02 < A\n 31 > FA\n 31.02 < A\n 31.03 < FA\n 31.04 > A";
    let fast = Span::millis(100);
    let found = scene(vain).answers(fast);
    assert!(found.finds("no-answer"));
    assert_eq!(found.told(), "no-answer server");
    assert_eq!(scene(vain).told(), "", "a service that answers nobody may have no answers");
    assert_eq!(scene(vain).answers(Span::secs(20)).told(), "", "a service that is always slow");
    let answered = "1 > PA +100\n 1.02 < PA +9\n 1.03 > PA +3\n 1.04 < A\n 31 > FA\n 31.02 < FA\n 31.04 > A";
    assert_eq!(scene(answered).answers(fast).told(), "", "the last word was no request");
    let at_once = "1 > PA +100\n 1.02 < A\n 1.03 > FA\n 1.04 < FA\n 1.05 > A";
    assert_eq!(scene(at_once).answers(fast).told(), "");
    let lost = "1 > PA +100\n 31 > FA\n 31.02 < FA ack=-101\n 31.04 > A";
    assert!(!scene(lost).answers(fast).finds("no-answer"), "the request was not delivered");
}

#[test]
fn a_server_that_never_answers_and_never_closes_owes_its_fin() {
    let stuck = scene("1 > PA +100\n 1.02 < A\n 31 > FA\n 31.02 < A\n 200 end")
        .answers(Span::millis(100))
        .alive(false);
    assert_eq!(stuck.told(), "missing-fin server");
    assert!(stuck.finds("no-answer"));
    stuck.with(|case| {
        let verdict = judge(case);
        let because = verdict.primary().unwrap().cause.clone().unwrap().because;
        assert!(because.iter().any(|reason| reason.contains("never answered")), "{because:?}");
    });
}

#[test]
fn client_gave_up() {
    let vain = "1 > PA +100\n 1.02 < A\n 31 > FA\n 31.02 < A\n 31.03 < FA\n 31.04 > A";
    let found = scene(vain).gave_up(3, Span::secs(30));
    assert!(found.finds("client-gave-up"));
    assert_eq!(found.told(), "client-gave-up client");
    assert_eq!(scene(vain).gave_up(2, Span::secs(30)).told(), "", "too few");
    assert_eq!(scene(vain).gave_up(3, Span::secs(20)).told(), "", "others waited otherwise");
    let served = "1 > PA +100\n 1.02 < PA +10\n 31 > FA\n 31.02 < A\n 31.03 < FA\n 31.04 > A";
    assert_eq!(scene(served).gave_up(3, Span::secs(30)).told(), "");
}

#[test]
fn stale_connection_reused() {
    let served = "1 > PA +100\n 1.1 < PA +500\n 1.2 > A\n 6 < FA\n 6.01 > A\n";
    let found = scene(&format!("{served} 9 > PA +100\n 9.01 < R"));
    assert!(found.finds("stale-connection-reused"));
    assert_eq!(found.told(), "stale-connection-reused client");
    let goodbye = format!("{served} 9 > PA +31\n 9.001 > FA\n 9.01 < R");
    assert!(!scene(&goodbye).finds("stale-connection-reused"), "a TLS close_notify is no request");
    let crossing = "1 > PA +1000\n 1.1 < FA +500\n 1.11 > A\n 1.12 > PA +1000\n 1.13 < R";
    assert!(!scene(crossing).finds("stale-connection-reused"), "it was still sending");
    let taken = format!("{served} 9 > PA +100\n 9.01 < A\n 10 end");
    assert!(!scene(&taken).finds("stale-connection-reused"), "the server only shut down its sending half");
}

#[test]
fn large_segments_lost() {
    let small = "1 > PA +100\n 1.1 < PA +200\n 1.2 > A\n";
    let large = format!(
        "{small} 2 < A +1400\n 2.2 < A +1400 seq=-1400\n 2.6 < A +1400 seq=-1400\n 3.4 < A +1400 seq=-1400\n \
         5 < A +1400 seq=-1400\n"
    );
    let heard = format!("{large} 6 > PA +20 ack=-1400\n 7 end");
    assert!(scene(&heard).finds("large-segments-lost"));
    assert_eq!(scene(&heard).told(), "large-segments-lost server");
    let dead = format!("{large} 7 end");
    assert!(!scene(&dead).finds("large-segments-lost"), "nothing of any size passes");
    assert!(scene(&dead).icmp(3, 4).finds("large-segments-lost"), "a box says that it is too big");
    assert!(!scene(&dead).icmp(3, 1).finds("large-segments-lost"), "no route is something else");
    let before = format!("1.5 < A +1400\n 1.6 > A\n {}", heard.trim_start());
    assert!(!scene(&before).finds("large-segments-lost"), "such a segment was delivered before");
    let little = heard.replace("+1400", "+300").replace("-1400", "-300");
    assert!(!scene(&little).finds("large-segments-lost"), "what is lost is small");
    let delivered = format!("{large} 6 > PA +20\n 7 end");
    assert!(!scene(&delivered).finds("large-segments-lost"), "it arrived in the end");
    let short = format!(
        "{small} 2 < A +1400\n 2.1 < A +1400 seq=-1400\n 2.2 < A +1400 seq=-1400\n 2.3 < A +1400 seq=-1400\n \
         2.4 > PA +20 ack=-1400\n 2.5 end"
    );
    assert_eq!(scene(&short).told(), "undecided large-segments-lost server");
}

#[test]
fn zero_window_stall() {
    let full = "1 > PA +100\n 1.1 < A win=0\n 1.3 > A seq=-1\n 1.31 < A win=0\n";
    let stalled = scene(&format!("{full} 5 end"));
    assert!(stalled.finds("zero-window-stall"));
    assert_eq!(stalled.told(), "zero-window-stall server");
    assert_eq!(told(&format!("{full} 1.5 < A\n 5 end")), "", "the window opened again");
    assert_eq!(told(&format!("{full} 1.5 end")), "undecided zero-window-stall server");
}

#[test]
fn a_fin_held_back_by_a_closed_window_is_not_blamed_on_its_sender() {
    let held = scene(
        "1 < PA +100\n 1.1 > A\n 2 > FA win=0\n 2.01 < A\n 2.3 < A seq=-1\n 2.31 > A win=0\n 20 < A seq=-1\n 20.1 > A win=0\n 90 end",
    );
    assert_eq!(held.told(), "zero-window-stall client");
    held.with(|case| {
        let verdict = judge(case);
        let against = &verdict.primary().unwrap().against;
        assert!(against.iter().any(|text| text.contains("waits behind the data")), "{against:?}");
    });
}

#[test]
fn a_fin_sent_and_lost_before_the_capture_point_is_undecided() {
    let lost = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n 5 < A seq=1\n 100 end";
    let scene = scene(lost);
    assert_eq!(scene.told(), "undecided missing-fin server");
    scene.with(|case| {
        let verdict = judge(case);
        assert!(verdict.undecided[0].1.why.contains("most likely its FIN"), "{verdict:?}");
    });
}

/// Who sent the server's RST.
fn sender(script: &str) -> Sender {
    let scene = scene(script);
    scene.with(|case| case.reset_origin(case.roles.server()).unwrap().sender)
}

#[test]
fn who_sent_a_rst() {
    let used = "1 > PA +100\n 1.1 < PA +100 ttl=61\n 1.2 > A\n";
    assert_eq!(sender(&format!("{used} 9 > PA +9\n 9.01 < R ttl=254")), Sender::Box);
    assert_eq!(
        sender(&format!("{used} 9 > PA +9\n 9.01 < R ttl=61")),
        Sender::Unknown,
        "an equal value proves nothing"
    );
    assert_eq!(
        sender(&format!("{used} 9 < RA ttl=61 opt")),
        Sender::Host,
        "a live socket's numbers and options"
    );
    assert_eq!(sender(&format!("{used} 9 < RA ttl=61")), Sender::Unknown, "numbers alone can be copied");
    assert_eq!(sender(&format!("{used} 9 < RA ttl=255 opt")), Sender::Unknown, "the route may have changed");
    let unheard = Scene::of("0 > S\n 0.01 < RA ttl=255\n");
    unheard.with(|case| assert_eq!(case.reset_origin(case.roles.server()).unwrap().sender, Sender::Unknown));
}

#[test]
fn a_rst_after_a_silence_is_laid_to_whom_it_shows() {
    let used = "1 > PA +100\n 1.1 < PA +100 ttl=61\n 1.2 > A\n";
    let answered = |ttl: u8| told(&format!("{used} 900 > PA +9\n 900.01 < R ttl={ttl}"));
    assert_eq!(answered(254), "reset-after-idle client");
    assert_eq!(
        answered(252),
        "peer-forgot server",
        "three hops from 255 as 61 from 64: the host, or beside it"
    );
    assert_eq!(answered(125), "peer-forgot server", "so is 125 from 128");
    assert_eq!(answered(126), "reset-after-idle client", "one hop nearer");
    assert_eq!(told(&format!("{used} 900 > PA +9\n 900.01 < R ttl=61")), "peer-forgot server");
    assert_eq!(
        told(&format!("{used} 1.5 > PA +9\n 1.51 < R ttl=254")),
        "aborted server",
        "there was no silence"
    );
}

#[test]
fn late_answer() {
    let left = "1 > PA +100\n 1.02 < A\n 2 > FA\n 2.01 < A\n";
    let late = scene(&format!("{left} 90 < PA +100\n 90.01 > R"));
    assert!(late.finds("late-answer"));
    assert_eq!(late.told(), "late-answer server");
    let from_a_box = scene(&format!("{left} 90 < PA +100\n 90.01 > R ttl=60"));
    assert!(!from_a_box.finds("late-answer"), "its peer has forgotten nothing");
    assert_eq!(from_a_box.told(), "reset-after-idle server");
    assert_eq!(
        told(&format!("{left} 2.02 < PA +100\n 2.03 > R")),
        "aborted client",
        "it crossed a close: no lateness"
    );
}

#[test]
fn close_or_shutdown() {
    use super::first_close::{FirstClose, first_close};
    let said = |script: &str| {
        let scene = scene(script);
        scene.with(|case| first_close(case, case.roles.client).map(|(how, _)| how))
    };
    let closed = "1 > PA +100\n 1.1 < PA +100\n 2 > FA\n 2.01 < A\n";
    assert_eq!(
        said(&format!("{closed} 9 < PA +10\n 9.1 > A\n 10 end")),
        Some(FirstClose::Shut),
        "it took data"
    );
    assert_eq!(said(&format!("{closed} 9 < PA +10\n 9.1 > R")), Some(FirstClose::Closed), "no socket");
    assert_eq!(said(&format!("{closed} 9 < PA +10\n 9.1 > R ttl=60")), None, "a box's RST says nothing");
    assert_eq!(said(&format!("{closed} 9 < A seq=-1\n 9.1 > A id=0\n 10 end")), Some(FirstClose::Closed));
    assert_eq!(said(&format!("{closed} 9 < A seq=-1\n 9.1 > A id=77\n 10 end")), Some(FirstClose::Shut));
    assert_eq!(
        said(&format!("{closed} 9 < FA\n 9.1 > A id=0\n 10 end")),
        None,
        "in TIME-WAIT all sockets answer so"
    );
    assert_eq!(
        said(&format!("{closed} 9 < A seq=-1\n 9.1 > A id=0\n 10 < FA")),
        Some(FirstClose::Closed),
        "it had answered before the other FIN came"
    );
    assert_eq!(said(closed), None, "nothing was said since");
    let always = closed.replace("> FA", "> FA id=0");
    assert_eq!(
        said(&format!("{always} 9 < A seq=-1\n 9.1 > A id=0\n 10 end")),
        None,
        "a stack without identifications"
    );
}
