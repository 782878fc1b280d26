//! Lines of text of any length and encoding: UTF-8, UTF-16 as PowerShell redirects it, or bytes of an old code page.
//!
//! A line is held up to [`LONGEST`] bytes; what follows is skipped and the line marked. What they say is not known here.

use std::borrow::Cow;
use std::io::{self, BufRead, Chain, Cursor, ErrorKind, Read};

/// Bytes of a line that are held.
pub(crate) const LONGEST: usize = 64 * 1024;

/// Reads line after line.
pub(crate) struct Lines<R> {
    input: Chain<Cursor<Vec<u8>>, R>,
    encoding: Encoding,
    raw: Vec<u8>,
    number: u32,
}

/// One line without its end.
pub(crate) struct Line<'a> {
    /// Counted from 1; stays at the largest number when a file has more.
    pub(crate) number: u32,
    /// The text; what is not UTF-8 shows as U+FFFD.
    pub(crate) text: Cow<'a, str>,
    /// It was longer than [`LONGEST`].
    pub(crate) cut: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl<R: BufRead> Lines<R> {
    /// Looks at the first bytes for a byte order mark, or for the zeros of UTF-16 without one.
    pub(crate) fn new(mut input: R) -> io::Result<Self> {
        let mut head = Vec::with_capacity(4);
        input.by_ref().take(4).read_to_end(&mut head)?;
        let (encoding, mark) = match *head.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
            [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
            [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
            [a, 0, b, 0] if a != 0 && b != 0 => (Encoding::Utf16Le, 0),
            [0, a, 0, b] if a != 0 && b != 0 => (Encoding::Utf16Be, 0),
            _ => (Encoding::Utf8, 0),
        };
        head.drain(..mark);
        Ok(Lines { input: Cursor::new(head).chain(input), encoding, raw: Vec::new(), number: 0 })
    }

    /// Where the lines come from.
    pub(crate) fn input(&self) -> &R {
        self.input.get_ref().1
    }

    /// The next line, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.raw.clear();
        let mut read = 0u64;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if chunk.is_empty() {
                break;
            }
            let (taken, ended) = match line_end(chunk, self.encoding, read, self.raw.last().copied()) {
                Some(end) => (end, true),
                None => (chunk.len(), false),
            };
            // One byte beyond the limit is kept for `line_end`, which looks back across chunks.
            let room = LONGEST.saturating_sub(self.raw.len()).min(taken);
            self.raw.extend_from_slice(&chunk[..room]);
            if room < taken
                && let Some(last) = self.raw.last_mut()
            {
                *last = chunk[taken - 1];
            }
            read += taken as u64;
            self.input.consume(taken);
            if ended {
                break;
            }
        }
        if read == 0 {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let cut = read > LONGEST as u64;
        Ok(Some(Line { number: self.number, text: decode(&self.raw, self.encoding), cut }))
    }
}

/// The offset behind the line's end in `chunk`, of which `before` bytes of the line have been read, ending in `last`.
fn line_end(chunk: &[u8], encoding: Encoding, before: u64, last: Option<u8>) -> Option<usize> {
    let low_first = match encoding {
        Encoding::Utf8 => return memchr::memchr(b'\n', chunk).map(|at| at + 1),
        Encoding::Utf16Le => true,
        Encoding::Utf16Be => false,
    };
    let mut previous = last.unwrap_or(0);
    for (at, &byte) in chunk.iter().enumerate() {
        let second = (before + at as u64) % 2 == 1;
        let unit = if low_first { (previous, byte) } else { (byte, previous) };
        if second && unit == (b'\n', 0) {
            return Some(at + 1);
        }
        previous = byte;
    }
    None
}

fn decode(raw: &[u8], encoding: Encoding) -> Cow<'_, str> {
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(raw),
        Encoding::Utf16Le => utf16(raw, u16::from_le_bytes),
        Encoding::Utf16Be => utf16(raw, u16::from_be_bytes),
    };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches(['\n', '\r'])),
        Cow::Owned(mut text) => {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
            Cow::Owned(text)
        }
    }
}

fn utf16(raw: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'_, str> {
    let units = raw.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn check(bytes: &[u8], expected: &[&str]) {
        for capacity in [1, 2, 3, 7, 8192] {
            let mut lines = Lines::new(BufReader::with_capacity(capacity, bytes)).unwrap();
            let mut read = Vec::new();
            while let Some(line) = lines.next().unwrap() {
                assert_eq!(line.number as usize, read.len() + 1);
                read.push(line.text.into_owned());
            }
            assert_eq!(read, expected, "buffer of {capacity}");
        }
    }

    #[test]
    fn encodings_and_line_ends() {
        check(b"", &[]);
        check(b"a\nb", &["a", "b"]);
        check(b"a\r\n\r\nb\n", &["a", "", "b"]);
        check(b"\xef\xbb\xbfa\n", &["a"]);
        check(b"ABH\x99REN\n", &["ABH\u{fffd}REN"]);
        let le: Vec<u8> =
            "\u{feff}a\u{20ac}\r\n\u{0a00}b\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&le, &["a\u{20ac}", "\u{0a00}b"]);
        let le: Vec<u8> = "ab\nc".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&le, &["ab", "c"]);
        let be: Vec<u8> = "\u{feff}ab\r\nc".encode_utf16().flat_map(u16::to_be_bytes).collect();
        check(&be, &["ab", "c"]);
        check(&be[2..], &["ab", "c"]);
        check(&be[..be.len() - 1], &["ab", ""]);
    }

    #[test]
    fn a_line_without_end_is_held_up_to_the_limit() {
        let mut bytes = vec![b'x'; 3 * LONGEST];
        bytes.extend_from_slice(b"\nshort\n");
        let mut lines = Lines::new(bytes.as_slice()).unwrap();
        let line = lines.next().unwrap().unwrap();
        assert!(line.cut && line.text.len() <= LONGEST);
        let line = lines.next().unwrap().unwrap();
        assert_eq!((line.number, &*line.text, line.cut), (2, "short", false));
        assert!(lines.next().unwrap().is_none());
    }
}
