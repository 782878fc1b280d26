//! The bodies of the fuzz targets (`fuzz/targets`) on every seed and on many damaged ones, with the stable toolchain: the
//! same inputs every time. What libFuzzer finds beyond them becomes a file in `found/`.
//!
//! `FUZZ_MUTATIONS` asks for more per target, `FUZZ_SEED` for others; `FUZZ_SEEDS=FOLDER` writes the seeds there for
//! `cargo fuzz`, and `FUZZ_CORPUS=FOLDER` takes what that has kept besides; `FUZZ_TARGETS` names the targets, all if it is not set.

mod mutate;
mod seeds;

#[path = "../../fuzz/targets/analyze.rs"]
mod analyze;
#[path = "../../fuzz/targets/bytes.rs"]
mod bytes;
#[path = "../../fuzz/targets/capture.rs"]
mod capture;
#[path = "../../fuzz/targets/compressed.rs"]
mod compressed;
#[path = "../../fuzz/targets/decode.rs"]
mod decode;
#[path = "../../fuzz/targets/harmless.rs"]
mod harmless;
#[path = "../../fuzz/targets/report.rs"]
mod report;
#[path = "../../fuzz/targets/rewrite.rs"]
mod rewrite;
#[path = "../../fuzz/targets/sockets.rs"]
mod sockets;
#[path = "../../fuzz/targets/table.rs"]
mod table;
#[path = "../../fuzz/targets/text.rs"]
mod text;
#[path = "../../fuzz/targets/trace.rs"]
mod trace;
#[path = "../support/write.rs"]
mod write;

use std::fs;
use std::panic;
use std::path::Path;

use mutate::Mutator;

type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// Every target: its name, its body, what it starts from.
const TARGETS: &[Target] = &[
    ("capture", capture::run, seeds::captures),
    ("compressed", compressed::run, seeds::compressed),
    ("decode", decode::run, seeds::packets),
    ("table", table::run, seeds::segments),
    ("sockets", sockets::run, seeds::listings),
    ("trace", trace::run, seeds::logs),
    ("report", report::run, seeds::reports),
    ("text", text::run, seeds::texts),
    ("rewrite", rewrite::run, seeds::packet),
    ("analyze", analyze::run, seeds::captures),
];

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
}

#[test]
fn targets_take_seeds_and_damaged_seeds() {
    let mutations = number("FUZZ_MUTATIONS", 300);
    let folder = std::env::var_os("FUZZ_SEEDS");
    let only = std::env::var("FUZZ_TARGETS").ok();
    let asked = |name: &str| only.as_ref().is_none_or(|only| only.split([' ', ',']).any(|one| one == name));
    for (name, run, seeds) in TARGETS.iter().filter(|(name, ..)| asked(name)) {
        let mut seeds = seeds();
        seeds.extend(seeds::found(name));
        assert!(seeds.len() > 3, "{name} has {} seeds", seeds.len());
        if let Some(folder) = &folder {
            let folder = Path::new(folder).join(name);
            fs::create_dir_all(&folder).expect("a folder");
            for (n, seed) in seeds.iter().enumerate() {
                fs::write(folder.join(format!("{n:04}")), seed).expect("a file");
            }
        }
        seeds.extend(kept(name));
        let mut mutator = Mutator::new(number("FUZZ_SEED", 1));
        let damaged = (0..mutations).map(|_| mutator.damage(&seeds)).collect::<Vec<_>>();
        for (n, input) in seeds.iter().chain(&damaged).enumerate() {
            let done = panic::catch_unwind(|| run(input));
            assert!(done.is_ok(), "{name}: input {n} of {} octets: {}", input.len(), readable(input));
        }
        println!("{name}: {} seeds, {} damaged ones", seeds.len(), damaged.len());
    }
}

/// What libFuzzer has kept.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let Some(corpus) = std::env::var_os("FUZZ_CORPUS") else { return Vec::new() };
    let files = fs::read_dir(Path::new(&corpus).join(target)).into_iter().flatten();
    let mut files: Vec<_> = files.map(|entry| entry.expect("a corpus").path()).collect();
    files.sort();
    // One that is at work meanwhile may have replaced it by a shorter one.
    files.iter().filter_map(|path| fs::read(path).ok()).collect()
}

/// The input as it can be put into a test.
fn readable(input: &[u8]) -> String {
    input.iter().take(16_384).map(|octet| format!("{octet:02x}")).collect()
}
