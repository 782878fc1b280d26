//! A capture that can be read only once, such as a pipe: its name is known at its end.

use std::io::{self, BufRead, ErrorKind, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::FragmentError;
use crate::analysis::AnalyzeError;
use crate::capture::{Limits, Unpacked};

/// Content that is hashed while somebody reads it. Clones read on where the others are.
#[derive(Clone)]
pub(super) struct Hashing(Arc<Mutex<(Unpacked, blake3::Hasher)>>);

impl Hashing {
    /// Of an input, unpacked.
    pub(super) fn new(
        input: Box<dyn Read + Send>,
        path: &Path,
        limits: &Limits,
    ) -> Result<Hashing, FragmentError> {
        let unreadable = |source| AnalyzeError::Input { path: path.to_owned(), source };
        let content = Unpacked::from_read(input, limits).map_err(unreadable)?;
        Ok(Hashing(Arc::new(Mutex::new((content, blake3::Hasher::new())))))
    }

    /// BLAKE3 of all of it: of what was read, and of what nobody wanted.
    pub(super) fn finish(self, path: &Path) -> Result<String, FragmentError> {
        let mut this = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (content, hasher) = &mut *this;
        hash(content, hasher).map_err(FragmentError::io(path))?;
        Ok(hasher.finalize().to_hex().to_string())
    }
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut this = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = this.0.read(buffer)?;
        this.1.update(&buffer[..read]);
        Ok(read)
    }
}

/// Hashes the rest of a content: as far as it can be unpacked.
pub(super) fn hash(content: &mut Unpacked, hasher: &mut blake3::Hasher) -> io::Result<()> {
    loop {
        match content.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(octets) => {
                hasher.update(octets);
                let taken = octets.len();
                content.consume(taken);
            }
            // What comes out of a damaged or overfull stream up to there is what will be analysed.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof
                        | ErrorKind::InvalidData
                        | ErrorKind::InvalidInput
                        | ErrorKind::Other
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}
