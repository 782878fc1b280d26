//! What can be typed. Nothing is decided here: [`super::job`] turns it into what the library takes.

mod batch;
mod compare;
mod follow;
mod fragment;
mod known;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{ArgAction, Args as Group, ColorChoice, Parser, Subcommand};
use clap_complete::Shell;
use cwait_pcap::report::{FORMATS, SCHEMA_VERSION, SORTS};
use cwait_pcap::wire::Span;

pub use batch::BatchArgs;
pub use compare::{CompareArgs, SchemaOf};
pub use follow::FollowArgs;
pub use fragment::{JoinArg, MapArgs, MergeArgs};
pub use known::KnownArgs;
pub use values::OnInterrupt;
pub use values::SocketsFormat;
use values::{Badness, TunnelArg, Which, ZoneArg, formats, size, sorts};

const EXIT_STATUS: &str = "\
Exit status:
  0   done, whatever was found
  1   done, and --fail-on or --limit was given and reached
  2   could not be done: usage, no such file, not a capture
  3   done in part: an input or a stretch of it could not be read, the report says which
  75  try again: a passing failure, such as a full disk
  130 interrupted (Ctrl-C); no unfinished file is left behind";

/// Version, schema version, and what this build can write.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let formats: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
    format!("{}\nreport schema {SCHEMA_VERSION}\nformats: {}", env!("CARGO_PKG_VERSION"), formats.join(", "))
});

/// Tells from a packet capture which side never sent its FIN, since when and on what proof
#[derive(Parser, Debug)]
#[command(name = "cwait-pcap", version = VERSION.as_str(), after_help = EXIT_STATUS, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Say which side never sent its FIN, since when and on what proof
    Analyze(Box<AnalyzeArgs>),
    /// Draw one connection: what passed between its ends, and in which states that left them
    Show(ShowArgs),
    /// Write a small capture (pcapng) of the connections that matter, findings as packet comments
    Extract(Box<ExtractArgs>),
    /// Compare captures of the same traffic at several places: where a segment was lost, made or changed
    Compare(Box<CompareArgs>),
    /// Count the sockets in listings of one host (ss, netstat, lsof ...) by state, service and process
    Sockets(SocketsArgs),
    /// Read many captures on all cores: a report each, and one index over all
    Batch(Box<BatchArgs>),
    /// Write a fragment per capture: its facts as a table, to be merged and judged elsewhere or later
    Map(MapArgs),
    /// Merge fragments into one, in any order and grouping
    Merge(MergeArgs),
    /// Judge a merged fragment, or write a kept JSON report in another format
    Report(Box<ReportArgs>),
    /// The long text of a finding or a topic: what it means, what proves it, what helps
    Explain(ExplainArgs),
    /// Judge timer settings, or say how to capture on an operating system
    Advise(AdviseArgs),
    /// Print the JSON Schema of a JSON report
    Schema {
        /// Of which report
        #[arg(value_name = "REPORT", default_value = "report")]
        of: SchemaOf,
    },
    /// Print a completion script
    Completions {
        /// The shell that will read it
        shell: Shell,
    },
    /// Print the manual page
    Man(ManArgs),
}

#[derive(Group, Debug)]
pub struct AnalyzeArgs {
    /// Captures of one place, read as one in the order of their times: pcap, pcapng, snoop; gz, zst, lz4, xz, bz2 are
    /// unpacked; '-' is standard input
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    #[command(flatten)]
    pub follow: FollowArgs,
    #[command(flatten)]
    pub host: HostArgs,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub known: KnownArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub listing: ListingArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub gate: GateArgs,
    /// What Ctrl-C does: stop ends the program; report ends the reading, of a pipe too, and reports what is known by then,
    /// and a second Ctrl-C ends the program
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    pub on_interrupt: OnInterrupt,
}

#[derive(Group, Debug)]
pub struct ShowArgs {
    /// The capture; '-' is standard input
    pub capture: PathBuf,
    /// The connection: its stream number as in Wireshark, its id as in a report, or ADDR:PORT-ADDR:PORT
    #[arg(required_unless_present = "flow")]
    pub which: Option<String>,
    /// The connection between these ends, in either order
    #[arg(long, value_name = "ADDR:PORT-ADDR:PORT", conflicts_with = "which")]
    pub flow: Option<String>,
    /// Say for every rule why it does or does not apply
    #[arg(long)]
    pub why: bool,
    /// The time zone in which times are shown [default: the system's on a terminal, UTC in a pipe]
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub known: KnownArgs,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// What hosts say of themselves.
#[derive(Group, Debug)]
#[command(next_help_heading = "The hosts' own records")]
pub struct HostArgs {
    /// What ss, netstat, lsof, PowerShell or /proc/net/tcp printed on one of the hosts, once or many times; several times
    /// for several files
    #[arg(long, value_name = "LISTING")]
    pub sockets: Vec<PathBuf>,
    /// What strace, truss, kdump or tusc wrote of a program on one of the hosts; several times for several files
    #[arg(long, value_name = "LOG")]
    pub trace: Vec<PathBuf>,
    /// When listings without any date were made: 2026-11-23T09:12:44Z, '2026-11-23 09:12:44' in the zone of --tz
    /// [default: compared with the end of the capture]
    #[arg(long, value_name = "TIME")]
    pub sockets_at: Option<String>,
}

/// Which connections are looked at. Every frame is read all the same.
#[derive(Group, Debug)]
#[command(next_help_heading = "Which connections are looked at")]
pub struct SelectArgs {
    /// Connections with this port on either side; several times for several
    #[arg(long, value_name = "PORT")]
    pub port: Vec<u16>,
    /// Connections with this address on either side; several times for several
    #[arg(long, value_name = "ADDR")]
    pub host: Vec<IpAddr>,
    /// Connections that were there at this time or later: 2026-11-23T09:12:44Z, '2026-11-23 09:12:44' in the zone of
    /// --tz
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Connections that were there at this time or earlier
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// What is a finding.
#[derive(Group, Debug)]
#[command(next_help_heading = "What is a finding")]
pub struct JudgeArgs {
    /// How long a side may take to send its FIN before it owes it: 90s, 15min [default: by each service's own habits]
    #[arg(long, value_name = "DURATION")]
    pub grace: Option<Span>,
    /// An endpoint that listens, where the start of its connections was not captured; several times for several
    #[arg(long, value_name = "ADDR:PORT")]
    pub server: Vec<SocketAddr>,
}

/// How captures are read.
#[derive(Group, Debug)]
#[command(next_help_heading = "Reading")]
pub struct ReadArgs {
    /// Which TCP to follow where one packet travels inside another
    #[arg(long, value_name = "WHICH", default_value = "inner")]
    pub tunnel: TunnelArg,
    /// What keeps connections with equal addresses and ports apart
    #[arg(long, value_name = "WHAT", default_value = "none")]
    pub zone: ZoneArg,
    /// Put a hash (BLAKE3) of each file into the report; reads each file once more
    #[arg(long)]
    pub hash: bool,
    /// Threads that analyse; the result is the same for any number [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Keep to about this much memory (512MB, 4GB): what there is no room for, attempts without an answer first, is
    /// counted and not judged
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
}

#[derive(Group, Debug)]
pub struct SocketsArgs {
    /// What ss, netstat, lsof, PowerShell or /proc/net/tcp printed on one host, once or many times; compressed or not;
    /// '-' is standard input
    #[arg(required = true, value_name = "LISTING")]
    pub listings: Vec<PathBuf>,
    /// Exit with 1 if one service has at least so many sockets in CLOSE-WAIT at the last snapshot
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Only services on this port
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// When a listing without any date was made: 2026-11-23T09:12:44Z, '2026-11-23 09:12:44' in the zone of --tz
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// The time zone of dates that name none, and of what is shown [default: the system's, UTC in a pipe]
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// The format of the report
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    pub format: SocketsFormat,
    /// Every row, snapshot and unread line
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Group, Debug)]
pub struct ExtractArgs {
    /// Captures of one place, read as one in the order of their times; files, since they are read more than once
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// Write to this file
    #[arg(short, long, value_name = "FILE.pcapng")]
    pub output: PathBuf,
    /// This connection, by Wireshark's stream number or by the name that reports give it; several times for several
    /// [default: those with a finding or undecided]
    #[arg(long, value_name = "STREAM")]
    pub stream: Vec<String>,
    /// Connections with this finding, such as missing-fin; several times for several
    #[arg(long, value_name = "NAME")]
    pub finding: Vec<String>,
    /// Every connection
    #[arg(long, conflicts_with_all = ["stream", "finding"])]
    pub all: bool,
    /// So many octets of each segment's payload are kept
    #[arg(long, value_name = "OCTETS", default_value_t = 0)]
    pub payload: usize,
    /// So many frames are kept of each connection, from both ends; frames with SYN, FIN or RST and the edges of silences
    /// are kept besides
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub frames: usize,
    /// Nothing but errors on standard error
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub anonymise: AnonymiseArgs,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub known: KnownArgs,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Other names for addresses.
#[derive(Group, Debug)]
#[command(next_help_heading = "Anonymity")]
pub struct AnonymiseArgs {
    /// Replace addresses and names; the same key gives the same ones in every report and extract, prefixes stay
    /// common. Others on this machine can see the key: --anonymize-key-file is better
    #[arg(long, visible_alias = "anonymise", value_name = "KEY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub anonymize: Option<String>,
    /// The same, with the key in a file
    #[arg(long, value_name = "FILE", conflicts_with = "anonymize")]
    pub anonymize_key_file: Option<PathBuf>,
}

impl AnonymiseArgs {
    /// Whether there is a key.
    pub fn is_asked_for(&self) -> bool {
        self.anonymize.is_some() || self.anonymize_key_file.is_some()
    }
}

#[derive(Group, Debug)]
pub struct ReportArgs {
    /// A fragment written by map or merge, or a report written with --format json ('-' is standard input)
    pub file: PathBuf,
    /// Which captures of a fragment are one
    #[arg(long, value_name = "WHICH", default_value = "auto")]
    pub join: JoinArg,
    /// Of a fragment with captures of several places, this one
    #[arg(long, value_name = "NAME")]
    pub set: Option<String>,
    #[command(flatten)]
    pub host: HostArgs,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub known: KnownArgs,
    #[command(flatten)]
    pub listing: ListingArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub gate: GateArgs,
}

/// Which connections are listed.
#[derive(Group, Debug)]
#[command(next_help_heading = "Connections")]
pub struct ListingArgs {
    /// Which connections to list [default: none in a terminal report; else the flagged ones, or all of a kept report]
    #[arg(long, value_name = "WHICH")]
    pub connections: Option<Which>,
    /// The order of the listed connections
    #[arg(long, value_name = "ORDER", default_value = SORTS[0].name, value_parser = sorts())]
    pub sort: String,
}

/// Where the report goes and what it looks like.
#[derive(Group, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Write to this file, in the format of its extension; several times for several formats; '-' is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// The format, whatever the extension
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub format: Option<String>,
    /// The time zone in which times are shown, such as Europe/Berlin or UTC [default: the system's on a terminal and
    /// in files, UTC in a pipe]
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Colours; NO_COLOR and CLICOLOR are honoured
    #[arg(long, visible_alias = "colour", value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    #[command(flatten)]
    pub anonymise: AnonymiseArgs,
    /// One line per finding; no progress bar
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Everything the report holds
    #[arg(short, long)]
    pub verbose: bool,
    /// Compare with an earlier report (JSON): which findings are gone, new, more or fewer
    #[arg(long, value_name = "OLD.json")]
    pub against: Option<PathBuf>,
    /// What the report is called
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// A remark that the report carries; several times for several
    #[arg(long, value_name = "TEXT", action = ArgAction::Append)]
    pub note: Vec<String>,
}

/// What makes the exit status 1.
#[derive(Group, Debug)]
#[command(next_help_heading = "Exit status")]
pub struct GateArgs {
    /// Exit with 1 if there is a finding at least as bad
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Badness>,
    /// Exit with 1 if one service owes its FIN on at least so many connections
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

#[derive(Group, Debug)]
pub struct ExplainArgs {
    /// A finding (missing-fin) or a topic (close-wait); without it, the list of both
    pub name: Option<String>,
}

#[derive(Group, Debug)]
#[group(required = true, multiple = false)]
pub struct AdviseArgs {
    /// Judge the timer settings in this file: what ndd, ipadm, sysctl, no, netsh or regedit printed; '-' is standard
    /// input
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// How to take a capture that can answer the question on this operating system
    #[arg(long, value_name = "OS")]
    pub capture_recipe: Option<String>,
}

#[derive(Group, Debug)]
pub struct ManArgs {
    /// Write a page for the program and one for each command into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_option_explains_itself() {
        let mut command = Args::command();
        command.build();
        command.clone().debug_assert();
        let mut commands: Vec<&clap::Command> = vec![&command];
        while let Some(command) = commands.pop() {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {} has no help", command.get_name(), arg.get_id());
            }
            commands.extend(command.get_subcommands().filter(|c| c.get_name() != "help"));
        }
    }
}
