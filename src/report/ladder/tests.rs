//! Ladders as text: one check, expectations in place.

use super::*;
use crate::report::Style;
use crate::report::sample::{clean, dead, stuck};

fn text(connection: &Connection) -> String {
    Ladder::of(connection).text(&Style::plain())
}

#[test]
fn the_missing_fin_is_dashed() {
    insta::assert_snapshot!(text(&stuck()), @"");
}

#[test]
fn a_silence_breaks_the_lines() {
    insta::assert_snapshot!(text(&dead()), @"");
}

#[test]
fn an_orderly_close_goes_through_the_states_of_the_rfc() {
    insta::assert_snapshot!(text(&clean()), @"");
}

#[test]
fn key_segments_are_drawn_as_they_are() {
    let segment = |frame, from, act, sent| KeySegment {
        moment: Some(Moment { frame, time: Time::from(crate::wire::Timestamp::new(frame as i64, 0)) }),
        from,
        act,
        payload: 7,
        sent,
    };
    let mut connection = clean();
    connection.key_segments = vec![
        segment(1, Party::Client, Act::Syn, 2),
        segment(2, Party::Server, Act::SynAck, 1),
        segment(3, Party::Client, Act::Data, 1),
        segment(4, Party::Server, Act::ZeroWindow, 1),
        segment(90, Party::Client, Act::Fin, 3),
        segment(91, Party::Server, Act::FinAndAck, 1),
        segment(92, Party::Client, Act::AckOfFin, 1),
    ];
    insta::assert_snapshot!(text(&connection), @"");
}

#[test]
fn a_long_ladder_loses_its_middle() {
    let mut connection = clean();
    let data = KeySegment { moment: None, from: Party::Client, act: Act::Data, payload: 1, sent: 1 };
    connection.key_segments = vec![data; 1_000];
    let ladder = Ladder::of(&connection);
    assert_eq!(ladder.rungs.len(), RUNGS);
    assert!(matches!(&ladder.rungs[32].what, What::Traffic(label) if label == "937 steps left out"));
}
