//! Where it all comes from: services, files, every frame accounted for, and what wrote the page.

use std::fmt::Write as _;

use super::{Page, text};
use crate::report::Length;
use crate::report::text::{count, number, octets};

/// So many services are listed.
const SERVICES: usize = 200;
/// So many files are listed.
const FILES: usize = 200;

impl Page<'_> {
    pub(super) fn services(&mut self) {
        if self.report.services.is_empty() {
            return;
        }
        self.section("services", "Services");
        self.put(
            "<div class=\"scroll\" role=\"region\" aria-label=\"Services\" tabindex=\"0\">\n<table>\n<thead><tr>\
             <th scope=\"col\">service</th><th scope=\"col\" class=\"n\">connections</th>\
             <th scope=\"col\" class=\"n\">closed by both</th><th scope=\"col\" class=\"n\">owe FIN</th>\
             <th scope=\"col\" class=\"n\">reset</th><th scope=\"col\" class=\"n\">close p50</th>\
             <th scope=\"col\" class=\"n\">close p99</th><th scope=\"col\" class=\"n\">answer p99</th></tr></thead>\n\
             <tbody>\n",
        );
        let length = |length: &Option<Length>| length.map_or(String::new(), |l| l.to_string());
        for service in self.report.services.iter().take(SERVICES) {
            let assumed = if service.assumed { " <abbr title=\"assumed\">?</abbr>" } else { "" };
            let owes = if service.owes_fin > 0 { " owes" } else { "" };
            let _ = writeln!(
                self.html,
                "<tr><td>{}{assumed}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n{owes}\">{}<td class=\"n\">{}\
                 <td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}",
                text(&service.endpoint),
                number(service.connections),
                number(service.closed_by_both),
                number(service.owes_fin),
                number(service.reset),
                length(&service.close_p50),
                length(&service.close_p99),
                length(&service.answer_p99),
            );
        }
        self.put("</tbody>\n</table>\n</div>\n");
        self.left_out(self.report.services.len().saturating_sub(SERVICES), "service");
        self.end_section();
    }

    pub(super) fn capture(&mut self) {
        let report = self.report;
        let capture = &report.capture;
        self.section("capture", "The capture");
        self.put("<dl class=\"card\">\n");
        if let (Some(first), Some(last)) = (&capture.first, &capture.last) {
            let duration = capture.duration.as_ref().map_or(String::new(), |d| format!(", {d}"));
            let span = format!("{} to {}{duration}", self.time(first), self.time(last));
            self.row("Time", &span);
        }
        let skipped: Vec<String> = capture
            .skipped
            .iter()
            .map(|s| format!("<li>{} {}</li>", number(s.frames), text(&s.reason)))
            .collect();
        self.row("Frames", &format!("{}, of them {} TCP", number(capture.frames), number(capture.tcp)));
        if !skipped.is_empty() {
            self.row("Not analysed", &format!("<ul>{}</ul>", skipped.concat()));
        }
        let drops = capture.drops.map_or("unknown: the file does not say".to_owned(), number);
        self.row("Lost by the capture", &drops);
        self.row("Captured twice", &count(capture.captured_twice, "frame"));
        self.row("One direction only", &count(capture.one_direction, "connection"));
        if let Some(back) = &capture.largest_step_back {
            self.row("Clock stepped back", &format!("by up to {}", back));
        }
        let t = &report.totals;
        let ways = [
            (t.closed_by_both, "closed by both"),
            (t.open, "open"),
            (t.half_closed, "half closed"),
            (t.reset, "reset"),
            (t.unanswered, "never answered"),
            (t.refused, "refused"),
            (t.midstream, "began before the capture"),
            (t.probes, "did nothing (probes)"),
        ];
        let ways: String = (ways.iter().filter(|(n, _)| *n > 0))
            .map(|(n, way)| format!("<li>{} {way}</li>", number(*n)))
            .collect();
        self.row("Connections", &format!("{}<ul>{ways}</ul>", number(t.connections)));
        if t.given_up > 0 {
            self.row("Counted but not judged, for the memory limit", &count(t.given_up, "connection"));
        }
        if t.unplaced > 0 {
            let unplaced = count(t.unplaced, "connection");
            self.row("Not counted by service and host, for the memory limit", &unplaced);
        }
        for input in report.inputs.iter().take(FILES) {
            let mut about = format!(
                "<code>{}</code><br>{}, {}, {}, {}",
                text(&input.path),
                text(&input.format),
                octets(input.bytes),
                count(input.frames, input.frame_word()),
                text(&input.link_types.join(", "))
            );
            if let Some(hash) = &input.hash {
                about += &format!("<br>BLAKE3 <code>{}</code>", text(hash));
            }
            for problem in &input.problems {
                about += &format!("<br><strong>Problem:</strong> {}", text(problem));
            }
            for note in &input.notes {
                about += &format!("<br>{}", text(note));
            }
            self.row("File", &about);
        }
        for record in report.host_records.iter().take(FILES) {
            let mut about = format!("<code>{}</code><br>{}", text(&record.path), text(&record.says));
            if record.unread > 0 {
                about += &format!("<br>{} not read", count(record.unread, "line"));
                for unread in &record.unread_lines {
                    about += &format!("<br>line {}: <code>{}</code>", unread.line, text(&unread.text));
                }
            }
            self.row("The host's own record", &about);
        }
        if !report.host_records.is_empty() {
            self.row("Joined with the records", &count(report.host_joined, "connection"));
        }
        self.put("</dl>\n");
        self.left_out(report.inputs.len().saturating_sub(FILES), "file");
        self.end_section();
    }

    /// What wrote the page.
    pub(super) fn end(&mut self) {
        let tool = &self.report.tool;
        self.put(format!(
            "</main>\n<footer><p>{} {}: <code>{}</code></p></footer>\n",
            text(&tool.name),
            text(&tool.version),
            text(&tool.command_line.join(" "))
        ));
    }
}
