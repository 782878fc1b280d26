//! The table of connections, for eyes and for the script that sorts and filters it: a cell's value to sort by stands
//! in `data-v` where its text would sort wrongly. The flagged ones come first if not all fit.

use std::fmt::Write as _;

use super::{CONNECTIONS_END, Page, text};
use crate::report::text::{number, octets};
use crate::report::{Connection, Length, Listed};
use crate::wire::Span;

/// So many rows are on the page.
const ROWS: usize = 3_000;

/// Headings, and whether numbers stand below.
const HEAD: [(&str, bool); 11] = [
    ("stream", true),
    ("finding", false),
    ("client", false),
    ("server", false),
    ("states, client / server", false),
    ("begins", true),
    ("lasts", true),
    ("segments", true),
    ("payload", true),
    ("round trip", true),
    ("first answer", true),
];

impl Page<'_> {
    pub(super) fn connections(&mut self) {
        let report = self.report;
        if report.connections.is_empty() {
            return;
        }
        let which =
            if report.connections_listed == Listed::Flagged { "Flagged connections" } else { "Connections" };
        self.section("connections", which);
        let flagged = |c: &Connection| c.finding.is_some() || c.undecided.is_some();
        let mut rows: Vec<(usize, &Connection)> = report.connections.iter().enumerate().collect();
        rows.sort_by_key(|(_, c)| !flagged(c));
        rows.truncate(ROWS);
        rows.sort_by_key(|(at, _)| *at);
        self.put(
            "<p class=\"controls\" hidden><label>Filter <input type=\"search\" id=\"filter\" \
             placeholder=\"address, state, finding\"></label> <span id=\"shown\" role=\"status\"></span></p>\n\
             <div class=\"scroll\" role=\"region\" aria-label=\"Connections\" tabindex=\"0\">\n\
             <table id=\"table\">\n<thead><tr>",
        );
        for (name, numbers) in HEAD {
            let class = if numbers { " class=\"n\"" } else { "" };
            let _ = write!(self.html, "<th scope=\"col\"{class}>{name}</th>");
        }
        self.put("</tr></thead>\n<tbody>\n");
        let mut shown = 0;
        for (_, connection) in rows {
            if self.html.len() > CONNECTIONS_END {
                break;
            }
            self.connection(connection);
            shown += 1;
        }
        self.put("</tbody>\n</table>\n</div>\n");
        self.left_out(report.connections.len() - shown, "connection");
        self.end_section();
    }

    fn connection(&mut self, c: &Connection) {
        let name = c.stream.map_or_else(|| text(&c.id), |stream| stream.to_string());
        let assumed = if c.roles_assumed { " <abbr title=\"assumed\">?</abbr>" } else { "" };
        let duration = Span(i64::try_from(c.duration_ns()).unwrap_or(i64::MAX));
        let begins = text(&self.style.clock(&c.first.time));
        let finding = match (&c.finding, &c.undecided) {
            (Some(finding), _) => {
                let side = c.side.as_ref().map_or(String::new(), |side| format!(" ({})", text(side)));
                let finding = text(finding);
                if self.drawn.contains(c.id.as_str()) {
                    format!("<a href=\"#l-{}\">{finding}</a>{side}", text(&c.id))
                } else {
                    finding + &side
                }
            }
            (None, Some(_)) => "undecided".to_owned(),
            (None, None) => String::new(),
        };
        let _ = writeln!(
            self.html,
            "<tr><td class=\"n\">{name}<td>{finding}<td>{}<td>{}{assumed}<td>{} / {}<td class=\"n\" data-v=\"{}\">\
             {begins}<td class=\"n\" data-v=\"{}\">{duration}<td class=\"n\" data-v=\"{}\">{}<td class=\"n\" data-v=\"{}\">{}\
             <td class=\"n\" data-v=\"{}\">{}<td class=\"n\" data-v=\"{}\">{}",
            named(&c.client, &c.client_name),
            named(&c.server, &c.server_name),
            text(&c.client_side.proven),
            text(&c.server_side.proven),
            c.first.frame,
            duration.0,
            c.segments(),
            number(c.segments()),
            c.payload(),
            octets(c.payload()),
            value(&c.handshake_rtt),
            shown(&c.handshake_rtt),
            value(&c.time_to_first_byte),
            shown(&c.time_to_first_byte),
        );
    }
}

fn named(end: &str, name: &Option<String>) -> String {
    let name = name.as_ref().map_or(String::new(), |name| format!("<small>{}</small>", text(name)));
    text(end) + &name
}

fn value(length: &Option<Length>) -> i64 {
    length.map_or(-1, |length| length.0.0)
}

fn shown(length: &Option<Length>) -> String {
    length.map_or(String::new(), |length| length.to_string())
}
