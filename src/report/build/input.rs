//! What was read, put into words: files, lines of text, frames that were skipped.

use std::net::IpAddr;

use super::Builder;
use crate::analysis::{InputFacts, Outcome};
use crate::capture::LinkType;
use crate::report::text::count;
use crate::report::{Capture, Input, Skipped, TextInput, UnreadLine};
use crate::transcript::{Facts, Reason, Times};
use crate::wire::{Span, Timestamp};

impl Builder<'_> {
    pub(super) fn capture(&self) -> Capture {
        let Outcome { capture, frames, totals, inputs, .. } = self.outcome;
        let mut skipped: Vec<_> = frames
            .skips
            .iter()
            .map(|(skip, frames)| Skipped { reason: skip.name().into(), frames })
            .collect();
        skipped.extend(unread_lines(inputs));
        skipped.sort_by_key(|skipped| std::cmp::Reverse(skipped.frames));
        let seen = capture.frames > 0 && !capture.is_timeless();
        let back = inputs.iter().map(|input| input.summary.step_back).max().unwrap_or_default();
        Capture {
            frames: capture.frames,
            tcp: frames.tcp,
            skipped,
            first: seen.then(|| capture.first.at.into()),
            last: seen.then(|| capture.last.at.into()),
            duration: seen.then(|| capture.duration().into()),
            drops: capture.drops,
            captured_twice: totals.captured_twice,
            one_direction: totals.one_direction,
            largest_step_back: (back > Span::ZERO).then(|| back.into()),
        }
    }
}

/// Files that belong together follow one another; by less than this several processors write frames out of order.
const OVERLAP: Span = Span::millis(10);

/// The files, in the order in which they were taken.
pub(super) fn inputs(all: &[InputFacts]) -> Vec<Input> {
    let mut until: Option<Timestamp> = None;
    let inputs = all.iter().map(|facts| {
        let mut input = input(facts);
        if let Some((first, last)) = facts.summary.times {
            if let Some(overlap) = until.map(|until| until - first).filter(|&overlap| overlap > OVERLAP) {
                input.notes.push(format!(
                    "begins {overlap} before the end of what comes before it: frames that are in both are counted twice"
                ));
            }
            until = until.max(Some(last));
        }
        input
    });
    inputs.collect()
}

fn input(facts: &InputFacts) -> Input {
    let summary = &facts.summary;
    let compression = summary.compression.iter().map(|compression| compression.to_string());
    let compression = compression.collect::<Vec<_>>().join(" in ");
    let mut problems: Vec<_> = summary.damage.iter().map(|damage| damage.to_string()).collect();
    let more = summary.damage_count.saturating_sub(summary.damage.len() as u64);
    problems.extend((more > 0).then(|| format!("{} not listed", count(more, "more hole"))));
    problems.extend(facts.trouble.iter().map(|trouble| trouble.what.clone()));
    Input {
        path: facts.path.display().to_string(),
        format: match &facts.text {
            Some(text) => format!("text of {}", text.tools.join(", ")),
            None => summary.format.into(),
        },
        compression: (!compression.is_empty()).then_some(compression),
        bytes: summary.file_bytes,
        hash: facts.hash.clone(),
        frames: summary.frames,
        first_frame: facts.first_frame,
        first: summary.times.map(|(first, _)| first.into()),
        last: summary.times.map(|(_, last)| last.into()),
        link_types: link_types(&summary.links()),
        snap_length: summary.snaplen,
        drops: summary.dropped,
        problems,
        notes: (summary.tail.iter().map(|cut| cut.to_string()))
            .chain(facts.text.iter().flat_map(|text| text_notes(text, &summary.names)))
            .collect(),
        text: facts.text.as_ref().map(text_input),
    }
}

/// By name; a capture can claim any number of them.
fn link_types(links: &[(LinkType, u64)]) -> Vec<String> {
    const LISTED: usize = 20;
    let named = links.iter().take(LISTED).map(|(link, _)| link.to_string());
    let more = links.len().saturating_sub(LISTED) as u64;
    named.chain((more > 0).then(|| count(more, "more link type"))).collect()
}

fn text_input(facts: &Facts) -> TextInput {
    let unread = facts.examples.iter().map(|(line, reason, text)| UnreadLine {
        line: u32::try_from(*line).unwrap_or(u32::MAX),
        text: format!("{}: {text}", reason.name()),
    });
    TextInput {
        tools: facts.tools.iter().map(|tool| tool.to_string()).collect(),
        times: facts.times.name().into(),
        lost: facts.lost(),
        unread_lines: unread.collect(),
    }
}

/// What a reader of the report has to know of a text.
fn text_notes(facts: &Facts, names: &[(IpAddr, String)]) -> Vec<String> {
    let times = match facts.times {
        Times::None => "there are no times, so nothing is said of how long anything lasted",
        Times::Instants => "",
        Times::NoZone => "times name no zone and are taken to be in that of the report",
        Times::OfDay => "times have no date and no zone",
        Times::Elapsed => "times count from the first packet",
    };
    let frames = "frame numbers are line numbers; hop limits and other header fields are known as far as it prints them";
    let mut notes =
        vec![[frames, times].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")];
    let lost = facts.examples.iter().filter(|(_, reason, _)| reason.is_loss());
    if facts.lost() > 0 {
        let lines: Vec<String> = lost.map(|(line, ..)| line.to_string()).take(8).collect();
        let more = if facts.lost() > lines.len() as u64 { " ..." } else { "" };
        notes.push(format!(
            "{} could not be read and count as dropped: line {}{more}",
            count(facts.lost(), "packet"),
            lines.join(", ")
        ));
    }
    if !facts.services.is_empty() {
        let shown: Vec<String> =
            facts.services.iter().take(20).map(|(port, name)| format!("{port} = {name}")).collect();
        notes.push(format!("port names stand in it, for which no number is known: {}", shown.join(", ")));
    }
    if !names.is_empty() {
        let shown: Vec<String> =
            names.iter().take(20).map(|(addr, name)| format!("{addr} = {name}")).collect();
        notes.push(format!("host names stand in it, for which no address is known: {}", shown.join(", ")));
    }
    notes
}

/// Lines of text that are no packet, by reason, added over all inputs.
fn unread_lines(inputs: &[InputFacts]) -> impl Iterator<Item = Skipped> + '_ {
    let lines = |reason| {
        let of = |text: &Facts| {
            text.unread().filter(|(other, _)| *other == reason).map(|(_, lines)| lines).sum::<u64>()
        };
        inputs.iter().filter_map(|input| input.text.as_ref()).map(of).sum()
    };
    let all = Reason::ALL.into_iter().map(move |reason| (reason, lines(reason)));
    all.filter(|(_, lines)| *lines > 0)
        .map(|(reason, frames)| Skipped { reason: format!("lines {}", reason.name()), frames })
}
