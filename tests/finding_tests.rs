//! `docs/tests-of-findings.md` names the tests of every finding; neither a finding nor a test may be missing.

use std::fs;
use std::path::{Path, PathBuf};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What is set in backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_finding_names_its_tests_and_captures() {
    let table = fs::read_to_string(root("docs/tests-of-findings.md")).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| finding"))
        .map(|line| line.split('|').map(str::trim).skip(1).collect())
        .collect();
    let rules = cwait_pcap::findings::RULES.iter().map(|rule| rule.name());
    for name in rules.chain(cwait_pcap::patterns::PATTERNS.iter().map(|pattern| pattern.name())) {
        assert!(rows.iter().any(|row| row[0] == name), "{name} has no tests in the table");
    }
    let folders = ["src/findings", "src/findings/tests", "src/patterns", "src/patterns/tests", "tests"];
    let sources: String = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert!(rows.len() >= 30, "the table was read");
    for row in &rows {
        assert!(quoted(row[1]).count() > 0, "{}", row[0]);
        for test in quoted(row[1]) {
            assert!(sources.contains(&format!("fn {test}()")), "{}: no test {test}", row[0]);
        }
        for capture in row[2].split(", ").filter(|capture| !capture.is_empty()) {
            let folder = root("testdata/captures").join(capture);
            assert!(folder.join("truth.json").is_file(), "{}: no captures {capture}", row[0]);
        }
    }
}
