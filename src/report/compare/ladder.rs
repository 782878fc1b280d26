//! The ladder over several vantage points in characters: a lifeline for each of them, and one for what lies between.

use super::{CompareReport, ComparedConnection, LadderRow, Told};
use crate::detail::Act;
use crate::report::text::plain;
use crate::report::{Party, Style};
use crate::wire::Span;

/// Where the first lifeline stands: behind the time.
const LEFT: usize = 14;
/// A longer time between two rows is drawn.
const BREAK: Span = Span::secs(1);
/// More lifelines do not fit beside one another.
const LIFELINES: usize = 5;

/// The drawing of one connection; empty if there is none.
pub(super) fn text(report: &CompareReport, connection: &ComparedConnection, style: &Style) -> String {
    let places = connection.seen.len();
    if connection.ladder.is_empty() || !(2..=LIFELINES).contains(&places) {
        return String::new();
    }
    let width = style.columns.max(60) - LEFT - 2;
    let grid = Grid { lines: (0..places).map(|at| LEFT + at * width / (places - 1)).collect() };
    let mut out = grid.heading(report, connection);
    let mut last: Option<crate::wire::Timestamp> = None;
    for row in &connection.ladder {
        let now = row.time.0;
        if let Some(before) = last
            && now - before >= BREAK
        {
            out += &grid.quiet(&format!("~~ {} later ~~", now - before));
        }
        last = Some(row.until.0);
        out += &match row.act {
            Act::Others => grid.quiet(&row.label),
            _ => grid.arrow(row, &style.clock(&row.time)),
        };
    }
    out
}

/// Where everything stands.
struct Grid {
    lines: Vec<usize>,
}

impl Grid {
    fn heading(&self, report: &CompareReport, connection: &ComparedConnection) -> String {
        let last = self.lines[self.lines.len() - 1];
        let mut top = Canvas::new(last + 1);
        top.put(LEFT, "client");
        top.put_end(last, "server");
        let mut names = Canvas::new(last + 1);
        for (at, (seen, &line)) in connection.seen.iter().zip(&self.lines).enumerate() {
            let name = plain(report.name(seen.at)).into_owned();
            let room = if self.lines.len() == 2 { 30 } else { 78 / self.lines.len() - 2 };
            let name = shortened(&name, room);
            match at {
                0 => names.put(line, &name),
                _ if at + 1 == self.lines.len() => names.put_end(line, &name),
                _ => names.put_middle(line, &name),
            }
        }
        format!("{}{}", top.line(), names.line())
    }

    /// Half stretches from the first lifeline, as a column.
    fn column(&self, halves: i32) -> usize {
        let at = usize::try_from(halves).unwrap_or(0);
        let (below, above) = (at / 2, at.div_ceil(2).min(self.lines.len() - 1));
        (self.lines[below.min(self.lines.len() - 1)] + self.lines[above]) / 2
    }

    fn lifelines(&self) -> Canvas {
        let mut canvas = Canvas::new(self.lines[self.lines.len() - 1] + 1);
        for pair in self.lines.windows(2) {
            canvas.put((pair[0] + pair[1]) / 2, ":");
        }
        for &line in &self.lines {
            canvas.put(line, "|");
        }
        canvas
    }

    fn quiet(&self, label: &str) -> String {
        let mut canvas = self.lifelines();
        let last = self.lines[self.lines.len() - 1];
        canvas.put_middle((LEFT + last) / 2, &format!(" {} ", plain(label)));
        canvas.line()
    }

    fn arrow(&self, row: &LadderRow, time: &str) -> String {
        let Some(Reach { from, to, start, end }) = Reach::of(row) else { return String::new() };
        let step: i32 = if row.from == Party::Client { 1 } else { -1 };
        let (start, end) = (self.column(start), self.column(end));
        let (left, right) = (start.min(end), start.max(end));
        let mut canvas = self.lifelines();
        canvas.put(0, time);
        canvas.put(left + 1, &"-".repeat((right - left).saturating_sub(1)));
        for between in self.lines.windows(2).map(|pair| (pair[0] + pair[1]) / 2) {
            if left < between && between < right {
                canvas.put(between, ":");
            }
        }
        for &line in self.lines.iter().filter(|line| (left..=right).contains(*line)) {
            canvas.put(line, "|");
        }
        let mark = |told: Told, sign: &'static str| if told == Told::Certain { sign } else { "?" };
        match row.lost {
            Some(told) => canvas.put(end, mark(told, "X")),
            None if step > 0 => canvas.put(end - 1, ">"),
            None => canvas.put(end + 1, "<"),
        }
        if let Some(told) = row.born {
            canvas.put(start, mark(told, "o"));
        }
        let frame = |at: usize| row.frames[at].map(|frame| format!("#{frame}")).unwrap_or_default();
        let label = format!(" {} {} ", plain(&row.label), frame(from));
        let room = right - left;
        if label.len() + 2 >= room {
            // It does not fit on the line: behind or before it.
            let at =
                if right + label.len() < canvas.len() { right + 1 } else { left.saturating_sub(label.len()) };
            canvas.put(at.max(LEFT + 1), label.trim_end());
        } else if step > 0 {
            canvas.put(left + 2, &label);
        } else {
            canvas.put(right - 1 - label.len(), &label);
        }
        // The other end's number, where there is room.
        let there = frame(to);
        if from != to && room > label.len() + there.len() + 8 {
            match step > 0 {
                true => canvas.put(right - there.len() - 3, &format!(" {there} ")[..there.len() + 2]),
                false => canvas.put(left + 2, &format!(" {there} ")),
            }
        }
        canvas.line()
    }
}

/// From where to where a row is drawn: places by number, ends in half stretches from the first lifeline.
pub(super) struct Reach {
    /// The place that showed it first, in its direction.
    pub(super) from: usize,
    /// The last one.
    pub(super) to: usize,
    pub(super) start: i32,
    pub(super) end: i32,
}

impl Reach {
    pub(super) fn of(row: &LadderRow) -> Option<Reach> {
        let mut seen = (0..row.frames.len()).filter(|&at| row.frames[at].is_some());
        let first = seen.next()?;
        let last = seen.next_back().unwrap_or(first);
        let (from, to, step) = match row.from {
            Party::Client => (first, last, 1),
            Party::Server => (last, first, -1),
        };
        let halves = |at: usize| i32::try_from(at).unwrap_or(0) * 2;
        Some(Reach {
            from,
            to,
            start: halves(from) - if row.born.is_some() { step } else { 0 },
            end: halves(to) + if row.lost.is_some() { step } else { 0 },
        })
    }
}

/// A ladder in words, for those who hear the page.
pub(super) fn in_words(report: &CompareReport, connection: &ComparedConnection) -> String {
    let row = |row: &LadderRow| {
        let who = if row.from == Party::Client { "client" } else { "server" };
        let seen = connection.seen.iter().zip(&row.frames);
        let seen =
            seen.filter_map(|(seen, frame)| Some(format!("frame {} at {}", (*frame)?, report.name(seen.at))));
        let fate = match (row.lost, row.born) {
            (Some(Told::Certain), _) => ", then lost",
            (_, Some(Told::Certain)) => ", made between",
            (None, None) => "",
            _ => ", elsewhere it cannot be told",
        };
        format!("{who}: {} ({}){fate}", row.label, seen.collect::<Vec<_>>().join(", "))
    };
    connection.ladder.iter().map(row).collect::<Vec<_>>().join("; ")
}

/// A line of characters that is drawn on.
struct Canvas(Vec<char>);

impl Canvas {
    fn new(columns: usize) -> Canvas {
        Canvas(vec![' '; columns])
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn put(&mut self, at: usize, text: &str) {
        for (cell, c) in self.0.iter_mut().skip(at).zip(text.chars()) {
            *cell = c;
        }
    }

    /// So that it ends there.
    fn put_end(&mut self, at: usize, text: &str) {
        self.put((at + 1).saturating_sub(text.chars().count()), text);
    }

    fn put_middle(&mut self, at: usize, text: &str) {
        self.put(at.saturating_sub(text.chars().count() / 2), text);
    }

    fn line(self) -> String {
        let line: String = self.0.into_iter().collect();
        format!("{}\n", line.trim_end())
    }
}

fn shortened(name: &str, room: usize) -> String {
    if name.chars().count() <= room {
        return name.to_owned();
    }
    let kept: String = name.chars().take(room.saturating_sub(2)).collect();
    format!("{kept}..")
}
