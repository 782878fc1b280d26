//! The first screen: the verdict in two sentences, how many, by whom, since when, how sure, what to do.

use super::findings::command;
use super::{Page, text};
use crate::findings::is_owed;
use crate::report::text::{capitalised, count, number};
use crate::report::{Certainty, Finding, Severity, Verdict};

impl Page<'_> {
    pub(super) fn summary(&mut self) {
        let report = self.report;
        let lead = report.findings.first().filter(|finding| finding.weight() > Some(Severity::Note));
        let (word, said) = report.verdict.in_two();
        let (class, word) = match lead {
            Some(lead) => (finding_class(lead), lead.word()),
            None if word == Verdict::OK => ("ok", word),
            None => ("warning", Verdict::UNDECIDED),
        };
        self.put(format!(
            "<header class=\"{class}\">\n<p class=\"eyebrow\"><span class=\"badge\">{word}</span>"
        ));
        if let Some(lead) = lead {
            self.put(format!(" <code>{}</code>", text(&lead.name)));
        }
        if let Some(title) = &report.title {
            self.put(format!(" <span class=\"title\">{}</span>", text(title)));
        }
        // The name and the word stand above already.
        let headline = lead.map_or(said, |lead| &lead.headline);
        self.put(format!("</p>\n<h1>{}</h1>\n", text(&capitalised(&sentence(headline)))));
        let second = match (lead, report.undecided.first()) {
            (Some(lead), _) => first_sentence(&lead.says).to_owned(),
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
        let label = if is_owed(&lead.name) { "Stuck connections" } else { "Connections affected" };
        // Of a path or a capture it is not known how many connections it has in all.
        let of = match lead.at.role == "service" || lead.of > lead.count {
            true => format!(" of {}", number(lead.of)),
            false => String::new(),
        };
        self.row(label, &format!("<strong class=\"figure\">{}</strong>{of}", number(lead.count)));
        let assumed = if lead.at.assumed { " (role assumed)" } else { "" };
        let name = self.report.name_of(&lead.at.name);
        let name = name.map_or(String::new(), |name| format!("<strong>{}</strong><br>", text(name)));
        self.row(
            if matches!(lead.at.role.as_str(), "path" | "capture") { "Where" } else { "By whom" },
            &format!("{name}{} <code>{}</code>{assumed}", text(&lead.at.role), text(&lead.at.name)),
        );
        let lasted = lead.lasted.as_ref().map(|lasted| text(&lasted.to_string()));
        let since = match (&lead.since, lasted) {
            (Some(since), Some(lasted)) => format!("{}<br>{lasted}", self.time(since)),
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
            links.push(("ladders", "Ladders".to_owned()));
        }
        if !report.connections.is_empty() {
            links.push(("connections", count(report.connections.len() as u64, "connection")));
            links.push(("endpoints", "Who talks to whom".to_owned()));
        }
        if !report.services.is_empty() {
            links.push(("services", "Services".to_owned()));
        }
        links.push(("capture", "The capture".to_owned()));
        if !report.host_names.is_empty() || report.config.is_some() {
            links.push(("known", "Told beforehand".to_owned()));
        }
        let links: Vec<String> =
            links.iter().map(|(id, label)| format!("<a href=\"#{id}\">{}</a>", text(label))).collect();
        self.put(format!("<nav aria-label=\"Contents\">{}</nav>\n", links.join(" ")));
    }
}

/// The class of a finding's elements.
pub(super) fn finding_class(finding: &Finding) -> &'static str {
    finding.weight().map_or("accepted", severity_class)
}

/// The class of elements that are that bad.
pub(in crate::report) fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "info",
    }
}

/// How sure the fact is and how sure the cause, each on a scale of three.
pub(super) fn how_sure(finding: &Finding) -> String {
    let mut html = format!("<span class=\"sure\">The fact: {}</span>", scale(finding.fact));
    if let Some(cause) = &finding.cause {
        html += &format!("<span class=\"sure\">The cause: {} {}", scale(cause.certainty), text(&cause.what));
        if !cause.because.is_empty() {
            html += &format!("<small>: {}</small>", text(&cause.because.join(", ")));
        }
        html += "</span>";
    }
    if !finding.against.is_empty() {
        let against = finding.against.join("; ");
        html +=
            &format!("<small class=\"sure\">Against it: {}.</small>", text(against.trim_end_matches('.')));
    }
    html
}

/// Three dots, and the word.
fn scale(certainty: Certainty) -> String {
    let class = match certainty {
        Certainty::Possible => "one",
        Certainty::Likely => "two",
        Certainty::Certain => "three",
    };
    format!(
        "<span class=\"scale {class}\" aria-hidden=\"true\"><i></i><i></i><i></i></span> <strong>{}</strong>",
        certainty.word()
    )
}

fn what_to_do(finding: &Finding) -> String {
    if let Some(step) = finding.next.first() {
        format!("Run {}: {}", text(&step.place()), command(&step.command))
    } else if let Some(advice) = finding.advice.first() {
        text(advice)
    } else {
        "See below.".to_owned()
    }
}

/// With a full stop.
fn sentence(words: &str) -> String {
    if words.ends_with(['.', '!', '?']) { words.to_owned() } else { format!("{words}.") }
}

/// Up to the first full stop before a blank and something that begins a sentence.
fn first_sentence(words: &str) -> &str {
    let begins = |rest: &str| rest.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
    let end = words.match_indices(". ").find(|(at, _)| begins(&words[at + 2..]));
    end.map_or(words, |(at, _)| &words[..=at])
}
