//! A log's lines, lent one at a time from one buffer of bounded size. Knows nothing of what they say.

use std::io::{self, BufRead};

/// Octets of the longest line that is kept whole (`strace -s 65536` prints a quarter of this); longer ones are cut.
pub(super) const LONGEST: usize = 1 << 20;

/// Octets asked for at once.
const CHUNK: usize = 1 << 18;

/// One line, without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    pub(super) text: &'a [u8],
    /// Whether it is all there: not longer than [`LONGEST`].
    pub(super) whole: bool,
    /// Whether it ended in a newline; only the last line of a log may not.
    pub(super) ended: bool,
}

/// Reads lines; LF and CR LF end them.
pub(super) struct Lines<'a> {
    input: &'a mut dyn BufRead,
    buffer: Vec<u8>,
    from: usize,
    upto: usize,
    number: u64,
    exhausted: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(input: &'a mut dyn BufRead) -> Self {
        Lines { input, buffer: vec![0; CHUNK], from: 0, upto: 0, number: 0, exhausted: false }
    }

    /// The beginning of the log, at least as far as the first [`CHUNK`] goes, without moving on.
    pub(super) fn head(&mut self) -> io::Result<&[u8]> {
        while !self.exhausted && self.upto < CHUNK {
            self.fill()?;
        }
        Ok(&self.buffer[..self.upto])
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = self.from;
        loop {
            if let Some(end) =
                memchr::memchr(b'\n', &self.buffer[searched..self.upto]).map(|at| searched + at)
            {
                return Ok(Some(self.lend(end, end + 1, true, true)));
            }
            searched = self.upto;
            if self.exhausted {
                let end = self.upto;
                return Ok(if self.from == end { None } else { Some(self.lend(end, end, true, false)) });
            }
            if self.upto - self.from > LONGEST {
                let (start, end) = (self.from, self.upto);
                self.skip_to_newline()?;
                self.number += 1;
                // What was kept stays in the buffer until the next call; the rest of the line has been read past it.
                self.from = self.upto;
                let text = &self.buffer[start..end];
                return Ok(Some(Line { number: self.number, text, whole: false, ended: true }));
            }
            let moved = self.from;
            self.fill()?;
            searched -= moved - self.from;
        }
    }

    fn lend(&mut self, end: usize, next: usize, whole: bool, ended: bool) -> Line<'_> {
        let text = &self.buffer[self.from..end];
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        self.from = next;
        self.number += 1;
        Line { number: self.number, text, whole, ended }
    }

    /// Moves what is left to the front and reads on behind it.
    fn fill(&mut self) -> io::Result<()> {
        if self.from > 0 {
            self.buffer.copy_within(self.from..self.upto, 0);
            self.upto -= self.from;
            self.from = 0;
        }
        if self.upto == self.buffer.len() {
            self.buffer.resize(self.upto + CHUNK, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.upto..]) {
                Ok(0) => self.exhausted = true,
                Ok(read) => self.upto += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }

    fn skip_to_newline(&mut self) -> io::Result<()> {
        loop {
            let part = match self.input.fill_buf() {
                Ok(part) => part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if part.is_empty() {
                self.exhausted = true;
                return Ok(());
            }
            match memchr::memchr(b'\n', part) {
                Some(at) => {
                    self.input.consume(at + 1);
                    return Ok(());
                }
                None => {
                    let read = part.len();
                    self.input.consume(read);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn check(log: &[u8], expected: &[(usize, bool, bool)]) {
        for capacity in [1, 7, 1 << 16] {
            let mut input = BufReader::with_capacity(capacity, log);
            let mut lines = Lines::new(&mut input);
            let mut found = Vec::new();
            while let Some(line) = lines.next().unwrap() {
                found.push((line.text.len().min(LONGEST), line.whole, line.ended));
                assert_eq!(line.number, found.len() as u64);
            }
            assert_eq!(found, expected, "buffer of {capacity}");
        }
    }

    #[test]
    fn ends_of_lines() {
        check(b"", &[]);
        check(b"ab\ncde\r\n\nf", &[(2, true, true), (3, true, true), (0, true, true), (1, true, false)]);
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_found() {
        let mut log = b"first\n".to_vec();
        log.resize(log.len() + 5 * LONGEST, b'x');
        log.extend(b"\nlast\n");
        check(&log, &[(5, true, true), (LONGEST, false, true), (4, true, true)]);
    }

    #[test]
    fn the_head_can_be_looked_at_first() {
        let mut input = &b"one\ntwo\n"[..];
        let mut lines = Lines::new(&mut input);
        assert_eq!(lines.head().unwrap(), b"one\ntwo\n");
        assert_eq!(lines.next().unwrap().map(|line| line.text.to_vec()), Some(b"one".to_vec()));
    }
}
