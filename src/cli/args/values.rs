//! Values of options as they are typed, and what they mean to the library.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser};
use cwait_pcap::decode::{Tunnel, Zone};
use cwait_pcap::report::{FORMATS, Listed, SORTS, Severity};

/// [`Tunnel`] as it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum TunnelArg {
    /// The innermost
    Inner,
    /// The outermost; what tunnels carry is counted
    Outer,
}

impl From<TunnelArg> for Tunnel {
    fn from(which: TunnelArg) -> Tunnel {
        match which {
            TunnelArg::Inner => Tunnel::Inner,
            TunnelArg::Outer => Tunnel::Outer,
        }
    }
}

/// [`Zone`] as it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ZoneArg {
    /// Nothing, as Wireshark numbers its streams
    None,
    /// Their VLANs
    Vlan,
    /// The capture interfaces
    Interface,
}

impl From<ZoneArg> for Zone {
    fn from(zone: ZoneArg) -> Zone {
        match zone {
            ZoneArg::None => Zone::None,
            ZoneArg::Vlan => Zone::Vlan,
            ZoneArg::Interface => Zone::Interface,
        }
    }
}

/// `512MB`, `4GB`, `1GiB`; a number alone is octets.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let bad = || format!("'{text}' is not a size; write 512MB, 4GB or 1GiB");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| bad())?;
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err(bad()),
    };
    number.checked_mul(unit).ok_or_else(bad)
}

/// [`Listed`] as it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Which {
    /// None
    None,
    /// Those with a finding or undecided
    Flagged,
    /// Every one
    All,
}

impl From<Which> for Listed {
    fn from(which: Which) -> Listed {
        match which {
            Which::None => Listed::None,
            Which::Flagged => Listed::Flagged,
            Which::All => Listed::All,
        }
    }
}

/// [`Severity`] as it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Badness {
    /// Worth knowing
    Note,
    /// Worth a look
    Warning,
    /// Somebody has to act
    Error,
}

impl From<Badness> for Severity {
    fn from(badness: Badness) -> Severity {
        match badness {
            Badness::Note => Severity::Note,
            Badness::Warning => Severity::Warning,
            Badness::Error => Severity::Error,
        }
    }
}

/// What Ctrl-C does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum OnInterrupt {
    /// End the program
    Stop,
    /// End the reading and report what is known by then
    Report,
}

/// How `sockets` writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SocketsFormat {
    /// Text of 80 columns
    Terminal,
    /// Everything, for programs
    Json,
}

/// The names that `--format` takes.
pub(super) fn formats() -> PossibleValuesParser {
    let value = |name, about| PossibleValue::new(name).help(about);
    FORMATS.iter().map(|format| value(format.name(), format.about())).collect::<Vec<_>>().into()
}

/// The names that `--sort` takes.
pub(super) fn sorts() -> PossibleValuesParser {
    SORTS.iter().map(|sort| PossibleValue::new(sort.name).help(sort.about)).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_type_them() {
        for (text, octets) in [("512MB", 512_000_000), ("1 GiB", 1 << 30), ("4096", 4096), ("2k", 2_000)] {
            assert_eq!(size(text), Ok(octets));
        }
        for text in ["", "MB", "4 parsecs", "99999999999GB", "-1"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
