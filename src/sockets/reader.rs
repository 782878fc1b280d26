//! The walk through a text: offers each line to the formats, cuts the text into snapshots, keeps count.
//!
//! A line costs at most two offers to each format, so the walk is linear whatever the text. No format is known here by name.

use std::io::BufRead;

use super::clock::{self, DateSource};
use super::counters::CounterReader;
use super::end::Host;
use super::{Counts, FORMATS, Listing, ListingError, Options, Reading, Rows, Snapshot, Unread};
use crate::capture::Lines;

pub(super) fn read(name: &str, input: impl BufRead, options: &Options) -> Result<Listing, ListingError> {
    let mut walk = Walk::new(options);
    let failed = |line, source| ListingError::Read { name: name.into(), line, source };
    let mut lines = Lines::new(input).map_err(|e| failed(0, e))?;
    loop {
        let before = walk.counts.lines;
        let Some(line) = lines.next().map_err(|e| failed(before, e))? else { break };
        walk.counts.cut_lines += u64::from(line.cut);
        walk.line(line.number, &line.text);
    }
    Ok(walk.end(name))
}

struct Walk<'a> {
    options: &'a Options,
    formats: Vec<Box<dyn Rows>>,
    /// Index of the format that read the line before.
    current: Option<usize>,
    open: Snapshot,
    /// Rows of any kind in `open`.
    rows: u64,
    /// `open` has a title or a date, so it stands for a listing even without rows.
    titled: bool,
    /// Lines that were not read since the last date.
    strange: bool,
    counters: CounterReader,
    /// An unread line that the next one may complete.
    held: Option<(u32, String)>,
    snapshots: Vec<Snapshot>,
    unread: Vec<Unread>,
    counts: Counts,
}

impl<'a> Walk<'a> {
    fn new(options: &'a Options) -> Self {
        Walk {
            options,
            formats: FORMATS.iter().map(|format| (format.rows)()).collect(),
            current: None,
            open: Snapshot::default(),
            rows: 0,
            titled: false,
            strange: false,
            counters: CounterReader::default(),
            held: None,
            snapshots: Vec::new(),
            unread: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn line(&mut self, number: u32, text: &str) {
        self.counts.lines += 1;
        if text.trim().is_empty() {
            self.counts.blank += 1;
            self.release();
            return;
        }
        if let Some(dated) = clock::date_line(text, &self.options.zone) {
            self.release();
            self.counts.dates += 1;
            self.close();
            self.open = Snapshot {
                at: Some(dated.at),
                dated: Some(dated.source),
                note: dated.note,
                line: number,
                ..Snapshot::default()
            };
            return;
        }
        if self.offer(number, text) {
            self.release();
            return;
        }
        if self.counters.line(text, number, &mut self.open.counters) {
            self.release();
            self.counts.counters += 1;
            return;
        }
        // A terminal or a mail program may have broken a row: the line before and this one may be one.
        if let Some((first, mut joined)) = self.held.take() {
            joined.push(' ');
            joined.push_str(text.trim_start());
            if self.offer(first, &joined) {
                self.counts.details += 1;
                return;
            }
            joined.truncate(joined.len() - text.trim_start().len() - 1);
            self.put_away(first, &joined);
        }
        self.held = Some((number, text.to_owned()));
    }

    /// Offers a line to the format of the line before, then to the others.
    fn offer(&mut self, number: u32, text: &str) -> bool {
        if let Some(current) = self.current {
            if self.take(current, number, text) {
                return true;
            }
            if self.formats[current].detail(text, &mut self.open.sockets) {
                self.counts.details += 1;
                return true;
            }
        }
        (0..self.formats.len()).any(|format| Some(format) != self.current && self.take(format, number, text))
    }

    fn take(&mut self, format: usize, number: u32, text: &str) -> bool {
        let mut fresh = Vec::new();
        let reading = self.formats[format].line(text, &mut fresh);
        match reading {
            Reading::Unread => return false,
            Reading::Title | Reading::Heading => self.counts.headings += 1,
            Reading::Row => self.counts.rows += 1,
            Reading::Other => self.counts.other += 1,
        }
        let switched = self.current.is_some_and(|current| current != format);
        if self.rows > 0 && (switched || reading == Reading::Title) {
            // Another command's output is another view of the same instant; the same command's is a later one.
            let (at, dated) = if switched { (self.open.at, self.open.dated) } else { (None, None) };
            self.close();
            self.open = Snapshot { at, dated, ..Snapshot::default() };
        } else if switched {
            self.finish_format();
        }
        if self.open.line == 0 {
            self.open.line = number;
        }
        self.current = Some(format);
        self.open.format = FORMATS[format].name;
        match reading {
            Reading::Title | Reading::Heading => self.titled = true,
            _ => self.rows += 1,
        }
        for socket in &mut fresh {
            socket.line = number;
        }
        self.open.sockets.append(&mut fresh);
        true
    }

    fn finish_format(&mut self) {
        if let Some(current) = self.current {
            self.formats[current].finish(&mut self.open.sockets);
        }
    }

    /// Ends the open snapshot. One with a date and nothing behind it counts only if nothing strange stood there: a listing
    /// filtered by `grep` may well be empty.
    fn close(&mut self) {
        self.finish_format();
        let open = std::mem::take(&mut self.open);
        let says_nothing = open.sockets.is_empty() && open.counters.is_empty();
        let stands = self.titled || self.rows > 0 || (open.dated.is_some() && !self.strange);
        (self.rows, self.titled, self.strange) = (0, false, false);
        if says_nothing && !stands {
            return;
        }
        self.counts.sockets += open.sockets.len() as u64;
        let ends = open.sockets.iter().flat_map(|socket| [&socket.local, &socket.peer]).flatten();
        self.counts.cut_addresses += ends.filter(|end| matches!(end.host, Host::Cut(_))).count() as u64;
        self.snapshots.push(open);
    }

    /// Gives up waiting for the line that completes the held one.
    fn release(&mut self) {
        if let Some((number, text)) = self.held.take() {
            self.put_away(number, &text);
        }
    }

    fn put_away(&mut self, number: u32, text: &str) {
        self.counts.unread += 1;
        self.strange = true;
        if self.unread.len() < Listing::UNREAD_KEPT {
            let text: String = text.chars().take(Listing::UNREAD_CHARS).collect();
            self.unread.push(Unread { line: number, text: text.into() });
        }
    }

    fn end(mut self, name: &str) -> Listing {
        self.release();
        // A date at the very end dates nothing.
        let trailing = self.rows == 0 && !self.titled && self.open.counters.is_empty();
        if trailing {
            self.open = Snapshot::default();
            self.strange = true;
        }
        self.close();
        self.date_by_caller(name);
        Listing { name: name.into(), snapshots: self.snapshots, unread: self.unread, counts: self.counts }
    }

    /// The caller's time, or else that of the file name, goes to the first snapshot if it has none.
    fn date_by_caller(&mut self, name: &str) {
        let given = self.options.at.map(|at| (at, DateSource::Given));
        let named = || clock::file_name(name, &self.options.zone).map(|at| (at, DateSource::FileName));
        if self.snapshots.iter().any(|snapshot| snapshot.at.is_some()) {
            return;
        }
        let Some((at, source)) = given.or_else(named) else { return };
        // Commands of different formats in one undated text were run together.
        let mut seen = Vec::new();
        for snapshot in &mut self.snapshots {
            if seen.contains(&snapshot.format) {
                break;
            }
            seen.push(snapshot.format);
            (snapshot.at, snapshot.dated) = (Some(at), Some(source));
        }
    }
}
