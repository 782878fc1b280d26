//! Findings over many connections against what kernels and firewalls said of the same packets: every bundled capture of
//! these scenarios, from every vantage point.

use std::fs;
use std::path::{Path, PathBuf};

use cwait_pcap::analysis::{self, Options};
use cwait_pcap::findings::{Certainty, Severity};
use cwait_pcap::patterns::{self, Curve, Data, PatternFinding, TimerClock, TimerInterval};
use cwait_pcap::wire::Span;
use serde_json::Value;

/// Captures of a scenario with the vantage point of each, and its truth.
fn scenario(name: &str) -> (Vec<(String, PathBuf)>, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(name);
    let truth: Value = serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let mut captures: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "zst"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    captures.sort();
    assert!(!captures.is_empty(), "{name}");
    (captures, truth)
}

fn judge(path: &Path) -> Vec<PatternFinding> {
    let outcome = analysis::run(&[path.to_owned()], &Options::default(), &mut |_| {}).unwrap();
    patterns::judge(&outcome, Some(4))
}

fn named<'a>(findings: &'a [PatternFinding], name: &str) -> Vec<&'a PatternFinding> {
    findings.iter().filter(|finding| finding.name == name).collect()
}

fn interval(finding: &PatternFinding) -> &TimerInterval {
    match &finding.data {
        Some(Data::Interval(interval)) => interval,
        other => panic!("{}: {other:?}", finding.name),
    }
}

fn curve(finding: &PatternFinding) -> &Curve {
    match &finding.data {
        Some(Data::Curve(curve)) => curve,
        other => panic!("{}: {other:?}", finding.name),
    }
}

/// Timers of firewalls, in seconds, and from where the failing side can be seen failing.
const FORGETFUL: [&str; 7] = [
    "firewall-forgets-silently",
    "firewall-forgets-with-reset",
    "idle-gap-ladder",
    "idle-gap-ladder-15min",
    "idle-gap-ladder-reset",
    "idle-gap-ladder-reset-60min",
    "ipv6-firewall-forgets",
];

/// Other paths that forget or die, with what is said of them tested by name.
const BROKEN: [&str; 6] = [
    "keepalive-firewall",
    "keepalive-firewall-v6",
    "firewall-any-device",
    "firewall-says-so",
    "two-firewalls",
    "host-death",
];

/// Paths that forget connections after one FIN only, and their timers in seconds.
const HALF_CLOSED: [(&str, f64); 2] = [("half-closed-firewall", 5.0), ("half-closed-firewall-reset", 4.0)];

/// The only finding of that name in that capture.
fn only(scenario_name: &str, file: &str, finding: &str) -> PatternFinding {
    let (captures, _) = scenario(scenario_name);
    let (_, path) = captures.iter().find(|(name, _)| name.starts_with(file)).unwrap();
    let mut all: Vec<_> = judge(path).into_iter().filter(|found| found.name == finding).collect();
    assert_eq!(all.len(), 1, "{scenario_name}/{file}: {finding}");
    all.remove(0)
}

fn brackets(finding: &PatternFinding, timer: f64) {
    brackets_on(TimerClock::Any, finding, timer);
}

fn brackets_on(clock: TimerClock, finding: &PatternFinding, timer: f64) {
    let interval = interval(finding);
    let [above, at_most] = [interval.above, interval.at_most].map(|span| span.unwrap().as_secs_f64());
    assert!(
        above < timer && timer <= at_most && at_most - above < 2.0,
        "{above} to {at_most}, set to {timer}"
    );
    assert_eq!(interval.clock, clock);
}

#[test]
fn each_path_has_its_own_interval() {
    let (captures, _) = scenario("two-firewalls");
    let findings = judge(&captures[0].1);
    let timers = named(&findings, "path-idle-timeout");
    let [short, long] = timers[..] else { panic!("{} timers", timers.len()) };
    brackets(short, 4.0);
    brackets(long, 9.0);
}

#[test]
fn a_shorter_timer_after_one_fin_is_bracketed_and_no_program_blamed() {
    for (name, timer) in HALF_CLOSED {
        let found = only(name, "server-side", "half-closed-timeout");
        brackets_on(TimerClock::AfterFin, &found, timer);
        assert_eq!((found.fact, found.severity), (Certainty::Likely, Severity::Warning), "{name}");
        for (file, path) in scenario(name).0 {
            let outcome = analysis::run(&[path], &Options::default(), &mut |_| {}).unwrap();
            let findings = patterns::judge(&outcome, None);
            let findings: Vec<_> = findings.iter().map(|finding| finding.name).collect();
            let expected: &[_] = if file.starts_with("server-side") { &["half-closed-timeout"] } else { &[] };
            assert_eq!(findings, expected, "{name}/{file}");
        }
    }
}

#[test]
fn keep_alives_are_witnesses_and_a_filters_icmp_is_proof() {
    for name in ["keepalive-firewall", "keepalive-firewall-v6"] {
        brackets(&only(name, "client-side", "path-idle-timeout"), 6.0);
    }
    let named = only("firewall-says-so", "client-side", "path-idle-timeout");
    brackets(&named, 5.0);
    assert_eq!(named.fact, Certainty::Certain);
}

#[test]
fn a_host_out_of_reach_is_an_outage_and_no_timer() {
    let outage = only("host-death", "client-side", "outage");
    assert_eq!(outage.members.len(), 10);
    assert!(outage.cause.unwrap().because[0].contains("reported it unreachable"));
    let (captures, _) = scenario("host-death");
    assert!(named(&judge(&captures[0].1), "path-idle-timeout").is_empty());
}

#[test]
fn what_ails_a_service_is_named() {
    let age = only("fixed-age", "server-side", "pattern-in-time");
    assert!(age.words.headline.contains("fixed age of 12 s"), "{}", age.words.headline);
    let period = only("periodic", "server-side", "pattern-in-time");
    assert!(period.words.headline.contains("every 10.9 s"), "{}", period.words.headline);
    let pool = only("pool-exhausted", "server-side", "pool-exhausted");
    assert!(pool.fact == Certainty::Likely && pool.severity == Severity::Error);
    let stall = only("service-stall", "server-side", "service-stall");
    let stalled = stall.lasted.unwrap().span.as_secs_f64();
    assert!((12.0..15.0).contains(&stalled), "{stalled}");
    let restart = only("restart", "server-side", "restart-seen");
    assert!(restart.place.ends_with(":8500"));
    let chain = only("proxy-chain", "proxy-any", "leak-chain");
    assert!(chain.place.ends_with(":5432"), "the one behind is the likely cause: {}", chain.place);
}

#[test]
fn ordinary_services_show_no_pattern() {
    for name in [
        "long-polling",
        "websocket",
        "idle-ssh",
        "nc-half-close",
        "health-checks",
        "tls-close",
        "upload-sink",
    ] {
        for (file, path) in scenario(name).0 {
            let found: Vec<_> = judge(&path).iter().map(|finding| finding.name).collect();
            assert!(found.is_empty(), "{name}/{file}: {found:?}");
        }
    }
}

#[test]
fn the_interval_always_contains_the_timer() {
    let mut likely = 0;
    for name in FORGETFUL {
        let (captures, truth) = scenario(name);
        let timer = truth["firewall_idle_timeout_seconds"].as_f64().unwrap();
        for (file, path) in captures {
            let findings = judge(&path);
            for finding in named(&findings, "path-idle-timeout") {
                let interval = interval(finding);
                let seconds = |span: Option<cwait_pcap::wire::Span>| span.map(|span| span.as_secs_f64());
                let (above, at_most) = (seconds(interval.above).unwrap(), seconds(interval.at_most).unwrap());
                assert!(
                    above < timer && timer <= at_most,
                    "{name}/{file}: {above} to {at_most}, set to {timer}"
                );
                assert_eq!(interval.clock, TimerClock::Any, "{name}/{file}");
                let bracket = &truth["timeout_bracket"];
                if let (Some(survived), Some(failed)) =
                    (bracket["longest_survived"].as_f64(), bracket["shortest_failed"].as_f64())
                {
                    // The kernels' own times are exact to about 0.2 s, or the same share of a lengthened silence.
                    let exact = 0.2_f64.max(timer / 1_000.0);
                    assert!(
                        (above - survived).abs() < exact && (at_most - failed).abs() < exact,
                        "{name}/{file}"
                    );
                }
                likely += usize::from(finding.fact >= Certainty::Likely);
            }
            let speaker = file.starts_with("client-side") || file.starts_with("firewall-client-side");
            let timers = named(&findings, "path-idle-timeout");
            assert!(!speaker || timers.len() == 1 && timers[0].severity == Severity::Error, "{name}/{file}");
            assert!(named(&findings, "outage").is_empty(), "{name}/{file}");
        }
    }
    assert_eq!(likely, 14, "client and firewall see the clients' silences fail, in each of seven scenarios");
}

/// A firewall of 4 s captured on all of its interfaces: its own RSTs are told from those of a host that forgot.
#[test]
fn a_firewall_that_was_captured_on_is_blamed_for_its_own_resets() {
    for file in ["client-side", "firewall-any"] {
        let timer = only("firewall-any-device", file, "path-idle-timeout");
        let TimerInterval { above, at_most, .. } = interval(&timer);
        let four = Span::secs(4);
        assert!(above.is_some_and(|above| above < four), "{file}: {above:?}");
        assert!(at_most.is_some_and(|at_most| at_most > four), "{file}: {at_most:?}");
        assert_eq!(timer.fact, Certainty::Likely, "{file}");
    }
}

#[test]
fn no_timer_is_claimed_without_a_firewall() {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures")).unwrap();
    let mut scenarios = 0;
    for name in all.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let forgets = FORGETFUL.contains(&name.as_str()) || HALF_CLOSED.iter().any(|(half, _)| *half == name);
        if forgets || BROKEN.contains(&name.as_str()) || name == "file-formats" {
            continue;
        }
        scenarios += 1;
        for (file, path) in scenario(&name).0 {
            let findings = judge(&path);
            for claim in ["path-idle-timeout", "half-closed-timeout", "outage"] {
                assert!(named(&findings, claim).is_empty(), "{name}/{file}: {claim}");
            }
        }
    }
    assert!(scenarios >= 9);
}

#[test]
fn a_service_that_closes_idle_connections_is_named() {
    for (file, path) in scenario("server-idle-timeout").0 {
        let findings = judge(&path);
        let [finding] = named(&findings, "server-idle-timeout")[..] else { panic!("{file}") };
        let limit = finding.lasted.unwrap().span.as_secs_f64();
        assert!((limit - 3.0).abs() < 0.1, "{file}: {limit}");
    }
    for name in ["idle-without-firewall", "idle-gap-ladder", "clean-closes"] {
        for (file, path) in scenario(name).0 {
            assert!(named(&judge(&path), "server-idle-timeout").is_empty(), "{name}/{file}");
        }
    }
}

#[test]
fn the_curve_equals_the_socket_tables() {
    for name in ["leak-over-time", "leak-over-time-x300"] {
        let (captures, truth) = scenario(name);
        let samples = truth["samples"].as_array().unwrap();
        assert!(samples.len() >= 20, "{name}");
        for (file, path) in captures {
            let findings = judge(&path);
            let [finding] = named(&findings, "close-wait-buildup")[..] else { panic!("{name}/{file}") };
            let curve = curve(finding);
            for sample in samples {
                let at = (sample["epoch"].as_f64().unwrap() * 1e9) as i64;
                let count = |state: &str| sample["server"][state].as_u64().unwrap_or(0);
                let now = curve.points.iter().take_while(|point| point.at.0 <= at).last();
                let counted = now.map_or((0, 0), |point| (point.close_wait, point.fin_wait_2));
                assert_eq!(counted, (count("CLOSE-WAIT"), count("FIN-WAIT-2")), "{name}/{file} at {at}");
            }
            let exceeded = curve.limit.and_then(|(_, when)| when);
            assert!(exceeded.is_some() && finding.severity == Severity::Error, "{name}/{file}");
        }
    }
}
