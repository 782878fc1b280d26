//! The command line: arguments in, library calls, output, exit status. One file per concern below; what a command
//! knows about captures or reports is in the library.

mod args;
mod job;
mod output;
mod progress;
mod status;
mod words;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use status::Status;

/// Runs the command that was typed.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
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
            eprintln!("cwait-pcap: {error:#}");
        }
        status
    });
    status.into()
}
