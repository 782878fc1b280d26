//! Markdown as GitHub and GitLab read it.

use std::io;

use super::blocks::{Inline, Line, Markup, blocks};
use super::text::plain;
use super::{Format, Report, Style};

/// Markdown; brief, it fits a comment.
pub(super) struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["md", "markdown"]
    }

    fn about(&self) -> &'static str {
        "for GitHub and GitLab; -q makes it short enough for a comment"
    }

    fn draws_ladders(&self) -> bool {
        true
    }

    fn write(&self, report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        Markup::write(self, &blocks(report, style), out)
    }
}

impl Markup for Markdown {
    /// Backslashes before everything that can begin markup; `@` and `#` too, so that nobody is called and no issue is
    /// linked; entities for what HTML would read.
    fn escaped(&self, text: &str) -> String {
        escaped(text)
    }

    fn line(&self, line: &Line, cell: bool) -> String {
        line.iter()
            .map(|piece| match piece {
                Inline::Text(text) => self.escaped(text),
                Inline::Strong(text) => format!("**{}**", self.escaped(text)),
                Inline::Code(text) => code(text, cell),
            })
            .collect()
    }

    fn heading(&self, level: u8, line: &str) -> String {
        format!("{} {line}", "#".repeat(level.into()))
    }

    fn item(&self, line: &str) -> String {
        format!("- {line}")
    }

    fn table_head(&self, cells: &[String]) -> String {
        format!("{}\n|{}", self.table_row(cells), " --- |".repeat(cells.len()))
    }

    fn table_row(&self, cells: &[String]) -> String {
        format!("| {} |", cells.join(" | "))
    }

    fn code(&self, text: &str) -> String {
        let fence = "`".repeat(longest_run(text).max(2) + 1);
        format!("{fence}text\n{}\n{fence}", text.trim_end())
    }
}

/// Text in which nothing is markup any more.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in plain(text).chars().enumerate() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '#' | '@' | '!' | '$' => out.extend(['\\', c]),
            '-' | '+' | '=' if at == 0 => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A code span, fenced by more backticks than it holds. In a table even code may not hold a bare bar.
fn code(text: &str, cell: bool) -> String {
    let text = plain(text);
    let text = if cell { text.replace('|', "\\|") } else { text.into_owned() };
    let fence = "`".repeat(longest_run(&text) + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        for (text, written) in [
            ("tcp_fin_timeout", "tcp\\_fin\\_timeout"),
            ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
            ("[a](http://x) | *b*", "\\[a\\](http://x) \\| \\*b\\*"),
            ("@root #1 !2", "\\@root \\#1 \\!2"),
            ("- item", "\\- item"),
        ] {
            assert_eq!(Markdown.escaped(text), written);
        }
        assert_eq!(code("a`b``c", false), "```a`b``c```");
        assert_eq!(code("`", false), "`` ` ``");
        assert_eq!(code("ss | grep", true), "`ss \\| grep`");
        assert_eq!(Markdown.code("x ```` y\n"), "`````text\nx ```` y\n`````");
    }
}
