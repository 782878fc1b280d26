//! Findings, worst first, and what is undecided. The first are open, the others folded; many are left to one line,
//! very many are counted.

use std::fmt::Write as _;

use super::plots::plot;
use super::summary::{how_sure, severity_class};
use super::{FINDINGS_END, Page, text};
use crate::report::text::{count, number};
use crate::report::{Finding, Severity, Step};

/// So many findings are unfolded at first.
const OPEN: usize = 5;
/// So many undecided cases are told.
const UNDECIDED: usize = 100;

impl Page<'_> {
    pub(super) fn against(&mut self) {
        let Some(against) = &self.report.against else { return };
        self.section("against", "What changed");
        self.put(format!("<p>Compared with {}.</p>\n<ul>\n", text(&against.title())));
        for line in against.lines() {
            let _ = writeln!(self.html, "<li>{}</li>", text(&line));
        }
        self.put("</ul>\n");
        self.end_section();
    }

    pub(super) fn findings(&mut self) {
        self.section("findings", "Findings");
        if self.report.findings.is_empty() {
            self.put("<p>None.</p>\n");
        }
        let mut left_out = 0;
        for (at, finding) in self.report.findings.iter().enumerate() {
            if self.html.len() > FINDINGS_END {
                left_out += 1;
            } else {
                self.finding(finding, at < OPEN && finding.severity > Severity::Note);
            }
        }
        self.left_out(left_out, "finding");
        self.end_section();
    }

    fn finding(&mut self, finding: &Finding, open: bool) {
        let class = severity_class(finding.severity);
        let open = if open { " open" } else { "" };
        let _ = writeln!(
            self.html,
            "<details class=\"finding {class}\"{open}>\n<summary><span class=\"severity\">{}</span> <code>{}</code> {}\
             </summary>",
            finding.severity.word(),
            text(&finding.name),
            text(&finding.headline)
        );
        self.put(format!("<p>{}</p>\n<dl>\n", text(&finding.says)));
        if let Some(since) = &finding.since {
            let lasted = finding.lasted.as_ref().map_or(String::new(), |lasted| format!(", {lasted}"));
            let since = format!("{}{}", self.time(since), text(&lasted));
            self.row("Since", &since);
        }
        self.row("How sure", &how_sure(finding));
        if !finding.evidence.is_empty() {
            let items: Vec<String> = finding
                .evidence
                .iter()
                .map(|evidence| {
                    let stream = evidence.stream.map_or(String::new(), |stream| format!("stream {stream}, "));
                    let clock = text(&self.style.clock(&evidence.time));
                    format!("<li>{stream}frame {}, {clock}: {}</li>", evidence.frame, text(&evidence.label))
                })
                .collect();
            self.row("Evidence", &format!("<ul>{}</ul>", items.concat()));
        }
        if !finding.advice.is_empty() {
            self.row("What helps", &text(&finding.advice.join(" ")));
        }
        self.steps(&finding.next);
        if !finding.filter.is_empty() {
            self.row("In Wireshark", &format!("<code>{}</code>", text(&finding.filter)));
        }
        self.put("</dl>\n");
        if let Some(data) = &finding.data {
            self.put(plot(data, self.style));
        }
        self.put("</details>\n");
    }

    pub(super) fn undecided(&mut self) {
        if self.report.undecided.is_empty() {
            return;
        }
        self.section("undecided", "Undecided");
        for undecided in self.report.undecided.iter().take(UNDECIDED) {
            let _ = writeln!(
                self.html,
                "<details class=\"finding\">\n<summary><code>{}</code> {} at {}</summary>\n<p>{}</p>\n<dl>",
                text(&undecided.name),
                count(undecided.count, "connection"),
                text(&undecided.at.name),
                text(&undecided.says)
            );
            self.steps(&undecided.next);
            self.put("</dl>\n</details>\n");
        }
        self.left_out(self.report.undecided.len().saturating_sub(UNDECIDED), "undecided case");
        self.end_section();
    }

    fn steps(&mut self, steps: &[Step]) {
        let item =
            |step: &Step| format!("<li>{}: <code>{}</code></li>", text(&step.place()), text(&step.command));
        if !steps.is_empty() {
            let items: String = steps.iter().map(item).collect();
            self.row("Next, run", &format!("<ul>{items}</ul>"));
        }
    }

    /// Says how many of something are not on this page.
    pub(super) fn left_out(&mut self, n: usize, what: &str) {
        if n > 0 {
            let plural = if n == 1 { "" } else { "s" };
            self.put(format!(
                "<p class=\"left-out\">{} more {what}{plural} left out of this page; the JSON report has everything.</p>\n",
                number(n as u64)
            ));
        }
    }
}
