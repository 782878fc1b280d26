//! A comparison as blocks of a ticket; `report/markdown.rs` writes them.

use super::text::{drawn, sources, stretch_note, title};
use super::{CompareReport, PathFinding, ladder};
use crate::report::blocks::{Block, Inline, Line, words};
use crate::report::text::number;
use crate::report::{Detail, Style};

/// So many ladders go into a ticket.
const LADDERS: usize = 5;

pub(super) fn blocks(report: &CompareReport, style: &Style) -> Vec<Block> {
    let mut blocks: Vec<Block> = report.title.iter().map(|title| Block::Heading(1, words(title))).collect();
    blocks.extend(report.notes.iter().map(|note| Block::Text(words(note))));
    blocks.push(Block::Text(vec![Inline::Strong(report.headline.clone())]));
    for found in &report.findings {
        blocks.extend(finding(report, style, found));
    }
    if !report.rulings.is_empty() {
        blocks.push(Block::Heading(
            2,
            words("What each vantage point said by itself, and what the others make of it"),
        ));
        let row = |ruled: &super::RulingCount| {
            vec![
                vec![Inline::Code(ruled.title())],
                words(report.name(ruled.at)),
                vec![Inline::Strong(ruled.ruled())],
                words(&number(ruled.count)),
                words(&ruled.says),
            ]
        };
        let rows = report.rulings.iter().map(row).collect();
        blocks.push(Block::Table(&["finding", "at", "ruling", "connections", "the first"], rows));
    }
    blocks.push(Block::Heading(2, words("The path")));
    blocks.push(Block::Table(
        &["from", "to", "segments", "lost", "cannot tell", "delay p50", "p99", "RSTs made", "FINs eaten"],
        flows(report),
    ));
    let notes = report.stretches.iter().filter_map(|stretch| stretch_note(report, stretch));
    let notes: Vec<Line> = notes.map(|note| words(&note)).collect();
    if !notes.is_empty() {
        blocks.push(Block::List(notes));
    }
    let most = if style.detail == Detail::Full { usize::MAX } else { LADDERS };
    if style.detail > Detail::Brief {
        for connection in drawn(report).take(most) {
            blocks.push(Block::Text(words(&title(connection))));
            blocks.push(Block::Code(ladder::text(report, connection, style)));
        }
    }
    blocks.push(Block::Heading(2, words("The captures")));
    blocks.push(Block::List(sources(report, style).iter().map(|line| words(line)).collect()));
    blocks.push(Block::Text(vec![
        Inline::Text(format!("{} {}: ", report.tool.name, report.tool.version)),
        Inline::Code(report.tool.command_line.join(" ")),
    ]));
    blocks
}

fn finding(report: &CompareReport, style: &Style, finding: &PathFinding) -> Vec<Block> {
    let heading = vec![
        Inline::Strong(finding.severity.word().to_owned()),
        Inline::Text(" ".into()),
        Inline::Code(finding.name.clone()),
        Inline::Text(format!(": {}", finding.headline)),
    ];
    if style.detail == Detail::Brief {
        return vec![Block::Text(heading)];
    }
    let evidence = finding.evidence.iter().map(|evidence| {
        let stream = evidence.stream.map_or(String::new(), |stream| format!("stream {stream}, "));
        let time = style.clock(&evidence.moment.time);
        words(&format!(
            "{}, {stream}frame {}, {time}: {}",
            report.name(evidence.at),
            evidence.moment.frame,
            evidence.label
        ))
    });
    let mut blocks = vec![
        Block::Heading(2, heading),
        Block::Text(words(&format!("{}: {}", finding.certainty.word(), finding.says))),
        Block::List(evidence.collect()),
    ];
    if !finding.advice.is_empty() {
        blocks.push(Block::Text(words(&finding.advice.join(" "))));
    }
    blocks
}

/// The rows of the table of the path.
fn flows(report: &CompareReport) -> Vec<Vec<Line>> {
    let mut rows = Vec::new();
    for stretch in &report.stretches {
        let [a, b] = stretch.between;
        for (flow, (from, to)) in stretch.flows.iter().zip([(a, b), (b, a)]) {
            let length = |length: &Option<crate::report::Length>| {
                words(&length.map_or("-".to_owned(), |length| length.to_string()))
            };
            rows.push(vec![
                words(report.name(from)),
                words(report.name(to)),
                words(&number(flow.segments)),
                words(&number(flow.lost)),
                words(&number(flow.untold)),
                length(&flow.delay_p50),
                length(&flow.delay_p99),
                words(&number(flow.forged_rsts)),
                words(&number(flow.fins_eaten)),
            ]);
        }
    }
    rows
}
