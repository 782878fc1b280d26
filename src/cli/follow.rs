//! `analyze --follow`, `--every`: a capture that is still being written. One thread reads, this one looks now and then;
//! Ctrl-C (or SIGTERM) ends the reading and writes the report.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cwait_pcap::analysis::{Options, Outcome, Shown};
use cwait_pcap::capture::{CaptureError, Limits, Looks, Reader};
use cwait_pcap::follow::{Alert, Alerts, Follower, Ring, Tail, Wait, write_metrics};
use cwait_pcap::place;
use cwait_pcap::report::{Report, Request};
use cwait_pcap::wire::{Span, Timestamp};

use super::analyze::{command_line, may_pass};
use super::args::AnalyzeArgs;
use super::interrupt;
use super::job::Publication;
use super::output::{check_file, to_file};
use super::status::Status;

/// How long to wait at the end of a file before looking for more.
const POLL: Duration = Duration::from_millis(200);
/// Looks for more in the file before the folder is searched for the file that continues it.
const POLLS_PER_SEARCH: u32 = 5;
/// After Ctrl-C the program at the other end of a pipe writes what it still holds.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What the reading thread shares.
type Shared = Arc<Mutex<Follower>>;

/// What ends a wait.
enum Event {
    /// Ctrl-C, SIGTERM, SIGHUP.
    Interrupted,
    /// There is no more to read, or reading failed before a record was seen.
    Ended(Result<()>),
}

/// Reads until the end or Ctrl-C, tells now and then, writes the report.
pub fn run(args: &AnalyzeArgs, publication: &Publication, options: Options) -> Result<Status> {
    let follow = &args.follow;
    for file in follow.alerts.iter().chain(&follow.metrics).filter(|file| !is_stdio(file)) {
        check_file(file, &args.captures)?;
    }
    if follow.follow && args.captures.len() > 1 {
        bail!("--follow reads one file and what continues it; {} were given", args.captures.len());
    }
    let (events, next) = mpsc::channel();
    let handler = events.clone();
    interrupt::instead(move || _ = handler.send(Event::Interrupted));
    let shared: Shared = Arc::new(Mutex::new(Follower::new(options.clone())));
    let reader = Reading {
        shared: Arc::clone(&shared),
        limits: options.read,
        captures: args.captures.clone(),
        grows: follow.follow,
    };
    thread::spawn(move || {
        let ended = reader.run();
        // Nobody listens any more if the report is being written already.
        let _ = events.send(Event::Ended(ended));
    });
    let mut desk = Desk::open(args, publication)?;
    let mut due = Instant::now() + follow.interval();
    let mut reached = false;
    let interrupted = loop {
        match next.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {
                let outcome = look(&shared);
                reached |= desk.tell(&outcome)?;
                due = Instant::now() + follow.interval();
            }
            Ok(Event::Ended(ended)) => break ended.map(|()| false)?,
            Ok(Event::Interrupted) | Err(RecvTimeoutError::Disconnected) => {
                if let Ok(Event::Ended(ended)) = next.recv_timeout(LAST_WORDS) {
                    ended?;
                }
                break true;
            }
        }
    };
    let outcome = look(&shared);
    reached |= desk.tell(&outcome)?;
    let written = publication.publish_outcome(&outcome, &desk.request(), Some(&options))?;
    Ok(match (interrupted, may_pass(&outcome)) {
        (true, _) => Status::Interrupted,
        (_, true) => Status::TryAgain,
        // A gate that was reached on the way stays reached.
        _ if reached => Status::Reached,
        _ => written,
    })
}

/// What was seen so far. A thread that panicked has said so; what it had counted still counts.
fn lock(shared: &Shared) -> MutexGuard<'_, Follower> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(shared: &Shared) -> Outcome {
    lock(shared).look(Timestamp(i64::MIN))
}

fn is_stdio(path: &Path) -> bool {
    path == Path::new("-")
}

/// The thread that reads.
struct Reading {
    shared: Shared,
    limits: Limits,
    captures: Vec<PathBuf>,
    /// Files are still being written.
    grows: bool,
}

impl Reading {
    fn run(&self) -> Result<()> {
        let first = &self.captures[0];
        if self.grows && place::is_remote(first) {
            bail!(
                "{}: --follow waits at the end of a file; an object in a store does not grow",
                first.display()
            );
        }
        if self.grows && !is_stdio(first) {
            return self.follow(first);
        }
        for path in &self.captures {
            let reader = match is_stdio(path) {
                true => Reader::from_read(Box::new(io::stdin()), &self.limits),
                false => Reader::open(path, &self.limits),
            };
            self.read(path, reader)?;
        }
        Ok(())
    }

    /// One file, and whatever continues it.
    fn follow(&self, first: &Path) -> Result<()> {
        let ring = Arc::new(Mutex::new(Ring::of(first, self.limits)));
        let mut path = first.to_owned();
        loop {
            let file = File::open(&path).with_context(|| path.display().to_string())?;
            let found = Arc::new(Mutex::new(None));
            let tail = Tail::new(file, self.wait(Arc::clone(&ring), Arc::clone(&found)));
            lock(&self.shared).begin(path.clone());
            let name = path.clone();
            let began = |at| ring.lock().unwrap_or_else(PoisonError::into_inner).reading(&name, at);
            self.read_on(Reader::from_read(Box::new(tail), &self.limits), began)
                .with_context(|| path.display().to_string())?;
            let next = found.lock().unwrap_or_else(PoisonError::into_inner).take();
            match next {
                Some(next) => path = next,
                None => return Ok(()),
            }
        }
    }

    /// What to do at the end of a file that grows: wait, or go on with the file that continues it.
    fn wait(
        &self,
        ring: Arc<Mutex<Ring>>,
        found: Arc<Mutex<Option<PathBuf>>>,
    ) -> impl FnMut() -> Wait + Send + use<> {
        let shared = Arc::clone(&self.shared);
        let mut polls = 0;
        move || {
            thread::sleep(POLL);
            polls += 1;
            if polls % POLLS_PER_SEARCH != 0 {
                return Wait::Over;
            }
            let last = lock(&shared).last();
            let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(next) = (last.frame > 0).then(|| ring.successor(last.at)).flatten() else {
                return Wait::Over;
            };
            *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
            Wait::End
        }
    }

    fn read(&self, path: &Path, reader: Result<Reader, CaptureError>) -> Result<()> {
        lock(&self.shared).begin(path.to_owned());
        self.read_on(reader, |_| ()).with_context(|| Shown(path).to_string())
    }

    /// Hands record after record to the follower, `began` the time of the first one. The lock is held only while there
    /// are records at hand.
    fn read_on(&self, reader: Result<Reader, CaptureError>, began: impl FnOnce(Timestamp)) -> Result<()> {
        let mut reader = reader.map_err(of_text)?;
        let (mut first, mut began) = (None, Some(began));
        loop {
            let mut follower: Option<MutexGuard<'_, Follower>> = None;
            let more = reader.next_batch(&mut |record| {
                first.get_or_insert(record.at);
                follower.get_or_insert_with(|| lock(&self.shared)).observe(record);
            });
            drop(follower);
            if let Some(at) = first
                && let Some(began) = began.take()
            {
                began(at);
            }
            let mut follower = lock(&self.shared);
            follower.learned(&reader);
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    follower.failed(&error);
                    return Ok(());
                }
            }
        }
    }
}

/// Where what is told in between goes.
struct Desk<'a> {
    args: &'a AnalyzeArgs,
    publication: &'a Publication,
    alerts: Alerts,
    alert_lines: Option<Box<dyn Write>>,
    /// Frames at the look before, and when there were more than at the one before that.
    frames: u64,
    since: Instant,
}

impl<'a> Desk<'a> {
    fn open(args: &'a AnalyzeArgs, publication: &'a Publication) -> Result<Desk<'a>> {
        let alert_lines: Option<Box<dyn Write>> = match &args.follow.alerts {
            None => None,
            Some(file) if is_stdio(file) => Some(Box::new(io::stdout())),
            Some(file) => {
                let opened = OpenOptions::new().create(true).append(true).open(file);
                Some(Box::new(opened.with_context(|| file.display().to_string())?))
            }
        };
        Ok(Desk {
            args,
            publication,
            alerts: Alerts::default(),
            alert_lines,
            frames: 0,
            since: Instant::now(),
        })
    }

    fn request(&self) -> Request {
        Request {
            command_line: command_line(),
            listed: self.publication.listed(),
            limit: self.args.gate.limit,
        }
    }

    /// Summary, alerts and figures of this moment. Whether a gate is reached.
    fn tell(&mut self, outcome: &Outcome) -> Result<bool> {
        let report = self.publication.finished(Report::build(outcome, &self.request()))?;
        let changes = self.alerts.update(&report);
        if report.capture.frames != self.frames {
            (self.frames, self.since) = (report.capture.frames, Instant::now());
        }
        if let Some(lines) = &mut self.alert_lines {
            for change in &changes {
                serde_json::to_writer(&mut *lines, change)?;
                lines.write_all(b"\n")?;
            }
            lines.flush()?;
        }
        if let Some(file) = &self.args.follow.metrics {
            to_file(file, |out| write_metrics(&report, self.alerts.open(), out))
                .with_context(|| file.display().to_string())?;
        }
        if !self.args.output.quiet {
            self.say(&report, &changes)?;
        }
        Ok(self.publication.status(&report) == Status::Reached)
    }

    /// A line on how things stand, and one for each change: to standard output if people read the report there.
    fn say(&self, report: &Report, changes: &[Alert]) -> io::Result<()> {
        let alerts_there = self.args.follow.alerts.as_deref().is_some_and(is_stdio);
        let mut out: Box<dyn Write> = match self.publication.speaks_to_people() && !alerts_there {
            true => Box::new(io::stdout()),
            false => Box::new(io::stderr()),
        };
        let style = self.publication.style();
        let idle = i64::try_from(self.since.elapsed().as_secs()).unwrap_or(i64::MAX);
        writeln!(out, "{}", report.standing(Span::secs(idle), style))?;
        for change in changes {
            writeln!(out, "  {change}")?;
        }
        out.flush()
    }
}

/// Text is read as a whole or not at all: whoever prints packets as they come can write them.
fn of_text(error: CaptureError) -> anyhow::Error {
    let is_text = matches!(error, CaptureError::NotACapture { looks: Looks::Text, .. });
    let error = anyhow::Error::new(error);
    match is_text {
        true => error.context("--follow reads captures only; text is read without it"),
        false => error,
    }
}
