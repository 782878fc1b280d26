//! When a connection leaves, and what is held of one until then.

use super::*;

/// Enough segments of another flow for the sweep to come by.
fn sweep(feed: &mut Feed) -> usize {
    for _ in 0..2_000 {
        feed.now = feed.now - Span::millis(10);
        feed.see(9, LO, ACK, 1, 1, 0);
    }
    feed.table.len()
}

#[test]
fn what_is_over_or_was_never_more_than_an_attempt_is_swept_out() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).close(1, 100, 500).see(2, LO, SYN, 100, 0, 0).open(3, 100, 500);
    assert_eq!(sweep(&mut feed), 4);
    feed.after(Span::secs(3));
    assert_eq!(sweep(&mut feed), 3, "closed by both");
    feed.after(Span::secs(200));
    assert_eq!(
        sweep(&mut feed),
        3,
        "an attempt is waited for, and a minute longer should a clock be set back"
    );
    feed.after(Span::secs(50));
    assert_eq!(sweep(&mut feed), 2, "an attempt");
    feed.after(Span::secs(1_000_000));
    assert_eq!(sweep(&mut feed), 2, "an open one stays");
    let finished = feed.table.take_finished();
    assert_eq!(finished.iter().map(|gone| gone.key).collect::<Vec<_>>(), [flow(1), flow(2)]);
    feed.see(1, LO, ACK, 102, 502, 0);
    assert_eq!((feed.table.len(), feed.table.stragglers()), (3, 0), "too late for a straggler");
}

#[test]
fn what_may_still_be_gone_on_with_is_not_swept_out() {
    let limits = Limits::default();
    for (beyond, held) in [(0, 2), (1, 1)] {
        let mut feed = Feed::new(limits);
        feed.open(1, 100, 500).close(1, 100, 500).after(limits.settle + Span::nanos(beyond));
        assert_eq!(sweep(&mut feed), held, "{beyond}");
    }
}

/// Of a flow used twice more there is one place that is free, and one that is held for stragglers.
#[test]
fn only_what_is_current_has_to_make_room() {
    let mut feed = Feed::new(Limits { max_connections: Some(3), ..Limits::default() });
    feed.open(1, 100, 500).open(2, 100, 500);
    feed.open(1, 70_000_000, 80_000_000).open(1, 700_000_000, 800_000_000);
    assert_eq!((feed.table.len(), feed.given_up()), (3, vec![]));
    feed.open(3, 100, 500);
    assert_eq!((feed.table.len(), feed.given_up()), (3, vec![flow(2)]));
}

#[test]
fn batches_have_any_length() {
    let (frame, mut table) = ((flow(1), segment(LO, ACK, 1, 1, 0)), Table::new(Limits::default()));
    let frame_of =
        |n: u64| (frame.0, Segment { seen: Stamp { frame: n, ..frame.1.seen }, ip_id: n as u16, ..frame.1 });
    let mut seen = 0;
    for length in [7, 200, 63, 65, 1, 500] {
        let batch: Vec<_> = (seen + 1..=seen + length).map(frame_of).collect();
        table.observe_all(&batch);
        seen += length;
        assert_eq!(u64::from(table.iter().next().unwrap().halves[0].segments), seen);
    }
}

#[test]
fn a_straggler_of_what_was_swept_out_is_known() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).close(1, 100, 500).after(Span::secs(100));
    assert_eq!(sweep(&mut feed), 1);
    feed.see(1, LO, ACK, 102, 502, 0);
    assert_eq!((feed.table.len(), feed.table.stragglers()), (1, 1));
}

#[test]
fn at_the_end_of_a_capture_what_is_closed_and_done_with_is_handed_on_once() {
    let mut feed = Feed::new(Limits::default());
    for n in 1..=100 {
        feed.open(n, 100, 500);
        if n % 3 == 0 {
            feed.close(n, 100, 500);
        }
    }
    let mut taken = Vec::new();
    feed.table.take_closed(|connection| connection.key != flow(6), |connection| taken.push(connection.key));
    taken.sort();
    let closed: Vec<_> = (1..=33).filter(|n| *n != 2).map(|n| flow(3 * n)).collect();
    assert_eq!(taken, closed);
    assert_eq!((feed.table.len(), feed.table.iter().count()), (68, 68));
    feed.table.take_closed(|_| true, |connection| taken.push(connection.key));
    assert_eq!(taken.last(), Some(&flow(6)));
    assert_eq!((taken.len(), feed.table.into_connections().count()), (33, 67));
}

/// As Wireshark numbers them.
#[test]
fn only_a_syn_begins_another_stream_of_a_flow() {
    for (flags, stream) in [(SYN, 1), (SYN | ACK, 0), (RST, 0), (ACK, 0)] {
        let mut feed = Feed::new(Limits::default());
        feed.open(1, 100, 500).close(1, 100, 500).after(Span::secs(300)).see(1, LO, flags, 900, 0, 0);
        let latest = feed.table.iter().max_by_key(|connection| connection.first.frame).unwrap();
        assert_eq!((latest.stream, latest.first.frame > 6), (stream, true), "{flags:?}");
    }
}

#[test]
fn to_the_nanosecond() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).close(1, 100, 500);
    let connection = feed.table.iter().next().unwrap().clone();
    let last = connection.last().at;
    let limits = Limits::default();
    assert!(!limits.is_settled(&connection, last) && !limits.is_settled(&connection, last + limits.settle));
    assert!(limits.is_settled(&connection, last + limits.settle + Span::nanos(1)));
    let mut open = Feed::new(limits);
    open.open(1, 100, 500);
    let open = open.table.iter().next().unwrap().clone();
    assert!(!limits.is_settled(&open, last + Span::secs(1_000)));
    for (beyond, segments) in [(0, 7), (1, 6)] {
        let mut feed = Feed { table: feed.table.clone(), frame: feed.frame, now: feed.now };
        feed.after(limits.settle + Span::nanos(beyond) + Span::millis(-10)).see(1, HI, ACK, 502, 102, 0);
        assert_eq!(feed.outline(), [(1, segments, 0)], "{beyond}");
    }
}

#[test]
fn a_whole_capture_waits_for_what_may_be_over() {
    let mut feed = Feed::new(Limits::default());
    feed.see(1, LO, ACK, 101, 501, 0).see(1, LO, FIN | ACK, 101, 501, 0);
    feed.after(Span::secs(10_000)).see(1, HI, ACK, 501, 102, 0);
    assert_eq!(feed.outline(), [(1, 3, 0)]);
}

#[test]
fn the_streams_of_a_flow_are_known_where_no_other_part_has_any_of_it() {
    let part = || {
        let mut feed = Feed { table: Table::of_part(Limits::default()), ..Feed::new(Limits::default()) };
        feed.open(2, 7, 8).open(1, 100, 500).open(1, 900_000_000, 800_000_000);
        let connections = feed.table.into_connections().filter(|connection| connection.key == flow(1));
        let mut connections: Vec<_> = connections.collect();
        connections.sort_by_key(|connection| connection.first.frame);
        FlowPart { connections, late: Vec::new() }
    };
    let streams = |parts: &[FlowPart]| {
        let mut joined = Table::new(Limits::default()).join_flow(&flow(1), parts);
        joined.sort_by_key(|connection| connection.first.frame);
        joined.iter().map(|connection| connection.stream).collect::<Vec<_>>()
    };
    assert_eq!(streams(&[part()]), [1, 2]);
    let only = FlowPart { connections: part().connections[..1].to_vec(), late: Vec::new() };
    assert_eq!(streams(std::slice::from_ref(&only)), [1]);
    assert_eq!(streams(&[only, FlowPart::default()]), [Connection::NO_STREAM]);
}
