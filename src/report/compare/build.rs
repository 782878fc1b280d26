//! From a comparison to its report.

use std::collections::BTreeMap;

use super::findings::findings;
use super::{
    ChangeCount, Clock, CompareReport, ComparedConnection, ComparedVantage, FlowFacts, LadderRow, MatchedBy,
    RuledVerdict, RulingCount, SeenAt, SegmentFate, StretchFacts, Told,
};
use crate::compare::{
    Comparison, Doubt, End, Event, Fate, Flow, How, OrderedBy, Row, Ruling, Story, Stretch, View,
};
use crate::detail::Act;
use crate::findings::Certainty as Sure;
use crate::report::text::count;
use crate::report::{KeySegment, Length, Moment, Party, Tool};
use crate::tcp;
use crate::wire::{Span, Stamp};

impl CompareReport {
    /// Says what was found. `command_line`: the arguments, the program's name first.
    pub fn build(comparison: &Comparison, command_line: &[String]) -> CompareReport {
        let told: Vec<&Story> = comparison.stories.iter().filter(|story| is_listed(story)).collect();
        let listed = told.iter().take(CompareReport::CONNECTIONS);
        let findings = findings(comparison);
        let shared = comparison.stories.iter().filter(|story| story.shared.is_shared()).count() as u64;
        CompareReport {
            schema: CompareReport::SCHEMA.to_owned(),
            schema_version: CompareReport::SCHEMA_VERSION.to_owned(),
            tool: Tool {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                command_line: command_line.to_vec(),
            },
            title: None,
            notes: Vec::new(),
            vantages: (0..comparison.views.len()).map(|at| vantage(comparison, at)).collect(),
            path: comparison.path.order.clone(),
            path_by: match (comparison.path.by, comparison.path.in_part_as_given) {
                (OrderedBy::Delays, false) => "delays",
                (OrderedBy::Delays, true) => "delays; as given where they are too short to tell",
                (OrderedBy::HopLimits, false) => "hop limits",
                (OrderedBy::HopLimits, true) => "hop limits; as given where they are equal",
                (OrderedBy::Nothing, _) => "nothing: as given",
            }
            .to_owned(),
            headline: headline(comparison, &findings),
            shared: shared + comparison.not_followed,
            matched: matched(comparison),
            not_followed: comparison.not_followed,
            findings,
            rulings: rulings(comparison),
            stretches: comparison.stretches.iter().map(stretch).collect(),
            connections: listed.map(|story| connection(comparison, story)).collect(),
            connections_left_out: told.len().saturating_sub(CompareReport::CONNECTIONS) as u64,
        }
    }
}

/// Whether a connection is worth listing: something happened to it beyond the loss of data that were sent again.
fn is_listed(story: &Story) -> bool {
    let is_key = |fate: &Fate| !matches!(fate.act, Act::Data | Act::Ack);
    story.tells() || story.fates.iter().any(is_key)
}

/// The connection's own name, where it was first seen.
pub(super) fn id(comparison: &Comparison, story: &Story) -> String {
    let first = story.shared.seen_at().find_map(|at| comparison.judged(&story.shared, at));
    first.map(|judged| judged.id()).unwrap_or_default()
}

/// The service, as the place nearest to it shows it.
pub(super) fn service(comparison: &Comparison, story: &Story) -> String {
    let nearest = story.order.iter().rev().find_map(|&at| comparison.judged(&story.shared, at));
    nearest
        .map(|judged| judged.connection.key.endpoint(judged.roles.server()).to_string())
        .unwrap_or_default()
}

pub(super) fn moment(stamp: Stamp) -> Moment {
    Moment { frame: stamp.frame, time: stamp.at.into() }
}

pub(super) fn party(end: End) -> Party {
    match end {
        End::Client => Party::Client,
        End::Server => Party::Server,
    }
}

/// Wireshark's stream number; sets of files have none.
pub(super) fn stream(view: &View, stream: u32) -> Option<u32> {
    (view.outcome.inputs.len() == 1 && stream != tcp::Connection::NO_STREAM).then_some(stream)
}

fn headline(comparison: &Comparison, findings: &[super::PathFinding]) -> String {
    let shared = comparison.stories.iter().filter(|story| story.shared.is_shared()).count() as u64;
    let Some(worst) = findings.first() else {
        return format!(
            "{}: nothing forged, eaten or forgotten was found between",
            count(shared, "shared connection")
        );
    };
    let others = match findings.len() - 1 {
        0 => String::new(),
        others => format!(", and {}", count(others as u64, "more finding")),
    };
    format!("{}{others}", worst.headline)
}

fn vantage(comparison: &Comparison, at: usize) -> ComparedVantage {
    let view = &comparison.views[at];
    let (outcome, capture) = (&view.outcome, &view.outcome.capture);
    let problems = outcome.inputs.iter().flat_map(|input| {
        let damage = input.summary.damage.iter().map(ToString::to_string);
        let all = damage.chain(input.trouble.iter().map(|trouble| trouble.what.clone()));
        all.map(|what| format!("{}: {what}", input.path.display()))
    });
    ComparedVantage {
        name: view.name.clone(),
        captures: outcome.inputs.iter().map(|input| input.path.display().to_string()).collect(),
        frames: capture.frames,
        connections: outcome.totals.connections,
        alone: comparison.alone[at],
        first: capture.first.at.into(),
        last: capture.last.at.into(),
        drops: capture.drops,
        clock: view.clock.as_ref().map(|clock| Clock {
            ahead: clock.offset.into(),
            within: clock.bound.map(Length::from),
            drift_ppm: clock.drift / 1e3,
            segments: clock.samples.map(|n| n as u64),
            round_trip: clock.round_trip.map(Length::from),
            outliers: clock.outliers as u64,
        }),
        problems: problems.collect(),
    }
}

fn matched(comparison: &Comparison) -> Vec<MatchedBy> {
    let matched = How::ALL.into_iter().map(|how| {
        let alike = comparison.stories.iter().filter(|story| story.shared.how == Some(how));
        MatchedBy {
            by: how.words().to_owned(),
            certainty: how.certainty().into(),
            connections: alike.count() as u64,
        }
    });
    matched.filter(|matched| matched.connections > 0).collect()
}

pub(super) fn ruling(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Confirmed => "confirmed",
        Ruling::Overturned => "overturned",
        Ruling::CannotTell => "cannot tell",
    }
}

/// A connection's first verdict at each place stands for it; what else was found there follows from it.
fn rulings(comparison: &Comparison) -> Vec<RulingCount> {
    let mut counts: BTreeMap<(&str, bool, usize, Ruling, Sure), RulingCount> = BTreeMap::new();
    for story in &comparison.stories {
        let mut told = vec![false; comparison.views.len()];
        for opinion in &story.opinions {
            if std::mem::replace(&mut told[opinion.at], true) {
                continue;
            }
            let counted = counts
                .entry((
                    opinion.finding,
                    opinion.was_undecided,
                    opinion.at,
                    opinion.ruling,
                    opinion.certainty,
                ))
                .or_insert_with(|| RulingCount {
                    finding: opinion.finding.to_owned(),
                    was_undecided: opinion.was_undecided,
                    at: opinion.at,
                    ruling: ruling(opinion.ruling).to_owned(),
                    certainty: opinion.certainty.into(),
                    count: 0,
                    says: opinion.says.clone(),
                });
            counted.count += 1;
        }
    }
    counts.into_values().collect()
}

fn stretch(stretch: &Stretch) -> StretchFacts {
    let change = |(what, segments): (&crate::compare::Alteration, &u64)| ChangeCount {
        what: what.words().to_owned(),
        segments: *segments,
    };
    StretchFacts {
        between: stretch.between.into(),
        connections: stretch.connections,
        translated: stretch.translated,
        forgotten: stretch.forgotten,
        flows: [flow(&stretch.flows[0]), flow(&stretch.flows[1])],
        changes: stretch.alterations.iter().map(change).collect(),
    }
}

fn flow(flow: &Flow) -> FlowFacts {
    let mut hops = flow.hops.keys().copied();
    let positive = |span: Span| Length::from(span.max(Span::ZERO));
    FlowFacts {
        segments: flow.segments,
        lost: flow.lost,
        untold: flow.untold,
        delay_p50: flow.delay(50).map(positive),
        delay_p99: flow.delay(99).map(positive),
        hops: hops.next().filter(|_| hops.next().is_none()),
        forged_rsts: flow.forged_rsts,
        fins_eaten: flow.fins_eaten,
    }
}

fn connection(comparison: &Comparison, story: &Story) -> ComparedConnection {
    let seen = |&at: &usize| {
        let judged = comparison.judged(&story.shared, at);
        let member = story.shared.members[at];
        let end = |end: End| {
            let (judged, member) = (judged?, member?);
            let side = member.numbering.side(end);
            Some(judged.connection.key.endpoint(side).to_string())
        };
        SeenAt {
            at,
            id: judged.map(|judged| judged.id()),
            stream: judged.and_then(|judged| stream(&comparison.views[at], judged.connection.stream)),
            client: end(End::Client),
            server: end(End::Server),
            finding: judged.and_then(|judged| Some(judged.verdict.primary()?.name.to_owned())),
        }
    };
    let mut findings: Vec<String> =
        story.matters.iter().map(|matter| matter.kind.name().to_owned()).collect();
    findings.dedup();
    let verdict = |opinion: &crate::compare::Opinion| RuledVerdict {
        at: opinion.at,
        finding: opinion.finding.to_owned(),
        was_undecided: opinion.was_undecided,
        end: party(opinion.end),
        ruling: ruling(opinion.ruling).to_owned(),
        certainty: opinion.certainty.into(),
        says: opinion.says.clone(),
    };
    let changes = story.alterations.iter().map(|((what, (from, to)), segments)| {
        let name = |at: &usize| &comparison.views[*at].name;
        format!("{} from {} to {}, in {}", what.words(), name(from), name(to), count(*segments, "segment"))
    });
    ComparedConnection {
        id: id(comparison, story),
        seen: story.order.iter().map(seen).collect(),
        matched_by: story.shared.how.map(|how| how.words().to_owned()),
        certainty: story.shared.how.map(|how| how.certainty().into()),
        findings,
        verdicts: story.opinions.iter().map(verdict).collect(),
        fates: story.fates.iter().map(|fate| segment_fate(comparison, fate)).collect(),
        changes: changes.collect(),
        ladder: story.rows.iter().map(|row| ladder_row(row, &story.order)).collect(),
    }
}

fn segment_fate(comparison: &Comparison, fate: &Fate) -> SegmentFate {
    let missing_at = &comparison.views[fate.missing_at()].name;
    let told = match fate.event {
        _ if !fate.is_told() => "cannot tell",
        Event::Lost => "lost",
        Event::Born => "made between",
    };
    SegmentFate {
        from: party(fate.from),
        act: fate.act,
        payload: fate.payload,
        fate: told.to_owned(),
        between: fate.between.into(),
        shown_at: fate.shown_at(),
        sent: fate.sent,
        missing: fate.missing,
        first: moment(fate.first),
        last: moment(fate.last),
        why: fate.doubt.filter(|_| !fate.is_told()).map(|doubt| doubt.words(missing_at)),
    }
}

fn ladder_row(row: &Row, order: &[usize]) -> LadderRow {
    let segment = KeySegment {
        moment: Some(Moment { frame: 0, time: row.at.into() }),
        from: party(row.from),
        act: row.act,
        payload: row.payload,
        sent: u64::from(row.sent),
        segments: u64::from(row.segments),
        until: (row.until != row.at).then(|| Moment { frame: 0, time: row.until.into() }),
    };
    let told = |doubt: Option<Doubt>| if doubt.is_none() { Told::Certain } else { Told::CannotTell };
    LadderRow {
        from: segment.from,
        act: row.act,
        label: segment.label(),
        time: row.at.into(),
        until: row.until.into(),
        frames: order.iter().map(|&at| row.seen[at].map(|stamp| stamp.frame)).collect(),
        lost: row.lost.map(|(_, doubt)| told(doubt)),
        born: row.born.map(|(_, doubt)| told(doubt)),
    }
}
