//! `tcpdump`, old and new: with any form of time, link headers (`-e`), `-i any`, `-v` in one line or two, tunnels.

use super::clock::Written;
use super::fields::{Options, behind, first_word, hex, last_number, last_word, number};
use super::names::{address, dotted};
use super::packet::{End, IpHeader, Numbers, Packet, Reading, Reason, Told, Tool};
use crate::decode::Skip;
use crate::wire::TcpFlags;

pub(super) const TOOL: Tool = Tool { name: "tcpdump", read };

fn read(line: &str, _layered: bool) -> Option<Reading<'_>> {
    let (time, rest) = time_of(line);
    let told = told(rest.trim_start(), time.is_some())?;
    Some((time, told))
}

/// A single space before a time of the day means that it is none: -ttt and -ttttt print so.
fn time_of(line: &str) -> (Option<Written>, &str) {
    let text = line.trim_start();
    match Written::read(text).or_else(|| Written::read_old_delta(text)) {
        Some((Written::OfDay(span), rest)) if line.len() == text.len() + 1 => {
            (Some(Written::Elapsed(span)), rest)
        }
        Some((time, rest)) => (Some(time), rest),
        None => late_time(text).map_or((None, text), |(time, rest)| (Some(time), rest)),
    }
}

/// A time behind a line number, or behind what a log puts before each line.
fn late_time(text: &str) -> Option<(Written, &str)> {
    const WORDS: usize = 5;
    let mut rest = text;
    for _ in 0..WORDS {
        rest = first_word(rest).1.trim_start();
        if let Some((time @ (Written::OfDay(_) | Written::Epoch(_) | Written::Dated(..)), after)) =
            Written::read(rest)
        {
            return Some((time, after));
        }
    }
    None
}

fn told(text: &str, timed: bool) -> Option<Told<'_>> {
    let mut other = None;
    for (at, _) in text.match_indices(" > ") {
        let (before, behind) = (&text[..at], &text[at + 3..]);
        let (right, tail) = first_word(behind);
        let Some(right) = right.strip_suffix(':') else { continue };
        let left = last_word(before);
        let tail = tail.trim_start();
        match (dotted(left), dotted(right)) {
            (Some(from), Some(to)) => {
                let header = ip_header(&before[..before.len() - left.len()]);
                if let Some(told) = segment(from, to, header, tail) {
                    return Some(told);
                }
                other = Some(without_flags(&from, &to, tail));
            }
            _ if address(left).is_some() && address(right).is_some() => {
                other = Some(Told::Other(by_name(tail)))
            }
            _ => {}
        }
    }
    other.or_else(|| headless(text, timed))
}

/// A packet with ports and no TCP flags.
fn without_flags<'a>(from: &End<'_>, to: &End<'_>, tail: &str) -> Told<'a> {
    const USUALLY_UDP: [&str; 9] = ["53", "domain", "67", "68", "bootps", "bootpc", "123", "ntp", "5353"];
    let is_udp = tail.starts_with("UDP")
        || tail.starts_with("udp")
        || tail.contains("VXLAN")
        || tail.contains("Geneve");
    if is_udp || [from.port, to.port].iter().any(|port| USUALLY_UDP.contains(port)) {
        Told::Other(Skip::Udp)
    } else if tail.is_empty() || "Flags [".starts_with(tail) || tail.starts_with("Flags") {
        Told::Begun
    } else {
        Told::Unread(Reason::NoFlags)
    }
}

/// A packet between addresses without ports.
fn by_name(tail: &str) -> Skip {
    let is = |name: &str| tail.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    match tail {
        _ if is("icmp") || is("HBH ICMP6") => Skip::Icmp,
        _ if is("udp") => Skip::Udp,
        _ if is("tcp") || is("ip-proto-") || is("frag") => Skip::Fragment,
        _ if is("esp") || is("ah") => Skip::Encrypted,
        _ => Skip::OtherIp,
    }
}

/// A line without two ends: the first one of `-v`, another protocol, or a packet that was broken off.
fn headless(text: &str, timed: bool) -> Option<Told<'_>> {
    if let Some(packets) = text.strip_suffix(" packets dropped by kernel") {
        return packets.trim().parse().ok().map(Told::Dropped);
    }
    let is = |name: &str| text.starts_with(name);
    if is("ARP,") || is("arp ") || is("rarp ") || is("Reverse ARP") || text.contains("ethertype ARP") {
        return Some(Told::Other(Skip::Arp));
    }
    // `IP (tos ...)` stands alone; with -e and -i any something stands before it.
    if let Some(at) = text.find("(tos ").or_else(|| text.find("(flowlabel ")).or_else(|| text.find("(hlim "))
    {
        let header = &text[at..];
        if !header.trim_end().ends_with(')') || header.contains(" > ") {
            return Some(Told::Begun);
        }
        return Some(match header.split_once("proto") {
            _ if ip_header(header).fragment => Told::Other(Skip::Fragment),
            Some((_, proto)) if proto.contains("TCP") => Told::Header(ip_header(header)),
            Some((_, proto)) if proto.contains("UDP") => Told::Other(Skip::Udp),
            Some((_, proto)) if proto.contains("ICMP") => Told::Other(Skip::Icmp),
            _ if header.contains("next-header TCP") => Told::Header(ip_header(header)),
            _ => Told::Other(Skip::OtherIp),
        });
    }
    if !timed {
        return None;
    }
    const CONTROL: [&str; 8] =
        ["STP", "LLDP", "CDP", "LACP", "PPPoE", "Loopback", "EAPOL", "ethertype Loopback"];
    if CONTROL.iter().any(|name| text.contains(name)) {
        return Some(Told::Other(Skip::LinkControl));
    }
    let has_ip = is("IP ")
        || is("IP6 ")
        || text.contains(" IP ")
        || text.contains(" IP6 ")
        || text.contains("ethertype IP");
    has_ip.then_some(Told::Begun)
}

/// What `-v` says in parentheses.
fn ip_header(text: &str) -> IpHeader {
    let value = |word| behind(text, word).map(|(value, _)| value);
    let hop_limit = value("ttl ").or_else(|| value("hlim ")).unwrap_or_default();
    let more = text.split_once("flags [").is_some_and(|(_, flags)| flags.starts_with('+'));
    IpHeader {
        id: value(" id ").and_then(|id| u16::try_from(id).ok()).unwrap_or_default(),
        hop_limit: u8::try_from(hop_limit).unwrap_or_default(),
        fragment: more || value("offset ").is_some_and(|offset| offset > 0),
    }
}

/// What follows the ends, as new or old tcpdump writes it.
fn segment<'a>(from: End<'a>, to: End<'a>, ip: IpHeader, tail: &'a str) -> Option<Told<'a>> {
    let mut packet = Packet { ip, ..Packet::between(from, to, Numbers::Switching) };
    match tail.strip_prefix("Flags [") {
        Some(rest) => {
            let Some((flags, fields)) = rest.split_once(']') else { return Some(Told::Begun) };
            packet.flags = flags_of(flags)?;
            new_fields(&mut packet, fields);
        }
        None => {
            let (word, fields) = first_word(tail);
            packet.flags = flags_of(word.trim_end_matches(',')).filter(|_| !word.starts_with("none"))?;
            old_fields(&mut packet, fields)?;
        }
    }
    if packet.ack.is_some() {
        packet.flags |= TcpFlags::ACK;
    }
    let needs_seq = packet.flags.any(TcpFlags::SYN | TcpFlags::FIN);
    let missing =
        packet.flags.any(TcpFlags::ACK) && packet.ack.is_none() || needs_seq && packet.seq.is_none();
    Some(if missing { Told::Begun } else { Told::Packet(packet) })
}

/// `S.`, `FP.`, `none`; a dot is ACK, where the old ones print it only for lack of another letter.
fn flags_of(letters: &str) -> Option<TcpFlags> {
    if letters == "none" {
        return Some(TcpFlags::default());
    }
    let mut flags = TcpFlags::default();
    for letter in letters.chars() {
        flags |= match letter {
            'F' => TcpFlags::FIN,
            'S' => TcpFlags::SYN,
            'R' => TcpFlags::RST,
            'P' => TcpFlags::PSH,
            '.' => TcpFlags::ACK,
            'U' => TcpFlags::URG,
            'E' => TcpFlags::ECE,
            'W' => TcpFlags::CWR,
            'e' => TcpFlags::default(),
            _ => return None,
        };
    }
    (!letters.is_empty()).then_some(flags)
}

/// `, cksum 0x52 (correct), seq 1:10, ack 1, win 63, options [...], length 9: HTTP`
fn new_fields(packet: &mut Packet<'_>, fields: &str) {
    let mut rest = fields;
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(seq) = rest.strip_prefix("seq ") {
            let Some((first, end)) = listed(seq) else { return };
            packet.seq = Some(first);
            if let Some((last, _)) = end.strip_prefix(':').and_then(listed) {
                packet.len = last.wrapping_sub(first);
            } else if end.starts_with(':') {
                // The end of the range is cut off.
                packet.seq = None;
                return;
            }
        } else if let Some(ack) = rest.strip_prefix("ack ") {
            let Some((ack, _)) = listed(ack) else { return };
            packet.ack = Some(ack);
        } else if let Some(window) = rest.strip_prefix("win ") {
            let Some((window, _)) = listed(window) else { return };
            packet.window = window;
        } else if let Some(sum) = rest.strip_prefix("cksum ") {
            packet.checksum = hex(sum).unwrap_or_default();
        } else if let Some((list, after)) =
            rest.strip_prefix("options [").and_then(|list| list.split_once(']'))
        {
            options(packet, list);
            rest = after;
            continue;
        } else if let Some((len, _)) = rest.strip_prefix("length ").and_then(last_number) {
            packet.len = len;
            packet.whole = true;
            return;
        } else if !rest.starts_with("urg ") {
            // A word that is none: wrapped in its middle, or cut.
            return;
        }
        match rest.split_once(", ") {
            Some((_, after)) => rest = after,
            None => return,
        }
    }
}

/// A number in a list: what follows it goes on with a comma, or is the end of a range. Else it is wrapped or cut.
fn listed(text: &str) -> Option<(u32, &str)> {
    number(text).filter(|(_, rest)| rest.starts_with([',', ':']))
}

/// ` 123:133(10) ack 1 win 5840 <nop,nop,timestamp 1 2> (DF) (ttl 64, id 1, len 60)`
fn old_fields(packet: &mut Packet<'_>, fields: &str) -> Option<()> {
    let mut rest = fields.trim_start_matches([',', ' ']);
    let mut known = false;
    packet.flags = TcpFlags(packet.flags.0 & !TcpFlags::ACK.0);
    while !rest.is_empty() {
        rest = if let Some((first, range)) = number(rest)
            && let Some((_, octets)) = range.strip_prefix(':').and_then(number)
            && let Some((len, after)) = octets.strip_prefix('(').and_then(number)
        {
            (packet.seq, packet.len, known) = (Some(first), len, true);
            after.trim_start_matches(')')
        } else if let Some((ack, after)) = rest.strip_prefix("ack ").and_then(number) {
            (packet.ack, known) = (Some(ack), true);
            after
        } else if let Some((window, after)) = rest.strip_prefix("win ").and_then(last_number) {
            (packet.window, packet.whole) = (window, true);
            after
        } else if let Some((list, after)) = rest.strip_prefix('<').and_then(|list| list.split_once('>')) {
            options(packet, list);
            after
        } else {
            if let Some(sum) = rest.strip_prefix("cksum ") {
                packet.checksum = hex(sum).unwrap_or_default();
            } else if rest.starts_with("(ttl ") {
                packet.ip = ip_header(rest);
            }
            first_word(rest).1
        }
        .trim_start_matches([' ', ',']);
    }
    known.then_some(())
}

fn options(packet: &mut Packet<'_>, list: &str) {
    let options = Options::read(list);
    (packet.timestamps, packet.window_scale, packet.has_options) =
        (options.timestamps, options.window_scale, options.any);
    packet.multipath = options.multipath;
}
