//! `map`, `merge`, and `report` of a fragment: captures to partial results, these into one, and that into a report.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use cwait_pcap::analysis::{Options, Shown};
use cwait_pcap::capture::Interrupt;
use cwait_pcap::findings::Grace;
use cwait_pcap::fragment::{self, FragmentError, Merged};
use cwait_pcap::place;
use cwait_pcap::report::{Listed, Request, count};

use super::analyze::{command_line, evidence, options, select};
use super::args::{JudgeArgs, MapArgs, MergeArgs, ReportArgs};
use super::interrupt;
use super::job::Publication;
use super::progress::Progress;
use super::status::Status;

/// Captures to fragments.
pub fn map(args: &MapArgs) -> Result<Status> {
    fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let judge = JudgeArgs { grace: None, server: Vec::new() };
    let options = Options { hash: args.read.hash, interrupt: stoppable(), ..options(&judge, &args.read) };
    let mut worst = Status::Done;
    let mut known = std::collections::HashMap::new();
    for path in &args.captures {
        let progress = Progress::new(args.quiet);
        let series = args.series.as_deref();
        let mapped = fragment::map(path, &args.out, series, &options, &mut |at| {
            progress.show(at.bytes, at.of, at.frames);
        });
        drop(progress);
        match mapped {
            Ok(mapped) => {
                if let Some(trouble) = mapped.capture.trouble() {
                    eprintln!("cwait-pcap: {}: {}", Shown(path), trouble.what);
                    worst = worst.and(if trouble.temporary { Status::TryAgain } else { Status::Partial });
                }
                if !args.quiet {
                    let twin: Option<PathBuf> = known.insert(mapped.capture.id.clone(), path.clone());
                    let how = match &twin {
                        Some(twin) => format!(", the same capture as {}", Shown(twin)),
                        None if mapped.known => ", there already".to_owned(),
                        None => String::new(),
                    };
                    eprintln!("{} -> {}{how}", Shown(path), mapped.fragment.display());
                }
            }
            Err(error) => {
                let status = status_of(&error);
                eprintln!("cwait-pcap: {error}");
                worst = worst.and(status);
            }
        }
        if options.interrupt.is_raised() {
            return Ok(Status::Interrupted);
        }
    }
    Ok(worst)
}

/// The first Ctrl-C stops reading; what is finished stays.
pub fn stoppable() -> Interrupt {
    let interrupt = Interrupt::armed();
    let raised = interrupt.clone();
    interrupt::instead(move || raised.raise());
    interrupt
}

/// How a command ends that this stopped.
pub fn status_of(error: &FragmentError) -> Status {
    match error {
        error if error.is_temporary() => Status::TryAgain,
        FragmentError::Interrupted(_) => Status::Interrupted,
        FragmentError::Io { source, .. } => Status::of_io(source),
        _ => Status::Failed,
    }
}

/// Fragments into one.
pub fn merge(args: &MergeArgs) -> Result<Status> {
    let told = match fragment::merge(&parts(&args.parts)?, &args.out, args.keep_going, &stoppable()) {
        Err(FragmentError::Interrupted(_)) => return Ok(Status::Interrupted),
        told => told?,
    };
    for error in &told.left_out {
        eprintln!("cwait-pcap: left out: {error}");
    }
    if !args.quiet {
        for name in &told.twice {
            eprintln!("{name}: there more than once, counted once");
        }
        let captures = count(told.captures as u64, "capture");
        let rows = count(told.rows, "connection");
        eprintln!("{}: {captures}, {rows} in parts", args.out.display());
    }
    Ok(if told.left_out.is_empty() { Status::Done } else { Status::Partial })
}

/// The files that are meant; of a folder, all fragments in it.
pub fn parts(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut parts = Vec::new();
    for path in given {
        if !path.is_dir() {
            parts.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).with_context(|| path.display().to_string())?;
        let mut inside: Vec<_> = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()
            .with_context(|| path.display().to_string())?;
        inside.retain(|path| !fragment::is_unfinished(path) && fragment::looks_like_one(path));
        inside.sort();
        if inside.is_empty() {
            bail!("{}: no fragment in it", path.display());
        }
        parts.extend(inside);
    }
    Ok(parts)
}

/// A report of a merged fragment.
pub fn report(args: &ReportArgs) -> Result<Status> {
    let inputs = std::slice::from_ref(&args.file);
    let publication =
        Publication::new(&args.output, &args.listing, &args.gate, &args.known, inputs, Listed::Flagged)?;
    let listed = publication.listed();
    let mut options = Options {
        grace: args.judge.grace.map_or_else(Grace::default, Grace::fixed).into(),
        servers: args.judge.server.iter().map(|&server| server.into()).collect(),
        select: select(&args.select, publication.zone())?,
        keep_all: listed == Listed::All,
        evidence: Arc::new(evidence(&args.host, publication.zone())?),
        ..Options::default()
    };
    publication.known().tell(&mut options);
    let mut merged = Merged::open(inputs)?;
    let mut sets = fragment::sets(merged.captures(), args.join.into());
    if let Some(name) = &args.set {
        sets.retain(|set| set.name == *name);
    }
    let set = match &sets[..] {
        [only] => only,
        [] => bail!("{}: holds no such captures", args.file.display()),
        several => {
            let names: Vec<_> = several.iter().map(|set| format!("  {}", set.name)).collect();
            bail!(
                "{}: holds captures of {} places; choose one with --set NAME, or take them for one with --join \
                 all:\n{}",
                args.file.display(),
                several.len(),
                names.join("\n")
            );
        }
    };
    let outcome = fragment::joined(&mut merged, set, &options)?;
    let request = Request { command_line: command_line(), listed, limit: args.gate.limit };
    let options = Options { decode: merged.captures()[set.members[0]].decode(), ..options };
    publication.publish_outcome(&outcome, &request, same_files(&outcome.inputs).then_some(&options))
}

/// Whether the captures still are where they were, as far as their sizes tell.
pub fn same_files(inputs: &[cwait_pcap::analysis::InputFacts]) -> bool {
    inputs.iter().all(|input| {
        place::lasts(&input.path) && place::len(&input.path).is_ok_and(|len| len == input.summary.file_bytes)
    })
}
