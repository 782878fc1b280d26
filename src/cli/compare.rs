//! `compare`: captures of several places in, what happened between them out.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anstream::AutoStream;
use anyhow::{Context, Result, bail};
use clap::ColorChoice;
use cwait_pcap::compare::{self, CompareError, Vantage};
use cwait_pcap::report::{CompareFormat, CompareReport, Detail, Severity, Style, count};

use super::analyze::{command_line, options};
use super::args::CompareArgs;
use super::job::{names, zone};
use super::output::{check_file, to_file, to_stdout};
use super::progress::Progress;
use super::status::Status;

/// Reads, compares, writes.
pub fn run(args: &CompareArgs) -> Result<Status> {
    let names = names(&args.anonymise)?;
    let vantages = vantages(args)?;
    let inputs: Vec<PathBuf> = vantages.iter().flat_map(|vantage| vantage.captures.clone()).collect();
    let outputs = outputs(args, &inputs)?;
    let style = style(args, &outputs)?;
    let progress = Progress::new(args.quiet);
    let compared = compare::run(&vantages, &options(&args.judge, &args.read), &mut |at| {
        progress.show(at.bytes, at.of, at.frames);
    });
    drop(progress);
    let comparison = match compared {
        Err(CompareError::Analyze(error)) if error.is_temporary() => {
            eprintln!("cwait-pcap: {error}");
            return Ok(Status::TryAgain);
        }
        other => other?,
    };
    let mut report = CompareReport::build(&comparison, &command_line());
    report.title.clone_from(&args.title);
    report.notes.clone_from(&args.note);
    if let Some(names) = names {
        report = report.anonymised(&names)?;
    }
    for (to, format) in &outputs {
        let written = match to {
            None => to_stdout(|out| report.write(*format, &style, out)).context("standard output"),
            Some(file) => {
                let style = Style { colour: false, ..style.clone() };
                to_file(file, |out| report.write(*format, &style, out))
                    .with_context(|| file.display().to_string())
            }
        };
        written?;
    }
    let reached = args.fail_on.map(Severity::from).is_some_and(|least| report.severity() >= Some(least));
    let partial = report.vantages.iter().any(|vantage| !vantage.problems.is_empty());
    Ok(match (reached, partial) {
        (true, _) => Status::Reached,
        (_, true) => Status::Partial,
        _ => Status::Done,
    })
}

/// The places with their files and names.
fn vantages(args: &CompareArgs) -> Result<Vec<Vantage>> {
    if args.name.len() > args.vantages.len() {
        bail!("{} names for {}", args.name.len(), count(args.vantages.len() as u64, "capture"));
    }
    let captures = args.vantages.iter().map(|path| captures(path)).collect::<Result<Vec<_>>>()?;
    let mut names: Vec<String> = args.vantages.iter().map(|path| short_name(path)).collect();
    let twice = names.iter().any(|name| names.iter().filter(|other| *other == name).count() > 1);
    if twice {
        names = args.vantages.iter().map(|path| path.display().to_string()).collect();
    }
    if args.anonymise.is_asked_for() {
        // Files are often called after hosts; what the user calls a place is what the reader is to see.
        names = (1..=names.len()).map(|place| format!("place {place}")).collect();
    }
    for (name, given) in names.iter_mut().zip(&args.name) {
        name.clone_from(given);
    }
    Ok(names.into_iter().zip(captures).map(|(name, captures)| Vantage { name, captures }).collect())
}

/// The files behind one argument.
fn captures(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_dir() {
        let entries = fs::read_dir(path).with_context(|| path.display().to_string())?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| path.display().to_string())?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if entry.path().is_file() && !hidden {
                files.push(entry.path());
            }
        }
        if files.is_empty() {
            bail!("{}: no file in it", path.display());
        }
        files.sort();
        return Ok(files);
    }
    match path.to_str() {
        Some(list) if list.contains(',') && !path.exists() => {
            Ok(list.split(',').map(PathBuf::from).collect())
        }
        _ => Ok(vec![path.to_owned()]),
    }
}

/// The file's name up to its first dot.
fn short_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let name = name.split(',').next().unwrap_or(&name);
    name.split('.').find(|part| !part.is_empty()).unwrap_or(name).to_owned()
}

/// Where to write, and in which format.
fn outputs(args: &CompareArgs, inputs: &[PathBuf]) -> Result<Vec<(Option<PathBuf>, CompareFormat)>> {
    let asked = args.format.map(CompareFormat::from);
    if args.output.is_empty() {
        return Ok(vec![(None, asked.unwrap_or(CompareFormat::Terminal))]);
    }
    let mut outputs: Vec<(Option<PathBuf>, CompareFormat)> = Vec::new();
    for file in &args.output {
        let to = (file != Path::new("-")).then(|| file.clone());
        if outputs.iter().any(|(other, _)| *other == to) {
            bail!("{}: two reports would go there", file.display());
        }
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        let by_name = || match to {
            None => Some(CompareFormat::Terminal),
            Some(_) => CompareFormat::by_extension(&extension),
        };
        let Some(format) = asked.or_else(by_name) else {
            bail!(
                "{}: no format has that extension; use .txt .html .md .json .ndjson, or --format",
                file.display()
            );
        };
        if let Some(file) = &to {
            check_file(file, inputs)?;
        }
        outputs.push((to, format));
    }
    Ok(outputs)
}

fn style(args: &CompareArgs, outputs: &[(Option<PathBuf>, CompareFormat)]) -> Result<Style> {
    let stdout = io::stdout();
    let piped = outputs.iter().any(|(to, _)| to.is_none()) && !stdout.is_terminal();
    Ok(Style {
        colour: match args.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
        },
        zone: zone(args.tz.as_deref(), piped)?,
        detail: match (args.quiet, args.verbose) {
            (true, _) => Detail::Brief,
            (_, true) => Detail::Full,
            _ => Detail::Usual,
        },
        ..Style::plain()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_after_their_files() {
        for (path, name) in [
            ("a/client-side.pcap.zst", "client-side"),
            ("x.pcap,y.pcap", "x"),
            (".hidden", "hidden"),
            ("rings/", "rings"),
        ] {
            assert_eq!(short_name(Path::new(path)), name);
        }
    }
}
