//! What no listing, log or text may do to its reader: every sample that is bundled is cut, its lines are
//! swapped, turned round, wrapped, given NULs, decimals with a comma and neighbours of a megabyte. Nothing panics, and every
//! line is accounted for.

use std::fs;
use std::io::{Cursor, Read};

use cwait_pcap::capture::{Limits, Unpacked};
use cwait_pcap::{sockets, trace, transcript};
use jiff::tz::TimeZone;

/// Reads it with one reader and checks that no line is lost. The lines that could not be read.
type Check = fn(&str, &[u8]) -> u64;

fn listing(name: &str, bytes: &[u8]) -> u64 {
    let options = sockets::Options { at: None, zone: TimeZone::UTC };
    let listing = sockets::read(name, bytes, &options).unwrap();
    let c = listing.counts;
    let known = c.blank + c.dates + c.headings + c.rows + c.details + c.other + c.counters;
    assert_eq!(c.lines, known + c.unread, "{name}: {c:?}");
    assert!(
        listing.unread.len() as u64 == c.unread.min(sockets::Listing::UNREAD_KEPT as u64),
        "{name}: shown"
    );
    c.unread
}

fn log(name: &str, mut bytes: &[u8]) -> u64 {
    // What no longer looks like a log is refused as a whole.
    let Ok(facts) = trace::examine(name, &mut bytes) else { return 0 };
    let log = &facts.log;
    assert!(log.asides + log.unread <= log.lines, "{name}: {log:?}");
    assert!(log.unread == 0 || !log.unread_examples.is_empty(), "{name}: shown");
    log.unread
}

fn text(name: &str, bytes: &[u8]) -> u64 {
    let input = Unpacked::from_read(Box::new(Cursor::new(bytes.to_vec())), &Limits::default()).unwrap();
    let Some(mut text) = transcript::Transcript::recognise(input, &TimeZone::UTC).unwrap() else { return 0 };
    let mut packets = 0;
    while text.next_batch(&mut |_, _| packets += 1).unwrap() {}
    let unread: u64 = text.facts().unread().map(|(_, lines)| lines).sum();
    assert_eq!(packets + unread, text.summary().frames, "{name}: {:?}", text.facts());
    text.facts().lost()
}

/// A folder of samples, how their names begin, and how many there are at least.
const FOLDERS: &[(&str, &[&str], usize, Check)] = &[
    ("testdata/sockets", &[""], 25, listing),
    (
        "testdata/public",
        &[
            "ss",
            "netstat",
            "solaris",
            "freebsd",
            "macos",
            "aix",
            "hpux",
            "counters",
            "interfaces",
            "nstat",
            "ethtool",
            "kstat",
            "windows",
            "powershell",
            "lsof",
            "proc",
        ],
        35,
        listing,
    ),
    ("testdata/traces", &[""], 10, log),
    ("testdata/public", &["strace", "truss", "kdump", "tusc"], 10, log),
    ("testdata/texts", &["server-never-closes", "vlan", "tunnel", "any"], 6, text),
    ("testdata/public", &["tcpdump", "tshark", "snoop"], 10, text),
];

/// Octets of a sample that are looked at: the rest says the same again.
const ENOUGH: usize = 4_000;

fn samples() -> Vec<(String, Vec<u8>, Check)> {
    let mut all = Vec::new();
    for &(folder, begins, least, check) in FOLDERS {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let before = all.len();
        for path in files {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let fits = begins.iter().any(|begin| name.starts_with(begin));
            if !fits || !(name.ends_with(".txt") || name.ends_with(".txt.gz")) {
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            if name.ends_with(".gz") {
                let packed = std::mem::take(&mut bytes);
                flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
            }
            bytes.truncate(ENOUGH);
            all.push((name, bytes, check));
        }
        assert!(all.len() - before >= least, "{folder}, {begins:?}: {}", all.len() - before);
    }
    all
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|octet| *octet == b'\n').collect()
}

#[test]
fn cut_at_every_octet() {
    for (name, bytes, check) in samples() {
        // Every octet of the first lines, then here and there: a whole sample costs the square of its length.
        let ends = (0..bytes.len()).filter(|end| *end < 250 || end % 29 == 0);
        for end in ends {
            check(&format!("{name} cut at {end}"), &bytes[..end]);
        }
    }
}

#[test]
fn with_lines_in_another_order() {
    for (name, bytes, check) in samples() {
        let mut lines = lines(&bytes);
        for at in 1..lines.len() {
            lines.swap(at - 1, at);
            check(&format!("{name}, lines {at} and the next swapped"), &lines.concat());
            lines.swap(at - 1, at);
        }
        lines.reverse();
        check(&format!("{name} turned round"), &lines.concat());
        lines.sort_unstable();
        check(&format!("{name} sorted"), &lines.concat());
        let twice = [lines.concat(), lines.concat()].concat();
        check(&format!("{name} twice"), &twice);
    }
}

#[test]
fn with_nul_and_endless_lines() {
    for (name, bytes, check) in samples() {
        let whole = lines(&bytes);
        for at in 0..whole.len().min(8) {
            let (before, behind) = (whole[..at].concat(), whole[at..].concat());
            let middle = whole[at].len() / 2;
            let nul = [&before, &whole[at][..middle], b"\0", &whole[at][middle..], &whole[at + 1..].concat()]
                .concat();
            check(&format!("{name}, NUL in line {at}"), &nul);
            check(
                &format!("{name}, a line of NULs before {at}"),
                &[&before, &[0; 300][..], b"\n", &behind].concat(),
            );
        }
        let at = whole.len() / 2;
        let line = whole.get(at).copied().unwrap_or_default().trim_ascii_end();
        // One of three kinds each: they take a thousand times as long as the rest.
        let endless = match name.len() % 3 {
            0 => vec![b'x'; 1 << 20],
            1 => line.repeat((1 << 20) / line.len().max(1)),
            _ => b"\xff".repeat(1 << 20),
        };
        let text = [&whole[..at].concat(), &endless, &b"\n"[..], &whole[at..].concat()].concat();
        check(&format!("{name}, a megabyte in line {at}"), &text);
    }
}

/// `1,5` for `1.5` wherever digits stand on both sides, addresses too; and lines broken as terminals and mails break them.
#[test]
fn with_commas_and_wrapped() {
    for (name, bytes, check) in samples() {
        let mut comma = bytes.clone();
        for at in 1..comma.len().saturating_sub(1) {
            if comma[at] == b'.' && comma[at - 1].is_ascii_digit() && comma[at + 1].is_ascii_digit() {
                comma[at] = b',';
            }
        }
        check(&format!("{name} with commas"), &comma);
        for width in [20, 40, 72, 80, 132] {
            let broken: Vec<u8> = lines(&bytes)
                .iter()
                .flat_map(|line| {
                    line.trim_ascii_end()
                        .chunks(width)
                        .collect::<Vec<_>>()
                        .join(&b'\n')
                        .into_iter()
                        .chain(*b"\n")
                })
                .collect();
            check(&format!("{name} wrapped at {width}"), &broken);
        }
    }
}

/// Times and timers with a decimal comma say the same as with a point.
#[test]
fn decimal_commas_are_decimals() {
    let row = |sign: &str| {
        format!(
            "ESTAB 0 0 192.0.2.1:80 198.51.100.7:4000 timer:(keepalive,1{sign}5sec,0)\n\t cubic rtt:24{sign}875/2{sign}75\n"
        )
    };
    let of = |text: &str| {
        let options = sockets::Options { at: None, zone: TimeZone::UTC };
        sockets::read("", text.as_bytes(), &options).unwrap().snapshots[0].sockets[0]
            .info
            .clone()
            .unwrap()
            .rtt
    };
    assert_eq!(of(&row(".")), of(&row(",")));
    let netstat =
        |sign: &str| format!("tcp 0 0 192.0.2.1:80 198.51.100.7:4000 ESTABLISHED on (1{sign}39/3/0)\n");
    let timer = |text: &str| {
        let options = sockets::Options { at: None, zone: TimeZone::UTC };
        sockets::read("", text.as_bytes(), &options).unwrap().snapshots[0].sockets[0].timer
    };
    assert!(timer(&netstat(".")).is_some());
    assert_eq!(timer(&netstat(".")), timer(&netstat(",")));
    let strace = |sign: &str| format!("4711  1795408543{sign}251648 close(7) = 0 <0{sign}000019>\n");
    let span = |text: &str| trace::examine("", &mut text.as_bytes()).unwrap().log.span;
    assert!(span(&strace(".")).is_some());
    assert_eq!(span(&strace(".")), span(&strace(",")));
}

/// Windows prints headings in its own language, and in German the states too.
#[test]
fn windows_in_other_languages() {
    for (title, heading, state) in [
        (
            "Aktive Verbindungen",
            "Proto  Lokale Adresse         Remoteadresse          Status           PID",
            "SCHLIESSEN_WARTEN",
        ),
        (
            "Connexions actives",
            "Proto  Adresse locale         Adresse distante       État             PID",
            "CLOSE_WAIT",
        ),
        (
            "アクティブな接続",
            "プロトコル  ローカル アドレス          外部アドレス        状態            PID",
            "CLOSE_WAIT",
        ),
        ("活动连接", "协议  本地地址          外部地址        状态           PID", "CLOSE_WAIT"),
        (
            "Активные подключения",
            "Имя    Локальный адрес        Внешний адрес          Состояние       PID",
            "CLOSE_WAIT",
        ),
        (
            "Conexões ativas",
            "Proto  Endereço local          Endereço externo        Estado           PID",
            "CLOSE_WAIT",
        ),
    ] {
        let once = format!(
            "\n{title}\n\n  {heading}\n  TCP    192.0.2.10:8080        198.51.100.7:40112     {state}      4312\n"
        );
        let options = sockets::Options { at: None, zone: TimeZone::UTC };
        let listing = sockets::read(title, once.repeat(2).as_bytes(), &options).unwrap();
        assert_eq!(listing.counts.unread, 0, "{title}: {:?}", listing.unread);
        let states: Vec<_> = listing.snapshots.iter().map(|snapshot| snapshot.sockets[0].state).collect();
        assert_eq!(states, [sockets::SocketState::CloseWait; 2], "{title}");
    }
}
