//! The progress bar: on standard error, and only where a person looks at it.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// How far the work is.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for `total` octets; a running count where the total is not known. Nothing is drawn if standard error is
    /// no terminal, or if `quiet`.
    pub fn new(total: Option<u64>, quiet: bool) -> Progress {
        let bar = if quiet || !io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            total.map_or_else(ProgressBar::new_spinner, ProgressBar::new)
        };
        let template = match total {
            Some(_) => "{bar:24} {bytes} of {total_bytes}, {msg}, {bytes_per_sec}, {eta} left",
            None => "{spinner} {bytes}, {msg}, {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress { bar }
    }

    /// So many octets and frames are done.
    pub fn advanced(&self, octets: u64, frames: u64) {
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        self.bar.set_position(octets);
        self.bar.set_message(format!("{frames} frames ({:.0}/s)", frames as f64 / seconds));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
