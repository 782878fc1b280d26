//! Ladders in SVG: two lifelines, states beside them, a segment per arrow. The drawing is told in words as well, for
//! those who hear the page.

use std::fmt::Write as _;

use super::{LADDERS_END, Page, text};
use crate::report::{Connection, Ladder, Party, Rung, Style, What};

/// So many flagged connections are drawn.
const LADDERS: usize = 200;

/// Where the lifelines stand, and how wide everything is.
const LEFT: i32 = 200;
const RIGHT: i32 = 480;
const WIDTH: i32 = 590;
/// Height of a rung.
const STEP: i32 = 30;
/// Above the first rung.
const TOP: i32 = 44;

impl Page<'_> {
    pub(super) fn ladders(&mut self) {
        let flagged = self.report.flagged();
        if flagged.is_empty() {
            return;
        }
        self.section("ladders", "Ladders of flagged connections");
        for connection in flagged.iter().take(LADDERS) {
            if self.html.len() > LADDERS_END {
                break;
            }
            self.ladder(connection, self.drawn.is_empty());
            self.drawn.insert(&connection.id);
        }
        self.left_out(flagged.len() - self.drawn.len(), "ladder");
        self.end_section();
    }

    fn ladder(&mut self, c: &Connection, open: bool) {
        let ladder = Ladder::of(c);
        let name = c.stream.map_or_else(|| text(&c.id), |stream| format!("Stream {stream}"));
        let finding = text(c.finding.as_deref().unwrap_or_default());
        let (client, server) = (text(&c.client), text(&c.server));
        let open = if open { " open" } else { "" };
        let id = text(&c.id);
        let _ = writeln!(
            self.html,
            "<details class=\"ladder\" id=\"l-{id}\"{open}>\n<summary>{name}: {client} &gt; {server}, <code>{finding}</code>\
             </summary>\n<div class=\"scroll\" role=\"region\" aria-label=\"Ladder of {name}\" tabindex=\"0\">\n{}</div>\n\
             <p><code>{}</code></p>\n</details>",
            drawing(&ladder, self.style, &format!("{name}, {client} and {server}")),
            text(&c.filter)
        );
    }
}

fn drawing(ladder: &Ladder, style: &Style, label: &str) -> String {
    let rungs = i32::try_from(ladder.rungs.len()).unwrap_or(i32::MAX / STEP - 4);
    let extra = if ladder.proven.is_some() { STEP } else { 0 };
    let bottom = TOP + rungs * STEP;
    let height = bottom + extra + 6;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{label}: {}\">\n",
        words(ladder)
    );
    let (client, server) = (text(&ladder.client), text(&ladder.server));
    let _ = writeln!(svg, "<text class=\"end\" x=\"{LEFT}\" y=\"14\">client {client}</text>");
    let _ = writeln!(svg, "<text class=\"end\" x=\"{RIGHT}\" y=\"32\">server {server}</text>");
    for x in [LEFT, RIGHT] {
        let _ = writeln!(svg, "<path class=\"life\" d=\"M{x} {}V{bottom}\"/>", TOP - 8);
    }
    for (at, rung) in (0..).zip(&ladder.rungs) {
        svg += &step(rung, TOP + at * STEP, style);
    }
    if let Some([client, server]) = &ladder.proven {
        let y = bottom + 20;
        let middle = (LEFT + RIGHT) / 2;
        let _ =
            writeln!(svg, "<text class=\"state left\" x=\"{}\" y=\"{y}\">{}</text>", LEFT - 10, text(client));
        let _ = writeln!(svg, "<text class=\"label\" x=\"{middle}\" y=\"{y}\">proven at the end</text>");
        let _ = writeln!(svg, "<text class=\"state\" x=\"{}\" y=\"{y}\">{}</text>", RIGHT + 10, text(server));
    }
    svg + "</svg>\n"
}

fn step(rung: &Rung, top: i32, style: &Style) -> String {
    let middle = (LEFT + RIGHT) / 2;
    let y = top + 22;
    let mut svg = String::new();
    let arrow = |svg: &mut String, from: Party, class: &str, label: &str| {
        let (start, end, back) = match from {
            Party::Client => (LEFT, RIGHT, -9),
            Party::Server => (RIGHT, LEFT, 9),
        };
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{start} {y}H{end}\"/>");
        let _ = writeln!(svg, "<path class=\"head\" d=\"M{end} {y}l{back} -4v8z\"/>");
        let _ = writeln!(svg, "<text class=\"label\" x=\"{middle}\" y=\"{}\">{}</text>", y - 6, text(label));
    };
    match &rung.what {
        What::Arrow(drawn) => {
            let frame =
                drawn.moment.as_ref().map_or(String::new(), |moment| format!(", frame {}", moment.frame));
            let class = if drawn.label.starts_with("RST") { "arrow rst" } else { "arrow" };
            arrow(&mut svg, drawn.from, class, &format!("{}{frame}", drawn.label));
            if let Some(moment) = &drawn.moment {
                let clock = text(&style.clock(&moment.time));
                let _ = writeln!(svg, "<text class=\"time\" x=\"0\" y=\"{}\">{clock}</text>", y + 4);
            }
        }
        What::Missing(from, label) => arrow(&mut svg, *from, "missing", label),
        What::Traffic(label) => {
            let _ =
                writeln!(svg, "<text class=\"label quiet\" x=\"{middle}\" y=\"{y}\">{}</text>", text(label));
        }
        What::Break(span, silent) => {
            for x in [LEFT, RIGHT] {
                let _ =
                    writeln!(svg, "<path class=\"gap\" d=\"M{} {}l12 -6m-12 12l12 -6\"/>", x - 6, top + 18);
            }
            let what = if *silent { "of silence" } else { "later" };
            let _ =
                writeln!(svg, "<text class=\"label quiet\" x=\"{middle}\" y=\"{y}\">{span} {what}</text>");
        }
    }
    if matches!(rung.what, What::Arrow(_) | What::Missing(..)) {
        let mut state = |class: &str, x: i32, state: Option<crate::tcp::State>| {
            if let Some(state) = state {
                let class = if state == crate::tcp::State::CloseWait {
                    format!("{class} stuck")
                } else {
                    class.into()
                };
                let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{}\">{state}</text>", y + 4);
            }
        };
        state("state left", LEFT - 10, rung.client);
        state("state", RIGHT + 10, rung.server);
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
            What::Break(span, true) => format!("{span} of silence"),
            What::Break(span, false) => format!("{span} later"),
        })
        .collect();
    text(&told.join("; "))
}
