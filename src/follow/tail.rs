//! A file that grows, as a stream that waits for its next octets.

use std::fs::File;
use std::io::{self, Read};

/// What to do where nothing more stands in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// Look again: some time has passed.
    Over,
    /// Nothing will be added any more.
    End,
}

/// Reads a file that something else still writes; its end is an end only if the one who waits says so.
pub struct Tail<W> {
    file: File,
    wait: W,
}

impl<W: FnMut() -> Wait> Tail<W> {
    /// `wait` is called whenever everything written so far was read; it is expected to take its time.
    pub fn new(file: File, wait: W) -> Tail<W> {
        Tail { file, wait }
    }
}

impl<W: FnMut() -> Wait> Read for Tail<W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.file.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if (self.wait)() == Wait::End {
                // What was written between the last look and the decision still counts.
                return self.file.read(buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_added_while_it_waits_is_read_and_so_is_what_came_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing");
        let mut writer = File::create(&path).unwrap();
        writer.write_all(b"one").unwrap();
        let mut waits = 0;
        let mut tail = Tail::new(File::open(&path).unwrap(), || {
            waits += 1;
            writer.write_all([&b"two"[..], b"two", b"end", b""][waits - 1]).unwrap();
            if waits < 3 { Wait::Over } else { Wait::End }
        });
        let mut all = String::new();
        tail.read_to_string(&mut all).unwrap();
        assert_eq!(all, "onetwotwoend");
    }
}
