//! The ladder in characters, at most 80 columns: for terminals, comments and tickets.

use super::{Arrow, Ladder, Party, Rung, What};
use crate::report::Style;
use crate::report::text::plain;

/// Columns between the two lifelines.
const SPAN: usize = 34;
/// Columns left of the first lifeline: a time, a state.
const LEFT: usize = 26;

impl Ladder {
    /// The drawing; every line ends with a line feed and is plain ASCII unless the addresses are not.
    pub fn text(&self, style: &Style) -> String {
        let mut out = format!("{:>LEFT$}  {:^SPAN$}  server\n", "client", "");
        out += &format!("{}  <>  {}\n", plain(&self.client), plain(&self.server));
        for rung in &self.rungs {
            out += &line(rung, style);
        }
        if let Some([client, server]) = &self.proven {
            let client = plain(client);
            out += &format!("{:>LEFT$}  {:^SPAN$}  {}\n", client, "(proven at the end)", plain(server));
        }
        out
    }
}

fn line(rung: &Rung, style: &Style) -> String {
    let time = match &rung.what {
        What::Arrow(Arrow { moment: Some(moment), .. }) => style.clock(&moment.time),
        _ => String::new(),
    };
    let state = |state: &Option<crate::tcp::State>| state.map(|s| s.to_string()).unwrap_or_default();
    let (client, server) = (state(&rung.client), state(&rung.server));
    let drawn = match &rung.what {
        What::Arrow(arrow) => {
            let frame = arrow.moment.as_ref().map_or(String::new(), |moment| format!(" #{}", moment.frame));
            shaft(arrow.from, &format!("{}{frame}", arrow.label), "-")
        }
        What::Missing(from, label) => shaft(*from, label, ". "),
        What::Traffic(label) => format!("{:^SPAN$}", plain(label)),
        What::Break(span, pause) => {
            let said = What::pause(*span, *pause);
            let label = format!("~~ {said} ~~");
            format!("{:^SPAN$}", if label.len() > SPAN { said } else { label })
        }
    };
    let line = match rung.what {
        What::Arrow(_) | What::Missing(..) => format!("{time:<13}{client:>13} |{drawn}| {server}"),
        _ => format!("{:LEFT$} :{drawn}:", ""),
    };
    format!("{}\n", line.trim_end())
}

/// `--- FIN #4198 ------------>`.
fn shaft(from: Party, label: &str, stroke: &str) -> String {
    let label = plain(label);
    let dashes = |columns: usize| stroke.chars().cycle().take(columns).collect::<String>();
    let room = SPAN.saturating_sub(label.chars().count() + 6);
    match from {
        Party::Client => format!("{} {label} {}>", dashes(3), dashes(room)),
        Party::Server => format!("<{} {label} {}", dashes(3), dashes(room)),
    }
}
