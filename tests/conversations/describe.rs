//! Everything the library says of a conversation, as text: the expectation below the line.

use std::fmt::Write;

use cwait_pcap::analysis::Outcome;
use cwait_pcap::tcp::{Clock, Closure, Connection, Ending, Outcome as Broken, Table, replay};
use cwait_pcap::wire::Side;

use super::script::Script;

/// All connections of the table, by first frame.
pub fn table(table: Table, script: &Script) -> String {
    let mut connections: Vec<Connection> = table.into_connections().map(Connection::whole).collect();
    connections.sort_by_key(|connection| connection.first.frame);
    connections.iter().map(|connection| describe(connection, script.client)).collect()
}

fn name(side: Side, client: Side) -> &'static str {
    if side == client { "C" } else { "S" }
}

fn describe(c: &Connection, client: Side) -> String {
    let mut text = String::new();
    let closure = Closure::of(c, c.opener().unwrap_or(client));
    let ending = match closure.ending {
        Ending::Reset(side) => format!("reset by {}", name(side, client)),
        Ending::HalfClosed(side) => format!("half closed by {}", name(side, client)),
        other => format!("{other:?}").to_lowercase(),
    };
    let mut remarks = vec![
        format!("frames {} to {}", c.first.frame, c.last().frame),
        format!("{} {}", closure.conn_state, closure.history),
        ending,
    ];
    for (holds, remark) in [
        (c.midstream(), "midstream"),
        (!c.established(), "never established"),
        (c.replaced(), "replaced while open"),
        (c.syn_fin(), "SYN and FIN in one"),
        (c.counts_are_about(), "counts are about"),
    ] {
        if holds {
            remarks.push(remark.to_owned());
        }
    }
    if let Some(opener) = c.opener().filter(|&opener| opener != client) {
        remarks.push(format!("opened by {}", name(opener, client)));
    }
    writeln!(text, "connection: {}", remarks.join("; ")).unwrap();
    for side in [client, client.peer()] {
        describe_side(c, side, client, &mut text);
    }
    if let Some(span) = c.rtt() {
        writeln!(text, "  round trip {span}").unwrap();
    }
    if let Some(silences) = c.silences() {
        let mut said = vec![format!("survived {}", silences.survived_count)];
        for (clock, label) in
            [(Clock::Any, "any"), (Clock::Payload, "payload"), (Clock::AfterFin, "after FIN")]
        {
            if let Some(witness) = silences.survived(clock) {
                let (from, to) = (witness.from_frame, witness.to_frame);
                said.push(format!("{label} {} (frames {from} to {to})", witness.span));
            }
        }
        if silences.blurred_count > 0 {
            said.push(format!("blurred {}", silences.blurred_count));
        }
        if let Some((silence, outcome)) = silences.broken() {
            let how = match outcome {
                Broken::Reset => "answered by a RST".to_owned(),
                Broken::Pending { attempts, heard, .. } => {
                    format!(
                        "not answered, tried {attempts} times{}",
                        if heard { ", the peer was heard" } else { "" }
                    )
                }
            };
            let probe = if silence.probe { "probe" } else { "segment" };
            let by = name(silence.by, client);
            let frame = silence.resumed.frame;
            said.push(format!("broken {} ({probe} of {by} in frame {frame}): {how}", silence.span()));
        }
        writeln!(text, "  silences: {}", said.join(", ")).unwrap();
    }
    text
}

fn describe_side(c: &Connection, side: Side, client: Side, text: &mut String) {
    let x = side.index();
    let (half, tally) = (&c.halves[x], &c.tallies[x]);
    let state = replay(c, side);
    let mut said = vec![match state.decided_by {
        Some(stamp) => format!("{}, or {} if frame {} arrived", state.proven, state.expected, stamp.frame),
        None => state.proven.to_string(),
    }];
    said.push(format!("{} segments, {} octets", half.segments, half.payload));
    for (count, label) in [
        (u64::from(tally.retransmissions), "sent again"),
        (u64::from(tally.out_of_order), "out of order"),
        (u64::from(tally.captured_twice), "captured twice"),
        (u64::from(tally.keepalives), "keep-alives"),
        (u64::from(tally.window_probes), "window probes"),
        (u64::from(tally.holes), "holes"),
        (u64::from(tally.acked_unseen), "acknowledged unseen"),
        (u64::from(tally.syns).saturating_sub(1), "more SYNs"),
        (c.payload_after_peer_fin(side), "octets after the peer's FIN"),
    ] {
        if count > 0 {
            said.push(format!("{label} {count}"));
        }
    }
    writeln!(text, "  {}  {}", name(side, client), said.join("; ")).unwrap();
    if let Some(fin) = c.fin(side) {
        let mut said = vec![format!("frame {}", fin.seen.frame)];
        if fin.sent > 1 {
            said.push(format!("sent {} times, last in {}", fin.sent, fin.last_sent.frame));
        }
        said.push(
            fin.acked.map_or("not acknowledged".into(), |acked| format!("acknowledged in {}", acked.frame)),
        );
        for (holds, remark) in [
            (fin.with_data, "with data"),
            (fin.answer_owed, "an answer is owed"),
            (fin.closes_second, "closes second"),
        ] {
            if holds {
                said.push(remark.to_owned());
            }
        }
        if let Some(shown) = fin.close_wait {
            said.push(format!("peer in CLOSE-WAIT by {}", shown.frame));
        }
        writeln!(text, "       FIN: {}", said.join(", ")).unwrap();
    }
    if let Some(rst) = c.rst(side) {
        let mut said = vec![format!("frame {}", rst.seen.frame)];
        if rst.sent > 1 {
            said.push(format!("sent {} times, last in {}", rst.sent, rst.last_sent.frame));
        }
        said.push(if c.ended_by_rst(side) { "acceptable".into() } else { "not acceptable".into() });
        if rst.unread {
            said.push("unread data".into());
        }
        writeln!(text, "       RST: {}", said.join(", ")).unwrap();
    }
    if let Some(zero) = c.zero_window(side).filter(|zero| zero.spells > 0) {
        let still = if zero.since.is_some() { ", closed at the end" } else { "" };
        writeln!(text, "       window closed {} times, longest {}{still}", zero.spells, zero.longest)
            .unwrap();
    }
}

/// What the rules find, and what they leave undecided.
pub fn findings(outcome: &Outcome, script: &Script) -> String {
    let mut text = String::new();
    let of = |side: Option<Side>| side.map_or("nobody", |side| name(side, script.client));
    for judged in &outcome.connections {
        for finding in &judged.verdict.findings {
            let since = finding.since.map_or(String::new(), |since| format!(" since frame {}", since.frame));
            let fact = format!("{:?}", finding.fact).to_lowercase();
            writeln!(text, "{} of {}: {fact}{since}", finding.name, of(finding.side)).unwrap();
        }
        for (rule, undecided) in &judged.verdict.undecided {
            writeln!(text, "undecided {rule} of {}: {}", of(undecided.side), undecided.why).unwrap();
        }
    }
    if text.is_empty() { "no finding\n".into() } else { text }
}
