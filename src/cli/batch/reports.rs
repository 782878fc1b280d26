//! A report for each set of captures, and what the index says of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cwait_pcap::analysis::{Options, Outcome};
use cwait_pcap::batch::{Entry, Failed, Planned, Pool, State, Timer};
use cwait_pcap::fragment::{self, FragmentError, Joining, Mapped, Merged};
use cwait_pcap::report::{Format, Listed, Report, Request, by_name};

use super::super::analyze::command_line;
use super::super::fragment::same_files;
use super::super::output::to_file;
use super::super::status::{Gate, Status};
use super::{Batch, Results};

/// Reports as far as they are written.
pub(super) struct Reports<'a> {
    batch: &'a Batch<'a>,
    results: &'a mut Results,
    state: &'a mut State,
    pool: Pool,
    entries: Vec<Entry>,
    /// How often each file name was used.
    names: HashMap<String, u32>,
    /// Captures by content, with their first path.
    seen: HashMap<String, PathBuf>,
}

impl<'a> Reports<'a> {
    pub(super) fn new(batch: &'a Batch<'a>, results: &'a mut Results, state: &'a mut State) -> Self {
        Reports {
            batch,
            results,
            state,
            pool: Pool::default(),
            entries: Vec::new(),
            names: HashMap::new(),
            seen: HashMap::new(),
        }
    }

    /// What all of them say.
    pub(super) fn finish(self) -> (Vec<Entry>, Vec<Timer>) {
        (self.entries, self.pool.timers())
    }

    /// Joins what belongs together and reports it; what turns out not to go together is reported one by one.
    pub(super) fn add(&mut self, set: &Planned) -> Result<()> {
        let mut members: Vec<(PathBuf, Mapped)> = Vec::new();
        for (path, _) in &set.files {
            let Some(mapped) = self.results.mapped.get(path).cloned() else { continue };
            match self.seen.get(&mapped.capture.id) {
                Some(twin) => {
                    let why = format!("the same capture as {}, counted once", twin.display());
                    eprintln!("cwait-pcap: {}: {why}", path.display());
                    let twin = Failed { path: path.display().to_string(), why };
                    self.results.left_out.twice.push(twin);
                }
                None => {
                    self.seen.insert(mapped.capture.id.clone(), path.clone());
                    members.push((path.clone(), mapped));
                }
            }
        }
        if members.is_empty() {
            return Ok(());
        }
        match self.judge(&members) {
            Ok(outcome) => self.write(&set.name, outcome),
            Err(error) if members.len() > 1 && Joining::from(self.batch.args.join) == Joining::Auto => {
                eprintln!("cwait-pcap: {}: reported one by one, since {error}", set.name);
                for member in &members {
                    match self.judge(std::slice::from_ref(member)) {
                        Ok(outcome) => {
                            let name = member.0.display().to_string();
                            self.write(&name, outcome)?;
                        }
                        Err(error) => self.results.fail(&member.0, error.to_string(), Status::Partial),
                    }
                }
                Ok(())
            }
            Err(error) => {
                eprintln!("cwait-pcap: {error}");
                self.results.fail(Path::new(&set.name), error.to_string(), Status::Partial);
                Ok(())
            }
        }
    }

    fn judge(&self, members: &[(PathBuf, Mapped)]) -> Result<Outcome, FragmentError> {
        let fragments: Vec<_> = members.iter().map(|(_, mapped)| mapped.fragment.clone()).collect();
        let mut merged = Merged::open(&fragments)?;
        let mut sets = fragment::sets(merged.captures(), Joining::All);
        let set = sets.remove(0);
        let mut outcome = fragment::joined(&mut merged, &set, &self.batch.options)?;
        // A fragment may have been made from a copy elsewhere.
        for input in &mut outcome.inputs {
            let here = members.iter().find(|(_, mapped)| mapped.capture.path == input.path);
            if let Some((path, _)) = here {
                input.path = path.clone();
            }
        }
        Ok(outcome)
    }

    fn write(&mut self, name: &str, outcome: Outcome) -> Result<()> {
        let request = Request {
            command_line: command_line(),
            listed: Listed::Flagged,
            limit: self.batch.args.gate.limit,
        };
        let mut report = Report::build(&outcome, &request);
        let formats: Vec<&dyn Format> =
            self.batch.args.format.iter().filter_map(|name| by_name(name)).collect();
        let stem = file_stem(name, &mut self.names);
        let files: Vec<_> =
            formats.iter().map(|format| format!("{stem}.{}", format.extensions()[0])).collect();
        for input in report.inputs.iter().filter(|input| !input.problems.is_empty()) {
            let known = Failed { path: input.path.clone(), why: input.problems.join("; ") };
            let failed = &mut self.results.left_out.failed;
            if failed.iter().all(|failed| failed.path != known.path) {
                failed.push(known);
            }
        }
        self.entries.push(Entry::new(name.to_owned(), &report, files.clone()));
        let gate =
            Gate { fail_on: self.batch.args.gate.fail_on.map(Into::into), limit: self.batch.args.gate.limit };
        self.results.worse(Status::of_report(&report, gate));
        let made_from = made_from(&outcome, &self.batch.options, &files);
        let there = files.iter().all(|file| self.batch.out.join(file).is_file());
        let unchanged = self.batch.args.resume && there && self.state.reports.get(name) == Some(&made_from);
        if !unchanged {
            if formats.iter().any(|format| format.draws_ladders()) && same_files(&outcome.inputs) {
                report.add_key_segments(&outcome, &self.batch.options)?;
            }
            for (format, file) in formats.iter().zip(&files) {
                let path = self.batch.out.join(file);
                to_file(&path, |out| format.write(&report, &self.batch.style, out))
                    .with_context(|| path.display().to_string())?;
            }
            self.state.reports.insert(name.to_owned(), made_from);
        }
        self.pool.add(name, outcome);
        Ok(())
    }
}

/// What a report rests on, for the next time.
fn made_from(outcome: &Outcome, options: &Options, files: &[String]) -> String {
    let inputs: Vec<_> = (outcome.inputs.iter())
        .map(|input| (input.path.display().to_string(), input.summary.file_bytes, input.summary.times))
        .collect();
    let asked = (env!("CARGO_PKG_VERSION"), &options.grace, &options.select, &options.servers, files);
    blake3::hash(format!("{inputs:?} {asked:?}").as_bytes()).to_hex().to_string()
}

/// A file name for the reports of a capture: its own, with a number if another has it already.
fn file_stem(name: &str, names: &mut HashMap<String, u32>) -> String {
    let own = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let mut stem: String = own.trim_start_matches('.').chars().map(plain).collect();
    if stem.is_empty() || stem == "index" {
        stem.push_str("_capture");
    }
    let used = names.entry(stem.clone()).or_insert(0);
    *used += 1;
    if *used > 1 { format!("{stem}~{used}") } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_equal_names_do_not_meet() {
        let mut names = HashMap::new();
        let stems: Vec<_> = ["a/x.pcap", "b/x.pcap", "/c/ring_#.pcapng", "index", "../.hidden"]
            .iter()
            .map(|name| file_stem(name, &mut names))
            .collect();
        assert_eq!(stems, ["x.pcap", "x.pcap~2", "ring__.pcapng", "index_capture", "hidden"]);
    }
}
