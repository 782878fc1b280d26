//! The index as files: JSON whole, HTML, Markdown and CSV as tables.

use std::fmt::Write as _;
use std::io;

use super::index::{Index, Leak};
use crate::report::{CSS, count, csv_cell, html_text, markdown_text};

/// One way to write an index.
pub struct IndexFormat {
    /// The extension of its file.
    pub extension: &'static str,
    /// Makes its content.
    pub write: fn(&Index) -> io::Result<String>,
}

/// Every way.
pub const INDEX_FORMATS: &[IndexFormat] = &[
    IndexFormat { extension: "html", write: |index| Ok(html(index)) },
    IndexFormat { extension: "json", write: |index| Ok(serde_json::to_string_pretty(index)? + "\n") },
    IndexFormat { extension: "md", write: |index| Ok(markdown(index)) },
    IndexFormat { extension: "csv", write: |index| Ok(csv(index)) },
];

/// A table; the cells of a row may link to a file beside the index.
struct Table {
    title: &'static str,
    heading: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Default)]
struct Cell {
    text: String,
    /// Names and files.
    links: Vec<(String, String)>,
}

fn cell(text: impl ToString) -> Cell {
    Cell { text: text.to_string(), links: Vec::new() }
}

/// The folder in which all captures lie, with its last separator; empty if there is none, or only one capture.
fn common_folder(index: &Index) -> &str {
    let mut names = index.captures.iter().map(|entry| entry.name.as_str());
    let (Some(first), true) = (names.next(), index.captures.len() > 1) else { return "" };
    let common = |one: &str, other: &str| one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let shared = names.map(|name| common(first, name)).min().unwrap_or(0);
    let end = first.as_bytes()[..shared].iter().rposition(|&octet| octet == b'/').map_or(0, |at| at + 1);
    &first[..end]
}

/// For people: names without the folder that all of them have in common.
fn tables(index: &Index) -> Vec<Table> {
    let folder = common_folder(index);
    let short = |name: &str| name.strip_prefix(folder).unwrap_or(name).to_owned();
    let some = |names: &[String]| {
        let mut text: Vec<_> = names.iter().take(SHOWN).map(|name| short(name)).collect();
        if names.len() > SHOWN {
            text.push(format!("and {} more", names.len() - SHOWN));
        }
        cell(text.join(", "))
    };
    let leaks = |title, what, leaks: &[Leak]| Table {
        title,
        heading: vec![what, "FINs owed", "of connections", "captures"],
        rows: (leaks.iter())
            .map(|leak| {
                let of = leak.of.map_or(String::new(), |of| of.to_string());
                vec![cell(&leak.at), cell(leak.owes_fin), cell(of), some(&leak.captures)]
            })
            .collect(),
    };
    let mut tables = vec![captures(index, folder)];
    tables.push(leaks("Services that owe FINs", "service", &index.services));
    tables.push(leaks("Clients of connections on which a FIN is owed", "client", &index.clients));
    tables.push(leaks("Hours in which these were closed by the other side", "hour", &index.hours));
    tables.push(Table {
        title: "Timers on paths, by the silences of all captures",
        heading: vec!["path", "finding", "certainty", "above", "at most", "survived", "failed", "captures"],
        rows: (index.timers.iter())
            .map(|timer| {
                let length = |length: &Option<crate::report::Length>| {
                    cell(length.map_or(String::new(), |length| length.to_string()))
                };
                vec![
                    cell(&timer.path),
                    cell(&timer.finding),
                    cell(timer.certainty.word()),
                    length(&timer.above),
                    length(&timer.at_most),
                    cell(timer.survived),
                    cell(timer.failed),
                    some(&timer.captures),
                ]
            })
            .collect(),
    });
    for (title, files) in [
        ("Files that could not be read, or only in part", &index.failed),
        ("Files that are there twice", &index.twice),
    ] {
        let rows = files.iter().map(|file| vec![cell(short(&file.path)), cell(&file.why)]).collect();
        tables.push(Table { title, heading: vec!["file", "why"], rows });
    }
    tables
}

fn captures(index: &Index, folder: &str) -> Table {
    Table {
        title: "Captures, the worst first",
        heading: vec![
            "severity",
            "capture",
            "reports",
            "what",
            "FINs owed",
            "connections",
            "frames",
            "first",
            "last",
            "files",
        ],
        rows: (index.captures.iter())
            .map(|entry| {
                let time = |time: &Option<crate::report::Time>| {
                    cell(time.map_or(String::new(), |time| {
                        format!("{}Z", time.to_string().get(..19).unwrap_or_default())
                    }))
                };
                let name =
                    |file: &String| file.rsplit_once('.').map_or(file.clone(), |(_, end)| end.to_owned());
                let (severity, what) = entry.in_two();
                vec![
                    cell(severity),
                    cell(entry.name.strip_prefix(folder).unwrap_or(&entry.name)),
                    Cell {
                        text: String::new(),
                        links: entry.reports.iter().map(|file| (name(file), file.clone())).collect(),
                    },
                    cell(what),
                    cell(entry.owes_fin),
                    cell(entry.connections),
                    cell(entry.frames),
                    time(&entry.first),
                    time(&entry.last),
                    cell(entry.files.len()),
                ]
            })
            .collect(),
    }
}

/// One sentence on all of it.
fn summary(index: &Index) -> String {
    let bad = index.captures.iter().filter(|entry| entry.owes_fin > 0).count();
    let number = |n: usize, what| count(n as u64, what);
    let mut text = number(index.captures.len(), "capture");
    match common_folder(index) {
        "" => {}
        folder => text += &format!(" in {folder}"),
    }
    text += &format!("; in {bad} of them a FIN is owed");
    if index.captures.len() > 1 {
        text += " (a connection that several captures show counts in each)";
    }
    if !index.failed.is_empty() {
        let failed = number(index.failed.len(), "file");
        let _ = write!(text, "; {failed} could not be read, or only in part");
    }
    if index.foreign > 0 {
        let foreign = count(index.foreign, "other file");
        let _ = write!(text, "; {foreign} in the folders, which are no captures");
    }
    text + "."
}

/// Names told in one cell.
const SHOWN: usize = 4;
/// Octets of text from which on a cell breaks its lines.
const LONG_CELL: usize = 60;

fn html(index: &Index) -> String {
    let mut page = String::new();
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Captures: index</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n<main>\n<h1>Captures</h1>\n<p>{}</p>\n",
        html_text(&summary(index))
    );
    for table in tables(index).iter().filter(|table| !table.rows.is_empty()) {
        let _ = write!(
            page,
            "<section>\n<h2>{}</h2>\n<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead><tr>",
            html_text(table.title)
        );
        for heading in &table.heading {
            let _ = write!(page, "<th>{}</th>", html_text(heading));
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for row in &table.rows {
            page.push_str("<tr>");
            for cell in row {
                let class = if cell.text.len() > LONG_CELL { " class=\"long\"" } else { "" };
                let _ = write!(page, "<td{class}>{}", html_text(&cell.text));
                for (name, file) in &cell.links {
                    let _ = write!(page, "<a href=\"./{}\">{}</a> ", html_text(&url(file)), html_text(name));
                }
                page.push_str("</td>");
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    }
    page + "</main>\n</body>\n</html>\n"
}

/// A file's name as a link: everything but the plainest characters is encoded.
fn url(file: &str) -> String {
    file.bytes()
        .map(|octet| match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'/' => {
                (octet as char).to_string()
            }
            octet => format!("%{octet:02X}"),
        })
        .collect()
}

fn markdown(index: &Index) -> String {
    let mut page = format!("# Captures\n\n{}\n", markdown_text(&summary(index)));
    for table in tables(index).iter().filter(|table| !table.rows.is_empty()) {
        let _ = writeln!(page, "\n## {}\n\n| {} |", table.title, table.heading.join(" | "));
        let _ = writeln!(page, "|{}", " --- |".repeat(table.heading.len()));
        for row in &table.rows {
            for cell in row {
                let links: Vec<_> = (cell.links.iter())
                    .map(|(name, file)| format!("[{}](./{})", markdown_text(name), url(file)))
                    .collect();
                let _ = write!(page, "| {}{} ", markdown_text(&cell.text), links.join(" "));
            }
            page.push_str("|\n");
        }
    }
    page
}

fn csv(index: &Index) -> String {
    let table = captures(index, "");
    let line =
        |cells: Vec<String>| cells.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(",") + "\r\n";
    let mut page = line(table.heading.iter().map(|&heading| heading.to_owned()).collect());
    for row in table.rows {
        let text = |cell: Cell| {
            let files: Vec<_> = cell.links.into_iter().map(|(_, file)| file).collect();
            if files.is_empty() { cell.text } else { files.join(" ") }
        };
        page.push_str(&line(row.into_iter().map(text).collect()));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Failed, LeftOut};

    #[test]
    fn what_all_names_have_in_common_is_told_once() {
        let entry = |name: &str| {
            let report = crate::report::sample::quiet();
            crate::batch::Entry::new(name.to_owned(), &report, Vec::new())
        };
        for (names, folder) in [
            (&["/a/b/c.pcap", "/a/b/d.pcap"][..], "/a/b/"),
            (&["/a/bc.pcap", "/a/bd.pcap"], "/a/"),
            (&["a.pcap", "ab.pcap"], ""),
            (&["/a/b.pcap"], ""),
        ] {
            let captures = names.iter().map(|name| entry(name)).collect();
            let index = Index::new(captures, Vec::new(), LeftOut::default());
            assert_eq!(common_folder(&index), folder);
            let page = markdown(&index);
            assert!(folder.is_empty() || page.contains(&format!(" in {folder};")), "{page}");
            assert!(page.contains(&format!("| {} |", &names[0][folder.len()..])), "{page}");
            assert!(csv(&index).contains(names[0]));
        }
    }

    #[test]
    fn nothing_in_a_name_is_markup() {
        let failed = Failed { path: "<b>|*x*.pcap".to_owned(), why: "=1+1".to_owned() };
        let left_out = LeftOut { failed: vec![failed], foreign: 2, ..LeftOut::default() };
        let index = Index::new(Vec::new(), Vec::new(), left_out);
        let page = html(&index);
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
        let page = markdown(&index);
        assert!(page.contains("&lt;b&gt;\\|\\*x\\*"), "{page}");
        assert!(page.contains("1 file could not be read") && page.contains("2 other files in the folders"));
        assert_eq!(url("a b%#\u{e9}.html"), "a%20b%25%23%C3%A9.html");
    }
}
