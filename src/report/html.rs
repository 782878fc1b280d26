//! One HTML file that needs nothing else: no network, no fonts, no scripts but its own. It opens from a mail, prints,
//! and stays small: what does not fit is folded, then left out and counted.
//!
//! Its parts: `html/summary.rs` is the first screen, `html/findings.rs` what was found, `html/connections.rs` the
//! table, `html/ladders.rs`, `html/endpoints.rs` and `html/plots.rs` the drawings, `html/capture.rs` where it all comes
//! from, `html/known.rs` what the user told beforehand.
//!
//! Curves and silences are drawn where a finding rests on them: four sockets that wait, or silences that were all
//! survived, are told in a sentence, and a drawing of nothing wrong would send a reader looking for it.

mod capture;
mod connections;
mod endpoints;
mod findings;
mod known;
mod ladders;
mod plots;
mod summary;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;

pub(super) use summary::severity_class;

use super::text::plain;
use super::{Format, Report, Style, Time};

/// A page of its own.
pub(super) struct Html;

/// Findings end here: what is left of the page belongs to the rest.
const FINDINGS_END: usize = 1_800_000;
/// So much room is there for ladders.
const LADDERS: usize = 1_000_000;
/// The table of connections ends here. What follows it is bounded by its own counts.
const CONNECTIONS_END: usize = 4_300_000;
/// A longer text is cut: it is a path or a name made to be long.
const LONGEST_TEXT: usize = 2_000;

/// How pages look.
pub const CSS: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

impl Format for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["html", "htm"]
    }

    fn about(&self) -> &'static str {
        "one self-contained page to attach or mail"
    }

    fn draws_ladders(&self) -> bool {
        true
    }

    fn write(&self, report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        let mut page = Page { html: String::new(), report, style, drawn: HashSet::new() };
        // Drawn first, since findings link to them.
        page.ladders();
        let ladders = std::mem::take(&mut page.html);
        page.summary();
        page.against();
        page.findings();
        page.undecided();
        page.no_room();
        page.put(ladders);
        page.connections();
        page.endpoints();
        page.services();
        page.capture();
        page.known();
        page.end();
        document(report.title.as_deref().unwrap_or(&report.verdict.headline), &page.html, out)
    }
}

/// A page that needs nothing else, around its body; the title is not yet safe.
pub(super) fn document(title: &str, body: &str, out: &mut dyn io::Write) -> io::Result<()> {
    // Whoever writes text into the capture cannot know the hash of the whole page, so that no script of theirs has its
    // number.
    let nonce = blake3::Hasher::new().update(title.as_bytes()).update(body.as_bytes()).finalize().to_hex();
    let nonce = &nonce[..32];
    let title = text(title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'nonce-{nonce}'; \
         script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style nonce=\"{nonce}\">\n{CSS}</style>\n</head>\n<body>\n"
    )?;
    out.write_all(body.as_bytes())?;
    write!(out, "<script nonce=\"{nonce}\">\n{SCRIPT}</script>\n</body>\n</html>\n")
}

/// The page as far as it is written.
struct Page<'a> {
    html: String,
    report: &'a Report,
    style: &'a Style,
    /// Connections of which a ladder is drawn, by id.
    drawn: HashSet<&'a str>,
}

impl Page<'_> {
    /// Appends markup. Text in it has gone through [`text`].
    fn put(&mut self, html: impl AsRef<str>) {
        self.html.push_str(html.as_ref());
    }

    /// A heading of a section, with the name by which it is linked.
    fn section(&mut self, id: &str, heading: &str) {
        let _ = writeln!(self.html, "<section id=\"{id}\">\n<h2>{}</h2>", text(heading));
    }

    fn end_section(&mut self) {
        self.put("</section>\n");
    }

    /// A row of a description list.
    fn row(&mut self, term: &str, html: &str) {
        let _ = writeln!(self.html, "<div><dt>{}</dt><dd>{html}</dd></div>", text(term));
    }

    fn time(&self, time: &Time) -> String {
        let shown = text(&self.style.day_and_time(time));
        format!("<time datetime=\"{}\">{shown}</time>", time)
    }
}

/// Text in which nothing is markup any more, inside elements and quoted attributes alike.
pub fn text(from: &str) -> String {
    let cut: String;
    let from = match from.char_indices().nth(LONGEST_TEXT) {
        Some((at, _)) => {
            cut = format!("{}...", &from[..at]);
            &cut
        }
        None => from,
    };
    let mut out = String::with_capacity(from.len() + 8);
    for c in plain(from).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
