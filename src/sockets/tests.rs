//! Every listing of testdata/sockets against what it says, and what no listing may do to the reader.
//!
//! `UPDATE=1 cargo test sockets` rewrites the `.expected` files; their difference is to be reviewed.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use proptest::prelude::*;

use super::*;

fn options() -> Options {
    Options { at: None, zone: TimeZone::UTC }
}

fn listing(name: &str, bytes: &[u8]) -> Listing {
    let listing = read(name, bytes, &options()).expect("memory does not fail");
    let c = listing.counts;
    assert_eq!(
        c.lines,
        c.blank + c.dates + c.headings + c.rows + c.details + c.other + c.counters + c.unread,
        "{name}: {c:?}"
    );
    assert_eq!(
        c.sockets,
        listing.snapshots.iter().map(|snapshot| snapshot.sockets.len() as u64).sum::<u64>()
    );
    listing
}

/// A listing as text, in which nothing that was read is missing.
fn render(listing: &Listing) -> String {
    let mut out = String::new();
    for snapshot in &listing.snapshots {
        let at = snapshot.at.map_or("no date".to_owned(), |at| at.to_string());
        let format = if snapshot.format.is_empty() { "no sockets" } else { snapshot.format };
        _ = writeln!(out, "== {format}, {at}, line {} {}", snapshot.line, snapshot.note);
        for socket in &snapshot.sockets {
            render_socket(&mut out, socket);
        }
        for count in &snapshot.counters.counts {
            _ = writeln!(
                out,
                "counter {:?} {} = {}",
                count.fact,
                count.of.as_deref().unwrap_or("host"),
                count.value
            );
        }
    }
    for unread in &listing.unread {
        _ = writeln!(out, "unread {}: {}", unread.line, unread.text);
    }
    let c = &listing.counts;
    _ = writeln!(
        out,
        "-- {} lines, {} rows, {} other, {} unread, {} cut addresses",
        c.lines, c.rows, c.other, c.unread, c.cut_addresses
    );
    out
}

fn render_socket(out: &mut String, socket: &Socket) {
    let end = |end: &Option<End>| end.as_ref().map_or("-".to_owned(), End::to_string);
    _ = write!(out, "{:>4} {:<12} {} {}", socket.line, socket.state, end(&socket.local), end(&socket.peer));
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            _ = write!(out, " {name}={value}");
        }
    };
    field("recv-q", socket.recv_q.map(|n| n.to_string()));
    field("send-q", socket.send_q.map(|n| n.to_string()));
    let process = |process: &Process| {
        let number = |n: Option<u32>| n.map_or("-".to_owned(), |n| n.to_string());
        format!("{}/{}/{}", process.name.as_deref().unwrap_or("-"), number(process.pid), number(process.fd))
    };
    field(
        "owners",
        socket
            .owners
            .as_ref()
            .map(|owners| format!("[{}]", owners.iter().map(process).collect::<Vec<_>>().join(", "))),
    );
    field("uid", socket.uid.map(|uid| uid.to_string()));
    field("user", socket.user.as_ref().map(|user| user.to_string()));
    field("inode", socket.inode.map(|inode| inode.to_string()));
    field(
        "timer",
        socket.timer.filter(|timer| timer.kind != TimerKind::Off).map(|timer| format!("{timer:?}")),
    );
    if let Some(info) = &socket.info {
        // Only what is known, so that a new field does not rewrite every file.
        let known = format!("{info:?}").replace("TcpInfo ", "").replace(" }", "");
        let known: Vec<&str> =
            known.trim_start_matches("{ ").split(", ").filter(|field| !field.ends_with("None")).collect();
        _ = write!(out, "\n       {}", known.join(", "));
    }
    out.push('\n');
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/sockets")
}

/// The samples, each with its name and bytes, in order.
fn samples() -> Vec<(String, Vec<u8>)> {
    let mut samples: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    samples.sort();
    assert!(samples.len() > 20);
    samples
}

fn expected(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.expected"))).unwrap_or_default()
}

#[test]
fn every_sample_says_what_it_says() {
    for (name, bytes) in samples() {
        let read = render(&listing(&name, &bytes));
        if env::var_os("UPDATE").is_some() {
            fs::write(folder().join(format!("{name}.expected")), &read).unwrap();
        }
        assert_eq!(read, expected(&name), "{name}");
    }
}

#[test]
fn every_format_has_a_sample_and_a_name_of_its_own() {
    let texts: String = samples().iter().map(|(name, _)| expected(name)).collect();
    for (at, format) in FORMATS.iter().enumerate() {
        assert!(texts.contains(&format!("== {},", format.name)), "{} has no sample", format.name);
        assert!(FORMATS[..at].iter().all(|earlier| earlier.name != format.name));
        assert!(!format.about.is_empty());
    }
}

#[test]
fn encoding_line_ends_and_indentation_change_nothing() {
    for (name, bytes) in samples() {
        let text = String::from_utf8(bytes).unwrap();
        let unix = expected(&name);
        let windows = text.replace('\n', "\r\n");
        assert_eq!(render(&listing(&name, windows.as_bytes())), unix, "{name}: CRLF");
        assert_eq!(
            render(&listing(&name, format!("\u{feff}{text}").as_bytes())),
            unix,
            "{name}: byte order mark"
        );
        let utf16: Vec<u8> = format!("\u{feff}{windows}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(render(&listing(&name, &utf16)), unix, "{name}: UTF-16LE");
        let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(render(&listing(&name, &utf16)), unix, "{name}: UTF-16BE");
        let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
        // lsof -F and PowerShell's CSV begin at the first character, and lines below ss's rows are known by their tab.
        if !name.contains("fields")
            && !name.contains("csv")
            && !name.contains("ss-memory")
            && !name.contains("ss-reader")
        {
            let sockets =
                |listing: Listing| listing.snapshots.into_iter().map(|s| s.sockets.len()).collect::<Vec<_>>();
            assert_eq!(
                sockets(listing(&name, indented.as_bytes())),
                sockets(listing(&name, text.as_bytes())),
                "{name}: indented"
            );
        }
    }
}

#[test]
fn cut_at_every_byte() {
    for (name, bytes) in samples() {
        let whole = listing(&name, &bytes).counts.rows;
        let step = 1 + bytes.len() / 400;
        for end in (0..bytes.len()).step_by(step) {
            let rows = listing(&name, &bytes[..end]).counts.rows;
            assert!(rows <= whole + 1, "{name} cut at {end}: {rows} rows of {whole}");
        }
    }
}

#[test]
fn damaged_rows_are_shown_not_guessed() {
    for row in [
        "tcp        0      0 192.0.2.300:80          198.51.100.7:4000       CLOSE_WAIT",
        "tcp        0      x 192.0.2.1:80            198.51.100.7:4000       CLOSE_WAIT",
        "tcp        0      0 192.0.2.1:99999         198.51.100.7:4000       CLOSE_WAIT",
        "CLOSE-WAIT 0      0      192.0.2.1:80",
        "CLOSE-WAITING 0   0      192.0.2.1:80 198.51.100.7:4000",
        "tcp4       0      0 192.0.2.1               198.51.100.7.4000       CLOSE_WAIT",
        "192.0.2.10.8000      198.51.100.7.40112   64240      0 49640      CLOSE_WAIT",
        "  TCP    192.0.2.10:8080        198.51.100.7:40112     NO_STATE      4312",
        "   1: 0A0200C0:1F90 076433C6:9C90 99 00000000:00000001 02:00012C33 00000000   999        0 41875",
        "   1: 0A0200C:1F90 076433C6:9C90 08 00000000:00000001 02:00012C33 00000000   999        0 41875",
        "java 1 root 5u IPv4 123 0t0 TCP nonsense (CLOSE_WAIT)",
    ] {
        let read = listing("", row.as_bytes());
        assert_eq!((read.counts.sockets, read.counts.unread), (0, 1), "{row}");
        assert_eq!(&*read.unread[0].text, row);
    }
}

#[test]
fn the_queue_of_a_listening_socket_is_no_byte_count() {
    let read = listing("", b"LISTEN 129 128 192.0.2.1:80 0.0.0.0:*\ntcp 3 0 0.0.0.0:80 0.0.0.0:* LISTEN\nESTAB 3 0 192.0.2.1:80 192.0.2.2:99\n");
    let backlogs: Vec<_> =
        read.snapshots.iter().flat_map(|snapshot| &snapshot.sockets).map(Socket::backlog).collect();
    let known = |waiting, limit| Some(Backlog { waiting, limit });
    assert_eq!(backlogs, [known(129, Some(128)), known(3, None), None]);
}

#[test]
fn an_owner_is_denied_only_where_the_listing_sees_all() {
    let owners = |text: &str| {
        let read = listing("", text.as_bytes());
        read.snapshots
            .last()
            .and_then(|snapshot| snapshot.sockets.last())
            .and_then(|socket| socket.owners.clone())
    };
    let row = "CLOSE-WAIT 1 0 192.0.2.1:80 198.51.100.7:4000";
    assert_eq!(owners(&format!("LISTEN 0 5 *:80 *:* users:((\"a\",pid=1,fd=3))\n{row}\n")), Some(vec![]));
    assert_eq!(
        owners(&format!("LISTEN 0 5 *:80 *:* users:((\"a\",pid=1,fd=3))\nLISTEN 0 5 *:22 *:*\n{row}\n")),
        None
    );
    assert_eq!(
        owners(&format!("ESTAB 0 0 192.0.2.1:80 198.51.100.7:4001 users:((\"a\",pid=1,fd=3))\n{row}\n")),
        None
    );
    assert_eq!(owners(&format!("{row} ino:0 sk:5\n")), Some(vec![]));
    assert_eq!(owners(&format!("{row} ino:7 sk:5\n")), None);
}

#[test]
fn times_come_from_lines_then_the_caller_then_the_name() {
    let row = "CLOSE-WAIT 1 0 192.0.2.1:80 198.51.100.7:4000\n";
    let at = |name: &str, text: &str, at: Option<Timestamp>| {
        let read = read(name, text.as_bytes(), &Options { at, zone: TimeZone::UTC }).unwrap();
        read.snapshots.iter().map(|snapshot| snapshot.dated).collect::<Vec<_>>()
    };
    let given = Some(Timestamp::new(1, 0));
    let name = "ss-20261123-065617.txt";
    assert_eq!(at(name, row, None), [Some(DateSource::FileName)]);
    assert_eq!(at(name, row, given), [Some(DateSource::Given)]);
    assert_eq!(at(name, &format!("1795416977\n{row}"), given), [Some(DateSource::Line)]);
    assert_eq!(at("x", &format!("2026-11-23 06:56:17\n{row}"), given), [Some(DateSource::LineAssumedZone)]);
    let heading = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n";
    assert_eq!(at("x", &format!("{heading}{row}{heading}{row}"), given), [Some(DateSource::Given), None]);
    let netstat = "tcp 1 0 192.0.2.1:80 198.51.100.7:4000 CLOSE_WAIT\n";
    assert_eq!(at("x", &format!("{row}{netstat}"), given), [Some(DateSource::Given); 2]);
}

#[test]
fn the_same_command_twice_makes_two_snapshots() {
    for (name, bytes) in samples() {
        let once = listing(&name, &bytes);
        let [alone] = once.snapshots.as_slice() else { continue };
        // Without a title nothing tells where the second run begins.
        if once.counts.headings == 0 || once.counts.dates > 0 {
            continue;
        }
        let twice = listing(&name, &[bytes.as_slice(), bytes.as_slice()].concat());
        let runs: Vec<usize> = twice.snapshots.iter().map(|snapshot| snapshot.sockets.len()).collect();
        assert_eq!(runs, [alone.sockets.len(); 2], "{name}");
    }
}

#[test]
fn growth_is_counted_per_service_process_and_state() {
    let text = "\
1795416900
LISTEN 0 5 *:80 *:* users:((\"web\",pid=1,fd=3))
CLOSE-WAIT 1 0 192.0.2.1:80 198.51.100.7:4000 users:((\"web\",pid=1,fd=4))
1795416800
LISTEN 0 5 *:80 *:* users:((\"web\",pid=1,fd=3))
1795417000
LISTEN 0 5 *:80 *:* users:((\"web\",pid=1,fd=3))
CLOSE-WAIT 1 0 192.0.2.1:80 198.51.100.7:4000 users:((\"web\",pid=1,fd=4))
CLOSE-WAIT 1 0 192.0.2.1:80 198.51.100.7:4001 users:((\"web\",pid=1,fd=5))
CLOSE-WAIT 9 0 192.0.2.1:80 198.51.100.7:4002
CLOSE-WAIT 1 0 192.0.2.1:50001 203.0.113.5:5432 users:((\"web\",pid=1,fd=6))
";
    let read = listing("", text.as_bytes());
    let counted = tally(&read.snapshots);
    let rows: Vec<String> = counted
        .rows
        .iter()
        .map(|row| {
            format!(
                "{:?} {:?} {} {:?}",
                row.service.port(),
                row.process.as_deref(),
                row.state,
                (0..3).map(|at| row.at(at)).collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "Some(80) Some(\"\") CLOSE-WAIT [0, 0, 1]",
            "Some(80) Some(\"web\") LISTEN [1, 1, 1]",
            "Some(80) Some(\"web\") CLOSE-WAIT [0, 1, 2]",
            "Some(5432) Some(\"web\") CLOSE-WAIT [0, 0, 1]",
        ]
    );
    assert_eq!(counted.moments.iter().map(|moment| moment.snapshot).collect::<Vec<_>>(), [1, 0, 2]);
    let over = |limit, port| {
        counted
            .over(SocketState::CloseWait, limit, port)
            .iter()
            .map(|excess| excess.count)
            .collect::<Vec<_>>()
    };
    assert_eq!(over(2, None), [3]);
    assert_eq!(over(0, None), [3, 1]);
    assert_eq!(over(0, Some(5432)), [1]);
    assert_eq!(over(3, None), [0; 0]);
    assert_eq!(counted.count(SocketState::CloseWait, Some(80), 2), 3);
}

#[test]
fn two_views_of_one_instant_are_not_added() {
    let text = "\
1795416900
CLOSE-WAIT 1 0 192.0.2.1:80 198.51.100.7:4000
CLOSE-WAIT 1 0 192.0.2.1:80 198.51.100.7:4001
tcp 1 0 192.0.2.1:80 198.51.100.7:4000 CLOSE_WAIT
tcp 1 0 192.0.2.1:80 198.51.100.7:4001 CLOSE_WAIT
";
    let read = listing("", text.as_bytes());
    let over = tally(&read.snapshots).over(SocketState::CloseWait, 1, Some(80));
    assert_eq!(over.iter().map(|excess| excess.count).collect::<Vec<_>>(), [2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let read = listing("x", &bytes);
        tally(&read.snapshots);
    }

    /// Words of every format in any order come closer to the parsers than bytes do.
    #[test]
    fn any_words_are_read(words in proptest::collection::vec(word(), 0..200)) {
        let read = listing("x", words.concat().as_bytes());
        tally(&read.snapshots);
    }
}

fn word() -> impl Strategy<Value = String> {
    let vocabulary: Vec<String> = samples()
        .iter()
        .flat_map(|(_, bytes)| {
            String::from_utf8_lossy(bytes)
                .split_inclusive([' ', '\n', ',', ':', '('])
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    prop_oneof![
        8 => proptest::sample::select(vocabulary),
        1 => ".{0,8}",
        1 => Just("\n".to_owned()),
        1 => Just("99999999999999999999".to_owned()),
    ]
}
