//! Files that a capture program writes one after another: `tcpdump -C`, `-G`, `-W`, dumpcap's ring buffers.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::capture::{Limits, Reader};
use crate::wire::{Span, Timestamp};

/// Finds the file that continues another.
///
/// Files of one ring lie in one folder and have one name but for its digits (`x.pcap`, `x.pcap1`; `x_00001_2026.pcapng`).
/// What decides is content: the successor is the one whose first frame comes first behind all that was read. So a
/// name that is used again, as `tcpdump -W` does, is another file.
pub struct Ring {
    folder: PathBuf,
    shape: String,
    /// Files read or being read, each by its name and the time of its first frame.
    seen: HashSet<(PathBuf, Timestamp)>,
    /// When each file began, as of its last change: rings have many files, and one of them changes.
    begins: HashMap<PathBuf, (SystemTime, Option<Timestamp>)>,
    limits: Limits,
}

impl Ring {
    /// A file may begin so much before the last frame of the one it continues: several queues write one after the other.
    const OVERLAP: Span = Span::secs(1);

    /// The ring that this file is one of.
    pub fn of(file: &Path, limits: Limits) -> Ring {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ring {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            shape: shape(file),
            seen: HashSet::new(),
            begins: HashMap::new(),
            limits,
        }
    }

    /// This file is read now, and is its own successor only when it begins at another time.
    pub fn reading(&mut self, file: &Path, first: Timestamp) {
        self.seen.insert((self.folder.join(file.file_name().unwrap_or_default()), first));
    }

    /// The file that continues a capture whose latest frame came `last`; none if it has not begun yet.
    pub fn successor(&mut self, last: Timestamp) -> Option<PathBuf> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(&self.folder).ok()?.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.retain(|file| shape(file) == self.shape);
        self.begins.retain(|file, _| files.contains(file));
        let mut next: Option<(Timestamp, PathBuf)> = None;
        for file in files {
            let Some(first) = self.begin(&file).filter(|&first| first >= last - Ring::OVERLAP) else {
                continue;
            };
            let candidate = (first, file);
            let sooner = next.as_ref().is_none_or(|next| candidate < *next);
            if sooner && !self.seen.contains(&(candidate.1.clone(), first)) {
                next = Some(candidate);
            }
        }
        next.map(|(_, file)| file)
    }

    fn begin(&mut self, file: &Path) -> Option<Timestamp> {
        let changed = fs::metadata(file).and_then(|metadata| metadata.modified()).ok()?;
        match self.begins.get(file) {
            Some(&(then, first)) if then == changed => first,
            _ => {
                let first = first_frame(file, &self.limits);
                self.begins.insert(file.to_owned(), (changed, first));
                first
            }
        }
    }
}

/// The name without its digits.
fn shape(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// When the first frame of a file was captured; none if it holds no whole one yet, or is no capture.
fn first_frame(file: &Path, limits: &Limits) -> Option<Timestamp> {
    let mut reader = Reader::open(file, &Limits { buffer: 1 << 16, ..*limits }).ok()?;
    let mut first = None;
    while first.is_none()
        && reader.next_batch(&mut |record| _ = first.get_or_insert(record.at)).unwrap_or(false)
    {}
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A capture of empty frames, one at each of these seconds.
    fn write(file: &Path, seconds: &[u32]) {
        let mut bytes =
            vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
        for second in seconds {
            bytes.extend(second.to_le_bytes());
            bytes.extend([0; 4]);
            bytes.extend([1, 0, 0, 0, 1, 0, 0, 0, 0xff]);
        }
        fs::write(file, bytes).unwrap();
    }

    #[test]
    fn content_decides_which_file_is_next_and_a_name_used_again_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        write(&file("x.pcap"), &[100, 109]);
        write(&file("x.pcap2"), &[120, 129]);
        write(&file("x.pcap1"), &[110, 119]);
        write(&file("y.pcap1"), &[111]);
        write(&file("x.pcap3"), &[]);
        let at = |second| Timestamp::new(second, 0);
        let mut ring = Ring::of(&file("x.pcap"), Limits::default());
        ring.reading(&file("x.pcap"), at(100));
        assert_eq!(ring.successor(at(109)), Some(file("x.pcap1")));
        ring.reading(&file("x.pcap1"), at(110));
        assert_eq!(ring.successor(at(119)), Some(file("x.pcap2")));
        ring.reading(&file("x.pcap2"), at(120));
        assert_eq!(ring.successor(at(129)), None, "x.pcap3 holds no frame yet");
        write(&file("x.pcap"), &[130]);
        assert_eq!(ring.successor(at(129)), Some(file("x.pcap")));
        ring.reading(&file("x.pcap"), at(130));
        assert_eq!(ring.successor(at(130)), None);
    }
}
