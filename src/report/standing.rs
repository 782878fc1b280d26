//! How things stand, in one line: for a capture that is still being written.

use super::text::{count, number};
use super::{Report, Style};
use crate::wire::Span;

impl Report {
    /// `09:12:44 CET, frame 18,402: 1,284 connections, 61 open; 3 FINs owed`; `idle` is for how long nothing new came.
    pub fn standing(&self, idle: Span, style: &Style) -> String {
        let (capture, totals) = (&self.capture, &self.totals);
        let Some(last) = &capture.last else { return "nothing was captured yet".to_owned() };
        let mut line = format!(
            "{}, frame {}: {}, {} open",
            style.time_in(self, last),
            number(capture.frames),
            count(totals.connections, "connection"),
            number(totals.open)
        );
        let owed: u64 = self.services.iter().map(|service| service.owes_fin).sum();
        line += &format!("; {} owed", count(owed, "FIN"));
        let held: u64 = self.undecided.iter().map(|undecided| undecided.count).sum();
        let besides = [
            (held + self.left_out.undecided_connections, "undecided"),
            (capture.drops.unwrap_or(0), "packets dropped"),
            (totals.given_up, "connections counted but not judged, for --max-memory"),
        ];
        for (n, what) in besides.iter().filter(|(n, _)| *n > 0) {
            line += &format!("; {} {what}", number(*n));
        }
        if idle >= Span::secs(5) {
            line += &format!("; nothing new for {idle}");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{quiet, sample};

    #[test]
    fn what_is_worth_saying_is_said() {
        let style = Style::plain();
        insta::assert_snapshot!([
            sample().standing(Span::ZERO, &style),
            quiet().standing(Span::secs(12), &style),
        ].join("\n"), @r"
        10:03:44 UTC, frame 18,402: 1,284 connections, 48 open; 10 FINs owed; 3 undecided
        10:03:44 UTC, frame 18,402: 1,284 connections, 48 open; 0 FINs owed; nothing new for 12 s
        ");
        let mut nothing = quiet();
        nothing.capture.last = None;
        assert_eq!(nothing.standing(Span::ZERO, &style), "nothing was captured yet");
    }
}
