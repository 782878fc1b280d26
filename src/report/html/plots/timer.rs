//! Silences survived and failed on a logarithmic axis, with the interval in which the timer must lie and the known
//! defaults inside it.

use super::{Canvas, LEFT, RIGHT};
use crate::report::text::count;
use crate::report::{Candidate, Length, SilencePoint, TimerInterval};
use crate::wire::Span;

const TOP: f64 = 8.0;
const SURVIVED: f64 = 34.0;
const FAILED: f64 = 70.0;
const AXIS: f64 = 98.0;
/// So many candidates are named.
const CANDIDATES: usize = 6;
/// Where the axis has a mark, in seconds.
const MARKS: [(f64, &str); 12] = [
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (300.0, "5 min"),
    (900.0, "15 min"),
    (1_800.0, "30 min"),
    (3_600.0, "1 h"),
    (7_200.0, "2 h"),
    (21_600.0, "6 h"),
    (86_400.0, "1 d"),
    (432_000.0, "5 d"),
    (2_592_000.0, "30 d"),
];

pub(super) fn draw(interval: &TimerInterval) -> Option<String> {
    let points = interval.survived.iter().chain(&interval.failed).map(|point| seconds(&point.length));
    let bounds = interval.above.iter().chain(&interval.at_most).map(seconds);
    let all: Vec<f64> = points.chain(bounds).filter(|&seconds| seconds > 0.0).collect();
    let least = all.iter().copied().reduce(f64::min)? / 1.5;
    let most = all.iter().copied().reduce(f64::max)? * 1.5;
    let x = |seconds: f64| LEFT + (seconds / least).ln() / (most / least).ln() * (RIGHT - LEFT);

    let range = match (&interval.above, &interval.at_most) {
        (Some(above), Some(most)) => format!("above {}, at most {}", above, rounded_up(most)),
        (None, Some(most)) => format!("at most {}", rounded_up(most)),
        (Some(above), None) => format!("above {above}"),
        (None, None) => "no single timer".to_owned(),
    };
    let survived = count(interval.survived.len() as u64, "silence");
    let words = format!(
        "Timer {range}; kept by {}; {survived} survived, {} not",
        interval.clock,
        interval.failed.len()
    );
    let named: Vec<(f64, &Candidate)> = interval
        .candidates
        .iter()
        .take(CANDIDATES)
        .map(|candidate| (seconds(&candidate.value), candidate))
        .filter(|(value, _)| (least..most).contains(value))
        .map(|(value, candidate)| (x(value), candidate))
        .collect();
    let mut canvas = Canvas::new(AXIS + 34.0 + 16.0 * named.len() as f64, &words);
    let (low, high) = (interval.above.as_ref().map(seconds), interval.at_most.as_ref().map(seconds));
    if let Some(high) = high {
        let left = low.filter(|&low| low > 0.0).map_or(LEFT, x);
        canvas.rect("interval", left, TOP, (x(high) - left).max(1.0), AXIS - TOP);
    }
    canvas.line("grid", (LEFT, AXIS), (RIGHT, AXIS));
    // Marks that would stand on each other, or on a line, are left out.
    let crossed = |at: f64| named.iter().any(|(line, _)| (line - at).abs() < 24.0);
    let mut free = 0.0;
    for (seconds, name) in MARKS.iter().filter(|(seconds, _)| (least..most).contains(seconds)) {
        canvas.line("grid", (x(*seconds), AXIS), (x(*seconds), AXIS + 5.0));
        if x(*seconds) > free && !crossed(x(*seconds)) {
            canvas.say("axis middle", x(*seconds), AXIS + 18.0, name);
            free = x(*seconds) + 50.0;
        }
    }
    canvas.say("axis left", LEFT - 8.0, SURVIVED + 4.0, "survived");
    canvas.say("axis left", LEFT - 8.0, FAILED + 4.0, "died");
    for at in interval.survived.iter().filter_map(|point| place(point, &x)) {
        canvas.dot("survived", at, SURVIVED);
    }
    for at in interval.failed.iter().filter_map(|point| place(point, &x)) {
        canvas.cross("failed", at, FAILED);
    }
    for (row, &(at, candidate)) in named.iter().enumerate() {
        let y = AXIS + 34.0 + 16.0 * row as f64;
        canvas.line("candidate", (at, TOP), (at, y - 10.0));
        let (class, at) =
            if at > (LEFT + RIGHT) / 2.0 { ("axis left", at + 4.0) } else { ("axis", at - 4.0) };
        canvas.say(class, at, y, &format!("{} {}", candidate.value, candidate.name));
    }
    Some(canvas.done())
}

/// Lengths print rounded down; an upper bound of minutes is rounded up to the second, so that it still holds.
fn rounded_up(length: &Length) -> String {
    const SECOND: i64 = 1_000_000_000;
    match length.0 {
        Span(ns) if ns > 60 * SECOND && ns % SECOND > 0 => Span((ns / SECOND + 1) * SECOND).to_string(),
        span => span.to_string(),
    }
}

fn place(point: &SilencePoint, x: &dyn Fn(f64) -> f64) -> Option<f64> {
    Some(seconds(&point.length)).filter(|&seconds| seconds > 0.0).map(x)
}

fn seconds(length: &Length) -> f64 {
    length.0.as_secs_f64()
}
