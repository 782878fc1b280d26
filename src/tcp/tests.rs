//! What the table decides: whose segment it is, when a connection is out of reach, how streams are numbered; and the
//! mechanisms that the conversations as text (`testdata/conversations`) cannot show.

mod belongs;
mod cuts;
mod endings;
mod handshakes;
mod joining;
mod kinds;
mod leaving;
mod parts;
mod pauses;
mod twice;

use std::net::{IpAddr, Ipv4Addr};

use super::traffic::{flow, segment};
use super::*;
use crate::wire::{FlowKey, Segment, SeqNum, Side, Span, Stamp, TcpFlags, Timestamp};

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const FIN: TcpFlags = TcpFlags::FIN;
const RST: TcpFlags = TcpFlags::RST;
const PSH: TcpFlags = TcpFlags::PSH;
const LO: Side = Side::Lo;
const HI: Side = Side::Hi;

/// A table fed by hand: every segment gets the next frame number.
struct Feed {
    table: Table,
    frame: u64,
    now: Timestamp,
}

impl Feed {
    fn new(limits: Limits) -> Feed {
        Feed { table: Table::new(limits), frame: 0, now: Timestamp::new(1_700_000_000, 0) }
    }

    fn after(&mut self, span: Span) -> &mut Feed {
        self.now = self.now + span;
        self
    }

    fn stamp(&mut self) -> Stamp {
        self.frame += 1;
        self.now = self.now + Span::millis(10);
        Stamp { at: self.now, frame: self.frame }
    }

    fn see(&mut self, n: u8, side: Side, flags: TcpFlags, seq: u32, ack: u32, len: u32) -> &mut Feed {
        let seen = self.stamp();
        let ip_id = self.frame as u16;
        self.table.observe_all(&[(flow(n), Segment { seen, ip_id, ..segment(side, flags, seq, ack, len) })]);
        self
    }

    /// Flows of connections that had to go before they were over.
    fn given_up(&mut self) -> Vec<FlowKey> {
        let mut gone = self.table.take_finished();
        gone.retain_mut(Connection::take_given_up);
        gone.into_iter().map(|gone| gone.key).collect()
    }

    fn open(&mut self, n: u8, lo: u32, hi: u32) -> &mut Feed {
        self.see(n, LO, SYN, lo, 0, 0).see(n, HI, SYN | ACK, hi, lo + 1, 0).see(n, LO, ACK, lo + 1, hi + 1, 0)
    }

    fn close(&mut self, n: u8, lo: u32, hi: u32) -> &mut Feed {
        self.see(n, LO, FIN | ACK, lo + 1, hi + 1, 0).see(n, HI, FIN | ACK, hi + 1, lo + 2, 0).see(
            n,
            LO,
            ACK,
            lo + 2,
            hi + 2,
            0,
        )
    }

    /// Connections by first frame: that frame, the last, the stream.
    fn outline(&self) -> Vec<(u64, u64, u32)> {
        let mut all: Vec<_> = self.table.iter().map(|c| (c.first.frame, c.last().frame, c.stream)).collect();
        all.sort_unstable();
        all
    }
}

#[test]
fn a_second_answer_with_another_number_moves_nothing() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).see(1, HI, SYN | ACK, 90_000, 101, 0).see(1, LO, ACK, 101, 501, 0);
    feed.see(1, HI, PSH | ACK, 501, 101, 10).see(1, LO, ACK, 101, 511, 0);
    feed.after(Span::secs(5)).see(1, LO, PSH | ACK, 101, 511, 7).see(1, HI, ACK, 511, 108, 0);
    let mut all = feed.table.into_connections();
    let connection = all.next().unwrap();
    assert!(all.next().is_none());
    let [lo, hi] = &connection.tallies;
    assert_eq!((hi.isn.0, hi.syns, hi.retransmissions, hi.holes, lo.retransmissions), (500, 1, 0, 0, 0));
    let survived = connection.silences().unwrap().survived(Clock::Any).unwrap();
    assert!(survived.span > Span::secs(5), "{survived:?}");
}

#[test]
fn an_orderly_close_is_followed_by_stragglers_then_by_nothing() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).close(1, 100, 500);
    feed.after(Span::secs(1)).see(1, HI, FIN | ACK, 501, 102, 0);
    assert_eq!(feed.outline(), [(1, 7, 0)], "repetitions within seconds belong to it");
    assert_eq!((feed.table.stragglers(), feed.table.is_empty()), (0, false));
    assert!(Table::new(Limits::default()).is_empty());
    feed.after(Span::secs(100)).see(1, HI, FIN | ACK, 501, 102, 0);
    assert_eq!((feed.outline(), feed.table.stragglers()), (vec![(1, 7, 0)], 1));
    feed.after(Span::secs(241)).see(1, HI, FIN | ACK, 501, 102, 0);
    assert_eq!(feed.outline(), [(1, 7, 0), (9, 9, 0)], "tshark goes on with its stream");
}

#[test]
fn after_a_reset_the_other_end_is_waited_for() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).see(1, HI, RST | ACK, 501, 101, 0);
    feed.after(Span::secs(7_200)).see(1, LO, ACK, 100, 501, 0);
    assert_eq!(feed.outline(), [(1, 5, 0)], "a keep-alive of the end that did not hear the RST");
    feed.after(Span::secs(8_101)).see(1, LO, ACK, 100, 501, 0);
    assert_eq!(feed.outline(), [(1, 5, 0), (6, 6, 0)]);
}

#[test]
fn open_connections_are_never_cut_on_idle() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).see(1, LO, FIN | ACK, 101, 501, 0).see(1, HI, ACK, 501, 102, 0);
    feed.open(2, 100, 500);
    // Of the third only what the server sends was captured.
    feed.see(3, HI, SYN | ACK, 500, 101, 0).see(3, HI, PSH | ACK, 501, 101, 10);
    for _ in 0..30 {
        feed.after(Span::secs(86_400)).see(4, LO, ACK, 1, 1, 0);
    }
    feed.see(1, HI, ACK, 501, 102, 0).see(2, LO, PSH | ACK, 101, 501, 1).see(3, HI, ACK, 511, 201, 0);
    let outline = feed.outline();
    assert_eq!(outline.len(), 4, "{outline:?}");
}

#[test]
fn an_unanswered_syn_is_forgotten_after_a_while() {
    let mut feed = Feed::new(Limits::default());
    feed.see(1, LO, SYN, 100, 0, 0).after(Span::secs(127)).see(1, LO, SYN, 100, 0, 0);
    assert_eq!(feed.outline().len(), 1);
    feed.after(Span::secs(181)).see(1, LO, SYN, 100, 0, 0);
    assert_eq!(feed.outline(), [(1, 2, 0), (3, 3, 1)]);
}

#[test]
fn streams_are_numbered_as_they_begin() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).open(2, 100, 500).close(1, 100, 500);
    feed.after(Span::secs(10)).open(1, 9_000_000, 8_000_000);
    feed.see(3, LO, ACK, 1, 1, 0);
    let streams: Vec<_> = feed.outline().into_iter().map(|(_, _, stream)| stream).collect();
    assert_eq!(streams, [0, 1, 2, 3]);
}

#[test]
fn stragglers_of_a_connection_that_was_replaced_go_to_it() {
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).see(1, LO, PSH | ACK, 101, 501, 10);
    feed.open(1, 900_000_000, 800_000_000);
    feed.see(1, HI, ACK, 501, 111, 0).see(1, LO, PSH | ACK, 900_000_001, 800_000_001, 10);
    assert_eq!(feed.outline(), [(1, 8, 0), (5, 9, 1)]);
    assert!(feed.table.iter().any(Connection::replaced));
}

#[test]
fn the_same_syn_again_begins_nothing_and_another_one_does() {
    for (isn, connections) in [(100, 1), (101, 2)] {
        let mut feed = Feed::new(Limits::default());
        feed.see(1, LO, SYN, 100, 0, 0).see(1, LO, SYN, isn, 0, 0);
        assert_eq!(feed.outline().len(), connections, "{isn}");
    }
    // A SYN captured behind its answer, and the two of a simultaneous open, belong to what is there.
    let mut feed = Feed::new(Limits::default());
    feed.see(1, HI, SYN | ACK, 500, 101, 0).see(1, LO, SYN, 100, 0, 0).see(1, LO, ACK, 101, 501, 0);
    feed.see(2, LO, SYN, 100, 0, 0).see(2, HI, SYN, 500, 0, 0);
    assert_eq!(feed.outline().len(), 2);
}

#[test]
fn a_segment_beyond_a_gigabyte_is_believed_only_with_its_peer() {
    let far = 2_000_000_000;
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).see(1, LO, PSH | ACK, far, 501, 100);
    let nxt = |feed: &Feed| feed.table.iter().next().unwrap().halves[0].nxt.0;
    assert_eq!(nxt(&feed), 101, "foreign");
    feed.see(1, HI, ACK, 501, far, 0).see(1, LO, PSH | ACK, far, 501, 100);
    assert_eq!(nxt(&feed), far + 100, "a gigabyte that was not captured");
}

fn unreachable(seen: Stamp) -> IcmpError {
    IcmpError { seen, from: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254)), kind: 3, code: 1, count: 1 }
}

#[test]
fn an_icmp_error_may_come_first_and_is_counted() {
    let mut feed = Feed::new(Limits::default());
    for _ in 0..2 {
        let seen = feed.stamp();
        feed.table.observe_icmp(&flow(1), LO, unreachable(seen));
    }
    feed.open(1, 100, 500);
    assert_eq!(feed.outline(), [(1, 5, 0)]);
    let connection = feed.table.iter().next().unwrap();
    let error = connection.icmp(LO).unwrap();
    assert_eq!((error.seen.frame, error.count, connection.icmp(HI)), (1, 2, None));
    assert!(connection.established() && connection.opener() == Some(LO));
}

#[test]
fn a_part_does_not_wait_for_more_of_what_may_be_over() {
    let endings = [(FIN | ACK, LO), (FIN | ACK, HI), (RST, LO), (RST, HI), (ACK, LO)];
    for ((flags, side), connections) in endings.into_iter().zip([2, 2, 2, 2, 1]) {
        let mut feed = Feed { table: Table::of_part(Limits::default()), ..Feed::new(Limits::default()) };
        feed.see(1, LO, ACK, 101, 501, 0).see(1, HI, ACK, 501, 101, 0);
        feed.see(1, side, flags, if side == LO { 101 } else { 501 }, 0, 0);
        feed.after(Span::secs(10)).see(1, LO, ACK, 102, 502, 0);
        assert_eq!(feed.outline().len(), connections, "{flags} of {side:?}");
    }
}

#[test]
fn an_icmp_error_behind_a_close_is_another_connections() {
    for (seconds, connections) in [(1, 1), (10, 2)] {
        let mut feed = Feed::new(Limits::default());
        feed.open(1, 100, 500).close(1, 100, 500).after(Span::secs(seconds));
        let seen = feed.stamp();
        feed.table.observe_icmp(&flow(1), LO, unreachable(seen));
        assert_eq!(feed.outline().len(), connections, "{seconds} s behind");
    }
}

#[test]
fn a_stretch_that_was_left_out_is_that_of_the_connection_at_hand() {
    let next = |feed: &Feed| feed.table.iter().next().map(|connection| connection.halves[1].nxt.0);
    let mut left_out = LeftOut::default();
    left_out.see(&segment(HI, PSH | ACK, 501, 101, 1_000));
    let mut feed = Feed::new(Limits::default());
    let behind = feed.stamp();
    feed.table.pass_over(&flow(1), &left_out, behind);
    assert_eq!(next(&feed), None, "of no connection");
    feed.open(1, 100, 500);
    let behind = feed.stamp();
    feed.table.pass_over(&flow(1), &left_out, behind);
    assert_eq!(next(&feed), Some(1_501));
    let mut feed = Feed::new(Limits::default());
    feed.open(1, 100, 500).close(1, 100, 500).after(Span::secs(10));
    let behind = feed.stamp();
    feed.table.pass_over(&flow(1), &left_out, behind);
    assert_eq!(next(&feed), Some(502), "it is over");
}

#[test]
fn icmp_errors_join_whatever_part_they_are_in() {
    let part = |before: bool| {
        let mut table = Table::of_part(Limits::default());
        let frame = if before { 1 } else { 50 };
        table.observe_icmp(&flow(1), HI, unreachable(Stamp { frame, at: Timestamp::new(5, 0) }));
        table
    };
    let whole = Table::new(Limits::default()).then(part(true)).then(part(false));
    let all: Vec<_> = whole.into_connections().map(Connection::whole).collect();
    assert_eq!(all.len(), 1);
    let error = all[0].icmp(HI).unwrap();
    assert_eq!((all[0].first.frame, error.seen.frame, error.count), (1, 1, 2));
}

#[test]
fn under_a_limit_the_coldest_goes_and_is_counted() {
    let mut feed = Feed::new(Limits { max_connections: Some(3), ..Limits::default() });
    for n in 1..=3 {
        feed.open(n, 100, 500);
    }
    feed.see(1, LO, PSH | ACK, 101, 501, 10);
    feed.open(4, 100, 500);
    assert_eq!(feed.table.len(), 3);
    assert_eq!(feed.given_up(), [flow(2)], "the one idle for longest");
}

#[test]
fn under_a_limit_attempts_without_an_answer_go_first() {
    let mut feed = Feed::new(Limits { max_connections: Some(3), ..Limits::default() });
    feed.open(1, 100, 500);
    for n in 2..=100 {
        feed.see(n, LO, SYN, 100, 0, 0);
    }
    assert_eq!(feed.table.len(), 3);
    assert!(feed.table.iter().any(|held| held.key == flow(1)), "the one that was really there");
    assert_eq!(feed.given_up(), (2..=98).map(flow).collect::<Vec<_>>());
}

#[test]
fn frames_of_a_later_file_are_numbered_behind() {
    let mut connection = Connection::new(flow(1));
    connection.keep_head();
    let mut frame = 0;
    let mut see = |side, flags, seq, ack, window| {
        frame += 1;
        let seen = Stamp { at: Timestamp::new(frame as i64 * 2, 0), frame };
        let ip_id = frame as u16;
        connection.observe(&Segment { seen, ip_id, window, ..segment(side, flags, seq, ack, 0) });
    };
    for _ in 0..20 {
        see(LO, ACK, 100, 501, 0);
        see(HI, ACK, 501, 101, 9);
    }
    see(LO, FIN | ACK, 101, 501, 0);
    see(HI, ACK, 501, 102, 9);
    see(HI, RST | ACK, 501, 102, 9);
    let before = connection.clone();
    connection.shift_frames(1000);
    assert_eq!(connection.first.frame, before.first.frame + 1000);
    assert_eq!(connection.last().frame, before.last().frame + 1000);
    let fin = connection.fin(LO).unwrap();
    assert_eq!((fin.seen.frame, fin.acked.unwrap().frame), (1041, 1042));
    let rst = connection.rst(HI).unwrap();
    assert_eq!((rst.seen.frame, rst.last_sent.frame, rst.after.unwrap().0.frame), (1043, 1043, 1041));
    let whole = connection.whole();
    assert_eq!((whole.first.frame, whole.zero_window(LO).unwrap().since.unwrap().frame), (1001, 1001));
}
