//! Findings, worst first, and what is undecided. The first are open, the others folded; many are left to one line,
//! very many are counted.

use std::fmt::Write as _;

use super::plots::plot;
use super::summary::{finding_class, how_sure};
use super::{FINDINGS_END, Page, text};
use crate::report::text::{capitalised, count, number};
use crate::report::{Evidence, Finding, Quote, Severity, Step};

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
                self.finding(finding, at < OPEN && finding.weight() > Some(Severity::Note));
            }
        }
        self.left_out(left_out, "finding");
        self.end_section();
    }

    fn finding(&mut self, finding: &Finding, open: bool) {
        let class = finding_class(finding);
        let open = if open { " open" } else { "" };
        let _ = writeln!(
            self.html,
            "<details class=\"finding {class}\"{open}>\n<summary><span class=\"badge\">{}</span> \
             <span class=\"headline\">{}</span> <code>{}</code></summary>",
            finding.word(),
            text(&capitalised(&finding.headline)),
            text(&finding.name)
        );
        if let Some(accepted) = &finding.accepted {
            self.put(format!("<p class=\"note\">Accepted: {}</p>\n", text(&accepted.says())));
        }
        self.put(format!("<p>{}</p>\n", text(&finding.says)));
        if let Some(data) = &finding.data {
            self.put(plot(data, self.report.capture.last, self.style));
        }
        self.put("<dl>\n");
        if let Some(since) = &finding.since {
            let lasted = finding.lasted.as_ref().map_or(String::new(), |lasted| format!(", {lasted}"));
            let since = format!("{}{}", self.time(since), text(&lasted));
            self.row("Since", &since);
        }
        self.row("How sure", &how_sure(finding));
        if !finding.evidence.is_empty() {
            let items: String = finding.evidence.iter().map(|evidence| self.evidence(evidence)).collect();
            self.row("Evidence", &format!("<ul>{items}</ul>"));
        }
        if let Some(process) = &finding.process {
            self.row("Held by", &text(process));
        }
        if !finding.quotes.is_empty() {
            self.row("The host's own record", &quotes(&finding.quotes));
        }
        if !finding.advice.is_empty() {
            self.row("What helps", &text(&finding.advice.join(" ")));
        }
        self.steps(&finding.next);
        if !finding.filter.is_empty() {
            self.row("In Wireshark", &command(&finding.filter));
        }
        self.put("</dl>\n</details>\n");
    }

    fn evidence(&self, evidence: &Evidence) -> String {
        let stream = evidence.stream.map_or(String::new(), |stream| {
            // The ladder, where there is one.
            match self.drawn.contains(evidence.connection.as_str()) {
                true => format!("<a href=\"#l-{}\">stream {stream}</a>, ", text(&evidence.connection)),
                false => format!("stream {stream}, "),
            }
        });
        let clock = text(&self.style.clock(&evidence.time));
        format!("<li>{stream}frame {}, {clock}: {}</li>", evidence.frame, text(&evidence.label))
    }

    pub(super) fn undecided(&mut self) {
        if self.report.undecided.is_empty() {
            return;
        }
        self.section("undecided", "Undecided");
        for undecided in self.report.undecided.iter().take(UNDECIDED) {
            let _ = writeln!(
                self.html,
                "<details class=\"finding\">\n<summary><span class=\"badge\">UNDECIDED</span> \
                 <span class=\"headline\">{} {} {}</span> <code>{}</code></summary>\n<p>{}</p>\n<dl>",
                count(undecided.count, "connection"),
                undecided.at.preposition(),
                text(&undecided.at.name),
                text(&undecided.name),
                text(&undecided.says)
            );
            self.steps(&undecided.next);
            self.put("</dl>\n</details>\n");
        }
        self.left_out(self.report.undecided.len().saturating_sub(UNDECIDED), "undecided case");
        self.end_section();
    }

    /// What no report holds.
    pub(super) fn no_room(&mut self) {
        for line in self.report.left_out.lines() {
            self.put(format!("<p class=\"left-out\">{}.</p>\n", text(&line)));
        }
    }

    /// The first command, the others folded: they are for other systems.
    fn steps(&mut self, steps: &[Step]) {
        let [first, others @ ..] = steps else { return };
        let shown = |step: &Step| format!("{} {}", text(&capitalised(&step.place())), command(&step.command));
        let mut html = shown(first);
        if !others.is_empty() {
            let systems: Vec<&str> =
                others.iter().map(|step| step.os.as_str()).filter(|os| *os != "any").collect();
            let label =
                if systems.is_empty() { "Then".to_owned() } else { format!("On {}", systems.join(", ")) };
            let items: String = others.iter().map(|step| format!("<p>{}</p>", shown(step))).collect();
            html += &format!("<details class=\"more\"><summary>{}</summary>{items}</details>", text(&label));
        }
        self.row("Next, run", &html);
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

/// Something to be typed or pasted: the script puts a button beside it.
pub(super) fn command(words: &str) -> String {
    format!("<code class=\"command\">{}</code>", text(words))
}

/// Lines of a host's records, each with its place.
fn quotes(quotes: &[Quote]) -> String {
    let line = |quote: &Quote| {
        let file = quote.file.rsplit(['/', '\\']).next().unwrap_or(&quote.file);
        format!(
            "<code class=\"quote\">{}</code><cite>{}:{}</cite>",
            text(&quote.text),
            text(file),
            quote.line
        )
    };
    quotes.iter().map(line).collect()
}
