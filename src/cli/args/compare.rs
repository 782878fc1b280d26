//! What can be typed after `compare`.

use std::path::PathBuf;

use clap::{Args as Group, ColorChoice};
use cwait_pcap::report::CompareFormat;

use super::values::Badness;
use super::{AnonymiseArgs, JudgeArgs, ReadArgs};

#[derive(Group, Debug)]
pub struct CompareArgs {
    /// Captures of the same traffic at different places, one argument for each place: a file, several that follow one
    /// another as FILE,FILE, or a folder of them; files, since they are read twice
    #[arg(required = true, num_args = 2.., value_name = "CAPTURE")]
    pub vantages: Vec<PathBuf>,
    /// What the places are called, in the order of the captures [default: the names of the files]
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    /// Write to this file, in the format of its extension; several times for several formats; '-' is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// The format, whatever the extension
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<CompareFormatArg>,
    /// Exit with 1 if there is a finding at least as bad
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Badness>,
    /// The time zone in which times are shown [default: the system's on a terminal and in files, UTC in a pipe]
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Colours; NO_COLOR and CLICOLOR are honoured
    #[arg(long, visible_alias = "colour", value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// One line per finding; no progress bar
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Every ladder
    #[arg(short, long)]
    pub verbose: bool,
    /// What the report is called
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// A remark that the report carries; several times for several
    #[arg(long, value_name = "TEXT")]
    pub note: Vec<String>,
    #[command(flatten)]
    pub anonymise: AnonymiseArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// [`CompareFormat`] as it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum CompareFormatArg {
    /// Text of 80 columns
    Terminal,
    /// One self-contained page to attach or mail
    Html,
    /// For GitHub and GitLab
    Markdown,
    /// Everything, for programs; 'cwait-pcap schema compare' describes it
    Json,
    /// The same, one JSON value per line
    Ndjson,
}

impl From<CompareFormatArg> for CompareFormat {
    fn from(format: CompareFormatArg) -> CompareFormat {
        match format {
            CompareFormatArg::Terminal => CompareFormat::Terminal,
            CompareFormatArg::Html => CompareFormat::Html,
            CompareFormatArg::Markdown => CompareFormat::Markdown,
            CompareFormatArg::Json => CompareFormat::Json,
            CompareFormatArg::Ndjson => CompareFormat::NdJson,
        }
    }
}

/// What `schema` describes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum SchemaOf {
    /// The report of 'analyze'
    #[default]
    Report,
    /// The report of 'compare'
    Compare,
}
