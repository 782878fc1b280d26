//! What is known of a conversation before any rule is asked: states, numbers, counts, silences, endings.

use std::fmt::Write;

use super::*;
use crate::tcp::{Clock, Fin, Rst};

fn frame(stamp: Option<Stamp>) -> String {
    stamp.map_or("-".into(), |stamp| stamp.frame.to_string())
}

fn side(case: &Case<'_>, side: Side, text: &mut String) {
    let connection = case.connection;
    let (half, tally, state) =
        (&connection.halves[side.index()], &connection.tallies[side.index()], &case.states[side.index()]);
    let hop_limits: Vec<_> = tally.hop_limits.iter().collect();
    writeln!(
        text,
        "{}: {} {} {}; next {} data {} ack {} unseen {}; {} in {}, first {:?}, most {:?}; hops {hop_limits:?} window {}",
        case.role(side),
        state.proven,
        state.expected,
        frame(state.decided_by),
        half.nxt.0,
        half.data_end.0,
        half.ack.0,
        half.unseen_octets(),
        half.payload,
        half.segments,
        connection.first_payload_after(side),
        half.delivered_at_most(),
        half.window,
    )
    .unwrap();
    let counts = [
        ("again", tally.retransmissions),
        ("in a row", half.repeats.into()),
        ("keep-alives", tally.keepalives.into()),
        ("window probes", tally.window_probes.into()),
        ("out of order", tally.out_of_order.into()),
        ("holes", tally.holes.into()),
        ("acked unseen", tally.acked_unseen.into()),
        ("twice", tally.captured_twice.into()),
        ("SYNs", tally.syns.into()),
    ];
    for (what, count) in counts.into_iter().filter(|&(_, count)| count > 0) {
        write!(text, " {what} {count}").unwrap();
    }
    if let Some(Fin { seen, end, ack, peer_payload_before, acked, close_wait, sent, .. }) =
        connection.fin(side)
    {
        let fin = connection.fin(side).unwrap();
        write!(
            text,
            " FIN {} times from {} end {} ack {:?} acked {} close-wait {} peer {peer_payload_before} owed {} second {} data {}",
            sent,
            seen.frame,
            end.0,
            ack.map(|ack| ack.0),
            frame(*acked),
            frame(*close_wait),
            fin.answer_owed,
            fin.closes_second,
            fin.with_data,
        )
        .unwrap();
    }
    if let Some(Rst { seen, seq, expected, peer_ack, after, sent, unread, .. }) = connection.rst(side) {
        write!(
            text,
            " RST {sent} times from {} at {} of {:?} asked {:?} after {} unread {unread} ends {}",
            seen.frame,
            seq.0,
            expected.map(|number| number.0),
            peer_ack.map(|number| number.0),
            frame(after.map(|(stamp, _)| stamp)),
            connection.ended_by_rst(side),
        )
        .unwrap();
    }
    if let Some(zero) = connection.zero_window(side) {
        write!(text, " closed {} times, longest {}, since {}", zero.spells, zero.longest, frame(zero.since))
            .unwrap();
    }
    if let Some(fin) = connection.data_fin(side) {
        let acked = frame(connection.data_fin_acked(side));
        write!(text, " DATA_FIN from {} end {} acked {acked}", fin.seen.frame, fin.number.0).unwrap();
    }
    if let Some(stuck) = connection.stuck(side) {
        write!(text, " stuck at {} since {} till {}", stuck.seq.0, stuck.since.frame, stuck.seen.frame)
            .unwrap();
    }
    text.push('\n');
}

fn known(case: &Case<'_>) -> String {
    let connection = case.connection;
    let Closure { ending, conn_state, history } = case.closure;
    let mut text = format!(
        "{conn_state} {history} {ending:?}; round trip {:?}, longest answer {:?}; last {}\n",
        connection.rtt(),
        connection.longest_answer(),
        connection.last().frame
    );
    side(case, case.roles.client, &mut text);
    side(case, case.roles.server(), &mut text);
    if let Some(silences) = connection.silences() {
        write!(text, "silences: {} survived, {} blurred", silences.survived_count, silences.blurred_count)
            .unwrap();
        for clock in Clock::OPEN.into_iter().chain([Clock::AfterFin]) {
            if let Some(witness) = silences.survived(clock) {
                let (from, to) = (witness.from_frame, witness.to_frame);
                write!(text, "; {clock:?} {} from {from} to {to}", witness.span).unwrap();
            }
        }
        for side in Side::BOTH {
            for wait in silences.waits(side) {
                write!(text, "; waited {} for the {}", wait.span, case.role(side)).unwrap();
            }
        }
        if let Some((silence, outcome)) = silences.broken() {
            let probe = if silence.probe { " by a probe" } else { "" };
            write!(text, "; {:?} broken{probe} at {}: {outcome:?}", silence.spans, silence.resumed.frame)
                .unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn everything_known_of_each_conversation() {
    let mut text = String::new();
    for (script, scene) in in_full::scenes() {
        writeln!(text, "# {script}\n{}", scene.with(known)).unwrap();
    }
    insta::assert_snapshot!(text);
}
