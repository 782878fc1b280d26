//! From lines to packets: quoting of mails is taken off, lines that were wrapped are joined, the two lines of `tcpdump -v`
//! and the layers of `snoop -V` become one packet. Every line ends up in one event.

use std::borrow::Cow;

use super::clock::Written;
use super::packet::{IpHeader, Reason, Told, Tool};
use super::{snoop, tcpdump, tshark};
use crate::decode::Skip;

/// Every program, in the order in which a line is offered to their readers.
pub(super) const TOOLS: [Tool; 3] = [snoop::TOOL, tcpdump::TOOL, tshark::TOOL];

/// Lines that a packet may be wrapped into.
const JOINED: usize = 5;
/// Octets of a line that are looked at.
const LONGEST: usize = 4_096;

/// What a line turned out to be. A packet of several lines has the number of the first one; the others have events of their own.
pub(super) struct Event<'a> {
    /// Counted from 1.
    pub line: u64,
    /// The time, as printed.
    pub time: Option<Written>,
    /// What is told.
    pub told: Told<'a>,
    /// The program that prints such lines, if it is a packet.
    pub tool: Option<&'static str>,
    /// The line.
    pub text: &'a str,
}

impl Event<'_> {
    /// Whether it is a packet of any kind, seen for what it is.
    pub fn is_packet(&self) -> bool {
        match self.told {
            Told::Packet(_) => true,
            Told::Other(_) => self.time.is_some(),
            Told::Unread(reason) => reason.is_loss() && reason != Reason::Cut && self.time.is_some(),
            _ => false,
        }
    }
}

/// A packet that may go on.
struct Pending {
    line: u64,
    parts: Vec<String>,
}

impl Pending {
    fn new(line: u64, part: &str) -> Pending {
        Pending { line, parts: vec![part.into()] }
    }

    /// The parts together: mails break at a space, terminals anywhere.
    fn texts(&self) -> [String; 2] {
        let trimmed: Vec<&str> = self.parts.iter().map(|part| part.trim()).collect();
        [trimmed.join(" "), self.parts.concat()].map(|text| shortened(&text).to_owned())
    }
}

/// The layer below, told by the lines before.
struct Below {
    line: u64,
    time: Option<Written>,
    header: IpHeader,
    tool: &'static str,
}

/// Puts lines together.
#[derive(Default)]
pub(super) struct Assembler {
    pending: Option<Pending>,
    below: Option<Below>,
    /// The line before tells of a packet without TCP, whose next lines say more of it.
    inside: Option<Skip>,
    /// Times are printed.
    timed: bool,
}

impl Assembler {
    /// Takes the next line.
    pub fn offer(&mut self, line: u64, text: &str, sink: &mut impl FnMut(&Event<'_>)) {
        let cells = without_commas(shortened(unquoted(text)));
        let raw = &*cells;
        let text = raw.trim_end();
        if let Some(reason) = empty(text) {
            self.finish(sink);
            return sink(&Event { line, time: None, told: Told::Unread(reason), tool: None, text });
        }
        let read = self.read(text);
        match read {
            Some((_, Told::Begun, _)) | None => {
                if self.join(line, raw, sink) {
                    return;
                }
                if read.is_some() {
                    self.finish(sink);
                    self.pending = Some(Pending::new(line, raw));
                    return;
                }
                let reason = if self.inside.is_some() { Reason::Continued } else { Reason::NoPacket };
                sink(&Event { line, time: None, told: Told::Unread(reason), tool: None, text });
            }
            Some((_, Told::Packet(packet), _)) if !packet.whole => {
                self.finish(sink);
                self.pending = Some(Pending::new(line, raw));
            }
            Some((time, told, tool)) => {
                self.finish_pending(sink);
                self.emit(line, time, told, tool, text, sink);
            }
        }
    }

    /// There are no more lines.
    pub fn finish(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        self.finish_pending(sink);
        self.inside = None;
        if let Some(below) = self.below.take() {
            let told = Told::Unread(Reason::Cut);
            sink(&Event { line: below.line, time: below.time, told, tool: None, text: "" });
        }
    }

    fn read<'a>(&self, text: &'a str) -> Option<(Option<Written>, Told<'a>, &'static str)> {
        let layered = self.below.as_ref().is_some_and(|below| below.tool == "snoop")
            || self.inside == Some(Skip::Empty);
        TOOLS.iter().find_map(|tool| {
            let (time, told) = (tool.read)(text, layered)?;
            Some((time, told, tool.name))
        })
    }

    /// Whether the line goes on with what is pending, which is then whole or may go on.
    fn join(&mut self, line: u64, raw: &str, sink: &mut impl FnMut(&Event<'_>)) -> bool {
        let Some(mut pending) = self.pending.take() else { return false };
        let begins = self.read(raw).is_some_and(|(time, ..)| time.is_some());
        let alone = self.read_pending(&pending).is_some_and(|text| self.is_packet(&text));
        pending.parts.push(raw.into());
        let goes_on = self.read_pending(&pending);
        if begins || pending.parts.len() > JOINED || goes_on.is_none() || alone && !looks_like_a_rest(raw) {
            pending.parts.pop();
            self.pending = Some(pending);
            return false;
        }
        sink(&Event { line, time: None, told: Told::Unread(Reason::Continued), tool: None, text: raw });
        self.pending = Some(pending);
        if goes_on.is_some_and(|text| self.is_whole(&text)) {
            self.finish_pending(sink);
        }
        true
    }

    /// What is pending, put together the way that makes most of it; nothing if it is no packet that way.
    fn read_pending(&self, pending: &Pending) -> Option<String> {
        let texts = pending.texts();
        let best = [Self::is_whole, Self::is_packet, Self::is_begun];
        best.iter().find_map(|is| texts.iter().find(|text| is(self, text))).cloned()
    }

    fn is_whole(&self, text: &str) -> bool {
        matches!(self.read(text), Some((_, Told::Packet(packet), _)) if packet.whole)
    }

    fn is_packet(&self, text: &str) -> bool {
        matches!(self.read(text), Some((_, Told::Packet(_), _)))
    }

    fn is_begun(&self, text: &str) -> bool {
        matches!(self.read(text), Some((_, Told::Begun, _)))
    }

    /// What is pending stays as it is.
    fn finish_pending(&mut self, sink: &mut impl FnMut(&Event<'_>)) {
        let Some(pending) = self.pending.take() else { return };
        let text = self.read_pending(&pending).unwrap_or_default();
        match self.read(&text) {
            Some((time, told @ Told::Packet(_), tool)) => {
                self.emit(pending.line, time, told, tool, &text, sink)
            }
            read => {
                let time = read.and_then(|(time, ..)| time);
                sink(&Event {
                    line: pending.line,
                    time,
                    told: Told::Unread(Reason::Cut),
                    tool: None,
                    text: &text,
                });
            }
        }
    }

    /// One line, seen in the light of those before.
    fn emit<'a>(
        &mut self,
        line: u64,
        time: Option<Written>,
        told: Told<'a>,
        tool: &'static str,
        text: &'a str,
        sink: &mut impl FnMut(&Event<'_>),
    ) {
        self.timed |= time.is_some();
        // A new packet begins with its time, where times are printed; snoop -V prints it before every layer.
        let same = self.below.as_ref().is_some_and(|below| below.tool == "snoop" && below.time == time);
        if time.is_some() && self.below.is_some() && !same {
            self.finish(sink);
        }
        let inside = self.inside.take();
        let mut event = Event { line, time, told, tool: Some(tool), text };
        match event.told {
            // The packet that an ICMP error quotes.
            Told::Header(_) if self.timed && time.is_none() && inside == Some(Skip::Icmp) => {
                self.inside = inside;
                event.told = Told::Unread(Reason::Quoted);
            }
            Told::Header(header) => {
                let lower = self.below.take();
                if let Some(lower) = &lower {
                    let told = Told::Unread(Reason::Continued);
                    sink(&Event { line, time: None, told, tool: None, text });
                    self.below = Some(Below { header, ..*lower });
                } else {
                    self.below = Some(Below { line, time, header, tool });
                }
                return;
            }
            Told::Packet(ref mut packet) => {
                if self.timed && time.is_none() && inside == Some(Skip::Icmp) {
                    self.inside = inside;
                    event.told = Told::Unread(Reason::Quoted);
                } else if let Some(below) = self.below.take() {
                    packet.ip = below.header;
                    sink(&continued(line, text));
                    (event.line, event.time) = (below.line, below.time);
                    self.inside = (tool == "snoop").then_some(Skip::Empty);
                }
            }
            Told::Other(skip) if inside.is_some() && time.is_none() && self.timed => {
                self.inside = Some(skip);
                event.told = Told::Unread(Reason::Continued);
            }
            Told::Other(skip) => {
                if let Some(below) = self.below.take() {
                    sink(&continued(line, text));
                    (event.line, event.time) = (below.line, below.time);
                }
                self.inside = Some(skip);
            }
            Told::Unread(Reason::NoFlags) if inside.is_some() && time.is_none() && self.timed => {
                event.told = Told::Unread(Reason::Continued);
            }
            Told::Unread(Reason::Continued) => self.inside = inside,
            Told::Unread(_) | Told::Begun | Told::Dropped(_) => {}
        }
        sink(&event);
    }
}

/// A line that goes on with the one above.
fn continued(line: u64, text: &str) -> Event<'_> {
    Event { line, time: None, told: Told::Unread(Reason::Continued), tool: None, text }
}

/// Without the quoting of mails, the bars of tables and the end of the line.
fn unquoted(mut text: &str) -> &str {
    while let Some(rest) =
        text.strip_prefix("> ").or_else(|| text.strip_prefix(">>")).or_else(|| text.strip_prefix("| "))
    {
        text = rest;
    }
    text.trim_end_matches(['\r', '\n'])
}

/// Wireshark's export as CSV: `"1","0.000000","192.0.2.1",...` holds the columns of the packet list.
fn without_commas(text: &str) -> Cow<'_, str> {
    let cells = text.trim_end().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match cells.filter(|cells| cells.contains("\",\"")) {
        Some(cells) => Cow::Owned(cells.replace("\",\"", " ")),
        None => Cow::Borrowed(text),
    }
}

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A line without words, or of octets in hex.
fn empty(text: &str) -> Option<Reason> {
    let text = text.trim_start();
    if text.is_empty() {
        return Some(Reason::Blank);
    }
    // `0x0010:  4500 003c` (tcpdump -x), `0000  45 00 00 3c` (tshark -x), `   0: 4500 003c` (snoop -x).
    let (offset, octets) = text.split_at(text.find(char::is_whitespace)?);
    let offset = offset.strip_prefix("0x").unwrap_or(offset);
    let digits = offset.trim_end_matches(':');
    let is_offset =
        (digits.len() == 4 || offset.ends_with(':')) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let first = octets.split_ascii_whitespace().next().unwrap_or_default();
    let is_octets = matches!(first.len(), 2 | 4) && first.bytes().all(|b| b.is_ascii_hexdigit());
    (is_offset && is_octets && !digits.is_empty()).then_some(Reason::Dump)
}

/// The rest of a wrapped packet, rather than a sentence behind a truncated one.
fn looks_like_a_rest(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "seq", "ack", "win", "options", "length", "Seq=", "Ack=", "Win=", "Len=", "TSval=", "TSecr=", "nop",
        "mss", "val",
    ];
    WORDS.iter().any(|word| text.contains(word))
}
