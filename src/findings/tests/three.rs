//! Three conversations a rule: one in which it speaks; the same, cut off before the evidence is complete, in which it
//! must not; and one that differs in what matters, in which it must be quiet.

use super::*;

pub(super) struct Three {
    pub(super) rule: &'static str,
    /// What is known around the connection.
    pub(super) around: fn(Scene) -> Scene,
    pub(super) speaks: String,
    /// The second at which the capture of the same ends with too little; none where one segment is the evidence.
    cut: Option<f64>,
    quiet: String,
}

const USED: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > A\n";
const FAR: &str = "1 > PA +100\n 1.1 < PA +100 ttl=61\n 1.2 > A\n";
const LEFT: &str = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n";
const DATA_LEFT: &str =
    "1 > PA +100 dack=1\n 1.1 < PA +100 dack=101\n 1.2 > A dfin=102\n 1.21 < A dack=102\n";
const GONE: &str = "1 > PA +100\n 1.02 < A\n 2 > FA\n 2.01 < A\n";
const VAIN: &str = "1 > PA +100\n 1.02 < A\n 31 > FA\n 31.02 < A\n 31.03 < FA\n 31.04 > A";
const SERVED: &str = "1 > PA +100\n 1.02 < PA +9\n 1.03 > A\n 31 > FA\n 31.02 < FA\n 31.04 > A";

fn probes(n: usize, every: f64) -> String {
    let probe = |n: usize| {
        let at = 1.2 + every * (n + 1) as f64;
        format!("{at} > A seq=-1\n {} < A\n", at + 0.01)
    };
    (0..n).map(probe).collect()
}

pub(super) fn all() -> Vec<Three> {
    let opened = |rule, start: &str, speaks: &str, cut: f64, quiet: &str| Three {
        rule,
        around: |scene| scene,
        speaks: format!("{OPEN}{start}{speaks}"),
        cut: Some(cut),
        quiet: format!("{OPEN}{start}{quiet}"),
    };
    let bare = |rule, speaks: &str, cut: Option<f64>, quiet: &str| Three {
        rule,
        around: |scene| scene,
        speaks: speaks.into(),
        cut,
        quiet: quiet.into(),
    };
    let large = "2 < A +1400\n 2.2 < A +1400 seq=-1400\n 2.6 < A +1400 seq=-1400\n 3.4 < A +1400 seq=-1400\n 5 < A \
                 +1400 seq=-1400\n 6 > PA +20";
    let dead =
        "2 > PA +9\n 2.2 > PA +9 seq=-9\n 2.6 > PA +9 seq=-9\n 3.4 > PA +9 seq=-9\n 5 > PA +9 seq=-9\n";
    let syns = "0 > S\n 1 > S seq=-1\n 3 > S seq=-1\n";
    let vain_probes = "100 > A seq=-1\n 110 > A seq=-1\n 120 > A seq=-1\n";
    let repeated = "900 > PA +9\n 900.4 > PA +9 seq=-9\n 901.2 > PA +9 seq=-9\n";
    let full = "1 > PA +100\n 1.1 < A win=0\n 1.3 > A seq=-1\n 1.31 < A win=0\n";
    let left_open = format!("{USED} 6 < FA\n 6.01 > A\n");
    vec![
        bare("syn-fin", "0 > SF\n 0.01 < RA", None, "0 > S\n 0.01 < RA"),
        bare(
            "one-direction",
            "0 > A +100\n 1 > A +100 ack=50\n 2 > A ack=90\n 3 end",
            Some(0.5),
            "0 > A +100\n 0.1 < A +50\n 1 > A +100\n 2 > A\n 3 end",
        ),
        bare("syn-unanswered", &format!("{syns} 4 end"), Some(0.5), &format!("{syns} 3.01 < SA\n 4 end")),
        bare("syn-refused", "0 > S\n 0.01 < RA", Some(0.005), "0 > S\n 0.01 < SA\n 0.02 > A\n 1 < RA opt"),
        opened("probe", "", "0.03 > RA opt", 0.025, "0.03 > PA +1\n 0.04 < A\n 0.05 > RA opt"),
        opened(
            "reset-after-idle",
            FAR,
            "900 > PA +9\n 900.01 < R ttl=254",
            900.005,
            "900 > PA +9\n 900.01 < R ttl=61",
        ),
        opened(
            "peer-forgot",
            FAR,
            "900 > PA +9\n 900.01 < R ttl=61",
            900.005,
            "1.5 > PA +9\n 1.51 < R ttl=61",
        ),
        opened(
            "keepalive-gave-up",
            USED,
            &format!("{vain_probes} 130 > RA opt"),
            129.0,
            &format!("{vain_probes} 120.1 < A\n 130 > RA opt"),
        ),
        opened(
            "dead-after-idle",
            USED,
            &format!("{repeated} 910 end"),
            901.0,
            &format!("{repeated} 901.3 < A\n 910 end"),
        ),
        opened("zero-window-stall", full, "5 end", 1.5, "1.5 < A\n 5 end"),
        opened(
            "large-segments-lost",
            USED,
            &format!("{large} ack=-1400\n 7 end"),
            2.5,
            &format!("{large}\n 7 end"),
        ),
        opened("unacked-data", USED, &format!("{dead} 9 end"), 3.0, &format!("{dead} 5.1 < A\n 9 end")),
        opened("close-wait-aborted", LEFT, "9 < RA opt", 8.9, "1.3 < FA\n 1.31 > A\n 9 > R"),
        opened(
            "stale-connection-reused",
            &left_open,
            "9 > PA +100\n 9.01 < R",
            9.005,
            "9 > PA +100\n 9.01 < A\n 10 end",
        ),
        opened("late-answer", GONE, "90 < PA +100\n 90.01 > R", 90.005, "2.02 < PA +100\n 2.03 > R"),
        opened(
            "unacked-fin",
            USED,
            "2 > FA\n 2.2 > FA seq=-1\n 2.6 > FA seq=-1\n 3.4 > FA seq=-1\n 9 end",
            2.5,
            "2 > FA\n 2.2 > FA seq=-1\n 2.6 > FA seq=-1\n 3.4 > FA seq=-1\n 3.41 < A\n 9 end",
        ),
        opened(
            "half-close-in-use",
            LEFT,
            "5 < PA +500\n 5.01 > A\n 5.5 end",
            4.9,
            "1.22 < PA +500\n 1.23 > A\n 1.3 < FA\n 1.31 > A",
        ),
        Three {
            around: |scene| scene.alive(false),
            ..opened("missing-fin", LEFT, "9 end", 2.0, "1.3 < FA\n 9 end")
        },
        opened("missing-data-fin", DATA_LEFT, "9 end", 2.0, "1.3 < A dfin=102\n 1.31 > A dack=102\n 9 end"),
        opened("late-fin", LEFT, "6 < FA\n 6.01 > A", 5.9, "1.9 < FA\n 1.91 > A"),
        Three {
            around: |scene| scene.answers(Span::millis(100)),
            ..opened("no-answer", "", VAIN, 30.0, SERVED)
        },
        Three {
            around: |scene| scene.gave_up(3, Span::secs(30)),
            ..opened("client-gave-up", "", VAIN, 30.0, SERVED)
        },
        opened("aborted", USED, "2 > RA opt", 1.9, "2 > R seq=99999999"),
        opened(
            "capture-gap",
            "",
            "1 > PA +100\n 1.1 < A ack=400\n 1.2 > A\n 2 end",
            1.05,
            "1 > PA +100\n 1.1 < A\n 1.2 > A\n 2 end",
        ),
        opened("frequent-keepalive", USED, &probes(12, 1.5), 14.0, &probes(12, 75.0)),
        opened(
            "no-keepalive",
            USED,
            "900 > PA +10\n 900.1 < PA +10\n 900.2 > A\n 901 end",
            200.0,
            "400 > A seq=-1\n 400.1 < A\n 900 > PA +10\n 900.1 < A\n 901 end",
        ),
    ]
}

/// The same conversation, if the capture had ended then.
fn ended_at(script: &str, cut: f64) -> String {
    let before = |line: &&str| line.split_whitespace().next().unwrap().parse::<f64>().unwrap() <= cut;
    let kept: Vec<_> = script.lines().filter(|line| !line.trim().is_empty()).take_while(before).collect();
    format!("{}\n{cut} end", kept.join("\n"))
}

#[test]
fn every_rule_speaks_waits_for_its_evidence_and_is_quiet() {
    let all = all();
    for three in &all {
        let finds = |script: &str| (three.around)(Scene::of(script)).finds(three.rule);
        assert!(finds(&three.speaks), "{} does not speak", three.rule);
        assert!(!finds(&three.quiet), "{} is not quiet", three.rule);
        if let Some(cut) = three.cut {
            let little = ended_at(&three.speaks, cut);
            assert!(little.lines().count() > 1, "{}: nothing is left", three.rule);
            assert!(!finds(&little), "{} speaks after {cut} s already", three.rule);
        }
    }
    for rule in RULES {
        let of_wire = !tells_why(rule.name());
        assert_eq!(
            all.iter().filter(|three| three.rule == rule.name()).count(),
            usize::from(of_wire),
            "{}",
            rule.name()
        );
    }
}
