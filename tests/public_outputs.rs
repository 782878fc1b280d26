//! Outputs of other people's hosts, published by other projects and not known while the readers were written: what stands in
//! each, what is read of it, what is not. `testdata/public/README.md` holds the table; here it is kept true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;
use std::path::Path;

use cwait_pcap::capture::{Limits, Unpacked};
use cwait_pcap::decode::Decoded;
use cwait_pcap::{sockets, trace, transcript};
use jiff::tz::TimeZone;

const FOLDER: &str = "testdata/public";

/// What a reader makes of a sample.
#[derive(PartialEq, Eq, Debug)]
struct Read {
    /// Sockets, facts of a host, calls or TCP packets.
    parsed: u64,
    /// Lines that are none of these, nor known to be something else.
    unread: u64,
    /// The reader that took most of it.
    by: &'static str,
}

fn listing(name: &str, bytes: &[u8]) -> Read {
    let options = sockets::Options { at: None, zone: TimeZone::UTC };
    let listing = sockets::read(name, bytes, &options).unwrap();
    let by = listing.snapshots.iter().find(|snapshot| !snapshot.sockets.is_empty());
    Read { parsed: listing.counts.sockets, unread: listing.counts.unread, by: by.map_or("", |by| by.format) }
}

/// Facts about the host and its links.
fn counters(name: &str, bytes: &[u8]) -> Read {
    let options = sockets::Options { at: None, zone: TimeZone::UTC };
    let listing = sockets::read(name, bytes, &options).unwrap();
    let facts = listing.snapshots.iter().map(|snapshot| &snapshot.counters);
    let parsed = facts.map(|facts| (facts.counts.len() + facts.links.len()) as u64).sum();
    Read { parsed, unread: listing.counts.unread, by: "" }
}

fn log(name: &str, mut bytes: &[u8]) -> Read {
    let facts = trace::examine(name, &mut bytes).unwrap();
    Read { parsed: facts.log.calls, unread: facts.log.unread, by: facts.log.format }
}

fn text(bytes: &[u8]) -> Read {
    let input = Unpacked::from_read(Box::new(Cursor::new(bytes.to_vec())), &Limits::default()).unwrap();
    let mut text = transcript::Transcript::recognise(input, &TimeZone::UTC).unwrap().expect("a packet");
    let mut parsed = 0;
    let mut sink = |_, decoded| parsed += u64::from(matches!(decoded, Decoded::Segment(..)));
    while text.next_batch(&mut sink).unwrap() {}
    Read { parsed, unread: text.facts().lost(), by: text.facts().tools[0] }
}

type Reader = fn(&str, &[u8]) -> Read;

/// A kind of output, and the reader that must take it.
const KINDS: &[(&str, &str, Reader)] = &[
    ("ss", "ss", listing),
    ("Linux netstat", "netstat-linux", listing),
    ("Solaris netstat", "netstat-solaris", listing),
    ("BSD netstat", "netstat-bsd", listing),
    ("macOS netstat", "netstat-bsd", listing),
    ("AIX netstat", "netstat-bsd", listing),
    ("HP-UX netstat", "netstat-bsd", listing),
    ("Windows netstat", "netstat-windows", listing),
    ("Get-NetTCPConnection", "powershell", listing),
    ("lsof -i", "lsof", listing),
    ("lsof -F", "lsof-fields", listing),
    ("/proc/net/tcp", "proc-net-tcp", listing),
    ("netstat -s", "", counters),
    ("netstat -i", "", counters),
    ("nstat", "", counters),
    ("ethtool", "", counters),
    ("kstat", "", counters),
    ("strace", "strace", log),
    ("truss", "truss", log),
    ("kdump", "kdump", log),
    ("tusc", "tusc", log),
    ("tcpdump", "tcpdump", |_, bytes| text(bytes)),
    ("tshark", "tshark", |_, bytes| text(bytes)),
    ("snoop", "snoop", |_, bytes| text(bytes)),
];

/// Kinds of which fewer than three public outputs were found, and how many were.
const SCARCE: &[(&str, usize)] = &[("tusc", 2)];

/// The rows of the table: kind, sample, origin, licence, present, parsed, unread.
fn table() -> Vec<[String; 7]> {
    let text = fs::read_to_string(format!("{FOLDER}/README.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains(".txt"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        cells.try_into().unwrap_or_else(|_| panic!("seven cells: {row}"))
    })
    .collect()
}

#[test]
fn every_public_output_is_read_as_the_table_says() {
    let mut listed = BTreeSet::new();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for [kind, sample, _, licence, present, parsed, unread] in table() {
        let file = sample.trim_matches('`');
        let bytes = fs::read(Path::new(FOLDER).join(file)).unwrap();
        let (_, by, read) = KINDS.iter().find(|(name, ..)| *name == kind).unwrap_or_else(|| panic!("{kind}"));
        let read = read(file, &bytes);
        println!("{kind:20} {file:28} {present:>3} present, {} parsed, {} unread", read.parsed, read.unread);
        let says = Read { parsed: parsed.parse().unwrap(), unread: unread.parse().unwrap(), by };
        if read != says {
            wrong.push(format!("{file}: {read:?}, the table says {says:?}"));
        }
        assert!(!licence.is_empty() && read.parsed <= present.parse().unwrap(), "{file}: {read:?}");
        assert!(listed.insert(file.to_owned()), "{file} stands there twice");
        *found.entry(kind).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.filter(|name| name.ends_with(".txt")).collect();
    assert_eq!(listed, files, "the table and the folder");
    for (kind, ..) in KINDS {
        let least = SCARCE.iter().find(|(name, _)| name == kind).map_or(3, |(_, found)| *found);
        assert!(found.get(*kind).copied().unwrap_or(0) >= least, "{kind}: {found:?}");
    }
}
