//! Ladders in SVG: two lifelines, states beside them, a segment per arrow. The drawing is told in words as well, for
//! those who hear the page.

use std::fmt::Write as _;

use super::{LADDERS, Page, text};
use crate::report::{Connection, Ladder, Party, Process, Rung, Style, Time, What};
use crate::tcp::State;

/// So many flagged connections are drawn.
const DRAWN: usize = 200;
/// So many stand in the list; the others are folded away together.
const LISTED: usize = 8;

/// Where the lifelines stand, and how wide everything is.
const LEFT: i32 = 216;
const RIGHT: i32 = 536;
const MIDDLE: i32 = (LEFT + RIGHT) / 2;
const WIDTH: i32 = 660;
/// Height of a rung.
const STEP: i32 = 32;
/// Above the first rung.
const TOP: i32 = 44;
/// Two names longer than this together stand below each other.
const NAMES: usize = 44;

impl<'a> Page<'a> {
    pub(super) fn ladders(&mut self) {
        let flagged = self.report.flagged();
        if flagged.is_empty() {
            return;
        }
        self.section("ladders", "Ladders of flagged connections");
        for &connection in flagged.iter().take(DRAWN) {
            if self.html.len() > LADDERS {
                break;
            }
            if self.drawn.len() == LISTED {
                self.put("<details class=\"rest\">\n<summary>More ladders</summary>\n");
            }
            self.ladder(connection, self.drawn.is_empty());
            self.drawn.insert(&connection.id);
        }
        if self.drawn.len() > LISTED {
            self.put("</details>\n");
        }
        self.left_out(flagged.len() - self.drawn.len(), "ladder");
        self.end_section();
    }

    fn ladder(&mut self, c: &'a Connection, open: bool) {
        let ladder = Ladder::of(c, self.report.capture.last.as_ref());
        let name = c.stream.map_or_else(|| text(&c.id), |stream| format!("Stream {stream}"));
        let finding = text(c.finding.as_deref().unwrap_or_default());
        let (client, server) = (text(&ladder.client), text(&ladder.server));
        let open = if open { " open" } else { "" };
        let id = text(&c.id);
        let _ = writeln!(
            self.html,
            "<details class=\"ladder\" id=\"l-{id}\"{open}>\n<summary><span class=\"headline\">{name}</span> {client} \
             &#8594; {server} <code>{finding}</code></summary>\n<div class=\"scroll\" role=\"region\" \
             aria-label=\"Ladder of {name}\" tabindex=\"0\">\n{}</div>",
            drawing(&ladder, self.style, &format!("{name}, {client} and {server}")),
        );
        for process in &c.processes {
            self.put(format!("<p class=\"note\">{}</p>\n", text(&holder(process))));
        }
        self.put(format!(
            "<p class=\"note\">In Wireshark: <code>{}</code></p>\n</details>\n",
            text(&c.filter)
        ));
    }
}

/// `The server's socket: CLOSE-WAIT, java (pid 4828, descriptor 57, user shop), 1 octet in its receive queue`.
fn holder(process: &Process) -> String {
    let mut said = format!("The {}'s socket by the host's listing: {}", process.side, process.state);
    let numbers = [
        process.pid.map(|pid| format!("pid {pid}")),
        process.fd.map(|fd| format!("descriptor {fd}")),
        process.user.as_ref().map(|user| format!("user {user}")),
    ];
    let numbers: Vec<String> = numbers.into_iter().flatten().collect();
    match &process.name {
        Some(name) => said += &format!(", {name}"),
        None if process.nobody => said += ", held by no process",
        None => {}
    }
    if !numbers.is_empty() {
        said += &format!(" ({})", numbers.join(", "));
    }
    for (octets, queue) in [(process.recv_q, "receive"), (process.send_q, "send")] {
        if let Some(octets @ 1..) = octets {
            said += &format!(", {octets} in its {queue} queue");
        }
    }
    said + "."
}

fn drawing(ladder: &Ladder, style: &Style, label: &str) -> String {
    let rungs = i32::try_from(ladder.rungs.len()).unwrap_or(i32::MAX / STEP - 4);
    let extra = if ladder.proven.is_some() { STEP } else { 0 };
    let bottom = TOP + rungs * STEP + 6;
    let height = bottom + extra + 6;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{label}: {}\">\n",
        words(ladder)
    );
    let long = ladder.client.chars().count() + ladder.server.chars().count() > NAMES;
    let below = if long { 32 } else { 14 };
    let (client, server) = (text(&ladder.client), text(&ladder.server));
    let _ = writeln!(svg, "<text class=\"end\" x=\"{LEFT}\" y=\"14\">client {client}</text>");
    let _ = writeln!(svg, "<text class=\"end\" x=\"{RIGHT}\" y=\"{below}\">server {server}</text>");
    lifeline(&mut svg, ladder, LEFT, |rung| rung.client, bottom);
    lifeline(&mut svg, ladder, RIGHT, |rung| rung.server, bottom);
    let mut before: Option<&Rung> = None;
    let mut last: Option<&Time> = None;
    for (at, rung) in (0..).zip(&ladder.rungs) {
        svg += &step(rung, before, last, TOP + at * STEP, style);
        if !matches!(rung.what, What::Break(..) | What::Traffic(_)) {
            before = Some(rung);
        }
        if let What::Arrow(arrow) = &rung.what {
            last = arrow.moment.as_ref().map(|moment| &moment.time).or(last);
        }
    }
    if let Some([client, server]) = &ladder.proven {
        let y = bottom + 20;
        let _ =
            writeln!(svg, "<text class=\"state left\" x=\"{}\" y=\"{y}\">{}</text>", LEFT - 10, text(client));
        let _ =
            writeln!(svg, "<text class=\"label quiet\" x=\"{MIDDLE}\" y=\"{y}\">proven at the end</text>");
        let _ = writeln!(svg, "<text class=\"state\" x=\"{}\" y=\"{y}\">{}</text>", RIGHT + 10, text(server));
    }
    svg + "</svg>\n"
}

/// The line of one end, thick from where it waits for its own program.
fn lifeline(svg: &mut String, ladder: &Ladder, x: i32, state: fn(&Rung) -> Option<State>, bottom: i32) {
    let _ = writeln!(svg, "<path class=\"life\" d=\"M{x} {}V{bottom}\"/>", TOP - 8);
    let waits = |rung: &Rung| state(rung) == Some(State::CloseWait);
    let mut at = 0;
    for alike in ladder.rungs.chunk_by(|a, b| waits(a) == waits(b)) {
        let until = at + alike.len();
        if waits(&alike[0]) {
            let to = if until == ladder.rungs.len() { bottom } else { y_of(until) };
            let _ = writeln!(svg, "<path class=\"life waits\" d=\"M{x} {}V{to}\"/>", y_of(at));
        }
        at = until;
    }
}

fn y_of(rung: usize) -> i32 {
    TOP + i32::try_from(rung).unwrap_or(0) * STEP + 22
}

fn step(rung: &Rung, before: Option<&Rung>, last: Option<&Time>, top: i32, style: &Style) -> String {
    let y = top + 22;
    let mut svg = String::new();
    let arrow = |svg: &mut String, from: Party, class: &str, label: &str| {
        let (start, end, back) = match from {
            Party::Client => (LEFT, RIGHT, -9),
            Party::Server => (RIGHT, LEFT, 9),
        };
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{start} {y}H{end}\"/>");
        let _ = writeln!(svg, "<path class=\"head\" d=\"M{end} {y}l{back} -4v8z\"/>");
        let label_class = if class == "missing" { "label absent" } else { "label" };
        let _ = writeln!(svg, "<text class=\"{label_class}\" x=\"{MIDDLE}\" y=\"{}\">{label}</text>", y - 6);
    };
    match &rung.what {
        What::Arrow(drawn) => {
            let frame = drawn
                .moment
                .as_ref()
                .map_or(String::new(), |moment| format!(" <tspan class=\"quiet\">#{}</tspan>", moment.frame));
            let class = if drawn.label.starts_with("RST") { "arrow rst" } else { "arrow" };
            arrow(&mut svg, drawn.from, class, &(text(&drawn.label) + &frame));
            // A time that is the one above it says nothing.
            let told = drawn.moment.as_ref().map(|moment| style.clock(&moment.time));
            if let Some(clock) =
                told.filter(|clock| last.map(|last| style.clock(last)).as_ref() != Some(clock))
            {
                let _ = writeln!(svg, "<text class=\"time\" x=\"0\" y=\"{}\">{}</text>", y + 4, text(&clock));
            }
        }
        What::Missing(from, label) => arrow(&mut svg, *from, "missing", &text(label)),
        What::Traffic(label) => {
            let _ =
                writeln!(svg, "<text class=\"label quiet\" x=\"{MIDDLE}\" y=\"{y}\">{}</text>", text(label));
        }
        What::Break(span, pause) => {
            for x in [LEFT, RIGHT] {
                let _ = writeln!(svg, "<path class=\"blank\" d=\"M{x} {}v9\"/>", top + 13);
                let _ =
                    writeln!(svg, "<path class=\"gap\" d=\"M{} {}l12 -5m-12 12l12 -5\"/>", x - 6, top + 16);
            }
            let said = What::pause(*span, *pause);
            let _ = writeln!(svg, "<text class=\"label pause\" x=\"{MIDDLE}\" y=\"{y}\">{said}</text>");
        }
    }
    if matches!(rung.what, What::Arrow(_) | What::Missing(..)) {
        let mut state = |class: &str, x: i32, state: Option<State>, was: Option<State>| {
            let Some(state) = state else { return };
            let stuck = if state == State::CloseWait { " stuck" } else { "" };
            let quiet = if was == Some(state) { " same" } else { "" };
            let _ = writeln!(
                svg,
                "<text class=\"{class}{stuck}{quiet}\" x=\"{x}\" y=\"{}\">{state}</text>",
                y + 4
            );
        };
        state("state left", LEFT - 10, rung.client, before.and_then(|before| before.client));
        state("state", RIGHT + 10, rung.server, before.and_then(|before| before.server));
    }
    svg
}

/// The drawing in words.
fn words(ladder: &Ladder) -> String {
    let name = |party: Party| match party {
        Party::Client => "client",
        Party::Server => "server",
    };
    let told: Vec<String> = ladder
        .rungs
        .iter()
        .map(|rung| match &rung.what {
            What::Arrow(arrow) => {
                let frame = arrow.moment.as_ref().map_or(String::new(), |m| format!(" in frame {}", m.frame));
                format!("{} sends {}{frame}", name(arrow.from), arrow.label)
            }
            What::Missing(from, label) => format!("{}: {label}", name(*from)),
            What::Traffic(label) => label.clone(),
            What::Break(span, pause) => What::pause(*span, *pause),
        })
        .collect();
    text(&told.join("; "))
}
