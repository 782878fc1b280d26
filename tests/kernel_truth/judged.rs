//! One scenario from all its vantage points: what the report says beside what happened.

use std::collections::{BTreeMap, HashMap};

use cwait_pcap::analysis::{self, Judged, Options, Outcome};
use cwait_pcap::findings::Finding;
use cwait_pcap::report::{self, Listed, Report, Request};
use cwait_pcap::tcp::Ending;
use cwait_pcap::wire::{Side, Stamp, Timestamp};

use crate::matrix::{Comparison, Matrix};
use crate::truth::{self, Capture, Scenario};
use crate::verdicts::Verdicts;

/// Times of the kernel and of the capture agree within this; a delayed acknowledgment takes 0.04 s.
const CLOCKS: f64 = 0.3;

pub fn compare(scenario: &Scenario, verdicts: &Verdicts, matrix: &mut Matrix) {
    for capture in &scenario.truth.captures {
        let place = format!("{}/{}", scenario.name, capture.file);
        let options = Options { keep_all: true, ..Options::default() };
        let outcome = analysis::run(&scenario.paths(capture), &options, &mut |_| {});
        match (&outcome, capture.readable.as_deref()) {
            (Err(_), Some(readable)) if readable == "error" || readable.ends_with("refusal") => continue,
            (Err(error), _) => {
                matrix.contradiction(format!("{place}: {error}"));
                continue;
            }
            (Ok(outcome), readable) => {
                if let Some(text) = misread(outcome, readable.unwrap_or("all")) {
                    matrix.contradiction(format!("{place}: readable {readable:?}, but {text}"));
                }
            }
        }
        let Ok(outcome) = outcome else { continue };
        if outcome.capture.frames > 0 {
            let request = Request { command_line: Vec::new(), listed: Listed::All, limit: None };
            let report = Report::build(&outcome, &request);
            let vantage = Vantage::new(scenario, capture, &outcome, &report, place);
            vantage.compare(verdicts, matrix);
            vantage.resets(matrix);
        }
    }
}

/// What the reader says of a file against what the file is.
fn misread(outcome: &Outcome, readable: &str) -> Option<String> {
    let frames = outcome.capture.frames;
    let complaints = outcome.inputs.iter().any(|input| {
        input.trouble.is_some() || !input.summary.damage.is_empty() || input.summary.tail.is_some()
    });
    match readable {
        "error" => Some(format!("{frames} frames were read")),
        "no packets" if frames > 0 => Some(format!("{frames} frames were read")),
        "prefix" if frames == 0 => Some("nothing was read".into()),
        "prefix" if !complaints => Some("nothing was said of its damage".into()),
        _ if readable.starts_with("all") && complaints => Some("it was called damaged".into()),
        _ => None,
    }
}

/// A capture and its report.
pub struct Vantage<'a> {
    scenario: &'a Scenario,
    capture: &'a Capture,
    outcome: &'a Outcome,
    place: String,
    /// By client and server, in order of first frames.
    reported: HashMap<(&'a str, &'a str), Vec<&'a report::Connection>>,
    judged: BTreeMap<String, &'a Judged>,
    until: f64,
    clocks: f64,
}

impl<'a> Vantage<'a> {
    pub fn new(
        scenario: &'a Scenario,
        capture: &'a Capture,
        outcome: &'a Outcome,
        report: &'a Report,
        place: String,
    ) -> Vantage<'a> {
        let mut reported: HashMap<_, Vec<_>> = HashMap::new();
        for connection in &report.connections {
            let ends = (connection.client.as_str(), connection.server.as_str());
            reported.entry(ends).or_default().push(connection);
        }
        let judged = outcome.connections.iter().map(|judged| (judged.id(), judged)).collect();
        let until = seconds(outcome.capture.last);
        let clocks = CLOCKS * scenario.truth.time_scale;
        Vantage { scenario, capture, outcome, place, reported, judged, until, clocks }
    }

    fn compare(&self, verdicts: &Verdicts, matrix: &mut Matrix) {
        let known = self.scenario.truth.connections.iter().filter(|truth| self.find(truth).is_some()).count();
        if known != self.judged.len() {
            let reported = self.judged.len();
            matrix.contradiction(format!("{}: {reported} connections, truly {known}", self.place));
        }
        for truth in &self.scenario.truth.connections {
            let reported = self.find(truth);
            self.verdict(truth, reported, verdicts, matrix);
            let judged = reported.and_then(|connection| self.judged.get(&connection.id));
            if let Some(text) = judged.and_then(|judged| self.contradicted(truth, judged)) {
                matrix.contradiction(format!("{} {}: {text}", self.place, truth.id));
            }
        }
    }

    /// The verdicts alone.
    pub fn verdicts(&self, verdicts: &Verdicts, matrix: &mut Matrix) {
        for truth in &self.scenario.truth.connections {
            self.verdict(truth, self.find(truth), verdicts, matrix);
        }
    }

    /// Who sent each RST that ended a connection, against what the kernels sent.
    fn resets(&self, matrix: &mut Matrix) {
        for truth in &self.scenario.truth.connections {
            let Some(judged) = self.find(truth).and_then(|connection| self.judged.get(&connection.id)) else {
                continue;
            };
            let case = self.outcome.case(judged);
            for side in Side::BOTH.into_iter().filter(|&side| judged.connection.ended_by_rst(side)) {
                let (Some(rst), Some(origin)) = (judged.connection.rst(side), case.reset_origin(side)) else {
                    continue;
                };
                let name = judged.roles.name(side);
                let own = truth.sent_reset(name, seconds(rst.seen), self.clocks);
                matrix.reset(&origin, own, || {
                    format!("{} {}: RST of the {name}: {origin:?}", self.place, truth.id)
                });
            }
        }
    }

    /// Roles that had to be guessed may be the wrong way round.
    fn find(&self, truth: &truth::Connection) -> Option<&'a report::Connection> {
        let (client, server) = (truth.client_at(self.capture), truth.server.as_str());
        let uses = self.reported.get(&(client, server)).or_else(|| self.reported.get(&(server, client)))?;
        uses.get(truth.use_of_these_ports - 1).copied()
    }

    fn verdict(
        &self,
        truth: &truth::Connection,
        reported: Option<&report::Connection>,
        verdicts: &Verdicts,
        matrix: &mut Matrix,
    ) {
        let expected = truth.expected(self.capture);
        let got = reported.map_or(vec![Verdicts::NOT_IN_CAPTURE], |connection| verdicts.of(connection));
        let right = got.contains(&expected.verdict.as_str());
        let side = reported.and_then(|connection| blamed(connection, &expected.verdict));
        let other_side = expected.side.is_some() && side.is_some() && expected.side.as_deref() != side;
        let comparison = if right && other_side {
            Comparison::Wrong
        } else if right {
            Comparison::Right
        } else if got.iter().any(|got| expected.also_acceptable.iter().any(|other| other == got)) {
            Comparison::Acceptable
        } else if got.iter().any(|got| verdicts.quiet.iter().any(|quiet| quiet == got)) {
            Comparison::Missed
        } else {
            Comparison::Wrong
        };
        matrix.count(&expected.verdict, comparison, || {
            format!(
                "{} {}: expected {} {}, got {got:?} {}: {}",
                self.place,
                truth.id,
                expected.verdict,
                expected.side.as_deref().unwrap_or(""),
                side.unwrap_or(""),
                reported.map_or(String::new(), describe),
            )
        });
    }

    /// Times and RSTs that the report has otherwise than the kernel.
    fn contradicted(&self, truth: &truth::Connection, judged: &Judged) -> Option<String> {
        if self.capture.is_damaged() {
            return None;
        }
        let finding = judged.verdict.primary().filter(|finding| is_about_close_wait(finding));
        if let (Some(finding), Some(close_wait)) = (finding, &truth.close_wait)
            && finding.side.map(|side| judged.roles.name(side)) == Some(&close_wait.side)
        {
            let since = finding.since.map_or(0.0, seconds);
            if (since - close_wait.start).abs() > self.clocks {
                return Some(format!("{} since {since}, truly since {}", finding.name, close_wait.start));
            }
            let lasted = finding.lasted.map_or(0.0, |lasted| lasted.span.as_secs_f64());
            let truly = match finding.lasted {
                Some(lasted) if lasted.at_least => self.until - close_wait.start,
                _ => close_wait.seconds,
            };
            if (lasted - truly).abs() > self.clocks {
                return Some(format!("{} for {lasted} s, truly {truly} s", finding.name));
            }
        }
        Side::BOTH.into_iter().find_map(|side| self.unknown_reset(truth, judged, side))
    }

    /// On the host that sent a RST, the RST is in the capture; one that it did not send cannot have ended a connection.
    fn unknown_reset(&self, truth: &truth::Connection, judged: &Judged, side: Side) -> Option<String> {
        let name = judged.roles.name(side);
        if !self.capture.on_host_of(name) {
            return None;
        }
        let seen = judged.connection.rst(side).map(|rst| seconds(rst.seen));
        let mut sent = truth.resets_sent.iter().filter(|(who, ..)| who == name).map(|(_, when, _)| *when);
        match (seen, sent.clone().next()) {
            (Some(seen), _)
                if judged.closure.ending == Ending::Reset(side)
                    && !sent.any(|sent| (sent - seen).abs() < self.clocks) =>
            {
                Some(format!("RST of the {name} at {seen}, which its kernel did not send then"))
            }
            (None, Some(sent)) if sent < self.until => Some(format!("no RST of the {name}, sent at {sent}")),
            _ => None,
        }
    }
}

/// The side that a verdict is about: whose RST ended it, or whom the report names.
fn blamed<'a>(connection: &'a report::Connection, verdict: &str) -> Option<&'a str> {
    let reset_by = connection.ending.strip_prefix("reset by ").filter(|_| verdict == "reset");
    reset_by.or(connection.side.as_deref())
}

/// Since 1970, as `truth.json` writes it.
fn seconds(stamp: Stamp) -> f64 {
    (stamp.at - Timestamp(0)).as_secs_f64()
}

fn is_about_close_wait(finding: &Finding) -> bool {
    matches!(finding.name, "missing-fin" | "late-fin" | "close-wait-aborted")
}

fn describe(connection: &report::Connection) -> String {
    format!(
        "stream {:?} {} {} {:?} {:?} notes {:?}",
        connection.stream,
        connection.history,
        connection.ending,
        connection.finding,
        connection.undecided,
        connection.notes
    )
}
