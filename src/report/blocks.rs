//! What a ticket says, as blocks: headings, paragraphs, lists, tables, code. Markups (`markdown.rs`, `jira.rs`) say how
//! blocks are written; this file says what is in them and in which order.

use std::io;

use super::text::{count, number, octets};
use super::{Detail, Finding, Ladder, Listed, Report, Severity, Step, Style, Undecided};

/// A piece of a ticket.
pub(super) enum Block {
    /// A heading of level 1 to 3.
    Heading(u8, Line),
    /// A paragraph.
    Text(Line),
    /// A list without numbers.
    List(Vec<Line>),
    /// A heading row and others.
    Table(&'static [&'static str], Vec<Vec<Line>>),
    /// Text with its own line feeds.
    Code(String),
}

/// A line of text.
pub(super) type Line = Vec<Inline>;

/// A piece of a line.
pub(super) enum Inline {
    /// As it is.
    Text(String),
    /// Bold.
    Strong(String),
    /// To be typed, or a name.
    Code(String),
}

/// A way to write blocks.
pub(super) trait Markup {
    /// Text in which nothing is markup any more.
    fn escaped(&self, text: &str) -> String;
    /// A line of text; `cell` says that it stands in a table.
    fn line(&self, line: &Line, cell: bool) -> String;
    /// A heading.
    fn heading(&self, level: u8, line: &str) -> String;
    /// An item of a list.
    fn item(&self, line: &str) -> String;
    /// The first row of a table.
    fn table_head(&self, cells: &[String]) -> String;
    /// Another row of a table.
    fn table_row(&self, cells: &[String]) -> String;
    /// Text with its own line feeds.
    fn code(&self, text: &str) -> String;

    /// All blocks, an empty line between two.
    fn write(&self, blocks: &[Block], out: &mut dyn io::Write) -> io::Result<()> {
        for (at, block) in blocks.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            match block {
                Block::Heading(level, line) => {
                    writeln!(out, "{}", self.heading(*level, &self.line(line, false)))?
                }
                Block::Text(line) => writeln!(out, "{}", self.line(line, false))?,
                Block::List(items) => {
                    for item in items {
                        writeln!(out, "{}", self.item(&self.line(item, false)))?;
                    }
                }
                Block::Table(head, rows) => {
                    let head: Vec<String> = head.iter().map(|cell| self.escaped(cell)).collect();
                    writeln!(out, "{}", self.table_head(&head))?;
                    for row in rows {
                        let cells: Vec<String> = row.iter().map(|cell| self.line(cell, true)).collect();
                        writeln!(out, "{}", self.table_row(&cells))?;
                    }
                }
                Block::Code(text) => writeln!(out, "{}", self.code(text))?,
            }
        }
        Ok(())
    }
}

/// What a ticket of that detail holds of the long things.
struct Room {
    findings: usize,
    ladders: usize,
    services: usize,
    connections: usize,
}

impl Room {
    fn of(detail: Detail) -> Room {
        match detail {
            Detail::Brief => Room { findings: 5, ladders: 1, services: 0, connections: 0 },
            Detail::Usual => Room { findings: 50, ladders: 5, services: 20, connections: 100 },
            Detail::Full => Room { findings: 1_000, ladders: 50, services: 1_000, connections: 10_000 },
        }
    }
}

/// The ticket: a comment if brief, else the whole story.
pub(super) fn blocks(report: &Report, style: &Style) -> Vec<Block> {
    let room = Room::of(style.detail);
    let mut blocks = Vec::new();
    if let Some(title) = &report.title {
        blocks.push(Block::Heading(1, words(title)));
    }
    blocks.push(Block::Text(vec![Inline::Strong(report.verdict.headline.clone())]));
    blocks.extend(report.hint().map(|hint| Block::Text(words(&hint))));
    blocks.extend(report.notes.iter().map(|note| Block::Text(words(note))));
    if let Some(against) = &report.against {
        blocks.push(Block::Heading(2, words(&format!("Since {}", against.title()))));
        blocks.push(Block::List(against.lines().iter().map(|line| words(line)).collect()));
    }
    for finding in report.findings.iter().take(room.findings) {
        blocks.extend(self::finding(report, style, finding));
    }
    left_out(&mut blocks, report.findings.len(), room.findings, "finding");
    for undecided in report.undecided.iter().take(room.findings) {
        blocks.extend(self::undecided(style, undecided));
    }
    left_out(&mut blocks, report.undecided.len(), room.findings, "undecided case");
    blocks.extend(report.left_out.lines().map(|line| Block::Text(words(&format!("{line}.")))));
    let flagged = report.flagged();
    for connection in flagged.iter().take(room.ladders) {
        let name = connection.stream.map_or_else(|| connection.id.clone(), |n| format!("Stream {n}"));
        blocks.push(Block::Text(words(&format!(
            "{name}, {}:",
            connection.finding.as_deref().unwrap_or_default()
        ))));
        blocks.push(Block::Code(Ladder::of(connection, report.capture.last.as_ref()).text(style)));
    }
    left_out(&mut blocks, flagged.len(), room.ladders, "ladder");
    blocks.push(Block::Heading(2, words("The capture")));
    blocks.push(Block::List(capture(report, style)));
    blocks.extend(known(report));
    if style.detail > Detail::Brief {
        services(&mut blocks, report, room.services);
        connections(&mut blocks, report, room.connections);
    }
    blocks.push(Block::Text(vec![
        Inline::Text(format!("{} {}: ", report.tool.name, report.tool.version)),
        Inline::Code(report.tool.command_line.join(" ")),
    ]));
    blocks
}

fn finding(report: &Report, style: &Style, finding: &Finding) -> Vec<Block> {
    let name = Inline::Code(finding.name.clone());
    let heading = vec![
        Inline::Strong(finding.word().to_owned()),
        Inline::Text(" ".into()),
        name,
        Inline::Text(format!(": {}", finding.headline)),
    ];
    if style.detail == Detail::Brief && finding.weight() <= Some(Severity::Note) {
        return vec![Block::Text(heading)];
    }
    let mut blocks = vec![Block::Heading(2, heading), Block::Text(words(&finding.says))];
    let mut facts: Vec<Line> = Vec::new();
    facts.extend(finding.accepted.iter().map(|accepted| words(&format!("Accepted: {}", accepted.says()))));
    if let Some(since) = &finding.since {
        let lasted = finding.lasted.as_ref().map_or(String::new(), |lasted| format!(", {lasted}"));
        facts.push(words(&format!("Since {}{lasted}", style.time_in(report, since))));
    }
    facts.push(words(&format!("The fact: {}", finding.fact.word().to_lowercase())));
    if let Some(cause) = &finding.cause {
        let because =
            if cause.because.is_empty() { String::new() } else { format!(" ({})", cause.because.join(", ")) };
        facts.push(words(&format!(
            "The cause: {} {}{because}",
            cause.certainty.word().to_lowercase(),
            cause.what
        )));
    }
    facts.extend(finding.against.iter().map(|against| words(&format!("Against: {against}"))));
    for evidence in &finding.evidence {
        let stream = evidence.stream.map_or(String::new(), |stream| format!("stream {stream}, "));
        facts.push(words(&format!("Evidence: {stream}frame {}: {}", evidence.frame, evidence.label)));
    }
    if let Some(process) = &finding.process {
        facts.push(words(&format!("Process: {process}")));
    }
    for quote in &finding.quotes {
        let place = Inline::Text(format!("{}:{}: ", quote.file, quote.line));
        facts.push(vec![place, Inline::Code(quote.text.clone())]);
    }
    if !finding.filter.is_empty() {
        facts.push(vec![Inline::Text("Wireshark: ".into()), Inline::Code(finding.filter.clone())]);
    }
    blocks.push(Block::List(facts));
    if !finding.advice.is_empty() {
        blocks.push(Block::Text(words(&finding.advice.join(" "))));
    }
    blocks.extend(steps(&finding.next));
    blocks
}

fn undecided(style: &Style, undecided: &Undecided) -> Vec<Block> {
    let Undecided { name, at, count: n, says, next, .. } = undecided;
    let heading = vec![
        Inline::Strong("UNDECIDED".into()),
        Inline::Text(" ".into()),
        Inline::Code(name.clone()),
        Inline::Text(format!(": {} {} {}", count(*n, "connection"), at.preposition(), at.name)),
    ];
    if style.detail == Detail::Brief {
        return vec![Block::Text(heading)];
    }
    let mut blocks = vec![Block::Heading(2, heading), Block::Text(words(says))];
    blocks.extend(steps(next));
    blocks
}

fn steps(steps: &[Step]) -> Option<Block> {
    let line = |step: &Step| {
        let os = if step.os == "any" { String::new() } else { format!(" ({})", step.os) };
        vec![Inline::Text(format!("Next, on {}{os}: ", step.on)), Inline::Code(step.command.clone())]
    };
    (!steps.is_empty()).then(|| Block::List(steps.iter().map(line).collect()))
}

fn capture(report: &Report, style: &Style) -> Vec<Line> {
    let capture = &report.capture;
    let totals = &report.totals;
    let mut lines = Vec::new();
    for input in &report.inputs {
        lines.push(vec![
            Inline::Code(input.path.clone()),
            Inline::Text(format!(
                ": {}, {}, {}",
                input.format,
                octets(input.bytes),
                count(input.frames, input.frame_word())
            )),
        ]);
        lines.extend(input.problems.iter().map(|problem| words(&format!("Problem: {problem}"))));
        lines.extend(input.notes.iter().map(|note| words(&format!("Note: {note}"))));
        lines.extend(input.hash.iter().map(|hash| words(&format!("BLAKE3 {hash}"))));
    }
    if let (Some(first), Some(last)) = (&capture.first, &capture.last) {
        lines.push(words(&format!("From {} to {}", style.day_and_time(first), style.day_and_time(last))));
    }
    let skipped: Vec<String> =
        capture.skipped.iter().map(|s| format!(", {} {}", number(s.frames), s.reason)).collect();
    let drops = capture.drops.map_or("drops unknown".to_owned(), |drops| count(drops, "drop"));
    lines.push(words(&format!(
        "{}: {} TCP{}; {drops}",
        count(capture.frames, report.frame_word()),
        number(capture.tcp),
        skipped.concat()
    )));
    lines.push(words(&format!(
        "{}: {} closed by both, {} open, {} half closed, {} reset",
        count(totals.connections, "connection"),
        number(totals.closed_by_both),
        number(totals.open),
        number(totals.half_closed),
        number(totals.reset)
    )));
    lines
}

/// What the user told beforehand.
fn known(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !report.host_names.is_empty() {
        let hosts = report.host_names.iter().map(|host| {
            let role = host.role.as_ref().map_or(String::new(), |role| format!(" ({role})"));
            vec![Inline::Code(host.address.clone()), Inline::Text(format!(" {}{role}", host.name))]
        });
        blocks.extend([Block::Heading(2, words("Hosts")), Block::List(hosts.collect())]);
    }
    if let Some(config) = &report.config {
        let heading = vec![Inline::Text("Configured by ".into()), Inline::Code(config.path.clone())];
        let lines = config.lines();
        let lines = lines.iter().map(|line| words(line)).collect();
        blocks.extend([Block::Heading(2, heading), Block::List(lines)]);
    }
    blocks
}

fn services(blocks: &mut Vec<Block>, report: &Report, room: usize) {
    if report.services.is_empty() {
        return;
    }
    let rows = report.services.iter().take(room).map(|service| {
        let length =
            |length: &Option<super::Length>| words(&length.map_or("-".to_owned(), |l| l.to_string()));
        vec![
            vec![
                Inline::Code(service.endpoint.clone()),
                Inline::Text(if service.assumed { " (assumed)" } else { "" }.into()),
            ],
            words(&number(service.connections)),
            words(&number(service.closed_by_both)),
            words(&number(service.owes_fin)),
            words(&number(service.reset)),
            length(&service.close_p50),
            length(&service.close_p99),
        ]
    });
    let rows = rows.collect();
    blocks.push(Block::Heading(2, words("Services")));
    blocks.push(Block::Table(
        &["service", "connections", "closed", "owe FIN", "reset", "close p50", "close p99"],
        rows,
    ));
    left_out(blocks, report.services.len(), room, "service");
}

fn connections(blocks: &mut Vec<Block>, report: &Report, room: usize) {
    if report.connections_listed == Listed::None || report.connections.is_empty() {
        return;
    }
    let rows = report.connections.iter().take(room).map(|c| {
        vec![
            words(&c.stream.map_or_else(|| c.id.clone(), |stream| stream.to_string())),
            vec![Inline::Code(c.client.clone())],
            vec![Inline::Code(c.server.clone())],
            words(&c.conn_state),
            words(&format!("{} / {}", c.client_side.proven, c.server_side.proven)),
            words(&number(c.segments())),
            words(c.finding.as_deref().or(c.undecided.as_deref().map(|_| "undecided")).unwrap_or("-")),
        ]
    });
    let rows = rows.collect();
    let which =
        if report.connections_listed == Listed::Flagged { "Flagged connections" } else { "Connections" };
    blocks.push(Block::Heading(2, words(which)));
    blocks.push(Block::Table(
        &["stream", "client", "server", "state", "client / server", "segments", "finding"],
        rows,
    ));
    left_out(blocks, report.connections.len(), room, "connection");
}

fn left_out(blocks: &mut Vec<Block>, there: usize, shown: usize, what: &str) {
    if there > shown {
        let more = count((there - shown) as u64, &format!("more {what}"));
        blocks.push(Block::Text(words(&format!("{more} left out here; the JSON report has everything."))));
    }
}

/// A line that is nothing but text.
pub(super) fn words(text: &str) -> Line {
    vec![Inline::Text(text.to_owned())]
}
