//! Text beside captures (socket listings, system call logs): plain or compressed, unfolded with the readers of captures
//! and under the same limits. What the text says is not known here.

use std::io::{self, BufRead, Read};
use std::path::Path;

use super::source::{Ending, Source, Trouble};
use super::{CaptureError, Compression, Limits};
use crate::place;

/// The content of an input, unfolded if it is compressed. Lines are taken with [`BufRead`].
pub struct Unpacked {
    source: Source,
}

impl Unpacked {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be opened or read, or is compressed and damaged from the beginning.
    pub fn open(path: &Path, limits: &Limits) -> Result<Unpacked, CaptureError> {
        Unpacked::from_read(place::open(path).map_err(CaptureError::Open)?.octets, limits)
    }

    /// Takes any input.
    ///
    /// # Errors
    /// If it cannot be read, or is compressed and damaged from the beginning.
    pub fn from_read(input: Box<dyn Read + Send>, limits: &Limits) -> Result<Unpacked, CaptureError> {
        Ok(Unpacked { source: Source::open(input, limits)? })
    }

    /// What is left of an input that was looked into.
    pub(super) fn rest(source: Source) -> Unpacked {
        Unpacked { source }
    }

    /// Octets read of the file or pipe itself.
    pub fn file_bytes(&self) -> u64 {
        self.source.file_bytes()
    }

    /// Compressions around the text, outermost first.
    pub fn compression(&self) -> &[Compression] {
        self.source.compression()
    }
}

impl BufRead for Unpacked {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.source.bytes().is_empty() && !self.source.fill().map_err(stopped)? {
            match self.source.ending() {
                Some(Ending::Cut) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(Ending::Damaged(error)) => return Err(io::Error::new(error.kind(), error.to_string())),
                Some(Ending::Whole) | None => {}
            }
        }
        Ok(self.source.bytes())
    }

    fn consume(&mut self, bytes: usize) {
        self.source.consume(bytes);
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

fn stopped(trouble: Trouble) -> io::Error {
    match trouble {
        Trouble::Read(error) => error,
        limit => io::Error::new(io::ErrorKind::InvalidData, limit.at(0, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn plain_and_compressed_text_reads_alike() {
        let text = "one\ntwo\n".repeat(1_000);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let read = |bytes: &[u8]| {
            let input = io::Cursor::new(bytes.to_vec());
            let mut unpacked = Unpacked::from_read(Box::new(input), &Limits::default()).unwrap();
            let mut all = String::new();
            unpacked.read_to_string(&mut all).map(|_| all)
        };
        assert_eq!(read(text.as_bytes()).unwrap(), text);
        assert_eq!(read(&packed).unwrap(), text);
        assert_eq!(read(b"").unwrap(), "");
        assert!(read(&packed[..packed.len() / 2]).is_err(), "a cut stream is not passed off as whole");
    }
}
