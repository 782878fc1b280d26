//! A comparison on a terminal: what the path did, what that makes of each verdict, what lies between, one ladder.

use std::io;

use anstyle::{AnsiColor, Style as Paint};

use super::ladder;
use super::{Clock, CompareReport, ComparedConnection, FlowFacts, PathFinding, RulingCount, StretchFacts};
use crate::report::text::{count, number, plain, wrap};
use crate::report::{Detail, Severity, Style};

const INDENT: &str = "  ";
/// So many ladders are drawn.
const LADDERS: usize = 1;
/// So many with everything.
const ALL_LADDERS: usize = 200;

pub(super) fn write(report: &CompareReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { report, style, out };
    for said in report.title.iter().chain(&report.notes) {
        page.paragraph("", &plain(said))?;
    }
    if report.title.is_some() || !report.notes.is_empty() {
        writeln!(page.out)?;
    }
    if report.findings.is_empty() {
        let ok = page.painted("OK", AnsiColor::Green);
        page.paragraph("", &format!("{ok}: {}", report.headline))?;
    }
    for finding in &report.findings {
        page.finding(finding)?;
    }
    page.rulings()?;
    if style.detail > Detail::Brief {
        page.stretches()?;
        page.ladders()?;
    }
    page.vantages()
}

struct Page<'a> {
    report: &'a CompareReport,
    style: &'a Style,
    out: &'a mut dyn io::Write,
}

impl Page<'_> {
    fn painted(&self, word: &str, colour: AnsiColor) -> String {
        if !self.style.colour {
            return word.to_owned();
        }
        let paint = Paint::new().bold().fg_color(Some(colour.into()));
        format!("{paint}{word}{paint:#}")
    }

    fn paragraph(&mut self, indent: &str, text: &str) -> io::Result<()> {
        self.out.write_all(wrap(text, indent, self.style.columns - 2).as_bytes())
    }

    fn finding(&mut self, finding: &PathFinding) -> io::Result<()> {
        let colour = match finding.severity {
            Severity::Error => AnsiColor::Red,
            Severity::Warning => AnsiColor::Yellow,
            Severity::Note => AnsiColor::Cyan,
        };
        let word = self.painted(finding.severity.word(), colour);
        writeln!(self.out, "{word} {}: {}", plain(&finding.name), plain(&finding.headline))?;
        if self.style.detail == Detail::Brief {
            return Ok(());
        }
        self.paragraph(INDENT, &plain(&format!("{}: {}", finding.certainty.word(), finding.says)))?;
        for evidence in &finding.evidence {
            let stream = evidence.stream.map_or(String::new(), |stream| format!("stream {stream}, "));
            let text = format!(
                "{}, {stream}frame {}, {}: {}",
                self.report.name(evidence.at),
                evidence.moment.frame,
                self.style.clock(&evidence.moment.time),
                evidence.label
            );
            self.paragraph(INDENT, &plain(&text))?;
        }
        for advice in &finding.advice {
            self.paragraph(INDENT, &plain(&format!("Do: {advice}")))?;
        }
        writeln!(self.out)
    }

    fn rulings(&mut self) -> io::Result<()> {
        if self.report.rulings.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "What each vantage point said by itself, and what the others make of it:")?;
        for ruled in &self.report.rulings {
            let RulingCount { at, count: n, says, .. } = ruled;
            let name = self.report.name(*at);
            let text = format!(
                "{} at {name}: {} on {}. The first: {says}.",
                ruled.title(),
                ruled.ruled().to_uppercase(),
                count(*n, "connection")
            );
            self.paragraph(INDENT, &plain(&text))?;
        }
        writeln!(self.out)
    }

    fn stretches(&mut self) -> io::Result<()> {
        for line in stretch_lines(self.report) {
            self.paragraph("", &plain(&line))?;
        }
        writeln!(self.out)
    }

    fn ladders(&mut self) -> io::Result<()> {
        let most = if self.style.detail == Detail::Full { ALL_LADDERS } else { LADDERS };
        for connection in drawn(self.report).take(most) {
            writeln!(self.out, "{}", plain(&title(connection)))?;
            writeln!(self.out, "{}", ladder::text(self.report, connection, self.style))?;
        }
        Ok(())
    }

    fn vantages(&mut self) -> io::Result<()> {
        let report = self.report;
        for line in sources(report, self.style) {
            self.paragraph("", &plain(&line))?;
        }
        let others = drawn(report).count().saturating_sub(LADDERS);
        if others > 0 && self.style.detail == Detail::Usual {
            let more = count(others as u64, "more ladder");
            self.paragraph("", &format!("{more}: with -v, or in --format html, markdown or json."))?;
        }
        Ok(())
    }
}

/// Connections with a ladder, those with the worst finding first.
pub(super) fn drawn(report: &CompareReport) -> impl Iterator<Item = &ComparedConnection> {
    let rank = |connection: &&ComparedConnection| {
        report.findings.iter().position(|finding| finding.connections.contains(&connection.id))
    };
    let mut drawn: Vec<_> =
        report.connections.iter().filter(|connection| !connection.ladder.is_empty()).collect();
    drawn.sort_by_cached_key(|connection| rank(connection).unwrap_or(usize::MAX));
    drawn.into_iter()
}

/// What a ladder is headed by.
pub(super) fn title(connection: &ComparedConnection) -> String {
    let first = connection.seen.iter().find(|seen| seen.id.is_some());
    let stream = first.and_then(|seen| seen.stream);
    let name = stream.map_or_else(|| connection.id.clone(), |stream| format!("Stream {stream}"));
    let findings = match connection.findings.is_empty() {
        true => connection.verdicts.first().map(|verdict| verdict.finding.clone()).unwrap_or_default(),
        false => connection.findings.join(", "),
    };
    format!("{name}, {}: {findings}", connection.ends())
}

/// What happened between each two neighbours, a line for each direction and one for both.
fn stretch_lines(report: &CompareReport) -> Vec<String> {
    let mut lines = Vec::new();
    for stretch in &report.stretches {
        let [a, b] = stretch.between;
        for (flow, (from, to)) in stretch.flows.iter().zip([(a, b), (b, a)]) {
            lines.push(format!("{} > {}: {}", report.name(from), report.name(to), in_words(flow)));
        }
        lines.extend(stretch_note(report, stretch));
    }
    lines
}

fn in_words(flow: &FlowFacts) -> String {
    let share = match flow.segments {
        0 => String::new(),
        all => format!(" ({:.1} %)", flow.lost as f64 * 100.0 / all as f64),
    };
    let untold = match flow.untold {
        0 => String::new(),
        n => format!(", of {} more it cannot be told", number(n)),
    };
    let delay = match (&flow.delay_p50, &flow.delay_p99) {
        (Some(p50), Some(p99)) => format!("; delay {}, p99 {}", p50, p99),
        _ => String::new(),
    };
    format!(
        "{}, {} lost{share}{untold}{delay}; {} made, {} eaten.",
        count(flow.segments, "segment"),
        number(flow.lost),
        count(flow.forged_rsts, "RST"),
        count(flow.fins_eaten, "FIN")
    )
}

/// What is told of a stretch besides its two directions.
pub(super) fn stretch_note(report: &CompareReport, stretch: &StretchFacts) -> Option<String> {
    let [a, b] = stretch.between.map(|at| report.name(at));
    let connections = count(stretch.connections, "connection");
    let mut told = Vec::new();
    if stretch.forgotten > 0 {
        told.push(format!("{} of {connections} forgotten after a silence", number(stretch.forgotten)));
    }
    if stretch.translated > 0 {
        let translated = number(stretch.translated);
        told.push(format!("addresses or ports translated on {translated} of {connections}"));
    }
    let hops = stretch.flows.iter().find_map(|flow| flow.hops);
    if let Some(hops) = hops.filter(|hops| *hops > 0) {
        told.push(count(u64::from(hops), "router"));
    }
    let changed = stretch.changes.iter();
    told.extend(changed.map(|change| format!("{} in {}", change.what, count(change.segments, "segment"))));
    (!told.is_empty()).then(|| format!("Between {a} and {b}: {}.", told.join("; ")))
}

/// Where it all comes from.
pub(super) fn sources(report: &CompareReport, style: &Style) -> Vec<String> {
    let mut lines = Vec::new();
    for vantage in &report.vantages {
        let drops = vantage.drops.map_or("drops unknown".to_owned(), |drops| count(drops, "drop"));
        let clock =
            vantage.clock.as_ref().map_or(String::new(), |clock| format!("; {}", told(clock, report)));
        let alone = match vantage.alone {
            0 => String::new(),
            alone => format!(", {} of them seen here alone", number(alone)),
        };
        lines.push(format!(
            "{}: {}, {}{alone}, {} to {}, {drops}{clock}.",
            vantage.name,
            count(vantage.frames, "frame"),
            count(vantage.connections, "connection"),
            style.day_and_time(&vantage.first),
            style.clock(&vantage.last),
        ));
        lines.extend(vantage.problems.iter().map(|problem| format!("Problem: {problem}.")));
    }
    let path: Vec<&str> = report.path.iter().map(|&at| report.name(at)).collect();
    lines.push(format!("Path from the clients to the servers: {}; by {}.", path.join(", "), report.path_by));
    for matched in &report.matched {
        let sure = matched.certainty.word().to_lowercase();
        lines.push(format!(
            "{} matched by {} ({sure}).",
            count(matched.connections, "connection"),
            matched.by
        ));
    }
    if report.not_followed > 0 {
        lines.push(format!(
            "{} more were matched and are too many to be followed segment by segment.",
            number(report.not_followed)
        ));
    }
    lines
}

/// `its clock is 3 h 0 min ahead of client-side's, within 4 us`.
fn told(clock: &Clock, report: &CompareReport) -> String {
    let first = report.name(0);
    let ahead = clock.ahead.0;
    let size = crate::wire::Span(ahead.0.saturating_abs());
    let within = clock.within.map(|within| within.0);
    let unlike = within.is_none_or(|within| size > within);
    let offset = match (unlike, ahead.0 >= 0) {
        (false, _) => format!("its clock agrees with {first}'s"),
        (true, true) => format!("its clock is {} ahead of {first}'s", exactly(size)),
        (true, false) => format!("its clock is {} behind {first}'s", exactly(size)),
    };
    let within = match &clock.within {
        Some(within) => format!(" within {within}"),
        None if clock.outliers > 0 => {
            ", but by no bound: too many segments contradict any even clock".to_owned()
        }
        None => {
            " at most: one direction only was seen at both, so that the delay counts as offset".to_owned()
        }
    };
    let drift = match clock.drift_ppm {
        // It would read as none.
        drift if drift.abs() < 0.005 => String::new(),
        drift => format!(", and gains {drift:.2} us a second"),
    };
    let outliers = match clock.outliers {
        0 => String::new(),
        n => format!(" (leaving out {} that no even clock explains)", count(n, "segment")),
    };
    format!("{offset}{within}{drift}{outliers}")
}

/// A span of hours with its microseconds.
fn exactly(span: crate::wire::Span) -> String {
    let text = span.to_string();
    if span < crate::wire::Span::secs(1) { text } else { format!("{text} ({:.6} s)", span.as_secs_f64()) }
}
