//! How far a batch is: bars for the whole and for each file being read, where a person looks; lines elsewhere.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};

use cwait_pcap::analysis::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// All bars.
pub struct Bars {
    bars: MultiProgress,
    whole: ProgressBar,
    drawn: bool,
    quiet: bool,
    done: AtomicUsize,
    of: usize,
}

/// The bar of one file.
pub struct FileBar<'a> {
    bar: ProgressBar,
    of: &'a Bars,
    shown: u64,
}

const REPORTS: &str = "{bar:24} {pos} of {len} reports, {eta} left";
const WHOLE: &str = "{bar:24} {bytes} of {total_bytes}, {msg}, {bytes_per_sec}, {eta} left";
const FILE: &str = "  {bar:22} {bytes} of {total_bytes} {msg}, {eta} left";

impl Bars {
    /// For so many files of so many octets.
    pub fn new(quiet: bool, files: usize, octets: u64) -> Bars {
        let drawn = !quiet && io::stderr().is_terminal();
        let bars = MultiProgress::new();
        let whole = if drawn { bars.add(ProgressBar::new(octets)) } else { ProgressBar::hidden() };
        whole.set_style(style(WHOLE));
        let this = Bars { bars, whole, drawn, quiet, done: AtomicUsize::new(0), of: files };
        this.count();
        this
    }

    /// A file is being read.
    pub fn file(&self, name: &str, octets: u64) -> FileBar<'_> {
        let bar = if self.drawn { self.bars.add(ProgressBar::new(octets)) } else { ProgressBar::hidden() };
        bar.set_style(style(FILE));
        bar.set_message(name.to_owned());
        FileBar { bar, of: self, shown: 0 }
    }

    /// Something worth a line.
    pub fn say(&self, line: &str) {
        if self.drawn {
            // Between the bars; a terminal that went away is told nothing.
            let _ = self.bars.println(line);
        } else if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// Something that has to be said.
    pub fn warn(&self, line: &str) {
        self.bars.suspend(|| eprintln!("cwait-pcap: {line}"));
    }

    fn count(&self) {
        let done = self.done.load(Ordering::Relaxed);
        self.whole.set_message(format!("{done} of {} files", self.of));
    }
}

/// How many of so many reports are written.
pub fn of_reports(quiet: bool, reports: usize) -> ProgressBar {
    if quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(reports as u64);
    bar.set_style(style(REPORTS));
    bar
}

impl FileBar<'_> {
    /// So far it was read.
    pub fn show(&mut self, name: &str, at: Progress) {
        self.of.whole.inc(at.bytes.saturating_sub(self.shown));
        self.shown = at.bytes.max(self.shown);
        self.bar.set_position(at.bytes);
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        self.bar.set_message(format!("{name}, {:.0} frames/s", at.frames as f64 / seconds));
    }

    /// It is read; `octets` were expected.
    pub fn done(self, octets: u64, line: &str) {
        self.of.whole.inc(octets.saturating_sub(self.shown));
        let done = 1 + self.of.done.fetch_add(1, Ordering::Relaxed);
        self.of.count();
        self.bar.finish_and_clear();
        if !self.of.drawn {
            self.of.say(&format!("[{done}/{}] {line}", self.of.of));
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.whole.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
