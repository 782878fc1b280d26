//! `analyze`: captures in, one report out.

use anyhow::{Result, anyhow};
use cwait_pcap::analysis::{self, AnalyzeError, Options, Outcome, Select};
use cwait_pcap::findings::Grace;
use cwait_pcap::report::{Listed, Report, Request};
use cwait_pcap::wire::Timestamp;
use cwait_pcap::{decode, tcp};
use jiff::tz::TimeZone;

use super::args::AnalyzeArgs;
use super::job::Publication;
use super::progress::Progress;
use super::status::Status;

/// A connection that has seen a FIN, an RST or a long silence takes at most so many octets.
const CONNECTION_OCTETS: u64 = 640;

/// Reads, judges, writes.
pub fn run(args: &AnalyzeArgs) -> Result<Status> {
    let publication = Publication::new(&args.output, &args.listing, &args.gate, &args.captures)?;
    let options = options(args, publication.zone(), publication.listed())?;
    let outcome = {
        let progress = Progress::new(args.output.quiet);
        match analysis::run(&args.captures, &options, &mut |at| progress.show(at.bytes, at.of, at.frames)) {
            Ok(outcome) => outcome,
            Err(error) => return stopped(error),
        }
    };
    let request =
        Request { command_line: command_line(), listed: publication.listed(), limit: args.gate.limit };
    let written = publication.publish(Report::build(&outcome, &request))?;
    Ok(if may_pass(&outcome) { Status::TryAgain } else { written })
}

/// The arguments as they were typed, the program by its name alone.
fn command_line() -> Vec<String> {
    let arguments = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(env!("CARGO_PKG_NAME").to_owned()).chain(arguments).collect()
}

fn options(args: &AnalyzeArgs, zone: &TimeZone, listed: Listed) -> Result<Options> {
    let connections = |octets| usize::try_from(octets / CONNECTION_OCTETS).unwrap_or(usize::MAX).max(1);
    Ok(Options {
        decode: decode::Options { tunnel: args.read.tunnel.into(), zone: args.read.zone.into() },
        limits: tcp::Limits {
            max_connections: args.read.max_memory.map(connections),
            ..tcp::Limits::default()
        },
        grace: args.judge.grace.map_or_else(Grace::default, Grace::fixed),
        servers: args.judge.server.iter().map(|&server| server.into()).collect(),
        select: Select {
            hosts: args.select.host.clone(),
            ports: args.select.port.clone(),
            from: args.select.from.as_deref().map(|text| time(text, zone)).transpose()?,
            until: args.select.until.as_deref().map(|text| time(text, zone)).transpose()?,
        },
        keep_all: listed == Listed::All,
        hash: args.read.hash,
        ..Options::default()
    })
}

/// An instant with its offset, or a date and time in `zone`.
fn time(text: &str, zone: &TimeZone) -> Result<Timestamp> {
    let at = text.parse::<jiff::Timestamp>().or_else(|_| {
        let civil: jiff::civil::DateTime = text.parse()?;
        zone.to_timestamp(civil)
    });
    let at =
        at.map_err(|_| anyhow!("'{text}' is no time; write 2026-11-23T09:12:44Z or '2026-11-23 09:12:44'"))?;
    i64::try_from(at.as_nanosecond())
        .map(Timestamp)
        .map_err(|_| anyhow!("'{text}' lies outside the years that captures can hold"))
}

/// Nothing could be read. Whether it may pass is known to the error itself.
fn stopped(error: AnalyzeError) -> Result<Status> {
    if error.is_temporary() {
        eprintln!("cwait-pcap: {error}");
        return Ok(Status::TryAgain);
    }
    Err(error.into())
}

/// An input was left early by a failure that may pass: the report covers the rest, and another try may cover all.
fn may_pass(outcome: &Outcome) -> bool {
    outcome.inputs.iter().filter_map(|input| input.trouble.as_ref()).any(|trouble| trouble.temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_offset_or_in_the_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, seconds) in [
            ("2026-11-23T09:12:44Z", 1_795_425_164),
            ("2026-11-23T10:12:44+01:00", 1_795_425_164),
            ("2026-11-23 10:12:44", 1_795_425_164),
            ("2026-11-23", 1_795_388_400),
        ] {
            assert_eq!(time(text, &berlin).unwrap(), Timestamp::new(seconds, 0), "{text}");
        }
        for text in ["", "yesterday", "25:00", "9999-12-31T00:00:00Z"] {
            assert!(time(text, &berlin).is_err(), "{text}");
        }
    }
}
