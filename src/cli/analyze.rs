//! `analyze`: captures in, one report out.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use cwait_pcap::analysis::{self, Evidence, Options, Outcome, Select};
use cwait_pcap::capture::Interrupt;
use cwait_pcap::findings::Grace;
use cwait_pcap::report::{Listed, Request, plain};
use cwait_pcap::wire::Timestamp;
use cwait_pcap::{decode, sockets, trace};
use jiff::tz::TimeZone;

use super::args::{AnalyzeArgs, HostArgs, JudgeArgs, OnInterrupt, ReadArgs, SelectArgs};
use super::interrupt;
use super::job::Publication;
use super::progress::Progress;
use super::sockets::{listing, unpacked};
use super::status::Status;

/// Reads, judges, writes.
pub fn run(args: &AnalyzeArgs) -> Result<Status> {
    let inputs = [&args.captures[..], &args.host.sockets, &args.host.trace].concat();
    let publication =
        Publication::new(&args.output, &args.listing, &args.gate, &args.known, &inputs, Listed::Flagged)?;
    let listed = publication.listed();
    let mut options = Options {
        select: select(&args.select, publication.zone())?,
        keep_all: listed == Listed::All,
        hash: args.read.hash,
        evidence: Arc::new(evidence(&args.host, publication.zone())?),
        interrupt: match args.on_interrupt {
            OnInterrupt::Stop => Interrupt::default(),
            OnInterrupt::Report => ending_reading(),
        },
        text_zone: Some(publication.zone().clone()),
        ..options(&args.judge, &args.read)
    };
    publication.known().tell(&mut options);
    if args.follow.is_asked_for() {
        return super::follow::run(args, &publication, options);
    }
    let Some(outcome) = read(&args.captures, &options, args.output.quiet)? else {
        return Ok(Status::TryAgain);
    };
    let request = Request { command_line: command_line(), listed, limit: args.gate.limit };
    let written = publication.publish_outcome(&outcome, &request, Some(&options))?;
    Ok(match () {
        () if options.interrupt.is_raised() => Status::Interrupted,
        () if may_pass(&outcome) => Status::TryAgain,
        () => written,
    })
}

/// What the first Ctrl-C ends.
fn ending_reading() -> Interrupt {
    let reading = Interrupt::armed();
    let raised = reading.clone();
    interrupt::instead(move || raised.raise());
    reading
}

/// Reads what the hosts say of themselves.
pub fn evidence(args: &HostArgs, zone: &TimeZone) -> Result<Evidence> {
    let at = args.sockets_at.as_deref().map(|text| time(text, zone)).transpose()?;
    let options = sockets::Options { at, zone: zone.clone() };
    let listings = args.sockets.iter().map(|path| listing(path, &options)).collect::<Result<Vec<_>>>()?;
    for (path, listing) in args.sockets.iter().zip(&listings) {
        if listing.snapshots.is_empty() && listing.counts.unread > 0 {
            bail!("{}: no line of it is a socket", path.display());
        }
    }
    let traces = args.trace.iter().map(|path| {
        let name = path.display().to_string();
        Ok(trace::examine(&name, &mut unpacked(path)?)?)
    });
    Ok(Evidence::new(listings, traces.collect::<Result<Vec<_>>>()?))
}

/// Reads the captures behind a progress bar. Nothing, if a failure that may pass stopped it; it has been told then.
pub fn read(captures: &[PathBuf], options: &Options, quiet: bool) -> Result<Option<Outcome>> {
    let progress = Progress::new(quiet);
    let read = analysis::run(captures, options, &mut |at| progress.show(at.bytes, at.of, at.frames));
    drop(progress);
    match read {
        Ok(outcome) => Ok(Some(outcome)),
        Err(error) if error.is_temporary() => {
            eprintln!("cwait-pcap: {}", plain(&error.to_string()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The arguments as they were typed, the program by its name alone.
pub fn command_line() -> Vec<String> {
    let arguments = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(env!("CARGO_PKG_NAME").to_owned()).chain(arguments).collect()
}

/// How to read and judge, as typed; everything else by default.
pub fn options(judge: &JudgeArgs, read: &ReadArgs) -> Options {
    Options {
        decode: decode::Options { tunnel: read.tunnel.into(), zone: read.zone.into() },
        max_memory: read.max_memory,
        threads: read.threads.map_or_else(cores, usize::from),
        grace: judge.grace.map_or_else(Grace::default, Grace::fixed).into(),
        servers: judge.server.iter().map(|&server| server.into()).collect(),
        ..Options::default()
    }
}

/// Threads that can run at once; one if the system does not tell.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Which connections are meant.
pub fn select(args: &SelectArgs, zone: &TimeZone) -> Result<Select> {
    let time = |text: &Option<String>| text.as_deref().map(|text| time(text, zone)).transpose();
    Ok(Select {
        hosts: args.host.clone(),
        ports: args.port.clone(),
        from: time(&args.from)?,
        until: time(&args.until)?,
    })
}

/// An instant with its offset, or a date and time in `zone`.
pub fn time(text: &str, zone: &TimeZone) -> Result<Timestamp> {
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

/// An input was left early by a failure that may pass: the report covers the rest, and another try may cover all.
pub fn may_pass(outcome: &Outcome) -> bool {
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
