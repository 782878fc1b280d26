//! The reports of a batch, written on all cores, and what they say together.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use cwait_pcap::analysis::Outcome;
use cwait_pcap::batch::{Entry, Failed, Pool, Silent, State, Timer};
use cwait_pcap::capture::Interrupt;
use cwait_pcap::fragment::{self, FragmentError, Joining, Merged};
use cwait_pcap::report::{Listed, Report, Request, by_name};

use super::super::analyze::command_line;
use super::super::fragment::same_files;
use super::super::output::to_file;
use super::super::status::{Gate, Status};
use super::jobs::Job;
use super::{Batch, FRAGMENTS, bars, locked, unlocked};

/// What all reports say, each added in the order of the jobs, whichever is written first: so it is the same on any number
/// of cores.
#[derive(Default)]
pub(super) struct Told {
    /// Of each report.
    pub entries: Vec<Entry>,
    /// Inputs that were not read to their end.
    pub failed: Vec<Failed>,
    /// The worst of all.
    pub status: Option<Status>,
    pool: Pool,
    /// How many were added, and those written before one in front of them.
    added: usize,
    waiting: BTreeMap<usize, Result<Written, Failed>>,
}

/// What one report says.
struct Written {
    entry: Entry,
    silent: Silent,
    status: Status,
    failed: Vec<Failed>,
}

/// Writes the reports. One that is begun is finished when reading is interrupted, the others are not begun.
///
/// # Errors
/// If one cannot be written.
pub(super) fn write_all(batch: &Batch<'_>, jobs: &[Job], state: &Mutex<State>) -> Result<Told> {
    let bar = bars::of_reports(batch.args.quiet, jobs.len());
    let numbered: Vec<(usize, &Job)> = jobs.iter().enumerate().collect();
    let next = AtomicUsize::new(0);
    let told = Mutex::new(Told::default());
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..batch.threads(jobs.len()) {
            scope.spawn(|| {
                while let Some(&(at, job)) = numbered.get(next.fetch_add(1, Ordering::Relaxed))
                    && !batch.options.interrupt.is_raised()
                {
                    match batch.write(job, state) {
                        Ok(written) => locked(&told).add(at, written, jobs),
                        Err(error) => {
                            locked(&failed).get_or_insert(error);
                            // The folder takes no more files.
                            next.store(jobs.len(), Ordering::Relaxed);
                        }
                    }
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    unlocked(failed).map_or_else(|| Ok(unlocked(told)), Err)
}

impl Told {
    fn add(&mut self, at: usize, written: Result<Written, Failed>, jobs: &[Job]) {
        self.waiting.insert(at, written);
        while let Some(next) = self.waiting.remove(&self.added) {
            match next {
                Ok(Written { entry, silent, status, failed }) => {
                    self.pool.add(&jobs[self.added].name, silent);
                    self.entries.push(entry);
                    self.failed.extend(failed);
                    self.worse(status);
                }
                Err(failed) => {
                    self.failed.push(failed);
                    self.worse(Status::Partial);
                }
            }
            self.added += 1;
        }
    }

    fn worse(&mut self, status: Status) {
        self.status = Some(self.status.unwrap_or(Status::Done).and(status));
    }

    /// The timers that all captures bound together.
    pub fn timers(&self) -> Vec<Timer> {
        self.pool.timers()
    }
}

impl Batch<'_> {
    /// Joins, judges, writes; or why the fragments do not allow that.
    fn write(&self, job: &Job, state: &Mutex<State>) -> Result<Result<Written, Failed>> {
        let outcome = match self.judge(job) {
            Ok(outcome) => outcome,
            Err(error) => {
                eprintln!("cwait-pcap: {}: {error}", job.name);
                return Ok(Err(Failed { path: job.name.clone(), why: error.to_string() }));
            }
        };
        let limit = self.args.gate.limit;
        let request = Request { command_line: command_line(), listed: Listed::Flagged, limit };
        let mut report = Report::build(&outcome, &request);
        let gate = Gate { fail_on: self.args.gate.fail_on.map(Into::into), limit };
        let status = Status::of_report(&report, gate);
        let failed = report.inputs.iter().zip(&outcome.inputs).filter_map(|(input, facts)| {
            let cut = facts.summary.tail.iter().map(ToString::to_string);
            let why = input.problems.iter().cloned().chain(cut).collect::<Vec<_>>().join("; ");
            (!why.is_empty()).then(|| Failed { path: input.path.clone(), why })
        });
        let failed = failed.collect();
        let entry = Entry::new(job.name.clone(), &report, job.files.clone());
        let made_from = self.made_from(job);
        let there = job.files.iter().all(|file| self.out.join(file).is_file());
        if !(self.args.resume && there && locked(state).is_written(&job.name, &made_from)) {
            self.add_ladders(&mut report, &outcome);
            for (format, file) in self.args.format.iter().filter_map(|name| by_name(name)).zip(&job.files) {
                let path = self.out.join(file);
                to_file(&path, |out| format.write(&report, &self.style, out))
                    .with_context(|| path.display().to_string())?;
            }
            locked(state).note_report(&job.name, made_from).context("the journal of the batch")?;
        }
        Ok(Ok(Written { entry, silent: Silent::of(outcome), status, failed }))
    }

    fn judge(&self, job: &Job) -> Result<Outcome, FragmentError> {
        let fragments: Vec<_> = job.members.iter().map(|(_, mapped)| mapped.fragment.clone()).collect();
        // What is begun is finished, so nothing interrupts this.
        let between = self.out.join(FRAGMENTS).join(&job.files[0]);
        let mut merged = Merged::open_all(&fragments, &between, &Interrupt::default())?;
        let mut sets = fragment::sets(merged.captures(), Joining::All);
        let set = sets.remove(0);
        let mut outcome = fragment::joined(&mut merged, &set, &self.options)?;
        // A fragment may have been made from a copy elsewhere.
        for input in &mut outcome.inputs {
            let told = |path: &Path| path.to_string_lossy().into_owned();
            let here = job.members.iter().find(|(_, it)| told(&it.capture.path) == told(&input.path));
            if let Some((path, _)) = here {
                input.path = path.clone();
            }
        }
        Ok(outcome)
    }

    /// Where the captures still are what they were.
    fn add_ladders(&self, report: &mut Report, outcome: &Outcome) {
        let formats = self.args.format.iter().filter_map(|name| by_name(name));
        if formats.into_iter().any(|format| format.draws_ladders())
            && same_files(&outcome.inputs)
            && let Err(error) = report.add_key_segments(outcome, &self.options)
            && let Some(input) = report.inputs.last_mut()
        {
            // What the first look found stands.
            input.problems.push(format!("nothing is drawn of its connections: {error}"));
        }
    }

    /// What a report rests on, for the next time.
    fn made_from(&self, job: &Job) -> String {
        let captures: Vec<_> = (job.members.iter())
            .map(|(path, mapped)| {
                (path.display().to_string(), &mapped.capture.id, mapped.capture.file_bytes())
            })
            .collect();
        let Batch { options, args, style, .. } = self;
        let zone = style.zone.iana_name();
        let asked = (&options.grace, &options.select, &options.servers, args.gate.limit, zone, &job.files);
        let text = format!("{} {captures:?} {asked:?}", env!("CARGO_PKG_VERSION"));
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}
