//! Imports run down the layers only, and every finding has its explanation.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first. A room may import itself and what stands before it.
const LAYERS: &[&str] = &[
    "wire",
    "known",
    "knowledge",
    "advise",
    "place",
    "capture",
    "decode",
    "tcp",
    "sockets",
    "trace",
    "transcript",
    "findings",
    "analysis",
    "fragment",
    "detail",
    "patterns",
    "compare",
    "report",
    "anonymise",
    "extract",
    "follow",
    "batch",
];

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// The rooms named behind `crate::` in a text, comments aside.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1)).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn imports_run_down_the_layers() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    let mut checked = 0;
    for file in files {
        let inside = file.strip_prefix(&source).unwrap();
        let room = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let Some(own) = LAYERS.iter().position(|layer| *layer == room) else {
            assert!(["lib", "main", "cli"].contains(&room), "{room} has no place among the layers");
            continue;
        };
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let Some(other) = LAYERS.iter().position(|layer| *layer == import) else { continue };
            assert!(other <= own, "{}: {room} imports {import}, which lies above it", inside.display());
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} imports were found: the test no longer sees the code");
}

#[test]
fn every_finding_is_explained() {
    for rule in cwait_pcap::findings::RULES {
        let text = cwait_pcap::knowledge::explain(rule.name());
        assert!(text.is_ok_and(|text| text.name == rule.name()), "{} has no text", rule.name());
    }
}

#[test]
fn every_rule_has_one_name() {
    let mut names: Vec<_> = cwait_pcap::findings::RULES.iter().map(|rule| rule.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cwait_pcap::findings::RULES.len());
}
