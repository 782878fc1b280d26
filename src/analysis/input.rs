//! What an input holds: packets, or lines of text that tell of them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use jiff::tz::TimeZone;

use super::Options;
use crate::capture::{CaptureError, Content, Marks, Reader, Summary};
use crate::transcript::{Facts, Transcript};
use crate::wire::Timestamp;

/// An input, opened.
pub enum Input {
    /// A capture.
    Records(Box<Reader>),
    /// A capture as text.
    Lines(Box<Transcript>),
}

impl Input {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// If it cannot be opened or read, or is neither a capture nor a text that tells of packets.
    pub fn open(path: &Path, options: &Options) -> Result<Input, CaptureError> {
        let content = match Input::once(path, options)? {
            Some(octets) => Content::from_read(octets, &options.read)?,
            None => Content::open(path, &options.read)?,
        };
        Input::of(content, options)
    }

    /// The octets of what can be read only once, such as a pipe or standard input (`-`); none of a file. They end when
    /// they are interrupted, since only what is no file can keep its reader waiting.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn once(path: &Path, options: &Options) -> Result<Option<Box<dyn Read + Send>>, CaptureError> {
        let waits = std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
        let octets: Box<dyn Read + Send> = if path == Path::new("-") {
            Box::new(std::io::stdin())
        } else if waits {
            Box::new(File::open(path).map_err(CaptureError::Open)?)
        } else {
            return Ok(None);
        };
        Ok(Some(options.interrupt.watch(octets)))
    }

    /// Octets that come from elsewhere.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub fn from_read(octets: Box<dyn Read + Send>, options: &Options) -> Result<Input, CaptureError> {
        Input::of(Content::from_read(octets, &options.read)?, options)
    }

    fn of(content: Content, options: &Options) -> Result<Input, CaptureError> {
        let zone = options.text_zone.clone().unwrap_or(TimeZone::UTC);
        match content {
            Content::Records(reader) => Ok(Input::Records(reader)),
            Content::Other { text, why } => match Transcript::recognise(*text, &zone)? {
                Some(transcript) => Ok(Input::Lines(Box::new(transcript))),
                None => Err(why),
            },
        }
    }

    /// Whether there is enough of it that threads which read on beside the caller are worth it: a file of fewer chunks is
    /// read sooner than they are at hand.
    pub fn is_worth_threads(&self, options: &Options) -> bool {
        const CHUNKS: u64 = 4;
        let enough = |octets: u64| octets > CHUNKS * options.read.buffer as u64;
        match self {
            Input::Records(reader) => options.threads > 1 && reader.position().1.is_none_or(enough),
            Input::Lines(_) => false,
        }
    }

    /// What is known so far.
    pub fn summary(&self) -> &Summary {
        match self {
            Input::Records(reader) => reader.summary(),
            Input::Lines(transcript) => transcript.summary(),
        }
    }

    /// Octets read of the file or pipe itself.
    pub fn position(&self) -> u64 {
        match self {
            Input::Records(reader) => reader.position().0,
            Input::Lines(transcript) => transcript.summary().file_bytes,
        }
    }

    /// Where another reading may begin.
    pub fn marks(&self) -> Option<&Marks> {
        match self {
            Input::Records(reader) => Some(reader.marks()),
            Input::Lines(_) => None,
        }
    }

    /// What became of its lines, if it is text.
    pub fn text(&self) -> Option<&Facts> {
        match self {
            Input::Records(_) => None,
            Input::Lines(transcript) => Some(transcript.facts()),
        }
    }

    /// The time of its first frame.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn first_time(mut self) -> Result<Option<Timestamp>, CaptureError> {
        let mut first = None;
        loop {
            let more = match &mut self {
                Input::Records(reader) => reader.next_batch(&mut |record| _ = first.get_or_insert(record.at)),
                Input::Lines(transcript) => {
                    transcript.next_batch(&mut |seen, _| _ = first.get_or_insert(seen.at))
                }
            }?;
            if first.is_some() || !more {
                return Ok(first);
            }
        }
    }
}
