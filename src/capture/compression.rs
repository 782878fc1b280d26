//! Compressed captures: recognised by content, unfolded as they are read. Whether what comes out is a capture, or
//! too much of it, is judged elsewhere.

use std::fmt;
use std::io::{self, BufReader};

use super::source::Input;

/// A kind of compression.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compression {
    /// gzip (RFC 1952), one or several members.
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// LZ4 frames.
    Lz4,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
}

/// What is known about one kind.
struct Known {
    kind: Compression,
    name: &'static str,
    magic: &'static [u8],
    open: fn(BufReader<Input>) -> io::Result<Input>,
}

/// Every kind, in the order of the enum.
const KINDS: &[Known] = &[
    Known {
        kind: Compression::Gzip,
        name: "gzip",
        magic: &[0x1f, 0x8b, 0x08],
        open: |input| Ok(Box::new(flate2::bufread::MultiGzDecoder::new(input))),
    },
    Known {
        kind: Compression::Zstd,
        name: "zstd",
        magic: &[0x28, 0xb5, 0x2f, 0xfd],
        open: |input| Ok(Box::new(zstd::stream::read::Decoder::with_buffer(input)?)),
    },
    Known {
        kind: Compression::Lz4,
        name: "lz4",
        magic: &[0x04, 0x22, 0x4d, 0x18],
        open: |input| Ok(Box::new(lz4_flex::frame::FrameDecoder::new(input))),
    },
    Known {
        kind: Compression::Xz,
        name: "xz",
        magic: &[0xfd, b'7', b'z', b'X', b'Z', 0x00],
        open: |input| Ok(Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(input))),
    },
    Known {
        kind: Compression::Bzip2,
        name: "bzip2",
        magic: b"BZh",
        open: |input| Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(input))),
    },
];

/// Octets that the longest magic number takes.
pub(super) const MAGIC_LEN: usize = 6;

/// Compressed octets held while they are unfolded.
const INPUT_BUFFER: usize = 64 << 10;

impl Compression {
    /// By the first octets of an input; short input that ends inside a magic number is none.
    pub(super) fn recognise(bytes: &[u8]) -> Option<Compression> {
        KINDS.iter().find(|known| bytes.starts_with(known.magic)).map(|known| known.kind)
    }

    /// Whether more octets could still turn these into a compressed input.
    pub(super) fn is_open(bytes: &[u8]) -> bool {
        KINDS.iter().any(|known| bytes.len() < known.magic.len() && known.magic.starts_with(bytes))
    }

    /// A reader of what this input unfolds to.
    pub(super) fn unfold(self, input: Input) -> io::Result<Input> {
        (self.known().open)(BufReader::with_capacity(INPUT_BUFFER, input))
    }

    /// The one of that name, as it is displayed.
    pub fn by_name(name: &str) -> Option<Compression> {
        KINDS.iter().find(|known| known.name == name).map(|known| known.kind)
    }

    fn known(self) -> &'static Known {
        &KINDS[self as usize]
    }
}

/// Its everyday name: `gzip`, `zstd`, `lz4`, `xz`, `bzip2`.
impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.known().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_in_the_order_of_the_enum_and_their_magic_fits() {
        for (index, known) in KINDS.iter().enumerate() {
            assert_eq!(known.kind as usize, index);
            assert!(known.magic.len() <= MAGIC_LEN);
            assert_eq!(Compression::recognise(known.magic), Some(known.kind));
        }
    }
}
