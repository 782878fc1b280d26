//! The walk down the layers: link, EtherTypes, IP, fragments, tunnels, until TCP or a reason why not.
//! Every step takes octets off the packet, and [`MOST_LAYERS`] bounds how deep packets lie in each other.

use etherparse::{EtherType, IpNumber, UdpHeaderSlice};

use super::ethernet::{self, ETHER_TYPES};
use super::ip::{self, Packet};
use super::{Decoded, Decoder, Frame, Payload, Skip, Tunnel, Zone, icmp, link, tcp, tunnel};
use crate::capture::Record;

/// IP headers and reassemblies in one record. A mirrored frame of an overlay that carries a mobile network's tunnel has four;
/// with eight, packets made of nothing but headers cost three times an ordinary one (`.ci/costs`).
const MOST_LAYERS: u8 = 5;
/// Tags and shims in front of one IP header.
const MOST_TAGS: usize = 16;

impl Decoder {
    /// Any record, without the short cut.
    #[inline(never)]
    pub(super) fn walk(&mut self, record: &Record<'_>) -> Decoded {
        let zone = if self.options.zone == Zone::Interface { record.interface } else { 0 };
        self.link(&Frame::of(record, zone), record).unwrap_or_else(Decoded::Skip)
    }

    fn link(&mut self, frame: &Frame, record: &Record<'_>) -> Result<Decoded, Skip> {
        if record.data.is_empty() {
            return Err(Skip::Empty);
        }
        let shim = link::shim(record.link).ok_or(Skip::UnknownLink)?;
        let (ether_type, payload) = shim(Payload::new(record.data, record.wire_len))?;
        self.ether(*frame, ether_type, payload)
    }

    /// What an EtherType announces.
    fn ether(
        &mut self,
        mut frame: Frame,
        mut ether_type: EtherType,
        mut payload: Payload<'_>,
    ) -> Result<Decoded, Skip> {
        const QINQ_BEFORE_THE_STANDARD: EtherType = EtherType(0x9200);
        const RARP: EtherType = EtherType(0x8035);
        const PPPOE_DISCOVERY: EtherType = EtherType(0x8863);
        const SLOW_PROTOCOLS: EtherType = EtherType(0x8809);
        const EAPOL: EtherType = EtherType(0x888e);
        const LLDP: EtherType = EtherType(0x88cc);
        const LOOPBACK_TEST: EtherType = EtherType(0x9000);

        for _ in 0..MOST_TAGS {
            (ether_type, payload) = match ether_type {
                EtherType::IPV4 => return self.packet(frame, ip::v4(payload)?),
                EtherType::IPV6 => return self.packet(frame, ip::v6(payload)?),
                EtherType::VLAN_TAGGED_FRAME
                | EtherType::PROVIDER_BRIDGING
                | EtherType::VLAN_DOUBLE_TAGGED_FRAME
                | QINQ_BEFORE_THE_STANDARD => {
                    let (identifier, ether_type, payload) = ethernet::vlan(payload)?;
                    if self.options.zone == Zone::Vlan && frame.depth == 0 {
                        frame.zone = frame.zone << 12 | u32::from(identifier);
                    }
                    (ether_type, payload)
                }
                EtherType::ARP | RARP => return Err(Skip::Arp),
                EtherType::MACSEC => return Err(Skip::Encrypted),
                PPPOE_DISCOVERY | SLOW_PROTOCOLS | EAPOL | LLDP | LOOPBACK_TEST => {
                    return Err(Skip::LinkControl);
                }
                _ => {
                    let known = ETHER_TYPES.iter().find(|(number, _)| *number == ether_type);
                    let (_, shim) = known.ok_or(Skip::OtherEther)?;
                    shim(payload)?
                }
            };
        }
        Err(Skip::TooDeep)
    }

    /// What an IP packet carries.
    pub(super) fn packet(&mut self, frame: Frame, mut packet: Packet<'_>) -> Result<Decoded, Skip> {
        if frame.depth >= MOST_LAYERS {
            return Err(Skip::TooDeep);
        }
        let frame = Frame { depth: frame.depth + 1, ..frame };
        // An IPv4 fragment splits right behind its header, an IPv6 one behind some of the extension headers.
        if packet.piece.is_whole() {
            ip::extensions(&mut packet)?;
        }
        if !packet.piece.is_whole() {
            return self.fragment(frame, packet);
        }
        let Packet { ip, protocol, payload, .. } = packet;
        match protocol {
            IpNumber::TCP => {
                let (key, segment) = tcp::decode(&frame, &ip, payload)?;
                self.tcp = (payload.data.as_ptr().addr(), payload.data.len());
                Ok(Decoded::Segment(key, segment))
            }
            IpNumber::UDP => {
                let header = UdpHeaderSlice::from_slice(payload.data).map_err(|_| Skip::Udp)?;
                let tunnel = tunnel::UDP_TUNNELS.iter().find(|(port, _)| *port == header.destination_port());
                let (_, shim) = tunnel.ok_or(Skip::Udp)?;
                let (ether_type, inside) = shim(payload.skip(header.slice().len(), Skip::Udp)?)?;
                self.enter(frame, ether_type, inside)
            }
            IpNumber::GRE => {
                let (ether_type, inside) = tunnel::gre(payload)?;
                self.enter(frame, ether_type, inside)
            }
            IpNumber::IPV4 => self.enter(frame, EtherType::IPV4, payload),
            IpNumber::IPV6 => self.enter(frame, EtherType::IPV6, payload),
            IpNumber::MPLS_IN_IP => self.enter(frame, ethernet::MPLS, payload),
            IpNumber::ICMP | IpNumber::IPV6_ICMP => {
                Ok(Decoded::Quote(icmp::quote(&frame, &ip, protocol, payload)?))
            }
            IpNumber::ENCAPSULATING_SECURITY_PAYLOAD => Err(Skip::Encrypted),
            _ => Err(Skip::OtherIp),
        }
    }

    /// A packet inside a packet.
    fn enter(&mut self, frame: Frame, ether_type: EtherType, inside: Payload<'_>) -> Result<Decoded, Skip> {
        match self.options.tunnel {
            Tunnel::Inner => self.ether(frame, ether_type, inside),
            Tunnel::Outer => Err(Skip::Tunnelled),
        }
    }

    /// Goes on with the datagram that a fragment completes, as of this frame.
    fn fragment(&mut self, frame: Frame, packet: Packet<'_>) -> Result<Decoded, Skip> {
        if self.keeps_none {
            self.met_fragment = true;
            return Err(Skip::Fragment);
        }
        let Packet { ip, protocol, piece, payload } = packet;
        let datagram = self.fragments.take(&frame, &ip, protocol, piece, payload).ok_or(Skip::Fragment)?;
        let whole = Packet {
            ip,
            protocol: datagram.protocol(),
            piece: Default::default(),
            payload: datagram.payload(),
        };
        self.packet(frame, whole)
    }
}
