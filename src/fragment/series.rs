//! Which files are one capture, by their names: what tcpdump (`-C`, `-G`, `-W`), dumpcap rings and snoop series count up is
//! taken out of the name, and files that are then called the same belong together, if their content agrees.

use std::path::{Path, PathBuf};

/// Endings that compression adds.
const PACKED: [&str; 5] = [".gz", ".zst", ".lz4", ".xz", ".bz2"];
/// Endings behind which tcpdump writes its count: `dump.pcap12`.
const COUNTED: [&str; 5] = [".pcap", ".pcapng", ".cap", ".snoop", ".dmp"];

/// The folder and the name, with `#` for what counts up.
pub fn series(path: &Path) -> String {
    let (mut pattern, _) = pattern(path);
    // One part of a date more or less is no other capture; the first file of 'tcpdump -C' has no number.
    while pattern.contains("##") {
        pattern = pattern.replace("##", "#");
    }
    for ending in COUNTED {
        if pattern.ends_with(&format!("{ending}#")) {
            pattern.pop();
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or_else(PathBuf::new, Path::to_path_buf).join(pattern).display().to_string()
}

/// Whether a file's name ends as those of captures do, a count and compression aside.
pub fn is_called_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    COUNTED.iter().any(|ending| name.ends_with(ending))
}

/// What counts up in the name of a file: its numbers, which are compared one after the other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sequence(Vec<(usize, String)>);

impl Sequence {
    /// Of that file; a number more comes behind: `dump.pcap` before `dump.pcap1`.
    pub fn of(path: &Path) -> Sequence {
        let (_, numbers) = pattern(path);
        let numeric = |digits: String| {
            let digits = digits.trim_start_matches('0');
            (digits.len(), digits.to_owned())
        };
        Sequence(numbers.into_iter().map(numeric).collect())
    }
}

/// Files in order of time whose names say otherwise: the first two that do. Names may begin again once, as those of a ring
/// whose files are used again.
pub fn out_of_sequence<'a>(in_time_order: &[&'a Path]) -> Option<[&'a Path; 2]> {
    let places: Vec<_> = in_time_order.iter().map(|path| Sequence::of(path)).collect();
    let mut back = (1..places.len()).filter(|&at| places[at - 1] > places[at]);
    let first = back.next()?;
    let again = back.next();
    let is_ring = again.is_none() && places.last() <= places.first();
    (!is_ring).then(|| [in_time_order[first - 1], in_time_order[first]])
}

/// The name with `#` for each number that counts up, and these numbers.
fn pattern(path: &Path) -> (String, Vec<String>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_string();
    let name = PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let octets = name.as_bytes();
    let (mut pattern, mut numbers) = (String::new(), Vec::new());
    let mut at = 0;
    while at < name.len() {
        let digits = octets[at..].iter().take_while(|octet| octet.is_ascii_digit()).count();
        if digits == 0 {
            let next = name[at..].chars().next().unwrap_or('#');
            pattern.push(next);
            at += next.len_utf8();
            continue;
        }
        let after = octets.get(at + digits);
        // 'web01.pcap' is a name, 'web-01.pcap' may be a count; so may be letters between the digits of a date.
        let apart = at == 0 || matches!(octets[at - 1], b'-' | b'_' | b'.' | b':' | b'T');
        let ends = matches!(after, None | Some(b'-' | b'_' | b'.' | b':' | b'T' | b'Z'));
        let counted = after.is_none() && COUNTED.iter().any(|ending| pattern.ends_with(ending));
        if apart && ends || counted {
            pattern.push('#');
            numbers.push(name[at..at + digits].to_owned());
        } else {
            pattern.push_str(&name[at..at + digits]);
        }
        at += digits;
    }
    (pattern, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rotates_belongs_together() {
        for files in [
            &["dump.pcap", "dump.pcap1", "dump.pcap12.gz"][..],
            &["ring_00001_20260101120000.pcapng", "ring_00002_20260101130000.pcapng"],
            &["/a/eth0-2026-01-01T12:00:00Z.pcap", "/a/eth0-2026-01-01T13:00:00Z.pcap"],
            &["snoop.1", "snoop.22"],
            &["part-01.pcap", "part-02.pcap.zst"],
            &["20260101.pcap", "20260102.pcap"],
        ] {
            for file in files {
                assert_eq!(series(Path::new(file)), series(Path::new(files[0])), "{file}");
            }
        }
    }

    #[test]
    fn what_is_called_otherwise_does_not() {
        let all = ["web01.pcap", "web02.pcap", "a/web-1.pcap", "b/web-1.pcap", "client.pcap", "server.pcap"];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(series(Path::new(one)), series(Path::new(other)), "{one} {other}");
            }
        }
    }

    #[test]
    fn names_may_begin_again_once() {
        for (files, contradicts) in [
            (&["d.pcap", "d.pcap1", "d.pcap9", "d.pcap10"][..], None),
            (&["d.pcap8", "d.pcap9", "d.pcap0", "d.pcap1.gz"], None),
            (&["x-2026-01-01.pcap", "x-2026-01-02.pcap", "x-2026-02-01.pcap"], None),
            (&["r_00002_20260102.pcapng", "r_00001_20260101.pcapng", "r_00003_20260103.pcapng"], Some(0)),
            (&["d.pcap1", "d.pcap2", "d.pcap0", "d.pcap3"], Some(1)),
            (&["d.pcap3", "d.pcap2", "d.pcap1"], Some(0)),
        ] {
            let paths: Vec<&Path> = files.iter().map(Path::new).collect();
            let expected = contradicts.map(|at: usize| [paths[at], paths[at + 1]]);
            assert_eq!(out_of_sequence(&paths), expected, "{files:?}");
        }
    }
}
