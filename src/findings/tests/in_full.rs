//! Everything a rule says of a conversation: what it rests on, what argues against it, in which words, with which frames.

use std::fmt::Write;

use super::*;

const USED: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > A\n";
const LEFT: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n";
const DATA_LEFT: &str =
    "1 > PA +100 dack=1\n 1.1 < PA +100 dack=101\n 1.2 > A dfin=102\n 1.21 < A dack=102\n";
const AWAY: &str = "1 > PA +100\n 1.1 < PA +100 ttl=61\n 1.2 > FA\n 1.21 < A ttl=61\n";
const GONE: &str = "1 > PA +100\n 1.02 < A\n 2 > FA\n 2.01 < A\n";
const SLOW: &str = "0 > S\n 0.1 < SA\n 0.3 > A\n 1 > PA +100\n 1.1 < PA +100\n 1.3 > A\n";

type Around = fn(Scene) -> Scene;

fn alone(scene: Scene) -> Scene {
    scene
}

fn lossy(mut scene: Scene) -> Scene {
    scene.capture.drops = Some(4_211);
    scene
}

fn busy(mut scene: Scene) -> Scene {
    scene = scene.alive(false);
    scene.service.closed_by_both = 1;
    scene.hosts[scene.client.peer().index()].fins = 4_211;
    scene
}

/// Another connection's window has been closed for long, and nobody was answered since that second.
fn stopped(mut scene: Scene, answered: i64) -> Scene {
    scene.service.unread_since = Some(Timestamp::new(1_001, 0));
    scene.service.last_payload = Some(Timestamp::new(1_000 + answered, 0));
    scene
}

fn more() -> Vec<(&'static str, String, Around)> {
    let opened = |rule, script: &str, around| (rule, format!("{OPEN}{script}"), around);
    let bare = |rule, script: &str| (rule, script.to_owned(), alone as Around);
    let cases: [(&str, &str, Around); 30] = [
        ("missing-fin", "9 end", busy),
        ("missing-fin", "9 end", lossy),
        ("missing-fin", "5 > A\n 5.01 < A\n 9 end", alone),
        ("missing-fin", "5 > A\n 5.01 < A\n 9 end", lossy),
        ("missing-fin", "5 < A\n 5.01 > A id=0\n 9 end", alone),
        ("missing-fin", "3 < PA +1500\n 3.01 > A\n 9 end", busy),
        ("missing-fin", "1.5 < A seq=1\n 9 end", alone),
        ("missing-fin", "1.5 < A seq=9\n 9 end", alone),
        ("missing-fin", "9 end", |scene| stopped(scene, 1)),
        ("missing-fin", "9 end", |scene| stopped(scene, 3)),
        ("missing-fin", "9 end", |scene| scene.half_closes()),
        ("half-close-in-use", "9 end", |scene| scene.half_closes()),
        ("late-fin", "6 < FA\n 6.01 > A", |scene| scene.half_closes()),
        ("half-close-in-use", "5 < PA +1500\n 5.01 > A\n 5.5 end", alone),
        ("half-close-in-use", "5 < PA +1500\n 5.01 > A\n 9 end", alone),
        (
            "half-close-in-use",
            "5 < PA +500\n 5.2 < PA +500 seq=-500\n 5.4 < PA +500 seq=-500\n 5.6 < PA +500 seq=-500\n 5.7 end",
            alone,
        ),
        ("half-close-in-use", "5 < PA +500\n 5.01 > A\n 5.1 < FA\n 5.2 > A", alone),
        ("close-wait-aborted", "9 > RA opt", alone),
        ("close-wait-aborted", "1.9 > RA opt", alone),
        ("close-wait-aborted", "9 < R ttl=60", alone),
        ("close-wait-aborted", "8 > PA +9\n 9 < RA opt", alone),
        ("aborted", "1.9 > RA opt", alone),
        ("aborted", "1.22 < PA +9\n 1.23 > R", alone),
        ("late-answer", "90 < FA +100\n 90.01 > R", alone),
        ("late-answer", "90 < FA +100\n 90.01 > RA ttl=60", alone),
        ("late-answer", "90 < PA +100\n 90.01 > R win=9 ttl=200", alone),
        ("late-fin", "5 < PA +1500\n 5.01 > A\n 6.5 < FA\n 6.51 > A", alone),
        ("late-fin", "5 < FA +1500\n 5.01 > A", alone),
        ("late-fin", "5 < FA\n 5.01 > A", busy),
        ("aborted", "9 < RA opt", alone),
    ];
    let mut all: Vec<_> =
        cases.map(|(rule, script, around)| opened(rule, &format!("{LEFT}{script}"), around)).into();
    let unacked = "2 > FA\n 2.2 > FA seq=-1\n 2.6 > FA seq=-1\n 3.4 > FA seq=-1\n";
    let probed = "100 > A seq=-1\n 110 > A seq=-1\n";
    let large = "2 < A +1400\n 2.2 < A +1400 seq=-1400\n 2.6 < A +1400 seq=-1400\n 3.4 < A +1400 seq=-1400\n";
    let full = "1 > PA +100\n 1.1 < A win=0\n";
    let open = format!("{USED} 6 < FA\n 6.01 > A\n");
    let asked = "900 > PA +9\n 900.4 > PA +9 seq=-9\n";
    let rest: [(&str, String, Around); 33] = [
        ("missing-fin", format!("{AWAY} 9 end"), busy),
        ("missing-fin", format!("{GONE} 99 end"), busy),
        ("missing-fin", format!("{GONE} 99 end"), |scene| busy(scene).answers(Span::millis(20))),
        ("missing-fin", format!("{USED} 2 < FA\n 2.01 > A\n 9 end"), |scene| scene.alive(true)),
        ("unacked-fin", format!("{USED}{unacked} 9 end"), |scene| scene.alive(false)),
        ("unacked-fin", format!("{USED} 2 > FA\n 9 end"), alone),
        ("unacked-fin", format!("{USED} 2 > FA\n 2.1 > FA seq=-1\n 2.2 > FA seq=-1\n 9 end"), alone),
        ("unacked-fin", format!("{USED}{unacked} 5 > RA opt\n 9 end"), alone),
        ("unacked-fin", format!("{LEFT} 1.3 < FA\n 9 > A\n 99 end"), alone),
        ("keepalive-gave-up", format!("{USED}{probed} 120 > RA opt"), alone),
        ("keepalive-gave-up", format!("{USED}{probed} 120 > RA opt\n 121 end"), |scene| scene.alive(false)),
        ("keepalive-gave-up", format!("{USED} 100 > A seq=-1\n 120 > RA opt"), alone),
        ("keepalive-gave-up", format!("{USED}{probed} 111 < R\n 120 > RA opt"), alone),
        ("keepalive-gave-up", format!("{USED} 100 > PA +9\n 120 > RA opt"), alone),
        ("large-segments-lost", format!("{USED}{large} 3.5 > PA +20\n 7 end"), |scene| scene.icmp(3, 4)),
        ("large-segments-lost", format!("{USED}{large} 3.5 > PA +20\n 7 end"), |scene| scene.icmp(3, 1)),
        ("large-segments-lost", format!("{USED}{large} 7 end"), alone),
        ("zero-window-stall", format!("{full} 1.2 < FA win=0\n 1.21 > A\n 9 end"), alone),
        ("zero-window-stall", format!("{full} 1.2 > FA\n 1.21 < A win=0\n 9 end"), alone),
        ("stale-connection-reused", format!("{open} 9 > PA +100\n 9.01 < R ttl=60"), alone),
        ("stale-connection-reused", format!("{open} 9 > PA +100\n 9.005 > FA\n 9.01 < R"), alone),
        ("stale-connection-reused", format!("{open} 6.1 > PA +100\n 6.2 < R"), alone),
        ("dead-after-idle", format!("{USED}{asked} 901.2 > PA +9 seq=-9\n 910 end"), busy),
        ("dead-after-idle", format!("{USED}{asked} 910 end"), alone),
        ("reset-after-idle", format!("{USED} 900 > PA +9\n 900.01 < R ttl=62"), alone),
        ("reset-after-idle", format!("{LEFT} 900 < PA +9\n 900.01 > R ttl=62"), alone),
        ("peer-forgot", format!("{USED} 900 > PA +9\n 900.01 < R"), alone),
        ("no-keepalive", format!("{USED} 900 end"), alone),
        ("no-keepalive", format!("{USED} 2 > RA opt\n 900 end"), alone),
        ("no-keepalive", format!("{USED} 9000 > PA +10\n 9000.1 < A\n 9001 end"), alone),
        ("aborted", format!("{USED} 1.3 < R ttl=0"), alone),
        ("aborted", format!("{USED} 1.3 < A ttl=9\n 1.4 < A ttl=10\n 1.5 < A ttl=11\n 2 < R ttl=12"), alone),
        ("aborted", format!("{USED} 1.3 < A plain\n 1.4 < RA win=64000 plain"), alone),
    ];
    all.extend(rest.map(|(rule, script, around)| opened(rule, &script, around)));
    all.extend(edges().into_iter().map(|(rule, script, around)| opened(rule, &script, around)));
    all.extend([
        bare("aborted", &format!("{SLOW} 2 > PA +9\n 2.001 < R")),
        bare("aborted", &format!("{SLOW} 2 < PA +9\n 2.05 > R win=9")),
        bare("aborted", &format!("{SLOW} 2 > PA +9\n 2.05 < RA ttl=60 opt")),
        bare("late-fin", &format!("{SLOW} 2 > FA\n 2.05 < A\n 3.05 < FA\n 3.06 > A")),
        bare("late-fin", &format!("{SLOW} 2 > FA\n 2.14 < A\n 3.12 < FA\n 3.2 > A")),
        bare("syn-unanswered", "0 > S\n 0.9 > S seq=-1\n 0.95 end"),
        bare("syn-unanswered", "0 > S\n 2 end"),
        bare("one-direction", "0 > A +100\n 1 > A ack=50\n 3 end"),
        bare("no-keepalive", "0 > S\n 900 end"),
        bare("aborted", "0 > R\n 1 end"),
        bare("aborted", "0 > PA +10\n 0.1 < PA +10\n 0.2 < RA opt"),
        bare("aborted", "0 > S\n 0.001 < SA\n 0.002 > A\n 2 > PA +9\n 2.0001 < R"),
        bare("late-fin", &format!("{SLOW} 2 > FA\n 2.05 < A\n 2.95 < FA\n 3.06 > A")),
        bare("no-keepalive", "0 > S\n 0.01 < RA\n 900 end"),
        bare(
            "large-segments-lost",
            &format!("0 > PA +100\n 0.1 < PA +100\n 0.2 > A\n{large} 6 > PA +20 ack=-1400\n 7 end"),
        ),
    ]);
    all.extend(["0", "9", "64000"].map(|window| {
        let plain = "0 > S\n 0.01 < SA plain\n 0.02 > A\n 1 > PA +100\n 1.1 < PA +100 plain\n 1.2 > A\n";
        bare("aborted", &format!("{plain} 2 < RA win={window}"))
    }));
    let vain = "0 > PA +100\n 0.02 < A\n 31 > FA\n 31.02 < A";
    all.push(("no-answer", vain.into(), |scene| scene.answers(Span::millis(100))));
    all
}

/// Conversations that one condition alone tells from others.
fn edges() -> Vec<(&'static str, String, Around)> {
    let answered: Around = |scene| scene.answers(Span::millis(100));
    let closed_once: Around = |scene| {
        let mut scene = busy(scene);
        scene.service.closed_by_both = 0;
        scene.service.closes.add(Span::millis(100));
        scene
    };
    let probes: String =
        (2..14).map(|n| format!("{n} > A seq=-1\n {n}.01 < A\n")).collect::<Vec<_>>().join(" ");
    let large = |len: u32| {
        let send = |at: &str, back: u32| format!(" {at} < A +{len} seq=-{back}\n");
        format!("2 < A +{len}\n{}{}{}", send("2.2", len), send("2.6", len), send("3.4", len))
            + &format!("{} 6 > PA +20 ack=-{len}\n 7 end", send("5", len))
    };
    let vain = "1 > PA +100\n 1.02 < A\n";
    vec![
        ("aborted", format!("{USED} 2 > RA opt\n 2.1 > FA"), alone),
        ("aborted", format!("{USED} 1.2 > FA\n 1.3 > RA opt"), alone),
        ("aborted", format!("{USED} 2 > RA opt seq=5"), alone),
        ("client-gave-up", format!("{vain} 2 > FA\n 2.02 < A"), |scene| scene.gave_up(3, Span::secs(1))),
        ("close-wait-aborted", format!("{LEFT} 80 < RA opt"), alone),
        ("close-wait-aborted", format!("{USED} 2 < FA\n 2.01 > A\n 80 > RA opt"), alone),
        ("late-fin", format!("{LEFT} 80 < FA\n 80.01 > A"), alone),
        ("late-fin", format!("{USED} 2 < FA\n 2.01 > A\n 80 > FA\n 80.01 < A"), alone),
        ("late-fin", format!("{GONE} 5 < PA +100\n 5.01 > A\n 8 < FA\n 8.01 > A"), alone),
        ("late-fin", format!("{LEFT} 5 < FA ack=-1\n 5.01 > A"), alone),
        ("late-fin", format!("{LEFT} 6 < FA\n 6.01 > A"), lossy),
        (
            "late-fin",
            "1 > PA +100\n 1.1 < PA +9 ack=400\n 1.2 > FA seq=400\n 1.21 < A\n 6 < FA\n 6.01 > A".into(),
            alone,
        ),
        ("missing-data-fin", format!("{DATA_LEFT} 9 end"), busy),
        ("missing-data-fin", format!("{DATA_LEFT} 5 > A\n 5.01 < A\n 9 end"), lossy),
        ("missing-data-fin", format!("{DATA_LEFT} 3 < PA +1500\n 3.01 > A\n 9 end"), alone),
        ("missing-data-fin", format!("{DATA_LEFT} 1.22 < PA +9\n 1.5 end"), alone),
        ("missing-data-fin", format!("{DATA_LEFT} 5 > FA\n 5.01 < A\n 9 end"), alone),
        ("missing-data-fin", format!("{DATA_LEFT} 5 < FA\n 5.01 > A\n 9 end"), alone),
        ("missing-data-fin", format!("{DATA_LEFT} 61.2 > RA opt\n 70 end"), alone),
        ("missing-data-fin", format!("{DATA_LEFT} 5 < RA opt\n 9 end"), alone),
        ("missing-data-fin", format!("{DATA_LEFT} 1.5 < RA opt\n 9 end"), alone),
        ("late-answer", format!("{LEFT} 80 < FA\n 80.01 > A\n 80.02 > R"), alone),
        ("late-answer", "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 9 < A\n 9.01 > R".into(), alone),
        ("half-close-in-use", format!("{LEFT} 5 < PA +500\n 5.5 end"), alone),
        ("missing-fin", format!("{LEFT} 5 < PA +500\n 5.01 > A\n 5.5 end"), alone),
        ("missing-fin", format!("{AWAY} 9 end"), closed_once),
        ("frequent-keepalive", format!("{USED}{probes} 30 end"), alone),
        ("frequent-keepalive", format!("{USED}{probes} 30 > PA +9\n 31 end"), alone),
        ("large-segments-lost", format!("{USED} 1.5 < A +1408\n 1.6 > A\n{}", large(1_408)), alone),
        ("large-segments-lost", format!("{USED} 1.5 < A +1376\n 1.6 > A\n{}", large(1_408)), alone),
        (
            "keepalive-gave-up",
            format!("{USED} 1.3 < R seq=99999999\n 100 > A seq=-1\n 110 > A seq=-1\n 120 > RA opt"),
            alone,
        ),
        (
            "keepalive-gave-up",
            format!("{USED} 100 > A seq=-1\n 110 > A seq=-1\n 111 < R seq=99999999\n 120 > RA opt"),
            alone,
        ),
        ("no-answer", format!("{vain} 5 > A ack=50\n 31 > FA\n 31.02 < A"), answered),
        ("no-answer", format!("{vain} 20 < FA\n 20.01 > A\n 31 > RA opt"), answered),
        ("no-answer", format!("{vain} 20 < RA seq=99999999\n 31 > FA\n 31.02 < A"), answered),
        ("no-answer", format!("{vain} 31 > RA opt"), answered),
        ("stale-connection-reused", format!("{LEFT} 6 < FA\n 6.01 > A\n 9 > PA +100\n 9.01 < R"), alone),
        (
            "stale-connection-reused",
            format!("{USED} 6 < FA\n 6.001 < R seq=99999999\n 6.01 > A\n 9 > PA +100\n 9.01 < R"),
            alone,
        ),
        ("unacked-fin", format!("{USED} 2 > FA\n 2.2 > FA seq=-1\n 9 > FA seq=-1\n 19 end"), alone),
        ("unacked-fin", format!("{USED} 2 > FA\n 9 > FA seq=-1\n 19 end"), alone),
        ("zero-window-stall", "1 > PA +100\n 1.1 < A win=0\n 2 > RA opt\n 9 end".into(), alone),
    ]
}

/// The finding and its words, or why there is none.
fn in_full(scene: &Scene, rule: &dyn Rule) -> String {
    scene.with(|case| {
        let finding = judge(case).findings.into_iter().find(|finding| finding.name == rule.name());
        let Some(finding) = finding else {
            return match rule.judge(case) {
                Answer::No(why) => format!("no: {why}\n"),
                Answer::Undecided(undecided) => format!("undecided: {}\n", undecided.why),
                Answer::Found(_) => unreachable!(),
            };
        };
        let mut text = String::new();
        let second = |stamp: Stamp| (stamp.at - Timestamp::new(1_000, 0)).as_secs_f64();
        let side = finding.side.map_or("", |side| case.role(side));
        let (severity, fact) = (finding.severity(1), finding.fact);
        write!(text, "{severity:?} {fact:?} {side}").unwrap();
        if let Some(lasted) = finding.lasted {
            write!(text, " {}{}", if lasted.at_least { "at least " } else { "" }, lasted.span).unwrap();
        }
        writeln!(
            text,
            "{}",
            finding.since.map_or(String::new(), |stamp| format!(" since {}", second(stamp)))
        )
        .unwrap();
        if let Some(Cause { what, certainty, because }) = &finding.cause {
            writeln!(text, "{certainty:?} {what}: {}", because.join("; ")).unwrap();
        }
        finding.against.iter().for_each(|against| writeln!(text, "but {against}").unwrap());
        for (stamp, label) in &finding.evidence {
            writeln!(text, "{} at {}: {label}", stamp.frame, second(*stamp)).unwrap();
        }
        let members = vec![(case, &finding)];
        let words = rule.words(&Group { place: "there".into(), members, of: 1, capture: &scene.capture });
        writeln!(text, "{}. {}", words.headline, words.says).unwrap();
        words.advice.iter().for_each(|advice| writeln!(text, "-> {advice}").unwrap());
        for (host, system, command) in &words.next {
            writeln!(text, "{host} {system}: {command}").unwrap();
        }
        text
    })
}

fn all() -> impl Iterator<Item = (&'static str, String, Scene)> {
    let speaking = three::all().into_iter().map(|three| (three.rule, three.speaks, three.around));
    speaking.chain(more()).map(|(rule, script, around)| {
        let lines: Vec<_> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        (rule, lines.join(", "), around(Scene::of(&script)))
    })
}

/// Each conversation once.
pub(super) fn scenes() -> impl Iterator<Item = (String, Scene)> {
    let mut told = std::collections::HashSet::new();
    all().map(|(_, script, scene)| (script, scene)).filter(move |(script, _)| told.insert(script.clone()))
}

#[test]
fn every_rule_in_full() {
    let mut text = String::new();
    for (name, script, scene) in all() {
        writeln!(text, "# {name}: {script}\n{}", in_full(&scene, rule(name).unwrap())).unwrap();
    }
    insta::assert_snapshot!(text);
}
