//! `show`: one connection, drawn.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;

use anyhow::{Result, bail};
use cwait_pcap::analysis::{Judged, Options};
use cwait_pcap::findings;
use cwait_pcap::report::{Connection, Ladder, Listed, Report, Request, Style, why, write_connection};

use super::analyze::{command_line, options, read};
use super::args::ShowArgs;
use super::job::zone;
use super::known::Known;
use super::output::to_stdout;
use super::status::{Gate, Status};

/// So many connections are drawn at most, where ports were used again.
const AT_MOST: usize = 10;
/// So many key segments are drawn of each.
const SEGMENTS: usize = 60;

/// Draws every connection that the name fits: more than one where ports were used again.
pub fn run(args: &ShowArgs) -> Result<Status> {
    let piped = !io::stdout().is_terminal();
    let which = args.flow.as_ref().or(args.which.as_ref()).map_or("", String::as_str);
    let style = Style { zone: zone(args.tz.as_deref(), piped)?, ..Style::plain() };
    let known = Known::read(&args.known)?;
    let mut options =
        Options { keep_all: true, text_zone: Some(style.zone.clone()), ..options(&args.judge, &args.read) };
    known.tell(&mut options);
    let Some(outcome) = read(std::slice::from_ref(&args.capture), &options, piped)? else {
        return Ok(Status::TryAgain);
    };
    let request = Request { command_line: command_line(), listed: Listed::All, limit: None };
    let mut report = Report::build(&outcome, &request);
    known.show(&mut report);
    // All are listed, in the order in which they were judged.
    let all = report.connections.iter().zip(&outcome.connections);
    let found = all.filter(|(connection, _)| fits(connection, which)).take(AT_MOST);
    let mut found: Vec<(Connection, &Judged)> = found.map(|(c, judged)| (c.clone(), judged)).collect();
    if found.is_empty() {
        bail!("{}: no connection '{}'{}", args.capture.display(), which, there_is(&report, which));
    }
    for (connection, judged) in &mut found {
        connection.add_key_segments(&outcome, &options, judged, SEGMENTS)?;
    }
    to_stdout(|out| {
        for (connection, judged) in &found {
            write_connection(connection, &style, out)?;
            writeln!(out, "\n{}", Ladder::of(connection, report.capture.last.as_ref()).text(&style))?;
            if args.why {
                let answers = why(findings::answers(&outcome.case(judged)), &style);
                writeln!(out, "{answers}")?;
            }
        }
        Ok(())
    })?;
    Ok(Status::of_report(&report, Gate::default()))
}

/// Whether a connection is meant by a stream number, an id, or both its ends in either order.
fn fits(connection: &Connection, which: &str) -> bool {
    let ends = |(a, b): (&str, &str)| Some((a.parse().ok()?, b.parse().ok()?));
    let own: Option<(SocketAddr, SocketAddr)> = ends((&connection.client, &connection.server));
    let asked: Option<(SocketAddr, SocketAddr)> = which.split_once('-').and_then(ends);
    connection.stream.is_some_and(|stream| stream.to_string() == which)
        || connection.id == which
        || asked.is_some_and(|(a, b)| own == Some((a, b)) || own == Some((b, a)))
}

/// What there is instead of a connection that is not there: those that share an end with it, or all streams.
fn there_is(report: &Report, which: &str) -> String {
    let asked: Vec<SocketAddr> = which.split('-').filter_map(|end| end.parse().ok()).collect();
    let shares = |c: &&Connection| {
        [&c.client, &c.server].into_iter().any(|end| end.parse().is_ok_and(|end| asked.contains(&end)))
    };
    let near = report.connections.iter().filter(shares).take(5);
    let near: Vec<String> = near.map(|c| format!("{}-{}", c.client, c.server)).collect();
    let last = report.connections.iter().filter_map(|c| c.stream).max();
    match last {
        _ if !near.is_empty() => format!("; there is {}", near.join(", ")),
        Some(last) => format!(
            "; its {} connections are streams 0 to {last}, 'analyze --connections all' lists them",
            report.connections.len()
        ),
        None => format!(" among {}", report.connections.len()),
    }
}
