//! The lines that hold counters: sentences, names with values, rows of interfaces. Which of them are kept is a table.

use super::{Count, Duplex, HostCounters, HostFact, Link};

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
pub(in crate::sockets) struct CounterReader {
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
    /// `ethtool eth0`: whatever is indented belongs to it.
    Settings,
    /// A table of interfaces: how many columns, and the ones that are kept with their distance from the last.
    Interfaces(Vec<(usize, HostFact)>),
    /// `dladm show-phys` and `show-ether`: columns of speed and duplex.
    Physical { speed: usize, duplex: usize },
}

impl CounterReader {
    /// Offers a line; says whether it belongs to a command that prints counters.
    pub(in crate::sockets) fn line(&mut self, line: &str, number: u32, found: &mut HostCounters) -> bool {
        let text = line.trim();
        if self.heading(text) {
            return true;
        }
        if let Section::Interfaces(columns) = &self.section
            && (text.contains("- no statistics available -") || interface_row(text, columns, number, found))
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
            self.goes_on();
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
        if known {
            self.goes_on();
        }
        known
            || is_kstat(text)
            || match self.section {
                Section::Names => is_counter(text),
                Section::Settings => line.starts_with([' ', '\t']),
                _ => false,
            }
    }

    /// A counter without any heading before it, as `grep` leaves it: others may follow.
    fn goes_on(&mut self) {
        if matches!(self.section, Section::None) {
            self.section = Section::Names;
        }
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
            self.section = Section::Settings;
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

/// `module:instance:name:statistic value` of `kstat -p`, whatever it counts.
fn is_kstat(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let path = words.next().unwrap_or("");
    let instance = path.split(':').nth(1).unwrap_or("");
    path.matches(':').count() == 3 && instance.parse::<u32>().is_ok() && words.next().is_some()
}

/// A line of these commands that says nothing of interest here: words and a number, in any order.
fn is_counter(text: &str) -> bool {
    let number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && word.parse::<f64>().is_ok();
    text.split([' ', '\t', ':', '=']).any(number) || text.ends_with(':') || text.starts_with("name: ")
}
