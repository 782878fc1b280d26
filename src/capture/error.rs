//! What stops the reading of a capture. Damage that can be passed is no error; it is in the summary.

use std::fmt;
use std::io;

use super::Compression;

/// Why a capture cannot be read, or not any further. Records delivered before stay good.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be opened.
    #[error("cannot open: {0}")]
    Open(#[source] io::Error),
    /// The input cannot be read any further.
    #[error("cannot read: {source}")]
    Read {
        /// Frame that would have come next.
        frame: u64,
        /// Offset in the (unfolded) capture.
        byte: u64,
        /// What the system says.
        source: io::Error,
    },
    /// It was read before, and what was read is not in it any more.
    #[error("changed since it was first read: what was found there is not in it any more")]
    Changed,
    /// There is not one byte in it.
    #[error("empty file")]
    Empty,
    /// It is something else.
    #[error("not a capture: {looks}")]
    NotACapture {
        /// What it looks like, unfolded.
        looks: Looks,
        /// Compressions around it, outermost first.
        compression: Vec<Compression>,
    },
    /// A capture that ends inside its file header.
    #[error("{format} file ends inside its header, {have} of {needed} bytes")]
    HeaderCut {
        /// Name of the format.
        format: &'static str,
        /// Octets there are.
        have: usize,
        /// Octets it takes.
        needed: usize,
    },
    /// A version of a format that is not known.
    #[error("{format} version {version} is not supported")]
    Version {
        /// Name of the format.
        format: &'static str,
        /// Version as written in the file.
        version: String,
    },
    /// A file header that cannot be right.
    #[error("damaged {format} file header")]
    Header {
        /// Name of the format.
        format: &'static str,
    },
    /// A compressed input that is damaged before anything came out of it.
    #[error("damaged {compression} stream: {source}")]
    Stream {
        /// Kind of compression.
        compression: Compression,
        /// In the words of the decompressor.
        source: io::Error,
    },
    /// A compressed input that ends before anything came out of it.
    #[error("{0} stream ends before a capture begins")]
    StreamCut(Compression),
    /// A compressed capture that unfolds to more than [`Limits::max_decompressed`](super::Limits::max_decompressed).
    #[error("unfolds to more than the {limit} bytes allowed")]
    TooLarge {
        /// Frame that would have come next.
        frame: u64,
        /// Offset in the unfolded capture.
        byte: u64,
        /// Octets allowed.
        limit: u64,
    },
    /// A compressed capture that unfolds to more than [`Limits::max_ratio`](super::Limits::max_ratio) allows.
    #[error("unfolds to more than {limit} times its size")]
    TooDense {
        /// Frame that would have come next.
        frame: u64,
        /// Offset in the unfolded capture.
        byte: u64,
        /// Ratio allowed.
        limit: u64,
    },
}

impl CaptureError {
    /// Where it happened, as next frame number and offset, if reading had begun.
    pub fn place(&self) -> Option<(u64, u64)> {
        match *self {
            CaptureError::Read { frame, byte, .. }
            | CaptureError::TooLarge { frame, byte, .. }
            | CaptureError::TooDense { frame, byte, .. } => Some((frame, byte)),
            _ => None,
        }
    }

    /// Whether trying again later may help: the input was not reached, not wrong (EIO, EAGAIN, ESTALE, timeouts).
    pub fn is_temporary(&self) -> bool {
        let (CaptureError::Open(source) | CaptureError::Read { source, .. }) = self else { return false };
        use io::ErrorKind::*;
        matches!(
            source.kind(),
            WouldBlock
                | TimedOut
                | Interrupted
                | StaleNetworkFileHandle
                | ResourceBusy
                | ConnectionReset
                | ConnectionAborted
                | NetworkDown
                | NetworkUnreachable
                | HostUnreachable
        ) || (cfg!(unix) && source.raw_os_error() == Some(EIO))
    }
}

/// `std` has no kind for it; every Unix has this number.
const EIO: i32 = 5;

/// What an input looks like that is no capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Looks {
    /// Readable text.
    Text,
    /// A web page, often a login form or an error saved in place of the capture.
    Html,
    /// XML, for instance Wireshark's PDML.
    Xml,
    /// JSON.
    Json,
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// A program.
    Program,
    /// Microsoft Network Monitor, which is a capture but not read here.
    NetworkMonitor,
    /// Nothing but zeros.
    Zeros,
    /// Bytes of no known kind.
    Unknown,
}

impl Looks {
    /// By the first bytes.
    pub(super) fn of(bytes: &[u8]) -> Looks {
        let text = bytes.trim_ascii_start();
        let html = |tag: &[u8]| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
        if bytes.starts_with(b"PK\x03\x04") {
            Looks::Zip
        } else if bytes.get(257..262) == Some(b"ustar") {
            Looks::Tar
        } else if bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"MZ") {
            Looks::Program
        } else if bytes.starts_with(b"GMBU") || bytes.starts_with(b"RTSS") {
            Looks::NetworkMonitor
        } else if bytes.iter().all(|&byte| byte == 0) {
            Looks::Zeros
        } else if bytes.iter().any(|&byte| byte < 0x20 && !byte.is_ascii_whitespace()) {
            Looks::Unknown
        } else if html(b"<!doctype html") || html(b"<html") {
            Looks::Html
        } else if html(b"<?xml") {
            Looks::Xml
        } else if text.starts_with(b"{") || text.starts_with(b"[") {
            Looks::Json
        } else if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() {
            Looks::Text
        } else {
            Looks::Unknown
        }
    }
}

/// As it continues the words *not a capture:*.
impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Looks::Text => "it is text",
            Looks::Html => "it is a web page",
            Looks::Xml => "it is XML",
            Looks::Json => "it is JSON",
            Looks::Zip => "it is a zip archive; unpack it first",
            Looks::Tar => "it is a tar archive; unpack it first",
            Looks::Program => "it is a program",
            Looks::NetworkMonitor => "it is a Network Monitor file; convert it with editcap",
            Looks::Zeros => "it is all zeros",
            Looks::Unknown => "its first bytes are of no known format",
        })
    }
}
