//! The first screen: the verdict in two sentences, how many, by whom, since when, how sure, what to do.

use super::{Page, text};
use crate::report::text::{count, number};
use crate::report::{Certainty, Finding, Severity};

impl Page<'_> {
    pub(super) fn summary(&mut self) {
        let report = self.report;
        let lead = report.findings.first().filter(|finding| finding.severity > Severity::Note);
        let class = lead.map_or("ok", |lead| severity_class(lead.severity));
        let class = if report.verdict.headline.starts_with("UNDECIDED") { "warning" } else { class };
        self.put(format!("<header class=\"{class}\">\n"));
        if let Some(title) = &report.title {
            self.put(format!("<p class=\"title\">{}</p>\n", text(title)));
        }
        self.put(format!("<h1>{}</h1>\n", text(&sentence(&report.verdict.headline))));
        let second = match (lead, report.undecided.first()) {
            (Some(lead), _) => lead.says.clone(),
            (None, Some(undecided)) => undecided.says.clone(),
            (None, None) if report.capture.tcp == 0 => report.hint().unwrap_or_default(),
            (None, None) => format!(
                "{} were looked at, {} closed by both sides.",
                count(report.totals.connections, "connection"),
                number(report.totals.closed_by_both)
            ),
        };
        self.put(format!("<p class=\"lead\">{}</p>\n", text(&sentence(&second))));
        if let Some(lead) = lead {
            self.lead(lead);
        }
        for note in &report.notes {
            self.put(format!("<p class=\"note\">{}</p>\n", text(note)));
        }
        self.put("</header>\n");
        self.contents();
        self.put("<main>\n");
    }

    /// The five answers.
    fn lead(&mut self, lead: &Finding) {
        self.put("<dl class=\"answers\">\n");
        let label = if lead.name == "missing-fin" { "Stuck connections" } else { "Connections affected" };
        self.row(label, &format!("<strong>{}</strong> of {}", number(lead.count), number(lead.of)));
        let assumed = if lead.at.assumed { " (role assumed)" } else { "" };
        self.row(
            "By whom",
            &format!("{} <code>{}</code>{assumed}", text(&lead.at.role), text(&lead.at.name)),
        );
        let lasted = lead.lasted.as_ref().map(|lasted| text(&lasted.to_string()));
        let since = match (&lead.since, lasted) {
            (Some(since), Some(lasted)) => format!("{}, {lasted}", self.time(since)),
            (Some(since), None) => self.time(since),
            (None, Some(lasted)) => lasted,
            (None, None) => "not dated".to_owned(),
        };
        self.row("Since when", &since);
        self.row("How sure", &how_sure(lead));
        self.row("What to do", &what_to_do(lead));
        self.put("</dl>\n");
    }

    /// Links to what follows.
    fn contents(&mut self) {
        let report = self.report;
        let mut links = vec![("findings", count(report.findings.len() as u64, "finding"))];
        if !report.undecided.is_empty() {
            links.push(("undecided", format!("{} undecided", number(report.undecided.len() as u64))));
        }
        if report.connections.iter().any(|c| c.finding.is_some()) {
            links.push(("ladders", "ladders".to_owned()));
        }
        if !report.connections.is_empty() {
            links.push(("connections", count(report.connections.len() as u64, "connection")));
        }
        links.push(("services", "services".to_owned()));
        links.push(("capture", "the capture".to_owned()));
        let links: Vec<String> =
            links.iter().map(|(id, label)| format!("<a href=\"#{id}\">{}</a>", text(label))).collect();
        self.put(format!("<nav aria-label=\"Contents\">{}</nav>\n", links.join(" ")));
    }
}

/// The class of elements that are that bad.
pub(in crate::report) fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "info",
    }
}

/// `The fact is certain. Likely the program: host alive to the end.`
pub(super) fn how_sure(finding: &Finding) -> String {
    let mut html = format!("The fact is {}.", finding.fact.word().to_lowercase());
    if let Some(cause) = &finding.cause {
        let because =
            if cause.because.is_empty() { String::new() } else { format!(": {}", cause.because.join(", ")) };
        html += &format!(" {} {}{}.", certainty(cause.certainty), text(&cause.what), text(&because));
    }
    if !finding.against.is_empty() {
        html += &format!(" Against it: {}.", text(finding.against.join("; ").trim_end_matches('.')));
    }
    html
}

fn certainty(certainty: Certainty) -> String {
    format!("<strong>{}</strong>", certainty.word())
}

fn what_to_do(finding: &Finding) -> String {
    let mut html = String::new();
    if let Some(step) = finding.next.first() {
        html += &format!("Run {}: <code>{}</code>", text(&step.place()), text(&step.command));
    } else if let Some(advice) = finding.advice.first() {
        html += &text(advice);
    } else {
        html += "See below.";
    }
    html
}

/// With a full stop.
fn sentence(words: &str) -> String {
    if words.ends_with(['.', '!', '?']) { words.to_owned() } else { format!("{words}.") }
}
