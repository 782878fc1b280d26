//! Ladders as text: one check, expectations in place.

use super::*;
use crate::report::Style;
use crate::report::sample::{clean, dead, stuck};

fn text(connection: &Connection) -> String {
    Ladder::of(connection, None).text(&Style::plain())
}

#[test]
fn the_missing_fin_is_dashed() {
    insta::assert_snapshot!(text(&stuck()), @r#"
                    client                                      server
198.51.100.7:40312 (web-1)  <>  192.0.2.9:8080 (app-server)
08:12:43.000      SYN-SENT |--- SYN #4150 ------------------->| SYN-RECEIVED
               ESTABLISHED |<--- SYN, ACK --------------------| SYN-RECEIVED
                           :  412 B > < 3.7 kB, 13 segments   :
                           :        ~~ 1.1 s later ~~         :
08:12:44.118    FIN-WAIT-1 |--- FIN #4198 ------------------->| CLOSE-WAIT
08:12:44.120    FIN-WAIT-2 |<--- ACK of FIN #4211 ------------| CLOSE-WAIT
                           :      ~~ 1 h 51 min later ~~      :
10:03:44.120    FIN-WAIT-2 |<--- keep-alive, 3 times #18001 --| CLOSE-WAIT
                FIN-WAIT-2 |<. . no FIN passed here . . . . . | CLOSE-WAIT
"#);
}

#[test]
fn a_silence_breaks_the_lines() {
    insta::assert_snapshot!(text(&dead()), @r#"
                    client                                      server
198.51.100.7:40990  <>  [2001:db8::5]:5000
                           :     began before the capture     :
                           :  9.0 kB > < 1.2 kB, 31 segments  :
                           :   ~~ 15 min 59 s of silence ~~   :
08:18:20.000   ESTABLISHED |--- ACK, 7 times #203 ----------->| ESTABLISHED
               ESTABLISHED |<. . no answer . . . . . . . . . .| ESTABLISHED
"#);
}

#[test]
fn an_orderly_close_goes_through_the_states_of_the_rfc() {
    insta::assert_snapshot!(text(&clean()), @r#"
                    client                                      server
198.51.100.8:51000  <>  192.0.2.9:443
08:00:00.000      SYN-SENT |--- SYN #1 ---------------------->| SYN-RECEIVED
               ESTABLISHED |<--- SYN, ACK --------------------| SYN-RECEIVED
                           : 1.2 MB > < 88.0 kB, 80 segments  :
08:00:00.820    FIN-WAIT-1 |--- FIN, 2 times #77 ------------>| CLOSE-WAIT
08:00:00.898     TIME-WAIT |<--- FIN, ACK of FIN #79 ---------| LAST-ACK
08:00:00.900     TIME-WAIT |--- ACK of FIN #80 -------------->| CLOSED
"#);
}

#[test]
fn key_segments_are_drawn_as_they_are() {
    let segment = |frame, from, act, sent| KeySegment {
        segments: 1,
        until: None,
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
    insta::assert_snapshot!(text(&connection), @r#"
                    client                                      server
198.51.100.8:51000  <>  192.0.2.9:443
00:00:01.000      SYN-SENT |--- SYN, 2 times #1 ------------->| SYN-RECEIVED
                           :         ~~ 1 s later ~~          :
00:00:02.000   ESTABLISHED |<--- SYN, ACK #2 -----------------| SYN-RECEIVED
                           :         ~~ 1 s later ~~          :
00:00:03.000   ESTABLISHED |--- 7 B #3 ---------------------->| ESTABLISHED
                           :         ~~ 1 s later ~~          :
00:00:04.000   ESTABLISHED |<--- zero window #4 --------------| ESTABLISHED
                           :      ~~ 1 min 26 s later ~~      :
00:01:30.000    FIN-WAIT-1 |--- FIN, 3 times #90 ------------>| CLOSE-WAIT
                           :         ~~ 1 s later ~~          :
00:01:31.000     TIME-WAIT |<--- FIN, ACK of FIN #91 ---------| LAST-ACK
                           :         ~~ 1 s later ~~          :
00:01:32.000     TIME-WAIT |--- ACK of FIN #92 -------------->| CLOSED
"#);
}

#[test]
fn a_long_ladder_loses_its_middle() {
    let mut connection = clean();
    let data = KeySegment {
        moment: None,
        from: Party::Client,
        act: Act::Data,
        payload: 1,
        sent: 1,
        segments: 1,
        until: None,
    };
    connection.key_segments = vec![data; 1_000];
    let ladder = Ladder::of(&connection, None);
    assert_eq!(ladder.rungs.len(), RUNGS);
    assert!(matches!(&ladder.rungs[32].what, What::Traffic(label) if label == "937 steps left out"));
}

#[test]
fn the_missing_data_fin_is_dashed() {
    let mut owed = stuck();
    owed.client_side.fin = None;
    owed.midstream = true;
    for side in [&mut owed.client_side, &mut owed.server_side] {
        side.proven = "ESTABLISHED".into();
    }
    owed.finding = Some("missing-data-fin".into());
    let sent = |frame: u64, from, act| {
        let moment = Moment { frame, time: Time::from(crate::wire::Timestamp::new(frame as i64, 0)) };
        KeySegment::sent(1, act, from, Some(moment))
    };
    owed.key_segments = vec![sent(3, Party::Client, Act::DataFin), sent(4, Party::Server, Act::AckOfDataFin)];
    insta::assert_snapshot!(text(&owed), @r#"
                    client                                      server
198.51.100.7:40312 (web-1)  <>  192.0.2.9:8080 (app-server)
                           :     began before the capture     :
00:00:03.000   ESTABLISHED |--- DATA_FIN #3 ----------------->| ESTABLISHED
                           :         ~~ 1 s later ~~          :
00:00:04.000   ESTABLISHED |<--- ACK of DATA_FIN #4 ----------| ESTABLISHED
               ESTABLISHED |<. . no DATA_FIN passed here . . .| ESTABLISHED
"#);
    // A RST ended it: nothing is missing any more.
    owed.key_segments.push(sent(64, Party::Client, Act::Rst));
    owed.client_side.rst = owed.key_segments[2].moment.clone();
    assert!(!text(&owed).contains("no DATA_FIN"));
}
