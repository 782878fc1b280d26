//! Kernel truth: every bundled capture, from every vantage point, judged by one default configuration and compared
//! with what the kernels of both hosts recorded while it was taken.
//!
//! `testdata/verdicts.toml` says which verdict a finding amounts to and how many connections must be judged rightly.
//! No verdict may be wrong. `CWAIT_CAPTURES=FOLDER` reads another folder of the same layout instead of the bundled one.
//! The confusion matrix is printed: `cargo test --test kernel_truth -- --nocapture`.

mod judged;
mod late;
mod matrix;
mod timers;
mod truth;
mod verdicts;

use std::path::PathBuf;

use matrix::Matrix;
use truth::Scenario;
use verdicts::Verdicts;

#[test]
fn no_verdict_contradicts_the_kernel() {
    let testdata = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let verdicts = Verdicts::read(&testdata.join("verdicts.toml"));
    let elsewhere = std::env::var_os("CWAIT_CAPTURES").map(PathBuf::from);
    let bundled = elsewhere.is_none();
    let folder = elsewhere.unwrap_or_else(|| testdata.join("captures"));
    let scenarios = Scenario::all_in(&folder);
    assert!(!scenarios.is_empty(), "no truth.json below {}", folder.display());
    let mut matrix = Matrix::default();
    for scenario in &scenarios {
        judged::compare(scenario, &verdicts, &mut matrix);
    }
    println!("{matrix}");
    let wrong = matrix.wrong();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    if bundled {
        let lost: Vec<_> =
            verdicts.at_least.iter().filter(|(name, least)| matrix.right(name) < **least).collect();
        assert!(lost.is_empty(), "fewer are right than before (see the matrix above): {lost:?}");
    }
}

#[test]
fn nobody_is_accused_for_what_came_before_the_capture() {
    let testdata = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let verdicts = Verdicts::read(&testdata.join("verdicts.toml"));
    let mut matrix = Matrix::default();
    for scenario in &Scenario::all_in(&testdata.join("captures")) {
        for share in [0.2, 0.5, 0.8] {
            late::compare(scenario, share, &verdicts, &mut matrix);
        }
    }
    let wrong = matrix.wrong();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(matrix.right("never_closed") >= 100, "what ends in the capture is still judged:\n{matrix}");
}

#[test]
fn no_timer_is_told_wrongly_of_a_capture_that_is_not_whole() {
    let folder = std::env::var_os("CWAIT_CAPTURES").map(PathBuf::from);
    let folder =
        folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/captures"));
    let mut wrong = Vec::new();
    let right: usize =
        Scenario::all_in(&folder).iter().map(|scenario| timers::compare(scenario, &mut wrong)).sum();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(right >= 60, "timers are still told: {right}");
}

#[test]
fn every_rule_has_a_verdict_and_a_text() {
    let testdata = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let verdicts = Verdicts::read(&testdata.join("verdicts.toml"));
    for rule in cwait_pcap::findings::RULES {
        assert!(verdicts.knows(rule.name()), "verdicts.toml does not know {}", rule.name());
        assert!(cwait_pcap::knowledge::explain(rule.name()).is_ok(), "no text explains {}", rule.name());
    }
}
