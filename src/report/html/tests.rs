//! What must hold of every page: nothing from the capture is markup, nothing is fetched, the size is bounded.

use super::*;
use crate::report::sample::{sample, stuck};
use crate::report::{Connection, Finding, Place};

fn page(report: &Report) -> String {
    let mut out = Vec::new();
    Html.write(report, &Style::plain(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_first_screen_answers_five_questions() {
    let page = page(&sample());
    let header = page.split("</header>").next().unwrap().split("<header").nth(1).unwrap();
    for part in [
        "<h1>192.0.2.9:8080 (app-server) owes its FIN on 10 of its 10 connections.</h1>",
        "<strong class=\"figure\">10</strong> of 10",
        "<strong>app-server</strong><br>service <code>192.0.2.9:8080</code>",
        "08:12:44 UTC</time><br>at least 1 h 51 min",
        "<strong>CERTAIN</strong>",
        "<strong>LIKELY</strong> the program",
        "ss -tanp state close-wait &#39;( sport = :8080 )&#39;",
    ] {
        assert!(header.contains(part), "{part} is not in {header}");
    }
}

#[test]
fn what_is_not_known_is_not_told() {
    let mut report = sample();
    let lead = &mut report.findings[0];
    (lead.count, lead.of) = (4, 4);
    lead.at = Place { role: "path".into(), name: "192.0.2.1 - 192.0.2.9:80".into(), assumed: false };
    report.services.clear();
    let page = page(&report);
    assert!(page.contains("<strong class=\"figure\">4</strong></dd>"), "of how many is not known of a path");
    assert!(page.contains("<dt>Where</dt>") && !page.contains("By whom"));
    assert!(!page.contains("Services"));
}

#[test]
fn nothing_is_fetched() {
    let page = page(&sample());
    for reference in ["http:", "https:", "src=", "url(", "@import", "<link", "style=\""] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(page.contains("default-src 'none'"));
}

/// Text of a capture cannot know the number that the page's script bears: it is a hash over that text, too.
#[test]
fn the_page_runs_its_own_script_and_nothing_else() {
    let page = page(&sample());
    let policy =
        page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert!(policy.starts_with("default-src 'none';") && policy.contains("base-uri 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert!(nonce.len() == 32 && page.matches(&format!("<script nonce=\"{nonce}\">")).count() == 1);
    let mut other = sample();
    other.title = Some("another".into());
    assert!(!super::tests::page(&other).contains(nonce), "another page, another number");
}

#[test]
fn a_long_text_is_cut() {
    assert_eq!(text(&"<".repeat(3_000)), format!("{}...", "&lt;".repeat(LONGEST_TEXT)));
}

/// 100,000 connections and 1,000 findings, all flagged, with addresses as long as they get.
#[test]
fn a_large_report_stays_within_five_megabytes() {
    let mut report = sample();
    let finding = report.findings[0].clone();
    report.findings = (0..1_000)
        .map(|n| Finding { headline: format!("{n} {}", finding.headline), ..finding.clone() })
        .collect();
    let long = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535";
    report.connections = (0..100_000)
        .map(|n| Connection { id: format!("c-{n:08x}"), client: long.into(), server: long.into(), ..stuck() })
        .collect();
    let page = page(&report);
    assert!(page.len() < 5_000_000, "{}", page.len());
    for left_out in ["more ladders left out", "more connections left out"] {
        assert!(page.contains(left_out), "{left_out}");
    }
}
