//! The binary: reads one capture and prints its report as JSON.

use cwait_pcap::analysis::{self, Options};
use cwait_pcap::report::{Listed, Report, Request};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args();
    let command_line: Vec<_> = arguments.by_ref().collect();
    let listed = if command_line.get(2).is_some() { Listed::All } else { Listed::Flagged };
    let options = Options { keep_all: listed == Listed::All, ..Options::default() };
    let inputs = command_line.get(1).map(Into::into).into_iter().collect::<Vec<_>>();
    let outcome = analysis::run(&inputs, &options, &mut |_| {})?;
    let report = Report::build(&outcome, &Request { command_line, listed, limit: None });
    serde_json::to_writer_pretty(std::io::BufWriter::new(std::io::stdout().lock()), &report)?;
    Ok(())
}
