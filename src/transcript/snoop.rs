//! `snoop` of Solaris and illumos: one line per packet, or one per layer with `-V`.
//!
//! The short form tells of the highest protocol only; where that is HTTP or the like, the TCP header is not told.

use super::clock::Written;
use super::fields::{Options, first_word, last_number, last_word};
use super::names::{address, is_name};
use super::packet::{End, IpHeader, Numbers, Packet, Reading, Reason, Told, Tool};
use crate::decode::Skip;
use crate::wire::TcpFlags;

pub(super) const TOOL: Tool = Tool { name: "snoop", read };

fn read(line: &str, layered: bool) -> Option<Reading<'_>> {
    let (before, behind) = line.split_once(" -> ")?;
    let source = last_word(before.trim_end());
    let (time, rest) = number_and_time(before);
    if without_vlan(rest.trim()) != source {
        return None;
    }
    let (destination, text) = first_word(behind);
    let is_host = |text: &str| address(text).is_some() || is_name(text) || text.starts_with('(');
    if !is_host(source) || !is_host(destination) {
        return None;
    }
    Some((time, told(source, destination, text.trim_start(), layered)?))
}

/// Skips `VLAN#1401:`, which stands before the addresses of a tagged packet.
fn without_vlan(text: &str) -> &str {
    let rest = text.strip_prefix("VLAN#").and_then(|rest| rest.split_once(':'));
    rest.map_or(text, |(_, rest)| rest.trim_start())
}

fn number_and_time(before: &str) -> (Option<Written>, &str) {
    let (number, rest) = first_word(before);
    let timed =
        number.bytes().all(|b| b.is_ascii_digit()).then(|| Written::read(rest.trim_start())).flatten();
    match timed.or_else(|| Written::read(before.trim_start())) {
        Some((time, rest)) => (Some(time), rest),
        None => (None, before),
    }
}

fn told<'a>(source: &'a str, destination: &'a str, text: &'a str, layered: bool) -> Option<Told<'a>> {
    let (protocol, fields) = first_word(text);
    Some(match protocol {
        "TCP" if fields.contains("fragment") || fields.contains("continuation") => {
            Told::Other(Skip::Fragment)
        }
        "TCP" if fields.contains("D=") => segment(source, destination, fields),
        "TCP" if fields.is_empty() => Told::Begun,
        "TCP" => return None,
        "ETHER" => match () {
            _ if fields.contains("(IP)") || fields.contains("(IPv6)") => Told::Header(IpHeader::default()),
            _ if fields.contains("(ARP)") => Told::Other(Skip::Arp),
            _ => Told::Other(Skip::OtherEther),
        },
        "IP" | "IPv6" if fields.contains("fragment") || fields.contains("continuation") => {
            Told::Other(Skip::Fragment)
        }
        "IP" | "IPv6" => Told::Header(ip_header(fields)),
        "ARP" | "RARP" => Told::Other(Skip::Arp),
        "UDP" | "DNS" | "NTP" | "TFTP" | "RIP" | "DHCP" | "BOOTP" | "SNMP" | "NBT" => Told::Other(Skip::Udp),
        "ICMP" | "ICMPv6" => Told::Other(Skip::Icmp),
        "ESP" | "AH" => Told::Other(Skip::Encrypted),
        _ if layered => Told::Unread(Reason::Continued),
        _ if protocol.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && !protocol.is_empty() =>
        {
            Told::Unread(Reason::NoHeader)
        }
        _ => return None,
    })
}

/// `D=10.0.0.1 S=10.0.0.2 LEN=40, ID=1234, TOS=0x0, TTL=64`
fn ip_header(fields: &str) -> IpHeader {
    let value = |name: &str| {
        let (_, value) = fields.split_once(name)?;
        last_number(value).map(|(value, _)| value)
    };
    IpHeader {
        id: value("ID=").and_then(|id| u16::try_from(id).ok()).unwrap_or_default(),
        hop_limit: value("TTL=").or(value("HOP=")).and_then(|ttl| u8::try_from(ttl).ok()).unwrap_or_default(),
        fragment: false,
    }
}

/// `D=80 S=32803 Syn Ack=123 Seq=456 Len=0 Win=24820 Options=<nop,mss 1460>`
fn segment<'a>(source: &'a str, destination: &'a str, fields: &'a str) -> Told<'a> {
    let from = End { host: source, port: "" };
    let to = End { host: destination, port: "" };
    let mut packet = Packet::between(from, to, Numbers::Absolute);
    let mut options = Options::NONE;
    for word in fields.split_ascii_whitespace() {
        let Some((name, value)) = word.split_once('=') else {
            packet.flags |= match word {
                "Syn" => TcpFlags::SYN,
                "Fin" => TcpFlags::FIN,
                "Rst" => TcpFlags::RST,
                "Push" => TcpFlags::PSH,
                "Urg" => TcpFlags::URG,
                "ECE" => TcpFlags::ECE,
                "CWR" => TcpFlags::CWR,
                _ => TcpFlags::default(),
            };
            continue;
        };
        let number = last_number(value).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number);
        match name {
            "D" => packet.to.port = value,
            "S" => packet.from.port = value,
            "Ack" => packet.ack = number,
            "Seq" => packet.seq = number,
            "Len" => packet.len = number.unwrap_or_default(),
            "Win" => (packet.window, packet.whole) = (number.unwrap_or(Packet::NO_WINDOW), number.is_some()),
            _ => {}
        }
    }
    if let Some((_, list)) = fields.split_once("Options=<") {
        options = Options::read(list.split('>').next().unwrap_or_default());
    }
    (packet.timestamps, packet.window_scale, packet.has_options) =
        (options.timestamps, options.window_scale, options.any);
    if packet.ack.is_some() {
        packet.flags |= TcpFlags::ACK;
    }
    let known = packet.seq.is_some() && !packet.from.port.is_empty() && !packet.to.port.is_empty();
    if known && fields.contains("Len=") { Told::Packet(packet) } else { Told::Begun }
}
