//! The tables of the terminal report: services and connections, in 80 columns.

use std::io;

use crate::report::text::{columns, count, number, octets, plain, wrap};
use crate::report::{Connection, Detail, Length, Listed, Report, Style};
use crate::wire::Span;

/// So many services are listed.
const SERVICES: usize = 10;

/// What the services' connections did; nothing where there is but one service without a finding.
pub(super) fn services(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if report.services.len() < 2 && report.services.iter().all(|s| s.owes_fin == 0) {
        return Ok(());
    }
    let shown = if style.detail == Detail::Full { report.services.len() } else { SERVICES };
    let heading = ["service", "all", "closed", "owe FIN", "reset", "close p50", "p99"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for service in report.services.iter().take(shown) {
        let assumed = if service.assumed { " ?" } else { "" };
        rows.push(vec![
            format!("{}{assumed}", plain(&service.endpoint)),
            number(service.connections),
            number(service.closed_by_both),
            number(service.owes_fin),
            number(service.reset),
            length(&service.close_p50),
            length(&service.close_p99),
        ]);
    }
    let mut table = columns(&rows, &[1, 2, 3, 4, 5, 6], "");
    // Beside an IPv6 address there is no room for how long closes took.
    if table.lines().any(|line| line.chars().count() > style.columns) {
        rows.iter_mut().for_each(|row| row.truncate(5));
        table = columns(&rows, &[1, 2, 3, 4], "");
    }
    writeln!(out)?;
    out.write_all(table.as_bytes())?;
    let more = report.services.len().saturating_sub(shown);
    if more > 0 {
        writeln!(out, "... and {}", count(more as u64, "service"))?;
    }
    if report.services.iter().take(shown).any(|s| s.assumed) {
        writeln!(out, "? assumed: the handshakes were not captured")?;
    }
    Ok(())
}

/// The connections that were asked for: two lines each, since two IPv6 addresses fill one.
pub(super) fn connections(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if report.connections_listed == Listed::None {
        return Ok(());
    }
    let what = if report.connections_listed == Listed::Flagged { "flagged " } else { "" };
    writeln!(out, "\n{}", count(report.connections.len() as u64, &format!("{what}connection")))?;
    report.connections.iter().try_for_each(|c| connection(c, style, out))
}

/// One connection in two lines: who, and what came of it; how long, how much, how fast.
///
/// # Errors
/// Only those of `out`.
pub fn connection(c: &Connection, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{}", plain(&first_line(c)))?;
    out.write_all(wrap(&plain(&second_line(c)), "        ", style.columns).as_bytes())
}

fn first_line(c: &Connection) -> String {
    let name = c.stream.map_or_else(|| c.id.clone(), |stream| stream.to_string());
    let assumed = if c.roles_assumed { " ?" } else { "" };
    let mut line = format!("{name:>6}  {} > {}{assumed}  {}", c.client, c.server, c.conn_state);
    match (&c.finding, &c.undecided) {
        (Some(finding), _) => {
            line += &format!("  {finding}");
            if let Some(side) = &c.side {
                line += &format!(" ({side})");
            }
        }
        (None, Some(undecided)) => line += &format!("  undecided: {undecided}"),
        (None, None) => {}
    }
    line
}

fn second_line(c: &Connection) -> String {
    let duration = Span(i64::try_from(c.duration_ns()).unwrap_or(i64::MAX));
    let mut parts = vec![
        format!("{duration} from frame {}", c.first.frame),
        format!("{}, {}", count(c.segments(), "segment"), octets(c.payload())),
    ];
    let measured = [
        ("rtt", &c.handshake_rtt),
        ("first answer", &c.time_to_first_byte),
        ("silent", &c.longest_silence_survived),
        ("silent, then dead", &c.silence_failed),
    ];
    for (what, value) in measured {
        if let Some(value) = value {
            parts.push(format!("{what} {value}"));
        }
    }
    if c.retransmissions() > 0 {
        parts.push(format!("{} repeated", number(c.retransmissions())));
    }
    if let Some(close) = c.close_ns() {
        parts.push(format!("close {}", Span(i64::try_from(close).unwrap_or(i64::MAX))));
    }
    parts.push(format!("{} / {}", c.client_side.proven, c.server_side.proven));
    if !c.notes.is_empty() {
        parts.push(c.notes.join(", "));
    }
    parts.join("; ")
}

fn length(length: &Option<Length>) -> String {
    length.map_or_else(|| "-".to_owned(), |length| length.to_string())
}
