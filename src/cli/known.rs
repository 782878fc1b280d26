//! The files with what the user knows beforehand: read before any work is done, heeded by the analysis, told by the report.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cwait_pcap::analysis::{Options, Serving};
use cwait_pcap::knowledge::{EXPLAINED, TextKind};
use cwait_pcap::known::{Config, Hosts, LARGEST_FILE};
use cwait_pcap::report::Report;

use super::args::KnownArgs;

/// What the user knows beforehand.
#[derive(Default)]
pub struct Known {
    hosts: Hosts,
    config: Option<Config>,
    files: Vec<PathBuf>,
}

impl Known {
    /// Reads both files, as far as they are given.
    pub fn read(args: &KnownArgs) -> Result<Known> {
        let is_finding =
            |name: &str| EXPLAINED.iter().any(|text| text.name == name && text.kind != TextKind::Topic);
        let mut known = Known::default();
        if let Some(path) = &args.names {
            known.hosts = Hosts::read(&path.display().to_string(), &contents(path)?)?;
        }
        if let Some(path) = &args.config {
            known.config = Some(Config::read(&path.display().to_string(), &contents(path)?, is_finding)?);
        }
        known.files = args.names.iter().chain(&args.config).cloned().collect();
        Ok(known)
    }

    /// Hosts by address.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The files, which no output may overwrite.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Has the analysis heed it.
    pub fn tell(&self, options: &mut Options) {
        options.serving = Serving {
            servers: self.hosts.with_role("server").collect(),
            clients: self.hosts.with_role("client").collect(),
        };
        if let Some(config) = &self.config {
            options.grace = std::mem::take(&mut options.grace).knowing(&config.services);
        }
    }

    /// Has the report tell it.
    pub fn show(&self, report: &mut Report) {
        report.call_hosts(&self.hosts);
        if let Some(config) = &self.config {
            report.configure(config);
        }
    }
}

/// A file that should be small: no more is read than shows that it is not.
fn contents(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes));
    read.with_context(|| path.display().to_string())?;
    Ok(bytes)
}
