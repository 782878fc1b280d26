//! Connections as comma-separated values (RFC 4180), one row each, for spreadsheets. A cell that a spreadsheet would
//! take for a formula gets an apostrophe in front.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use super::format::{BUFFER, ByRow, Listing};
use super::text::plain;
use super::{Connection, Endpoint, Format, Length, Moment, Report, Style};

/// One row per listed connection.
pub(super) struct Csv;

/// A column: its heading, and its cell for a connection.
type Column = (&'static str, fn(&Connection) -> Cow<'_, str>);

const COLUMNS: &[Column] = &[
    ("id", |c| Cow::Borrowed(&c.id)),
    ("stream", |c| number(c.stream)),
    ("client", |c| Cow::Borrowed(&c.client)),
    ("server", |c| Cow::Borrowed(&c.server)),
    ("roles_assumed", |c| c.roles_assumed.to_string().into()),
    ("first_frame", |c| c.first.frame.to_string().into()),
    ("first_time", |c| c.first.time.to_string().into()),
    ("last_frame", |c| c.last.frame.to_string().into()),
    ("last_time", |c| c.last.time.to_string().into()),
    ("duration_ns", |c| c.duration_ns().to_string().into()),
    ("conn_state", |c| Cow::Borrowed(&c.conn_state)),
    ("history", |c| Cow::Borrowed(&c.history)),
    ("ending", |c| Cow::Borrowed(&c.ending)),
    ("finding", |c| text(&c.finding)),
    ("side", |c| text(&c.side)),
    ("notes", |c| c.notes.join(" ").into()),
    ("undecided", |c| text(&c.undecided)),
    ("client_state", |c| Cow::Borrowed(&c.client_side.proven)),
    ("server_state", |c| Cow::Borrowed(&c.server_side.proven)),
    ("client_segments", |c| c.client_side.segments.to_string().into()),
    ("server_segments", |c| c.server_side.segments.to_string().into()),
    ("client_payload", |c| c.client_side.payload.to_string().into()),
    ("server_payload", |c| c.server_side.payload.to_string().into()),
    ("client_retransmissions", |c| c.client_side.retransmissions.to_string().into()),
    ("server_retransmissions", |c| c.server_side.retransmissions.to_string().into()),
    ("client_fin_frame", |c| fin_frame(&c.client_side)),
    ("server_fin_frame", |c| fin_frame(&c.server_side)),
    ("client_rst_frame", |c| frame(&c.client_side.rst)),
    ("server_rst_frame", |c| frame(&c.server_side.rst)),
    ("handshake_rtt_ns", |c| ns(&c.handshake_rtt)),
    ("time_to_first_byte_ns", |c| ns(&c.time_to_first_byte)),
    ("close_ns", |c| number(c.close_ns())),
    ("longest_silence_survived_ns", |c| ns(&c.longest_silence_survived)),
    ("silence_failed_ns", |c| ns(&c.silence_failed)),
    ("client_name", |c| text(&c.client_name)),
    ("server_name", |c| text(&c.server_name)),
];

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn about(&self) -> &'static str {
        "the listed connections, for spreadsheets; times in UTC"
    }

    fn by_row(&self) -> Option<&dyn ByRow> {
        Some(self)
    }

    fn write(&self, report: &Report, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        self.write_held(report, out)
    }
}

impl ByRow for Csv {
    fn write_rows(&self, _: &Report, rows: Listing<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, out);
        row(COLUMNS.iter().map(|(name, _)| Cow::Borrowed(*name)), &mut out)?;
        for connection in rows {
            row(COLUMNS.iter().map(|(_, cell)| cell(&connection)), &mut out)?;
        }
        out.flush()
    }
}

fn row<'a>(cells: impl Iterator<Item = Cow<'a, str>>, out: &mut impl Write) -> io::Result<()> {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        out.write_all(quoted(&cell).as_bytes())?;
    }
    out.write_all(b"\r\n")
}

/// A cell as it stands between commas.
pub fn quoted(cell: &str) -> Cow<'_, str> {
    let cell = plain(cell);
    let formula = cell.starts_with(['=', '+', '-', '@']) && cell.parse::<i128>().is_err();
    let apostrophe = if formula { "'" } else { "" };
    if formula || cell.contains([',', '"', ' ', ';']) {
        Cow::Owned(format!("\"{apostrophe}{}\"", cell.replace('"', "\"\"")))
    } else {
        cell
    }
}

fn text(known: &Option<String>) -> Cow<'_, str> {
    Cow::Borrowed(known.as_deref().unwrap_or_default())
}

fn number(known: Option<impl ToString>) -> Cow<'static, str> {
    known.map_or(Cow::Borrowed(""), |number| Cow::Owned(number.to_string()))
}

fn fin_frame(side: &Endpoint) -> Cow<'static, str> {
    number(side.fin.as_ref().map(|fin| fin.first.frame))
}

fn frame(moment: &Option<Moment>) -> Cow<'static, str> {
    number(moment.as_ref().map(|moment| moment.frame))
}

fn ns(length: &Option<Length>) -> Cow<'static, str> {
    number(length.map(|length| length.0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (cell, written) in [
            ("", ""),
            ("10.1.0.9:8080", "10.1.0.9:8080"),
            ("-12", "-12"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("+1+cmd|' /C calc'!A0", "\"'+1+cmd|' /C calc'!A0\""),
            ("\t=1", "\" =1\""),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }
}
