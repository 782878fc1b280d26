//! From what was typed to what is done: the one place with defaults that depend on the terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anstream::AutoStream;
use anyhow::{Context, Result, bail};
use clap::ColorChoice;
use cwait_pcap::analysis::{Options, Outcome};
use cwait_pcap::anonymise::Names;
use cwait_pcap::report::{Against, Detail, Listed, Report, Request, SORTS, Sort, Style};
use jiff::tz::TimeZone;

use super::args::{AnonymiseArgs, GateArgs, KnownArgs, ListingArgs, OutputArgs};
use super::known::Known;
use super::output::{self, Output};
use super::status::{Gate, Status};
use super::words;

/// How a report is dressed, where it goes and what makes the status 1.
pub struct Publication {
    outputs: Vec<Output>,
    style: Style,
    listed: Listed,
    sort: &'static Sort,
    against: Option<Report>,
    title: Option<String>,
    notes: Vec<String>,
    names: Option<Names>,
    known: Known,
    gate: Gate,
}

impl Publication {
    /// Decides what was left open, and looks at every output before any work is done. Files list `by_default`.
    pub fn new(
        output: &OutputArgs,
        listing: &ListingArgs,
        gate: &GateArgs,
        known: &KnownArgs,
        inputs: &[PathBuf],
        by_default: Listed,
    ) -> Result<Self> {
        let outputs = output::choose(&output.output, output.format.as_deref())?;
        let known = Known::read(known)?;
        let also = [&output.against, &output.anonymise.anonymize_key_file].into_iter().flatten();
        let also = also.chain(known.files());
        output::check(&outputs, &inputs.iter().chain(also).cloned().collect::<Vec<_>>())?;
        let to_people = outputs.iter().all(|output| output.format.name() == "terminal");
        Ok(Publication {
            style: style(output, &outputs)?,
            outputs,
            listed: listing
                .connections
                .map_or(if to_people { Listed::None } else { by_default }, Listed::from),
            sort: Sort::by_name(&listing.sort).context("no such order")?,
            against: output.against.as_deref().map(words::kept_report).transpose()?,
            title: output.title.clone(),
            notes: output.note.clone(),
            names: names(&output.anonymise)?,
            known,
            gate: Gate { fail_on: gate.fail_on.map(Into::into), limit: gate.limit },
        })
    }

    /// The zone in which times are shown, and read where they name none.
    pub fn zone(&self) -> &TimeZone {
        &self.style.zone
    }

    /// What the user knows beforehand.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Which connections the report is to list.
    pub fn listed(&self) -> Listed {
        self.listed
    }

    /// Whether any output draws ladders, or keeps what they are drawn from.
    pub fn draws_ladders(&self) -> bool {
        self.outputs.iter().any(|output| output.format.draws_ladders())
    }

    /// How it is dressed.
    pub fn style(&self) -> &Style {
        &self.style
    }

    /// Whether the report is read on standard output by people.
    pub fn speaks_to_people(&self) -> bool {
        self.outputs.iter().any(|output| output.is_stdout() && output.format.name() == "terminal")
    }

    /// The report with what the user says of it, compared and renamed as asked.
    pub fn finished(&self, mut report: Report) -> Result<Report> {
        if let Some(title) = &self.title {
            report.title = Some(title.clone());
        }
        report.notes.extend(self.notes.iter().cloned());
        self.known.show(&mut report);
        if let Some(old) = &self.against {
            report.against = Some(Against::compare(old, &report));
        }
        match &self.names {
            Some(names) => Ok(report.anonymised(names)?),
            None => Ok(report),
        }
    }

    /// The status that the report asks for.
    pub fn status(&self, report: &Report) -> Status {
        Status::of_report(report, self.gate)
    }

    /// Makes a report and writes it to every output; `second_look` says how captures are read again for ladders, if they
    /// are to be. Where every output takes connections one at a time, they are made while they are written.
    pub fn publish_outcome(
        &self,
        outcome: &Outcome,
        request: &Request,
        second_look: Option<&Options>,
    ) -> Result<Status> {
        let (mut report, mut rows) = Report::and_rows(outcome, request);
        if let Some(options) = second_look.filter(|_| self.draws_ladders()) {
            match report.key_segments(outcome, options) {
                Ok(kept) => rows.draw(kept),
                // What the first look found stands.
                Err(error) => report.inputs.last_mut().into_iter().for_each(|input| {
                    let problem = format!("nothing is drawn of its connections: {error}");
                    eprintln!("cwait-pcap: {}: {problem}", input.path);
                    input.problems.push(problem);
                }),
            }
        }
        if !self.goes_by_row() {
            report.connections = rows.iter().collect();
            return self.publish(report);
        }
        let report = self.finished(report)?;
        for output in &self.outputs {
            output.write_rows(&report, &mut rows.iter().map(Cow::Owned))?;
        }
        Ok(self.status(&report))
    }

    /// Whether nothing asks for all connections at once: no format, no other order, no other names for their hosts.
    fn goes_by_row(&self) -> bool {
        self.outputs.iter().all(|output| output.format.by_row().is_some())
            && self.sort.name == SORTS[0].name
            && self.names.is_none()
            && self.known.hosts().is_empty()
    }

    /// Writes the report to every output.
    pub fn publish(&self, report: Report) -> Result<Status> {
        let mut report = self.finished(report)?;
        report.list_connections(self.listed);
        report.sort_connections(self.sort);
        for output in &self.outputs {
            output.write(&report, &self.style)?;
        }
        Ok(self.status(&report))
    }
}

/// The names that the key makes, if there is one.
pub fn names(args: &AnonymiseArgs) -> Result<Option<Names>> {
    let key = match (&args.anonymize, &args.anonymize_key_file) {
        (Some(key), _) => key.clone().into_bytes(),
        (None, Some(file)) => std::fs::read(file).with_context(|| file.display().to_string())?,
        (None, None) => return Ok(None),
    };
    // An editor ends the last line.
    let key = key.trim_ascii();
    if key.is_empty() {
        bail!("the key for --anonymize is empty");
    }
    Ok(Some(Names::new(key)))
}

fn style(args: &OutputArgs, outputs: &[Output]) -> Result<Style> {
    let stdout = io::stdout();
    let piped = outputs.iter().any(Output::is_stdout) && !stdout.is_terminal();
    let colour = match args.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
    };
    Ok(Style {
        colour,
        zone: zone(args.tz.as_deref(), piped)?,
        detail: match (args.quiet, args.verbose) {
            (true, _) => Detail::Brief,
            (_, true) => Detail::Full,
            _ => Detail::Usual,
        },
        ..Style::plain()
    })
}

/// The zone asked for; else the system's, but UTC in a pipe, so that scripts read the same everywhere.
pub fn zone(asked: Option<&str>, piped: bool) -> Result<TimeZone> {
    match asked {
        Some(name) => TimeZone::get(name).with_context(|| format!("--tz {name}")),
        None if piped => Ok(TimeZone::UTC),
        None => Ok(TimeZone::system()),
    }
}
