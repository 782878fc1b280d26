//! A generated capture in other forms: pcapng, snoop, compressed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use cwait_pcap::capture::{Limits, LinkType, PcapNgWriter, Reader, Record};

/// Writes the same packets as pcapng.
pub fn pcapng(capture: &Path) -> io::Result<PathBuf> {
    let path = capture.with_extension("pcapng");
    let mut writer = PcapNgWriter::new(file(&path)?, "bench", &[])?;
    let interface = writer.interface(LinkType::ETHERNET, None)?;
    read(capture, |record| writer.packet(interface, record.at, record.data, record.wire_len, &[]))?;
    writer.finish()?;
    Ok(path)
}

/// Writes the same packets as snoop (RFC 1761).
pub fn snoop(capture: &Path) -> io::Result<PathBuf> {
    let path = capture.with_extension("snoop");
    let mut out = file(&path)?;
    out.write_all(b"snoop\0\0\0\0\0\0\x02\0\0\0\x04")?;
    read(capture, |record| {
        let captured = record.data.len();
        let padded = captured.next_multiple_of(4);
        let (seconds, micros) = (record.at.0 / 1_000_000_000, record.at.0 % 1_000_000_000 / 1_000);
        for field in [record.wire_len, captured as u32, 24 + padded as u32, 0, seconds as u32, micros as u32]
        {
            out.write_all(&field.to_be_bytes())?;
        }
        out.write_all(record.data)?;
        out.write_all(&[0; 3][..padded - captured])
    })?;
    out.flush()?;
    Ok(path)
}

/// The file compressed, as `gz`, `zst` or `lz4` with the level that their programs take by default.
pub fn compressed(capture: &Path, kind: &str) -> io::Result<PathBuf> {
    let path = capture.with_extension(kind);
    let (mut input, mut out) = (File::open(capture)?, file(&path)?);
    match kind {
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::default());
            io::copy(&mut input, &mut encoder)?;
            encoder.finish()?;
        }
        "zst" => zstd::stream::copy_encode(input, &mut out, 3)?,
        _ => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(&mut out);
            io::copy(&mut input, &mut encoder)?;
            encoder.finish().map_err(io::Error::other)?;
        }
    }
    out.flush()?;
    Ok(path)
}

fn file(path: &Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, File::create(path)?))
}

fn read(path: &Path, mut sink: impl FnMut(&Record<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut reader = Reader::open(path, &Limits::default()).map_err(io::Error::other)?;
    let mut written = Ok(());
    while written.is_ok()
        && reader
            .next_batch(&mut |record| {
                if written.is_ok() {
                    written = sink(record);
                }
            })
            .map_err(io::Error::other)?
    {}
    written
}
