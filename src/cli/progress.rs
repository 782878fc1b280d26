//! The progress bar: on standard error, and only where a person looks at it.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// How far the work is.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Nothing is drawn if standard error is no terminal, or if `quiet`.
    pub fn new(quiet: bool) -> Progress {
        let hidden = quiet || !io::stderr().is_terminal();
        Progress { bar: if hidden { ProgressBar::hidden() } else { ProgressBar::new_spinner() } }
    }

    /// So many octets, of so many if that is known, and frames are done.
    pub fn show(&self, octets: u64, of: Option<u64>, frames: u64) {
        if self.bar.is_hidden() {
            return;
        }
        if let Some(of) = of.filter(|&of| self.bar.length() != Some(of)) {
            self.bar.set_length(of);
            self.bar
                .set_style(style("{bar:24} {bytes} of {total_bytes}, {msg}, {bytes_per_sec}, {eta} left"));
        } else if of.is_none() && self.bar.position() == 0 {
            self.bar.set_style(style("{spinner} {bytes}, {msg}, {bytes_per_sec}"));
        }
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        self.bar.set_position(octets);
        self.bar.set_message(format!("{frames} frames ({:.0}/s)", frames as f64 / seconds));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
