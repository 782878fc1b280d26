//! Feeds hostile traffic to an analysis, for `.ci/costs` to count what it costs: `adversaries KIND FRAMES`. Instructions are
//! counted in the functions named `analysis_...` only: making the frames costs nothing.

#[path = "../tests/hostile/packets.rs"]
mod packets;
#[path = "../tests/adversaries/traffic.rs"]
mod traffic;
#[path = "../tests/support/write.rs"]
mod write;

use std::io;

use cwait_pcap::analysis::{Analysis, Options, Outcome};
use cwait_pcap::capture::{LinkType, Record};
use cwait_pcap::report::{Listed, Report, Request, Style, by_name};
use cwait_pcap::wire::Timestamp;

use traffic::{ADVERSARIES, Adversary, ORDINARY};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let kind = |name: &str| -> &'static Adversary {
        let all = std::iter::once(&ORDINARY).chain(ADVERSARIES);
        all.into_iter()
            .find(|adversary| adversary.name == name)
            .expect("a kind of traffic; --list names them")
    };
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => ADVERSARIES.iter().for_each(|adversary| println!("{}", adversary.name)),
        ["--opens", name] => println!("{}", if kind(name).one_connection { "no" } else { "yes" }),
        [name, frames] => println!("{}", feed(kind(name), frames.parse().expect("a number"))),
        _ => eprintln!("adversaries KIND FRAMES | --list | --opens KIND"),
    }
}

/// Feeds so many frames; how many of them are segments.
fn feed(adversary: &Adversary, frames: u64) -> u64 {
    let mut analysis = Analysis::new(Options::default());
    let mut packet = Vec::with_capacity(65_536);
    for n in 0..frames {
        packet.clear();
        let time = (adversary.frame)(n, &mut packet);
        let record = Record {
            frame: n + 1,
            at: Timestamp(packets::START + time),
            link: LinkType::ETHERNET,
            interface: 0,
            wire_len: packet.len() as u32,
            data: &packet,
        };
        analysis_takes(&mut analysis, &record);
    }
    let outcome = analysis_ends(analysis);
    analysis_is_reported(&outcome);
    outcome.frames.tcp
}

#[inline(never)]
fn analysis_takes(analysis: &mut Analysis, record: &Record<'_>) {
    analysis.observe(record);
}

#[inline(never)]
fn analysis_ends(analysis: Analysis) -> Outcome {
    analysis.finish()
}

#[inline(never)]
fn analysis_is_reported(outcome: &Outcome) {
    let request = Request { command_line: Vec::new(), listed: Listed::None, limit: Some(1) };
    let report = Report::build(outcome, &request);
    by_name("json").expect("a format").write(&report, &Style::plain(), &mut io::sink()).expect("memory");
}
