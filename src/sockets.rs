//! Socket listings of hosts: what `ss`, `netstat`, `lsof`, PowerShell and /proc say of the sockets that a capture shows from outside.
//!
//! Listings are recognised line by line from their content, whatever stands around them; what cannot be read is counted and
//! kept, never guessed. No judgement is made here: joining with a capture is the business of the findings.

mod clock;
mod counters;
mod end;
mod lsof;
mod lsof_fields;
mod netstat_bsd;
mod netstat_linux;
mod netstat_solaris;
mod netstat_windows;
mod owners;
mod powershell;
mod proc_net;
mod reader;
mod services;
mod socket;
mod ss;
mod tally;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead};

use jiff::tz::TimeZone;

use crate::wire::Timestamp;

pub use clock::DateSource;
pub use counters::{Count, Duplex, HostCounters, HostFact, Link};
pub(crate) use services::port as service_port;

pub use end::{End, Host, Port};
pub use socket::{Backlog, Process, Socket, SocketState, TcpInfo, Timer, TimerKind};
pub use tally::{Excess, Row, Service, Tally, tally};

/// A way in which hosts print their sockets.
pub struct Format {
    /// Short name, as in reports.
    pub name: &'static str,
    /// Which commands print it.
    pub about: &'static str,
    /// A reader of its lines in their initial state.
    rows: fn() -> Box<dyn Rows>,
}

/// Every format, in the order in which a line is offered to them.
pub const FORMATS: &[Format] = &[
    ss::FORMAT,
    netstat_linux::FORMAT,
    netstat_bsd::FORMAT,
    netstat_solaris::FORMAT,
    netstat_windows::FORMAT,
    lsof::FORMAT,
    proc_net::FORMAT,
    powershell::FORMAT,
    lsof_fields::FORMAT,
];

/// Reads the lines of one format. It knows nothing of what stands between them.
trait Rows {
    /// Offers one line, not blank; sockets are appended to `sockets`.
    fn line(&mut self, line: &str, sockets: &mut Vec<Socket>) -> Reading;

    /// Offers a line that no row begins with, while this is the format of the line before: it may continue the last socket.
    fn detail(&mut self, _line: &str, _sockets: &mut Vec<Socket>) -> bool {
        false
    }

    /// The listing is over: settles what only the whole shows. Its end may show by the title of the next one, which `line`
    /// has then read already; so nothing that a title sets is cleared here.
    fn finish(&mut self, _sockets: &mut Vec<Socket>) {}
}

/// What a format makes of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    /// Opens a listing: rows of the same format before it belong to an earlier one.
    Title,
    /// Belongs to the listing's frame: column names, ruler, notes of the tool.
    Heading,
    /// A TCP socket, or a part of one.
    Row,
    /// A row that is no TCP socket.
    Other,
    /// Not of this format.
    Unread,
}

/// What the caller knows beside the text.
#[derive(Clone, Debug)]
pub struct Options {
    /// When the listing was made, if no line of it says so. Goes to the first run of each command.
    pub at: Option<Timestamp>,
    /// The zone of dates that name none.
    pub zone: TimeZone,
}

/// Everything read from one text.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Listing {
    /// The name given to [`read`].
    pub name: Box<str>,
    /// Listings in the order of the text.
    pub snapshots: Vec<Snapshot>,
    /// The first lines that no format reads, at most [`Listing::UNREAD_KEPT`]; [`Counts::unread`] counts all of them.
    pub unread: Vec<Unread>,
    /// What became of the lines.
    pub counts: Counts,
}

impl Listing {
    /// How many unread lines are kept.
    pub const UNREAD_KEPT: usize = 1_000;
    /// How many characters of an unread line are kept.
    pub const UNREAD_CHARS: usize = 160;
}

/// One run of one command.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Snapshot {
    /// When it was made, as far as the text or the caller says.
    pub at: Option<Timestamp>,
    /// Who says when.
    pub dated: Option<DateSource>,
    /// What the date line says besides.
    pub note: Box<str>,
    /// Name of the [`Format`] of its sockets; empty if it holds counters alone or nothing.
    pub format: &'static str,
    /// Its first line, counted from 1.
    pub line: u32,
    /// The TCP sockets in the order of the text.
    pub sockets: Vec<Socket>,
    /// Counters of the host found beside them.
    pub counters: HostCounters,
}

/// A line that no format reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// Counted from 1.
    pub line: u32,
    /// Its beginning.
    pub text: Box<str>,
}

/// What became of the lines of a text. All but the last three add up to `lines`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Lines in the text.
    pub lines: u64,
    /// Blank ones.
    pub blank: u64,
    /// Dates.
    pub dates: u64,
    /// Titles, column names and notes of the tools.
    pub headings: u64,
    /// Lines with a TCP socket or, in formats of one field per line, a part of one.
    pub rows: u64,
    /// Lines that continue a socket.
    pub details: u64,
    /// Lines of sockets that are not TCP.
    pub other: u64,
    /// Lines of host counters, read or known to say nothing of interest.
    pub counters: u64,
    /// Lines that no format reads.
    pub unread: u64,
    /// TCP sockets.
    pub sockets: u64,
    /// Ends whose address the listing may have cut: the socket counts, its address is not known.
    pub cut_addresses: u64,
    /// Lines longer than 64 KiB, read as far as that.
    pub cut_lines: u64,
}

/// What stops the reading of a listing. Its content never does.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The input failed.
    #[error("{name}: line {line}: {source}")]
    Read {
        /// The name given to [`read`].
        name: Box<str>,
        /// The last line that was read, counted from 1; 0 if none was.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
}

/// Reads every listing in a text.
///
/// UTF-8, UTF-16 and bytes of older code pages are accepted. Time and memory grow with the length of the text; a line is
/// held up to 64 KiB.
///
/// # Errors
/// Only when `input` fails.
pub fn read(name: &str, input: impl BufRead, options: &Options) -> Result<Listing, ListingError> {
    reader::read(name, input, options)
}
