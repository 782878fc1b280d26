//! The pcapng blocks around the packets: interfaces, names, statistics. pcap-parser takes them apart; times, drop
//! counts and offsets are read from the raw options here, since it reads those in little-endian only and knows no
//! resolution that is a power of two.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pcap_parser::{
    NameRecordType, OptionCode, PcapNGOption, parse_interfacedescriptionblock_be,
    parse_interfacedescriptionblock_le, parse_interfacestatisticsblock_be, parse_interfacestatisticsblock_le,
    parse_nameresolutionblock_be, parse_nameresolutionblock_le, parse_option_be, parse_option_le,
};

use super::{ByteOrder, Clock, Drop, Frame, Interface, Known, LinkType, PcapNg, Summary};

/// Octets of the shortest block that describes an interface.
pub(super) const SHORTEST_INTERFACE: u64 = 20;
/// Octets kept of a name.
const MAX_NAME: usize = 255;
/// Comments kept of all sections.
const MAX_COMMENTS: usize = 1_000;
/// Packets lost between this packet and the one before it on the same interface.
const EPB_DROPCOUNT: OptionCode = OptionCode(4);

impl PcapNg {
    /// An interface description. It is numbered by its place in the section; if a hole may hide another one, the
    /// numbers are only good as long as all interfaces are alike.
    pub(super) fn interface(&mut self, block: &[u8], summary: &mut Summary) {
        let parsed = match self.order {
            ByteOrder::Little => parse_interfacedescriptionblock_le(block),
            ByteOrder::Big => parse_interfacedescriptionblock_be(block),
        };
        let Ok((_, parsed)) = parsed else {
            self.ambiguous = true;
            return;
        };
        let options = &parsed.options;
        let tsresol = option(options, OptionCode::IfTsresol).and_then(|value| value.first().copied());
        let offset_s = self.option_u64(options, OptionCode::IfTsoffset).map_or(0, |value| value as i64);
        let link = LinkType(parsed.linktype.0 as u16);
        let known = Known {
            index: u32::try_from(summary.interfaces.len()).unwrap_or(u32::MAX),
            link,
            clock: Clock::new(tsresol, offset_s),
            snaplen: parsed.snaplen,
            drops: 0,
            statistics_upto: 0,
        };
        if self.holed {
            self.ambiguous |=
                self.interfaces.iter().any(|other| other.link != known.link || other.clock != known.clock);
        }
        if summary.interfaces.len() >= self.limits.max_interfaces {
            return;
        }
        self.interfaces.push(known);
        let snaplen = (parsed.snaplen > 0).then_some(parsed.snaplen);
        summary.snaplen = summary.snaplen.max(snaplen);
        summary.interfaces.push(Interface {
            name: option(options, OptionCode::IfName).and_then(text),
            link,
            snaplen,
            offset_s,
            frames: 0,
        });
    }

    /// Interface statistics: drops are counted from the start of the capture, so that what packets and earlier
    /// statistics told already is taken off.
    pub(super) fn statistics(&mut self, block: &[u8], summary: &mut Summary, found: &[Frame]) {
        let parsed = match self.order {
            ByteOrder::Little => parse_interfacestatisticsblock_le(block),
            ByteOrder::Big => parse_interfacestatisticsblock_be(block),
        };
        let Ok((_, parsed)) = parsed else { return };
        let told =
            [OptionCode::IsbIfDrop, OptionCode::IsbOsDrop].map(|code| self.option_u64(&parsed.options, code));
        if told == [None, None] {
            return;
        }
        let total = told.into_iter().flatten().fold(0, u64::saturating_add);
        let frames = summary.frames + found.len() as u64;
        let at = self.time_before(found);
        let Some(known) = self.interfaces.get_mut(parsed.if_id as usize) else { return };
        let count = total.saturating_sub(known.drops);
        known.drops = known.drops.max(total);
        summary.add_drop(Drop {
            after_frame: known.statistics_upto,
            before_frame: frames + 1,
            at,
            count,
            interface: known.index,
        });
        known.statistics_upto = frames;
    }

    /// Names of addresses. A record is an address and one or more names, each ended by a zero octet.
    pub(super) fn names(&mut self, block: &[u8], summary: &mut Summary) {
        let parsed = match self.order {
            ByteOrder::Little => parse_nameresolutionblock_le(block),
            ByteOrder::Big => parse_nameresolutionblock_be(block),
        };
        let Ok((_, parsed)) = parsed else { return };
        for record in &parsed.nr {
            let value = record.record_value;
            let named = match record.record_type {
                NameRecordType::Ipv4 => value
                    .split_first_chunk::<4>()
                    .map(|(address, names)| (Ipv4Addr::from(*address).into(), names)),
                NameRecordType::Ipv6 => value
                    .split_first_chunk::<16>()
                    .map(|(address, names)| (Ipv6Addr::from(*address).into(), names)),
                _ => None,
            };
            let Some((address, names)): Option<(IpAddr, &[u8])> = named else { continue };
            for name in names.split(|&byte| byte == 0).filter_map(text) {
                if summary.names.len() >= self.limits.max_names {
                    return;
                }
                summary.names.push((address, name));
            }
        }
    }

    /// Drops told by the options behind an enhanced packet.
    pub(super) fn packet_drops(&self, mut options: &[u8]) -> u64 {
        // The shortest option is 4 octets, and the block's length stands behind them.
        while options.len() >= 8 {
            let parsed = match self.order {
                ByteOrder::Little => parse_option_le::<pcap_parser::PcapError<&[u8]>>(options),
                ByteOrder::Big => parse_option_be::<pcap_parser::PcapError<&[u8]>>(options),
            };
            match parsed {
                Ok((_, option)) if option.code == OptionCode::EndOfOpt => break,
                Ok((_, option)) if option.code == EPB_DROPCOUNT => {
                    return self.option_u64(&[option], EPB_DROPCOUNT).unwrap_or(0);
                }
                Ok((rest, _)) => options = rest,
                Err(_) => break,
            }
        }
        0
    }

    /// Comments among the options of a section header.
    pub(super) fn comments(&self, mut options: &[u8], summary: &mut Summary) {
        while options.len() >= 8 && summary.comments.len() < MAX_COMMENTS {
            let parsed = match self.order {
                ByteOrder::Little => parse_option_le::<pcap_parser::PcapError<&[u8]>>(options),
                ByteOrder::Big => parse_option_be::<pcap_parser::PcapError<&[u8]>>(options),
            };
            let Ok((rest, option)) = parsed else { return };
            if option.code == OptionCode::EndOfOpt {
                return;
            }
            if option.code == OptionCode::Comment
                && let Ok(value) = option.as_bytes()
            {
                summary.comments.push(String::from_utf8_lossy(value).into_owned());
            }
            options = rest;
        }
    }

    fn option_u64(&self, options: &[PcapNGOption<'_>], code: OptionCode) -> Option<u64> {
        let value = <[u8; 8]>::try_from(option(options, code)?).ok()?;
        Some(match self.order {
            ByteOrder::Little => u64::from_le_bytes(value),
            ByteOrder::Big => u64::from_be_bytes(value),
        })
    }
}

fn option<'a>(options: &'a [PcapNGOption<'_>], code: OptionCode) -> Option<&'a [u8]> {
    options
        .iter()
        .take_while(|option| option.code != OptionCode::EndOfOpt)
        .find(|option| option.code == code)?
        .as_bytes()
        .ok()
}

/// Text of a capture, which anybody may have written: cut to a sane length, `None` if empty.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..MAX_NAME).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
    (!text.is_empty()).then_some(text)
}
