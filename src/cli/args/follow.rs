//! Options of `analyze` for captures that are still being written.

use std::path::PathBuf;

use clap::Args as Group;
use cwait_pcap::wire::Span;

/// A capture that is still being written.
#[derive(Group, Debug)]
#[command(next_help_heading = "A capture that is still being written")]
pub struct FollowArgs {
    /// Wait at the end of the file for more, and go on with the next file of its ring (tcpdump -C, -G, -W; dumpcap -b)
    /// until Ctrl-C, which writes the report
    #[arg(short = 'f', long)]
    pub follow: bool,
    /// Say every so often how things stand: 10s, 5min [default with --follow: 10s]
    #[arg(long, value_name = "DURATION")]
    pub every: Option<Span>,
    /// Add a line of JSON to this file for each finding that is opened, updated or closed; '-' is standard output
    #[arg(long, value_name = "FILE")]
    pub alerts: Option<PathBuf>,
    /// Keep figures for a monitoring system in this file (OpenMetrics), written anew each time
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
}

impl FollowArgs {
    /// Whether to look in between at all.
    pub fn is_asked_for(&self) -> bool {
        self.follow || self.every.is_some() || self.alerts.is_some() || self.metrics.is_some()
    }

    /// How often to look.
    pub fn interval(&self) -> std::time::Duration {
        let span = self.every.unwrap_or(Span::secs(10)).max(Span::millis(100));
        std::time::Duration::from_nanos(u64::try_from(span.0).unwrap_or(u64::MAX))
    }
}
