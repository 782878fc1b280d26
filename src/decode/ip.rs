//! IPv4 and IPv6 headers, read by etherparse; extension headers are skipped, fragments described.

use std::net::IpAddr;

use etherparse::err::LenError;
use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice, err,
};

use super::{Payload, Skip};
use crate::wire::Endpoint;

/// What the IP header around a segment says.
#[derive(Clone, Copy)]
pub struct Ip {
    /// IPv4 mapped into IPv6, as [`Endpoint`] keeps it.
    pub source: [u8; 16],
    pub destination: [u8; 16],
    pub hop_limit: u8,
    /// IPv4 identification, 0 for IPv6.
    pub id: u16,
}

impl Ip {
    /// Who sent it.
    pub fn source(&self) -> IpAddr {
        Endpoint::v6(self.source, 0).addr()
    }
}

/// Where a fragment belongs. All fields are 0 for a whole packet.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Piece {
    pub id: u32,
    /// Octets before it.
    pub offset: u32,
    /// Whether others follow.
    pub more: bool,
}

impl Piece {
    /// Whether it is all there is; so-called atomic fragments are (RFC 6946).
    pub fn is_whole(self) -> bool {
        self.offset == 0 && !self.more
    }
}

/// One header, and what it carries.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    pub ip: Ip,
    pub protocol: IpNumber,
    pub piece: Piece,
    pub payload: Payload<'a>,
}

/// An IPv4 packet (RFC 791 §3.1). Total length 0 is left by segmentation offload: the frame's length counts.
pub fn v4(packet: Payload<'_>) -> Result<Packet<'_>, Skip> {
    let header = Ipv4HeaderSlice::from_slice(packet.data).map_err(|e| match e {
        err::ipv4::HeaderSliceError::Len(e) => short(packet, &e),
        err::ipv4::HeaderSliceError::Content(_) => Skip::BadIp,
    })?;
    let total = match header.total_len() {
        0 => packet.len,
        total => usize::from(total),
    };
    let payload = packet.clip(total).skip(header.slice().len(), Skip::BadIp)?;
    let ip = Ip {
        source: mapped(header.source()),
        destination: mapped(header.destination()),
        hop_limit: header.ttl(),
        id: header.identification(),
    };
    let piece = match header.is_fragmenting_payload() {
        false => Piece::default(),
        true => Piece {
            id: u32::from(ip.id),
            offset: u32::from(header.fragments_offset().byte_offset()),
            more: header.more_fragments(),
        },
    };
    Ok(Packet { ip, protocol: header.protocol(), piece, payload })
}

/// An IPv6 packet (RFC 8200 §3). Payload length 0 is left by segmentation offload or stands for a jumbogram
/// (RFC 2675 §3); either way the frame's length is the packet's.
pub fn v6(packet: Payload<'_>) -> Result<Packet<'_>, Skip> {
    let header = Ipv6HeaderSlice::from_slice(packet.data).map_err(|e| match e {
        err::ipv6::HeaderSliceError::Len(e) => short(packet, &e),
        err::ipv6::HeaderSliceError::Content(_) => Skip::BadIp,
    })?;
    let payload = packet.skip(header.slice().len(), Skip::BadIp)?;
    let payload = match header.payload_length() {
        0 => payload,
        len => payload.clip(usize::from(len)),
    };
    let ip = Ip {
        source: header.source(),
        destination: header.destination(),
        hop_limit: header.hop_limit(),
        id: 0,
    };
    Ok(Packet { ip, protocol: header.next_header(), piece: Piece::default(), payload })
}

/// Skips extension headers (RFC 8200 §4, RFC 4302) up to the upper layer or to a fragment header that splits
/// the packet.
pub fn extensions(packet: &mut Packet<'_>) -> Result<(), Skip> {
    const MOST: usize = 16;
    for _ in 0..MOST {
        let here = packet.payload;
        let (next, len) = match packet.protocol {
            IpNumber::IPV6_HEADER_HOP_BY_HOP
            | IpNumber::IPV6_ROUTE_HEADER
            | IpNumber::IPV6_DESTINATION_OPTIONS
            | IpNumber::MOBILITY_HEADER
            | IpNumber::HIP
            | IpNumber::SHIM6 => {
                let header = Ipv6RawExtHeaderSlice::from_slice(here.data).map_err(|e| short(here, &e))?;
                (header.next_header(), header.slice().len())
            }
            IpNumber::AUTHENTICATION_HEADER => {
                let header = IpAuthHeaderSlice::from_slice(here.data).map_err(|e| match e {
                    err::ip_auth::HeaderSliceError::Len(e) => short(here, &e),
                    err::ip_auth::HeaderSliceError::Content(_) => Skip::BadIp,
                })?;
                (header.next_header(), header.slice().len())
            }
            IpNumber::IPV6_FRAGMENTATION_HEADER => {
                let header = Ipv6FragmentHeaderSlice::from_slice(here.data).map_err(|e| short(here, &e))?;
                packet.piece = Piece {
                    id: header.identification(),
                    offset: u32::from(header.fragment_offset().byte_offset()),
                    more: header.more_fragments(),
                };
                (header.next_header(), header.slice().len())
            }
            _ => return Ok(()),
        };
        packet.protocol = next;
        packet.payload = here.skip(len, Skip::BadIp)?;
        if !packet.piece.is_whole() {
            return Ok(());
        }
    }
    Err(Skip::TooDeep)
}

fn short(packet: Payload<'_>, error: &LenError) -> Skip {
    packet.lacks(error.required_len, Skip::BadIp)
}

fn mapped(addr: [u8; 4]) -> [u8; 16] {
    (0xffff_0000_0000_u128 | u128::from(u32::from_be_bytes(addr))).to_be_bytes()
}
