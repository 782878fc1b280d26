//! Counters of a host that stand beside socket listings: `netstat -s`, `netstat -i`, `nstat`, `kstat`, `ethtool`, `dladm`.
//!
//! Only the facts that bear on lost segments and refused connections are kept; the other lines of these commands are
//! recognised and passed over.

/// The counters of one snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostCounters {
    /// Counters in the order of the text.
    pub counts: Vec<Count>,
    /// What the host says of its links.
    pub links: Vec<Link>,
}

impl HostCounters {
    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.links.is_empty()
    }

    /// A fact of the whole host: as last printed for it, else the sum over its interfaces; `None` if no line tells.
    pub fn total(&self, fact: HostFact) -> Option<u64> {
        let told = || self.counts.iter().filter(|count| count.fact == fact);
        let of_host = told().rfind(|count| count.of.is_none()).map(|count| count.value);
        of_host.or_else(|| told().map(|count| count.value).reduce(u64::saturating_add))
    }
}

/// One counter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    /// What is counted, since the host or interface came up.
    pub fact: HostFact,
    /// The interface, if it is not the whole host.
    pub of: Option<Box<str>>,
    /// How often.
    pub value: u64,
    /// The line it stands on, counted from 1.
    pub line: u32,
}

/// What a counter counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HostFact {
    /// Connections that found a full accept queue.
    ListenOverflows,
    /// SYNs or connections dropped by listening sockets for any reason.
    ListenDrops,
    /// Segments retransmitted.
    Retransmitted,
    /// Segments sent.
    Sent,
    /// RSTs sent.
    ResetsSent,
    /// Connections given up after unanswered retransmissions.
    GaveUp,
    /// Connections that keep-alive ended.
    KeepAliveDrops,
    /// Frames received with errors.
    RxErrors,
    /// Frames received and dropped.
    RxDrops,
    /// Frames that could not be sent.
    TxErrors,
    /// Frames dropped before sending.
    TxDrops,
    /// Collisions: normal at half duplex, impossible at full.
    Collisions,
}

/// What a host says of a link.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// Name of the interface, where the text has one.
    pub of: Option<Box<str>>,
    /// Its duplex.
    pub duplex: Option<Duplex>,
    /// Speed in Mbit/s.
    pub speed_mbit: Option<u64>,
    /// Whether speed and duplex are negotiated.
    pub negotiated: Option<bool>,
    /// The line that says so, counted from 1.
    pub line: u32,
}

/// Whether both ends of a link may send at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Duplex {
    /// One at a time.
    Half,
    /// Both.
    Full,
}

/// `N words` of `netstat -s` (Linux and BSD): the words, or their beginning.
const SENTENCES: &[(&str, HostFact)] = &[
    ("times the listen queue of a socket overflowed", HostFact::ListenOverflows),
    ("listen queue overflow", HostFact::ListenOverflows),
    ("SYNs to LISTEN sockets", HostFact::ListenDrops),
    ("discarded due to full listen queue", HostFact::ListenDrops),
    ("connections dropped due to full listen queue", HostFact::ListenDrops),
    ("connect requests dropped due to full queue", HostFact::ListenDrops),
    ("segments retransmit", HostFact::Retransmitted),
    ("segments sent out", HostFact::Sent),
    ("segments send out", HostFact::Sent),
    ("resets sent", HostFact::ResetsSent),
    ("connections aborted due to timeout", HostFact::GaveUp),
    ("connections dropped by rexmit timeout", HostFact::GaveUp),
    ("connections dropped by keepalive", HostFact::KeepAliveDrops),
];

/// `name value`, `name = value`, `name: value` of `nstat`, Solaris `netstat -s`, `kstat`, `ethtool -S` and Windows
/// `netstat -s`; compared without case and `_`.
const NAMES: &[(&str, HostFact)] = &[
    ("TcpExtListenOverflows", HostFact::ListenOverflows),
    ("TcpExtListenDrops", HostFact::ListenDrops),
    ("TcpRetransSegs", HostFact::Retransmitted),
    ("TcpOutSegs", HostFact::Sent),
    ("TcpOutRsts", HostFact::ResetsSent),
    ("TcpExtTCPAbortOnTimeout", HostFact::GaveUp),
    ("tcpListenDrop", HostFact::ListenDrops),
    ("tcpOutRst", HostFact::ResetsSent),
    ("tcpTimRetransDrop", HostFact::GaveUp),
    ("tcpTimKeepaliveDrop", HostFact::KeepAliveDrops),
    ("listenDrop", HostFact::ListenDrops),
    ("retransSegs", HostFact::Retransmitted),
    ("timRetransDrop", HostFact::GaveUp),
    ("timKeepaliveDrop", HostFact::KeepAliveDrops),
    ("Segments Retransmitted", HostFact::Retransmitted),
    ("Segments Sent", HostFact::Sent),
    ("ierrors", HostFact::RxErrors),
    ("oerrors", HostFact::TxErrors),
    ("norcvbuf", HostFact::RxDrops),
    ("noxmtbuf", HostFact::TxDrops),
    ("collisions", HostFact::Collisions),
    ("rx errors", HostFact::RxErrors),
    ("tx errors", HostFact::TxErrors),
    ("rx dropped", HostFact::RxDrops),
    ("tx dropped", HostFact::TxDrops),
];

/// Columns of `netstat -i` by name, on every system.
const COLUMNS: &[(&str, HostFact)] = &[
    ("RX-ERR", HostFact::RxErrors),
    ("RX-DRP", HostFact::RxDrops),
    ("TX-ERR", HostFact::TxErrors),
    ("TX-DRP", HostFact::TxDrops),
    ("Ierrs", HostFact::RxErrors),
    ("Idrop", HostFact::RxDrops),
    ("Oerrs", HostFact::TxErrors),
    ("Coll", HostFact::Collisions),
    ("Collis", HostFact::Collisions),
];

/// Reads counter lines. Which command printed them shows in lines above, so it remembers.
#[derive(Default)]
pub(super) struct CounterReader {
    section: Section,
    /// Interface of the lines that follow (`ethtool eth0`, kstat's `module:`).
    of: Option<Box<str>>,
}

#[derive(Default)]
enum Section {
    #[default]
    None,
    /// Lines of sentences or names belong to a command that prints counters.
    Names,
    /// A table of interfaces: how many columns, and the ones that are kept with their distance from the last.
    Interfaces(Vec<(usize, HostFact)>),
    /// `dladm show-phys` and `show-ether`: columns of speed and duplex.
    Physical { speed: usize, duplex: usize },
}

impl CounterReader {
    /// Offers a line; says whether it belongs to a command that prints counters.
    pub(super) fn line(&mut self, line: &str, number: u32, found: &mut HostCounters) -> bool {
        let text = line.trim();
        if self.heading(text) {
            return true;
        }
        if let Section::Interfaces(columns) = &self.section
            && interface_row(text, columns, number, found)
        {
            return true;
        }
        if let Section::Physical { speed, duplex } = self.section
            && physical_row(text, speed, duplex, number, found)
        {
            return true;
        }
        if let Some((fact, value)) = sentence(text) {
            found.counts.push(Count { fact, of: None, value, line: number });
            return true;
        }
        let mut known = false;
        for (name, of, value) in self.pairs(text) {
            if let Some(fact) = fact_of(name)
                && let Ok(value) = value.parse()
            {
                found.counts.push(Count { fact, of, value, line: number });
                known = true;
            } else if let Some(link) = link_of(name, value) {
                say_of_link(Link { of, line: number, ..link }, found);
                known = true;
            }
        }
        known || matches!(self.section, Section::Names) && is_counter(text)
    }

    fn heading(&mut self, text: &str) -> bool {
        let first = text.split_whitespace().next().unwrap_or("");
        let words: Vec<&str> = match first {
            "Iface" | "Name" | "Kernel" | "LINK" => text.split_whitespace().take(24).collect(),
            _ => Vec::new(),
        };
        if matches!(first, "Iface" | "Name" | "Kernel")
            && words.iter().any(|word| matches!(*word, "RX-ERR" | "Ierrs"))
        {
            let fact = |word: &&str| COLUMNS.iter().find(|(name, _)| name == word).map(|(_, fact)| *fact);
            // Middle columns (network, address) may be empty, so columns are counted from the right.
            let kept =
                words.iter().rev().enumerate().filter_map(|(at, word)| Some((at, fact(word)?))).collect();
            self.section = Section::Interfaces(kept);
            return true;
        }
        if first == "LINK"
            && let (Some(speed), Some(duplex)) = (position(&words, "SPEED"), position(&words, "DUPLEX"))
        {
            self.section = Section::Physical { speed, duplex };
            return true;
        }
        if let Some(of) = text.strip_prefix("Settings for ") {
            self.of = Some(of.trim_end_matches(':').into());
            self.section = Section::Names;
            return true;
        }
        if let Some(module) = text.strip_prefix("module: ") {
            let mut words = module.split_whitespace();
            let (name, instance) = (words.next().unwrap_or(""), words.nth(1).unwrap_or(""));
            self.of = (!matches!(name, "tcp" | "ip" | "udp")).then(|| format!("{name}{instance}").into());
            self.section = Section::Names;
            return true;
        }
        let opens = text.starts_with("#kernel")
            || text == "NIC statistics:"
            || text.starts_with("Kernel Interface table")
            || (text.len() <= 16 && PROTOCOLS.iter().any(|name| text.strip_suffix(':') == Some(name)))
            || text.starts_with("TCP Statistics for IPv")
            || text.contains("tcpRtoAlgorithm");
        if opens {
            if text != "NIC statistics:" {
                self.of = None;
            }
            self.section = Section::Names;
        }
        opens
    }

    /// Name, interface and value: `TcpRetransSegs 12 0.0`, `tcp:0:tcp:listenDrop 3`, `rx_errors: 0`, `Duplex: Half`,
    /// `Segments Sent = 5`; several per line where Solaris prints `tcpTimRetrans = 4 tcpTimRetransDrop = 0`.
    fn pairs<'t>(&self, text: &'t str) -> Vec<(&'t str, Option<Box<str>>, &'t str)> {
        let first = |text: &'t str| text.split_whitespace().next().unwrap_or("");
        // kstat -p: module:instance:name:statistic.
        if let Some((path, value)) =
            text.split_once(['\t', ' ']).filter(|(path, _)| path.matches(':').count() == 3)
        {
            let mut parts = path.split(':');
            let (module, instance) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let of = (module != "tcp").then(|| format!("{module}{instance}").into());
            return vec![(parts.nth(1).unwrap_or(""), of, value.trim())];
        }
        let equations: Vec<&str> = text.splitn(5, '=').collect();
        if equations.len() > 1 {
            let name = |chunk: &'t str| match equations.len() {
                2 => chunk.trim(),
                _ => chunk.split_whitespace().last().unwrap_or(""),
            };
            return equations.windows(2).map(|two| (name(two[0]), None, first(two[1]))).collect();
        }
        let end = text.find([':', '\t']).or_else(|| text.find("  ")).or_else(|| text.find(' '));
        let Some(end) = end else { return Vec::new() };
        vec![(text[..end].trim(), self.of.clone(), first(text[end..].trim_start_matches([':', '\t', ' '])))]
    }
}

/// `123 times the listen queue of a socket overflowed`, `4 data packets (5 bytes) retransmitted`.
fn sentence(text: &str) -> Option<(HostFact, u64)> {
    let (number, words) = text.split_once(' ')?;
    let value = number.parse().ok()?;
    let known = SENTENCES.iter().find(|(start, _)| words.starts_with(start)).map(|(_, fact)| *fact);
    let retransmitted = words.starts_with("data packet") && words.ends_with("retransmitted");
    Some((known.or(retransmitted.then_some(HostFact::Retransmitted))?, value))
}

fn fact_of(name: &str) -> Option<HostFact> {
    NAMES.iter().find(|(known, _)| same(known, name)).map(|(_, fact)| *fact)
}

fn link_of(name: &str, value: &str) -> Option<Link> {
    let mut link = Link::default();
    match name {
        // kstat's link_duplex: 0 unknown, 1 half, 2 full.
        "Duplex" | "link_duplex" => link.duplex = duplex(value),
        "Speed" => link.speed_mbit = leading(value),
        "Auto-negotiation" => link.negotiated = Some(value == "on"),
        _ => return None,
    }
    Some(link)
}

/// Lines about one link stand together: they make one.
fn say_of_link(link: Link, found: &mut HostCounters) {
    match found.links.last_mut().filter(|last| last.of == link.of && link.line.saturating_sub(last.line) < 32)
    {
        Some(last) => {
            last.duplex = link.duplex.or(last.duplex);
            last.speed_mbit = link.speed_mbit.or(last.speed_mbit);
            last.negotiated = link.negotiated.or(last.negotiated);
        }
        None => found.links.push(link),
    }
}

const PROTOCOLS: &[&str] = &[
    "Ip", "Icmp", "IcmpMsg", "Tcp", "Udp", "UdpLite", "TcpExt", "IpExt", "MPTcpExt", "tcp", "udp", "ip",
    "icmp", "ip6",
];

/// Equal but for case and for `_` in the place of a space.
fn same(known: &str, name: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b' ' } else { byte.to_ascii_lowercase() };
    known.len() == name.len() && known.bytes().map(plain).eq(name.bytes().map(plain))
}

fn position(words: &[&str], name: &str) -> Option<usize> {
    words.iter().position(|word| *word == name)
}

fn duplex(value: &str) -> Option<Duplex> {
    match value.to_ascii_lowercase().as_str() {
        "full" | "2" => Some(Duplex::Full),
        "half" | "1" => Some(Duplex::Half),
        _ => None,
    }
}

fn leading(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}

fn interface_row(text: &str, columns: &[(usize, HostFact)], number: u32, found: &mut HostCounters) -> bool {
    let words: Vec<&str> = text.split_whitespace().take(24).collect();
    // Linux closes with a column of flag letters, which are there like the others.
    let Some(&of) = words.first().filter(|_| words.len() >= 6) else { return false };
    let values: Option<Vec<_>> = columns
        .iter()
        .map(|&(from_right, fact)| {
            let word = words.get(words.len().checked_sub(from_right + 1)?)?;
            // BSD prints `-` where an address of the interface has no counters of its own.
            if *word == "-" { Some(None) } else { word.parse::<u64>().ok().map(|value| Some((fact, value))) }
        })
        .collect();
    let Some(values) = values else { return false };
    // Further addresses of the same interface repeat its counters.
    let name = of.trim_end_matches('*');
    let known = found.counts.iter().rev().take(64).any(|count| count.of.as_deref() == Some(name));
    for (fact, value) in values.into_iter().flatten().filter(|_| !known) {
        found.counts.push(Count { fact, of: Some(name.into()), value, line: number });
    }
    true
}

fn physical_row(text: &str, speed: usize, duplex_at: usize, number: u32, found: &mut HostCounters) -> bool {
    let words: Vec<&str> = text.split_whitespace().take(24).collect();
    let (Some(of), Some(speed), Some(word)) = (words.first(), words.get(speed), words.get(duplex_at)) else {
        return false;
    };
    if !matches!(*word, "full" | "half" | "unknown" | "--") {
        return false;
    }
    found.links.push(Link {
        of: Some((*of).into()),
        duplex: duplex(word),
        speed_mbit: leading(speed),
        negotiated: None,
        line: number,
    });
    true
}

/// A line of these commands that says nothing of interest here: a number and words, or words and a number.
fn is_counter(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or("");
    let last = text.rsplit([' ', '\t', ':', '=']).next().unwrap_or("");
    let number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && word.parse::<f64>().is_ok();
    number(first) || number(last) || text.ends_with(':') || text.starts_with("name: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each fact as `fact interface value`, each link as `interface duplex speed`; then the lines that were not taken.
    fn check(text: &str, expected: &[&str]) {
        let mut found = HostCounters::default();
        let mut reader = CounterReader::default();
        let mut strange = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if !reader.line(line, at as u32 + 1, &mut found) {
                strange.push(format!("? {line}"));
            }
        }
        let of = |of: &Option<Box<str>>| of.as_deref().unwrap_or("-").to_owned();
        let counts =
            found.counts.iter().map(|count| format!("{:?} {} {}", count.fact, of(&count.of), count.value));
        let links = found
            .links
            .iter()
            .map(|link| format!("{} {:?} {:?}", of(&link.of), link.duplex, link.speed_mbit));
        assert_eq!(counts.chain(links).chain(strange).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn linux() {
        check(
            "Ip:\n    5523 total packets received\nTcp:\n    120 active connection openings\n    88210 segments sent out\n    371 segments retransmitted\n    14 resets sent\nTcpExt:\n    7 times the listen queue of a socket overflowed\n    9 SYNs to LISTEN sockets dropped\n    TCPHPHits: 52\n",
            &[
                "Sent - 88210",
                "Retransmitted - 371",
                "ResetsSent - 14",
                "ListenOverflows - 7",
                "ListenDrops - 9",
            ],
        );
        check(
            "#kernel\nTcpRetransSegs                  371                0.0\nTcpExtListenOverflows           7                  0.0\nTcpExtTCPHPHits                 52                 0.0\n",
            &["Retransmitted - 371", "ListenOverflows - 7"],
        );
        check(
            "Kernel Interface table\nIface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\neth0      1500   881023     12      3 0        77120      0      0      0 BMRU\n",
            &["TxDrops eth0 0", "TxErrors eth0 0", "RxDrops eth0 3", "RxErrors eth0 12"],
        );
        check(
            "Settings for eth0:\n\tSpeed: 100Mb/s\n\tDuplex: Half\n\tAuto-negotiation: off\nNIC statistics:\n     rx_packets: 5\n     rx_errors: 12\n     tx_dropped: 1\n",
            &["RxErrors eth0 12", "TxDrops eth0 1", "eth0 Some(Half) Some(100)"],
        );
    }

    #[test]
    fn solaris() {
        check("TCP     tcpRtoAlgorithm     =     4     tcpRtoMin           =   400\n", &[]);
        check(
            "TCP     tcpRtoAlgorithm     =     4     tcpRtoMin           =   400\n        tcpRetransSegs      =   371     tcpRetransBytes     = 90210\n        tcpOutWinUpdate     =     1     tcpOutRst           =    14\n        tcpTimRetrans       =   412     tcpTimRetransDrop   =     3\n        tcpListenDrop       =     9     tcpListenDropQ0     =     0\n",
            &["Retransmitted - 371", "ResetsSent - 14", "GaveUp - 3", "ListenDrops - 9"],
        );
        check(
            "Name  Mtu  Net/Dest      Address        Ipkts  Ierrs Opkts  Oerrs Collis Queue\nhme0  1500 192.0.2.0     192.0.2.9      88213  17    71234  2     5120   0\n",
            &["Collisions hme0 5120", "TxErrors hme0 2", "RxErrors hme0 17"],
        );
        check(
            "LINK              MEDIA                STATE      SPEED  DUPLEX    DEVICE\nnet0              Ethernet             up         100    half      e1000g0\n",
            &["net0 Some(Half) Some(100)"],
        );
        check(
            "tcp:0:tcp:listenDrop\t3\ne1000g:0:mac:ierrors\t17\ne1000g:0:mac:link_duplex\t1\n",
            &["ListenDrops - 3", "RxErrors e1000g0 17", "e1000g0 Some(Half) None"],
        );
    }

    #[test]
    fn bsd_and_windows() {
        check(
            "tcp:\n\t88210 packets sent\n\t\t412 data packets (90210 bytes) retransmitted\n\t7 listen queue overflows\n\t3 connections dropped by keepalive\n",
            &["Retransmitted - 412", "ListenOverflows - 7", "KeepAliveDrops - 3"],
        );
        check(
            "Name    Mtu Network       Address              Ipkts Ierrs Idrop    Opkts Oerrs  Coll\nem0    1500 <Link#1>      00:00:5e:00:53:01   881023    12     3    77120     0     5\nem0       - 192.0.2.0/24  192.0.2.10          880011     -     -    77001     -     -\n",
            &["Collisions em0 5", "TxErrors em0 0", "RxDrops em0 3", "RxErrors em0 12"],
        );
        check(
            "TCP Statistics for IPv4\n\n  Active Opens                        = 120\n  Segments Sent                       = 88210\n  Segments Retransmitted              = 371\n",
            &["Sent - 88210", "Retransmitted - 371"],
        );
    }

    #[test]
    fn totals_are_none_where_nothing_tells() {
        let mut found = HostCounters::default();
        assert_eq!(found.total(HostFact::RxErrors), None);
        let mut count = |of: Option<&str>, value| {
            found.counts.push(Count { fact: HostFact::RxErrors, of: of.map(Into::into), value, line: 1 });
            found.total(HostFact::RxErrors)
        };
        assert_eq!(count(Some("eth0"), 3), Some(3));
        assert_eq!(count(Some("eth1"), 4), Some(7));
        assert_eq!(count(Some("eth2"), u64::MAX), Some(u64::MAX));
        assert_eq!(count(None, 5), Some(5));
    }
}
