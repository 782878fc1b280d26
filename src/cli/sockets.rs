//! `sockets`: listings of one host counted, without a capture. [`listing`] also serves `analyze --sockets`.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::{Context, Result, bail};
use cwait_pcap::capture::{Limits, Unpacked};
use cwait_pcap::report::{Detail, SocketReport, Style};
use cwait_pcap::sockets::{self, Listing};

use super::analyze::{command_line, time};
use super::args::{SocketsArgs, SocketsFormat};
use super::job::zone;
use super::output::to_stdout;
use super::status::Status;

/// Reads, counts, writes.
pub fn run(args: &SocketsArgs) -> Result<Status> {
    let zone = zone(args.tz.as_deref(), !io::stdout().is_terminal())?;
    let at = args.at.as_deref().map(|text| time(text, &zone)).transpose()?;
    let options = sockets::Options { at, zone: zone.clone() };
    let mut listings = Vec::with_capacity(args.listings.len());
    for path in &args.listings {
        listings.push(listing(path, &options)?);
    }
    let report = SocketReport::build(&listings, args.limit, args.port, &command_line());
    if report.says_nothing() {
        bail!("{}: no line of it is a socket", args.listings[0].display());
    }
    let detail = if args.verbose { Detail::Full } else { Detail::Usual };
    let style = Style { zone, detail, ..Style::plain() };
    to_stdout(|out| match args.format {
        SocketsFormat::Terminal => report.write_text(&style, out),
        SocketsFormat::Json => report.write_json(out),
    })?;
    Ok(if report.over.is_empty() { Status::Done } else { Status::Reached })
}

/// Reads one file of listings; `-` is standard input.
pub fn listing(path: &Path, options: &sockets::Options) -> Result<Listing> {
    let name = path.display().to_string();
    let listing = sockets::read(&name, unpacked(path)?, options)?;
    Ok(listing)
}

/// A text that may be compressed; `-` is standard input.
pub fn unpacked(path: &Path) -> Result<Unpacked> {
    let limits = Limits::default();
    let unpacked = if path == Path::new("-") {
        Unpacked::from_read(Box::new(io::stdin()), &limits)
    } else {
        Unpacked::open(path, &limits)
    };
    unpacked.with_context(|| path.display().to_string())
}
