//! `show`: one connection, drawn.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;

use anyhow::{Result, bail};
use cwait_pcap::analysis::{Judged, Options, Outcome};
use cwait_pcap::findings::{Answer, RULES};
use cwait_pcap::report::{Connection, Ladder, Listed, Report, Request, Style, write_connection};

use super::analyze::{command_line, options, read};
use super::args::ShowArgs;
use super::job::zone;
use super::output::to_stdout;
use super::status::{Gate, Status};

/// Draws every connection that the name fits: more than one where ports were used again.
pub fn run(args: &ShowArgs) -> Result<Status> {
    let piped = !io::stdout().is_terminal();
    let style = Style { zone: zone(args.tz.as_deref(), piped)?, ..Style::plain() };
    let options = Options { keep_all: true, ..options(&args.judge, &args.read) };
    let Some(outcome) = read(std::slice::from_ref(&args.capture), &options, piped)? else {
        return Ok(Status::TryAgain);
    };
    let request = Request { command_line: command_line(), listed: Listed::All, limit: None };
    let report = Report::build(&outcome, &request);
    // All are listed, in the order in which they were judged.
    let all: Vec<(&Connection, &Judged)> = report.connections.iter().zip(&outcome.connections).collect();
    let found: Vec<_> = all.iter().filter(|(connection, _)| fits(connection, &args.which)).collect();
    if found.is_empty() {
        bail!("{}: no connection '{}' among {}", args.capture.display(), args.which, all.len());
    }
    to_stdout(|out| {
        for (connection, judged) in found {
            write_connection(connection, &style, out)?;
            writeln!(out, "\n{}", Ladder::of(connection).text(&style))?;
            if args.why {
                why(&outcome, judged, out)?;
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

/// What every rule answers.
fn why(outcome: &Outcome, judged: &Judged, out: &mut dyn Write) -> io::Result<()> {
    let case = outcome.case(judged);
    for rule in RULES {
        let answer = match rule.judge(&case) {
            Answer::Found(finding) => format!("FOUND, {:?}", finding.fact).to_uppercase(),
            Answer::Undecided(undecided) => format!("undecided: {}", undecided.why),
            Answer::No(reason) => format!("no: {reason}"),
        };
        writeln!(out, "{:<20} {answer}", rule.name())?;
    }
    writeln!(out)
}
