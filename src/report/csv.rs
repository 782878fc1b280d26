//! Connections as comma-separated values (RFC 4180), one row each, for spreadsheets. A cell that a spreadsheet would
//! take for a formula gets an apostrophe in front.

use std::io;

use super::text::plain;
use super::{Connection, Endpoint, Format, Length, Moment, Report, Style};

/// One row per listed connection.
pub(super) struct Csv;

/// A column: its heading, and its cell for a connection.
type Column = (&'static str, fn(&Connection) -> String);

const COLUMNS: &[Column] = &[
    ("id", |c| c.id.clone()),
    ("stream", |c| c.stream.map_or(String::new(), |stream| stream.to_string())),
    ("client", |c| c.client.clone()),
    ("server", |c| c.server.clone()),
    ("roles_assumed", |c| c.roles_assumed.to_string()),
    ("first_frame", |c| c.first.frame.to_string()),
    ("first_time", |c| c.first.time.rfc3339.clone()),
    ("last_frame", |c| c.last.frame.to_string()),
    ("last_time", |c| c.last.time.rfc3339.clone()),
    ("duration_ns", |c| c.duration_ns().to_string()),
    ("conn_state", |c| c.conn_state.clone()),
    ("history", |c| c.history.clone()),
    ("ending", |c| c.ending.clone()),
    ("finding", |c| c.finding.clone().unwrap_or_default()),
    ("side", |c| c.side.clone().unwrap_or_default()),
    ("notes", |c| c.notes.join(" ")),
    ("undecided", |c| c.undecided.clone().unwrap_or_default()),
    ("client_state", |c| c.client_side.proven.clone()),
    ("server_state", |c| c.server_side.proven.clone()),
    ("client_segments", |c| c.client_side.segments.to_string()),
    ("server_segments", |c| c.server_side.segments.to_string()),
    ("client_payload", |c| c.client_side.payload.to_string()),
    ("server_payload", |c| c.server_side.payload.to_string()),
    ("client_retransmissions", |c| c.client_side.retransmissions.to_string()),
    ("server_retransmissions", |c| c.server_side.retransmissions.to_string()),
    ("client_fin_frame", |c| fin_frame(&c.client_side)),
    ("server_fin_frame", |c| fin_frame(&c.server_side)),
    ("client_rst_frame", |c| frame(&c.client_side.rst)),
    ("server_rst_frame", |c| frame(&c.server_side.rst)),
    ("handshake_rtt_ns", |c| ns(&c.handshake_rtt)),
    ("time_to_first_byte_ns", |c| ns(&c.time_to_first_byte)),
    ("close_ns", |c| c.close_ns().map_or(String::new(), |ns| ns.to_string())),
    ("longest_silence_survived_ns", |c| ns(&c.longest_silence_survived)),
    ("silence_failed_ns", |c| ns(&c.silence_failed)),
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

    fn write(&self, report: &Report, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
        row(COLUMNS.iter().map(|(name, _)| (*name).to_owned()), out)?;
        report.connections.iter().try_for_each(|c| row(COLUMNS.iter().map(|(_, cell)| cell(c)), out))
    }
}

fn row(cells: impl Iterator<Item = String>, out: &mut dyn io::Write) -> io::Result<()> {
    for (at, cell) in cells.enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write!(out, "{comma}{}", quoted(&cell))?;
    }
    out.write_all(b"\r\n")
}

/// A cell as it stands between commas.
pub fn quoted(cell: &str) -> String {
    let cell = plain(cell);
    let formula = cell.starts_with(['=', '+', '-', '@']) && cell.parse::<i128>().is_err();
    let apostrophe = if formula { "'" } else { "" };
    if formula || cell.contains([',', '"', ' ', ';']) {
        format!("\"{apostrophe}{}\"", cell.replace('"', "\"\""))
    } else {
        cell.into_owned()
    }
}

fn fin_frame(side: &Endpoint) -> String {
    side.fin.as_ref().map_or(String::new(), |fin| fin.first.frame.to_string())
}

fn frame(moment: &Option<Moment>) -> String {
    moment.as_ref().map_or(String::new(), |moment| moment.frame.to_string())
}

fn ns(length: &Option<Length>) -> String {
    length.as_ref().map_or(String::new(), |length| length.ns.clone())
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
