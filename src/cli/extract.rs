//! `extract`: captures in, a small capture of the connections that matter out.

use anyhow::{Result, anyhow, bail};
use cwait_pcap::analysis::{Judged, Options, Outcome};
use cwait_pcap::extract::{self, ExtractError, Request};
use cwait_pcap::patterns::PATTERNS;
use cwait_pcap::report::{count, plain};
use cwait_pcap::{detail, findings};
use jiff::tz::TimeZone;

use super::analyze::{may_pass, options, read, select};
use super::args::ExtractArgs;
use super::job::names;
use super::known::Known;
use super::output::{check_file, to_file};
use super::status::Status;

/// Reads, chooses, writes.
pub fn run(args: &ExtractArgs) -> Result<Status> {
    let pattern = |name: &str| PATTERNS.iter().any(|pattern| pattern.name() == name);
    let unknown = |name: &&String| findings::rule(name).is_none() && !pattern(name);
    if let Some(name) = args.finding.iter().find(unknown) {
        bail!("no finding is called '{name}'; 'cwait-pcap explain' lists them");
    }
    let key = args.anonymise.anonymize_key_file.iter().cloned();
    let known = Known::read(&args.known)?;
    let inputs = args.captures.iter().chain(known.files()).cloned().chain(key);
    check_file(&args.output, &inputs.collect::<Vec<_>>())?;
    let names = names(&args.anonymise)?;
    let mut options = Options {
        select: select(&args.select, &TimeZone::system())?,
        keep_all: args.all || !args.stream.is_empty(),
        ..options(&args.judge, &args.read)
    };
    known.tell(&mut options);
    let Some(outcome) = read(&args.captures, &options, args.quiet)? else {
        return Ok(Status::TryAgain);
    };
    if !detail::can_read_again(&outcome.inputs) {
        bail!("an extract is made by reading twice, which a pipe does not allow; write it to a file first");
    }
    if let Some(text) = outcome.inputs.iter().find(|input| input.text.is_some()) {
        bail!("{}: it is text; an extract is made of packets, and there are none in it", text.path.display());
    }
    let wanted = wanted(args, &outcome)?;
    let request = Request {
        payload: if names.is_some() { 0 } else { args.payload },
        frames: args.frames,
        names: names.as_ref(),
        hosts: known.hosts(),
    };
    let mut done = Ok(extract::Written::default());
    to_file(&args.output, |out| {
        done = extract::write(&outcome, &options, &wanted, &request, out);
        match &mut done {
            Err(ExtractError::Write(error)) => {
                Err(std::mem::replace(error, std::io::ErrorKind::Other.into()))
            }
            Err(ExtractError::Read(error)) => Err(std::io::Error::other(error.to_string())),
            Ok(_) => Ok(()),
        }
    })
    .map_err(|error| anyhow!(error).context(args.output.display().to_string()))?;
    if let (false, Ok(written)) = (args.quiet, &done) {
        let left_out = match written.left_out {
            0 => String::new(),
            frames => format!(", {frames} left out"),
        };
        eprintln!(
            "{}: {} of {}, {}{left_out}",
            plain(&args.output.display().to_string()),
            written.connections,
            count(outcome.totals.connections, "connection"),
            count(written.frames, "frame")
        );
    }
    let damaged =
        outcome.inputs.iter().any(|input| input.trouble.is_some() || !input.summary.damage.is_empty());
    Ok(match (may_pass(&outcome), damaged) {
        (true, _) => Status::TryAgain,
        (_, true) => Status::Partial,
        _ => Status::Done,
    })
}

fn wanted<'a>(args: &ExtractArgs, outcome: &'a Outcome) -> Result<Vec<&'a Judged>> {
    let all = &outcome.connections;
    for name in &args.stream {
        if !all.iter().any(|judged| is_called(judged, name)) {
            bail!("no connection is called '{name}'; there are {}", outcome.totals.connections);
        }
    }
    let has = |judged: &Judged, name: &str| {
        let undecided = judged.verdict.undecided.iter().any(|(rule, _)| *rule == name);
        undecided || judged.verdict.findings.iter().any(|finding| finding.name == name)
    };
    let unchosen = args.stream.is_empty() && args.finding.is_empty();
    let is_meant = |name: &str| unchosen || args.finding.iter().any(|asked| asked == name);
    let witnesses = extract::witnesses(outcome, is_meant);
    let chosen = |(at, judged): (usize, &'a Judged)| {
        let flagged = unchosen && (args.all || judged.is_flagged());
        let chosen = flagged
            || witnesses.contains(&at)
            || args.stream.iter().any(|name| is_called(judged, name))
            || args.finding.iter().any(|name| has(judged, name));
        chosen.then_some(judged)
    };
    let wanted: Vec<_> = all.iter().enumerate().filter_map(chosen).collect();
    if wanted.is_empty() {
        bail!(
            "nothing was found on {}: none is meant; --all or --stream N extracts all the same",
            count(outcome.totals.connections, "connection")
        );
    }
    Ok(wanted)
}

fn is_called(judged: &Judged, name: &str) -> bool {
    name.parse().is_ok_and(|stream: u32| judged.connection.stream == stream)
        || judged.id().eq_ignore_ascii_case(name)
}
