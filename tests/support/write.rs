//! Writes captures as bytes, in every format and byte order that the library reads: the other half of its tests.
//! It knows nothing of the library. Tests take it in by `#[path]`.

#![allow(dead_code, reason = "each test that takes this in uses its own part of it")]

/// A packet to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Nanoseconds since 1970.
    pub at: i64,
    pub wire_len: u32,
    pub data: Vec<u8>,
}

impl Packet {
    pub fn new(at: i64, data: &[u8]) -> Packet {
        Packet { at, wire_len: data.len() as u32, data: data.to_vec() }
    }
}

/// Numbers in one of the two byte orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Little,
    Big,
}

pub const ORDERS: [Order; 2] = [Order::Little, Order::Big];

impl Order {
    pub fn u16(self, n: u16) -> [u8; 2] {
        if self == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub fn u32(self, n: u32) -> [u8; 4] {
        if self == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub fn u64(self, n: u64) -> [u8; 8] {
        if self == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }
}

/// The three kinds of pcap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Micros,
    Nanos,
    Modified,
}

pub const KINDS: [Kind; 3] = [Kind::Micros, Kind::Nanos, Kind::Modified];

/// A pcap file of version 2.4.
pub fn pcap(kind: Kind, order: Order, link: u32, packets: &[Packet]) -> Vec<u8> {
    pcap_of_version(4, kind, order, link, packets)
}

/// A pcap file of version 2.`minor`; below 3, the two lengths of a record stand the other way round.
pub fn pcap_of_version(minor: u16, kind: Kind, order: Order, link: u32, packets: &[Packet]) -> Vec<u8> {
    let magic = match kind {
        Kind::Micros => 0xa1b2_c3d4,
        Kind::Nanos => 0xa1b2_3c4d,
        Kind::Modified => 0xa1b2_cd34,
    };
    let mut file = Vec::new();
    file.extend(order.u32(magic));
    file.extend(order.u16(2));
    file.extend(order.u16(minor));
    for field in [0, 0, 65_535, link] {
        file.extend(order.u32(field));
    }
    for packet in packets {
        let unit = if kind == Kind::Nanos { 1 } else { 1_000 };
        let (captured, original) = (packet.data.len() as u32, packet.wire_len);
        let (first, second) = if minor < 3 { (original, captured) } else { (captured, original) };
        let seconds = packet.at.div_euclid(1_000_000_000) as u32;
        let fraction = (packet.at.rem_euclid(1_000_000_000) / unit) as u32;
        for field in [seconds, fraction, first, second] {
            file.extend(order.u32(field));
        }
        if kind == Kind::Modified {
            file.extend([0; 8]);
        }
        file.extend(&packet.data);
    }
    file
}

/// A snoop file; `drops` are the cumulative drops of each record, 0 where they end.
pub fn snoop(datalink: u32, packets: &[Packet], drops: &[u32]) -> Vec<u8> {
    snoop_with_pad(datalink, packets, drops, 0)
}

/// A snoop file with so many pad octets behind each packet more than RFC 1761 asks for.
pub fn snoop_with_pad(datalink: u32, packets: &[Packet], drops: &[u32], pad: usize) -> Vec<u8> {
    let mut file = b"snoop\0\0\0".to_vec();
    file.extend(2u32.to_be_bytes());
    file.extend(datalink.to_be_bytes());
    for (index, packet) in packets.iter().enumerate() {
        let captured = packet.data.len();
        let padded = captured.next_multiple_of(4) + pad;
        let seconds = packet.at.div_euclid(1_000_000_000) as u32;
        let micros = (packet.at.rem_euclid(1_000_000_000) / 1_000) as u32;
        let drops = drops.get(index).copied().unwrap_or(0);
        for field in [packet.wire_len, captured as u32, 24 + padded as u32, drops, seconds, micros] {
            file.extend(field.to_be_bytes());
        }
        file.extend(&packet.data);
        file.extend(vec![0; padded - captured]);
    }
    file
}

/// An ERF file of Ethernet records.
pub fn erf(packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    for packet in packets {
        let length = (16 + 2 + packet.data.len()).next_multiple_of(8);
        let fraction = ((packet.at.rem_euclid(1_000_000_000) as u64) << 32).div_ceil(1_000_000_000);
        file.extend((fraction as u32).to_le_bytes());
        file.extend((packet.at.div_euclid(1_000_000_000) as u32).to_le_bytes());
        file.extend([2, 4]);
        file.extend((length as u16).to_be_bytes());
        file.extend([0, 0]);
        file.extend((packet.wire_len as u16).to_be_bytes());
        file.extend([0, 0]);
        file.extend(&packet.data);
        file.extend(vec![0; length - 18 - packet.data.len()]);
    }
    file
}

/// A pcapng file, block by block.
pub struct PcapNg {
    order: Order,
    file: Vec<u8>,
    /// Ticks per second of each interface of the section.
    ticks: Vec<u128>,
}

impl PcapNg {
    pub fn new(order: Order) -> PcapNg {
        PcapNg { order, file: Vec::new(), ticks: Vec::new() }.section(order)
    }

    pub fn bytes(self) -> Vec<u8> {
        self.file
    }

    /// Octets so far.
    pub fn position(&self) -> usize {
        self.file.len()
    }

    pub fn section(mut self, order: Order) -> PcapNg {
        self.order = order;
        self.ticks.clear();
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend(order.u16(1));
        body.extend(order.u16(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    /// Microseconds, no snap length.
    pub fn interface(self, link: u16) -> PcapNg {
        self.interface_with(link, 0, None, 0, "")
    }

    pub fn interface_with(
        mut self,
        link: u16,
        snaplen: u32,
        tsresol: Option<u8>,
        offset_s: i64,
        name: &str,
    ) -> PcapNg {
        let resolution = tsresol.unwrap_or(6);
        let power = u32::from(resolution & 0x7f);
        self.ticks.push(if resolution & 0x80 != 0 { 1 << power } else { 10u128.pow(power) });
        let mut body = self.order.u16(link).to_vec();
        body.extend(self.order.u16(0));
        body.extend(self.order.u32(snaplen));
        if !name.is_empty() {
            body.extend(self.option(2, name.as_bytes()));
        }
        if let Some(tsresol) = tsresol {
            body.extend(self.option(9, &[tsresol]));
        }
        if offset_s != 0 {
            let offset = self.order.u64(offset_s as u64);
            body.extend(self.option(14, &offset));
        }
        body.extend([0; 4]);
        self.block(1, &body)
    }

    pub fn enhanced(self, interface: u32, packet: &Packet) -> PcapNg {
        self.enhanced_with(interface, packet, None)
    }

    /// With the option that tells drops.
    pub fn enhanced_with(self, interface: u32, packet: &Packet, drops: Option<u64>) -> PcapNg {
        let mut body = self.order.u32(interface).to_vec();
        body.extend(self.packet(interface, packet));
        if let Some(drops) = drops {
            body.extend(self.option(1, b"a comment"));
            body.extend(self.option(4, &self.order.u64(drops)));
            body.extend([0; 4]);
        }
        self.block(6, &body)
    }

    /// The obsolete packet block.
    pub fn obsolete(self, interface: u16, drops: u16, packet: &Packet) -> PcapNg {
        let mut body = self.order.u16(interface).to_vec();
        body.extend(self.order.u16(drops));
        body.extend(self.packet(u32::from(interface), packet));
        self.block(2, &body)
    }

    pub fn simple(self, packet: &Packet) -> PcapNg {
        let mut body = self.order.u32(packet.wire_len).to_vec();
        body.extend(padded(&packet.data));
        self.block(3, &body)
    }

    /// Drops of the interface and of the system since the start.
    pub fn statistics(self, interface: u32, ifdrop: u64, osdrop: Option<u64>) -> PcapNg {
        let mut body = self.order.u32(interface).to_vec();
        body.extend([0; 8]);
        body.extend(self.option(5, &self.order.u64(ifdrop)));
        if let Some(osdrop) = osdrop {
            body.extend(self.option(7, &self.order.u64(osdrop)));
        }
        body.extend([0; 4]);
        self.block(5, &body)
    }

    pub fn names(self, records: &[(&[u8], &str)]) -> PcapNg {
        let mut body = Vec::new();
        for (address, name) in records {
            let mut value = address.to_vec();
            value.extend(name.as_bytes());
            value.push(0);
            body.extend(self.option(if address.len() == 4 { 1 } else { 2 }, &value));
        }
        body.extend([0; 4]);
        self.block(4, &body)
    }

    /// Any block, with the given body, which is padded.
    pub fn block(mut self, kind: u32, body: &[u8]) -> PcapNg {
        let body = padded(body);
        let length = self.order.u32(12 + body.len() as u32);
        self.file.extend(self.order.u32(kind));
        self.file.extend(length);
        self.file.extend(body);
        self.file.extend(length);
        self
    }

    fn packet(&self, interface: u32, packet: &Packet) -> Vec<u8> {
        let ticks = self.ticks.get(interface as usize).copied().unwrap_or(1_000_000);
        let ticks = (packet.at as u128 * ticks).div_ceil(1_000_000_000) as u64;
        let mut fields = Vec::new();
        for field in [(ticks >> 32) as u32, ticks as u32, packet.data.len() as u32, packet.wire_len] {
            fields.extend(self.order.u32(field));
        }
        fields.extend(padded(&packet.data));
        fields
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = self.order.u16(code).to_vec();
        option.extend(self.order.u16(value.len() as u16));
        option.extend(padded(value));
        option
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
