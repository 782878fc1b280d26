//! The commands that need no capture: kept reports in another format, texts, advice, schema, completions, manual.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use cwait_pcap::knowledge::{EXPLAINED, Text, TextKind};
use cwait_pcap::{advise, knowledge, report};

use super::args::{AdviseArgs, Args, ExplainArgs, ManArgs, ReportArgs};
use super::job::Publication;
use super::output::to_stdout;
use super::status::Status;

/// A fragment judged, or a kept JSON report in another format.
pub fn report(args: &ReportArgs) -> Result<Status> {
    if cwait_pcap::fragment::looks_like_one(&args.file) {
        return super::fragment::report(args);
    }
    // What was kept is kept, unless something else is asked for.
    let inputs = std::slice::from_ref(&args.file);
    let publication = Publication::new(&args.output, &args.listing, &args.gate, inputs, report::Listed::All)?;
    publication.publish(kept_report(&args.file)?)
}

/// A report that was written as JSON.
pub fn kept_report(path: &Path) -> Result<report::Report> {
    report::read(&contents(path)?).with_context(|| path.display().to_string())
}

/// The text of a finding or topic, or the list of them.
pub fn explain(args: &ExplainArgs) -> Result<Status> {
    match &args.name {
        Some(name) => print(knowledge::explain(name)?.text),
        None => print(&list()),
    }
}

fn list() -> String {
    let line = |text: &Text| format!("  {:<24} {}\n", text.name, text.title());
    let of = |kind| EXPLAINED.iter().filter(move |text| text.kind == kind).map(line).collect::<String>();
    format!(
        "Findings:\n{}\nFindings that need host evidence:\n{}\nTopics:\n{}",
        of(TextKind::Finding),
        of(TextKind::HostFinding),
        of(TextKind::Topic)
    )
}

/// What settings do, or how to capture.
pub fn advise(args: &AdviseArgs) -> Result<Status> {
    if let Some(os) = &args.capture_recipe {
        return print(knowledge::capture_recipe(os)?.text);
    }
    if let Some(file) = &args.settings {
        let checked = advise::check(&advise::text_of(&contents(file)?));
        to_stdout(|out| advise::render(&checked, out))?;
    }
    Ok(Status::Done)
}

/// The JSON Schema.
pub fn schema() -> Result<Status> {
    print(&report::schema())
}

/// A completion script.
pub fn completions(shell: Shell) -> Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "cwait-pcap", &mut script);
    to_stdout(|out| out.write_all(&script))?;
    Ok(Status::Done)
}

/// The manual page, or all of them into a folder.
pub fn man(args: &ManArgs) -> Result<Status> {
    let command = Args::command();
    match &args.out {
        Some(folder) => clap_mangen::generate_to(command, folder)
            .with_context(|| folder.display().to_string())
            .map(|()| Status::Done),
        None => {
            to_stdout(|out| clap_mangen::Man::new(command).render(out))?;
            Ok(Status::Done)
        }
    }
}

fn print(text: &str) -> Result<Status> {
    to_stdout(|out| out.write_all(text.as_bytes()))?;
    Ok(Status::Done)
}

/// A whole file; `-` is standard input.
fn contents(path: &Path) -> Result<Vec<u8>> {
    let read = if path == Path::new("-") {
        let mut all = Vec::new();
        io::stdin().lock().read_to_end(&mut all).map(|_| all)
    } else {
        fs::read(path)
    };
    read.with_context(|| path.display().to_string())
}
