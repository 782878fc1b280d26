use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

const SECTIONS: [&str; 7] = [
    "What it says",
    "What proves it",
    "What can fool it",
    "What would decide it",
    "What helps",
    "What does not help",
    "Sources",
];

fn sections(text: &str) -> Vec<&str> {
    text.lines().filter_map(|l| l.strip_prefix("## ")).collect()
}

fn files(folder: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/knowledge").join(folder);
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    fs::read_dir(path).unwrap().map(name).collect()
}

fn registered(texts: &[Text]) -> BTreeSet<String> {
    texts.iter().map(|t| format!("{}.md", t.name)).collect()
}

#[test]
fn every_file_is_registered() {
    assert_eq!(files("explain"), registered(EXPLAINED));
    assert_eq!(files("recipes"), registered(RECIPES));
}

#[test]
fn no_name_is_taken_twice() {
    for texts in [EXPLAINED, RECIPES] {
        let mut seen = BTreeSet::new();
        for name in texts.iter().flat_map(|t| t.also.iter().chain([&t.name])) {
            assert!(seen.insert(*name), "{name}");
            assert!(name.len() <= LONGEST_NAME, "{name}");
        }
    }
}

#[test]
fn every_text_fits_a_terminal() {
    for t in EXPLAINED.iter().chain(RECIPES) {
        assert!(t.text.starts_with(&format!("# {}: ", t.name)), "{}", t.name);
        assert!(!t.title().is_empty() && !t.title().ends_with('.'), "{}", t.name);
        assert!(t.text.ends_with('\n') && !t.text.ends_with("\n\n"), "{}", t.name);
        for (n, line) in t.text.lines().enumerate() {
            let at = || format!("{} line {}: {line}", t.name, n + 1);
            assert!(line.chars().count() <= 80, "{}", at());
            assert!(line.trim_end() == line && !line.contains('\t'), "{}", at());
        }
        let mut heading = None;
        for line in t.text.lines().filter(|l| !l.is_empty()) {
            let now = line.starts_with("## ").then_some(line);
            assert!(heading.is_none() || now.is_none(), "{}: nothing under {heading:?}", t.name);
            heading = now;
        }
        assert_eq!(heading, None, "{}: ends with a heading", t.name);
    }
}

#[test]
fn every_finding_has_every_section() {
    for t in EXPLAINED.iter().filter(|t| t.kind != TextKind::Topic) {
        assert_eq!(sections(t.text), SECTIONS, "{}", t.name);
    }
}

#[test]
fn every_topic_names_its_sources() {
    for t in EXPLAINED.iter().filter(|t| t.kind == TextKind::Topic) {
        assert_eq!(sections(t.text).last(), Some(&"Sources"), "{}", t.name);
    }
}

/// A text may send the reader on to another one; that one must exist.
#[test]
fn every_text_that_is_referred_to_exists() {
    for t in EXPLAINED.iter().chain(RECIPES) {
        let words: Vec<&str> = t.text.split_whitespace().collect();
        for pair in words.windows(2) {
            let name = pair[1].trim_matches(|c: char| !c.is_ascii_alphanumeric());
            match pair[0].trim_start_matches(['`', '(']) {
                "explain" => assert!(explain(name).is_ok(), "{}: explain {name}", t.name),
                "--capture-recipe" if name != "OS" => {
                    assert!(capture_recipe(name).is_ok(), "{}: {name}", t.name)
                }
                _ => {}
            }
        }
    }
}

#[test]
fn names_are_found_as_people_type_them() {
    for (asked, name) in [
        ("missing-fin", "missing-fin"),
        ("CLOSE_WAIT", "close-wait"),
        ("close wait", "close-wait"),
        (" FIN_WAIT_2 ", "fin-wait-2"),
        ("ndd", "myths"),
        ("tcp_fin_timeout", "myths"),
        ("reset", "rst"),
    ] {
        assert_eq!(explain(asked).map(|t| t.name), Ok(name), "{asked}");
    }
    for (asked, name) in [("FreeBSD", "bsd"), ("SunOS", "solaris"), ("HP_UX", "hp-ux"), ("win", "windows")] {
        assert_eq!(capture_recipe(asked).map(|t| t.name), Ok(name), "{asked}");
    }
}

#[test]
fn a_near_miss_is_told_the_name() {
    for (asked, nearest) in [
        ("mising-fin", Some("missing-fin")),
        ("keepalive", Some("keep-alive")),
        ("close-wiat", Some("close-wait")),
        ("fin-wait", Some("fin-wait-2")),
        ("buildup", Some("close-wait-buildup")),
        ("weather", None),
        ("", None),
        ("x", None),
    ] {
        assert_eq!(explain(asked).unwrap_err().nearest, nearest, "{asked}");
    }
    assert_eq!(
        explain("mising-fin").unwrap_err().to_string(),
        "no finding or topic is called 'mising-fin'; did you mean 'missing-fin'?"
    );
    assert_eq!(
        capture_recipe("plan9").unwrap_err().to_string(),
        "no operating system is called 'plan9'; there are: \
         solaris, illumos, linux, bsd, macos, windows, aix, hp-ux"
    );
}

#[test]
fn hostile_names_do_no_harm() {
    let long = "\u{1b}[31m".repeat(100_000);
    let error = explain(&long).unwrap_err();
    assert!(error.asked.chars().count() <= LONGEST_NAME && !error.to_string().contains('\u{1b}'));
    assert!(explain("\u{130}\u{130}\u{0}").is_err());
}
