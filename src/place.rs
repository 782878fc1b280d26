//! Where an input lies: in a file, or in an object store that a URI names. Everybody who opens an input asks here, so that
//! the rest knows paths only, and a URI stands in reports as it was given.
//!
//! Stores are read by builds with the feature `object_store`. Other builds have no code that opens a connection, and say
//! so of a URI.

#[cfg(feature = "object_store")]
mod object;
#[cfg(feature = "object_store")]
mod store;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// An input, opened for one reading from its first octet to its last.
pub struct Opened {
    /// Its octets.
    pub octets: Box<dyn Read + Send>,
    /// How many there are; none for what is no regular file, such as a pipe.
    pub len: Option<u64>,
    /// The file itself, to read it elsewhere too; none for an object.
    pub file: Option<File>,
}

/// The kinds of store, by the scheme of their URIs.
const SCHEMES: [&str; 3] = ["s3", "gs", "az"];

/// The scheme of a URI that names an object in a store, and what follows `://`; none of a path.
fn uri(path: &Path) -> Option<(&str, &str)> {
    let (scheme, rest) = path.to_str()?.split_once("://")?;
    SCHEMES.contains(&scheme).then_some((scheme, rest))
}

/// Whether it names an object in a store.
pub fn is_remote(path: &Path) -> bool {
    uri(path).is_some()
}

/// Opens a file or an object.
///
/// # Errors
/// If it is not there or cannot be reached; for a URI also if this build reads no stores.
pub fn open(path: &Path) -> io::Result<Opened> {
    if let Some((scheme, rest)) = uri(path) {
        return remote::open(scheme, rest);
    }
    let file = File::open(path)?;
    let len = file.metadata().ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len());
    let again = file.try_clone().ok();
    Ok(Opened { octets: Box::new(file), len, file: again })
}

/// Octets of a file or an object, which is not opened for that.
///
/// # Errors
/// As [`open`].
pub fn len(path: &Path) -> io::Result<u64> {
    match uri(path) {
        Some((scheme, rest)) => remote::len(scheme, rest),
        None => fs::metadata(path).map(|metadata| metadata.len()),
    }
}

/// Whether it can be read a second time: a regular file or an object, no pipe.
pub fn lasts(path: &Path) -> bool {
    is_remote(path) || fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

#[cfg(feature = "object_store")]
use store as remote;

#[cfg(not(feature = "object_store"))]
mod remote {
    use super::{Opened, io};

    fn refused() -> io::Error {
        let why = "this build reads files only; one made with the feature object_store reads s3://, gs:// and az://";
        io::Error::new(io::ErrorKind::Unsupported, why)
    }

    pub(super) fn open(_scheme: &str, _rest: &str) -> io::Result<Opened> {
        Err(refused())
    }

    pub(super) fn len(_scheme: &str, _rest: &str) -> io::Result<u64> {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_of_stores_are_told_from_paths() {
        for (text, remote) in [
            ("s3://bucket/a/b.pcap", true),
            ("gs://bucket/a", true),
            ("az://container/a", true),
            ("s3:/bucket/a", false),
            ("S3.pcap", false),
            ("http://host/a.pcap", false),
            ("-", false),
        ] {
            assert_eq!(is_remote(Path::new(text)), remote, "{text}");
        }
    }

    #[test]
    fn files_have_a_length_and_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, b"octets").unwrap();
        let mut opened = open(&file).unwrap();
        let mut text = String::new();
        opened.octets.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), opened.len, len(&file).unwrap()), ("octets", Some(6), 6));
        assert!(lasts(&file) && !lasts(folder.path()) && !lasts(&folder.path().join("b")));
    }

    #[cfg(not(feature = "object_store"))]
    #[test]
    fn a_build_without_the_feature_says_which_build_reads_a_uri() {
        let path = Path::new("s3://bucket/a.pcap");
        for error in [open(path).err().unwrap(), len(path).unwrap_err()] {
            assert!(error.to_string().contains("the feature object_store"), "{error}");
        }
    }
}
