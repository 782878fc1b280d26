//! The report on a terminal: worst first, one line to grep per finding, then what it rests on and what to run next,
//! then every frame accounted for. The tables of services and connections are in `terminal/tables.rs`,
//! the counts in `terminal/totals.rs`.

mod tables;
mod totals;

pub use tables::connection;

use std::io;

use anstyle::{AnsiColor, Style as Paint};

use super::text::{count, number, plain, wrap};
use super::{
    Certainty, Detail, Finding, Format, HostName, Report, Severity, Step, Style, Undecided, Verdict,
};

/// Plain text of 80 columns.
pub(super) struct Terminal;

/// So many findings are told at length; the others have their line.
const TOLD: usize = 20;
/// So many findings have a line.
const LISTED: usize = 200;
/// So many notes of one name at different places have a line.
const ALIKE: usize = 3;
/// So many commands to run are shown; the others are for other operating systems.
const STEPS: usize = 2;
/// So many lines of the hosts' records are quoted.
const QUOTES: usize = 4;
/// A longer display filter is left to the other formats.
const FILTER: usize = 160;

const INDENT: &str = "  ";

impl Format for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt", "log"]
    }

    fn about(&self) -> &'static str {
        "text of 80 columns, the worst first"
    }

    fn write(&self, report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        let mut page = Page { style, report, out };
        page.heading()?;
        page.against()?;
        page.findings()?;
        page.undecided()?;
        page.left_out()?;
        page.totals()?;
        if style.detail > Detail::Brief {
            tables::services(report, style, page.out)?;
        }
        tables::connections(report, style, page.out)?;
        page.sources()
    }
}

/// What is being written, for whom, and where to.
struct Page<'a> {
    style: &'a Style,
    report: &'a Report,
    out: &'a mut dyn io::Write,
}

impl Page<'_> {
    fn heading(&mut self) -> io::Result<()> {
        if let Some(title) = &self.report.title {
            self.paragraph("", title)?;
        }
        for note in &self.report.notes {
            self.paragraph("", &format!("Note: {note}"))?;
        }
        if self.report.title.is_some() || !self.report.notes.is_empty() {
            writeln!(self.out)?;
        }
        if self.report.findings.iter().all(|finding| finding.weight() <= Some(Severity::Note)) {
            let verdict = &self.report.verdict;
            let (word, _) = verdict.in_two();
            let colour = if word == Verdict::OK { AnsiColor::Green } else { AnsiColor::Yellow };
            let rest = plain(&verdict.headline[word.len()..]).into_owned();
            writeln!(self.out, "{}{rest}", self.painted(word, colour))?;
        }
        if let Some(hint) = self.report.hint() {
            self.paragraph(INDENT, &hint)?;
        }
        Ok(())
    }

    /// What changed, one greppable line each.
    fn against(&mut self) -> io::Result<()> {
        let Some(against) = &self.report.against else { return Ok(()) };
        self.paragraph("", &format!("Against {}:", against.title()))?;
        for line in against.lines() {
            writeln!(self.out, "{INDENT}{}", plain(&line))?;
        }
        writeln!(self.out)
    }

    fn findings(&mut self) -> io::Result<()> {
        let findings = &self.report.findings;
        let (told, listed) = match self.style.detail {
            Detail::Full => (findings.len(), findings.len()),
            Detail::Usual => (TOLD, LISTED),
            Detail::Brief => (0, LISTED),
        };
        let mut open = false;
        let mut alike = 0;
        for (at, finding) in findings.iter().take(listed).enumerate() {
            // A port scan has a note for every port: the first few say it all.
            let again = at > 0
                && findings[at - 1].name == finding.name
                && findings[at - 1].weight() == finding.weight()
                && finding.weight() == Some(Severity::Note);
            alike = if again { alike + 1 } else { 0 };
            if alike >= ALIKE && self.style.detail < Detail::Full {
                let last =
                    findings.get(at + 1).is_none_or(|next| next.name != finding.name) || at + 1 == listed;
                if last {
                    let word = self.painted(Severity::Note.word(), AnsiColor::Cyan);
                    let more = number((alike + 1 - ALIKE) as u64);
                    writeln!(
                        self.out,
                        "{word} {}: {more} more like these (-v lists them)",
                        plain(&finding.name)
                    )?;
                }
                continue;
            }
            self.first_line(finding)?;
            open = true;
            let at_length = finding.weight() > Some(Severity::Note) || self.style.detail == Detail::Full;
            if at < told && at_length {
                self.rest(finding)?;
                writeln!(self.out)?;
                open = false;
            } else if let Some(accepted) = finding.accepted.as_ref().filter(|_| at < told) {
                self.paragraph(INDENT, &format!("Accepted: {}", accepted.says()))?;
            }
        }
        if open && self.style.detail > Detail::Brief {
            writeln!(self.out)?;
        }
        if let Some(more) = findings.len().checked_sub(listed).filter(|&more| more > 0) {
            writeln!(self.out, "... and {}: -v or --format json has them", count(more as u64, "finding"))?;
        }
        Ok(())
    }

    /// The line to grep: never broken.
    fn first_line(&mut self, finding: &Finding) -> io::Result<()> {
        let colour = match finding.weight() {
            Some(Severity::Error) => AnsiColor::Red,
            Some(Severity::Warning) => AnsiColor::Yellow,
            Some(Severity::Note) | None => AnsiColor::Cyan,
        };
        let word = self.painted(finding.word(), colour);
        writeln!(self.out, "{word} {}: {}", plain(&finding.name), plain(&finding.headline))
    }

    fn rest(&mut self, finding: &Finding) -> io::Result<()> {
        if let Some(accepted) = &finding.accepted {
            self.paragraph(INDENT, &format!("Accepted: {}", accepted.says()))?;
        }
        self.paragraph(INDENT, &format!("{} {}", finding.says, self.when(finding)))?;
        self.paragraph(INDENT, &judgement(finding))?;
        self.quotes(finding)?;
        self.steps(&finding.next)?;
        if !finding.filter.is_empty() && (finding.filter.len() <= FILTER || self.style.detail == Detail::Full)
        {
            writeln!(self.out, "{INDENT}Wireshark: {}", plain(&finding.filter))?;
        }
        Ok(())
    }

    /// Since when, for how long, and the frames that show it, as far as the text has not said so.
    fn when(&self, finding: &Finding) -> String {
        let mut parts = Vec::new();
        let lasted =
            finding.lasted.as_ref().filter(|lasted| !finding.says.contains(&lasted.length.to_string()));
        match (&finding.since, lasted.map(ToString::to_string)) {
            (Some(since), Some(lasted)) => {
                parts.push(format!("Since {}: {lasted}.", self.style.time_in(self.report, since)));
            }
            (Some(since), None) => parts.push(format!("Since {}.", self.style.time_in(self.report, since))),
            (None, Some(lasted)) => parts.push(format!("It lasted {lasted}.")),
            (None, None) => {}
        }
        let told = |frame: u64| {
            let mut words = finding.says.split(|c: char| !c.is_ascii_digit() && c != ',');
            let frame = frame.to_string();
            self.style.detail < Detail::Full && words.any(|word| word.trim_matches(',') == frame)
        };
        let frames: Vec<String> = finding
            .evidence
            .iter()
            .filter(|evidence| !told(evidence.frame))
            .map(|evidence| format!("{} ({})", evidence.frame, evidence.label))
            .collect();
        if !frames.is_empty() {
            let stream = finding.evidence.iter().find_map(|evidence| evidence.stream);
            let stream = stream.map_or("Frame".to_owned(), |stream| format!("Stream {stream}: frame"));
            parts.push(format!("{stream} {}.", frames.join(", ")));
        }
        parts.join(" ")
    }

    /// Lines of the hosts' records, as they stand there: never broken.
    fn quotes(&mut self, finding: &Finding) -> io::Result<()> {
        let shown = if self.style.detail == Detail::Full { finding.quotes.len() } else { QUOTES };
        for quote in finding.quotes.iter().take(shown) {
            let file = quote.file.rsplit(['/', '\\']).next().unwrap_or(&quote.file);
            writeln!(self.out, "{INDENT}{}:{}: {}", plain(file), quote.line, plain(&quote.text))?;
        }
        Ok(())
    }

    fn steps(&mut self, steps: &[Step]) -> io::Result<()> {
        let shown = if self.style.detail == Detail::Full { steps.len() } else { STEPS };
        for step in steps.iter().take(shown) {
            let lead = format!("{INDENT}Next, {}: ", step.place());
            writeln!(self.out, "{}{}", plain(&lead), plain(&step.command))?;
        }
        let mut more: Vec<&str> = Vec::new();
        for step in steps.iter().skip(shown).filter(|step| !step.os.is_empty()) {
            // Another host has the same commands, or nearly.
            let place = if step.on == steps[0].on { &step.os } else { &step.on };
            if !more.contains(&place.as_str()) {
                more.push(place);
            }
        }
        if !more.is_empty() {
            writeln!(self.out, "{INDENT}      on {}: -v", plain(&more.join(", ")))?;
        }
        Ok(())
    }

    fn undecided(&mut self) -> io::Result<()> {
        for undecided in &self.report.undecided {
            let Undecided { name, at, count: n, says, next, .. } = undecided;
            let word = self.painted("UNDECIDED", AnsiColor::Yellow);
            let n = count(*n, "connection");
            writeln!(self.out, "{word} {}: {n} {} {}", plain(name), at.preposition(), plain(&at.name))?;
            if self.style.detail > Detail::Brief {
                self.paragraph(INDENT, says)?;
                self.steps(next)?;
                writeln!(self.out)?;
            }
        }
        Ok(())
    }

    fn left_out(&mut self) -> io::Result<()> {
        for line in self.report.left_out.lines() {
            self.paragraph("", &format!("{line}."))?;
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn totals(&mut self) -> io::Result<()> {
        if self.style.detail == Detail::Brief && !self.report.findings.is_empty() {
            writeln!(self.out)?;
        }
        for line in
            [totals::connections(self.report), totals::extremes(self.report), totals::frames(self.report)]
        {
            self.paragraph(if self.report.findings.is_empty() { INDENT } else { "" }, &line)?;
        }
        if let (Some(first), Some(last)) = (&self.report.capture.first, &self.report.capture.last) {
            let (first, last) = (self.style.day_and_time(first), self.style.day_and_time(last));
            let indent = if self.report.findings.is_empty() { INDENT } else { "" };
            self.paragraph(indent, &format!("From {first} to {last}."))?;
        }
        Ok(())
    }

    /// The files, what wrote this, and where to read on.
    fn sources(&mut self) -> io::Result<()> {
        writeln!(self.out)?;
        for input in &self.report.inputs {
            self.paragraph("", &totals::source(input))?;
            for problem in &input.problems {
                self.paragraph(INDENT, &format!("PROBLEM {}: {problem}", input.path))?;
            }
            for note in &input.notes {
                self.paragraph(INDENT, &format!("Note: {note}"))?;
            }
        }
        for record in &self.report.host_records {
            self.paragraph("", &format!("{}: {}", record.path, record.says))?;
            if record.unread > 0 {
                let first = record.unread_lines.first().map_or(String::new(), |unread| {
                    let text: String = unread.text.chars().take(60).collect();
                    format!(", the first: line {}: {text}", unread.line)
                });
                self.paragraph(INDENT, &format!("{} not read{first}", count(record.unread, "line")))?;
            }
        }
        if !self.report.host_records.is_empty() {
            let joined = count(self.report.host_joined, "connection");
            self.paragraph("", &format!("{joined} of the capture found in the hosts' records."))?;
        }
        self.known()?;
        let tool = &self.report.tool;
        self.paragraph("", &format!("{} {}: {}", tool.name, tool.version, tool.command_line.join(" ")))?;
        if let Some(worst) = self.report.findings.first() {
            self.paragraph("", &format!("What it means: cwait-pcap explain {}", worst.name))?;
        }
        Ok(())
    }

    /// What the user told beforehand.
    fn known(&mut self) -> io::Result<()> {
        if !self.report.host_names.is_empty() {
            let names: Vec<String> = self.report.host_names.iter().map(HostName::says).collect();
            self.paragraph("", &format!("Hosts: {}.", names.join(", ")))?;
        }
        if let Some(config) = &self.report.config {
            self.paragraph("", &format!("Configured by {}:", config.path))?;
            config.lines().iter().try_for_each(|line| self.paragraph(INDENT, line))?;
        }
        Ok(())
    }

    fn paragraph(&mut self, indent: &str, text: &str) -> io::Result<()> {
        self.out.write_all(wrap(&plain(text), indent, self.style.columns).as_bytes())
    }

    fn painted(&self, word: &str, colour: AnsiColor) -> String {
        if self.style.colour {
            let paint = Paint::new().bold().fg_color(Some(colour.into()));
            format!("{paint}{word}{paint:#}")
        } else {
            word.to_owned()
        }
    }
}

/// How sure, by what, what speaks against it, what helps.
fn judgement(finding: &Finding) -> String {
    let mut parts = Vec::new();
    if finding.fact < Certainty::Certain {
        parts.push(format!("The fact is {}.", finding.fact.word()));
    }
    if let Some(cause) = &finding.cause {
        let because =
            if cause.because.is_empty() { String::new() } else { format!(": {}", cause.because.join(", ")) };
        parts.push(format!("{} {}{because}.", cause.certainty.word(), cause.what));
    }
    if !finding.against.is_empty() {
        parts.push(format!("Against: {}.", finding.against.join("; ").trim_end_matches('.')));
    }
    parts.extend(finding.advice.iter().cloned());
    parts.join(" ")
}
