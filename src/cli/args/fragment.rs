//! What can be typed for partial results.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};
use cwait_pcap::fragment::Joining;

use super::ReadArgs;

#[derive(Group, Debug)]
pub struct MapArgs {
    /// Captures, each read on its own: files are read twice, the first time for their names; '-' is standard input, which ends
    /// with Ctrl-C too
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// Write the fragments into this folder, named by the content of their captures
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What the captures of one capture point are called [default: their folder and name, without what counts up]
    #[arg(long, value_name = "NAME")]
    pub series: Option<String>,
    #[command(flatten)]
    pub read: ReadArgs,
    /// Nothing but errors on standard error
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Group, Debug)]
pub struct MergeArgs {
    /// Fragments, or folders of them
    #[arg(required = true, value_name = "PART")]
    pub parts: Vec<PathBuf>,
    /// Write the merged fragment to this file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Leave out fragments that are damaged or of a newer version, and merge the rest
    #[arg(long)]
    pub keep_going: bool,
    /// Nothing but errors on standard error
    #[arg(short, long)]
    pub quiet: bool,
}

/// Which captures are one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum JoinArg {
    /// None: each is reported on its own
    Never,
    /// Those of one series by name (tcpdump -C, -G, -W, dumpcap rings) with equal link types
    #[default]
    Auto,
    /// All of them
    All,
}

impl From<JoinArg> for Joining {
    fn from(join: JoinArg) -> Joining {
        match join {
            JoinArg::Never => Joining::Never,
            JoinArg::Auto => Joining::Auto,
            JoinArg::All => Joining::All,
        }
    }
}
