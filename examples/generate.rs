//! Writes a generated capture, for measuring this and other programs on the same input.
//!
//! `cargo run --release --example generate -- FILE [PACKETS [CONCURRENCY [PAYLOAD [EXCHANGES [FIRST [BEGINS [APART_NS]]]]]]]`

#[path = "../benches/load.rs"]
mod load;

use std::fs::File;
use std::io::{BufWriter, Write};

fn main() -> std::io::Result<()> {
    let arguments: Vec<_> = std::env::args().collect();
    let number =
        |at: usize, default: u64| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let Some(path) = arguments.get(1) else {
        eprintln!(
            "usage: generate FILE [PACKETS [CONCURRENCY [PAYLOAD [EXCHANGES [FIRST [BEGINS [APART_NS]]]]]]]"
        );
        std::process::exit(2);
    };
    let default = load::Load::default();
    let load = load::Load {
        packets: number(2, default.packets),
        concurrency: number(3, default.concurrency as u64) as usize,
        payload: number(4, default.payload as u64) as usize,
        exchanges: number(5, u64::from(default.exchanges)) as u32,
        first: number(6, 0) as u32,
        begins: number(7, default.begins),
        apart_ns: number(8, default.apart_ns),
        ..default
    };
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    load::write(&load, &mut out)?;
    out.flush()
}
