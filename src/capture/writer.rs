//! Writing pcapng: one section, interfaces with nanosecond clocks, packets with comments and their original lengths.
//! Source: draft-ietf-opsawg-pcapng. What is written is decided elsewhere.

use std::io::{self, Write};
use std::net::IpAddr;

use super::LinkType;
use crate::wire::Timestamp;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
const ENHANCED_PACKET: u32 = 6;

const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
/// Longest value of an option, a multiple of four so that it needs no pad.
const MAX_OPTION: usize = 65_532;

/// Writes one section of a pcapng file.
pub struct PcapNgWriter<W> {
    out: W,
    interfaces: u32,
}

impl<W: Write> PcapNgWriter<W> {
    /// Begins the section.
    ///
    /// # Errors
    /// Those of `out`, here and everywhere below.
    pub fn new(out: W, application: &str, comments: &[String]) -> io::Result<Self> {
        let mut writer = PcapNgWriter { out, interfaces: 0 };
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        // The length of the section is not known yet.
        body.extend((-1_i64).to_le_bytes());
        for comment in comments {
            option(&mut body, OPT_COMMENT, comment.as_bytes());
        }
        option(&mut body, SHB_USERAPPL, application.as_bytes());
        end_of_options(&mut body);
        writer.block(SECTION_HEADER, &body)?;
        Ok(writer)
    }

    /// Describes an interface; the number is what [`PcapNgWriter::packet`] takes.
    ///
    /// # Errors
    /// Those of the output.
    pub fn interface(&mut self, link: LinkType, name: Option<&str>) -> io::Result<u32> {
        let mut body = Vec::new();
        body.extend(link.0.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        // No snap length: what was cut is told by each packet.
        body.extend(0_u32.to_le_bytes());
        if let Some(name) = name {
            option(&mut body, IF_NAME, name.as_bytes());
        }
        option(&mut body, IF_TSRESOL, &[9]);
        end_of_options(&mut body);
        self.block(INTERFACE, &body)?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// Names of addresses.
    ///
    /// # Errors
    /// Those of the output.
    pub fn names(&mut self, names: &[(IpAddr, String)]) -> io::Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let mut body = Vec::new();
        for (address, name) in names {
            let (kind, mut value) = match address {
                IpAddr::V4(address) => (1_u16, address.octets().to_vec()),
                IpAddr::V6(address) => (2, address.octets().to_vec()),
            };
            value.extend(name.bytes().filter(|&byte| byte != 0).take(255));
            value.push(0);
            option(&mut body, kind, &value);
        }
        end_of_options(&mut body);
        self.block(NAMES, &body)
    }

    /// A packet of an interface. A time before 1970 cannot be written and becomes 1970.
    ///
    /// # Errors
    /// Those of the output.
    pub fn packet(
        &mut self,
        interface: u32,
        at: Timestamp,
        data: &[u8],
        wire_len: u32,
        comments: &[String],
    ) -> io::Result<()> {
        let ticks = at.0.max(0) as u64;
        let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let mut body = Vec::with_capacity(data.len() + 64);
        let high_and_low = [(ticks >> 32) as u32, ticks as u32];
        for field in [interface, high_and_low[0], high_and_low[1], captured, wire_len.max(captured)] {
            body.extend(field.to_le_bytes());
        }
        body.extend(data);
        pad(&mut body);
        if !comments.is_empty() {
            for comment in comments {
                option(&mut body, OPT_COMMENT, comment.as_bytes());
            }
            end_of_options(&mut body);
        }
        self.block(ENHANCED_PACKET, &body)
    }

    /// Gives the output back.
    ///
    /// # Errors
    /// Those of flushing it.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 12).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(body)?;
        self.out.write_all(&length.to_le_bytes())
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(MAX_OPTION)];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Limits, Reader};

    #[test]
    fn what_is_written_is_read_back() {
        let mut writer = PcapNgWriter::new(Vec::new(), "test", &["a section".into()]).unwrap();
        let name = (IpAddr::from([192, 0, 2, 9]), "server".to_owned());
        writer.names(std::slice::from_ref(&name)).unwrap();
        let eth = writer.interface(LinkType::ETHERNET, Some("eth0")).unwrap();
        let raw = writer.interface(LinkType::RAW, None).unwrap();
        let at = Timestamp::new(1_700_000_000, 123_456_789);
        writer.packet(eth, at, b"12345", 1_500, &["a comment".into(), "another".into()]).unwrap();
        writer.packet(raw, at, b"", 60, &[]).unwrap();
        let bytes = writer.finish().unwrap();
        let mut reader = Reader::from_read(Box::new(io::Cursor::new(bytes)), &Limits::default()).unwrap();
        let mut seen = Vec::new();
        while reader
            .next_batch(&mut |r| seen.push((r.frame, r.at, r.link, r.interface, r.wire_len, r.data.to_vec())))
            .unwrap()
        {}
        assert_eq!(
            seen,
            [
                (1, at, LinkType::ETHERNET, 0, 1_500, b"12345".to_vec()),
                (2, at, LinkType::RAW, 1, 60, Vec::new())
            ]
        );
        assert_eq!(reader.summary().names, [name]);
        assert_eq!(reader.summary().interfaces[0].name.as_deref(), Some("eth0"));
        assert!(reader.summary().damage.is_empty() && reader.summary().tail.is_none());
    }
}
