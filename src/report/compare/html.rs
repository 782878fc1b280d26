//! A comparison as one page, in the dress of the main report: findings, verdicts, the path, ladders with a lifeline for
//! each vantage point and one for what lies between.

use std::fmt::Write as _;
use std::io;

use super::text::{drawn, sources, stretch_note, title};
use super::{CompareReport, ComparedConnection, LadderRow, PathFinding, Told, ladder};
use crate::detail::Act;
use crate::report::html::{document, severity_class, text};
use crate::report::text::number;
use crate::report::{Length, Party, Severity, Style};
use crate::wire::{Span, Timestamp};

/// So many connections are drawn.
const LADDERS: usize = 100;
/// The first lifeline, and the width between two: where there are only two, as wide as the page.
const LEFT: i32 = 120;
const STRETCH: i32 = 340;
const WIDE: i32 = 640;
/// Of a letter, and of what a frame number takes of an arrow's end.
const LETTER: i32 = 7;
const FRAME: i32 = 56;
/// Height of a row.
const STEP: i32 = 26;
/// Above the first row.
const TOP: i32 = 48;
/// A longer time between two rows is drawn.
const BREAK: Span = Span::secs(1);

pub(super) fn write(report: &CompareReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut html = String::new();
    let word = report.severity().map_or("OK", Severity::word);
    let class = report.severity().map_or("ok", severity_class);
    let title = report.title.iter().map(|title| format!(" <span class=\"title\">{}</span>", text(title)));
    let notes = report.notes.iter().map(|note| format!("<p>{}</p>\n", text(note)));
    let _ = writeln!(
        html,
        "<header class=\"{class}\">\n<p class=\"lead\"><span class=\"severity\">{word}</span>{}</p>\n<h1>{}</h1>\n{}\
         </header>\n<main>",
        title.collect::<String>(),
        text(&report.headline),
        notes.collect::<String>()
    );
    section(&mut html, "findings", "What the path did", |html| {
        report.findings.iter().for_each(|finding| self::finding(html, report, style, finding));
        if report.findings.is_empty() {
            html.push_str(
                "<p>Nothing forged, eaten or forgotten was found between the vantage points.</p>\n",
            );
        }
    });
    if !report.rulings.is_empty() {
        section(
            &mut html,
            "rulings",
            "What each vantage point said by itself, and what the others make of it",
            |html| {
                let row = |ruled: &super::RulingCount| {
                    [&ruled.title(), report.name(ruled.at), &ruled.ruled(), &number(ruled.count), &ruled.says]
                        .map(text)
                        .to_vec()
                };
                let rows = report.rulings.iter().map(row);
                table(html, &["finding", "at", "ruling", "connections", "the first"], rows);
            },
        );
    }
    section(&mut html, "path", "The path", |html| {
        table(
            html,
            &["from", "to", "segments", "lost", "cannot tell", "delay p50", "p99", "RSTs made", "FINs eaten"],
            flows(report).into_iter(),
        );
        let notes = report.stretches.iter().filter_map(|stretch| stretch_note(report, stretch));
        list(html, &notes.collect::<Vec<_>>());
    });
    let all = drawn(report).count();
    if all > 0 {
        section(&mut html, "ladders", "Ladders", |html| {
            for (at, connection) in drawn(report).take(LADDERS).enumerate() {
                self::connection(html, report, connection, style, at == 0);
            }
            if all > LADDERS {
                let _ =
                    writeln!(html, "<p>{} more are in the JSON report.</p>", number((all - LADDERS) as u64));
            }
        });
    }
    section(&mut html, "captures", "The captures", |html| {
        list(html, &sources(report, style));
        let _ = writeln!(html, "<p><code>{}</code></p>", text(&report.tool.command_line.join(" ")));
    });
    html.push_str("</main>\n");
    document(report.title.as_deref().unwrap_or(&report.headline), &html, out)
}

fn section(html: &mut String, id: &str, heading: &str, fill: impl FnOnce(&mut String)) {
    let _ = writeln!(html, "<section id=\"{id}\">\n<h2>{heading}</h2>");
    fill(html);
    html.push_str("</section>\n");
}

fn list(html: &mut String, lines: &[String]) {
    html.push_str("<ul>\n");
    for line in lines {
        let _ = writeln!(html, "<li>{}</li>", text(line));
    }
    html.push_str("</ul>\n");
}

/// Octets from which on a cell breaks its lines.
const LONG_CELL: usize = 60;

/// Cells have gone through [`text`].
fn table(html: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    html.push_str("<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead><tr>");
    for cell in head {
        let _ = write!(html, "<th scope=\"col\">{cell}</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let class = if cell.len() > LONG_CELL { " class=\"long\"" } else { "" };
            let _ = write!(html, "<td{class}>{cell}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
}

fn flows(report: &CompareReport) -> Vec<Vec<String>> {
    let length = |length: &Option<Length>| length.map_or("-".to_owned(), |l| l.to_string());
    let mut rows = Vec::new();
    for stretch in &report.stretches {
        let [a, b] = stretch.between;
        for (flow, (from, to)) in stretch.flows.iter().zip([(a, b), (b, a)]) {
            rows.push(vec![
                text(report.name(from)),
                text(report.name(to)),
                number(flow.segments),
                number(flow.lost),
                number(flow.untold),
                length(&flow.delay_p50),
                length(&flow.delay_p99),
                number(flow.forged_rsts),
                number(flow.fins_eaten),
            ]);
        }
    }
    rows
}

fn finding(html: &mut String, report: &CompareReport, style: &Style, finding: &PathFinding) {
    let _ = writeln!(
        html,
        "<details class=\"finding {}\" open>\n<summary><span class=\"severity\">{}</span> <code>{}</code> {}</summary>\n\
         <p><strong>{}</strong>: {}</p>",
        severity_class(finding.severity),
        finding.severity.word(),
        text(&finding.name),
        text(&finding.headline),
        finding.certainty.word(),
        text(&finding.says)
    );
    let evidence: Vec<String> = finding
        .evidence
        .iter()
        .map(|evidence| {
            let stream = evidence.stream.map_or(String::new(), |stream| format!("stream {stream}, "));
            let time = style.clock(&evidence.moment.time);
            format!(
                "{}, {stream}frame {}, {time}: {}",
                report.name(evidence.at),
                evidence.moment.frame,
                evidence.label
            )
        })
        .collect();
    list(html, &evidence);
    for advice in &finding.advice {
        let _ = writeln!(html, "<p>{}</p>", text(advice));
    }
    html.push_str("</details>\n");
}

fn connection(
    html: &mut String,
    report: &CompareReport,
    connection: &ComparedConnection,
    style: &Style,
    open: bool,
) {
    let open = if open { " open" } else { "" };
    let heading = text(&title(connection));
    let _ = writeln!(
        html,
        "<details class=\"ladder\"{open}>\n<summary>{heading}</summary>\n\
         <div class=\"scroll\" role=\"region\" aria-label=\"Ladder: {heading}\" tabindex=\"0\">\n{}</div>",
        drawing(report, connection, style)
    );
    let verdicts: Vec<String> = connection
        .verdicts
        .iter()
        .map(|verdict| {
            let at = report.name(verdict.at);
            format!("{} at {at}: {}: {}", verdict.finding, verdict.ruling, verdict.says)
        })
        .collect();
    list(html, &verdicts);
    html.push_str("</details>\n");
}

fn drawing(report: &CompareReport, connection: &ComparedConnection, style: &Style) -> String {
    let places = i32::try_from(connection.seen.len()).unwrap_or(2);
    let stretch = if places > 2 { STRETCH } else { WIDE };
    let right = LEFT + (places - 1).max(1) * stretch;
    let mut rows = String::new();
    let mut y = TOP;
    let mut last: Option<Timestamp> = None;
    for row in &connection.ladder {
        let now = row.time.0;
        if let Some(before) = last
            && now - before >= BREAK
        {
            quiet(&mut rows, (LEFT + right) / 2, y + 18, &format!("{} later", now - before));
            y += STEP;
        }
        last = Some(row.until.0);
        if row.act == Act::Others {
            quiet(&mut rows, (LEFT + right) / 2, y + 18, &row.label);
        } else {
            arrow(&mut rows, row, y + 18, stretch, &style.clock(&row.time));
        }
        y += STEP;
    }
    let told = text(&ladder::in_words(report, connection));
    let mut svg = format!(
        "<svg viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"{told}\">\n",
        right + 120,
        y + 10,
        right + 120,
        y + 10
    );
    for (at, seen) in (0..).zip(&connection.seen) {
        let x = LEFT + at * stretch;
        let end = match at {
            0 => "client side",
            _ if at + 1 == places => "server side",
            _ => "",
        };
        let _ =
            writeln!(svg, "<text class=\"label\" x=\"{x}\" y=\"14\">{}</text>", text(report.name(seen.at)));
        let _ = writeln!(svg, "<text class=\"label quiet\" x=\"{x}\" y=\"30\">{end}</text>");
        let _ = writeln!(svg, "<path class=\"life\" d=\"M{x} {}V{y}\"/>", TOP - 10);
        if at + 1 < places {
            let between = x + stretch / 2;
            let _ = writeln!(svg, "<text class=\"label quiet\" x=\"{between}\" y=\"30\">between</text>");
            let _ = writeln!(svg, "<path class=\"life between\" d=\"M{between} {}V{y}\"/>", TOP - 10);
        }
    }
    svg + &rows + "</svg>\n"
}

fn quiet(svg: &mut String, x: i32, y: i32, label: &str) {
    let _ = writeln!(svg, "<text class=\"label quiet\" x=\"{x}\" y=\"{y}\">{}</text>", text(label));
}

/// Where an arrow's label stands: on it, or behind the end of one that is too short for it.
fn label_at(row: &LadderRow, start: i32, end: i32) -> (&'static str, i32, i32) {
    let width = i32::try_from(row.label.chars().count()).unwrap_or(i32::MAX / LETTER) * LETTER;
    if row.lost.is_none() || width + 2 * FRAME <= (end - start).abs() {
        return ("label", (start + end) / 2, -6);
    }
    if end > start { ("begin", end + 12, 4) } else { ("left", end - 12, 4) }
}

fn arrow(svg: &mut String, row: &LadderRow, y: i32, stretch: i32, clock: &str) {
    let Some(ladder::Reach { from, to, start, end }) = ladder::Reach::of(row) else { return };
    let x = |halves: i32| LEFT + halves * stretch / 2;
    let (start, end) = (x(start), x(end));
    let class = if row.act == Act::Rst { "arrow rst" } else { "arrow" };
    let class = if row.lost.is_some() { "missing" } else { class };
    let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{start} {y}H{end}\"/>");
    let mark = |told: Told| if told == Told::Certain { "" } else { "?" };
    match row.lost {
        Some(told) => {
            let _ = writeln!(svg, "<path class=\"gap\" d=\"M{} {}l10 10m-10 0l10 -10\"/>", end - 5, y - 5);
            let _ = writeln!(svg, "<text class=\"label\" x=\"{end}\" y=\"{}\">{}</text>", y - 6, mark(told));
        }
        None => {
            let back = if row.from == Party::Client { -9 } else { 9 };
            let _ = writeln!(svg, "<path class=\"head\" d=\"M{end} {y}l{back} -4v8z\"/>");
        }
    }
    if let Some(told) = row.born {
        let _ = writeln!(svg, "<circle class=\"head\" cx=\"{start}\" cy=\"{y}\" r=\"4\"/>");
        let _ = writeln!(svg, "<text class=\"label\" x=\"{start}\" y=\"{}\">{}</text>", y - 6, mark(told));
    }
    let (class, at, height) = label_at(row, start, end);
    let _ =
        writeln!(svg, "<text class=\"{class}\" x=\"{at}\" y=\"{}\">{}</text>", y + height, text(&row.label));
    // Its frame at either end.
    let inward = if row.from == Party::Client { 28 } else { -28 };
    let mut frame = |at: usize, x: i32| {
        if let Some(frame) = row.frames[at] {
            let _ = writeln!(svg, "<text class=\"label quiet\" x=\"{x}\" y=\"{}\">#{frame}</text>", y - 6);
        }
    };
    match row.born {
        Some(_) => frame(from, x(2 * i32::try_from(from).unwrap_or(0)) - inward),
        None => frame(from, start + inward),
    }
    if to != from && row.lost.is_none() && row.born.is_none() {
        frame(to, end - inward);
    }
    let _ = writeln!(svg, "<text class=\"time\" x=\"0\" y=\"{}\">{clock}</text>", y + 4, clock = text(clock));
}
