//! Jira's own markup.

use std::io;

use super::blocks::{Inline, Line, Markup, blocks};
use super::text::plain;
use super::{Format, Report, Style};

/// Jira's markup; brief, it fits a comment.
pub(super) struct Jira;

impl Format for Jira {
    fn name(&self) -> &'static str {
        "jira"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["jira"]
    }

    fn about(&self) -> &'static str {
        "Jira's markup; -q makes it short enough for a comment"
    }

    fn draws_ladders(&self) -> bool {
        true
    }

    fn write(&self, report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        Markup::write(self, &blocks(report, style), out)
    }
}

impl Markup for Jira {
    /// A backslash before everything that Jira reads as markup.
    fn escaped(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 8);
        for c in plain(text).chars() {
            if "\\{}[]*_-+^~!|?#@&<>".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        out
    }

    fn line(&self, line: &Line, _: bool) -> String {
        line.iter()
            .map(|piece| match piece {
                Inline::Text(text) => self.escaped(text),
                Inline::Strong(text) => format!("*{}*", self.escaped(text)),
                Inline::Code(text) => format!("{{{{{}}}}}", self.escaped(text)),
            })
            .collect()
    }

    fn heading(&self, level: u8, line: &str) -> String {
        format!("h{level}. {line}")
    }

    fn item(&self, line: &str) -> String {
        format!("* {line}")
    }

    fn table_head(&self, cells: &[String]) -> String {
        format!("||{}||", cells.join("||"))
    }

    /// An empty cell would end the row: it gets a blank.
    fn table_row(&self, cells: &[String]) -> String {
        let cells: Vec<&str> = cells.iter().map(|cell| if cell.is_empty() { " " } else { cell }).collect();
        format!("|{}|", cells.join("|"))
    }

    fn code(&self, text: &str) -> String {
        let text = text.trim_end().replace("{noformat}", "{ noformat}");
        format!("{{noformat}}\n{text}\n{{noformat}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        for (text, written) in [
            ("missing-fin", "missing\\-fin"),
            ("{code}x{code}", "\\{code\\}x\\{code\\}"),
            ("[a|http://x]", "\\[a\\|http://x\\]"),
            ("!image.png!", "\\!image.png\\!"),
        ] {
            assert_eq!(Jira.escaped(text), written);
        }
        assert_eq!(Jira.code("{noformat}x"), "{noformat}\n{ noformat}x\n{noformat}");
        assert_eq!(Jira.table_row(&["a".into(), String::new()]), "|a| |");
    }
}
