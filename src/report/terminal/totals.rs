//! Sentences that count: connections, silences, frames by what became of them, files.

use crate::report::text::{count, number, octets};
use crate::report::{Input, Report, Slowest, Totals};

/// A snap length from here on cuts nothing.
const SNAP: u32 = 65_535;

/// Connections by how they ended.
pub(super) fn connections(report: &Report) -> String {
    let totals = &report.totals;
    let listed = [
        (totals.closed_by_both, "closed by both"),
        (totals.open, "open"),
        (totals.half_closed, "half closed"),
        (totals.reset, "reset"),
        (totals.unanswered, "never answered"),
        (totals.refused, "refused"),
    ];
    let ways: Vec<String> =
        listed.iter().filter(|(n, _)| *n > 0).map(|(n, how)| format!("{} {how}", number(*n))).collect();
    let besides = [
        (totals.midstream, "began before the capture"),
        (totals.probes, "did nothing (probes)"),
        (totals.given_up, "counted but not judged, for --max-memory"),
        (totals.unplaced, "not counted by service and host, for the same"),
    ];
    let mut text = count(totals.connections, "connection");
    if !ways.is_empty() {
        text += &format!(": {}", ways.join(", "));
    }
    for (n, what) in besides.iter().filter(|(n, _)| *n > 0) {
        text += &format!("; {} {what}", number(*n));
    }
    text + "."
}

/// The slowest close and the longest silence, and where.
pub(super) fn extremes(report: &Report) -> String {
    let totals = &report.totals;
    let mut text = String::new();
    if let Some(close) = &totals.slowest_close {
        text += &format!("Slowest close {}. ", at_stream(close));
    }
    match (&totals.longest_silence_survived, totals.silences_failed) {
        (Some(silence), 0) => {
            text += &format!("Longest silence survived {}: longer timers untested. ", at_stream(silence));
        }
        (Some(silence), failed) => {
            text += &format!("Longest silence survived {}; {} not. ", at_stream(silence), number(failed));
        }
        (None, 0) => {}
        (None, failed) => text += &format!("{} not survived. ", count(failed, "silence")),
    }
    if totals.retransmissions > 0 {
        text += &format!("{}.", count(totals.retransmissions, "retransmission"));
    }
    text
}

fn at_stream(slowest: &Slowest) -> String {
    let stream = slowest.stream.map_or(slowest.connection.clone(), |stream| format!("stream {stream}"));
    format!("{} ({stream})", slowest.length)
}

/// Every frame accounted for.
pub(super) fn frames(report: &Report) -> String {
    let capture = &report.capture;
    let duration = capture.duration.as_ref().map_or(String::new(), |d| format!("{d}, "));
    let mut text =
        format!("{duration}{}: {} TCP", count(capture.frames, report.frame_word()), number(capture.tcp));
    if !capture.skipped.is_empty() {
        let skipped: Vec<String> =
            capture.skipped.iter().map(|s| format!("{} {}", number(s.frames), s.reason)).collect();
        text += &format!("; skipped: {}", skipped.join(", "));
    }
    text += &match capture.drops {
        Some(drops) => format!("; {}", count(drops, "drop")),
        None => "; drops unknown".to_owned(),
    };
    if capture.captured_twice > 0 {
        text += &format!("; {} captured twice", number(capture.captured_twice));
    }
    match capture.one_direction {
        0 if shows_both(&report.totals) => text += "; both directions",
        0 => {}
        n => text += &format!("; one direction only on {}", count(n, "connection")),
    }
    if let Some(back) = &capture.largest_step_back {
        text += &format!("; the clock stepped back by up to {}", back);
    }
    text + "."
}

/// Of one connection at least both sides must have been captured: it was answered from its start on, or closed by both.
fn shows_both(totals: &Totals) -> bool {
    totals.closed_by_both > 0 || totals.connections > totals.unanswered.saturating_add(totals.midstream)
}

/// A file and what it is.
pub(super) fn source(input: &Input) -> String {
    let mut text = format!("{}: {}", input.path, input.format);
    if let Some(compression) = &input.compression {
        text += &format!(" in {compression}");
    }
    text += &format!(", {}, {}", octets(input.bytes), count(input.frames, input.frame_word()));
    if !input.link_types.is_empty() {
        text += &format!(", {}", input.link_types.join(", "));
    }
    if let Some(snap) = input.snap_length.filter(|&snap| snap < SNAP) {
        text += &format!(", cut at {snap} octets");
    }
    if let Some(hash) = &input.hash {
        text += &format!(", BLAKE3 {hash}");
    }
    text
}
