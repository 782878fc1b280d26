//! `tshark` in its default columns, with any form of time or none, and Wireshark's export of its packet list.

use super::clock::Written;
use super::fields::{first_word, last_number, last_word};
use super::names::{address, is_name, port};
use super::packet::{End, Numbers, Packet, Reading, Reason, Told, Tool};
use crate::decode::Skip;
use crate::wire::{TcpFlags, TcpTimestamps};

/// Between addresses, and between ports: new and old versions, and what plain ASCII makes of them.
const ARROWS: [&str; 3] = ["\u{2192}", "->", ">"];

pub(super) const TOOL: Tool = Tool { name: "tshark", read };

fn read(line: &str, _layered: bool) -> Option<Reading<'_>> {
    segment(line).or_else(|| other(line))
}

fn segment(line: &str) -> Option<Reading<'_>> {
    let (from, to, before, info) = ports(line)?;
    let (notes, columns) = match before.find(" [") {
        Some(at) => (&before[at..], &before[..at]),
        None => ("", before),
    };
    let (time, source, destination) = addresses(columns)?;
    let Some((names, fields)) = info.split_once(']') else { return Some((time, Told::Begun)) };
    let (from, to) = (End { host: source, port: from }, End { host: destination, port: to });
    let mut packet = Packet {
        flags: flags_of(names)?,
        again: notes.contains("Retransmission") || notes.contains("Out-Of-Order"),
        ..Packet::between(from, to, Numbers::FromZero)
    };
    let mut stamps = (None, None);
    for word in fields.split_ascii_whitespace() {
        let Some((name, value)) = word.split_once('=') else {
            packet.has_options |= word == "SACK_PERM";
            continue;
        };
        let value = last_number(value).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value);
        match name {
            "Seq" => packet.seq = value,
            "Ack" => packet.ack = value,
            "Win" => packet.window = value.unwrap_or(Packet::NO_WINDOW),
            "Len" => (packet.len, packet.whole) = (value.unwrap_or_default(), value.is_some()),
            "WS" => {
                let shift = value.filter(|factor| factor.is_power_of_two()).map(u32::trailing_zeros);
                packet.window_scale = shift.map_or(packet.window_scale, |shift| shift.min(14) as u8);
            }
            "MSS" | "SACK_PERM" => packet.has_options = true,
            "TSval" => stamps.0 = value,
            "TSecr" => stamps.1 = value,
            _ => {}
        }
    }
    if let (Some(val), Some(ecr)) = stamps {
        (packet.timestamps, packet.has_options) = (Some(TcpTimestamps { val, ecr }), true);
    }
    if !packet.flags.any(TcpFlags::ACK) {
        packet.ack = None;
    }
    let known =
        packet.seq.is_some() && packet.whole && packet.ack.is_some() == packet.flags.any(TcpFlags::ACK);
    Some((time, if known { Told::Packet(packet) } else { Told::Begun }))
}

/// Both ports, what stands before them and what behind `[`.
fn ports(line: &str) -> Option<(&str, &str, &str, &str)> {
    for arrow in ARROWS {
        for (at, _) in line.match_indices(arrow) {
            let Some(before) = line[..at].strip_suffix(' ').map(str::trim_end) else { continue };
            let (right, rest) = first_word(&line[at + arrow.len()..]);
            let left = last_word(before);
            if let (Some(_), Some(_), Some(info)) =
                (port(left), port(right), rest.trim_start().strip_prefix('['))
            {
                return Some((left, right, &before[..before.len() - left.len()], info));
            }
        }
    }
    None
}

/// `4 0.000035 10.0.0.1 -> 10.0.0.2 TCP 74`, number, time and length being optional.
fn addresses(columns: &str) -> Option<(Option<Written>, &str, &str)> {
    let (time, rest) = number_and_time(columns);
    let mut words = rest.split_whitespace();
    let source = words.next()?;
    let mut destination = words.next()?;
    if ARROWS.contains(&destination) {
        destination = words.next()?;
    }
    let is_host = |text: &str| address(text).is_some() || is_name(text);
    (words.next().is_some() && is_host(source) && is_host(destination)).then_some((time, source, destination))
}

/// The first columns: a packet's number and its time, or one of them, or none.
fn number_and_time(columns: &str) -> (Option<Written>, &str) {
    let columns = columns.trim_start();
    if let Some((time, rest)) = Written::read(columns) {
        return (Some(time), rest);
    }
    let (number, rest) = first_word(columns);
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return (None, columns);
    }
    if let Some((time, rest)) = Written::read(rest.trim_start()) {
        return (Some(time), rest);
    }
    // tshark that captures counts packets on the same terminal, before the line.
    let (second, behind) = first_word(rest);
    let counted = !second.is_empty() && second.bytes().all(|b| b.is_ascii_digit());
    match Written::read(behind.trim_start()).filter(|_| counted) {
        Some((time, rest)) => (Some(time), rest),
        None => (None, rest),
    }
}

/// `SYN, ACK`.
fn flags_of(names: &str) -> Option<TcpFlags> {
    let mut flags = TcpFlags::default();
    for name in names.split(',').map(str::trim) {
        flags |= match name {
            "FIN" => TcpFlags::FIN,
            "SYN" => TcpFlags::SYN,
            "RST" => TcpFlags::RST,
            "PSH" => TcpFlags::PSH,
            "ACK" => TcpFlags::ACK,
            "URG" => TcpFlags::URG,
            "ECE" | "ECN" => TcpFlags::ECE,
            "CWR" => TcpFlags::CWR,
            "<None>" | "NS" | "AE" | "Reserved" => TcpFlags::default(),
            _ => return None,
        };
    }
    Some(flags)
}

/// A line of another protocol: its name stands behind two addresses.
fn other(line: &str) -> Option<Reading<'_>> {
    let (time, rest) = number_and_time(line);
    let mut words = rest.split_whitespace();
    let source = words.next()?;
    let arrow = words.next().filter(|word| ARROWS.contains(word));
    let (destination, protocol) = (words.next()?, words.next()?);
    arrow?;
    let told = match protocol {
        "ARP" | "RARP" => Told::Other(Skip::Arp),
        "STP" | "LLDP" | "CDP" | "EAPOL" | "LOOP" => Told::Other(Skip::LinkControl),
        _ if address(source).is_none() || address(destination).is_none() => return None,
        "UDP" | "DNS" | "MDNS" | "LLMNR" | "NTP" | "DHCP" | "DHCPv6" | "SSDP" | "NBNS" | "SNMP" | "QUIC"
        | "TFTP" | "RADIUS" => Told::Other(Skip::Udp),
        "ICMP" | "ICMPv6" => Told::Other(Skip::Icmp),
        "IPv4" | "IPv6" => Told::Other(Skip::Fragment),
        "ESP" => Told::Other(Skip::Encrypted),
        "SCTP" | "OSPF" | "IGMP" | "IGMPv2" | "IGMPv3" | "PIM" | "VRRP" => Told::Other(Skip::OtherIp),
        "TCP" => Told::Begun,
        _ => Told::Unread(Reason::NoHeader),
    };
    Some((time, told))
}
