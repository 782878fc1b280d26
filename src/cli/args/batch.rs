//! What can be typed for many captures at once.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args as Group;

use super::{GateArgs, JoinArg, JudgeArgs, ReadArgs, SelectArgs, values};

#[derive(Group, Debug)]
pub struct BatchArgs {
    /// Captures, folders of them, or quoted patterns ('*.pcap', '**/eth0-*.pcap.gz')
    #[arg(required_unless_present = "files_from", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Read more paths from this file, one a line, or ended by NUL as 'find -print0' does; '-' is standard input
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,
    /// Folders inside folders, too
    #[arg(short, long)]
    pub recursive: bool,
    /// Which captures are one
    #[arg(long, value_name = "WHICH", default_value = "auto")]
    pub join: JoinArg,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write the reports and the index into this folder
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    pub out: Option<PathBuf>,
    /// The format of the reports; several times for several
    #[arg(long, value_name = "FORMAT", value_parser = values::formats(), default_value = "html")]
    pub format: Vec<String>,
    /// So many captures at once [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Do not read again what was read into the same folder before and has not changed
    #[arg(long)]
    pub resume: bool,
    /// The time zone in which times are shown, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Nothing but errors on standard error
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub gate: GateArgs,
}
