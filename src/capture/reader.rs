//! The reader: opens a capture, drives its format over the buffer, hands out the records and keeps the summary.

mod damage;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::{
    Ahead, Block, CaptureError, FORMATS, Found, Limits, Looks, Mark, Marks, Recognised, Record, Source, Stop,
    Summary, Unpacked, Walk,
};
use crate::place;
use crate::wire::Timestamp;
use damage::Hole;

/// Reads one capture from its first record to its last.
///
/// Records are pushed, not pulled, since an iterator cannot lend from a buffer that moves. The caller's closure is
/// inlined into the loop over each batch; the format behind it is one indirect call per batch. No allocation and no
/// copy per record.
pub struct Reader {
    source: Source,
    walk: Box<dyn Walk>,
    found: Found,
    summary: Summary,
    limits: Limits,
    /// The file once more, if it is one, for threads that read ahead.
    file: Option<File>,
    file_len: Option<u64>,
    /// Time of the record before, for steps back and for the search behind damage.
    last_at: Option<Timestamp>,
    /// Set where nothing more can come, however the file grows.
    over: bool,
    /// A hole whose end was not found yet.
    hole: Option<Hole>,
    /// The next record is the first one behind a hole.
    behind_hole: bool,
    marks: Marks,
}

/// What is known when no more records can be taken from the buffer.
enum Progress {
    /// Records were delivered, or bytes passed; there may be more.
    More,
    /// The end, for now.
    End,
}

/// What an input turns out to hold.
pub enum Content {
    /// Packets.
    Records(Box<Reader>),
    /// Anything else: perhaps lines of text that tell of packets.
    Other {
        /// All of it, unfolded.
        text: Box<Unpacked>,
        /// What [`Reader::open`] says of it.
        why: CaptureError,
    },
}

impl Content {
    /// Looks into a file.
    ///
    /// # Errors
    /// If it cannot be opened or read, or begins as a capture and is none.
    pub fn open(path: &Path, limits: &Limits) -> Result<Content, CaptureError> {
        let opened = place::open(path).map_err(CaptureError::Open)?;
        let mut content = Content::from_read(opened.octets, limits)?;
        if let Content::Records(reader) = &mut content {
            (reader.file, reader.file_len) = (opened.file, opened.len);
        }
        Ok(content)
    }

    /// Looks into any input. It waits only for as many bytes as it takes to know the format.
    ///
    /// # Errors
    /// If it cannot be read, or begins as a capture and is none.
    pub fn from_read(input: Box<dyn Read + Send>, limits: &Limits) -> Result<Content, CaptureError> {
        // Beyond a gibibyte, sums of lengths might not fit their type; no packet comes near.
        let limits = &Limits { max_record: limits.max_record.min(1 << 30), ..*limits };
        let mut source = Source::open(input, limits)?;
        let mut summary = Summary {
            compression: source.compression().to_vec(),
            max_listed: limits.max_listed,
            ..Summary::default()
        };
        let walk = match open_format(&mut source, limits, &mut summary) {
            Ok(walk) => walk,
            Err(why @ CaptureError::NotACapture { .. }) => {
                return Ok(Content::Other { text: Box::new(Unpacked::rest(source)), why });
            }
            Err(error) => return Err(error),
        };
        summary.file_bytes = source.file_bytes();
        Ok(Content::Records(Box::new(Reader {
            source,
            walk,
            found: Found::new(),
            summary,
            limits: *limits,
            file: None,
            file_len: None,
            last_at: None,
            over: false,
            hole: None,
            behind_hole: false,
            marks: Marks::apart(Reader::BUFFERS_PER_MARK * limits.buffer as u64),
        })))
    }

    fn records(self) -> Result<Reader, CaptureError> {
        match self {
            Content::Records(reader) => Ok(*reader),
            Content::Other { why, .. } => Err(why),
        }
    }
}

impl Reader {
    /// Marks are a mebibyte apart where buffers are as large as by default.
    const BUFFERS_PER_MARK: u64 = 4;

    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be opened or read, or is no capture of a known format.
    pub fn open(path: &Path, limits: &Limits) -> Result<Reader, CaptureError> {
        Content::open(path, limits)?.records()
    }

    /// Takes any input: standard input, a pipe still written to, bytes in memory. It waits only for as many bytes
    /// as it takes to know the format.
    ///
    /// # Errors
    /// If it cannot be read, or is no capture of a known format.
    pub fn from_read(input: Box<dyn Read + Send>, limits: &Limits) -> Result<Reader, CaptureError> {
        Content::from_read(input, limits)?.records()
    }

    /// Calls `sink` for every record in the buffer, at most one buffer full, and waits for input only if there is
    /// none. `false`: the capture has ended. A plain file may have grown since then; calling again goes on.
    ///
    /// # Errors
    /// If the input cannot be read any further. After an error that [is temporary](CaptureError::is_temporary),
    /// calling again goes on where it stopped.
    pub fn next_batch(&mut self, sink: &mut impl FnMut(&Record<'_>)) -> Result<bool, CaptureError> {
        if let Some(hole) = self.hole.take() {
            self.recover(hole)?;
        }
        let frames = self.summary.frames;
        loop {
            self.found.clear();
            let walked = self.walk.walk(self.source.bytes(), &mut self.summary, &mut self.found);
            self.deliver(sink);
            self.source.consume(walked.used);
            if matches!(walked.stop, Stop::Full) {
                continue;
            }
            let delivered = self.summary.frames > frames;
            let progress = self.after(walked.stop, delivered)?;
            self.note_progress();
            match progress {
                Progress::More if delivered => return Ok(true),
                Progress::More => {}
                Progress::End => return Ok(false),
            }
        }
    }

    /// The next records with the bytes they lie in, to be looked at wherever and whenever the caller likes; about one
    /// buffer full. None: the capture has ended.
    ///
    /// # Errors
    /// As [`next_batch`](Self::next_batch).
    pub fn next_block(&mut self) -> Result<Option<Block>, CaptureError> {
        if let Some(hole) = self.hole.take() {
            self.recover(hole)?;
        }
        let mut block = Block::new(self.summary.frames);
        loop {
            self.found.clear();
            let walked = self.walk.walk(self.source.bytes(), &mut self.summary, &mut self.found);
            block.add(&self.found, self.source.start(), &self.summary.interfaces);
            self.deliver(&mut |_| {});
            self.source.consume(walked.used);
            if matches!(walked.stop, Stop::Full) {
                continue;
            }
            let stop = walked.stop;
            if !block.is_empty() {
                // Whatever stopped the walk will stop it again.
                block.take_bytes(self.source.hand_over());
                self.note_progress();
                return Ok(Some(block));
            }
            let progress = self.after(stop, false)?;
            self.note_progress();
            if let Progress::End = progress {
                return Ok(None);
            }
        }
    }

    /// Lets a thread read (and unfold) on beside the caller. What is read stays the same; after an error that is temporary,
    /// reading does not go on.
    pub fn read_ahead(&mut self) {
        if let Some(ahead) = self.share_reading(2) {
            // It ends with this reader, or, if it waits for a pipe, with the process.
            std::thread::spawn(move || ahead.fetch_all());
        }
    }

    /// The same for so many threads that have other work, too: they [fetch](Ahead::fetch) when they find the time. None if
    /// somebody reads ahead already.
    pub fn share_reading(&mut self, threads: usize) -> Option<Arc<Ahead>> {
        let plain = self.file_len.and(self.file.take());
        self.source.share(plain, threads)
    }

    fn note_progress(&mut self) {
        self.summary.file_bytes = self.source.file_bytes();
        self.summary.capture_bytes = self.source.offset();
        if self.hole.is_none() {
            let (frames, byte) = (self.summary.frames, self.source.offset());
            self.marks.note(Mark { frames, byte, interfaces: self.summary.interfaces.len() });
        }
    }

    /// Where another reader of the same capture may begin.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Whether anything of it can be passed over: it is a file, not compressed, and not read ahead.
    pub fn can_skip(&self) -> bool {
        self.file.is_some() && self.source.compression().is_empty()
    }

    /// Goes on at a mark of the same capture that lies ahead. `false`, and nothing changes, if it does not, if
    /// [nothing can be passed over](Self::can_skip), or if interfaces are described on the way.
    pub fn skip_to(&mut self, mark: &Mark) -> bool {
        let skips = mark.frames > self.summary.frames
            && mark.interfaces == self.summary.interfaces.len()
            && self.hole.is_none()
            && self.can_skip()
            && self.file.as_ref().is_some_and(|file| self.source.skip_to(file, mark.byte));
        if skips {
            self.summary.frames = mark.frames;
            self.note_progress();
        }
        skips
    }

    /// What is known so far; complete when [`next_batch`](Self::next_batch) has returned `false`.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Octets read of the file itself, and its length if it is known.
    pub fn position(&self) -> (u64, Option<u64>) {
        (self.source.file_bytes(), self.file_len)
    }

    #[inline(always)]
    fn deliver(&mut self, sink: &mut impl FnMut(&Record<'_>)) {
        let Some(first) = self.found.first() else { return };
        let bytes = self.source.bytes();
        let summary = &mut self.summary;
        if std::mem::take(&mut self.behind_hole) {
            summary.resumes(first.at);
        }
        let mut last_at = self.last_at.unwrap_or(first.at);
        let (mut earliest, mut latest) = summary.times.unwrap_or((first.at, first.at));
        let mut number = summary.frames;
        let mut frames = self.found.iter().peekable();
        // Frames of one interface usually come in runs, so that looking it up and counting is per run.
        while let Some(first) = frames.peek() {
            let (index, before) = (first.interface, number);
            let Some(interface) = summary.interfaces.get_mut(index as usize) else {
                frames.next();
                continue;
            };
            let link = interface.link;
            while let Some(frame) = frames.next_if(|frame| frame.interface == index) {
                if frame.at < last_at {
                    summary.step_back = summary.step_back.max(last_at - frame.at);
                    earliest = earliest.min(frame.at);
                } else {
                    latest = latest.max(frame.at);
                }
                last_at = frame.at;
                number += 1;
                let start = frame.start as usize;
                sink(&Record {
                    frame: number,
                    at: frame.at,
                    link,
                    interface: index,
                    wire_len: frame.wire_len,
                    data: bytes.get(start..start + frame.captured as usize).unwrap_or_default(),
                });
            }
            interface.frames += number - before;
        }
        summary.frames = number;
        self.last_at = Some(last_at);
        summary.times = Some((earliest, latest));
    }

    /// Acts on what stopped the walk. Input is waited for only if nothing was delivered.
    fn after(&mut self, stop: Stop, delivered: bool) -> Result<Progress, CaptureError> {
        match stop {
            Stop::Full => Ok(Progress::More),
            Stop::Needs(_) if delivered => Ok(Progress::More),
            Stop::Needs(need) => {
                if !self.over && self.fill()? {
                    self.summary.tail = None;
                    return Ok(Progress::More);
                }
                self.finish(need as u64);
                Ok(Progress::End)
            }
            Stop::Skip(bytes) => self.skip(bytes),
            Stop::Damaged(what) => {
                let (frame, at_byte) = (self.summary.frames + 1, self.source.offset());
                self.recover(Hole { frame, at_byte, what, from: 1 }).map(|()| Progress::More)
            }
        }
    }

    fn fill(&mut self) -> Result<bool, CaptureError> {
        self.source.fill().map_err(|trouble| trouble.at(self.summary.frames + 1, self.source.offset()))
    }
}

/// Finds the format and reads the file header.
fn open_format(
    source: &mut Source,
    limits: &Limits,
    summary: &mut Summary,
) -> Result<Box<dyn Walk>, CaptureError> {
    let mut at_end = false;
    loop {
        let mut needs = None;
        for format in FORMATS {
            match (format.recognise)(source.bytes(), at_end) {
                Recognised::Yes => {
                    summary.format = format.name;
                    return (format.open)(source, limits, summary);
                }
                Recognised::No => {}
                Recognised::Needs(bytes) => {
                    needs = Some(needs.map_or(bytes, |least: usize| least.min(bytes)))
                }
            }
        }
        match needs {
            Some(needs) if !at_end => at_end = !source.want(needs)?,
            _ if source.bytes().is_empty() => return Err(CaptureError::Empty),
            _ => {
                let compression = source.compression().to_vec();
                return Err(CaptureError::NotACapture { looks: Looks::of(source.bytes()), compression });
            }
        }
    }
}
