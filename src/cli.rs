//! The command line: arguments in, library calls, output, exit status. One file per concern below; what a command
//! knows about captures or reports is in the library.

mod analyze;
mod args;
mod batch;
mod extract;
mod follow;
mod fragment;
mod interrupt;
mod job;
mod output;
mod progress;
mod show;
mod sockets;
mod status;
mod words;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use cwait_pcap::report::plain;
use status::Status;

/// Runs the command that was typed.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Command::Analyze(args) => analyze::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Sockets(args) => sockets::run(&args),
        Command::Batch(args) => batch::run(&args),
        Command::Map(args) => fragment::map(&args),
        Command::Merge(args) => fragment::merge(&args),
        Command::Report(args) => words::report(&args),
        Command::Explain(args) => words::explain(&args),
        Command::Advise(args) => words::advise(&args),
        Command::Schema => words::schema(),
        Command::Completions { shell } => words::completions(shell),
        Command::Man(args) => words::man(&args),
    };
    let status = done.unwrap_or_else(|error| {
        let status = Status::of_error(&error);
        if status != Status::Done {
            eprintln!("cwait-pcap: {}", plain(&said_once(&error)));
        }
        status
    });
    status.into()
}

/// The error and its causes; a cause that the text before it already quotes is not said again.
fn said_once(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
