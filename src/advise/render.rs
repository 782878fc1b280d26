//! The advice as plain text of 80 columns, the worst first. Colour and other formats are not made here.

use std::io::{self, Write};

use super::{Advice, Checked, Severity};

const COLUMNS: usize = 80;
const INDENT: &str = "    ";

/// Writes what was found: harm first, then the order of the lines; at the end what was not judged.
///
/// # Errors
/// Whatever `out` fails with.
pub fn render(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    let mut advice: Vec<&Advice> = checked.advice.iter().collect();
    advice.sort_by_key(|a| (a.severity, a.line));
    for a in advice {
        writeln!(out, "{}", heading(a))?;
        // What is as it should be needs no argument.
        if a.severity != Severity::Fine {
            wrapped(&format!("{}: {}", a.os, a.says), out)?;
            wrapped(&format!("Source: {}", a.source), out)?;
            writeln!(out)?;
        }
    }
    wrapped_at("", &summary(checked), out)?;
    wrapped_at("", "None of these settings ends a CLOSE-WAIT: only the program can, by closing.", out)
}

fn heading(a: &Advice) -> String {
    let time = a.time.map_or(String::new(), |time| format!(" ({time})"));
    format!("{} line {}: {} = {}{time}", a.severity.word(), a.line, a.setting, a.value)
}

fn summary(checked: &Checked) -> String {
    let count = |severity| checked.advice.iter().filter(|a| a.severity == severity).count();
    let all = [Severity::Harmful, Severity::Useless, Severity::Obsolete, Severity::Note, Severity::Fine]
        .into_iter();
    let found: Vec<String> = all
        .map(|severity| (count(severity), severity.word().to_lowercase()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let found = if found.is_empty() { String::from("no setting known here") } else { found.join(", ") };
    format!(
        "{found}. Settings not known here: {}; lines that are no setting: {}.",
        checked.unknown, checked.unread
    )
}

fn wrapped(text: &str, out: &mut dyn Write) -> io::Result<()> {
    wrapped_at(INDENT, text, out)
}

/// Breaks at blanks; a word longer than the line stands alone.
fn wrapped_at(indent: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > COLUMNS {
            writeln!(out)?;
            column = 0;
        }
        if column == 0 {
            write!(out, "{indent}{word}")?;
            column = indent.len() + width;
        } else {
            write!(out, " {word}")?;
            column += 1 + width;
        }
    }
    writeln!(out)
}
