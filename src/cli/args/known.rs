//! What the user knows beforehand.

use std::path::PathBuf;

use clap::Args as Group;

/// What the user knows beforehand.
#[derive(Group, Debug)]
#[command(next_help_heading = "What you know")]
pub struct KnownArgs {
    /// Names of hosts, and what they do, shown in the report: lines such as '192.0.2.9 = app-server role server', or as in
    /// /etc/hosts
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
    /// Services that take their time or hold connections half closed, and findings that are accepted for a reason (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
