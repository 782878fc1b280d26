//! Plain text as people read it: numbers with separators, lines wrapped, names that cannot fool a terminal.
//! What a report says is not decided here.

use std::borrow::Cow;
use std::fmt::Write as _;

pub use crate::findings::words::count;
pub(super) use crate::findings::words::{thousands as number, times};

/// With its first letter large.
pub(super) fn capitalised(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// `512 B`, `1.2 MB`, in powers of 1,000.
pub(super) fn octets(n: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1_000 {
        return format!("{n} B");
    }
    let mut tenths = n / 100;
    for unit in UNITS {
        if tenths < 10_000 {
            let (whole, tenth) = (tenths / 10, tenths % 10);
            return if whole < 100 { format!("{whole}.{tenth} {unit}") } else { format!("{whole} {unit}") };
        }
        tenths /= 1_000;
    }
    format!("{n} B")
}

/// Whether a character moves the cursor, changes the direction of writing or hides itself: never printed as it is.
///
/// C0, DEL and C1 controls; the bidirectional controls of UAX #9; zero-width characters, line and paragraph
/// separators, the byte order mark, interlinear annotations, tags.
pub(super) fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with every treacherous character written out as `\u{202e}`; a tab, line feed or return becomes a blank.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => out.push(' '),
            c if is_treacherous(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Breaks `text` at blanks into lines of at most `columns`, every line after `indent`. A longer word (a command, an
/// address) is left whole.
pub(super) fn wrap(text: &str, indent: &str, columns: usize) -> String {
    let room = columns.max(40);
    let mut out = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if width == 0 || width + 1 + len > room {
            if width > 0 {
                out.push('\n');
            }
            out.push_str(indent);
            width = indent.chars().count();
        } else {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += len;
    }
    if width > 0 {
        out.push('\n');
    }
    out
}

/// Rows as aligned columns, the first row being the heading. Columns listed in `right` are aligned to the right; the
/// last is never padded.
pub(super) fn columns(rows: &[Vec<String>], right: &[usize], indent: &str) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            let len = cell.chars().count();
            match widths.get_mut(at) {
                Some(width) => *width = len.max(*width),
                None => widths.push(len),
            }
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::from(indent);
        for (at, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            if at > 0 {
                line.push_str("  ");
            }
            if right.contains(&at) {
                let _ = write!(line, "{cell:>width$}");
            } else {
                let _ = write!(line, "{cell:<width$}");
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_down() {
        for (n, text) in [
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (99_999, "99.9 kB"),
            (150_000, "150 kB"),
            (999_999, "999 kB"),
            (1_250_000, "1.2 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(octets(n), text);
        }
    }

    #[test]
    fn treacherous_characters_are_written_out() {
        for (text, shown) in [
            ("10.1.0.9:8080", "10.1.0.9:8080"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("evil\u{202e}gpj.exe", "evil\\u{202e}gpj.exe"),
            ("one\ntwo\ttabs\r", "one two tabs "),
            ("c1\u{9b}31m zero\u{200b}width", "c1\\u{9b}31m zero\\u{200b}width"),
            ("Grüße", "Grüße"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn lines_break_at_blanks_only() {
        assert_eq!(wrap("", "  ", 40), "");
        assert_eq!(wrap("one two", "  ", 40), "  one two\n");
        let long = "x".repeat(50);
        assert_eq!(wrap(&format!("a {long} b"), " ", 40), format!(" a\n {long}\n b\n"));
        assert!(wrap(&"word ".repeat(100), "    ", 60).lines().all(|line| line.len() <= 60));
    }

    #[test]
    fn columns_are_aligned_and_end_without_blanks() {
        let rows = [vec!["name".into(), "n".into(), "".into()], vec!["a".into(), "100".into(), "x".into()]];
        assert_eq!(columns(&rows, &[1], " "), " name    n\n a     100  x\n");
    }
}
