//! `batch`: many captures, a report each, one index over all. *Map* on all cores, *merge* and *report*, as the commands of
//! these names do it one by one.

mod bars;
mod jobs;
mod reports;

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use cwait_pcap::analysis::Options;
use cwait_pcap::batch::{Failed, INDEX_FORMATS, Index, LeftOut, Passed, PassedKind, Plan, Seen, State, find};
use cwait_pcap::fragment::{self, Mapped};
use cwait_pcap::report::{Style, count};

use super::analyze::{cores, options, select};
use super::args::BatchArgs;
use super::fragment::{status_of, stoppable};
use super::job::zone;
use super::output::{to_file, to_stdout};
use super::status::Status;
use bars::Bars;

/// Where fragments and the memory of what was done are, inside the folder of reports.
const FRAGMENTS: &str = "fragments";
const STATE: &str = "state.ndjson";

/// Plans, and unless only that is wanted, does it.
pub fn run(args: &BatchArgs) -> Result<Status> {
    let mut paths = args.paths.clone();
    if let Some(list) = &args.files_from {
        paths.extend(listed(list)?);
    }
    let judged = Options {
        hash: args.read.hash,
        interrupt: if args.dry_run { Default::default() } else { stoppable() },
        select: select(&args.select, &zone(args.tz.as_deref(), true)?)?,
        text_zone: Some(zone(args.tz.as_deref(), true)?),
        ..options(&args.judge, &args.read)
    };
    let out = args.out.clone().unwrap_or_default();
    let (found, missing) = find(&paths, args.recursive, &out);
    let mut plan = Plan::new(&found, args.join.into(), &judged.read);
    for (path, error) in missing {
        let kind = match Status::of_io(&error) {
            Status::TryAgain => PassedKind::Temporary,
            _ if error.kind() == io::ErrorKind::NotFound && paths.contains(&path) => PassedKind::NoCapture,
            _ => PassedKind::Unreadable,
        };
        plan.passed.push(Passed { path, why: error.to_string(), kind });
    }
    if args.dry_run {
        to_stdout(|out| out.write_all(told(&plan).as_bytes()))?;
        return Ok(status_of_passed(&plan));
    }
    if plan.sets.is_empty() {
        plan.passed.iter().for_each(|it| eprintln!("cwait-pcap: {}: {}", it.path.display(), it.why));
        bail!("no capture among what was given");
    }
    fs::create_dir_all(out.join(FRAGMENTS)).with_context(|| out.display().to_string())?;
    // Cores that have no file of their own help with the others.
    let at_once = args.jobs.map_or(cores(), usize::from).min(plan.files().count());
    let threads = args.read.threads.map_or((cores() / at_once.max(1)).max(1), usize::from);
    Batch {
        args,
        out,
        options: Options { threads, ..judged },
        style: Style { zone: zone(args.tz.as_deref(), true)?, ..Style::plain() },
    }
    .run(&plan)
}

/// Paths from a file or standard input: ended by NUL if there is one in it, else one a line.
fn listed(list: &Path) -> Result<Vec<PathBuf>> {
    let mut text = Vec::new();
    if list == Path::new("-") {
        io::stdin().lock().read_to_end(&mut text).context("standard input")?;
    } else {
        text = fs::read(list).with_context(|| list.display().to_string())?;
    }
    let end = if text.contains(&0) { 0 } else { b'\n' };
    let names = text.split(|&octet| octet == end);
    let names = names.map(|name| if end == 0 { name } else { name.trim_ascii_end() });
    Ok(names.filter(|name| !name.is_empty()).map(path_of).collect())
}

#[cfg(unix)]
fn path_of(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

/// The plan in words.
fn told(plan: &Plan) -> String {
    let mut text = String::new();
    for set in &plan.sets {
        let begins = set.begins.map_or_else(|| "without frames".to_owned(), |at| format!("from {at:.0}"));
        let octets = count(set.octets(), "byte");
        match set.files.len() {
            1 => text += &format!("{}: {}, {begins}\n", set.name, octets),
            files => {
                text += &format!("{}: {files} files as one, {}, {begins}\n", set.name, octets);
                for (path, _) in &set.files {
                    text += &format!("  {}\n", path.display());
                }
            }
        }
    }
    for why in &plan.apart {
        text += &format!("not joined: {why}\n");
    }
    for passed in &plan.passed {
        text += &format!("not read: {}: {}\n", passed.path.display(), passed.why);
    }
    let files = plan.files().count();
    let [captures, files, passed] =
        [(plan.sets.len(), "capture"), (files, "file"), (plan.passed.len(), "file")]
            .map(|(n, what)| count(n as u64, what));
    text + &format!("{captures} of {files}; {passed} not read\n")
}

fn status_of_passed(plan: &Plan) -> Status {
    let status = |passed: &Passed| match passed.kind {
        PassedKind::Foreign => Status::Done,
        PassedKind::NoCapture => Status::Failed,
        PassedKind::Unreadable => Status::Partial,
        PassedKind::Temporary => Status::TryAgain,
    };
    plan.passed.iter().map(status).fold(Status::Done, Status::and)
}

/// What was asked for.
struct Batch<'a> {
    args: &'a BatchArgs,
    out: PathBuf,
    options: Options,
    style: Style,
}

/// What became of all files so far.
#[derive(Default)]
struct Results {
    mapped: HashMap<PathBuf, Mapped>,
    left_out: LeftOut,
    status: Option<Status>,
}

impl Results {
    fn fail(&mut self, path: &Path, why: String, status: Status) {
        self.left_out.failed.push(Failed { path: path.display().to_string(), why });
        self.worse(status);
    }

    fn worse(&mut self, status: Status) {
        self.status = Some(self.status.unwrap_or(Status::Done).and(status));
    }
}

impl Batch<'_> {
    fn run(&self, plan: &Plan) -> Result<Status> {
        let results = Mutex::new(Results::default());
        for passed in &plan.passed {
            if passed.kind == PassedKind::Foreign && !fragment::is_called_capture(&passed.path) {
                locked(&results).left_out.foreign += 1;
                continue;
            }
            eprintln!("cwait-pcap: {}: {}", passed.path.display(), passed.why);
            locked(&results).fail(&passed.path, passed.why.clone(), Status::Done);
        }
        locked(&results).worse(status_of_passed(plan));
        for why in &plan.apart {
            eprintln!("cwait-pcap: {why}");
        }
        let kept = self.out.join(FRAGMENTS).join(STATE);
        let state = State::open(&kept).with_context(|| kept.display().to_string())?;
        let state = Mutex::new(state);
        self.map_all(plan, &results, &state);
        let interrupted = || {
            let raised = self.options.interrupt.is_raised();
            if raised {
                eprintln!("cwait-pcap: interrupted; --resume goes on from here");
            }
            raised
        };
        if interrupted() {
            return Ok(Status::Interrupted);
        }
        let mut results = unlocked(results);
        let jobs = jobs::of(self, plan, &mut results);
        let told = reports::write_all(self, &jobs, &state)?;
        if interrupted() {
            return Ok(Status::Interrupted);
        }
        let timers = told.timers();
        results.worse(told.status.unwrap_or(Status::Done));
        let Results { mut left_out, status, .. } = results;
        left_out.add(told.failed);
        let entries = told.entries;
        let none = entries.is_empty();
        let index = Index::new(entries, timers, left_out);
        for format in INDEX_FORMATS {
            let path = self.out.join(format!("index.{}", format.extension));
            let text = (format.write)(&index)?;
            to_file(&path, |out| out.write_all(text.as_bytes()))
                .with_context(|| path.display().to_string())?;
        }
        if !self.args.quiet {
            self.summarise(&index);
        }
        let status = status.unwrap_or(Status::Done);
        Ok(if none { status.and(Status::Failed) } else { status })
    }

    /// Reads every file, the largest first, on all cores.
    fn map_all(&self, plan: &Plan, results: &Mutex<Results>, state: &Mutex<State>) {
        let mut files: Vec<_> = plan.files().collect();
        files.sort_by_key(|(path, octets)| (std::cmp::Reverse(*octets), path.clone()));
        let bars = Bars::new(self.args.quiet, files.len(), files.iter().map(|file| file.1).sum());
        let jobs = self.threads(files.len());
        let options = Options { threads: (self.options.threads / jobs).max(1), ..self.options.clone() };
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    while let Some((path, octets)) = files.get(next.fetch_add(1, Ordering::Relaxed))
                        && !self.options.interrupt.is_raised()
                    {
                        self.map_one(path, *octets, &options, &bars, results, state);
                    }
                });
            }
        });
    }

    /// So many of them at once.
    fn threads(&self, jobs: usize) -> usize {
        self.args.jobs.map_or(cores(), usize::from).min(jobs)
    }

    fn map_one(
        &self,
        path: &Path,
        octets: u64,
        options: &Options,
        bars: &Bars,
        results: &Mutex<Results>,
        state: &Mutex<State>,
    ) {
        let folder = self.out.join(FRAGMENTS);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut bar = bars.file(&name, octets);
        let known = if self.args.resume { locked(state).known(path).cloned() } else { None };
        let kept = known.and_then(|seen| self.kept(&folder.join(&seen.fragment)));
        let before = Seen::now(path, PathBuf::new());
        let mapped = match kept {
            Some(mapped) => Ok(mapped),
            None => fragment::map(path, &folder, None, options, &mut |at| bar.show(&name, at)),
        };
        match mapped {
            Ok(mapped) => {
                let what = if mapped.known { "known" } else { "read" };
                bar.done(
                    octets,
                    &format!("{}: {}, {what}", path.display(), count(mapped.capture.frames(), "frame")),
                );
                if let Some(trouble) = mapped.capture.trouble() {
                    bars.warn(&format!("{}: {}", path.display(), trouble.what));
                    let status = if trouble.temporary { Status::TryAgain } else { Status::Partial };
                    locked(results).fail(path, trouble.what, status);
                } else if let Ok(mut before) = before {
                    before.fragment = mapped.fragment.file_name().unwrap_or_default().into();
                    if let Err(error) = locked(state).note_file(path, before) {
                        bars.warn(&format!("--resume will read {} again: {error}", path.display()));
                    }
                }
                locked(results).mapped.insert(path.to_owned(), mapped);
            }
            Err(error) => {
                bar.done(octets, &format!("{}: could not be read", path.display()));
                bars.warn(&error.to_string());
                let why = error.to_string();
                let prefix = format!("{}: ", path.display());
                let why = why.strip_prefix(&prefix).unwrap_or(&why).to_owned();
                locked(results).fail(path, why, status_of(&error).and(Status::Partial));
            }
        }
    }

    fn kept(&self, fragment: &Path) -> Option<Mapped> {
        let opened = fragment::Fragment::open(fragment).ok()?;
        let [capture] = opened.captures() else { return None };
        (capture.decode() == self.options.decode).then(|| Mapped {
            fragment: fragment.to_owned(),
            capture: capture.clone(),
            known: true,
        })
    }

    fn summarise(&self, index: &Index) {
        const SHOWN: usize = 20;
        for entry in index.captures.iter().take(SHOWN) {
            let (severity, what) = entry.in_two();
            let colon = if severity.is_empty() { "" } else { ": " };
            eprintln!("{severity}{colon}{}: {what}", entry.name);
        }
        if index.captures.len() > SHOWN {
            eprintln!("... and {} more", index.captures.len() - SHOWN);
        }
        for failed in &index.failed {
            eprintln!("not whole: {}: {}", failed.path, failed.why);
        }
        let index_file = self.out.join("index.html");
        let captures = count(index.captures.len() as u64, "capture");
        eprintln!("{captures}; see {}", index_file.display());
    }
}

/// A thread that failed left nothing half done.
fn unlocked<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The same, for as long as it is needed.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_lines_or_ended_by_nul() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list");
        for (text, names) in [
            ("a.pcap\nb c.pcap\r\n\n", &["a.pcap", "b c.pcap"][..]),
            ("a\nb.pcap\0c.pcap\0", &["a\nb.pcap", "c.pcap"]),
            ("", &[]),
        ] {
            fs::write(&list, text).unwrap();
            let expected: Vec<_> = names.iter().map(PathBuf::from).collect();
            assert_eq!(listed(&list).unwrap(), expected);
        }
    }
}
